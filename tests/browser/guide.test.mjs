// The guide's own class and page, unchanged, with the phoenix it pins.
//
// Its script tag names a CDN: what is served for it is that very version, and
// behind it the class, as a bundler would put them into one file; only the
// class's import line is resolved. Its addresses (localhost:3001) are led to
// the test's gateway by the browser.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { launch, newPage, noProblems, pictured } from '../lib/browser.mjs';
import { inTree } from '../lib/daemon.mjs';
import { exampleTenant, withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const CDN = 'https://cdn.jsdelivr.net/npm/phoenix@1.6.0/priv/static/phoenix.js';
const fixture = (name) =>
	readFileSync(inTree('tests/browser/guide', name), 'utf8');
const page = fixture('page.html');
const client = fixture('client.js');
const bundle = readFileSync(inTree(
	'tests/node_modules/phoenix-1.6.0/priv/static/phoenix.js'), 'utf8') +
	client.replace('import { Socket } from "phoenix";',
		'const { Socket } = Phoenix;');

const QUESTION = 'Cât costă o consultație și ce program aveți sâmbătă?';

// The guide's page under `origin`, connected.
async function openGuide(guide, origin = 'http://localhost:3001') {
	await guide.context().grantPermissions(['local-network-access'], { origin });
	await guide.route(`${origin}/guide.html`, (route) => route.fulfill({
		contentType: 'text/html; charset=utf-8', body: page }));
	await guide.route(CDN, (route) => route.fulfill({
		contentType: 'text/javascript; charset=utf-8', body: bundle }));
	await guide.goto(`${origin}/guide.html`);
	await guide.waitForFunction('chatClient.isConnected');
}

const agentTexts = (guide) =>
	guide.locator('.agent-message .message-content').allTextContents();

// Types and sends as a person does; the answer's text.
async function ask(guide, text) {
	const before = (await agentTexts(guide)).length;

	await guide.fill('#message-input', text);
	await guide.click('#send-button');
	await until(async () => (await agentTexts(guide)).length > before,
		{ timeout: 60000, what: `an answer to ${text}` });
	return (await agentTexts(guide))[before];
}

// A test with a stack and a browser that takes its gateway for localhost:3001.
function withGuide(options, story) {
	const tenants = { B0100001: exampleTenant() };

	return withStack({ tenants, ...options }, async (stack, t) => {
		const browser = await launch({ map: {
			'localhost:3001': `127.0.0.1:${stack.gateway().port}`,
			'localhost:8123': `127.0.0.1:${stack.gateway().port}`,
		} });
		const pages = [];

		try {
			await pictured(t.name, pages, () => story({
				stack,
				open: async (origin) => {
					const guide = await newPage(browser);

					pages.push(guide);
					await openGuide(guide, origin);
					return guide;
				},
			}));
		} finally {
			await browser.close();
		}
	});
}

test('the fixtures are the guide\'s, byte for byte', () => {
	const sum = (text) => createHash('sha256').update(text).digest('hex');

	assert.equal(sum(client),
		'ca5f23a7da8793037a317197f81399ecdc5ba5b5669196ff1ff26fa16cffd7ac');
	assert.equal(sum(page),
		'6ecf5c058fe8d089bb9ad53f83f330565a5c31dc040164de845b4fb0d608acdb');
});

test('the guide\'s page holds a conversation and loads its history',
	withGuide({}, async ({ open }) => {
		const guide = await open();
		const first = await ask(guide, QUESTION);

		assert.match(first, /250/, 'the price of a consultation');
		assert.match(first, /0?9[:.]00.*14[:.]00/s, 'the hours of Saturday');

		const second = await ask(guide, 'Unde vă găsesc?');

		assert.match(second, /Salcâmilor nr\. 27/);

		const session = await guide.evaluate('chatClient.currentSessionId');

		assert.match(session, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/,
			'the real session was adopted');

		const day = new Date().setHours(0, 0, 0, 0);

		for (const id of [session, `B0100001:user_123:${day}`]) {
			await guide.evaluate(
				(known) => chatClient.loadMessageHistory(known), id);
			assert.deepEqual(
				(await guide.locator('.message-content').allTextContents()),
				[QUESTION, first, 'Unde vă găsesc?', second]);
			assert.deepEqual(await guide.locator('.message .sender')
				.allTextContents(), ['Tu', 'AI Agent', 'Tu', 'AI Agent']);
		}
		noProblems(guide);
	}));

test('HTML that others wrote is text on the guide\'s page, not markup',
	withGuide({
		tenants: { B0100001: exampleTenant({
			'tatuaje.md': '# Tatuaje\n\nTatuaje <img src=x ' +
				'onerror="window.pwned=1"><script>window.pwned=1</script> ' +
				'nu facem la cabinet.\n' }) },
	}, async ({ stack, open }) => {
		const other = await stack.client({ user: 'user_123' });
		const evil = '<img src=x onerror="window.pwned=1"> & co';
		const { sent } = await other.ask(evil);
		const guide = await open();

		await guide.evaluate((id) => chatClient.loadMessageHistory(id),
			sent.sessionId);
		assert.equal(await guide.locator('.user-message .message-content')
			.first().textContent(), evil);

		const answer = await ask(guide, 'Faceți tatuaje?');

		assert.match(answer, /nu facem la cabinet/);
		assert.equal(await guide.locator(
			'.message-content img, .message-content script').count(), 0);
		assert.equal(await guide.evaluate('window.pwned'), undefined);
		noProblems(guide);
	}));

test('a restart of sessiond and agentd is not noticed on the guide\'s page',
	withGuide({}, async ({ stack, open }) => {
		const guide = await open();

		await ask(guide, 'Bună ziua');
		await Promise.all([stack.sessiond.kill('SIGKILL'),
			stack.agent().kill('SIGKILL')]);
		await stack.sessiond.start().ready();
		await stack.agent().start().ready();
		assert.match(await ask(guide, QUESTION), /250/);
		assert.equal(await guide.evaluate('chatClient.isConnected'), true);
		noProblems(guide);
	}));

test('a message that could not be sent is told on the guide\'s page',
	withGuide({ gateway: { env: { SEND_DEADLINE_MS: '1500' } } },
		async ({ stack, open }) => {
			const guide = await open();

			await stack.sessiond.kill('SIGKILL');
			assert.notEqual(await ask(guide, QUESTION), '');
			stack.sessiond.start();
			await stack.gateway().ready();
			assert.match(await ask(guide, QUESTION), /250/);
			noProblems(guide);
		}));

test('the guide\'s page may live on another port: its history crosses origins',
	withGuide({}, async ({ open }) => {
		const guide = await open('http://localhost:8123');
		const answer = await ask(guide, QUESTION);

		await guide.evaluate(
			() => chatClient.loadMessageHistory(chatClient.currentSessionId));
		assert.deepEqual(
			await guide.locator('.message-content').allTextContents(),
			[QUESTION, answer]);
		noProblems(guide);
	}));
