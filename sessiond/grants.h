/* grants: what an agent gets with a turn: the question, what was said before,
 * and the tenant's record. Reads only. */
#ifndef SESSIOND_GRANTS_H
#define SESSIOND_GRANTS_H

#include "sessiond/core.h"

struct granted {
	uint64_t session, turn, lease;
};

/* Fills reply->turns. A turn that would make the reply too large, or whose
 * rows are gone by now, is left out: its lease is not among those the agent's
 * next claim names, so it goes back to the queue. */
void grants_compose(struct core *core, const struct granted *granted,
	uint32_t count, struct arena *arena, struct claim_reply *reply);

#endif
