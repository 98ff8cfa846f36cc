/* edge_inside: what edge.c and edge_http.c share. */
#ifndef GATEWAY_EDGE_INSIDE_H
#define GATEWAY_EDGE_INSIDE_H

#include "gateway/edge.h"
#include <libwebsockets.h>
#include <stddef.h>

enum { WHEEL_SLOTS = 64, GATHER_BYTES = 65536 };

/* A place in a list that can be left at any time. */
struct node {
	struct node *next, **back; /* back is NULL when in no list */
};

#define CONN_OF(node, member)                                                  \
	((struct conn *)(void *)((char *)(node)-offsetof(struct conn, member)))

static inline void node_in(struct node **list, struct node *node)
{
	node->next = *list;
	node->back = list;
	if (*list)
		(*list)->back = &node->next;
	*list = node;
}

static inline void node_out(struct node *node)
{
	if (!node->back)
		return;
	*node->back = node->next;
	if (node->next)
		node->next->back = node->back;
	node->back = NULL;
}

struct conn {
	struct edge *edge;
	struct lws *wsi; /* NULL before and after libwebsockets has it */
	struct upgrade *upgrade; /* NULL: HTTP */
	struct http *http; /* the request at hand */
	void *data;
	uint64_t serial, due_ms;
	struct node all, slot, marked;
	struct frame_queue queue;
	struct buf *message; /* its pieces so far; NULL between messages */
	int close_code; /* asked for; 0: none */
	bool opened; /* the application knows it */
	bool finished; /* a close frame went one way or the other */
	bool doomed; /* to be dropped at the end of the turn */
	bool last_request; /* the connection ends with this answer */
	bool paused; /* libwebsockets does not read */
	bool lingering; /* answered; what still comes is thrown away */
	size_t thrown_bytes;
};

struct edge {
	struct loop *loop;
	struct edge_limits limits;
	struct edge_events events;
	void *ctx;
	struct lws_context *lws; /* NULL when really gone */
	struct lws_vhost *vhost;
	struct conn *adopting; /* handed to libwebsockets at this moment */
	struct node *all, *marked, *slots[WHEEL_SLOTS];
	unsigned hand;
	uint64_t tick_ms;
	struct timer *wheel, *drain;
	uint64_t drain_until_ms;
	loop_fn *drained;
	void *drained_ctx;
	int connections;
	uint64_t last_serial;
	bool nudge; /* libwebsockets has to look at its timers */
	char gather[GATHER_BYTES];
};

/* Something is to be done with it at the end of the turn. */
void conn_mark(struct conn *conn);
/* To be dropped at the end of the turn, without a close frame. */
void conn_doom(struct conn *conn);

/* edge_silence.c: after so long the connection is looked at: closed if it
 * was silent, dropped if it should have gone by then. */
void conn_schedule(struct conn *conn, uint64_t after_ms);
void silence_open(struct edge *edge);
void silence_close(struct edge *edge);

/* edge_http.c: libwebsockets' callbacks for a connection without upgrade;
 * non-zero drops the connection. */
int http_on_request(struct conn *conn);
int http_on_body(struct conn *conn, const char *data, size_t len);
int http_on_body_end(struct conn *conn);
int http_on_writable(struct conn *conn);
int http_on_upgrade(struct conn *conn);
/* The end of the turn; whether there is nothing at hand; the end. */
void http_settle(struct conn *conn);
bool http_is_idle(const struct conn *conn);
void http_drop(struct conn *conn);

#endif
