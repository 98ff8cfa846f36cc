// REST and the pages: what is wrong with requests, and what answers carry.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { today } from '../lib/books.mjs';
import { shareStack } from '../lib/stack.mjs';
import { Raw, exchange } from '../lib/raw.mjs';
import { Ws, upgrade } from '../lib/ws.mjs';

const MARKUP = '<b onclick="x(\'&amp;\')">&</b>';
const ESCAPED = '&lt;b onclick=&quot;x(&#39;&amp;amp;&#39;)&quot;&gt;&amp;' +
	'&lt;/b&gt;';

let port; // of the gateway
let sessionId; // of ana, who has asked and been answered
let half; // a connection with half a head, since the beginning

const shared = shareStack({}, async (stack) => {
	port = stack.gateway().port;
	half = await Raw.open(port);
	half.write('GET / HTTP/1.1\r\nHost: loc');
	const ana = await stack.client({ user: 'ana' });

	({ sessionId } = (await ana.ask('Bună ziua')).sent);
	ana.close();
});

const rest = (where, options) => shared.stack.rest(where, options);

function request(target, { method = 'GET', version = 'HTTP/1.1', headers = {},
	body = '' } = {}) {
	const all = { Host: 'localhost', ...body && { 'Content-Length':
		Buffer.byteLength(body) }, ...headers };

	return `${method} ${target} ${version}\r\n${
		Object.entries(all).filter(([, value]) => value !== null)
			.map(([name, value]) => `${name}: ${value}\r\n`).join('')
	}\r\n${body}`;
}

const raw = (target, options) =>
	exchange(port, request(target, options), { head: options?.method === 'HEAD' });

const messages = (id) => `/api/sessions/${id}/messages`;
const active = (business) => `/api/sessions/business/${business}/active`;

function assertFault({ status, headers, json, body }, expected, code, what) {
	const { error } = json ?? JSON.parse(body);
	const header = (name) => headers.get?.(name) ?? headers[name];

	assert.deepEqual([status, error.code], [expected, code], what);
	assert(error.message.length > 0);
	assert.equal(header('content-type'), 'application/json');
	assert.equal(header('cache-control'), 'no-store');
	assert.equal(header('x-content-type-options'), 'nosniff');
}

// --- parameters and ids -------------------------------------------------------

test('garbage in limit and before is refused', async () => {
	const garbage = [['limit', ['', '0', '201', '-1', '1.5', 'abc', '1e2', ' 5',
		'0x10', '99999999999999999999', '50;', '٥', '<b>']],
	['before', ['', 'abc', '0', '1704067200000', '2026-13-01T00:00:00Z',
		'2026-02-30T00:00:00Z', '2026-01-01', '2026-01-01T25:00:00Z', '<b>',
		'9'.repeat(200), 'null', '2026-01-01T00:00:00Z;']]];

	for (const [name, values] of garbage)
		for (const value of values)
			for (const id of [sessionId, today('ana'), randomUUID()])
				assertFault(await rest(`${messages(id)}?${name}=${
					encodeURIComponent(value)}`), 400, 'bad_request',
				`${name}=${value}`);
	for (const query of ['limit=1', 'limit=200', 'nonsense=1', '&&', 'limit=5&limit=6',
		'before=2026-01-01T00:00:00Z', 'before=2026-01-01T02:00:00.000+02:00'])
		assert.equal((await rest(`${messages(sessionId)}?${query}`)).status, 200,
			query);
});

test('a session nobody knows is not found', async () => {
	for (const id of [randomUUID(), 'x', 'msg_1_a', sessionId.toUpperCase(),
		'x'.repeat(128), 'a/b', '%2F', '%20', '*', 'null',
		'B0100001:ana', 'B0100001:ana:', 'B0100001:ana:abc', ':::',
		'B0100001:agent:1704067200000', 'B 1:ana:1704067200000'])
		assertFault(await rest(messages(id)), 404, 'not_found', id);
});

test('an alias without a session is an empty page', async () => {
	for (const id of ['B0100001:nobody:1704067200000', 'B9:ion:1704067200000',
		today('nobody')]) {
		const [businessId, userId] = id.split(':');

		for (const written of [id, encodeURIComponent(id)]) {
			const { status, json } = await rest(messages(written));

			assert.equal(status, 200);
			assert.deepEqual(json, { sessionId: id, businessId, userId,
				messages: [], pagination: { hasMore: false, nextCursor: null } });
		}
	}
});

