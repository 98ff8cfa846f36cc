#include "tests/unit/store_fixture.h"

static const struct span all = {"", 0};

static void assert_span(struct span span, const char *text)
{
	assert_int_equal(span.len, strlen(text));
	assert_memory_equal(span.at, text, span.len);
}

/* --- keys ----------------------------------------------------------------- */

static int compare(const struct key *a, const struct key *b)
{
	size_t len = a->len < b->len ? a->len : b->len;
	int order = memcmp(a->bytes, b->bytes, len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void assert_rising(const struct key *keys, size_t count)
{
	for (size_t i = 0; i + 1 < count; i++)
		if (compare(&keys[i], &keys[i + 1]) >= 0)
			fail_msg("key %zu is not before its successor", i);
}

static void keys_are_in_the_order_of_their_numbers(void **state)
{
	const struct key numbers[] = {key_number(0), key_number(1),
		key_number(255), key_number(256), key_number(1ull << 32),
		key_number(UINT64_MAX)};
	const struct key messages[] = {key_message(1, 1), key_message(1, 2),
		key_message(1, UINT32_MAX), key_message(2, 0),
		key_message(256, 0)};
	const struct key pairs[] = {key_pair(1, 9), key_pair(2, 0),
		key_pair(2, UINT64_MAX), key_pair(3, 0)};
	const struct key ready[] = {key_ready(1795000000000, 9),
		key_ready(1795000000001, 1), key_ready(1795000000001, 2)};

	(void)state;
	assert_rising(numbers, COUNT(numbers));
	assert_rising(messages, COUNT(messages));
	assert_rising(pairs, COUNT(pairs));
	assert_rising(ready, COUNT(ready));
	assert_int_equal(numbers[5].len, 8);
	assert_int_equal(messages[0].len, 12);
}

static void users_and_days_do_not_run_together(void **state)
{
	const struct key days[] = {key_day("a", "bc", "2026-11-22"),
		key_day("a", "bc", "2026-11-23"),
		key_day("a", "bc", "2027-01-01"),
		key_day("a", "bcd", "2026-01-01"),
		key_day("ab", "c", "2026-01-01")};
	struct key prefix = key_user("a", "bc"), end = key_after_all(&prefix);

	(void)state;
	assert_rising(days, COUNT(days));
	for (size_t i = 0; i < COUNT(days); i++)
		assert_int_equal(
			span_has_prefix(key_span(&days[i]), key_span(&prefix)),
			i < 3);
	assert_true(compare(&days[2], &end) < 0);
	assert_true(compare(&end, &days[3]) < 0);
}

static void activity_lies_by_business_state_and_time(void **state)
{
	const struct key keys[] = {
		key_activity("a", ST_ACTIVE, 7, 9),
		key_activity("a", ST_ACTIVE, 8, 1),
		key_activity("a", ST_ACTIVE, 8, 2),
		key_activity("a", ST_RESOLVED, 0, 0),
		key_activity("a", ST_ABANDONED, UINT64_MAX, UINT64_MAX),
		key_activity("ab", ST_ACTIVE, 0, 0),
	};
	struct key prefix = key_activity_prefix("a", ST_ACTIVE);
	struct key end = key_after_all(&prefix);

	(void)state;
	assert_rising(keys, COUNT(keys));
	for (size_t i = 0; i < COUNT(keys); i++)
		assert_int_equal(
			span_has_prefix(key_span(&keys[i]), key_span(&prefix)),
			i < 3);
	assert_true(compare(&keys[2], &end) < 0);
	assert_true(compare(&end, &keys[3]) < 0);
}

static void the_longest_ids_fit_into_a_key(void **state)
{
	char business[65], user[ID_MAX + 1];
	struct key day, client;

	(void)state;
	memset(business, 'b', 64);
	memset(user, 'u', ID_MAX);
	business[64] = user[ID_MAX] = 0;
	day = key_day(business, user, "2026-11-22");
	assert_int_equal(day.len, 65 + 129 + 11);
	day = key_after_all(&day);
	client = key_client(1, user);
	client = key_client_expiry(1, key_span(&client));
	assert_int_equal(client.len, 8 + 8 + ID_MAX);
}

static void numbers_are_read_where_they_are_and_nowhere_else(void **state)
{
	const struct span bytes = {"\x01\x02\x03\x04\x05\x06\x07\x08\xff", 9};

	(void)state;
	assert_int_equal(span_u64(bytes, 0), 0x0102030405060708);
	assert_int_equal(span_u64(bytes, 1), 0x02030405060708ff);
	assert_int_equal(span_u64(bytes, 2), 0);
	assert_int_equal(span_u32(bytes, 5), 0x060708ff);
	assert_int_equal(span_u32(bytes, 6), 0);
	assert_int_equal(span_u32(all, 0), 0);
}

static void a_turns_name_leads_back_to_it(void **state)
{
	static const char *const others[] = {"", "t", "t1", "t1-", "t1-2x",
		" t1-2", "t 1-2", "t01-2", "t+1-2", "t1-+2", "T1-2", "t1-2-3",
		"tg-1", "t0x1-2", "t11111111111111111-2"};
	static const struct {
		uint64_t session, turn;
		const char *name;
	} names[] = {{1, 2, "t1-2"}, {255, 4096, "tff-1000"}};
	char name[TURN_NAME_SIZE];
	uint64_t session, turn;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		turn_name(name, names[i].session, names[i].turn);
		assert_string_equal(name, names[i].name);
		assert_true(turn_from_name(name, &session, &turn));
		assert_int_equal(session, names[i].session);
		assert_int_equal(turn, names[i].turn);
	}
	turn_name(name, UINT64_MAX, UINT64_MAX);
	assert_true(turn_from_name(name, &session, &turn));
	for (size_t i = 0; i < COUNT(others); i++)
		if (turn_from_name(others[i], &session, &turn))
			fail_msg("\"%s\" passes for a turn", others[i]);
}

static void a_leases_name_leads_back_to_it(void **state)
{
	static const char *const others[] = {"", "0", "01", "-1", "+1", " 1",
		"1 ", "1x", "99999999999999999999999"};
	char name[24];

	(void)state;
	lease_name(name, 4711);
	assert_string_equal(name, "4711");
	assert_int_equal(lease_from_name(name), 4711);
	lease_name(name, UINT64_MAX - 1);
	assert_int_equal(lease_from_name(name), UINT64_MAX - 1);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(lease_from_name(others[i]), 0);
}

/* --- records, there and back ---------------------------------------------- */

static struct session_row a_session(void)
{
	return (struct session_row){.id = "s-1",
		.business = "B1",
		.user = "ana",
		.location = "L1",
		.day = "2026-11-22",
		.type = "medical",
		.status = ST_RESOLVED,
		.created = 1795000000000,
		.updated = 1795000600000,
		.last_message = 1795000300000,
		.last_timestamp = 1795000600000,
		.last_seq = 7,
		.last_user_seq = 6,
		.rev = 11,
		.user_no = 3};
}

static void assert_session(
	const struct session_row *a, const struct session_row *b)
{
	assert_string_equal(a->id, b->id);
	assert_string_equal(a->business, b->business);
	assert_string_equal(a->user, b->user);
	assert_string_equal(a->location, b->location);
	assert_string_equal(a->day, b->day);
	assert_string_equal(a->type, b->type);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->created, b->created);
	assert_int_equal(a->updated, b->updated);
	assert_int_equal(a->last_message, b->last_message);
	assert_int_equal(a->last_timestamp, b->last_timestamp);
	assert_int_equal(a->last_seq, b->last_seq);
	assert_int_equal(a->last_user_seq, b->last_user_seq);
	assert_int_equal(a->rev, b->rev);
	assert_int_equal(a->user_no, b->user_no);
	assert_int_equal(a->activity_minute, b->activity_minute);
	assert_int_equal(a->retention_minute, b->retention_minute);
}

