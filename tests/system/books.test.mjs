// The books: customers write without pause while daemons are killed at random
// moments. Afterwards what the customers were told and what the store holds
// must agree to the last message.
//
// BOOKS_SECONDS and BOOKS_SEED repeat or prolong a run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import WebSocket from 'ws';
import { buildDir } from '../lib/daemon.mjs';
import { Req } from '../lib/sp.mjs';
import { withStack } from '../lib/stack.mjs';
import { sleep, until } from '../lib/until.mjs';

const SECONDS = Number(process.env.BOOKS_SECONDS || 20);
const SEED = Number(process.env.BOOKS_SEED || Date.now() % 1e9);
const VERSIONS = ['1.6.0', '1.6.16', '1.7.21', '1.8.16'];
const CUSTOMERS = 12;

const settings = {
	gateways: 2,
	agents: 2,
	sessiond: { env: { LEASE_MS: '2000', ATTEMPTS: '100' } },
	gateway: { env: { SEND_DEADLINE_MS: '1500', UNCONFIRMED_MS: '4000' } },
	agent: { env: { THINK_MS: '30', PLACES: '4' } },
};

// A small generator (mulberry32): the same seed, the same run.
function dice(seed) {
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
class RawClient {
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
class Customer {
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
				this.stack.gateway(this.options.gateway).port, this.user));
	}

	async write(until, random) {
		for (let i = 0; performance.now() < until; i++) {
			const entry = { text: `${this.user} says ${i}` };

			await sleep(random(120));

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
function balanceAnswers(history) {
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

async function killAtRandom(stack, random, until) {
	const kills = {};

	while (performance.now() < until) {
		const daemons = stack.daemons;
		const daemon = daemons[random(daemons.length)];

		await sleep(200 + random(900));
		await daemon.kill('SIGKILL');
		kills[daemon.program] = (kills[daemon.program] ?? 0) + 1;
		await sleep(random(700));
		daemon.start();
	}
	await Promise.all(stack.daemons.map((daemon) => daemon.ready()));
	return kills;
}

function check(stack) {
	const { status, stdout } = spawnSync(path.join(buildDir, 'sessiond'),
		['--check'], {
			env: { ...process.env, STORE_DIR: path.join(stack.dir, 'store') },
			encoding: 'utf8',
		});

	assert.equal(status, 0, stdout);
	return stdout.trim();
}

const today = (user) => `B0100001:${user}:${new Date().setHours(0, 0, 0, 0)}`;

// The turns' ends as the event log tells them: one each.
async function turnsEndOnce(stack) {
	const req = await Req.connect(stack.requests);
	const hello = await req.ask('hello', { role: 'tool', name: 'books',
		boot: 'books', oldestVersion: 1, newestVersion: 1 });
	const ends = new Map();
	let cursor = { epoch: hello.body.epoch, n: '0' };

	for (;;) {
		const { body } = await req.ask('events_since', cursor);

		assert(!body.reset, 'the log reaches back to its first event');
		for (const { event, body: turn } of body.events ?? [])
			if (event === 'turn')
				ends.set(turn.turnId, [...(ends.get(turn.turnId) ?? []), turn]);
		cursor = { epoch: body.epoch, n: body.n };
		if (body.n === body.last)
			break;
	}
	req.close();
	for (const [id, turns] of ends)
		assert.equal(turns.length, 1, `turn ${id} ended ${turns.length} times`);
	return ends;
}

test('whatever is killed, acknowledged messages are kept and answered once',
	withStack(settings, async (stack, t) => {
		t.diagnostic(`BOOKS_SEED=${SEED} BOOKS_SECONDS=${SECONDS}`);
		const customers = Array.from({ length: CUSTOMERS },
			(_, i) => new Customer(stack, i));

		await Promise.all(customers.map((customer, i) => customer.connect(i)));

		const end = performance.now() + SECONDS * 1000;
		const [kills] = await Promise.all([
			killAtRandom(stack, dice(SEED), end),
			...customers.map((customer, i) => customer.write(end, dice(SEED + i))),
		]);
		const entries = customers.flatMap((customer) => customer.sent);
		const count = (told) => entries.filter((e) => e.told === told).length;

		t.diagnostic(`killed ${JSON.stringify(kills)}; ` +
			`${count('stored')} stored, ${count('refused')} refused, ` +
			`${count('unknown')} unknown`);
		assert(count('stored') > CUSTOMERS, 'the system was up at times');
		const histories = new Map();

		await until(async () => {
			for (const { user } of customers) {
				const history = await stack.history(today(user));

				histories.set(user, history);
				balanceAnswers(history);
			}
			return true;
		}, { timeout: 120000, every: 500, what: 'every message is answered' });
		for (const customer of customers)
			customer.balance(histories.get(customer.user));

		const ends = await turnsEndOnce(stack);
		const asked = [...histories.values()].flat()
			.filter((m) => m.type === 'user').length;

		assert.equal(ends.size, asked, 'each message had a turn, which ended');
		assert.match(check(stack), / 0 faults$/);
	}));

test('64 sockets of one user that write at once make one session',
	withStack({ gateways: 2 }, async (stack) => {
		const clients = await Promise.all(Array.from({ length: 64 },
			(_, i) => stack.client({ user: 'eager', gateway: i % 2 })));
		const told = await Promise.all(
			clients.map((client, i) => client.send(`first ${i}`)));

		for (const { status, code } of told)
			assert.equal(status, 'ok', code);
		assert.equal(new Set(told.map((t) => t.sessionId)).size, 1);
		assert.equal(new Set(told.map((t) => t.seq)).size, 64);
		assert.match(check(stack), / 0 faults$/);
	}));
