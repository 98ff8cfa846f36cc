// The core's rules of turns, one by one, against the real sessiond.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TENANTS, tenant, withCore } from '../lib/core.mjs';
import { sleep, until } from '../lib/until.mjs';

const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE;
const FALLBACK = 'We will call you.';

// A tenant's evening: five minutes before midnight in Bucharest, in winter.
const EVENING = '2031-01-15T21:55:00.000Z';
const MORNING = '2031-01-15T22:00:30.000Z';
const ROMANIAN = {
	plain: tenant({}, 'Europe/Bucharest'),
	interrupts: tenant({ concurrency: 'interrupt' }, 'Europe/Bucharest'),
	bursts: tenant({ burst: { idleMs: 10000, maxMs: 30000 } },
		'Europe/Bucharest'),
};

function atEvening(story, options = {}) {
	// The evening begins when the test does.
	return (t) => withCore({ tenants: ROMANIAN, ...options,
		clockOffset: new Date(EVENING) - Date.now() }, story)(t);
}

// The message ids of a grant's questions, and what was said before.
const asked = (grant) => grant.messages.map((m) => m.content);
const before = (grant) => grant.context.map((m) => m.content);

// --- rule 6 --------------------------------------------------------------------

test('rule 6: midnight closes the old session and cancels nothing in it', atEvening(
	async (core) => {
		const late = await core.say('ana', 'at 23:59');
		const second = await core.say('ana', 'and this');
		const agent = core.agent();
		const turn = await agent.take();

		await agent.progress(turn, { offset: 0, text: 'I am ' });
		core.setNow(MORNING);
		const early = await core.say('ana', 'at 00:00');

		assert.notEqual(early.sessionId, late.sessionId);
		assert.equal(early.seq, 1);
		// The turn in flight ends normally, then the one behind it; both are
		// answered where they were asked, which stays closed.
		assert.equal((await agent.finish(turn, 'first')).body.outcome, 'answered');
		const next = await agent.take();

		assert.equal(next.turnId, second.turnId);
		await agent.finish(next, 'second');
		const last = await agent.take();

		assert.equal(last.turnId, early.turnId);
		await agent.finish(last, 'third');
		assert.deepEqual(await core.told(late.sessionId), ['user:at 23:59',
			'user:and this', 'system:rollover', 'agent:first', 'agent:second']);
		assert.deepEqual(await core.told(early.sessionId),
			['user:at 00:00', 'agent:third']);
		assert.equal((await core.session(late.sessionId)).status, 'closed');
		assert.equal((await core.session(early.sessionId)).status, 'active');
	}));

test('rule 6: the old session is closed in the transaction of the new one', atEvening(
	async (core) => {
		const late = await core.say('ana', 'at 23:59');
		const cursor = await core.hello();

		core.setNow(MORNING);
		const early = await core.say('ana', 'at 00:00');
		const { events } = await core.since(cursor);

		assert.deepEqual(events.map(({ event, body }) =>
			[event, (body.session ?? body).sessionId,
				body.session?.status ?? body.kind ?? body.content, body.reason]),
		[['message', late.sessionId, 'rollover', undefined],
			['session', late.sessionId, 'closed', 'rollover'],
			['session', early.sessionId, 'active', 'user_message'],
			['message', early.sessionId, 'at 00:00', undefined]]);
	}));

test('rule 6: resolving, closing, abandoning and forgetting cancel', withCore({},
	async (core) => {
		for (const end of ['resolved', 'closed', 'abandoned', 'forget']) {
			const agent = core.agent(`agent-${end}`);
			const said = await core.say(end, 'one');
			const turn = await agent.take();
			const behind = await core.say(end, 'two');

			if (end === 'forget')
				await core.ok('forget', { sessionId: said.sessionId });
			else
				assert.deepEqual(
					(await core.setStatus(said.sessionId, end)).endedTurns,
					[turn.turnId, behind.turnId]);
			assert.equal((await agent.finish(turn, 'late')).status,
				'stale_lease');
			assert.deepEqual(await agent.claim(1), []);
			if (end !== 'forget')
				assert.deepEqual(await core.told(said.sessionId),
					['user:one', 'user:two', `system:${end}`]);
		}
	}));

