// The numbered cases of the Phoenix Channels protocol, byte by byte, against
// the gateway's transport with the fixture application. Left out are tokens'
// meaning, presence and long-poll, and the cases of real clients, which are in
// clients.test.mjs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startFixture } from '../lib/fixture.mjs';
import { exchange } from '../lib/raw.mjs';
import { Ws, frame, upgrade } from '../lib/ws.mjs';
import { sleep, until } from '../lib/until.mjs';

let port;
let fixture;

before(async () => {
	fixture = await startFixture();
	port = fixture.port;
});

after(() => fixture?.stop());

// --- words ------------------------------------------------------------------

const J = ['1', '1', 'room:a', 'phx_join', {}];
const ok = (response = {}) => ({ status: 'ok', response });
const error = (response) => ({ status: 'error', response });
const unmatched = error({ reason: 'unmatched topic' });
const reply = (join, ref, topic, payload) =>
	[join, ref, topic, 'phx_reply', payload];
const close = (join, topic = 'room:a') => [join, join, topic, 'phx_close', {}];
const v1 = (topic, event, ref, payload = {}, more = {}) =>
	({ topic, event, payload, ref, ...more });
const v1reply = (topic, ref, payload) => v1(topic, 'phx_reply', ref, payload);
const bytes = (...parts) => Buffer.concat(parts.map((part) =>
	typeof part === 'string' ? Buffer.from(part) : Buffer.from([part])));

const open = (options) => Ws.open(port, options);

async function openV1(query = '') {
	const ws = await open({ query });

	ws.v1 = true;
	return ws;
}

// A socket that has joined, as in most cases.
async function joined(topic = 'room:a', at = port) {
	const ws = await Ws.open(at);

	ws.send(['1', '1', topic, 'phx_join', {}]);
	await ws.expect(reply('1', '1', topic, ok()));
	return ws;
}

async function joinedV1(join = {}) {
	const ws = await openV1();

	ws.send(v1('room:a', 'phx_join', '1', {}, join));
	await ws.expect(v1reply('room:a', '1', ok()));
	return ws;
}

// The status of an upgrade, and the answer's body.
async function refusal(options) {
	const { status, body } = await exchange(port, upgrade(options));

	return status === 101 ? status : [status, body];
}

async function withFixture(env, story) {
	const own = await startFixture(env);

	try {
		await story(own);
	} finally {
		await own.stop();
	}
}

// --- connection -------------------------------------------------------------

test('1 [v2] a valid upgrade is let in', async () => {
	const ws = await open();

	await ws.quiet();
	ws.close();
});

test('2, 3 [v1] without vsn, and with 1.0.0, the server speaks V1', async () => {
	for (const query of ['', 'vsn=1.0.0']) {
		const ws = await openV1(query);

		ws.send(v1('room:a', 'phx_join', '1'));
		await ws.expect(v1reply('room:a', '1', ok()));
		ws.close();
	}
});

test('4 patch versions choose the same serializer', async () => {
	const two = await open({ query: 'vsn=2.0.5' });
	const one = await openV1('vsn=1.0.9');

	await two.quiet();
	await one.quiet();
	two.close();
	one.close();
});

test('5, 6 other versions are refused with 403 and no body', async () => {
	for (const vsn of ['123.1.1', '2', '2.0', '', 'abc', '2.1.0', '1.1.0',
		'2.0.0-rc.1'])
		assert.deepEqual(await refusal({ query: `vsn=${vsn}` }), [403, ''], vsn);
	assert.deepEqual(await refusal({ query: 'vsn[]=2.0.0' }), [403, '']);
	assert.deepEqual(await refusal({ query: 'vsn%5B%5D=2.0.0' }), [403, '']);
});

test('7 the last vsn wins', async () => {
	const ws = await open({ query: 'vsn=1.0.0&vsn=2.0.0' });

	await ws.quiet();
	ws.close();
});

test('8 a plain GET is told which header is missing', async () => {
	const plain = { headers: { Upgrade: null, Connection: null,
		'Sec-WebSocket-Key': null, 'Sec-WebSocket-Version': null } };
	const [status, body] = await refusal(plain);

	assert.equal(status, 400);
	assert.match(body, /'connection' header must contain 'upgrade'/);
	for (const name of ['Upgrade', 'Sec-WebSocket-Key',
		'Sec-WebSocket-Version', 'Host']) {
		const [status, body] = await refusal({ headers: { [name]: null } });

		assert.equal(status, 400, name);
		assert.match(body, new RegExp(name, 'i'));
	}
});

test('9 a bad version comes before a missing upgrade', async () => {
	assert.deepEqual(await refusal({
		query: 'vsn=9.9.9', headers: { Upgrade: null },
	}), [403, '']);
});

test('10 other methods are refused with 400 and no body', async () => {
	for (const method of ['POST', 'PUT', 'DELETE'])
		assert.deepEqual(await refusal({ method }), [400, ''], method);
});

