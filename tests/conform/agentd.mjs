// Holds an agentd against PROTOCOL.md: the kit is its sessiond.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { sleep, until } from '../lib/until.mjs';
import { FakeSessiond } from './fake.mjs';
import { Skip } from './kit.mjs';

const PROGRESS_MS = 2000;
const SLACK_MS = 1500; // of a busy machine
const THINK_MS = 5000;

function message(content, fields = {}) {
	return { messageId: randomUUID(), sessionId: 's1', businessId: 'B1',
		userId: 'ana', type: 'user', content, seq: 1,
		timestamp: new Date().toISOString(), ...fields };
}

let turns = 0;

function grant(content = 'What are your opening hours?', fields = {}) {
	const turnId = `turn-${++turns}`;

	return { turnId, lease: randomUUID(), leaseMs: 5000, deadlineMs: 600000,
		attempt: 1, businessId: 'B1', userId: `user-${turns}`,
		sessionId: `session-${turns}`, messages: [message(content)],
		context: [], tenantListed: false, tenant: { name: 'Salvia',
			timezone: 'UTC', languages: ['en'], hours: {
				mon: [['08:00', '17:00']] }, contact: { phone: '123' } },
		...fields };
}

// sessiond's side: hands out what lies in `queue`, as far as there are places.
function handOut(fake) {
	fake.queue = [];
	fake.ended = new Map(); // by lease: how
	const end = (outcome) => ({ turnId, lease }) => {
		fake.ended.set(lease, outcome);
		return { body: { turnId, outcome } };
	};

	fake.answers = {
		claim: ({ claimNo, places }) => ({ body: { claimNo,
			turns: fake.queue.splice(0, places) } }),
		finish: end('answered'),
		fail: end('requeued'),
	};
	fake.offer = (...grants) => {
		fake.queue.push(...grants);
		fake.hint('turn_ready', { turnId: grants[0].turnId });
		return grants;
	};
}

// A case's `run`: story(fake, kit) with an agentd that has said hello.
function withAgentd(story, { env = {}, prepare } = {}) {
	return async (kit) => {
		const fake = await FakeSessiond.open(kit);

		handOut(fake);
		prepare?.(fake);
		kit.start({ SESSIOND_URL: fake.requests,
			SESSIOND_EVENTS_URL: fake.events, AGENT_NAME: 'agent-1', ...env });
		await fake.ready();
		await story(fake, kit);
		fake.assertWellFormed();
	};
}

const about = (turn) => (body) =>
	body.turnId === turn.turnId && body.lease === turn.lease;

// The turn's end, finish or fail, as the agentd tells it.
const ended = (fake, turn, count = 1) => until(() => {
	const ends = fake.asked.filter((a) =>
		['finish', 'fail'].includes(a.op) && about(turn)(a.body));

	return ends.length >= count && ends;
}, { what: `the end of ${turn.turnId}` });

// It still does what it is there for.
async function answers(fake) {
	const [turn] = fake.offer(grant());
	const [{ op, body }] = await ended(fake, turn);

	assert.equal(op, 'finish', `it gave up: ${body.reason}`);
	return body;
}

