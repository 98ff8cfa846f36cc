// A customer: the real phoenix.js over ws, with everything it hears kept.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import WebSocket from 'ws';
import { inTree } from './daemon.mjs';
import { until } from './until.mjs';

// Not imported: 1.6.0 is no module, and several keep heartbeat timers beyond
// their end, which must not keep a test from ending.
export function phoenix(version = '1.8.16') {
	const folder = inTree(`tests/node_modules/phoenix-${version}/priv/static`);
	const cjs = `${folder}/phoenix.cjs.js`;
	const source = readFileSync(
		existsSync(cjs) ? cjs : `${folder}/phoenix.js`, 'utf8');
	const module = { exports: {} };
	// Some also leave a global of that name behind.
	const run = new Function('module', 'exports', 'setTimeout', 'setInterval',
		`var Phoenix; ${source}\n;
		return Object.keys(module.exports).length ? module.exports : Phoenix`);

	return run(module, module.exports,
		(...args) => setTimeout(...args).unref(),
		(...args) => setInterval(...args).unref());
}

// Options: phoenix (its version), business, user, format ('text'; null is the
// guide's undeclared kind), params (further connect parameters), topic,
// payload (of the join), socket (further options of phoenix.Socket).
export async function connectClient(port, options = {}) {
	const client = new Client(port, options);

	await client.joined;
	return client;
}

class Client {
	constructor(port, { phoenix: version, business = 'B0100001', user = 'ana',
		format = 'text', params = {}, topic, payload, socket = {} } = {}) {
		const { Socket } = phoenix(version);

		this.business = business;
		this.user = user;
		this.heard = []; // {event, payload}, in order, replies left out
		this.closes = 0; // times the connection ended
		this.socket = new Socket(`ws://127.0.0.1:${port}/socket`, {
			transport: WebSocket,
			params: { businessId: business, userId: user,
				...format && { format }, ...params },
			...socket,
		});
		this.channel = this.socket.channel(topic ?? `messages:${business}`,
			payload ?? { userId: user });
		this.channel.onMessage = (event, payload) => {
			if (!/^(phx_reply|chan_reply_)/.test(event))
				this.heard.push({ event, payload });
			return payload;
		};
		this.socket.onClose(() => this.closes++);
		this.socket.connect();
		this.joined = new Promise((done, fail) => {
			this.channel.join(60000)
				.receive('ok', done)
				.receive('error', (reason) => fail(
					new Error(`join refused: ${JSON.stringify(reason)}`)))
				.receive('timeout', () => fail(new Error('join timed out')));
		});
	}

	// One push; {status: 'ok' | 'error' | 'timeout', ...the response}.
	push(event, payload, timeout = 60000) {
		return new Promise((done) => {
			this.channel.push(event, payload, timeout)
				.receive('ok', (response) => done({ status: 'ok', ...response }))
				.receive('error', (response) =>
					done({ status: 'error', ...response }))
				.receive('timeout', () => done({ status: 'timeout' }));
		});
	}

	// A message as the guide's MessageDto; `fields` are added or override.
	send(message, fields = {}, timeout) {
		return this.push('new_message', {
			businessId: this.business, locationId: 'default',
			userId: this.user, message, ...fields,
		}, timeout);
	}

	payloads(event) {
		return this.heard.filter((h) => h.event === event)
			.map((h) => h.payload);
	}

	// The first payload of an event that pleases, heard already or later.
	async waitFor(event, pleases = () => true, { timeout } = {}) {
		return until(() => this.payloads(event).find(pleases), {
			timeout, what: `${event} for ${this.user}`,
		});
	}

	// The answer to the message that `sent` acknowledged.
	answerTo(sent, options) {
		return this.waitFor('new_message',
			(m) => m.inReplyTo?.includes(sent.messageId), options);
	}

	// Sends, and waits for its answer.
	async ask(message, fields, options) {
		const sent = await this.send(message, fields);

		assert.equal(sent.status, 'ok', JSON.stringify(sent));
		return { sent, answer: await this.answerTo(sent, options) };
	}

	close() {
		this.socket.disconnect();
	}
}
