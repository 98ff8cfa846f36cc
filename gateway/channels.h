/* channels: the Phoenix side of every connection: who joined what, which
 * frame goes where.
 *
 * A topic belongs to the handler whose pattern matches first. The lifecycle
 * (join, duplicate join, leave, stale refs, unmatched topics) is the
 * protocol's and lives here; what a topic means lives in its handler. Uses
 * conn_data. */
#ifndef GATEWAY_CHANNELS_H
#define GATEWAY_CHANNELS_H

#include "gateway/edge.h"
#include "proto/phoenix.h"

enum { TOPIC_MAX = 1024 }; /* bytes; a longer topic matches nothing */

struct member; /* one joined topic of one connection */

/* What is needed to answer a frame. A reply to a member that is gone by then
 * is dropped. */
struct reply_to;

enum join_verdict {
	JOIN_REFUSED,
	JOIN_OK,
	/* join_decide will tell. Until then the other frames of this
	 * connection wait; heartbeats do not. */
	JOIN_LATER
};

struct topic_handler {
	const char *pattern; /* "messages:*" or an exact topic */
	/* `response` is a JSON object that goes with the reply, {} if left
	 * empty. Nothing can be sent to the member yet. A refused member is
	 * gone afterwards, without `left`. */
	enum join_verdict (*join)(void *ctx, struct member *member,
		struct span payload, bool binary, struct buf *response);
	/* The reply has gone out: the member hears what is sent from here on.
	 * May be NULL. */
	void (*joined)(void *ctx, struct member *member);
	/* An ordinary event of a joined topic. `reply` is the handler's: used
	 * by one of the reply_ functions now or later. An event that is no
	 * string comes as "". */
	void (*event)(void *ctx, struct member *member, const char *event,
		struct span payload, bool binary, struct reply_to *reply);
	/* Once for each member whose join was not refused (JOIN_LATER: unless
	 * it is refused). The member is gone after this; nothing can be sent
	 * to it. May be NULL. */
	void (*left)(void *ctx, struct member *member);
	void *ctx;
};

struct channels;
/* `handlers` is borrowed. */
struct channels *channels_open(const struct topic_handler *handlers,
	int n_handlers, int max_topics_per_conn);
/* After the last channels_closed. */
void channels_close(struct channels *channels); /* NULL is fine */

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

/* NULL once the member is gone. */
struct member *channels_member(struct channels *channels, uint64_t serial);

/* After JOIN_LATER; nothing if the member is gone. `response` is a JSON
 * object; .at NULL: {}. */
void join_decide(struct channels *channels, uint64_t serial, bool ok,
	struct span response);

/* Each of these uses `reply` up. `response` is a JSON value; .at NULL: {}. */
void reply_send(struct channels *channels, struct reply_to *reply,
	const char *status, struct span response);
void reply_send_binary(struct channels *channels, struct reply_to *reply,
	const char *status, struct span data);
/* error {"reason":"unknown event"} */
void reply_unknown_event(struct channels *channels, struct reply_to *reply);
void reply_free(struct reply_to *reply); /* no answer; NULL is fine */

/* A push to this member alone (join_ref is the channel's). `payload` is a
 * JSON object. */
void member_push(struct member *member, const char *event, struct span payload);
/* Version 1 has no binary frames: such a member hears nothing. */
void member_push_binary(
	struct member *member, const char *event, struct span data);
/* phx_close (or phx_error) and out; calls `left`. */
void member_stop(struct member *member, bool crashed);

/* The same frame for many members of one topic (join_ref null): encoded once
 * for each serializer and payload variant. topic, event and payloads are
 * borrowed until the end. */
struct broadcast {
	const char *topic, *event;
	struct span payload; /* for members of any other kind */
	struct span payload_text; /* for format=text; .at NULL: the same */
	bool binary; /* payload is bytes: version 1 hears nothing */
	struct frame *frames[2][2]; /* by serializer and variant, on demand */
};

void broadcast_begin(struct broadcast *broadcast, const char *topic,
	const char *event, struct span payload, struct span payload_text);
void broadcast_begin_binary(struct broadcast *broadcast, const char *topic,
	const char *event, struct span data);
void broadcast_to(struct broadcast *broadcast, struct member *member);
void broadcast_end(struct broadcast *broadcast);

#endif
