// agentd against the real sessiond: what it answers, and what becomes of its
// turns when daemons die, stop, freeze or are told to hurry.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { withCore } from '../lib/core.mjs';
import { exampleTenant } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const B = 'B0100001';
const LONG = { THINK_MS: '600000' }; // an answer nobody waits for
const HOURS = { mon: [['08:00', '20:00']] };

// A story with the example tenant; agents are added by the story.
function withAgents(story, options = {}) {
	return withCore({ tenants: { [B]: exampleTenant() }, ...options },
		async (core, t) => {
			core.business = B;
			await story(core, core.stack, t);
		});
}

// The agent's messages of a session, once there are `n`.
async function answers(core, { sessionId }, n = 1) {
	return until(async () => {
		const told = (await core.history(sessionId))
			.filter((m) => m.type === 'agent');

		return told.length >= n && told;
	}, { timeout: 60000, what: 'an answer' });
}

async function answer(core, said) {
	return (await answers(core, said))[0];
}

// Waits until an agent works on a turn.
function working(agent) {
	return until(async () =>
		await agent.metric('taifas_agent_places_in_use') > 0,
	{ what: `${agent.name} working` });
}

test('a question about price and hours is answered from the record, with sources',
	withAgents(async (core, stack) => {
		await stack.addAgent();
		const said = await core.say('ana',
			'Cât costă o consultație și ce program aveți sâmbătă?');
		const got = await answer(core, said);

		assert.match(got.content, /250 RON/);
		assert.match(got.content, /09:00–14:00/);
		assert.deepEqual(got.inReplyTo, [said.messageId]);
		assert.deepEqual(got.sources.map((s) => [s.title, s.path]),
			[['Prețuri', 'business.json'], ['Program', 'business.json']]);
		for (const { snippet } of got.sources)
			assert.ok(got.content.includes(snippet));
	}));

test('a page is cited; what nobody wrote down is admitted',
	withAgents(async (core, stack) => {
		await stack.addAgent();
		const parking = await answer(core,
			await core.say('ana', 'Is there parking?'));
		const pool = await answer(core,
			await core.say('ion', 'Aveți piscină?'));

		assert.match(parking.content, /6 free places/);
		assert.equal(parking.sources[0].path, 'knowledge/getting-here.en.md');
		assert.match(pool.content, /nu am această informație.*\+40 268 000 127/s);
		assert.equal(pool.sources, undefined);
	}));

test('a follow-up leans on the conversation', withAgents(async (core, stack) => {
	await stack.addAgent();
	const first = await core.say('ana', 'Cât costă o ecografie abdominală?');

	await answers(core, first);
	await core.say('ana', 'dar cea cardiacă?');
	const [, second] = await answers(core, first, 2);

	assert.match(second.content, /„Ecografie cardiacă” costă 300 RON/);
}));

test('a page that is added, changed or deleted takes effect with the next question',
	withAgents(async (core, stack) => {
		const page = path.join(stack.tenantsDir, B, 'knowledge', 'piscina.md');
		const ask = async (user) => (await answer(core,
			await core.say(user, 'Unde este piscina?'))).content;

		await stack.addAgent();
		assert.doesNotMatch(await ask('u1'), /subsol/);
		await fs.writeFile(page, '# Piscina\n\nPiscina este la subsol.\n');
		assert.match(await ask('u2'), /subsol/);
		await fs.writeFile(page, '# Piscina\n\nPiscina este pe terasă.\n');
		assert.match(await ask('u3'), /terasă/);
		await fs.rm(page);
		assert.doesNotMatch(await ask('u4'), /terasă|subsol/);
	}));

test('no tenant is answered from the pages of another', withAgents(
	async (core, stack) => {
		await stack.addAgent();
		for (const [business, own] of [['A', 'alpha'], ['B', 'beta']]) {
			core.business = business;
			const got = await answer(core,
				await core.say('ana', 'What is the canary word?'));

			assert.ok(got.content.includes(own));
			assert.doesNotMatch(got.content, own === 'alpha' ? /beta/ : /alpha/);
		}
	}, { tenants: Object.fromEntries(['A', 'B'].map((id) => [id, {
		record: { name: id, timezone: 'UTC', languages: ['en'], hours: HOURS },
		knowledge: { 'canary.md':
			`# The canary word\n\nThe canary word is ${id === 'A' ? 'alpha' : 'beta'}.\n` },
	}])) }));

test('an agent without folders answers from the record it is given',
	withAgents(async (core, stack) => {
		await stack.addAgent({ TENANTS_DIR: '' });
		const price = await answer(core,
			await core.say('ana', 'Cât costă un EKG?'));
		const parking = await answer(core,
			await core.say('ion', 'Pot anula o programare?'));

		assert.match(price.content, /80 RON/);
		assert.match(parking.content, /24 de ore/);
		assert.equal(parking.sources[0].path, 'business.json');
	}));

