// The harness of the system tests: real daemons on free ports, with a store
// and tenants of their own, thrown away afterwards.
//
//	test('an answer comes', withStack({}, async (stack) => {
//		const client = await stack.client({ user: 'ana' });
//		...
//	}));
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync,
	writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { connectClient } from './client.mjs';
import { Daemon, buildDir, inTree } from './daemon.mjs';
import { freePort } from './ports.mjs';

// A test that gets a running stack. When it fails the logs are shown and the
// folder is kept.
export function withStack(options, story) {
	return async (t) => {
		const stack = await startStack(options);

		try {
			await story(stack, t);
		} catch (error) {
			await stack.abandon();
			throw error;
		}
		await stack.stop();
	};
}

// One stack for all tests of a file: the result's `stack`, from the first test
// on, when `prepare` has run. Each test takes users of its own.
export function shareStack(options, prepare) {
	const shared = {};

	before(async () => {
		shared.stack = await startStack(options);
		await prepare?.(shared.stack);
	});
	after(() => shared.stack?.stop());
	return shared;
}

// Options, all optional:
//	gateways, agents, cleanupds  how many (1, 1, 0)
//	sessiond, gateway, agent, peer, cleanupd  {env: {...}} for these daemons
//	env          for all of them
//	tenants      a folder (the example tenant's), null for none, or
//	             {B1: {record: {...}, knowledge: {'a.md': 'text'}}, ...}
//	clockOffset  ms the daemons' wall clocks are off, see setClock
export async function startStack(options = {}) {
	const stack = new Stack(options);

	try {
		await stack.start();
	} catch (error) {
		await stack.abandon();
		throw error;
	}
	return stack;
}

class Stack {
	constructor(options) {
		this.options = options;
		this.dir = mkdtempSync(path.join(os.tmpdir(), 'taifas-'));
		this.clockFile = path.join(this.dir, 'clock');
		this.gateways = [];
		this.agents = [];
		this.cleanupds = [];
		this.clients = [];
	}

	async start() {
		const { gateways = 1, agents = 1, cleanupds = 0 } = this.options;

		this.setClock(this.options.clockOffset ?? 0);
		this.tenantsDir = await this.#tenants(this.options.tenants);
		this.requests = `tcp://127.0.0.1:${await freePort()}`;
		this.events = `tcp://127.0.0.1:${await freePort()}`;
		this.sessiond = await this.#daemon('sessiond', 'sessiond',
			this.options.sessiond, {
				LISTEN: this.requests,
				EVENTS_LISTEN: this.events,
				STORE_DIR: path.join(this.dir, 'store'),
			});
		this.sessiond.start();
		for (let i = 0; i < gateways; i++)
			(await this.#gateway()).start();
		for (let i = 0; i < agents; i++)
			(await this.#agent()).start();
		for (let i = 0; i < cleanupds; i++)
			(await this.#cleanupd()).start();
		await Promise.all(this.daemons.map((daemon) => daemon.ready()));
	}

	gateway(i = 0) {
		return this.gateways[i];
	}

	port(i = 0) {
		return this.gateways[i].port;
	}

	agent(i = 0) {
		return this.agents[i];
	}

	cleanupd(i = 0) {
		return this.cleanupds[i];
	}

	// In the order in which they are stopped.
	get daemons() {
		return [...this.gateways, ...this.agents, ...this.cleanupds,
			this.sessiond].filter(Boolean);
	}

	// One more of them, ready; `env` overrides its settings.
	async addGateway(env) {
		return (await this.startGateway(env)).ready();
	}

	// Likewise, of which it is not sure that it becomes ready.
	async startGateway(env) {
		return (await this.#gateway(env)).start();
	}

	async addAgent(env) {
		return (await this.#agent(env)).start().ready();
	}

	// The agentd in Python, as one agent more.
	async addPeer(env) {
		const name = `peer-${this.agents.length}`;
		const daemon = await this.#daemon(path.relative(buildDir,
			inTree('tests/peers/agentd.py')), name, this.options.peer, {
			SESSIOND_URL: this.requests,
			SESSIOND_EVENTS_URL: this.events,
			AGENT_NAME: name,
		}, env);

		this.agents.push(daemon);
		return daemon.start().ready();
	}

	// Moves the wall clocks of all daemons, at once.
	setClock(offsetMs) {
		const bytes = Buffer.alloc(8);
		const file = openSync(this.clockFile, 'a+');

		closeSync(file);
		bytes.writeBigInt64LE(BigInt(Math.round(offsetMs)));
		// In place: the daemons have the file mapped.
		const open = openSync(this.clockFile, 'r+');

		writeSync(open, bytes, 0, 8, 0);
		closeSync(open);
	}

	// A phoenix.js client that has joined, see client.mjs.
	async client({ gateway = 0, ...options } = {}) {
		const client = await connectClient(this.gateways[gateway].port, options);

		this.clients.push(client);
		return client;
	}

	// One request to a gateway; the answer with its body read.
	async rest(where, { gateway = 0, ...options } = {}) {
		const answer = await fetch(
			`http://127.0.0.1:${this.gateways[gateway].port}${where}`, options);
		const text = await answer.text();
		let json;

		try {
			json = JSON.parse(text);
		} catch { /* not JSON: json stays undefined */ }
		return { status: answer.status, headers: answer.headers, text, json };
	}

	// The messages of a session (id or alias), oldest first, all pages.
	async history(session, options) {
		const pages = [];
		let before = '';

		do {
			const { status, json } = await this.rest(
				`/api/sessions/${encodeURIComponent(session)}/messages` +
				`?limit=200&format=text${before}`, options);

			assert.equal(status, 200, JSON.stringify(json));
			pages.unshift(json.messages);
			before = json.pagination.hasMore &&
				`&before=${encodeURIComponent(json.pagination.nextCursor)}`;
		} while (before);
		return pages.flat();
	}

	// Ends everything and asserts that it ended well.
	async stop() {
		try {
			for (const client of this.clients)
				client.close();
			for (const daemon of this.daemons)
				await daemon.stop();
		} catch (error) {
			await this.abandon();
			throw error;
		}
		await fs.rm(this.dir, { recursive: true, force: true });
	}

	// After a failure: shows the logs, ends everything, keeps the folder.
	async abandon() {
		for (const client of this.clients)
			client.close();
		for (const daemon of this.daemons) {
			console.error(`--- ${daemon.name}, the end of ${daemon.logFile}`);
			console.error(daemon.tail());
			if (daemon.child)
				await daemon.kill('SIGKILL');
		}
	}

	async #gateway(env) {
		const port = await freePort();
		const daemon = await this.#daemon('gateway',
			`gateway-${this.gateways.length}`, this.options.gateway, {
				LISTEN: `127.0.0.1:${port}`,
				SESSIOND_URL: this.requests,
				SESSIOND_EVENTS_URL: this.events,
				WEB_DIR: path.join(buildDir, 'web'),
				GATEWAY_NAME: `gateway-${this.gateways.length}`,
			}, env);

		daemon.port = port;
		this.gateways.push(daemon);
		return daemon;
	}

