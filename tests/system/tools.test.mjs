// sessiond's tools: a store is checked, copied while it is used, and a business
// is moved to another one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { balanceAnswers, today } from '../lib/books.mjs';
import { buildDir } from '../lib/daemon.mjs';
import { Req } from '../lib/sp.mjs';
import { withStack } from '../lib/stack.mjs';

const sessiond = path.join(buildDir, 'sessiond');

// Runs a tool on a store; {status, out, err}.
function tool(store, args, options) {
	const { status, stdout, stderr } = spawnSync(sessiond, args, {
		env: { ...process.env, STORE_DIR: store, LOG_LEVEL: 'error' },
		encoding: 'utf8',
		maxBuffer: 1 << 28,
		...options,
	});

	return { status, out: stdout, err: stderr };
}

const storeOf = (stack) => path.join(stack.dir, 'store');

function isWhole(store) {
	const { status, out, err } = tool(store, ['--check']);

	assert.match(out, / 0 faults\n$/, err);
	assert.equal(status, 0);
}

// Some users with answered messages, two of one day, one still unanswered.
async function converse(stack) {
	for (const user of ['ana', 'ion', 'eva']) {
		const client = await stack.client({ user });

		await client.ask('Cât costă o consultație?', { clientMessageId: 'c-1' });
		await client.ask('Do you have parking?');
	}
	await stack.agent().kill('SIGKILL');
	const client = await stack.client({ user: 'nobody-answers' });
	const sent = await client.send('Mai sunteți acolo?');

	assert.equal(sent.status, 'ok');
}

test('a store that was used is whole, also while it is used',
	withStack({}, async (stack) => {
		await converse(stack);
		isWhole(storeOf(stack));
	}));

// A row is taken out, or put in, behind sessiond's back.
function damaged(stack, name, change) {
	const dump = spawnSync('mdb_dump', ['-a', storeOf(stack)],
		{ encoding: 'latin1', maxBuffer: 1 << 28 });
	const store = path.join(stack.dir, name);

	assert.equal(dump.status, 0, dump.stderr);
	mkdirSync(store);
	const load = spawnSync('mdb_load', [store],
		{ input: change(dump.stdout), encoding: 'latin1' });

	assert.equal(load.status, 0, load.stderr);
	return store;
}

// The rows of one table in a dump, as pairs of lines.
function withoutRow(table) {
	return (dump) => {
		const at = dump.indexOf(`database=${table}\n`);
		const head = dump.indexOf('HEADER=END\n', at) + 'HEADER=END\n'.length;
		const lines = dump.slice(head).split('\n');

		assert(lines[0].startsWith(' '), `${table} has rows`);
		return dump.slice(0, head) + lines.slice(2).join('\n');
	};
}

test('a row that is missing from any table is noticed',
	withStack({}, async (stack) => {
		await converse(stack);
		await stack.sessiond.kill('SIGTERM');
		isWhole(damaged(stack, 'undamaged', (dump) => dump));
		for (const table of ['SESSION', 'SESSION_ID', 'DAY', 'USER', 'ACTIVITY',
			'RETENTION', 'MESSAGE', 'MESSAGE_ID', 'TURN', 'OPEN', 'CLIENT_ID']) {
			const { status, out } = tool(
				damaged(stack, `without-${table}`, withoutRow(table)),
				['--check']);

			assert.equal(status, 1, `a row of ${table} is missing: ${out}`);
			assert.match(out, /, [1-9]\d* faults\n$/, table);
		}
		await stack.sessiond.start().ready();
	}));

test('a backup of a store in use is whole and can be served',
	withStack({}, async (stack) => {
		const copy = path.join(stack.dir, 'copy');
		const writer = await stack.client({ user: 'busy' });
		let going = true;
		const writing = (async () => {
			let sent = 0;

			for (; going; sent++)
				assert.equal((await writer.send(`line ${sent}`)).status, 'ok');
			return sent;
		})();

		await writer.waitFor('new_message');
		const { status, out, err } = tool(storeOf(stack), ['--backup', copy]);

		assert.equal(status, 0, err);
		assert.match(out, /data\.mdb: \d+ bytes\n$/);
		going = false;
		assert(await writing > 0);
		isWhole(copy);
		const again = tool(storeOf(stack), ['--backup', copy]);

		assert.equal(again.status, 1);
		assert.match(again.err, /is there already/);

		await stack.sessiond.kill('SIGKILL');
		stack.sessiond.env.STORE_DIR = copy;
		await stack.sessiond.start().ready();
		const history = await stack.history(today('busy'));

		assert(history.length > 0);
		assert.equal(history[0].content, 'line 0');
	}));

// Turns get new names in another store.
const unturned = ({ metadata: { turnId, ...metadata }, ...message }) =>
	({ ...message, metadata });

