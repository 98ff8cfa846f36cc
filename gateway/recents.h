/* recents: after events were lost, brings the agent's messages of the last
 * minute to pages that cannot reload by themselves. */
#ifndef GATEWAY_RECENTS_H
#define GATEWAY_RECENTS_H

#include "gateway/fanout.h"

enum {
	RECENT_MS = 60000, /* how far back; and how long it is worth trying */
	RECENT_ASK_MS = 5000,
	RECENT_AT_ONCE = 8
};

struct recents;
struct recents *recents_open(struct loop *loop, struct caller *caller,
	const struct roster *roster, struct fanout *fanout);
void recents_close(struct recents *recents); /* NULL is fine */

/* Asks for everyone who is there now and needs it. */
void recents_ask(struct recents *recents);

#endif
