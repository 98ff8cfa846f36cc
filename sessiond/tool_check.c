/* Every reference in the store is followed both ways: a row that points to
 * nothing, and a thing that no row points to, are both found. */
#include "sessiond/tools.h"

#include "sessiond/rows.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRINTED_MAX = 100 };

static const struct span everything = {"", 0};

struct check {
	struct tx *tx;
	struct counters counters;
	struct progress progress;
	uint64_t turns_reached, turns_there; /* from messages; in all */
	uint64_t faults;
};

__attribute__((format(printf, 2, 3))) static void fault(
	struct check *check, const char *format, ...)
{
	va_list args;
	if (check->faults++ >= PRINTED_MAX)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

typedef void row_fn(struct check *check, struct span key, struct span value);

static void each(
	struct check *check, enum table table, const char *what, row_fn *look)
{
	struct cursor cursor;
	check->progress = (struct progress){
		.what = what, .total = tx_rows(check->tx, table)};
	cursor_open(&cursor, check->tx, table);
	for (bool more = cursor_seek(&cursor, everything); more;
		more = cursor_next(&cursor)) {
		look(check, cursor.key, cursor.value);
		progress_step(&check->progress, 1);
		/* What a row was decoded to is not needed for the next. */
		arena_clear(tx_arena(check->tx));
	}
	cursor_close(&cursor);
	progress_end(&check->progress);
	if (tx_failed(check->tx))
		fault(check, "%s: cannot be read: %s", what, tx_why(check->tx));
}

static bool has(struct check *check, enum table table, struct key key)
{
	struct span value;
	return tx_get(check->tx, table, key_span(&key), &value);
}

static bool doomed(struct check *check, uint64_t session)
{
	return has(check, T_DOOMED, key_number(session));
}

/* --- sessions ----------------------------------------------------------- */

/* A long session's messages are decoded one by one into memory of their own,
 * so that the session's stays and theirs goes. */
static struct arena scratch_begin(struct check *check)
{
	struct arena kept = *tx_arena(check->tx);
	*tx_arena(check->tx) = (struct arena){0};
	return kept;
}

static void scratch_end(struct check *check, struct arena kept)
{
	arena_clear(tx_arena(check->tx));
	*tx_arena(check->tx) = kept;
}

/* The messages of a session: seq without holes, times rising. */
static void check_messages(
	struct check *check, uint64_t no, const struct session_row *session)
{
	int64_t last = 0;
	struct message_row row;
	for (uint32_t seq = 1; seq <= session->last_seq; seq++) {
		struct arena kept = scratch_begin(check);
		bool there = get_message(check->tx, no, seq, &row);
		scratch_end(check, kept);
		if (!there) {
			fault(check, "session %s: message %u is missing",
				session->id, seq);
			continue;
		}
		if (row.timestamp <= last)
			fault(check,
				"session %s: the time of message %u is "
				"not after the one before",
				session->id, seq);
		last = row.timestamp;
	}
	if (session->last_seq && last != session->last_timestamp)
		fault(check,
			"session %s: its last time is not that of its "
			"last message",
			session->id);
	if (has(check, T_MESSAGE, key_message(no, session->last_seq + 1)))
		fault(check, "session %s: there are messages after its last",
			session->id);
}

/* Each user's message belongs to exactly one turn, and names the first it was
 * in: these rise, so each turn is looked at once. */
static void check_turns(
	struct check *check, uint64_t no, const struct session_row *session)
{
	unsigned char *covered = xalloc(session->last_seq + 1);
	struct turn_row turn;
	struct message_head head;
	uint64_t last = 0;
	for (uint32_t seq = 1; seq <= session->last_seq; seq++) {
		if (!peek_message(check->tx, no, seq, &head) ||
			head.type != MSG_USER || head.turn == last)
			continue;
		struct arena kept = scratch_begin(check);
		if (head.turn < last ||
			!get_turn(check->tx, no, head.turn, &turn))
			fault(check,
				"session %s: message %u has no turn of its own",
				session->id, seq);
		else
			for (uint32_t i = 0; i < turn.n_seqs; i++)
				if (turn.seqs[i] <= session->last_seq)
					covered[turn.seqs[i]]++;
		scratch_end(check, kept);
		check->turns_reached += head.turn > last;
		last = head.turn;
	}
	for (uint32_t seq = 1; seq <= session->last_seq; seq++) {
		if (!peek_message(check->tx, no, seq, &head))
			continue;
		int want = head.type == MSG_USER;
		if (covered[seq] != want)
			fault(check, "session %s: message %u is in %d turns",
				session->id, seq, covered[seq]);
	}
	free(covered);
}

static void check_session(
	struct check *check, struct span key, struct span value)
{
	uint64_t no = span_u64(key, 0);
	struct session_row row;
	struct user_row user;
	(void)value;
	if (!get_session(check->tx, no, &row)) {
		fault(check, "session number %" PRIu64 " cannot be decoded",
			no);
		return;
	}
	if (no > check->counters.session)
		fault(check, "session %s: its number was never given", row.id);
	if (find_session(check->tx, row.id) != no)
		fault(check, "session %s: its id does not lead to it", row.id);
	if (find_day(check->tx, row.business, row.user, row.day) != no)
		fault(check, "session %s: its day does not lead to it", row.id);
	if (!has(check, T_ACTIVITY,
		    key_activity(row.business, row.status, row.activity_minute,
			    no)) ||
		row.activity_minute != (uint64_t)(row.last_message / 60000))
		fault(check, "session %s: not where its activity says", row.id);
	if (!has(check, T_RETENTION,
		    key_retention(row.status, row.retention_minute, no)) ||
		row.retention_minute != (uint64_t)(row.updated / 60000))
		fault(check, "session %s: not where its age says", row.id);
	if (!get_user(check->tx, row.business, row.user, &user) ||
		user.no != row.user_no)
		fault(check, "session %s: its user is not known", row.id);
	if (doomed(check, no))
		fault(check, "session %s: both there and forgotten", row.id);
	check_messages(check, no, &row);
	check_turns(check, no, &row);
}

static void check_session_id(
	struct check *check, struct span key, struct span value)
{
	uint64_t no = span_u64(value, 0);
	if (no && !has(check, T_SESSION, key_number(no)))
		fault(check, "session id %.*s leads nowhere", (int)key.len,
			key.at);
}

static void check_day(struct check *check, struct span key, struct span value)
{
	struct session_row row;
	struct key should;
	if (get_session(check->tx, span_u64(value, 0), &row)) {
		should = key_day(row.business, row.user, row.day);
		if (should.len == key.len &&
			!memcmp(should.bytes, key.at, key.len))
			return;
	}
	fault(check, "day of %.*s leads to another session", (int)key.len,
		key.at);
}

static void check_user(struct check *check, struct span key, struct span value)
{
	struct user_row row;
	const char *business = key.at;
	const char *user = memchr(key.at, 0, key.len);
	(void)value;
	if (!user || key.at[key.len - 1] ||
		!get_user(check->tx, business, user + 1, &row))
		fault(check, "user %.*s cannot be decoded", (int)key.len,
			key.at);
	else if (row.no > check->counters.user)
		fault(check, "user %s: the number was never given", user + 1);
	else if (row.session && !has(check, T_SESSION, key_number(row.session)))
		fault(check, "user %s: the latest session is not there",
			user + 1);
}

static void check_index(struct check *check, struct span key, size_t state_at)
{
	struct session_row row;
	uint64_t minute = span_u64(key, state_at + 1);
	bool retention = state_at == 0;
	if (!get_session(check->tx, span_u64(key, state_at + 9), &row) ||
		row.status != (enum session_status)key.at[state_at] ||
		minute != (retention ? row.retention_minute
				     : row.activity_minute) ||
		(!retention && strcmp(row.business, key.at) != 0))
		fault(check, "a row of %s leads to a session that is not there",
			retention ? "RETENTION" : "ACTIVITY");
}

static void check_activity(
	struct check *check, struct span key, struct span value)
{
	const char *end = memchr(key.at, 0, key.len);
	(void)value;
	if (end && key.len == (size_t)(end - key.at) + 1 + 17)
		check_index(check, key, (size_t)(end - key.at) + 1);
	else
		fault(check, "a row of ACTIVITY has a malformed key");
}

static void check_retention(
	struct check *check, struct span key, struct span value)
{
	(void)value;
	if (key.len == 17)
		check_index(check, key, 0);
	else
		fault(check, "a row of RETENTION has a malformed key");
}

/* --- messages ----------------------------------------------------------- */

static void check_message(
	struct check *check, struct span key, struct span value)
{
	uint64_t session = span_u64(key, 0), found;
	uint32_t seq = span_u32(key, 8), found_seq;
	struct message_row row;
	(void)value;
	if (!get_message(check->tx, session, seq, &row))
		fault(check,
			"message %u of session number %" PRIu64
			" cannot be decoded",
			seq, session);
	else if (!find_message(check->tx, row.id, &found, &found_seq) ||
		 found != session || found_seq != seq)
		fault(check, "message %s: its id does not lead to it", row.id);
	else if (!has(check, T_SESSION, key_number(session)) &&
		 !doomed(check, session))
		fault(check, "message %s: its session is not there", row.id);
}

static void check_message_id(
	struct check *check, struct span key, struct span value)
{
	struct message_row row;
	if (!get_message(
		    check->tx, span_u64(value, 0), span_u32(value, 8), &row) ||
		strlen(row.id) != key.len || memcmp(row.id, key.at, key.len))
		fault(check, "message id %.*s leads nowhere", (int)key.len,
			key.at);
}

/* --- turns -------------------------------------------------------------- */

static void check_turn(struct check *check, struct span key, struct span value)
{
	uint64_t session = turn_session(value), no = span_u64(key, 0);
	struct turn_row row;
	struct message_row answer;
	if (!get_turn(check->tx, session, no, &row)) {
		fault(check, "turn %" PRIu64 " cannot be decoded", no);
		return;
	}
	if (no > check->counters.turn || row.lease > check->counters.lease)
		fault(check, "turn %" PRIu64 ": a number was never given", no);
	if (doomed(check, session))
		return;
	check->turns_there++;
	if (!has(check, T_SESSION, key_number(session)))
		fault(check, "turn %" PRIu64 ": its session is not there", no);
	bool open = row.state <= TURN_LEASED;
	if (has(check, T_OPEN, key_pair(row.user_no, no)) != open)
		fault(check, "turn %" PRIu64 ": %s, and OPEN says otherwise",
			no, turn_state_name(row.state));
	if (has(check, T_LEASE, key_number(no)) != (row.state == TURN_LEASED))
		fault(check, "turn %" PRIu64 ": %s, and LEASE says otherwise",
			no, turn_state_name(row.state));
	bool answered =
		row.state == TURN_ANSWERED || row.state == TURN_FALLBACK;
	if (answered != (row.answer_seq != 0) && row.state != TURN_CANCELLED)
		fault(check, "turn %" PRIu64 ": %s with answer %u", no,
			turn_state_name(row.state), row.answer_seq);
	if (row.answer_seq &&
		(!get_message(check->tx, session, row.answer_seq, &answer) ||
			answer.type != MSG_AGENT || answer.turn != no))
		fault(check, "turn %" PRIu64 ": its answer is not there", no);
	if (!row.n_seqs && row.state != TURN_SUPERSEDED)
		fault(check, "turn %" PRIu64 ": it covers no message", no);
}

/* Of a user's open turns the oldest is leased or ready, the others neither. */
static void check_open(struct check *check, struct span key, struct span value)
{
	uint64_t user = span_u64(key, 0), no = span_u64(key, 8);
	struct turn_row row;
	struct key first = key_number(user);
	struct cursor cursor;
	if (!get_turn(check->tx, span_u64(value, 0), no, &row) ||
		row.state > TURN_LEASED || row.user_no != user) {
		fault(check, "open turn %" PRIu64 " is not open", no);
		return;
	}
	cursor_open(&cursor, check->tx, T_OPEN);
	bool oldest = cursor_seek(&cursor, key_span(&first)) &&
		      span_u64(cursor.key, 8) == no;
	cursor_close(&cursor);
	bool at_work = has(check, T_READY, key_ready(row.created, no)) ||
		       row.state == TURN_LEASED;
	if (oldest != at_work)
		fault(check, "open turn %" PRIu64 ": %s", no,
			oldest ? "its user's oldest, yet nobody can claim it"
			       : "not its user's oldest, yet claimable");
}

static void check_ready(struct check *check, struct span key, struct span value)
{
	struct ready_row row;
	uint64_t no = span_u64(key, 8);
	if (!decode_ready(value, &row) ||
		!has(check, T_OPEN, key_pair(row.user_no, no)))
		fault(check, "ready turn %" PRIu64 " is not open", no);
}

static void check_lease(struct check *check, struct span key, struct span value)
{
	struct lease_row row;
	struct turn_row turn;
	uint64_t no = span_u64(key, 0);
	if (!decode_lease(check->tx, value, &row) ||
		!get_turn(check->tx, row.session, no, &turn) ||
		turn.state != TURN_LEASED || turn.lease != row.lease)
		fault(check, "lease of turn %" PRIu64 " is not the turn's", no);
}

/* --- events and receipts ---------------------------------------------------
 */

static void check_event(struct check *check, struct span key, struct span value)
{
	struct event_row row;
	uint64_t n = span_u64(key, 0);
	if (!decode_event(check->tx, value, &row))
		fault(check, "event %" PRIu64 " cannot be decoded", n);
	if (n > check->counters.n)
		fault(check, "event %" PRIu64 ": its number was never given",
			n);
	if (n < check->counters.n && !has(check, T_EVENT, key_number(n + 1)))
		fault(check, "event %" PRIu64 " is missing", n + 1);
}

static void check_append_id(
	struct check *check, struct span key, struct span value)
{
	struct receipt receipt;
	(void)value;
	if (!get_receipt(check->tx, T_APPEND_ID, key, &receipt))
		fault(check, "append id %.*s cannot be decoded", (int)key.len,
			key.at);
}

static void check_client_id(
	struct check *check, struct span key, struct span value)
{
	struct receipt receipt;
	(void)value;
	if (!get_receipt(check->tx, T_CLIENT_ID, key, &receipt))
		fault(check, "a client's message id cannot be decoded");
}

static void check_client_expiry(
	struct check *check, struct span key, struct span value)
{
	struct span id = {key.at + 8, key.len - 8}, found;
	(void)value;
	if (key.len <= 8 || !tx_get(check->tx, T_CLIENT_ID, id, &found))
		fault(check, "a client's message id expires, but is not there");
}

static void check_doomed(
	struct check *check, struct span key, struct span value)
{
	(void)value;
	if (has(check, T_SESSION, key_number(span_u64(key, 0))))
		fault(check,
			"session number %" PRIu64 " is forgotten and "
			"there",
			span_u64(key, 0));
}

int tool_check(const char *store_dir)
{
	static const struct {
		enum table table;
		const char *what;
		row_fn *look;
	} looks[] = {
		{T_SESSION, "sessions, their messages", check_session},
		{T_SESSION_ID, "session ids", check_session_id},
		{T_DAY, "days", check_day},
		{T_USER, "users", check_user},
		{T_ACTIVITY, "activity", check_activity},
		{T_RETENTION, "retention", check_retention},
		{T_MESSAGE, "messages", check_message},
		{T_MESSAGE_ID, "message ids", check_message_id},
		{T_TURN, "turns", check_turn},
		{T_OPEN, "open turns", check_open},
		{T_READY, "ready turns", check_ready},
		{T_LEASE, "leases", check_lease},
		{T_EVENT, "events", check_event},
		{T_APPEND_ID, "append ids", check_append_id},
		{T_CLIENT_ID, "client ids", check_client_id},
		{T_CLIENT_EXPIRY, "client ids' ends", check_client_expiry},
		{T_DOOMED, "forgotten sessions", check_doomed},
	};
	char why[256];
	struct store *store = store_open_reader(store_dir, why, sizeof why);
	if (!store) {
		fprintf(stderr, "sessiond: %s\n", why);
		return 1;
	}
	struct check check = {.tx = tx_read(store)};
	uint64_t rows = 0;
	get_counters(check.tx, &check.counters);
	for (size_t i = 0; i < COUNT(looks); i++) {
		rows += tx_rows(check.tx, looks[i].table);
		each(&check, looks[i].table, looks[i].what, looks[i].look);
	}
	if (check.turns_there != check.turns_reached)
		fault(&check,
			"%" PRIu64
			" turns are there, messages lead to %" PRIu64,
			check.turns_there, check.turns_reached);
	if (check.faults > PRINTED_MAX)
		printf("… and %" PRIu64 " more\n", check.faults - PRINTED_MAX);
	printf("%" PRIu64 " rows, %" PRIu64 " faults\n", rows, check.faults);
	tx_end(check.tx);
	store_close(store);
	return check.faults != 0;
}
