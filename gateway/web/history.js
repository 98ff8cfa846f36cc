/* history: fills the conversation from the stored messages. No DOM.
 *
 * What is shown has no holes: after a reconnect pages are read back until one
 * meets what is known; if it is too far away, the conversation begins anew at
 * what was read. */

import {fromHistory} from "./conversation.js";

const PAGES_MAX = 10;

export class History {
	#conversation;
	#page;
	#earlier = undefined; /* undefined: never loaded; null: nothing more */
	#last = Promise.resolve();

	/* page(session, before) resolves to the gateway's answer, or null if
	 * there is no such session; it rejects when it cannot be known. */
	constructor(conversation, page) {
		this.#conversation = conversation;
		this.#page = page;
	}

	get loaded() {
		return this.#earlier !== undefined;
	}

	get hasEarlier() {
		return Boolean(this.#earlier);
	}

	/* Everything up to now. `alias` is today's session. */
	latest(alias) {
		return this.#inTurn(async () => {
			const before = this.#conversation.lastSession();
			const today = await this.#catchUp(alias);
			if (before && before !== today)
				await this.#catchUp(before);
		});
	}

	/* One page of what is before the first shown. */
	earlier() {
		return this.#inTurn(async () => {
			if (!this.#earlier)
				return;
			const {session, cursor} = this.#earlier;
			const page = await this.#read(session, cursor);
			page.messages.forEach((m) => this.#conversation.add(m));
			this.#remember(page);
		});
	}

	/* Returns the canonical id of the session, if there is one. */
	async #catchUp(session) {
		const first = this.#earlier === undefined;
		const fresh = [];
		let page = await this.#read(session);
		for (let n = 1; ; n++) {
			fresh.push(...page.messages);
			const met = page.messages.some(
				(m) => this.#conversation.has(m.messageId));
			if (first || met || !page.cursor)
				break;
			if (n === PAGES_MAX || !this.#conversation.size) {
				this.#conversation.clear();
				this.#remember(page);
				break;
			}
			page = await this.#read(session, page.cursor);
		}
		fresh.forEach((m) => this.#conversation.add(m));
		if (first)
			this.#remember(page);
		return page.session;
	}

	async #read(session, before) {
		const page = await this.#page(session, before);
		const messages = (page?.messages ?? []).map(fromHistory)
			.filter(Boolean);
		const {hasMore, nextCursor} = page?.pagination ?? {};
		return {
			session: messages[0]?.sessionId || null,
			messages,
			cursor: hasMore && nextCursor ? nextCursor : null,
		};
	}

	#remember({session, cursor}) {
		this.#earlier = session && cursor ? {session, cursor} : null;
	}

	#inTurn(work) {
		const done = this.#last.then(work);
		this.#last = done.catch(() => {});
		return done;
	}
}
