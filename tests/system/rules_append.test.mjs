// The core's rules of appending, one by one, against the real sessiond. What
// of them belongs to the gateway (2, 3) is in rules_gateway.test.mjs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { withCore } from '../lib/core.mjs';
import { sleep, until } from '../lib/until.mjs';

const HOUR = 3600 * 1000;

// The same object without what only says that it was asked for again.
function first({ duplicate, ...result }) {
	return result;
}

test('rule 1: a retry in the same batch is stored once', withCore({},
	async (core) => {
		const item = core.item('ana', 'Salut');
		const [a, b] = await core.append(item, item);

		assert.equal(a.status, 'ok');
		assert.equal(b.duplicate, true);
		assert.deepEqual(first(b), a);
		// And as the network would bring it: the same request many times at
		// once, which the writer takes together.
		for (let round = 0; round < 20; round++) {
			const again = core.item('ana', `round ${round}`);
			const results = (await Promise.all(Array.from({ length: 8 },
				() => core.append(again)))).flat();

			assert.equal(results.filter((r) => !r.duplicate).length, 1);
			for (const result of results)
				assert.deepEqual(first(result), first(results[0]));
		}
		assert.equal((await core.history(a.sessionId)).length, 21);
	}));

test('rule 1: the same client message id in one batch is one message, one turn',
	withCore({}, async (core) => {
		const clientMessageId = 'c1';
		const [a, b, c] = await core.append(
			core.item('ana', 'Salut', { clientMessageId }),
			core.item('ana', 'Salut', { clientMessageId }),
			core.item('ion', 'Salut', { clientMessageId }));

		assert.deepEqual([a.status, b.status, c.status], ['ok', 'ok', 'ok']);
		assert.equal(b.messageId, a.messageId);
		assert.equal(b.turnId, a.turnId);
		assert.notEqual(c.messageId, a.messageId, 'another user, another scope');
		assert.deepEqual(await core.told(a.sessionId), ['user:Salut']);
	}));

test('rule 1: 64 first messages of one user at once make one session', withCore({},
	async (core) => {
		const askers = await Promise.all(
			Array.from({ length: 64 }, () => core.connect()));
		const replies = await Promise.all(askers.map((req, i) =>
			req.ask('append', { items: [core.item('ana', `m${i}`)] })));
		const results = replies.map((reply) => reply.body.results[0]);

		for (const req of askers)
			req.close();
		assert.equal(new Set(results.map((r) => r.sessionId)).size, 1);
		assert.deepEqual(results.map((r) => r.seq).sort((a, b) => a - b),
			Array.from({ length: 64 }, (_, i) => i + 1));
		assert.equal((await core.sessions('ana')).length, 1);
	}));

test('rule 1: a turn that an earlier item of the batch queued is seen by the next',
	withCore({}, async (core) => {
		core.business = 'rejects';
		const [a, b, c] = await core.append(core.item('ana', 'one'),
			core.item('ana', 'two'), core.item('ion', 'three'));

		assert.deepEqual([a.status, b.status, c.status],
			['ok', 'rate_limited', 'ok']);
		assert.deepEqual(await core.told(a.sessionId), ['user:one']);
	}));

test('rule 1: a take-over and a message at once: a person handles it', withCore({},
	async (core) => {
		for (let round = 0; round < 20; round++) {
			const user = `u${round}`;
			const [said] = await Promise.all([core.say(user, 'Salut'),
				core.setHandler(user, 'person')]);

			// Whichever came first, no agent may get it.
			assert.equal(await core.turnState(said.turnId), 'left_to_person');
		}
		assert.deepEqual(await core.agent().claim(16), []);
	}));

test('rule 1: a refused item leaves nothing and fails no other', withCore({},
	async (core) => {
		const before = await core.hello();
		const good = core.item('ana', 'before');
		const results = await core.append(
			good,
			core.item('coordinator:x', 'not a user'),
			core.item('new', ' \n\t '),
			core.item('new', 'x'.repeat(8001)),
			core.item('new', 'source', { source: 'pigeon' }),
			core.item('new', 'business', { businessId: '.hidden' }),
			core.item('new', 'location', { locationId: '../x' }),
			core.item('new', 'metadata', { metadata: [1] }),
			{ ...good, content: 'another text' },
			core.item('ana', 'after'));

		assert.deepEqual(results.map((r) => r.status), ['ok', 'bad_request',
			'missing_field', 'too_large', 'bad_request', 'bad_request',
			'bad_request', 'bad_request', 'idempotency_conflict', 'ok']);
		for (const { status, error, sessionId } of results)
			assert.equal(status === 'ok', !error && !!sessionId);
		assert.deepEqual((await core.history(results[0].sessionId))
			.map((m) => [m.seq, m.content]), [[1, 'before'], [2, 'after']]);
		assert.deepEqual(await core.sessions('new'), []);
		// One session began, two messages came: nothing else was logged.
		const { events } = await core.since(before);

		assert.deepEqual(events.map((e) => e.event),
			['session', 'message', 'message']);
	}));

test('rule 2: the items of a request are executed in their order', withCore({},
	async (core) => {
		const items = Array.from({ length: 64 },
			(_, i) => core.item(i % 2 ? 'ana' : 'ion', `m${i}`));
		const results = await core.append(...items);

		assert.deepEqual(results.map((r) => r.appendId),
			items.map((i) => i.appendId));
		for (const [user, odd] of [['ana', 1], ['ion', 0]]) {
			const { sessionId } = results[odd];

			assert.deepEqual((await core.history(sessionId))
				.map((m) => [m.userId, m.content]),
			items.filter((i) => i.userId === user)
				.map((i) => [user, i.content]));
		}
	}));