test('11 the application refuses with 403', async () => {
	assert.deepEqual(await refusal({ query: 'vsn=2.0.0&reject=true' }),
		[403, '']);
});

test('12 the application refuses with 429', async () => {
	assert.deepEqual(await refusal({ query: 'vsn=2.0.0&ratelimit=true' }),
		[429, 'Too many requests']);
});

test('13, 14 origins are allowed by name', async () => {
	const origins = {
		'http://localhost:5173': 101, 'http://a.ex.com': 101,
		'https://ex.com': 101, 'https://x-ex.com': 403,
		'https://evil.test': 403, null: 403,
	};

	for (const [Origin, status] of Object.entries(origins))
		assert.deepEqual(await refusal({ headers: { Origin } }),
			status === 101 ? 101 : [status, ''], Origin);
	assert.equal(await refusal({}), 101);
	assert.deepEqual(await refusal({ headers: { Host: 'evil.test' } }),
		[403, '']);
});

const TOKEN = 'base64url.bearer.phx.';

async function seen(headers, query) {
	const ws = await open({ headers, query });

	ws.send(J).send(['1', '2', 'room:a', 'whoami', {}]);
	await ws.next();
	const [, , , , { response }] = await ws.next();

	ws.close();
	return [ws.answer.headers['sec-websocket-protocol'], response.token];
}

test('15, 16, 17, 18 the token comes with the subprotocol', async () => {
	const cases = [
		[`phoenix, ${TOKEN}c2VjcmV0`, 'phoenix', 'secret'],
		[`phoenix, ${TOKEN}c2VjcmV0MQ==`, 'phoenix', 'secret1'],
		[`phoenix, ${TOKEN}c2VjcmV0MQ`, 'phoenix', 'secret1'],
		[`${TOKEN}c2VjcmV0`, undefined, 'secret'],
		[`phoenix, ${TOKEN}YQ, ${TOKEN}Yg`, 'phoenix', undefined],
		[`${TOKEN}${'eHh4'.repeat(500)}, phoenix`, 'phoenix',
			'xxx'.repeat(500)],
		['phoenix', 'phoenix', undefined],
		[null, undefined, undefined],
	];

	for (const [offer, protocol, token] of cases)
		assert.deepEqual(await seen({ 'Sec-WebSocket-Protocol': offer }),
			[protocol, token], offer);
	assert.deepEqual(await seen({}, 'vsn=2.0.0&token=a%2Bb'),
		[undefined, 'a+b']);
});

test('19 another subprotocol is refused', async () => {
	for (const offer of ['mqtt', `mqtt, ${TOKEN}YQ`, `phoenix, ${TOKEN}*`])
		assert.deepEqual(await refusal({
			headers: { 'Sec-WebSocket-Protocol': offer },
		}), [403, ''], offer);
});

test('20 no compression is negotiated', async () => {
	const ws = await open({ headers: {
		'Sec-WebSocket-Extensions': 'permessage-deflate' } });

	assert.equal(ws.answer.headers['sec-websocket-extensions'], undefined);
	ws.close();
});

test('21 empty segments and bad escapes of a query are tolerated', async () => {
	for (const query of ['a=1&&b=2&', 'vsn=2.0.0&x=%zz', 'vsn=2.0.0&x=%ff&=',
		`vsn=2.0.0&x=${'y'.repeat(3900)}`])
		assert.equal(await refusal({ query }), 101, query);
});

test('22 a ping is answered with its payload', async () => {
	const ws = await open();

	ws.frame('123', { opcode: 'ping' });
	const { opcode, payload } = await ws.nextFrame();

	assert.deepEqual([opcode, payload.toString()], [10, '123']);
	ws.close();
});

test('23 silence is closed, not with 1000', async () => {
	await withFixture({ IDLE_MS: '400' }, async (own) => {
		const ws = await joined('room:a', own.port);

		assert.deepEqual(await ws.closed(),
			{ code: 1001, reason: '', messages: 0 });
		ws.frame('', { opcode: 'close' });
		await ws.raw.end();
	});
});

test('24 any traffic is a sign of life', async () => {
	await withFixture({ IDLE_MS: '3000' }, async (own) => {
		const pinging = await joined('room:a', own.port);
		const beating = await joined('room:a', own.port);
		const silent = await joined('room:a', own.port);
		let left = false;
		const gone = silent.closed().then(() => (left = true));

		while (!left) {
			pinging.frame('', { opcode: 'ping' });
			assert.equal((await pinging.nextFrame()).opcode, 10);
			await beating.quiet();
			await sleep(100);
		}
		await gone;
		await beating.quiet();
		await pinging.quiet();
		for (const ws of [pinging, beating, silent])
			ws.close();
	});
});

// --- heartbeat --------------------------------------------------------------

test('25, 27, 28 heartbeats are answered with their ref', async () => {
	const ws = await open();

	for (const [join, ref] of [[null, '7'], ['9', '8'], [null, null],
		[null, 5]]) {
		ws.send([join, ref, 'phoenix', 'heartbeat', { x: 1 }]);
		await ws.expect(reply(null, ref, 'phoenix', ok()));
	}
	ws.close();
});

