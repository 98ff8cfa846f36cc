// The agentd in Python, written from PROTOCOL.md alone, in place of ours.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { Daemon, buildDir, inTree } from '../lib/daemon.mjs';
import { freePort } from '../lib/ports.mjs';
import { withStack } from '../lib/stack.mjs';

// Started in the stack, and stopped with it.
async function addPeer(stack) {
	const adminPort = await freePort();
	const program = inTree('tests/peers/agentd.py');
	const peer = new Daemon(path.relative(buildDir, program), {
		name: 'peer', adminPort, logFile: path.join(stack.dir, 'peer.log'),
		env: {
			SESSIOND_URL: stack.requests, SESSIOND_EVENTS_URL: stack.events,
			AGENT_NAME: 'peer', ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
		},
	});

	stack.agents.push(peer);
	return peer.start().ready();
}

test('a customer is answered by an agentd of another making',
	withStack({ agents: 0 }, async (stack) => {
		const client = await stack.client();

		await addPeer(stack);
		const known = await client.ask(
			'Cât costă o consultație și ce program aveți sâmbătă?');
		const unknown = await client.ask('Aveți mașină de spălat?');

		assert.match(known.answer.message, /250 RON/);
		assert.match(known.answer.message, /09:00–14:00/);
		assert.match(unknown.answer.message, /Nu știu/);
	}));

test('it survives a sessiond that is killed, and answers what waited',
	withStack({ agents: 0 }, async (stack) => {
		const client = await stack.client();
		const peer = await addPeer(stack);

		await client.ask('What are your opening hours?');
		await stack.sessiond.restart({ signal: 'SIGKILL' });
		await peer.ready();
		const { answer } = await client.ask('How much is an ultrasound?');

		assert.match(answer.message, /220 RON/);
	}));

test('what one that died had claimed is answered by the next',
	withStack({ agents: 0 }, async (stack) => {
		const client = await stack.client();
		const peer = await addPeer(stack);

		await peer.kill();
		await peer.start({ THINK_MS: '600000' }).ready();
		const sent = await client.send('What are your opening hours?');

		await client.waitFor('typing');
		await peer.kill();
		await peer.start({ THINK_MS: '0' }).ready();
		const answer = await client.answerTo(sent, { timeout: 60000 });

		assert.match(answer.message, /Monday: 08:00–20:00/);
	}));
