/* Whatever bytes a row holds: it is read within its bounds, and what could be
 * read and is written again reads as the same. The first byte says what kind
 * of record the others are. */

#include "sessiond/rows.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STORE_BYTES = 64 * 1024 * 1024 };

static char dir[] = "/tmp/rows_fuzz.XXXXXX";
static struct store *store;

static void clean_up(void)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
	char path[64];

	store_close(store);
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

static void open_once(void)
{
	char why[256];

	if (store)
		return;
	if (mkdtemp(dir))
		store = store_open(dir, STORE_BYTES, why, sizeof(why));
	if (!store)
		abort();
	atexit(clean_up);
}

/* The ids that are used as keys are checked before they are stored. */
static bool key_fits(const char *text, size_t max)
{
	return *text && strlen(text) <= max;
}

/* Each reads the record that is there and, if it is whole, writes it again. */

static bool again_session(struct tx *tx)
{
	struct session_row row;

	if (!get_session(tx, 1, &row) || !key_fits(row.id, ID_MAX) ||
		!key_fits(row.business, 64) || !key_fits(row.user, ID_MAX) ||
		!key_fits(row.day, 10))
		return false;
	put_session(tx, 1, &row, NULL);
	return true;
}

static bool again_message(struct tx *tx)
{
	struct message_row row;
	struct message_head head;
	bool head_read = peek_message(tx, 1, 1, &head);

	if (!get_message(tx, 1, 1, &row))
		return false;
	assert(head_read && head.type == row.type && head.turn == row.turn);
	assert(head.timestamp == row.timestamp);
	for (uint32_t i = 0; i < row.n_in_reply_to; i++)
		assert(row.in_reply_to[i]);
	if (!key_fits(row.id, ID_MAX))
		return false;
	put_message(tx, 1, 1, &row);
	return true;
}

static bool again_turn(struct tx *tx)
{
	struct turn_row row;

	if (!get_turn(tx, 1, 1, &row))
		return false;
	row.seqs[row.n_seqs] = 1; /* there is room for one that joins */
	put_turn(tx, 1, 1, &row);
	return true;
}

static bool again_event(struct tx *tx)
{
	struct key key = key_number(1);
	struct event_row row;
	struct span value;

	if (!tx_get(tx, T_EVENT, key_span(&key), &value) ||
		!decode_event(tx, value, &row))
		return false;
	put_event(tx, 1, &row);
	return true;
}

static bool again_user(struct tx *tx)
{
	struct user_row row;

	if (!get_user(tx, "b", "u", &row))
		return false;
	put_user(tx, "b", "u", &row);
	return true;
}

static bool again_ready(struct tx *tx)
{
	struct key key = key_ready(0, 1);
	struct ready_row row;
	struct span value;

	if (!tx_get(tx, T_READY, key_span(&key), &value) ||
		!decode_ready(value, &row) || row.created)
		return false;
	put_ready(tx, 1, &row);
	return true;
}

static bool again_lease(struct tx *tx)
{
	struct key key = key_number(1);
	struct lease_row row;
	struct span value;

	if (!tx_get(tx, T_LEASE, key_span(&key), &value) ||
		!decode_lease(tx, value, &row))
		return false;
	put_lease(tx, 1, &row);
	return true;
}

static bool again_receipt(struct tx *tx)
{
	struct key key = key_number(1);
	struct receipt row;

	if (!get_receipt(tx, T_APPEND_ID, key_span(&key), &row))
		return false;
	put_receipt(tx, T_APPEND_ID, key_span(&key), &row);
	return true;
}

static bool again_counters(struct tx *tx)
{
	struct counters row;

	get_counters(tx, &row);
	put_counters(tx, &row);
	return true;
}

static const struct kind {
	enum table table;
	bool (*again)(struct tx *tx);
} kinds[] = {{T_SESSION, again_session}, {T_MESSAGE, again_message},
	{T_TURN, again_turn}, {T_EVENT, again_event}, {T_USER, again_user},
	{T_READY, again_ready}, {T_LEASE, again_lease},
	{T_APPEND_ID, again_receipt}, {T_META, again_counters}};

static struct key key_of(enum table table)
{
	switch (table) {
	case T_MESSAGE:
		return key_message(1, 1);
	case T_USER:
		return key_user("b", "u");
	case T_READY:
		return key_ready(0, 1);
	case T_META:
		return key_text("counters");
	default:
		return key_number(1);
	}
}

/* Those who read from the value itself: it ends where its memory does. */
static void read_in_place(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);
	struct ready_row ready;

	memcpy(copy, data, size);
	decode_ready((struct span){copy, size}, &ready);
	turn_session((struct span){copy, size});
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span first, second;

	if (!size)
		return 0;
	open_once();
	read_in_place(data + 1, size - 1);
	const struct kind *kind = &kinds[data[0] % COUNT(kinds)];
	struct key key = key_of(kind->table);
	struct tx *tx = tx_write(store);

	tx_put(tx, kind->table, key_span(&key),
		(struct span){(const char *)data + 1, size - 1});
	if (kind->again(tx) &&
		tx_get(tx, kind->table, key_span(&key), &first)) {
		char *kept = malloc(first.len);

		memcpy(kept, first.at, first.len);
		first.at = kept;
		assert(kind->again(tx));
		assert(tx_get(tx, kind->table, key_span(&key), &second));
		assert(first.len == second.len);
		assert(!memcmp(first.at, second.at, first.len));
		free(kept);
	}
	tx_end(tx);
	return 0;
}
