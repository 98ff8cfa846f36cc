// What is wrong with messages, and what their sender is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { today } from '../lib/books.mjs';
import { shareStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';
import { Ws } from '../lib/ws.mjs';

const shared = shareStack();

const FIELDS = ['businessId', 'locationId', 'userId', 'message'];
const APOLOGY = 'Mesajul nu a fost trimis. Vă rugăm să încercați din nou. / ' +
	'Your message was not sent. Please try again.';

// Both kinds of client: one that has declared itself and the guide's.
const both = async (user) => ({
	declared: await shared.stack.client({ user }),
	guide: await shared.stack.client({ user, format: null }),
});

const escaped = (text) => text.replace(/[&<>"']/g, (c) => ({ '&': '&amp;',
	'<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' })[c]);

// What a refusal raises at the client, besides its reply.
async function newest(client, event, count) {
	return until(() => client.payloads(event).length > count &&
		client.payloads(event)[count], { what: event });
}

// Sends and asserts all that a refused message is told.
async function assertRefused(client, payload, { code, message, declared = true,
	sessionId = null }) {
	const errors = client.payloads('error').length;
	const shown = client.payloads('new_message').length;
	const text = declared ? message : escaped(message);
	const what = JSON.stringify(payload)?.slice(0, 200);

	assert.deepEqual(await client.push('new_message', payload),
		{ status: 'error', code, message: text }, what);
	assert.deepEqual(await newest(client, 'error', errors),
		{ message: 'Eroare la procesarea mesajului', error: text, code }, what);
	if (declared)
		return;
	const { responseId, timestamp, ...rest } =
		await newest(client, 'new_message', shown);

	assert.match(responseId, /^[0-9a-f-]{36}$/);
	assert(Math.abs(Date.parse(timestamp) - Date.now()) < 3600000);
	assert.deepEqual(rest, { message: APOLOGY, actions: [], sessionId,
		sender: 'error' }, what);
}

const dto = (client, fields = {}) => ({ businessId: client.business,
	locationId: 'default', userId: client.user, message: 'Bună', ...fields });

// Nothing of what was refused is stored, and nothing told twice.
async function assertNothingStored(...clients) {
	for (const client of clients) {
		assert.deepEqual(await shared.stack.history(today(client.user)), []);
		assert.deepEqual(client.payloads('message_processed'), []);
		assert.deepEqual(client.payloads('user_message'), []);
	}
}

// --- fields -------------------------------------------------------------------

test('missing fields are named, each alone and all together', async () => {
	const { declared, guide } = await both('fields');

	for (let set = 1; set < 1 << FIELDS.length; set++) {
		const missing = FIELDS.filter((_, i) => set & 1 << i);
		const message = `Missing required parameters: ${missing.join(', ')}`;

		for (const empty of [undefined, null, '', ' \t\n\u00a0']) {
			const fields = Object.fromEntries(missing.map((f) => [f, empty]));

			await assertRefused(declared, dto(declared, fields),
				{ code: 'missing_field', message });
		}
		await assertRefused(guide, dto(guide,
			Object.fromEntries(missing.map((f) => [f, undefined]))),
		{ code: 'missing_field', message, declared: false });
	}
	await assertNothingStored(declared, guide);
	assert.deepEqual(declared.payloads('new_message'), [],
		'who listens to errors is not told by a message');
	assert.equal(guide.payloads('new_message').length, 15);
});

test('fields of another type than text are refused by name', async () => {
	const { declared, guide } = await both('types');

	for (const field of FIELDS)
		for (const value of [1, true, ['a'], { a: 'b' }, []]) {
			const refusal = { code: 'bad_request',
				message: `${field} must be a string` };

			await assertRefused(declared, dto(declared, { [field]: value }),
				refusal);
			await assertRefused(guide, dto(guide, { [field]: value }),
				{ ...refusal, declared: false });
		}
	await assertNothingStored(declared, guide);
});

