/* typing: which turns are seen being worked on. Every "started" finds its
 * "stopped": with the turn's end, or when its signs of life cease. */
#ifndef GATEWAY_TYPING_H
#define GATEWAY_TYPING_H

#include "proto/message.h"
#include "shared/loop.h"

enum {
	TYPING_SAID_MS = 1000, /* "progress" at most so often */
	TYPING_SILENT_MS = 10000, /* then it has stopped */
	TYPING_MAX = 10000 /* turns; of more nothing is shown */
};

/* state: started, progress or stopped. */
typedef void typing_fn(
	void *ctx, const struct turn_progress *turn, const char *state);

struct typing;
struct typing *typing_open(typing_fn *say, void *ctx);
void typing_close(struct typing *typing); /* NULL is fine */

void typing_progress(struct typing *typing, uint64_t now_ms,
	const struct turn_progress *progress);
void typing_end(struct typing *typing, const char *turn_id); /* NULL is fine */
void typing_end_all(struct typing *typing);
/* Every second or so. */
void typing_tick(struct typing *typing, uint64_t now_ms);

#endif
