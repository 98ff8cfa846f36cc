/* chat: the page's table of contents. It holds what is known (conversation,
 * outbox, typing) and tells the view when it has changed. The hooks for
 * tests are listed in index.html. */

import {Composer} from "./composer.js";
import {Conversation, dateOf, fromAnswer, fromEcho, fromReply, timeline}
	from "./conversation.js";
import {History} from "./history.js";
import {todayAlias, translator} from "./i18n.js";
import {Log} from "./log.js";
import {Outbox} from "./outbox.js";
import {Page} from "./page.js";
import {Server} from "./server.js";
import {safeStorage, Settings} from "./settings.js";
import {uuid} from "./text.js";
import {Typing} from "./typing.js";

const HISTORY_RETRY_MS = [1000, 3000, 10000, 30000];
const MINUTE_MS = 60000;

const storage = safeStorage(() => localStorage);
const settings = new Settings({search: location.search, storage,
	languages: navigator.languages});

const conversation = new Conversation();
const typing = new Typing();
const server = new Server({
	business: settings.business,
	user: settings.user,
	onState: connectionChanged,
	events: {
		new_message: answerArrived,
		user_message: echoArrived,
		typing: typingSign,
		message_processed: turnEnded,
		session_update: sessionChanged,
		resync: catchUp,
	},
});
const history = new History(conversation,
	(session, before) => server.history(session, before));
const outbox = new Outbox({
	storage,
	prefix: settings.outboxPrefix,
	send: (entry) => server.send(entry, conversation.lastSession()),
	stored: sent,
	changed: show,
});

const page = new Page({
	onLanguage: switchLanguage,
	onTheme: (theme) => settings.chooseTheme(theme),
});
const log = new Log({
	retry: (id) => outbox.retry(id),
	discard: (id) => outbox.discard(id),
	suggest: say,
	earlier: loadEarlier,
	reload: catchUp,
});
const composer = new Composer(say);

/* --- from the user ------------------------------------------------------ */

function say(text) {
	outbox.add(uuid(), text);
	log.toEnd();
	composer.focus();
}

async function loadEarlier() {
	try {
		await history.earlier();
		log.silently(historyKnown);
	} catch {
		historyUnknown();
	}
}

function switchLanguage() {
	settings.chooseLanguage(settings.language === "ro" ? "en" : "ro");
	const url = new URL(location.href);
	url.searchParams.delete("lang");
	window.history.replaceState(null, "", url);
	translate();
}

/* --- from the gateway --------------------------------------------------- */

function connectionChanged(state) {
	page.connection(state);
	if (state !== "online") {
		typing.clear();
		log.loading(false);
	}
	outbox.online(state === "online");
	if (state === "online")
		catchUp();
}

/* An error notice is not a message: the reply to the send says it too. */
function answerArrived(event) {
	const message = fromAnswer(event);
	if (!message)
		return;
	if (message.type !== "system")
		typing.answered(message.sessionId);
	arrived(message);
}

function echoArrived(event) {
	const message = fromEcho(event);
	if (message)
		arrived(message);
}

function sent(entry, reply) {
	const message = fromReply(entry, reply ?? {});
	if (message)
		conversation.add(message);
}

function arrived(message) {
	const fresh = conversation.add(message);
	if (fresh && message.type !== "user")
		page.arrived(1);
	show({fresh: fresh ? 1 : 0});
}

function typingSign(event) {
	typing.sign(event);
	showTyping();
}

function turnEnded(event) {
	typing.processed(event);
	showTyping();
}

/* A change of state is told by a system message in the history. */
function sessionChanged(event) {
	if (event.reason === "deleted") {
		conversation.forget(event.sessionId);
		show();
	} else if (event.previous && event.previous !== event.status) {
		catchUp();
	}
}

/* --- what was missed ---------------------------------------------------- */

let historyTries = 0;
let historyTimer = null;

async function catchUp() {
	clearTimeout(historyTimer);
	log.loading(!history.loaded);
	try {
		await history.latest(todayAlias(settings.business, settings.user));
		historyTries = 0;
		if (log.isLoading)
			log.silently(historyKnown);
		else
			historyKnown();
	} catch {
		const wait = HISTORY_RETRY_MS[historyTries++] ??
			HISTORY_RETRY_MS.at(-1);
		historyTimer = setTimeout(catchUp, wait);
		historyUnknown();
	}
}

function historyKnown() {
	log.loading(false);
	log.history({failed: false, earlier: history.hasEarlier});
	show();
}

/* While there is no connection the banner says enough. */
function historyUnknown() {
	log.history({failed: server.state === "online",
		earlier: history.hasEarlier});
	log.loading(false);
	show();
}

/* --- to the eye --------------------------------------------------------- */

let typingTimer = null;
let shownDate = dateOf(Date.now());

function show(news) {
	outbox.settle((id) => conversation.hasSent(id));
	log.render(timeline(conversation.list(), outbox.entries), news);
	showTyping();
}

function showTyping() {
	const left = typing.left();
	clearTimeout(typingTimer);
	if (left)
		typingTimer = setTimeout(showTyping, left);
	log.typing(left > 0);
}

function translate() {
	const t = translator(settings.language);
	page.translate(t, settings.language);
	log.translate(t, settings.language);
	composer.translate(t);
	log.silently(show);
}

/* "Today" becomes "Yesterday" at midnight. */
function dayPassed() {
	const date = dateOf(Date.now());
	if (date !== shownDate) {
		shownDate = date;
		translate();
	}
}

async function introduce() {
	page.named(settings.business);
	try {
		const business = await server.business();
		if (business?.name)
			page.named(business.name);
	} catch {
		setTimeout(introduce, HISTORY_RETRY_MS.at(-1));
	}
}

log.loading(true);
translate();
introduce();
server.connect();
setInterval(dayPassed, MINUTE_MS);
if (matchMedia("(hover: hover)").matches)
	composer.focus();
