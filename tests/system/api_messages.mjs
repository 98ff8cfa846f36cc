// The HTTP API: messages are sent and read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { api, assertFault, core, enc, message, session, shared }
	from '../lib/api.mjs';

const MARKUP = '<b title=\'1\'>"A & B"</b>';
const ESCAPED = '&lt;b title=&#39;1&#39;&gt;&quot;A &amp; B&quot;&lt;/b&gt;';

test('a message of another system is answered where its receipt says', async () => {
	const agent = core.agent();
	const sent = await api.post('/api/messages', message('mara', MARKUP,
		{ source: 'cron', externalId: 'order 7', metadata: { n: 1 },
			timestamp: '2026-11-22T10:00:00+02:00' }));

	assert.equal(sent.status, 202);
	const { sessionId, messageId, seq, timestamp, poll } = sent.json;

	assert.deepEqual([seq, sent.json.duplicate], [1, undefined]);
	assert.deepEqual((await api.get(poll)).json.messages, []);
	await agent.finish(await agent.take(), MARKUP);
	const [answer] = (await api.get(poll)).json.messages;

	assert.deepEqual([answer.type, answer.content, answer.metadata.inReplyTo],
		['agent', ESCAPED, [messageId]]);
	const [asked] = (await api.get(
		session(sessionId, '/messages?format=text'))).json.messages;

	assert.deepEqual(asked, { messageId, sessionId, businessId: 'plain',
		userId: 'mara', content: MARKUP, type: 'user', timestamp,
		metadata: { source: 'cron', externalId: 'order 7', seq: 1,
			clientMessageId: 'ext:order 7',
			clientTimestamp: '2026-11-22T08:00:00.000Z', client: { n: 1 } } });
});

test('an externalId makes a message happen once for its user', async () => {
	const send = (user, text, fields) =>
		api.post('/api/messages', message(user, text, fields));
	const first = await send('ion', 'Salut', { externalId: 'a' });
	const again = await send('ion', 'Salut',
		{ externalId: 'a', source: 'cron' });

	assert.equal(again.status, 202);
	assert.deepEqual(again.json, { ...first.json, duplicate: true });
	assertFault(await send('ion', 'Altceva', { externalId: 'a' }),
		409, 'idempotency_conflict');
	const other = await send('ioana', 'Salut', { externalId: 'a' });

	assert.equal(other.json.duplicate, undefined);
	assert.notEqual(other.json.messageId, first.json.messageId);

	const many = await Promise.all(Array.from({ length: 30 },
		() => send('ion', 'Deodată', { externalId: 'b' })));

	assert.deepEqual([...new Set(many.map((m) => m.status))], [202]);
	assert.equal(new Set(many.map((m) => m.json.messageId)).size, 1);
	for (let i = 0; i < 2; i++)
		await send('ion', 'Fără id');
	const told = (await shared.stack.history(first.json.sessionId))
		.map((m) => m.content);

	assert.deepEqual(told, ['Salut', 'Deodată', 'Fără id', 'Fără id']);
});

test('messages sent at once by one system all come, each in one place', async () => {
	const sent = await Promise.all(Array.from({ length: 100 }, (_, i) =>
		api.post('/api/messages', message('many', `m${i}`))));
	const stored = await shared.stack.history(sent[0].json.sessionId);

	assert.deepEqual(stored.map((m) => m.metadata.seq),
		Array.from({ length: 100 }, (_, i) => i + 1));
	for (const [i, { status, json }] of sent.entries()) {
		assert.equal(status, 202);
		assert.equal(stored[json.seq - 1].messageId, json.messageId);
		assert.equal(stored[json.seq - 1].content, `m${i}`);
	}
});

