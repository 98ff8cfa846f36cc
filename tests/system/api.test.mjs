// The HTTP API: every endpoint, with every answer checked against its
// description.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { api, assertFault, remember, seen } from '../lib/api.mjs';
import { assertAnswer, document, operations, resolve } from '../lib/openapi.mjs';
import './api_messages.mjs';
import './api_sessions.mjs';
import './api_faults.mjs';

test('the description is valid OpenAPI 3.1, and its examples are true', async () => {
	const { valid, errors } = await new Validator().validate(
		structuredClone(document));
	const ids = operations.map((operation) => operation.id);

	assert(valid, JSON.stringify(errors));
	assert.equal(document.openapi, '3.1.0');
	assert.equal(new Set(ids).size, ids.length);
	for (const { responses, id } of operations)
		for (const [status, response] of Object.entries(responses))
			for (const { schema, example } of
				Object.values(resolve(response).content ?? {}))
				if (example)
					assertAnswer(schema, example, `${id} ${status}`);
	for (const [name, schema] of Object.entries(document.components.schemas))
		for (const example of schema.examples ?? [])
			assertAnswer(schema, example, name);
});

test('the description that is served is the one of the tree', async () => {
	const { status, json } = await api.get('/api/openapi.json');

	assert.equal(status, 200);
	assert.deepEqual(json, document);
});

test('every answer that the description knows was seen', async () => {
	assert.equal((await api.get('/api/sessions/business/plain/active')).status,
		200);
	assertFault(await api.get('/api/sessions/business/@/active'),
		400, 'bad_request');
	remember(api);
	const missing = operations.flatMap(({ id, responses }) =>
		Object.keys(responses).map((status) => `${id} ${status}`))
		.filter((what) => !seen.has(what) && !what.endsWith(' 500'))
		// Silence would have to begin between its two questions.
		.filter((what) => what !== 'cancelTurns 504');

	assert.deepEqual(missing, []);
});
