#include "sessiond/store.h"

#include "shared/log.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { SCHEMA = 1, RECORD_MAX = 256 * 1024 };

static const char magic[] = "taifas sessiond";

static const char *const table_names[] = {
#define X(name) #name,
	TABLES(X)
#undef X
};

struct store {
	MDB_env *env;
	MDB_dbi tables[TABLE_COUNT];
	char *dir;
	int lock_fd;
	_Atomic size_t free_pages, count_at_txn; /* see count_free */
};

struct tx {
	MDB_txn *mdb;
	struct store *store;
	int rc; /* of the first failure */
	bool dirty;
	struct arena own, *arena;
	struct buf scratch;
};

static MDB_val to_val(struct span span)
{
	return (MDB_val){span.len, (void *)span.at};
}

static struct span to_span(MDB_val val)
{
	return (struct span){val.mv_data, val.mv_size};
}

/* --- opening ----------------------------------------------------------------
 */

static bool hold_lock(struct store *store, char *why, size_t why_size)
{
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/lock", store->dir);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (store->lock_fd < 0) {
		snprintf(why, why_size, "cannot open %s: %s", path,
			strerror(errno));
		return false;
	}
	if (flock(store->lock_fd, LOCK_EX | LOCK_NB)) {
		snprintf(why, why_size,
			"another sessiond holds the store in %s", store->dir);
		return false;
	}
	return true;
}

/* LMDB opens a truncated file without a word, and the first read of a missing
 * page is a SIGBUS: so compare the sizes before any read. */
static bool file_is_whole(struct store *store, char *why, size_t why_size)
{
	MDB_envinfo info;
	MDB_stat stat;
	struct stat file;
	int fd;
	mdb_env_info(store->env, &info);
	mdb_env_stat(store->env, &stat);
	if (mdb_env_get_fd(store->env, &fd) || fstat(fd, &file)) {
		snprintf(why, why_size, "cannot examine the data file: %s",
			strerror(errno));
		return false;
	}
	uint64_t need = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	if (info.me_last_txnid && (uint64_t)file.st_size < need) {
		snprintf(why, why_size,
			"the data file in %s is cut off: it has %lld of %llu "
			"bytes; restore a backup",
			store->dir, (long long)file.st_size,
			(unsigned long long)need);
		return false;
	}
	return true;
}

/* A fresh store is marked as ours; any other must carry the mark. */
static bool check_schema(MDB_txn *txn, struct store *store, bool fresh,
	char *why, size_t why_size)
{
	MDB_val key = {6, (void *)"schema"}, value;
	char mark[64];
	int rc = mdb_get(txn, store->tables[T_META], &key, &value);
	if (rc == MDB_NOTFOUND && fresh) {
		int len = snprintf(mark, sizeof mark, "%s %d", magic, SCHEMA);
		value = (MDB_val){(size_t)len, mark};
		rc = mdb_put(txn, store->tables[T_META], &key, &value, 0);
		if (rc)
			snprintf(why, why_size, "cannot write to %s: %s",
				store->dir, mdb_strerror(rc));
		return !rc;
	}
	size_t name_len = sizeof magic - 1;
	if (rc || value.mv_size >= sizeof mark || value.mv_size <= name_len ||
		memcmp(value.mv_data, magic, name_len)) {
		snprintf(why, why_size,
			"the data file in %s belongs to another program",
			store->dir);
		return false;
	}
	memcpy(mark, value.mv_data, value.mv_size);
	mark[value.mv_size] = 0;
	int schema = atoi(mark + name_len);
	if (schema != SCHEMA) {
		snprintf(why, why_size,
			"the store in %s has schema %d, this build knows %d: "
			"use a newer sessiond",
			store->dir, schema, SCHEMA);
		return false;
	}
	return true;
}

