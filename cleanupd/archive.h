/* archive: sessions as JSON lines, kept before they are deleted. The format
 * is in ARCHIVE.md.
 *
 * A session is written in parts, one line each, and made durable once after
 * the last; sessions that wait for that share one fsync, which a pool thread
 * does. After any fault, what was not yet durable is taken back: its sessions
 * begin anew. */
#ifndef CLEANUPD_ARCHIVE_H
#define CLEANUPD_ARCHIVE_H

#include "proto/message.h"
#include "shared/loop.h"

struct archive;

/* One session on its way into the archive; zeroed when it (re)begins. */
struct archive_entry {
	uint64_t file; /* which it began in */
	uint32_t parts; /* written so far */
};

/* `boot` (which lives as long) is part of the files' names. NULL, with the
 * reason in *fault (a constant), if there is no such folder to write to. */
struct archive *archive_open(struct loop *loop, const char *dir,
	const char *boot, const char **fault);
/* Nothing may be waiting for archive_sync. NULL is fine. */
void archive_close(struct archive *archive);

/* Goes on in a new file if the day (UTC) of `now_ms` is another. For a moment
 * in which no entry is under way. */
void archive_turn(struct archive *archive, int64_t now_ms);

/* Appends the next part. False: see archive_fault; begin the entry anew. */
bool archive_put(struct archive *archive, struct archive_entry *entry,
	const struct session *session, const struct message *messages,
	uint32_t n_messages, bool more);

/* Calls done, later and once: whether all parts are on disk, with name. */
typedef void archive_fn(void *ctx, bool durable);
void archive_sync(struct archive *archive, const struct archive_entry *entry,
	archive_fn *done, void *ctx);

/* What went wrong last; NULL if the last write and sync were good. */
const char *archive_fault(const struct archive *archive);

#endif
