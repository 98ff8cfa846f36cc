/* text: what is done to the text of messages. Pure. */

export const MESSAGE_MAX = 8000; /* code points, as the gateway counts */
const WARN_LEFT = 500;

export function codePoints(text) {
	let n = text.length;
	for (let i = 0; i + 1 < text.length; i++) {
		if (text.codePointAt(i) > 0xffff) {
			n--;
			i++;
		}
	}
	return n;
}

/* What can be sent: half characters and NULs are no valid JSON text for the
 * gateway, and no one misses the white space around a message. */
export function sendable(text) {
	return text.replace(/\p{Surrogate}/gu, "\ufffd")
		.replaceAll("\0", "")
		.replaceAll("\r\n", "\n")
		.trim();
}

/* How far a text is from the limit: null while it is not worth telling. */
export function remaining(text) {
	if (text.length + WARN_LEFT < MESSAGE_MAX)
		return null;
	const left = MESSAGE_MAX - codePoints(sendable(text));
	return left <= WARN_LEFT ? left : null;
}

/* crypto.randomUUID is missing where the page is not served securely. */
export function uuid(crypto = globalThis.crypto) {
	if (crypto.randomUUID)
		return crypto.randomUUID();
	const bytes = crypto.getRandomValues(new Uint8Array(16));
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0"));
	return hex.join("").replace(
		/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/* "Cabinetul Medical Salvia" -> "CS" */
export function initials(name) {
	const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
	const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
	return ends.map((word) => [...word][0].toUpperCase()).join("");
}

const HREF_MAX = 2000;
const CLOSERS = {")": "(", "]": "[", "}": "{"};

function count(text, char) {
	return text.split(char).length - 1;
}

/* The sentence around an address lends it its last characters. */
function withoutTail(url) {
	for (;;) {
		const last = url.at(-1);
		const open = CLOSERS[last];
		const tail = open ? count(url, last) > count(url, open)
			: /[.,;:!?…*_~'"”’»]/u.test(last);
		if (!tail)
			return url;
		url = url.slice(0, -1);
	}
}

/* Addresses with a user name before the host are how one host is made to
 * look like another: they stay text. */
function address(candidate) {
	try {
		const url = new URL(candidate);
		const web = url.protocol === "http:" || url.protocol === "https:";
		return web && !url.username && !url.password ? url.href : null;
	} catch {
		return null;
	}
}

/* Cuts a text into [{text}, {text, href}, ...]: together they are the text.
 * Only whole http and https addresses become links. */
export function linkify(text) {
	const parts = [];
	let done = 0;
	for (const match of text.matchAll(/https?:\/\/[^\s<>"`\\]+/giu)) {
		const before = text.slice(Math.max(0, match.index - 2), match.index);
		if (/[\p{L}\p{N}_]$/u.test(before) || match[0].length > HREF_MAX)
			continue;
		const shown = withoutTail(match[0]);
		const href = address(shown);
		if (!href)
			continue;
		if (match.index > done)
			parts.push({text: text.slice(done, match.index)});
		parts.push({text: shown, href});
		done = match.index + shown.length;
	}
	if (done < text.length)
		parts.push({text: text.slice(done)});
	return parts;
}

/* The little Markdown answers are written with: **strong** and # headings;
 * lists read well as they are. Parts as linkify's, some with `strong`. */
export function prose(text) {
	const plain = text.replace(/^#{1,6} (.*)$/gmu,
		(_, heading) => `**${heading.trim()}**`);
	return plain.split(/\*\*(?=\S)([^\n]{0,300}?\S)\*\*/u).flatMap((piece, i) =>
		linkify(piece).map((part) =>
			i % 2 ? {...part, strong: true} : part));
}