test('a new day knows the last 20 messages of the day before, if they are fresh',
	atEvening(async (core) => {
		for (let i = 0; i < 13; i++) {
			await core.say('ana', `q${i}`);
			const agent = core.agent();

			await agent.finish(await agent.take(), `a${i}`);
		}
		core.setNow(MORNING);
		await core.say('ana', 'good morning');
		const agent = core.agent();
		const fresh = await agent.take();
		const expected = Array.from({ length: 13 }, (_, i) =>
			[`q${i}`, `a${i}`]).flat().slice(-20);

		assert.deepEqual(asked(fresh), ['good morning']);
		assert.deepEqual(before(fresh), expected);
		await agent.finish(fresh, 'hello');
		// The second turn of the day has a day of its own to look back on.
		await core.say('ana', 'and now?');
		const second = await agent.take();

		assert.deepEqual(before(second), ['good morning', 'hello']);
		await agent.finish(second, 'well');
		// More than half an hour after the last word the day before is over.
		core.moveOn(26 * HOUR);
		await core.restart();
		await core.say('ana', 'another day');
		assert.deepEqual(before(await agent.take()), []);
	}));

// --- rule 7 --------------------------------------------------------------------

test('rule 7: a superseding turn takes the messages over', withCore({},
	async (core) => {
		core.business = 'interrupts';
		const sub = await core.listen();
		const agent = core.agent();
		const one = await core.say('ana', 'one');
		const turn = await agent.take();
		const two = await core.say('ana', 'two');

		// The agent is told at once, and what it says is not heard.
		await sub.hear('turn_cancelled', (b) => b.turnId === one.turnId &&
			b.lease === turn.lease);
		assert.equal((await agent.progress(turn)).status, 'stale_lease');
		assert.equal((await agent.finish(turn, 'late')).status, 'stale_lease');
		const ended = await sub.hear('turn', (b) => b.turnId === one.turnId);

		assert.equal(ended.body.outcome, 'superseded');
		assert.equal(ended.body.messageIds, undefined, 'it keeps none');
		const three = await core.say('ana', 'three');
		const last = await agent.take();

		assert.equal(await core.turnState(two.turnId), 'superseded');
		assert.equal(last.turnId, three.turnId);
		assert.deepEqual(asked(last), ['one', 'two', 'three']);
		await agent.finish(last, 'all');
		const answer = (await core.history(one.sessionId)).at(-1);

		assert.deepEqual(answer.inReplyTo,
			[one.messageId, two.messageId, three.messageId]);
	}));

test('rule 7: across midnight an interruption waits its turn', atEvening(
	async (core) => {
		core.business = 'interrupts';
		const agent = core.agent();
		const late = await core.say('ana', 'at 23:59');
		const turn = await agent.take();

		core.setNow(MORNING);
		const early = await core.say('ana', 'at 00:00');

		assert.equal(await core.turnState(late.turnId), 'leased');
		assert.deepEqual(await agent.claim(4), [], 'one at a time');
		assert.equal((await agent.finish(turn, 'yes')).status, 'ok');
		const next = await agent.take();

		assert.equal(next.turnId, early.turnId);
		assert.deepEqual(asked(next), ['at 00:00']);
	}));

test('rule 7: across midnight a burst begins anew', atEvening(async (core) => {
	core.business = 'bursts';
	const one = await core.say('ana', 'at 23:59');
	const two = await core.say('ana', 'still');

	assert.equal(two.turnId, one.turnId);
	core.setNow(MORNING);
	const three = await core.say('ana', 'at 00:00');
	const four = await core.say('ana', 'more');

	assert.notEqual(three.turnId, one.turnId);
	assert.equal(four.turnId, three.turnId);
	core.moveOn(2 * MINUTE);
	const agent = core.agent();
	const first = await agent.take();

	assert.deepEqual(asked(first), ['at 23:59', 'still']);
	await agent.finish(first, 'yes');
	assert.deepEqual(asked(await agent.take()), ['at 00:00', 'more']);
}));

