/* log: the messages on the page. Texts reach it only as text nodes.
 *
 * A row keeps its element as long as it keeps its key, so that nothing is
 * announced twice, closed again or loses its place while it changes from
 * "sending" to "sent". */

import {formatDay, formatTime} from "./i18n.js";
import {codePoints, linkify, prose} from "./text.js";

const NEAR_PX = 60; /* this close to the end counts as there */
const LONG_POINTS = 1800;
const LONG_LINES = 30;
const SILENCE_MS = 500;

const $ = (id) => document.getElementById(id);

function make(tag, className, text) {
	const element = document.createElement(tag);
	if (className)
		element.className = className;
	if (text !== undefined)
		element.textContent = text;
	return element;
}

function button(className, text, onClick) {
	const element = make("button", className, text);
	element.type = "button";
	element.addEventListener("click", onClick);
	return element;
}

function piece({text, href, strong}) {
	let node = document.createTextNode(text);
	if (href) {
		const link = make("a");
		link.href = href;
		link.target = "_blank";
		link.rel = "noopener noreferrer";
		link.append(node);
		node = link;
	}
	if (!strong)
		return node;
	const bold = make("strong");
	bold.append(node);
	return bold;
}

export class Log {
	#t;
	#language;
	#rows = new Map(); /* key -> {element, said, stale} */
	#unseen = 0;
	#atEnd = true;
	#silence = null;
	#actions;

