// SP, what nng speaks over TCP, in the four roles the daemons use: enough to
// be any of them in a test.
import net from 'node:net';
import { once } from 'node:events';
import { until } from './until.mjs';

const REQ = 0x30, REP = 0x31, PUB = 0x20, SUB = 0x21;

function hello(protocol) {
	return Buffer.from([0, 0x53, 0x50, 0, 0, protocol, 0, 0]);
}

function framed(...parts) {
	const head = Buffer.alloc(8);

	head.writeBigUInt64BE(BigInt(parts.reduce((n, p) => n + p.length, 0)));
	return Buffer.concat([head, ...parts]);
}

const text = (message) => Buffer.from(JSON.stringify(message));

// Says hello and calls onMessage with the bytes of each message.
function speak(socket, ours, theirs, onMessage) {
	let bytes = Buffer.alloc(0), greeted = false;

	socket.setNoDelay(true);
	socket.on('error', () => {}); // 'close' follows
	socket.write(hello(ours));
	return new Promise((done, fail) => {
		socket.once('close', () => fail(new Error('the connection closed')));
		socket.on('data', (more) => {
			bytes = bytes.length ? Buffer.concat([bytes, more]) : more;
			if (!greeted && bytes.length >= 8) {
				if (!bytes.subarray(0, 8).equals(hello(theirs))) {
					socket.destroy();
					return;
				}
				greeted = true;
				bytes = bytes.subarray(8);
				done();
			}
			while (greeted && bytes.length >= 8) {
				const size = Number(bytes.readBigUInt64BE());

				if (bytes.length < 8 + size)
					return;
				onMessage(bytes.subarray(8, 8 + size));
				bytes = bytes.subarray(8 + size);
			}
		});
	});
}

function portOf(url) {
	return Number(/:(\d+)$/.exec(url)[1]);
}

// Asks. Many questions may be open at once on its connection.
export class Req {
	static async connect(url) {
		const req = new Req();

		req.socket = net.connect(portOf(url), '127.0.0.1');
		req.open = new Map(); // by request id
		req.lastId = 0;
		req.socket.once('close', () => {
			for (const { fail } of req.open.values())
				fail(new Error('the connection closed'));
			req.open.clear();
		});
		await speak(req.socket, REQ, REP, (message) => {
			const id = message.readUInt32BE();

			req.open.get(id)?.done(JSON.parse(message.subarray(4)));
			req.open.delete(id);
		});
		return req;
	}

	get closed() {
		return this.socket.destroyed;
	}

	// The reply's envelope. Fails if the connection breaks first.
	ask(op, body, envelope = {}) {
		return this.askRaw(text({ v: 1, op, ...envelope, body }));
	}

	askRaw(bytes) {
		const id = 0x80000000 + ++this.lastId;
		const head = Buffer.alloc(4);

		head.writeUInt32BE(id);
		this.socket.write(framed(head, bytes));
		return new Promise((done, fail) => this.open.set(id, { done, fail }));
	}

	close() {
		this.socket.destroy();
	}
}

// Hears everything, in `events`, in order.
export class Sub {
	static async connect(url) {
		const sub = new Sub();

		sub.events = [];
		sub.socket = net.connect(portOf(url), '127.0.0.1');
		await speak(sub.socket, SUB, PUB,
			(message) => sub.events.push(JSON.parse(message)));
		return sub;
	}

	// The first event that pleases, heard already or later.
	async hear(event, pleases = () => true, { timeout } = {}) {
		return until(() => this.events.find(
			(e) => e.event === event && pleases(e.body, e)), {
			timeout, what: `event ${event}`,
		});
	}

	close() {
		this.socket.destroy();
	}
}

async function listen(url, onSocket) {
	const server = net.createServer(onSocket);

	server.listen(portOf(url), '127.0.0.1');
	await once(server, 'listening');
	return server;
}

// Answers. `handle(request, asked)` sees each request's envelope; it returns
// the reply's envelope (or a promise of it), or nothing and then answers, or
// does not, with asked.reply(envelope). `onFault` is told of requests that are
// no JSON; without it they are this process's fault.
export class Rep {
	static async listen(url, handle, onFault) {
		const rep = new Rep();

		rep.sockets = new Set();
		rep.requests = []; // all that came
		rep.handle = handle;
		rep.server = await listen(url, (socket) => {
			rep.sockets.add(socket);
			socket.once('close', () => rep.sockets.delete(socket));
			speak(socket, REP, REQ, (message) => rep.#on(socket, message)
				.catch((error) => {
					if (!onFault)
						throw error;
					onFault(`${error.stack}: ${message}`);
				})).catch(() => {});
		});
		return rep;
	}

	async #on(socket, message) {
		const id = Buffer.from(message.subarray(0, 4));
		const request = JSON.parse(message.subarray(4));
		const reply = (envelope) => !socket.destroyed &&
			socket.write(framed(id, text({ v: 1, op: request.op,
				status: 'ok', ...envelope })));

		this.requests.push(request);

		const envelope = await this.handle(request, { reply, socket });

		if (envelope)
			reply(envelope);
	}

	// Breaks all connections; new ones are accepted.
	drop() {
		for (const socket of this.sockets)
			socket.destroy();
	}

	close() {
		this.server.close();
		this.drop();
	}
}

// Publishes to whoever is connected.
export class Pub {
	static async listen(url) {
		const pub = new Pub();

		pub.sockets = new Set();
		pub.server = await listen(url, (socket) => {
			speak(socket, PUB, SUB, () => {})
				.then(() => pub.sockets.add(socket)).catch(() => {});
			socket.once('close', () => pub.sockets.delete(socket));
		});
		return pub;
	}

	send(event) {
		for (const socket of this.sockets)
			socket.write(framed(text({ v: 1, ...event })));
	}

	drop() {
		for (const socket of this.sockets)
			socket.destroy();
	}

	close() {
		this.server.close();
		this.drop();
	}
}
