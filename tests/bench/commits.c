/* commits: the floor of a durable message on this disk: LMDB alone, as many
 * rows for a message as sessiond writes, fsync at every commit.
 *
 *	commits DIR MESSAGES PER_COMMIT
 *
 * Prints one JSON object. */
#include "tests/bench/load_histogram.h"
#include "tests/bench/load_usage.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Message and its id, session, event, receipt, turn and its place in the
 * user's queue, the queue of those ready, the counters. */
enum { TABLES = 9 };
static const size_t row_bytes[TABLES] = {280, 12, 200, 60, 130, 90, 8, 24, 48};

static MDB_env *env;
static MDB_dbi tables[TABLES];

static void must(int rc)
{
	if (rc)
		fail("LMDB: %s", mdb_strerror(rc));
}

static void open_store(const char *dir)
{
	MDB_txn *txn;
	char name[16];
	must(mdb_env_create(&env));
	must(mdb_env_set_maxdbs(env, TABLES));
	must(mdb_env_set_mapsize(env, (size_t)4 << 30));
	must(mdb_env_open(env, dir, MDB_NORDAHEAD, 0600));
	must(mdb_txn_begin(env, NULL, 0, &txn));
	for (int i = 0; i < TABLES; i++) {
		snprintf(name, sizeof name, "t%d", i);
		must(mdb_dbi_open(txn, name, MDB_CREATE, &tables[i]));
	}
	must(mdb_txn_commit(txn));
}

static void put_message(MDB_txn *txn, unsigned long no)
{
	char key[17], row[512] = "";
	snprintf(key, sizeof key, "%016lx", no);
	for (int i = 0; i < TABLES; i++) {
		MDB_val k = {16, key}, v = {row_bytes[i], row};
		must(mdb_put(txn, tables[i], &k, &v, 0));
	}
}

int main(int argc, char **argv)
{
	static struct durations times;
	if (argc != 4)
		fail("usage: commits DIR MESSAGES PER_COMMIT");
	unsigned long messages = strtoul(argv[2], NULL, 10);
	unsigned long per_commit = strtoul(argv[3], NULL, 10);
	open_store(argv[1]);
	struct usage before = usage_of(getpid());
	uint64_t start = now_ns();
	for (unsigned long no = 0; no < messages;) {
		MDB_txn *txn;
		uint64_t begun = now_ns();
		must(mdb_txn_begin(env, NULL, 0, &txn));
		for (unsigned long i = 0; i < per_commit; i++)
			put_message(txn, no++);
		must(mdb_txn_commit(txn));
		durations_add(&times, now_ns() - begun);
	}
	double seconds = (double)(now_ns() - start) / 1e9;
	double cpu_us = usage_of(getpid()).cpu_us - before.cpu_us;
	printf("{\"messages\":%lu,\"seconds\":%.3f,\"cpuUs\":%.0f,"
	       "\"commitP50Us\":%.1f,\"commitP99Us\":%.1f}\n",
		messages, seconds, cpu_us, durations_us(&times, 0.5),
		durations_us(&times, 0.99));
	mdb_env_close(env);
	return 0;
}
