/* store: ordered tables on disk, and transactions over them. The only includer
 * of lmdb.h; what the tables mean is in rows.h.
 *
 * One process holds a store (own lock). Write transactions belong to one
 * thread (the writer); read transactions are short and belong to the loop.
 * What get and cursors return points into the store: it is gone at the end of
 * the transaction, and in a write transaction after the next put or delete. */
#ifndef SESSIOND_STORE_H
#define SESSIOND_STORE_H

#include "shared/json.h"
#include "shared/mem.h"
#include <stdint.h>

#define TABLES(X) \
	X(META) /* name -> counters, schema */ \
	X(EPOCH) /* number -> epoch id, first n */ \
	X(SESSION) /* session -> record */ \
	X(SESSION_ID) /* id -> session, or tombstone */ \
	X(DAY) /* business, user, date -> session */ \
	X(USER) /* business, user -> record */ \
	X(ACTIVITY) /* business, status, minute, session -> nothing */ \
	X(RETENTION) /* status, minute, session -> nothing */ \
	X(MESSAGE) /* session, seq -> record */ \
	X(MESSAGE_ID) /* id -> session, seq */ \
	X(TURN) /* turn -> record */ \
	X(OPEN) /* user, turn -> session */ \
	X(READY) /* time, turn -> session, user, times */ \
	X(LEASE) /* turn -> session, agent, boot */ \
	X(EVENT) /* n -> what happened */ \
	X(APPEND_ID) /* appendId -> first result */ \
	X(CLIENT_ID) /* user, clientMessageId -> first result */ \
	X(CLIENT_EXPIRY) /* time, CLIENT_ID key -> nothing */ \
	X(DOOMED) /* session -> rows are still to be deleted */

enum table {
#define X(name) T_##name,
	TABLES(X)
#undef X
		TABLE_COUNT
};

struct store;

/* Opens or creates. Returns NULL and a sentence in `why` if the store is held
 * by another process, foreign, truncated, corrupt or newer than this build. */
struct store *store_open(
	const char *dir, uint64_t max_bytes, char *why, size_t why_size);
/* For tools: reads a store that a sessiond may be using at this moment. Never
 * creates anything, never writes. */
struct store *store_open_reader(const char *dir, char *why, size_t why_size);
void store_close(struct store *store);

/* Copies the store, as it is at this moment, compactly into the open file.
 * NULL, or why it failed. */
const char *store_copy(struct store *store, int fd);
uint64_t store_size(struct store *store); /* bytes of the data file in use */

/* What is left: bytes free on the disk, and the share of the map in use
 * (0..100; free pages inside the file count as free). */
uint64_t store_disk_free(const struct store *store);
int store_map_percent(struct store *store);
/* Frees the slots of readers that died; once a minute. */
void store_check_readers(struct store *store);

struct tx;

struct tx *tx_read(struct store *store); /* end with tx_end */
/* What is decoded goes to the caller's arena and outlives the transaction. */
struct tx *tx_read_into(struct store *store, struct arena *arena);
struct tx *tx_write(struct store *store); /* end with tx_commit or tx_end */
void tx_end(struct tx *tx); /* aborts */

/* After the first failed put or delete all others do nothing, so a caller
 * looks once, at the end. `full`: the map or the disk has no room. */
bool tx_failed(const struct tx *tx);
bool tx_full(const struct tx *tx);
const char *tx_why(const struct tx *tx);
bool tx_dirty(const struct tx *tx); /* something was written */

/* Frees tx. False: the store knows whether it is there, nobody else does. */
bool tx_commit(struct tx *tx, const char **why);

uint64_t tx_rows(struct tx *tx, enum table table); /* how many it holds */
bool tx_get(struct tx *tx, enum table table, struct span key, struct span *out);
void tx_put(
	struct tx *tx, enum table table, struct span key, struct span value);
void tx_del(struct tx *tx, enum table table, struct span key);
/* Memory that lives as long as the transaction, or as the arena given. */
struct arena *tx_arena(struct tx *tx);
/* An empty buffer for a record to be put; the same one each time. */
struct buf *tx_scratch(struct tx *tx);

/* A place in a table. Must not outlive its transaction; close every one. */
struct cursor {
	void *mdb;
	struct tx *tx;
	struct span key, value;
	bool valid;
};

void cursor_open(struct cursor *cursor, struct tx *tx, enum table table);
void cursor_close(struct cursor *cursor);
/* To the first key >= `key` (an empty key: the first of all). */
bool cursor_seek(struct cursor *cursor, struct span key);
/* To the last key < `key` (an empty key: the last of all). */
bool cursor_seek_before(struct cursor *cursor, struct span key);
bool cursor_next(struct cursor *cursor);
bool cursor_prev(struct cursor *cursor);
/* Deletes the row under the cursor; cursor_next then goes to its successor. */
void cursor_del(struct cursor *cursor);

static inline bool span_has_prefix(struct span text, struct span prefix)
{
	return text.len >= prefix.len &&
	       !__builtin_memcmp(text.at, prefix.at, prefix.len);
}

#endif
