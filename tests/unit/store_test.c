#include "tests/unit/store_fixture.h"

static const struct span all = {"", 0};

static void put(struct tx *tx, const char *key, const char *value)
{
	tx_put(tx, T_META, span_of(key), span_of(value));
}

/* The table META with the keys a, c, e, and no others. */
static void fill(void)
{
	struct tx *tx = tx_write(store);

	tx_del(tx, T_META, span_of("schema"));
	put(tx, "c", "three");
	put(tx, "a", "one");
	put(tx, "e", "five");
	commit(tx);
}

static void assert_at(const struct cursor *cursor, const char *key)
{
	assert_true(cursor->valid);
	assert_int_equal(cursor->key.len, strlen(key));
	assert_memory_equal(cursor->key.at, key, strlen(key));
}

static void what_is_committed_is_there_what_is_aborted_is_not(void **state)
{
	struct span value;
	struct tx *tx = tx_write(store);

	(void)state;
	assert_false(tx_dirty(tx));
	put(tx, "kept", "yes");
	assert_true(tx_dirty(tx));
	assert_true(tx_get(tx, T_META, span_of("kept"), &value));
	commit(tx);
	tx = tx_write(store);
	put(tx, "lost", "yes");
	tx_end(tx);
	store_reopen();
	tx = tx_read(store);
	assert_true(tx_get(tx, T_META, span_of("kept"), &value));
	assert_int_equal(value.len, 3);
	assert_false(tx_get(tx, T_META, span_of("lost"), &value));
	assert_false(tx_failed(tx));
	tx_end(tx);
}

static void a_reader_sees_the_store_as_it_was_when_it_began(void **state)
{
	struct span value;
	struct tx *reader = tx_read(store), *writer = tx_write(store);

	(void)state;
	put(writer, "new", "yes");
	commit(writer);
	assert_false(tx_get(reader, T_META, span_of("new"), &value));
	tx_end(reader);
	reader = tx_read(store);
	assert_true(tx_get(reader, T_META, span_of("new"), &value));
	tx_end(reader);
}

static void a_cursor_seeks_to_the_first_key_not_less(void **state)
{
	static const struct {
		const char *from, *first;
	} cases[] = {{"", "a"}, {"a", "a"}, {"b", "c"}, {"e", "e"}, {"f", NULL},
		{"a\x01", "c"}};
	struct cursor cursor;
	struct tx *tx;

	(void)state;
	fill();
	tx = tx_read(store);
	cursor_open(&cursor, tx, T_META);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool there = cursor_seek(&cursor, span_of(cases[i].from));

		assert_int_equal(there, cases[i].first != NULL);
		assert_int_equal(cursor.valid, there);
		if (there)
			assert_at(&cursor, cases[i].first);
	}
	cursor_close(&cursor);
	tx_end(tx);
}

static void a_cursor_seeks_to_the_last_key_less(void **state)
{
	static const struct {
		const char *before, *last;
	} cases[] = {{"", "e"}, {"f", "e"}, {"e", "c"}, {"d", "c"}, {"c", "a"},
		{"b", "a"}, {"a", NULL}, {"A", NULL}};
	struct cursor cursor;
	struct tx *tx;

	(void)state;
	fill();
	tx = tx_read(store);
	cursor_open(&cursor, tx, T_META);
	for (size_t i = 0; i < COUNT(cases); i++) {
		bool there =
			cursor_seek_before(&cursor, span_of(cases[i].before));

		assert_int_equal(there, cases[i].last != NULL);
		if (there)
			assert_at(&cursor, cases[i].last);
	}
	cursor_close(&cursor);
	tx_end(tx);
}

static void an_empty_table_has_no_place_for_a_cursor(void **state)
{
	struct cursor cursor;
	struct tx *tx = tx_read(store);

	(void)state;
	cursor_open(&cursor, tx, T_MESSAGE);
	assert_false(cursor_seek(&cursor, all));
	assert_false(cursor_seek(&cursor, span_of("a")));
	assert_false(cursor_seek_before(&cursor, all));
	assert_false(cursor_seek_before(&cursor, span_of("a")));
	assert_false(cursor.valid);
	assert_false(tx_failed(tx));
	cursor_close(&cursor);
	tx_end(tx);
}

static void a_cursor_walks_both_ways_to_the_ends(void **state)
{
	struct cursor cursor;
	struct tx *tx;

	(void)state;
	fill();
	tx = tx_read(store);
	cursor_open(&cursor, tx, T_META);
	assert_true(cursor_seek(&cursor, span_of("c")));
	assert_true(cursor_next(&cursor));
	assert_at(&cursor, "e");
	assert_int_equal(cursor.value.len, 4);
	assert_false(cursor_next(&cursor));
	assert_true(cursor_seek(&cursor, span_of("c")));
	assert_true(cursor_prev(&cursor));
	assert_at(&cursor, "a");
	assert_false(cursor_prev(&cursor));
	cursor_close(&cursor);
	tx_end(tx);
}

