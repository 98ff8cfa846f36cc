/* link: typed messages over nng. The only includer of nng headers.
 *
 * nng's threads end here: they leave finished messages in a locked list and
 * wake the loop; every callback below runs on the loop. Sockets are opened
 * once and closed only at exit. */
#ifndef PROTO_LINK_H
#define PROTO_LINK_H

#include "proto/codec.h"
#include "shared/loop.h"

/* Checks a URL for both sides: tcp://HOST:PORT, or tls+tcp:// once TLS files
 * are set. A plain URL that is not on loopback needs `trusted`. NULL if good,
 * else the reason. */
const char *link_url_fault(const char *url, bool trusted, bool listen);

struct link_tls {
	const char *ca_file, *cert_file, *key_file; /* all or none */
};

/* --- asking ------------------------------------------------------------- */

struct caller;
typedef void caller_fn(void *ctx, bool connected);

/* Dials in the background, for ever. `changed` is told when a connection came
 * up or was lost; more than one connection never exists. */
struct caller *caller_open(struct loop *loop, const char *url,
	const struct link_tls *tls, caller_fn *changed, void *ctx);
void caller_close(struct caller *caller); /* drops open calls silently */
bool caller_connected(const struct caller *caller);

/* Drops the connection and dials again: for a peer that went silent. */
void caller_drop(struct caller *caller);

/* How a call ended. UNAVAILABLE: it was never handed to a connection, so it
 * certainly did nothing. UNCONFIRMED: it left, and no answer came in time or
 * the connection broke. Everything else is in the reply (its own status, or
 * INTERNAL for one that could not be decoded). The reply and what it points
 * to live until the callback returns, unless the arena is moved away. */
struct call_result {
	enum status status;
	const char *message;
	void *body;
	struct arena *arena;
};
typedef void call_fn(void *ctx, const struct call_result *result);

/* `body` is encoded before this returns. The callback comes exactly once,
 * later than the call, unless the call is dropped. */
struct call *caller_call(struct caller *caller, enum op op, const void *body,
	uint32_t timeout_ms, const char *trace, call_fn *done, void *ctx);
void call_drop(struct call *call); /* the callback will not come */

/* --- answering ---------------------------------------------------------- */

struct server;
struct asked; /* one request, to be answered exactly once */

/* The request lives until it is answered. Malformed ones are answered by the
 * link itself. */
typedef void server_fn(
	void *ctx, struct asked *asked, const struct request *request);

/* Calls die() if the URL cannot be listened on. */
struct server *server_open(struct loop *loop, const char *url,
	const struct link_tls *tls, server_fn *handle, void *ctx);
void server_close(struct server *server);

/* `body` may be NULL for a failure; `message` may be NULL. */
void asked_reply(struct asked *asked, enum status status, const char *message,
	const void *body);
struct arena *asked_arena(struct asked *asked); /* freed with the request */
uint64_t asked_age_ms(const struct asked *asked); /* since it was received */

/* --- publishing and subscribing ----------------------------------------- */

struct publisher;
struct publisher *publisher_open(
	struct loop *loop, const char *url, const struct link_tls *tls);
void publisher_close(struct publisher *publisher);
/* Copies; never blocks; may be lost on the way. */
void publisher_send(struct publisher *publisher, const char *text, size_t len);

struct subscriber;
typedef void subscriber_fn(void *ctx, const struct event_message *event);
/* Events that cannot be decoded are dropped and counted in the log. */
struct subscriber *subscriber_open(struct loop *loop, const char *url,
	const struct link_tls *tls, subscriber_fn *on_event, void *ctx);
void subscriber_close(struct subscriber *subscriber);
void subscriber_drop(struct subscriber *subscriber); /* like caller_drop */

#endif
