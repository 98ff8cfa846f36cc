// The books: customers write without pause while daemons are killed at random
// moments. Afterwards what the customers were told and what the store holds
// must agree to the last message.
//
// BOOKS_SECONDS and BOOKS_SEED repeat or prolong a run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { Customer, balance, dice, tally } from '../lib/books.mjs';
import { buildDir } from '../lib/daemon.mjs';
import { Req } from '../lib/sp.mjs';
import { withStack } from '../lib/stack.mjs';
import { sleep } from '../lib/until.mjs';

const SECONDS = Number(process.env.BOOKS_SECONDS || 20);
const SEED = Number(process.env.BOOKS_SEED || Date.now() % 1e9);
const CUSTOMERS = 12;

const settings = {
	gateways: 2,
	agents: 2,
	sessiond: { env: { LEASE_MS: '2000', ATTEMPTS: '100' } },
	gateway: { env: { SEND_DEADLINE_MS: '1500', UNCONFIRMED_MS: '4000' } },
	agent: { env: { THINK_MS: '30', PLACES: '4' } },
};

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
			...customers.map((customer, i) => customer.write(
				() => performance.now() < end, dice(SEED + i), 120)),
		]);
		const told = tally(customers);

		t.diagnostic(
			`killed ${JSON.stringify(kills)}; ${JSON.stringify(told)}`);
		assert(told.stored > CUSTOMERS, 'the system was up at times');
		const histories = await balance(stack, customers);
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
