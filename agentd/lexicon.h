/* lexicon: the Romanian and English words that mean something to the agent,
 * as data. Words are folded (see words.h). Pure. */
#ifndef AGENTD_LEXICON_H
#define AGENTD_LEXICON_H

#include "agentd/words.h"

/* What a word or phrase may say about a question. */
enum signal {
	SIG_HOURS = 1 << 0, /* "program", "opening hours" */
	SIG_OPEN = 1 << 1, /* "deschis", "closed" */
	SIG_WHEN = 1 << 2, /* "când", "which days" */
	SIG_CLOCK = 1 << 3, /* "la ce oră", "what time" */
	SIG_NOW = 1 << 4,
	SIG_HOLIDAYS = 1 << 5,
	SIG_PRICE = 1 << 6,
	SIG_AMOUNT = 1 << 7, /* "cât e": a price if a service is named */
	SIG_DURATION = 1 << 8,
	SIG_SERVICES = 1 << 9,
	SIG_ADDRESS = 1 << 10,
	SIG_WHERE = 1 << 11, /* an address if nothing else is named */
	SIG_DIRECTIONS = 1 << 12,
	SIG_CONTACT = 1 << 13,
	SIG_PHONE = 1 << 14,
	SIG_EMAIL = 1 << 15,
	SIG_WEBSITE = 1 << 16,
	SIG_WHATSAPP = 1 << 17,
	SIG_ABOUT = 1 << 18,
	SIG_HUMAN = 1 << 19,
	SIG_GREETING = 1 << 20,
	SIG_THANKS = 1 << 21,
	SIG_BYE = 1 << 22,
	SIG_RUDE = 1 << 23,
	SIG_ACK = 1 << 24, /* "ok", "am înțeles" */
	SIG_FOLLOW = 1 << 25 /* "dar", "what about" */
};

/* The longest phrase that begins at word `at`, as signals; *n_words is how
 * many words it took, 0 if there is none. */
unsigned lexicon_signals(const struct words *words, int at, int *n_words);

/* Function words and courtesies of both languages: they carry no question. */
bool lexicon_filler(const char *fold);

/* Words that begin a question: "ce", "how". */
bool lexicon_asks(const char *fold);

/* How much a text speaks for each language. */
void lexicon_vote(const struct words *words, int votes[LANGS]);

/* True if the tables are in the order the look-up needs; for tests. */
bool lexicon_sorted(void);

#endif
