// sessiond: what is stored, how it is read.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { BUSINESS, RECORD, withSessiond } from './asker.mjs';

const HOUR = 3600 * 1000, DAY = 24 * HOUR;
const MAX_PAGE = 512 * 1024;
const range = (n) => Array.from({ length: n }, (_, i) => i);
const contents = (messages) => messages.map((m) => m.content);

// All pages of a listing, by its cursor.
async function listed(core, op, body) {
	const all = [];
	let cursor;

	do {
		const page = await core.ok(op, { ...body, ...cursor && { cursor } });

		assert(page.sessions.length <= (body.limit ?? 100));
		all.push(...page.sessions);
		cursor = page.cursor;
	} while (cursor);
	return all;
}

export default [{
	at: '§4 history', what: 'the newest come first to hand, oldest first in order',
	run: withSessiond(async (core) => {
		const [{ sessionId }] = await core.append(...range(60).map((i) =>
			core.item('ana', `m${i}`)));
		const page = await core.ok('history', { sessionId });

		assert.equal(page.messages.length, 50);
		assert.deepEqual(contents(page.messages),
			range(60).slice(10).map((i) => `m${i}`));
		assert.equal(page.hasMore, true);
		assert.deepEqual([page.sessionId, page.businessId, page.userId],
			[sessionId, BUSINESS, 'ana']);
	}),
}, {
	at: '§4 history', what: 'pages backwards with before and forwards with after',
	run: withSessiond(async (core) => {
		const [first] = await core.append(...range(25).map((i) =>
			core.item('ana', `m${i}`)));
		const walk = async (direction, start) => {
			const pages = [];

			for (let next = start; ;) {
				const page = await core.ok('history', { limit: 10,
					sessionId: first.sessionId, ...next && { [direction]: next } });

				pages.push(contents(page.messages));
				if (!page.hasMore)
					return pages;
				next = page.next;
			}
		};
		const all = range(25).map((i) => `m${i}`);

		assert.deepEqual(await walk('before'),
			[all.slice(15), all.slice(5, 15), all.slice(0, 5)]);
		assert.deepEqual(await walk('after', first.timestamp),
			[all.slice(1, 11), all.slice(11, 21), all.slice(21)]);
	}),
}, {
	at: '§1 Envelopes', what: 'a page stays under 512 KB, and nothing is left out',
	run: withSessiond(async (core) => {
		let sessionId;

		for (let i = 0; i < 6; i++)
			[{ sessionId }] = await core.append(...range(10).map((j) =>
				core.item('ana', `${i * 10 + j} `.padEnd(8000, '語'))));
		const page = await core.ok('history', { sessionId, limit: 200 });

		assert(Buffer.byteLength(JSON.stringify(page)) < MAX_PAGE);
		assert.equal(page.hasMore, true);
		assert.deepEqual((await core.history(sessionId)).map((m) =>
			parseInt(m.content, 10)), range(60));
	}),
}, {
	at: '§4 history', what: 'an alias of today means the session of today',
	run: withSessiond(async (core) => {
		const midnight = Math.floor(Date.now() / DAY) * DAY;
		const alias = (user, ms) => `${BUSINESS}:${user}:${ms}`;
		const { sessionId } = await core.say('ana', 'one');
		const page = await core.ok('history',
			{ sessionId: alias('ana', midnight) });

		assert.equal(page.sessionId, sessionId);
		assert.deepEqual(contents(page.messages), ['one']);
		// Of a user without a session, and of another date.
		for (const empty of [alias('ion', midnight),
			alias('ana', midnight - 40 * DAY), alias('a:b', midnight)]) {
			const { sessionId: told, messages } = await core.ok('history',
				{ sessionId: empty });

			assert.deepEqual([told, messages], [empty, []]);
		}
	}),
}, {
	at: '§4 history', what: 'an unknown id that is no alias is not_found',
	run: withSessiond(async (core) => {
		for (const sessionId of [randomUUID(), 'x', 'a:b', ':::'])
			await core.refused('not_found', 'history', { sessionId });
		await core.refused('not_found', 'message', { messageId: randomUUID() });
	}),
}, {
	at: '§4 recent', what: 'tells the words of agent and system, not the user\'s',
	run: withSessiond(async (core) => {
		const { sessionId } = await core.say('ana', 'question');
		const agent = core.agent();

		await agent.finish(await agent.take(), 'answer');
		await core.setStatus(sessionId, 'closed');
		const { messages, now } = await core.ok('recent',
			{ businessId: BUSINESS, userId: 'ana', withinMs: 60000 });

		assert.deepEqual(messages.map((m) => m.type), ['agent', 'system']);
		assert(Math.abs(Date.parse(now) - Date.now()) < HOUR);
		assert.deepEqual((await core.ok('recent', { businessId: BUSINESS,
			userId: 'ion', withinMs: 60000 })).messages, []);
	}),
}, {
	at: '§4 sessions', what: 'lists a business state by state, or one state, in pages',
	run: withSessiond(async (core) => {
		const states = ['active', 'resolved', 'closed', 'abandoned'];

		for (const [i, user] of range(23).map((u) => [u, `u${u}`])) {
			const { sessionId } = await core.say(user, 'hello');

			if (i % 4)
				await core.setStatus(sessionId, states[i % 4]);
		}
		const all = await listed(core, 'sessions',
			{ businessId: BUSINESS, limit: 5 });

		assert.deepEqual(all.map((s) => s.status), states.flatMap((s, i) =>
			range(23).filter((u) => u % 4 === i).map(() => s)));
		assert.equal(new Set(all.map((s) => s.sessionId)).size, 23);
		const closed = await listed(core, 'sessions',
			{ businessId: BUSINESS, status: 'closed', limit: 2 });

		assert.deepEqual(closed.map((s) => s.userId).sort(),
			['u10', 'u14', 'u18', 'u2', 'u22', 'u6']);
	}),
}, {
	at: '§4 sessions', what: 'lists a user\'s, a location\'s, some days\'',
	run: withSessiond(async (core) => {
		const said = await core.say('ana', 'one', { locationId: 'north' });

		await core.say('ion', 'two', { locationId: 'south' });
		const ids = async (fields) => (await listed(core, 'sessions',
			{ businessId: BUSINESS, ...fields })).map((s) => s.userId);
		const [session] = await core.sessions('ana');

		assert.equal(session.sessionId, said.sessionId);
		assert.equal(session.lastSeq, 1);
		assert.deepEqual(await ids({ userId: 'ana' }), ['ana']);
		assert.deepEqual(await ids({ userId: 'nobody' }), []);
		assert.deepEqual(await ids({ locationId: 'south' }), ['ion']);
		assert.deepEqual((await ids({ fromDay: session.day,
			toDay: session.day })).sort(), ['ana', 'ion']);
		assert.deepEqual(await ids({ toDay: '2001-01-01' }), []);
		assert.deepEqual(await ids({ fromDay: '2999-01-01' }), []);
	}),
}, {
	at: '§4 idle_sessions',
	what: 'of all businesses, each once, in pages',
	run: withSessiond(async (core) => {
		const made = [];

		for (const i of range(9)) {
			core.business = `b${i % 3}`;
			made.push((await core.say(`u${i}`, 'one')).sessionId);
		}
		const before = new Date(Date.now() + HOUR).toISOString();
		const idle = (fields) => listed(core, 'idle_sessions',
			{ status: 'active', before, limit: 2, ...fields });

		assert.deepEqual((await idle({})).map((s) => s.sessionId).sort(),
			made.sort());
		assert.deepEqual(await idle({ status: 'closed' }), []);
		assert.deepEqual(await idle({ before: '2001-01-01T00:00:00.000Z' }), []);
		const { now } = await core.ok('idle_sessions',
			{ status: 'active', before });

		assert(Math.abs(Date.parse(now) - Date.now()) < HOUR);
	}),
}, {
	at: '§4 tenant', what: 'tells a record with its folder\'s contents, or a default one',
	run: withSessiond(async (core) => {
		const own = await core.ok('tenant', { businessId: BUSINESS });

		assert.equal(own.listed, true);
		assert.equal(own.record.name, RECORD.name);
		const other = await core.ok('tenant', { businessId: 'elsewhere' });

		assert(!other.listed);
		assert.equal(typeof other.record, 'object');
	}),
}];