test('a payload that is no object lacks everything', async () => {
	const client = await shared.stack.client({ user: 'shapeless' });

	for (const payload of [null, [], 'text', 1, true])
		await assertRefused(client, payload, { code: 'missing_field',
			message: `Missing required parameters: ${FIELDS.join(', ')}` });
	await assertRefused(client, new ArrayBuffer(8), { code: 'bad_request',
		message: 'The payload is not JSON, or contains U+0000' });
	await assertNothingStored(client);
});

test('the session that was sent comes back with the apology', async () => {
	const guide = await shared.stack.client({ user: 'apology', format: null });
	const refused = (sessionId, told) => assertRefused(guide,
		dto(guide, { message: '', sessionId }), { code: 'missing_field',
			message: 'Missing required parameters: message',
			declared: false, sessionId: told });

	await refused('B0100001:apology:1', 'B0100001:apology:1');
	await refused('<b>', '&lt;b&gt;');
	await refused(7, null);
	await refused('x'.repeat(257), null);
});

// --- who and where ------------------------------------------------------------

test('topic and payload must agree', async () => {
	const { declared, guide } = await both('agree');
	const cases = [
		[{ businessId: 'B2' }, 'businessId is not this topic\'s'],
		[{ businessId: 'b0100001' }, 'businessId is not this topic\'s'],
		[{ userId: 'other' }, 'userId is not the one that joined'],
		[{ userId: 'Agree' }, 'userId is not the one that joined'],
	];

	for (const [fields, message] of cases) {
		await assertRefused(declared, dto(declared, fields),
			{ code: 'forbidden', message });
		await assertRefused(guide, dto(guide, fields),
			{ code: 'forbidden', message, declared: false });
	}
	await assertNothingStored(declared, guide);
	assert.deepEqual(await shared.stack.history(today('other')), []);
});

test('the first message names who joined without a name, for good', async () => {
	const client = await shared.stack.client({ user: 'first', format: null,
		params: { userId: '' }, payload: {} });
	const { answer } = await client.ask('Bună ziua');

	assert.equal(answer.userId, 'first');
	await assertRefused(client, dto(client, { userId: 'second' }),
		{ code: 'forbidden', message: 'userId is not the one that joined',
			declared: false });
	assert.deepEqual(await shared.stack.history(today('second')), []);
});

test('coordinators do not send messages of users', async () => {
	const client = await shared.stack.client({ user: 'watched',
		params: { userId: '' }, payload: { role: 'coordinator', name: 'eva' } });

	for (const userId of ['watched', 'eva'])
		await assertRefused(client, dto(client, { userId }),
			{ code: 'forbidden',
				message: 'coordinators do not send messages of users' });
	await assertRefused(client, dto(client, { userId: 'coordinator:eva' }),
		{ code: 'bad_request', message: 'userId is malformed' });
	await assertNothingStored(client);
});

// --- ids ----------------------------------------------------------------------

const BAD_BUSINESSES = ['-a', '.a', '_a', 'a b', 'a/b', '../B0100001', 'a:b',
	'a@b', 'a%b', 'țară', 'a\n', 'a'.repeat(65)];
const BAD_USERS = ['agent', 'system', 'coordinator:', 'coordinator:eva', '-a',
	'.a', '@a', 'a b', 'a/b', 'a\\b', 'a%20b', 'a#b', 'ioană', 'a\n', '<b>',
	'u'.repeat(129)];
const BAD_LOCATIONS = ['-a', '.a', 'a b', 'a/b', 'a:b', 'a@b', 'a~b', 'sală',
	'l'.repeat(65)];

test('ids outside the rules are refused in messages', async () => {
	const client = await shared.stack.client({ user: 'ids' });
	const unnamed = await shared.stack.client({ user: 'ids',
		params: { userId: '' }, payload: {} });

	for (const [field, ids] of [['businessId', BAD_BUSINESSES],
		['userId', BAD_USERS], ['locationId', BAD_LOCATIONS]])
		for (const id of ids)
			for (const sender of [client, unnamed])
				await assertRefused(sender, dto(sender, { [field]: id }),
					{ code: 'bad_request', message: `${field} is malformed` });
	await assertNothingStored(client);
});

