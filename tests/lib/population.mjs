// Thousands of sessions in all states and ages, and what retention must make
// of them: a model that knows only the policy's words.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

const DAY = 24 * 3600 * 1000;
const BUSINESSES = ['one', 'two', 'three'];
const STATES = ['active', 'resolved', 'closed', 'abandoned'];

// Days before now, so chosen that POLICY decides otherwise on either side and
// that a slow test changes nothing.
const AGES = [200, 90.2, 89.8, 45, 30.2, 29.8, 13, 7.2, 6.8, 2, 1.2, 0.8, 0.1];
export const OLDEST_MS = AGES[0] * DAY;

export const POLICY = {
	ABANDON_AFTER_HOURS: '24',
	RETENTION_RESOLVED_DAYS: '30',
	RETENTION_CLOSED_DAYS: '90',
	RETENTION_ABANDONED_DAYS: '7',
};
const DUE_DAYS = { active: 1, resolved: 30, closed: 90, abandoned: 7 };

// mulberry32: the same population for the same seed.
function dice(seed) {
	let a = seed;

	return () => {
		a = a + 0x6D2B79F5 | 0;
		let t = Math.imul(a ^ a >>> 15, 1 | a);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) / 4294967296;
	};
}

export const digest = (messages) =>
	createHash('sha1').update(JSON.stringify(messages)).digest('hex');

// Runs fn over all items, some at once.
export async function all(items, fn, atOnce = 64) {
	let next = 0;

	await Promise.all(Array.from({ length: atOnce }, async () => {
		while (next < items.length)
			await fn(items[next++]);
	}));
}

function batches(items, size) {
	return Array.from({ length: Math.ceil(items.length / size) },
		(_, i) => items.slice(i * size, (i + 1) * size));
}

// --- making

// `count` sessions, made while sessiond's clock runs from OLDEST_MS ago to
// now; some users come on several days. Returns what each was meant to be.
export async function populate(core, count, seed = 1) {
	const random = dice(seed);
	const start = Date.now();
	const plans = [], perAge = Math.ceil(count / AGES.length);
	const agent = core.agent();

	for (let age = 0; age < AGES.length; age++) {
		const born = [];

		for (let i = 0; i < perAge && plans.length < count; i++) {
			const plan = makePlan(random, age, i);

			born.push(plan);
			plans.push(plan);
		}
		core.setNow(start - AGES[age] * DAY);
		await speak(core, agent, born);
		const due = plans.filter((plan) => plan.settledAt === age);

		await all(due, async (plan) => {
			if (plan.state !== 'active')
				await core.setStatus(plan.sessionId, plan.state);
		});
	}
	core.setNow(start);
	// The clock has jumped; deletions need one that has not.
	await core.restart();
	return plans;
}

function makePlan(random, age, i) {
	// A third of the users come again three ages later: another day.
	const returns = i % 3 === 0;
	const userId = returns ? `regular-${age % 3}-${i}` : `guest-${age}-${i}`;
	const settledLater = !returns && random() < 0.3;

	return {
		businessId: BUSINESSES[i % BUSINESSES.length],
		userId,
		// Who comes again would close it, so those are settled at once.
		state: returns ? STATES[1 + Math.floor(random() * 3)]
			: STATES[Math.floor(random() * STATES.length)],
		settledAt: settledLater
			? Math.min(age + Math.floor(random() * 4), AGES.length - 1) : age,
		messages: i === 1 && age % 4 === 0 ? 450 : random() < 0.1 ? 3 : 1,
	};
}

function words(plan, n) {
	return `„Bună" <${plan.userId}>\n\t${n} ☎️ \\ \u0001 ${'x'.repeat(n % 50)}`;
}

// Each of them says what it has to say. Most are answered; who goes on and on
// is not waited for.
async function speak(core, agent, plans) {
	const items = plans.flatMap((plan) =>
		Array.from({ length: plan.messages }, (_, n) => ({ plan,
			item: core.item(plan.userId, words(plan, n), {
				businessId: plan.businessId,
				metadata: { n, 'ș': [null, 1e3, '</script>'] },
			}) })));

	for (const batch of batches(items, 64)) {
		const results = await core.append(...batch.map(({ item }) => item));

		for (const [i, result] of results.entries()) {
			assert.equal(result.status, 'ok', JSON.stringify(result));
			batch[i].plan.sessionId = result.sessionId;
		}
	}
	await all(plans.filter((plan) => plan.messages > 3), (plan) =>
		core.cancel(plan.userId, { businessId: plan.businessId }));
	for (;;) {
		const grants = await agent.claim(256);

		if (!grants.length)
			break;
		await all(grants, (grant) => agent.finish(grant,
			`Răspuns la ${grant.messages.length}`,
			{ sources: [{ title: 'a', path: 'b', snippet: 'c' }] }));
	}
}

