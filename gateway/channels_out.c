#include "gateway/channels_inside.h"
#include "shared/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_MAX = 4194304 };

struct reply_to {
	uint64_t member;
	size_t ref_len;
	char ref[]; /* raw JSON */
};

static enum phoenix_version version_of(const struct conn *conn)
{
	return (enum phoenix_version)conn_upgrade(conn)->serializer;
}

/* NULL, and a line in the log, for what cannot be framed. */
static struct frame *make_frame(struct buf *bytes, bool binary)
{
	struct frame *frame = NULL;

	if (bytes->full || !bytes->len)
		log_warn_limited(
			"frame not sent, too large", log_int("binary", binary));
	else
		frame = frame_new(bytes->data, bytes->len, binary);
	buf_clear(bytes);
	return frame;
}

static void send_bytes(struct conn *conn, struct buf *bytes, bool binary)
{
	struct frame *frame = make_frame(bytes, binary);

	if (frame)
		conn_send(conn, frame);
	frame_unref(frame);
}

static struct span or_empty(struct span json)
{
	return json.at && json.len ? json : phoenix_empty;
}

/* The topic's JSON, which the caller clears. */
static struct span quote(struct buf *buf, const char *text)
{
	buf_init(buf, FRAME_MAX);
	json_quote(buf, text, strlen(text));
	return (struct span){buf->data, buf->len};
}

void send_reply(struct conn *conn, struct span join_ref, struct span ref,
	struct span topic_json, const char *status, struct span response)
{
	struct buf out;

	if (conn_closing(conn))
		return;
	buf_init(&out, FRAME_MAX);
	phoenix_reply(&out, version_of(conn), join_ref, ref, topic_json, status,
		or_empty(response));
	send_bytes(conn, &out, false);
}

void send_error(struct conn *conn, struct span join_ref, struct span ref,
	struct span topic_json, const char *reason)
{
	struct buf response;

	buf_init(&response, 100);
	buf_printf(&response, "{\"reason\":\"%s\"}", reason);
	send_reply(conn, join_ref, ref, topic_json, "error",
		(struct span){response.data, response.len});
	buf_clear(&response);
}

void send_join_reply(const struct member *member, bool ok, struct span response)
{
	struct buf topic;

	send_reply(member->client->conn, member_join_ref(member),
		member_ref(member), quote(&topic, member->text),
		ok ? "ok" : "error", response);
	buf_clear(&topic);
}

/* What later frames of the member carry. */
static struct span channel_join_ref(const struct member *member)
{
	struct span join_ref = member_join_ref(member);

	return phoenix_is_null(join_ref) ? member_ref(member) : join_ref;
}

static void push(const struct member *member, struct span join_ref,
	struct span ref, const char *event, struct span payload)
{
	struct conn *conn = member->client->conn;
	struct buf out, topic;

	if (conn_closing(conn))
		return;
	buf_init(&out, FRAME_MAX);
	phoenix_push(&out, version_of(conn), join_ref, ref,
		quote(&topic, member->text), event, payload);
	send_bytes(conn, &out, false);
	buf_clear(&topic);
}

void send_end(const struct member *member, bool crashed)
{
	static const char reason[] = "{\"reason\":\"channel_crash\"}";
	struct span ref = member_join_ref(member);

	/* A version 1 client obeys a null ref, even for an older join. */
	if (version_of(member->client->conn) == PHOENIX_V1)
		ref = channel_join_ref(member);
	push(member, ref, ref, crashed ? "phx_error" : "phx_close",
		crashed ? span_of(reason) : phoenix_empty);
}

/* --- replies ------------------------------------------------------------- */

struct reply_to *reply_new(
	const struct member *member, const struct phoenix_frame *frame)
{
	struct reply_to *reply = xalloc(sizeof(*reply) + frame->ref.len);

	reply->member = member->serial;
	reply->ref_len = frame->ref.len;
	memcpy(reply->ref, frame->ref.at, frame->ref.len);
	return reply;
}

