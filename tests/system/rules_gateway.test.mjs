// The core's rules that are the gateway's to keep, one by one: the real gateway
// against a scripted sessiond, which loses, delays and forgets on purpose.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { withGateway } from '../conform/chat.mjs';
import { Kit } from '../conform/kit.mjs';
import { buildDir } from '../lib/daemon.mjs';
import { sleep, until } from '../lib/until.mjs';

// story(chat, fake); options as withGateway's.
function rule(name, options, story) {
	test(name, async () => {
		const kit = new Kit(path.join(buildDir, 'gateway'));

		try {
			await Promise.race([kit.died, withGateway(story, options)(kit)]);
		} catch (error) {
			console.error(kit.tail());
			throw error;
		} finally {
			await kit.close();
		}
	});
}

const BEATS_MS = 2500; // in which two beats come
const itemsOf = (asked) => asked.body.items.map((i) => i.content);

// What agents said that a client was shown.
const shown = (client) => client.payloads('new_message').map((m) => m.message)
	.filter((text) => !text.startsWith('mark '));

// Keeps what is asked of one operation without an answer, until let go.
function hold(fake, op) {
	const answer = fake.answers[op] ?? fake[`on_${op}`];
	const held = [];

	fake.answers[op] = (_, asked) => {
		held.push(asked);
	};
	held.letGo = () => {
		fake.answers[op] = answer;
		for (const asked of held.splice(0))
			asked.reply(answer.call(fake, asked.body, asked));
	};
	return held;
}

// Everything the gateway knows so far, as a cursor.
const cursorOf = (fake) => ({ epoch: fake.epoch, n: String(fake.n) });

// --- rule 2 --------------------------------------------------------------------

rule('rule 2: while a message is unanswered its user\'s others wait, then leave together',
	{}, async (chat, fake) => {
		const one = await chat.client('ana'), twin = await chat.client('ana');
		const other = await chat.client('ion');
		const held = hold(fake, 'append');
		const sends = [one.send('first')];

		await until(() => held.length === 1);
		for (const text of ['second', 'third', 'fourth'])
			sends.push((text === 'third' ? twin : one).send(text));
		sends.push(other.send('of another'));
		await until(() => held.length === 2);
		await sleep(500);
		assert.deepEqual(held.map(itemsOf), [['first'], ['of another']]);
		held.letGo();
		for (const sent of await Promise.all(sends))
			assert.equal(sent.status, 'ok');
		assert.deepEqual(fake.of('append').slice(2).map(itemsOf).flat().sort(),
			['fourth', 'second', 'third']);
		// What one socket sent is stored in its order.
		assert.deepEqual(fake.contents.filter((c) =>
			['first', 'second', 'fourth'].includes(c)),
		['first', 'second', 'fourth']);
	});

rule('rule 2: a first answer that is lost lets no later message overtake', {},
	async (chat, fake) => {
		const client = await chat.client('ana');
		const { append } = fake.answers;
		let lost = 4;

		fake.answers.append = (body, asked) => {
			if (!lost)
				return append(body, asked);
			if (lost-- % 2)
				append(body, asked); // stored, or not: nobody knows
			fake.rep.drop();
			return undefined;
		};
		const sends = [];

		for (let i = 0; i < 8; i++) {
			sends.push(client.send(`m${i}`));
			await sleep(50);
		}
		for (const sent of await Promise.all(sends))
			assert.equal(sent.status, 'ok');
		assert.deepEqual(fake.contents,
			Array.from({ length: 8 }, (_, i) => `m${i}`));
	});

rule('rule 2: unconfirmed ends the wait of those behind', {
	env: { UNCONFIRMED_MS: '6000' } }, async (chat, fake) => {
	const client = await chat.client('ana');
	const { append } = fake.answers;

	fake.answers.append = (body, asked) =>
		itemsOf({ body }).includes('stuck') ? undefined : append(body, asked);
	const stuck = client.send('stuck');

	await fake.heard('append');
	await sleep(3000); // so that its own time is not up as well
	const behind = client.send('behind');

	assert.equal((await stuck).code, 'unconfirmed');
	assert.equal((await behind).status, 'ok');
	assert.deepEqual(fake.contents, ['behind']);
});

