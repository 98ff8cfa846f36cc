// sessiond: what it publishes, and tells again.
import assert from 'node:assert/strict';
import { withSessiond } from './asker.mjs';

const MAX_PAGE = 512 * 1024;
const range = (n) => Array.from({ length: n }, (_, i) => i);

const DURABLE = ['message', 'session', 'turn', 'handler'];
const durable = (events) => events.filter((e) => DURABLE.includes(e.event));

export default [{
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