test('26 [v1] a heartbeat\'s reply has no join_ref', async () => {
	const ws = await openV1();

	ws.send(v1('phoenix', 'heartbeat', '1'));
	await ws.expect(v1reply('phoenix', '1', ok()));
	ws.close();
});

test('29 another event on topic phoenix is unmatched', async () => {
	const ws = await open();

	ws.send([null, '1', 'phoenix', 'other', {}]);
	await ws.expect(reply(null, '1', 'phoenix', unmatched));
	ws.close();
});

test('30 a heartbeat is answered while a join is undecided', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { delay: 1500 }]);
	await ws.quiet();
	await ws.expect(reply('1', '1', 'room:a', ok()));
	ws.close();
});

// --- join -------------------------------------------------------------------

test('31, 32 a join is answered with its refs', async () => {
	const ws = await joined();
	const other = await open();

	other.send(['5', '6', 'room:a', 'phx_join', {}]);
	await other.expect(reply('5', '6', 'room:a', ok()));
	ws.close();
	other.close();
});

test('33 a join without join_ref is known by its ref', async () => {
	const ws = await open();

	ws.send([null, '1', 'room:a', 'phx_join', {}]);
	await ws.expect(reply(null, '1', 'room:a', ok()));
	ws.send([null, '2', 'room:a', 'push', { k: 1 }]);
	await ws.expect(['1', null, 'room:a', 'pushed', { k: 1 }]);
	ws.close();
});

test('34, 35 [v1] a join\'s reply never has a join_ref', async () => {
	(await joinedV1()).close();
	(await joinedV1({ join_ref: '1' })).close();
});

test('36 a join may be answered with a response', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { reply: { n: 1 } }]);
	await ws.expect(reply('1', '1', 'room:a', ok({ n: 1 })));
	ws.close();
});

test('37 a refused join leaves nothing behind', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { deny: { reason: 'no' } }]);
	await ws.expect(reply('1', '1', 'room:a', error({ reason: 'no' })));
	ws.send(['1', '2', 'room:a', 'echo', {}]);
	await ws.expect(reply(null, '2', 'room:a', unmatched));
	ws.close();
});

test('38 a crashed join is an error reply', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { crash: true }]);
	await ws.expect(
		reply('1', '1', 'room:a', error({ reason: 'join crashed' })));
	ws.close();
});

test('39 joining a topic nobody serves is unmatched', async () => {
	const ws = await open();

	ws.send(['1', '1', 'nope:1', 'phx_join', {}]);
	await ws.expect(reply(null, '1', 'nope:1', unmatched));
	ws.close();
});

test('40 [v1] likewise', async () => {
	const ws = await openV1();

	ws.send(v1('nope', 'phx_join', '1'));
	await ws.expect(v1reply('nope', '1', unmatched));
	ws.close();
});

test('41 patterns match exactly or by prefix', async () => {
	const ws = await open();

	for (const [topic, matches] of [['room:', true], ['room', false],
		['solo', true], ['solo:1', false], ['', false]]) {
		ws.send(['1', '1', topic, 'phx_join', {}]);
		await ws.expect(matches ? reply('1', '1', topic, ok())
			: reply(null, '1', topic, unmatched));
	}
	ws.close();
});

test('42 topics are texts: UTF-8, spaces, long', async () => {
	const ws = await open();

	for (const topic of ['room:é ț 😀 "\\', `room: ${'x'.repeat(294)}`]) {
		ws.send(['1', '1', topic, 'phx_join', {}]);
		await ws.expect(reply('1', '1', topic, ok()));
		ws.send(['1', '2', topic, 'echo', { topic }]);
		await ws.expect(reply('1', '2', topic, ok({ topic })));
	}
	const long = `room:${'x'.repeat(1020)}`;

	ws.send(['1', '1', long, 'phx_join', {}]);
	await ws.expect(reply(null, '1', long, unmatched));
	ws.close();
});

test('43, 44 with a limit of one topic, only that one is joined again', async () => {
	await withFixture({ TOPICS: '1' }, async (own) => {
		const ws = await joined('room:a', own.port);

		ws.send(['2', '2', 'room:b', 'phx_join', {}]);
		await ws.expect(reply('2', '2', 'room:b',
			error({ reason: 'too many channels joined' })));
		ws.send(['1', '3', 'room:a', 'echo', {}]);
		await ws.expect(reply('1', '3', 'room:a', ok()));
		ws.send(['4', '4', 'room:a', 'phx_join', {}]);
		await ws.expect(reply('4', '4', 'room:a', ok()), close('1'));
		ws.close();
	});
});

test('45 a hundred topics are joined, the next is refused', async () => {
	const ws = await open();

	for (let i = 0; i < 100; i++) {
		ws.send(['1', '1', `room:${i}`, 'phx_join', {}]);
		assert.deepEqual(await ws.next(), reply('1', '1', `room:${i}`, ok()));
	}
	ws.send(['2', '2', 'room:100', 'phx_join', {}]);
	await ws.expect(reply('2', '2', 'room:100',
		error({ reason: 'too many channels joined' })));
	ws.close();
});

