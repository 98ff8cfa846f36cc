// One daemon as a child process: its settings, its log, its life and death.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const buildDir = path.resolve(root, process.env.BUILD_DIR || 'build');
export const inTree = (...parts) => path.join(root, ...parts);

const SANITIZER = /ERROR: \w+Sanitizer|runtime error:/;
const EXIT_MS = 60000; // generous: sanitizers look for leaks at the end
const running = new Set();

process.on('exit', () => {
	for (const child of running)
		child.kill('SIGKILL');
});

export class Daemon {
	// `program` is a file of BUILD_DIR; `logFile` receives what it says.
	constructor(program, { name, env, adminPort, logFile, args = [] }) {
		Object.assign(this, { program, name, env, adminPort, logFile, args });
		this.child = null;
		this.ended = null; // {code, signal} of the last process
		this.surprises = []; // exits nobody asked for
	}

	get pid() {
		return this.child?.pid;
	}

	// Starts the process; `ready` waits until it says it is.
	start(env = {}) {
		assert(!this.child, `${this.name} is running already`);
		Object.assign(this.env, env);

		const log = openSync(this.logFile, 'a');
		const command = path.join(buildDir, this.program);
		// The kernel ends the daemon should this process die first.
		const child = spawn('setpriv',
			['--pdeathsig', 'KILL', command, ...this.args], {
				env: { PATH: process.env.PATH, ...sanitizerEnv(), ...this.env },
				stdio: ['ignore', log, log],
			});

		closeSync(log);
		this.child = child;
		this.ended = null;
		this.expected = false;
		this.frozen = false;
		running.add(child);
		this.exited = new Promise((done) => {
			child.once('error', (error) => done({ code: -1, error }));
			child.once('exit', (code, signal) => done({ code, signal }));
		}).then((end) => {
			running.delete(child);
			this.child = null;
			this.ended = end;
			if (!this.expected)
				this.surprises.push(end);
			return end;
		});
		return this;
	}

	// /readyz is 200; fails at once if the process is gone.
	async ready({ timeout = 60000 } = {}) {
		await until(async () => this.ended || (await this.admin('/readyz')).ok, {
			timeout, what: `${this.name} ready`,
		});
		assert(!this.ended,
			`${this.name} ended: ${JSON.stringify(this.ended)}\n${this.tail()}`);
		return this;
	}

	admin(where) {
		return fetch(`http://127.0.0.1:${this.adminPort}${where}`);
	}

	// The value of one line of /metrics, e.g. 'taifas_turns_total{code="ok"}'.
	async metric(line) {
		const text = await (await this.admin('/metrics')).text();
		const found = text.split('\n').find((l) => l.startsWith(`${line} `));

		return found === undefined ? undefined : Number(found.split(' ').pop());
	}

	// Sends a signal and waits for the end, which is the result.
	async kill(signal = 'SIGKILL') {
		assert(this.child, `${this.name} is not running`);
		this.expected = true;
		// Before the signal. Later it could undo the stop with which a
		// sanitizer's leak check begins, which then waits for ever.
		if (this.frozen && signal !== 'SIGKILL')
			this.thaw();
		this.child.kill(signal);
		return this.exit();
	}

	// Waits for the process to end, by itself or by an earlier signal.
	async exit({ timeout = EXIT_MS } = {}) {
		this.expected = true;
		const end = this.child ? await Promise.race([this.exited,
			new Promise((done) => setTimeout(done, timeout).unref())]) : this.ended;

		assert(end, `${this.name} did not end within ${timeout} ms`);
		return end;
	}

	async restart({ signal = 'SIGTERM', env } = {}) {
		if (this.child)
			await this.kill(signal);
		return this.start(env).ready();
	}

	freeze() {
		this.child.kill('SIGSTOP');
		this.frozen = true;
	}

	thaw() {
		this.child.kill('SIGCONT');
		this.frozen = false;
	}

	// SIGTERM, and everything a clean end promises.
	async stop() {
		if (this.child) {
			const end = await this.kill('SIGTERM');

			assert.deepEqual(end, { code: 0, signal: null },
				`${this.name} ends cleanly on SIGTERM`);
		}
		assert.deepEqual(this.surprises, [], `${this.name} ended by itself`);
		assert(!SANITIZER.test(this.log), `${this.name}: a sanitizer reports`);
	}

	get log() {
		return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8') : '';
	}

	// The log as objects; lines that are not JSON are left out.
	get events() {
		return this.log.split('\n').flatMap((line) => {
			try {
				return [JSON.parse(line)];
			} catch {
				return [];
			}
		});
	}

	tail(lines = 60) {
		return this.log.split('\n').slice(-lines).join('\n');
	}
}

function sanitizerEnv() {
	return Object.fromEntries(Object.entries(process.env)
		.filter(([name]) => /^(A|UB|L|T)SAN_OPTIONS$/.test(name)));
}