static void deleting_while_walking_skips_and_repeats_nothing(void **state)
{
	struct tx *tx = tx_write(store);
	struct cursor cursor;
	int seen = 0, left = 0;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		struct key key = key_number((uint64_t)i);

		tx_put(tx, T_EVENT, key_span(&key), span_of("a long value"));
	}
	commit(tx);
	tx = tx_write(store);
	cursor_open(&cursor, tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, all); more;
		more = cursor_next(&cursor)) {
		assert_int_equal(span_u64(cursor.key, 0), seen);
		/* Another table's writes do not move it. */
		tx_put(tx, T_META, span_of("other"), span_of("x"));
		if (seen++ % 3)
			cursor_del(&cursor);
	}
	cursor_close(&cursor);
	assert_int_equal(seen, 2000);
	commit(tx);
	tx = tx_read(store);
	cursor_open(&cursor, tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, all); more;
		more = cursor_next(&cursor), left++)
		assert_int_equal(span_u64(cursor.key, 0), 3 * left);
	cursor_close(&cursor);
	assert_int_equal(left, 667);
	tx_end(tx);
}

static void after_a_failure_a_transaction_writes_nothing_more(void **state)
{
	struct tx *tx = tx_write(store);
	struct cursor cursor;
	struct span value;

	(void)state;
	put(tx, "before", "yes");
	tx_put(tx, T_META, all, span_of("a key must not be empty"));
	assert_true(tx_failed(tx));
	assert_false(tx_full(tx));
	assert_non_null(strstr(tx_why(tx), "MDB_BAD_VALSIZE"));
	put(tx, "after", "yes");
	tx_del(tx, T_META, span_of("before"));
	cursor_open(&cursor, tx, T_META);
	cursor_close(&cursor);
	tx_end(tx);
	tx = tx_read(store);
	assert_false(tx_get(tx, T_META, span_of("before"), &value));
	assert_false(tx_get(tx, T_META, span_of("after"), &value));
	tx_end(tx);
}

static void deleting_what_is_not_there_is_no_failure(void **state)
{
	struct tx *tx = tx_write(store);

	(void)state;
	tx_del(tx, T_META, span_of("nothing"));
	commit(tx);
}

static void a_full_map_says_so_and_loses_nothing(void **state)
{
	static char value[100000];
	struct tx *tx = tx_write(store);
	struct span found;

	(void)state;
	put(tx, "before", "yes");
	commit(tx);
	assert_true(store_map_percent(store) < 5);
	tx = tx_write(store);
	for (uint64_t i = 0; i < 1000 && !tx_failed(tx); i++) {
		struct key key = key_number(i);

		tx_put(tx, T_EVENT, key_span(&key),
			(struct span){value, sizeof(value)});
	}
	assert_true(tx_failed(tx));
	assert_true(tx_full(tx));
	tx_end(tx);
	tx = tx_read(store);
	assert_true(tx_get(tx, T_META, span_of("before"), &found));
	tx_end(tx);
	tx = tx_write(store);
	put(tx, "after", "yes");
	commit(tx);
}

static void free_pages_inside_the_file_count_as_room(void **state)
{
	static char value[100000];
	struct tx *tx = tx_write(store);
	struct cursor cursor;

	(void)state;
	for (uint64_t i = 0; i < 155; i++) {
		struct key key = key_number(i);

		tx_put(tx, T_EVENT, key_span(&key),
			(struct span){value, sizeof(value)});
	}
	commit(tx);
	assert_in_range(store_map_percent(store), 92, 100);
	tx = tx_write(store);
	cursor_open(&cursor, tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, all); more;
		more = cursor_next(&cursor))
		cursor_del(&cursor);
	cursor_close(&cursor);
	commit(tx);
	assert_in_range(store_map_percent(store), 0, 5);
}

static void what_is_decoded_outlives_the_transaction_in_an_arena(void **state)
{
	struct arena arena = {0};
	struct tx *tx = tx_read_into(store, &arena);
	char *kept = arena_strndup(tx_arena(tx), "kept", 4);

	(void)state;
	tx_end(tx);
	assert_string_equal(kept, "kept");
	arena_clear(&arena);
}

static void a_store_is_held_by_one(void **state)
{
	char why[256];

	(void)state;
	assert_null(store_open(store_dir, STORE_BYTES, why, sizeof(why)));
	assert_non_null(strstr(why, "another sessiond"));
	store_reopen();
}

static void a_smaller_map_than_the_file_is_full_not_broken(void **state)
{
	static char value[100000];
	char why[256];
	struct tx *tx = tx_write(store);
	struct span found;

	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		struct key key = key_number(i);

		tx_put(tx, T_EVENT, key_span(&key),
			(struct span){value, sizeof(value)});
	}
	commit(tx);
	store_close(store);
	store = store_open(store_dir, 1024 * 1024, why, sizeof(why));
	assert_non_null(store);
	assert_in_range(store_map_percent(store), 95, 100);
	tx = tx_read(store);
	assert_true(tx_get(tx, T_META, span_of("schema"), &found));
	tx_end(tx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_store(what_is_committed_is_there_what_is_aborted_is_not),
		with_store(a_reader_sees_the_store_as_it_was_when_it_began),
		with_store(a_cursor_seeks_to_the_first_key_not_less),
		with_store(a_cursor_seeks_to_the_last_key_less),
		with_store(an_empty_table_has_no_place_for_a_cursor),
		with_store(a_cursor_walks_both_ways_to_the_ends),
		with_store(deleting_while_walking_skips_and_repeats_nothing),
		with_store(after_a_failure_a_transaction_writes_nothing_more),
		with_store(deleting_what_is_not_there_is_no_failure),
		with_store(a_full_map_says_so_and_loses_nothing),
		with_store(free_pages_inside_the_file_count_as_room),
		with_store(
			what_is_decoded_outlives_the_transaction_in_an_arena),
		with_store(a_store_is_held_by_one),
		with_store(a_smaller_map_than_the_file_is_full_not_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
