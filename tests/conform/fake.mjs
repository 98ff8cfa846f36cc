// A scripted sessiond: answers well unless told otherwise, remembers every
// request, and holds each against PROTOCOL.md.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Pub, Rep } from '../lib/sp.mjs';
import { until } from '../lib/until.mjs';
import { url } from './kit.mjs';
import { requestFaults } from './spec.mjs';

const BEAT_MS = 1000, LEASE_MS = 5000;

export class FakeSessiond {
	constructor() {
		this.faults = [];
		this.asked = []; // {op, body, trace, ttlMs, at, socket, reply}
		this.log = []; // durable events of this epoch
		this.answers = {}; // by op: (body, asked) => envelope or nothing
		this.begin();
	}

	// `requests` and `events` are its URLs.
	static async open(kit) {
		const fake = kit.own(new FakeSessiond());

		fake.requests = await url();
		fake.events = await url();
		await fake.listen();
		return fake;
	}

	async listen() {
		this.rep = await Rep.listen(this.requests, (request, asked) =>
			this.#on(request, asked), (fault) => this.faults.push(fault));
		this.pub = await Pub.listen(this.events);
		this.beats = setInterval(() => this.silent || this.beat(), BEAT_MS);
	}

	// A new run of it: epoch and boot are drawn anew, n goes on.
	begin() {
		this.boot = randomUUID();
		this.epoch = randomUUID();
		this.n ??= 100;
	}

	// Gone, as if killed; listen() brings it back.
	close() {
		clearInterval(this.beats);
		this.rep.close();
		this.pub.close();
	}

	#on(request, { reply, socket }) {
		this.faults.push(...requestFaults(request));
		if (request.op !== 'hello' && !this.asked.length)
			this.faults.push(`${request.op} before hello`);
		const one = { ...request, at: performance.now(), socket, reply };

		this.asked.push(one);
		const answer = this.answers[request.op] ?? this[`on_${request.op}`];

		if (!answer)
			return { status: 'unknown_op', message: 'not in this case' };
		return answer.call(this, request.body, one);
	}

	// --- what it answers well

	on_hello() {
		return { body: { version: 1, boot: this.boot, epoch: this.epoch,
			n: String(this.n), beatMs: BEAT_MS, leaseMs: LEASE_MS } };
	}

	on_events_since({ n }) {
		const last = String(this.n);

		if (!this.log.length && Number(n) !== this.n)
			return { body: { reset: true, epoch: this.epoch, n: last, last } };
		return { body: { epoch: this.epoch, n: last, last,
			events: this.log.filter((e) => Number(e.n) > Number(n)) } };
	}

	on_claim({ claimNo }) {
		return { body: { claimNo, turns: [] } };
	}

	on_progress() {
		return { body: { leaseMs: LEASE_MS } };
	}

	on_recent() {
		return { body: { now: new Date().toISOString(), messages: [] } };
	}

	on_tenant({ businessId }) {
		return { body: { businessId, listed: false, revision: '1',
			record: { name: businessId, timezone: 'UTC', languages: ['en'] } } };
	}

	// --- what it publishes

	beat() {
		this.pub.send({ event: 'beat', epoch: this.epoch, n: String(this.n),
			body: { boot: this.boot } });
	}

	// A durable event: logged, and published unless `lost`.
	event(event, body, { lost = false } = {}) {
		const n = String(++this.n);

		this.log.push({ n, event, body });
		if (!lost)
			this.pub.send({ event, epoch: this.epoch, n, body });
		return n;
	}

	hint(event, body) {
		this.pub.send({ event, body });
	}

	// --- looking

	of(op) {
		return this.asked.filter((a) => a.op === op);
	}

	// The requests `op` that please, once there are `count` of them.
	async heard(op, count = 1, pleases = () => true, timeout = 30000) {
		return until(() => {
			const found = this.of(op).filter((a) => pleases(a.body, a));

			return found.length >= count && found;
		}, { timeout, what: `${count} ${op}` });
	}

	// Both connections are there, and hello was said.
	async ready() {
		await this.heard('hello');
		await until(() => this.pub.sockets.size, { what: 'a subscriber' });
	}

	assertWellFormed() {
		assert.deepEqual(this.faults, []);
	}
}