static bool open_tables(struct store *store, char *why, size_t why_size)
{
	MDB_txn *txn;
	MDB_stat main_stat;
	MDB_dbi main_dbi;
	int rc = mdb_txn_begin(store->env, NULL, 0, &txn);
	if (rc) {
		snprintf(why, why_size, "cannot read the store in %s: %s",
			store->dir, mdb_strerror(rc));
		return false;
	}
	rc = mdb_dbi_open(txn, NULL, 0, &main_dbi);
	if (!rc)
		rc = mdb_stat(txn, main_dbi, &main_stat);
	bool fresh = !rc && main_stat.ms_entries == 0;
	for (int t = 0; t < TABLE_COUNT && !rc; t++) {
		/* In a foreign file nothing is created before it is known. */
		unsigned flags = fresh || t > T_META ? MDB_CREATE : 0;
		rc = mdb_dbi_open(
			txn, table_names[t], flags, &store->tables[t]);
		if (t != T_META)
			continue;
		if (rc == MDB_NOTFOUND || rc == MDB_INCOMPATIBLE) {
			snprintf(why, why_size,
				"the data file in %s belongs to another "
				"program",
				store->dir);
			goto refuse;
		}
		if (!rc && !check_schema(txn, store, fresh, why, why_size))
			goto refuse;
	}
	if (!rc) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (!rc)
		return true;
	snprintf(why, why_size, "cannot open the tables in %s: %s", store->dir,
		mdb_strerror(rc));
refuse:
	if (txn)
		mdb_txn_abort(txn);
	return false;
}

struct store *store_open(
	const char *dir, uint64_t max_bytes, char *why, size_t why_size)
{
	struct store *store = xalloc(sizeof *store);
	store->dir = xstrdup(dir);
	store->lock_fd = -1;
	if (mkdir(dir, 0700) && errno != EEXIST) {
		snprintf(why, why_size, "cannot make %s: %s", dir,
			strerror(errno));
		goto refuse;
	}
	if (!hold_lock(store, why, why_size))
		goto refuse;
	if (mdb_env_create(&store->env) ||
		mdb_env_set_maxdbs(store->env, TABLE_COUNT + 1) ||
		mdb_env_set_mapsize(store->env, max_bytes)) {
		snprintf(why, why_size, "cannot set up LMDB");
		goto refuse;
	}
	int rc = mdb_env_open(store->env, dir, MDB_NOTLS | MDB_NORDAHEAD, 0600);
	if (rc) {
		snprintf(why, why_size, "cannot open the store in %s: %s", dir,
			rc == MDB_INVALID ? "the data file is not an LMDB file"
					  : mdb_strerror(rc));
		goto refuse;
	}
	if (!file_is_whole(store, why, why_size) ||
		!open_tables(store, why, why_size))
		goto refuse;
	store_check_readers(store);
	return store;
refuse:
	store_close(store);
	return NULL;
}

static bool open_tables_to_read(struct store *store, char *why, size_t why_size)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc) {
		snprintf(why, why_size, "cannot read the store in %s: %s",
			store->dir, mdb_strerror(rc));
		return false;
	}
	for (int t = 0; t < TABLE_COUNT && !rc; t++) {
		rc = mdb_dbi_open(txn, table_names[t], 0, &store->tables[t]);
		if (!rc && t == T_META &&
			!check_schema(txn, store, false, why, why_size)) {
			mdb_txn_abort(txn);
			return false;
		}
	}
	if (!rc)
		rc = mdb_txn_commit(txn); /* keeps the table handles */
	else
		mdb_txn_abort(txn);
	if (rc)
		snprintf(why, why_size,
			"the data file in %s belongs to another program",
			store->dir);
	return !rc;
}

struct store *store_open_reader(const char *dir, char *why, size_t why_size)
{
	struct store *store = xalloc(sizeof *store);
	store->dir = xstrdup(dir);
	store->lock_fd = -1;
	int rc = mdb_env_create(&store->env);
	if (!rc)
		rc = mdb_env_set_maxdbs(store->env, TABLE_COUNT + 1);
	if (!rc)
		rc = mdb_env_open(
			store->env, dir, MDB_RDONLY | MDB_NOTLS, 0600);
	if (rc)
		snprintf(why, why_size, "cannot open the store in %s: %s", dir,
			mdb_strerror(rc));
	if (rc || !file_is_whole(store, why, why_size) ||
		!open_tables_to_read(store, why, why_size)) {
		store_close(store);
		return NULL;
	}
	return store;
}

