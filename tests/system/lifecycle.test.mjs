// States of sessions, cancelling and taking over, through REST and through the
// channel: who may, what is stored, and who hears of it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Core, TENANTS } from '../lib/core.mjs';
import { shareStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const KIND = { resolve: 'resolved', close: 'closed', reopen: 'reopened' };
const TO = { ...KIND, reopen: 'active' };

let stack, core;

shareStack({ agents: 0, tenants: TENANTS }, (started) => {
	stack = started;
	core = new Core(stack);
});

after(() => core?.hangUp());

const client = (user, options) =>
	stack.client({ business: 'plain', user, ...options });
const coordinator = (name, business = 'plain') => stack.client({ business,
	user: name, params: { userId: '' },
	payload: { role: 'coordinator', name } });

// One push of a client: {ok, ...response}, with the response's own status.
function push(from, event, payload) {
	return new Promise((done, fail) => {
		from.channel.push(event, payload, 60000)
			.receive('ok', (response) => done({ ok: true, ...response }))
			.receive('error', (response) => done({ ok: false, ...response }))
			.receive('timeout', () => fail(new Error(`${event} timed out`)));
	});
}

async function post(id, verb, body) {
	const { status, json } = await stack.rest(
		`/api/sessions/${encodeURIComponent(id)}/${verb}`, { method: 'POST',
			...body && { body: JSON.stringify(body),
				headers: { 'content-type': 'application/json' } } });

	return { ok: status === 200, ...json.error ?? json };
}

// Its system messages, by kind, through the gateway.
async function kinds(sessionId) {
	return (await stack.history(sessionId)).filter((m) => m.type === 'system')
		.map((m) => {
			assert.deepEqual([m.userId, m.metadata.sender], ['system', 'system']);
			assert(m.content.length > 0);
			return m.metadata.kind;
		});
}

const updates = (from, sessionId) => from.payloads('session_update')
	.filter((u) => u.sessionId === sessionId);

// The fields of an update that say what happened.
const gist = ({ previous, status, reason }) =>
	[previous, status, reason].filter(Boolean).join(' ');

// Whoever listens has heard all that came before: a gateway's events are in
// order.
async function caughtUp({ business }) {
	const probe = await client(`probe-${Math.random()}`, { business });
	const { sessionId } = await probe.send('anything');

	await probe.waitFor('session_update', (u) => u.sessionId === sessionId);
	probe.close();
}

// --- states -------------------------------------------------------------------

test('each way to change a state stores, tells and answers alike', async () => {
	const first = await client('ana'), second = await client('ana');
	const dana = await coordinator('dana');
	const { sessionId } = await first.send('hello');
	const ways = {
		rest: (verb, reason) => post(sessionId, verb, { reason }),
		alias: (verb, reason) =>
			post(`plain:ana:${Date.now()}`, verb, { reason }),
		user: (verb, reason) => push(first, verb, { reason }),
		named: (verb, reason) => push(second, verb, { sessionId, reason }),
		coordinator: (verb, reason) =>
			push(dana, verb, { userId: 'ana', reason }),
		pointed: (verb, reason) => push(dana, verb, { sessionId, reason }),
	};
	const expected = [], stored = [];
	let status = 'active';

	for (const [way, change] of Object.entries(ways))
		for (const verb of ['resolve', 'close', 'reopen']) {
			const reason = `${way} ${verb}`;
			const answer = await change(verb, reason);

			assert(answer.ok, JSON.stringify(answer));
			assert.deepEqual([answer.sessionId, answer.businessId,
				answer.userId, answer.status],
			[sessionId, 'plain', 'ana', TO[verb]]);
			expected.push(`${status} ${TO[verb]} ${reason}`);
			stored.push(KIND[verb]);
			status = TO[verb];
		}
	assert.deepEqual(await kinds(sessionId), stored);
	for (const listener of [first, second, dana]) {
		await until(() => updates(listener, sessionId).length > expected.length);
		assert.deepEqual(updates(listener, sessionId).map(gist),
			['active user_message', ...expected]);
	}
	// A page that writes HTML is told in entities, and nothing of it as the
	// agent's.
	assert.deepEqual(first.payloads('new_message'), []);
});

test('what a state does not allow is refused with what it does', async () => {
	const ana = await client('refused');
	const { sessionId } = await ana.send('hello');

	assert((await push(ana, 'close', {})).ok);
	for (const answer of [await push(ana, 'resolve', {}),
		await push(ana, 'close', { sessionId }), await post(sessionId, 'close')])
		assert.deepEqual(answer, { ok: false, code: 'conflict', status: 'closed',
			message: answer.message, allowed: ['active'] });
	assert.deepEqual(await kinds(sessionId), ['closed']);
	await caughtUp(ana);
	assert.equal(updates(ana, sessionId).length, 2);
});

test('nobody else hears of a session', async () => {
	const bob = await client('bob');
	const far = await client('carol', { business: 'bursts' });
	const farCoordinator = await coordinator('erik', 'bursts');
	const carol = await client('carol');
	const { sessionId } = await carol.send('hello');

	for (const verb of ['resolve', 'reopen', 'close'])
		assert((await push(carol, verb, {})).ok);
	for (const listener of [bob, far, farCoordinator])
		await caughtUp(listener);
	for (const listener of [bob, far, farCoordinator])
		assert.deepEqual(listener.heard.filter(({ payload }) =>
			JSON.stringify(payload).includes(sessionId)), []);
});

test('a member changes its own sessions, a coordinator its business\'s', async () => {
	const ana = await client('own'), bob = await client('other');
	const nobody = await stack.client({ business: 'plain', user: '',
		params: { userId: '' }, payload: {} });
	const dana = await coordinator('dana');
	const far = await coordinator('far', 'bursts');
	const { sessionId } = await ana.send('hello');
	const code = async (...args) => (await push(...args)).code;

	for (const verb of [...Object.keys(TO), 'cancel']) {
		assert.equal(await code(bob, verb, { sessionId }), 'not_found');
		assert.equal(await code(bob, verb, { userId: 'own' }), 'forbidden');
		assert.equal(await code(nobody, verb, { userId: 'own' }), 'forbidden');
		assert.equal(await code(far, verb, { sessionId }), 'not_found');
		assert.equal(await code(dana, verb, {}), 'missing_field');
		assert.equal(await code(dana, verb, { userId: 'agent' }), 'bad_request');
		assert.equal(await code(ana, verb, []), 'bad_request');
		assert.equal(await code(ana, verb, { reason: 'rollover' }),
			'bad_request');
	}
	assert.equal(await code(bob, 'resolve', {}), 'not_found');
	assert.equal(await code(far, 'resolve', { userId: 'own' }), 'not_found');
	assert.deepEqual(await kinds(sessionId), []);
	assert.equal((await core.session(sessionId)).status, 'active');
});

test('the user\'s next message reopens what was ended today', async () => {
	const ana = await client('again');
	const { sessionId } = await ana.send('hello');

	for (const verb of ['resolve', 'close']) {
		await push(ana, verb, {});
		assert.equal((await ana.send(`after ${verb}`)).sessionId, sessionId);
	}
	assert.deepEqual(await kinds(sessionId),
		['resolved', 'reopened', 'closed', 'reopened']);
	await until(() => updates(ana, sessionId).length === 5);
	assert.deepEqual(updates(ana, sessionId).map(gist), [
		'active user_message', 'active resolved', 'resolved active user_message',
		'active closed', 'closed active user_message']);
});

test('forgetting a session is told to its user and to coordinators', async () => {
	const ana = await client('forgotten');
	const dana = await coordinator('dana');
	const { sessionId } = await ana.send('hello');

	assert.equal((await stack.rest(`/api/sessions/${sessionId}`,
		{ method: 'DELETE' })).status, 204);
	for (const listener of [ana, dana])
		await listener.waitFor('session_update', (u) =>
			u.sessionId === sessionId && u.reason === 'deleted');
	assert.notEqual((await ana.send('again')).sessionId, sessionId);
});

// --- answers under way --------------------------------------------------------

// Claims the turn that answers this message.
function take(agent, sent) {
	return until(async () => (await agent.claim(10)).find((grant) =>
		grant.messages.some((m) => m.messageId === sent.messageId)));
}

test('ending a session cancels the answer that is being made', async () => {
	for (const verb of ['resolve', 'close']) {
		const agent = core.agent(`ends-${verb}`);
		const ana = await client(`ends-${verb}`);
		const sub = await core.listen();
		const sent = await ana.send('a long question');
		const grant = await take(agent, sent);

		await agent.progress(grant, { state: 'writing', offset: 0, text: 'Well' });
		await ana.waitFor('typing', (t) => t.state === 'started');
		assert((await push(ana, verb, {})).ok);
		await sub.hear('turn_cancelled', (b) => b.lease === grant.lease);
		const ended = await ana.waitFor('message_processed');

		assert.deepEqual([ended.turnId, ended.status, ended.messageIds],
			[grant.turnId, 'cancelled', [sent.messageId]]);
		await ana.waitFor('typing', (t) => t.state === 'stopped');
		assert.equal((await agent.finish(grant, 'Well, no.')).status,
			'stale_lease');
		assert.deepEqual((await stack.history(sent.sessionId))
			.map((m) => m.type), ['user', 'system']);
	}
});

test('a user that cancels keeps what was said, others do not', async () => {
	const agent = core.agent('cancels');
	const ana = await client('cancels');
	const dana = await coordinator('dana');
	const ask = async () => {
		const grant = await take(agent, await ana.send('a long question'));

		await agent.progress(grant, { state: 'writing', offset: 0, text: 'Well' });
		return grant;
	};
	const own = await ask();
	const cancelled = await push(ana, 'cancel', {});

	assert.deepEqual(cancelled, { ok: true, endedTurns: [own.turnId],
		messageId: cancelled.messageId });
	const kept = await ana.waitFor('new_message');

	assert.deepEqual([kept.messageId, kept.message, kept.partial],
		[cancelled.messageId, 'Well', true]);
	const named = await ask();

	assert.equal((await push(ana, 'cancel', { turnId: own.turnId }))
		.endedTurns.length, 0);
	assert.deepEqual((await push(ana, 'cancel', { turnId: named.turnId }))
		.endedTurns, [named.turnId]);
	for (const way of [{ userId: 'cancels' }, { sessionId: kept.sessionId }]) {
		const other = await ask();

		assert.deepEqual(await push(dana, 'cancel', way),
			{ ok: true, endedTurns: [other.turnId] });
	}
	const fromRest = await ask();

	assert.deepEqual((await post(kept.sessionId, 'cancel')).endedTurns,
		[fromRest.turnId]);
	assert.deepEqual(await push(ana, 'cancel', {}), { ok: true, endedTurns: [] });
	assert.equal((await stack.history(kept.sessionId))
		.filter((m) => m.type === 'agent').length, 2);
});

test('while a person handles, the agent is silent', async () => {
	const agent = core.agent('handled');
	const ana = await client('handled');
	const dana = await coordinator('dana');
	const sent = await ana.send('hello');
	const grant = await take(agent, sent);
	const code = async (...args) => (await push(...args)).code;

	for (const event of ['take_over', 'hand_back'])
		assert.equal(await code(ana, event, { userId: 'handled' }), 'forbidden');
	assert.equal(await code(dana, 'take_over', {}), 'missing_field');
	assert.deepEqual(await push(dana, 'take_over', { userId: 'handled' }),
		{ ok: true, businessId: 'plain', userId: 'handled', handler: 'person',
			endedTurns: [grant.turnId] });
	assert.equal((await agent.finish(grant, 'too late')).status, 'stale_lease');

	const waiting = await ana.send('is somebody there?');

	for (const { messageId } of [sent, waiting])
		await ana.waitFor('message_processed', (p) =>
			p.messageIds.includes(messageId) && p.status === 'left_to_person');
	assert.deepEqual(await push(dana, 'hand_back', { userId: 'handled' }),
		{ ok: true, businessId: 'plain', userId: 'handled', handler: 'bot',
			endedTurns: [] });
	const next = await ana.send('and now?');

	await agent.finish(await take(agent, next), 'Now it is me.');
	assert.equal((await ana.answerTo(next)).message, 'Now it is me.');
});

// --- what does not end well ---------------------------------------------------

test('with sessiond gone a channel says so and stays', async () => {
	const own = await client('outage');
	const { sessionId } = await own.send('hello');

	await stack.sessiond.kill();
	const deadline = await Promise.all(['resolve', 'cancel', 'reopen'].map(
		(event) => push(own, event, event === 'reopen' ? { sessionId } : {})));

	for (const answer of deadline)
		assert.deepEqual([answer.ok, answer.code], [false, 'unavailable']);
	assert.deepEqual(own.heard.filter((h) => /phx_/.test(h.event)), []);
	await stack.sessiond.start().ready();
	await until(async () => (await push(own, 'resolve', {})).ok);
	assert.deepEqual(await kinds(sessionId), ['resolved']);
});
