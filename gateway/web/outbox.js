/* outbox: what was typed and is not known to be stored. No DOM.
 *
 * An entry waits for the connection, is sent, and leaves when the gateway
 * says where it is stored; or it has failed and waits for a decision. A retry
 * carries the same clientMessageId, so a message of which it was unknown
 * whether it arrived is stored once. Entries survive a reload: each has its
 * own key in the storage, so that two tabs do not overwrite each other's. */

const TRIES = 3;
const PAUSE_MS = [1000, 5000];
const STALE_MS = 24 * 60 * 60 * 1000;
/* Asking again may help, and cannot harm. */
const PASSING = ["unconfirmed", "rate_limited", "timeout"];

export class Outbox {
	#entries = [];
	#pausedUntil = 0;
	#online = false;
	#storage;
	#prefix;
	#send;
	#changed;
	#stored;
	#now;
	#later;

	/* send(entry) resolves to {status: "ok", reply}, {status: "error",
	 * code} or {status: "lost"} (the connection went first); changed() is
	 * called after every change, stored(entry, reply) when one is stored. */
	constructor({storage, prefix, send, changed, stored,
		now = Date.now, later = setTimeout}) {
		this.#storage = storage;
		this.#prefix = prefix;
		this.#send = send;
		this.#changed = changed;
		this.#stored = stored;
		this.#now = now;
		this.#later = later;
		this.#load();
	}

	get entries() {
		return this.#entries;
	}

	add(clientMessageId, text) {
		const entry = {clientMessageId, text, typedAt: this.#now(),
			state: "waiting", code: null, tries: 0};
		this.#entries.push(entry);
		this.#save(entry);
		this.#flush();
		this.#changed();
	}

	online(online) {
		this.#online = online;
		this.#flush();
		this.#changed();
	}

	retry(clientMessageId) {
		const entry = this.#find(clientMessageId);
		if (entry?.state !== "failed")
			return;
		Object.assign(entry, {state: "waiting", code: null, tries: 0,
			typedAt: this.#now()});
		this.#entries.push(...this.#entries.splice(
			this.#entries.indexOf(entry), 1));
		this.#save(entry);
		this.#flush();
		this.#changed();
	}

	discard(clientMessageId) {
		this.#remove(this.#find(clientMessageId));
		this.#changed();
	}

	/* Lets go what turned out to be stored: the history said so, or an
	 * echo was quicker than the reply. Not a change of its own. */
	settle(isStored) {
		this.#entries.filter((entry) => isStored(entry.clientMessageId))
			.forEach((entry) => this.#remove(entry));
	}

	#remove(entry) {
		const at = this.#entries.indexOf(entry);
		if (at < 0)
			return;
		this.#entries.splice(at, 1);
		this.#storage.removeItem(this.#prefix + entry.clientMessageId);
	}

	#find(clientMessageId) {
		return this.#entries.find(
			(entry) => entry.clientMessageId === clientMessageId);
	}

	#flush() {
		if (!this.#online || this.#now() < this.#pausedUntil)
			return;
		for (const entry of this.#entries) {
			if (entry.state === "waiting")
				this.#attempt(entry);
		}
	}

	async #attempt(entry) {
		entry.state = "sending";
		entry.tries++;
		const result = await this.#send(entry);
		if (!this.#entries.includes(entry) || entry.state !== "sending")
			return;
		if (result.status === "ok") {
			this.#stored(entry, result.reply);
			this.#remove(entry);
		} else if (result.status === "lost") {
			entry.state = "waiting";
		} else if (PASSING.includes(result.code) && entry.tries < TRIES) {
			this.#again(entry);
		} else {
			this.#fail(entry, result.code);
		}
		this.#flush();
		this.#changed();
	}

	/* The others wait too: they keep their order. */
	#again(entry) {
		const pause = PAUSE_MS[entry.tries - 1];
		entry.state = "waiting";
		this.#pausedUntil = this.#now() + pause;
		this.#later(() => {
			this.#flush();
			this.#changed();
		}, pause);
	}

	#fail(entry, code) {
		entry.state = "failed";
		entry.code = code;
		this.#save(entry);
	}

	#save({clientMessageId, text, typedAt, state, code}) {
		this.#storage.setItem(this.#prefix + clientMessageId,
			JSON.stringify({text, typedAt, state, code}));
	}

	#load() {
		const keys = this.#storage.keys().filter(
			(key) => key.startsWith(this.#prefix));
		for (const key of keys) {
			const entry = this.#restore(key);
			if (entry)
				this.#entries.push(entry);
			else
				this.#storage.removeItem(key);
		}
		this.#entries.sort((a, b) => a.typedAt - b.typedAt);
	}

	/* Yesterday's question is not sent without being asked for. */
	#restore(key) {
		try {
			const saved = JSON.parse(this.#storage.getItem(key));
			const {text, typedAt} = saved;
			if (typeof text !== "string" || !Number.isFinite(typedAt))
				return null;
			const stale = this.#now() - typedAt > STALE_MS;
			const failed = stale || saved.state === "failed";
			return {
				clientMessageId: key.slice(this.#prefix.length),
				text, typedAt, tries: 0,
				state: failed ? "failed" : "waiting",
				code: stale ? "stale" : saved.code ?? null,
			};
		} catch {
			return null;
		}
	}
}