test('of a business without a folder nothing is claimed', withAgents(
	async (core, stack) => {
		await stack.addAgent();
		core.business = 'unlisted';
		const got = await answer(core, await core.say('ana', 'Ce program aveți?'));

		assert.match(got.content, /nu am informații/);
	}));

test('a question asked while no agent runs is answered by the first that comes',
	withAgents(async (core, stack) => {
		const said = await core.say('ana', 'Cât costă un EKG?');

		await stack.addAgent();
		assert.match((await answer(core, said)).content, /80 RON/);
	}));

test('many users are answered at once, each once', withAgents(
	async (core, stack) => {
		await stack.addAgent({ PLACES: '4' });
		await stack.addAgent({ PLACES: '4' });
		const said = await Promise.all(Array.from({ length: 40 }, (_, i) =>
			core.say(`user-${i}`, i % 2 ? 'Unde pot parca?' : 'Cât costă un EKG?')));

		for (const [i, one] of said.entries()) {
			const told = await answers(core, one);

			assert.equal(told.length, 1);
			assert.match(told[0].content, i % 2 ? /6 locuri/ : /80 RON/);
		}
	}));

test('a turn whose agent is killed is taken up by its next process',
	withAgents(async (core, stack) => {
		const agent = await stack.addAgent(LONG);
		const said = await core.say('ana', 'Cât costă un EKG?');

		await working(agent);
		await agent.kill('SIGKILL');
		await agent.start({ THINK_MS: '0' }).ready();
		assert.match((await answer(core, said)).content, /80 RON/);
	}));

test('on SIGTERM a turn in hand is ended first', withAgents(
	async (core, stack) => {
		const agent = await stack.addAgent({ THINK_MS: '2000',
			DRAIN_MS: '600000' });
		const said = await core.say('ana', 'Cât costă un EKG?');

		await working(agent);
		assert.deepEqual(await agent.kill('SIGTERM'), { code: 0, signal: null });
		assert.deepEqual((await core.history(said.sessionId)).map((m) => m.type),
			['user', 'agent']);
	}));

test('a turn that cannot be ended in time is given back and another takes it',
	withAgents(async (core, stack) => {
		const agent = await stack.addAgent({ ...LONG, DRAIN_MS: '100' });
		const said = await core.say('ana', 'Cât costă un EKG?');

		await working(agent);
		assert.deepEqual(await agent.kill('SIGTERM'), { code: 0, signal: null });
		// At once, not when the lease would have run out.
		assert.equal(await core.turnState(said.turnId), 'queued');
		await stack.addAgent();
		assert.match((await answer(core, said)).content, /80 RON/);
	}));

test('a cancelled turn stops in the agent too, and its place is free',
	withAgents(async (core, stack) => {
		const agent = await stack.addAgent({ ...LONG, PLACES: '1' });
		const said = await core.say('ana', 'Cât costă un EKG?');

		await working(agent);
		const { endedTurns } = await core.cancel('ana');

		assert.deepEqual(endedTurns, [said.turnId]);
		await until(async () => await agent.metric(
			'taifas_agent_turns_total{outcome="cancelled"}') === 1);
		assert.equal(await agent.metric('taifas_agent_places_in_use'), 0);
		await core.say('ion', 'Cât costă un EKG?');
		await working(agent);
		await core.cancel('ion');
	}));

test('an answer is kept while sessiond restarts, and stored once', withAgents(
	async (core, stack) => {
		const agent = await stack.addAgent({ THINK_MS: '1500' });
		const said = await core.say('ana', 'Cât costă un EKG?');

		await working(agent);
		await core.restart({ signal: 'SIGKILL' });
		assert.equal((await answers(core, said)).length, 1);
		assert.equal(await core.turnState(said.turnId), 'answered');
	}));

test('a silent sessiond is dropped, and served again when it wakes', withAgents(
	async (core, stack) => {
		const agent = await stack.addAgent();

		await core.say('ana', 'Cât costă un EKG?');
		stack.sessiond.freeze();
		await until(async () => (await agent.admin('/readyz')).status === 503,
			{ timeout: 60000, what: 'agent notices the silence' });
		stack.sessiond.thaw();
		await agent.ready();
		assert.match((await answer(core,
			await core.say('ion', 'Cât costă un EKG?'))).content, /80 RON/);
	}));

test('a wrong setting ends it with the name of the setting', withAgents(
	async (core, stack) => {
		for (const [name, value] of [['PLACES', '0'], ['THINK_MS', 'long'],
			['SESSIOND_URL', 'tcp://10.0.0.1:7001'],
			['CACHE_DIR', '/nonexistent']]) {
			const agent = await stack.addAgent({ [name]: value })
				.catch(() => stack.agents.pop());

			assert.ok(agent.ended, `${name}=${value}`);
			assert.notEqual(agent.ended.code, 0);
			assert.ok(agent.log.includes(name), agent.log);
		}
	}));
