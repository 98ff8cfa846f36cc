/* policy: what is too old. Pure. */
#ifndef CLEANUPD_POLICY_H
#define CLEANUPD_POLICY_H

#include "shared/mem.h"
#include <stdint.h>

enum state {
	STATE_ACTIVE,
	STATE_RESOLVED,
	STATE_CLOSED,
	STATE_ABANDONED,
	STATE_COUNT
};

const char *state_name(enum state state);
bool state_from_name(const char *name, enum state *out);

enum verdict { KEEP, ABANDON, DELETE };

/* How long a session that nobody changes stays as it is; NEVER: for ever.
 * Active ones are never deleted: they become abandoned first. */
enum { NEVER = -1 };
struct policy {
	int64_t abandon_after_hours; /* 0: never, too */
	int64_t resolved_days, closed_days, abandoned_days; /* 0: at once */
};

/* What becomes of a session that was last changed at `updated_ms`. */
enum verdict policy_decide(const struct policy *policy, enum state state,
	int64_t updated_ms, int64_t now_ms);

/* Sessions of this state may be due if they were updated before this instant;
 * 0: none is. */
int64_t policy_before(
	const struct policy *policy, enum state state, int64_t now_ms);

/* The policy for one state in plain words. */
void policy_describe(
	struct buf *out, const struct policy *policy, enum state state);

/* What must agree before anything is deleted by the clock. */
struct clocks {
	int64_t wall_start_ms, mono_start_ms; /* when this process began */
	int64_t wall_ms, mono_ms; /* now */
	int64_t sessiond_ms; /* now, by sessiond */
};

/* Why the clocks cannot be believed; NULL if they can. */
const char *policy_clock_fault(const struct clocks *clocks);

#endif
