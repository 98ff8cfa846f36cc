import assert from "node:assert/strict";
import test from "node:test";
import {Outbox} from "../../gateway/web/outbox.js";
import {safeStorage} from "../../gateway/web/settings.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));
const memory = () => safeStorage(() => null);

/* An outbox whose gateway and clock are in the test's hands. */
function world(storage = memory()) {
	const w = {sent: [], stored: [], timers: [], now: 1_000_000, storage};
	w.outbox = new Outbox({
		storage,
		prefix: "box:",
		send: (entry) => new Promise((resolve) => w.sent.push(
			{id: entry.clientMessageId, text: entry.text, resolve})),
		stored: (entry, reply) => w.stored.push([entry.text, reply]),
		changed: () => {},
		now: () => w.now,
		later: (work, ms) => w.timers.push({work, ms}),
	});
	w.states = () => w.outbox.entries.map((entry) => entry.state);
	w.reply = async (i, result) => {
		w.sent[i].resolve(result);
		await settled();
	};
	w.wait = () => {
		const {work, ms} = w.timers.shift();
		w.now += ms;
		work();
	};
	return w;
}

test("what is typed offline is sent in order when the connection is back", () => {
	const w = world();
	w.outbox.add("c1", "unu");
	w.outbox.add("c2", "doi");
	assert.deepEqual(w.states(), ["waiting", "waiting"]);
	assert.equal(w.sent.length, 0);

	w.outbox.online(true);
	assert.deepEqual(w.sent.map(({text}) => text), ["unu", "doi"]);
	assert.deepEqual(w.states(), ["sending", "sending"]);
});

test("a stored message leaves the outbox and the storage", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	await w.reply(0, {status: "ok", reply: {messageId: "m1"}});

	assert.deepEqual(w.stored, [["unu", {messageId: "m1"}]]);
	assert.deepEqual(w.outbox.entries, []);
	assert.deepEqual(w.storage.keys(), []);
});

test("a lost connection sends the same message again under its id", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	w.outbox.online(false);
	await w.reply(0, {status: "lost"});
	assert.deepEqual(w.states(), ["waiting"]);

	w.outbox.online(true);
	assert.deepEqual(w.sent.map(({id}) => id), ["c1", "c1"]);
});

test("what may have arrived is asked again twice, then left to the user", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	for (let i = 0; i < 2; i++) {
		await w.reply(i, {status: "error", code: "unconfirmed"});
		assert.deepEqual(w.states(), ["waiting"]);
		w.wait();
	}
	await w.reply(2, {status: "error", code: "unconfirmed"});

	assert.deepEqual(w.states(), ["failed"]);
	assert.equal(w.timers.length, 0);
	assert.deepEqual(new Set(w.sent.map(({id}) => id)), new Set(["c1"]));
});

test("while one waits for the limit of messages, later ones wait too", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	await w.reply(0, {status: "error", code: "rate_limited"});
	w.outbox.add("c2", "doi");
	assert.equal(w.sent.length, 1);

	w.wait();
	assert.deepEqual(w.sent.map(({text}) => text), ["unu", "unu", "doi"]);
});

test("a refusal is final until the user tries again", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	await w.reply(0, {status: "error", code: "store_full"});
	w.outbox.online(false);
	w.outbox.online(true);
	assert.deepEqual(w.states(), ["failed"]);
	assert.equal(w.sent.length, 1);

	w.outbox.retry("c1");
	await w.reply(1, {status: "ok", reply: {}});
	assert.deepEqual(w.outbox.entries, []);
});

test("a discarded message is gone also when its reply comes late", async () => {
	const w = world();
	w.outbox.online(true);
	w.outbox.add("c1", "unu");
	w.outbox.discard("c1");
	await w.reply(0, {status: "ok", reply: {}});
	assert.deepEqual(w.stored, []);
	assert.deepEqual(w.storage.keys(), []);
});

test("what turned out to be stored is let go", () => {
	const w = world();
	w.outbox.add("c1", "unu");
	w.outbox.add("c2", "doi");
	w.outbox.settle((id) => id === "c1");
	assert.deepEqual(w.outbox.entries.map(({text}) => text), ["doi"]);
	assert.deepEqual(w.storage.keys(), ["box:c2"]);
});

test("unsent messages survive a reload, in order", () => {
	const first = world();
	first.outbox.add("c2", "unu");
	first.now += 5;
	first.outbox.add("c1", "doi");

	const second = world(first.storage);
	second.outbox.online(true);
	assert.deepEqual(second.sent.map(({text}) => text), ["unu", "doi"]);
});

test("two pages of one user do not overwrite each other's messages", () => {
	const storage = memory();
	const one = world(storage);
	const other = world(storage);
	one.outbox.add("c1", "unu");
	other.outbox.add("c2", "doi");
	assert.deepEqual(world(storage).outbox.entries.map(({text}) => text),
		["unu", "doi"]);
});

test("a message of yesterday is not sent without being asked for", () => {
	const storage = memory();
	storage.setItem("box:c1", JSON.stringify({text: "vechi",
		typedAt: 1_000_000 - 25 * 3600 * 1000, state: "waiting"}));
	const w = world(storage);
	w.outbox.online(true);
	assert.deepEqual(w.states(), ["failed"]);
	assert.equal(w.sent.length, 0);
});

test("damaged storage is cleaned, what is not ours is left", () => {
	const storage = memory();
	storage.setItem("box:c1", "{");
	storage.setItem("box:c2", JSON.stringify({text: 7}));
	storage.setItem("other", "x");
	assert.deepEqual(world(storage).outbox.entries, []);
	assert.deepEqual(storage.keys(), ["other"]);
});
