// What a store costs when much is in it: pages of a long session, appends
// beside a million sessions.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { startStack } from '../lib/stack.mjs';
import { cpuEach, fill, inFolder, load, median } from './measure.mjs';
import { asFast } from './table.mjs';

const SHORT = 100, SMALL = 1000;

async function withStore(folder, fn) {
	const stack = await startStack({ agents: 0, tenants: null,
		sessiond: { env: { STORE_DIR: folder, STORE_MIN_FREE: '0' } } });

	try {
		return await fn(stack.port(), {
			gateway: stack.gateway().pid, sessiond: stack.sessiond.pid });
	} finally {
		await stack.stop();
	}
}

// --- pages

function page(agent, port, session) {
	return new Promise((done, fail) => {
		http.get({ agent, port, host: '127.0.0.1',
			path: `/api/sessions/${session}/messages?limit=50` }, (answer) => {
			let text = '';

			answer.setEncoding('utf8').on('data', (more) => text += more)
				.on('end', () => done(text));
		}).on('error', fail);
	});
}

// Of all threads, in µs.
function cpuOf(pid) {
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
	const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');

	return (Number(fields[11]) + Number(fields[12])) * 10000;
}

const cpuOfAll = (watch) => Object.values(watch)
	.reduce((sum, pid) => sum + cpuOf(pid), 0);

// Reads newest pages for a while, one after the other.
async function readPages(port, watch, session, count) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	const times = [], before = cpuOfAll(watch);

	for (let i = 0; i < count; i++) {
		const start = performance.now();
		const text = await page(agent, port, session);

		times.push(performance.now() - start);
		if (i === 0)
			assert.equal(JSON.parse(text).messages.length, 50);
	}
	agent.destroy();
	times.sort((a, b) => a - b);
	return { p50: times[count >> 1], p99: times[Math.floor(count * 0.99)],
		cpu: (cpuOfAll(watch) - before) / count };
}

export function historyPages(table, long, count) {
	return inFolder((short) => inFolder(async (folder) => {
		const sessions = [[short, await fill(short, 1, SHORT)],
			[folder, await fill(folder, 1, long)]];
		const runs = [[], []];

		// In turn, and three times each.
		await withStore(short, (portS, watchS) =>
			withStore(folder, async (portL, watchL) => {
				for (let round = 0; round < 3; round++) {
					runs[0].push(await readPages(
						portS, watchS, sessions[0][1], count));
					runs[1].push(await readPages(
						portL, watchL, sessions[1][1], count));
				}
			}));
		const [small, large] = runs.map((all) => median(all, (r) => r.cpu));
		const name = `50 of ${long.toLocaleString('en')} beside 50 of ${SHORT}:`;

		table.row(`${name} µs CPU`, large.cpu, small.cpu, asFast);
		table.row(`${name} p50, ms`, large.p50, small.p50);
		table.row(`${name} p99, ms`, large.p99, small.p99);
	}));
}

// --- appends

// Sessions are numbered as they begin, so those of one day lie together on
// disk; users from everywhere are the worst there can be, as every message
// then changes pages of its own.
const SPREADS = {
	'neighbours': () => 1,
	'far apart': (sessions, senders) =>
		Math.max(1, Math.floor(sessions / senders)),
};

export function appendsInStores(table, { large, rounds, senders, time }) {
	return inFolder((small) => inFolder(async (big) => {
		await fill(small, SMALL, 1);
		await fill(big, large, 1);
		for (const [name, stride] of Object.entries(SPREADS)) {
			const stores = [[small, SMALL, []], [big, large, []]];

			for (let round = 0; round < rounds; round++)
				for (const [folder, sessions, runs] of stores)
					runs.push(await withStore(folder, (port, watch) =>
						load(port, watch, { connections: senders, window: 1,
							stride: stride(sessions, senders), ...time })));
			tellAppends(table, `${large.toLocaleString('en')} sessions, ` +
				`${name}:`, stores.map(([, , runs]) => runs));
		}
	}));
}

function tellAppends(table, name, runs) {
	const cpu = (report) => cpuEach(report, 'sessiond');
	const [little, much] = runs.map((all) => median(all, cpu));

	table.row(`${name} acks/s`, much.acksPerS, little.acksPerS);
	table.row(`${name} ack p50, ms`, much.ackP50Us / 1000,
		little.ackP50Us / 1000);
	table.row(`${name} sessiond, µs CPU/ack`, cpu(much), cpu(little), asFast);
}
