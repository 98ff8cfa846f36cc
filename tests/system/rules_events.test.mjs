// The core's rules of events, one by one, as far as they are sessiond's. What
// of them belongs to the gateway (14, 16, 17) is in rules_gateway.test.mjs.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { withCore } from '../lib/core.mjs';
import { until } from '../lib/until.mjs';

const HOUR = 3600 * 1000;
const DURABLE = ['message', 'session', 'turn', 'handler'];

const numbers = (events) => events.map((e) => Number(e.n));
// What users wrote, of all that is told.
const contents = (events) => events.filter((e) => e.event === 'message' &&
	e.body.type === 'user').map((e) => e.body.content);

function counted(from, count) {
	return Array.from({ length: count }, (_, i) => from + i);
}

// --- rule 15 -------------------------------------------------------------------

test('rule 15: a cursor of any epoch in the chain is answered in pages', withCore({},
	async (core) => {
		const start = await core.hello();
		const cursors = [start];

		assert.equal(start.n, '0');
		for (let i = 0; i < 4; i++) {
			await core.say('ana', `m${i}`);
			await core.restart({ signal: i % 2 ? 'SIGKILL' : 'SIGTERM' });
			cursors.push(await core.hello());
		}
		assert.equal(new Set(cursors.map((c) => c.epoch)).size, 5,
			'each start draws a new epoch');
		const now = cursors.at(-1);

		for (const [i, cursor] of cursors.entries()) {
			const page = await core.since(cursor);

			assert.deepEqual([page.epoch, page.n], [now.epoch, now.n]);
			assert.deepEqual(contents(page.events),
				['m0', 'm1', 'm2', 'm3'].slice(i));
			assert.deepEqual(numbers(page.events), counted(
				Number(cursor.n) + 1, Number(now.n) - Number(cursor.n)));
		}
		// Where an epoch ended, and where it began, are both in it.
		assert.deepEqual((await core.since(
			{ epoch: start.epoch, n: cursors[1].n })).n, now.n);
	}));

test('rule 15: a cursor beyond where its epoch ended is reset', withCore({},
	async (core) => {
		const old = await core.hello();

		await core.say('ana', 'one');
		const end = Number((await core.hello()).n);

		await core.restart();
		await core.say('ana', 'two');
		const now = await core.hello();

		assert(Number(now.n) > end);
		const page = await core.ok('events_since',
			{ epoch: old.epoch, n: String(end + 1) });

		assert.deepEqual(page, { reset: true, epoch: now.epoch, n: now.n,
			last: now.n });
		for (const beyond of [Number(now.n) + 1, '18446744073709551615'])
			assert.equal((await core.ok('events_since',
				{ epoch: now.epoch, n: String(beyond) })).reset, true);
		assert.equal((await core.ok('events_since',
			{ epoch: 'never-seen', n: '0' })).reset, true);
	}));

test('rule 15: the log keeps 24 hours; a cursor before it is reset', withCore({},
	async (core) => {
		for (const user of ['ana', 'ion']) // no turns that grow old
			await core.setHandler(user, 'person');
		const start = await core.hello();

		await core.say('ana', 'old');
		const middle = await core.hello();

		core.moveOn(20 * HOUR);
		await core.say('ion', 'young');
		// Both epochs were there when the old events went.
		core.moveOn(5 * HOUR);
		await core.restart();
		await until(async () =>
			(await core.ok('events_since', start)).reset, 'trimmed');
		assert.deepEqual(contents((await core.since(middle)).events), ['young']);
		assert.deepEqual(await core.told((await core.sessions('ana'))[0].sessionId),
			['user:old'], 'only the log forgets');
		core.moveOn(20 * HOUR);
		await core.restart();
		await until(async () => (await core.ok('events_since', middle)).reset);
		// Nothing is left, and yet everybody knows where he is.
		const now = await core.hello();

		assert.deepEqual(await core.since(now),
			{ epoch: now.epoch, n: now.n, events: [] });
		await core.say('ana', 'new');
		assert.deepEqual(contents((await core.since(now)).events), ['new']);
	}));