test('ids outside the rules are refused at the join, in topic and payload',
	async () => {
		const ws = await Ws.open(shared.stack.gateway().port);
		const refuse = async (topic, payload, reason) => {
			ws.send(['1', '2', topic, 'phx_join', payload]);
			const [, , , event, reply] = await ws.next();

			assert.equal(event, 'phx_reply');
			assert.deepEqual(reply, { status: 'error', response: { reason } },
				`${topic} ${JSON.stringify(payload)}`);
		};

		for (const id of [...BAD_BUSINESSES, '', '*', '\u0000', 'a\u0000'])
			await refuse(`messages:${id}`, { userId: 'ana' },
				/\0/.test(id) ? 'unmatched topic' : 'invalid businessId');
		for (const userId of [...BAD_USERS, 7, [], {}, true])
			await refuse('messages:B0100001', { userId }, 'invalid userId');
		for (const businessId of [...BAD_BUSINESSES, 'B2'])
			await refuse('messages:B0100001', { userId: 'ana', businessId },
				'identity mismatch');
		for (const businessId of [7, [], {}, true])
			await refuse('messages:B0100001', { userId: 'ana', businessId },
				'invalid businessId');
		for (const name of ['<b>', 'n'.repeat(65), 7, 'agent'])
			await refuse('messages:B0100001', { role: 'coordinator', name },
				'invalid name');
		for (const payload of [[], 'text', 1, true])
			await refuse('messages:B0100001', payload, 'invalid payload');
		for (const topic of ['', 'messages', 'message:B0100001', 'phoenix',
			'Messages:B0100001', ' messages:B0100001'])
			await refuse(topic, { userId: 'ana' }, 'unmatched topic');
		await ws.quiet();
		ws.close();
	});

test('ids outside the rules are refused as connect parameters', async () => {
	const join = async (query, payload, topic = 'messages:B0100001') => {
		const ws = await Ws.open(shared.stack.gateway().port, {
			query: `vsn=2.0.0&${new URLSearchParams(query)}` });

		ws.send(['1', '2', topic, 'phx_join', payload]);
		const [, , , , reply] = await ws.next();

		ws.close();
		return reply;
	};
	const refused = (reason) => ({ status: 'error', response: { reason } });

	for (const userId of BAD_USERS) {
		assert.deepEqual(await join({ userId }, {}),
			refused('invalid userId'), userId);
		assert.deepEqual(await join({ userId }, { userId: 'ana' }),
			refused('identity mismatch'), userId);
	}
	for (const businessId of [...BAD_BUSINESSES, 'B2'])
		assert.deepEqual(await join({ businessId }, { userId: 'ana' }),
			refused('identity mismatch'), businessId);
	assert.deepEqual(await join({ userId: 'ana' }, { userId: 'ion' }),
		refused('identity mismatch'));
});

test('ids at the edge of the rules are served', async () => {
	const business = `B${'x'.repeat(57)}.b~c-d`;
	const user = `u${'x'.repeat(117)}.b_c@d~e+`;

	assert.deepEqual([business.length, user.length], [65 - 1, 127]);
	for (const id of [user, `${user}:`, 'coordinator', 'Agent', 'systems', '7']) {
		const client = await shared.stack.client({ business, user: id });
		const { sent } = await client.ask('Bună ziua',
			{ locationId: `L${'x'.repeat(60)}.b-` });
		const { json } = await shared.stack.rest(
			`/api/sessions/${sent.sessionId}/messages?format=text`);

		assert.deepEqual([json.businessId, json.userId], [business, id]);
		client.close();
	}
});

// --- texts --------------------------------------------------------------------

const stored = async (client) =>
	(await shared.stack.history(today(client.user)))
		.filter((m) => m.type === 'user').map((m) => m.content);

