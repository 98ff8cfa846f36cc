/* i18n: the page's words and how it writes times. No DOM. */

export const LANGUAGES = ["ro", "en"];

const ro = {
	locale: "ro-RO",
	title: "Discuție",
	skip: "Sari la mesaj",
	loading: "Se încarcă discuția…",
	status: {
		online: "Conectat",
		connecting: "Se conectează…",
		offline: "Fără conexiune",
		refused: "Indisponibil",
	},
	banner: {
		connecting: "Ne conectăm…",
		offline: "Fără conexiune. Puteți scrie în continuare: mesajele " +
			"pleacă singure când revine.",
		refused: "Discuția cu „{business}” nu este disponibilă. " +
			"Verificați adresa paginii.",
		back: "Conexiunea a revenit.",
	},
	historyFailed: "Mesajele de mai devreme nu s-au putut încărca.",
	reload: "Încearcă din nou",
	earlier: "Mesaje mai vechi",
	today: "Astăzi",
	yesterday: "Ieri",
	welcome: "Bine ați venit!",
	invite: "Întrebați orice despre program, prețuri sau servicii. " +
		"Răspundem imediat.",
	suggestions: "Întrebări la îndemână",
	suggest: [
		"Ce program aveți?",
		"Cât costă o consultație?",
		"Unde vă găsesc?",
	],
	log: "Discuția",
	who: {
		user: "Dumneavoastră",
		agent: "Asistent",
		person: "Operator",
		system: "Notă",
	},
	state: {
		waiting: "Așteaptă conexiunea",
		sending: "Se trimite…",
		sent: "Trimis",
		failed: "Netrimis",
	},
	failure: {
		unavailable: "Serviciul nu răspunde acum.",
		unconfirmed: "Nu știm dacă a ajuns. Puteți retrimite fără grijă.",
		timeout: "Nu știm dacă a ajuns. Puteți retrimite fără grijă.",
		store_full: "Serviciul nu poate primi mesaje acum.",
		too_large: "Mesajul este prea lung.",
		rate_limited: "Prea multe mesaje într-un timp scurt.",
		stale: "Scris acum mai mult de o zi.",
		other: "A apărut o eroare.",
	},
	retry: "Retrimite",
	discard: "Șterge",
	more: "Arată tot",
	sources: {
		one: "{n} sursă",
		few: "{n} surse",
		other: "{n} de surse",
	},
	typing: "Se scrie un răspuns…",
	newMessages: {
		one: "Un mesaj nou",
		few: "{n} mesaje noi",
		other: "{n} de mesaje noi",
	},
	toEnd: "La ultimul mesaj",
	message: "Mesajul dumneavoastră",
	placeholder: "Scrieți un mesaj…",
	hint: "Enter trimite, Shift+Enter începe un rând nou",
	left: {
		one: "Mai încape un caracter",
		few: "Mai încap {n} caractere",
		other: "Mai încap {n} de caractere",
	},
	over: {
		one: "Un caracter în plus",
		few: "{n} caractere în plus",
		other: "{n} de caractere în plus",
	},
	send: "Trimite",
	theme: "Temă întunecată",
	language: "Switch to English",
};

const en = {
	locale: "en-GB",
	title: "Chat",
	skip: "Skip to message",
	loading: "Loading the conversation…",
	status: {
		online: "Connected",
		connecting: "Connecting…",
		offline: "No connection",
		refused: "Not available",
	},
	banner: {
		connecting: "Connecting…",
		offline: "No connection. You can keep writing: messages are sent " +
			"by themselves when it is back.",
		refused: "The chat with “{business}” is not available. " +
			"Please check the page's address.",
		back: "The connection is back.",
	},
	historyFailed: "Earlier messages could not be loaded.",
	reload: "Try again",
	earlier: "Earlier messages",
	today: "Today",
	yesterday: "Yesterday",
	welcome: "Welcome!",
	invite: "Ask anything about opening hours, prices or services. " +
		"You get an answer right away.",
	suggestions: "Questions to start with",
	suggest: [
		"What are your opening hours?",
		"How much is a consultation?",
		"Where can I find you?",
	],
	log: "Conversation",
	who: {
		user: "You",
		agent: "Assistant",
		person: "Staff",
		system: "Note",
	},
	state: {
		waiting: "Waiting for connection",
		sending: "Sending…",
		sent: "Sent",
		failed: "Not sent",
	},
	failure: {
		unavailable: "The service does not answer right now.",
		unconfirmed: "We do not know whether it arrived. " +
			"It is safe to send it again.",
		timeout: "We do not know whether it arrived. " +
			"It is safe to send it again.",
		store_full: "The service cannot take messages right now.",
		too_large: "The message is too long.",
		rate_limited: "Too many messages in a short time.",
		stale: "Written more than a day ago.",
		other: "Something went wrong.",
	},
	retry: "Send again",
	discard: "Delete",
	more: "Show all",
	sources: {one: "{n} source", other: "{n} sources"},
	typing: "An answer is being written…",
	newMessages: {one: "1 new message", other: "{n} new messages"},
	toEnd: "To the last message",
	message: "Your message",
	placeholder: "Write a message…",
	hint: "Enter sends, Shift+Enter starts a new line",
	left: {one: "1 character left", other: "{n} characters left"},
	over: {one: "1 character too many", other: "{n} characters too many"},
	send: "Send",
	theme: "Dark theme",
	language: "Treci la română",
};

export const WORDS = {ro, en};

/* The first that is known: what the address asks for, what was chosen before,
 * what the browser prefers. */
export function pickLanguage(asked, chosen, preferred) {
	const wishes = [asked, chosen, ...preferred, "en"];
	return wishes.map((wish) => String(wish ?? "").slice(0, 2).toLowerCase())
		.find((wish) => LANGUAGES.includes(wish));
}

function fill(pattern, values) {
	return pattern.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/* The words of one language: t("state.sent"), t("sources", {n: 3}). */
export function translator(language) {
	const words = WORDS[language];
	const plural = new Intl.PluralRules(words.locale);
	return (key, values = {}) => {
		let found = words;
		for (const step of key.split("."))
			found = found?.[step];
		if (typeof found === "object" && "other" in found && "n" in values)
			found = found[plural.select(values.n)] ?? found.other;
		return typeof found === "string" ? fill(found, values) : found;
	};
}

export function formatTime(language, at) {
	return new Intl.DateTimeFormat(WORDS[language].locale,
		{hour: "2-digit", minute: "2-digit"}).format(at);
}

function midnight(at, days = 0) {
	const d = new Date(at);
	return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days)
		.getTime();
}

export function formatDay(language, at, now = Date.now()) {
	const {locale, today, yesterday} = WORDS[language];
	if (midnight(at) === midnight(now))
		return today;
	if (midnight(at) === midnight(now, -1))
		return yesterday;
	const sameYear = new Date(at).getFullYear() ===
		new Date(now).getFullYear();
	return new Intl.DateTimeFormat(locale, {weekday: "long", day: "numeric",
		month: "long", year: sameYear ? undefined : "numeric"}).format(at);
}

/* The guide's name for the user's session of today. */
export function todayAlias(business, user, now = Date.now()) {
	return `${business}:${user}:${midnight(now)}`;
}
