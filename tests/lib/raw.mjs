// A TCP connection as bytes: what no well-behaved client can be made to send,
// and what the other side really answers.
import net from 'node:net';
import { until } from './until.mjs';

const PATIENCE_MS = 60000;

export class Raw {
	static async open(port, { host = '127.0.0.1', ...options } = {}) {
		const raw = new Raw();

		raw.bytes = Buffer.alloc(0); // received and not taken yet
		raw.ended = null; // 'end', or the error's code
		raw.socket = net.connect({ port, host, noDelay: true,
			allowHalfOpen: true, ...options });
		raw.socket.on('data', (data) => {
			raw.bytes = Buffer.concat([raw.bytes, data]);
			raw.wake?.();
		});
		raw.socket.on('end', () => raw.over('end'));
		raw.socket.on('error', (error) => raw.over(error.code));
		raw.socket.on('close', () => raw.over('close'));
		await new Promise((done, fail) => {
			raw.socket.once('connect', done);
			raw.socket.once('error', fail);
		});
		return raw;
	}

	over(how) {
		this.ended ??= how;
		this.wake?.();
	}

	write(data) {
		this.socket.write(data);
		return this;
	}

	// Calls look(bytes) whenever something came until it returns something
	// true; null if the connection ended before.
	async look(look, what = 'bytes') {
		const deadline = performance.now() + PATIENCE_MS;

		for (;;) {
			const found = look(this.bytes);

			if (found)
				return found;
			if (this.ended)
				return null;
			const left = deadline - performance.now();

			if (left <= 0)
				throw new Error(`no ${what}; got ${this.bytes}`);
			await new Promise((wake) => {
				const timer = setTimeout(wake, left);

				this.wake = () => {
					clearTimeout(timer);
					wake();
				};
			});
		}
	}

	take(length) {
		const taken = this.bytes.subarray(0, length);

		this.bytes = this.bytes.subarray(length);
		return taken;
	}

	// The next HTTP answer {status, headers, body}; null at the end.
	async answer({ head: isHead = false } = {}) {
		const end = await this.look((bytes) => {
			const at = bytes.indexOf('\r\n\r\n');

			return at >= 0 && { at };
		}, 'HTTP head');

		if (!end)
			return null;
		const [first, ...lines] =
			this.take(end.at + 4).toString('latin1').trim().split('\r\n');
		const headers = Object.fromEntries(lines.map((line) => {
			const colon = line.indexOf(':');

			return [line.slice(0, colon).toLowerCase(),
				line.slice(colon + 1).trim()];
		}));
		const length = isHead ? 0 : Number(headers['content-length'] ?? 0);

		await this.look((bytes) => bytes.length >= length, 'HTTP body');
		return {
			version: first.split(' ')[0],
			status: Number(first.split(' ')[1]),
			headers,
			body: this.take(length).toString(),
		};
	}

	// Waits for the other side to end; 'end' is a clean one.
	async end() {
		await until(() => this.ended, {
			timeout: PATIENCE_MS, what: 'end of the connection',
		});
		return this.ended;
	}

	close() {
		this.socket.destroy();
	}
}

// One connection, one text, its one answer.
export async function exchange(port, text, options) {
	const raw = await Raw.open(port);
	const answer = await raw.write(text).answer(options);

	raw.close();
	return answer;
}