test('46 sockets do not share their topics', async () => {
	const a = await joined();
	const b = await joined();

	a.send(['1', '2', 'room:a', 'phx_leave', {}]);
	await a.expect(reply('1', '2', 'room:a', ok()), close('1'));
	b.send(['1', '2', 'room:a', 'echo', {}]);
	await b.expect(reply('1', '2', 'room:a', ok()));
	a.close();
	b.close();
});

test('47 what follows an undecided join waits for it', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { delay: 300 }])
		.send(['1', '2', 'room:a', 'echo', { x: 1 }])
		.send(['3', '3', 'room:b', 'phx_join', { delay: 100 }])
		.send(['3', '4', 'room:b', 'echo', {}]);
	assert.deepEqual(await ws.next(), reply('1', '1', 'room:a', ok()));
	assert.deepEqual(await ws.next(), reply('1', '2', 'room:a', ok({ x: 1 })));
	assert.deepEqual(await ws.next(), reply('3', '3', 'room:b', ok()));
	await ws.expect(reply('3', '4', 'room:b', ok()));
	ws.close();
});

test('47b what waits is bounded', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { delay: 30000 }]);
	for (let i = 0; i < 4; i++)
		ws.send(['1', '2', 'room:a', 'echo', 'x'.repeat(100000)]);
	assert.equal((await ws.closed()).code, 1009);
	ws.close();
});

test('47c a socket may go while its join is undecided', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:a', 'phx_join', { delay: 200 }])
		.send(['2', '3', 'room:a', 'echo', {}]);
	await ws.quiet();
	ws.close();
	await sleep(400);
	(await joined()).close();
});

// --- duplicate join ---------------------------------------------------------

test('48, 49 a second join replaces the first', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:a', 'phx_join', {}]);
	await ws.expect(reply('2', '2', 'room:a', ok()), close('1'));
	ws.send(['1', '3', 'room:a', 'echo', {}]);
	await ws.quiet();
	ws.send(['2', '4', 'room:a', 'echo', {}]);
	await ws.expect(reply('2', '4', 'room:a', ok()));
	ws.close();
});

test('48b also when it is decided later', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:a', 'phx_join', { delay: 200 }]);
	await ws.quiet();
	assert.deepEqual(await ws.next(), reply('2', '2', 'room:a', ok()));
	await ws.expect(close('1'));
	ws.close();
});

test('50 a refused second join ends the first all the same', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:a', 'phx_join', { deny: {} }]);
	await ws.expect(reply('2', '2', 'room:a', error({})), close('1'));
	ws.send(['2', '3', 'room:a', 'echo', {}]);
	await ws.expect(reply(null, '3', 'room:a', unmatched));
	ws.close();
});

test('51 [v1] the close of the first join carries its own ref', async () => {
	const ws = await joinedV1();

	ws.send(v1('room:a', 'phx_join', '2'));
	await ws.expect(v1reply('room:a', '2', ok()),
		v1('room:a', 'phx_close', '1'));
	ws.close();
});

test('52 after a second join a broadcast comes once', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:a', 'phx_join', {}]);
	await ws.expect(reply('2', '2', 'room:a', ok()), close('1'));
	ws.send(['2', '3', 'room:a', 'shout', { m: 1 }]);
	await ws.expect([null, null, 'room:a', 'shout', { m: 1 }]);
	ws.close();
});

test('54 leave and join in one write end joined once', async () => {
	const ws = await joined();

	ws.write(Buffer.concat([
		['1', '2', 'room:a', 'phx_leave', {}],
		['3', '3', 'room:a', 'phx_join', {}],
	].map((message) => frame(JSON.stringify(message)))));
	await ws.expect(reply('1', '2', 'room:a', ok()), close('1'),
		reply('3', '3', 'room:a', ok()));
	ws.send(['3', '4', 'room:a', 'shout', {}]);
	await ws.expect([null, null, 'room:a', 'shout', {}]);
	ws.close();
});

// --- events -----------------------------------------------------------------

test('55, 56 an event is answered under the channel\'s join_ref', async () => {
	const ws = await joined();
	const x = [1, null, 'é'];

	for (const join of ['1', null]) {
		ws.send([join, '2', 'room:a', 'echo', { x }]);
		await ws.expect(reply('1', '2', 'room:a', ok({ x })));
	}
	ws.close();
});

test('57, 58, 59 an answer may be an error, any status, or none', async () => {
	const ws = await joined();

	ws.send(['1', '2', 'room:a', 'fail', { r: 1 }]);
	await ws.expect(reply('1', '2', 'room:a', error({ r: 1 })));
	ws.send(['1', '2', 'room:a', 'status', { s: 'later' }]);
	await ws.expect(
		reply('1', '2', 'room:a', { status: 'later', response: {} }));
	ws.send(['1', '2', 'room:a', 'noreply', {}]);
	await ws.quiet();
	ws.close();
});

