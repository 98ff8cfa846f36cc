/* rest: every HTTP request that is not an upgrade: the API under /api/, and
 * the pages. */
#ifndef GATEWAY_REST_H
#define GATEWAY_REST_H

#include "gateway/edge.h"
#include "gateway/messages.h"
#include "gateway/origin.h"
#include "gateway/pages.h"
#include "proto/link.h"

struct rest_settings {
	struct origin_policy origins;
	uint32_t deadline_ms; /* for sessiond's answer; then 503 or 504 */
};

struct rest;
/* `pages` may be NULL. Messages that are sent here go through `messages`. */
struct rest *rest_open(struct caller *caller, struct messages *messages,
	const struct pages *pages, const struct rest_settings *settings);
void rest_close(struct rest *rest); /* when no request is open; NULL is fine */

/* For the edge's events. */
void rest_request(struct rest *rest, struct http *http);
void rest_gone(struct rest *rest, struct http *http);

#endif
