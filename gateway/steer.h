/* steer: what a member of a channel asks besides sending: that a session ends
 * or goes on, that answers stop, and who handles a user. sessiond decides. */
#ifndef GATEWAY_STEER_H
#define GATEWAY_STEER_H

#include "gateway/channels.h"
#include "proto/link.h"

enum {
	STEER_PER_CONN = 16, /* unanswered ones */
	STEER_MAX = 1024 /* of all */
};

/* Who asks. */
struct steerer {
	uint64_t conn_serial;
	const char *business_id;
	const char *user_id; /* "" while unknown; of a coordinator its name */
	bool coordinator;
	bool text; /* format=text */
};

struct steer;
struct steer *steer_open(struct caller *caller, uint32_t deadline_ms);
void steer_close(struct steer *steer); /* unanswered; NULL is fine */

/* False: it is no event of ours, and `reply` is still the caller's. Else it
 * is answered through `channels`, now or later. */
bool steer_event(struct steer *steer, struct channels *channels,
	const struct steerer *who, const char *event, struct span payload,
	struct reply_to *reply);

#endif
