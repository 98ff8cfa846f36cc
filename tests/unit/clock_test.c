#include "shared/clock.h"
#include "shared/mem.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void times_are_written_in_utc_with_milliseconds(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-5, "1970-01-01T00:00:00.000Z"},
		{1795356309123, "2026-11-22T14:05:09.123Z"},
		{951782400007, "2000-02-29T00:00:00.007Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
	};
	char text[ISO_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		clock_iso(text, cases[i].ms);
		assert_string_equal(text, cases[i].text);
	}
}

static void times_are_read_with_any_offset_and_decimals(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-11-22T14:05:09.123Z", 1795356309123},
		{"2026-11-22t14:05:09.1z", 1795356309100},
		{"2026-11-22T14:05:09.123999999Z", 1795356309123},
		{"2026-11-22T16:05:09.123+02:00", 1795356309123},
		{"2026-11-22T09:35:09.123-04:30", 1795356309123},
		{"1969-12-31T23:30:00-01:00", 1800000},
		{"2024-02-29T00:00:00Z", 1709164800000},
		{"2016-12-31T23:59:60Z", 1483228800000},
		{"9999-12-31T23:59:59.999Z", 253402300799999},
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(clock_parse_iso(cases[i].text, &ms));
		assert_int_equal(ms, cases[i].ms);
	}
}

static void what_is_not_a_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"now",
		"2026-11-22",
		"2026-11-22T14:05:09",
		"2026-11-22T14:05Z",
		"2026-11-22 14:05:09Z",
		"2026-13-22T14:05:09Z",
		"2026-00-22T14:05:09Z",
		"2026-02-30T14:05:09Z",
		"2025-02-29T14:05:09Z",
		"2100-02-29T14:05:09Z",
		"2026-04-31T14:05:09Z",
		"2026-11-00T14:05:09Z",
		"2026-11-22T24:05:09Z",
		"2026-11-22T14:60:09Z",
		"2026-11-22T14:05:61Z",
		"2026-11-22T14:05:09.Z",
		"2026-11-22T14:05:09.1234567890Z",
		"2026-11-22T14:05:09Zx",
		"2026-11-22T14:05:09+0200",
		"2026-11-22T14:05:09+02:00 ",
		"2026-11-22T14:05:09+24:00",
		" 2026-11-22T14:05:09Z",
		"1969-12-31T23:59:59Z",
		"9999-12-31T23:59:59-00:01",
		"-026-11-22T14:05:09Z",
	};
	int64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (clock_parse_iso(bad[i], &ms))
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(ms, 7);
}

static void what_is_written_is_read_back(void **state)
{
	char text[ISO_SIZE];
	int64_t ms, back;

	(void)state;
	for (ms = 999; ms < INT64_C(253402300799999); ms += 86399999999) {
		clock_iso(text, ms);
		assert_true(clock_parse_iso(text, &back));
		assert_int_equal(back, ms);
	}
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono_ms();

		assert_true(now >= before);
		before = now;
	}
}

static void the_offset_file_moves_the_wall_clock_at_once(void **state)
{
	char path[] = "/tmp/clock_test.XXXXXX";
	int fd = mkstemp(path);
	unsigned char day[8] = {0x00, 0x5c, 0x26, 0x05}; /* 86,400,000 ms */
	unsigned char none[8] = {0};
	int64_t before, moved;

	(void)state;
	assert_int_equal(write(fd, none, 8), 8);
	before = clock_wall_ms();
	clock_open(path);
	assert_in_range(clock_wall_ms() - before, 0, 3600000);
	assert_int_equal(pwrite(fd, day, 8, 0), 8);
	moved = clock_wall_ms() - before;
	assert_in_range(moved, 86400000, 86400000 + 3600000);
	assert_int_equal(pwrite(fd, none, 8, 0), 8);
	assert_in_range(clock_wall_ms() - before, 0, 3600000);
	close(fd);
	unlink(path);
}

static void fresh_uuids_are_version_4_and_differ(void **state)
{
	char one[UUID_SIZE], two[UUID_SIZE];

	(void)state;
	uuid_fresh(one);
	uuid_fresh(two);
	assert_true(uuid_valid(one));
	assert_int_equal(one[14], '4');
	assert_string_not_equal(one, two);
	for (int i = 0; one[i]; i++)
		assert_false(one[i] >= 'A' && one[i] <= 'F');
}

static void timed_uuids_stand_in_the_order_of_time(void **state)
{
	char last[UUID_SIZE] = "", id[UUID_SIZE], other[UUID_SIZE];

	(void)state;
	for (int64_t ms = 1795000000000; ms < 1795000000400; ms++) {
		for (uint64_t count = 0xffe00; count < 0xffe03; count++) {
			uuid_timed(id, ms, count);
			assert_true(uuid_valid(id));
			assert_int_equal(id[14], '7');
			assert_non_null(strchr("89ab", id[19]));
			assert_true(strcmp(last, id) < 0);
			strcpy(last, id);
		}
	}
	uuid_timed(id, 0x0123456789ab, 0xfffcde);
	assert_memory_equal(id, "01234567-89ab-7cde-", 19);
	uuid_timed(other, 0x0123456789ab, 0xfffcde);
	assert_string_not_equal(id, other);
}

static void only_the_canonical_shape_is_a_uuid(void **state)
{
	(void)state;
	assert_true(uuid_valid("7f3a2b1c-1111-4222-8333-123456789abc"));
	assert_true(uuid_valid("7F3A2B1C-1111-1222-8333-123456789ABC"));
	assert_false(uuid_valid(""));
	assert_false(uuid_valid("7f3a2b1c-1111-4222-8333-123456789ab"));
	assert_false(uuid_valid("7f3a2b1c-1111-4222-8333-123456789abcd"));
	assert_false(uuid_valid("7f3a2b1c-1111-4222-8333-123456789abg"));
	assert_false(uuid_valid("7f3a2b1c11114222833312345678-9abcabcd"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
		cmocka_unit_test(times_are_read_with_any_offset_and_decimals),
		cmocka_unit_test(what_is_not_a_time_is_refused),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(the_monotonic_clock_does_not_go_back),
		cmocka_unit_test(the_offset_file_moves_the_wall_clock_at_once),
		cmocka_unit_test(fresh_uuids_are_version_4_and_differ),
		cmocka_unit_test(timed_uuids_stand_in_the_order_of_time),
		cmocka_unit_test(only_the_canonical_shape_is_a_uuid),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