	async #agent(env) {
		const name = `agent-${this.agents.length}`;
		const daemon = await this.#daemon('agentd', name, this.options.agent, {
			SESSIOND_URL: this.requests,
			SESSIOND_EVENTS_URL: this.events,
			AGENT_NAME: name,
		}, env);

		this.agents.push(daemon);
		return daemon;
	}

	async #cleanupd() {
		const name = `cleanupd-${this.cleanupds.length}`;
		const daemon = await this.#daemon('cleanupd', name,
			this.options.cleanupd, {
				SESSIOND_URL: this.requests,
				CLEANUPD_NAME: name,
			});

		this.cleanupds.push(daemon);
		return daemon;
	}

	async #daemon(program, name, options, settings, env) {
		const adminPort = await freePort();

		return new Daemon(program, {
			name,
			adminPort,
			logFile: path.join(this.dir, `${name}.log`),
			env: {
				ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
				CLOCK_OFFSET_FILE: this.clockFile,
				TENANTS_DIR: this.tenantsDir,
				...settings,
				...this.options.env,
				...options?.env,
				...env,
			},
		});
	}

	async #tenants(tenants) {
		if (tenants === undefined)
			return inTree('agentd/tenants');
		if (typeof tenants === 'string')
			return path.resolve(tenants);

		const dir = path.join(this.dir, 'tenants');

		await fs.mkdir(dir);
		for (const [id, tenant] of Object.entries(tenants ?? {}))
			await writeTenant(dir, id, tenant);
		return dir;
	}
}

// Writes a tenant's folder: {record, knowledge: {name: text}}.
export async function writeTenant(dir, id, { record, knowledge = {} }) {
	const folder = path.join(dir, id);

	await fs.mkdir(path.join(folder, 'knowledge'), { recursive: true });
	for (const [name, text] of Object.entries(knowledge))
		await fs.writeFile(path.join(folder, 'knowledge', name), text);
	if (record)
		await fs.writeFile(
			path.join(folder, 'business.json'), JSON.stringify(record));
}

// The example tenant as {record, knowledge}, with further pages, and with the
// same hours every week, whatever the day of the test.
export function exampleTenant(pages = {}) {
	const folder = inTree('agentd/tenants/B0100001');
	const read = (name) => readFileSync(path.join(folder, name), 'utf8');
	const knowledge = readdirSync(path.join(folder, 'knowledge'))
		.map((name) => [name, read(`knowledge/${name}`)]);

	return {
		record: { ...JSON.parse(read('business.json')),
			holidays: [], overrides: [] },
		knowledge: { ...Object.fromEntries(knowledge), ...pages },
	};
}
