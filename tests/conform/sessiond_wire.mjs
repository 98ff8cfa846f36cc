// sessiond: connections, envelopes, hello, and peers that are rude or slow.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { Raw } from '../lib/raw.mjs';
import { sleep } from '../lib/until.mjs';
import { withSessiond } from './asker.mjs';
import { portOf } from './kit.mjs';
import { operations, requestFields, shapeFields } from './spec.mjs';

const GREETING = (protocol) => Buffer.from([0, 0x53, 0x50, 0, 0, protocol, 0, 0]);
const REQ = 0x30, REP = 0x31, PUB = 0x20, SUB = 0x21;

// The bytes of a request, or of one whose length is a lie.
function framed(text, { length, id = 0x80000001 } = {}) {
	const body = Buffer.from(text);
	const head = Buffer.alloc(12);

	head.writeBigUInt64BE(BigInt(length ?? body.length + 4));
	head.writeUInt32BE(id, 8);
	return Buffer.concat([head, body]);
}

const HELLO = JSON.stringify({ v: 1, op: 'hello', body: { role: 'tool',
	name: 'raw', boot: 'b', oldestVersion: 1, newestVersion: 1 } });

// A bare connection that has greeted as REQ.
async function bare(core, greeting = GREETING(REQ)) {
	const raw = await Raw.open(portOf(core.stack.requests));

	core.subs.push({ events: [], close: () => raw.close() });
	raw.write(greeting);
	return raw;
}

async function replyOn(raw) {
	const size = Number((await raw.look((b) => b.length >= 8 &&
		b, 'a length')).readBigUInt64BE());

	await raw.look((b) => b.length >= 8 + size, 'a reply');
	return JSON.parse(raw.take(8 + size).subarray(12));
}

// Somebody else is served, now.
async function othersAreServed(core) {
	const sub = await core.hearing();

	assert.equal((await core.say(`u-${randomUUID()}`, 'still there?')).seq, 1);
	await sub.hear('beat');
	sub.close();
}

// A body that has all an operation must have, with values of no matter.
function sample(fields) {
	return Object.fromEntries(fields.filter((f) => f.must).map((f) =>
		[f.name, f.of ? [sample(shapeFields(f.of))] : {
			number: 1, number64: '1', time: '2026-01-01T00:00:00.000Z',
			list: [], json: {}, boolean: true,
		}[f.type] ?? 'B1']));
}

// Fields whose type the tables tell.
const typed = (op) => requestFields(op).filter((f) => f.type);
const refusals = ['bad_request', 'missing_field', 'too_large'];

// Asks and expects a refusal that names the field.
async function refuses(core, op, body, name) {
	const reply = await core.ask(op, body);
	const shown = `${op} ${JSON.stringify(body).slice(0, 200)}: ` +
		JSON.stringify(reply);

	assert(refusals.includes(reply.status), shown);
	assert(reply.message?.includes(name), `${shown} does not name ${name}`);
}

