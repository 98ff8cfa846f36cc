/* page: what stands around the log: names, words, banner, switches. */

import {initials} from "./text.js";

const BACK_MS = 2500;
const PATIENCE_MS = 1200; /* a connection this quick needs no banner */

const $ = (id) => document.getElementById(id);

export class Page {
	#t;
	#name = "";
	#state = "connecting";
	#shown = null; /* the banner's state */
	#timer = null;
	#unread = 0;

	constructor({onLanguage, onTheme}) {
		$("language").addEventListener("click", onLanguage);
		$("theme").addEventListener("click", () => {
			const theme = this.#dark() ? "light" : "dark";
			document.documentElement.dataset.theme = theme;
			this.#theme();
			onTheme(theme);
		});
		matchMedia("(prefers-color-scheme: dark)")
			.addEventListener("change", () => this.#theme());
		document.addEventListener("visibilitychange", () => {
			if (!document.hidden)
				this.#setUnread(0);
		});
		this.#theme();
		this.#later(() => this.#banner(this.#state), PATIENCE_MS);
	}

	/* Puts the words of a language everywhere. */
	translate(t, language) {
		this.#t = t;
		document.documentElement.lang = language;
		const attributes = {"": null, "-label": "aria-label",
			"-placeholder": "placeholder"};
		for (const [suffix, attribute] of Object.entries(attributes)) {
			const name = `data-i18n${suffix}`;
			for (const element of document.querySelectorAll(`[${name}]`)) {
				const word = t(element.getAttribute(name));
				if (attribute)
					element.setAttribute(attribute, word);
				else
					element.textContent = word;
			}
		}
		const other = language === "ro" ? "en" : "ro";
		$("language").textContent = other.toUpperCase();
		$("language").lang = other;
		$("language").title = t("language");
		$("language").setAttribute("aria-label", t("language"));
		$("theme").title = t("theme");
		$("theme").setAttribute("aria-label", t("theme"));
		this.#status();
		this.#banner(this.#shown);
		this.#setUnread(this.#unread);
	}

	named(name) {
		this.#name = name;
		$("name").textContent = name;
		$("avatar").textContent = initials(name);
		this.#setUnread(this.#unread);
		this.#banner(this.#shown);
	}

	/* A banner comes at once when something is wrong, goes at once when
	 * nothing was said, and else says that it is over. */
	connection(state) {
		const said = this.#shown === "offline" || this.#shown === "refused";
		this.#state = state;
		this.#status();
		clearTimeout(this.#timer);
		if (state !== "online") {
			this.#banner(state);
		} else if (said) {
			this.#banner("back");
			this.#later(() => this.#banner(null), BACK_MS);
		} else {
			this.#banner(null);
		}
	}

	/* Answers that came while nobody looked are counted in the title. */
	arrived(n) {
		if (document.hidden && n)
			this.#setUnread(this.#unread + n);
	}

	#later(work, ms) {
		clearTimeout(this.#timer);
		this.#timer = setTimeout(work, ms);
	}

	#status() {
		$("status").dataset.state = this.#state;
		$("status").textContent = this.#t?.(`status.${this.#state}`) ?? "";
	}

	#banner(state) {
		const banner = $("banner");
		this.#shown = state;
		banner.hidden = !state;
		banner.dataset.state = state ?? "";
		banner.textContent = state && this.#t
			? this.#t(`banner.${state}`, {business: this.#name}) : "";
	}

	#setUnread(n) {
		this.#unread = n;
		const title = this.#name || this.#t?.("title") || "Taifas";
		document.title = n ? `(${n}) ${title}` : title;
	}

	#dark() {
		const chosen = document.documentElement.dataset.theme;
		return chosen ? chosen === "dark"
			: matchMedia("(prefers-color-scheme: dark)").matches;
	}

	#theme() {
		$("theme").setAttribute("aria-pressed", String(this.#dark()));
	}
}
