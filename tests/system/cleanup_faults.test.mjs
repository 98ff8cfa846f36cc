// cleanupd and a sessiond that does what a real one does rarely.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startCleanupd, summary } from '../lib/cleanupd.mjs';
import { readArchive } from '../lib/population.mjs';
import { freePort } from '../lib/ports.mjs';
import { Rep } from '../lib/sp.mjs';
import { sleep, until } from '../lib/until.mjs';

const DAY = 24 * 3600 * 1000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();

function session(n, fields = {}) {
	return { sessionId: `s${n}`, businessId: 'B1', userId: 'ana',
		status: 'resolved', createdAt: ago(50 * DAY), updatedAt: ago(40 * DAY),
		lastMessageAt: ago(40 * DAY), day: '2026-01-01', rev: '7', ...fields };
}

const many = (n, fields) =>
	Array.from({ length: n }, (_, i) => session(i, fields));

// Plays sessiond: `sessions` are idle (all on one page), the rest is answered
// well unless `answers` has a function for it.
async function play({ sessions = [], answers = {}, now = Date.now }) {
	const fake = { url: `tcp://127.0.0.1:${await freePort()}` };
	const well = {
		hello: () => ({ body: { version: 1, boot: 'fake', epoch: 'e', n: '0',
			beatMs: 1000, leaseMs: 15000 } }),
		idle_sessions: ({ status, before }) => ({ body: {
			now: new Date(now()).toISOString(),
			sessions: Date.parse(before) < DAY ? []
				: sessions.filter((s) => (s.listed ?? s.status) === status),
		} }),
		history: ({ sessionId }) => ({ body: { sessionId, businessId: 'B1',
			userId: 'ana', messages: [] } }),
		forget: () => ({ body: { deleted: true } }),
		set_status: () => ({ body: { session: sessions[0] } }),
	};

	fake.rep = await Rep.listen(fake.url, (request, asked) =>
		(answers[request.op] ?? well[request.op])(request.body, asked, fake));
	fake.asked = (op) => fake.rep.requests.filter((r) => r.op === op);
	fake.idsOf = (op) => fake.asked(op).map((r) => r.body.sessionId);
	return fake;
}

// A story with a played sessiond and an empty folder.
function withFake(options, story) {
	return async () => {
		const fake = await play(options);
		const dir = await mkdtemp(path.join(os.tmpdir(), 'taifas-cleanup-'));
		const run = (args = ['--once'], env = {}) =>
			startCleanupd(fake.url, { args, env });
		const once = async (env) => {
			const end = await run(['--once'], env).ended;

			return { ...end, ...summary(end.out) };
		};

		try {
			await story({ fake, dir, run, once });
		} finally {
			fake.rep.close();
			await rm(dir, { recursive: true, force: true });
		}
	};
}

test('every change names the revision that was looked at; what has changed ' +
	'since is left alone', withFake({
	sessions: [session(1), session(2, { status: 'active', rev: '12' })],
	answers: {
		forget: () => ({ body: { deleted: false } }),
		set_status: () => ({ status: 'conflict' }),
	},
}, async ({ fake, once }) => {
	const { code, skipped, deleted, abandoned } = await once();

	assert.deepEqual({ code, skipped, deleted, abandoned },
		{ code: 0, skipped: 2, deleted: 0, abandoned: 0 });
	assert.deepEqual(fake.asked('forget').map((r) => r.body),
		[{ sessionId: 's1', ifRev: '7' }]);
	assert.deepEqual(fake.asked('set_status').map((r) => r.body),
		[{ sessionId: 's2', status: 'abandoned', by: 'cleanupd',
			reason: 'idle', ifRev: '12' }]);
}));

test('what is listed is judged again: young ones, other states and sessions ' +
	'without a revision stay', withFake({
	sessions: [
		session(1, { updatedAt: ago(29 * DAY) }),
		session(2, { listed: 'resolved', status: 'active' }),
		session(3, { listed: 'resolved', status: 'closed' }),
		session(4, { listed: 'active', status: 'resolved' }),
		session(5, { listed: 'resolved', status: 'odd' }),
		session(6, { rev: '0' }),
		session(7, { updatedAt: ago(-2 * DAY) }),
	],
}, async ({ fake, once }) => {
	const { code, seen } = await once();

	assert.deepEqual({ code, seen }, { code: 0, seen: 7 });
	assert.deepEqual(fake.idsOf('forget'), []);
	assert.deepEqual(fake.idsOf('set_status'), []);
}));

test('states the policy does not touch are not asked for', withFake({
	sessions: many(5),
}, async ({ fake, once }) => {
	await once();
	assert.deepEqual([...new Set(fake.asked('idle_sessions')
		.map((r) => r.body.status))], ['active', 'resolved']);

	const { code, seen } = await once({ ABANDON_AFTER_HOURS: '0',
		RETENTION_RESOLVED_DAYS: 'never' });

	assert.deepEqual({ code, seen }, { code: 0, seen: 0 });
	assert.equal(fake.idsOf('forget').length, 5);
}));

