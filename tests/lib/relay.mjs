// A line between two daemons that can be cut, or swallow what is sent.
import net from 'node:net';
import { once } from 'node:events';

export class Relay {
	// Stands before the daemon at tcp://HOST:PORT; `url` is where to dial.
	static async to(target, { cut = false } = {}) {
		const relay = new Relay();
		const [, host, port] = /^tcp:\/\/(.+):(\d+)$/.exec(target);

		relay.isCut = cut;
		relay.pairs = new Set();
		relay.server = net.createServer((near) => relay.#join(near, host, port));
		relay.server.listen(0, '127.0.0.1');
		await once(relay.server, 'listening');
		relay.url = `tcp://127.0.0.1:${relay.server.address().port}`;
		return relay;
	}

	#join(near, host, port) {
		if (this.isCut) {
			near.on('error', () => {}).destroy();
			return;
		}
		const far = net.connect({ host, port, noDelay: true });
		const pair = [near, far];

		this.pairs.add(pair);
		near.setNoDelay(true);
		for (const [from, to] of [[near, far], [far, near]]) {
			from.pipe(to);
			from.on('error', () => {});
			from.on('close', () => {
				to.destroy();
				this.pairs.delete(pair);
			});
		}
	}

	// Ends what is connected and lets nobody connect, until mended.
	cut() {
		this.isCut = true;
		for (const [near] of this.pairs)
			near.destroy();
	}

	mend() {
		this.isCut = false;
	}

	// What is connected stays so, and nothing comes through any more.
	swallow() {
		for (const [near, far] of this.pairs) {
			near.unpipe(far);
			far.unpipe(near);
			near.resume();
			far.resume();
		}
	}

	close() {
		this.server.close();
		this.cut();
	}
}