// --- rule 3 --------------------------------------------------------------------

rule('rule 3: a refusal is final only if no attempt went unanswered', {},
	async (chat, fake) => {
		const fresh = await chat.client('ana'), asked = await chat.client('ion');
		const { append } = fake.answers;
		let first = true;

		fake.answers.append = (body, one) => {
			if (itemsOf({ body })[0] === 'asked twice' && first) {
				first = false;
				append(body, one); // it is stored
				fake.rep.drop();
				return undefined;
			}
			return { body: { results: body.items.map(({ appendId }) =>
				({ appendId, status: 'store_full', error: 'no' })) } };
		};
		assert.equal((await asked.send('asked twice')).code, 'unconfirmed');
		assert.equal((await fresh.send('asked once')).code, 'store_full');
		assert.deepEqual(fake.contents, ['asked twice'],
			'a definite error would have been a lie');
	});

rule('rule 3: what was never handed to a connection certainly was not stored', {
	env: { SEND_DEADLINE_MS: '1000', UNCONFIRMED_MS: '60000' } },
async (chat, fake) => {
	const client = await chat.client('ana');

	fake.close();
	await sleep(300); // the gateway has seen the connection end
	assert.equal((await client.send('never left')).code, 'unavailable');
	await fake.listen();
	// It is dialled again within two seconds, which is past the deadline.
	await until(async () => (await client.send('left')).status === 'ok');
	assert.deepEqual(fake.contents, ['left']);
});

rule('rule 3: what was handed over and not answered is unconfirmed, however it ends', {
	env: { SEND_DEADLINE_MS: '500', UNCONFIRMED_MS: '3000' } },
async (chat, fake) => {
	const client = await chat.client('ana');
	const held = hold(fake, 'append');
	const sent = client.send('handed over');

	await until(() => held.length);
	fake.close(); // and never comes back
	assert.equal((await sent).code, 'unconfirmed');
});

rule('rule 3: a whole request that is refused for now is asked again', {},
	async (chat, fake) => {
		const client = await chat.client('ana');
		const { append } = fake.answers;
		let refusals = 3;

		fake.answers.append = (body, asked) => refusals-- > 0
			? { status: 'unavailable', message: 'not now' } : append(body, asked);
		assert.equal((await client.send('patient')).status, 'ok');
		assert.equal(new Set(fake.of('append')
			.map((a) => a.body.items[0].appendId)).size, 1);
	});

// --- rule 14 -------------------------------------------------------------------

rule('rule 14: only the first hello gives a cursor; a later one asks from the old', {},
	async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'one');
		await client.waitFor('new_message');
		const cursor = cursorOf(fake);

		// Both connections break; an event falls between.
		fake.rep.drop();
		fake.pub.drop();
		fake.agentSays('ana', 'between', {}, { lost: true });
		await fake.heard('hello', 2);
		await client.waitFor('new_message', (m) => m.message === 'between');
		assert.deepEqual(fake.of('events_since')[0].body, cursor);
		assert.deepEqual(shown(client), ['one', 'between']);
	});

rule('rule 14: subscribed long after its hello, it misses nothing', { alone: true,
	prepare: (fake) => fake.pub.close() }, async (chat, fake) => {
	const client = await chat.client('ana');

	await fake.heard('hello');
	fake.agentSays('ana', 'nobody listens');
	fake.agentSays('ana', 'yet');
	await sleep(1000);
	clearInterval(fake.beats);
	fake.rep.close();
	await fake.listen();
	await chat.settled(client);
	assert.deepEqual(shown(client), ['nobody listens', 'yet']);
});

// --- rule 15 -------------------------------------------------------------------

