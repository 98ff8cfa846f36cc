import assert from "node:assert/strict";
import test from "node:test";
import {Conversation, fromAnswer, fromEcho, fromHistory, fromReply, timeline}
	from "../../gateway/web/conversation.js";

const at = (minute, hour = 12, day = 22) =>
	new Date(2026, 10, day, hour, minute).toISOString();

function stored(seq, fields = {}) {
	return fromHistory({messageId: `m${seq}`, sessionId: "s1", userId: "u1",
		content: `text ${seq}`, type: seq % 2 ? "user" : "agent",
		timestamp: at(seq), metadata: {seq}, ...fields});
}

function ids(conversation) {
	return conversation.list().map((message) => message.messageId);
}

test("a message told three ways is one message", () => {
	const conversation = new Conversation();
	const entry = {clientMessageId: "c1", text: "text 1"};
	const facts = {messageId: "m1", sessionId: "s1", seq: 1,
		timestamp: at(1)};

	assert.equal(conversation.add(fromReply(entry, facts)), true);
	assert.equal(conversation.add(fromEcho({...facts, message: "text 1",
		clientMessageId: "c1"})), false);
	assert.equal(conversation.add(stored(1)), false);

	assert.deepEqual(ids(conversation), ["m1"]);
	assert.equal(conversation.hasSent("c1"), true);
});

test("seq is the order within a session, however messages arrive", () => {
	const conversation = new Conversation();
	for (const seq of [5, 1, 4, 2, 3])
		conversation.add(stored(seq, {timestamp: at(9 - seq)}));
	assert.deepEqual(ids(conversation), ["m1", "m2", "m3", "m4", "m5"]);
});

test("sessions follow each other and are not mixed", () => {
	const conversation = new Conversation();
	const today = {sessionId: "s0", messageId: "today",
		timestamp: at(0, 0, 23)};
	conversation.add(stored(1, today));
	conversation.add(stored(1, {timestamp: at(59, 23)}));
	/* The answer to yesterday's question comes after midnight. */
	conversation.add(stored(2, {timestamp: at(1, 0, 23)}));

	assert.deepEqual(ids(conversation), ["m1", "m2", "today"]);
	assert.equal(conversation.lastSession(), "s0");
});

test("what a later telling adds is kept", () => {
	const conversation = new Conversation();
	const sources = [{title: "Program", path: "p.md", snippet: "08:00"}];
	conversation.add(fromAnswer({messageId: "m2", message: "Da",
		sessionId: "s1", timestamp: at(2)}));
	conversation.add(stored(2, {metadata: {seq: 2, sources}}));

	const [message] = conversation.list();
	assert.equal(message.seq, 2);
	assert.deepEqual(message.sources, sources);
});

test("a forgotten session leaves, the others stay", () => {
	const conversation = new Conversation();
	conversation.add(stored(1));
	conversation.add(stored(3, {sessionId: "s2"}));
	conversation.forget("s1");
	assert.deepEqual(ids(conversation), ["m3"]);
});

test("what is no message is not shown", () => {
	for (const broken of [null, undefined, {}, {message: "x"},
		{messageId: "", message: "x"}, {messageId: "m", message: 7},
		{messageId: "m", message: "x", sender: "error"}])
		assert.equal(fromAnswer(broken), null);
	assert.equal(fromHistory({messageId: "m", type: "?", content: ""}), null);
	assert.equal(fromReply({text: "x"}, {}), null);
});

test("damaged fields of a message do not lose it", () => {
	const message = fromAnswer({messageId: "m", message: "x", seq: "a",
		timestamp: "yesterday", sources: [null, 7, {path: "p.md"},
			{title: {}, snippet: "s"}]});
	assert.equal(message.seq, null);
	assert.ok(message.at > 0);
	assert.deepEqual(message.sources,
		[{title: "p.md", path: "p.md", snippet: ""}]);
});

test("a person's answer is told from the assistant's, live and stored", () => {
	assert.equal(fromAnswer({messageId: "m", message: "x",
		sender: "person"}).type, "person");
	assert.equal(stored(2, {userId: "coordinator:ana"}).type, "person");
	assert.equal(stored(2, {userId: "agent"}).type, "agent");
});

test("each day is announced once, and speakers form groups", () => {
	const rows = timeline([
		stored(1, {timestamp: at(50, 23, 21)}),
		stored(2, {timestamp: at(1)}),
		stored(4, {timestamp: at(2)}),
		stored(6, {timestamp: at(20)}),
	], []);
	assert.deepEqual(rows.map((row) => row.messageId ?? row.date),
		["2026-11-21", "m1", "2026-11-22", "m2", "m4", "m6"]);
	const groups = rows.filter((row) => row.kind === "message")
		.map(({opens, ends}) => [opens, ends]);
	assert.deepEqual(groups, [[true, true], [true, false], [false, true],
		[true, true]]);
	assert.equal(new Set(rows.map((row) => row.key)).size, rows.length);
});

test("a message keeps its place on the page while it is being stored", () => {
	const entry = {clientMessageId: "c1", text: "Bună", state: "sending",
		typedAt: Date.parse(at(3))};
	const before = timeline([stored(1)], [entry]).at(-1);
	const reply = {messageId: "m3", sessionId: "s1", seq: 3,
		timestamp: at(3)};
	const after = timeline([stored(1), fromReply(entry, reply)], []).at(-1);

	assert.equal(before.state, "sending");
	assert.equal(after.state, "sent");
	assert.equal(after.key, before.key);
});