test('8,000 characters are stored to the letter, however long they are written',
	async () => {
		const client = await shared.stack.client({ user: 'long' });
		const texts = ['a', 'ș', '☎', '\u{1f600}', '\u{10ffff}', '"', '\u0001']
			.map((c) => `${c.repeat(7999)}.`);

		for (const text of texts)
			await client.ask(text);
		assert.deepEqual(await stored(client), texts);

		// Escaped it is half again as long, and the same.
		const ws = await Ws.open(shared.stack.gateway().port);
		const push = (event, ref, payload) => ws.send(
			`["1","${ref}","messages:B0100001","${event}",${payload}]`);

		push('phx_join', '1', '{"userId":"escaped"}');
		push('new_message', '2', '{"businessId":"B0100001","userId":"escaped",' +
			`"locationId":"default","message":"${'\\ud83d\\ude00'.repeat(8000)}"}`);
		for (const ref of ['1', '2']) {
			let got;

			do // the session's event may come before the reply
				got = await ws.next();
			while (got[1] !== ref);
			assert.equal(got[4].status, 'ok');
		}
		assert.deepEqual(await stored({ user: 'escaped' }),
			['\u{1f600}'.repeat(8000)]);
		ws.close();
	});

test('8,001 characters are too many, however short they are written', async () => {
	const { declared, guide } = await both('longer');

	for (const c of ['a', 'ș', '\u{1f600}', ' a']) {
		const message = c.repeat(8001);
		const refusal = { code: 'too_large',
			message: 'message is over 8000 characters' };

		await assertRefused(declared, dto(declared, { message }), refusal);
		await assertRefused(guide, dto(guide, { message }),
			{ ...refusal, declared: false });
	}
	await assertNothingStored(declared, guide);
});

test('U+0000 is refused wherever it stands; other controls are kept', async () => {
	const { declared, guide } = await both('zero');
	const refusal = { code: 'bad_request',
		message: 'The payload is not JSON, or contains U+0000' };

	for (const fields of [{ message: 'a\u0000b' }, { message: '\u0000' },
		{ userId: 'zero\u0000' }, { metadata: { 'a\u0000': 1 } },
		{ metadata: ['\u0000'] }, { whatever: '\u0000' }]) {
		await assertRefused(declared, dto(declared, fields), refusal);
		await assertRefused(guide, dto(guide, fields),
			{ ...refusal, declared: false });
	}
	await assertNothingStored(declared, guide);
	const text = '\u0001\u0008\t\n\u000b\u001f\u007f\u0085\u2028\ufeff\uffff';

	await declared.ask(text);
	assert.deepEqual(await stored(declared), [text]);
});

test('half a surrogate pair makes a frame undecodable: 1011', async () => {
	for (const text of ['\\ud800', '\\udc00', '\\ud83d x', '\\ude00\\ud83d']) {
		const ws = await Ws.open(shared.stack.gateway().port);

		ws.send(`["1","1","messages:B0100001","phx_join",{"a":"${text}"}]`);
		assert.deepEqual(await ws.closed(),
			{ code: 1011, reason: '', messages: 0 }, text);
		ws.close();
	}
});

// --- what may come with a message -----------------------------------------------

const nested = (depth) =>
	depth > 1 ? { a: nested(depth - 1) } : { a: 'ș' };

test('metadata is kept as sent, up to 4,096 bytes and 8 levels', async () => {
	const client = await shared.stack.client({ user: 'meta' });
	const kept = [{}, nested(8), { a: 'x'.repeat(4096 - 8) }, { 'ă"<': [null,
		true, -1.5e-7, 9007199254740991, '\u2028', []] }];

	for (const metadata of [null, ...kept])
		await client.ask('Bună', { metadata });
	const history = (await shared.stack.history(today('meta')))
		.filter((m) => m.type === 'user').map((m) => m.metadata.client);

	assert.deepEqual(history, [undefined, ...kept]);
});

test('other metadata is refused', async () => {
	const client = await shared.stack.client({ user: 'unmeta' });
	const cases = [
		[{ a: 'x'.repeat(4097 - 8) }, 'too_large', 'is over 4096 bytes'],
		[{ a: 'ș'.repeat(2045) }, 'too_large', 'is over 4096 bytes'],
		[nested(9), 'bad_request', 'is nested too deeply'],
		[{ a: nested(25) }, 'bad_request', 'is nested too deeply'],
		...['text', 1, true, [], [{}]].map((metadata) =>
			[metadata, 'bad_request', 'must be an object']),
	];

	for (const [metadata, code, why] of cases)
		await assertRefused(client, dto(client, { metadata }),
			{ code, message: `metadata ${why}` });
	await assertNothingStored(client);
});

