/* sweep: one pass over all sessions that the policy touches, state by state,
 * page by page.
 *
 * sessiond's clock says how old a session is, and each change names the
 * revision that was looked at: what has changed since is left alone. So a
 * sweep may be cut off anywhere, begin anew, and run beside another. When
 * something does not work it rests, longer each time, and goes on where it
 * was. */
#ifndef CLEANUPD_SWEEP_H
#define CLEANUPD_SWEEP_H

#include "cleanupd/archive.h"
#include "cleanupd/policy.h"
#include "cleanupd/report.h"
#include "proto/link.h"

struct sweep_settings {
	const struct policy *policy;
	bool dry; /* only says what it would do */
	int64_t patience_ms; /* 0: endless */
};

struct sweep;
typedef void sweep_fn(void *ctx, const struct report *report);

/* Calls done at the end of each sweep; the next may be started from there. */
struct sweep *sweep_open(struct loop *loop, struct caller *caller,
	struct archive *archive, const struct sweep_settings *settings,
	sweep_fn *done, void *ctx);
void sweep_close(struct sweep *sweep); /* not while running; NULL is fine */

void sweep_start(struct sweep *sweep);
bool sweep_running(const struct sweep *sweep);

/* Ends a running sweep as soon as what is in flight has ended, perhaps before
 * this returns. */
void sweep_stop(struct sweep *sweep);

/* Nothing is asked before sessiond has answered hello. */
void sweep_greeted(struct sweep *sweep, bool greeted);

/* Why nothing can be cleaned up at present, in a sentence; NULL if it can. */
const char *sweep_trouble(const struct sweep *sweep);

#endif
