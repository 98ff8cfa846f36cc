// cleanupd as a command: started with arguments, watched until it ends.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { buildDir } from './daemon.mjs';

const running = new Set();

process.on('exit', () => {
	for (const child of running)
		child.kill('SIGKILL');
});

// Starts `cleanupd ARGS`. `ended` resolves to {code, signal, out, log}: its
// standard output, and its log as objects.
export function startCleanupd(url, { args = ['--once'], env = {} } = {}) {
	const child = spawn(path.join(buildDir, 'cleanupd'), args, {
		env: { PATH: process.env.PATH, SESSIOND_URL: url,
			ADMIN_LISTEN: 'off', ...sanitizers(), ...env },
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	let out = '', err = '';

	running.add(child);
	child.once('close', () => running.delete(child));
	child.stdout.on('data', (text) => out += text);
	child.stderr.on('data', (text) => err += text);
	return {
		child,
		kill: (signal) => child.kill(signal),
		events: () => err.split('\n').flatMap(parsed),
		text: () => err,
		get over() {
			return child.exitCode !== null || child.signalCode !== null;
		},
		ended: new Promise((done) => child.once('close', (code, signal) =>
			done({ code, signal, out, err, log: err.split('\n')
				.flatMap(parsed) }))),
	};
}

function parsed(line) {
	try {
		return [JSON.parse(line)];
	} catch {
		return [];
	}
}

function sanitizers() {
	return Object.fromEntries(Object.entries(process.env)
		.filter(([name]) => /^(A|UB|L|T)SAN_OPTIONS$/.test(name)));
}

// The numbers of a summary line, {seen, abandoned, deleted, ...}.
export function summary(line) {
	return Object.fromEntries(
		[...line.matchAll(/(?:would have )?(\w+) (\d+)/g)]
			.map(([, name, n]) => [name, Number(n)]));
}
