/* edge_inside: what edge*.c share. */
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

#define CONN_OF(node, member) \
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
	struct upgrade *upgrade;
	void *data;
	uint64_t serial, due_ms;
	struct node all, slot, marked;
	struct frame_queue queue;
	struct buf *message; /* its pieces so far; NULL between messages */
	int close_code; /* asked for; 0: none */
	bool opened; /* the application knows it */
	bool finished; /* a close frame went one way or the other */
	bool doomed; /* to be dropped at the end of the turn */
};

struct edge {
	struct loop *loop;
	struct edge_limits limits;
	struct edge_events events;
	void *ctx;
	struct lws_context *lws; /* NULL when really gone */
	struct lws_vhost *vhost;
	struct conn *adopting; /* handed to libwebsockets at this moment */
	struct node *all, *marked, *slots[WHEEL_SLOTS]; /* WebSockets */
	struct node *webs, *webs_marked; /* HTTP */
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

enum { HTTP_MAX_PARAMS = 32 };

struct http {
	struct web *web;
	struct http_request request;
	struct arena arena; /* its strings */
	struct param {
		const char *name, *value;
	} params[HTTP_MAX_PARAMS];
	int n_params;
	void *data;
};

/* edge_request.c: may it be asked at all; then what it asks. */
struct refusal http_check(
	const struct head *head, size_t most_body, size_t *body_len);
struct refusal http_read(struct http *http, const struct head *head);

/* edge_http.c: connections without upgrade. */
void web_take(struct edge *edge, int fd, const char *head, size_t len);
void webs_settle(struct edge *edge); /* at the end of the turn */
/* Drops who asks nothing; the others go with their answer. */
void webs_drain(struct edge *edge);
void webs_close(struct edge *edge);

#endif
