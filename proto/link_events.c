/* Events: one PUB socket that never blocks, and connections to such ones.
 *
 * nng drops what does not fit into its queue for a subscriber and says so to
 * nobody: the queue is as long as it allows, and the numbers in the events
 * show what is missing. Every subscriber takes everything. */

#include "proto/link_nng.h"
#include "shared/log.h"
#include <nng/protocol/pubsub0/pub.h>
#include <stdlib.h>

enum { QUEUE = 8192 }; /* nng's maximum */

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
	pipes_open(&publisher->pipes, publisher->socket);
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

struct subscriber {
	struct wire *wire;
	subscriber_fn *on_event;
	void *ctx;
};

static void on_changed(void *ctx, bool up)
{
	(void)ctx;
	(void)up; /* beats tell */
}

static void on_message(void *ctx, const char *bytes, size_t len)
{
	struct subscriber *subscriber = ctx;
	struct arena arena = {0};
	struct event_message event;
	struct codec_fault fault;

	if (event_decode(bytes, len, &arena, &event, &fault) == OK)
		subscriber->on_event(subscriber->ctx, &event);
	else
		log_warn_limited(
			"event not understood", log_str("why", fault.text));
	arena_clear(&arena);
}

static void on_drained(void *ctx)
{
	(void)ctx; /* nothing is sent */
}

struct subscriber *subscriber_open(struct loop *loop, const char *url,
	const struct link_tls *tls, subscriber_fn *on_event, void *ctx)
{
	static const struct wire_owner owner = {
		on_changed, on_message, on_drained};
	struct subscriber *subscriber = xalloc(sizeof(*subscriber));

	subscriber->on_event = on_event;
	subscriber->ctx = ctx;
	subscriber->wire =
		wire_open(loop, url, tls, SP_SUB, SP_PUB, &owner, subscriber);
	return subscriber;
}

void subscriber_drop(struct subscriber *subscriber)
{
	wire_drop(subscriber->wire);
}

void subscriber_close(struct subscriber *subscriber)
{
	if (!subscriber)
		return;
	wire_close(subscriber->wire);
	free(subscriber);
}
