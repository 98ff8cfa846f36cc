/* turn: one leased turn, from the grant to the reply to its finish.
 *
 * It says `progress` at least every two seconds while the graph works, then
 * `finish` (or `fail`) again and again until that is answered. Whenever
 * sessiond says the lease is no longer ours, it stops at once. */
#ifndef AGENTD_TURN_H
#define AGENTD_TURN_H

#include "agentd/graph.h"
#include "proto/link.h"

enum turn_outcome {
	TURN_ANSWERED, /* the answer is stored */
	TURN_FAILED, /* fail was answered */
	TURN_LOST /* the lease is another's, or the answer was refused */
};

struct turn;

/* The turn is over and nothing of it is left; called later than turn_open, and
 * not after turn_close. */
typedef void turn_fn(void *ctx, struct turn *turn, enum turn_outcome outcome);

/* What all turns share. */
struct turn_kit {
	struct loop *loop;
	struct caller *caller;
	struct graph *graph;
	turn_fn *over;
	void *ctx;
};

/* The grant is borrowed for the call, the kit for the turn's life. */
struct turn *turn_open(const struct turn_kit *kit, const struct grant *grant);
void turn_close(struct turn *turn); /* stops at once, says nothing */

const char *turn_id(const struct turn *turn);
const char *turn_lease(const struct turn *turn);

#endif