test('rule 15: after a backup was restored, what it does not know is reset', withCore(
	{}, async (core) => {
		const copy = path.join(core.stack.dir, 'copy');

		await core.say('ana', 'kept');
		const atCopy = await core.hello();

		await core.tool('--backup', copy);
		await core.say('ana', 'lost');
		const lost = await core.hello();

		await core.restart();
		await core.say('ana', 'lost too');
		const later = await core.hello();

		await core.kill('SIGTERM');
		await fs.rm(core.storeDir, { recursive: true });
		await fs.cp(copy, core.storeDir, { recursive: true });
		await core.restart();
		// The numbers are used again, for something else.
		for (let i = 0; i < 6; i++)
			await core.say('ana', `again ${i}`);
		const now = await core.hello();

		assert(Number(now.n) > Number(later.n));
		for (const cursor of [lost, later])
			assert.deepEqual(await core.ok('events_since', cursor),
				{ reset: true, epoch: now.epoch, n: now.n, last: now.n });
		assert.deepEqual(contents((await core.since(atCopy)).events),
			counted(0, 6).map((i) => `again ${i}`));
	}));

test('rule 15: pages are bounded, and end where the log does', withCore({},
	async (core) => {
		const start = await core.hello();
		const big = 'x'.repeat(8000);

		for (let i = 0; i < 10; i++)
			await core.append(...counted(0, 16).map((j) =>
				core.item('ana', `${i * 16 + j} ${big}`.slice(0, 8000))));
		let cursor = start, pages = 0;
		const seen = [];

		for (;;) {
			const page = await core.ok('events_since',
				{ epoch: cursor.epoch, n: cursor.n });

			assert(JSON.stringify(page).length < 512 * 1024);
			assert.equal(page.n, page.events.at(-1).n);
			seen.push(...page.events);
			pages++;
			cursor = page;
			if (page.n === page.last)
				break;
		}
		assert(pages > 3, `${pages} pages`);
		assert.deepEqual(numbers(seen), counted(1, 161));
		assert.deepEqual(contents(seen).map((text) => parseInt(text, 10)),
			counted(0, 160));
	}));

// --- rule 18 -------------------------------------------------------------------

test('rule 18: an event whose rows were deleted is left out, and counted', withCore({},
	async (core) => {
		const start = await core.hello();
		const gone = await core.say('ana', 'gone');

		await core.say('ion', 'kept');
		const agent = core.agent();

		await agent.finish(await agent.take(), 'answer');
		await core.ok('forget', { sessionId: gone.sessionId });
		const now = await core.hello();
		const page = await core.since(start);

		assert.equal(page.n, now.n);
		assert.deepEqual(contents(page.events), ['kept']);
		assert.deepEqual(page.events.filter((e) => e.body.sessionId ===
			gone.sessionId), []);
		// That it was there, and went, is all that is told of it.
		assert.deepEqual(page.events.filter((e) => e.event === 'session')
			.map((e) => [e.body.session.userId, e.body.reason]),
		[['ana', 'user_message'], ['ion', 'user_message'], ['ana', 'deleted']]);
		assert.equal(numbers(page.events).at(-1), Number(now.n));
	}));

