/* writer: the one thread that changes the store.
 *
 * The loop hands it jobs; it runs all that wait (up to 128 appends) inside one
 * transaction, commits, and gives them back. A job decides everything inside
 * the transaction, where the writes of earlier jobs of the same batch are
 * visible; one that refuses writes nothing. */
#ifndef SESSIOND_WRITER_H
#define SESSIOND_WRITER_H

#include "sessiond/rows.h"
#include "shared/loop.h"

/* What the loop must know of a commit beside the events in the log. */
enum hint_kind {
	HINT_READY, /* a turn can be claimed, perhaps others too */
	HINT_LEASED, /* an agent has it now */
	HINT_OVER, /* a lease is over; its agent must be told if `revoked` */
};

struct hint {
	enum hint_kind kind;
	uint64_t session, turn, lease, user_no;
	bool revoked; /* HINT_OVER: not the doing of its agent */
	int64_t created; /* HINT_LEASED: wall, of the turn's oldest message */
	const char *reason; /* static */
	char business[65], user[ID_MAX + 1], session_id[ID_MAX + 1];
	char agent[65], boot[65]; /* HINT_LEASED */
};

struct batch {
	struct tx *tx;
	struct counters counters; /* as they will be committed */
	int64_t now; /* wall ms, one value for all jobs of the batch */
	bool no_room; /* appends must be refused */
	int refused; /* messages that were, for that */
	struct hint *hints;
	size_t n_hints, cap_hints;
	bool ready_hinted; /* every agent hears it: once is enough for all */
};

/* A cleared hint at the end of the list. */
struct hint *batch_hint(struct batch *batch, enum hint_kind kind);

struct job {
	/* On the writer's thread. May run twice (a batch that met a fault is
	 * run again job by job), so it begins by forgetting its results. */
	void (*run)(struct job *job, struct batch *batch);
	/* On the loop, after the commit. `status` is OK, or STORE_FULL or
	 * INTERNAL if nothing of this job was written. Frees the job. */
	void (*done)(struct job *job, enum status status);
	int weight; /* appends it holds; 1 for others */
	enum status status;
	struct job *next;
};

struct writer;

/* After each commit: the hints, before the jobs' done. */
typedef void writer_hint_fn(void *ctx, const struct hint *hint);
/* After the jobs' done: events up to n are in the log. */
typedef void writer_committed_fn(void *ctx, uint64_t n);

struct writer *writer_open(struct loop *loop, struct store *store,
	uint64_t min_free_bytes, writer_hint_fn *hint,
	writer_committed_fn *committed, void *ctx);
/* Finishes what is queued, then stops. */
void writer_close(struct writer *writer);

void writer_submit(struct writer *writer, struct job *job);

/* False once the wall clock has run more than 24 h ahead of what elapsed
 * since the start: nothing may be deleted for its age then. */
bool writer_clock_sane(const struct writer *writer);

#endif