test('a client\'s clock and session are remarks: garbage is no fault',
	async () => {
		const client = await shared.stack.client({ user: 'clock' });
		const { sessionId } = (await client.ask('first')).sent;
		const remarks = [{ timestamp: 'yesterday' }, { timestamp: '' },
			{ timestamp: 17e11 }, { timestamp: {} }, { timestamp: null },
			{ timestamp: '2026-13-45T99:99:99Z' }, { sessionId: '' },
			{ timestamp: '99999-01-01T00:00:00Z' }, { sessionId: 7 },
			{ sessionId: 'B2:ion:1704067200000' }, { sessionId: null },
			{ sessionId: '00000000-0000-4000-8000-000000000000' },
			{ sessionId: 'x'.repeat(5000) }, { sessionId: '<b>\u2028' }];

		for (const remark of remarks) {
			const sent = await client.send('again', remark);

			assert.equal(sent.status, 'ok', JSON.stringify(remark));
			assert.equal(sent.sessionId, sessionId);
			assert.match(sent.timestamp, /^\d{4}(-\d\d){2}T(\d\d:){2}[\d.]{6}Z$/);
		}
		await client.send('on time', { timestamp: '2024-12-20T12:00:00+02:00' });
		const said = (await shared.stack.history(sessionId))
			.filter((m) => m.type === 'user')
			.map((m) => m.metadata.clientTimestamp);

		assert.deepEqual(said, [...Array(remarks.length + 1).fill(undefined),
			'2024-12-20T10:00:00.000Z']);
	});

test('a clientMessageId makes a send repeatable, with the same text', async () => {
	const { declared, guide } = await both('again');
	const id = { clientMessageId: `!${'c'.repeat(126)}~` };
	const { sent } = await declared.ask('Bună', id);

	assert.equal(sent.duplicate, undefined);
	for (const client of [declared, guide])
		assert.deepEqual(await client.send('Bună', id),
			{ ...sent, duplicate: true });
	const refusal = { code: 'idempotency_conflict', message:
		'the same id was used before for something else' };
	const other = { ...id, message: 'Bună!' };

	await assertRefused(declared, dto(declared, other), refusal);
	await assertRefused(guide, dto(guide, other),
		{ ...refusal, declared: false });
	const history = await shared.stack.history(today('again'));

	assert.deepEqual(history.map((m) => m.type), ['user', 'agent']);
	assert.equal(declared.payloads('new_message').length, 1);

	// It is this user's alone.
	const stranger = await shared.stack.client({ user: 'again2' });

	assert.equal((await stranger.send('Bună!', id)).duplicate, undefined);
});

test('a clientMessageId is 1 to 128 printable ASCII characters', async () => {
	const client = await shared.stack.client({ user: 'named' });

	for (const clientMessageId of ['', 'c'.repeat(129), 'ș', 'a\tb', '\u007f', 7,
		{}, [], false])
		await assertRefused(client, dto(client, { clientMessageId }),
			{ code: 'bad_request', message: 'clientMessageId must be 1 to 128 ' +
				'printable ASCII characters' });
	await assertNothingStored(client);
	assert.equal((await client.send('Bună', { clientMessageId: null })).status,
		'ok');
});

test('an event nobody knows is answered and changes nothing', async () => {
	const client = await shared.stack.client({ user: 'events' });

	for (const event of ['message', 'new_messages', 'message_processed',
		'user_message', 'phx_reply', 'phx_close', 'phx_error', 'error', ''])
		assert.deepEqual(await client.push(event, dto(client)),
			{ status: 'error', reason: 'unknown event' }, event);
	await assertNothingStored(client);
	assert.equal(client.channel.state, 'joined');
});