test('60, 61 a push carries the channel\'s join_ref, in V1 none', async () => {
	const two = await joined();
	const one = await joinedV1();

	two.send(['1', '2', 'room:a', 'push', { k: 1 }]);
	await two.expect(['1', null, 'room:a', 'pushed', { k: 1 }]);
	one.send(v1('room:a', 'push', '2', { k: 1 }));
	await one.expect(v1('room:a', 'pushed', null, { k: 1 }));
	two.close();
	one.close();
});

test('62, 63 payload and ref may be null', async () => {
	const ws = await joined();

	ws.send(['1', '2', 'room:a', 'noreply', null]);
	await ws.quiet();
	ws.send(['1', null, 'room:a', 'echo', { a: 1 }]);
	await ws.expect(reply('1', null, 'room:a', ok({ a: 1 })));
	ws.close();
});

test('64, 65 a stale join_ref is dropped; 1 is not "1"', async () => {
	const ws = await joined();

	ws.send(['0', '2', 'room:a', 'echo', {}]);
	ws.send([1, '3', 'room:a', 'echo', {}]);
	await ws.quiet();
	ws.send(['1', '4', 'room:a', 'echo', {}]);
	await ws.expect(reply('1', '4', 'room:a', ok()));
	ws.close();
});

test('66, 67 an event on a topic that is not joined is unmatched', async () => {
	const two = await open();
	const one = await openV1();

	for (const join of [null, '9']) {
		two.send([join, '2', 'room:z', 'echo', {}]);
		await two.expect(reply(null, '2', 'room:z', unmatched));
	}
	one.send(v1('room:z', 'echo', '2'));
	await one.expect(v1reply('room:z', '2', unmatched));
	two.close();
	one.close();
});

test('68 a sixth item is ignored', async () => {
	const ws = await joined();

	ws.send(['1', '2', 'room:a', 'echo', {}, 'six']);
	await ws.expect(reply('1', '2', 'room:a', ok()));
	ws.close();
});

test('69, 70 an unknown event is an error reply and nothing more', async () => {
	const ws = await joined();

	for (const event of ['xyz', 'phx_reply', 'phx_close', 'phx_error', 5]) {
		ws.send(['1', '2', 'room:a', event, {}]);
		await ws.expect(
			reply('1', '2', 'room:a', error({ reason: 'unknown event' })));
	}
	ws.send(['1', '3', 'room:a', 'echo', {}]);
	await ws.expect(reply('1', '3', 'room:a', ok()));
	ws.close();
});

test('71 a crash ends the channel and no other', async () => {
	const ws = await joined();

	ws.send(['2', '2', 'room:b', 'phx_join', {}]);
	await ws.expect(reply('2', '2', 'room:b', ok()));
	ws.send(['1', '3', 'room:a', 'boom', {}]);
	await ws.expect(['1', '1', 'room:a', 'phx_error',
		{ reason: 'channel_crash' }]);
	ws.send(['1', '4', 'room:a', 'echo', {}]);
	await ws.expect(reply(null, '4', 'room:a', unmatched));
	ws.send(['2', '5', 'room:b', 'echo', {}]);
	await ws.expect(reply('2', '5', 'room:b', ok()));
	ws.send(['6', '6', 'room:a', 'phx_join', {}]);
	await ws.expect(reply('6', '6', 'room:a', ok()));
	ws.close();
});

test('72 [v1] phx_error carries the ref of the join', async () => {
	for (const join of [{}, { join_ref: '1' }]) {
		const ws = await joinedV1(join);

		ws.send(v1('room:a', 'boom', '2'));
		await ws.expect(v1('room:a', 'phx_error', '1',
			{ reason: 'channel_crash' }));
		ws.close();
	}
});

test('73, 74 a channel that stops is closed, after its reply', async () => {
	const ws = await joined();

	ws.send(['1', '2', 'room:a', 'stop', {}]);
	await ws.expect(close('1'));
	ws.send(['3', '3', 'room:a', 'phx_join', {}]);
	await ws.expect(reply('3', '3', 'room:a', ok()));
	ws.send(['3', '4', 'room:a', 'stop_reply', {}]);
	await ws.expect(reply('3', '4', 'room:a', ok()), close('3'));
	ws.close();
});

// --- leave ------------------------------------------------------------------

test('75, 76, 79, 80 leaving is answered, then closed, once', async () => {
	for (const join of ['1', null]) {
		const ws = await joined();

		ws.send([join, '2', 'room:a', 'phx_leave', {}]);
		await ws.expect(reply('1', '2', 'room:a', ok()), close('1'));
		ws.send([join, '3', 'room:a', 'phx_leave', {}]);
		await ws.expect(reply(join, '3', 'room:a', ok()));
		ws.send(['1', '4', 'room:a', 'echo', {}]);
		await ws.expect(reply(null, '4', 'room:a', unmatched));
		ws.close();
	}
});

