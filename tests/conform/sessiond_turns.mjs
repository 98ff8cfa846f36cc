// sessiond: turns, and what ends them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { sleep, until } from '../lib/until.mjs';
import { BUSINESS, withSessiond } from './asker.mjs';
import { faults, shapeFields } from './spec.mjs';

const asked = (grant) => grant.messages.map((m) => m.content);
const statusOf = async (reply) => (await reply).status;
const outcomeOf = async (reply) => (await reply).body.outcome;

// A question that an agent works on.
async function taken(core, user = 'ana', text = 'question', name = 'agent') {
	const said = await core.say(user, text);
	const agent = core.agent(name);

	return { said, agent, turn: await agent.take() };
}

const claims = [{
	at: '§4 shape grant', what: 'carries the question, what was said before, the tenant',
	run: withSessiond(async (core) => {
		const first = await taken(core, 'ana', 'one');

		await first.agent.finish(first.turn, 'answer');
		const said = (await core.append(core.item('ana', 'two',
			{ locationId: 'north' })))[0];
		const turn = await first.agent.take();

		assert.deepEqual(faults(shapeFields('grant'), turn, 'grant'), []);
		assert.deepEqual([turn.turnId, turn.sessionId, turn.businessId,
			turn.userId, turn.attempt], [said.turnId, said.sessionId, BUSINESS,
			'ana', 1]);
		assert.deepEqual(asked(turn), ['two']);
		assert.deepEqual(turn.context.map((m) => m.content), ['one', 'answer']);
		assert.equal(turn.tenant.name, 'Conformance');
		assert(turn.leaseMs > 0 && turn.deadlineMs > turn.leaseMs);
	}),
}, {
	at: '§4 claim', what: 'is answered at once when there is nothing',
	run: withSessiond(async (core) => {
		const agent = core.agent();
		const started = performance.now();

		for (let i = 0; i < 10; i++)
			assert.deepEqual(await agent.claim(5), []);
		assert(performance.now() - started < 5000);
	}),
}, {
	at: '§4 claim', what: 'hands out no more than places, and with 0 just reports',
	run: withSessiond(async (core) => {
		for (let i = 0; i < 5; i++)
			await core.say(`u${i}`, 'question');
		const agent = core.agent();

		assert.deepEqual(await agent.claim(0), []);
		assert.equal((await agent.claim(2)).length, 2);
		assert.equal((await agent.claim(256)).length, 3);
	}),
}, {
	at: '§2', what: 'one turn of a user is leased at a time, in order',
	run: withSessiond(async (core) => {
		for (let i = 0; i < 3; i++)
			await core.say('ana', `m${i}`);
		const agent = core.agent(), other = core.agent('other');

		for (let i = 0; i < 3; i++) {
			const [turn, ...more] = await agent.claim(5);

			assert.deepEqual([asked(turn), more], [[`m${i}`], []]);
			assert.deepEqual(await other.claim(5), []);
			await agent.finish(turn, `a${i}`);
		}
	}),
}, {
	at: '§4 claim', what: 'leases that holds does not name go back, without an attempt',
	run: withSessiond(async (core) => {
		const { agent, turn } = await taken(core);

		for (let i = 0; i < 5; i++) {
			const [again] = await agent.claim(1, { holds: [] });

			assert.equal(again.turnId, turn.turnId);
			assert.equal(again.attempt, 1);
		}
		assert.equal(await statusOf(agent.progress(turn)), 'stale_lease');
	}),
}, {
	at: '§4 claim', what: 'leases that holds names, and those of other agents, stay',
	run: withSessiond(async (core) => {
		const one = await taken(core, 'ana', 'one', 'a');
		const two = await taken(core, 'ion', 'two', 'b');

		assert.deepEqual(await one.agent.claim(5), []);
		assert.deepEqual(await core.agent('c').claim(5, { holds: [] }), []);
		assert.equal(await outcomeOf(one.agent.finish(one.turn, 'x')), 'answered');
		assert.equal(await outcomeOf(two.agent.finish(two.turn, 'y')), 'answered');
	}),
}, {
	at: '§4 claim', what: 'an older claimNo is answered with no turns and frees none',
	run: withSessiond(async (core) => {
		const { agent, turn } = await taken(core);

		await agent.claim(1, { no: 50 });
		await core.say('ion', 'another');
		assert.deepEqual(await agent.claim(5, { no: 49, holds: [] }), []);
		assert.equal(await statusOf(agent.progress(turn)), 'ok');
		assert.equal((await agent.claim(5, { no: 51 })).length, 1);
	}),
}, {
	at: '§6 event turn_ready', what: 'tells those who wait for work',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { turnId } = await core.say('ana', 'question');

		await sub.hear('turn_ready', (b) => b.turnId === turnId);
	}),
}, {
	at: '§4 shape grant', what: 'without progress for leaseMs it goes to another agent',
	run: withSessiond(async (core) => {
		const { agent, turn } = await taken(core);
		const other = core.agent('other');

		await agent.progress(turn);
		const again = await until(async () => (await other.claim(1))[0],
			{ timeout: turn.leaseMs * 2 + 15000, what: 'the turn again' });

		assert.deepEqual([again.turnId, again.attempt], [turn.turnId, 2]);
		assert.notEqual(again.lease, turn.lease);
		assert.equal(await statusOf(agent.finish(turn, 'late')), 'stale_lease');
		assert.equal(await outcomeOf(other.finish(again, 'answer')), 'answered');
	}),
}, {
	at: '§4 progress', what: 'keeps a lease for as long as it comes', long: true,
	run: withSessiond(async (core) => {
		const { agent, turn } = await taken(core);
		const other = core.agent('other');

		for (let i = 0; i < 8; i++) {
			await sleep(turn.leaseMs / 3);
			assert.equal((await agent.progress(turn)).status, 'ok');
			assert.deepEqual(await other.claim(1), []);
		}
	}),
}, {
	at: '§8', what: 'a lease outlives a kill of sessiond, and its answer is taken',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);

		await core.crash();
		assert.equal(await statusOf(agent.progress(turn)), 'ok');
		assert.equal(await outcomeOf(agent.finish(turn, 'answer')), 'answered');
		assert.deepEqual(await core.told(said.sessionId),
			['user:question', 'agent:answer']);
	}),
}, {
	at: '§4 progress', what: 'text must begin where the last ended; turn_text tells all',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { agent, turn } = await taken(core);
		const say = (offset, text) => statusOf(agent.progress(turn,
			{ state: 'writing', offset, text }));

		assert.equal(await say(0, 'Bună '), 'ok');
		assert.equal(await say(0, 'Bună '), 'conflict');
		assert.equal(await say(7, 'ziua'), 'conflict');
		assert.equal(await say(6, 'ziua'), 'ok'); // offsets are bytes
		const { state, text } = await core.ok('turn_text',
			{ turnId: turn.turnId });

		assert.deepEqual([state, text], ['leased', 'Bună ziua']);
		await sub.hear('turn_progress', (b) => b.turnId === turn.turnId &&
			b.offset === 6 && b.text === 'ziua');
	}),
}];