static bool has(struct tx *tx, enum table table, struct key key)
{
	struct span value;

	return tx_get(tx, table, key_span(&key), &value);
}

static void a_session_is_found_by_all_that_names_it(void **state)
{
	struct tx *tx = tx_write(store);
	struct session_row row = a_session(), back;

	(void)state;
	put_session(tx, 5, &row, NULL);
	assert_true(get_session(tx, 5, &back));
	assert_session(&back, &row);
	assert_int_equal(row.activity_minute, 1795000300000 / 60000);
	assert_int_equal(find_session(tx, "s-1"), 5);
	assert_true(session_id_used(tx, "s-1"));
	assert_int_equal(find_session(tx, "s-2"), 0);
	assert_int_equal(find_session(tx, ""), 0);
	assert_false(get_session(tx, 6, &back));
	assert_int_equal(find_day(tx, "B1", "ana", "2026-11-22"), 5);
	assert_int_equal(find_day(tx, "B1", "ana", "2026-11-23"), 0);
	assert_true(has(tx, T_ACTIVITY,
		key_activity("B1", ST_RESOLVED, row.activity_minute, 5)));
	assert_true(has(tx, T_RETENTION,
		key_retention(ST_RESOLVED, row.retention_minute, 5)));
	commit(tx);
}

static void a_sessions_place_in_the_lists_moves_with_it(void **state)
{
	struct tx *tx = tx_write(store);
	struct session_row row = a_session(), was;

	(void)state;
	put_session(tx, 5, &row, NULL);
	was = row;
	row.status = ST_ACTIVE;
	put_session(tx, 5, &row, &was);
	was = row;
	row.updated = row.last_message = 1795000900000;
	put_session(tx, 5, &row, &was);
	assert_int_equal(tx_rows(tx, T_ACTIVITY), 1);
	assert_int_equal(tx_rows(tx, T_RETENTION), 1);
	assert_true(has(tx, T_ACTIVITY,
		key_activity("B1", ST_ACTIVE, 1795000900000 / 60000, 5)));
	assert_true(has(tx, T_RETENTION,
		key_retention(ST_ACTIVE, 1795000900000 / 60000, 5)));
	commit(tx);
}

