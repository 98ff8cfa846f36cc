// The agentd in Python, written from PROTOCOL.md alone, in place of ours.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Customer, balance, dice, tally, today } from '../lib/books.mjs';
import { withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

test('a customer is answered by an agentd of another making',
	withStack({ agents: 0 }, async (stack) => {
		const client = await stack.client();

		await stack.addPeer();
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
		const peer = await stack.addPeer();

		await client.ask('What are your opening hours?');
		await stack.sessiond.restart({ signal: 'SIGKILL' });
		await peer.ready();
		const { answer } = await client.ask('How much is an ultrasound?');

		assert.match(answer.message, /220 RON/);
	}));

test('what one that died had claimed is answered by the next',
	withStack({ agents: 0 }, async (stack) => {
		const client = await stack.client();
		const peer = await stack.addPeer();

		await peer.kill();
		await peer.start({ THINK_MS: '600000' }).ready();
		const sent = await client.send('What are your opening hours?');

		await client.waitFor('typing');
		await peer.kill();
		await peer.start({ THINK_MS: '0' }).ready();
		const answer = await client.answerTo(sent, { timeout: 60000 });

		assert.match(answer.message, /Monday: 08:00–20:00/);
	}));

test('a turn that ends under it is let go, and the next one answered',
	withStack({ agents: 0, peer: { env: { THINK_MS: '3000' } } },
		async (stack) => {
			const client = await stack.client({ user: 'resolved' });
			const other = await stack.client({ user: 'other' });
			const peer = await stack.addPeer();
			const held = async () => Number((await (await peer.admin(
				'/metrics')).text()).match(/taifas_turns_held (\d+)/)[1]);

			for (const act of ['resolve', 'cancel']) {
				const sent = await client.send(`never mind: ${act}`);

				await until(async () => await held() === 1);
				const { status } = await stack.rest(
					`/api/sessions/${sent.sessionId}/${act}`, { method: 'POST' });

				assert.equal(status, 200);
				const ended = await client.waitFor('message_processed',
					(e) => e.messageIds.includes(sent.messageId));

				assert.equal(ended.status, 'cancelled');
				await until(async () => await held() === 0, {
					what: 'it stops thinking' });
			}
			await Promise.all([client, other].map((each) =>
				each.ask('What are your opening hours?')));
			assert.deepEqual((await stack.history(today('resolved')))
				.map((m) => m.type),
			['user', 'system', 'system', 'user', 'user', 'agent'],
			'resolved, and opened again by the user');
		}));

test('beside ours it shares the work; whoever ends, each turn has one answer',
	withStack({ gateways: 2, agents: 1, sessiond: { env: { LEASE_MS: '2000' } },
		agent: { env: { THINK_MS: '50', DRAIN_MS: '1000' } },
		peer: { env: { THINK_MS: '50' } } }, async (stack) => {
		const customers = Array.from({ length: 6 }, (_, i) =>
			new Customer(stack, i));
		const peer = await stack.addPeer();
		let going = true;

		await Promise.all(customers.map((customer, i) => customer.connect(i)));
		const writing = customers.map((customer, i) =>
			customer.write(() => going, dice(i), 250));

		for (const [daemon, signal] of [[peer, 'SIGTERM'],
			[stack.agent(0), 'SIGKILL'], [peer, 'SIGKILL'],
			[stack.sessiond, 'SIGKILL']]) {
			const before = tally(customers).stored;

			await until(() => tally(customers).stored > before + 20);
			const end = await daemon.kill(signal);

			if (signal === 'SIGTERM')
				assert.deepEqual(end, { code: 0, signal: null });
			await daemon.start().ready();
		}
		going = false;
		await Promise.all(writing);
		await balance(stack, customers);
	}));
