import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const quiet = { gateways: 0, agents: 0, cleanupds: 1 };

test('cleanupd is ready once sessiond has greeted it, and again after a restart',
	withStack(quiet, async (stack) => {
		const cleanupd = stack.cleanupd();

		await stack.sessiond.kill('SIGKILL');
		await until(async () => !(await cleanupd.admin('/readyz')).ok);

		stack.sessiond.start();
		await cleanupd.ready();

		const greetings = cleanupd.events
			.filter((e) => e.event === 'sessiond greeted');

		assert.equal(new Set(greetings.map((e) => e.boot)).size, 2);
	}));

test('cleanupd started before sessiond waits for it',
	withStack(quiet, async (stack) => {
		await stack.sessiond.kill('SIGTERM');
		await stack.cleanupd().kill('SIGTERM');
		stack.cleanupd().start();
		await until(async () =>
			(await stack.cleanupd().admin('/healthz')).ok);
		assert.equal((await stack.cleanupd().admin('/readyz')).status, 503);
		stack.sessiond.start();
		await stack.cleanupd().ready();
	}));
