/* feed: the gateway's line to sessiond: the connection that is asked, and the
 * events, each applied once and in order.
 *
 * Events are hints: whatever is missed is found by its number and asked for
 * again. PROTOCOL.md, section 3. */
#ifndef GATEWAY_FEED_H
#define GATEWAY_FEED_H

#include "proto/link.h"

struct feed_settings {
	const char *url, *events_url;
	const char *name; /* of this gateway, stable */
	struct link_tls tls;
};

struct feed_events {
	/* A durable event, in order; or turn_progress, whenever it comes. */
	void (*apply)(void *ctx, const struct event_message *event);
	/* Whether the text that was left out of this one is worth asking for.
	 */
	bool (*wants)(void *ctx, const struct message *message);
	/* Events may have been missed: whoever shows something reloads. */
	void (*resync)(void *ctx);
	/* sessiond has answered hello on this connection. After the first
	 * resync. */
	void (*greeted)(void *ctx);
};

struct feed;
struct feed *feed_open(struct loop *loop, const struct feed_settings *settings);
/* To be called once, before the loop runs. */
void feed_listen(
	struct feed *feed, const struct feed_events *events, void *ctx);
void feed_close(struct feed *feed); /* NULL is fine */

struct caller *feed_caller(struct feed *feed);
const char *feed_boot(const struct feed *feed); /* a UUID, of this start */
/* NULL: all is well; else what is wrong, for /readyz. */
const char *feed_fault(const struct feed *feed);

#endif
