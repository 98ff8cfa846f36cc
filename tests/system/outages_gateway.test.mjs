// A gateway that is gone, frozen, late or cut off: its clients hear in the end
// all that is theirs, and nothing twice.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { balanceAnswers, today } from '../lib/books.mjs';
import { Relay } from '../lib/relay.mjs';
import { withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const asked = (gateway) =>
	gateway.metric('taifas_gateway_events_asked_total');
const dropped = (gateway) => gateway.metric('taifas_gateway_link_drops_total');

// The answers a client was shown; an apology is none.
const shown = (client) => client.payloads('new_message')
	.filter((m) => m.sender === 'agent').map((m) => m.messageId);

// Some time in which what should not come would have come: further events
// have reached the client, on all the ways there are.
async function settled(...clients) {
	for (const client of clients) {
		const { sent } = await client.ask('is that all?');

		await client.waitFor('message_processed',
			(e) => e.messageIds.includes(sent.messageId));
	}
}

// A gateway behind relays, so that it alone can be cut off.
async function behindRelays(stack, options) {
	const requests = await Relay.to(stack.requests, options);
	const events = await Relay.to(stack.events, options);
	const gateway = await stack.startGateway({ SESSIOND_URL: requests.url,
		SESSIOND_EVENTS_URL: events.url });

	// Its port is open before sessiond is found.
	await until(async () => (await gateway.admin('/healthz')).ok);
	return { requests, events, gateway, close() {
		requests.close();
		events.close();
	} };
}

describe('a gateway', { concurrency: 3 }, () => {
	for (const restart of [false, true])
		test(`that was frozen while events passed ${restart
			? 'and sessiond restarted ' : ''}shows them all, once`,
		withStack({ gateways: 2 }, async (stack) => {
			const frozen = await Promise.all(['text', null, 'text', null].map(
				(format, i) => stack.client({ user: i < 2 ? 'ana' : 'ion',
					format, gateway: 0 })));
			const awake = await Promise.all(['ana', 'ion'].map((user) =>
				stack.client({ user, gateway: 1 })));
			const [gateway] = stack.gateways;
			const answers = { ana: [], ion: [] };
			const ask = async (text) => {
				for (const client of awake)
					answers[client.user].push(
						(await client.ask(text)).answer.messageId);
			};

			await ask('before');
			for (const client of frozen)
				await until(() => shown(client).length === 1);
			const before = await asked(gateway);

			gateway.freeze();
			for (let i = 0; i < 10; i++)
				await ask(`meanwhile ${i}`);
			if (restart) {
				await stack.sessiond.restart({ signal: 'SIGKILL' });
				await Promise.all([stack.gateway(1).ready(),
					stack.agent().ready()]);
				await ask('after the restart');
			}
			gateway.thaw();
			await ask('after');
			for (const client of frozen) {
				await until(() => shown(client).length >=
					answers[client.user].length, { what: 'all of it' });
				assert.deepEqual(shown(client), answers[client.user]);
				assert.equal(new Set(client.payloads('user_message')
					.map((m) => m.messageId)).size,
				client.payloads('user_message').length);
			}
			await settled(...awake);
			for (const client of frozen) {
				await until(() => shown(client).length ===
					answers[client.user].length + 1);
				assert.equal(client.payloads('user_message').length,
					answers[client.user].length + 1);
				assert.equal(client.closes, 0);
				assert.deepEqual(client.payloads('resync'), []);
			}
			if (restart)
				assert(await asked(gateway) > before, 'there was a hole');
		}));

	test('that is killed is found again by its clients; history has the answer',
		withStack({ gateways: 2, agent: { env: { THINK_MS: '500' } } },
			async (stack) => {
				const clients = await Promise.all(['1.8.16', '1.6.0', '1.7.21'].map(
					(phoenix, i) => stack.client({ user: `k${i}`, phoenix,
						format: i ? 'text' : null })));
				const other = await stack.client({ user: 'else', gateway: 1 });
				const sent = await Promise.all(
					clients.map((client) => client.send('and then?')));

				for (const { status, code } of sent)
					assert.equal(status, 'ok', code);
				await stack.gateway(0).kill('SIGKILL');
				for (const [i, client] of clients.entries()) {
					await until(() => client.closes > 0);
					// Meanwhile the answer is made, and read elsewhere.
					const history = await until(async () => {
						const found = await stack.history(today(client.user),
							{ gateway: 1 });

						balanceAnswers(found);
						return found;
					});

					assert.deepEqual(history.map((m) => m.type),
						['user', 'agent']);
					assert.deepEqual(history[1].metadata.inReplyTo,
						[sent[i].messageId]);
				}
				await stack.gateway(0).start().ready();
				for (const client of clients) {
					await until(() => client.channel.state === 'joined' &&
						client.socket.isConnected());
					const { answer } = await client.ask('again');

					assert.equal(shown(client).filter(
						(id) => id === answer.messageId).length, 1);
				}
				await other.ask('nothing happened here');
				assert.equal(other.closes, 0);
			}));

	test('that starts late has joined clients reload, and shows the others the ' +
		'answers they missed', withStack({ gateways: 1 }, async (stack) => {
		const late = await behindRelays(stack, { cut: true });
		const old = await stack.client({ user: 'ana' });

		await old.ask('before anybody joined there');
		const clients = await Promise.all([['text', 'ana'], [null, 'ana'],
			[null, 'ana'], [null, 'ion']].map(([format, user]) =>
			stack.client({ user, format, gateway: 1 })));
		const [declared, ...guides] = clients;
		const answers = [];

		for (const text of ['one', 'two'])
			answers.push((await old.ask(text)).answer.messageId);
		assert.deepEqual(clients.flatMap((c) => c.heard), []);
		assert.equal((await late.gateway.admin('/readyz')).status, 503);
		for (const relay of [late.requests, late.events])
			relay.mend();
		await late.gateway.ready();
		await declared.waitFor('resync');
		for (const guide of guides.slice(0, 2)) {
			await until(() => shown(guide).length === 2);
			assert.deepEqual(shown(guide), answers);
		}
		await settled(old, declared, guides[2]);
		assert.equal(declared.payloads('resync').length, 1);
		assert.equal(shown(declared).length, 2, 'only what came since');
		for (const guide of guides) {
			await until(() => shown(guide).length >= (guide.user === 'ana' ? 4 : 1));
			assert.equal(new Set(shown(guide)).size, shown(guide).length);
			assert.deepEqual(guide.payloads('resync'), []);
		}
		assert.deepEqual(clients.map((c) => c.closes), [0, 0, 0, 0]);
		late.close();
	}));

	test('that hears no events for a while shows them all, once',
		withStack({ gateways: 1 }, async (stack) => {
			const deaf = await behindRelays(stack);

			await deaf.gateway.ready();
			const clients = await Promise.all(['text', null].map((format) =>
				stack.client({ user: 'ana', format, gateway: 1 })));
			const [client, guide] = clients;

			await client.ask('hears');
			for (const how of ['cut', 'swallow']) {
				const before = await asked(deaf.gateway);
				const drops = await dropped(deaf.gateway);

				deaf.events[how]();
				const sent = [];

				for (const text of ['a', 'b', 'c']) {
					const told = await client.send(`${how} ${text}`);

					assert.equal(told.status, 'ok', 'asking goes on');
					sent.push(told);
				}
				if (how === 'cut')
					await until(async () => await dropped(deaf.gateway) > drops);
				deaf.events.mend();
				for (const told of sent)
					await client.answerTo(told);
				assert(await asked(deaf.gateway) > before);
			}
			await settled(client);
			for (const each of clients) {
				await until(() => shown(each).length === 8);
				assert.equal(new Set(shown(each)).size, 8);
			}
			assert.deepEqual(client.payloads('user_message'), []);
			assert.equal(guide.payloads('user_message').length, 8);
			assert.deepEqual(clients.map((c) => c.closes), [0, 0]);
			deaf.close();
		}));

	test('whose line swallows everything dials again, and its sends arrive once',
		withStack({ gateways: 1 }, async (stack) => {
			const far = await behindRelays(stack);

			await far.gateway.ready();
			const client = await stack.client({ user: 'ana', gateway: 1 });

			await client.ask('before');
			for (let round = 0; round < 2; round++) {
				far.requests.swallow();
				far.events.swallow();
				const sent = await Promise.all(['x', 'y'].map((text) =>
					client.send(`${text}${round}`)));

				for (const told of sent) {
					assert.deepEqual([told.status, told.duplicate],
						['ok', undefined], told.code);
					await client.answerTo(told);
				}
			}
			const history = await stack.history(today('ana'));

			assert.deepEqual(history.filter((m) => m.type === 'user')
				.map((m) => m.content), ['before', 'x0', 'y0', 'x1', 'y1']);
			assert.equal(client.closes, 0);
			far.close();
		}));

	test('that is cut off refuses sends in time and serves its pages',
		withStack({ gateways: 1, gateway: { env: { SEND_DEADLINE_MS: '1000',
			REST_DEADLINE_MS: '500' } } }, async (stack) => {
			const far = await behindRelays(stack);

			await far.gateway.ready();
			const client = await stack.client({ user: 'far', gateway: 1 });
			const near = await stack.client({ user: 'near' });

			await client.ask('before');
			for (const relay of [far.requests, far.events])
				relay.cut();
			await until(async () =>
				(await far.gateway.admin('/readyz')).status === 503);
			assert.equal((await client.send('lost')).code, 'unavailable');
			assert.equal((await stack.rest(`/api/sessions/${today('far')}/messages`,
				{ gateway: 1 })).status, 503);
			assert.equal((await stack.rest('/', { gateway: 1 })).status, 200);
			await near.ask('nothing happened here');
			for (const relay of [far.requests, far.events])
				relay.mend();
			await far.gateway.ready();
			await client.ask('after');
			assert.deepEqual((await stack.history(today('far')))
				.filter((m) => m.type === 'user').map((m) => m.content),
			['before', 'after']);
			assert.deepEqual([client.closes, near.closes], [0, 0]);
			far.close();
		}));
});
