// A sessiond under test, and who asks it. Every reply and every event is held
// against PROTOCOL.md besides what the case is about.
import assert from 'node:assert/strict';
import path from 'node:path';
import { Core } from '../lib/core.mjs';
import { Sub } from '../lib/sp.mjs';
import { writeTenant } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';
import { url } from './kit.mjs';
import { eventFaults, replyFaults } from './spec.mjs';

export const BUSINESS = 'plain';
export const RECORD = { name: 'Conformance', timezone: 'UTC',
	languages: ['en'], policies: { fallback: 'We will call you.' } };
export const LEASE_MS = 1500;

class Asker extends Core {
	faults = []; // of replies

	async ask(op, body, envelope) {
		const reply = await super.ask(op, body, envelope);

		this.faults.push(...replyFaults(op, reply));
		return reply;
	}

	// Whatever was heard has the shape that PROTOCOL.md gives it.
	assertWellFormed() {
		assert.deepEqual([...this.faults,
			...this.subs.flatMap((sub) => sub.events.flatMap(eventFaults))], []);
	}

	// Another connection.
	asker() {
		return this.connect();
	}

	// One that hears events, without waiting for the first.
	async hearing() {
		const sub = await Sub.connect(this.stack.events);

		this.subs.push(sub);
		return sub;
	}

	// Ends the program without warning; the same store is opened again.
	async crash() {
		this.req?.close();
		await this.stack.program.restart();
		await this.greeted();
	}

	greeted() {
		return until(() => this.hello(), { what: 'hello answered' });
	}
}

// A case's `run`: story(asker) with a sessiond of its own.
export function withSessiond(story, env = {}) {
	return async (kit) => {
		const requests = await url(), events = await url();
		const tenants = path.join(kit.dir, 'tenants');

		await writeTenant(tenants, BUSINESS, { record: RECORD });
		const program = kit.start({ LISTEN: requests, EVENTS_LISTEN: events,
			STORE_DIR: path.join(kit.dir, 'store'), TENANTS_DIR: tenants,
			LEASE_MS: String(LEASE_MS), ...env });
		const asker = new Asker({ requests, events, program, options: {} });

		kit.own({ close: () => asker.hangUp() });
		await asker.greeted();
		await story(asker, kit);
		asker.assertWellFormed();
	};
}
