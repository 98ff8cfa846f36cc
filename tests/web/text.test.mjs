import assert from "node:assert/strict";
import {webcrypto} from "node:crypto"; // a browser's; Node 18 has it here only
import test from "node:test";
import {codePoints, initials, linkify, prose, remaining, sendable, uuid}
	from "../../gateway/web/text.js";

const links = (text) => linkify(text).filter((part) => part.href);
const together = (parts) => parts.map((part) => part.text).join("");

test("a character outside the basic plane counts once", () => {
	assert.equal(codePoints("aș🙂👍"), 4);
	assert.equal(codePoints(""), 0);
	assert.equal(codePoints("\ud83d"), 1);
});

test("what cannot be a JSON text is mended before it is sent", () => {
	assert.equal(sendable(" a\ud83db\0c\r\nd\n"), "a\ufffdbc\nd");
	assert.equal(sendable("🙂"), "🙂");
	assert.equal(sendable(" \n\t "), "");
});

test("the counter speaks near the limit and says how much is too much", () => {
	assert.equal(remaining("x".repeat(7499)), null);
	assert.equal(remaining("x".repeat(7500)), 500);
	assert.equal(remaining("🙂".repeat(7499)), null);
	assert.equal(remaining("🙂".repeat(8000)), 0);
	assert.equal(remaining("🙂".repeat(8002)), -2);
});

test("an address ends before the punctuation of its sentence", () => {
	const cases = {
		"vezi https://a.example/x.": "https://a.example/x",
		"(http://a.example/x)": "http://a.example/x",
		"https://a.example/x_(y) da": "https://a.example/x_(y)",
		"„https://a.example/ș”, da": "https://a.example/ș",
		"**https://a.example/**": "https://a.example/",
		"HTTPS://A.EXAMPLE?q=1&r=2#s": "HTTPS://A.EXAMPLE?q=1&r=2#s",
	};
	for (const [text, shown] of Object.entries(cases)) {
		assert.deepEqual(links(text).map((part) => part.text), [shown]);
		assert.equal(together(linkify(text)), text);
	}
});

test("only whole http and https addresses become links", () => {
	for (const text of ["javascript:alert(1)", "data:text/html,x",
		"ftp://a.example", "xhttp://a.example", "http://", "https://.",
		"www.a.example", "https://bank.example@evil.example/",
		"javascript://https", "mailto:a@a.example"]) {
		assert.deepEqual(links(text), [], text);
		assert.equal(together(linkify(text)), text);
	}
});

test("markup stays text", () => {
	const text = `<img src=x onerror=alert(1)> https://a.example/"><b>`;
	assert.equal(together(linkify(text)), text);
	assert.deepEqual(links(text).map((part) => part.href),
		["https://a.example/"]);
});

test("an address too long to be one stays text", () => {
	const text = `https://a.example/${"x".repeat(2000)}`;
	assert.deepEqual(linkify(text), [{text}]);
});

test("texts made to be slow to read lose nothing", () => {
	for (const piece of ["https://a.example/)", "**a ", "# ", "**", "((("]) {
		const text = piece.repeat(60000 / piece.length);
		assert.equal(together(linkify(text)), text);
		assert.ok(together(prose(text)).length <= text.length + 4);
	}
});

test("strong words and headings of an answer are marked, not shown", () => {
	assert.deepEqual(prose("## Preț \nare **250 RON** azi, 2 * 3 ** 4"), [
		{text: "Preț", strong: true},
		{text: "\nare "},
		{text: "250 RON", strong: true},
		{text: " azi, 2 * 3 ** 4"},
	]);
	assert.deepEqual(prose("**https://a.example/x**"), [
		{text: "https://a.example/x", href: "https://a.example/x",
			strong: true},
	]);
});

test("ids are UUIDs also where the browser has no randomUUID", () => {
	const plain = {getRandomValues: (bytes) => bytes.fill(0xff)};
	assert.equal(uuid(plain), "ffffffff-ffff-4fff-bfff-ffffffffffff");
	assert.notEqual(uuid(webcrypto), uuid(webcrypto));
});

test("a name is shortened to its first and last initial", () => {
	assert.equal(initials("Cabinetul Medical Salvia"), "CS");
	assert.equal(initials("șapte"), "Ș");
	assert.equal(initials("🙂"), "");
});