// --- looking

// Every session there is, by id: as `sessions` tells it, with its messages'
// number and digest.
export async function census(core) {
	const found = new Map();

	for (const businessId of BUSINESSES) {
		let cursor;

		do {
			const page = await core.ok('sessions',
				{ businessId, limit: 200, ...cursor && { cursor } });

			for (const session of page.sessions)
				found.set(session.sessionId, { session });
			cursor = page.cursor;
		} while (cursor);
	}
	await all([...found.values()], async (entry) => {
		const messages = await core.history(entry.session.sessionId);

		entry.count = messages.length;
		entry.first = messages[0].messageId;
		entry.last = messages[messages.length - 1];
		entry.digest = digest(messages);
		entry.allButLast = digest(messages.slice(0, -1));
	});
	return found;
}

// What becomes of a session: 'kept', 'abandoned' or 'deleted'.
export function fate({ session }, now) {
	const age = (now - Date.parse(session.updatedAt)) / DAY;

	if (age < DUE_DAYS[session.status])
		return 'kept';
	return session.status === 'active' ? 'abandoned' : 'deleted';
}

// How many of each fate.
export function fates(before, now) {
	const counts = { kept: 0, abandoned: 0, deleted: 0 };

	for (const entry of before.values())
		counts[fate(entry, now)]++;
	return counts;
}

// The store is what the model makes of `before`, no more and no less.
export async function assertSwept(core, before, now) {
	const after = await census(core);

	await all([...before], async ([id, was]) => {
		const is = after.get(id), expected = fate(was, now);

		after.delete(id);
		if (expected === 'deleted') {
			assert.equal(is, undefined, `${id} is still there`);
			await core.refused('not_found', 'history', { sessionId: id });
			await core.refused('not_found', 'message',
				{ messageId: was.first });
			return;
		}
		assert(is, `${id} is gone`);
		if (expected === 'kept') {
			assert.deepEqual(is, was);
			return;
		}
		assert.equal(is.session.status, 'abandoned');
		assert.equal(is.allButLast, was.digest);
		assert.equal(is.last.kind, 'abandoned');
	});
	assert.equal(after.size, 0, 'sessions nobody made');
}

// --- the archive

// Complete sessions by id, as {session, digest, count}: the last one of each.
export async function readArchive(dir) {
	const found = new Map();

	for (const name of await readdir(dir)) {
		const begun = new Map();

		assert.match(name, /^\d{4}-\d\d-\d\d\.[0-9a-f-]{36}(\.\d+)?\.jsonl$/);
		for (const line of (await readFile(path.join(dir, name), 'utf8'))
			.split('\n'))
			takeLine(line, begun, found);
	}
	return found;
}

function takeLine(line, begun, found) {
	let json;

	try {
		json = JSON.parse(line);
	} catch {
		return; // cut off, or the end of the file
	}
	const { session, part, more, messages } = json;
	const id = session.sessionId;

	if (part === 1)
		begun.set(id, []);
	assert(begun.has(id), 'a part without those before it');
	begun.get(id).push(...messages);
	if (more)
		return;
	const whole = begun.get(id);

	begun.delete(id);
	found.set(id, { session, count: whole.length, digest: digest(whole) });
}

// Everything that was deleted is in the archive as it was.
export async function assertArchived(dir, before, now) {
	const archive = await readArchive(dir);

	for (const [id, was] of before) {
		if (fate(was, now) !== 'deleted') {
			assert(!archive.has(id), 'only what goes is archived');
			continue;
		}
		const { session, count, digest: kept } = archive.get(id) ?? {};

		assert.deepEqual({ session, count, digest: kept }, {
			session: was.session, count: was.count, digest: was.digest });
	}
}
