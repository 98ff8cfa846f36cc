/* journal: the event log as the world sees it: epochs, publishing, beats, and
 * pages for those who missed something. */
#ifndef SESSIOND_JOURNAL_H
#define SESSIOND_JOURNAL_H

#include "sessiond/core.h"

/* Draws a new epoch and chains it in the store. Calls die() if it cannot. */
struct journal *journal_open(struct core *core);
void journal_close(struct journal *journal);

/* Events up to n are committed: publishes those not published yet. */
void journal_publish(struct journal *journal, uint64_t n);

const char *journal_epoch(const struct journal *journal);
uint64_t journal_n(const struct journal *journal); /* the last published */

/* Everything points into the arena. */
void journal_since(struct journal *journal,
	const struct events_since_request *request, struct arena *arena,
	struct events_since_reply *reply);

/* The chain, written into the transaction: for the start. */
void journal_chain(struct tx *tx, const char *epoch, uint64_t n);

#endif
