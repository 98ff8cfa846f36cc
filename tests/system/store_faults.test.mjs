// What befalls a store: files that are not ours, no room, sudden death.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { withCore } from '../lib/core.mjs';
import { Daemon } from '../lib/daemon.mjs';
import { until } from '../lib/until.mjs';

const MB = 1024 * 1024;

// --- stores that are refused ---------------------------------------------------

// Everything in the folder that holds data, as a hash of each file.
function fingerprint(folder) {
	return fs.readdirSync(folder).filter((name) => !/^lock/.test(name)).sort()
		.map((name) => [name, createHash('sha256')
			.update(fs.readFileSync(path.join(folder, name))).digest('hex')]);
}

// Changes every occurrence of a text in the data file to one as long.
function replace(file, from, to) {
	const bytes = fs.readFileSync(file);
	let found = 0;

	assert.equal(from.length, to.length);
	for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) {
		bytes.write(to, at);
		found++;
	}
	assert(found > 0);
	fs.writeFileSync(file, bytes);
}

const REFUSED = [
	['that is no database', /not an LMDB file/,
		(file) => fs.writeFileSync(file, 'Dear diary, '.repeat(10000))],
	['that is shorter than its head', /not an LMDB file/,
		(file) => fs.truncateSync(file, 100)],
	['that was cut off', /is cut off: it has \d+ of \d+ bytes/,
		(file) => fs.truncateSync(file, fs.statSync(file).size / 2 & ~4095)],
	['whose tables are garbage', /MDB_|cannot (read|open)/, (file) => {
		const bytes = fs.readFileSync(file);

		bytes.fill(0xa5, 2 * 4096);
		fs.writeFileSync(file, bytes);
	}],
	['of another program', /belongs to another program/,
		(file) => replace(file, 'taifas sessiond', 'others sessiond')],
	['of another program that knows LMDB', /belongs to another program/,
		(file) => replace(file, 'META', 'METZ')],
	['of a newer sessiond', /has schema 2, this build knows 1/,
		(file) => replace(file, 'taifas sessiond 1', 'taifas sessiond 2')],
];

for (const [what, why, spoil] of REFUSED) {
	test(`a store ${what} is refused with the reason and not changed`, withCore({},
		async (core) => {
			const file = path.join(core.storeDir, 'data.mdb');
			const { sessiond } = core;

			for (let i = 0; i < 20; i++)
				await core.say(`u${i}`, 'x'.repeat(2000));
			await sessiond.stop();
			fs.copyFileSync(file, `${file}.good`);
			spoil(file);
			const before = fingerprint(core.storeDir);
			const end = await sessiond.start().exit();

			assert.deepEqual(end, { code: 1, signal: null });
			const last = sessiond.events.at(-1);

			assert.equal(last.event, 'cannot start');
			assert.match(last.why, why);
			assert.match(last.why, new RegExp(core.storeDir),
				'it says which store');
			assert.deepEqual(fingerprint(core.storeDir), before);
			fs.renameSync(`${file}.good`, file);
			await core.restart();
			assert.equal((await core.sessions('u7')).length, 1);
		}));
}

test('a second sessiond on the store is refused, the first goes on', withCore({},
	async (core) => {
		const second = new Daemon('sessiond', {
			name: 'second',
			logFile: path.join(core.stack.dir, 'second.log'),
			env: { ...core.sessiond.env, LISTEN: 'tcp://127.0.0.1:1',
				EVENTS_LISTEN: 'tcp://127.0.0.1:2', ADMIN_LISTEN: 'off' },
		});

		await core.say('ana', 'one');
		assert.deepEqual(await second.start().exit(), { code: 1, signal: null });
		assert.match(second.log, /another sessiond holds the store/);
		await core.say('ana', 'two');
		// One that was killed holds nothing.
		await core.restart({ signal: 'SIGKILL' });
		assert.equal((await core.say('ana', 'three')).seq, 3);
	}));

