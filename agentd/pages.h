/* pages: a knowledge page as passages. Pure.
 *
 * A passage is what stands under one heading, or a piece of it if it is long:
 * plain text, a paragraph or list item to a line, without any marks. */
#ifndef AGENTD_PAGES_H
#define AGENTD_PAGES_H

#include "agentd/words.h"

enum {
	PASSAGE_MAX = 1200, /* bytes of text */
	HEADING_MAX = 200 /* bytes of a title or heading */
};

struct passage {
	const char *path; /* "knowledge/programari.md" */
	const char *title, *heading; /* heading: "" before the first one */
	const char *text;
	enum language language;
};

typedef void page_fn(void *ctx, const struct passage *passage);

/* True for names that are pages: .md, .txt, .html, not hidden. */
bool page_named(const char *name);

/* Calls each() for the passages of a page in their order. What is borrowed is
 * gone when each() returns. False, and no call, if the bytes are no text. */
bool page_read(const char *name, const char *data, size_t len, page_fn *each,
	void *ctx);

#endif
