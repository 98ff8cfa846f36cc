/* conversation: the messages known, each once, in order. No DOM.
 *
 * Messages come from the history, from events and from the reply to a send,
 * in any order and more than once; messageId says which are the same. Within
 * a session seq is the order; sessions follow each other by their first
 * message. */

const SOURCES_MAX = 20;
const GROUP_MS = 5 * 60 * 1000;
const TYPES = ["user", "agent", "person", "system"];

function text(value) {
	return typeof value === "string" ? value : "";
}

function sourcesOf(list) {
	if (!Array.isArray(list))
		return [];
	return list.slice(0, SOURCES_MAX)
		.map((source) => ({
			title: text(source?.title) || text(source?.path),
			path: text(source?.path),
			snippet: text(source?.snippet),
		}))
		.filter((source) => source.title);
}

function message(fields) {
	const {messageId, type, timestamp} = fields;
	if (!text(messageId) || !TYPES.includes(type) ||
			typeof fields.text !== "string")
		return null;
	const seq = Number(fields.seq);
	const at = Date.parse(timestamp);
	return {
		messageId,
		type,
		text: fields.text,
		sessionId: text(fields.sessionId),
		seq: Number.isSafeInteger(seq) && seq > 0 ? seq : null,
		at: Number.isNaN(at) ? Date.now() : at,
		clientMessageId: text(fields.clientMessageId) || null,
		sources: sourcesOf(fields.sources),
	};
}

/* Each makes a message, or null of what is none. */

export function fromHistory(raw) {
	const metadata = raw?.metadata ?? {};
	const person = raw?.type === "agent" &&
		text(raw.userId).startsWith("coordinator:");
	return message({
		...raw,
		type: person ? "person" : raw?.type,
		text: raw?.content,
		seq: metadata.seq,
		clientMessageId: metadata.clientMessageId,
		sources: metadata.sources,
	});
}

export function fromAnswer(event) {
	return message({...event, type: event?.sender ?? "agent",
		text: event?.message, clientMessageId: null});
}

export function fromEcho(event) {
	return message({...event, type: "user", text: event?.message});
}

/* What was sent, as the reply to it says it is stored. */
export function fromReply(entry, reply) {
	return message({...reply, type: "user", text: entry.text,
		clientMessageId: entry.clientMessageId});
}

function compare(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

export class Conversation {
	#messages = new Map(); /* by messageId */
	#sent = new Set(); /* clientMessageIds */

	/* True if it was not known. One known already takes over what it
	 * lacked: an event says less than the history. */
	add(message) {
		const known = this.#messages.get(message.messageId);
		if (message.clientMessageId)
			this.#sent.add(message.clientMessageId);
		if (!known) {
			this.#messages.set(message.messageId, message);
			return true;
		}
		known.sessionId ||= message.sessionId;
		known.seq ??= message.seq;
		known.clientMessageId ??= message.clientMessageId;
		if (!known.sources.length)
			known.sources = message.sources;
		return false;
	}

	has(messageId) {
		return this.#messages.has(messageId);
	}

	/* Whether what was sent under this id is stored. */
	hasSent(clientMessageId) {
		return this.#sent.has(clientMessageId);
	}

	get size() {
		return this.#messages.size;
	}

	clear() {
		this.#messages.clear();
	}

	forget(sessionId) {
		for (const [id, message] of this.#messages) {
			if (message.sessionId === sessionId)
				this.#messages.delete(id);
		}
	}

	list() {
		const starts = new Map();
		for (const {sessionId, at} of this.#messages.values()) {
			const start = starts.get(sessionId) ?? at;
			starts.set(sessionId, Math.min(start, at));
		}
		return [...this.#messages.values()].sort((a, b) =>
			starts.get(a.sessionId) - starts.get(b.sessionId) ||
			compare(a.sessionId, b.sessionId) ||
			compare(a.seq ?? Infinity, b.seq ?? Infinity) ||
			a.at - b.at);
	}

	lastSession() {
		return this.list().at(-1)?.sessionId || null;
	}
}

/* The local date, "2026-11-22". */
export function dateOf(at) {
	const d = new Date(at);
	const pad = (n) => String(n).padStart(2, "0");
	return `${d.getFullYear()}-${pad(d.getMonth() + 1)}-${pad(d.getDate())}`;
}

function together(a, b) {
	return a?.kind === "message" && b?.kind === "message" &&
		a.type === b.type && b.at - a.at < GROUP_MS;
}

/* What is shown: messages, then what is not stored yet (entries of the
 * outbox), with a day before the first of each date. A message keeps its key
 * from the moment it is typed. `opens` and `ends` say where a group of one
 * speaker begins and ends. */
export function timeline(messages, entries) {
	const rows = [];
	const days = new Map(); /* date -> how often it has begun */
	let date = null;
	const all = [
		...messages.map((m) => ({...m, kind: "message", state: "sent"})),
		...entries.map((e) => ({...e, kind: "message", type: "user",
			at: e.typedAt, sources: [], messageId: null})),
	];
	for (const row of all) {
		if (dateOf(row.at) !== date) {
			date = dateOf(row.at);
			days.set(date, (days.get(date) ?? 0) + 1);
			rows.push({kind: "day", key: `${date} ${days.get(date)}`, date,
				at: row.at});
		}
		rows.push({...row, key: row.clientMessageId ?? row.messageId});
	}
	rows.forEach((row, i) => {
		row.opens = !together(rows[i - 1], row);
		row.ends = !together(row, rows[i + 1]);
	});
	return rows;
}
