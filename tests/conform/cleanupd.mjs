// Holds a cleanupd against PROTOCOL.md: the kit is its sessiond.
import assert from 'node:assert/strict';
import { sleep, until } from '../lib/until.mjs';
import { FakeSessiond } from './fake.mjs';

const DAY = 24 * 3600 * 1000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();
const STATES = ['active', 'resolved', 'closed', 'abandoned'];

const session = (sessionId, status, age, fields = {}) => ({ sessionId,
	businessId: 'B1', userId: 'ana', status, createdAt: ago(age),
	updatedAt: ago(age), lastMessageAt: ago(age),
	day: ago(age).slice(0, 10), rev: '7', ...fields });

// sessiond's side: forgets, changes states, tells what is idle.
function keep(fake, sessions) {
	fake.sessions = new Map(sessions.map((s) => [s.sessionId, s]));
	const changed = ({ sessionId, ifRev }) => {
		const found = fake.sessions.get(sessionId);

		return !found || ifRev !== undefined && ifRev !== found.rev;
	};

	fake.answers = {
		idle_sessions: ({ status, before, limit = 100, cursor = '0' }) => {
			const all = [...fake.sessions.values()].filter((s) =>
				s.status === status && s.updatedAt < before);
			const from = all.findIndex((s) => s.sessionId > cursor);
			const page = from < 0 ? [] : all.slice(from, from + Math.min(limit,
				fake.pageSize ?? 100));

			return { body: { now: new Date().toISOString(), sessions: page,
				...page.length && page.at(-1) !== all.at(-1) &&
					{ cursor: page.at(-1).sessionId } } };
		},
		history: ({ sessionId }) => ({ body: { sessionId, businessId: 'B1',
			userId: 'ana', messages: [] } }),
		forget: (body) => ({ body: {
			deleted: !changed(body) && fake.sessions.delete(body.sessionId) } }),
		set_status: (body) => {
			const found = fake.sessions.get(body.sessionId);

			if (changed(body))
				return { status: found ? 'conflict' : 'not_found',
					message: 'it has changed', ...found && {
						body: { session: found, allowed: [] } } };
			Object.assign(found, { status: body.status,
				updatedAt: new Date().toISOString(), rev: '8' });
			return { body: { session: found, endedTurns: [] } };
		},
	};
}

const settings = (fake) => ({ SESSIOND_URL: fake.requests,
	CLEANUPD_NAME: 'cleanupd-1', SWEEP_FIRST_S: '0', SWEEP_EVERY_S: '1',
	ABANDON_AFTER_HOURS: '24', RETENTION_RESOLVED_DAYS: '30',
	RETENTION_CLOSED_DAYS: 'never', RETENTION_ABANDONED_DAYS: 'never' });

// A case's `run`: `sessions` are there; story(fake, kit) with a cleanupd.
function withCleanupd(sessions, story, { env = {}, prepare } = {}) {
	return async (kit) => {
		const fake = await FakeSessiond.open(kit);

		keep(fake, typeof sessions === 'function' ? sessions() : sessions);
		prepare?.(fake);
		kit.start({ ...settings(fake), ...env });
		await story(fake, kit);
		fake.assertWellFormed();
	};
}

// Whole sweeps that began after now have ended.
async function swept(fake, times = 2) {
	const seen = fake.of('idle_sessions').length;
	const states = new Set(fake.of('idle_sessions').map((a) => a.body.status));

	await until(() => fake.of('idle_sessions').length >=
		seen + (times + 1) * Math.max(states.size, 2),
	{ what: 'further sweeps' });
}

const ids = (fake, op) => [...new Set(fake.of(op).map((a) =>
	a.body.sessionId))].sort();
const numbered = (n, status, age) => Array.from({ length: n }, (_, i) =>
	session(`s${String(i).padStart(4, '0')}`, status, age));

