import assert from "node:assert/strict";
import test from "node:test";
import {Typing} from "../../gateway/web/typing.js";

function world() {
	const w = {now: 0};
	w.typing = new Typing(() => w.now);
	w.sign = (state, turnId = "t1", sessionId = "s1") =>
		w.typing.sign({turnId, sessionId, state});
	return w;
}

test("the indicator lasts 12 s after the last sign", () => {
	const w = world();
	w.sign("started");
	w.now = 10000;
	w.sign("progress");
	assert.equal(w.typing.left(), 12000);
	w.now = 21999;
	assert.equal(w.typing.left(), 1);
	w.now = 22000;
	assert.equal(w.typing.left(), 0);
});

test("stopped, the end of the turn and the answer each end it", () => {
	const ends = [
		(w) => w.sign("stopped"),
		(w) => w.typing.processed({turnId: "t1"}),
		(w) => w.typing.answered("s1"),
	];
	for (const end of ends) {
		const w = world();
		w.sign("started");
		end(w);
		assert.equal(w.typing.left(), 0);
		w.sign("progress"); /* a late one */
		assert.equal(w.typing.left(), 0);
	}
});

test("the end of one turn leaves another's indicator", () => {
	const w = world();
	w.sign("started", "t1", "s1");
	w.sign("started", "t2", "s2");
	w.typing.answered("s1");
	assert.equal(w.typing.left(), 12000);
	w.sign("started", "t3", "s1");
	w.typing.processed({turnId: "t2"});
	assert.equal(w.typing.left(), 12000);
});