test('rule 7: ending a session cancels only its own turns', atEvening(
	async (core) => {
		const agent = core.agent();
		const late = await core.say('ana', 'at 23:59');
		const turn = await agent.take();

		core.setNow(MORNING);
		const early = await core.say('ana', 'at 00:00');
		const { endedTurns } = await core.setStatus(early.sessionId, 'resolved');

		assert.deepEqual(endedTurns, [early.turnId]);
		assert.equal((await agent.finish(turn, 'yes')).status, 'ok');
		assert.equal(await core.turnState(late.turnId), 'answered');
	}));

test('rule 7: a burst is answered together', withCore({}, async (core) => {
	core.business = 'bursts';
	const said = [];

	for (const text of ['one', 'two', 'three'])
		said.push(await core.say('ana', text));
	assert.equal(new Set(said.map((s) => s.turnId)).size, 1);
	assert.deepEqual(await core.agent().claim(1), [], 'more may come');
	core.moveOn(MINUTE + SECOND);
	assert.deepEqual(asked(await core.agent().take()), ['one', 'two', 'three']);
}));

test('a burst does not wait for a clock that went back', withCore({},
	async (core) => {
		core.business = 'bursts';
		await core.say('ana', 'one');
		core.moveOn(-2 * HOUR);
		assert.deepEqual(asked(await core.agent().take()), ['one']);
	}));

// --- rule 8 --------------------------------------------------------------------

const RESOLVE = { effects: [{ kind: 'resolve_session' }] };
const HANDOFF = { effects: [{ kind: 'handoff', note: 'is cross' }] };

test('rule 8: resolve_session takes effect after the answer, with it', withCore({},
	async (core) => {
		const cursor = await core.hello();
		const said = await core.say('ana', 'thanks');
		const agent = core.agent();
		const reply = await agent.finish(await agent.take(), 'bye', RESOLVE);

		assert.equal(reply.body.outcome, 'answered');
		assert.deepEqual(await core.told(said.sessionId),
			['user:thanks', 'agent:bye', 'system:resolved']);
		assert.equal((await core.session(said.sessionId)).status, 'resolved');
		const { events } = await core.since(cursor);

		assert.deepEqual(events.slice(2).map((e) => e.event),
			['message', 'turn', 'message', 'session']);
	}));

test('rule 8: resolve_session is dropped when the user has written since',
	withCore({}, async (core) => {
		const said = await core.say('ana', 'thanks');
		const agent = core.agent();
		const turn = await agent.take();
		const more = await core.say('ana', 'one more thing');

		assert.equal((await agent.finish(turn, 'bye', RESOLVE)).status, 'ok');
		assert.equal((await core.session(said.sessionId)).status, 'active');
		assert.equal((await agent.take()).turnId, more.turnId);
	}));

test('rule 8: handoff leaves what waits to a person, after the answer', withCore({},
	async (core) => {
		const sub = await core.listen();
		const agent = core.agent();
		const said = await core.say('ana', 'one');
		const turn = await agent.take();
		const waiting = await core.say('ana', 'two');

		assert.equal((await agent.finish(turn, 'wait', HANDOFF)).body.outcome,
			'answered');
		assert.equal(await core.turnState(waiting.turnId), 'left_to_person');
		const { body } = await sub.hear('handler');

		assert.deepEqual([body.handler, body.userId, body.note],
			['person', 'ana', 'is cross']);
		const more = await core.say('ana', 'three');

		assert.equal(await core.turnState(more.turnId), 'left_to_person');
		assert.deepEqual(await agent.claim(4), []);
		assert.deepEqual(await core.told(said.sessionId),
			['user:one', 'user:two', 'agent:wait', 'user:three']);
	}));

test('rule 8: a second finish is answered alike and its effects do not repeat',
	withCore({}, async (core) => {
		const said = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();
		const first = await agent.finish(turn, 'wait',
			{ effects: [...HANDOFF.effects, ...RESOLVE.effects] });

		await core.setHandler('ana', 'bot');
		await core.setStatus(said.sessionId, 'active');
		const cursor = await core.hello();

		assert.deepEqual(await agent.finish(turn, 'wait', HANDOFF), first);
		assert.deepEqual(await agent.finish(turn, 'another', RESOLVE), first);
		assert.equal((await core.hello()).n, cursor.n, 'nothing happened');
	}));

