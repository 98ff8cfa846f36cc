/* channels: the Phoenix side of every connection: who joined what, which
 * frame goes where.
 *
 * A topic belongs to the handler whose pattern matches first. The lifecycle
 * (join, duplicate join, leave, stale refs, unmatched topics) is the
 * protocol's and lives here; what a topic means lives in its handler. */
#ifndef GATEWAY_CHANNELS_H
#define GATEWAY_CHANNELS_H

#include "gateway/edge.h"
#include "proto/phoenix.h"

struct member; /* one joined topic of one connection */

/* Answers a frame: kept by the handler when it answers later. A reply to a
 * member that is gone by then is dropped. */
struct reply_to {
	uint64_t conn_serial;
	uint64_t join_serial; /* of the member when the frame came */
	char *topic, *ref; /* owned; ref is raw JSON */
};

struct topic_handler {
	const char *pattern; /* "messages:*" or an exact topic */
	/* Decides a join at once. True lets it in, and `response` (a JSON
	 * object) goes with the ok; false refuses with it. */
	bool (*join)(void *ctx, struct member *member, struct span payload,
		struct buf *response);
	/* An ordinary event of a joined topic. `reply` is the handler's to
	 * keep or free (reply_free). */
	void (*event)(void *ctx, struct member *member, const char *event,
		struct span payload, bool binary, struct reply_to *reply);
	/* The member is gone after this; nothing may be sent to it. */
	void (*left)(void *ctx, struct member *member);
	void *ctx;
};

struct channels;
struct channels *channels_open(const struct topic_handler *handlers,
	int n_handlers, int max_topics_per_conn);
void channels_close(struct channels *channels);

/* For the edge's events. */
void channels_opened(struct channels *channels, struct conn *conn);
void channels_message(struct channels *channels, struct conn *conn, bool binary,
	const char *data, size_t len);
void channels_closed(struct channels *channels, struct conn *conn);

struct conn *member_conn(const struct member *member);
const char *member_topic(const struct member *member);
const char *member_suffix(const struct member *member); /* what * matched */
uint64_t member_serial(const struct member *member); /* never used twice */
void member_set_data(struct member *member, void *data);
void *member_data(const struct member *member);

/* NULL once the connection or the join it belongs to is gone. */
struct member *channels_member(
	struct channels *channels, const struct reply_to *reply);

/* Both free `reply`. `response` is a JSON value. */
void reply_send(struct channels *channels, struct reply_to *reply,
	const char *status, struct span response);
void reply_send_binary(struct channels *channels, struct reply_to *reply,
	const char *status, struct span data);
void reply_free(struct reply_to *reply);

/* A push to this member alone (join_ref is the channel's). */
void member_push(struct member *member, const char *event, struct span payload);
void member_push_binary(
	struct member *member, const char *event, struct span data);
/* phx_close (or phx_error) and out. */
void member_stop(struct member *member, bool crashed);

/* The same frame for many members (join_ref null): encoded once for each
 * serializer and payload variant. */
struct broadcast {
	const char *event;
	struct span payload; /* for members of any other kind */
	struct span payload_text; /* for format=text; .at NULL: the same */
	struct frame *frames[2][2]; /* by serializer and format; made on demand
				     */
	const char *topic;
};
void broadcast_begin(struct broadcast *broadcast, const char *topic,
	const char *event, struct span payload, struct span payload_text);
void broadcast_to(struct broadcast *broadcast, struct member *member);
void broadcast_end(struct broadcast *broadcast);

#endif
