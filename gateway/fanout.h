/* fanout: what happened at sessiond, told to the sockets it concerns: those
 * of the user and those of the business's coordinators, and no others. */
#ifndef GATEWAY_FANOUT_H
#define GATEWAY_FANOUT_H

#include "gateway/appends.h"
#include "gateway/roster.h"
#include "shared/loop.h"

struct fanout;
struct fanout *fanout_open(struct loop *loop, const struct roster *roster,
	const struct appends *appends);
void fanout_close(struct fanout *fanout); /* NULL is fine */

void fanout_apply(struct fanout *fanout, const struct event_message *event);
/* Whether anybody here would see this message. */
bool fanout_wants(const struct fanout *fanout, const struct message *message);

/* Tells those who can to reload. */
void fanout_resync(struct fanout *fanout);
/* For those who cannot: a message of the agent, unless it has been shown. */
void fanout_catch_up(struct fanout *fanout, struct seat *seat,
	const struct message *message);

#endif
