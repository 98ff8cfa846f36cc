// Keeping books: what customers were told of each message they sent, to be held
// against what the store holds afterwards. A stack is anything that has
// client(), port(), history() and clients, as in stack.mjs.
import assert from 'node:assert/strict';
import WebSocket from 'ws';
import { sleep, until } from './until.mjs';

const VERSIONS = ['1.6.0', '1.6.16', '1.7.21', '1.8.16'];

// A small generator (mulberry32): the same seed, the same run.
export function dice(seed) {
	let a = seed >>> 0;

	return (below) => {
		a = (a + 0x6d2b79f5) >>> 0;
		let t = Math.imul(a ^ (a >>> 15), a | 1);

		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) % below;
	};
}

// A client of someone else's making: version 1 frames over a bare WebSocket,
// a new connection whenever the old one breaks.
export class RawClient {
	constructor(port, user) {
		Object.assign(this, { port, user, ref: 0, waiting: new Map() });
	}

	async connect() {
		const ws = new WebSocket(`ws://127.0.0.1:${this.port}/socket/websocket`);

		ws.on('error', () => {}); // 'close' follows
		ws.on('message', (text) => {
			const { event, ref, payload } = JSON.parse(text);

			if (event === 'phx_reply')
				this.waiting.get(ref)?.(payload);
		});
		await new Promise((done, fail) => {
			ws.once('open', done);
			ws.once('close', () => fail(new Error('closed')));
		});
		this.ws = ws;
		const { status } = await this.push('phx_join', { userId: this.user });

		assert.equal(status, 'ok');
	}

	push(event, payload, timeout = 6000) {
		const ref = String(++this.ref), ws = this.ws;

		return new Promise((done) => {
			const give = (reply) => {
				clearTimeout(timer);
				ws.off('close', lost);
				this.waiting.delete(ref);
				done(reply);
			};
			const lost = () => give({ status: 'timeout', response: {} });
			const timer = setTimeout(lost, timeout);

			ws.once('close', lost);
			this.waiting.set(ref, give);
			ws.send(JSON.stringify(
				{ topic: 'messages:B0100001', event, payload, ref }));
		});
	}

	async send(message, fields, timeout) {
		while (this.ws?.readyState !== WebSocket.OPEN)
			await this.connect().catch(() => sleep(50));
		const { status, response } = await this.push('new_message', {
			businessId: 'B0100001', locationId: 'default',
			userId: this.user, message, ...fields }, timeout);

		return { status, ...response };
	}

	close() {
		this.ws?.terminate();
	}
}

// What one customer was told of each message.
export class Customer {
	constructor(stack, i) {
		this.stack = stack;
		this.user = `customer-${i}`;
		this.options = {
			user: this.user,
			gateway: i % 2,
			phoenix: VERSIONS[i % VERSIONS.length],
		};
		// Half of them name their messages and send again until they know.
		this.names = i % 2 === 0;
		this.sent = [];
	}

	async connect(i) {
		if (i % 3)
			this.client = await this.stack.client(this.options);
		else
			this.stack.clients.push(this.client = new RawClient(
				this.stack.port(this.options.gateway), this.user));
	}

	// Writes while `going()`, with pauses of up to `pause` ms.
	async write(going, random, pause) {
		for (let i = 0; going(); i++) {
			const entry = { text: `${this.user} says ${i}` };

			await sleep(random(pause));

			this.sent.push(entry);
			Object.assign(entry, await this.send(entry));
		}
	}

	async send(entry) {
		const fields = this.names && { clientMessageId: entry.text };

		for (;;) {
			const told = await this.client.send(entry.text, fields, 6000);
			const unknown = told.status === 'timeout' ||
				told.code === 'unconfirmed';

			if (told.status === 'ok')
				return { told: 'stored', id: told.messageId, seq: told.seq };
			entry.wasUnknown ||= unknown;
			if (!this.names)
				return { told: unknown ? 'unknown' : 'refused', ...told };
			await sleep(50);
		}
	}

	// Without a name nobody can tell the last ones apart from lost ones; with
	// one, everything must have been stored in the end.
	balance(history) {
		const found = new Map();

		for (const message of history.filter((m) => m.type === 'user'))
			found.set(message.content,
				[...(found.get(message.content) ?? []), message]);
		for (const entry of this.sent) {
			const there = found.get(entry.text) ?? [];

			if (entry.told === 'stored') {
				assert.equal(there.length, 1,
					`${entry.text}: acknowledged, stored ${there.length} times`);
				assert.equal(there[0].messageId, entry.id, entry.text);
				assert.equal(there[0].metadata.seq, entry.seq, entry.text);
			} else if (entry.told === 'refused') {
				assert.equal(there.length, 0,
					`${entry.text}: refused (${entry.code}), yet stored`);
			} else {
				assert(there.length <= 1, `${entry.text}: stored twice`);
			}
		}
		const order = this.sent.filter((e) => e.told === 'stored')
			.map((e) => e.seq);

		assert.deepEqual(order, [...order].sort((a, b) => a - b),
			`${this.user}: stored in another order than written`);
	}
}

// Each message of a user has exactly one answer, which names it.
export function balanceAnswers(history) {
	const answers = new Map();

	for (const message of history.filter((m) => m.type === 'agent'))
		for (const id of message.metadata.inReplyTo ?? [])
			answers.set(id, (answers.get(id) ?? 0) + 1);
	for (const message of history.filter((m) => m.type === 'user'))
		assert.equal(answers.get(message.messageId), 1,
			`${message.content}: ${answers.get(message.messageId) ?? 0} answers`);
	history.reduce((before, message) => {
		assert.equal(message.metadata.seq, before.metadata.seq + 1, 'no hole');
		assert(message.timestamp > before.timestamp, 'time rises');
		return message;
	});
}

// The name clients have for the session of a user's day.
export const today = (user, business = 'B0100001') =>
	`${business}:${user}:${new Date().setHours(0, 0, 0, 0)}`;

// Waits until every message is answered, then balances the books. The result
// is what is stored, by user.
export async function balance(stack, customers, timeout = 120000) {
	const histories = new Map();

	await until(async () => {
		for (const { user } of customers) {
			const history = await stack.history(today(user));

			histories.set(user, history);
			balanceAnswers(history);
		}
		return true;
	}, { timeout, every: 500, what: 'every message is answered' });
	for (const customer of customers)
		customer.balance(histories.get(customer.user));
	return histories;
}

// How many messages ended how, for the test's report.
export function tally(customers) {
	const entries = customers.flatMap((customer) => customer.sent);
	const count = (told) => entries.filter((e) => e.told === told).length;

	return { stored: count('stored'), refused: count('refused'),
		unknown: count('unknown') };
}