void reply_free(struct reply_to *reply)
{
	free(reply);
}

void reply_send(struct channels *channels, struct reply_to *reply,
	const char *status, struct span response)
{
	struct member *member = channels_member(channels, reply->member);
	struct buf topic;

	if (member) {
		send_reply(member->client->conn, channel_join_ref(member),
			(struct span){reply->ref, reply->ref_len},
			quote(&topic, member->text), status, response);
		buf_clear(&topic);
	}
	free(reply);
}

void reply_send_binary(struct channels *channels, struct reply_to *reply,
	const char *status, struct span data)
{
	struct member *member = channels_member(channels, reply->member);
	struct buf out;

	if (member && version_of(member->client->conn) == PHOENIX_V2) {
		buf_init(&out, FRAME_MAX);
		phoenix_binary_reply(&out, channel_join_ref(member),
			(struct span){reply->ref, reply->ref_len}, member->text,
			status, data);
		send_bytes(member->client->conn, &out, true);
	}
	free(reply);
}

void reply_unknown_event(struct channels *channels, struct reply_to *reply)
{
	reply_send(channels, reply, "error",
		span_of("{\"reason\":\"unknown event\"}"));
}

/* --- pushes and broadcasts ----------------------------------------------- */

void member_push(struct member *member, const char *event, struct span payload)
{
	assert(member->joined);
	push(member, channel_join_ref(member), phoenix_null, event, payload);
}

void member_push_binary(
	struct member *member, const char *event, struct span data)
{
	struct conn *conn = member->client->conn;
	struct buf out;

	assert(member->joined);
	if (version_of(conn) != PHOENIX_V2 || conn_closing(conn))
		return;
	buf_init(&out, FRAME_MAX);
	phoenix_binary_push(
		&out, channel_join_ref(member), member->text, event, data);
	send_bytes(conn, &out, true);
}

void broadcast_begin(struct broadcast *broadcast, const char *topic,
	const char *event, struct span payload, struct span payload_text)
{
	*broadcast = (struct broadcast){
		.topic = topic,
		.event = event,
		.payload = payload,
		.payload_text = payload_text,
	};
}

void broadcast_begin_binary(struct broadcast *broadcast, const char *topic,
	const char *event, struct span data)
{
	*broadcast = (struct broadcast){
		.topic = topic,
		.event = event,
		.payload = data,
		.binary = true,
	};
}

static struct frame *broadcast_frame(const struct broadcast *broadcast,
	enum phoenix_version version, struct span payload)
{
	struct buf out, topic;

	buf_init(&out, FRAME_MAX);
	if (broadcast->binary) {
		phoenix_binary_broadcast(
			&out, broadcast->topic, broadcast->event, payload);
	} else {
		phoenix_push(&out, version, phoenix_null, phoenix_null,
			quote(&topic, broadcast->topic), broadcast->event,
			payload);
		buf_clear(&topic);
	}
	return make_frame(&out, broadcast->binary);
}

void broadcast_to(struct broadcast *broadcast, struct member *member)
{
	struct conn *conn = member->client->conn;
	enum phoenix_version version = version_of(conn);
	bool text = broadcast->payload_text.at && !broadcast->binary &&
		    conn_upgrade(conn)->text_format;
	struct frame **frame = &broadcast->frames[version == PHOENIX_V2][text];

	assert(member->joined);
	if (broadcast->binary && version == PHOENIX_V1)
		return;
	if (!*frame)
		*frame = broadcast_frame(broadcast, version,
			text ? broadcast->payload_text : broadcast->payload);
	if (*frame)
		conn_send(conn, *frame);
}

void broadcast_end(struct broadcast *broadcast)
{
	for (int version = 0; version < 2; version++)
		for (int text = 0; text < 2; text++)
			frame_unref(broadcast->frames[version][text]);
}
