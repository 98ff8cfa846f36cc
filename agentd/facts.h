/* facts: what the record says, in words, with its sources. Pure. */
#ifndef AGENTD_FACTS_H
#define AGENTD_FACTS_H

#include "agentd/ask.h"
#include "agentd/say.h"

enum {
	SOURCES_MAX = 8,
	SNIPPET_MAX = 200,
	TITLE_MAX = 200,
	PATH_MAX_BYTES = 300
};

struct source {
	char title[TITLE_MAX + 1], path[PATH_MAX_BYTES + 1],
		snippet[SNIPPET_MAX + 1];
};

/* An answer that grows paragraph by paragraph. */
struct facts {
	const struct business *business;
	const struct location *location; /* the asker's; NULL: not said */
	const struct today *today;
	enum language language;
	struct buf text;
	struct source sources[SOURCES_MAX];
	int n_sources;
};

void facts_init(struct facts *out, const struct business *business,
	const struct location *location, const struct today *today,
	enum language language);
void facts_clear(struct facts *facts);

/* A paragraph begins, and ends: it gets its capital letter, and goes again if
 * the text already says the same. Returns whether it stayed. */
size_t facts_begin(struct facts *facts);
bool facts_end(struct facts *facts, size_t begun);

/* Ends a paragraph that the record told; `title` names it as a source. */
void facts_end_record(struct facts *facts, size_t begun, enum phrase title);

/* The same source is named once. */
void facts_source(struct facts *facts, const char *title, const char *path,
	const char *snippet, size_t snippet_len);

/* Each adds what the record knows of a topic and returns whether that is
 * anything. */
bool facts_hours(struct facts *facts, const struct part *part);
bool facts_prices(struct facts *facts, const struct part *part);
bool facts_durations(struct facts *facts, const struct part *part);
bool facts_offer(struct facts *facts, const struct part *part);
bool facts_services(struct facts *facts);
bool facts_address(struct facts *facts, const struct part *part);
bool facts_directions(struct facts *facts, const struct part *part);
bool facts_contact(struct facts *facts, unsigned which);
bool facts_about(struct facts *facts);

/* "telefon …, e-mail …": how to reach people; false if nobody knows. `which`
 * are contact signals of lexicon.h; 0 is the best two ways. */
bool facts_reach(struct facts *facts, struct buf *out, unsigned which);

#endif
