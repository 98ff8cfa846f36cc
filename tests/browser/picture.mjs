// picture.mjs FILE: the README's picture: a conversation with the example
// tenant, on a desktop in light and on a phone in dark, side by side.
import { launch, newPage } from '../lib/browser.mjs';
import { startStack } from '../lib/stack.mjs';
import { until } from '../lib/until.mjs';

const QUESTIONS = {
	ro: ['Cât costă o consultație și ce program aveți sâmbătă?'],
	en: ['How do I get there by bus?'],
};

async function conversation(stack, browser, user, lang,
	{ closed, ...options }) {
	const page = await newPage(browser, options);
	const answers = page.locator('#messages li[data-type=agent]');

	await page.goto(`http://127.0.0.1:${stack.gateway().port}/` +
		`?business=B0100001&user=${user}&lang=${lang}`);
	await page.waitForSelector('#status[data-state=online]');
	for (const [i, question] of QUESTIONS[lang].entries()) {
		await page.fill('#message', question);
		await page.keyboard.press('Enter');
		await until(async () => await answers.count() > i);
	}
	await page.waitForSelector('#typing', { state: 'hidden' });
	if (!closed)
		await page.locator('.sources summary').last().click();
	await page.evaluate(() => document.fonts.ready);
	return (await page.screenshot({ animations: 'disabled' }))
		.toString('base64');
}

const stack = await startStack();
const browser = await launch();

try {
	const desktop = await conversation(stack, browser, 'ana', 'ro', {
		viewport: { width: 800, height: 700 }, colorScheme: 'light' });
	const phone = await conversation(stack, browser, 'bob', 'en', {
		viewport: { width: 340, height: 700 }, colorScheme: 'dark',
		closed: true });
	const page = await newPage(browser, {
		viewport: { width: 1160, height: 700 } });

	await page.setContent(`<style>body { margin: 0; display: flex;
		justify-content: space-between } img { border-radius: 8px;
		outline: 1px solid #8886; outline-offset: -1px }</style>
		<img src="data:image/png;base64,${desktop}">
		<img src="data:image/png;base64,${phone}">`);
	await page.screenshot({ path: process.argv[2], omitBackground: true });
} finally {
	await browser.close();
}
await stack.stop();