static const char *const replies[] = {"m-0", "m-1"};

static struct message_row a_message(void)
{
	return (struct message_row){.type = MSG_AGENT,
		.source = SRC_CRON,
		.timestamp = 1795000000001,
		.client_timestamp = 1795000000000,
		.id = "m-2",
		.content = "Bună ziua\n\"",
		.author = "agent",
		.client_message_id = "c-1",
		.external_id = "e-1",
		.kind = "fallback",
		.turn = 9,
		.sources = {"[1]", 3},
		.actions = {"[2,3]", 5},
		.metadata = {"{}", 2},
		.partial = true,
		.in_reply_to = (const char **)replies,
		.n_in_reply_to = 2};
}

static void a_message_comes_back_as_it_was(void **state)
{
	struct tx *tx = tx_write(store);
	struct message_row row = a_message(), back;
	struct message_head head;
	uint64_t session;
	uint32_t seq;

	(void)state;
	put_message(tx, 5, 3, &row);
	assert_true(get_message(tx, 5, 3, &back));
	assert_int_equal(back.type, row.type);
	assert_int_equal(back.source, row.source);
	assert_int_equal(back.timestamp, row.timestamp);
	assert_int_equal(back.client_timestamp, row.client_timestamp);
	assert_string_equal(back.id, row.id);
	assert_string_equal(back.content, row.content);
	assert_string_equal(back.author, row.author);
	assert_string_equal(back.client_message_id, row.client_message_id);
	assert_string_equal(back.external_id, row.external_id);
	assert_string_equal(back.kind, row.kind);
	assert_int_equal(back.turn, row.turn);
	assert_span(back.sources, "[1]");
	assert_span(back.actions, "[2,3]");
	assert_span(back.metadata, "{}");
	assert_true(back.partial);
	assert_int_equal(back.n_in_reply_to, 2);
	assert_string_equal(back.in_reply_to[0], "m-0");
	assert_string_equal(back.in_reply_to[1], "m-1");
	assert_true(find_message(tx, "m-2", &session, &seq));
	assert_int_equal(session, 5);
	assert_int_equal(seq, 3);
	assert_false(find_message(tx, "m-3", &session, &seq));
	assert_true(peek_message(tx, 5, 3, &head));
	assert_int_equal(head.type, row.type);
	assert_int_equal(head.timestamp, row.timestamp);
	assert_int_equal(head.turn, row.turn);
	assert_false(peek_message(tx, 5, 4, &head));
	commit(tx);
}

