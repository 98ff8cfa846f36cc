/* Events: one PUB socket that never blocks, and SUB sockets that hear all.
 *
 * nng 1.5.2 drops what does not fit into its queues and says so to nobody:
 * the queues are as long as it allows, and the numbers in the events show what
 * is missing. A SUB socket has one receive aio without a time-out and no
 * contexts: cancelling one while a message arrives crashed it (its issue
 * 1523). Every subscriber takes everything; nng would filter only after it
 * had come over the wire. */

#include "proto/link_nng.h"
#include "shared/log.h"
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <stdlib.h>

enum {
	QUEUE = 8192, /* nng's maximum */
	BATCH = 1024 /* received, waiting for the loop */
};

struct publisher {
	nng_socket socket;
	struct pipes pipes;
};

struct publisher *publisher_open(
	struct loop *loop, const char *url, const struct link_tls *tls)
{
	struct publisher *publisher = xalloc(sizeof(*publisher));

	(void)loop; /* nothing comes back */
	link_must(nng_pub0_open(&publisher->socket), url);
	link_limit(publisher->socket);
	pipes_open(&publisher->pipes, publisher->socket, NULL);
	link_must(nng_socket_set_int(publisher->socket, NNG_OPT_SENDBUF, QUEUE),
		url);
	link_listen(publisher->socket, url, tls);
	return publisher;
}

void publisher_close(struct publisher *publisher)
{
	if (!publisher)
		return;
	if (pipes_close(&publisher->pipes))
		free(publisher);
	else
		link_leave(publisher);
}

void publisher_send(struct publisher *publisher, const char *text, size_t len)
{
	nng_msg *message;

	if (len > LINK_MAX_BYTES) {
		log_error("event over the limit of a message",
			log_int("bytes", (int64_t)len));
		return;
	}
	message = link_message(text, len);
	if (nng_sendmsg(publisher->socket, message, NNG_FLAG_NONBLOCK))
		nng_msg_free(message);
}

/* --- subscribing -----------------------------------------------------------
 */

/* Messages go into `queue` on nng's thread; the loop takes the whole of it in
 * exchange for an empty one. While it is full nothing is received, and what
 * comes waits, or is dropped, in nng's queue. */
struct subscriber {
	nng_socket socket;
	nng_aio *aio;
	struct pipes pipes;
	struct canary *canary;
	struct timer *ticks; /* of the canary */
	subscriber_fn *on_event;
	void *ctx;
	pthread_mutex_t lock; /* for what follows */
	struct wake *wake;
	nng_msg **queue, **spare;
	int queued;
	bool paused;
};

static void on_message(void *arg);
static void on_wake(void *arg);
static void on_tick(void *arg);

struct subscriber *subscriber_open(struct loop *loop, const char *url,
	const struct link_tls *tls, subscriber_fn *on_event, void *ctx)
{
	struct subscriber *subscriber = xalloc(sizeof(*subscriber));

	subscriber->on_event = on_event;
	subscriber->ctx = ctx;
	subscriber->queue = xalloc(BATCH * sizeof(nng_msg *));
	subscriber->spare = xalloc(BATCH * sizeof(nng_msg *));
	pthread_mutex_init(&subscriber->lock, NULL);
	subscriber->wake = wake_open(loop, on_wake, subscriber);
	link_must(nng_sub0_open(&subscriber->socket), url);
	link_limit(subscriber->socket);
	link_must(
		nng_socket_set_int(subscriber->socket, NNG_OPT_RECVBUF, QUEUE),
		url);
	link_must(nng_socket_set(
			  subscriber->socket, NNG_OPT_SUB_SUBSCRIBE, "", 0),
		url);
	pipes_open(&subscriber->pipes, subscriber->socket, NULL);
	link_must(nng_aio_alloc(&subscriber->aio, on_message, subscriber), url);
	nng_aio_set_timeout(subscriber->aio, NNG_DURATION_INFINITE);
	nng_recv_aio(subscriber->socket, subscriber->aio);
	link_dial(subscriber->socket, url, tls);
	subscriber->canary = canary_open();
	subscriber->ticks = timer_open(loop, on_tick, subscriber);
	timer_start(subscriber->ticks, CANARY_MS, CANARY_MS);
	return subscriber;
}

void subscriber_drop(struct subscriber *subscriber)
{
	pipes_drop(&subscriber->pipes);
}

/* nng's thread. */
static void on_message(void *arg)
{
	struct subscriber *subscriber = arg;
	int result = nng_aio_result(subscriber->aio);
	bool first, full;

	if (result == NNG_ECLOSED || result == NNG_ECANCELED)
		return;
	if (result) {
		nng_recv_aio(subscriber->socket, subscriber->aio);
		return;
	}
	pthread_mutex_lock(&subscriber->lock);
	first = subscriber->queued == 0;
	subscriber->queue[subscriber->queued++] =
		nng_aio_get_msg(subscriber->aio);
	full = subscriber->queued == BATCH;
	subscriber->paused = full;
	if (first && subscriber->wake)
		wake_send(subscriber->wake);
	pthread_mutex_unlock(&subscriber->lock);
	if (!full)
		nng_recv_aio(subscriber->socket, subscriber->aio);
}

static void read_event(struct subscriber *subscriber, nng_msg *message)
{
	struct arena arena = {0};
	struct event_message event;
	struct codec_fault fault;

	if (event_decode(nng_msg_body(message), nng_msg_len(message), &arena,
		    &event, &fault) == OK)
		subscriber->on_event(subscriber->ctx, &event);
	else
		log_warn_limited(
			"event not understood", log_str("why", fault.text));
	arena_clear(&arena);
	nng_msg_free(message);
}

static void on_wake(void *arg)
{
	struct subscriber *subscriber = arg;
	nng_msg **batch;
	bool paused;
	int count;

	pthread_mutex_lock(&subscriber->lock);
	batch = subscriber->queue;
	subscriber->queue = subscriber->spare;
	subscriber->spare = batch;
	count = subscriber->queued;
	subscriber->queued = 0;
	paused = subscriber->paused;
	subscriber->paused = false;
	pthread_mutex_unlock(&subscriber->lock);
	if (paused)
		nng_recv_aio(subscriber->socket, subscriber->aio);
	for (int i = 0; i < count; i++)
		read_event(subscriber, batch[i]);
}

static void on_tick(void *arg)
{
	struct subscriber *subscriber = arg;
	bool lost;

	canary_tick(subscriber->canary, pipes_news(&subscriber->pipes, &lost));
}

void subscriber_close(struct subscriber *subscriber)
{
	bool closed;

	if (!subscriber)
		return;
	timer_close(subscriber->ticks);
	canary_close(subscriber->canary);
	closed = pipes_close(&subscriber->pipes);
	pthread_mutex_lock(&subscriber->lock);
	wake_close(subscriber->wake);
	subscriber->wake = NULL;
	pthread_mutex_unlock(&subscriber->lock);
	if (!closed) {
		link_leave(subscriber);
		return;
	}
	nng_aio_stop(subscriber->aio); /* its callback has returned */
	nng_aio_free(subscriber->aio);
	for (int i = 0; i < subscriber->queued; i++)
		nng_msg_free(subscriber->queue[i]);
	free(subscriber->queue);
	free(subscriber->spare);
	pthread_mutex_destroy(&subscriber->lock);
	free(subscriber);
}
