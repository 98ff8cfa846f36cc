// make run's supervisor, as a person at a terminal meets it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { buildDir, inTree } from '../lib/daemon.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/until.mjs';

const DAEMONS = ['gateway', 'sessiond', 'agentd', 'cleanupd'];

async function supervised(t, env = {}) {
	const data = await fs.mkdtemp(path.join(os.tmpdir(), 'taifas-run-'));
	const run = {
		data,
		env: {
			PATH: process.env.PATH,
			BUILD_DIR: buildDir,
			DATA_DIR: data,
			PORT: await freePort(),
			SESSIOND_PORT: await freePort(),
			EVENTS_PORT: await freePort(),
			ADMIN_PORT: await freePort(DAEMONS.length),
			...env,
		},
		output: '',
	};

	run.child = spawn(inTree('shared/run.sh'), { env: run.env });
	run.child.stdout.on('data', (text) => run.output += text);
	run.child.stderr.on('data', (text) => run.output += text);
	run.exited = new Promise((done) => run.child.once('exit', done));
	t.after(async () => {
		run.child.kill('SIGKILL');
		await fs.rm(data, { recursive: true, force: true });
	});
	return run;
}

// Pids by daemon of those that serve this run's folder.
function processes(run) {
	const lines = execFileSync('ps', ['-eo', 'pid=,args=', '-ww'], {
		encoding: 'utf8' }).split('\n');
	const found = {};

	for (const line of lines) {
		const [, pid, command] = /^\s*(\d+)\s+(\S+)$/.exec(line) ?? [];
		const name = command && path.basename(command);

		if (DAEMONS.includes(name) && ofRun(run, pid))
			found[name] = Number(pid);
	}
	return found;
}

function ofRun(run, pid) {
	try {
		return execFileSync('cat', [`/proc/${pid}/environ`], {
			encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'],
		}).includes(`DATA_DIR=${run.data}\0`);
	} catch {
		return false; // gone meanwhile
	}
}

const page = (run) => fetch(`http://127.0.0.1:${run.env.PORT}/`);

test('run.sh serves the page, brings a killed daemon back, ends with 0',
	async (t) => {
		const run = await supervised(t);

		await until(() => run.output.includes('ready: http://127.0.0.1:' +
			`${run.env.PORT}/?business=B0100001`), { timeout: 60000 });
		assert.equal((await page(run)).status, 200);

		const before = processes(run);

		assert.deepEqual(Object.keys(before).sort(), [...DAEMONS].sort());
		for (const name of DAEMONS) {
			process.kill(before[name], 'SIGKILL');
			await until(() => {
				const pid = processes(run)[name];

				return pid && pid !== before[name];
			}, { what: `${name} back` });
			await until(() => run.output.includes(`${name} ended (137)`));
		}
		await until(async () => (await page(run)).status === 200);

		run.child.kill('SIGTERM');
		assert.equal(await run.exited, 0, run.output);
		assert.deepEqual(processes(run), {});
	});

test('a second run.sh on the same data says so and leaves the first alone',
	async (t) => {
		const run = await supervised(t);

		await until(() => run.output.includes('ready:'), { timeout: 60000 });

		const second = await supervised(t, { ...run.env });

		assert.equal(await second.exited, 1);
		assert.match(second.output, /already running/);

		const elsewhere = await supervised(t,
			{ ...run.env, DATA_DIR: second.data });

		assert.equal(await elsewhere.exited, 1);
		assert.match(elsewhere.output, /port \d+ is taken/);
		assert.equal((await page(run)).status, 200);

		run.child.kill('SIGINT');
		assert.equal(await run.exited, 0, run.output);
	});

test('a killed supervisor leaves no daemon behind', async (t) => {
	const run = await supervised(t);

	await until(() => run.output.includes('ready:'), { timeout: 60000 });
	run.child.kill('SIGKILL');
	await until(() => Object.keys(processes(run)).length === 0, {
		what: 'no daemon left' });
});

test('a wrong setting ends run.sh with the daemon\'s own words', async (t) => {
	const run = await supervised(t, { LOG_LEVEL: 'loud' });

	assert.equal(await run.exited, 1, run.output);
	assert.match(run.output, /LOG_LEVEL/);
	assert.deepEqual(processes(run), {});
});
