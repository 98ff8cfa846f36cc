// The protocol's cases of real clients: every generation of phoenix.js against
// the fixture application.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { phoenix } from '../lib/client.mjs';
import { startFixture } from '../lib/fixture.mjs';
import { exchange } from '../lib/raw.mjs';
import { sleep, until } from '../lib/until.mjs';

const VERSIONS = ['1.4.17', '1.5.14', '1.6.0', '1.6.16', '1.7.21', '1.8.16'];
const LEAVES_DUPLICATES = VERSIONS.slice(1); // by itself
const BINARY = VERSIONS.slice(1);
const FALLS_BACK = VERSIONS.slice(4);

let port;
let fixture;
let topics = 0;
const stories = [];
const story = (name, tell) => stories.push([name, tell]);

before(async () => {
	fixture = await startFixture();
	port = fixture.port;
});

after(() => fixture?.stop());

// A socket that keeps what goes over the wire: {sent, heard, closes}.
function connect(version, options = {}) {
	const wire = { sent: [], heard: [], closes: [], opened: 0 };

	class Transport extends WebSocket {
		constructor(...args) {
			super(...args);
			wire.opened++;
			this.addEventListener('message', ({ data }) => wire.heard.push(
				typeof data === 'string' ? JSON.parse(data) : data));
			this.addEventListener('close', ({ code }) => wire.closes.push(code));
		}

		send(data, ...rest) {
			wire.sent.push(typeof data === 'string' ? JSON.parse(data) : data);
			return super.send(data, ...rest);
		}
	}
	const socket = new (phoenix(version).Socket)(
		`ws://127.0.0.1:${port}/socket`, { transport: Transport, ...options });

	socket.connect();
	return { socket, wire, topic: `room:${version}-${topics++}` };
}

const outcome = (push) => new Promise((done) => {
	for (const status of ['ok', 'error', 'timeout'])
		push.receive(status, (response) => done([status, response]));
});

// A socket with one joined channel.
async function joined(version, { params = {}, ...options } = {}) {
	const client = connect(version, options);

	client.channel = client.socket.channel(client.topic, params);
	assert.equal((await outcome(client.channel.join(60000)))[0], 'ok');
	return client;
}

// A channel that is joined again, under another ref than before.
const rejoined = (channel, before) => until(() => channel.joinRef() !== before
	&& channel.state === 'joined', { what: 'a second join' });

const ends = (wire, event) => wire.heard.filter((m) => m[3] === event);

for (const version of VERSIONS) {
	story(`${version}: joins, is answered, hears others, leaves`, async () => {
		const { socket, channel, topic, wire } = await joined(version);
		const other = connect(version);
		const second = other.socket.channel(topic, {});
		const shouted = new Promise((done) => second.on('shout', done));
		const x = [1, null, 'é ț 😀'];

		await outcome(second.join());
		assert.deepEqual(await outcome(channel.push('echo', { x })),
			['ok', { x }]);
		assert.deepEqual(await outcome(channel.push('fail', { r: 1 })),
			['error', { r: 1 }]);
		channel.push('shout_others', { m: 1 });
		assert.deepEqual(await shouted, { m: 1 });
		assert.deepEqual(await outcome(channel.push('xyz', {})),
			['error', { reason: 'unknown event' }]);
		channel.push('noreply');
		assert.equal((await outcome(channel.leave()))[0], 'ok');
		await until(() => ends(wire, 'phx_close').length);
		socket.disconnect();
		other.socket.disconnect();
	});

	story(`112, 113 ${version}: closed 1001, 1011, 1012 it is back, and joined`,
		async () => {
			const { socket, channel, topic, wire } = await joined(version);

			for (const code of [1001, 1011, 1012]) {
				const before = channel.joinRef();

				await exchange(port, `POST /close?topic=${topic}&code=${code} `
					+ 'HTTP/1.1\r\nHost: localhost\r\n'
					+ 'Content-Length: 0\r\n\r\n');
				await rejoined(channel, before);
				assert.equal(wire.closes.at(-1), code);
			}
			assert.equal((await outcome(channel.push('echo', {})))[0], 'ok');
			assert.equal(wire.opened, 4);
			socket.disconnect();
		});

	story(`114 ${version}: a crashed channel is joined again`, async () => {
		const { socket, channel, wire } = await joined(version);
		const before = channel.joinRef();
		let errors = 0;

		channel.onError(() => errors++);
		channel.push('boom', {});
		await rejoined(channel, before);
		assert.equal(errors, 1);
		assert.equal(wire.opened, 1);
		socket.disconnect();
	});

	story(`114 ${version}: a refused join is tried again`, async () => {
		const { socket, topic } = connect(version);
		let tries = 0;
		const channel = socket.channel(topic,
			() => tries++ ? {} : { deny: { reason: 'not yet' } });

		assert.deepEqual(await outcome(channel.join()),
			['error', { reason: 'not yet' }]);
		await until(() => channel.state === 'joined');
		assert.equal(tries, 2);
		socket.disconnect();
	});

	story(`115 ${version}: pushes before the join's end arrive after it, in order`,
		async () => {
			const { socket, topic } = connect(version);
			const channel = socket.channel(topic, { delay: 200 });
			const answered = [];
			const join = channel.join().receive('ok',
				() => answered.push('joined'));
			const pushes = [1, 2, 3].map((n) => outcome(
				channel.push('echo', { n })).then(([, r]) => answered.push(r.n)));

			await Promise.all([outcome(join), ...pushes]);
			assert.deepEqual(answered, ['joined', 1, 2, 3]);
			socket.disconnect();
		});

	story(`116 ${version}: left and joined at once, a topic stays joined`,
		async () => {
			const { socket, channel, topic, wire } = await joined(version);

			channel.leave();
			const next = socket.channel(topic, {});

			assert.equal((await outcome(next.join()))[0], 'ok');
			await sleep(1000);
			assert.equal(next.state, 'joined');
			assert.equal((await outcome(next.push('echo', {})))[0], 'ok');
			assert.deepEqual(ends(wire, 'phx_close').map((m) => m[0]),
				[channel.joinRef()]);
			socket.disconnect();
		});

	story(`84 ${version}: a join that timed out ends in exactly one`, async () => {
		const { socket, topic, wire } = connect(version);
		let tries = 0;
		const channel = socket.channel(topic,
			() => tries++ ? {} : { delay: 2500 });
		let shouts = 0;

		channel.on('shout', () => shouts++);
		await until(() => socket.isConnected());
		assert.equal((await outcome(channel.join(400)))[0], 'timeout');
		await until(() => channel.state === 'joined', { timeout: 60000 });
		assert(wire.sent.some((m) => m[3] === 'phx_leave'));
		assert.deepEqual(
			await outcome(channel.push('shout_reply', {}, 60000)), ['ok', {}]);
		assert.equal(shouts, 1);
		socket.disconnect();
	});
}

