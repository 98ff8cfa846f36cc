/* peer: sessiond as seen from here. Says hello on every connection, and again
 * until it is answered. */
#ifndef CLEANUPD_PEER_H
#define CLEANUPD_PEER_H

#include "proto/link.h"

struct peer;
typedef void peer_fn(void *ctx, bool greeted);

/* `changed` is told when sessiond has answered hello, and when that
 * connection is lost. `name` and `boot` live as long as the peer. */
struct peer *peer_open(struct loop *loop, const char *url,
	const struct link_tls *tls, const char *name, const char *boot,
	peer_fn *changed, void *ctx);
void peer_close(struct peer *peer); /* NULL is fine */

struct caller *peer_caller(struct peer *peer);
bool peer_greeted(const struct peer *peer);

#endif
