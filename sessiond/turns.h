/* turns: agents claim, report, finish and fail; leases run out, turns grow
 * old. */
#ifndef SESSIOND_TURNS_H
#define SESSIOND_TURNS_H

#include "sessiond/core.h"
#include "sessiond/leases.h"

/* Each takes the request and answers it. */
void turns_claim(struct core *core, struct asked *asked,
	const struct claim_request *request);
void turns_progress(struct core *core, struct asked *asked,
	const struct progress_request *request);
void turns_finish(struct core *core, struct asked *asked,
	const struct finish_request *request);
void turns_fail(struct core *core, struct asked *asked,
	const struct fail_request *request);

/* A person takes a turn back to the queue, its attempts forgotten. */
void turns_requeue(struct core *core, struct asked *asked,
	const struct requeue_request *request);

/* A lease ran out: back to the queue, or the fallback. */
void turns_expire(struct core *core, const struct lease *lease);
/* The turn is older than the limit: the fallback. */
void turns_age(struct core *core, uint64_t session, uint64_t turn);
/* An agent came back under a new boot: what the old one held is free. */
void turns_free_boot(
	struct core *core, const char *agent, const char *new_boot);

#endif
