// sessiond alone, spoken to as gateways and agents do. When a story has ended
// well, `sessiond --check` must find no fault in what it left on disk.
//
//	test('a message is kept', withCore({}, async (core) => {
//		const said = await core.say('ana', 'Salut');
//		...
//	}));
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { buildDir } from './daemon.mjs';
import { Req, Sub } from './sp.mjs';
import { withStack } from './stack.mjs';
import { until } from './until.mjs';

const run = promisify(execFile);

// Tenants that differ in their policies; their day is that of `zone`.
export function tenant(policies = {}, zone = 'UTC') {
	return { record: {
		name: 'Test', timezone: zone, languages: ['en'],
		policies: { fallback: 'We will call you.', ...policies },
	} };
}

export const TENANTS = {
	plain: tenant(),
	interrupts: tenant({ concurrency: 'interrupt' }),
	rejects: tenant({ concurrency: 'reject' }),
	bursts: tenant({ burst: { idleMs: 10000, maxMs: 30000 } }),
};

// Options as withStack's; `env` is sessiond's.
export function withCore({ env, tenants = TENANTS, ...options }, story) {
	return withStack({ gateways: 0, agents: 0, tenants,
		sessiond: { env }, ...options }, async (stack, t) => {
		const core = new Core(stack);

		assert.doesNotMatch(stack.sessiond.log, /tenant record refused/);
		try {
			await story(core, t);
		} finally {
			core.hangUp();
		}
		if (stack.sessiond.child)
			await stack.sessiond.stop();
		await core.check();
	});
}

export class Core {
	constructor(stack) {
		this.stack = stack;
		this.business = 'plain';
		this.subs = [];
		this.offset = stack.options.clockOffset ?? 0;
	}

	get storeDir() {
		return this.sessiond.env.STORE_DIR;
	}

	get sessiond() {
		return this.stack.sessiond;
	}

	// --- asking

	// One request; its reply's envelope. Connects first if need be.
	async ask(op, body, envelope) {
		if (!this.req || this.req.closed)
			this.req = await this.connect();
		return this.req.ask(op, body, envelope);
	}

	connect() {
		return until(() => Req.connect(this.stack.requests));
	}

	// The body of a reply that must be ok.
	async ok(op, body) {
		const reply = await this.ask(op, body);

		assert.equal(reply.status, 'ok', `${op}: ${JSON.stringify(reply)}`);
		return reply.body;
	}

	async refused(status, op, body) {
		const reply = await this.ask(op, body);

		assert.equal(reply.status, status, `${op}: ${JSON.stringify(reply)}`);
		return reply;
	}

	hello(fields = {}) {
		return this.ok('hello', { role: 'gateway', name: 'test', boot: 'b1',
			oldestVersion: 1, newestVersion: 1, ...fields });
	}

	async listen() {
		const sub = await Sub.connect(this.stack.events);

		this.subs.push(sub);
		// What is published before nng knows us would be missed.
		await sub.hear('beat');
		return sub;
	}

	hangUp() {
		this.req?.close();
		for (const sub of this.subs)
			sub.close();
	}

	// --- users

	item(userId, content, fields = {}) {
		return { appendId: randomUUID(), businessId: this.business, userId,
			locationId: 'default', content, source: 'websocket', ...fields };
	}

	// Results, one for each item.
	async append(...items) {
		return (await this.ok('append', { items })).results;
	}

	// The result of one message that must be stored.
	async say(userId, content, fields) {
		const [result] = await this.append(this.item(userId, content, fields));

		assert.equal(result.status, 'ok', JSON.stringify(result));
		return result;
	}

	// All messages of a session, oldest first; [] when there is none.
	async history(sessionId) {
		const messages = [];
		let before;

		do {
			const reply = await this.ask('history',
				{ sessionId, limit: 200, ...before && { before } });

			if (reply.status === 'not_found')
				return [];
			assert.equal(reply.status, 'ok', JSON.stringify(reply));
			messages.unshift(...reply.body.messages);
			before = reply.body.hasMore && reply.body.next;
		} while (before);
		return messages;
	}

	// What is in it, as "type:content", system messages by their kind.
	async told(sessionId) {
		return (await this.history(sessionId)).map((m) =>
			`${m.type}:${m.type === 'system' ? m.kind : m.content}`);
	}

