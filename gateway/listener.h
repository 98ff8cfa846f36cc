/* listener: owns the port, reads the first request head of each connection
 * and hands the socket to the edge.
 *
 * Limits: head 8 KB (431), URL 4 KB (414), whole head within 10 s (408). */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include "gateway/edge.h"
#include "gateway/head.h"
#include "shared/loop.h"

struct listener;

/* `address` is HOST:PORT ([HOST]:PORT for IPv6); port 0 picks one. `rules`
 * are copied. Calls die() if it cannot listen. */
struct listener *listener_open(struct loop *loop, const char *address,
	const struct head_rules *rules, struct edge *edge);
int listener_port(const struct listener *listener);
/* Stops accepting and drops half-read heads. */
void listener_close(struct listener *listener); /* NULL is fine */

#endif