test('77 a stale leave is dropped', async () => {
	const ws = await joined();

	ws.send(['0', '2', 'room:a', 'phx_leave', {}]);
	await ws.quiet();
	ws.send(['1', '3', 'room:a', 'echo', {}]);
	await ws.expect(reply('1', '3', 'room:a', ok()));
	ws.close();
});

test('78 leaving what is not joined is answered ok', async () => {
	const ws = await open();

	for (const topic of ['room:q', 'nope']) {
		ws.send(['4', '5', topic, 'phx_leave', {}]);
		await ws.expect(reply('4', '5', topic, ok()));
	}
	ws.close();
});

test('81 [v1] leaving is answered, then closed with the join\'s ref', async () => {
	const ws = await joinedV1();

	ws.send(v1('room:a', 'phx_leave', '2'));
	await ws.expect(v1reply('room:a', '2', ok()),
		v1('room:a', 'phx_close', '1'));
	ws.close();
});

test('82 who has left hears no broadcast', async () => {
	const left = await joined('room:82');
	const stays = await joined('room:82');

	left.send(['1', '2', 'room:82', 'phx_leave', {}]);
	await left.expect(reply('1', '2', 'room:82', ok()), close('1', 'room:82'));
	stays.send(['1', '2', 'room:82', 'shout', {}]);
	await stays.expect([null, null, 'room:82', 'shout', {}]);
	await left.quiet();
	left.close();
	stays.close();
});

test('83 leaving an undecided join waits for it', async () => {
	const ws = await open();

	ws.send(['1', '1', 'room:a', 'phx_join', { delay: 300 }])
		.send(['1', '2', 'room:a', 'phx_leave', {}]);
	assert.deepEqual(await ws.next(), reply('1', '1', 'room:a', ok()));
	await ws.expect(reply('1', '2', 'room:a', ok()), close('1'));
	ws.close();
});

// --- broadcast --------------------------------------------------------------

test('85, 86, 87, 88, 89 a broadcast reaches the topic, in each one\'s words',
	async () => {
		const a = await joined('room:85');
		const b = await joined('room:85');
		const other = await joined('room:89');
		const one = await openV1();
		const said = (m) => [null, null, 'room:85', 'shout', { m }];

		one.send(v1('room:85', 'phx_join', '1'));
		await one.expect(v1reply('room:85', '1', ok()));

		a.send(['1', '2', 'room:85', 'shout', { m: 1 }]);
		await a.expect(said(1));
		await b.expect(said(1));
		await one.expect(v1('room:85', 'shout', null, { m: 1 }));

		a.send(['1', '3', 'room:85', 'shout_others', { m: 2 }]);
		await a.quiet();
		await b.expect(said(2));
		await one.expect(v1('room:85', 'shout', null, { m: 2 }));

		a.send(['1', '4', 'room:85', 'shout_reply', { m: 3 }]);
		await a.expect(said(3), reply('1', '4', 'room:85', ok()));
		await b.expect(said(3));

		await other.quiet();
		for (const ws of [a, b, one, other])
			ws.close();
	});

// --- binary -----------------------------------------------------------------

test('91, 94 a binary event is answered in binary', async () => {
	const ws = await joined();

	ws.send(bytes(0, 1, 1, 6, 4, '1', '2', 'room:a', 'echo', 1, 2));
	await ws.expect(bytes(1, 1, 1, 6, 2, '1', '2', 'room:a', 'ok', 1, 2));
	ws.send(bytes(0, 1, 1, 6, 4, '1', '3', 'room:a', 'echo'));
	await ws.expect(bytes(1, 1, 1, 6, 2, '1', '3', 'room:a', 'ok'));
	ws.close();
});

test('92, 93 pushes and broadcasts may be binary, but not for V1', async () => {
	const ws = await joined('room:93');
	const one = await openV1();

	one.send(v1('room:93', 'phx_join', '1'));
	await one.expect(v1reply('room:93', '1', ok()));
	ws.send(['1', '2', 'room:93', 'push_bin', {}]);
	await ws.expect(bytes(0, 1, 7, 6, '1', 'room:93', 'pushed', 0, 1));
	ws.send(bytes(0, 1, 1, 7, 9, '1', '2', 'room:93', 'shout_bin', 0xff));
	await ws.expect(bytes(2, 7, 5, 'room:93', 'shout', 0xff));
	one.send(v1('room:93', 'push_bin', '2'));
	await one.quiet();
	ws.close();
	one.close();
});

test('95 an empty binary join_ref is stale', async () => {
	const ws = await joined();

	ws.send(bytes(0, 0, 1, 6, 4, '2', 'room:a', 'echo'));
	await ws.quiet();
	ws.close();
});

test('96 a binary event on a topic that is not joined is answered in text',
	async () => {
		const ws = await open();

		ws.send(bytes(0, 1, 1, 6, 4, '1', '2', 'room:z', 'echo', 1));
		await ws.expect(reply(null, '2', 'room:z', unmatched));
		ws.close();
	});

