// make bench: what a message, a connection, a delivery and a page cost, beside
// the least they can cost on this machine, measured in the same run. Nothing
// fails because something is slow.
//
//	QUICK=1		less of everything, to see that it works
//	SESSIONS=N	in the large store (1,000,000)
//	PEERS=1		a small Node server beside ours, and nothing else
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { buildDir } from '../lib/daemon.mjs';
import { startFixture } from '../lib/fixture.mjs';
import { startStack } from '../lib/stack.mjs';
import { appendsInStores, historyPages } from './stores.mjs';
import { commits, cpuEach, load, median, withEcho, withEchoToAll, withPeer }
	from './measure.mjs';
import { Table, atLeast, atMost, floorPlus, timesFloor } from './table.mjs';

const quick = Boolean(process.env.QUICK);
const few = quick ? 1 : 3; // runs, of which the middle one counts
const time = quick ? { warmup: 0.2, duration: 0.5, settle: 0.1 }
	: { warmup: 1, duration: 3, settle: 0.5 };
const sizes = {
	idle: quick ? 500 : 10000,
	sockets: quick ? 100 : 1000,
	long: quick ? 2000 : 100000,
	sessions: Number(process.env.SESSIONS) || (quick ? 2000 : 1000000),
};

// Businesses b0, b1, … with a folder each, as in life.
const BUSINESSES = 16;
const tenants = Object.fromEntries(Array.from({ length: BUSINESSES },
	(_, i) => [`b${i}`, { record: { name: `Business ${i}`, timezone: 'UTC',
		languages: ['en'] } }]));

const table = new Table({
	at: new Date().toISOString(),
	machine: `${os.cpus().length} × ${os.cpus()[0].model}`,
	system: `${os.type()} ${os.release()}`,
	quick,
});

// A stack without agents, so that turns wait and only the path of a message
// is measured.
async function withGateway(fn) {
	const stack = await startStack({ agents: 0, tenants,
		gateway: { env: { MAX_CONNECTIONS: '20000' } },
		sessiond: { env: { STORE_MIN_FREE: '0' } } });
	let result;

	try {
		result = await fn(stack.port(), {
			gateway: stack.gateway().pid, sessiond: stack.sessiond.pid });
	} catch (error) {
		await stack.abandon();
		throw error;
	}
	await stack.stop();
	return result;
}

async function withTransport(fn) {
	const fixture = await startFixture();

	try {
		return await fn(fixture.port, { server: fixture.daemon.pid });
	} finally {
		await fixture.stop();
	}
}

// Runs of several subjects in turn, so that all see the same noise; the
// middle one of each.
async function sideBySide(subjects, value) {
	const runs = subjects.map(() => []);

	for (let i = 0; i < few; i++)
		for (const [k, subject] of subjects.entries())
			runs[k].push(await subject());
	return runs.map((all) => median(all, value));
}

async function durable(senders) {
	const closed = { connections: senders, window: 1, ...time };
	const batch = Math.min(senders, 128);
	const cpu = (report) => report.cpuEach ?? cpuEach(report,
		report.processes.gateway ? 'sessiond' : 'server');
	const [ours, echo, single, batched] = await sideBySide([
		() => withGateway((port, watch) => load(port, watch, {
			businesses: Math.min(senders, BUSINESSES), ...closed })),
		() => withEcho((port, watch) =>
			load(port, watch, { raw: true, ...closed })),
		() => commits(quick ? 200 : 2000, 1),
		() => commits((quick ? 200 : 1000) * batch, batch),
	], cpu);
	const gateway = cpuEach(ours, 'gateway'), edge = cpuEach(echo, 'server');
	const sessiond = cpuEach(ours, 'sessiond');
	const one = single.commitP50Us / 1000;
	const name = (what) => `${senders} sender${senders > 1 ? 's' : ''}: ${what}`;

	table.row(name('acks/s'), ours.acksPerS, single.perS,
		senders === 256 && timesFloor(5));
	table.row(name('ack p50, ms'), ours.ackP50Us / 1000, one,
		senders === 1 && floorPlus(1, 'ms'));
	table.row(name('ack p99, ms'), ours.ackP99Us / 1000,
		single.commitP99Us / 1000);
	table.row(name('gateway, µs CPU/ack'), gateway, edge);
	table.row(name('sessiond, µs CPU/ack'), sessiond, batched.cpuEach);
	table.row(name('both, µs CPU/ack'), gateway + sessiond,
		edge + batched.cpuEach, senders === 256 && atMost(60));
}

const SHOUT = { path: '/socket/websocket?vsn=2.0.0', topic: 'room:',
	event: 'shout_reply' };