test('an alias and the id it stands for are one session, : or %3A', async () => {
	const byId = await rest(messages(sessionId));
	const alias = today('ana');

	assert.equal(byId.status, 200);
	for (const id of [alias, encodeURIComponent(alias),
		alias.replace(':', '%3a')])
		assert.deepEqual((await rest(messages(id))).json, byId.json);
});

test('history and active sessions have the guide\'s shapes', async () => {
	const { json } = await rest(`${messages(sessionId)}?limit=1`);
	const [answer] = json.messages;

	assert.deepEqual(Object.keys(json),
		['sessionId', 'businessId', 'userId', 'messages', 'pagination']);
	assert.deepEqual(Object.keys(answer), ['messageId', 'sessionId',
		'businessId', 'userId', 'content', 'type', 'timestamp', 'metadata']);
	assert.deepEqual([answer.userId, answer.type, answer.metadata.source,
		answer.metadata.responseId], ['agent', 'agent', 'websocket',
		answer.messageId]);
	assert.equal(json.pagination.hasMore, true);
	const before = await rest(`${messages(sessionId)}?before=${
		encodeURIComponent(json.pagination.nextCursor)}`);

	assert.deepEqual(before.json.messages.map((m) => m.content), ['Bună ziua']);
	assert.deepEqual(before.json.pagination,
		{ hasMore: false, nextCursor: null });
	const sessions = (await rest(active('B0100001'))).json;
	const session = sessions.activeSessions
		.find((s) => s.sessionId === sessionId);

	assert.deepEqual(Object.keys(sessions), ['businessId', 'activeSessions']);
	assert.deepEqual(Object.keys(session), ['sessionId', 'businessId',
		'locationId', 'userId', 'status', 'createdAt', 'updatedAt',
		'lastMessageAt', 'metadata']);
	assert.deepEqual([session.status, session.userId, session.metadata],
		['active', 'ana', { businessType: 'medical', context: {} }]);
});

test('businesses outside the rules are refused, others have no sessions',
	async () => {
		for (const id of ['-a', '.a', 'a%20b', 'a:b', 'a@b', 'B'.repeat(65)])
			for (const where of [active(id), `/api/business/${id}`])
				assertFault(await rest(where), 400, 'bad_request', where);
		assert.deepEqual((await rest(active('B9'))).json,
			{ businessId: 'B9', activeSessions: [] });
	});

// --- paths --------------------------------------------------------------------

test('hostile paths find nothing', async () => {
	const paths = ['/%00', '/index.html%00', messages('%00'), '/%zz', '/%',
		'/%2', '/%ff', messages('%ff'), messages('%c0%ae'), messages('%0d%0aX:1'),
		'/../../etc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/..%2f..%2fetc/passwd',
		'/.%2e/', '/..', '/.', '//etc/passwd', '/./../../etc/passwd',
		'/%5c..%5c..%5cetc%5cpasswd', '/..;/etc/passwd', '/.env', '/.git/config',
		'/index.html/', '/index.html/x', '/INDEX.HTML', '/index.html%20',
		'/package.json', '/gateway', '/api', '/api/', '/api/sessions',
		'/api/sessions/', '/api/sessions//messages', '/api/business/',
		'/api/sessions/business//active', '/API/business/B0100001',
		messages(`${sessionId}/`), `${messages(sessionId)}/`, '/socket',
		'/socket/', messages('x'.repeat(257)), messages('x'.repeat(3900)),
		`/${'../'.repeat(1000)}etc/passwd`, `/${'%2e%2e/'.repeat(500)}`];

	for (const path of paths) {
		const { status, body } = await raw(path);

		assert([400, 404].includes(status) || (status === 200 &&
			/^\/(%2e%2e\/|\.\.?|\.%2e\/)+$/.test(path)), `${path}: ${status}`);
		assert(!/root:|SESSIOND/.test(body), path);
	}
	assert.equal((await raw('/')).status, 200);
});

