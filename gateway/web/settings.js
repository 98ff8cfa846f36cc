/* settings: who chats with whom, and what was chosen before. No DOM.
 *
 * Kept in localStorage, all under "taifas:"; theme.js reads one of them
 * before the page is painted. */

import {pickLanguage} from "./i18n.js";
import {uuid} from "./text.js";

const BUSINESS = "B0100001";

/* localStorage may be forbidden or full: then things last as long as the
 * page. */
export function safeStorage(area) {
	const memory = new Map();
	const attempt = (work, fallback) => {
		try {
			return work(area()) ?? fallback();
		} catch {
			return fallback();
		}
	};
	return {
		getItem: (key) => attempt((s) => s.getItem(key),
			() => memory.get(key) ?? null),
		setItem(key, value) {
			memory.set(key, value);
			attempt((s) => s.setItem(key, value), () => null);
		},
		removeItem(key) {
			memory.delete(key);
			attempt((s) => s.removeItem(key), () => null);
		},
		keys: () => [...new Set([...memory.keys(),
			...attempt((s) => Object.keys(s), () => [])])],
	};
}

export class Settings {
	#storage;

	constructor({search, storage, languages = [], crypto}) {
		const asked = new URLSearchParams(search);
		this.#storage = storage;
		this.business = asked.get("business") || BUSINESS;
		this.user = asked.get("user") || this.#visitor(crypto);
		this.language = pickLanguage(asked.get("lang"),
			storage.getItem("taifas:lang"), languages);
	}

	get outboxPrefix() {
		return `taifas:outbox:${this.business}:${this.user}:`;
	}

	chooseLanguage(language) {
		this.language = language;
		this.#storage.setItem("taifas:lang", language);
	}

	chooseTheme(theme) {
		this.#storage.setItem("taifas:theme", theme);
	}

	/* Someone without a name: the same on the next visit. */
	#visitor(crypto) {
		const key = `taifas:user:${this.business}`;
		const known = this.#storage.getItem(key);
		if (known)
			return known;
		const user = `web-${uuid(crypto)}`;
		this.#storage.setItem(key, user);
		return user;
	}
}
