/* Asking: calls over one REQ socket, each in a context of its own.
 *
 * What nng 1.5.2 does with a context's request (its req.c), on which the
 * difference between "certainly not done" and "unknown" rests:
 *
 * - A request sent while no connection is up, or while the connection is still
 *   writing another one, waits in the socket's queue, in order. Its send aio
 *   ends only when the message is handed to a connection, so the send aio's
 *   time-out or cancellation means that not one byte left: UNAVAILABLE.
 * - Once the send aio has succeeded the bytes may be on the wire, whatever
 *   comes later: UNCONFIRMED.
 * - With the resend time infinite, a connection that breaks ends the receive
 *   aio with ECONNRESET at once, also when it breaks between the end of the
 *   send and our receive. With any other resend time nng asks again by itself,
 *   and the peer would do it twice. Contexts copy the resend time when they
 *   are opened.
 * - A receive aio's time-out or cancellation forgets the request: a reply that
 *   comes later is thrown away by nng. Receiving before the send has ended
 *   is what crashed it (its issue 1702); we receive from the send's callback.
 * - Requests waiting for a connection leave before anyone is told that it is
 *   up. */

#include "proto/link_nng.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <assert.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

enum { CONTEXTS = 128 };

/* A context at work. The loop's between calls, nng's during one. */
struct slot {
	struct inbox_item item; /* when it has ended */
	struct caller *caller;
	struct slot *next_free;
	nng_ctx context;
	nng_aio *aio;
	int64_t deadline_ms;
	bool sent; /* handed to a connection */
	nng_msg *reply; /* NULL: it failed */
	struct call *call; /* the loop's alone; NULL once dropped */
};

struct call {
	struct caller *caller;
	struct call *next; /* in caller->waiting */
	struct slot *slot; /* NULL while it waits */
	enum op op;
	int64_t deadline_ms;
	nng_msg *message; /* while it waits */
	enum status refusal; /* what the timer's end means */
	struct timer *timer; /* while it waits */
	call_fn *done;
	void *ctx;
};

struct caller {
	struct loop *loop;
	nng_socket socket;
	struct pipes pipes;
	struct inbox inbox;
	struct canary *canary;
	struct timer *ticks; /* of the canary */
	bool connected; /* as last told */
	caller_fn *changed;
	void *ctx;
	struct buf text; /* of the request being encoded */
	struct slot slots[CONTEXTS];
	struct slot *free;
	struct call *waiting, **waiting_end; /* all contexts are at work */
};

static void on_step(void *arg);
static void on_wake(void *arg);
static void on_tick(void *arg);

struct caller *caller_open(struct loop *loop, const char *url,
	const struct link_tls *tls, caller_fn *changed, void *ctx)
{
	struct caller *caller = xalloc(sizeof(*caller));

	caller->loop = loop;
	caller->changed = changed;
	caller->ctx = ctx;
	caller->waiting_end = &caller->waiting;
	buf_init(&caller->text, LINK_MAX_BYTES);
	inbox_open(&caller->inbox, loop, on_wake, caller);
	link_must(nng_req0_open(&caller->socket), url);
	link_limit(caller->socket);
	link_must(nng_socket_set_ms(caller->socket, NNG_OPT_REQ_RESENDTIME,
			  NNG_DURATION_INFINITE),
		url);
	pipes_open(&caller->pipes, caller->socket, caller->inbox.wake);
	for (int i = CONTEXTS - 1; i >= 0; i--) {
		struct slot *slot = &caller->slots[i];

		slot->caller = caller;
		link_must(nng_ctx_open(&slot->context, caller->socket), url);
		link_must(nng_aio_alloc(&slot->aio, on_step, slot), url);
		slot->next_free = caller->free;
		caller->free = slot;
	}
	link_dial(caller->socket, url, tls);
	caller->canary = canary_open();
	caller->ticks = timer_open(loop, on_tick, caller);
	timer_start(caller->ticks, CANARY_MS, CANARY_MS);
	return caller;
}

bool caller_connected(const struct caller *caller)
{
	return caller->connected;
}

void caller_drop(struct caller *caller)
{
	pipes_drop(&caller->pipes);
}

/* --- a call's way ----------------------------------------------------------
 */

static int remaining_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_mono_ms();

	/* 0 would mean "not at all". */
	return left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (int)left;
}

static void start(struct call *call)
{
	struct slot *slot = call->caller->free;

	call->caller->free = slot->next_free;
	slot->call = call;
	slot->sent = false;
	slot->reply = NULL;
	slot->deadline_ms = call->deadline_ms;
	call->slot = slot;
	nng_aio_set_timeout(slot->aio, remaining_ms(slot->deadline_ms));
	nng_aio_set_msg(slot->aio, call->message);
	call->message = NULL;
	nng_ctx_send(slot->context, slot->aio);
}

/* nng's thread: the send has ended, or the receive. */
static void on_step(void *arg)
{
	struct slot *slot = arg;
	bool good = nng_aio_result(slot->aio) == 0;

	if (good && !slot->sent) {
		slot->sent = true;
		nng_aio_set_timeout(slot->aio, remaining_ms(slot->deadline_ms));
		nng_ctx_recv(slot->context, slot->aio);
		return;
	}
	if (good)
		slot->reply = nng_aio_get_msg(slot->aio);
	else if (!slot->sent)
		nng_msg_free(nng_aio_get_msg(slot->aio)); /* still ours */
	inbox_put(&slot->caller->inbox, &slot->item);
}