const endings = [{
	at: '§4 finish', what: 'stores the answer with all that came with it',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { said, agent, turn } = await taken(core);
		const extra = { usage: { tokens: 7 },
			sources: [{ title: 'T', path: 'p', snippet: '…' }],
			actions: [{ id: '1', type: 't', name: 'n', arguments: { a: 1 } }] };
		const { body } = await agent.finish(turn, 'the <answer>', extra);
		const answer = (await core.history(said.sessionId)).at(-1);

		assert.equal(body.outcome, 'answered');
		assert.deepEqual([answer.messageId, answer.seq, answer.timestamp],
			[body.messageId, body.seq, body.timestamp]);
		assert.deepEqual([answer.type, answer.userId, answer.content,
			answer.turnId, answer.inReplyTo, answer.sources, answer.actions],
		['agent', 'agent', 'the <answer>', turn.turnId, [said.messageId],
			extra.sources, extra.actions]);
		const { body: ended } = await sub.hear('turn');

		assert.deepEqual([ended.turnId, ended.outcome, ended.answerId,
			ended.messageIds, ended.usage], [turn.turnId, 'answered',
			body.messageId, [said.messageId], extra.usage]);
	}),
}, {
	at: '§4 finish', what: 'a second one of the same lease is answered like the first',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);
		const first = await agent.finish(turn, 'answer');
		const again = await agent.finish(turn, 'answer');

		await core.crash();
		const later = await agent.finish(turn, 'other words');

		assert.deepEqual([again.body, later.body], [first.body, first.body]);
		assert.deepEqual(await core.told(said.sessionId),
			['user:question', 'agent:answer']);
	}),
}, {
	at: '§4 finish', what: 'under a lease that is not current nothing is stored',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);

		for (const wrong of [{ lease: randomUUID() }, { turnId: 't-none' }])
			assert.match(await statusOf(agent.finish({ ...turn, ...wrong },
				'wrong')), /^(stale_lease|not_found)$/);
		await core.cancel('ana');
		assert.equal(await statusOf(agent.finish(turn, 'late')), 'stale_lease');
		assert.deepEqual(await core.told(said.sessionId), ['user:question']);
	}),
}, {
	at: '§4 shape effect', what: 'resolve_session follows the answer, unless the user wrote',
	run: withSessiond(async (core) => {
		const effects = [{ kind: 'resolve_session' }];
		const ana = await taken(core, 'ana');
		const ion = await taken(core, 'ion');

		await core.say('ion', 'and this');
		await ana.agent.finish(ana.turn, 'bye', { effects });
		await ion.agent.finish(ion.turn, 'bye', { effects });
		assert.deepEqual(await core.told(ana.said.sessionId),
			['user:question', 'agent:bye', 'system:resolved']);
		assert.equal((await core.session(ion.said.sessionId)).status, 'active');
	}),
}, {
	at: '§4 shape effect', what: 'handoff silences the bot until it is handed back',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { agent, turn } = await taken(core);

		await agent.finish(turn, 'a person will come',
			{ effects: [{ kind: 'handoff', note: 'cross' }] });
		const { body } = await sub.hear('handler');

		assert.deepEqual([body.userId, body.handler, body.note],
			['ana', 'person', 'cross']);
		const { turnId } = await core.say('ana', 'hello?');

		assert.equal(await core.turnState(turnId), 'left_to_person');
		assert.deepEqual(await agent.claim(5), []);
	}),
}, {
	at: '§4 fail', what: 'gives the turn back, and the third time the fallback ends it',
	run: withSessiond(async (core) => {
		const said = await core.say('ana', 'question');
		const agent = core.agent();

		for (const [attempt, outcome] of [[1, 'requeued'], [2, 'requeued'],
			[3, 'fallback']]) {
			const turn = await agent.take();

			assert.equal(turn.attempt, attempt);
			await agent.progress(turn);
			assert.equal(await outcomeOf(agent.fail(turn, { reason: 'no' })),
				outcome);
		}
		const answer = (await core.history(said.sessionId)).at(-1);

		assert.deepEqual([answer.type, answer.kind, answer.inReplyTo],
			['agent', 'fallback', [said.messageId]]);
		assert.equal(await core.turnState(said.turnId), 'fallback');
	}),
}, {
	at: '§4 fail', what: 'final does not try again',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);

		assert.equal(await outcomeOf(agent.fail(turn, { final: true })),
			'fallback');
		assert.equal((await core.history(said.sessionId)).length, 2);
	}),
}, {
	at: '§4 requeue', what: 'takes a leased turn back and forgets its attempts',
	run: withSessiond(async (core) => {
		const said = await core.say('ana', 'question');
		const agent = core.agent();
		let turn;

		for (let i = 0; i < 2; i++) {
			turn = await agent.take();
			await agent.progress(turn);
			await agent.fail(turn);
		}
		turn = await agent.take();
		assert.equal((await core.ok('requeue', { turnId: turn.turnId, by: 'x' }))
			.state, 'queued');
		assert.equal(await statusOf(agent.finish(turn, 'late')), 'stale_lease');
		turn = await agent.take();
		assert.equal(turn.attempt, 1);
		await agent.finish(turn, 'answer');
		await core.refused('conflict', 'requeue',
			{ turnId: said.turnId, by: 'x' });
	}),
}, {
	at: '§4 conversation', what: 'tells the handler, the session and the open turns',
	run: withSessiond(async (core) => {
		const { said, turn } = await taken(core, 'ana', 'one', 'a-1');
		const next = await core.say('ana', 'two');
		const who = { businessId: BUSINESS, userId: 'ana' };
		const body = await core.ok('conversation', who);

		assert.equal(body.handler, 'bot');
		assert.equal(body.session.sessionId, said.sessionId);
		assert.deepEqual(body.openTurns.map((t) =>
			[t.turnId, t.state, t.lease, t.agent]),
		[[turn.turnId, 'leased', turn.lease, 'a-1'],
			[next.turnId, 'queued', undefined, undefined]]);
		assert.deepEqual((await core.ok('conversation',
			{ sessionId: said.sessionId })).session, body.session);
		await core.setHandler('ana', 'person');
		const later = await core.ok('conversation', who);

		assert.deepEqual([later.handler, later.handlerBy, later.openTurns],
			['person', 'coordinator:c', []]);
	}),
}];