// --- rule 9 --------------------------------------------------------------------

test('rule 9: at most one turn of a user is leased, in order', withCore({},
	async (core) => {
		const said = [];
		const agent = core.agent();

		for (const text of ['one', 'two', 'three'])
			said.push(await core.say('ana', text));
		const other = await core.say('ion', 'four');

		assert.deepEqual((await agent.claim(16)).map((g) => g.turnId),
			[said[0].turnId, other.turnId]);
		assert.deepEqual(await core.agent('other').claim(16), []);
	}));

test('rule 9: claim replies that got lost are no attempts', withCore({},
	async (core) => {
		const { turnId } = await core.say('ana', 'Salut');
		const agent = core.agent();

		for (let i = 0; i < 5; i++) {
			// The reply is lost: the next claim does not name the lease.
			const [grant] = await agent.claim(1, { holds: [] });

			assert.equal(grant.turnId, turnId);
			assert.equal(grant.attempt, 1);
		}
	}));

test('rule 9: a lease that its boot does not name goes back at once', withCore({},
	async (core) => {
		await core.say('ana', 'one');
		await core.say('ion', 'two');
		const agent = core.agent('a'), other = core.agent('b');
		const [kept, lost] = await agent.claim(2);

		assert.deepEqual(await other.claim(2), []);
		// Also when it asks for no more work.
		await agent.claim(0, { holds: [kept.lease] });
		const [grant] = await other.claim(2);

		assert.equal(grant.turnId, lost.turnId);
		assert.equal((await agent.finish(lost, 'late')).status, 'stale_lease');
		assert.equal((await agent.finish(kept, 'yes')).status, 'ok');
		assert.equal((await other.finish(grant, 'yes')).status, 'ok');
	}));

test('rule 9: a claim older than the newest seen is ignored', withCore({},
	async (core) => {
		const agent = core.agent();

		assert.deepEqual(await agent.claim(1, { no: 7 }), []);
		await core.say('ana', 'Salut');
		assert.deepEqual(await agent.claim(1, { no: 6 }), []);
		assert.deepEqual(await agent.claim(1, { no: 7 }), []);
		const [grant] = await agent.claim(1, { no: 8 });

		// Nor does an old one take back what a newer one got.
		await agent.claim(0, { no: 3, holds: [] });
		assert.equal((await agent.finish(grant, 'yes')).status, 'ok');
	}));

test('rule 9: hello of a new boot frees what the old one held', withCore({},
	async (core) => {
		const { turnId } = await core.say('ana', 'Salut');
		const old = core.agent('a');
		const [grant] = await old.claim(1);
		const [other, fresh] = [core.agent('b'), core.agent('a')];

		await other.hello();
		assert.deepEqual(await fresh.claim(1), [], 'another name frees nothing');
		await old.hello();
		assert.deepEqual(await fresh.claim(1), [], 'nor does the same boot');
		await fresh.hello();
		assert.equal((await fresh.take()).turnId, turnId);
		assert.equal((await old.finish(grant, 'late')).status, 'stale_lease');
	}));

test('rule 9: three attempts that began end as the fallback', withCore({},
	async (core) => {
		const said = await core.say('ana', 'Salut');
		const agent = core.agent();

		for (const [attempt, outcome] of
			[[1, 'requeued'], [2, 'requeued'], [3, 'fallback']]) {
			const turn = await agent.take();

			assert.equal(turn.attempt, attempt);
			await agent.progress(turn);
			await agent.progress(turn); // counted once
			assert.equal((await agent.fail(turn)).body.outcome, outcome);
			// What does not come first any more is not believed.
			assert.equal((await agent.fail(turn)).status, 'stale_lease');
		}
		assert.deepEqual(await core.told(said.sessionId),
			['user:Salut', `agent:${FALLBACK}`]);
		assert.deepEqual(await agent.claim(1), []);
	}));