const char *store_copy(struct store *store, int fd)
{
	int rc = mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT);
	return rc ? mdb_strerror(rc) : NULL;
}

uint64_t store_size(struct store *store)
{
	MDB_envinfo info;
	MDB_stat stat;
	mdb_env_info(store->env, &info);
	mdb_env_stat(store->env, &stat);
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->env)
		mdb_env_close(store->env);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->dir);
	free(store);
}

/* --- room -------------------------------------------------------------------
 */

uint64_t store_disk_free(const struct store *store)
{
	struct statvfs disk;
	if (statvfs(store->dir, &disk))
		return UINT64_MAX;
	return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* Counts the pages that LMDB will use again before the file grows. Each row of
 * its free list begins with the number of pages it holds. A long list is not
 * counted at every commit: then the store is large, and a few hundred commits
 * are nothing to it. */
static void count_free(struct store *store, size_t txn)
{
	enum { ROWS_PER_COMMIT = 64 };
	MDB_txn *reader;
	MDB_cursor *cursor;
	MDB_val key, value;
	size_t rows = 0, pages = 0;
	if (txn < store->count_at_txn ||
		mdb_txn_begin(store->env, NULL, MDB_RDONLY, &reader))
		return;
	if (!mdb_cursor_open(reader, 0, &cursor)) {
		for (; !mdb_cursor_get(cursor, &key, &value, MDB_NEXT); rows++)
			pages += *(size_t *)value.mv_data;
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(reader);
	store->free_pages = pages;
	store->count_at_txn = txn + rows / ROWS_PER_COMMIT;
}

int store_map_percent(struct store *store)
{
	MDB_envinfo info;
	MDB_stat stat;
	mdb_env_info(store->env, &info);
	mdb_env_stat(store->env, &stat);
	size_t pages = info.me_mapsize / stat.ms_psize;
	size_t used = info.me_last_pgno + 1;
	if (used * 100 >= pages * 90) {
		count_free(store, info.me_last_txnid);
		used -= store->free_pages;
	}
	return (int)(used * 100 / pages);
}

void store_check_readers(struct store *store)
{
	int dead = 0;
	mdb_reader_check(store->env, &dead);
	if (dead)
		log_warn("dead readers cleared", log_int("readers", dead));
}

/* --- transactions ------------------------------------------------------------
 */

static struct tx *begin(struct store *store, unsigned flags)
{
	struct tx *tx = xalloc(sizeof *tx);
	tx->store = store;
	tx->arena = &tx->own;
	buf_init(&tx->scratch, RECORD_MAX);
	int rc = mdb_txn_begin(store->env, NULL, flags, &tx->mdb);
	if (rc) /* out of readers or memory, or the env is broken: no way on */
		die("store", mdb_strerror(rc));
	return tx;
}

struct tx *tx_read(struct store *store)
{
	return begin(store, MDB_RDONLY);
}

struct tx *tx_read_into(struct store *store, struct arena *arena)
{
	struct tx *tx = begin(store, MDB_RDONLY);
	tx->arena = arena;
	return tx;
}

struct tx *tx_write(struct store *store)
{
	return begin(store, 0);
}

static void tx_free(struct tx *tx)
{
	arena_clear(&tx->own);
	buf_clear(&tx->scratch);
	free(tx);
}

void tx_end(struct tx *tx)
{
	if (!tx)
		return;
	mdb_txn_abort(tx->mdb);
	tx_free(tx);
}

bool tx_commit(struct tx *tx, const char **why)
{
	int rc = mdb_txn_commit(tx->mdb);
	tx_free(tx);
	*why = rc ? mdb_strerror(rc) : NULL;
	return !rc;
}

bool tx_failed(const struct tx *tx)
{
	return tx->rc != 0;
}

bool tx_full(const struct tx *tx)
{
	return tx->rc == MDB_MAP_FULL || tx->rc == ENOSPC ||
	       tx->rc == MDB_TXN_FULL;
}

bool tx_dirty(const struct tx *tx)
{
	return tx->dirty;
}

const char *tx_why(const struct tx *tx)
{
	return tx->rc ? mdb_strerror(tx->rc) : "no failure";
}

struct arena *tx_arena(struct tx *tx)
{
	return tx->arena;
}

/* Records are bounded by the limits of message.h: the largest is an answer with
 * sources and actions. */
struct buf *tx_scratch(struct tx *tx)
{
	buf_reset(&tx->scratch);
	return &tx->scratch;
}

uint64_t tx_rows(struct tx *tx, enum table table)
{
	MDB_stat stat;
	if (mdb_stat(tx->mdb, tx->store->tables[table], &stat))
		return 0;
	return stat.ms_entries;
}

bool tx_get(struct tx *tx, enum table table, struct span key, struct span *out)
{
	MDB_val k = to_val(key), v;
	int rc = mdb_get(tx->mdb, tx->store->tables[table], &k, &v);
	if (!rc) {
		*out = to_span(v);
		return true;
	}
	if (rc != MDB_NOTFOUND && !tx->rc)
		tx->rc = rc;
	return false;
}

void tx_put(struct tx *tx, enum table table, struct span key, struct span value)
{
	MDB_val k = to_val(key), v = to_val(value);
	tx->dirty = true;
	if (!tx->rc)
		tx->rc = mdb_put(tx->mdb, tx->store->tables[table], &k, &v, 0);
}

void tx_del(struct tx *tx, enum table table, struct span key)
{
	MDB_val k = to_val(key);
	if (tx->rc)
		return;
	int rc = mdb_del(tx->mdb, tx->store->tables[table], &k, NULL);
	tx->dirty = true;
	if (rc != MDB_NOTFOUND)
		tx->rc = rc;
}

/* --- cursors -----------------------------------------------------------------
 */

static bool cursor_move(struct cursor *cursor, MDB_val *k, MDB_cursor_op op)
{
	MDB_val v;
	cursor->valid = false;
	if (!cursor->mdb)
		return false;
	int rc = mdb_cursor_get(cursor->mdb, k, &v, op);
	if (rc) {
		if (rc != MDB_NOTFOUND && !cursor->tx->rc)
			cursor->tx->rc = rc;
		return false;
	}
	cursor->key = to_span(*k);
	cursor->value = to_span(v);
	return cursor->valid = true;
}

void cursor_open(struct cursor *cursor, struct tx *tx, enum table table)
{
	MDB_cursor *mdb = NULL;
	int rc = mdb_cursor_open(tx->mdb, tx->store->tables[table], &mdb);
	if (rc && !tx->rc)
		tx->rc = rc;
	*cursor = (struct cursor){.mdb = mdb, .tx = tx};
}

void cursor_close(struct cursor *cursor)
{
	if (cursor->mdb)
		mdb_cursor_close(cursor->mdb);
	*cursor = (struct cursor){0};
}

bool cursor_seek(struct cursor *cursor, struct span key)
{
	MDB_val k = to_val(key);
	return cursor_move(cursor, &k, key.len ? MDB_SET_RANGE : MDB_FIRST);
}

bool cursor_seek_before(struct cursor *cursor, struct span key)
{
	MDB_val k = to_val(key);
	if (!key.len || !cursor_move(cursor, &k, MDB_SET_RANGE))
		return cursor_move(cursor, &k, MDB_LAST);
	return cursor_move(cursor, &k, MDB_PREV);
}

bool cursor_next(struct cursor *cursor)
{
	MDB_val k;
	return cursor_move(cursor, &k, MDB_NEXT);
}

bool cursor_prev(struct cursor *cursor)
{
	MDB_val k;
	return cursor_move(cursor, &k, MDB_PREV);
}

void cursor_del(struct cursor *cursor)
{
	if (cursor->tx->rc || !cursor->valid)
		return;
	cursor->tx->dirty = true;
	cursor->tx->rc = mdb_cursor_del(cursor->mdb, 0);
}