test('rule 18: events are published in the order of commits, each once', withCore({},
	async (core) => {
		const sub = await core.listen();
		const start = await core.hello();
		const askers = await Promise.all(counted(0, 16).map(() => core.connect()));
		const agent = core.agent();

		await Promise.all(askers.map(async (req, a) => {
			for (let i = 0; i < 20; i++)
				await req.ask('append', { items: counted(0, 1 + i % 4).map((j) =>
					core.item(`u${a}`, `${a}.${i}.${j}`)) });
			req.close();
		}).concat((async () => {
			for (let i = 0; i < 20; i++)
				for (const turn of await agent.claim(16))
					await agent.finish(turn, 'yes');
		})()));
		const { n } = await core.hello();

		await sub.hear('beat', (_, e) => e.n === n);
		const heard = sub.events.filter((e) => DURABLE.includes(e.event));

		assert.deepEqual(numbers(heard), counted(1, Number(n)));
		assert.deepEqual(new Set(heard.map((e) => e.epoch)),
			new Set([start.epoch]));
		// Live and in pages, the same is said.
		assert.deepEqual((await core.since(start)).events,
			heard.map(({ n: at, event, body }) => ({ n: at, event, body })));
		// Of one user, what was stored first is told first.
		for (const [a] of askers.entries()) {
			const seqs = heard.filter((e) => e.event === 'message' &&
				e.body.type === 'user' && e.body.userId === `u${a}`)
				.map((e) => e.body.seq);

			assert.equal(seqs.length, 50);
			assert.deepEqual(seqs, [...seqs].sort((x, y) => x - y));
		}
		for (const e of sub.events)
			if (!DURABLE.includes(e.event) && e.event !== 'beat')
				assert.equal(e.n ?? e.epoch, undefined, `${e.event} has no place`);
	}));

test('rule 18: the beat repeats the last event published, after a start the last stored',
	withCore({}, async (core) => {
		const sub = await core.listen();

		await core.say('ana', 'one');
		const last = await sub.hear('message');
		const after = sub.events.length;
		const beat = await until(() => sub.events.slice(after)
			.find((e) => e.event === 'beat'));

		assert.deepEqual([beat.epoch, beat.n], [last.epoch, last.n]);
		await core.restart({ signal: 'SIGKILL' });
		const again = await core.listen();
		const first = again.events.find((e) => e.event === 'beat');
		const hello = await core.hello();

		assert.equal(first.n, last.n);
		assert.notEqual(first.epoch, last.epoch);
		assert.deepEqual([hello.epoch, hello.n, hello.boot],
			[first.epoch, first.n, first.body.boot]);
	}));

test('rule 18: what was committed and not published before a crash is in a page',
	withCore({}, async (core) => {
		for (let round = 0; round < 5; round++) {
			const sub = await core.listen();
			const start = await core.hello();
			const acknowledged = new Set();
			const load = counted(0, 8).map(async (a) => {
				const req = await core.connect();

				for (let i = 0; ; i++) {
					const item = core.item(`u${a}`, `${round}.${a}.${i}`);
					const reply = await req.ask('append', { items: [item] })
						.catch(() => null);

					if (!reply)
						return;
					acknowledged.add(item.appendId);
				}
			});

			await until(() => acknowledged.size > 50);
			await core.kill('SIGKILL');
			await Promise.all(load);
			await core.restart();
			// A gateway that heard this much asks for the rest.
			const heard = sub.events.filter((e) => DURABLE.includes(e.event));
			const rest = await core.since(
				{ epoch: start.epoch, n: heard.at(-1).n });

			assert(!rest.reset);
			const all = [...heard, ...rest.events];
			const first = Number(start.n) + 1;

			assert.deepEqual(numbers(all), counted(first, all.length));
			const told = all.filter((e) => e.event === 'message')
				.map((e) => e.body.appendId);

			assert.equal(new Set(told).size, told.length, 'each once');
			for (const appendId of acknowledged)
				assert(told.includes(appendId), 'every acknowledged message');
		}
	}));

test('a text over 16 KB is left out of events and can be asked for', withCore({},
	async (core) => {
		const start = await core.hello();
		const text = 'ă'.repeat(8000), longer = `${'ă'.repeat(7000)}\n`.repeat(2);
		const said = await core.say('ana', text);
		const agent = core.agent();

		await agent.finish(await agent.take(), longer);
		const [question, answer] = (await core.since(start)).events
			.filter((e) => e.event === 'message').map((e) => e.body);

		assert.equal(question.content, text, 'just under');
		assert.deepEqual([answer.content, answer.omitted], [undefined, true]);
		const { message } = await core.ok('message',
			{ messageId: answer.messageId });

		assert.equal(message.content, longer);
		assert.equal(message.omitted, undefined);
		assert.equal((await core.ok('message', { messageId: said.messageId }))
			.message.content, text);
	}));
