#include "cleanupd/peer.h"
#include "shared/log.h"
#include <stdlib.h>

enum { HELLO_TIMEOUT_MS = 5000, HELLO_AGAIN_MS = 1000 };

struct peer {
	struct caller *caller;
	struct timer *again;
	struct call *hello; /* unanswered; NULL: none */
	const char *name, *boot;
	bool greeted;
	peer_fn *changed;
	void *ctx;
};

static void tell(struct peer *peer, bool greeted)
{
	if (peer->greeted == greeted)
		return;
	peer->greeted = greeted;
	peer->changed(peer->ctx, greeted);
}

static void on_hello(void *ctx, const struct call_result *result)
{
	struct peer *peer = ctx;
	const struct hello_reply *reply = result->body;

	peer->hello = NULL;
	if (result->status == OK) {
		log_info("sessiond greeted", log_str("boot", reply->boot),
			log_int("version", reply->version));
		tell(peer, true);
		return;
	}
	log_warn_limited("sessiond does not greet",
		log_str("code", status_code(result->status)),
		log_str("reason", result->message));
	if (result->status == UNCONFIRMED)
		caller_drop(peer->caller);
	timer_start(peer->again, HELLO_AGAIN_MS, 0);
}

static void say_hello(void *ctx)
{
	struct peer *peer = ctx;
	struct hello_request body = {
		.role = "cleanupd",
		.name = peer->name,
		.boot = peer->boot,
		.oldest = PROTO_OLDEST,
		.newest = PROTO_VERSION,
	};

	peer->hello = caller_call(peer->caller, OP_HELLO, &body,
		HELLO_TIMEOUT_MS, NULL, on_hello, peer);
}

static void on_connection(void *ctx, bool connected)
{
	struct peer *peer = ctx;

	timer_stop(peer->again);
	if (peer->hello)
		call_drop(peer->hello);
	peer->hello = NULL;
	tell(peer, false);
	if (connected)
		say_hello(peer);
}

struct peer *peer_open(struct loop *loop, const char *url,
	const struct link_tls *tls, const char *name, const char *boot,
	peer_fn *changed, void *ctx)
{
	struct peer *peer = xalloc(sizeof(*peer));

	peer->name = name;
	peer->boot = boot;
	peer->changed = changed;
	peer->ctx = ctx;
	peer->again = timer_open(loop, say_hello, peer);
	peer->caller = caller_open(loop, url, tls, on_connection, peer);
	return peer;
}

void peer_close(struct peer *peer)
{
	if (!peer)
		return;
	caller_close(peer->caller);
	timer_close(peer->again);
	free(peer);
}

struct caller *peer_caller(struct peer *peer)
{
	return peer->caller;
}

bool peer_greeted(const struct peer *peer)
{
	return peer->greeted;
}