export default [{
	at: '§1 On the wire', what: 'both ports greet with their protocol numbers',
	run: withSessiond(async (core) => {
		for (const [where, ours, theirs] of [[core.stack.requests, REQ, REP],
			[core.stack.events, SUB, PUB]]) {
			const raw = await Raw.open(portOf(where));

			raw.write(GREETING(ours));
			await raw.look((b) => b.length >= 8);
			assert.deepEqual(raw.take(8), GREETING(theirs));
			raw.close();
		}
	}),
}, {
	at: '§1 On the wire', what: 'a peer of another protocol is hung up on',
	run: withSessiond(async (core) => {
		for (const [where, wrong] of [[core.stack.requests, SUB],
			[core.stack.events, REQ]]) {
			const raw = await Raw.open(portOf(where));

			raw.write(GREETING(wrong));
			await raw.end();
			raw.close();
		}
		await othersAreServed(core);
	}),
}, {
	at: '§1 On the wire',
	what: 'many requests may be open on a connection, each with its own answer',
	run: withSessiond(async (core) => {
		const users = Array.from({ length: 100 }, (_, i) => `user-${i}`);
		const results = await Promise.all(users.map((u) => core.say(u, u)));
		const pages = await Promise.all(results.map((r) =>
			core.ok('history', { sessionId: r.sessionId })));

		assert.deepEqual(pages.map((p) => p.userId), users);
		assert.deepEqual(pages.map((p) => p.messages[0].content), users);
	}),
}, {
	at: '§1 On the wire', what: 'a request that comes byte by byte is answered',
	run: withSessiond(async (core) => {
		const raw = await bare(core, GREETING(REQ).subarray(0, 3));

		for (const byte of [...GREETING(REQ).subarray(3), ...framed(HELLO)]) {
			raw.write(Buffer.from([byte]));
			await sleep(1);
		}
		await raw.look((b) => b.length >= 8);
		raw.take(8);
		assert.equal((await replyOn(raw)).status, 'ok');
	}),
}, {
	at: '§1 On the wire', what: 'the answer repeats the request id, all of it',
	run: withSessiond(async (core) => {
		const raw = await bare(core);

		await raw.look((b) => b.length >= 8);
		raw.take(8);
		for (const id of [0x80000000, 0xffffffff, 0x80c0ffee]) {
			raw.write(framed(HELLO, { id }));
			await raw.look((b) => b.length >= 12);
			assert.equal(raw.bytes.readUInt32BE(8), id);
			await replyOn(raw);
		}
	}),
}, {
	at: '§1 On the wire',
	what: 'a length of 1 KB over 1 MB, or of 3 GB, is hung up on before it is read',
	run: withSessiond(async (core) => {
		for (const length of [1049600, 3n << 30n, (1n << 63n) - 1n]) {
			const raw = await bare(core);

			raw.write(framed('{}', { length }));
			await raw.end();
		}
		await othersAreServed(core);
	}),
}, {
	at: '§1 On the wire',
	what: 'half a message keeps nobody waiting, and may be finished later',
	run: withSessiond(async (core) => {
		const raw = await bare(core), bytes = framed(HELLO);

		raw.write(bytes.subarray(0, 40));
		await othersAreServed(core);
		raw.write(bytes.subarray(40));
		await raw.look((b) => b.length >= 8);
		raw.take(8);
		assert.equal((await replyOn(raw)).status, 'ok');
	}),
}, {
	at: '§1 On the wire', what: 'who sends junk, or nothing at all, harms nobody',
	run: withSessiond(async (core) => {
		for (const where of [core.stack.requests, core.stack.events])
			for (const junk of [Buffer.from('GET / HTTP/1.1\r\n\r\n'),
				randomBytes(4096), Buffer.alloc(64), Buffer.alloc(0),
				Buffer.concat([GREETING(REQ), Buffer.alloc(64)]),
				Buffer.concat([GREETING(REQ), randomBytes(2048)])]) {
				const raw = await Raw.open(portOf(where));

				core.subs.push({ events: [], close: () => raw.close() });
				raw.write(junk);
			}
		await othersAreServed(core);
	}),
}, {
	at: '§1 On the wire',
	what: 'connections reset in the middle of a message harm nobody',
	run: withSessiond(async (core) => {
		for (let i = 0; i < 30; i++) {
			const raw = await bare(core);

			raw.write(framed(HELLO).subarray(0, 1 + i * 3));
			await sleep(2);
			raw.socket.resetAndDestroy();
		}
		await othersAreServed(core);
	}),
}, {
	at: '§1 On the wire',
	what: 'who asks much and reads nothing keeps nobody waiting',
	run: withSessiond(async (core) => {
		const said = await core.say('ana', 'x'.repeat(8000));

		for (let i = 0; i < 20; i++)
			await core.say('ana', 'x'.repeat(8000));
		const raw = await bare(core);
		const asked = JSON.stringify({ v: 1, op: 'history',
			body: { sessionId: said.sessionId, limit: 200 } });

		raw.socket.pause();
		for (let i = 0; i < 300; i++) // 48 MB of answers
			raw.write(framed(asked, { id: 0x80000000 + i }));
		for (let i = 0; i < 5; i++)
			await othersAreServed(core);
	}),
}, {
	at: '§6 Events', what: 'who hears events and reads none keeps nobody waiting',
	run: withSessiond(async (core) => {
		const deaf = await Raw.open(portOf(core.stack.events));
		const sub = await core.listen();

		core.subs.push({ events: [], close: () => deaf.close() });
		deaf.write(GREETING(SUB));
		await deaf.look((b) => b.length >= 8);
		deaf.socket.pause();
		let last;

		for (let i = 0; i < 60; i++) // about 8 MB of events
			[last] = (await core.append(...Array.from({ length: 10 },
				(_, j) => core.item(`u${i}`, `${j}`.padEnd(8000, 'x')))));
		await sub.hear('message', (m) => m.messageId === last.messageId);
	}),
}, {
	at: '§1 Envelopes', what: 'unknown fields are ignored, also in lists',
	run: withSessiond(async (core) => {
		const item = core.item('ana', 'one', { surprise: { a: [1] } });
		const { status, body } = await core.ask('append',
			{ items: [item], more: null }, { ttlMs: 5000, trace: 't-1',
				later: [1, 2] });

		assert.equal(status, 'ok');
		assert.equal(body.results[0].status, 'ok');
	}),
}, {
	at: '§1 Envelopes',
	what: 'a missing required field is refused by name, in every operation',
	run: withSessiond(async (core) => {
		let looked = 0;

		for (const op of operations)
			for (const { name, must } of requestFields(op).filter((f) =>
				f.must)) {
				const { [name]: gone, ...rest } = sample(requestFields(op));

				assert(must && gone !== undefined);
				await refuses(core, op, rest, name);
				looked++;
			}
		assert(looked > 40, `${looked} fields`);
	}),
}, {
	at: '§1 Envelopes',
	what: 'a field of the wrong type is refused by name, in every operation',
	run: withSessiond(async (core) => {
		for (const op of operations)
			for (const { name, type } of typed(op).filter((f) =>
				f.type !== 'json'))
				await refuses(core, op, { ...sample(requestFields(op)),
					[name]: ['number', 'list', 'boolean'].includes(type)
						? 'B1' : 7 }, name);
	}),
}, {
	at: '§1 Envelopes',
	what: 'a field over its limit is refused by name, in every operation',
	run: withSessiond(async (core) => {
		for (const op of operations)
			for (const { name, type, limit, of } of typed(op)
				.filter((f) => f.limit)) {
				const over = { number: limit + 1, json: ['x'.repeat(limit)],
					list: new Array(limit + 1).fill(
						of ? sample(shapeFields(of)) : 'x'),
				}[type] ?? 'x'.repeat(limit + 1);

				await refuses(core, op,
					{ ...sample(requestFields(op)), [name]: over }, name);
			}
	}),
}, {
	at: '§1 Envelopes', what: 'texts with U+0000 and names beyond ASCII are refused',
	run: withSessiond(async (core) => {
		const body = sample(requestFields('finish'));

		await core.refused('bad_request', 'finish',
			{ ...body, content: 'a\0b' });
		await refuses(core, 'finish', { ...body, turnId: 'ț' }, 'turnId');
		await refuses(core, 'finish', { ...body, lease: 'a\nb' }, 'lease');
	}),
}, {
	at: '§1 Envelopes', what: 'an envelope of another version is refused',
	run: withSessiond(async (core) => {
		const req = await core.asker();

		for (const v of [0, 2, 1000])
			assert.equal((await req.ask('tenant', { businessId: 'B1' },
				{ v })).status, 'unsupported_version', `v ${v}`);
		assert.equal((await req.ask('tenant', { businessId: 'B1' }))
			.status, 'ok');
		req.close();
	}),
}, {
	at: '§1 Envelopes', what: 'an unknown operation is answered unknown_op',
	run: withSessiond(async (core) => {
		const req = await core.asker();

		for (const op of ['reset', 'Append', 'x'.repeat(32)])
			assert.equal((await req.ask(op, {})).status, 'unknown_op', op);
		req.close();
	}),
}, {
	at: '§1 Envelopes',
	what: 'what is no envelope is answered bad_request, and the connection goes on',
	run: withSessiond(async (core) => {
		const req = await core.asker();
		const refused = ['bad_request', 'missing_field'];

		for (const text of ['', 'null', '[]', '{', '{"v":1}', '"x"', '\xff',
			'{"v":1,"op":"tenant"}', '{"v":1,"op":"tenant","body":[]}',
			'{"v":"1","op":"tenant","body":{"businessId":"B1"}}',
			'{"v":1,"op":7,"body":{}}', '['.repeat(100000),
			`${HELLO}{}`]) {
			const reply = await req.askRaw(Buffer.from(text, 'latin1'));

			assert(refused.includes(reply.status),
				`${text.slice(0, 60)}: ${JSON.stringify(reply)}`);
			assert.equal(typeof reply.message, 'string');
		}
		assert.equal((await req.askRaw(Buffer.from(HELLO))).status, 'ok');
		req.close();
	}),
}, {
	at: '§4 hello', what: 'the reply tells version, boot, cursor and times',
	run: withSessiond(async (core) => {
		const one = await core.hello(), two = await core.hello({ name: 'b' });

		assert.equal(one.version, 1);
		assert.deepEqual([one.boot, one.epoch, one.n],
			[two.boot, two.epoch, two.n]);
		assert(one.beatMs > 0 && one.leaseMs > 0);
	}),
}, {
	at: '§4 hello',
	what: 'the newest common version is chosen: N, N−1..N (0..1 today) and N..N+1 agree on 1',
	run: withSessiond(async (core) => {
		for (const [oldestVersion, newestVersion] of
			[[1, 1], [0, 1], [1, 2], [0, 1000]])
			assert.equal((await core.hello({ oldestVersion, newestVersion }))
				.version, 1, `${oldestVersion}..${newestVersion}`);
	}),
}, {
	at: '§4 hello',
	what: 'no common version is unsupported_version, side by side with those who have one',
	run: withSessiond(async (core) => {
		const ahead = await core.asker(), behind = await core.asker();
		const body = { role: 'agentd', name: 'x', boot: 'b' };

		for (let i = 0; i < 3; i++) {
			assert.equal((await ahead.ask('hello', { ...body,
				oldestVersion: 2, newestVersion: 3 })).status,
			'unsupported_version');
			assert.equal((await behind.ask('hello', { ...body,
				oldestVersion: 0, newestVersion: 0 })).status,
			'unsupported_version');
			await core.say('ana', `m${i}`);
		}
		ahead.close();
		behind.close();
	}),
}, {
	at: '§4 hello', what: 'a new boot of an agent frees the leases of the old one',
	run: withSessiond(async (core) => {
		await core.say('ana', 'question');
		const old = core.agent('a', 'boot-1');

		await old.hello();
		const turn = await old.take();
		const fresh = core.agent('a', 'boot-2');

		assert.deepEqual(await core.agent('b').claim(1), []);
		await fresh.hello();
		assert.equal((await fresh.take()).turnId, turn.turnId);
		assert.equal((await old.progress(turn)).status, 'stale_lease');
	}),
}, {
	at: '§4 hello', what: 'the same boot again keeps its leases',
	run: withSessiond(async (core) => {
		await core.say('ana', 'question');
		const agent = core.agent('a', 'boot-1');

		await agent.hello();
		const turn = await agent.take();

		await agent.hello();
		await core.hello({ role: 'gateway', name: 'a', boot: 'other' });
		assert.equal((await agent.finish(turn, 'answer')).status, 'ok');
	}),
}, {
	at: '§4 hello', what: 'what comes before it on a connection is answered too',
	run: withSessiond(async (core) => {
		const req = await core.asker();
		const { body } = await req.ask('append',
			{ items: [core.item('ana', 'one')] });

		assert.equal(body.results[0].status, 'ok');
		req.close();
	}),
}, {
	at: '§6 event beat', what: 'every second, with the last (epoch, n)',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { boot } = await core.hello();

		await core.say('ana', 'one');
		const { epoch, n } = await core.hello();

		await sub.hear('beat', (body, e) => body.boot === boot &&
			e.epoch === epoch && e.n === n);
		const beats = () => sub.events.filter((e) => e.event === 'beat').length;
		const before = beats();

		await sleep(3500);
		assert(beats() - before >= 2 && beats() - before <= 5,
			`${beats() - before} beats in 3.5 s`);
	}),
}, {
	at: '§8', what: 'SIGTERM ends it with exit code 0',
	run: withSessiond(async (core, kit) => {
		await core.say('ana', 'one');
		assert.deepEqual(await kit.program.kill('SIGTERM'),
			{ code: 0, signal: null });
	}),
}];
