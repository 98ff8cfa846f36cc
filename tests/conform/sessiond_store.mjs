// sessiond: what is stored, how it is read, and the events that tell of it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { BUSINESS, RECORD, withSessiond } from './asker.mjs';
import { faults, shapeFields } from './spec.mjs';

const HOUR = 3600 * 1000, DAY = 24 * HOUR;
const MAX_PAGE = 512 * 1024;
const range = (n) => Array.from({ length: n }, (_, i) => i);
const contents = (messages) => messages.map((m) => m.content);
const idOf = ({ sessionId, messageId, seq, timestamp, turnId }) =>
	({ sessionId, messageId, seq, timestamp, turnId });

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

const append = [{
	at: '§4 append', what: 'ok is durable: killed right after it, nothing is gone',
	run: withSessiond(async (core) => {
		const said = [];

		for (let round = 0; round < 3; round++) {
			said.push(await core.say('ana', `m${said.length}`));
			await core.crash();
		}
		const messages = await core.history(said[0].sessionId);

		assert.deepEqual(contents(messages), ['m0', 'm1', 'm2']);
		assert.deepEqual(messages.map((m) => [m.messageId, m.seq, m.timestamp]),
			said.map((s) => [s.messageId, s.seq, s.timestamp]));
	}),
}, {
	at: '§4 shape append_result', what: 'tells where each message was stored',
	run: withSessiond(async (core) => {
		const items = [core.item('ana', 'one'), core.item('ion', 'two')];
		const results = await core.append(...items);

		for (const [i, result] of results.entries()) {
			assert.deepEqual(faults(shapeFields('append_result'), result, 'result'),
				[]);
			assert.equal(result.appendId, items[i].appendId);
			for (const field of ['sessionId', 'messageId', 'timestamp', 'turnId'])
				assert.equal(typeof result[field], 'string', field);
			assert.equal(result.seq, 1);
			assert(!result.duplicate);
		}
	}),
}, {
	at: '§4 append',
	what: 'the same appendId with the same item is stored once, also over a kill',
	run: withSessiond(async (core) => {
		const item = core.item('ana', 'once');
		const [first] = await core.append(item);
		const [again, within] = await core.append(item, item);

		await core.crash();
		const [later] = await core.append(item);

		for (const result of [again, within, later]) {
			assert.equal(result.duplicate, true);
			assert.deepEqual(idOf(result), idOf(first));
		}
		assert.equal((await core.history(first.sessionId)).length, 1);
	}),
}, {
	at: '§4 append',
	what: 'the same appendId asked at once by many connections is stored once',
	run: withSessiond(async (core) => {
		const item = core.item('ana', 'once');
		const reqs = await Promise.all(range(8).map(() => core.asker()));
		const replies = await Promise.all(reqs.map((r) =>
			r.ask('append', { items: [item] })));
		const results = replies.map((r) => r.body.results[0]);

		reqs.forEach((r) => r.close());
		assert.equal(new Set(results.map((r) => r.messageId)).size, 1);
		assert.equal(results.filter((r) => r.duplicate).length, 7);
		assert.equal((await core.history(results[0].sessionId)).length, 1);
	}),
}, {
	at: '§4 append', what: 'the same appendId with another item is a conflict',
	run: withSessiond(async (core) => {
		const item = core.item('ana', 'one');

		await core.append(item);
		for (const other of [{ content: 'two' }, { userId: 'ion' },
			{ businessId: 'other' }]) {
			const [result] = await core.append({ ...item, ...other });

			assert.equal(result.status, 'idempotency_conflict',
				JSON.stringify(other));
		}
		assert.deepEqual(await core.sessions('ion'), []);
	}),
}, {
	at: '§4 shape append_item',
	what: 'a clientMessageId with the same text is stored once, also over a kill',
	run: withSessiond(async (core) => {
		const first = await core.say('ana', 'once', { clientMessageId: 'c-1' });
		const again = await core.say('ana', 'once', { clientMessageId: 'c-1' });

		await core.crash();
		const later = await core.say('ana', 'once', { clientMessageId: 'c-1' });

		assert.deepEqual([idOf(again), idOf(later)], [idOf(first), idOf(first)]);
		assert.equal((await core.history(first.sessionId)).length, 1);
	}),
}, {
	at: '§4 shape append_item',
	what: 'a clientMessageId with another text is a conflict, of another user none',
	run: withSessiond(async (core) => {
		await core.say('ana', 'one', { clientMessageId: 'c-1' });
		const [other] = await core.append(
			core.item('ana', 'two', { clientMessageId: 'c-1' }));

		assert.equal(other.status, 'idempotency_conflict');
		assert.equal((await core.say('ion', 'two', { clientMessageId: 'c-1' }))
			.seq, 1);
		core.business = 'other';
		assert.equal((await core.say('ana', 'two', { clientMessageId: 'c-1' }))
			.seq, 1);
	}),
}, {
	at: '§4 append', what: 'items of a request are executed in their order',
	run: withSessiond(async (core) => {
		const results = await core.append(...range(64).map((i) =>
			core.item(i % 2 ? 'ana' : 'ion', `m${i}`)));

		for (const [user, rest] of [['ion', 0], ['ana', 1]]) {
			const own = results.filter((_, i) => i % 2 === rest);

			assert.deepEqual(own.map((r) => r.seq), range(32).map((i) => i + 1));
			assert.deepEqual(contents(await core.history(own[0].sessionId)),
				range(32).map((i) => `m${i * 2 + rest}`), user);
		}
	}),
}, {
	at: '§4 append', what: 'a refused item fails no other of its request',
	run: withSessiond(async (core) => {
		const results = await core.append(core.item('ana', 'one'),
			core.item('ana', 'x'.repeat(8001)), core.item('agent', 'three'),
			core.item('ana', ''), core.item('ana', 'five'));

		assert.deepEqual(results.map((r) => r.status === 'ok'),
			[true, false, false, false, true]);
		assert.equal(results[1].status, 'too_large');
		assert.deepEqual(contents(await core.history(results[0].sessionId)),
			['one', 'five']);
	}),
}, {
	at: '§4 shape append_item',
	what: '8,000 code points are stored, of whatever length; 8,001 are not',
	run: withSessiond(async (core) => {
		for (const letter of ['x', 'ț', '語', '🙂']) {
			const full = letter.repeat(8000);
			const { sessionId } = await core.say(`u${letter.codePointAt()}`,
				full);

			assert.deepEqual(contents(await core.history(sessionId)), [full]);
		}
		const [over] = await core.append(core.item('ana', 'ț'.repeat(8001)));

		assert.equal(over.status, 'too_large');
	}),
}, {
	at: '§4 shape append_item', what: 'ids outside their alphabets are refused',
	run: withSessiond(async (core) => {
		const bad = [
			...['-a', 'a b', 'a:b', 'a/b'].map((businessId) => ({ businessId })),
			...['agent', 'system', 'coordinator:x', '-a', 'a b', 'a/b', '<b>']
				.map((userId) => ({ userId })),
			...['.a', 'a b', 'a~b'].map((locationId) => ({ locationId })),
			{ metadata: [] }, { metadata: 'text' },
		];

		for (const fields of bad) {
			const reply = await core.ask('append',
				{ items: [core.item('ana', 'one', fields)] });

			assert.equal(reply.status === 'ok' ? reply.body.results[0].status
				: reply.status, 'bad_request', JSON.stringify(fields));
		}
		for (const userId of ['a.b_c@d~e+f:g-h', '7', 'u'.repeat(128)])
			await core.say(userId, 'one');
	}),
}, {
	at: '§5 shape message', what: 'what came with a message is stored with it',
	run: withSessiond(async (core) => {
		const fields = { clientMessageId: 'c 1', externalId: 'x-9',
			clientTimestamp: '2026-01-02T03:04:05.678Z',
			metadata: { a: [1, { ț: null }], b: 'ș' }, source: 'webhook' };
		const content = 'Bună <b>"ziua"</b> & \u0001 🙂';
		const said = await core.say('ana', content, fields);
		const [message] = await core.history(said.sessionId);

		const { turnId, ...where } = idOf(said);

		assert.match(turnId, /./);
		for (const [name, value] of Object.entries({ ...fields, content,
			...where, type: 'user', userId: 'ana', businessId: BUSINESS }))
			assert.deepEqual(message[name], value, name);
		assert.deepEqual((await core.ok('message',
			{ messageId: said.messageId })).message, message);
	}),
}, {
	at: '§2', what: 'a user has one session a day, however many connections ask',
	run: withSessiond(async (core) => {
		const reqs = await Promise.all(range(8).map(() => core.asker()));
		const results = (await Promise.all(range(80).map((i) =>
			reqs[i % 8].ask('append', { items: [core.item('ana', `m${i}`)] }))))
			.map((reply) => reply.body.results[0]);

		reqs.forEach((r) => r.close());
		assert.equal(new Set(results.map((r) => r.sessionId)).size, 1);
		const messages = await core.history(results[0].sessionId);

		assert.deepEqual(messages.map((m) => m.seq),
			range(80).map((i) => i + 1));
		assert.deepEqual(contents(messages).sort(),
			range(80).map((i) => `m${i}`).sort());
		const times = messages.map((m) => m.timestamp);

		assert.deepEqual(times, [...new Set(times)].sort(),
			'timestamps are strictly increasing');
	}),
}];

