// Health and metrics: what every daemon tells on its admin port.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const all = { gateways: 1, agents: 1, cleanupds: 1 };

async function metricsOf(daemon) {
	const answer = await daemon.admin('/metrics');

	assert.equal(answer.status, 200);
	assert.match(answer.headers.get('content-type'), /^text\/plain/);
	return answer.text();
}

test('promtool finds nothing wrong with the metrics of any daemon',
	withStack(all, async (stack) => {
		const client = await stack.client({ user: 'ana' });

		await client.ask('Cât costă o consultație?');
		for (const daemon of stack.daemons) {
			const { status, stdout, stderr } = spawnSync('promtool',
				['check', 'metrics'],
				{ input: await metricsOf(daemon), encoding: 'utf8' });

			assert.equal(status, 0, `${daemon.name}: ${stderr}`);
			assert.equal(stdout + stderr, '', daemon.name);
		}
	}));

// What must have moved once one message went all the way, and where.
const STAGES = {
	gateway: ['taifas_gateway_frames_in_total',
		'taifas_gateway_appends_total{code="ok"}',
		'taifas_gateway_append_batch_items_count',
		'taifas_gateway_events_applied_total',
		'taifas_gateway_deliveries_total',
		'taifas_gateway_sockets', 'taifas_gateway_link_up'],
	sessiond: ['taifas_sessiond_requests_total{op="append"}',
		'taifas_sessiond_requests_total{op="claim"}',
		'taifas_sessiond_requests_total{op="finish"}',
		'taifas_sessiond_commits_total',
		'taifas_sessiond_batch_jobs_count',
		'taifas_sessiond_commit_seconds_count',
		'taifas_sessiond_events_total',
		'taifas_sessiond_turns_total{outcome="answered"}',
		'taifas_sessiond_sessions', 'taifas_sessiond_messages',
		'taifas_sessiond_store_disk_free_bytes'],
	agentd: ['taifas_agent_claims_total',
		'taifas_agent_turns_total{outcome="answered"}',
		'taifas_agent_generate_seconds_count'],
};

test('one message leaves its trace at every stage of its path',
	withStack(all, async (stack) => {
		const client = await stack.client({ user: 'ana' });

		await client.ask('Cât costă o consultație?');
		for (const [program, names] of Object.entries(STAGES)) {
			const daemon = stack.daemons.find((d) => d.program === program);

			for (const name of names)
				await until(async () => await daemon.metric(name) > 0,
					{ what: name });
		}
		for (const name of ['taifas_sessiond_leases',
			'taifas_sessiond_jobs_waiting', 'taifas_sessiond_open_turns',
			'taifas_sessiond_leases_expired_total',
			'taifas_sessiond_store_full_total'])
			await until(async () => await stack.sessiond.metric(name) === 0,
				{ what: name });
	}));

async function notReady(daemon) {
	return until(async () => {
		const answer = await daemon.admin('/readyz');
		const said = await answer.json();

		assert.equal((await daemon.admin('/healthz')).status, 200,
			`${daemon.name} is alive all the same`);
		return answer.status === 503 && said.ready === false && said.reason;
	}, { what: `${daemon.name} not ready` });
}

test('who cannot reach sessiond is alive but not ready, and says why',
	withStack(all, async (stack) => {
		await stack.sessiond.kill('SIGKILL');
		for (const daemon of [stack.gateway(), stack.agent(), stack.cleanupd()])
			assert.match(await notReady(daemon), /sessiond/, daemon.name);
		await stack.sessiond.start().ready();
		for (const daemon of stack.daemons)
			await daemon.ready();
	}));

test('a silent sessiond makes its peers not ready until it wakes',
	withStack(all, async (stack) => {
		stack.sessiond.freeze();
		for (const daemon of [stack.gateway(), stack.agent()])
			await notReady(daemon);
		stack.sessiond.thaw();
		for (const daemon of stack.daemons)
			await daemon.ready();
	}));
