// cleanupd as a daemon: its settings, its schedule, what it says of itself.
import assert from 'node:assert/strict';
import { mkdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { startCleanupd } from '../lib/cleanupd.mjs';
import { withCore } from '../lib/core.mjs';
import { readArchive } from '../lib/population.mjs';
import { freePort } from '../lib/ports.mjs';
import { sleep, until } from '../lib/until.mjs';

const HOUR = 3600 * 1000;
const often = { SWEEP_FIRST_S: '0', SWEEP_EVERY_S: '1',
	RETENTION_RESOLVED_DAYS: '0' };

// A daemon beside a real sessiond; `settled` waits for two more sweeps.
async function start(core, env, args = []) {
	const port = await freePort();
	const run = startCleanupd(core.stack.requests, { args, env: {
		ADMIN_LISTEN: `127.0.0.1:${port}`,
		CLOCK_OFFSET_FILE: core.stack.clockFile, ...often, ...env } });
	const swept = () => run.events().filter((e) => e.event === 'swept');

	return Object.assign(run, {
		swept,
		ready: async () => (await fetch(`http://127.0.0.1:${port}/readyz`))
			.json(),
		metrics: async () =>
			(await fetch(`http://127.0.0.1:${port}/metrics`)).text(),
		settled: async () => {
			const n = swept().length;

			await until(() => swept().length >= n + 2);
		},
		stop: async () => {
			run.kill('SIGTERM');
			assert.equal((await run.ended).code, 0);
		},
	});
}

async function resolved(core, user) {
	const { sessionId } = await core.say(user, 'Salut');

	await core.setStatus(sessionId, 'resolved');
	return sessionId;
}

const isGone = async (core, sessionId) =>
	(await core.ask('history', { sessionId })).status === 'not_found';

test('it sweeps on schedule, and tells its metrics', withCore({},
	async (core) => {
		const run = await start(core);

		await run.settled();
		const first = await resolved(core, 'ana');

		await until(() => isGone(core, first));
		const second = await resolved(core, 'ion');

		await until(() => isGone(core, second));
		await run.settled();
		const text = await run.metrics();

		assert.match(text, /^taifas_cleanupd_deleted_total 2$/m);
		assert.match(text, /^taifas_cleanupd_seen_total 2$/m);
		assert.match(text, /^taifas_cleanupd_errors_total 0$/m);
		const at = Number(/^taifas_cleanupd_last_sweep_timestamp_seconds (\d+)$/m
			.exec(text)[1]);

		assert(Math.abs(at - Date.now() / 1000) < 600);
		assert.match(text,
			/^taifas_cleanupd_sweep_seconds_count [1-9]\d*$/m);
		await run.stop();
	}));

test('after a deletion the same day\'s next message begins a session with a ' +
	'new id; the old one is 404', withCore({ gateways: 1 }, async (core) => {
	const old = await resolved(core, 'ana');
	const rest = (id) => core.stack.rest(`/api/sessions/${id}/messages`);

	assert.equal((await rest(old)).status, 200);
	const { code, out } = await startCleanupd(core.stack.requests,
		{ env: often }).ended;

	assert.equal(code, 0);
	assert.match(out, /deleted 1,/);
	assert.equal((await rest(old)).status, 404);

	const { sessionId } = await core.say('ana', 'Salut din nou');

	assert.notEqual(sessionId, old);
	assert.equal((await rest(old)).status, 404);
	assert.equal((await rest(sessionId)).json.messages.length, 1);
}));

test('an idle session becomes abandoned; its user may go on',
	withCore({ clockOffset: -25 * HOUR }, async (core) => {
		const { sessionId } = await core.say('ana', 'E cineva?');

		await core.cancel('ana'); // else the fallback would be a change
		core.setNow(Date.now());
		await core.restart();
		const fresh = await core.say('ion', 'Salut');
		const { out } = await startCleanupd(core.stack.requests, {}).ended;

		assert.match(out, /abandoned 1,/);
		assert.equal((await core.session(sessionId)).status, 'abandoned');
		assert.deepEqual(await core.told(sessionId),
			['user:E cineva?', 'system:abandoned']);
		assert.equal((await core.session(fresh.sessionId)).status, 'active');
		assert.notEqual((await core.say('ana', 'Eu sunt')).sessionId, sessionId);
	}));

test('a dry run on schedule says what it would do and does nothing',
	withCore({}, async (core) => {
		const sessionId = await resolved(core, 'ana');
		const run = await start(core, {}, ['--dry-run']);

		await run.settled();
		assert(run.events().some((e) => e.event === 'would go' &&
			e.session === sessionId && e.status === 'resolved'));
		assert(!await isGone(core, sessionId));
		assert.match(await run.metrics(),
			/^taifas_cleanupd_deleted_total 0$/m);
		await run.stop();
	}));

test('after a jump of the wall clock nothing is deleted, and readyz says so ' +
	'until it is put right', withCore({}, async (core) => {
	const run = await start(core);

	await run.settled();
	core.moveOn(25 * HOUR);
	const sessionId = await resolved(core, 'ana');

	await until(async () => /wall clock has jumped/.test(
		(await run.ready()).reason));
	await until(() => run.swept().some((e) => /^refused/.test(e.says)));
	assert(!await isGone(core, sessionId));
	// sessiond would not do it either.
	await core.refused('unavailable', 'forget', { sessionId });
	await run.stop();

	core.moveOn(-25 * HOUR);
	const again = await start(core);
	const other = await resolved(core, 'ion');

	await until(() => isGone(core, other));
	assert.equal((await again.ready()).ready, true);
	await again.stop();
}));

test('while the archive cannot be written nothing is deleted, and readyz ' +
	'says why', withCore({}, async (core) => {
	const dir = path.join(core.stack.dir, 'archive');
	const away = path.join(core.stack.dir, 'away');

	await mkdir(dir);
	const run = await start(core, { ARCHIVE_DIR: dir });

	await run.settled();
	await rename(dir, away);
	const sessionId = await resolved(core, 'ana');

	await until(async () => /archive cannot open its file: No such file/.test(
		(await run.ready()).reason));
	await sleep(1500); // it tries again meanwhile
	assert(!await isGone(core, sessionId));

	await rename(away, dir);
	await until(() => isGone(core, sessionId));
	await until(async () => (await run.ready()).ready);
	assert.deepEqual([...(await readArchive(dir)).keys()], [sessionId]);
	await run.stop();
}));

test('it says its policy in plain words at the start', withCore({},
	async (core) => {
		const said = async (env) => (await startCleanupd(core.stack.requests,
			{ env }).ended).log.filter((e) => e.event === 'policy')
			.map((e) => e.says);

		assert.deepEqual(await said({}), [
			'active sessions become abandoned after 24 hours without change',
			'resolved sessions are deleted with their messages after 30 days ' +
				'without change',
			'closed sessions are kept',
			'abandoned sessions are kept',
		]);
		assert.deepEqual(await said({ ABANDON_AFTER_HOURS: 'never',
			RETENTION_RESOLVED_DAYS: '0', RETENTION_CLOSED_DAYS: '1',
			RETENTION_ABANDONED_DAYS: '365' }), [
			'active sessions are kept',
			'resolved sessions are deleted with their messages at once',
			'closed sessions are deleted with their messages after 1 day ' +
				'without change',
			'abandoned sessions are deleted with their messages after ' +
				'365 days without change',
		]);
	}));

test('wrong settings are refused by name', async () => {
	const end = (env, args) =>
		startCleanupd('tcp://127.0.0.1:1', { env, args }).ended;
	const days = await end({ RETENTION_CLOSED_DAYS: 'soon' });

	assert.equal(days.code, 2);
	assert.match(days.err,
		/RETENTION_CLOSED_DAYS=soon is not a whole number.*or never/);

	const word = await end({}, ['--twice']);

	assert.equal(word.code, 2);
	assert.match(word.err, /--twice is not an argument/);

	const dir = await end({ ARCHIVE_DIR: '/nonexistent' });

	assert.equal(dir.code, 1);
	assert.match(dir.err, /ARCHIVE_DIR.*No such file/);
});

test('--once without a sessiond gives up and says so', async () => {
	const { code, out } = await startCleanupd(
		`tcp://127.0.0.1:${await freePort()}`,
		{ env: { ONCE_PATIENCE_S: '1' } }).ended;

	assert.equal(code, 1);
	assert.match(out, /^gave up \(sessiond does not answer\)/);
});
