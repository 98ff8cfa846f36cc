// Retention against a model: a population of sessions, what cleanupd makes of
// it, and what the policy's words say it must.
//
// SESSIONS says how many (3,000); 100,000 is worth a try after changes to the
// sweep or to the store, and takes some minutes.
import assert from 'node:assert/strict';
import { mkdir, stat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { startCleanupd, summary } from '../lib/cleanupd.mjs';
import { tenant, withCore } from '../lib/core.mjs';
import { OLDEST_MS, POLICY, assertArchived, assertSwept, census, fate, fates,
	populate } from '../lib/population.mjs';
import { until } from '../lib/until.mjs';

const SESSIONS = Number(process.env.SESSIONS || 3000);
const TENANTS = {
	one: tenant(),
	two: tenant({}, 'Europe/Bucharest'),
	three: tenant({}, 'America/New_York'),
};

// A population, an archive, and cleanupds for it.
function withPopulation(story) {
	return withCore({ tenants: TENANTS, clockOffset: -OLDEST_MS },
		async (core, t) => {
			const archive = path.join(core.stack.dir, 'archive');
			const began = performance.now();

			await mkdir(archive);
			await populate(core, SESSIONS);
			const before = await census(core);

			t.diagnostic(`${before.size} sessions made in ` +
				`${Math.round(performance.now() - began)} ms`);
			assert.equal(before.size, SESSIONS);
			await story({ core, before, archive, now: core.now(), t,
				cleanupd: (args, env) => startCleanupd(core.stack.requests,
					{ args, env: { ...POLICY, ARCHIVE_DIR: archive,
						CLOCK_OFFSET_FILE: core.stack.clockFile,
						...env } }) });
		});
}

async function finished(run) {
	const end = await run.ended;

	assert.equal(end.code, 0, end.err);
	return { ...end, ...summary(end.out) };
}

test('a sweep leaves exactly what the policy keeps, and archives the rest',
	withPopulation(async ({ core, before, archive, now, t, cleanupd }) => {
		const expected = fates(before, now);

		for (const n of Object.values(expected))
			assert(n > SESSIONS / 20, `a population of all fates`);

		// A dry run names each session and touches none.
		const dry = await finished(cleanupd(['--once', '--dry-run']));
		const named = (event) => dry.log.filter((e) => e.event === event)
			.map((e) => e.session).sort();
		const fated = (what) => [...before].filter(([, entry]) =>
			fate(entry, now) === what).map(([id]) => id).sort();

		assert.deepEqual(named('would go'), fated('deleted'));
		assert.deepEqual(named('would become abandoned'), fated('abandoned'));
		assert.match(dry.out, /would have deleted \d+/);
		assert.equal(dry.deleted, expected.deleted);
		assert.deepEqual(await census(core), before);
		assert.deepEqual(await readdir(archive), []);

		const swept = await finished(cleanupd(['--once']));

		t.diagnostic(swept.out.trim());
		assert.equal(swept.deleted, expected.deleted);
		assert.equal(swept.abandoned, expected.abandoned);
		assert.equal(swept.archived, expected.deleted);
		assert.equal(swept.skipped, 0);
		await assertSwept(core, before, now);
		await assertArchived(archive, before, now);
		for (const name of await readdir(archive))
			assert.equal((await stat(path.join(archive, name))).mode & 0o777,
				0o600);

		// Once more finds nothing to do.
		const again = await finished(cleanupd(['--once']));

		assert.deepEqual([again.seen, again.deleted, again.abandoned],
			[0, 0, 0]);
		await assertSwept(core, before, now);
	}));

test('two cleanupds at once do no more harm than one',
	withPopulation(async ({ core, before, archive, now, cleanupd }) => {
		const runs = await Promise.all(
			[cleanupd(['--once']), cleanupd(['--once'])].map(finished));
		const expected = fates(before, now);
		const together = (what) => runs[0][what] + runs[1][what];

		// Each is done once; the one that came second has skipped it.
		assert(together('deleted') <= expected.deleted);
		assert(together('abandoned') <= expected.abandoned);
		await assertSwept(core, before, now);
		await assertArchived(archive, before, now);
	}));

const deletedBy = (runs) => runs.reduce((sum, run) =>
	sum + run.text().split('session deleted').length - 1, 0);

// Waits until they have deleted that many more, or have ended.
async function progress(runs, more) {
	const enough = deletedBy(runs) + more;

	await until(() => deletedBy(runs) >= enough ||
		runs.every((run) => run.over), { every: 2 });
}

test('cleanupd and sessiond killed again and again: the store is the model',
	withPopulation(async ({ core, before, archive, now, t, cleanupd }) => {
		const left = async () => summary((await finished(
			cleanupd(['--once', '--dry-run']))).out).deleted;
		const total = await left();
		const some = () => 1 + Math.floor(Math.random() * total / 20);
		let remaining = total, rounds = 0;

		for (; remaining > total / 2 && rounds < 12; rounds++) {
			const runs = [1, 2].map(() =>
				cleanupd(['--once'], { LOG_LEVEL: 'debug' }));

			await progress(runs, some());
			if (rounds % 3 === 1)
				runs[0].kill('SIGKILL');
			if (rounds % 3 === 2)
				await core.restart({ signal: 'SIGKILL' });
			await progress(runs, some());
			for (const run of runs)
				run.kill('SIGKILL');
			await Promise.all(runs.map((run) => run.ended));
			remaining = await left();
		}
		t.diagnostic(`${rounds} rounds, ${remaining} of ${total} left`);
		assert(remaining > 0 && remaining < total, 'cut off in the middle');

		// And at last one that loses its sessiond and goes on to the end.
		const survivor = cleanupd(['--once'], { LOG_LEVEL: 'debug' });

		await progress([survivor], 1);
		await core.restart({ signal: 'SIGKILL' });
		const { log } = await finished(survivor);

		assert.equal(log.filter((e) => e.event === 'sessiond greeted').length,
			2);
		await assertSwept(core, before, now);
		await assertArchived(archive, before, now);
	}));

test('SIGTERM in the middle of a sweep: what is in flight ends, what is ' +
	'counted is true, and the next start goes on',
	withPopulation(async ({ core, before, archive, now, cleanupd }) => {
		const run = cleanupd([], { SWEEP_FIRST_S: '0', LOG_LEVEL: 'debug' });

		await progress([run], 1);
		run.kill('SIGTERM');
		const end = await run.ended;

		assert.deepEqual([end.code, end.signal], [0, null]);
		const { says } = end.log.find((e) => e.event === 'swept');
		const told = summary(says);
		const after = await census(core);

		assert.match(says, /^stopped: /);
		assert(told.deleted < fates(before, now).deleted, 'in the middle');
		assert.equal(before.size - after.size, told.deleted);

		await finished(cleanupd(['--once']));
		await assertSwept(core, before, now);
		await assertArchived(archive, before, now);
	}));