test('a URL, a head or a body over its limit has its status', async () => {
	const long = (n) => `/?${'x'.repeat(n - 2)}`;
	const cookie = (n) => ({ headers: { Cookie: 'c'.repeat(n) } });

	assert.equal((await raw(long(4096))).status, 200);
	assert.equal((await raw(long(4097))).status, 414);
	assert.equal((await raw(messages('x'.repeat(100000)))).status, 414);
	assert.equal((await raw('/', cookie(8000))).status, 200);
	assert.equal((await raw('/', cookie(8192))).status, 431);
	assert.equal((await raw('/', cookie(1000000))).status, 431);
	for (const [length, status] of [[65536, 405], [65537, 413], [1e6, 413]])
		assert.equal((await raw(messages(sessionId), { method: 'POST',
			body: 'x'.repeat(length) })).status, status);
	assert.equal((await exchange(port, upgrade({ query: 'x'.repeat(4096) })))
		.status, 414);
	assert.equal((await exchange(port, upgrade({ headers:
		{ Cookie: 'c'.repeat(8192) } }))).status, 431);
});

test('a body that is not counted is refused, and nothing in it is obeyed',
	async () => {
		const inside = request(messages(sessionId));
		const chunked = { 'Transfer-Encoding': 'chunked' };
		const chunks = `5\r\nhello\r\n0\r\n\r\n${inside}`;
		const cases = [[chunked, 411], [{ ...chunked, 'Content-Length': '5' }],
			[{ 'Transfer-Encoding': 'gzip' }], [{ 'Transfer-Encoding': '' }],
			[{ 'Content-Length': '5x' }, 400], [{ 'Content-Length': '-1' }, 400],
			[{ 'Content-Length': '+5' }, 400], [{ 'Content-Length': '' }, 400],
			[{ 'Content-Length': '5, 5' }, 400],
			[{ 'Content-Length': '5\r\nContent-Length: 6' }, 400],
			[{ 'Content-Length': '9'.repeat(40) }, 413]];

		for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
			for (const [headers, expected] of cases) {
				const what = `${method} ${JSON.stringify(headers)}`;
				const conn = await Raw.open(port);

				conn.write(request(messages(sessionId), { method, headers }) +
					chunks);
				const answer = await conn.answer();

				assert(expected ? answer.status === expected
					: [400, 411].includes(answer.status),
				`${what}: ${answer.status}`);
				assert.equal(answer.headers.connection, 'close', what);
				conn.socket.end();
				assert.equal(await conn.end(), 'end', what);
				assert.equal(conn.bytes.length, 0, what);
				conn.close();
			}
	});

test('a body is read to its end, and the next request behind it', async () => {
	for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'])
		for (const body of ['', 'x', 'GET / HTTP/1.1\r\n\r\n',
			'x'.repeat(65536)]) {
			const conn = await Raw.open(port);
			const length = { 'Content-Length': body.length };
			const status = method === 'GET' ? 200 : 405;

			for (let i = 0; i < 2; i++) {
				conn.write(request(messages(sessionId),
					{ method, headers: length }) + body +
					request('/none', { headers: length }) + body);
				for (const expected of [status, 404])
					assert.equal((await conn.answer())?.status, expected,
						`${method} ${body.slice(0, 20)} ${i}`);
			}
			conn.close();
		}
});

test('other methods are told which are allowed', async () => {
	const body = { headers: { 'Content-Length': '0' } };

	for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
		for (const [where, allow] of [[messages(sessionId), 'GET, HEAD, OPTIONS'],
			[active('B0100001'), 'GET, HEAD, OPTIONS'],
			['/api/business/B0100001', 'GET, HEAD, OPTIONS'],
			['/', 'GET, HEAD'], ['/chat.js', 'GET, HEAD']]) {
			const answer = await raw(where, { method, ...body });

			assertFault(answer, 405, 'method_not_allowed', where);
			assert.equal(answer.headers.allow, allow);
		}
	for (const method of ['TRACE', 'CONNECT', 'BREW', 'get', 'PROPFIND'])
		assert.equal((await raw('/', { method })).status, 501, method);
	for (const method of ['POST', 'PUT', 'HEAD', 'OPTIONS'])
		assert.equal((await exchange(port, upgrade({ method }),
			{ head: true })).status, 400, method);
});

// --- connections --------------------------------------------------------------

