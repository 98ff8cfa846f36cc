// gateway: REST, who may come in, and peers that are rude or slow.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { exchange, Raw } from '../lib/raw.mjs';
import { sleep, until } from '../lib/until.mjs';
import { Ws } from '../lib/ws.mjs';
import { BUSINESS, withGateway } from './chat.mjs';

const TIME = '2026-01-02T03:04:05.678Z';

function page(fields = {}) {
	return { body: { sessionId: 's-1', businessId: BUSINESS, userId: 'ana',
		messages: [{ messageId: 'm-1', sessionId: 's-1', businessId: BUSINESS,
			userId: 'ana', type: 'user', content: '<b>', timestamp: TIME, seq: 1,
			source: 'websocket', clientMessageId: 'c-1' }], ...fields } };
}

async function served(chat, user = 'witness') {
	const client = await chat.client(user);

	assert.equal((await client.send('still there?')).status, 'ok');
	await chat.settled(client);
	client.close();
}

export default [{
	at: '§7 REST', what: 'history is asked of sessiond and shown as the page says',
	run: withGateway(async (chat, fake) => {
		fake.answers.history = () => page({ hasMore: true, next: TIME });
		const { status, json } = await chat.rest('/api/sessions/' +
			`${BUSINESS}%3Aana%3A123/messages?limit=7&format=text` +
			`&before=${encodeURIComponent(TIME)}`);

		assert.equal(status, 200);
		assert.deepEqual(fake.of('history')[0].body,
			{ sessionId: `${BUSINESS}:ana:123`, limit: 7, before: TIME });
		assert.deepEqual([json.sessionId, json.businessId, json.userId,
			json.pagination], ['s-1', BUSINESS, 'ana',
			{ hasMore: true, nextCursor: TIME }]);
		const [{ metadata, ...message }] = json.messages;

		assert.deepEqual(message, { messageId: 'm-1', sessionId: 's-1',
			businessId: BUSINESS, userId: 'ana', content: '<b>', type: 'user',
			timestamp: TIME });
		assert.deepEqual([metadata.source, metadata.seq,
			metadata.clientMessageId], ['websocket', 1, 'c-1']);
	}),
}, {
	at: '§7 REST', what: 'strings are escaped unless format=text',
	run: withGateway(async (chat, fake) => {
		fake.answers.history = () => page();
		const { json } = await chat.rest('/api/sessions/s-1/messages');

		assert.equal(json.messages[0].content, '&lt;b&gt;');
	}),
}, {
	at: '§7 REST', what: 'garbage is 400, an unknown id 404, a refusal its own status',
	run: withGateway(async (chat, fake) => {
		const get = async (query = '') => (await chat.rest(
			`/api/sessions/s-1/messages${query}`));

		fake.answers.history = () => page();
		for (const query of ['?limit=0', '?limit=201', '?limit=x', '?before=x']) {
			const { status, json } = await get(query);

			assert.equal(status, 400, query);
			assert.equal(typeof json.error.code, 'string');
		}
		for (const [code, http] of [['not_found', 404], ['internal', 500],
			['unavailable', 503]]) {
			fake.answers.history = () => ({ status: code, message: 'no' });
			assert.equal((await get()).status, http);
		}
	}),
}, {
	at: '§7 REST', what: 'sessiond out of reach for 5 s is 503', long: true,
	run: withGateway(async (chat) => {
		const { status, json } = await chat.rest('/api/sessions/s-1/messages');

		assert.deepEqual([status, json.error.code], [503, 'unavailable']);
	}, { prepare: (fake) => fake.close(), alone: true }),
}, {
	at: '§7', what: 'a foreign Host or Origin is 403',
	run: withGateway(async (chat) => {
		const status = async (headers) => (await exchange(chat.port,
			`GET /api/business/B1 HTTP/1.1\r\n${headers}\r\n\r\n`)).status;

		assert.equal(await status('Host: evil.example'), 403);
		assert.equal(await status(
			'Host: 127.0.0.1\r\nOrigin: http://evil.example'), 403);
		await assert.rejects(Ws.open(chat.port,
			{ headers: { Origin: 'http://evil.example' } }), /403/);
		assert.equal(await status(
			'Host: localhost\r\nOrigin: http://localhost:3000'), 200);
	}),
}, {
	at: '§7 The channel messages:{businessId}',
	what: 'unknown topics and events, and joins as somebody else, are refused',
	run: withGateway(async (chat) => {
		const client = await chat.client('ana');

		assert.equal((await client.push('dance', {})).reason, 'unknown event');
		for (const [options, reason] of [
			[{ topic: 'weather:B1' }, 'unmatched topic'],
			[{ topic: 'messages:-' }, 'invalid businessId'],
			[{ payload: { userId: 'ion' } }, 'identity mismatch'],
			[{ payload: { userId: 'agent' }, params: { userId: '' } },
				'invalid userId']])
			await assert.rejects(chat.client('ana', options),
				new RegExp(reason), reason);
	}),
}, {
	at: '§7 Connecting', what: 'junk from browsers closes them, and nobody else',
	run: withGateway(async (chat) => {
		const client = await chat.client('ana');

		for (const junk of [randomBytes(3000), Buffer.alloc(100),
			Buffer.from('GET / HTTP/1.1\r\n'), Buffer.from('\r\n\r\n')])
			(await Raw.open(chat.port)).write(junk);
		for (const [text, code] of [['{', 1011], ['[]', 1011], ['null', 1011],
			['[1,2,3]', 1011], ['x'.repeat(200000), 1009]]) {
			const ws = await Ws.open(chat.port);

			ws.send(text);
			assert.equal((await ws.closed()).code, code, text.slice(0, 9));
			ws.close();
		}
		assert.equal((await client.send('fine')).status, 'ok');
		await served(chat);
	}),
}, {
	at: '§7 Connecting', what: 'a browser that reads nothing is let go, others hear all',
	long: true,
	run: withGateway(async (chat, fake) => {
		const deaf = await Ws.open(chat.port);

		deaf.send(['1', '1', `messages:${BUSINESS}`, 'phx_join',
			{ userId: 'ana' }]);
		await deaf.next();
		deaf.raw.socket.pause();
		const client = await chat.client('ana');
		const text = 'x'.repeat(15000);

		for (let i = 0; i < 1000; i++) { // 15 MB
			fake.agentSays('ana', text);
			if (i % 20 === 19)
				await sleep(5);
		}
		await chat.settled(client);
		assert.equal(client.payloads('new_message').length, 1001);
		deaf.raw.socket.resume();
		await deaf.raw.end();
		assert(deaf.raw.socket.bytesRead < 14e6, 'it was not told all');
	}),
}, {
	at: '§1 On the wire', what: 'a sessiond that sends junk is hung up on, and dialed again',
	run: withGateway(async (chat, fake) => {
		const lies = [Buffer.alloc(8, 0xff), // a length beyond belief
			Buffer.from([0, 0, 0, 0, 0xc0, 0, 0, 0]), // 3 GB
			Buffer.concat([Buffer.from([0, 0, 0, 0, 0, 0, 0, 9]),
				randomBytes(9)])];

		for (const lie of lies)
			for (const side of [fake.rep, fake.pub]) {
				const [socket] = side.sockets;

				socket.write(lie);
				await served(chat);
			}
	}),
}, {
	at: '§1 On the wire', what: 'half a reply and a reset are no answer: it asks again',
	run: withGateway(async (chat, fake) => {
		const { append } = fake.answers;
		let first = true;

		fake.answers.append = (body, asked) => {
			if (!first)
				return append(body, asked);
			first = false;
			asked.socket.write(Buffer.from([0, 0, 0, 0, 0, 0, 1, 0, 0x80, 0]));
			setTimeout(() => asked.socket.resetAndDestroy(), 100);
			return undefined;
		};
		await served(chat);
		assert.equal(fake.contents.length, 1);
	}),
}, {
	at: '§1 Envelopes', what: 'a malformed reply is no answer: unconfirmed, or asked again',
	run: withGateway(async (chat, fake) => {
		const { append } = fake.answers;
		const broken = [{ body: {} }, { body: { results: 'x' } },
			{ body: { results: [] } }, { status: 'ok', body: null }];
		const client = await chat.client('ana');

		fake.answers.append = (body, asked) => broken.shift() ??
			append(body, asked);
		while (broken.length) {
			const sent = await client.send('x');

			assert(sent.status === 'ok' || ['unconfirmed', 'internal']
				.includes(sent.code), JSON.stringify(sent));
		}
		await served(chat);
	}), long: true,
}, {
	at: '§8', what: 'a sessiond that comes late is found; browsers keep their channel',
	run: withGateway(async (chat, fake) => {
		const client = await chat.client('ana');

		await sleep(1500);
		await fake.listen();
		await client.waitFor('resync');
		assert.equal((await client.send('at last')).status, 'ok');
	}, { prepare: (fake) => fake.close(), alone: true }),
}, {
	at: '§7 Connecting', what: 'SIGTERM closes with 1012 and ends it with exit code 0',
	run: withGateway(async (chat, fake, kit) => {
		const client = await chat.client('ana');
		let code;

		client.socket.onClose((event) => {
			code ??= event.code;
			client.close();
		});
		assert.deepEqual(await kit.program.kill('SIGTERM'),
			{ code: 0, signal: null });
		await until(() => code);
		assert.equal(code, 1012);
	}),
}];
