// A gateway under test between browsers (the real phoenix.js) and a scripted
// sessiond, which stores what it is sent and tells of it.
import { randomUUID } from 'node:crypto';
import { connectClient } from '../lib/client.mjs';
import { Raw } from '../lib/raw.mjs';
import { freePort } from '../lib/ports.mjs';
import { until } from '../lib/until.mjs';
import { FakeSessiond } from './fake.mjs';

export const BUSINESS = 'B1';

let clock = Date.now();
const now = () => new Date(++clock).toISOString();

// The store's side of it: {results} for an append, each stored once, events.
function store(fake) {
	const stored = new Map(); // by appendId
	const seqs = new Map();

	fake.contents = []; // as stored, in order
	fake.message = (userId, fields) => {
		const seq = (seqs.get(userId) ?? 0) + 1;

		seqs.set(userId, seq);
		return { messageId: randomUUID(), sessionId: `session-${userId}`,
			businessId: BUSINESS, userId, timestamp: now(), seq, ...fields };
	};
	fake.store = (item) => {
		const known = stored.get(item.appendId);

		if (known)
			return { ...known, duplicate: true };
		const m = fake.message(item.userId, { type: 'user',
			content: item.content, appendId: item.appendId,
			businessId: item.businessId });
		const result = { appendId: item.appendId, status: 'ok',
			sessionId: m.sessionId, messageId: m.messageId, seq: m.seq,
			timestamp: m.timestamp, turnId: `t-${m.messageId.slice(0, 8)}` };

		stored.set(item.appendId, result);
		fake.contents.push(item.content);
		fake.event('message', m);
		return result;
	};
	fake.answers.append = ({ items }) =>
		({ body: { results: items.map(fake.store) } });

	// The agent says something to a user; the message.
	fake.agentSays = (user, content, fields = {}, how) => {
		const m = fake.message(user, { type: 'agent', content, userId: 'agent',
			sender: user, inReplyTo: [], ...fields });

		fake.event('message', m, how);
		return m;
	};
}

class Chat {
	constructor(fake, kit, port) {
		Object.assign(this, { fake, kit, port });
	}

	// A browser that has joined; see lib/client.mjs.
	async client(user, options = {}) {
		const client = await connectClient(this.port,
			{ business: BUSINESS, user, ...options });

		this.kit.own(client);
		return client;
	}

	coordinator(name) {
		return this.client(undefined, { params: { userId: '' },
			payload: { role: 'coordinator', name } });
	}

	async rest(where, options) {
		const answer = await fetch(`http://127.0.0.1:${this.port}${where}`,
			options);

		return { status: answer.status, json: await answer.json() };
	}

	// Everything that was published has arrived at this client.
	async settled(client) {
		const last = this.fake.agentSays(client.user, `mark ${randomUUID()}`);

		await client.waitFor('new_message', (m) =>
			m.messageId === last.messageId);
		return last;
	}
}

// A case's `run`: story(chat, fake, kit). `prepare` scripts the fake before
// the gateway starts; `alone` does not wait for the two to meet.
export function withGateway(story, { env = {}, prepare, alone } = {}) {
	return async (kit) => {
		const fake = await FakeSessiond.open(kit);
		const port = await freePort();

		store(fake);
		await prepare?.(fake);
		kit.start({ LISTEN: `127.0.0.1:${port}`, SESSIOND_URL: fake.requests,
			SESSIOND_EVENTS_URL: fake.events, GATEWAY_NAME: 'gateway-1', ...env });
		await until(async () => (await Raw.open(port)).close() ?? true,
			{ what: 'the gateway listens' });
		if (!alone)
			await fake.ready();
		await story(new Chat(fake, kit, port), fake, kit);
		fake.assertWellFormed();
	};
}