for (const [how, off] of [['ahead of', 25], ['behind', -25]])
	test(`a sessiond whose clock is a day ${how} ours is not believed`,
		withFake({
			sessions: many(3, { updatedAt: ago(400 * DAY) }),
			now: () => Date.now() + off * 3600 * 1000,
		}, async ({ fake, once }) => {
			const { code, out } = await once();

			assert.equal(code, 1);
			assert.match(out, /^refused \(sessiond's clock and ours differ/);
			assert.deepEqual([...new Set(fake.rep.requests.map((r) => r.op))],
				['hello', 'idle_sessions']);
		}));

test('while sessiond cannot, it rests ever longer, and --once gives up',
	withFake({
		sessions: many(100),
		answers: { forget: () => ({ status: 'unavailable',
			message: 'the clock has jumped' }) },
	}, async ({ fake, once }) => {
		const { code, out, log } = await once({ ONCE_PATIENCE_S: '5' });
		const rests = log.filter((e) => e.event === 'sweep rests')
			.map((e) => e.ms);

		assert.equal(code, 1);
		assert.match(out, /^gave up \(the clock has jumped\): /);
		assert.deepEqual(rests, [1000, 2000, 4000].slice(0, rests.length));
		assert(rests.length >= 2);
		// In each attempt no more than were in flight before the first no.
		assert(fake.asked('forget').length <= 32 * (rests.length + 1));
	}));

test('it goes on where it was once sessiond can again', withFake({
	sessions: many(100),
	answers: { forget: (_, asked, fake) => fake.asked('forget').length < 50
		? { status: 'unavailable' } : { body: { deleted: true } } },
}, async ({ fake, once }) => {
	const { code, deleted } = await once();

	assert.deepEqual({ code, deleted }, { code: 0, deleted: 100 });
	assert.equal(new Set(fake.idsOf('forget')).size, 100);
	assert.equal(fake.asked('idle_sessions').filter((r) =>
		r.body.status === 'resolved' && Date.parse(r.body.before) > DAY)
		.length, 1, 'the page itself need not be asked again');
}));

test('a connection lost in the middle is made again, and nothing is left out',
	withFake({
		sessions: many(100),
		answers: { forget: (_, asked, fake) => {
			if ([10, 60].includes(fake.asked('forget').length))
				fake.rep.drop();
			return { body: { deleted: true } };
		} },
	}, async ({ fake, once }) => {
		const { code, seen } = await once();

		assert.deepEqual({ code, seen }, { code: 0, seen: 100 });
		assert.equal(new Set(fake.idsOf('forget')).size, 100);
		assert.equal(fake.asked('hello').length, 3);
	}));

test('no more than 32 requests are in flight, and as many if need be',
	async () => {
		const held = [];
		let most = 0;

		await withFake({
			sessions: many(200),
			answers: { forget: (_, asked) => {
				held.push(asked);
				most = Math.max(most, held.length);
			} },
		}, async ({ run }) => {
			const going = run();
			let ended = false;

			going.ended.then(() => ended = true);
			await until(() => held.length === 32);
			await sleep(200); // for a 33rd
			while (!ended) {
				held.splice(0).forEach((asked) =>
					asked.reply({ body: { deleted: true } }));
				await sleep(1);
			}
			assert.equal((await going.ended).code, 0);
			assert.equal(most, 32);
		})();
	});

test('a session whose history does not end, or fails, is not forgotten; ' +
	'the others are', withFake({
	sessions: [session('-endless'), session('-broken'), session('-gone'),
		session('-other'), session('-good')],
	answers: { history: ({ sessionId }) => {
		const page = { sessionId, businessId: 'B1', userId: 'ana',
			messages: [{ messageId: 'm', sessionId, businessId: 'B1',
				userId: 'ana', type: 'user', content: 'x', seq: 1,
				timestamp: '2026-01-01T00:00:00.000Z' }] };

		switch (sessionId) {
		case 's-endless':
			return { body: { ...page, hasMore: true,
				next: page.messages[0].timestamp } };
		case 's-broken':
			return { status: 'internal' };
		case 's-gone':
			return { status: 'not_found' };
		case 's-other': // an id that means another session by now
			return { body: { ...page, sessionId: 's-9' } };
		}
		return { body: page };
	} },
}, async ({ fake, dir, once }) => {
	const { code, deleted, archived, skipped, errors } =
		await once({ ARCHIVE_DIR: dir });

	assert.deepEqual({ code, deleted, archived, skipped, errors },
		{ code: 1, deleted: 1, archived: 1, skipped: 2, errors: 2 });
	assert.deepEqual(fake.idsOf('forget'), ['s-good']);
	assert.deepEqual([...(await readArchive(dir)).keys()], ['s-good']);
}));

test('a session is on disk in the archive before it is forgotten', async () => {
	const early = [];
	let folder;

	await withFake({
		sessions: many(50),
		answers: { forget: async ({ sessionId }) => {
			if (!(await readArchive(folder)).has(sessionId))
				early.push(sessionId);
			return { body: { deleted: true } };
		} },
	}, async ({ dir, once }) => {
		folder = dir;
		const { code, archived } = await once({ ARCHIVE_DIR: dir });

		assert.deepEqual({ code, archived }, { code: 0, archived: 50 });
		assert.deepEqual(early, []);
		assert.equal((await readdir(dir)).length, 1);
	})();
});

test('the same page for ever is looked at once', withFake({
	sessions: many(3),
	answers: { idle_sessions: ({ status }) => ({ body: {
		now: new Date().toISOString(), cursor: 'aa',
		sessions: status === 'resolved' ? many(3) : [] } }) },
}, async ({ once }) => {
	const { code, seen } = await once();

	assert.equal(code, 0);
	assert(seen <= 6);
}));

test('SIGTERM does not wait for a sessiond that never answers', withFake({
	sessions: many(50),
	answers: { forget: () => {} },
}, async ({ fake, run }) => {
	const going = run([], { SWEEP_FIRST_S: '0' });

	await until(() => fake.asked('forget').length === 32);
	going.kill('SIGTERM');
	assert.equal((await going.ended).code, 0);
	assert.equal(fake.asked('forget').length, 32);
}));