static void what_a_message_does_not_have_comes_back_empty(void **state)
{
	struct tx *tx = tx_write(store);
	struct message_row row = {.id = "m", .content = "", .author = "ana"};
	struct message_row back;

	(void)state;
	put_message(tx, 1, 1, &row);
	assert_true(get_message(tx, 1, 1, &back));
	assert_string_equal(back.content, "");
	assert_string_equal(back.kind, "");
	assert_string_equal(back.client_message_id, "");
	assert_int_equal(back.metadata.len, 0);
	assert_int_equal(back.n_in_reply_to, 0);
	commit(tx);
}

static struct turn_row a_turn(void)
{
	static uint32_t seqs[] = {2, 3, 70000};

	return (struct turn_row){.user_no = 3,
		.state = TURN_CANCELLED,
		.created = 1795000000000,
		.not_before = 1795000001000,
		.ended = 1795000002000,
		.lease = 17,
		.attempts = 2,
		.counted = true,
		.answer_seq = 4,
		.reason = "user",
		.trace = "a-1",
		.usage = {"{\"in\":1}", 8},
		.seqs = seqs,
		.n_seqs = 3};
}

static void a_turn_comes_back_as_it_was_to_its_session_only(void **state)
{
	struct tx *tx = tx_write(store);
	struct turn_row row = a_turn(), back;
	struct key key = key_number(9);
	struct span value;

	(void)state;
	put_turn(tx, 5, 9, &row);
	assert_true(get_turn(tx, 5, 9, &back));
	assert_int_equal(back.user_no, row.user_no);
	assert_int_equal(back.state, row.state);
	assert_int_equal(back.created, row.created);
	assert_int_equal(back.not_before, row.not_before);
	assert_int_equal(back.ended, row.ended);
	assert_int_equal(back.lease, row.lease);
	assert_int_equal(back.attempts, row.attempts);
	assert_true(back.counted);
	assert_int_equal(back.answer_seq, row.answer_seq);
	assert_string_equal(back.reason, row.reason);
	assert_string_equal(back.trace, row.trace);
	assert_span(back.usage, "{\"in\":1}");
	assert_int_equal(back.n_seqs, 3);
	assert_memory_equal(back.seqs, row.seqs, 3 * sizeof(*row.seqs));
	back.seqs[3] = 1; /* there is room for one that joins */
	assert_false(get_turn(tx, 6, 9, &back));
	assert_false(get_turn(tx, 5, 8, &back));
	assert_true(tx_get(tx, T_TURN, key_span(&key), &value));
	assert_int_equal(turn_session(value), 5);
	commit(tx);
}

static void a_user_comes_back_as_it_was(void **state)
{
	struct tx *tx = tx_write(store);
	struct user_row back, row = {.no = 3,
				      .handler = HANDLER_PERSON,
				      .session = 5,
				      .by = "coordinator:c"};

	(void)state;
	put_user(tx, "B1", "ana", &row);
	assert_true(get_user(tx, "B1", "ana", &back));
	assert_int_equal(back.no, 3);
	assert_int_equal(back.handler, HANDLER_PERSON);
	assert_int_equal(back.session, 5);
	assert_string_equal(back.by, "coordinator:c");
	assert_false(get_user(tx, "B1", "an", &back));
	commit(tx);
}

