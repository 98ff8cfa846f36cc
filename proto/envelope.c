/* What is around the bodies: requests, replies and events as whole texts. */

#include "proto/codec.h"
#include "proto/heads.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum status fail(
	struct codec_fault *fault, enum status status, const char *text)
{
	snprintf(fault->text, sizeof(fault->text), "%s", text);
	return status;
}

/* Parses a message, of which at least the version is good. *root is to be
 * freed in any case. */
static enum status open_message(const char *text, size_t len,
	struct json **root, struct codec_fault *fault)
{
	int64_t version;

	*root = NULL;
	if (len > LINK_MAX_BYTES)
		return fail(fault, TOO_LARGE, "the message is too long");
	*root = json_parse(text, len);
	if (!json_is_object(*root))
		return fail(
			fault, BAD_REQUEST, "the message is not a JSON object");
	if (!json_get(*root, "v"))
		return fail(fault, MISSING_FIELD, "v is missing");
	version = json_int(*root, "v", -1);
	if (version < 0)
		return fail(fault, BAD_REQUEST, "v must be a whole number");
	if (version < PROTO_OLDEST || version > PROTO_VERSION) {
		snprintf(fault->text, sizeof(fault->text),
			"only protocol versions %d to %d are spoken here",
			PROTO_OLDEST, PROTO_VERSION);
		return UNSUPPORTED_VERSION;
	}
	return OK;
}

static enum status decode_body(const struct shape *shape,
	const struct json *root, struct arena *arena, void **out,
	struct codec_fault *fault)
{
	const struct json *body = json_get(root, "body");
	enum status status;

	if (!body)
		return fail(fault, MISSING_FIELD, "body is missing");
	*out = arena_alloc(arena, shape->size);
	status = codec_decode(shape, body, arena, *out, fault);
	if (status != OK)
		*out = NULL;
	return status;
}

enum status request_decode(const char *text, size_t len, struct arena *arena,
	struct request *out, struct codec_fault *fault)
{
	struct request_head head;
	struct json *root;
	enum status status = open_message(text, len, &root, fault);

	*out = (struct request){
		.version = (uint32_t)json_int(root, "v", 0),
		.op = op_from_name(json_str(root, "op")),
	};
	if (status == OK)
		status = codec_decode(
			&request_head_shape, root, arena, &head, fault);
	if (status == OK && out->op < 0)
		status = fail(fault, UNKNOWN_OP, "no such operation here");
	if (status == OK) {
		out->ttl_ms = head.ttl_ms;
		out->trace = head.trace;
		status = decode_body(op_infos[out->op].request, root, arena,
			&out->body, fault);
	}
	json_free(root);
	return status;
}

/* Opens the envelope; the caller adds what else it has and the last brace. */
static void begin_message(struct json_writer *w, struct buf *out)
{
	json_begin(w, out);
	json_open(w, NULL, '{');
	json_put_int(w, "v", PROTO_VERSION);
}

void request_encode(struct buf *out, enum op op, const void *body,
	uint32_t ttl_ms, const char *trace)
{
	struct json_writer w;

	begin_message(&w, out);
	json_put_str(&w, "op", op_infos[op].name);
	if (ttl_ms)
		json_put_int(&w, "ttlMs", ttl_ms);
	if (trace)
		json_put_str(&w, "trace", trace);
	codec_encode(op_infos[op].request, body, &w, "body");
	json_shut(&w, '}');
}

static enum status decode_answer(enum op op, const struct json *root,
	struct arena *arena, struct reply *out, struct codec_fault *fault)
{
	struct reply_head head;
	struct codec_fault ignored;
	enum status status;

	status = codec_decode(&reply_head_shape, root, arena, &head, fault);
	if (status != OK)
		return status;
	out->status = status_from_code(head.status);
	out->message = head.message;
	if (head.op ? op_from_name(head.op) != (int)op : out->status == OK)
		return fail(fault, BAD_REQUEST, "op is not what was asked");
	if (out->status == OK)
		return decode_body(
			op_infos[op].reply, root, arena, &out->body, fault);
	decode_body(op_infos[op].reply, root, arena, &out->body, &ignored);
	return OK;
}

enum status reply_decode(enum op op, const char *text, size_t len,
	struct arena *arena, struct reply *out, struct codec_fault *fault)
{
	struct json *root;
	enum status status = open_message(text, len, &root, fault);

	*out = (struct reply){.status = INTERNAL};
	if (status == OK)
		status = decode_answer(op, root, arena, out, fault);
	json_free(root);
	return status;
}

void reply_encode(struct buf *out, int op, enum status status,
	const char *message, const void *body)
{
	struct json_writer w;

	assert(body || status != OK);
	begin_message(&w, out);
	if (op >= 0)
		json_put_str(&w, "op", op_infos[op].name);
	json_put_str(&w, "status", status_code(status));
	if (message)
		json_put_str(&w, "message", message);
	if (body)
		codec_encode(op_infos[op].reply, body, &w, "body");
	json_shut(&w, '}');
}

/* Durable events and the beat have a place in the log, others must not. */
static bool has_place(int event)
{
	return event == EV_BEAT || event_durable(event);
}

static enum status decode_news(const struct json *root, struct arena *arena,
	struct event_message *out, struct codec_fault *fault)
{
	bool n = json_get(root, "n") != NULL;
	struct event_head head;
	enum status status;

	status = codec_decode(&event_head_shape, root, arena, &head, fault);
	if (status != OK)
		return status;
	out->event = event_from_name(head.event);
	out->epoch = head.epoch;
	out->n = head.n;
	if (n != (head.epoch != NULL))
		return fail(fault, MISSING_FIELD, "epoch and n go together");
	if (out->event < 0)
		return OK;
	if (n != has_place(out->event))
		return fail(fault, n ? BAD_REQUEST : MISSING_FIELD,
			"durable events have an epoch and n, others not");
	return decode_body(
		event_infos[out->event].shape, root, arena, &out->body, fault);
}

enum status event_decode(const char *text, size_t len, struct arena *arena,
	struct event_message *out, struct codec_fault *fault)
{
	struct json *root;
	enum status status = open_message(text, len, &root, fault);

	*out = (struct event_message){.event = -1};
	if (status == OK)
		status = decode_news(root, arena, out, fault);
	json_free(root);
	return status;
}

void event_encode(struct buf *out, enum event event, const char *epoch,
	uint64_t n, const void *body)
{
	struct json_writer w;
	char digits[21];

	assert((epoch != NULL) == has_place(event));
	begin_message(&w, out);
	json_put_str(&w, "event", event_infos[event].name);
	if (epoch) {
		snprintf(digits, sizeof(digits), "%" PRIu64, n);
		json_put_str(&w, "epoch", epoch);
		json_put_str(&w, "n", digits);
	}
	codec_encode(event_infos[event].shape, body, &w, "body");
	json_shut(&w, '}');
}
