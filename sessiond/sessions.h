/* sessions: the rules of sessions that need no store. Pure. */
#ifndef SESSIOND_SESSIONS_H
#define SESSIOND_SESSIONS_H

#include "sessiond/rows.h"

/* The one table of transitions. */
bool status_may_become(enum session_status from, enum session_status to);
/* Names of what `from` may become; returns how many. */
uint32_t status_next(enum session_status from, const char *names[ST_COUNT]);

/* What a system message says of a transition: its kind ("reopened",
 * "rollover", else the state's name) and its words. */
const char *transition_kind(enum session_status to, const char *reason);
const char *transition_text(const char *kind, const char *language);

/* "business:user:ms", what a client calls a session it has not met. */
struct alias {
	char business[65], user[ID_MAX + 1];
	int64_t ms;
};

bool alias_parse(const char *text, struct alias *out);

/* The local date an alias means at `now` in a tenant's zone. */
void alias_date(const struct alias *alias, const char *zone, int64_t now,
	char date[11]);

/* A hash of an item as it was sent: what makes two the same. Not for
 * anything that needs to resist an attacker, who could only confuse the
 * message he sends himself. */
uint64_t item_hash(const struct append_item *item, bool with_metadata);

#endif
