// gateway: messages on their way to sessiond.
import assert from 'node:assert/strict';
import { sleep, until } from '../lib/until.mjs';
import { BUSINESS, withGateway } from './chat.mjs';

const items = (fake) => fake.of('append').flatMap((a) => a.body.items);
const itemOf = (fake, content) => items(fake).filter((i) =>
	i.content === content);

// Whether something is the case now, and still after a while.
async function stays(holds, what) {
	assert(holds(), what);
	await sleep(1000);
	assert(holds(), what);
}

export default [{
	at: '§4 hello', what: 'is its first request, with role, name and versions',
	run: withGateway(async (_, fake) => {
		const [{ op, body }] = fake.asked;

		assert.equal(op, 'hello');
		assert.deepEqual([body.role, body.name], ['gateway', 'gateway-1']);
		assert(body.oldestVersion <= 1 && body.newestVersion >= 1);
	}),
}, {
	at: '§7 What a gateway owes sessiond', what: 'no append leaves before hello is answered',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const sent = client.send('early');

		await stays(() => !fake.of('append').length, 'nothing is sent');
		delete fake.answers.hello;
		fake.of('hello').forEach((a) => a.reply(fake.on_hello()));
		assert.equal((await sent).status, 'ok');
	}, { prepare: (fake) => fake.answers.hello = () => {} }),
}, {
	at: '§4 hello', what: 'unsupported_version: joins go on, and sends wait until it is understood',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const sent = client.send('early');

		await fake.heard('hello', 2);
		assert.deepEqual(fake.of('append'), []);
		delete fake.answers.hello;
		assert.equal((await sent).status, 'ok');
	}, { prepare: (fake) => fake.answers.hello = () => ({
		status: 'unsupported_version', message: 'only 2 to 3' }) }),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'joins are answered while sessiond is not there',
	run: withGateway(async (chat) => {
		const started = performance.now();

		await chat.client('ana');
		await chat.client('ion', { format: null });
		assert(performance.now() - started < 5000);
	}, { prepare: (fake) => fake.close(), alone: true }),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'phoenix.js of every age joins, sends and receives',
	run: withGateway(async (chat, fake) => {
		for (const phoenix of ['1.6.0', '1.6.16', '1.7.21', '1.8.16']) {
			const user = `u${phoenix}`;
			const client = await chat.client(user, { phoenix });

			assert.equal((await client.send('Bună')).status, 'ok', phoenix);
			const { content } = fake.agentSays(user, `to ${phoenix}`);

			await client.waitFor('new_message', (m) => m.message === content);
		}
	}),
}, {
	at: '§4 shape append_item', what: 'carries what the client sent, and who it is',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const metadata = { page: 'x', deep: { a: [1, null] } };
		const sent = await client.send('Bună <b>ziua</b> 🙂', { locationId: 'north',
			clientMessageId: 'c 1', metadata,
			timestamp: '2026-01-02T03:04:05.678Z', sessionId: 'whatever' });
		const [{ appendId, ...item }] = items(fake);

		assert.match(appendId, /^[\x20-\x7e]{1,64}$/);
		assert.deepEqual(item, { businessId: BUSINESS, userId: 'ana',
			locationId: 'north', content: 'Bună <b>ziua</b> 🙂',
			source: 'websocket', clientMessageId: 'c 1', metadata,
			clientTimestamp: '2026-01-02T03:04:05.678Z' });
		const { sessionId, messageId, seq, timestamp } = fake.store({ appendId });

		assert.deepEqual(sent,
			{ status: 'ok', sessionId, messageId, seq, timestamp });
	}),
}, {
	at: '§4 append', what: 'a lost answer is asked for again under the same appendId',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const { append } = fake.answers;
		let lost = 3;

		fake.answers.append = (body, asked) => {
			if (!lost)
				return append(body, asked);
			lost--;
			append(body, asked); // stored, but nobody is told
			fake.rep.drop();
			return undefined;
		};
		const sent = await client.send('once');
		const asked = itemOf(fake, 'once');

		assert.equal(sent.status, 'ok');
		assert(!sent.duplicate, 'to the client it is no duplicate');
		assert.equal(asked.length, 4);
		for (const item of asked)
			assert.deepEqual(item, asked[0]);
		assert.deepEqual(fake.contents, ['once']);
	}),
}, {
	at: '§4 append', what: 'every message has an appendId of its own',
	run: withGateway(async (chat, fake) => {
		const clients = [await chat.client('ana'), await chat.client('ion')];
		const sends = Array.from({ length: 60 }, (_, i) =>
			clients[i % 2].send(`m${i}`));

		for (const sent of await Promise.all(sends))
			assert.equal(sent.status, 'ok');
		assert.equal(new Set(items(fake).map((i) => i.appendId)).size, 60);
		for (const { body } of fake.of('append'))
			assert(body.items.length <= 64);
	}),
}, {
	at: '§4 append',
	what: 'at most one unanswered request per user; then the rest, in order',
	run: withGateway(async (chat, fake) => {
		const { append } = fake.answers;
		const one = await chat.client('ana'), two = await chat.client('ion');
		const open = new Map();
		let most = 0;

		fake.answers.append = (body, asked) => {
			const users = new Set(body.items.map((i) => i.userId));

			for (const user of users) {
				open.set(user, (open.get(user) ?? 0) + 1);
				most = Math.max(most, open.get(user));
			}
			setTimeout(() => {
				users.forEach((u) => open.set(u, open.get(u) - 1));
				asked.reply(append(body, asked));
			}, 100);
		};
		const sends = [];

		for (let i = 0; i < 30; i++) {
			sends.push(one.send(`a${i}`), two.send(`b${i}`));
			await sleep(10);
		}
		for (const sent of await Promise.all(sends))
			assert.equal(sent.status, 'ok');
		assert.equal(most, 1);
		for (const letter of ['a', 'b'])
			assert.deepEqual(fake.contents.filter((c) => c[0] === letter),
				Array.from({ length: 30 }, (_, i) => letter + i));
	}),
}, {
	at: '§4 append', what: 'one user whose answer is missing keeps no other waiting',
	run: withGateway(async (chat, fake) => {
		const { append } = fake.answers;
		const stuck = await chat.client('stuck'), free = await chat.client('free');

		fake.answers.append = (body, asked) =>
			body.items.some((i) => i.userId === 'stuck')
				? undefined : append(body, asked);
		stuck.send('no answer');
		await fake.heard('append');
		for (let i = 0; i < 10; i++)
			assert.equal((await free.send(`m${i}`)).status, 'ok');
	}),
}, {
	at: '§4 append', what: 'duplicate in the first answer is told to the client',
	run: withGateway(async (chat, fake) => {
		const { append } = fake.answers;

		fake.answers.append = (body, asked) => {
			const reply = append(body, asked);

			reply.body.results[0].duplicate = true;
			return reply;
		};
		const client = await chat.client('ana');
		const sent = await client.send('again', { clientMessageId: 'c' });

		assert.deepEqual([sent.status, sent.duplicate], ['ok', true]);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'a refusal is told with its code, in the reply and as an error event',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		const codes = ['idempotency_conflict', 'store_full', 'unknown_business'];

		for (const code of codes) {
			fake.answers.append = ({ items: [{ appendId }] }) => ({ body: {
				results: [{ appendId, status: code, error: 'no' }] } });
			const sent = await client.send('x');

			assert.deepEqual([sent.status, sent.code], ['error', code]);
			const event = await client.waitFor('error', (e) => e.code === code);

			assert.equal(event.message, 'Eroare la procesarea mesajului');
		}
	}),
}, {
	at: '§4 append', what: 'of a request with a refused item the others are told ok',
	run: withGateway(async (chat, fake) => {
		const hold = [];

		fake.answers.append = (_, asked) => {
			hold.push(asked);
		};
		const client = await chat.client('ana');
		const first = client.send('first');

		await fake.heard('append');
		const sends = ['good', 'bad', 'fine'].map((text) => client.send(text));

		await sleep(300); // so that they travel together
		fake.answers.append = ({ items: all }) => ({ body: { results:
			all.map((i) => i.content === 'bad'
				? { appendId: i.appendId, status: 'bad_request', error: 'no' }
				: fake.store(i)) } });
		hold[0].reply(fake.answers.append(hold[0].body));
		assert.deepEqual((await Promise.all([first, ...sends]))
			.map((s) => s.code ?? s.status), ['ok', 'ok', 'bad_request', 'ok']);
	}),
}, {
	at: '§7 What a gateway owes sessiond',
	what: 'a refusal after an unanswered attempt is told as unconfirmed',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');
		let first = true;

		fake.answers.append = ({ items: [{ appendId }] }) => {
			if (!first)
				return { body: { results: [{ appendId, status: 'store_full',
					error: 'no' }] } };
			first = false;
			fake.rep.drop();
			return undefined;
		};
		const sent = await client.send('x');

		assert.deepEqual([sent.status, sent.code], ['error', 'unconfirmed']);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'unavailable after 8 s when sessiond was never reached', long: true,
	run: withGateway(async (chat) => {
		const client = await chat.client('ana');
		const started = performance.now();
		const sent = await client.send('x');
		const took = performance.now() - started;

		assert.deepEqual([sent.status, sent.code], ['error', 'unavailable']);
		assert(took > 6000 && took < 15000, `after ${took} ms`);
		// The channel is as it was.
		assert.equal(client.channel.state, 'joined');
	}, { prepare: (fake) => fake.close(), alone: true }),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'unconfirmed after 30 s without an answer; heartbeats go on', long: true,
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana',
			{ socket: { heartbeatIntervalMs: 3000 } });
		let closed = 0;

		client.socket.onClose(() => closed++);
		fake.answers.append = () => {};
		const started = performance.now();
		const sent = await client.send('x');
		const took = performance.now() - started;

		assert.deepEqual([sent.status, sent.code], ['error', 'unconfirmed']);
		assert(took > 25000 && took < 45000, `after ${took} ms`);
		const asked = itemOf(fake, 'x');

		assert(asked.length > 1, 'it was asked again');
		assert.equal(new Set(asked.map((i) => i.appendId)).size, 1);
		assert.equal(closed, 0);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'a send waits through a restart of sessiond, and is stored once',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		fake.close();
		const sent = client.send('patient');

		await sleep(1500);
		fake.begin();
		await fake.listen();
		assert.equal((await sent).status, 'ok');
		assert.deepEqual(fake.contents, ['patient']);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'what is wrong with a message is told by field, and sessiond not asked',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		for (const [fields, code, name] of [
			[{ message: '' }, 'missing_field', 'message'],
			[{ locationId: undefined }, 'missing_field', 'locationId'],
			[{ message: 7 }, 'bad_request', 'message'],
			[{ message: 'x'.repeat(8001) }, 'too_large', ''],
			[{ businessId: 'B2' }, 'forbidden', 'businessId'],
			[{ userId: 'ion' }, 'forbidden', 'userId'],
			[{ metadata: { a: 'x'.repeat(5000) } }, 'too_large', 'metadata']]) {
			const sent = await client.send('x', fields);

			assert.deepEqual([sent.status, sent.code], ['error', code],
				JSON.stringify(fields).slice(0, 60));
			assert(sent.message.includes(name), sent.message);
		}
		assert.deepEqual(fake.of('append'), []);
		await until(() => client.payloads('error').length === 7);
	}),
}];
