// A chat server as one would write it in an afternoon: Phoenix V2 over the
// `ws` package, everything from memory, nothing stored. The peer that
// `make bench-peers` measures beside ours.
//
//	node peer.mjs PORT
import { WebSocketServer } from 'ws';

const topics = new Map(); // name -> Set of {socket, joinRef}
const server = new WebSocketServer({ host: '127.0.0.1',
	port: Number(process.argv[2]), perMessageDeflate: false });

const say = (socket, ...frame) => socket.send(JSON.stringify(frame));
const reply = (socket, joinRef, ref, topic, response = {}) =>
	say(socket, joinRef, ref, topic, 'phx_reply', { status: 'ok', response });

function join(socket, joined, joinRef, ref, topic) {
	if (!topics.has(topic))
		topics.set(topic, new Set());
	topics.get(topic).add(socket);
	joined.add(topic);
	reply(socket, joinRef, ref, topic);
}

function tell(topic, event, payload) {
	const frame = JSON.stringify([null, null, topic, event, payload]);

	for (const socket of topics.get(topic) ?? [])
		socket.send(frame);
}

server.on('connection', (socket) => {
	const joined = new Set();

	socket.on('message', (data) => {
		const [joinRef, ref, topic, event, payload] = JSON.parse(data);

		if (event === 'phx_join')
			join(socket, joined, joinRef, ref, topic);
		else if (topic === 'phoenix')
			reply(socket, joinRef, ref, topic);
		else if (joined.has(topic)) {
			reply(socket, joinRef, ref, topic);
			tell(topic, event, payload);
		}
	});
	socket.on('close', () => {
		for (const topic of joined)
			topics.get(topic).delete(socket);
	});
});