const TO = {
	active: ['resolved', 'closed', 'abandoned'],
	resolved: ['active', 'closed'],
	closed: ['active'],
	abandoned: ['active', 'resolved', 'closed'],
};

const managing = [{
	at: '§4 set_status', what: 'every pair of states is as the table says',
	run: withSessiond(async (core) => {
		for (const from of Object.keys(TO))
			for (const to of Object.keys(TO)) {
				const { sessionId } = await core.say(`${from}-${to}`, 'hello');
				const body = { sessionId, status: to, by: 'coordinator:c' };

				if (from !== 'active')
					await core.setStatus(sessionId, from);
				const reply = await core.ask('set_status', body);

				if (TO[from].includes(to)) {
					assert.equal(reply.body?.session.status, to,
						`${from} to ${to}`);
					continue;
				}
				assert.equal(reply.status, 'conflict', `${from} to ${to}`);
				assert.equal(reply.body.session.status, from);
				assert.deepEqual([...reply.body.allowed].sort(),
					[...TO[from]].sort());
			}
	}),
}, {
	at: '§4 set_status', what: 'every change is a system message, and ends open turns',
	run: withSessiond(async (core) => {
		const sub = await core.listen();

		for (const status of TO.active) {
			const { said, agent, turn } = await taken(core, status);
			const behind = await core.say(status, 'more');
			const { endedTurns } = await core.setStatus(said.sessionId, status);

			assert.deepEqual(endedTurns, [turn.turnId, behind.turnId]);
			await sub.hear('turn_cancelled', (b) => b.turnId === turn.turnId &&
				b.lease === turn.lease);
			assert.equal(await statusOf(agent.finish(turn, 'late')),
				'stale_lease');
			assert.equal(await core.turnState(behind.turnId), 'cancelled');
			await core.setStatus(said.sessionId, 'active');
			assert.deepEqual(await core.told(said.sessionId),
				['user:question', 'user:more', `system:${status}`,
					'system:reopened']);
		}
	}),
}, {
	at: '§4 set_status', what: 'with ifRev only what is still at that revision',
	run: withSessiond(async (core) => {
		const { sessionId } = await core.say('ana', 'one');
		const { rev } = await core.session(sessionId);

		await core.say('ana', 'two');
		const body = { sessionId, status: 'abandoned', by: 'cleanupd' };

		await core.refused('conflict', 'set_status', { ...body, ifRev: rev });
		const now = await core.session(sessionId);

		assert(BigInt(now.rev) > BigInt(rev));
		assert.equal(now.status, 'active');
		await core.ok('set_status', { ...body, ifRev: now.rev });
		await core.refused('not_found', 'set_status',
			{ ...body, sessionId: randomUUID() });
	}),
}, {
	at: '§4 set_handler', what: 'a person ends the open turns, and the bot says no more',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);
		const waiting = await core.say('ana', 'more');
		const { endedTurns } = await core.setHandler('ana', 'person');

		assert.deepEqual(endedTurns, [turn.turnId, waiting.turnId]);
		assert.equal(await statusOf(agent.finish(turn, 'late')), 'stale_lease');
		const third = await core.say('ana', 'third');

		for (const { turnId } of [said, waiting, third])
			assert.equal(await core.turnState(turnId), 'left_to_person');
		assert.deepEqual(await agent.claim(5), []);
		await core.setHandler('ana', 'bot');
		assert.deepEqual(await agent.claim(5), [], 'they stay with the person');
		await core.say('ana', 'fourth');
		assert.deepEqual(asked(await agent.take()), ['fourth']);
		assert.deepEqual(await core.told(said.sessionId), ['user:question',
			'user:more', 'user:third', 'user:fourth']);
	}),
}, {
	at: '§4 cancel', what: 'ends all open turns, or the one named, or a session\'s',
	run: withSessiond(async (core) => {
		const sub = await core.listen();
		const { said, turn } = await taken(core);
		const ids = [said];

		for (let i = 0; i < 3; i++)
			ids.push(await core.say('ana', `m${i}`));
		const [, one, two, three] = ids.map((s) => s.turnId);

		assert.deepEqual((await core.cancel('ana', { turnId: two })).endedTurns,
			[two]);
		await core.refused('not_found', 'cancel', { businessId: BUSINESS,
			userId: 'ana', by: 'user:ana', sessionId: randomUUID() });
		assert.deepEqual((await core.cancel('ana',
			{ sessionId: said.sessionId })).endedTurns,
		[turn.turnId, one, three]);
		assert.deepEqual((await core.cancel('ana')).endedTurns, []);
		for (const turnId of [turn.turnId, one, two, three])
			assert.equal((await sub.hear('turn', (b) => b.turnId === turnId))
				.body.outcome, 'cancelled');
	}),
}, {
	at: '§4 cancel', what: 'by a user keeps what was said; by others nothing',
	run: withSessiond(async (core) => {
		for (const by of ['user:u', 'coordinator:c']) {
			const user = by.replace(':', '-');
			const { said, agent, turn } = await taken(core, user);

			await agent.progress(turn, { offset: 0, text: 'I was just' });
			const { messageId } = await core.cancel(user, { by });
			const [, kept] = await core.history(said.sessionId);

			assert.equal(kept?.messageId, messageId);
			assert.deepEqual([kept?.content, kept?.partial], by === 'user:u'
				? ['I was just', true] : [undefined, undefined]);
		}
	}),
}, {
	at: '§4 forget', what: 'the session is gone at once, and for good',
	run: withSessiond(async (core) => {
		const { said, agent, turn } = await taken(core);
		const { sessionId } = said;

		assert.equal((await core.ok('forget', { sessionId })).deleted, true);
		for (const op of ['history', 'conversation'])
			await core.refused('not_found', op, { sessionId });
		await core.refused('not_found', 'message',
			{ messageId: said.messageId });
		assert.deepEqual(await core.sessions('ana'), []);
		assert.match(await statusOf(agent.finish(turn, 'late')),
			/^(stale_lease|not_found)$/);
		await core.crash();
		await core.refused('not_found', 'history', { sessionId });
		assert.equal((await core.ok('forget', { sessionId })).deleted, false);
		const anew = await core.say('ana', 'again');

		assert.notEqual(anew.sessionId, sessionId);
		assert.equal(anew.seq, 1);
	}),
}, {
	at: '§4 forget', what: 'with ifRev it leaves what has changed since',
	run: withSessiond(async (core) => {
		const { sessionId } = await core.say('ana', 'one');
		const { rev } = await core.session(sessionId);

		await core.say('ana', 'two');
		assert.equal((await core.ok('forget', { sessionId, ifRev: rev }))
			.deleted, false);
		assert.deepEqual(await core.told(sessionId), ['user:one', 'user:two']);
		const now = await core.session(sessionId);

		assert.equal((await core.ok('forget', { sessionId, ifRev: now.rev }))
			.deleted, true);
	}),
}, {
	at: '§4 events_since', what: 'leaves out what was forgotten, and counts it',
	run: withSessiond(async (core) => {
		const start = await core.hello();
		const gone = await core.say('ana', 'gone');

		await core.say('ion', 'kept');
		await core.ok('forget', { sessionId: gone.sessionId });
		const { n } = await core.hello();
		const page = await core.since(start);

		assert.equal(page.n, n);
		assert.deepEqual(page.events.filter((e) => e.event === 'message')
			.map((e) => e.body.content), ['kept']);
		assert(page.events.some((e) => e.event === 'session' &&
			e.body.reason === 'deleted'));
	}),
}, {
	at: '§4 turn_text', what: 'tells every state a turn can be in',
	run: withSessiond(async (core) => {
		const said = await core.say('ana', 'question');
		const agent = core.agent();

		assert.equal(await core.turnState(said.turnId), 'queued');
		const turn = await agent.take();

		assert.equal(await core.turnState(said.turnId), 'leased');
		await agent.finish(turn, 'answer');
		assert.equal(await core.turnState(said.turnId), 'answered');
		await core.refused('not_found', 'turn_text', { turnId: 't-none' });
	}),
}];

export default [...claims, ...endings, ...managing];