test('rule 4: time that has run out does not undo an append', withCore({},
	async (core) => {
		await core.hello();
		core.sessiond.freeze();
		const asked = core.ask('append',
			{ items: [core.item('ana', 'late')] }, { ttlMs: 1 });

		await sleep(300);
		core.sessiond.thaw();

		const { status, body } = await asked;

		assert.equal(status, 'ok');
		assert.equal(body.results[0].status, 'ok');
		assert.deepEqual(await core.told(body.results[0].sessionId),
			['user:late']);
	}));

test('rule 5: a resend after the session was deleted gets the first reply, stores nothing',
	withCore({}, async (core) => {
		const item = core.item('ana', 'Salut', { clientMessageId: 'c1' });
		const [said] = await core.append(item);

		assert.equal((await core.ok('forget',
			{ sessionId: said.sessionId })).deleted, true);
		const before = await core.hello();
		const [again] = await core.append(item);
		const [anew] = await core.append({ ...item, appendId: randomUUID() });

		assert.deepEqual(again, { ...said, duplicate: true });
		assert.deepEqual(anew,
			{ ...said, appendId: anew.appendId, duplicate: true });
		assert.deepEqual(await core.history(said.sessionId), []);
		assert.deepEqual(await core.sessions('ana'), []);
		assert.equal((await core.hello()).n, before.n, 'nothing happened');
	}));

test('rule 5: what is kept of a deleted message is ids, never its text', withCore({},
	async (core) => {
		const secret = 'Nobody shall read this again.';
		const said = await core.say('ana', secret, { clientMessageId: 'c1' });
		const onDisk = async () => (await core.backup()).includes(secret);

		assert(await onDisk());
		await core.ok('forget', { sessionId: said.sessionId });
		await until(async () => !await onDisk());
		assert((await core.backup()).includes(said.messageId));
	}));

test('rule 5: the same append id with another body is a conflict', withCore({},
	async (core) => {
		const item = core.item('ana', 'Salut', { metadata: { page: 1 },
			clientTimestamp: '2026-01-01T00:00:00.000Z', externalId: 'e1' });
		const [said] = await core.append(item);
		const others = [{ content: 'Salut!' }, { userId: 'ion' },
			{ businessId: 'rejects' }, { locationId: 'L2' },
			{ source: 'webhook' }, { metadata: { page: 2 } },
			{ clientTimestamp: '2026-01-01T00:00:00.001Z' },
			{ externalId: 'e2' }, { clientMessageId: 'c1' }];
		const results = await core.append(
			...others.map((other) => ({ ...item, ...other })));

		for (const [i, result] of results.entries())
			assert.equal(result.status, 'idempotency_conflict',
				JSON.stringify(others[i]));
		assert.deepEqual(await core.told(said.sessionId), ['user:Salut']);
	}));

test('rule 5: the same client message id with another text is a conflict', withCore({},
	async (core) => {
		const fields = { clientMessageId: 'c1' };
		const said = await core.say('ana', 'one', fields);
		const [other, same] = await core.append(
			core.item('ana', 'two', fields),
			// Its metadata may differ: a page that was loaded again.
			core.item('ana', 'one', { ...fields, metadata: { page: 2 } }));

		assert.equal(other.status, 'idempotency_conflict');
		assert.equal(same.messageId, said.messageId);
	}));

test('rule 5: append ids are kept for 24 hours, client message ids for 72', withCore({},
	async (core) => {
		const make = async (n) => {
			const item = core.item('ana', `m${n}`, { clientMessageId: `c${n}` });

			return { item, said: (await core.append(item))[0] };
		};
		// A known append id conflicts with another text; a forgotten one
		// stores it. A known client message id finds its message.
		const appendIdKnown = async ({ item }) => (await core.append({ ...item,
			content: 'probe', clientMessageId: undefined }))[0].status !== 'ok';
		const clientIdKnown = async ({ item, said }) => (await core.append(
			{ ...item, appendId: randomUUID() }))[0].messageId ===
				said.messageId;
		// A clock that jumps by more than a day while sessiond runs is not
		// believed; one that has moved while it was down is.
		const later = async (ms) => {
			core.moveOn(ms);
			await core.restart();
		};
		const elder = await make(1);

		core.moveOn(2 * HOUR);
		const younger = await make(2);

		await later(22.5 * HOUR);
		await until(async () => !await appendIdKnown(elder));
		assert(await appendIdKnown(younger));
		await later(2 * HOUR);
		await until(async () => !await appendIdKnown(younger));
		await later(46 * HOUR);
		await until(async () => !await clientIdKnown(elder));
		assert(await clientIdKnown(younger));
		await later(2 * HOUR);
		await until(async () => !await clientIdKnown(younger));
	}));

test('timestamps rise within a session, also when the clock goes back', withCore({},
	async (core) => {
		const now = core.now();
		const noon = now - now % (24 * HOUR) + 12 * HOUR;

		core.setNow(noon);
		const items = () => Array.from({ length: 30 },
			(_, i) => core.item('ana', `m${i}`));
		const { sessionId } = (await core.append(...items()))[0];

		core.setNow(noon - HOUR);
		await core.append(...items());
		core.setNow(noon + HOUR);
		await core.append(...items());

		const times = (await core.history(sessionId)).map((m) => m.timestamp);

		assert.equal(times.length, 90);
		assert.deepEqual(times, [...new Set(times)].sort());
		// So the timestamp of any message is an exact cursor.
		const page = await core.ok('history',
			{ sessionId, before: times[45], limit: 10 });

		assert.deepEqual(page.messages.map((m) => m.seq),
			[36, 37, 38, 39, 40, 41, 42, 43, 44, 45]);
	}));
