// The HTTP API: what is refused, and what happens when others are in trouble.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { test } from 'node:test';
import { api, assertFault, core, enc, message, session, shared, withApi }
	from '../lib/api.mjs';
import { document, mayAsk, operations, resolve } from '../lib/openapi.mjs';
import { until } from '../lib/until.mjs';

test('each path has its methods, and says so', async () => {
	const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
	const fill = (path) => path.replace('{sessionId}', randomUUID())
		.replace('{businessId}', 'plain').replace('{userId}', 'nobody')
		.replace('{turnId}', 't0-0');

	for (const path of Object.keys(document.paths)) {
		const own = operations.filter((o) => o.path === path)
			.map((o) => o.method);
		const allow = [...own, 'OPTIONS', ...own.includes('GET') ? ['HEAD'] : []]
			.sort();

		for (const method of methods.filter((m) => !own.includes(m))) {
			const answer = await api.ask(method, fill(path));

			assertFault(answer, 405, 'method_not_allowed');
			assert.deepEqual(answer.headers.get('allow').split(', ').sort(),
				allow, path);
		}
		const preflight = await shared.stack.rest(fill(path), {
			method: 'OPTIONS', headers: { origin: 'http://localhost:8080' } });

		assert.equal(preflight.status, 204);
		assert.equal(preflight.headers.get('access-control-allow-origin'),
			'http://localhost:8080');
		assert.deepEqual(preflight.headers.get('access-control-allow-methods')
			.split(', ').sort(), allow);
		if (own.includes('GET')) {
			const head = await shared.stack.rest(fill(path), { method: 'HEAD' });
			const get = await api.get(fill(path));

			assert.equal(head.status, get.status, path);
			assert.equal(head.text, '');
			assert.equal(head.headers.get('content-length'),
				get.headers.get('content-length'));
		}
	}
	for (const path of ['/api/', '/api/sessions', '/api/nothing',
		'/api/sessions/x/y', '/api/messages/', '/api/business//sessions',
		'/api/business/plain/users', '/api/turns/x', '/api/Messages'])
		assertFault(await api.get(path), 404, 'not_found');
});

test('a body is a JSON object and says so', async () => {
	const { sessionId } = await core.say('bodies', 'hello');
	const bodied = operations.filter((o) => o.body);
	const fill = (path) => path.replace('{sessionId}', sessionId)
		.replace('{businessId}', 'plain').replace('{userId}', 'bodies');

	assert.equal(bodied.length, 5);
	for (const { path } of bodied) {
		for (const type of ['text/plain', 'application/x-www-form-urlencoded',
			'application/jsonx', ''])
			assertFault(await api.post(fill(path), '{}',
				{ headers: { 'content-type': type } }),
			415, 'unsupported_media_type');
		for (const body of ['[]', '1', '"x"', 'null', '{', '{}x',
			'{"a":"\\u0000"}', '{"a":"\\ud800"}', '\ufeff{}',
			`${'['.repeat(100)}${']'.repeat(100)}`])
			assert.equal((await api.post(fill(path), body, { headers: {
				'content-type': 'application/json' } })).status, 400, body);
	}
	for (const { method, path } of operations.filter((o) => o.method !== 'GET'))
		assertFault(await api.ask(method, fill(path).replace('{turnId}', 't0-0'),
			{ body: 'x'.repeat(65537) }), 413, 'too_large');
	for (const reason of [1, [], '', 'ș', 'x'.repeat(65), 'rollover', 'deleted',
		'user_message'])
		assertFault(await api.post(session(sessionId, '/close'), { reason }),
			400, 'bad_request', 'reason');
	// Saying application/json in other words, or nothing at all, is fine.
	assert.equal((await api.post(session(sessionId, '/close'), '{"reason":null}',
		{ headers: { 'content-type': 'Application/JSON; charset=UTF-8' } }))
		.status, 200);
	assert.equal((await api.post(session(sessionId, '/reopen'))).status, 200);
	// Whoever states no length sends no body.
	assert.equal(await new Promise((done, fail) => {
		const request = http.request({ port: shared.stack.gateway().port,
			path: session(sessionId, '/close'), method: 'POST' },
		(answer) => answer.resume().on('end', () => done(answer.statusCode)));

		request.removeHeader('transfer-encoding');
		request.on('error', fail);
		request.end();
	}), 200);
});

