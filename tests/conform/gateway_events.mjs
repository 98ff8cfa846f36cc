// gateway: events of sessiond, and who hears of them.
import assert from 'node:assert/strict';
import { sleep, until } from '../lib/until.mjs';
import { BUSINESS, withGateway } from './chat.mjs';

const texts = (client) => client.payloads('new_message').map((m) => m.message);
const HOSTILE = `<img src=x onerror="alert('1')"> & more`;
const SAFE = '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt; &amp; more';

// All that a client heard, without the marks of settled().
const heardBy = (client) => texts(client).filter((t) => !t.startsWith('mark '));

export default [{
	at: '§7 The channel messages:{businessId}',
	what: 'an answer reaches all sockets of its user and coordinators, nobody else',
	run: withGateway(async (chat, fake) => {
		const own = [await chat.client('ana'), await chat.client('ana')];
		const other = await chat.client('ion');
		const boss = await chat.coordinator('eva');
		const said = fake.agentSays('ana', 'for ana', { inReplyTo: ['m-1'],
			sources: [{ title: 'T', path: 'p', snippet: 's' }] });

		for (const client of [...own, boss]) {
			const m = await client.waitFor('new_message');

			assert.deepEqual([m.responseId, m.messageId, m.message, m.seq,
				m.sessionId, m.timestamp, m.inReplyTo, m.sender, m.actions,
				m.sources, m.userId],
			[said.messageId, said.messageId, 'for ana', said.seq,
				said.sessionId, said.timestamp, ['m-1'], 'agent', [],
				said.sources, 'ana']);
		}
		await chat.settled(other);
		assert.deepEqual(heardBy(other), []);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'the same user of another business hears nothing',
	run: withGateway(async (chat, fake) => {
		const other = await chat.client('ana', { business: 'B2' });
		const own = await chat.client('ana');

		fake.agentSays('ana', 'for B1');
		await own.waitFor('new_message');
		const mark = fake.agentSays('ana', 'for B2', { businessId: 'B2' });

		await other.waitFor('new_message', (m) => m.messageId === mark.messageId);
		assert.deepEqual(texts(other), ['for B2']);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'user_message goes to the user\'s other sockets, not to the sending one',
	run: withGateway(async (chat) => {
		const sender = await chat.client('ana'), twin = await chat.client('ana');
		const sent = await sender.send('Bună', { clientMessageId: 'c-1' });
		const echo = await twin.waitFor('user_message');

		assert.deepEqual([echo.messageId, echo.sessionId, echo.seq, echo.message,
			echo.timestamp, echo.userId], [sent.messageId, sent.sessionId,
			sent.seq, 'Bună', sent.timestamp, 'ana']);
		await chat.settled(sender);
		assert.deepEqual(sender.payloads('user_message'), []);
	}),
}, {
	at: '§7 Connecting', what: 'who has not declared himself gets every string escaped',
	run: withGateway(async (chat, fake) => {
		const page = await chat.client('ana', { format: null });
		const declared = await chat.client('ana');
		const extra = { sources: [{ title: HOSTILE, path: HOSTILE, snippet: '' }],
			actions: [{ id: '1', type: 't', name: HOSTILE,
				arguments: { '<b>': [HOSTILE] } }] };

		fake.agentSays('ana', HOSTILE, extra);
		const safe = await page.waitFor('new_message');
		const raw = await declared.waitFor('new_message');

		assert.doesNotMatch(JSON.stringify(safe).replaceAll('\\"', '!'),
			/[<>']|!/);
		assert.equal(safe.message, SAFE);
		assert.equal(safe.sources[0].title, SAFE);
		assert.deepEqual(safe.actions[0].arguments, { '&lt;b&gt;': [SAFE] });
		assert.deepEqual([raw.message, raw.actions, raw.sources[0].title],
			[HOSTILE, extra.actions, HOSTILE]);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'a turn\'s end is message_processed; coordinators hear all of it',
	run: withGateway(async (chat, fake) => {
		const own = await chat.client('ana'), other = await chat.client('ion');
		const boss = await chat.coordinator('eva');

		fake.event('turn', { turnId: 't-1', businessId: BUSINESS, userId: 'ana',
			sessionId: 'session-ana', outcome: 'fallback', reason: 'attempts',
			messageIds: ['m-1'], timestamp: '2026-01-02T03:04:05.678Z',
			attempts: 3, usage: { tokens: 5 } });
		const told = await own.waitFor('message_processed');
		const all = await boss.waitFor('message_processed');

		assert.deepEqual(told, { messageIds: ['m-1'], sessionId: 'session-ana',
			turnId: 't-1', status: 'fallback',
			timestamp: '2026-01-02T03:04:05.678Z' });
		assert.deepEqual([all.userId, all.attempts, all.usage, all.reason],
			['ana', 3, { tokens: 5 }, 'attempts']);
		await chat.settled(other);
		assert.deepEqual(other.payloads('message_processed'), []);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'typing starts with progress, and stops with the turn',
	run: withGateway(async (chat, fake) => {
		const own = await chat.client('ana'), other = await chat.client('ion');
		const turn = { turnId: 't-1', businessId: BUSINESS, userId: 'ana',
			sessionId: 'session-ana' };

		fake.hint('turn_progress', { ...turn, state: 'started' });
		await own.waitFor('typing', (t) => t.turnId === 't-1' &&
			t.state === 'started');
		fake.event('turn', { ...turn, outcome: 'cancelled',
			timestamp: '2026-01-02T03:04:05.678Z' });
		await own.waitFor('typing', (t) => t.state === 'stopped');
		await chat.settled(other);
		assert.deepEqual(other.payloads('typing'), []);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'a session\'s change is session_update',
	run: withGateway(async (chat, fake) => {
		const own = await chat.client('ana');
		const time = '2026-01-02T03:04:05.678Z';

		fake.event('session', { session: { sessionId: 's', businessId: BUSINESS,
			userId: 'ana', status: 'resolved', createdAt: time, updatedAt: time,
			lastMessageAt: time, day: '2026-01-02', rev: '4' },
		previous: 'active', reason: 'done', by: 'coordinator:c' });
		const told = await own.waitFor('session_update');

		assert.deepEqual([told.sessionId, told.status, told.previous, told.reason],
			['s', 'resolved', 'active', 'done']);
	}),
}, {
	at: '§3', what: 'an event that comes twice, or is old, is applied once',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		for (const text of ['one', 'two', 'three'])
			fake.agentSays('ana', text);
		for (const { n, event, body } of fake.log)
			fake.pub.send({ event, epoch: fake.epoch, n, body });
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['one', 'two', 'three']);
	}),
}, {
	at: '§3', what: 'a hole is asked for from the cursor on, and filled in order',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'one');
		await client.waitFor('new_message');
		const cursor = String(fake.n);

		fake.agentSays('ana', 'two', {}, { lost: true });
		fake.agentSays('ana', 'three', {}, { lost: true });
		fake.agentSays('ana', 'four');
		const [{ body }] = await fake.heard('events_since');

		assert.deepEqual(body, { epoch: fake.epoch, n: cursor });
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['one', 'two', 'three', 'four']);
	}),
}, {
	at: '§3', what: 'a beat that is ahead makes it ask',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'lost', {}, { lost: true });
		await client.waitFor('new_message', (m) => m.message === 'lost');
		assert.equal(fake.of('events_since').length, 1);
	}),
}, {
	at: '§3', what: 'another epoch is not applied, but asked for from the old cursor',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'before');
		await client.waitFor('new_message');
		const old = { epoch: fake.epoch, n: String(fake.n) };

		fake.begin(); // no connection breaks
		fake.agentSays('ana', 'after');
		const [{ body }] = await fake.heard('events_since');

		assert.deepEqual(body, old);
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['before', 'after']);
	}),
}, {
	at: '§3', what: 'a later hello does not move the cursor: what was missed is asked for',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'one');
		await client.waitFor('new_message');
		const cursor = { epoch: fake.epoch, n: String(fake.n) };

		fake.agentSays('ana', 'missed', {}, { lost: true });
		fake.rep.drop();
		fake.pub.drop();
		const [{ body }] = await fake.heard('events_since');

		assert.deepEqual(body, cursor);
		await client.waitFor('new_message', (m) => m.message === 'missed');
		assert.deepEqual(heardBy(client), ['one', 'missed']);
	}),
}, {
	at: '§3', what: 'one question at a time; meanwhile nothing live is applied',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const held = [];

		fake.answers.events_since = (_, asked) => {
			held.push(asked);
		};
		fake.agentSays('ana', 'one', {}, { lost: true });
		fake.agentSays('ana', 'two');
		await until(() => held.length);
		fake.agentSays('ana', 'three');
		await sleep(1500); // beats come, and change nothing
		assert.deepEqual([held.length, texts(client)], [1, []]);
		delete fake.answers.events_since;
		held[0].reply(fake.on_events_since(held[0].body));
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['one', 'two', 'three']);
	}),
}, {
	at: '§3', what: 'pages are asked for until last',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.answers.events_since = ({ n }) => {
			const events = fake.log.filter((e) => Number(e.n) > Number(n))
				.slice(0, 2);

			return { body: { epoch: fake.epoch, n: events.at(-1)?.n ?? n,
				last: String(fake.n), events } };
		};
		const said = Array.from({ length: 9 }, (_, i) => `m${i}`);

		said.forEach((t) => fake.agentSays('ana', t, {}, { lost: true }));
		await chat.settled(client);
		assert.deepEqual(heardBy(client), said);
		assert(fake.of('events_since').length >= 5);
	}),
}, {
	at: '§4 events_since', what: 'what a page leaves out still counts',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'forgotten', {}, { lost: true });
		fake.log.pop();
		fake.agentSays('ana', 'kept');
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['kept']);
		const asked = fake.of('events_since').length;

		await sleep(2500);
		assert.equal(fake.of('events_since').length, asked, 'it is content');
	}),
}, {
	at: '§3', what: 'reset is a resync for who declared himself, and moves the cursor',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.answers.events_since = () => ({ body: { reset: true,
			epoch: fake.epoch, n: String(fake.n), last: String(fake.n) } });
		const before = client.payloads('resync').length;

		fake.agentSays('ana', 'lost', {}, { lost: true });
		await until(() => client.payloads('resync').length > before);
		delete fake.answers.events_since;
		await chat.settled(client);
		assert.deepEqual(heardBy(client), []);
	}),
}, {
	at: '§4 recent', what: 'after a reset the others are sent what they missed, once',
	run: withGateway(async (chat, fake) => {
		const page = await chat.client('ana', { format: null });
		const known = fake.agentSays('ana', 'known');

		await page.waitFor('new_message');
		const lost = fake.agentSays('ana', 'lost', {}, { lost: true });

		fake.answers.recent = () => ({ body: { now: lost.timestamp,
			messages: [known, lost] } });
		fake.answers.events_since = () => ({ body: { reset: true,
			epoch: fake.epoch, n: String(fake.n), last: String(fake.n) } });
		await page.waitFor('new_message', (m) => m.message === 'lost');
		const [{ body }] = fake.of('recent');

		assert.deepEqual([body.businessId, body.userId], [BUSINESS, 'ana']);
		delete fake.answers.events_since;
		await chat.settled(page);
		assert.deepEqual(heardBy(page), ['known', 'lost']);
	}),
}, {
	at: '§7 What a gateway owes sessiond',
	what: 'the first hello is a resync for whoever had joined by then',
	run: withGateway(async (chat, fake) => {
		const early = await chat.client('ana');

		await fake.heard('hello');
		delete fake.answers.hello;
		fake.of('hello').forEach((a) => a.reply(fake.on_hello()));
		await early.waitFor('resync');
	}, { prepare: (fake) => fake.answers.hello = () => {} }),
}, {
	at: '§6 event message', what: 'a text that was left out is asked for',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const long = 'ț'.repeat(20000);
		const m = fake.message('ana', { type: 'agent', userId: 'agent',
			sender: 'ana', inReplyTo: [], content: long });
		const { content: _, ...rest } = m;

		fake.answers.message = () => ({ body: { message: m } });
		fake.event('message', { ...rest, omitted: true });
		fake.agentSays('ana', 'after');
		await chat.settled(client);
		assert.deepEqual(heardBy(client), [_, 'after']);
		assert.deepEqual(fake.of('message').map((a) => a.body.messageId),
			[m.messageId]);
	}),
}, {
	at: '§1 Envelopes', what: 'unknown events count, unknown fields are ignored',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.event('never_heard_of', { a: 1 });
		fake.hint('nor_of_this', {});
		fake.agentSays('ana', 'one', { later: { a: [1] } });
		await chat.settled(client);
		assert.deepEqual(heardBy(client), ['one']);
		assert.deepEqual(fake.of('events_since'), []);
	}),
}, {
	at: '§3', what: 'three seconds without a beat: it dials again, and misses nothing',
	long: true,
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const sockets = [...fake.rep.sockets, ...fake.pub.sockets];

		fake.silent = true;
		fake.agentSays('ana', 'unheard', {}, { lost: true });
		await until(() => sockets.every((s) => s.destroyed ||
			s.readyState !== 'open'), { what: 'dialing again' });
		fake.silent = false;
		await client.waitFor('new_message');
		assert.deepEqual(heardBy(client), ['unheard']);
		assert.equal(client.channel.state, 'joined');
	}),
}];