test('pipelined requests are answered in their order', async () => {
	const conn = await Raw.open(port);
	const asked = [
		[messages(sessionId), 200, 'messages'], [active('B0100001'), 200,
			'activeSessions'], [messages(randomUUID()), 404, 'error'],
		['/api/business/B0100001', 200, 'timezone'], [`${messages('a')}/b`, 404,
			'error'], [`${messages('x')}?limit=0`, 400, 'error'],
		[messages(today('nobody')), 200, 'messages'],
	];

	conn.write(asked.map(([target]) => request(target)).join(''));
	conn.write(request('/') + request(active('B9'), { method: 'HEAD' }));
	for (const [target, status, key] of asked) {
		const answer = await conn.answer();

		assert.equal(answer.status, status, target);
		assert(key in JSON.parse(answer.body), target);
	}
	assert.match((await conn.answer()).body, /^<!doctype html>/i);
	assert.equal((await conn.answer({ head: true })).status, 200);
	conn.write(request('/', { headers: { Connection: 'close' } }));
	assert.equal((await conn.answer()).headers.connection, 'close');
	assert.equal(await conn.end(), 'end');
	conn.close();
});

test('a connection is kept for REST and never becomes a WebSocket', async () => {
	const conn = await Raw.open(port);

	for (let i = 0; i < 20; i++) {
		conn.write(request(messages(sessionId)));
		assert.equal((await conn.answer()).status, 200);
	}
	conn.write(upgrade({}));
	const { status, headers } = await conn.answer();

	assert.deepEqual([status, headers.connection], [400, 'close']);
	await conn.end();
	conn.close();
	assert.equal((await raw('/', { version: 'HTTP/1.0' })).headers.connection,
		'close');
});

test('HEAD is GET without the body', async () => {
	for (const where of [messages(sessionId), messages(randomUUID()), '/',
		'/api/business/B0100001', '/style.css', '/none']) {
		const conn = await Raw.open(port);

		conn.write(request(where, { method: 'HEAD' }) + request(where));
		const head = await conn.answer({ head: true });
		const { status, headers, body } = await conn.answer();

		assert.deepEqual([head.status, head.headers], [status, headers], where);
		assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
		conn.close();
	}
});

// --- Host, Origin, CORS ---------------------------------------------------------

const FOREIGN_HOSTS = ['evil.test', 'localhost.evil.test', '127.0.0.1.evil.test',
	'8.8.8.8', '[2001:db8::1]', 'evil.test:80', 'localhost@evil.test', '0x7f000001',
	'', '[::1', 'localhost:80:80', '127.1'];
const FOREIGN_ORIGINS = ['http://evil.test', 'https://localhost.evil.test', 'null',
	'file://', 'http://localhost@evil.test', 'localhost', '://localhost',
	'http://evil.test:3001', 'http://127.0.0.1.evil.test'];
const OWN_HOSTS = ['localhost', 'LOCALHOST:80', '127.0.0.1:3001', '127.9.9.9',
	'[::1]:3001', 'app.localhost'];
const OWN_ORIGINS = ['http://localhost:5173', 'https://127.0.0.1',
	'http://[::1]:8080', 'http://app.localhost'];

test('a foreign Host is refused everywhere', async () => {
	for (const Host of FOREIGN_HOSTS) {
		for (const where of ['/', messages(sessionId), active('B0100001'),
			'/none']) {
			const { status, headers } = await raw(where, { headers: { Host } });

			assert([400, 403].includes(status), `${Host}: ${status}`);
			assert.equal(headers['access-control-allow-origin'], undefined);
		}
		assert([400, 403].includes((await exchange(port,
			upgrade({ headers: { Host } }))).status), Host);
	}
	for (const target of ['/', messages(sessionId)])
		assert.equal((await raw(target, { headers: { Host: null } })).status, 400);
	assert.equal((await exchange(port, upgrade({ headers: { Host: null } })))
		.status, 400);
	for (const Host of OWN_HOSTS) {
		assert.equal((await raw('/', { headers: { Host } })).status, 200, Host);
		(await Ws.open(port, { headers: { Host } })).close();
	}
});

test('a foreign Origin is refused everywhere', async () => {
	for (const Origin of FOREIGN_ORIGINS) {
		for (const where of ['/', messages(sessionId), active('B0100001')])
			for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE']) {
				const { status, headers } =
					await raw(where, { method, headers: { Origin } });

				assert.equal(status, 403, `${Origin} ${method}`);
				assert.equal(headers['access-control-allow-origin'], undefined);
			}
		assert.equal((await exchange(port, upgrade({ headers: { Origin } })))
			.status, 403, Origin);
	}
});

