/* graph: what happens in a turn, as nodes and edges.
 *
 * A turn enters at the first node and follows an edge out of each; the whole
 * table is graph_nodes. A node that has to wait continues later, so many turns
 * run at once on one loop. A turn owns all its memory: the grant it came from
 * is copied. */
#ifndef AGENTD_GRAPH_H
#define AGENTD_GRAPH_H

#include "agentd/retrieve.h"
#include "proto/message.h"
#include "shared/loop.h"

struct graph;
struct run; /* a turn on its way */

struct answer {
	const char *content;
	const char *sources; /* a JSON list; NULL: none */
};

/* Comes exactly once, later than graph_start, unless the run is stopped.
 * `answer` is NULL if the turn failed, for the reason `fault`; it lives until
 * this returns. */
typedef void graph_fn(
	void *ctx, const struct answer *answer, const char *fault);

/* An answer takes at least think_ms. Both live longer than the graph. */
struct graph *graph_open(
	struct loop *loop, struct retrieve *retrieve, int64_t think_ms);
void graph_close(struct graph *graph); /* nothing may be running */

/* How many runs there are, with those that were stopped but still wait for
 * the thread pool. */
int graph_running(const struct graph *graph);

struct run *graph_start(struct graph *graph, const struct grant *grant,
	graph_fn *done, void *ctx);
void graph_stop(struct run *run); /* done() will not come */

/* --- the table, for tests --------------------------------------------------
 */

enum edge { EDGE_NEXT, EDGE_SHORT, EDGE_FAULT, EDGES, EDGE_WAIT = EDGES };

struct node {
	const char *name;
	enum edge (*run)(struct run *run); /* NULL: the turn ends here */
	int to[EDGES]; /* -1: no such edge */
};

const struct node *graph_nodes(int *n);

#endif
