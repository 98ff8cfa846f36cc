/* composer: where a message is written. */

import {remaining, sendable} from "./text.js";

const ROWS_MAX = 8;

const $ = (id) => document.getElementById(id);
const growsByItself = CSS.supports("field-sizing", "content");

export class Composer {
	#t;
	#onSend;

	constructor(onSend) {
		this.#onSend = onSend;
		$("composer").addEventListener("submit", (event) => {
			event.preventDefault();
			this.#submit();
		});
		$("message").addEventListener("input", () => this.#look());
		$("message").addEventListener("keydown", (event) => {
			/* 229: Safari ends a composition before its Enter. */
			const composing = event.isComposing || event.keyCode === 229;
			if (event.key !== "Enter" || event.shiftKey || composing)
				return;
			event.preventDefault();
			this.#submit();
		});
	}

	translate(t) {
		this.#t = t;
		this.#look();
	}

	focus() {
		$("message").focus();
	}

	#submit() {
		const text = sendable($("message").value);
		const left = remaining(text);
		if (!text || (left !== null && left < 0))
			return;
		$("message").value = "";
		this.#look();
		this.#onSend(text);
		this.focus();
	}

	#look() {
		const text = $("message").value;
		const left = remaining(text);
		const over = left !== null && left < 0;
		$("send").disabled = over || !sendable(text);
		$("message").setAttribute("aria-invalid", String(over));
		$("counter").dataset.over = String(over);
		$("counter").textContent = left === null ? ""
			: over ? this.#t("over", {n: -left}) : this.#t("left", {n: left});
		if (!growsByItself) {
			const rows = text.split("\n").length;
			$("message").rows = Math.min(ROWS_MAX, rows);
		}
	}
}