test('rule 9: a silent agent loses its turn; it counts if it had begun', withCore(
	{ env: { LEASE_MS: '300' } }, async (core) => {
		const sub = await core.listen();
		const { turnId } = await core.say('ana', 'Salut');
		const agent = core.agent('a'), other = core.agent('b');
		const silent = await agent.take();

		assert.equal(silent.leaseMs, 300);
		await sub.hear('turn_cancelled', (b) => b.lease === silent.lease);
		const begun = await other.take();

		assert.equal(begun.turnId, turnId);
		assert.equal(begun.attempt, 1, 'nobody ever saw it');
		await other.progress(begun);
		await sub.hear('turn_cancelled', (b) => b.lease === begun.lease);
		assert.equal((await other.finish(begun, 'late')).status, 'stale_lease');
		assert.equal((await agent.take()).attempt, 2);
	}));

test('rule 9: progress keeps a lease alive', withCore({ env: { LEASE_MS: '1500' } },
	async (core) => {
		await core.say('ana', 'Salut');
		const agent = core.agent();
		const turn = await agent.take();

		for (let i = 0; i < 16; i++) {
			await sleep(200);
			assert.equal((await agent.progress(turn)).status, 'ok');
		}
		assert.equal((await agent.finish(turn, 'at last')).status, 'ok');
	}));

test('leases survive a restart for a full period of the new start', withCore(
	{ env: { LEASE_MS: '4000' } }, async (core) => {
		const one = await core.say('ana', 'one'), two = await core.say('ion', 'two');
		const agent = core.agent();
		const [first, second] = await agent.claim(2);

		await agent.progress(first);
		core.moveOn(HOUR / 10); // its length counts, not the clock's time
		await core.restart({ signal: 'SIGKILL' });
		const sub = await core.listen();

		assert.equal(await core.turnState(one.turnId), 'leased');
		assert.equal((await agent.progress(first)).status, 'ok');
		assert.equal((await agent.finish(first, 'yes')).status, 'ok');
		await sub.hear('turn_cancelled', (b) => b.lease === second.lease);
		assert.equal((await core.agent('b').take()).turnId, two.turnId);
	}));

// --- rule 10 -------------------------------------------------------------------

test('rule 10: a take-over ends all open turns and silences the bot', withCore({},
	async (core) => {
		const sub = await core.listen();
		const agent = core.agent();
		const one = await core.say('ana', 'one');
		const turn = await agent.take();
		const two = await core.say('ana', 'two');

		await agent.progress(turn, { offset: 0, text: 'I think' });
		const { endedTurns } = await core.setHandler('ana', 'person');

		assert.deepEqual(endedTurns, [one.turnId, two.turnId]);
		await sub.hear('turn_cancelled', (b) => b.lease === turn.lease);
		for (const { turnId } of [one, two])
			assert.equal((await sub.hear('turn', (b) => b.turnId === turnId))
				.body.outcome, 'left_to_person');
		// Nothing of the bot, whatever it or its user does now.
		assert.equal((await agent.progress(turn)).status, 'stale_lease');
		assert.equal((await agent.finish(turn, 'late')).status, 'stale_lease');
		assert.equal((await agent.fail(turn, { final: true })).status,
			'stale_lease');
		assert.deepEqual((await core.cancel('ana')).endedTurns, []);
		assert.deepEqual(await core.told(one.sessionId), ['user:one', 'user:two']);
	}));

test('rule 10: hand-back starts no turn for what a person was asked', withCore({},
	async (core) => {
		await core.setHandler('ana', 'person');
		const said = await core.say('ana', 'for a person');

		assert.equal(await core.turnState(said.turnId), 'left_to_person');
		await core.setHandler('ana', 'bot');
		const agent = core.agent();

		assert.deepEqual(await agent.claim(1), []);
		const more = await core.say('ana', 'for the bot');
		const turn = await agent.take();

		assert.equal(turn.turnId, more.turnId);
		assert.deepEqual([before(turn), asked(turn)],
			[['for a person'], ['for the bot']]);
	}));

