// The listener and the HTTP half of the edge, byte by byte.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { startFixture } from '../lib/fixture.mjs';
import { Raw, exchange } from '../lib/raw.mjs';
import { Ws, frame, upgrade } from '../lib/ws.mjs';
import { sleep, until } from '../lib/until.mjs';

let port;
let fixture;

before(async () => {
	fixture = await startFixture();
	port = fixture.port;
});

after(() => fixture?.stop());

const open = (at = port) => Raw.open(at);

function request(target, { method = 'GET', version = 'HTTP/1.1', headers = {},
	body = '' } = {}) {
	const all = { Host: 'localhost', ...body && { 'Content-Length':
		Buffer.byteLength(body) }, ...headers };

	return `${method} ${target} ${version}\r\n${
		Object.entries(all).filter(([, value]) => value !== null)
			.map(([name, value]) => `${name}: ${value}\r\n`).join('')
	}\r\n${body}`;
}

const get = (target, options) => exchange(port, request(target, options));
const statusOf = async (...args) => (await get(...args)).status;

// The answers to some requests on one connection, and how it ended (null: it
// is open still).
async function conversation(texts, { at = port, ends = true } = {}) {
	const raw = await open(at);
	const answers = [];

	for (const text of texts) {
		raw.write(text);
		const answer = await raw.answer();

		if (!answer)
			break;
		answers.push(answer);
	}
	const end = ends ? await raw.end() : raw.ended;

	raw.close();
	return { answers, statuses: answers.map((a) => a.status), end };
}

async function withFixture(env, story) {
	const own = await startFixture(env);

	try {
		await story(own);
	} finally {
		await own.stop();
	}
}

// --- the listener -----------------------------------------------------------

test('a head may come in pieces', async () => {
	for (const size of [1, 7, 300]) {
		const raw = await open();
		const text = upgrade({ headers: { Cookie: 'c'.repeat(500) } });

		for (let i = 0; i < text.length; i += size) {
			raw.write(text.slice(i, i + size));
			await new Promise(setImmediate);
		}
		assert.equal((await raw.answer()).status, 101);
		raw.close();
	}
});

test('what comes with an upgrade is not lost', async () => {
	const raw = await open();
	const beat = frame('[null,"1","phoenix","heartbeat",{}]');
	const ws = Object.assign(new Ws(), { raw });

	raw.write(Buffer.concat([Buffer.from(upgrade({})), beat, beat]));
	assert.equal((await raw.answer()).status, 101);
	assert.equal((await ws.next())[1], '1');
	assert.equal((await ws.next())[1], '1');
	ws.close();
});

test('oversize URLs and heads are told by status', async () => {
	assert.equal(await statusOf(`/hello?${'x'.repeat(4000)}`), 200);
	assert.equal(await statusOf(`/hello?${'x'.repeat(4096)}`), 414);
	assert.equal(await statusOf(`/${'x'.repeat(100000)}`), 414);
	assert.equal(await statusOf('/hello',
		{ headers: { Cookie: 'x'.repeat(8000) } }), 200);
	assert.equal(await statusOf('/hello', { headers: Object.fromEntries(
		Array.from({ length: 65 }, (_, i) => [`X${i}`, 'x'])) }), 431);
	assert.equal(await statusOf('/hello',
		{ headers: { Cookie: 'x'.repeat(8192) } }), 431);
	assert.equal((await exchange(port,
		upgrade({ query: 'x'.repeat(4096) }))).status, 414);
});

test('a refused client hears why, whatever else it is sending', async () => {
	const raw = await open();

	raw.write(upgrade({ query: 'vsn=9.9.9' }));
	raw.write('x'.repeat(1000000));
	assert.equal((await raw.answer()).status, 403);
	assert.equal(await raw.end(), 'end');
	raw.close();
});

test('what is no HTTP is refused', async () => {
	const heads = {
		'\x16\x03\x01\x02': 400, 'hello\r\n\r\n': 400, 'GET /\r\n\r\n': 400,
		'GET / HTTP/3.0\r\n\r\n': 505, 'CONNECT a:1 HTTP/1.1\r\n\r\n': 501,
		'GET x HTTP/1.1\r\n\r\n': 400, 'GET / HTTP/1.1\r\nX : y\r\n\r\n': 400,
		'GET /%00 HTTP/1.1\r\n\r\n': 400, 'GET /%zz HTTP/1.1\r\n\r\n': 400,
	};

	for (const [head, status] of Object.entries(heads))
		assert.equal((await exchange(port, head)).status, status, head);
});

