/* channels_inside: what channels.c (who is in, what a frame means) and
 * channels_out.c (what is sent) share. */
#ifndef GATEWAY_CHANNELS_INSIDE_H
#define GATEWAY_CHANNELS_INSIDE_H

#include "gateway/channels.h"
#include "gateway/span.h"

struct client; /* one connection */

struct member {
	struct client *client;
	const struct topic_handler *handler;
	struct member *next; /* of the same client */
	struct member *same_hash; /* of all */
	struct member *replaced; /* by this join; told when it is decided */
	uint64_t serial;
	void *data;
	bool joined; /* the reply is out, and it is not gone */
	unsigned short topic_len, join_ref_len, ref_len;
	char text[]; /* topic, terminated; join_ref and ref as they came */
};

struct waiting { /* a frame behind an undecided join */
	struct waiting *next;
	bool binary;
	size_t len;
	char data[];
};

struct client {
	struct channels *channels;
	struct conn *conn;
	struct member *members;
	int n_members;
	struct member *deciding;
	struct waiting *waiting, **waiting_end;
	size_t waiting_bytes;
};

struct channels {
	const struct topic_handler *handlers;
	int n_handlers, max_topics;
	struct member **table; /* by serial */
	size_t table_size, n_members;
	uint64_t last_serial;
};

static inline struct span member_join_ref(const struct member *member)
{
	return (struct span){
		member->text + member->topic_len + 1, member->join_ref_len};
}

static inline struct span member_ref(const struct member *member)
{
	struct span join_ref = member_join_ref(member);

	return (struct span){join_ref.at + join_ref.len, member->ref_len};
}

/* phx_reply to a frame; status "ok" or "error". */
void send_reply(struct conn *conn, struct span join_ref, struct span ref,
	struct span topic_json, const char *status, struct span response);
void send_error(struct conn *conn, struct span join_ref, struct span ref,
	struct span topic_json, const char *reason);
/* The reply to the member's own join. */
void send_join_reply(
	const struct member *member, bool ok, struct span response);
/* phx_close, or phx_error. */
void send_end(const struct member *member, bool crashed);

/* `frame` is what `reply` will answer. */
struct reply_to *reply_new(
	const struct member *member, const struct phoenix_frame *frame);

#endif