test('foreign pages get nothing and change nothing', async () => {
	const { sessionId } = await core.say('origin', 'hello');

	for (const { method, path, body } of operations) {
		const answer = await api.ask(method, path
			.replace('{sessionId}', sessionId).replace('{businessId}', 'plain')
			.replace('{userId}', 'origin').replace('{turnId}', 't0-0'),
		{ headers: { origin: 'https://evil.example' }, ...body && { body: {} } });

		assertFault(answer, 403, 'forbidden');
		assert.equal(answer.headers.get('access-control-allow-origin'), null);
	}
	assert.equal((await core.session(sessionId)).status, 'active');
});

// --- garbage -----------------------------------------------------------------

const GARBAGE = ['', ' ', '0', '-1', '1.5', '1e9', '99999999999999999999', 'null',
	'undefined', 'true', '[]', '{}', '..', '../../etc/passwd', 'a/b', '%', '%00',
	'%ff', '\u0000', '\n', 'x'.repeat(129), 'x'.repeat(300), 'ș', '🙂', '‮',
	'<script>', '\'; DROP TABLE x', '"', '\\', ':::', 'a:b:c', 'a:b:1',
	'a:b:99999999999999999999', '2026-02-30', '0000-00-00', '2026-11-22',
	'9999-12-31T23:59:59.999Z', '1969-12-31T23:59:59Z', 'agent', 'coordinator:x',
	'-', '.', '~', '+', '@', 'ffffffffffffffffffffffffffffffffff', '00'.repeat(17),
	'00'.repeat(11)];
const TYPED = [null, true, 0, -1, 1e308, 0.5, [], {}, [1], { a: 1 }];

// A good request of an operation, as {path, query, body}, to be spoilt.
async function goodRequest(operation) {
	const user = `g-${randomUUID()}`;
	const { sessionId, turnId } = await core.say(user, 'hello');
	const values = { sessionId, turnId, businessId: 'plain', userId: user };
	const bodies = { sendMessage: message(user, 'hello'),
		setHandler: { handler: 'bot' } };

	return { values, body: operation.body && (bodies[operation.id] ?? {}) };
}

function ask(operation, values, query, body) {
	const path = operation.path.replace(/\{(\w+)\}/g, (_, name) =>
		enc(values[name]));
	const search = Object.entries(query).map(([name, value]) =>
		`${name}=${enc(value)}`).join('&');

	return api.ask(operation.method, `${path}${search && `?${search}`}`,
		operation.body && { body });
}

// What the description does not let a client send must be refused; and
// whatever is sent, the fault is never ours.
function assertTaken({ status, json }, schema, value, what) {
	assert(status < 500, `${what}: ${status} ${JSON.stringify(json)}`);
	if (!mayAsk(schema, value))
		assert(status >= 400, `${what} was taken: ${status}`);
}

test('garbage in any place of an address is refused or means nothing', async () => {
	for (const operation of operations)
		for (const { name, in: place, schema } of operation.parameters) {
			const { values, body } = await goodRequest(operation);

			for (const value of GARBAGE) {
				// Such a segment of a path never leaves the client.
				if (place === 'path' && ['', '.', '..'].includes(value))
					continue;
				const typed = schema.type === 'integer' &&
					/^-?[0-9.]+$/.test(value) ? Number(value) : value;
				const answer = await (place === 'path'
					? ask(operation, { ...values, [name]: value }, {}, body)
					: ask(operation, values, { [name]: value }, body));

				// A parameter that is no text is none. Times may be written in
				// more ways than the description's.
				if ((place === 'query' && value === '\u0000') ||
					schema.format === 'date-time')
					assert(answer.status < 500);
				else
					assertTaken(answer, schema, typed,
						`${operation.id} ${name}=${value}`);
			}
		}
	await core.say('after', 'all is well');
});

