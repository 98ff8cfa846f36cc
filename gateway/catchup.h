/* catchup: durable events, each applied once and in order, whatever was lost
 * or came late. Asks events_since for what is missing and `message` for texts
 * that were left out; meanwhile later events wait. */
#ifndef GATEWAY_CATCHUP_H
#define GATEWAY_CATCHUP_H

#include "gateway/feed.h"

enum {
	CATCHUP_ASK_MS = 5000,
	CATCHUP_WAITING_MAX = 1024, /* events; more are asked for again */
	CATCHUP_WAITING_BYTES = 4 * 1024 * 1024
};

struct catchup;
struct catchup *catchup_open(struct caller *caller);
void catchup_listen(
	struct catchup *catchup, const struct feed_events *events, void *ctx);
void catchup_close(struct catchup *catchup); /* NULL is fine */

void catchup_hello(struct catchup *catchup, const char *epoch, uint64_t n);
void catchup_beat(struct catchup *catchup, const char *epoch, uint64_t n);
void catchup_event(struct catchup *catchup, const struct event_message *event);

#endif
