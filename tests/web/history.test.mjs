import assert from "node:assert/strict";
import test from "node:test";
import {Conversation, fromHistory} from "../../gateway/web/conversation.js";
import {History} from "../../gateway/web/history.js";

const LIMIT = 3;

/* A gateway that knows sessions of `lengths` messages; aliases are given. */
function world(lengths, aliases = {today: "s1"}) {
	const w = {lengths, aliases, asked: [], down: false};
	w.raw = (session, seq) => ({messageId: `${session}-${seq}`,
		sessionId: session, userId: "u", type: "user", content: "x",
		timestamp: new Date(Date.UTC(2026, 10, 20 + Number(session[1]), 9,
			0, seq)).toISOString(),
		metadata: {seq}});
	w.page = async (name, before) => {
		w.asked.push(before ? `${name}<${before}` : name);
		if (w.down)
			throw new Error("down");
		const session = w.aliases[name] ?? name;
		if (!(session in w.lengths))
			return null;
		const end = before ? Number(before) - 1 : w.lengths[session];
		const first = Math.max(1, end - LIMIT + 1);
		const messages = [];
		for (let seq = first; seq <= end; seq++)
			messages.push(w.raw(session, seq));
		return {messages, pagination: {hasMore: first > 1,
			nextCursor: first > 1 ? String(first) : null}};
	};
	w.conversation = new Conversation();
	w.history = new History(w.conversation, w.page);
	w.live = (session, seq) =>
		w.conversation.add(fromHistory(w.raw(session, seq)));
	w.seqs = () => w.conversation.list().map((message) => message.seq);
	return w;
}

test("opening shows the newest page and offers what is before it", async () => {
	const w = world({s1: 8});
	await w.history.latest("today");
	assert.deepEqual(w.seqs(), [6, 7, 8]);
	assert.equal(w.history.hasEarlier, true);

	await w.history.earlier();
	assert.deepEqual(w.seqs(), [3, 4, 5, 6, 7, 8]);
	await w.history.earlier();
	assert.deepEqual(w.seqs(), [1, 2, 3, 4, 5, 6, 7, 8]);
	assert.equal(w.history.hasEarlier, false);
});

test("a message that came before the first page hides nothing", async () => {
	const w = world({s1: 8});
	w.live("s1", 8);
	await w.history.latest("today");
	assert.deepEqual(w.seqs(), [6, 7, 8]);
	assert.equal(w.history.hasEarlier, true);
});

test("after a reconnect no hole is left, however many pages it takes", async () => {
	const w = world({s1: 3});
	await w.history.latest("today");
	w.lengths.s1 = 14;
	w.live("s1", 14);
	w.lengths.s1 = 20;
	await w.history.latest("today");

	const known = w.seqs();
	assert.deepEqual(known.slice(-7), [14, 15, 16, 17, 18, 19, 20]);
});

test("a hole too large begins the conversation anew, without a hole", async () => {
	const w = world({s1: 3});
	await w.history.latest("today");
	w.lengths.s1 = 1000;
	await w.history.latest("today");

	assert.equal(w.seqs()[0], 1000 - 10 * LIMIT + 1);
	assert.equal(w.seqs().length, 10 * LIMIT);
	await w.history.earlier();
	assert.equal(w.seqs().length, 11 * LIMIT);
});

test("over midnight the old session is caught up with too", async () => {
	const w = world({s1: 2});
	await w.history.latest("today");
	w.lengths.s1 = 3;
	w.aliases.today = "s2";
	await w.history.latest("today");
	assert.deepEqual(w.seqs(), [1, 2, 3]);

	w.lengths.s2 = 1;
	await w.history.latest("today");
	assert.deepEqual(w.seqs(), [1, 2, 3, 1]);
});

test("no session yet is an empty conversation", async () => {
	const w = world({});
	await w.history.latest("today");
	assert.equal(w.history.loaded, true);
	assert.equal(w.history.hasEarlier, false);
	assert.deepEqual(w.seqs(), []);
});

test("a failure is told, changes nothing and does not block the next", async () => {
	const w = world({s1: 2});
	w.down = true;
	await assert.rejects(w.history.latest("today"));
	assert.equal(w.history.loaded, false);
	w.down = false;
	await w.history.latest("today");
	assert.deepEqual(w.seqs(), [1, 2]);
});

test("questions are asked one after the other", async () => {
	const w = world({s1: 8});
	await Promise.all([w.history.latest("today"), w.history.earlier(),
		w.history.latest("today")]);
	assert.deepEqual(w.asked, ["today", "s1<6", "today"]);
	assert.deepEqual(w.seqs(), [3, 4, 5, 6, 7, 8]);
});