test('garbage in any field of a body is refused or means nothing', async () => {
	for (const operation of operations.filter((o) => o.body)) {
		const schema = resolve(operation.body);

		for (const [name, field] of Object.entries(schema.properties))
			for (const value of [...GARBAGE, ...TYPED]) {
				const { values, body } = await goodRequest(operation);
				const answer = await ask(operation, values, {},
					{ ...body, [name]: value });

				assertTaken(answer, resolve(field), value,
					`${operation.id} ${name}=${JSON.stringify(value)}`);
				await core.cancel(values.userId);
			}
	}
});

// --- when others are in trouble ----------------------------------------------

const SHORT = { gateway: { env: { REST_DEADLINE_MS: '500',
	SEND_DEADLINE_MS: '500', UNCONFIRMED_MS: '1000' } } };

// Every operation at once, but the one that asks nobody.
async function askAll(ours, sessionId, turnId) {
	const asked = operations.filter((o) => o.id !== 'getOpenapi');
	const answers = await Promise.all(asked.map((operation) => ours.ask(
		operation.method, operation.path.replace('{sessionId}', sessionId)
			.replace('{businessId}', 'plain').replace('{userId}', 'ana')
			.replace('{turnId}', turnId),
		operation.body && { body: { ...message('ana', 'x'), handler: 'bot' } })));

	return Object.fromEntries(asked.map(({ id }, i) => [id, answers[i]]));
}

test('without sessiond everything is 503, and works when it is back',
	withApi(SHORT, async (ours, own) => {
		const { sessionId, turnId } = await own.say('ana', 'hello');

		await own.sessiond.kill();
		for (const answer of
			Object.values(await askAll(ours, sessionId, turnId)))
			assertFault(answer, 503, 'unavailable');
		await own.restart();
		await until(async () =>
			(await ours.get(session(sessionId, '/messages'))).status === 200);
		assert.deepEqual(await own.told(sessionId), ['user:hello']);
	}));

test('a silent sessiond is 504 for what changes something, 503 for the rest',
	withApi(SHORT, async (ours, own) => {
		const { sessionId, turnId } = await own.say('ana', 'hello');

		own.sessiond.freeze();
		const answers = await askAll(ours, sessionId, turnId);

		own.sessiond.thaw();
		for (const [id, answer] of Object.entries(answers)) {
			const { method } = operations.find((o) => o.id === id);

			// To cancel it asks first whose session it is.
			const [status, code] = method === 'GET' || id === 'cancelTurns'
				? [503, 'unavailable'] : [504, 'unconfirmed'];

			assert.deepEqual([id, answer.status, answer.json.error.code],
				[id, status, code]);
		}
		await until(async () => (await ours.get('/api/business/plain')).status ===
			200);
	}));

test('a business that is not served is not found', withApi(
	{ env: { TENANTS: 'listed' } }, async (ours) => {
		assertFault(await ours.get('/api/business/stranger'),
			404, 'unknown_business');
		assertFault(await ours.post('/api/messages', { ...message('ana', 'x'),
			businessId: 'stranger' }), 404, 'unknown_business');
		assert.equal((await ours.get('/api/business/plain')).json.name, 'Test');
	}));

test('with a full disk messages are refused and all else goes on', withApi(
	{}, async (ours, own) => {
		const { sessionId } = await own.say('ana', 'hello');

		// Without room it says that it is not ready.
		await own.sessiond.kill('SIGTERM');
		own.sessiond.start({ STORE_MIN_FREE: '1048576' });
		await until(async () => (await ours.get('/api/business/plain')).status ===
			200);
		assertFault(await ours.post('/api/messages', message('ana', 'x')),
			507, 'store_full');
		assert.equal((await ours.get(session(sessionId, '/messages'))).status,
			200);
		assert.equal((await ours.post(session(sessionId, '/resolve'))).status,
			200);
		assert.equal((await ours.delete(session(sessionId))).status, 204);
	}));

test('who must wait for an answer is told so', async () => {
	const first = await api.post('/api/messages',
		message('ana', 'one', { businessId: 'rejects' }));
	const second = await api.post('/api/messages',
		message('ana', 'two', { businessId: 'rejects' }));

	assert.equal(first.status, 202);
	assertFault(second, 429, 'rate_limited');
	assert(second.headers.get('retry-after'));
});