test('upgrades go to the socket and to nothing but websocket', async () => {
	assert.equal((await exchange(port,
		upgrade({ path: '/socket' }))).status, 404);
	assert.equal((await exchange(port,
		upgrade({ path: '/hello', headers: { Upgrade: 'foo' } }))).status, 400);
});

test('no more connections are accepted than allowed; others wait', async () => {
	await withFixture({ CONNECTIONS: '5' }, async (own) => {
		const sockets = [];

		for (let i = 0; i < 5; i++)
			sockets.push(await Ws.open(own.port));
		const late = Ws.open(own.port);
		const first = await Promise.race([late, sleep(300)]);

		assert.equal(first, undefined);
		sockets[0].close();
		await (await late).quiet();
		(await late).close();
		for (const ws of sockets)
			ws.close();
	});
});

test('without free descriptors it waits and does not spin', async () => {
	await withFixture({}, async (own) => {
		const { pid } = own.daemon;
		const spent = () => {
			const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
				.split(') ')[1].split(' ');

			return Number(fields[11]) + Number(fields[12]); // in 10 ms
		};

		execFileSync('prlimit', ['--pid', `${pid}`, '--nofile=30:4096']);
		const raws = await Promise.all(Array.from({ length: 60 },
			() => open(own.port)));

		await until(() => own.daemon.events.some(
			(e) => e.event === 'not accepting for a moment'));
		const before = spent();

		await sleep(1000);
		assert(spent() - before < 50, 'it spins');
		for (const raw of raws.slice(1))
			raw.close();
		raws[0].write(request('/hello'));
		assert.equal((await raws[0].answer()).status, 200);
		raws[0].close();
	});
});

test('who does not say all in time is told so', { concurrency: true },
	async (t) => {
		const tooLate = async (...texts) => {
			const { statuses, end } = await conversation(texts);

			assert.deepEqual([statuses.at(-1), end], [408, 'end']);
		};

		await Promise.all([
			t.test('a head', () => tooLate('GET /hello HTTP/1.1\r\nHost: lo')),
			t.test('a later head', () => tooLate(
				request('/hello'), 'GET /hello HTTP/1.1\r\nHo')),
			t.test('a body', () => tooLate(request('/echo', {
				method: 'POST', headers: { 'Content-Length': '10' } }))),
			t.test('nothing at all is hung up on', async () => {
				const silent = await open();

				assert.equal(await silent.end(), 'end');
				assert.equal(silent.bytes.length, 0);
				silent.close();
			}),
		]);
	});

// --- requests ---------------------------------------------------------------

test('an answer is what the application said and its length', async () => {
	const { status, headers, body } = await get('/hello');

	assert.equal(status, 200);
	assert.equal(body, 'hello');
	assert.deepEqual(headers, {
		'content-type': 'text/plain', 'content-length': '5',
		'x-content-type-options': 'nosniff', 'x-split': 'a  X-Bad: b',
	});
	assert.equal(await statusOf('/nothing'), 404);
});

test('HEAD is answered with the length alone', async () => {
	const raw = await open();

	raw.write(request('/hello', { method: 'HEAD' }) + request('/hello'));
	const { status, headers } = await raw.answer({ head: true });

	assert.deepEqual([status, headers['content-length']], [200, '5']);
	assert.equal((await raw.answer()).body, 'hello');
	raw.close();
});

test('a connection is kept, or not, as it was asked for', async () => {
	const hello = request('/hello');
	const kept = await conversation([hello, hello, hello], { ends: false });

	assert.deepEqual(kept.statuses, [200, 200, 200]);
	assert.equal(kept.end, null);
	for (const last of [request('/hello', { version: 'HTTP/1.0' }),
		request('/hello', { headers: { Connection: 'close' } })]) {
		const { answers, end } = await conversation([hello, last]);

		assert.equal(answers[1].headers.connection, 'close');
		assert.equal(answers[1].body, 'hello');
		assert.equal(end, 'end');
	}
});

test('pipelined requests are answered in order', async () => {
	const raw = await open();

	raw.write(request('/seen/1') + request('/slow?ms=200') + request('/echo', {
		method: 'POST', body: 'two' }) + request('/seen/3'));
	raw.write(request('/slow?ms=50', { method: 'POST', body: 'x' }));
	assert.equal(JSON.parse((await raw.answer()).body).path, '/seen/1');
	assert.equal((await raw.answer()).body, 'slow');
	raw.write(request('/seen/5'));
	assert.equal((await raw.answer()).body, 'two');
	assert.equal(JSON.parse((await raw.answer()).body).path, '/seen/3');
	assert.equal((await raw.answer()).body, 'slow');
	assert.equal(JSON.parse((await raw.answer()).body).path, '/seen/5');
	raw.close();
});