story('53 1.4.17: of two channels of a topic the second stays', async () => {
	const { socket, channel, topic } = await joined('1.4.17');
	let closed = 0;

	channel.onClose(() => closed++);
	const second = socket.channel(topic, {});

	assert.equal((await outcome(second.join()))[0], 'ok');
	await until(() => closed);
	assert.equal((await outcome(second.push('echo', {})))[0], 'ok');
	assert.deepEqual([closed, second.state], [1, 'joined']);
	socket.disconnect();
});

for (const version of LEAVES_DUPLICATES) {
	story(`54 ${version}: of two channels of a topic the second stays`,
		async () => {
			const { socket, channel, topic, wire } = await joined(version);
			const first = channel.joinRef();
			const second = socket.channel(topic, {});

			assert.equal((await outcome(second.join()))[0], 'ok');
			assert.equal((await outcome(second.push('echo', {})))[0], 'ok');
			assert.equal(second.state, 'joined');
			assert.deepEqual(ends(wire, 'phx_close').map((m) => m[0]), [first]);
			socket.disconnect();
		});
}

for (const version of BINARY) {
	story(`100 ${version}: bytes go both ways, also on topic room:é`,
		async () => {
			const { socket } = connect(version);
			const channel = socket.channel('room:é', {});
			const data = Uint8Array.of(0, 1, 255).buffer;
			const pushed = new Promise((done) => channel.on('pushed', done));

			await outcome(channel.join());
			const [status, bytes] = await outcome(channel.push('echo', data));

			assert.equal(status, 'ok');
			assert.deepEqual(new Uint8Array(bytes), new Uint8Array(data));
			channel.push('push_bin', {});
			assert.deepEqual(new Uint8Array(await pushed), Uint8Array.of(0, 1));
			socket.disconnect();
		});
}

story('117 1.8.16: a token comes with the subprotocol', async () => {
	const { socket, channel } = await joined('1.8.16', { authToken: 'secret' });
	const [status, seen] = await outcome(channel.push('whoami', {}));

	assert.deepEqual([status, seen.token], ['ok', 'secret']);
	socket.disconnect();
});

for (const version of FALLS_BACK) {
	story(`118 ${version}: with a fallback at hand it stays on its WebSocket`,
		async () => {
			const stored = new Map();
			const { socket, channel, wire } = await joined(version, {
				longPollFallbackMs: 4000,
				sessionStorage: {
					getItem: (key) => stored.get(key) ?? null,
					setItem: (key, value) => stored.set(key, value),
				},
			});

			await sleep(5000);
			assert.equal((await outcome(channel.push('echo', {})))[0], 'ok');
			assert.equal(wire.opened, 1);
			assert(!stored.has('phx:fallback:LongPoll'));
			socket.disconnect();
		});
}

// They mostly wait for the clients' timers, so all at once.
test('phoenix.js of every generation', { concurrency: true }, (t) =>
	Promise.all(stories.map(([name, tell]) => t.test(name, tell))));
