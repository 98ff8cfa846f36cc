/* fill: a store with as many sessions as wanted, made with sessiond's own
 * rows in a fraction of the time that asking sessiond would take.
 *
 *	fill DIR SESSIONS MESSAGES
 *
 * Users u0000000, u0000001, … of business b0 have one session of today each,
 * with so many messages. Prints the id of the last session. */
#include "sessiond/change.h"
#include "shared/clock.h"
#include "shared/days.h"
#include "tests/bench/load_usage.h"
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGES_PER_COMMIT = 20000 };

static struct store *store;
static struct counters counters;
static char date[DATE_SIZE];

static void begin(struct batch *batch)
{
	*batch = (struct batch){.tx = tx_write(store),
		.counters = counters,
		.now = clock_wall_ms()};
}

static void commit(struct batch *batch)
{
	const char *why;
	batch->counters.wall_ms = batch->now;
	put_counters(batch->tx, &batch->counters);
	if (tx_failed(batch->tx) || !tx_commit(batch->tx, &why))
		fail("the store refuses");
	counters = batch->counters;
}

static void make_session(struct batch *batch, int no, struct held *held,
	char id[UUID_SIZE], char user_id[16])
{
	struct user_row user = {.no = ++batch->counters.user, .by = ""};
	snprintf(user_id, 16, "u%07d", no);
	uuid_fresh(id);
	*held = (struct held){.no = ++batch->counters.session,
		.fresh = true,
		.row = {.id = id,
			.business = "b0",
			.user = user_id,
			.location = "default",
			.day = date,
			.type = "general",
			.status = ST_ACTIVE,
			.created = batch->now,
			.updated = batch->now,
			.last_message = batch->now,
			.rev = 1,
			.user_no = user.no}};
	user.session = held->no;
	put_user(batch->tx, "b0", user_id, &user);
}

static void add_message(struct batch *batch, struct held *held)
{
	struct message_row message = {.type = MSG_USER,
		.source = SRC_WEBSOCKET,
		.author = held->row.user,
		.content = "what are your opening hours on the weekend, "
			   "please? And may we bring a dog?"};
	message_add(batch, held, &message, NULL);
}

int main(int argc, char **argv)
{
	char why[256], id[UUID_SIZE] = "", user_id[16];
	struct batch batch;
	if (argc != 4)
		fail("usage: fill DIR SESSIONS MESSAGES");
	int sessions = atoi(argv[2]), messages = atoi(argv[3]), uncommitted = 0;
	clock_open(NULL);
	days_open();
	store = store_open(argv[1], (uint64_t)64 << 30, why, sizeof why);
	if (!store)
		fail("%s", why);
	begin(&batch);
	get_counters(batch.tx, &counters);
	batch.counters = counters;
	days_date(date, "UTC", batch.now);
	for (int i = 0; i < sessions; i++) {
		struct held held;
		make_session(&batch, i, &held, id, user_id);
		for (int k = 0; k < messages; k++) {
			add_message(&batch, &held);
			if (++uncommitted < MESSAGES_PER_COMMIT)
				continue;
			session_save(&batch, &held);
			commit(&batch);
			begin(&batch);
			uncommitted = 0;
		}
		session_save(&batch, &held);
	}
	commit(&batch);
	store_close(store);
	puts(id);
	return 0;
}