test('waiting for an answer costs nothing, pipelined or not', async () => {
	await withFixture({}, async (own) => {
		const raw = await open(own.port);
		const spent = () => Number(readFileSync(
			`/proc/${own.daemon.pid}/stat`, 'utf8')
			.split(') ')[1].split(' ')[11]);

		raw.write(request('/slow?ms=2000'));
		await sleep(300);
		raw.write(request('/hello'));
		const before = spent();

		await sleep(1000);
		assert(spent() - before < 30, 'it spins');
		assert.equal((await raw.answer()).body, 'slow');
		assert.equal((await raw.answer()).body, 'hello');
		raw.close();
	});
});

test('an upgrade as a later request is refused and ends the connection',
	async () => {
		const hello = request('/hello');
		const { statuses, end } = await conversation([hello, upgrade({})]);

		assert.deepEqual(statuses, [200, 400]);
		assert.equal(end, 'end');

		const raw = await open();

		raw.write(hello + upgrade({}) + hello);
		assert.equal((await raw.answer()).body, 'hello');
		assert.equal((await raw.answer()).status, 400);
		await raw.end();
		assert.equal(raw.bytes.length, 0);
		raw.close();

		for (const Upgrade of ['foo', 'h2c']) {
			const { statuses, end } = await conversation(
				[hello, upgrade({ headers: { Upgrade } })]);

			assert.deepEqual([statuses, end], [[200, 400], 'end']);
		}
	});

test('a later request meets the same limits as the first', async () => {
	const hello = request('/hello');
	const bad = {
		[request(`/${'x'.repeat(5000)}`)]: 414,
		[request('/hello', { headers: { Cookie: 'x'.repeat(20000) } })]: 431,
		[request('localhost:1', { method: 'CONNECT' })]: 501,
		[request('/%00')]: 400,
		[request('/%zz')]: 400,
		[request('/hello', { headers: { Host: null } })]: 400,
		[request('/hello', { headers: { Host: 'localhost\r\nHost: b' } })]: 400,
		'nonsense\r\n\r\n': 400,
	};

	for (const [text, status] of Object.entries(bad)) {
		const { answers, statuses, end } = await conversation([hello, text]);

		assert.deepEqual([statuses, end], [[200, status], 'end'],
			text.slice(0, 40));
		assert.equal(typeof JSON.parse(answers[1].body).error.code, 'string');
	}
});

test('bodies up to 64 KB are taken, also in pieces', async () => {
	const raw = await open();
	const body = 'b'.repeat(65536);

	for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET']) {
		raw.write(request('/echo', { method, body }));
		assert.equal((await raw.answer()).body, body, method);
		raw.write(request('/echo',
			{ method, headers: { 'Content-Length': '0' } }));
		assert.equal((await raw.answer()).body, '', method);
	}
	raw.write(request('/echo', { method: 'POST' }));
	assert.equal((await raw.answer()).body, '');
	for (const byte of request('/echo', { method: 'POST', body: 'slowly' })) {
		raw.write(byte);
		await new Promise(setImmediate);
	}
	assert.equal((await raw.answer()).body, 'slowly');
	raw.close();
});

test('a client that asks is told to go on', async () => {
	const raw = await open();

	raw.write(request('/echo', { method: 'POST',
		headers: { Expect: '100-continue', 'Content-Length': '4' } }));
	assert.equal((await raw.answer()).status, 100);
	raw.write('body');
	assert.equal((await raw.answer()).body, 'body');
	raw.close();
});

test('other bodies are refused, and the answer arrives', async () => {
	const cases = [
		[{ 'Content-Length': '65537' }, 'x'.repeat(65537), 413],
		[{ 'Content-Length': '99999999999999999999' }, 'xx', 413],
		[{ 'Content-Length': '5x' }, 'xxxxx', 400],
		[{ 'Content-Length': '-5' }, 'xxxxx', 400],
		[{ 'Content-Length': '2, 5' }, 'xxxxx', 400],
		[{ 'Content-Length': '2\r\nContent-Length: 5' }, 'xxxxx', 400],
		[{ 'Transfer-Encoding': 'chunked' }, '5\r\nhello\r\n0\r\n\r\n', 411],
	];

	for (const [headers, body, status] of cases) {
		for (const before of ['', request('/hello')]) {
			const raw = await open();

			if (before) {
				raw.write(before);
				await raw.answer();
			}
			raw.write(request('/echo', { method: 'POST', headers }) + body);
			const answer = await raw.answer();

			assert.equal(answer?.status, status, JSON.stringify(headers));
			assert.equal(answer.headers.connection, 'close');
			raw.socket.end();
			assert.equal(await raw.end(), 'end', JSON.stringify(headers));
			raw.close();
		}
	}
});

