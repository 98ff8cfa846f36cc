/* server: the gateway as the page sees it: a Phoenix channel and REST. The
 * only importer of phoenix.
 *
 * States: "connecting" (not joined yet), "online" (joined), "offline" (lost,
 * coming back by itself), "refused" (the join was; it is tried again all the
 * same). A send is pushed only while online, and ends as "lost" at once when
 * the connection does: phoenix would let it time out. */

import {Socket} from "./phoenix.mjs";

const SEND_MS = 35000;
const FETCH_MS = 15000;
const PING_MS = 5000;
const HEARTBEAT_MS = 20000;
const RECONNECT_MS = [100, 500, 1000, 2000, 5000, 10000];
const PAGE = 100;

/* Not all at the same instant when a gateway comes back. */
function reconnectAfterMs(tries) {
	const base = RECONNECT_MS[tries - 1] ?? RECONNECT_MS.at(-1);
	return base * (0.5 + Math.random());
}

export class Server {
	#business;
	#user;
	#socket;
	#channel;
	#state = "connecting";
	#onState;
	#unanswered = new Set();

	/* events: {name: handler}. onState(state) comes with every join too,
	 * also with the first of a row of the same state. */
	constructor({business, user, events, onState}) {
		this.#business = business;
		this.#user = user;
		this.#onState = onState;
		this.#socket = new Socket("/socket", {
			params: {businessId: business, userId: user, format: "text"},
			heartbeatIntervalMs: HEARTBEAT_MS,
			reconnectAfterMs,
		});
		this.#channel = this.#socket.channel(
			`messages:${business}`, {userId: user});
		for (const [name, handler] of Object.entries(events))
			this.#channel.on(name, (payload) => handler(payload ?? {}));
	}

	connect() {
		this.#socket.onError(() => this.#lost());
		this.#socket.onClose(() => this.#lost());
		this.#channel.onError(() => this.#lost());
		this.#socket.connect();
		this.#channel.join()
			.receive("ok", () => this.#enter("online"))
			.receive("error", () => this.#enter("refused"))
			.receive("timeout", () => this.#lost());
		addEventListener("online", () => this.#check());
		addEventListener("offline", () => this.#check());
	}

	get state() {
		return this.#state;
	}

	/* Resolves to {status: "ok", reply}, {status: "error", code} or
	 * {status: "lost"}. */
	send({clientMessageId, text, typedAt}, sessionId) {
		if (this.#state !== "online")
			return Promise.resolve({status: "lost"});
		return new Promise((resolve) => {
			const end = (result) => {
				this.#unanswered.delete(end);
				resolve(result);
			};
			this.#unanswered.add(end);
			this.#channel.push("new_message", {
				businessId: this.#business,
				locationId: "default",
				userId: this.#user,
				message: text,
				...(sessionId ? {sessionId} : {}),
				timestamp: new Date(typedAt).toISOString(),
				clientMessageId,
			}, SEND_MS)
				.receive("ok", (reply) => end({status: "ok", reply}))
				.receive("error", (error) => end(
					{status: "error", code: error?.code ?? "other"}))
				.receive("timeout", () => end(
					{status: "error", code: "timeout"}));
		});
	}

	/* A page of a session's messages; null if there is no such session. */
	history(session, before) {
		const query = new URLSearchParams({limit: PAGE, format: "text"});
		if (before)
			query.set("before", before);
		return this.#get(`/api/sessions/${encodeURIComponent(session)}` +
			`/messages?${query}`);
	}

	/* The business's record for the public; null if it is not listed. */
	business() {
		return this.#get(`/api/business/` +
			`${encodeURIComponent(this.#business)}?format=text`);
	}

	async #get(url) {
		const response = await fetch(url, {
			headers: {accept: "application/json"},
			cache: "no-store",
			signal: AbortSignal.timeout(FETCH_MS),
		});
		if (response.status === 404)
			return null;
		if (!response.ok)
			throw new Error(`HTTP ${response.status}`);
		return response.json();
	}

	#enter(state) {
		this.#state = state;
		if (state !== "online") {
			for (const end of [...this.#unanswered])
				end({status: "lost"});
		}
		this.#onState(state);
	}

	#lost() {
		if (this.#state === "online" || this.#state === "connecting")
			this.#enter("offline");
	}

	/* The browser says the network changed. It may know less than we do
	 * (a gateway on this machine needs no network), so we look. */
	#check() {
		const again = () => this.#socket.disconnect(
			() => this.#socket.connect());
		if (!this.#socket.isConnected()) {
			again();
			return;
		}
		const silent = setTimeout(() => {
			this.#lost();
			again();
		}, PING_MS);
		this.#socket.ping(() => clearTimeout(silent));
	}
}