test('what a user wrote elsewhere is seen on all of its sockets', async () => {
	const client = await shared.stack.client({ business: 'plain', user: 'sorin' });
	const sent = await client.send('Din pagină');
	const posted = await api.post('/api/messages',
		message('sorin', 'Din alt sistem', { externalId: 'x' }));
	const heard = await client.waitFor('user_message');

	assert.deepEqual([heard.messageId, heard.message, heard.clientMessageId],
		[posted.json.messageId, 'Din alt sistem', 'ext:x']);
	assert.equal(posted.json.sessionId, sent.sessionId);
	assert.equal(posted.json.seq, sent.seq + 1);
	assert.equal(client.payloads('user_message').length, 1);
});

test('each fault of a message is named', async () => {
	const good = message('ana', 'Salut');
	const cases = {
		businessId: [{ businessId: undefined }, { businessId: '' },
			{ businessId: 5 }, { businessId: 'a b' }],
		userId: [{ userId: undefined }, { userId: null }, { userId: [] },
			{ userId: 'agent' }, { userId: 'coordinator:x' }],
		locationId: [{ locationId: undefined }, { locationId: {} },
			{ locationId: '../x' }],
		message: [{ message: undefined }, { message: '  ' }, { message: true }],
		source: [{ source: 'websocket' }, { source: '' }, { source: 1 }],
		externalId: [{ externalId: '' }, { externalId: 'ș' }, { externalId: 1 },
			{ externalId: 'x'.repeat(121) },
			{ externalId: 'a', clientMessageId: 'b' }],
		clientMessageId: [{ clientMessageId: 1 }, { clientMessageId: '' },
			{ clientMessageId: 'x'.repeat(129) }],
		metadata: [{ metadata: [] }, { metadata: 'x' }],
	};

	for (const [name, faults] of Object.entries(cases))
		for (const fault of faults) {
			const answer = await api.post('/api/messages', { ...good, ...fault });

			assert.equal(answer.status, 400, JSON.stringify(fault));
			assert(answer.json.error.message.includes(name),
				answer.json.error.message);
		}
	assertFault(await api.post('/api/messages',
		{ ...good, message: 'x'.repeat(8001) }), 413, 'too_large');
	assertFault(await api.post('/api/messages',
		{ ...good, metadata: { x: 'x'.repeat(5000) } }), 413, 'too_large');
	for (const fine of [{ externalId: 'x'.repeat(120) }, { source: null },
		{ message: 'ș'.repeat(8000) }, { timestamp: 'noon' }, { extra: 1 }])
		assert.equal((await api.post('/api/messages',
			{ ...good, ...fine })).status, 202, JSON.stringify(fine));
});

// --- history -----------------------------------------------------------------

test('history can be read from either end', async () => {
	const { sessionId } = await core.say('reader', 'm1');

	for (let i = 2; i <= 60; i += 20)
		await core.append(...Array.from({ length: Math.min(20, 61 - i) },
			(_, n) => core.item('reader', `m${i + n}`)));
	const all = await shared.stack.history(sessionId);
	const read = async (query) => (await api.get(
		session(sessionId, `/messages?${query}`))).json;
	const contents = (page) => page.messages.map((m) => m.content);
	const forward = [];
	let after = '1970-01-01T00:00:00Z';

	assert.equal(all.length, 60);
	for (let more = true; more;) {
		const page = await read(`limit=7&after=${enc(after)}`);

		forward.push(...page.messages);
		more = page.pagination.hasMore;
		after = page.pagination.nextCursor;
	}
	assert.deepEqual(forward, all);
	assert.equal(after, null);
	assert.deepEqual(await read(`after=${enc(all[59].timestamp)}`),
		{ sessionId, businessId: 'plain', userId: 'reader', messages: [],
			pagination: { hasMore: false, nextCursor: null } });
	assert.deepEqual(contents(await read(`limit=3&after=${
		enc(all[9].timestamp)}&before=${enc(all[12].timestamp)}`)),
	['m11', 'm12']);
	assertFault(await api.get(session(sessionId, '/messages?after=later')),
		400, 'bad_request', 'after');
});
