/* head_read: the syntax of an HTTP request head. Pure. */
#ifndef GATEWAY_HEAD_READ_H
#define GATEWAY_HEAD_READ_H

#include "shared/json.h"

enum { HEAD_MAX = 8192, URL_MAX = 4096, HEAD_MAX_HEADERS = 64 };

/* All spans point into the text. */
struct header {
	struct span name, value;
};

struct head {
	struct span method, path, query; /* as sent; query without ? */
	bool http11;
	struct header headers[HEAD_MAX_HEADERS];
	int n_headers;
};

struct refusal {
	int status; /* 0: none */
	const char *reason; /* constant; may be "" */
};

/* Reads the first head in data. *head_len is its length with the blank line,
 * 0 while it is incomplete. */
struct refusal head_read(
	struct head *head, const char *data, size_t len, size_t *head_len);

/* A header's value; .at is NULL if there is none of that name. */
struct span head_get(const struct head *head, const char *name);
/* The next one from *at (0 at first) on. */
struct span head_next(const struct head *head, const char *name, int *at);
bool head_has_twice(const struct head *head, const char *name);
/* Whether a comma-separated list has the word, in any header of that name. */
bool head_has_word(const struct head *head, const char *name, const char *word);

#endif
