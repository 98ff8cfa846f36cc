import assert from "node:assert/strict";
import {webcrypto} from "node:crypto"; // a browser's; Node 18 has it here only
import {readFileSync} from "node:fs";
import test from "node:test";
import {formatDay, formatTime, pickLanguage, todayAlias, translator, WORDS}
	from "../../gateway/web/i18n.js";
import {safeStorage, Settings} from "../../gateway/web/settings.js";

function keys(words, prefix = "") {
	return Object.entries(words).flatMap(([key, value]) =>
		typeof value === "object" && !Array.isArray(value) &&
				!("other" in value)
			? keys(value, `${prefix}${key}.`) : `${prefix}${key}`);
}

test("both languages have the same words", () => {
	assert.deepEqual(keys(WORDS.ro), keys(WORDS.en));
});

test("every word the page asks for is there", () => {
	const html = readFileSync(
		new URL("../../gateway/web/index.html", import.meta.url), "utf8");
	const asked = [...html.matchAll(/data-i18n[a-z-]*="([^"]+)"/g)];
	assert.ok(asked.length > 10);
	for (const [, key] of asked)
		assert.equal(typeof translator("en")(key), "string", key);
});

test("Romanian counts one, few and many", () => {
	const t = translator("ro");
	assert.equal(t("sources", {n: 1}), "1 sursă");
	assert.equal(t("sources", {n: 3}), "3 surse");
	assert.equal(t("sources", {n: 20}), "20 de surse");
	assert.equal(translator("en")("sources", {n: 1}), "1 source");
});

test("an unknown word is absent, not an exception", () => {
	assert.equal(translator("en")("failure.whatever"), undefined);
	assert.equal(translator("en")("no.such.word"), undefined);
});

test("the language is the asked, the chosen, the preferred, or English", () => {
	assert.equal(pickLanguage("ro", "en", ["en"]), "ro");
	assert.equal(pickLanguage("xx", "ro", ["en"]), "ro");
	assert.equal(pickLanguage(null, null, ["de-DE", "ro-MD", "en"]), "ro");
	assert.equal(pickLanguage(null, null, []), "en");
});

test("days near today have names", () => {
	const now = new Date(2026, 10, 22, 0, 30).getTime();
	const day = (...date) => formatDay("ro", new Date(...date), now);
	assert.equal(day(2026, 10, 22, 0, 10), "Astăzi");
	assert.equal(day(2026, 10, 21, 23, 59), "Ieri");
	assert.match(day(2026, 10, 20), /vineri/);
	assert.match(day(2025, 10, 20), /2025/);
	assert.equal(formatTime("en", new Date(2026, 10, 22, 9, 5)), "09:05");
});

test("today's alias names the browser's midnight", () => {
	const midnight = new Date(2026, 10, 22).getTime();
	assert.equal(todayAlias("B1", "u1", midnight + 5000),
		`B1:u1:${midnight}`);
});

test("a visitor keeps a random id, one for each business", () => {
	const storage = safeStorage(() => null);
	const open = (search) => new Settings(
		{search, storage, crypto: webcrypto});
	const first = open("");
	assert.equal(first.business, "B0100001");
	assert.match(first.user, /^web-[0-9a-f-]{36}$/);
	assert.equal(open("").user, first.user);
	assert.notEqual(open("?business=B2").user, first.user);
	assert.equal(open("?user=ana").user, "ana");
});

test("a browser that forbids storage is served all the same", () => {
	const storage = safeStorage(() => {
		throw new Error("denied");
	});
	storage.setItem("a", "1");
	assert.equal(storage.getItem("a"), "1");
	assert.deepEqual(storage.keys(), ["a"]);
	storage.removeItem("a");
	assert.equal(storage.getItem("a"), null);
});