rule('rule 15: nothing of another epoch is applied; a page moves the cursor to its own',
	{}, async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'before');
		await client.waitFor('new_message');
		const old = cursorOf(fake);
		const held = hold(fake, 'events_since');

		fake.begin(); // no connection breaks, numbers go on
		const after = fake.agentSays('ana', 'after');

		await until(() => held.length);
		assert.deepEqual(held[0].body, old, 'n + 1, and yet it asked');
		assert.deepEqual(shown(client), ['before']);
		held.letGo();
		await client.waitFor('new_message', (m) => m.message === 'after');
		// From here on live events of the new epoch are applied as they come,
		// and those of the old one are not.
		const asked = fake.of('events_since').length;

		fake.pub.send({ event: 'message', epoch: old.epoch,
			n: String(fake.n + 1), body: { ...after, content: 'a ghost' } });
		fake.answers.events_since = () => ({ body: {
			...cursorOf(fake), last: String(fake.n) } });
		await until(() => fake.of('events_since').length > asked);
		fake.agentSays('ana', 'live');
		await chat.settled(client);
		assert.deepEqual(shown(client), ['before', 'after', 'live']);
	});

rule('rule 15: a beat of another epoch makes it ask, also with a smaller n', {},
	async (chat, fake) => {
		const client = await chat.client('ana');

		for (const text of ['one', 'two', 'three'])
			fake.agentSays('ana', text);
		await until(() => shown(client).length === 3);
		const old = cursorOf(fake);

		// A backup was restored: what the gateway has seen never was.
		fake.begin();
		fake.n -= 2;
		fake.log.splice(-2);
		fake.answers.events_since = ({ epoch }) => {
			if (epoch === fake.epoch)
				return fake.on_events_since({ n: String(fake.n) });
			return { body: { reset: true, ...cursorOf(fake),
				last: String(fake.n) } };
		};
		const resyncs = client.payloads('resync').length;

		await until(() => client.payloads('resync').length > resyncs);
		assert.deepEqual(fake.of('events_since')[0].body, old);
		// Numbers that it has applied before mean something else now.
		fake.agentSays('ana', 'again two');
		fake.agentSays('ana', 'again three');
		await chat.settled(client);
		assert.deepEqual(shown(client),
			['one', 'two', 'three', 'again two', 'again three']);
	});

// --- rule 16 -------------------------------------------------------------------

rule('rule 16: while it asks nothing else is applied, and it asks once', {},
	async (chat, fake) => {
		const client = await chat.client('ana');
		const held = hold(fake, 'events_since');

		fake.agentSays('ana', 'one', {}, { lost: true });
		fake.agentSays('ana', 'two');
		await until(() => held.length);
		// What comes meanwhile, in whatever order and however often.
		fake.agentSays('ana', 'three');
		for (const { n, event, body } of fake.log)
			fake.pub.send({ event, epoch: fake.epoch, n, body });
		fake.beat();
		await sleep(BEATS_MS);
		assert.deepEqual(shown(client), []);
		assert.equal(held.length, 1);
		held.letGo();
		await chat.settled(client);
		assert.deepEqual(shown(client), ['one', 'two', 'three']);
	});

rule('rule 16: more events than it keeps waiting are asked for', {},
	async (chat, fake) => {
		const client = await chat.client('ana');
		const held = hold(fake, 'events_since');
		const said = Array.from({ length: 3000 }, (_, i) => `m${i}`);

		fake.agentSays('ana', 'lost', {}, { lost: true });
		for (const text of said)
			fake.agentSays('ana', text);
		await until(() => held.length);
		// The page tells of the first only: of the rest some waited.
		fake.answers.events_since = ({ n }) => {
			const events = fake.log.filter((e) => Number(e.n) > Number(n))
				.slice(0, 700);

			return { body: { epoch: fake.epoch, n: events.at(-1)?.n ?? n,
				last: String(fake.n), events } };
		};
		held[0].reply({ body: { epoch: fake.epoch, n: fake.log[0].n,
			last: fake.log[0].n, events: fake.log.slice(0, 1) } });
		await chat.settled(client);
		assert.deepEqual(shown(client), ['lost', ...said]);
	});

