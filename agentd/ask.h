/* ask: what a customer wants to know. Pure.
 *
 * A text becomes parts, one for each question in it: "Cât costă o consultație
 * și ce program aveți sâmbătă?" has two. A part that leans on what was said
 * before ("și duminică?") takes from it what it does not say itself. */
#ifndef AGENTD_ASK_H
#define AGENTD_ASK_H

#include "agentd/business.h"
#include "agentd/dates.h"

enum {
	ASK_PARTS = 8, /* questions of one turn that are looked at */
	ASK_WORDS = 400, /* words of one message, likewise */
	PART_SERVICES = 8,
	QUERY_WORDS = 24
};

/* What the record may answer. */
enum topic {
	TOPIC_HOURS = 1 << 0,
	TOPIC_PRICE = 1 << 1,
	TOPIC_DURATION = 1 << 2,
	TOPIC_SERVICE = 1 << 3, /* is it offered, what is it */
	TOPIC_SERVICES = 1 << 4, /* all of them */
	TOPIC_ADDRESS = 1 << 5,
	TOPIC_DIRECTIONS = 1 << 6,
	TOPIC_CONTACT = 1 << 7,
	TOPIC_ABOUT = 1 << 8,
	TOPIC_HUMAN = 1 << 9
};

enum when { WHEN_WEEK, WHEN_NOW, WHEN_DAYS, WHEN_HOLIDAYS };

/* How a word of the question binds a page that is to answer it. */
enum need {
	NEED_REST, /* nothing of the record explains it */
	NEED_SERVICE, /* it names a service */
	NEED_HINT /* it only helps to choose: "costă", "sâmbătă" */
};

struct query {
	int n, n_rest; /* those of NEED_REST come first */
	struct {
		const struct word *word;
		enum need need;
	} words[QUERY_WORDS];
};

struct part {
	struct words words; /* of this part alone */
	unsigned topics; /* 0: only the pages may know */
	bool sure; /* a topic was named outright, not guessed from "unde" */
	enum when when;
	struct dates dates;
	const struct service *services[PART_SERVICES];
	int n_services;
	bool broad; /* one word named the service, and it names others too */
	const struct location *location; /* NULL: none was named */
	unsigned contact; /* which signals (lexicon.h) of TOPIC_CONTACT */
	struct query query;
};

struct said {
	const char *text;
	bool past; /* of an earlier turn: only for what leans on it */
};

struct ask {
	enum language language;
	unsigned manners; /* SIG_GREETING and its like */
	struct part parts[ASK_PARTS];
	int n_parts;
};

/* `texts` are the user's, oldest first. The result lives as long as the arena,
 * the texts and the business. */
void ask_read(struct ask *out, struct arena *arena,
	const struct business *business, const struct today *today,
	const struct said *texts, int n_texts);

/* For a part that the record should answer but cannot: pages have to, so all
 * its words count. */
void ask_harder(struct part *part);

#endif
