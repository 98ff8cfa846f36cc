// The compose stack as users run it: built from the Dockerfile, reached through
// edge, scaled under load, and hurt in every way a container can be hurt. The
// books must balance at the end. Run by tests/compose/run.sh.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import test from 'node:test';
import { promisify } from 'node:util';
import { Customer, balance, dice, tally } from '../lib/books.mjs';
import { connectClient } from '../lib/client.mjs';
import { inTree } from '../lib/daemon.mjs';
import { sleep, until } from '../lib/until.mjs';

const PORT = Number(process.env.EDGE_PORT);
const CUSTOMERS = 8;
const RECOVERY = { timeout: 60000, every: 250 };
const run = promisify(execFile);

const docker = async (...args) =>
	(await run('docker', args, { cwd: inTree('.') })).stdout.trim();
const compose = (...args) => docker('compose', ...args);

// What the books ask of a stack; there is one port, and edge chooses.
const stack = {
	clients: [],
	port: () => PORT,
	async client(options) {
		const client = await connectClient(PORT, options);

		this.clients.push(client);
		return client;
	},
	async history(session) {
		const messages = [];
		let before = '';

		for (;;) {
			const answer = await fetch(`http://localhost:${PORT}/api/sessions/` +
				`${encodeURIComponent(session)}/messages` +
				`?limit=200&format=text${before}`);

			assert.equal(answer.status, 200);
			const page = await answer.json();

			messages.unshift(...page.messages);
			if (!page.pagination.hasMore)
				return messages;
			before = `&before=${encodeURIComponent(page.pagination.nextCursor)}`;
		}
	},
};

async function containers(service) {
	return (await compose('ps', '-q', service)).split('\n').filter(Boolean);
}

// Somebody new comes through edge, asks and is answered.
let visitors = 0;

async function works() {
	const client = await Promise.race([
		connectClient(PORT, { user: `visitor-${++visitors}` }),
		sleep(5000).then(() => { throw new Error('no join'); }),
	]);

	try {
		const { answer } = await client.ask(
			'Cât costă o consultație?', {}, { timeout: 8000 });

		assert.match(answer.message, /250/);
	} finally {
		client.close();
	}
	return true;
}

const recovers = (what) => until(works, { ...RECOVERY, what });

const counts = { gateway: 2, agentd: 3 };

async function scale(service, count) {
	counts[service] = count;
	await compose('up', '-d', '--no-recreate', '--no-build',
		'--scale', `gateway=${counts.gateway}`,
		'--scale', `agentd=${counts.agentd}`);
}

// --- the faults --------------------------------------------------------------

// docker kill counts as a stop by hand, after which nothing is restarted.
async function crash(service) {
	const [id] = await containers(service);
	const pid = await docker('inspect', '-f', '{{.State.Pid}}', id);

	process.kill(Number(pid), 'SIGKILL');
	await until(async () => await docker('inspect', '-f',
		'{{.State.Running}} {{.State.Pid}}', id) !== `true ${pid}`, RECOVERY);
}

async function freeze(service) {
	const [id] = await containers(service);

	await docker('pause', id);
	await sleep(6000);
	await docker('unpause', id);
}

async function partition(service) {
	const [id] = await containers(service);
	const network = `${process.env.COMPOSE_PROJECT_NAME}_back`;

	await docker('network', 'disconnect', network, id);
	await sleep(6000);
	await docker('network', 'connect', '--alias', service, network, id);
}

// --- the story -----------------------------------------------------------------

test('the stack serves, scales and recovers, and its books balance',
	{ timeout: 900000 }, async (t) => {
		const said = (text) => t.diagnostic(text);

		await compose('up', '-d', '--wait', '--no-build', '--scale', 'gateway=2',
			'--scale', 'agentd=3');
		await works();
		said('up: 2 gateways, 3 agents');

		const customers = Array.from({ length: CUSTOMERS },
			(_, i) => new Customer(stack, i));
		let going = true;

		await Promise.all(customers.map((customer, i) => customer.connect(i)));
		const written = Promise.all(customers.map((customer, i) =>
			customer.write(() => going, dice(i), 400)));

		try {
			for (const [service, count] of [['agentd', 1], ['agentd', 4],
				['gateway', 3], ['gateway', 1]]) {
				await scale(service, count);
				await recovers(`${service} scaled to ${count}`);
				said(`${service} scaled to ${count}`);
			}
			for (const [fault, services] of [
				[crash, ['sessiond', 'agentd', 'gateway', 'cleanupd', 'edge']],
				[freeze, ['sessiond', 'agentd', 'gateway']],
				[partition, ['sessiond', 'agentd', 'gateway']]])
				for (const service of services) {
					await fault(service);
					await recovers(`after ${fault.name} of ${service}`);
					said(`recovered from ${fault.name} of ${service}`);
				}
		} finally {
			going = false;
		}
		await written;
		said(JSON.stringify(tally(customers)));
		await balance(stack, customers);
		assert.match(await compose('exec', '-T', 'sessiond', 'sessiond',
			'--check'), / 0 faults$/);

		const unhealthy = (await docker('ps', '--format', '{{.Names}} {{.Status}}',
			'--filter', 'health=unhealthy')).trim();

		assert.equal(unhealthy, '');
		for (const client of stack.clients)
			client.close();
	});

test('only edge publishes a port, and nobody runs as root', () => {
	const all = execFileSync('docker', ['compose', 'ps', '--format', 'json'],
		{ cwd: inTree('.'), encoding: 'utf8' }).trim().split('\n')
		.map((line) => JSON.parse(line));

	assert(all.length >= 5);
	for (const { Service, Publishers, Name } of all) {
		const published = (Publishers ?? []).filter((p) => p.PublishedPort);
		const uid = execFileSync('docker', ['exec', Name, 'id', '-u'],
			{ encoding: 'utf8' }).trim();

		assert.equal(published.length > 0, Service === 'edge', Service);
		assert.notEqual(uid, '0', `${Service} runs as root`);
	}
});