export default [{
	at: '§4 hello', what: 'is its first request, with role, name and versions',
	run: withCleanupd([], async (fake) => {
		await fake.heard('idle_sessions');
		const [{ op, body }] = fake.asked;

		assert.equal(op, 'hello');
		assert.deepEqual([body.role, body.name], ['cleanupd', 'cleanupd-1']);
		assert(body.oldestVersion <= 1 && body.newestVersion >= 1);
	}),
}, {
	at: '§4 hello', what: 'nothing is asked before it is answered',
	run: withCleanupd([], async (fake) => {
		await fake.heard('hello');
		await sleep(2000);
		assert.deepEqual([...new Set(fake.asked.map((a) => a.op))], ['hello']);
		fake.answers.hello = undefined;
		fake.asked.filter((a) => a.op === 'hello').forEach((a) =>
			a.reply(fake.on_hello()));
		await fake.heard('idle_sessions');
	}, { prepare: (fake) => fake.answers.hello = () => {} }),
}, {
	at: '§4 hello', what: 'is said again after each reconnect, with the same boot',
	run: withCleanupd([], async (fake) => {
		for (let i = 1; i <= 3; i++) {
			await fake.heard('hello', i);
			await fake.heard('idle_sessions', fake.of('idle_sessions').length + 1);
			fake.rep.drop();
		}
		await fake.heard('hello', 4);
		assert.equal(new Set(fake.of('hello').map((a) => a.body.boot)).size, 1);
	}),
}, {
	at: '§4 hello', what: 'unsupported_version leaves it waiting, and asking nothing else',
	run: withCleanupd([session('s1', 'resolved', 40 * DAY)], async (fake) => {
		await fake.heard('hello', 2);
		assert.deepEqual([...new Set(fake.asked.map((a) => a.op))], ['hello']);
		fake.answers.hello = undefined;
		await fake.heard('forget');
	}, { prepare: (fake) => fake.answers.hello = () => ({
		status: 'unsupported_version', message: 'only 2 to 3' }) }),
}, {
	at: '§4 forget', what: 'what is over its retention goes, with ifRev as it was seen',
	run: withCleanupd([session('s1', 'resolved', 31 * DAY, { rev: '41' })],
		async (fake) => {
			const [{ body }] = await fake.heard('forget');

			assert.deepEqual(body, { sessionId: 's1', ifRev: '41' });
			await swept(fake);
			assert.equal(fake.sessions.size, 0);
			assert.equal(fake.of('forget').length, 1, 'once is enough');
		}),
}, {
	at: '§4 set_status', what: 'idle active sessions become abandoned, with ifRev',
	run: withCleanupd([session('s1', 'active', 2 * DAY, { rev: '41' })],
		async (fake) => {
			const [{ body }] = await fake.heard('set_status');

			assert.deepEqual([body.sessionId, body.status, body.by, body.ifRev],
				['s1', 'abandoned', 'cleanupd', '41']);
			await swept(fake);
			assert.equal(fake.of('set_status').length, 1);
			assert.deepEqual(ids(fake, 'forget'), []);
		}),
}, {
	at: '§8', what: 'what the policy keeps is never touched',
	run: withCleanupd([session('young', 'resolved', 29 * DAY),
		session('old', 'resolved', 31 * DAY),
		session('closed', 'closed', 4000 * DAY),
		session('abandoned', 'abandoned', 4000 * DAY),
		session('busy', 'active', DAY / 2)], async (fake) => {
		await fake.heard('forget');
		await swept(fake);
		assert.deepEqual(ids(fake, 'forget'), ['old']);
		assert.deepEqual(ids(fake, 'set_status'), []);
	}),
}, {
	at: '§8', what: 'another policy is another policy: never, at once, days',
	run: withCleanupd([...STATES.flatMap((status) => [10, 1].map((days) =>
		session(`${status}-${days}`, status, days * DAY)))], async (fake) => {
		await fake.heard('forget', 3);
		await swept(fake);
		assert.deepEqual(ids(fake, 'forget'),
			['abandoned-10', 'closed-1', 'closed-10']);
		assert.deepEqual(ids(fake, 'set_status'), []);
	}, { env: { ABANDON_AFTER_HOURS: 'never', RETENTION_RESOLVED_DAYS: 'never',
		RETENTION_CLOSED_DAYS: '0', RETENTION_ABANDONED_DAYS: '5' } }),
}, {
	at: '§4 idle_sessions', what: 'an answer that lists what was not asked for is not acted on',
	run: withCleanupd([], async (fake) => {
		const wrong = [session('young', 'resolved', DAY),
			session('other', 'closed', 400 * DAY),
			session('odd', 'unheard-of', 400 * DAY)];

		fake.answers.idle_sessions = () => ({ body: {
			now: new Date().toISOString(), sessions: wrong } });
		await fake.heard('idle_sessions', 8);
		assert.deepEqual(ids(fake, 'forget'), []);
		assert.deepEqual(ids(fake, 'set_status'), []);
	}),
}, {
	at: '§4 idle_sessions', what: 'every page is asked for',
	run: withCleanupd(() => numbered(57, 'resolved', 40 * DAY), async (fake) => {
		await fake.heard('forget', 57);
		await until(() => fake.sessions.size === 0);
	}, { prepare: (fake) => fake.pageSize = 10 }),
}, {
	at: '§4 forget', what: 'deleted: false is the end of it, not a failure',
	run: withCleanupd([session('s1', 'resolved', 40 * DAY),
		session('s2', 'resolved', 40 * DAY)], async (fake) => {
		await fake.heard('forget', 2, ({ sessionId }) => sessionId === 's2');
	}, { prepare: (fake) => fake.answers.forget = () =>
		({ body: { deleted: false } }) }),
}, {
	at: '§4 set_status', what: 'a conflict leaves the session alone, and the rest goes on',
	run: withCleanupd([session('s1', 'active', 2 * DAY),
		session('s2', 'resolved', 40 * DAY)], async (fake) => {
		await fake.heard('set_status');
		await fake.heard('forget');
		await until(() => !fake.sessions.has('s2'));
		assert.equal(fake.sessions.get('s1').status, 'active');
	}, { prepare: (fake) => fake.answers.set_status = () => ({
		status: 'conflict', message: 'it has changed',
		body: { session: session('s1', 'active', 0), allowed: [] } }) }),
}, {
	at: '§1 Status codes', what: 'unavailable is tried again later, and nothing is left out',
	run: withCleanupd(() => numbered(20, 'resolved', 40 * DAY), async (fake) => {
		await fake.heard('forget', 3);
		delete fake.answers.forget;
		keep(fake, [...fake.sessions.values()]);
		await until(() => fake.sessions.size === 0, { what: 'all forgotten' });
	}, { prepare: (fake) => fake.answers.forget = () => ({
		status: 'unavailable', message: 'not just now' }) }),
}, {
	at: '§3', what: 'a connection broken in the middle costs nothing',
	run: withCleanupd(() => numbered(100, 'resolved', 40 * DAY),
		async (fake) => {
			const forget = fake.answers.forget;
			let count = 0;

			fake.answers.forget = (body) => {
				if ([20, 70].includes(++count))
					fake.rep.drop();
				return forget(body);
			};
			await until(() => fake.sessions.size === 0, { what: 'all forgotten' });
		}),
}, {
	at: '§1 Envelopes', what: 'unknown fields are ignored; a malformed reply is no reply',
	run: withCleanupd([session('s1', 'resolved', 40 * DAY, { later: [1] })],
		async (fake) => {
			const idle = fake.answers.idle_sessions;
			const broken = [{ body: {} }, { body: { sessions: 7, now: 7 } },
				{ v: 7, body: {} }, { status: 'never-heard-of' }];

			fake.answers.idle_sessions = (body) => broken.shift() ?? {
				...idle(body), later: true };
			await fake.heard('forget', 1, () => true, 60000);
			await until(() => fake.sessions.size === 0);
		}), long: true,
}, {
	at: '§8', what: 'it waits for a sessiond that is not there yet, or goes and comes',
	run: withCleanupd([session('s1', 'resolved', 40 * DAY)], async (fake) => {
		await fake.heard('forget');
		fake.close();
		await sleep(1500);
		fake.begin();
		keep(fake, [session('s2', 'resolved', 40 * DAY)]);
		await fake.listen();
		await fake.heard('forget', 1, ({ sessionId }) => sessionId === 's2');
	}),
}, {
	at: '§8', what: 'SIGTERM ends it with exit code 0, also in the middle',
	run: withCleanupd(() => numbered(100, 'resolved', 40 * DAY),
		async (fake, kit) => {
			await fake.heard('forget');
			assert.deepEqual(await kit.program.kill('SIGTERM'),
				{ code: 0, signal: null });
		}, { prepare: (fake) => fake.answers.forget = () => {} }),
}];
