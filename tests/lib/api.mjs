// The stories of the HTTP API share a stack without agents, a checked client of
// its gateway, `api`, and one of its sessiond, `core`.
import assert from 'node:assert/strict';
import { after } from 'node:test';
import { Core, TENANTS, withCore } from './core.mjs';
import { Api } from './openapi.mjs';
import { shareStack } from './stack.mjs';

export let api, core;
export const seen = new Set();

export const shared = shareStack({ agents: 0, tenants: TENANTS }, (stack) => {
	api = new Api(stack);
	core = new Core(stack);
});

after(() => core?.hangUp());

export function remember(other) {
	for (const what of other.seen)
		seen.add(what);
}

// A stack for one story that hurts it, with an Api and a Core.
export const withApi = (options, story) => withCore({ gateways: 1, ...options },
	async (own, t) => {
		const ours = new Api(own.stack);

		await story(ours, own, t);
		remember(ours);
	});

export const enc = encodeURIComponent;
export const session = (id, what = '') => `/api/sessions/${enc(id)}${what}`;
export const users = (user, what) => `/api/business/plain/users/${enc(user)}/${what}`;
export const today = (user, business = 'plain') => `${business}:${user}:${Date.now()}`;

export function message(userId, text, fields = {}) {
	return { businessId: 'plain', locationId: 'default', userId, message: text,
		...fields };
}

export function assertFault({ status, json }, expected, code, names) {
	assert.deepEqual([status, json?.error?.code], [expected, code],
		JSON.stringify(json));
	if (names)
		assert(json.error.message.includes(names), json.error.message);
}
