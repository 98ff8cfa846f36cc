// sessiond: what is appended, and that it is kept.
import assert from 'node:assert/strict';
import { BUSINESS, withSessiond } from './asker.mjs';
import { faults, shapeFields } from './spec.mjs';

const range = (n) => Array.from({ length: n }, (_, i) => i);
const contents = (messages) => messages.map((m) => m.content);
const idOf = ({ sessionId, messageId, seq, timestamp, turnId }) =>
	({ sessionId, messageId, seq, timestamp, turnId });

export default [{
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
