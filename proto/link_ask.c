/* Asking: calls over one connection, many at once, each under its own id.
 *
 * A call waits until there is a connection with room for it and fewer than
 * OPEN_MAX others are under way; whatever ends it before that, not one byte of
 * it left: UNAVAILABLE. From then on it may have been heard: UNCONFIRMED. It
 * is never asked again by itself. */

#include "proto/link_nng.h"
#include "shared/log.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPEN_MAX = 128,
	BUCKETS = 256,
	ID_BYTES = 4 /* in front of each message */
};

static const uint32_t ID_BIT = UINT32_C(0x80000000); /* ends SP's trace */

/* In one list at a time: waiting, under way by its id, or ending. */
struct call {
	struct call *next, **at;
	struct caller *caller;
	enum op op;
	uint32_t id; /* once it is under way */
	enum status refusal; /* what the timer's end means */
	struct timer *timer;
	char *text; /* the request, while it waits */
	size_t len;
	call_fn *done;
	void *ctx;
};

struct caller {
	struct loop *loop;
	struct wire *wire;
	bool connected;
	caller_fn *changed;
	void *ctx;
	struct buf text; /* of the request being encoded */
	uint32_t last_id;
	int n_open;
	struct call *waiting, **waiting_end; /* oldest first */
	struct call *open[BUCKETS];
	struct call *ending;
};

static void on_changed(void *ctx, bool up);
static void on_reply(void *ctx, const char *bytes, size_t len);
static void send_waiting(void *ctx);

struct caller *caller_open(struct loop *loop, const char *url,
	const struct link_tls *tls, caller_fn *changed, void *ctx)
{
	static const struct wire_owner owner = {
		on_changed, on_reply, send_waiting};
	struct caller *caller = xalloc(sizeof(*caller));

	caller->loop = loop;
	caller->changed = changed;
	caller->ctx = ctx;
	caller->waiting_end = &caller->waiting;
	buf_init(&caller->text, LINK_MAX_BYTES);
	caller->wire =
		wire_open(loop, url, tls, SP_REQ, SP_REP, &owner, caller);
	return caller;
}

bool caller_connected(const struct caller *caller)
{
	return caller->connected;
}

void caller_drop(struct caller *caller)
{
	wire_drop(caller->wire);
}

/* --- lists -----------------------------------------------------------------
 */

static void put_in(struct call *call, struct call **at)
{
	call->next = *at;
	call->at = at;
	if (call->next)
		call->next->at = &call->next;
	*at = call;
}

static void take_out(struct call *call)
{
	struct caller *caller = call->caller;

	if (caller->waiting_end == &call->next)
		caller->waiting_end = call->at;
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	if (call->id)
		caller->n_open--;
	call->id = 0;
}

static struct call **bucket(struct caller *caller, uint32_t id)
{
	return &caller->open[id % BUCKETS];
}

/* --- a call's way ----------------------------------------------------------
 */

static void free_call(struct call *call)
{
	timer_close(call->timer);
	free(call->text);
	free(call);
}

static void tell(struct call *call, const struct call_result *result)
{
	call_fn *done = call->done;
	void *ctx = call->ctx;

	take_out(call);
	free_call(call);
	done(ctx, result);
}

static void on_time_over(void *arg)
{
	struct call *call = arg;
	struct arena arena = {0};
	struct call_result result = {
		call->refusal, status_text(call->refusal), NULL, &arena};

	tell(call, &result);
	arena_clear(&arena);
}

/* The callback comes from the loop, never from within a call of ours. */
static void end_soon(struct call *call, enum status refusal)
{
	take_out(call);
	put_in(call, &call->caller->ending);
	call->refusal = refusal;
	timer_start(call->timer, 0, 0);
}

struct call *caller_call(struct caller *caller, enum op op, const void *body,
	uint32_t timeout_ms, const char *trace, call_fn *done, void *ctx)
{
	struct call *call = xalloc(sizeof(*call));

	call->caller = caller;
	call->op = op;
	call->done = done;
	call->ctx = ctx;
	call->refusal = UNAVAILABLE;
	call->timer = timer_open(caller->loop, on_time_over, call);
	timer_start(call->timer, timeout_ms, 0);
	put_in(call, caller->waiting_end);
	caller->waiting_end = &call->next;
	buf_reset(&caller->text);
	request_encode(&caller->text, op, body, timeout_ms, trace);
	if (caller->text.full) {
		end_soon(call, TOO_LARGE);
		return call;
	}
	call->text = xstrndup(caller->text.data, caller->text.len);
	call->len = caller->text.len;
	send_waiting(caller);
	return call;
}

void call_drop(struct call *call)
{
	take_out(call);
	free_call(call);
}

static void send_call(struct caller *caller, struct call *call)
{
	take_out(call);
	call->id = ++caller->last_id | ID_BIT;
	call->refusal = UNCONFIRMED;
	put_in(call, bucket(caller, call->id));
	caller->n_open++;
	wire_send(caller->wire, call->id, call->text, call->len);
	free(call->text);
	call->text = NULL;
}

static void send_waiting(void *ctx)
{
	struct caller *caller = ctx;

	while (caller->waiting && caller->n_open < OPEN_MAX &&
		wire_has_room(caller->wire))
		send_call(caller, caller->waiting);
}

/* --- what comes back -------------------------------------------------------
 */

static void deliver(struct call *call, const char *text, size_t len)
{
	struct arena arena = {0};
	struct call_result result = {.arena = &arena};
	struct codec_fault fault;
	struct reply reply;

	if (reply_decode(call->op, text, len, &arena, &reply, &fault) == OK) {
		result.status = reply.status;
		result.message = reply.message;
		result.body = reply.body;
	} else {
		log_warn_limited("reply not understood",
			log_str("op", op_infos[call->op].name),
			log_str("why", fault.text));
		result.status = INTERNAL;
		result.message = "the reply was not understood";
	}
	tell(call, &result);
	arena_clear(&arena);
}

static void on_reply(void *ctx, const char *bytes, size_t len)
{
	struct caller *caller = ctx;
	struct call *call;
	uint32_t id;

	if (len < ID_BYTES) {
		wire_drop(caller->wire);
		return;
	}
	memcpy(&id, bytes, sizeof(id));
	id = be32toh(id);
	call = *bucket(caller, id);
	while (call && call->id != id)
		call = call->next;
	if (!call) /* given up meanwhile */
		return;
	deliver(call, bytes + ID_BYTES, len - ID_BYTES);
	send_waiting(caller);
}

static void on_changed(void *ctx, bool up)
{
	struct caller *caller = ctx;

	caller->connected = up;
	for (int i = 0; i < BUCKETS && !up; i++)
		while (caller->open[i])
			end_soon(caller->open[i], UNCONFIRMED);
	if (caller->changed)
		caller->changed(caller->ctx, up);
	send_waiting(caller);
}

static void drop_all(struct call **list)
{
	while (*list)
		call_drop(*list);
}

void caller_close(struct caller *caller)
{
	if (!caller)
		return;
	wire_close(caller->wire);
	drop_all(&caller->waiting);
	drop_all(&caller->ending);
	for (int i = 0; i < BUCKETS; i++)
		drop_all(&caller->open[i]);
	buf_clear(&caller->text);
	free(caller);
}
