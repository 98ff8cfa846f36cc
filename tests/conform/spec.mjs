// PROTOCOL.md as data: its headings, and the fields of every operation, event
// and shape with what is said of them. Whatever a daemon sends during a case
// is held against it.
import { readFileSync } from 'node:fs';
import { inTree } from '../lib/daemon.mjs';

const document = readFileSync(inTree('proto/PROTOCOL.md'), 'utf8');

// '§4', '§4 append', '§5 shape message', ...
export const paragraphs = new Set();
const sections = new Map(); // 'append', 'event turn', 'shape grant' -> text

{
	let chapter = '';

	for (const part of document.split(/^(?=###? )/m)) {
		const [, level, title] = /^(#+) (.*)$/m.exec(part) ?? [];

		if (level === '##') {
			chapter = `§${parseInt(title, 10)}`;
			paragraphs.add(chapter).add(title.replace(/^(\d+)\./, '§$1'));
		}
		if (level !== '###')
			continue;
		const name = title.replaceAll('`', '');

		paragraphs.add(`${chapter} ${name}`);
		sections.set(name, part.slice(part.indexOf('\n')));
	}
}

// --- fields -------------------------------------------------------------------

const TYPES = 'number64|number|name|text|time|json|list|boolean|object';
const count = (text) => text ? Number(text.replaceAll(',', '')) : undefined;

// The rows of all tables in a text.
function tableFields(text) {
	return text.split('\n').filter((line) => /^\| \**`/.test(line))
		.flatMap((line) => {
			const [names, type, limits, meaning] =
				line.split('|').slice(1).map((cell) => cell.trim());
			const each = limits.split(/, /);

			return [...names.matchAll(/(\*\*)?`(\w+)`/g)].map(
				([, bold, name], i) => ({ name, must: !!bold, type,
					limit: count(each[i] ?? each[0]),
					of: /^of `(\w+)`/.exec(meaning)?.[1] }));
		});
}

// Fields told in a sentence: **`turnId`** (name, 32), `reason` (text, 256).
function toldFields(text) {
	const told = /(\*\*)?`(\w+)`(?:\*\*)?(?: \(([^)]*)\))?/g;

	return [...text.matchAll(told)].flatMap(([, bold, name, said = '']) => {
		const [, type, of, limit] = new RegExp(
			`^(${TYPES})\\b(?: of \`(\\w+)\`)?(?:, ([\\d,]*\\d))?`)
			.exec(said) ?? [];

		return bold || type ? [{ ...!type && alike.get(name), name,
			must: !!bold, ...type && { type, of, limit: count(limit) } }] : [];
	});
}


function split(name) {
	const text = sections.get(name);

	if (text === undefined)
		throw new Error(`PROTOCOL.md has no section ${name}`);
	const at = text.search(/^Reply: |\. Reply: /m);

	return at < 0 ? [text, ''] : [text.slice(0, at),
		text.slice(at).replace(/^\. /, '').split('\n')[0]];
}

function fieldsOf(text) {
	const table = tableFields(text);

	return table.length ? table : toldFields(text);
}

export const requestFields = (op) => fieldsOf(split(op)[0]);
export const replyFields = (op) => toldFields(split(op)[1]);
export const shapeFields = (name) => fieldsOf(split(`shape ${name}`)[0]);

// An event's body is a shape, or told in its first sentences.
export function eventFields(name) {
	return name === 'message' ? shapeFields('message')
		: toldFields(split(`event ${name}`)[0].trim().split('\n')[0]);
}

export const operations = [...sections.keys()].filter((name) =>
	paragraphs.has(`§4 ${name}`) && !name.startsWith('shape '));
export const events = [...sections.keys()].flatMap((name) =>
	/^event (\w+)$/.exec(name)?.slice(1) ?? []);

// --- checking -----------------------------------------------------------------

const size = (text) => Buffer.byteLength(text);
const isObject = (value) =>
	value !== null && typeof value === 'object' && !Array.isArray(value);
const kinds = {
	number: Number.isSafeInteger,
	number64: (v) => typeof v === 'string' && /^\d{1,20}$/.test(v),
	name: (v) => typeof v === 'string' && /^[\x20-\x7e]+$/.test(v),
	text: (v) => typeof v === 'string' && !v.includes('\0'),
	time: (v) => typeof v === 'string' &&
		/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(v),
	json: () => true,
	list: Array.isArray,
	boolean: (v) => typeof v === 'boolean',
	object: isObject,
};

// What tables say of fields that sentences only name.
const alike = new Map([...sections.values()].flatMap(tableFields)
	.filter(({ type }) => type in kinds)
	.map(({ name, type }) => [name, { type }]));

function over(value, { type, limit }) {
	if (limit === undefined)
		return false;
	if (type === 'json')
		return size(JSON.stringify(value)) > limit;
	if (type === 'number')
		return value > limit;
	return (typeof value === 'string' ? size(value) : value.length) > limit;
}

function fieldFaults(field, value, where) {
	const { name, type, of } = field;
	const place = `${where}.${name}`;

	if (type && !kinds[type](value))
		return [`${place} is no ${type}: ${JSON.stringify(value)}`];
	if (type && over(value, field))
		return [`${place} is over ${field.limit}`];
	const shape = of ?? (type === 'object' ? name : undefined);

	if (!shape || !sections.has(`shape ${shape}`))
		return [];
	return [value].flat().flatMap((one, i) =>
		faults(shapeFields(shape), one, of ? `${place}[${i}]` : place));
}

// What is wrong with a body; [] if nothing is.
export function faults(fields, body, where) {
	if (!isObject(body))
		return [`${where} is no object: ${JSON.stringify(body)}`];
	return fields.flatMap((field) => {
		const value = body[field.name];

		if (value !== undefined)
			return fieldFaults(field, value, where);
		return field.must ? [`${where}.${field.name} is missing`] : [];
	});
}

export function requestFaults(request) {
	const { v, op, ttlMs, trace, body } = request;

	if (v !== 1)
		return [`${op}: v is ${JSON.stringify(v)}`];
	if (!operations.includes(op))
		return [`${JSON.stringify(op)} is no operation`];
	if (ttlMs !== undefined && !(Number.isSafeInteger(ttlMs) && ttlMs > 0))
		return [`${op}: ttlMs is ${JSON.stringify(ttlMs)}`];
	if (trace !== undefined && !/^[\x20-\x7e]{1,64}$/.test(trace))
		return [`${op}: trace is ${JSON.stringify(trace)}`];
	return faults(requestFields(op), body, op);
}

export function replyFaults(op, reply) {
	if (reply.v !== 1 || (reply.op ?? op) !== op)
		return [`the reply to ${op} has v ${reply.v}, op ${reply.op}`];
	if (reply.status !== 'ok')
		return typeof reply.status === 'string' ? [] : [`${op}: no status`];
	return faults(replyFields(op), reply.body, `reply to ${op}`);
}

// Events that are not in the document are nobody's business.
export const eventFaults = ({ event, body }) => events.includes(event)
	? faults(eventFields(event), body, `event ${event}`) : [];