export default [{
	at: '§4 hello', what: 'is its first request, with role, name and versions',
	run: withAgentd(async (fake) => {
		const [{ op, body }] = fake.asked;

		assert.equal(op, 'hello');
		assert.deepEqual([body.role, body.name], ['agentd', 'agent-1']);
		assert(body.oldestVersion <= 1 && body.newestVersion >= 1);
	}),
}, {
	at: '§4 hello', what: 'nothing is claimed before it is answered',
	run: withAgentd(async (fake) => {
		await sleep(2000);
		assert.deepEqual(fake.of('claim'), []);
		delete fake.answers.hello;
		fake.of('hello').forEach((a) => a.reply(fake.on_hello()));
		await answers(fake);
	}, { prepare: (fake) => fake.answers.hello = () => {} }),
}, {
	at: '§4 hello', what: 'unsupported_version leaves it waiting until it is understood',
	run: withAgentd(async (fake) => {
		await fake.heard('hello', 2);
		assert.deepEqual(fake.of('claim'), []);
		delete fake.answers.hello;
		await answers(fake);
	}, { prepare: (fake) => fake.answers.hello = () => ({
		status: 'unsupported_version', message: 'only 2 to 3' }) }),
}, {
	at: '§4 hello', what: 'each start of the process draws another boot',
	run: withAgentd(async (fake, kit) => {
		await kit.program.restart();
		await fake.heard('hello', 2, undefined);
		await answers(fake);
		assert.equal(new Set(fake.of('hello').map((a) => a.body.boot)).size, 2);
	}),
}, {
	at: '§4 claim', what: 'comes every second, numbered from 1, one at a time',
	run: withAgentd(async (fake) => {
		let open = 0, most = 0;

		fake.answers.claim = ({ claimNo }, { reply }) => {
			most = Math.max(most, ++open);
			setTimeout(() => {
				open--;
				reply({ body: { claimNo, turns: [] } });
			}, 50);
		};
		const started = performance.now();

		await fake.heard('claim', 5);
		assert(performance.now() - started < 15000);
		const [{ body: { boot } }] = fake.of('hello');

		assert.deepEqual(fake.of('claim').map((a) => Number(a.body.claimNo)),
			fake.of('claim').map((_, i) => i + 1));
		for (const { body } of fake.of('claim'))
			assert.deepEqual([body.agent, body.boot, body.places > 0],
				['agent-1', boot, true]);
		assert.equal(most, 1);
	}),
}, {
	at: '§4 claim', what: 'comes at once when turn_ready is heard',
	run: withAgentd(async (fake) => {
		await fake.heard('claim');
		const fast = [];

		for (let i = 0; i < 8; i++) {
			await sleep(430); // at odds with a second
			const before = fake.of('claim').length, at = performance.now();

			fake.hint('turn_ready', { turnId: 'none' });
			await fake.heard('claim', before + 1);
			fast.push(performance.now() - at < 200);
		}
		assert(fast.filter(Boolean).length >= 6, `${fast}`);
	}),
}, {
	at: '§4 finish', what: 'a question is answered, with words',
	run: withAgentd(async (fake) => {
		const { content } = await answers(fake);

		assert.match(content, /\S/);
	}),
}, {
	at: '§4 progress', what: 'the first comes before the answer: it counts the attempt',
	run: withAgentd(async (fake) => {
		const [turn] = fake.offer(grant());

		await ended(fake, turn);
		const said = fake.asked.filter((a) => a.body.lease === turn.lease)
			.map((a) => a.op);

		assert.equal(said[0], 'progress', said.join());
	}),
}, {
	at: '§4 progress', what: 'is told at least every 2 s while it works', long: true,
	run: withAgentd(async (fake) => {
		const given = performance.now();
		const [turn] = fake.offer(grant());
		const [{ at }] = await ended(fake, turn);

		if (at - given < PROGRESS_MS + SLACK_MS)
			throw new Skip('it answers too fast, and does not know THINK_MS');
		const times = [given, ...fake.of('progress')
			.filter((a) => about(turn)(a.body)).map((a) => a.at), at];
		const gaps = times.slice(1).map((t, i) => Math.round(t - times[i]));

		assert(Math.max(...gaps) <= PROGRESS_MS + SLACK_MS,
			`ms between signs of life: ${gaps}`);
	}, { env: { THINK_MS: String(THINK_MS) } }),
}, {
	at: '§4 claim', what: 'names every lease whose finish is unanswered',
	run: withAgentd(async (fake) => {
		fake.answers.finish = () => {};
		const [turn] = fake.offer(grant());

		await ended(fake, turn);
		const before = fake.of('claim').length;

		await fake.heard('claim', before + 3);
		for (const { body } of fake.of('claim').slice(before + 1))
			assert.deepEqual(body.holds, [turn.lease]);
		delete fake.answers.finish;
		handOut(fake);
		await ended(fake, turn, 2);
		await fake.heard('claim', 1, ({ holds }) => !holds.length);
	}),
}, {
	at: '§4 finish', what: 'is sent again until it is answered, the same each time',
	run: withAgentd(async (fake) => {
		const { finish } = fake.answers;

		fake.answers.finish = () => {};
		const [turn] = fake.offer(grant());

		for (let i = 1; i <= 3; i++) {
			await ended(fake, turn, i);
			fake.rep.drop();
		}
		fake.answers.finish = finish;
		await until(() => fake.ended.has(turn.lease));
		const told = fake.of('finish').filter((a) => about(turn)(a.body));

		assert(told.length >= 4);
		for (const { body } of told)
			assert.deepEqual(body, told[0].body);
		await answers(fake);
	}),
}, {
	at: '§4 finish', what: 'unavailable and internal are asked again too',
	run: withAgentd(async (fake) => {
		const { finish } = fake.answers;
		const refusals = ['unavailable', 'internal'];

		fake.answers.finish = (body) => refusals.length
			? { status: refusals.shift(), message: 'not now' } : finish(body);
		const [turn] = fake.offer(grant());

		await until(() => fake.ended.has(turn.lease));
		assert.equal(fake.of('finish').length, 3);
	}),
}, {
	at: '§4 finish', what: 'stale_lease ends it: nothing more is said of the turn',
	run: withAgentd(async (fake) => {
		fake.answers.finish = () => ({ status: 'stale_lease', message: 'no' });
		const [turn] = fake.offer(grant());

		await ended(fake, turn);
		await fake.heard('claim', fake.of('claim').length + 3);
		assert.equal((await ended(fake, turn)).length, 1);
		assert.deepEqual(fake.of('claim').at(-1).body.holds, []);
	}),
}, {
	at: '§4 progress', what: 'stale_lease ends the work: no answer follows', long: true,
	run: withAgentd(async (fake) => {
		let refused = 0;

		fake.answers.progress = () =>
			({ status: 'stale_lease', message: `no ${++refused}` });
		const [turn] = fake.offer(grant());

		await until(() => refused);
		await sleep(THINK_MS + 1000);
		if (fake.of('finish').some((a) => about(turn)(a.body))) {
			const [{ at }] = await ended(fake, turn);
			const [{ at: first }] = fake.of('progress');

			if (at - first < 1000)
				throw new Skip('it answers too fast, and does not know ' +
					'THINK_MS');
			assert.fail('it answered under a stale lease');
		}
		assert.deepEqual(fake.of('claim').at(-1).body.holds, []);
	}, { env: { THINK_MS: String(THINK_MS) } }),
}, {
	at: '§6 event turn_cancelled', what: 'ends the work at once: nothing more is said of it',
	long: true,
	run: withAgentd(async (fake) => {
		const [turn] = fake.offer(grant());

		await fake.heard('progress');
		fake.hint('turn_cancelled', { turnId: turn.turnId, lease: turn.lease,
			reason: 'cancelled' });
		const cancelled = performance.now();

		await sleep(THINK_MS + 1000);
		const later = fake.asked.filter((a) => a.body.lease === turn.lease &&
			a.at > cancelled + 500);

		if (fake.of('finish').some((a) => a.at <= cancelled + 500))
			throw new Skip('it answers too fast, and does not know THINK_MS');
		assert.deepEqual(later.map((a) => a.op), []);
		assert.deepEqual(fake.of('claim').at(-1).body.holds, []);
	}, { env: { THINK_MS: String(THINK_MS) } }),
}, {
	at: '§6 event turn_cancelled', what: 'of another lease, or turn, is not ours',
	run: withAgentd(async (fake) => {
		const { finish } = fake.answers;

		fake.answers.finish = () => {};
		const [turn] = fake.offer(grant());

		await ended(fake, turn);
		fake.hint('turn_cancelled', { turnId: turn.turnId, lease: 'old' });
		fake.hint('turn_cancelled', { turnId: 'other', lease: turn.lease });
		await fake.heard('claim', fake.of('claim').length + 3);
		assert.deepEqual(fake.of('claim').at(-1).body.holds, [turn.lease]);
		fake.answers.finish = finish;
		fake.rep.drop();
		await until(() => fake.ended.has(turn.lease));
	}),
}, {
	at: '§4 claim', what: 'as many turns as it said places for are worked on at once',
	run: withAgentd(async (fake) => {
		const [{ body: { places } }] = await fake.heard('claim');
		const { finish } = fake.answers;

		fake.answers.finish = () => {};
		const all = fake.offer(...Array.from({ length: places }, () => grant()));

		for (const turn of all)
			await ended(fake, turn);
		fake.answers.finish = finish;
		fake.rep.drop();
		await until(() => fake.ended.size === places);
		await answers(fake);
	}),
}, {
	at: '§4 claim', what: 'fifty questions are all answered, each once',
	run: withAgentd(async (fake) => {
		const all = fake.offer(...Array.from({ length: 50 }, () => grant()));

		await until(() => fake.ended.size === 50);
		await fake.heard('claim', 1, ({ holds }) => !holds.length);
		for (const turn of all)
			assert.equal((await ended(fake, turn)).length, 1);
	}),
}, {
	at: '§4 claim', what: 'the reply to another claimNo is not used',
	run: withAgentd(async (fake) => {
		const stale = grant();
		let sent = false;

		fake.answers.claim = ({ claimNo }) => {
			if (sent)
				return { body: { claimNo, turns: [] } };
			sent = true;
			return { body: { claimNo: '99999', turns: [stale] } };
		};
		await until(() => sent);
		await fake.heard('claim', 4, () => true, 60000);
		assert(!fake.asked.some((a) => a.body.lease === stale.lease));
	}), long: true,
}, {
	at: '§4 claim', what: 'an unanswered one is waited for, and then claimed anew', long: true,
	run: withAgentd(async (fake) => {
		const [{ at, body }] = await fake.heard('claim', 1);

		await sleep(3000);
		assert.equal(fake.of('claim').filter((a) => a.at > at).length, 0,
			'no other within 3 s');
		fake.answers.claim = fake.handOut;
		const again = (await fake.heard('claim', 2, () => true, 30000))[1];

		assert(Number(again.body.claimNo) > Number(body.claimNo));
		await answers(fake);
	}, { prepare: (fake) => {
		fake.handOut = fake.answers.claim;
		fake.answers.claim = () => {};
	} }),
}, {
	at: '§1 Envelopes', what: 'unknown events, fields and states are ignored',
	run: withAgentd(async (fake) => {
		fake.hint('never_heard_of', { a: 1 });
		fake.event('message', message('hello'));
		fake.pub.send({ event: 'turn_ready', later: 1,
			body: { turnId: 'x', more: {} } });
		const [turn] = fake.offer(grant('Hello', { later: { a: [] },
			messages: [message('Hello', { mood: 'good' })] }));

		assert.equal((await ended(fake, turn))[0].op, 'finish');
	}),
}, {
	at: '§4 shape grant', what: 'a malformed grant harms no other turn', long: true,
	run: withAgentd(async (fake) => {
		const { claim } = fake.answers;
		const broken = [[{}], 'turns', [null], [{ ...grant(), turnId: 7 }],
			[{ ...grant(), lease: undefined }], [{ ...grant(), messages: 7 }],
			[{ ...grant(), messages: [] }]];

		for (const turnsOf of broken) {
			let handed = false;

			fake.answers.claim = ({ claimNo }) => {
				if (handed)
					return { body: { claimNo, turns: [] } };
				handed = true;
				return { body: { claimNo, turns: turnsOf } };
			};
			fake.hint('turn_ready', { turnId: 'x' });
			await until(() => handed, { what: 'a claim' });
			fake.answers.claim = claim;
			await answers(fake);
		}
		fake.faults.length = 0; // what was said of the broken ones
	}),
}, {
	at: '§4 shape grant', what: 'odd questions and records get an answer or an honest fail',
	run: withAgentd(async (fake) => {
		const odd = [grant('?'), grant('🙂'.repeat(8000)), grant('\u0001\ufffe'),
			grant('x', { tenant: {} }), grant('x', { tenant: { name: 7 } }),
			grant('x', { attempt: 3, context: Array.from({ length: 50 },
				(_, i) => message(`c${i}`)) }),
			grant('x', { messages: Array.from({ length: 50 },
				(_, i) => message(`m${i}`)) })];

		for (const turn of fake.offer(...odd))
			await ended(fake, turn);
		await answers(fake);
	}),
}, {
	at: '§3', what: 'without beats it dials again, both connections', long: true,
	run: withAgentd(async (fake) => {
		await fake.heard('claim');
		const requests = [...fake.rep.sockets], events = [...fake.pub.sockets];

		fake.silent = true;
		await until(() => [...requests, ...events].every((s) => s.destroyed ||
			s.readyState !== 'open'), { what: 'dialing again' });
		fake.silent = false;
		await answers(fake);
	}),
}, {
	at: '§3', what: 'connections that break at any moment cost no answer',
	run: withAgentd(async (fake) => {
		const all = fake.offer(...Array.from({ length: 20 }, () => grant()));

		for (let i = 0; i < 12; i++) {
			fake.rep.drop();
			fake.pub.drop();
			await sleep(100);
			// What it does not hold is offered again, as sessiond would.
			const known = new Set(fake.asked.map((a) => a.body.lease));

			fake.queue = all.filter((t) => !known.has(t.lease));
		}
		await until(() => {
			const known = new Set(fake.asked.map((a) => a.body.lease));

			if (!fake.queue.length)
				fake.queue = all.filter((t) => !known.has(t.lease));
			return all.every((t) => fake.ended.has(t.lease));
		}, { every: 1500 });
	}),
}, {
	at: '§8', what: 'a sessiond that goes and comes back finds it again',
	run: withAgentd(async (fake) => {
		await answers(fake);
		fake.close();
		await sleep(1500);
		fake.begin();
		await fake.listen();
		await answers(fake);
		assert.equal(new Set(fake.of('hello').map((a) => a.body.boot)).size, 1);
	}),
}, {
	at: '§8', what: 'SIGTERM ends it with exit code 0',
	run: withAgentd(async (fake, kit) => {
		await answers(fake);
		assert.deepEqual(await kit.program.kill('SIGTERM'),
			{ code: 0, signal: null });
	}),
}];