test('a business moves to another store with everything it had',
	withStack({}, async (stack) => {
		await converse(stack);
		const before = {};

		for (const user of ['ana', 'ion', 'eva', 'nobody-answers'])
			before[user] = await stack.history(today(user));
		const exported = tool(storeOf(stack), ['--export', 'B0100001']);
		const file = path.join(stack.dir, 'B0100001.jsonl');
		const other = path.join(stack.dir, 'other');

		assert.equal(exported.status, 0, exported.err);
		writeFileSync(file, exported.out);
		const imported = tool(other, ['--import', file]);

		assert.equal(imported.status, 0, imported.err);
		isWhole(other);
		const twice = tool(other, ['--import', file]);

		assert.equal(twice.status, 1);
		assert.match(twice.err, /has this business already/);

		await stack.sessiond.kill('SIGTERM');
		stack.sessiond.env.STORE_DIR = other;
		await stack.sessiond.start().ready();
		for (const user of ['ana', 'ion', 'eva', 'nobody-answers'])
			assert.deepEqual((await stack.history(today(user))).map(unturned),
				before[user].map(unturned), user);

		// Keys moved too: what was sent before is still known.
		const ana = await stack.client({ user: 'ana' });
		const again = await ana.send(
			'Cât costă o consultație?', { clientMessageId: 'c-1' });

		assert.equal(again.status, 'ok');
		assert.equal(again.messageId, before.ana[0].messageId);

		// And the open turn is answered here.
		await stack.agent().start().ready();
		const waiting = await stack.client({ user: 'nobody-answers' });

		await waiting.ask('Și acum?');
		balanceAnswers(await stack.history(today('nobody-answers')));
	}));

test('an import that is cut off is not served, and goes on when run again',
	withStack({}, async (stack) => {
		await converse(stack);
		const { out } = tool(storeOf(stack), ['--export', 'B0100001']);
		const lines = out.split('\n');
		const other = path.join(stack.dir, 'other');
		const file = path.join(stack.dir, 'all.jsonl');

		writeFileSync(file, out);
		for (const end of [3, Math.floor(lines.length / 2), lines.length - 2]) {
			const cut = path.join(stack.dir, `cut-${end}.jsonl`);

			writeFileSync(cut, `${lines.slice(0, end).join('\n')}\n`);
			const { status, err } = tool(other, ['--import', cut]);

			assert.equal(status, 1, `cut after ${end} lines`);
			assert.match(err, /the file ends before the export does/);
			const served = tool(other, [], { timeout: 20000 });

			assert.notEqual(served.status, 0);
			assert.match(served.err, /import of B0100001 was not finished/);
		}
		const { status, err } = tool(other, ['--import', file]);

		assert.equal(status, 0, err);
		isWhole(other);
	}));

test('what is no export is refused and changes nothing',
	withStack({}, async (stack) => {
		const other = path.join(stack.dir, 'other');

		for (const [text, why] of [
			['', /ends before the export does/],
			['{}\n', /no export begins here/],
			['not json\n', /line 1: not JSON/],
			['{"export":{"businessId":"../x","schema":1}}\n', /no business id/],
			['{"export":{"businessId":"B1","schema":9}}\n', /another schema/],
			['{"message":{"seq":1}}\n', /no export begins here/]]) {
			const { status, err } = tool(other, ['--import', '-'],
				{ input: text });

			assert.equal(status, 1, text);
			assert.match(err, why);
		}
		isWhole(other);
		assert.equal(tool(storeOf(stack), ['--export', '../x']).status, 1);
		assert.equal(tool(path.join(stack.dir, 'none'), ['--check']).status, 1);
	}));

test('a conversation shows how it stands, and its turn can be taken back',
	withStack({ sessiond: { env: { LEASE_MS: '600000' } } }, async (stack) => {
		await stack.agent().kill('SIGKILL');
		const client = await stack.client({ user: 'ana' });
		const sent = await client.send('Bună ziua');
		const req = await Req.connect(stack.requests);
		const who = { businessId: 'B0100001', userId: 'ana' };
		const claim = (claimNo, holds = []) => req.ask('claim', {
			agent: 'by-hand', boot: 'b1', claimNo: String(claimNo),
			places: 1, holds });

		await req.ask('hello', { role: 'agentd', name: 'by-hand', boot: 'b1',
			oldestVersion: 1, newestVersion: 1 });
		const { body: { turns: [grant] } } = await claim(1);

		await req.ask('progress', { turnId: grant.turnId, lease: grant.lease });
		const { body: stands } = await req.ask('conversation', who);

		assert.equal(stands.handler, 'bot');
		assert.equal(stands.session.sessionId, sent.sessionId);
		assert.equal(stands.openTurns.length, 1);
		assert.equal(stands.openTurns[0].state, 'leased');
		assert.equal(stands.openTurns[0].agent, 'by-hand');
		assert.equal(stands.openTurns[0].attempts, 1);
		assert.deepEqual(stands.openTurns[0].messageIds, [sent.messageId]);

		const { status, body } = await req.ask('requeue',
			{ turnId: grant.turnId, by: 'coordinator:eva' });

		assert.equal(status, 'ok');
		assert.equal(body.state, 'queued');
		const late = await req.ask('finish', { turnId: grant.turnId,
			lease: grant.lease, content: 'prea târziu' });

		assert.equal(late.status, 'stale_lease');
		const { body: after } = await req.ask('conversation', who);

		assert.equal(after.openTurns[0].state, 'queued');
		assert.equal(after.openTurns[0].attempts ?? 0, 0);
		await stack.agent().start().ready();
		await client.answerTo(sent);
		const ended = await req.ask('requeue',
			{ turnId: grant.turnId, by: 'coordinator:eva' });

		assert.equal(ended.status, 'conflict');
		req.close();
	}));
