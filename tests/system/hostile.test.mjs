// Clients that read too slowly, send too much or send nonsense: they end, and
// nobody else notices.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dice } from '../lib/books.mjs';
import { shareStack } from '../lib/stack.mjs';
import { sleep, until } from '../lib/until.mjs';
import { Ws, frame } from '../lib/ws.mjs';

const QUEUE_BYTES = 256 * 1024;
const MESSAGE_BYTES = 128 * 1024;
const shared = shareStack({ agents: 1,
	gateway: { env: { QUEUE_BYTES: String(QUEUE_BYTES) } } });

const gateway = () => shared.stack.gateway();
const open = () => Ws.open(gateway().port);
const sockets = () => gateway().metric('taifas_gateway_sockets');

async function join(payload) {
	const ws = await open();

	ws.send(['1', '1', 'messages:B0100001', 'phx_join', payload]);
	assert.equal((await ws.next())[4].status, 'ok');
	return ws;
}

// A conversation that must not notice anything, until `over` is true.
async function converse(user, over) {
	const client = await shared.stack.client({ user });
	let closed = 0, asked = 0, sent;

	client.socket.onClose(() => closed++);
	do {
		({ sent } = await client.ask(`question ${asked++}`));
	} while (!over());
	const history = await shared.stack.history(sent.sessionId);

	assert.deepEqual(history.filter((m) => m.type === 'user')
		.map((m) => m.content), Array.from({ length: asked },
		(_, i) => `question ${i}`));
	assert.equal(closed, 0, 'its socket stays open');
	client.close();
}

const slowOnes = []; // of the next test

test('who does not read is closed 1013, others notice nothing', async () => {
	const coordinator = (name) => join({ role: 'coordinator', name });
	const reader = await coordinator('quick');
	const writer = await shared.stack.client({ user: 'writer' });
	const slowClosed = () => gateway().events
		.some((e) => e.event === 'slow client closed');
	let over = false, sent = 0;
	const talk = converse('bystander', () => over);
	// Each is escaped to five times as much for who has not declared itself,
	// and is with who reads before the next one is said.
	const say = async () => {
		assert.equal((await writer.send('&'.repeat(8000))).status, 'ok');
		sent++;
		for (let frame = []; frame[4]?.message !== '&amp;'.repeat(8000) ||
			frame[3] !== 'user_message';)
			frame = await reader.next();
	};

	slowOnes.push(await coordinator('slow'), await coordinator('slower'));
	for (const ws of slowOnes)
		ws.raw.socket.pause();
	while (!slowClosed()) {
		assert(sent < 2000, 'somebody is closed at some time');
		await say();
	}
	for (let more = sent; more > 0; more--) // the other one, too
		await say();
	slowOnes[0].raw.socket.resume();
	assert.equal((await slowOnes[0].closed()).code, 1013);
	over = true;
	await talk;
	for (const done of [reader, writer, slowOnes[0]])
		done.close();
});

test('a message has at most 128 KB, in one frame or many', async () => {
	const ws = await open();
	const text = (length) => `[null,"1","phoenix","heartbeat",{}${
		' '.repeat(length - '[null,"1","phoenix","heartbeat",{}]'.length)}]`;

	ws.frame(text(MESSAGE_BYTES));
	assert.equal((await ws.next())[1], '1');
	for (const part of [1000, 65536, 131071]) {
		const whole = text(MESSAGE_BYTES);

		ws.frame(whole.slice(0, part), { fin: false });
		ws.frame(whole.slice(part), { opcode: 0 });
		assert.equal((await ws.next())[1], '1');
	}
	await ws.quiet();
	ws.close();

	const tooBig = [
		[frame(text(MESSAGE_BYTES + 1))],
		[frame('x'.repeat(1000000))],
		// A length is believed, so that nothing is kept waiting for the rest.
		[frame('x', { length: BigInt(MESSAGE_BYTES + 1) })],
		[frame('x', { length: 1n << 40n })],
		[frame('x'.repeat(MESSAGE_BYTES), { fin: false }),
			frame('x', { opcode: 0 })],
		Array.from({ length: 200 }, (_, i) =>
			frame('x'.repeat(1000), { opcode: i ? 0 : 1, fin: false })),
	];

	for (const [i, frames] of tooBig.entries()) {
		const big = await open();

		big.write(Buffer.concat(frames));
		assert.equal((await big.closed()).code, 1009, `case ${i}`);
		big.close();
	}
});

