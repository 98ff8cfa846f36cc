/* fake_caller: stands in for proto/link's asking side. Calls are kept with
 * their requests as a peer would read them, and answered by the test. */
#ifndef TESTS_FAKE_CALLER_H
#define TESTS_FAKE_CALLER_H

#include "proto/link.h"
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct call {
	enum op op;
	struct arena arena;
	struct request request;
	uint32_t timeout_ms;
	call_fn *done;
	void *ctx;
	struct call *next;
};

static struct {
	bool connected;
	int drops;
	struct call *first;
} fake;

#define FAKE_CALLER ((struct caller *)&fake)

bool caller_connected(const struct caller *caller)
{
	(void)caller;
	return fake.connected;
}

void caller_drop(struct caller *caller)
{
	(void)caller;
	fake.drops++;
}

struct call *caller_call(struct caller *caller, enum op op, const void *body,
	uint32_t timeout_ms, const char *trace, call_fn *done, void *ctx)
{
	struct call *call = xalloc(sizeof(*call)), **last = &fake.first;
	struct codec_fault fault;
	struct buf text;

	(void)caller;
	buf_init(&text, LINK_MAX_BYTES);
	request_encode(&text, op, body, timeout_ms, trace);
	assert_false(text.full);
	assert_int_equal(request_decode(text.data, text.len, &call->arena,
				 &call->request, &fault),
		OK);
	buf_clear(&text);
	call->op = op;
	call->timeout_ms = timeout_ms;
	call->done = done;
	call->ctx = ctx;
	while (*last)
		last = &(*last)->next;
	*last = call;
	return call;
}

void call_drop(struct call *call)
{
	struct call **at = &fake.first;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	arena_clear(&call->arena);
	free(call);
}

/* How many calls are open. */
static inline int fake_open(void)
{
	int n = 0;

	for (struct call *call = fake.first; call; call = call->next)
		n++;
	return n;
}

/* The request of the nth open call, which must be of this op. */
static inline const void *fake_asked(int n, enum op op)
{
	struct call *call = fake.first;

	while (n-- && call)
		call = call->next;
	assert_non_null(call);
	assert_int_equal(call->op, op);
	return call->request.body;
}

/* Answers the oldest open call; the body is copied through the codec, as on
 * the wire, so that it may be moved away. */
static inline void fake_answer(enum status status, const void *body)
{
	struct call *call = fake.first;
	struct arena arena = {0};
	struct call_result result = {
		.status = status, .message = "said so", .arena = &arena};
	struct codec_fault fault;
	struct reply reply;
	struct buf text;

	assert_non_null(call);
	buf_init(&text, LINK_MAX_BYTES);
	if (body) {
		reply_encode(&text, (int)call->op, status, NULL, body);
		assert_int_equal(reply_decode(call->op, text.data, text.len,
					 &arena, &reply, &fault),
			OK);
		result.body = reply.body;
	}
	fake.first = call->next;
	call->done(call->ctx, &result);
	arena_clear(&call->arena);
	free(call);
	arena_clear(&arena);
	buf_clear(&text);
}

#endif