	sessions(userId, fields = {}) {
		return this.ok('sessions',
			{ businessId: this.business, userId, ...fields })
			.then((body) => body.sessions);
	}

	async session(sessionId) {
		const [first] = await this.history(sessionId);
		const all = await this.ok('sessions', { limit: 200,
			businessId: first.businessId, userId: first.sender ?? first.userId });

		return all.sessions.find((s) => s.sessionId === sessionId);
	}

	setStatus(sessionId, status, fields = {}) {
		return this.ok('set_status',
			{ sessionId, status, by: 'coordinator:c', ...fields });
	}

	setHandler(userId, handler) {
		return this.ok('set_handler', { businessId: this.business, userId,
			handler, by: 'coordinator:c' });
	}

	cancel(userId, fields = {}) {
		return this.ok('cancel', { businessId: this.business, userId,
			by: `user:${userId}`, ...fields });
	}

	async turnState(turnId) {
		return (await this.ok('turn_text', { turnId })).state;
	}

	// --- events

	// All pages after a cursor: {epoch, n, events}, or {reset, epoch, n}.
	async since({ epoch, n }) {
		const events = [];

		for (;;) {
			const page = await this.ok('events_since', { epoch, n });

			if (page.reset)
				return page;
			events.push(...page.events ?? []);
			({ epoch, n } = page);
			if (page.n === page.last)
				return { epoch, n, events };
		}
	}

	// --- agents

	agent(name = 'agent', boot = randomUUID()) {
		return new Agent(this, name, boot);
	}

	// --- the process, and its clock

	async restart(options) {
		await this.sessiond.restart(options);
		this.redial();
	}

	async kill(signal) {
		await this.sessiond.kill(signal);
		this.redial();
	}

	// The next request goes over a connection of its own: whether the old one
	// has ended may not be known here yet.
	redial() {
		this.req?.close();
		this.req = null;
	}

	now() {
		return Date.now() + this.offset;
	}

	// Moves sessiond's wall clock; at once, also while it runs.
	setNow(time) {
		this.offset = new Date(time).getTime() - Date.now();
		this.stack.setClock(this.offset);
	}

	moveOn(ms) {
		this.setNow(this.now() + ms);
	}

	// The bytes of a live backup: what is in the store, without free pages.
	async backup() {
		const folder = path.join(this.stack.dir, `backup-${randomUUID()}`);

		await this.tool('--backup', folder);
		return readFile(path.join(folder, 'data.mdb'));
	}

	async check() {
		assert.match(await this.tool('--check'), /\b0 faults/);
	}

	// What `sessiond --something` says of the store.
	async tool(...args) {
		const { stdout, stderr } = await run(path.join(buildDir, 'sessiond'),
			args, { env: { PATH: process.env.PATH,
				STORE_DIR: this.storeDir } });

		return stdout + stderr;
	}
}

export class Agent {
	constructor(core, name, boot) {
		Object.assign(this, { core, name, boot });
		this.claimNo = 0;
		this.holds = new Set();
	}

	hello() {
		return this.core.hello(
			{ role: 'agentd', name: this.name, boot: this.boot });
	}

	// Grants. `holds` overrides what it says it works on, `no` the number.
	async claim(places = 1, { holds = [...this.holds], no } = {}) {
		const body = await this.core.ok('claim', { agent: this.name,
			boot: this.boot, claimNo: String(no ?? ++this.claimNo), places,
			holds });

		for (const grant of body.turns)
			this.holds.add(grant.lease);
		return body.turns;
	}

	// The one turn that must be there; waits for it.
	async take() {
		return until(async () => (await this.claim(1))[0],
			{ what: 'a turn to claim' });
	}

	// Reply envelopes, so that refusals can be looked at.
	progress({ turnId, lease }, fields = {}) {
		return this.core.ask('progress', { turnId, lease, ...fields });
	}

	async finish({ turnId, lease }, content, fields = {}) {
		const reply = await this.core.ask('finish',
			{ turnId, lease, content, ...fields });

		this.holds.delete(lease);
		return reply;
	}

	async fail({ turnId, lease }, fields = {}) {
		const reply = await this.core.ask('fail', { turnId, lease, ...fields });

		this.holds.delete(lease);
		return reply;
	}
}