test('rule 10: no fallback text while a person handles, however old', withCore(
	{ env: { TURN_AGE_MS: '1000' } }, async (core) => {
		const said = await core.say('ana', 'one');

		await core.setHandler('ana', 'person');
		await core.say('ana', 'two');
		// Another's turn has grown old since: so would have these.
		const witness = await core.say('ion', 'three');

		await until(async () =>
			await core.turnState(witness.turnId) === 'fallback');
		assert.deepEqual(await core.told(said.sessionId), ['user:one', 'user:two']);
	}));

test('rule 10: who handles carries over midnight', atEvening(async (core) => {
	await core.setHandler('ana', 'person');
	await core.say('ana', 'at 23:59');
	core.setNow(MORNING);
	const early = await core.say('ana', 'at 00:00');

	assert.equal(await core.turnState(early.turnId), 'left_to_person');
}));

// --- rule 11 -------------------------------------------------------------------

test('rule 11: a user who cancels keeps what was said, as the one answer', withCore({},
	async (core) => {
		const sub = await core.listen();
		const one = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();

		await agent.progress(turn, { offset: 0, text: 'Once upon' });
		await agent.progress(turn, { offset: 9, text: ' a time' });
		const two = await core.say('ana', 'two');
		const { endedTurns, messageId } = await core.cancel('ana');

		assert.deepEqual(endedTurns, [one.turnId, two.turnId]);
		await sub.hear('turn_cancelled', (b) => b.lease === turn.lease);
		assert.equal((await agent.finish(turn, 'late')).status, 'stale_lease');
		const answer = (await core.history(one.sessionId)).at(-1);

		assert.equal(answer.messageId, messageId);
		assert.equal(answer.partial, true);
		assert.equal(answer.content, 'Once upon a time');
		assert.deepEqual(answer.inReplyTo, [one.messageId]);
		const ended = await sub.hear('turn', (b) => b.turnId === one.turnId);

		assert.deepEqual([ended.body.outcome, ended.body.answerId],
			['cancelled', messageId]);
		assert.deepEqual(await core.told(one.sessionId),
			['user:one', 'user:two', 'agent:Once upon a time']);
	}));

test('rule 11: nobody else\'s cancel and no end of a session keeps it', withCore({},
	async (core) => {
		const agent = core.agent();
		const ends = {
			ana: () => core.cancel('ana', { by: 'coordinator:c' }),
			ion: (said) => core.setStatus(said.sessionId, 'resolved'),
			eva: () => core.setHandler('eva', 'person'),
		};

		for (const [user, end] of Object.entries(ends)) {
			const said = await core.say(user, 'one');
			const turn = await agent.take();

			await agent.progress(turn, { offset: 0, text: 'Once upon' });
			assert.deepEqual((await end(said)).endedTurns, [said.turnId]);
			assert.deepEqual((await core.history(said.sessionId))
				.filter((m) => m.type === 'agent'), []);
		}
	}));

test('rule 11: after a restart nothing of it may be left', withCore({},
	async (core) => {
		const said = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();

		await agent.progress(turn, { offset: 0, text: 'Once upon' });
		await core.restart({ signal: 'SIGKILL' });
		const { endedTurns, messageId } = await core.cancel('ana');

		assert.deepEqual([endedTurns, messageId], [[said.turnId], undefined]);
		assert.deepEqual(await core.told(said.sessionId), ['user:one']);
	}));

test('a piece of an answer must begin where the last one ended', withCore({},
	async (core) => {
		const said = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();
		const piece = async (offset, text) =>
			(await agent.progress(turn, { offset, text })).status;

		assert.equal(await piece(0, 'ăî'), 'ok'); // bytes, not characters
		assert.equal(await piece(2, 'x'), 'conflict');
		assert.equal(await piece(0, 'ăî'), 'conflict');
		assert.equal(await piece(4, '!'), 'ok');
		assert.equal((await core.ok('turn_text', { turnId: said.turnId })).text,
			'ăî!');
	}));

// --- rule 12 -------------------------------------------------------------------

