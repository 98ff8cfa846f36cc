/* Whatever the bytes: nothing is read past them, and what decodes encodes to a
 * text that decodes to the same encoding. */

#include "proto/codec.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One kind of message: decodes, and if that goes well, encodes. */
typedef bool pass_fn(const char *text, size_t len, struct buf *out);

static bool pass_request(const char *text, size_t len, struct buf *out)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct request request;
	bool good = request_decode(text, len, &arena, &request, &fault) == OK;

	if (good)
		request_encode(out, (enum op)request.op, request.body,
			request.ttl_ms, request.trace);
	arena_clear(&arena);
	return good;
}

/* What the reply says it answers; a reply to something else is no reply. */
static int op_of(const char *text, size_t len)
{
	struct json *root = json_parse(text, len);
	int op = op_from_name(json_str(root, "op"));

	json_free(root);
	return op < 0 ? OP_SET_STATUS : op;
}

static bool pass_reply(const char *text, size_t len, struct buf *out)
{
	int op = op_of(text, len);
	struct arena arena = {0};
	struct codec_fault fault;
	struct reply reply;
	bool good = reply_decode((enum op)op, text, len, &arena, &reply,
			    &fault) == OK;

	if (good)
		reply_encode(out, op, reply.status, reply.message, reply.body);
	arena_clear(&arena);
	return good;
}

static bool pass_event(const char *text, size_t len, struct buf *out)
{
	struct arena arena = {0};
	struct codec_fault fault;
	struct event_message event;
	bool good = event_decode(text, len, &arena, &event, &fault) == OK;

	if (good && event.event >= 0)
		event_encode(out, (enum event)event.event, event.epoch, event.n,
			event.body);
	good = good && event.event >= 0;
	arena_clear(&arena);
	return good;
}

static void check(pass_fn *pass, const char *text, size_t len)
{
	struct buf once, twice;

	buf_init(&once, 16 * LINK_MAX_BYTES);
	buf_init(&twice, 16 * LINK_MAX_BYTES);
	/* 1e9 becomes longer when it is written out. */
	if (pass(text, len, &once) && once.len <= LINK_MAX_BYTES) {
		assert(json_valid(once.data, once.len));
		assert(pass(once.data, once.len, &twice));
		assert(once.len == twice.len);
		assert(!memcmp(once.data, twice.data, once.len));
	}
	buf_clear(&once);
	buf_clear(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* On the heap to the byte, so that a look past the end is seen. */
	char *text = malloc(size ? size : 1);

	memcpy(text, data, size);
	check(pass_request, text, size);
	check(pass_reply, text, size);
	check(pass_event, text, size);
	free(text);
	return 0;
}