// What no client should send, and how it may end. A close code of null is an
// end without a close frame.
const NONSENSE = [
	['not JSON', 'x'.repeat(100), {}, [1011]],
	['no frame of Phoenix', '{"a":1}', {}, [1011]],
	['too few parts', '["1","1","messages:B0100001","phx_join"]', {}, [1011]],
	['too deep', `["1","1","a","b",${'['.repeat(5000)}${']'.repeat(5000)}]`,
		{}, [1011]],
	['an open list', '[[[[', {}, [1011]],
	['a long number', `["1","1","a","b",${'9'.repeat(1000)}]`, {}, [1011]],
	['a byte-order mark', '\ufeff[null,"1","phoenix","heartbeat",{}]', {}, [1011]],
	['U+0000 in the raw', '["1","1","a\u0000","b",{}]', {}, [1011]],
	['nothing', '', {}, [1011]],
	['no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), {}, [1007]],
	['half a character', Buffer.from([0x22, 0xc8]), {}, [1007]],
	['reserved bits', '[]', { rsv: 4 }, [1002]],
	['a reserved opcode', '[]', { opcode: 3 }, [1002]],
	['a stray continuation', '[]', { opcode: 0 }, [1002]],
	['a long ping', 'x'.repeat(126), { opcode: 'ping' }, [1002, null]],
	['a binary frame of nothing', '', { opcode: 'binary' }, [1011]],
	['a binary frame of noise', Buffer.from([7, 1, 2, 3]), { opcode: 'binary' },
		[1011]],
	['a binary head that lies', Buffer.from([0, 255, 255, 255, 255, 1]),
		{ opcode: 'binary' }, [1011]],
	['too much', 'x'.repeat(MESSAGE_BYTES + 1), {}, [1009]],
];

for (const [what, payload, options, codes] of NONSENSE)
	test(`${what} ends its connection alone`, async () => {
		const ws = await open();
		const other = await open();

		ws.frame(payload, options);
		const { code } = await ws.closed();

		assert(codes.includes(code), `closed ${code}`);
		await other.quiet();
		ws.close();
		other.close();
	});

// One of 20 that come back again and again, until `over`.
async function storm(random, over) {
	while (!over()) {
		const ws = await open();
		const [, payload, options, expected] = NONSENSE[random(NONSENSE.length)];

		for (let i = random(20); i > 0; i--)
			ws.send([null, `${i}`, 'phoenix', 'heartbeat', {}]);
		ws.frame(payload, options);
		for (let i = random(20); i > 0; i--)
			ws.frame('after the end');
		if (random(4)) {
			const { code } = await ws.closed();

			// Who goes on sending may be cut off before it hears why.
			assert([...expected, null].includes(code), `closed ${code}`);
		}
		ws.close();
	}
}

test('a storm of nonsense on 20 sockets disturbs no other', async () => {
	const random = dice(7);
	let asked = 0;
	const over = () => asked >= 25;
	const talks = ['calm', 'steady'].map((user) =>
		converse(user, () => ++asked && over()));
	const storms = Array.from({ length: 20 }, () => storm(random, over));
	const beats = (async () => {
		const ws = await open();

		for (; !over(); await sleep(10))
			await ws.quiet();
		ws.close();
	})();

	await Promise.all([...talks, ...storms, beats]);
	for (const ws of await Promise.all(Array.from({ length: 20 }, open))) {
		await ws.quiet();
		ws.close();
	}
});

test('who never reads is gone in the end', async () => {
	const { raw } = slowOnes[1];

	assert(raw.socket.isPaused());
	await until(async () => await sockets() === 0);
	slowOnes[1].close();
});