test('rule 12: the fallback is the one answer and revokes a live lease', withCore(
	{ env: { TURN_AGE_MS: '2500' } }, async (core) => {
		const sub = await core.listen();
		const said = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();

		assert(turn.deadlineMs <= 2500);
		await agent.progress(turn, { offset: 0, text: 'I am still' });
		const cancelled = await sub.hear('turn_cancelled',
			(b) => b.lease === turn.lease);

		assert.equal(cancelled.body.reason, 'too_old');
		assert.equal((await agent.progress(turn)).status, 'stale_lease');
		assert.equal((await agent.finish(turn, 'late')).status, 'stale_lease');
		const [, answer, ...rest] = await core.history(said.sessionId);

		assert.deepEqual(rest, []);
		assert.deepEqual([answer.content, answer.kind, answer.inReplyTo],
			[FALLBACK, 'fallback', [said.messageId]]);
		const ended = await sub.hear('turn', (b) => b.turnId === said.turnId);

		assert.deepEqual([ended.body.outcome, ended.body.answerId],
			['fallback', answer.messageId]);
	}));

test('rule 12: age is the stored time of the oldest message, seen at the start too',
	withCore({}, async (core) => {
		core.business = 'interrupts';
		const old = await core.say('ana', 'one');

		core.moveOn(20 * MINUTE);
		const young = await core.say('ion', 'young');
		// It takes the old message over, and is as old as that.
		const newer = await core.say('ana', 'two');

		core.moveOn(5 * MINUTE);
		const agent = core.agent();
		const [grant] = await agent.claim(1);

		assert.equal(grant.turnId, newer.turnId, 'the oldest comes first');
		assert(grant.deadlineMs <= 5 * MINUTE);
		core.moveOn(6 * MINUTE);
		await core.restart({ signal: 'SIGKILL' });
		await until(async () =>
			await core.turnState(newer.turnId) === 'fallback');
		assert.deepEqual((await core.history(old.sessionId)).at(-1).inReplyTo,
			[old.messageId, newer.messageId]);
		assert.equal(await core.turnState(young.turnId), 'queued');
	}));

test('rule 12: a turn that is too old is not handed out', withCore({},
	async (core) => {
		await core.say('ana', 'one');
		core.sessiond.freeze();
		core.moveOn(31 * MINUTE);
		const claimed = core.agent().claim(1);

		core.sessiond.thaw();
		assert.deepEqual(await claimed, []);
	}));

test('rule 12: lease and outcome stay with the turn, over a restart', withCore({},
	async (core) => {
		await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();
		const first = await agent.finish(turn, 'yes');

		assert.deepEqual(await agent.finish(turn, 'yes'), first);
		await core.restart({ signal: 'SIGKILL' });
		assert.deepEqual(await agent.finish(turn, 'yes'), first);
		assert.equal((await agent.finish({ ...turn, lease: '999' }, 'yes')).status,
			'stale_lease');
		await core.ok('forget', { sessionId: first.body.sessionId });
		assert.equal((await agent.finish(turn, 'yes')).status, 'stale_lease');
	}));

test('rule 12: a burst joins no turn that was claimed once', withCore({},
	async (core) => {
		core.business = 'bursts';
		const one = await core.say('ana', 'one');

		core.moveOn(MINUTE + SECOND);
		const agent = core.agent();
		const [grant] = await agent.claim(1);

		await agent.claim(0, { holds: [] }); // it goes back
		assert.equal(await core.turnState(one.turnId), 'queued');
		const two = await core.say('ana', 'two');

		assert.notEqual(two.turnId, grant.turnId);
		assert.deepEqual(asked(await agent.take()), ['one']);
	}));

// --- rule 13 -------------------------------------------------------------------

test('rule 13: today\'s session reopens for its user, an older one only for reading',
	atEvening(async (core) => {
		const late = await core.say('ana', 'at 23:59');

		await core.setStatus(late.sessionId, 'closed');
		assert.equal((await core.setStatus(late.sessionId, 'active'))
			.session.status, 'active');
		const again = await core.say('ana', 'still');

		assert.equal(again.sessionId, late.sessionId);
		core.setNow(MORNING);
		const early = await core.say('ana', 'at 00:00');

		await core.setStatus(late.sessionId, 'active');
		const alias = `plain:ana:${new Date('2031-01-15T22:00:00Z').getTime()}`;
		const next = await core.say('ana', 'and now');

		assert.equal(next.sessionId, early.sessionId);
		assert.equal((await core.ok('history', { sessionId: alias })).sessionId,
			early.sessionId);
		assert.equal((await core.session(early.sessionId)).status, 'active');
	}));

