// Headless Chromium, and pages that remember what went wrong on them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { buildDir } from './daemon.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic',
	'--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'];

// `map` sends hosts elsewhere: {'localhost:3001': '127.0.0.1:20123'}.
export function launch({ map = {} } = {}) {
	const rules = Object.entries(map).map(([from, to]) => `MAP ${from} ${to}`);

	return chromium.launch({
		executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
		args: [...FLAGS, ...rules.length
			? [`--host-resolver-rules=${rules.join(',')}`] : []],
	});
}

// A page in a context of its own (or another page of `context`).
// page.problems: console errors, uncaught errors and refused resources.
export async function newPage(browser, { context, ...options } = {}) {
	const page = await (context ?? await browser.newContext({
		locale: 'ro-RO', ...options })).newPage();

	page.setDefaultTimeout(30000);
	page.problems = [];
	page.on('pageerror', (error) => page.problems.push(`uncaught ${error}`));
	page.on('console', (message) => {
		if (message.type() === 'error')
			page.problems.push(`${message.text()} ${message.location().url}`);
	});
	return page;
}

// Runs the story; when it fails a picture of each page is kept.
export async function pictured(name, pages, story) {
	try {
		await story();
	} catch (error) {
		const folder = path.join(buildDir, 'failures');

		mkdirSync(folder, { recursive: true });
		for (const [i, page] of pages.entries()) {
			const file = path.join(
				folder, `${name.replace(/\W+/g, '-')}-${i}.png`);

			await page.screenshot({ path: file }).then(
				() => console.error(`picture: ${file}`), () => {});
			if (page.problems.length)
				console.error('problems:', page.problems);
		}
		throw error;
	}
}

export function noProblems(page, allowed = /^$/) {
	assert.deepEqual(page.problems.filter((p) => !allowed.test(p)), []);
}
