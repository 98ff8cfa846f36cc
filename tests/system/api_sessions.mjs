// The HTTP API: sessions are listed, looked at and changed.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { api, assertFault, core, enc, session, today, users, withApi }
	from '../lib/api.mjs';
import { until } from '../lib/until.mjs';

const STATES = ['active', 'resolved', 'closed', 'abandoned'];
const TO = { resolve: 'resolved', close: 'closed', reopen: 'active' };
const ALLOWED = {
	active: ['resolved', 'closed', 'abandoned'],
	resolved: ['active', 'closed'],
	closed: ['active'],
	abandoned: ['active', 'resolved', 'closed'],
};

// All pages of a listing: their items, in order.
async function pages(from, where, limit, more = '') {
	const items = [];
	let cursor = '';

	for (;;) {
		const { status, json } = await from.get(
			`${where}?limit=${limit}${more}${cursor}`);

		assert.equal(status, 200);
		assert(json.sessions.length <= limit);
		items.push(...json.sessions);
		if (!json.pagination.hasMore)
			return items;
		cursor = `&cursor=${enc(json.pagination.nextCursor)}`;
	}
}

// --- lists of sessions -------------------------------------------------------

test('sessions are listed page by page, each once', withApi({},
	async (ours, own) => {
		const model = [];
		const places = ['default', 'north', 'south'];
		const days = 4, perDay = 25;
		const start = new Date(own.now());

		start.setUTCHours(12, 0, 0, 0);
		for (let day = 0; day < days; day++) {
			own.setNow(start.getTime() - (days - 1 - day) * 86400000);
			const date = new Date(own.now()).toISOString().slice(0, 10);

			for (let n = 0; n < perDay; n++) {
				// Some users come back each day, which closes the day before's.
				const userId = n < 5 ? `often${n}` : `u${day}-${n}`;
				const locationId = places[n % places.length];
				const { sessionId } =
					await own.say(userId, 'hello', { locationId });
				const old = model.find((s) =>
					s.userId === userId && s.status === 'active');
				const status = n < 5 ? 'active' : STATES[n % STATES.length];

				if (old)
					old.status = 'closed';
				if (status !== 'active')
					await own.setStatus(sessionId, status);
				model.push({ sessionId, userId, locationId, date, status });
			}
		}
		await own.say('elsewhere', 'hello', { businessId: 'bursts' });
		const ids = (list) => list.map((s) => s.sessionId);
		const expect = (wanted) => ids(model.filter(wanted)).sort();
		const where = '/api/business/plain/sessions';
		const dates = [...new Set(model.map((s) => s.date))];

		for (const limit of [1, 7, 100, 200])
			assert.deepEqual(ids(await pages(ours, where, limit)).sort(),
				expect(() => true), `limit ${limit}`);
		const all = await pages(ours, where, 9);
		const order = all.map((s) => STATES.indexOf(s.status));

		assert.deepEqual(order, [...order].sort((a, b) => a - b));
		for (const { sessionId, status, userId, locationId } of model) {
			const listed = all.find((s) => s.sessionId === sessionId);

			assert.deepEqual(
				[listed.status, listed.userId, listed.locationId],
				[status, userId, locationId]);
		}
		for (const state of STATES)
			assert.deepEqual(ids(await pages(ours, where, 7,
				`&status=${state}`)).sort(),
			expect((s) => s.status === state), state);
		for (const [query, wanted] of [
			['&location=north', (s) => s.locationId === 'north'],
			[`&from=${dates[1]}`, (s) => s.date >= dates[1]],
			[`&to=${dates[2]}`, (s) => s.date <= dates[2]],
			[`&from=${dates[1]}&to=${dates[1]}`, (s) => s.date === dates[1]],
			[`&from=${dates[3]}&to=${dates[0]}`, () => false],
			[`&status=closed&location=south&from=${dates[2]}`, (s) =>
				s.status === 'closed' && s.locationId === 'south' &&
				s.date >= dates[2]],
		])
			assert.deepEqual(ids(await pages(ours, where, 3, query)).sort(),
				expect(wanted), query);

		// A user's: the latest day first.
		const often = model.filter((s) => s.userId === 'often0').reverse();

		for (const limit of [1, 3, 50])
			assert.deepEqual(ids(await pages(ours,
				users('often0', 'sessions'), limit)), ids(often));
		assert.deepEqual(ids(await pages(ours, users('often0', 'sessions'),
			2, '&status=closed')), ids(often.slice(1)));
		assert.deepEqual(await pages(ours, users('nobody', 'sessions'), 9), []);

		// A cursor belongs to its listing.
		const { nextCursor } = (await ours.get(`${where}?limit=1`)).json.pagination;

		assertFault(await ours.get(
			`${users('often0', 'sessions')}?cursor=${nextCursor}`),
		400, 'bad_request', 'cursor');
	}));

// --- changing things ---------------------------------------------------------

