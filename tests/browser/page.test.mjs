// Our own page, as a customer meets it. Its hooks are listed in
// gateway/web/index.html.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, newPage, noProblems, pictured } from '../lib/browser.mjs';
import { exampleTenant, withStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';
import { poorContrasts } from './contrast.mjs';

const QUESTION = 'Cât costă o consultație și ce program aveți sâmbătă?';
const PHONE = { viewport: { width: 360, height: 640 }, isMobile: true,
	hasTouch: true };

let browser;

before(async () => browser = await launch());
after(() => browser?.close());

// A test with a stack and a way to open its page; afterwards no page may have
// complained about anything the story did not allow.
function withPage(options, story) {
	const tenants = { B0100001: exampleTenant() };

	return withStack({ tenants, ...options }, async (stack, t) => {
		const pages = [];
		const open = async (query = 'user=ana', options = {}) => {
			const page = await newPage(browser, options);

			pages.push(page);
			await page.goto(`http://127.0.0.1:${stack.gateway().port}/` +
				`?business=B0100001&${query}`);
			await page.waitForSelector('#status[data-state=online]');
			await page.waitForSelector('#loading', { state: 'hidden' });
			return page;
		};

		try {
			await pictured(t.name, pages, () => story({ stack, open }));
			for (const page of pages)
				noProblems(page, page.allowed);
		} finally {
			for (const page of pages)
				await page.context().close();
		}
	});
}

const rows = (page, type) => page.locator(
	`#messages li[data-message-id]${type ? `[data-type=${type}]` : ''}`);
const texts = (page, type) => rows(page, type).locator('.text')
	.allTextContents();

async function write(page, text) {
	await page.fill('#message', text);
	await page.keyboard.press('Enter');
}

// Writes and waits for one more answer; its row.
async function ask(page, text) {
	const answers = rows(page, 'agent');
	const count = await answers.count();

	await write(page, text);
	await until(async () => await answers.count() > count,
		{ timeout: 60000, what: `an answer to ${text}` });
	return answers.nth(count);
}

test('a question is answered from the business\'s data, with its sources',
	withPage({}, async ({ open }) => {
		const page = await open();
		const answer = await ask(page, QUESTION);

		assert.match(await answer.locator('.text').textContent(), /250/);
		assert.match(await answer.locator('.text').textContent(),
			/0?9[:.]00.*14[:.]00/s);
		assert.notEqual(await answer.locator('.sources').textContent(), '');
		assert.equal(await rows(page, 'user').last()
			.getAttribute('data-state'), 'sent');
		assert.equal(await page.locator('#name').textContent(),
			'Cabinetul Medical Salvia');
		assert.equal(await page.locator('#typing').isVisible(), false);
	}));

test('what the business does not say is not made up',
	withPage({}, async ({ open }) => {
		const page = await open();
		const answer = await ask(page,
			'Vindeți anvelope de iarnă pentru tractor?');
		const text = await answer.locator('.text').textContent();

		assert.match(text, /\bnu\b/i);
		assert.match(text, /\+40 268 000 127/, 'who to ask instead');
		assert.doesNotMatch(text, /\d+ (RON|lei)/);
	}));

test('the page and the answers speak Romanian or English',
	withPage({}, async ({ open }) => {
		const page = await open();

		assert.equal(await page.getAttribute('html', 'lang'), 'ro');
		await page.click('#language');
		assert.equal(await page.getAttribute('html', 'lang'), 'en');
		assert.equal(await page.locator('#status').textContent(), 'Connected');

		const answer = await ask(page,
			'How much is a consultation and when are you open on Saturday?');

		assert.match(await answer.locator('.text').textContent(),
			/250.*Saturday|Saturday.*250/s);

		await page.reload();
		await page.waitForSelector('#status[data-state=online]');
		assert.equal(await page.getAttribute('html', 'lang'), 'en');

		const english = await open('user=bob', { locale: 'en-GB' });

		assert.equal(await english.getAttribute('html', 'lang'), 'en');
	}));

test('dark and light follow the system, and then what was chosen',
	withPage({}, async ({ open }) => {
		const page = await open('user=ana', { colorScheme: 'dark' });
		const brightness = () => page.evaluate(() => {
			const colour = getComputedStyle(document.body).backgroundColor;
			const [r, g, b] = colour.match(/[\d.]+/g).map(Number);

			return (r + g + b) / 3;
		});

		assert(await brightness() < 80);
		await page.emulateMedia({ colorScheme: 'light' });
		assert(await brightness() > 200);
		await page.click('#theme');
		assert(await brightness() < 80);
		await page.reload();
		await page.waitForSelector('#status[data-state=online]');
		assert(await brightness() < 80, 'the choice is remembered');
	}));

test('on a phone everything fits and can be touched',
	withPage({}, async ({ open }) => {
		const page = await open('user=ana', PHONE);

		await ask(page, QUESTION);
		await write(page, 'w'.repeat(300));
		await until(async () => await rows(page, 'user').count() === 2);
		assert(await page.evaluate(() =>
			document.documentElement.scrollWidth <= innerWidth),
		'nothing to scroll sideways');
		for (const id of ['#message', '#send', '#language', '#theme']) {
			const box = await page.locator(id).boundingBox();

			assert(box.width >= 40 && box.height >= 40, `${id} is large enough`);
			assert(box.x >= 0 && box.x + box.width <= 360 && box.y >= 0 &&
				box.y + box.height <= 640, `${id} is in sight`);
		}
	}));

test('offline is shown, and what was written meanwhile is sent once',
	withPage({}, async ({ stack, open }) => {
		const page = await open();

		page.allowed = /WebSocket|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET/;
		await ask(page, 'Bună ziua');
		await stack.gateway().kill('SIGKILL');
		await page.waitForSelector('#banner[data-state=offline]');
		await write(page, QUESTION);
		assert.equal(await rows(page, 'user').last()
			.getAttribute('data-state'), 'waiting');

		stack.gateway().start();
		await page.waitForSelector('#status[data-state=online]');
		await until(async () => await rows(page, 'agent').count() === 2,
			{ timeout: 60000, what: 'the answer to what was written offline' });
		await page.waitForSelector('#banner', { state: 'hidden' });
		assert.equal(await rows(page, 'user').last()
			.getAttribute('data-state'), 'sent');

		const day = new Date().setHours(0, 0, 0, 0);
		const history = await stack.history(`B0100001:ana:${day}`);

		assert.deepEqual(history.filter((m) => m.type === 'user')
			.map((m) => m.content), ['Bună ziua', QUESTION]);
		assert.deepEqual(await texts(page, 'user'), ['Bună ziua', QUESTION]);
	}));

test('what was written before the page was closed offline is sent next time',
	withPage({}, async ({ stack, open }) => {
		const page = await open();

		page.allowed = /WebSocket|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET/;
		await stack.gateway().kill('SIGKILL');
		await page.waitForSelector('#banner[data-state=offline]');
		await write(page, QUESTION);
		await page.close();

		stack.gateway().start();
		await stack.gateway().ready();

		const again = await open('user=ana', { context: page.context() });

		await until(async () => await rows(again, 'agent').count() === 1,
			{ timeout: 60000 });
		assert.deepEqual(await texts(again, 'user'), [QUESTION]);
	}));

test('two tabs of one user show the same conversation',
	withPage({}, async ({ open }) => {
		const one = await open();
		const two = await open('user=ana', { context: one.context() });
		const stranger = await open('user=bob');

		await ask(one, QUESTION);
		await until(async () => await rows(two, 'agent').count() === 1);
		assert.deepEqual(await texts(two), await texts(one));
		await ask(two, 'Unde vă găsesc?');
		await until(async () => await rows(one, 'agent').count() === 2);
		assert.deepEqual(await texts(one), await texts(two));
		assert.equal(await rows(stranger).count(), 0);
	}));

test('the day\'s conversation is there after a reload',
	withPage({}, async ({ open }) => {
		const page = await open();

		await ask(page, QUESTION);
		await ask(page, 'Unde vă găsesc?');

		const before = await texts(page);

		await page.reload();
		await until(async () => await rows(page).count() === 4);
		assert.deepEqual(await texts(page), before);
	}));

test('markup in messages and answers stays text',
	withPage({ tenants: { B0100001: exampleTenant({ 'tatuaje.md':
		'# Tatuaje\n\nTatuaje <img src=x onerror="window.pwned=1"> ' +
		'[aici](javascript:window.pwned=1) nu facem la cabinet.\n' }) } },
	async ({ open }) => {
		const page = await open();
		const evil = '<img src=x onerror="window.pwned=1"> & <b>co</b>';

		await ask(page, evil);
		assert.equal((await texts(page, 'user'))[0], evil);
		await ask(page, 'Faceți tatuaje?');
		assert.equal(await page.locator('#messages img').count(), 0);
		assert.equal(await page.locator('#messages a[href^=javascript]')
			.count(), 0);
		assert.equal(await page.evaluate('window.pwned'), undefined);
	}));

test('screen readers and keyboards find their way',
	withPage({}, async ({ open }) => {
		const page = await open();

		await ask(page, QUESTION);
		await page.getByRole('textbox', { name: 'Mesajul dumneavoastră' })
			.waitFor();
		await page.getByRole('button', { name: 'Trimite' }).waitFor();
		await page.getByRole('log', { name: 'Discuția' }).waitFor();
		await page.getByRole('heading', { level: 1 }).waitFor();
		await page.waitForSelector('#log[aria-live=polite]');

		const nameless = await page.locator('button:visible, a:visible')
			.evaluateAll((all) => all.filter((e) =>
				!(e.textContent.trim() || e.getAttribute('aria-label')))
				.map((e) => e.outerHTML));

		assert.deepEqual(nameless, []);

		// Where nothing has the focus yet, one key leads to the composer.
		const fresh = await open('user=ana', PHONE);

		await fresh.keyboard.press('Tab');
		await fresh.keyboard.press('Enter');
		assert.equal(await fresh.evaluate(() => document.activeElement.id),
			'message');
	}));

for (const colorScheme of ['light', 'dark']) {
	test(`texts are readable: contrast in ${colorScheme}`,
		withPage({}, async ({ open }) => {
			const page = await open('user=ana',
				{ colorScheme, reducedMotion: 'reduce' });

			await ask(page, QUESTION);
			assert.deepEqual(await poorContrasts(page), []);
		}));
}