async function closesWith(code, message, query = 'vsn=2.0.0') {
	const ws = await open({ query });

	ws.send(message);
	assert.deepEqual((await ws.closed()).code, code, `${message}`);
	ws.close();
}

test('97, 98 undecodable binary frames close 1011', async () => {
	const whole = bytes(0, 1, 1, 6, 4, '1', '2', 'room:a', 'echo');

	for (const kind of [1, 2, 3, 255])
		await closesWith(1011, bytes(kind, ...whole.subarray(1)));
	for (const length of [0, 1, 4, 5, whole.length - 1])
		await closesWith(1011, whole.subarray(0, length));
	await closesWith(1011, Buffer.from(JSON.stringify(J)));
});

test('99 a join may be binary', async () => {
	const ws = await open();

	ws.send(bytes(0, 1, 1, 6, 8, '1', '1', 'room:a', 'phx_join', 7));
	await ws.expect(reply('1', '1', 'room:a', ok()));
	ws.send(['1', '2', 'room:a', 'echo', {}]);
	await ws.expect(reply('1', '2', 'room:a', ok()));
	ws.close();
});

// --- malformed --------------------------------------------------------------

test('101 undecodable texts close 1011', async () => {
	for (const text of ['{', '', '123', '"x"', 'null', '{}', '[]',
		'["1","1","room:a","phx_join"]', '\ufeff["1","1","t","e",{}]',
		'[null,"1","t","e","\\ud800"]',
		JSON.stringify(v1('t', 'e', '1')), '['.repeat(1000)])
		await closesWith(1011, text);
});

test('102, 103 [v1] likewise, and missing keys', async () => {
	await closesWith(1011, '[null,"1","t","e",{}]', '');
	for (const missing of ['topic', 'event', 'payload', 'ref'])
		await closesWith(1011, { ...v1('t', 'e', '1'), [missing]: undefined },
			'');
});

test('104 a topic that is no text is unmatched and echoed', async () => {
	const ws = await open();

	for (const topic of [null, 5, { a: 1 }, 'room:\0']) {
		for (const event of ['x', 'phx_join']) {
			ws.send(['1', '2', topic, event, {}]);
			await ws.expect(reply(null, '2', topic, unmatched));
		}
	}
	ws.close();
});

test('104b refs are echoed to the letter', async () => {
	const ws = await joined();

	for (const ref of ['90071992547409930001', '1.50', '"a\\u0000b"', '{"a": 1}']) {
		ws.send(`["1",${ref},"room:a","echo",{}]`);
		const { payload } = await ws.nextFrame();

		assert.equal(payload.toString(), `["1",${ref},"room:a","phx_reply",`
			+ '{"status":"ok","response":{}}]');
	}
	ws.close();
});

test('105 invalid UTF-8 closes 1007', async () => {
	for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80],
		[0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
		const ws = await open();

		ws.frame(Buffer.from([0x22, ...bad]));
		assert.equal((await ws.closed()).code, 1007, `${bad}`);
		ws.close();
	}
});

const LIMIT = 131072;

function echoOf(size) {
	const empty = JSON.stringify(['1', '2', 'room:a', 'echo', '']);

	return JSON.stringify(
		['1', '2', 'room:a', 'echo', 'x'.repeat(size - empty.length)]);
}

test('106 a message over the limit closes 1009, whole or in pieces', async () => {
	const ws = await joined();
	const most = echoOf(LIMIT);

	ws.send(most);
	assert.equal((await ws.next())[4].response, JSON.parse(most)[4]);
	ws.close();

	await closesWith(1009, echoOf(LIMIT + 1));
	const pieces = await open();

	pieces.frame('x'.repeat(70000), { fin: false })
		.frame('x'.repeat(70000), { opcode: 0 });
	assert.equal((await pieces.closed()).code, 1009);
	pieces.close();

	const liar = await open();

	liar.frame('x', { length: 1n << 62n });
	assert.equal((await liar.closed()).code, 1009);
	liar.close();
});

test('107 a message in pieces is put together, a ping between is answered',
	async () => {
		const ws = await joined();
		const text = Buffer.from(
			JSON.stringify(['1', '2', 'room:a', 'echo', { x: 'é'.repeat(9) }]));
		const inE = text.indexOf(0xc3) + 1;

		ws.frame(text.subarray(0, 10), { fin: false })
			.frame(text.subarray(10, inE), { opcode: 0, fin: false })
			.frame('mid', { opcode: 'ping' });
		assert.deepEqual((await ws.nextFrame()).payload.toString(), 'mid');
		ws.frame(text.subarray(inE), { opcode: 0 });
		await ws.expect(reply('1', '2', 'room:a', ok({ x: 'é'.repeat(9) })));
		ws.close();
	});