test('a session goes where the table lets it, and nowhere else', async () => {
	const { sessionId } = await core.say('states', 'hello');
	let now = 'active';

	for (const from of STATES)
		for (const [verb, to] of Object.entries(TO)) {
			// The way there: everything may become active, and from there all.
			if (now !== 'active')
				await core.setStatus(sessionId, 'active');
			if (from !== 'active')
				await core.setStatus(sessionId, from);
			const answer = await api.post(session(sessionId, `/${verb}`),
				{ reason: 'because' });

			if (ALLOWED[from].includes(to)) {
				assert.equal(answer.status, 200, `${from} ${verb}`);
				assert.deepEqual([answer.json.sessionId, answer.json.status],
					[sessionId, to]);
				now = to;
			} else {
				assertFault(answer, 409, 'conflict');
				assert.equal(answer.json.error.status, from);
				assert.deepEqual(answer.json.error.allowed.sort(),
					[...ALLOWED[from]].sort());
				now = from;
			}
		}
});

test('a session is found by its alias, and what is none is not', async () => {
	const { sessionId } = await core.say('alias', 'hello');
	const answer = await api.post(session(today('alias'), '/resolve'));

	assert.deepEqual([answer.status, answer.json.sessionId], [200, sessionId]);
	for (const verb of Object.keys(TO))
		for (const id of [randomUUID(), 'x', today('nobody')])
			assertFault(await api.post(session(id, `/${verb}`)),
				404, 'not_found');
	for (const id of [randomUUID(), today('nobody')]) {
		assertFault(await api.post(session(id, '/cancel')), 404, 'not_found');
		assertFault(await api.get(session(id, '/conversation')),
			404, 'not_found');
		assertFault(await api.delete(session(id)), 404, 'not_found');
	}
});

test('what is under way is shown, cancelled and put back', async () => {
	const agent = core.agent();
	const { sessionId, messageId, turnId } = await core.say('busy', 'one');
	const look = async () =>
		(await api.get(session(sessionId, '/conversation'))).json;
	const { createdAt, ...queued } = (await look()).openTurns[0];

	assert.deepEqual(queued, { turnId, sessionId, state: 'queued', attempts: 0,
		messageIds: [messageId] });
	assert(createdAt);
	let grant = await until(async () => (await agent.claim(10))
		.find((g) => g.turnId === turnId));

	await agent.progress(grant);
	const leased = await look();

	assert.equal(leased.handler, 'bot');
	assert.equal(leased.session.sessionId, sessionId);
	assert.deepEqual([leased.openTurns[0].state, leased.openTurns[0].attempts,
		leased.openTurns[0].lease, leased.openTurns[0].agent],
	['leased', 1, grant.lease, 'agent']);
	assert(leased.openTurns[0].leaseLeftMs > 0);

	const back = await api.post(`/api/turns/${turnId}/requeue`);

	assert.deepEqual(back.json, { turnId, state: 'queued' });
	assert.equal((await agent.finish(grant, 'late')).status, 'stale_lease');
	assert.equal((await look()).openTurns[0].attempts, 0);
	agent.holds.clear();
	grant = await until(async () => (await agent.claim(10))
		.find((g) => g.turnId === turnId));

	const cancelled = await api.post(session(today('busy'), '/cancel'));

	assert.deepEqual(cancelled.json, { sessionId, endedTurns: [turnId] });
	assert.equal((await agent.finish(grant, 'late')).status, 'stale_lease');
	assert.deepEqual((await look()).openTurns, []);
	assert.deepEqual((await api.post(session(sessionId, '/cancel'))).json,
		{ sessionId, endedTurns: [] });
	assertFault(await api.post(`/api/turns/${turnId}/requeue`), 409, 'conflict');
	for (const unknown of ['t0-0', 'x', 'x'.repeat(200)])
		assertFault(await api.post(`/api/turns/${unknown}/requeue`),
			404, 'not_found');
});

test('a person takes over and hands back', async () => {
	const { turnId, sessionId } = await core.say('handled', 'hello');
	const taken = await api.post(users('handled', 'handler'),
		{ handler: 'person' });

	assert.deepEqual(taken.json, { businessId: 'plain', userId: 'handled',
		handler: 'person', endedTurns: [turnId] });
	const { handler, handlerBy } = (await api.get(
		session(sessionId, '/conversation'))).json;

	assert.deepEqual([handler, handlerBy], ['person', 'service:rest']);
	const back = await api.post(users('handled', 'handler'), { handler: 'bot' });

	assert.deepEqual([back.json.handler, back.json.endedTurns], ['bot', []]);
	for (const body of [{}, { handler: 'me' }, { handler: 1 }, undefined])
		assertFault(await api.post(users('handled', 'handler'), body),
			400, 'bad_request', 'handler');
	assertFault(await api.post(users('agent', 'handler'), { handler: 'bot' }),
		400, 'bad_request', 'userId');
});

test('what is forgotten is not found, and its id is not used again', async () => {
	const { sessionId } = await core.say('gone', 'secret');

	assert.equal((await api.delete(session(sessionId))).status, 204);
	for (const ask of [() => api.delete(session(sessionId)),
		() => api.get(session(sessionId, '/messages')),
		() => api.get(session(sessionId, '/conversation')),
		() => api.post(session(sessionId, '/resolve')),
		() => api.post(session(sessionId, '/cancel'))])
		assertFault(await ask(), 404, 'not_found');
	assert.deepEqual((await api.get(session(today('gone'), '/messages')))
		.json.messages, []);
	assert.deepEqual((await api.get(users('gone', 'sessions'))).json.sessions, []);
	const again = await core.say('gone', 'hello');

	assert.notEqual(again.sessionId, sessionId);
	assert.equal(again.seq, 1);
});
