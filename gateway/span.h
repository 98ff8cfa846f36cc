/* span: walking through text that a peer sent. Pure. */
#ifndef GATEWAY_SPAN_H
#define GATEWAY_SPAN_H

#include "shared/json.h"
#include <string.h>
#include <strings.h>

static inline struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

static inline bool span_is(struct span span, const char *text)
{
	return span.len == strlen(text) && !memcmp(span.at, text, span.len);
}

static inline bool span_is_nocase(struct span span, const char *text)
{
	return span.len == strlen(text) &&
	       !strncasecmp(span.at, text, span.len);
}

static inline bool span_starts(struct span span, const char *text)
{
	size_t len = strlen(text);

	return span.len >= len && !memcmp(span.at, text, len);
}

/* Cuts off and returns what comes before the first `c`, or all of it. */
static inline struct span span_cut(struct span *rest, char c)
{
	struct span piece = *rest;
	const char *found = rest->len ? memchr(rest->at, c, rest->len) : NULL;

	if (found)
		piece.len = (size_t)(found - rest->at);
	rest->at += piece.len + (found != NULL);
	rest->len -= piece.len + (found != NULL);
	return piece;
}

/* Without spaces and tabs around it. */
static inline struct span span_trim(struct span span)
{
	while (span.len && (*span.at == ' ' || *span.at == '\t')) {
		span.at++;
		span.len--;
	}
	while (span.len &&
		(span.at[span.len - 1] == ' ' || span.at[span.len - 1] == '\t'))
		span.len--;
	return span;
}

/* The value of a hex digit, or -1. */
static inline int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