static void a_ready_turn_and_a_lease_come_back_as_they_were(void **state)
{
	struct tx *tx = tx_write(store);
	const struct ready_row ready = {5, 3, 1795000000000, 1795000001000};
	const struct lease_row lease = {.session = 5,
		.user_no = 3,
		.lease = 17,
		.created = 1795000000000,
		.agent = "agent-1",
		.boot = "b-1",
		.business = "B1",
		.user = "ana",
		.session_id = "s-1"};
	struct key ready_key = key_ready(ready.created, 9), key = key_number(9);
	struct ready_row ready_back;
	struct lease_row back;
	struct span value;

	(void)state;
	put_ready(tx, 9, &ready);
	put_lease(tx, 9, &lease);
	assert_true(tx_get(tx, T_READY, key_span(&ready_key), &value));
	assert_true(decode_ready(value, &ready_back));
	assert_memory_equal(&ready_back, &ready, sizeof(ready));
	assert_true(tx_get(tx, T_LEASE, key_span(&key), &value));
	assert_true(decode_lease(tx, value, &back));
	assert_int_equal(back.session, 5);
	assert_int_equal(back.user_no, 3);
	assert_int_equal(back.lease, 17);
	assert_int_equal(back.created, 1795000000000);
	assert_string_equal(back.agent, "agent-1");
	assert_string_equal(back.boot, "b-1");
	assert_string_equal(back.business, "B1");
	assert_string_equal(back.user, "ana");
	assert_string_equal(back.session_id, "s-1");
	commit(tx);
}

static void a_receipt_comes_back_as_it_was(void **state)
{
	struct tx *tx = tx_write(store);
	const struct receipt row = {.at = 1795000000000,
		.hash = UINT64_MAX,
		.seq = 3,
		.timestamp = 1795000000001,
		.session = 5,
		.turn = 9,
		.session_id = "s-1",
		.message_id = "m-1"};
	struct receipt back;

	(void)state;
	put_receipt(tx, T_APPEND_ID, span_of("a-1"), &row);
	assert_true(get_receipt(tx, T_APPEND_ID, span_of("a-1"), &back));
	assert_int_equal(back.at, row.at);
	assert_int_equal(back.hash, row.hash);
	assert_int_equal(back.seq, row.seq);
	assert_int_equal(back.timestamp, row.timestamp);
	assert_int_equal(back.session, row.session);
	assert_int_equal(back.turn, row.turn);
	assert_string_equal(back.session_id, "s-1");
	assert_string_equal(back.message_id, "m-1");
	assert_false(get_receipt(tx, T_CLIENT_ID, span_of("a-1"), &back));
	commit(tx);
}

static void counters_come_back_as_they_were_and_begin_at_zero(void **state)
{
	struct tx *tx = tx_write(store);
	const struct counters row = {1, 2, 3, 4, 5, 1795000000000};
	struct counters back = row;

	(void)state;
	get_counters(tx, &back);
	assert_int_equal(back.n, 0);
	assert_int_equal(back.session, 0);
	put_counters(tx, &row);
	get_counters(tx, &back);
	assert_memory_equal(&back, &row, sizeof(row));
	commit(tx);
}

static struct event_row an_event(enum event kind)
{
	struct event_row event = {.kind = kind,
		.at = 1795000000000,
		.session = 5,
		.turn = 9,
		.seq = 3,
		.append_id = "a-1"};

	if (kind == EV_SESSION || kind == EV_HANDLER) {
		event.snapshot = a_session();
		event.previous = "active";
		event.reason = "rollover";
		event.by = "system";
	}
	return event;
}