	/* actions: {retry(clientMessageId), discard(...), suggest(text),
	 * earlier(), reload()} */
	constructor(actions) {
		this.#actions = actions;
		$("earlier").addEventListener("click", actions.earlier);
		$("reload").addEventListener("click", actions.reload);
		$("log").addEventListener("scroll", () => this.#scrolled(),
			{passive: true});
		$("new-messages").addEventListener("click", () => {
			this.toEnd(true);
			$("log").focus({preventScroll: true});
		});
		/* The keyboard of a phone, a growing composer. */
		new ResizeObserver(() => {
			if (this.#atEnd)
				this.toEnd();
		}).observe($("log"));
	}

	translate(t, language) {
		this.#t = t;
		this.#language = language;
		const items = t("suggest").map((text) => {
			const item = make("li");
			item.append(button("pill", text,
				() => this.#actions.suggest(text)));
			return item;
		});
		$("suggestions").replaceChildren(...items);
		for (const held of this.#rows.values())
			held.stale = true;
		this.#newMessages();
	}

	/* rows: a timeline. `fresh`: how many of its messages arrived live. */
	render(rows, {fresh = 0} = {}) {
		const wasAtEnd = this.#atEnd;
		const anchor = wasAtEnd ? null : this.#anchor();
		this.#place(rows);
		$("empty").hidden = rows.length > 0 || this.isLoading;
		if (wasAtEnd) {
			this.toEnd();
		} else {
			if (anchor?.element.isConnected)
				$("log").scrollTop +=
					anchor.element.offsetTop - anchor.top;
			this.#unseen += fresh;
		}
		this.#newMessages();
	}

	/* The first message in sight: it stays where it is, whatever is put
	 * above it. */
	#anchor() {
		const top = $("log").scrollTop;
		const element = [...$("messages").querySelectorAll(".message")]
			.find((item) => item.offsetTop + item.offsetHeight > top);
		return element && {element, top: element.offsetTop};
	}

	/* While the first page is awaited. */
	loading(loading) {
		$("log").setAttribute("aria-busy", String(loading));
		$("loading").hidden = !loading;
	}

	get isLoading() {
		return !$("loading").hidden;
	}

	/* What work() shows is not news: older messages, other words. Screen
	 * readers look a moment later, hence the delay. */
	silently(work) {
		clearTimeout(this.#silence);
		$("log").setAttribute("aria-live", "off");
		work();
		this.#silence = setTimeout(
			() => $("log").setAttribute("aria-live", "polite"),
			SILENCE_MS);
	}

	history({failed, earlier}) {
		const focused = document.activeElement === $("earlier");
		$("history-failed").hidden = !failed;
		$("earlier").hidden = !earlier;
		if (focused && !earlier)
			$("log").focus({preventScroll: true});
	}

	typing(shown) {
		if ($("typing").hidden === !shown)
			return;
		$("typing").hidden = !shown;
		if (this.#atEnd)
			this.toEnd();
	}

	toEnd(smooth = false) {
		const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
		this.#atEnd = true;
		this.#unseen = 0;
		$("log").scrollTo({top: $("log").scrollHeight,
			behavior: smooth && !calm ? "smooth" : "instant"});
		this.#newMessages();
	}

	#scrolled() {
		const {scrollHeight, scrollTop, clientHeight} = $("log");
		this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
		if (this.#atEnd)
			this.#unseen = 0;
		this.#newMessages();
	}

	#newMessages() {
		const target = $("new-messages");
		target.hidden = this.#atEnd;
		target.dataset.unseen = this.#unseen;
		target.textContent = this.#unseen
			? this.#t("newMessages", {n: this.#unseen}) : "";
		if (this.#unseen)
			target.removeAttribute("aria-label");
		else
			target.setAttribute("aria-label", this.#t?.("toEnd") ?? "");
	}

	#place(rows) {
		const keys = new Set(rows.map((row) => row.key));
		for (const [key, held] of this.#rows) {
			if (!keys.has(key)) {
				held.element.remove();
				this.#rows.delete(key);
			}
		}
		let next = $("messages").firstElementChild;
		for (const row of rows) {
			const element = this.#element(row);
			if (element === next)
				next = next.nextElementSibling;
			else
				$("messages").insertBefore(element, next);
		}
	}

	#element(row) {
		const said = JSON.stringify([row.type, row.text, row.sources,
			row.at]);
		const held = this.#rows.get(row.key);
		const element = held?.element ?? make("li");
		if (!held || held.stale || held.said !== said) {
			if (row.kind === "day")
				this.#fillDay(element, row);
			else
				this.#fillMessage(element, row);
			this.#rows.set(row.key, {element, said});
		}
		if (row.kind === "message")
			this.#dress(element, row);
		return element;
	}

	#fillDay(element, row) {
		element.className = "day";
		element.replaceChildren(make("span", "",
			formatDay(this.#language, row.at)));
	}

	#fillMessage(element, row) {
		const open = element.querySelector("details")?.open ?? false;
		const who = row.type === "person" ? "who" : "who unseen";
		element.classList.add("message", row.type);
		element.dataset.type = row.type;
		element.dataset.state = "";
		element.replaceChildren(make("p", who, this.#t(`who.${row.type}`)),
			this.#bubble(row, open));
	}

	/* What changes while a message stays the same. */
	#dress(element, row) {
		element.classList.toggle("opens", row.opens);
		element.classList.toggle("ends", row.ends);
		element.dataset.messageId = row.messageId ?? "";
		if (element.dataset.state === row.state)
			return;
		element.dataset.state = row.state;
		if (row.type === "user")
			element.querySelector(".state").textContent =
				this.#t(`state.${row.state}`);
		element.querySelector(".failure")?.remove();
		if (row.state === "failed")
			element.append(this.#failure(row));
	}

	#bubble(row, open) {
		const bubble = make("div", "bubble");
		const text = make("p", "text");
		const rich = row.type === "agent" || row.type === "person";
		text.dir = "auto";
		text.append(...(rich ? prose : linkify)(row.text).map(piece));
		bubble.append(text);
		const long = codePoints(row.text) > LONG_POINTS ||
			row.text.split("\n").length > LONG_LINES;
		if (long)
			bubble.append(this.#more(bubble));
		if (row.sources.length)
			bubble.append(this.#sources(row.sources, open));
		if (row.type !== "system")
			bubble.append(this.#meta(row));
		return bubble;
	}

	#more(bubble) {
		bubble.classList.add("long");
		return button("link more", this.#t("more"), () => {
			const item = bubble.parentElement;
			item.classList.add("whole");
			item.tabIndex = -1;
			item.focus({preventScroll: true});
		});
	}

	#sources(sources, open) {
		const details = make("details", "sources");
		const list = make("ul");
		for (const {title, path, snippet} of sources) {
			const item = make("li");
			item.append(make("strong", "", title));
			if (snippet)
				item.append(make("span", "snippet", snippet));
			if (path && path !== title)
				item.append(make("span", "path", path));
			list.append(item);
		}
		details.open = open;
		details.append(make("summary", "",
			this.#t("sources", {n: sources.length})), list);
		details.addEventListener("toggle", () => {
			if (this.#atEnd)
				this.toEnd();
		});
		return details;
	}

	#meta(row) {
		const meta = make("p", "meta");
		const time = make("time", "", formatTime(this.#language, row.at));
		time.dateTime = new Date(row.at).toISOString();
		meta.append(time);
		if (row.type === "user")
			meta.append(make("span", "state"));
		return meta;
	}

	#failure(row) {
		const failure = make("div", "failure");
		const reason = this.#t(`failure.${row.code}`) ??
			this.#t("failure.other");
		const act = (action) => () => {
			action(row.clientMessageId);
			$("message").focus();
		};
		const acts = make("div", "acts");
		acts.append(
			button("link retry", this.#t("retry"),
				act(this.#actions.retry)),
			button("link discard", this.#t("discard"),
				act(this.#actions.discard)));
		failure.append(make("p", "", reason), acts);
		return failure;
	}
}