test('107b a message may come byte by byte', async () => {
	const ws = await joined();

	for (const byte of frame(JSON.stringify(['1', '2', 'room:a', 'echo', {}]))) {
		ws.write(Buffer.from([byte]));
		await new Promise(setImmediate);
	}
	await ws.expect(reply('1', '2', 'room:a', ok()));
	ws.close();
});

test('108 [v1] JSON may come in a binary frame', async () => {
	const ws = await openV1();

	ws.send(Buffer.from(JSON.stringify(v1('room:a', 'phx_join', '1'))));
	await ws.expect(v1reply('room:a', '1', ok()));
	ws.close();
});

test('109 one socket\'s nonsense disturbs no other', async () => {
	const good = await joined();

	await closesWith(1011, '{');
	good.send(['1', '2', 'room:a', 'echo', {}]);
	await good.expect(reply('1', '2', 'room:a', ok()));
	good.close();
});

test('violations of RFC 6455 close 1002', async () => {
	const wrong = [
		frame('x', { rsv: 4 }), frame('x', { rsv: 2 }), frame('x', { rsv: 1 }),
		frame('x', { opcode: 3 }), frame('x', { opcode: 11 }),
		frame('x', { opcode: 0 }), frame('x', { opcode: 'ping', fin: false }),
		Buffer.concat([frame('x', { fin: false }), frame('y')]),
	];

	for (const bad of wrong) {
		const ws = await open();

		ws.write(bad);
		assert.equal((await ws.closed()).code, 1002, bad.toString('hex'));
		ws.close();
	}
});

test('a close frame is answered and the connection ends', async () => {
	for (const payload of ['', '\x03\xe8', '\x0f\xa0bye']) {
		const ws = await joined();

		ws.frame(Buffer.from(payload, 'latin1'), { opcode: 'close' });
		assert.equal((await ws.nextFrame()).opcode, 8);
		await ws.raw.end();
	}
});

// --- the end ----------------------------------------------------------------

const CLOSE = 'POST /close?topic=TOPIC&code=CODE HTTP/1.1\r\n'
	+ 'Host: localhost\r\nContent-Length: 0\r\n\r\n';

test('110 a disconnected socket is closed with 1001 and no frames', async () => {
	const ws = await joined('room:110');

	await exchange(port,
		CLOSE.replace('TOPIC', 'room:110').replace('CODE', '1001'));
	assert.deepEqual(await ws.closed(), { code: 1001, reason: '', messages: 0 });
	ws.close();
});

test('110b output comes before the close frame, however much', async () => {
	const ws = await joined('room:110b');

	ws.send(['1', '2', 'room:110b', 'flood', { n: 50, bytes: 20000 }]);
	await exchange(port,
		CLOSE.replace('TOPIC', 'room:110b').replace('CODE', '1012'));
	assert.deepEqual(await ws.closed(),
		{ code: 1012, reason: '', messages: 50 });
	ws.close();
});

test('111 a shutdown closes every socket with 1012 and ends cleanly', async () => {
	const own = await startFixture();
	const sockets = [];

	for (let i = 0; i < 40; i++)
		sockets.push(i % 2 ? await joined('room:a', own.port)
			: await Ws.open(own.port));
	const closes = Promise.all(sockets.map((ws) => ws.closed()));
	const ended = own.stop();

	for (const { code, messages } of await closes)
		assert.deepEqual([code, messages], [1012, 0]);
	for (const ws of sockets)
		ws.frame('\x03\xf4', { opcode: 'close' });
	await ended;
});

test('a shutdown waits neither for a silent client nor for ever', async () => {
	const own = await startFixture();
	const silent = await joined('room:a', own.port);

	silent.raw.socket.pause();
	await own.stop();
	silent.close();
});

// --- output -----------------------------------------------------------------

test('a client that does not read is closed 1013, others notice nothing',
	async () => {
		await withFixture({ QUEUE_BYTES: '200000' }, async (own) => {
			const slow = await joined('room:slow', own.port);
			const quick = await joined('room:slow', own.port);
			const warned = () => own.daemon.events.some(
				(e) => e.event === 'slow client closed');
			const text = 'x'.repeat(20000);

			slow.raw.socket.pause();
			await until(async () => {
				quick.send(['1', '2', 'room:slow', 'shout', { text }]);
				await quick.expect(
					[null, null, 'room:slow', 'shout', { text }]);
				return warned();
			});
			quick.send(['1', '3', 'room:slow', 'shout', {}]);
			await quick.expect([null, null, 'room:slow', 'shout', {}]);
			slow.raw.socket.resume();
			const { code, messages } = await slow.closed();

			assert.equal(code, 1013);
			assert(messages > 10);
			slow.close();
			quick.close();
		});
	});

test('a burst of answers comes whole and in order', async () => {
	const ws = await joined();
	const count = 2000;

	for (let i = 0; i < count; i++)
		ws.send(['1', `${i}`, 'room:a', 'echo', { i }]);
	for (let i = 0; i < count; i++)
		assert.deepEqual(await ws.next(), reply('1', `${i}`, 'room:a', ok({ i })));
	ws.close();
});
