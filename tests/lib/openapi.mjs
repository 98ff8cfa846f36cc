// The gateway's HTTP API against its description: every answer is checked, and
// which answers were seen is kept.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import addFormats from 'ajv-formats';
import Ajv2020 from 'ajv/dist/2020.js';
import { inTree } from './daemon.mjs';

export const document =
	JSON.parse(readFileSync(inTree('gateway/openapi.json'), 'utf8'));

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
// What is answered before anybody looks for the path's operation.
const ANYWHERE = { 405: 'MethodNotAllowed', 404: 'NotFound', 403: 'Forbidden' };

// Clients must ignore what they do not know; we must not say what we do not
// know of.
function closed(schema) {
	if (Array.isArray(schema))
		return schema.map(closed);
	if (!schema || typeof schema !== 'object')
		return schema;
	const copy = Object.fromEntries(Object.entries(schema)
		.map(([key, value]) => [key, closed(value)]));

	if (typeof schema.properties === 'object' && schema.type === 'object')
		copy.additionalProperties = false;
	return copy;
}

function validator(schemas) {
	const ajv = new Ajv2020({ allErrors: true, allowUnionTypes: true });

	addFormats(ajv);
	for (const [name, schema] of Object.entries(schemas))
		ajv.addSchema(schema, `#/components/schemas/${name}`);
	return ajv;
}

const answers = validator(closed(document.components.schemas));
const questions = validator(document.components.schemas);
const compiled = new Map();

function check(ajv, schema) {
	const key = schema.$ref ?? JSON.stringify(schema);
	const kept = compiled.get(ajv) ?? compiled.set(ajv, new Map()).get(ajv);

	if (!kept.has(key))
		kept.set(key, ajv.compile(schema));
	return kept.get(key);
}

export function resolve(value) {
	if (!value?.$ref)
		return value;
	return value.$ref.slice(2).split('/').reduce((at, key) => at[key], document);
}

// Whether the description lets a client ask this.
export function mayAsk(schema, value) {
	return check(questions, schema)(value);
}

export function assertAnswer(schema, value, what) {
	const good = check(answers, schema);

	assert(good(value), `${what}: ${JSON.stringify(good.errors)}\n` +
		JSON.stringify(value));
}

// [{id, method, path, pattern, parameters, body, responses}]
export const operations = Object.entries(document.paths)
	.flatMap(([path, item]) => METHODS.filter((method) => item[method])
		.map((method) => ({
			id: item[method].operationId,
			method: method.toUpperCase(),
			path,
			pattern: new RegExp(`^${path.replace(/[.]/g, '\\.')
				.replace(/\{\w+\}/g, '[^/]+')}$`),
			parameters: (item[method].parameters ?? []).map(resolve),
			body: item[method].requestBody &&
				resolve(item[method].requestBody)
					.content['application/json'].schema,
			responses: item[method].responses,
		})));

const ofPath = (path) => operations.filter((o) => o.pattern.test(path))
	// The more literal path comes first, as with OpenAPI.
	.sort((a, b) => a.path.split('{').length - b.path.split('{').length);

function checkHeaders({ status, headers }, response, what) {
	assert.equal(headers.get('x-content-type-options'), 'nosniff', what);
	assert.equal(headers.get('cache-control'), 'no-store', what);
	for (const [name, header] of Object.entries(response.headers ?? {}))
		if (headers.has(name))
			assertAnswer(header.schema, headers.get(name), `${what} ${name}`);
		else
			assert(!header.required, `${what}: ${name} is missing`);
	if (status === 503)
		assert(headers.get('retry-after'), what);
}

export class Api {
	constructor(stack) {
		this.stack = stack;
		this.seen = new Set(); // 'operationId status'
	}

	// One request; its answer {status, headers, text, json} has been checked.
	// `body`: an object becomes JSON, a string is sent as it is.
	async ask(method, where, { body, headers = {}, ...options } = {}) {
		const json = body !== undefined && typeof body !== 'string';
		const answer = await this.stack.rest(where, {
			method, ...options,
			...body !== undefined &&
				{ body: json ? JSON.stringify(body) : body },
			headers: { ...json && { 'content-type': 'application/json' },
				...headers },
		});

		this.check(method, where, answer);
		return answer;
	}

	get(where, options) {
		return this.ask('GET', where, options);
	}

	post(where, body, options) {
		return this.ask('POST', where, { body, ...options });
	}

	delete(where, options) {
		return this.ask('DELETE', where, options);
	}

	check(method, where, answer) {
		const { status, text, json, headers } = answer;
		const what = `${method} ${where.slice(0, 200)} ${status}`;
		const path = where.split('?')[0];
		const operation = ofPath(path).find((o) => o.method === method);
		const response = resolve(operation?.responses[status] ??
			document.components.responses[ANYWHERE[status]]);

		assert(response, `${what} is not described: ${text}`);
		if (operation?.responses[status])
			this.seen.add(`${operation.id} ${status}`);
		checkHeaders(answer, response, what);
		if (!response.content) {
			assert.equal(text, '', what);
			return;
		}
		assert.equal(headers.get('content-type'), 'application/json', what);
		assertAnswer(response.content['application/json'].schema, json, what);
	}
}
