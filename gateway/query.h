/* query: parameters of a URL, www-form style. Pure.
 *
 * Empty segments (a=1&&b=2&) are skipped; %zz is taken literally. */
#ifndef GATEWAY_QUERY_H
#define GATEWAY_QUERY_H

#include "shared/json.h"

/* Cuts off the next parameter that has a name, decoded into name and value. */
bool query_next(struct span *query, struct buf *name, struct buf *value);

/* The decoded value of a parameter, the last one of that name. False if it
 * is absent, does not fit or is not UTF-8 without NULs. */
bool query_param(struct span query, const char *name, char *out, size_t size);

/* Whether the parameter is there at all, as name or as name[...]. */
bool query_has(struct span query, const char *name);
bool query_has_nested(struct span query, const char *name);

#endif
