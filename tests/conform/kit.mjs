// What every case stands on: the program under test as a process of its own,
// with a folder, ports and an end.
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/until.mjs';

const STOP_MS = 15000;
const running = new Set();

process.on('exit', () => {
	for (const program of running)
		program.signal('SIGKILL');
});

// Thrown by a case that cannot be tried on this program.
export class Skip extends Error {}

export const url = async () => `tcp://127.0.0.1:${await freePort()}`;
export const portOf = (where) => Number(/:(\d+)$/.exec(where)[1]);

// A shell command, assignments before it allowed, and all that it starts.
class Program {
	constructor(command, env, logFile, onSurprise) {
		Object.assign(this, { command, env, logFile, onSurprise });
	}

	start() {
		const log = openSync(this.logFile, 'a');

		// A process group of its own: signals reach whatever the shell runs.
		this.child = spawn('sh', ['-c', `exec env ${this.command}`], {
			env: { ...process.env, ...this.env },
			stdio: ['ignore', log, log], detached: true,
		});
		closeSync(log);
		running.add(this);
		this.end = null; // {code, signal} once it has ended
		this.expected = false;
		this.child.once('exit', (code, signal) => {
			this.end = { code, signal };
			if (!this.expected)
				this.onSurprise(this.end);
		});
		return this;
	}

	signal(signal) {
		try {
			process.kill(-this.child.pid, signal);
			return true;
		} catch {
			return false; // nobody is left
		}
	}

	// Sends a signal and waits until no process of it is left.
	async kill(signal = 'SIGKILL') {
		this.expected = true;
		this.signal(signal);
		await until(() => this.end && !this.signal(0), {
			timeout: STOP_MS, what: `the end after ${signal}` });
		running.delete(this);
		return this.end;
	}

	async restart() {
		await this.kill();
		this.start();
	}

	get log() {
		return readFileSync(this.logFile, 'utf8');
	}
}

// One case's world. What it opens with own() is closed at its end.
export class Kit {
	constructor(command) {
		this.command = command;
		this.dir = mkdtempSync(path.join(os.tmpdir(), 'conform-'));
		this.owned = [];
		// Fails when the program ends though nobody killed it.
		this.died = new Promise((_, fail) => this.surprise = (end) =>
			fail(new Error(`the program ended: ${JSON.stringify(end)}`)));
	}

	own(thing) {
		this.owned.push(thing);
		return thing;
	}

	// The program, started; `env` is all it is told.
	start(env) {
		this.program = new Program(this.command,
			{ ADMIN_LISTEN: 'off', ...env }, path.join(this.dir, 'log'),
			this.surprise);
		return this.program.start();
	}

	// What it said last, for whoever looks into a failure.
	tail() {
		try {
			return this.program.log.split('\n').slice(-12).join('\n');
		} catch {
			return '';
		}
	}

	async close() {
		for (const thing of this.owned.reverse())
			thing.close();
		if (this.program)
			await this.program.kill().catch(() => {});
		await rm(this.dir, { recursive: true, force: true });
	}
}
