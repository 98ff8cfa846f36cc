// What one business or user says reaches nobody else: canaries are said by
// everybody, and looked for in all that everybody hears and can read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { today } from '../lib/books.mjs';
import { exampleTenant, shareStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';
import { Ws } from '../lib/ws.mjs';

const BUSINESSES = ['B1', 'B2'];
const USERS = ['ana', 'ion', 'eva'];
const QUESTION = 'Care este parola pisicii de serviciu?';

// Each business knows a page with a canary of its own.
const tenants = Object.fromEntries(BUSINESSES.map((business) => [business, {
	...exampleTenant({ 'pisica.md': '# Pisica de serviciu\n\nParola pisicii de ' +
		`serviciu este canary-page-${business}-end.\n` }) }]));

const shared = shareStack({ gateways: 2, tenants });

const canary = (who) => `canary-${who.business}-${who.user}-end`;

// Everything that comes to a client, replies too.
function record(client) {
	const frames = [];

	client.socket.onMessage((message) => frames.push(message));
	return Object.assign(client, { frames });
}

const canariesIn = (value) => [...new Set(
	JSON.stringify(value).match(/canary-[\w-]+?-end/g) ?? [])].sort();

// A socket that has joined messages:* as the payload says, on a connection
// that says `query` of itself; with everything it hears.
async function listen({ business, gateway = 0, query = '', payload = {} }) {
	const ws = await Ws.open(shared.stack.gateway(gateway).port,
		{ query: `vsn=2.0.0${query}` });

	ws.frames = [];
	ws.send(['1', '1', `messages:${business}`, 'phx_join', payload]);
	ws.joined = (await ws.next())[4];
	(async () => {
		for (let got; (got = await ws.nextFrame());)
			ws.frames.push(JSON.parse(got.payload));
	})().catch((error) => ws.frames.push({ broken: error.message }));
	return ws;
}

// What every customer has: several sockets, of both kinds, on both gateways.
async function arrive(business, user) {
	const clients = await Promise.all([['text', 0], [null, 0], ['text', 1],
		[null, 1]].map(async ([format, gateway], i) => record(
		await shared.stack.client({ business, user, format, gateway,
			phoenix: ['1.8.16', '1.6.0', '1.7.21', '1.6.16'][i] }))));

	return { business, user, clients };
}

async function arriveAll(suffix) {
	return Promise.all(BUSINESSES.flatMap((business) =>
		USERS.map((user) => arrive(business, user + suffix))));
}

// Says the canary, in all places where a text may be, and asks for the page's.
async function talk(who) {
	const [client, other] = who.clients;
	const said = canary(who);

	who.sent = (await client.ask(said, { metadata: { [said]: said },
		clientMessageId: said, sessionId: said })).sent;
	const { answer } = await other.ask(QUESTION);

	assert.match(answer.message, new RegExp(`canary-page-${who.business}-end`),
		'the tenant\'s own page is the answer');
	await client.send('', { sessionId: said }); // a refusal repeats it
	for (const each of who.clients)
		await until(() => each.payloads('message_processed').length === 2);
}

test('nobody hears what others say, and everybody what is theirs', async () => {
	const everyone = await arriveAll('');
	const watchers = await Promise.all(BUSINESSES.map((business) => listen({
		business, gateway: 1, payload: { role: 'coordinator', name: 'chief' } })));
	const silent = await Promise.all(BUSINESSES.map((business) =>
		listen({ business })));

	await Promise.all(everyone.map(talk));
	for (const who of everyone) {
		const own = [canary(who), `canary-page-${who.business}-end`];

		for (const client of who.clients) {
			// The socket that said it hears the answer only.
			assert.deepEqual(canariesIn(client.frames),
				client === who.clients[0] ? own.slice(1) : own);
			const ids = new Set(client.heard.map(({ payload }) =>
				payload.userId).filter(Boolean));

			assert.deepEqual([...ids], [who.user]);
			const sessions = new Set(client.heard.map(({ payload }) =>
				payload.sessionId).filter(Boolean));

			sessions.delete(canary(who));
			assert.deepEqual([...sessions], [who.sent.sessionId]);
		}
	}
	for (const [i, business] of BUSINESSES.entries()) {
		const theirs = [...USERS.map((user) => canary({ business, user })),
			`canary-page-${business}-end`].sort();

		await until(() =>
			canariesIn(watchers[i].frames).length === theirs.length);
		assert.deepEqual(canariesIn(watchers[i].frames), theirs);
		assert.deepEqual(silent[i].frames, [],
			'who has not said who he is hears nothing');
		watchers[i].close();
		silent[i].close();
	}
});

test('REST tells of each session and business only what is its own', async () => {
	const everyone = await arriveAll('-rest');

	await Promise.all(everyone.map(talk));
	for (const who of everyone) {
		const alias = today(who.user, who.business);

		for (const id of [alias, who.sent.sessionId])
			for (const gateway of [0, 1]) {
				const { json } = await shared.stack.rest(
					`/api/sessions/${id}/messages`, { gateway });

				assert.deepEqual([json.businessId, json.userId, json.sessionId],
					[who.business, who.user, who.sent.sessionId]);
				assert.deepEqual(canariesIn(json),
					[canary(who), `canary-page-${who.business}-end`].sort());
			}
	}
	for (const business of BUSINESSES) {
		const { json } = await shared.stack.rest(
			`/api/sessions/business/${business}/active`);
		const mine = everyone.filter((who) => who.business === business);

		assert(json.activeSessions.every((s) => s.businessId === business));
		for (const who of everyone)
			assert.equal(json.activeSessions.filter((s) =>
				s.sessionId === who.sent.sessionId).length,
			mine.includes(who) ? 1 : 0);
		assert.deepEqual(canariesIn(json), []);
		const known = await shared.stack.rest(`/api/business/${business}`);

		assert.deepEqual(canariesIn(known.json), [], 'pages are not told');
	}
});

test('who joins with a foreign identity is refused and hears nothing',
	async () => {
		const victim = await arrive('B1', 'victim');
		const asAna = '&businessId=B1&userId=mallory';
		const thieves = await Promise.all([
			// [what the connection says, the topic's business, the join]
			[asAna, 'B1', { userId: 'victim' }],
			[asAna, 'B2', { userId: 'mallory' }],
			[asAna, 'B2', {}],
			['&businessId=B2', 'B1', { userId: 'victim' }],
			['&userId=mallory', 'B1', { userId: 'victim' }],
			['', 'B2', { userId: 'victim', businessId: 'B1' }],
			['', 'B1', { userId: 'coordinator:chief' }],
			['', 'B1', { userId: 'agent' }],
			['', '*', { userId: 'victim' }],
			['', 'B1:victim', { userId: 'victim' }],
			['', 'B1/', { userId: 'victim' }],
			['', 'B1\u0000', { userId: 'victim' }],
			['&businessId=B2', 'B1', { role: 'coordinator' }],
		].map(([query, business, payload]) =>
			listen({ query, business, payload })));

		for (const thief of thieves)
			assert.equal(thief.joined.status, 'error');
		await talk(victim);
		// Their pushes are not for a topic they are on.
		for (const thief of thieves)
			thief.send(['1', '9', 'messages:B1', 'new_message', {
				businessId: 'B1', userId: 'victim', locationId: 'default',
				message: 'canary-forged-end' }]);
		for (const thief of thieves) {
			await until(() => thief.frames.length);
			assert.deepEqual(thief.frames, [[null, '9', 'messages:B1', 'phx_reply',
				{ status: 'error', response: { reason: 'unmatched topic' } }]]);
			thief.close();
		}
		assert.deepEqual(canariesIn(await shared.stack.history(
			today('victim', 'B1'))), canariesIn(victim.clients[1].frames));
	});

test('a message in another\'s name is refused and reaches nobody', async () => {
	const victim = await arrive('B1', 'target');
	const mallory = record(await shared.stack.client(
		{ business: 'B1', user: 'mallory' }));

	for (const fields of [{ userId: 'target' }, { businessId: 'B2' },
		{ businessId: 'B2', userId: 'target' }, { userId: 'agent' },
		{ userId: 'system' }, { userId: 'coordinator:chief' }]) {
		const { status, code } = await mallory.send('canary-forged-end', fields);

		assert.equal(status, 'error');
		assert.match(code, /^(forbidden|bad_request)$/);
	}
	// Another's session is no way in either: one's own is chosen.
	await talk(victim);
	const { sent } = await mallory.ask('canary-guest-end',
		{ sessionId: victim.sent.sessionId });

	assert.notEqual(sent.sessionId, victim.sent.sessionId);
	for (const client of victim.clients)
		assert(!/forged|guest/.test(JSON.stringify(client.frames)));
	assert(!/forged|guest/.test(JSON.stringify(
		await shared.stack.history(victim.sent.sessionId))));
});

test('who leaves, or joins again as another, hears no more of the first',
	async () => {
		const first = await arrive('B1', 'first');
		const second = await arrive('B1', 'second');
		const leaver = await listen({ business: 'B1', payload:
			{ userId: 'first' } });
		const changer = await listen({ business: 'B1', payload:
			{ userId: 'first' } });

		leaver.send(['1', '2', 'messages:B1', 'phx_leave', {}]);
		changer.send(['3', '3', 'messages:B1', 'phx_join', { userId: 'second' }]);
		for (const ws of [leaver, changer])
			await until(() => ws.frames.some((f) => f[3] === 'phx_close'));
		await Promise.all([talk(first), talk(second)]);
		await until(() => canariesIn(changer.frames).length === 2);
		assert.deepEqual(canariesIn(changer.frames),
			[canary(second), 'canary-page-B1-end'].sort());
		assert.deepEqual(canariesIn(leaver.frames), []);
		leaver.close();
		changer.close();
	});

test('the same clientMessageId of others is nothing to a user', async () => {
	const everyone = await Promise.all(BUSINESSES.flatMap((business) =>
		['twin', 'twin2'].map(async (user) =>
			shared.stack.client({ business, user }))));
	const told = await Promise.all(everyone.map((client, i) =>
		client.send(`text ${i}`, { clientMessageId: 'c-1' })));

	for (const { status, duplicate } of told)
		assert.deepEqual([status, duplicate], ['ok', undefined]);
	assert.equal(new Set(told.map((t) => t.sessionId)).size, 4);
});