test('a folder that cannot be used is named', withCore({}, async (core) => {
	const file = path.join(core.stack.dir, 'a-file');
	const { sessiond } = core;
	const good = core.storeDir;

	fs.writeFileSync(file, '');
	await sessiond.stop();
	for (const folder of [file, '/proc/no/such/place']) {
		assert.deepEqual(await sessiond.start({ STORE_DIR: folder }).exit(),
			{ code: 1, signal: null });
		assert(sessiond.events.at(-1).why.includes(folder));
	}
	await sessiond.start({ STORE_DIR: good }).ready();
}));

// --- no room -------------------------------------------------------------------

// A small disk of its own; skipped where nothing can be mounted.
function withDisk(sizeMb, env, story) {
	return async (t) => {
		const disk = fs.mkdtempSync(path.join(os.tmpdir(), 'taifas-disk-'));

		try {
			execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m`,
				'tmpfs', disk], { stdio: 'pipe' });
		} catch (error) {
			fs.rmdirSync(disk);
			t.skip(`no disk to fill: ${error.stderr}`);
			return;
		}
		try {
			await withCore({ env: { STORE_DIR: path.join(disk, 'store'), ...env } },
				(core) => story(core, new Ballast(disk)))(t);
		} finally {
			execFileSync('umount', ['--lazy', disk]);
			fs.rmdirSync(disk);
		}
	};
}

// What else is on the disk.
class Ballast {
	constructor(disk) {
		this.disk = disk;
		this.file = path.join(disk, 'ballast');
	}

	get free() {
		const { bavail, bsize } = fs.statfsSync(this.disk);

		return bavail * bsize;
	}

	// Leaves so many bytes free.
	leave(bytes) {
		const size = Math.max(0, this.free - bytes);

		fs.appendFileSync(this.file, Buffer.alloc(size));
	}

	drop() {
		fs.rmSync(this.file);
	}
}

// Long messages of many users until one is refused; all that were stored.
async function fill(core, { users = 50, most = 100000 } = {}) {
	const stored = [];

	for (let i = 0; i < most; i++) {
		const item = core.item(`u${i % users}`, `${i} ${'ă'.repeat(7000)}`);
		const [result] = await core.append(item);

		if (result.status === 'store_full')
			return { stored, refused: item };
		assert.equal(result.status, 'ok');
		stored.push({ item, result });
	}
	assert.fail('it never was full');
}

// Everything but appends works on.
async function worksWithoutRoom(core, stored) {
	const { item, result } = stored[0];
	const again = (await core.append(item))[0];

	assert.deepEqual(again, { ...result, duplicate: true });
	for (const { item: { content, userId }, result: r } of stored.slice(-20))
		assert((await core.history(r.sessionId)).some(
			(m) => m.messageId === r.messageId && m.content === content &&
				m.userId === userId));
	assert((await core.sessions('u1')).length > 0);
	await core.setStatus(result.sessionId, 'resolved');
	assert.equal((await core.session(result.sessionId)).status, 'resolved');
	assert((await core.cancel('u1')).endedTurns.length > 0);
	const agent = core.agent();

	assert.equal((await agent.finish(await agent.take(), 'yes')).status, 'ok');
	assert.equal((await core.ok('forget', { sessionId: result.sessionId }))
		.deleted, true);
	assert.deepEqual(await core.history(result.sessionId), []);
	const before = await core.hello();
	const refused = (await core.append(core.item('new', 'Salut')))[0];

	assert.equal(refused.status, 'store_full');
	assert.deepEqual(await core.sessions('new'), []);
	assert.equal((await core.hello()).n, before.n);
}

test('a disk that fills up: appends are refused, all else goes on', withDisk(64,
	{ STORE_MIN_FREE: '8' }, async (core, ballast) => {
		await core.say('first', 'Salut');
		ballast.leave(16 * MB);
		const { stored, refused } = await fill(core);

		assert(stored.length > 50);
		assert(ballast.free <= 8 * MB && ballast.free > 4 * MB);
		await worksWithoutRoom(core, stored);
		assert.equal((await core.sessiond.admin('/readyz')).status, 503);
		assert.equal(await core.sessiond.metric(
			'taifas_sessiond_store_full_total'), 2);
		ballast.drop();
		const [stored2] = await until(async () => {
			const results = await core.append(refused);

			return results[0].status === 'ok' && results;
		});

		assert.equal(stored2.duplicate, undefined, 'a refusal leaves no trace');
		assert.equal((await core.sessiond.admin('/readyz')).status, 200);
	}));

test('a disk without a single byte: it starts, reads, and loses nothing', withDisk(48,
	{ STORE_MIN_FREE: '1' }, async (core, ballast) => {
		const said = [];

		for (let i = 0; i < 40; i++)
			said.push(await core.say(`u${i % 4}`, `m${i} ${'x'.repeat(3000)}`));
		ballast.leave(0);
		assert.equal(ballast.free, 0);
		await until(async () => {
			const [result] = await core.append(core.item('u0', 'one more'));

			if (result.status === 'ok')
				said.push(result);
			return result.status === 'store_full';
		});
		// It is not ready, yet it serves.
		await core.kill('SIGTERM');
		core.sessiond.start();
		await core.hello();
		for (const { sessionId, messageId } of said)
			assert((await core.history(sessionId)).some(
				(m) => m.messageId === messageId));
		ballast.drop();
		await until(async () => (await core.append(
			core.item('u0', 'at last')))[0].status === 'ok');
	}));

test('rule 4: a commit that fails ends sessiond without a reply', withDisk(48,
	{ STORE_MIN_FREE: '0' }, async (core, ballast) => {
		await core.say('ana', 'one');
		ballast.leave(0);
		// One of these does not fit into what the file has.
		const sent = [];
		const end = await (async () => {
			for (let i = 0; i < 1000; i++) {
				const item = core.item('ana', `${i} ${'x'.repeat(7000)}`);

				sent.push({ item });
				try {
					[sent.at(-1).result] = await core.append(item);
				} catch {
					return core.sessiond.exit();
				}
			}
			return null;
		})();

		assert.deepEqual(end, { code: 1, signal: null });
		assert.equal(core.sessiond.events.at(-1).event, 'commit failed');
		ballast.drop();
		await core.restart();
		// Asked again, the last one is stored as if nothing had been; it and
		// all that were acknowledged are there once.
		const { item } = sent.at(-1);
		const [result] = await core.append(item);

		assert.equal(result.status, 'ok');
		assert.deepEqual((await core.history(result.sessionId))
			.map((m) => m.content),
		['one', ...sent.map((s) => s.item.content)]);
	}));

test('rule 4: a map that fills up refuses appends until deletion makes room', withCore(
	{ env: { STORE_MAX: '16' } }, async (core) => {
		const { stored } = await fill(core, { users: 40 });

		assert(stored.length > 100);
		await worksWithoutRoom(core, stored);
		for (let i = 1; i < 40; i++)
			await core.ok('forget', { sessionId: stored[i].result.sessionId });
		await until(async () => (await core.append(
			core.item('new', 'Salut')))[0].status === 'ok');
	}));

test('rule 4: in a batch that does not fit, what fits alone is stored', withCore(
	{ env: { STORE_MAX: '16' } }, async (core) => {
		const { stored } = await fill(core, { most: 100000 });

		for (const { result } of stored.slice(0, 12))
			await core.ok('forget', { sessionId: result.sessionId });
		await until(async () => (await core.append(
			core.item('new', 'Salut')))[0].status === 'ok');
		// Far more than there is room for, at once; meanwhile a small one.
		const askers = await Promise.all(
			Array.from({ length: 24 }, () => core.connect()));
		const big = askers.map((req, a) => req.ask('append', { items:
			Array.from({ length: 16 }, (_, i) =>
				core.item(`b${a}`, `${i} ${'ă'.repeat(7800)}`)) }));
		const replies = await Promise.all(big);
		const results = replies.flatMap((reply) => reply.body.results);
		const kinds = new Set(results.map((r) => r.status));

		for (const req of askers)
			req.close();
		assert.deepEqual([...kinds].sort(), ['ok', 'store_full']);
		// Each is there or not, and says so.
		for (let a = 0; a < 24; a++) {
			const ok = replies[a].body.results.filter((r) => r.status === 'ok');
			const [session] = await core.sessions(`b${a}`);
			const there = session ? await core.history(session.sessionId) : [];

			assert.deepEqual(there.map((m) => m.messageId),
				ok.map((r) => r.messageId));
		}
	}));

// --- sudden death --------------------------------------------------------------

test('killed 30 times under load: what was acknowledged is there once, whole', withCore(
	{}, async (core) => {
		const start = await core.hello();
		const items = new Map(); // by appendId: {item, result?}
		let stopping = false;

		// Each asks about users of its own, one request at a time, and asks
		// again under the same ids until it has heard.
		const sender = async (name) => {
			let req = null;

			for (let i = 0; !stopping; i++) {
				const batch = Array.from({ length: 1 + i % 16 }, (_, j) => {
					const item = core.item(`${name}-${j % 4}`, `${name} ${i} ${j}`);

					items.set(item.appendId, { item });
					return item;
				});

				for (let tries = 0; !stopping; tries++) {
					try {
						req ??= await core.connect();
						const { body } = await req.ask('append', { items: batch });

						for (const result of body.results)
							items.get(result.appendId).result = result;
						break;
					} catch {
						req = null;
					}
					// Some are given up: nobody will ever ask for them again.
					if (tries === 1 && i % 5 === 0)
						break;
				}
			}
			req?.close();
		};
		const senders = Array.from({ length: 8 }, (_, i) => sender(`s${i}`));
		const known = () => [...items.values()].filter((e) => e.result).length;

		for (let kills = 0; kills < 30; kills++) {
			const before = known();

			await until(() => known() > before + 20 + 37 * (kills % 5));
			await core.kill('SIGKILL');
			await core.sessiond.start().ready();
		}
		stopping = true;
		await Promise.all(senders);
		await core.restart({ signal: 'SIGKILL' });

		const { events } = await core.since(start);
		const told = new Map(events.filter((e) => e.event === 'message')
			.map((e) => [e.body.appendId, e.body]));
		const histories = new Map();

		for (const sessionId of new Set([...told.values()].map((m) => m.sessionId)))
			histories.set(sessionId, await core.history(sessionId));
		for (const messages of histories.values()) {
			assert.deepEqual(messages.map((m) => m.seq),
				messages.map((_, i) => i + 1), 'no holes');
			const times = messages.map((m) => m.timestamp);

			assert.deepEqual(times, [...new Set(times)].sort());
		}
		assert.equal(told.size, [...histories.values()].flat().length,
			'each message was told once');
		let unknown = 0;

		for (const [appendId, { item, result }] of items) {
			const message = told.get(appendId);

			if (result) {
				assert.equal(result.status, 'ok');
				assert.equal(message?.messageId, result.messageId);
				assert.equal(message.seq, result.seq);
			}
			if (!message) {
				unknown++;
				continue;
			}
			// Wholly there: text, place, turn, and the answer to a resend.
			const stored = histories.get(message.sessionId)[message.seq - 1];
			const [again] = await core.append(item);

			assert.deepEqual([stored.messageId, stored.content],
				[message.messageId, item.content]);
			assert.deepEqual([again.messageId, again.seq, again.duplicate],
				[message.messageId, message.seq, true]);
			assert.equal(await core.turnState(again.turnId), 'queued');
		}
		assert(known() > 2000, `${known()} acknowledged, ${unknown} lost`);
	}));