static void an_event_comes_back_as_it_was(void **state)
{
	struct tx *tx = tx_write(store);

	(void)state;
	for (int kind = EV_MESSAGE; kind <= EV_HANDLER; kind++) {
		struct event_row row = an_event((enum event)kind), back;
		struct key key = key_number((uint64_t)kind + 1);
		struct span value;

		put_event(tx, (uint64_t)kind + 1, &row);
		assert_true(tx_get(tx, T_EVENT, key_span(&key), &value));
		assert_true(decode_event(tx, value, &back));
		assert_int_equal(back.kind, kind);
		assert_int_equal(back.at, row.at);
		assert_int_equal(back.session, row.session);
		assert_int_equal(back.turn, row.turn);
		assert_int_equal(back.seq, row.seq);
		assert_string_equal(back.append_id, row.append_id);
		if (kind != EV_SESSION && kind != EV_HANDLER)
			continue;
		assert_string_equal(back.previous, row.previous);
		assert_string_equal(back.reason, row.reason);
		assert_string_equal(back.by, row.by);
		assert_session(&back.snapshot, &row.snapshot);
	}
	commit(tx);
}

/* --- records that are not whole ------------------------------------------- */

/* Puts one record of each kind under the number 1, or what stands for it. */
static void put_one_of_each(struct tx *tx)
{
	struct session_row session = a_session();
	struct message_row message = a_message();
	struct turn_row turn = a_turn();
	struct event_row event = an_event(EV_SESSION);
	struct user_row user = {.no = 3, .by = "x"};
	struct ready_row ready = {5, 3, 1, 2};
	struct lease_row lease = {.agent = "a",
		.boot = "b",
		.business = "B1",
		.user = "ana",
		.session_id = "s-1"};
	struct receipt receipt = {.session_id = "s-1", .message_id = "m-1"};
	struct key key = key_number(1);

	put_session(tx, 1, &session, NULL);
	put_message(tx, 1, 1, &message);
	put_turn(tx, 1, 1, &turn);
	put_event(tx, 1, &event);
	put_user(tx, "B1", "ana", &user);
	put_ready(tx, 1, &ready);
	put_lease(tx, 1, &lease);
	put_receipt(tx, T_APPEND_ID, key_span(&key), &receipt);
}

/* True if the record of a table under `key` can be read. */
static bool reads(struct tx *tx, enum table table, struct span key)
{
	struct session_row session;
	struct message_row message;
	struct message_head head;
	struct turn_row turn;
	struct event_row event;
	struct user_row user;
	struct ready_row ready;
	struct lease_row lease;
	struct receipt receipt;
	struct span value;

	if (!tx_get(tx, table, key, &value))
		return false;
	switch (table) {
	case T_SESSION:
		return get_session(tx, 1, &session);
	case T_MESSAGE:
		/* The head may be whole where the rest is not. */
		return get_message(tx, 1, 1, &message) &&
		       peek_message(tx, 1, 1, &head);
	case T_TURN:
		return get_turn(tx, 1, 1, &turn) && turn_session(value) == 1;
	case T_EVENT:
		return decode_event(tx, value, &event);
	case T_USER:
		return get_user(tx, "B1", "ana", &user);
	case T_READY:
		return decode_ready(value, &ready);
	case T_LEASE:
		return decode_lease(tx, value, &lease);
	case T_APPEND_ID:
		return get_receipt(tx, T_APPEND_ID, key, &receipt);
	default:
		return false;
	}
}

static const enum table recorded[] = {T_SESSION, T_MESSAGE, T_TURN, T_EVENT,
	T_USER, T_READY, T_LEASE, T_APPEND_ID};

/* Copies the first row of a table into memory of its own. */
static void first_row(
	struct tx *tx, enum table table, struct span *key, struct span *value)
{
	struct cursor cursor;