static void unlink_waiting(struct call *call)
{
	struct call **at = &call->caller->waiting;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	if (!*at)
		call->caller->waiting_end = at;
	timer_close(call->timer);
	call->timer = NULL;
}

static void free_call(struct call *call)
{
	nng_msg_free(call->message);
	free(call);
}

static void tell(struct call *call, const struct call_result *result)
{
	call_fn *done = call->done;
	void *ctx = call->ctx;

	free_call(call);
	done(ctx, result);
}

static void on_waited_too_long(void *arg)
{
	struct call *call = arg;
	struct arena arena = {0};
	struct call_result result = {
		call->refusal, status_text(call->refusal), NULL, &arena};

	unlink_waiting(call);
	tell(call, &result);
	arena_clear(&arena);
}

static void wait_for(struct call *call, enum status refusal, uint32_t for_ms)
{
	*call->caller->waiting_end = call;
	call->caller->waiting_end = &call->next;
	call->refusal = refusal;
	call->timer = timer_open(call->caller->loop, on_waited_too_long, call);
	timer_start(call->timer, for_ms, 0);
}

struct call *caller_call(struct caller *caller, enum op op, const void *body,
	uint32_t timeout_ms, const char *trace, call_fn *done, void *ctx)
{
	struct call *call = xalloc(sizeof(*call));

	call->caller = caller;
	call->op = op;
	call->done = done;
	call->ctx = ctx;
	call->deadline_ms = clock_mono_ms() + timeout_ms;
	buf_reset(&caller->text);
	request_encode(&caller->text, op, body, timeout_ms, trace);
	if (caller->text.full) {
		wait_for(call, TOO_LARGE, 0);
		return call;
	}
	call->message = link_message(caller->text.data, caller->text.len);
	if (caller->free)
		start(call);
	else
		wait_for(call, UNAVAILABLE, timeout_ms);
	return call;
}

void call_drop(struct call *call)
{
	if (call->slot) {
		/* It ends through the inbox; usually at once. */
		call->slot->call = NULL;
		nng_aio_cancel(call->slot->aio);
	} else {
		unlink_waiting(call);
	}
	free_call(call);
}

/* --- on the loop -----------------------------------------------------------
 */

static struct call *oldest_ready(struct caller *caller)
{
	struct call *call = caller->waiting;

	while (call && !call->message) /* one that is too large */
		call = call->next;
	return call;
}

static void deliver(struct call *call, bool sent, const nng_msg *reply)
{
	struct arena arena = {0};
	struct call_result result = {.arena = &arena};
	struct codec_fault fault;
	struct reply answer;

	if (!reply) {
		result.status = sent ? UNCONFIRMED : UNAVAILABLE;
		result.message = status_text(result.status);
	} else if (reply_decode(call->op, nng_msg_body((nng_msg *)reply),
			   nng_msg_len(reply), &arena, &answer, &fault) == OK) {
		result.status = answer.status;
		result.message = answer.message;
		result.body = answer.body;
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

static void on_ended(struct slot *slot)
{
	struct caller *caller = slot->caller;
	struct call *call = slot->call, *next;
	nng_msg *reply = slot->reply;
	bool sent = slot->sent;

	slot->call = NULL;
	slot->reply = NULL;
	slot->next_free = caller->free;
	caller->free = slot;
	next = oldest_ready(caller);
	if (next) {
		unlink_waiting(next);
		start(next);
	}
	if (call)
		deliver(call, sent, reply);
	nng_msg_free(reply);
}

static void tell_connected(struct caller *caller, bool connected)
{
	if (caller->connected == connected)
		return;
	caller->connected = connected;
	if (caller->changed)
		caller->changed(caller->ctx, connected);
}

static void on_wake(void *arg)
{
	struct caller *caller = arg;
	struct inbox_item *item = inbox_take(&caller->inbox), *next;
	bool up, lost;

	for (; item; item = next) {
		next = item->next;
		on_ended((struct slot *)(void *)item);
	}
	up = pipes_news(&caller->pipes, &lost);
	if (lost)
		tell_connected(caller, false);
	tell_connected(caller, up);
}

static void on_tick(void *arg)
{
	struct caller *caller = arg;

	canary_tick(caller->canary, caller->connected);
}

void caller_close(struct caller *caller)
{
	if (!caller)
		return;
	timer_close(caller->ticks);
	canary_close(caller->canary);
	while (caller->waiting) {
		struct call *call = caller->waiting;

		unlink_waiting(call);
		free_call(call);
	}
	if (!pipes_close(&caller->pipes)) {
		inbox_leave(&caller->inbox);
		link_leave(caller);
		return;
	}
	for (int i = 0; i < CONTEXTS; i++) {
		struct slot *slot = &caller->slots[i];

		nng_aio_stop(slot->aio); /* its callback has returned */
		nng_aio_free(slot->aio);
		nng_msg_free(slot->reply);
		if (slot->call)
			free_call(slot->call);
	}
	inbox_close(&caller->inbox);
	buf_clear(&caller->text);
	free(caller);
}
