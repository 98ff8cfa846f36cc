/* leases: which agent works on which turn just now, and what it has said so
 * far. The loop's own memory, rebuilt from the store at start; the truth is in
 * the store, where every decision is made.
 *
 * Leases survive a restart by their length: a full period from the new start.
 */
#ifndef SESSIOND_LEASES_H
#define SESSIOND_LEASES_H

#include "sessiond/core.h"

struct lease {
	uint64_t session, turn, lease, user_no;
	int64_t created; /* wall, of the turn's oldest message */
	int64_t expires_mono;
	bool counted; /* its first progress was seen */
	bool ending; /* an expiry is on its way to the writer */
	char agent[65], boot[65];
	char business[65], user[ID_MAX + 1], session_id[ID_MAX + 1];
	struct buf text; /* of the answer, so far */
};

struct leases *leases_open(struct core *core);
void leases_close(struct leases *leases);

/* From the writer, after each commit. */
void leases_hint(struct leases *leases, const struct hint *hint);

/* NULL if that lease is not the turn's current one. Borrowed until the next
 * hint. */
struct lease *leases_find(
	struct leases *leases, const char *turn_id, const char *lease);
struct lease *leases_of_turn(
	struct leases *leases, uint64_t session, uint64_t turn);
/* The first lease of that user, for the text of a cancelled turn. */
struct lease *leases_of_user(
	struct leases *leases, const char *business, const char *user);

/* Starts the lease's period anew. */
void lease_renew(struct leases *leases, struct lease *lease);

/* True if this boot of the agent holds other leases than those named, so that
 * a claim must go to the writer even if nothing is ready. */
bool leases_astray(struct leases *leases, const char *boot, const char **holds,
	uint32_t n_holds);
/* True if an earlier boot of the agent still holds some. */
bool leases_of_old_boot(
	struct leases *leases, const char *agent, const char *boot);

/* Remembers the newest claim of a boot; false for an older one. */
bool leases_claim_number(struct leases *leases, const char *agent,
	const char *boot, uint64_t claim_no);

/* Publishes a turn's progress to whoever shows it. */
void leases_publish_progress(struct leases *leases, const struct lease *lease,
	const char *state, uint32_t offset, const char *text);

#endif