	cursor_open(&cursor, tx, table);
	assert_true(cursor_seek(&cursor, all));
	*key = (struct span){
		xstrndup(cursor.key.at, cursor.key.len), cursor.key.len};
	*value = (struct span){
		xstrndup(cursor.value.at, cursor.value.len), cursor.value.len};
	cursor_close(&cursor);
}

static void a_record_that_is_cut_off_is_refused_wherever_it_is_cut(void **state)
{
	struct tx *tx = tx_write(store);

	(void)state;
	put_one_of_each(tx);
	for (size_t t = 0; t < COUNT(recorded); t++) {
		struct span key, value;

		first_row(tx, recorded[t], &key, &value);
		assert_true(reads(tx, recorded[t], key));
		for (size_t len = 0; len < value.len; len++) {
			tx_put(tx, recorded[t], key,
				(struct span){value.at, len});
			if (reads(tx, recorded[t], key))
				fail_msg("table %d: %zu of %zu bytes pass",
					recorded[t], len, value.len);
		}
		/* What a later version adds at the end does not matter. */
		char *longer = xalloc(value.len + 5);
		memcpy(longer, value.at, value.len);
		tx_put(tx, recorded[t], key,
			(struct span){longer, value.len + 5});
		assert_true(reads(tx, recorded[t], key));
		free(longer);
		free((char *)key.at);
		free((char *)value.at);
	}
	commit(tx);
}

static void a_record_of_another_version_is_refused(void **state)
{
	struct tx *tx = tx_write(store);

	(void)state;
	put_one_of_each(tx);
	for (size_t t = 0; t < COUNT(recorded); t++) {
		struct span key, value;

		first_row(tx, recorded[t], &key, &value);
		((char *)value.at)[0]++;
		tx_put(tx, recorded[t], key, value);
		assert_false(reads(tx, recorded[t], key));
		free((char *)key.at);
		free((char *)value.at);
	}
	commit(tx);
}

/* No byte can lead a decoder out of the record: sanitizers watch. */
static void a_record_with_a_wrong_byte_is_read_within_its_bounds(void **state)
{
	struct tx *tx = tx_write(store);

	(void)state;
	put_one_of_each(tx);
	for (size_t t = 0; t < COUNT(recorded); t++) {
		struct span key, value;

		first_row(tx, recorded[t], &key, &value);
		for (size_t i = 0; i < value.len; i++) {
			char *byte = (char *)value.at + i, was = *byte;

			*byte = (char)0xff;
			tx_put(tx, recorded[t], key, value);
			reads(tx, recorded[t], key);
			*byte = was;
		}
		free((char *)key.at);
		free((char *)value.at);
	}
	commit(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_in_the_order_of_their_numbers),
		cmocka_unit_test(users_and_days_do_not_run_together),
		cmocka_unit_test(activity_lies_by_business_state_and_time),
		cmocka_unit_test(the_longest_ids_fit_into_a_key),
		cmocka_unit_test(
			numbers_are_read_where_they_are_and_nowhere_else),
		cmocka_unit_test(a_turns_name_leads_back_to_it),
		cmocka_unit_test(a_leases_name_leads_back_to_it),
		with_store(a_session_is_found_by_all_that_names_it),
		with_store(a_sessions_place_in_the_lists_moves_with_it),
		with_store(a_message_comes_back_as_it_was),
		with_store(what_a_message_does_not_have_comes_back_empty),
		with_store(a_turn_comes_back_as_it_was_to_its_session_only),
		with_store(a_user_comes_back_as_it_was),
		with_store(a_ready_turn_and_a_lease_come_back_as_they_were),
		with_store(a_receipt_comes_back_as_it_was),
		with_store(counters_come_back_as_they_were_and_begin_at_zero),
		with_store(an_event_comes_back_as_it_was),
		with_store(
			a_record_that_is_cut_off_is_refused_wherever_it_is_cut),
		with_store(a_record_of_another_version_is_refused),
		with_store(
			a_record_with_a_wrong_byte_is_read_within_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