test('an allowed Origin may read, and is told so by name', async () => {
	for (const Origin of OWN_ORIGINS) {
		for (const [where, status] of [[messages(sessionId), 200],
			[active('B0100001'), 200], [messages(randomUUID()), 404],
			[`${messages(sessionId)}?limit=0`, 400]]) {
			const answer = await raw(where, { headers: { Origin } });

			assert.equal(answer.status, status);
			assert.equal(answer.headers['access-control-allow-origin'], Origin);
			assert.equal(answer.headers.vary, 'Origin');
		}
		const preflight = await raw(messages(sessionId), { method: 'OPTIONS',
			headers: { Origin, 'Access-Control-Request-Method': 'GET' } });

		assert.equal(preflight.status, 204);
		assert.equal(preflight.headers['access-control-allow-origin'], Origin);
		assert.match(preflight.headers['access-control-allow-methods'], /\bGET\b/);
		(await Ws.open(port, { headers: { Origin } })).close();
	}
	const { headers } = await raw(messages(sessionId));

	assert.equal(headers['access-control-allow-origin'], undefined);
	assert.equal(headers.vary, 'Origin');
});

// --- HTML ---------------------------------------------------------------------

test('markup is escaped for pages that have not declared format=text',
	async () => {
		const { stack } = shared;
		const declared = await stack.client({ user: 'html' });
		const guide = await stack.client({ user: 'html', format: null });
		const metadata = { [MARKUP]: [MARKUP] };

		for (const format of ['html', 'TEXT', 'text ', ''])
			await stack.client({ user: 'html', format: null, params: { format } });
		await declared.ask(MARKUP, { metadata });
		const echoes = await Promise.all(stack.clients.slice(-5)
			.map((client) => client.waitFor('user_message')));

		assert.deepEqual(echoes.map((e) => e.message), Array(5).fill(ESCAPED));
		await guide.ask(MARKUP);
		assert.equal((await declared.waitFor('user_message')).message, MARKUP);
		for (const [query, text] of [['', ESCAPED], ['?format=html', ESCAPED],
			['?format=text', MARKUP]]) {
			const { json } = await rest(messages(today('html')) + query);

			assert.deepEqual(json.messages.filter((m) => m.type === 'user')
				.map((m) => m.content), [text, text]);
			assert.deepEqual(json.messages[0].metadata.client,
				{ [text]: [text] });
		}
		for (const [plain, escape] of [['&', '&amp;'], ['<', '&lt;'], ['>', '&gt;'],
			['"', '&quot;'], ['\'', '&#39;']]) {
			await declared.ask(`2 ${plain} 1`);
			await guide.waitFor('user_message',
				(m) => m.message === `2 ${escape} 1`);
		}
		for (const client of [guide, ...stack.clients.slice(-4)])
			assert(!/[<>&](?!(amp|lt|gt|quot|#39);)/.test(
				JSON.stringify(client.heard).replaceAll('&', '')),
			'no markup reaches a page');
	});

// --- pages --------------------------------------------------------------------

test('pages come with a policy and are asked for again in vain', async () => {
	for (const [where, type] of [['/', 'text/html'], ['/index.html', 'text/html'],
		['/chat.js', 'text/javascript'], ['/style.css', 'text/css'],
		['/phoenix.mjs', 'text/javascript']]) {
		const { status, headers } = await raw(where);

		assert.equal(status, 200, where);
		assert(headers['content-type'].startsWith(type), where);
		assert.match(headers['content-security-policy'],
			/^default-src 'none'; script-src 'self';/);
		assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
		assert.equal(headers['x-content-type-options'], 'nosniff');
		assert.equal(headers['cache-control'], 'no-cache');
		const { etag } = headers;

		assert.match(etag, /^"[0-9a-f]{16}"$/);
		for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
			const again = await raw(where, { headers: { 'If-None-Match': tag } });

			assert.deepEqual([again.status, again.body, again.headers.etag],
				[304, '', etag]);
		}
		assert.equal((await raw(where,
			{ headers: { 'If-None-Match': '"x"' } })).status, 200);
	}
});

// --- the deadline ---------------------------------------------------------------

test('half a head is answered 408 after its time', async () => {
	const { status, headers } = await half.answer();

	assert.deepEqual([status, headers.connection], [408, 'close']);
	assert.equal(await half.end(), 'end');
	half.close();
});
