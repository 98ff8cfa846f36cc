/* work: what keeps an agentd busy: hello, claims, places, and what sessiond
 * says about turns in hand. */
#ifndef AGENTD_WORK_H
#define AGENTD_WORK_H

#include "agentd/graph.h"
#include "proto/link.h"

struct work;

struct work_settings {
	const char *name; /* unique among agents */
	const char *boot; /* drawn at this start */
	const char *requests_url, *events_url;
	const struct link_tls *tls; /* NULL: plain */
	int places; /* turns at once, 1..PLACES_MAX */
};

/* The settings live longer than the work. */
struct work *work_open(struct loop *loop, const struct work_settings *settings,
	struct graph *graph);
void work_close(struct work *work); /* drops what is in hand */

/* No more claims; turns in hand may go on for drain_ms, what is left then is
 * given back. Calls drained() once when nothing is in hand or under way.
 * Asked again it gives back at once. */
void work_drain(
	struct work *work, int64_t drain_ms, loop_fn *drained, void *ctx);

const char *work_not_ready(const struct work *work); /* NULL: ready */

#endif