test('rule 13: a message reopens today\'s session by itself', withCore({},
	async (core) => {
		const said = await core.say('ana', 'one');

		for (const end of ['resolved', 'closed', 'abandoned']) {
			await core.setStatus(said.sessionId, end);
			const more = await core.say('ana', 'more');

			assert.equal(more.sessionId, said.sessionId);
			assert.equal((await core.session(said.sessionId)).status, 'active');
			assert.deepEqual((await core.told(said.sessionId)).slice(-3),
				[`system:${end}`, 'system:reopened', 'user:more']);
		}
	}));

test('rule 13: forgetting ends open turns as cancelled and tells their agents',
	withCore({}, async (core) => {
		const sub = await core.listen();
		const said = await core.say('ana', 'one');
		const agent = core.agent();
		const turn = await agent.take();

		await core.say('ana', 'two');
		assert.equal((await core.ok('forget', { sessionId: said.sessionId }))
			.deleted, true);
		await sub.hear('turn_cancelled', (b) => b.lease === turn.lease &&
			b.reason === 'deleted');
		await sub.hear('session', (b) => b.reason === 'deleted');
		assert.equal((await agent.finish(turn, 'late')).status, 'stale_lease');
		assert.deepEqual(await agent.claim(4), []);
		assert.equal((await core.ok('forget', { sessionId: said.sessionId }))
			.deleted, false);
		// The same day, a new session with a new id.
		const more = await core.say('ana', 'three');

		assert.notEqual(more.sessionId, said.sessionId);
		assert.equal(more.seq, 1);
	}));

// --- found by reading ----------------------------------------------------------

test('two requests about one session at once: the later sees what the first did',
	withCore({}, async (core) => {
		for (let round = 0; round < 10; round++) {
			const said = await core.say(`u${round}`, 'one');
			const { sessionId } = said;
			const replies = await Promise.all([
				core.ask('forget', { sessionId }),
				...Array.from({ length: 5 }, () => core.ask('set_status',
					{ sessionId, status: 'resolved', by: 'x' })),
			]);

			for (const { status } of replies)
				assert(['ok', 'conflict', 'not_found'].includes(status));
		}
	}));

test('whatever a user wrote, agents get work', withCore({}, async (core) => {
	// Control characters take six bytes each on the wire.
	const long = '\u0001'.repeat(8000);
	const extra = JSON.stringify('y'.repeat(16000));

	core.business = 'interrupts';
	for (let i = 0; i < 60; i++)
		await core.say('ana', long);
	core.business = 'plain';
	for (let i = 0; i < 30; i++) {
		const agent = core.agent(`a${i}`);
		const said = await core.say('ion', 'more');
		const turn = await until(async () => (await agent.claim(4))
			.find((grant) => grant.turnId === said.turnId));

		await agent.finish(turn, 'yes', { sources: [{ title: extra }],
			actions: [{ arguments: extra }] });
		await agent.claim(0, { holds: [] });
	}
}));

test('a conversation with thousands of waiting messages costs no more', withCore({},
	async (core) => {
		const items = (n) => Array.from({ length: 64 },
			(_, i) => core.item('ana', `m${n * 64 + i}`));

		for (let n = 0; n < 80; n++)
			await core.append(...items(n));
		const agent = core.agent();

		for (let i = 0; i < 5; i++)
			await agent.finish(await agent.take(), `a${i}`);
		const turn = await agent.take();

		assert.deepEqual(asked(turn), ['m5']);
		assert.deepEqual(before(turn), ['m0', 'm1', 'm2', 'm3', 'm4',
			'a0', 'a1', 'a2', 'a3', 'a4']);
		const { endedTurns } = await core.setHandler('ana', 'person');

		assert.equal(endedTurns.length, 4096, 'no more than a reply may name');
		assert.deepEqual(await agent.claim(1, { holds: [] }), []);
	}));