rule('rule 16: the reply to a question it gave up is ignored', {},
	async (chat, fake) => {
		const client = await chat.client('ana');
		const held = hold(fake, 'events_since');

		fake.agentSays('ana', 'one', {}, { lost: true });
		await until(() => held.length);
		// Unanswered too long: the connection is dropped, the question asked
		// anew, from the same place.
		await until(() => held.length === 2);
		assert.deepEqual(held[1].body, held[0].body);
		held[0].reply({ body: { epoch: fake.epoch, n: String(fake.n + 50),
			last: String(fake.n + 50), events: [] } });
		held.letGo();
		await chat.settled(client);
		assert.deepEqual(shown(client), ['one']);
	});

// --- rule 17 -------------------------------------------------------------------

rule('rule 17: the first hello is a resync for those who joined before it', {
	prepare: (fake) => fake.answers.hello = () => {} }, async (chat, fake) => {
	const declared = await chat.client('ana');
	const guide = await chat.client('ana', { format: null });
	const [hello] = await fake.heard('hello');

	assert.deepEqual(declared.payloads('resync'), []);
	// Said while nobody could hear it.
	const missed = fake.agentSays('ana', 'missed', {}, { lost: true });

	fake.answers.recent = () => ({ body: { now: missed.timestamp,
		messages: [missed] } });
	delete fake.answers.hello;
	hello.reply(fake.on_hello());
	await declared.waitFor('resync');
	await guide.waitFor('new_message', (m) => m.message === 'missed');
	// Who joins later has nothing to reload.
	const late = await chat.client('ana');

	await chat.settled(late);
	assert.deepEqual(late.payloads('resync'), []);
	assert.deepEqual(shown(declared), [], 'it reloads by itself');
});

rule('rule 17: no append leaves before the first hello is answered', {
	prepare: (fake) => fake.answers.hello = () => {} }, async (chat, fake) => {
	const client = await chat.client('ana');
	const [hello] = await fake.heard('hello');
	const sent = client.send('early');

	await sleep(1500);
	assert.deepEqual(fake.of('append'), []);
	delete fake.answers.hello;
	hello.reply(fake.on_hello());
	for (const again of fake.of('hello').slice(1))
		again.reply(fake.on_hello());
	assert.equal((await sent).status, 'ok');
});

rule('rule 17: after a reset undeclared sockets get the last minute, each message once',
	{}, async (chat, fake) => {
		const guide = await chat.client('ana', { format: null });
		const idle = await chat.client('ion', { format: null });
		const known = fake.agentSays('ana', 'known');

		await guide.waitFor('new_message');
		const lost = fake.agentSays('ana', 'lost', {}, { lost: true });

		fake.answers.recent = ({ userId }) => ({ body: { now: lost.timestamp,
			messages: userId === 'ana' ? [known, lost] : [] } });
		fake.answers.events_since = () => ({ body: { reset: true,
			...cursorOf(fake), last: String(fake.n) } });
		await guide.waitFor('new_message', (m) => m.message === 'lost');
		delete fake.answers.events_since;
		for (const { body } of await fake.heard('recent', 2))
			assert(body.withinMs >= 60000);
		await chat.settled(guide);
		await chat.settled(idle);
		assert.deepEqual(shown(guide), ['known', 'lost']);
		assert.deepEqual(shown(idle), []);
	});

// --- rule 18 -------------------------------------------------------------------

rule('rule 18: an event that a page leaves out is applied as nothing', {},
	async (chat, fake) => {
		const client = await chat.client('ana');

		fake.agentSays('ana', 'forgotten', {}, { lost: true });
		fake.log.pop(); // its rows are gone
		fake.agentSays('ana', 'kept');
		await chat.settled(client);
		assert.deepEqual(shown(client), ['kept']);
		const asked = fake.of('events_since').length;

		await sleep(BEATS_MS);
		assert.equal(fake.of('events_since').length, asked, 'it is content');
	});
