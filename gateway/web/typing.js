/* typing: whether an answer is being written. No DOM.
 *
 * Signs may be lost or late: one that is not repeated runs out, and one that
 * comes after its turn has ended is ignored. */

const LIFE_MS = 12000;
const ENDED_MAX = 50;

export class Typing {
	#turns = new Map(); /* turnId -> {sessionId, until} */
	#ended = [];
	#now;

	constructor(now = Date.now) {
		this.#now = now;
	}

	sign({turnId, sessionId, state}) {
		if (state === "stopped")
			this.#end(turnId);
		else if (!this.#ended.includes(turnId))
			this.#turns.set(turnId,
				{sessionId, until: this.#now() + LIFE_MS});
	}

	processed({turnId}) {
		this.#end(turnId);
	}

	answered(sessionId) {
		for (const [turnId, turn] of this.#turns) {
			if (turn.sessionId === sessionId)
				this.#end(turnId);
		}
	}

	/* The connection went: nothing that was said before holds. */
	clear() {
		this.#turns.clear();
	}

	/* Milliseconds the indicator stays without another sign; 0: none. */
	left() {
		let left = 0;
		for (const {until} of this.#turns.values())
			left = Math.max(left, until - this.#now());
		return left;
	}

	#end(turnId) {
		this.#turns.delete(turnId);
		this.#ended = [...this.#ended, turnId].slice(-ENDED_MAX);
	}
}