test('a missing Host is refused, but not of HTTP/1.0', async () => {
	const bare = { headers: { Host: null } };

	assert.equal(await statusOf('/hello', bare), 400);
	await withFixture({ LOOPBACK: '0', HOSTS: '*' }, async (own) => {
		const { statuses } = await conversation(
			[request('/hello', { ...bare, version: 'HTTP/1.0' })],
			{ at: own.port });

		assert.deepEqual(statuses, [403]);
	});
});

test('foreign hosts and origins are refused, on every request', async () => {
	const hello = request('/hello');
	const cases = [
		[{ Host: 'evil.test' }, 403], [{ Host: 'a.ex.com' }, 200],
		[{ Host: '127.0.0.1:1' }, 200], [{ Host: '[::1]' }, 200],
		[{ Origin: 'http://localhost:5173' }, 200],
		[{ Origin: 'https://evil.test' }, 403], [{ Origin: 'null' }, 403],
	];

	for (const [headers, status] of cases) {
		const { statuses } = await conversation([request('/hello', { headers }),
			hello, request('/hello', { headers })], { ends: false });

		assert.deepEqual(statuses, [status, 200, status],
			JSON.stringify(headers));
	}
});

test('paths and parameters come decoded', async () => {
	const cases = [
		['/seen/a%20b%3Ac', { path: '/seen/a b:c' }],
		['/seen/%C8%9B?q=%C8%9B', { path: '/seen/ț', q: 'ț' }],
		['/seen//a/.b/..c', { path: '/seen//a/.b/..c' }],
		['/seen/x?q=1&&q=a%26b+c&r', { path: '/seen/x', q: 'a&b c' }],
		['/seen/x?q', { path: '/seen/x', q: '' }],
		['/seen/x?q=%ff', { path: '/seen/x' }],
	];

	for (const [target, seen] of cases) {
		const { method, ...got } = JSON.parse((await get(target)).body);

		assert.equal(method, 0);
		assert.deepEqual(got, seen, target);
	}
	for (const bad of ['/seen/%ff', '/seen/../x', '/seen/%2e%2E/x', '/seen/.'])
		assert.equal(await statusOf(bad), 400, bad);
});

test('a large answer reaches a slow reader, and the next one too', async () => {
	const raw = await open();
	const bytes = 6000000;

	raw.socket.pause();
	raw.write(request(`/big?bytes=${bytes}`));
	await sleep(300);
	raw.write(request('/hello'));
	await sleep(300);
	raw.socket.resume();
	assert.equal((await raw.answer()).body.length, bytes);
	assert.equal((await raw.answer()).body, 'hello');
	raw.close();
	const { answers, end } = await conversation([request(
		`/big?bytes=${bytes}`, { headers: { Connection: 'close' } })]);

	assert.equal(answers[0].body.length, bytes);
	assert.equal(end, 'end');
});

test('a client that goes before its answer does no harm', async () => {
	await withFixture({}, async (own) => {
		for (let i = 0; i < 5; i++) {
			const raw = await open(own.port);

			raw.write(request('/slow?ms=200'));
			await sleep(20);
			raw.close();
		}
		await until(async () => JSON.parse((await exchange(own.port,
			request('/stats'))).body).connections === 1);
	});
});

// --- the end ----------------------------------------------------------------

test('a shutdown answers what is at hand and drops the rest', async () => {
	const own = await startFixture();
	const busy = await open(own.port);
	const idle = await open(own.port);
	const half = await open(own.port);

	idle.write(request('/hello'));
	await idle.answer();
	half.write('GET /hello HT');
	busy.write(request('/slow?ms=600'));
	await sleep(200);
	const ended = own.stop();

	await idle.end();
	await half.end();
	const answer = await busy.answer();

	assert.equal(answer.body, 'slow');
	assert.equal(answer.headers.connection, 'close');
	await busy.end();
	await ended;
	for (const raw of [busy, idle, half])
		raw.close();
});

test('a shutdown does not wait for ever for an answer', async () => {
	const own = await startFixture();
	const busy = await open(own.port);

	busy.write(request('/slow?ms=600000'));
	await sleep(200);
	await own.stop();
	await busy.end();
	busy.close();
});