const reading = [{
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

// Durable events as numbers and texts.
const DURABLE = ['message', 'session', 'turn', 'handler'];
const durable = (events) => events.filter((e) => DURABLE.includes(e.event));

const events = [{
	at: '§3', what: 'durable events count up by one and come in the order of commits',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { epoch, n } = await core.hello();

		for (const i of range(20))
			await core.say(`u${i % 3}`, `m${i}`);
		const agent = core.agent();

		for (const _ of range(3))
			await agent.finish(await agent.take(), `a${_}`);
		await core.setHandler('u1', 'person');
		const end = await core.hello();

		await sub.hear('beat', (_, e) => e.n === end.n);
		const heard = durable(sub.events);

		assert.deepEqual(heard.map((e) => Number(e.n)),
			range(Number(end.n) - Number(n)).map((i) => Number(n) + 1 + i));
		assert(heard.every((e) => e.epoch === epoch));
		assert.deepEqual(heard.filter((e) => e.body.type === 'user')
			.map((e) => e.body.content), range(20).map((i) => `m${i}`));
		assert(sub.events.filter((e) => !DURABLE.includes(e.event) &&
			e.event !== 'beat').every((e) => e.n === undefined));
	}),
}, {
	at: '§4 events_since', what: 'tells again what was published, as published',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const start = await core.hello();
		const said = await core.say('ana', 'question');
		const agent = core.agent();

		await agent.finish(await agent.take(), 'answer', { usage: { a: 1 } });
		await core.setStatus(said.sessionId, 'resolved');
		const end = await core.hello();

		await sub.hear('beat', (_, e) => e.n === end.n);
		const { events: logged, n } = await core.since(start);

		assert.equal(n, end.n);
		assert.deepEqual(logged.map(({ n: at, event, body }) =>
			({ n: at, event, body })),
		durable(sub.events).map(({ n: at, event, body }) =>
			({ n: at, event, body })));
	}),
}, {
	at: '§4 events_since', what: 'comes in pages under 512 KB, up to last',
	run: withSessiond(async (core) => {
		const start = await core.hello();

		for (const i of range(10))
			await core.append(...range(10).map((j) =>
				core.item(`u${i}`, `${j}`.padEnd(8000, 'x'))));
		const seen = [];
		let cursor = start, pages = 0;

		do {
			const page = await core.ok('events_since',
				{ epoch: cursor.epoch, n: cursor.n });

			assert(Buffer.byteLength(JSON.stringify(page)) < MAX_PAGE);
			assert(page.events.length, 'a page moves on');
			seen.push(...page.events);
			pages++;
			cursor = page;
		} while (cursor.n !== cursor.last);
		assert(pages > 1);
		assert.deepEqual(seen.map((e) => Number(e.n)),
			range(seen.length).map((i) => Number(start.n) + 1 + i));
		assert.equal(seen.filter((e) => e.event === 'message').length, 100);
	}),
}, {
	at: '§3', what: 'each start draws an epoch; cursors of earlier ones are still good',
	run: withSessiond(async (core) => {
		const cursors = [await core.hello()];

		for (const i of range(3)) {
			await core.say('ana', `m${i}`);
			await core.crash();
			cursors.push(await core.hello());
		}
		assert.equal(new Set(cursors.map((c) => c.epoch)).size, 4);
		for (const [i, cursor] of cursors.entries()) {
			const { epoch, n, events: told } = await core.since(cursor);

			assert.deepEqual([epoch, n], [cursors[3].epoch, cursors[3].n]);
			assert.deepEqual(told.filter((e) => e.event === 'message')
				.map((e) => e.body.content), ['m0', 'm1', 'm2'].slice(i));
		}
	}),
}, {
	at: '§3', what: 'a cursor nobody can know of is reset',
	run: withSessiond(async (core) => {
		await core.say('ana', 'one');
		const old = await core.hello();

		await core.crash();
		await core.say('ana', 'two');
		const { epoch, n } = await core.hello();

		for (const cursor of [{ epoch: 'never', n: '0' },
			{ epoch, n: String(Number(n) + 1) },
			{ epoch, n: '18446744073709551615' },
			{ epoch: old.epoch, n: String(Number(old.n) + 1) }]) {
			const page = await core.ok('events_since', cursor);

			assert.deepEqual([page.reset, page.epoch, page.n],
				[true, epoch, n], JSON.stringify(cursor));
		}
	}),
}, {
	at: '§6 event message', what: 'carries the appendId and the conversation\'s user',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const item = core.item('ana', 'question');
		const [said] = await core.append(item);
		const agent = core.agent();

		await agent.finish(await agent.take(), 'answer');
		const { body: question } = await sub.hear('message',
			(m) => m.messageId === said.messageId);
		const { body: answer } = await sub.hear('message',
			(m) => m.type === 'agent');

		assert.equal(question.appendId, item.appendId);
		assert.deepEqual([answer.userId, answer.sender], ['agent', 'ana']);
		assert.deepEqual(answer.inReplyTo, [said.messageId]);
	}),
}, {
	at: '§6 event message', what: 'leaves a text over 16 KB out; message has it',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const text = '語'.repeat(8000);
		const said = await core.say('ana', text);
		const { body } = await sub.hear('message');

		assert.equal(body.omitted, true);
		assert.equal((await core.ok('message', { messageId: said.messageId }))
			.message.content, text);
	}),
}, {
	at: '§6 event session', what: 'tells of a new session and of every change',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { sessionId } = await core.say('ana', 'one');

		await core.setStatus(sessionId, 'resolved', { reason: 'done' });
		const { body: made } = await sub.hear('session');
		const { body: ended } = await sub.hear('session',
			(b) => b.session.status === 'resolved');

		assert.deepEqual([made.session.sessionId, made.previous],
			[sessionId, undefined]);
		assert.deepEqual([ended.previous, ended.reason], ['active', 'done']);
		assert(BigInt(ended.session.rev) > BigInt(made.session.rev));
	}),
}];

export default [...append, ...reading, ...events];