async function edgeAlone(beside, other) {
	for (const [window, goal] of [[1, 17], [16, 6]]) {
		const connections = 200;
		const options = { connections, window, ...time };
		const [ours, theirs] = await sideBySide([
			() => withTransport((port, watch) => load(port, watch, {
				businesses: connections, ...SHOUT, ...options })),
			() => beside((port, watch) => load(port, watch, {
				...other, businesses: connections, ...options })),
		], (report) => cpuEach(report, 'server'));

		table.row(`window ${window}: µs CPU/message`, cpuEach(ours, 'server'),
			cpuEach(theirs, 'server'), atMost(goal));
		table.row(`window ${window}: messages/s`, ours.acksPerS,
			theirs.acksPerS);
	}
}

// As many as descriptors allow, here and in the daemons.
function idleConnections() {
	const limit = execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });

	return Math.min(sizes.idle, (parseInt(limit, 10) || Infinity) - 1000);
}

async function connections(beside, other) {
	const count = idleConnections();
	const options = { connections: count, users: count, businesses: 1,
		settle: quick ? 0.2 : 3 };
	const ours = await withGateway((port, watch) =>
		load(port, watch, options));
	const theirs = await beside((port, watch) => load(port, watch, {
		...options, ...other, businesses: BUSINESSES }));

	if (count < sizes.idle)
		console.log(`(the limit on descriptors allows ${count} connections)`);
	table.row(`idle, ${count} joined: bytes/connection`,
		ours.processes.gateway.connectionBytes,
		theirs.processes.server.connectionBytes, atMost(4000));
	table.row('connect + join: µs CPU/connection',
		ours.processes.gateway.joinCpuUs, theirs.processes.server.joinCpuUs,
		atMost(150));
}

async function fanOut(beside, other) {
	const options = { connections: sizes.sockets, senders: 1, users: 1 };
	const each = (report) => cpuEach(report,
		report.processes.gateway ? 'gateway' : 'server', report.delivered);

	for (const [what, pace, goal] of [
		['20 msg/s', { rate: 20 }, atMost(10)],
		['at most', { window: 32 }, atMost(4)],
	]) {
		const [ours, theirs] = await sideBySide([
			() => withGateway((port, watch) =>
				load(port, watch, { ...options, ...pace, ...time })),
			() => beside((port, watch) =>
				load(port, watch, { ...options, ...pace, ...time, ...other })),
		], each);
		const name = `${sizes.sockets} sockets, ${what}:`;

		table.row(`${name} µs CPU/delivery`, each(ours), each(theirs), goal);
		table.row(`${name} deliveries/s`, ours.deliveriesPerS,
			theirs.deliveriesPerS, pace.window && atLeast(280000));
		table.row(`${name} delivered p50, ms`, ours.deliveryP50Us / 1000,
			theirs.deliveryP50Us / 1000);
	}
}

async function all() {
	const raw = { raw: true };

	table.group('Durable messages, one outstanding per sender',
		'a commit per message; for CPU a bare lws echo and LMDB, min(N, 128) '
		+ 'messages per commit');
	for (const senders of quick ? [1, 64] : [1, 16, 256, 1024])
		await durable(senders);
	table.group('Edge alone, 200 connections: an answer and a broadcast',
		'a bare lws echo, one frame');
	await edgeAlone(withEcho, raw);
	table.group('Connections', 'a bare lws server, no join');
	await connections(withEcho, raw);
	table.group('Fan-out of durable messages to one user\'s other sockets',
		'a bare lws server, nothing stored');
	await fanOut(withEchoToAll, raw);
	table.group('History', 'the short session');
	await historyPages(table, sizes.long, quick ? 50 : 1000);
	table.group(`Appends in a large store, ${quick ? 64 : 256} senders`,
		'one of 1,000 sessions');
	await appendsInStores(table, { large: sizes.sessions, rounds: few,
		senders: quick ? 64 : 256, time });
}

async function peers() {
	table.group('An answer and a broadcast, nothing stored by either',
		'Node with ws');
	await edgeAlone(withPeer, {});
	table.group('Connections', 'Node with ws');
	await connections(withPeer, {});
	table.group('Fan-out: ours is durable, the peer\'s from memory',
		'Node with ws');
	await fanOut(withPeer, {});
}

console.log(`${table.about.machine}, ${table.about.system}` +
	`${quick ? '; QUICK: figures mean nothing' : ''}`);
await (process.env.PEERS ? peers() : all());
table.save(path.join(buildDir,
	process.env.PEERS ? 'bench-peers.json' : 'bench.json'));
