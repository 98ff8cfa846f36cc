// sessiond or agentd gone or silent: what customers are told, and that all goes
// on afterwards on the sockets they have.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balanceAnswers, today } from '../lib/books.mjs';
import { withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';
import { Ws } from '../lib/ws.mjs';

const DEADLINE_MS = 1500;
const deadlines = { env: { SEND_DEADLINE_MS: String(DEADLINE_MS),
	UNCONFIRMED_MS: '3000', REST_DEADLINE_MS: '1000' } };

const status = async (daemon, where) => (await daemon.admin(where)).status;
const notReady = (daemon) => until(async () =>
	await status(daemon, '/readyz') === 503, { what: `${daemon.name} not ready` });

function assertNeverClosed(...clients) {
	for (const client of clients)
		assert.equal(client.closes, 0, `${client.user}'s socket stays open`);
}

const said = (history) => history.filter((m) => m.type === 'user')
	.map((m) => m.content);

// The user's history once everything in it has been answered.
function answered(stack, user) {
	return until(async () => {
		const history = await stack.history(today(user));

		balanceAnswers(history);
		return history;
	}, { timeout: 60000, what: `all of ${user}'s messages answered` });
}

describe('outages', { concurrency: 3 }, () => {
	test('without sessiond joins work, and sends end with a clear error in time',
		withStack({ gateway: deadlines }, async (stack) => {
			const early = await stack.client({ user: 'early' });
			const guide = await stack.client({ user: 'guide', format: null });
			const raw = await Ws.open(stack.gateway().port);

			await early.ask('before');
			await guide.ask('before');
			await stack.sessiond.kill();
			await notReady(stack.gateway());
			await notReady(stack.agent());
			assert.equal(await status(stack.gateway(), '/healthz'), 200);

			const late = await stack.client({ user: 'late' });
			const clients = [early, guide, late];
			const begun = performance.now();

			for (const told of await Promise.all(
				clients.map((client) => client.send('during'))))
				assert.deepEqual([told.status, told.code],
					['error', 'unavailable']);
			assert(performance.now() - begun > DEADLINE_MS - 100,
				'it waits for sessiond as long as it may');
			for (const client of clients)
				assert.equal((await client.waitFor('error')).message,
					'Eroare la procesarea mesajului');
			assert.match((await guide.waitFor('new_message',
				(m) => m.sender === 'error')).message, /^Mesajul nu a fost trimis/);
			assert.deepEqual([early, late].map((client) => client.payloads(
				'new_message').filter((m) => m.sender === 'error')), [[], []]);
			for (const where of [`/api/sessions/${today('early')}/messages`,
				'/api/sessions/business/B0100001/active']) {
				const { status, headers, json } = await stack.rest(where);

				assert.deepEqual([status, json.error.code, headers.get(
					'retry-after')], [503, 'unavailable', '1']);
			}
			assert.equal((await stack.rest('/')).status, 200);
			await raw.quiet();

			await stack.sessiond.start().ready();
			await stack.gateway().ready();
			await stack.agent().ready();
			for (const client of clients)
				await client.ask('after');
			for (const [client, texts] of [[early, ['before', 'after']],
				[guide, ['before', 'after']], [late, ['after']]])
				assert.deepEqual(said(await answered(stack, client.user)), texts);
			await raw.quiet();
			raw.close();
			assertNeverClosed(...clients);
		}));

	test('a send outlives a restart of sessiond', withStack({},
		async (stack) => {
			const client = await stack.client({ user: 'patient' });

			await client.ask('one');
			for (const signal of ['SIGKILL', 'SIGTERM']) {
				await stack.sessiond.kill(signal);
				await notReady(stack.gateway());
				const sent = ['a', 'b', 'c'].map((text) =>
					client.send(`${text} ${signal}`));

				stack.sessiond.start();
				for (const [i, told] of (await Promise.all(sent)).entries()) {
					assert.equal(told.status, 'ok', told.code);
					assert.equal(told.duplicate, undefined, `${i}`);
				}
			}
			assert.deepEqual(said(await answered(stack, 'patient')), ['one',
				...['SIGKILL', 'SIGTERM'].flatMap((signal) =>
					['a', 'b', 'c'].map((text) => `${text} ${signal}`))]);
			assertNeverClosed(client);
		}));

	test('without agentd messages are accepted, and answered when it is back',
		withStack({ agents: 0 }, async (stack) => {
			const clients = await Promise.all(['ana', 'ion', 'eva'].map((user) =>
				stack.client({ user, format: user === 'eva' ? null : 'text' })));
			const ask = async (text) => {
				const sent = await Promise.all(
					clients.map((client) => client.send(text)));

				for (const { status, code } of sent)
					assert.equal(status, 'ok', code);
				return sent;
			};
			const hear = (sent) => Promise.all(sent.map((told, i) =>
				clients[i].answerTo(told)));

			const first = await ask('first');

			assert.deepEqual(clients.flatMap((c) => c.payloads('new_message')), []);
			await stack.addAgent();
			await hear(first);
			for (const signal of ['SIGKILL', 'SIGTERM']) {
				await stack.agent().kill(signal);
				const sent = await ask(signal);

				await stack.agent().start().ready();
				await hear(sent);
			}
			for (const client of clients) {
				assert.deepEqual(said(await answered(stack, client.user)),
					['first', 'SIGKILL', 'SIGTERM']);
				assert.equal(client.payloads('new_message').length, 3);
			}
			assertNeverClosed(...clients);
		}));

	test('a silent sessiond is dropped, and found again when it wakes',
		withStack({ gateways: 2, agents: 2, gateway: deadlines },
			async (stack) => {
				const clients = await Promise.all([0, 1, 2, 3].map((i) =>
					stack.client({ user: `c${i}`, gateway: i % 2,
						format: i < 2 ? 'text' : null })));
				const dropped = (gateway) =>
					gateway.metric('taifas_gateway_link_drops_total');

				await Promise.all(clients.map((client) => client.ask('before')));
				const drops = await Promise.all(stack.gateways.map(dropped));

				stack.sessiond.freeze();
				const told = await Promise.all(clients.flatMap((client) => [
					client.send('named', { clientMessageId: 'n' }),
					client.send('unnamed')]));

				for (const { status, code } of told) {
					assert.equal(status, 'error');
					assert.match(code, /^un(available|confirmed)$/);
				}
				assert.equal((await stack.rest(
					`/api/sessions/${today('c0')}/messages`)).status, 503);
				for (const [i, gateway] of stack.gateways.entries()) {
					await until(async () => await dropped(gateway) > drops[i]);
					await notReady(gateway);
				}
				for (const agent of stack.agents) {
					await until(() => agent.events.some(
						(e) => /^sessiond is silent/.test(e.event)));
					await notReady(agent);
				}
				const late = await stack.client({ user: 'late' });

				stack.sessiond.thaw();
				await Promise.all(stack.daemons.map((daemon) => daemon.ready()));
				await late.ask('after');
				for (const [i, client] of clients.entries()) {
					const again = await client.send('named',
						{ clientMessageId: 'n' });

					assert.equal(again.status, 'ok', again.code);
					await client.ask('after');
					const texts = said(await answered(stack, client.user));
					const times = (text) =>
						texts.filter((t) => t === text).length;

					assert.equal(times('named'), 1);
					assert(times('unnamed') <=
						(told[2 * i + 1].code === 'unavailable' ? 0 : 1),
					`${told[2 * i + 1].code}: ${texts}`);
					assert.deepEqual([times('before'), times('after')], [1, 1]);
				}
				assertNeverClosed(...clients, late);
			}));

	test('a frozen agentd loses its turn to another; there is one answer',
		withStack({ sessiond: { env: { LEASE_MS: '2000' } },
			agent: { env: { THINK_MS: '1500' } } }, async (stack) => {
			const clients = await Promise.all(['ana', 'ion'].map((user) =>
				stack.client({ user })));
			const [frozen] = stack.agents;
			const sent = await Promise.all(
				clients.map((client) => client.send('who answers?')));

			for (const client of clients)
				await client.waitFor('typing', (t) => t.state === 'started');
			frozen.freeze();
			const other = await stack.addAgent({ THINK_MS: '0' });

			for (const [i, client] of clients.entries())
				await client.answerTo(sent[i]);
			frozen.thaw();
			await frozen.ready();
			assert.equal(await other.metric(
				'taifas_agent_turns_total{outcome="answered"}'), 2);
			// What it had finished meanwhile is refused; it goes on to answer.
			await until(async () => await frozen.metric(
				'taifas_agent_places_in_use') === 0);
			assert.equal(await frozen.metric(
				'taifas_agent_turns_total{outcome="answered"}'), 0);
			await other.kill('SIGTERM');
			for (const client of clients) {
				await client.ask('and now?');
				const history = await answered(stack, client.user);

				assert.deepEqual(history.map((m) => m.type),
					['user', 'agent', 'user', 'agent']);
				assert.equal(client.payloads('new_message').length, 2);
			}
			assertNeverClosed(...clients);
		}));

	test('an agentd killed with turns in hand is replaced by another',
		withStack({ agents: 2, sessiond: { env: { LEASE_MS: '1000' } },
			agent: { env: { THINK_MS: '700' } } }, async (stack) => {
			const clients = await Promise.all(Array.from({ length: 6 }, (_, i) =>
				stack.client({ user: `u${i}` })));
			const sent = await Promise.all(
				clients.map((client) => client.send('hm?')));

			for (const client of clients)
				await client.waitFor('typing', (t) => t.state === 'started');
			await stack.agent(0).kill('SIGKILL');
			for (const [i, client] of clients.entries()) {
				await client.answerTo(sent[i]);
				await answered(stack, client.user);
				assert.equal(client.payloads('new_message').length, 1);
			}
			assertNeverClosed(...clients);
		}));
});
