// SIGTERM under load: each daemon ends by itself and cleanly, its clients are
// told to come back, and nothing that was acknowledged is lost.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Customer, balance, dice, tally } from '../lib/books.mjs';
import { withStack } from '../lib/stack.mjs';
import { sleep, until } from '../lib/until.mjs';
import { Raw } from '../lib/raw.mjs';
import { Ws } from '../lib/ws.mjs';

const settings = {
	gateways: 2, agents: 2, cleanupds: 1,
	sessiond: { env: { LEASE_MS: '3000' } },
	gateway: { env: { SEND_DEADLINE_MS: '2500', UNCONFIRMED_MS: '4000' } },
	agent: { env: { THINK_MS: '50', DRAIN_MS: '2000' } },
};

// Eight customers write while `story` runs; then the books are balanced.
async function underLoad(stack, t, story) {
	const customers = Array.from({ length: 8 }, (_, i) =>
		new Customer(stack, i));
	let going = true;

	await Promise.all(customers.map((customer, i) => customer.connect(i)));
	const writing = customers.map((customer, i) =>
		customer.write(() => going, dice(i), 250));

	try {
		await until(() => tally(customers).stored > 40);
		await story(customers);
		const before = tally(customers).stored;

		await until(() => tally(customers).stored > before + 40, {
			what: 'it goes on' });
	} finally {
		going = false;
	}
	await Promise.all(writing);
	await balance(stack, customers);
	t.diagnostic(JSON.stringify(tally(customers)));
	return customers;
}

const clean = { code: 0, signal: null };

async function assertEndsWell(daemon) {
	assert.deepEqual(await daemon.kill('SIGTERM'), clean, daemon.tail(20));
}

describe('SIGTERM under load', { concurrency: 2 }, () => {
	test('a gateway sends its clients away with 1012, whatever they do',
		withStack(settings, async (stack, t) => {
			const [gateway] = stack.gateways;
			const sockets = await Promise.all(Array.from({ length: 5 },
				() => Ws.open(gateway.port)));
			const [idle, joined, half, deaf] = sockets;
			const rest = await Raw.open(gateway.port);
			const head = await Raw.open(gateway.port);

			joined.send(['1', '1', 'messages:B0100001', 'phx_join',
				{ role: 'coordinator' }]);
			half.write(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4]));
			deaf.raw.socket.pause();
			rest.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
			assert.equal((await rest.answer()).status, 200);
			head.write('GET / HTTP/1.1\r\nHos');
			await idle.quiet();
			const phoenix = await stack.client({ user: 'returns' });
			const codes = [];

			phoenix.socket.onClose((event) => codes.push(event.code));
			await underLoad(stack, t, async () => {
				const told = sockets.filter((ws) => ws !== deaf)
					.map((ws) => ws.closed());

				await assertEndsWell(gateway);
				for (const { code } of await Promise.all(told))
					assert.equal(code, 1012);
				deaf.raw.socket.resume();
				await Promise.all([rest.end(), head.end(), deaf.raw.end()]);
				await until(() => codes.length);
				assert.equal(codes[0], 1012);
				await sleep(300);
				await gateway.start().ready();
				await until(() => phoenix.channel.state === 'joined' &&
					phoenix.socket.isConnected());
			});
			await phoenix.ask('all well?');
			for (const { raw } of [...sockets, { raw: rest }, { raw: head }])
				raw.close();
		}));

	test('sessiond loses nothing and keeps nobody from coming back',
		withStack(settings, async (stack, t) => {
			const watcher = await stack.client({ user: 'watcher' });

			await underLoad(stack, t, async () => {
				for (let i = 0; i < 3; i++) {
					await assertEndsWell(stack.sessiond);
					await sleep(200);
					await stack.sessiond.start().ready();
					await Promise.all(stack.daemons.map((d) => d.ready()));
				}
			});
			await watcher.ask('all well?');
			assert.equal(watcher.closes, 0, 'no socket was touched');
		}));

	test('agentd finishes what it has in hand, and others take the rest',
		withStack(settings, async (stack, t) => {
			const watcher = await stack.client({ user: 'watcher' });

			await underLoad(stack, t, async () => {
				for (const agent of [...stack.agents, stack.agents[0]]) {
					await assertEndsWell(agent);
					await agent.start().ready();
				}
			});
			await watcher.ask('all well?');
			assert.equal(watcher.closes, 0, 'no socket was touched');
		}));

	test('all of them at once, in any order, end cleanly and go on',
		withStack(settings, async (stack, t) => {
			await underLoad(stack, t, async () => {
				for (const order of [stack.daemons, stack.daemons.reverse()]) {
					await Promise.all(order.map(assertEndsWell));
					for (const daemon of order)
						daemon.start();
					await Promise.all(order.map((d) => d.ready()));
				}
			});
		}));

	test('agentd asked twice gives back what it has in hand', withStack({
		sessiond: { env: { LEASE_MS: '600000' } },
		agent: { env: { THINK_MS: '60000', DRAIN_MS: '600000' } },
	}, async (stack) => {
		const client = await stack.client({ user: 'waits' });
		const agent = stack.agent();
		const sent = await client.send('think!');

		await client.waitFor('typing');
		const end = agent.kill('SIGTERM');

		await until(() => agent.events.some((e) => e.event === 'stopping'));
		assert(agent.child, 'it would rather finish');
		agent.child.kill('SIGTERM');
		assert.deepEqual(await end, clean);
		await stack.addAgent({ THINK_MS: '0' });
		await client.answerTo(sent); // though its lease was for ten minutes
	}));
});
