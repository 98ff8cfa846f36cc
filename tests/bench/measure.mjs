// The programs of a benchmark as functions, and what is done with what they
// say.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { buildDir } from '../lib/daemon.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/until.mjs';

const run = promisify(execFile);
const program = (name) => path.join(buildDir, 'bench', name);

// The middle one of several runs, by what `value` says of them.
export function median(runs, value = (x) => x) {
	const sorted = [...runs].sort((a, b) => value(a) - value(b));

	return sorted[sorted.length >> 1];
}

// A folder for a store, gone when fn has ended.
export async function inFolder(fn) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'taifas-bench-'));

	try {
		return await fn(folder);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

// loadgen's report; `watch` are process ids by name, and so are its
// `processes`. Options are loadgen's.
export async function load(port, watch, options) {
	const pids = Object.values(watch).flatMap((pid) => ['--pid', pid]);
	const args = Object.entries(options).flatMap(([name, value]) =>
		value === true ? [`--${name}`] : [`--${name}`, value]);
	const { stdout } = await run(program('loadgen'),
		['--port', port, ...pids, ...args].map(String));
	const report = JSON.parse(stdout);

	assert.equal(report.refused, 0, `refusals: ${stdout}`);
	assert.equal(report.lost, 0, `connections were lost: ${stdout}`);
	assert.equal(report.missing, 0, `messages were lost: ${stdout}`);
	report.processes = Object.fromEntries(Object.keys(watch)
		.map((name, i) => [name, report.processes[i]]));
	report.acksPerS = report.acked / report.seconds;
	report.deliveriesPerS = report.delivered / report.seconds;
	return report;
}

// µs of CPU that a process spent for each of `count`.
export const cpuEach = (report, name, count = report.acked) =>
	report.processes[name].cpuUs / count;

export function commits(messages, perCommit) {
	return inFolder(async (folder) => {
		const { stdout } = await run(program('commits'),
			[folder, messages, perCommit].map(String));
		const report = JSON.parse(stdout);

		report.perS = report.messages / report.seconds;
		report.cpuEach = report.cpuUs / report.messages;
		return report;
	});
}

// Fills a store; resolves to the id of its last session.
export async function fill(folder, sessions, messages) {
	const { stdout } = await run(program('fill'),
		[folder, sessions, messages].map(String));

	return stdout.trim();
}

function answers(port) {
	return new Promise((done) => {
		const socket = net.connect(port, '127.0.0.1', () => {
			socket.destroy();
			done(true);
		});

		socket.once('error', () => done(false));
	});
}

// Runs a server while fn(port, {server: pid}) does.
async function withServer(command, args, fn) {
	const port = await freePort();
	const child = spawn('setpriv', ['--pdeathsig', 'KILL', command,
		...args.map((arg) => arg === 'PORT' ? String(port) : arg)],
	{ stdio: ['ignore', 'inherit', 'inherit'] });
	const ended = new Promise((done) => child.once('exit', done));

	try {
		await until(() => answers(port), { what: `${command} answers` });
		return await fn(port, { server: child.pid });
	} finally {
		child.kill('SIGKILL');
		await ended;
	}
}

export const withEcho = (fn) => withServer(program('echo'), ['PORT'], fn);
export const withEchoToAll = (fn) =>
	withServer(program('echo'), ['PORT', 'all'], fn);
export const withPeer = (fn) => withServer(process.execPath,
	[new URL('peer.mjs', import.meta.url).pathname, 'PORT'], fn);
