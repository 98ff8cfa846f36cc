// A WebSocket client that can be wrong in every way, on node:net and crypto.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Raw } from './raw.mjs';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const OPCODES = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

// One frame. `length` lies about the payload's length, 16 and 64 choose how
// many bits it is written in.
export function frame(payload, { opcode = 'text', fin = true, rsv = 0,
	masked = true, bits, length } = {}) {
	const data = Buffer.from(payload);
	const code = OPCODES[opcode] ?? opcode;
	const size = length ?? BigInt(data.length);
	const width = bits ?? (size < 126n ? 7 : size < 65536n ? 16 : 64);
	const mask = masked ? 0x80 : 0;
	const head = [(fin ? 0x80 : 0) | rsv << 4 | code];

	if (width === 7)
		head.push(mask | Number(size));
	else
		head.push(mask | (width === 16 ? 126 : 127));
	for (let shift = width - 8; width > 7 && shift >= 0; shift -= 8)
		head.push(Number(size >> BigInt(shift) & 0xffn));
	if (!masked)
		return Buffer.concat([Buffer.from(head), data]);
	const key = randomBytes(4);

	return Buffer.concat([Buffer.from(head), key,
		data.map((byte, i) => byte ^ key[i & 3])]);
}

// The text of an upgrade; `headers` add to it, override it or, if null, take
// away from it.
export function upgrade({ query = 'vsn=2.0.0', headers = {}, method = 'GET',
	path = '/socket/websocket', key = randomBytes(16).toString('base64') }) {
	const all = {
		Host: '127.0.0.1',
		Upgrade: 'websocket',
		Connection: 'Upgrade',
		'Sec-WebSocket-Version': '13',
		'Sec-WebSocket-Key': key,
		...headers,
	};

	return `${method} ${path}${query && `?${query}`} HTTP/1.1\r\n${
		Object.entries(all).filter(([, value]) => value !== null)
			.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

export class Ws {
	// Resolves to an open Ws, or fails with the answer that refused it.
	static async open(port, options = {}) {
		const key = randomBytes(16).toString('base64');
		const ws = new Ws();

		ws.raw = await Raw.open(port, options.socket);
		ws.raw.write(upgrade({ key, ...options }));
		ws.answer = await ws.raw.answer();
		if (ws.answer?.status !== 101) {
			ws.raw.close();
			throw Object.assign(new Error(`refused: ${ws.answer?.status}`),
				{ answer: ws.answer });
		}
		assert.equal(ws.answer.headers['sec-websocket-accept'],
			createHash('sha1').update(key + GUID).digest('base64'));
		return ws;
	}

	write(bytes) {
		this.raw.write(bytes);
		return this;
	}

	frame(payload, options) {
		return this.write(frame(payload, options));
	}

	// A string or bytes as they are, anything else as JSON.
	send(message) {
		if (Buffer.isBuffer(message))
			return this.frame(message, { opcode: 'binary' });
		return this.frame(typeof message === 'string' ? message
			: JSON.stringify(message));
	}

	// The next frame {opcode, payload}; null when the connection has ended.
	async nextFrame() {
		const found = await this.raw.look((bytes) => {
			if (bytes.length < 2)
				return null;
			let head = 2, size = bytes[1] & 0x7f;

			assert.equal(bytes[0] & 0x70, 0, 'no reserved bits');
			assert.equal(bytes[1] & 0x80, 0, 'a server does not mask');
			if (size === 126) {
				head = 4;
				size = bytes.length < 4 ? Infinity : bytes.readUInt16BE(2);
			} else if (size === 127) {
				head = 10;
				size = bytes.length < 10 ? Infinity
					: Number(bytes.readBigUInt64BE(2));
			}
			return bytes.length >= head + size && { head, size };
		}, 'frame');

		if (!found)
			return null;
		const [first] = this.raw.take(found.head);

		return { opcode: first & 15, fin: !!(first & 0x80),
			payload: this.raw.take(found.size) };
	}

	// The next message: JSON for text, a Buffer for binary.
	async next() {
		const got = await this.nextFrame();

		assert(got, `the connection ended: ${this.raw.ended}`);
		assert(got.fin, 'messages come in one frame');
		if (got.opcode === OPCODES.binary)
			return got.payload;
		assert.equal(got.opcode, OPCODES.text,
			`a close instead of a message: ${got.payload.toString('hex')}`);
		return JSON.parse(got.payload);
	}

	// Exactly these messages come, in this order, and then nothing else: a
	// heartbeat is answered next.
	async expect(...messages) {
		for (const message of messages) {
			const got = await this.next();

			if (Buffer.isBuffer(message))
				assert.equal(got.toString('hex'), message.toString('hex'));
			else
				assert.deepEqual(got, message);
		}
		return this.quiet();
	}

	async quiet() {
		const ref = `quiet-${randomBytes(4).toString('hex')}`;

		this.send(this.v1
			? { topic: 'phoenix', event: 'heartbeat', payload: {}, ref }
			: [null, ref, 'phoenix', 'heartbeat', {}]);
		const got = await this.next();

		assert.equal(this.v1 ? got.ref : got[1], ref,
			`nothing was expected, got ${JSON.stringify(got)}`);
		return this;
	}

	// Waits for a close frame, skipping messages. {code, reason, messages};
	// code is null if the connection ended without.
	async closed() {
		for (let messages = 0;; messages++) {
			const got = await this.nextFrame();

			if (!got)
				return { code: null, reason: '', messages };
			if (got.opcode === OPCODES.close) {
				return {
					code: got.payload.length ? got.payload.readUInt16BE() : 1005,
					reason: got.payload.subarray(2).toString(),
					messages,
				};
			}
		}
	}

	close() {
		this.raw.close();
	}
}
