#include "shared/clock.h"
#include "shared/days.h"
#include "shared/mem.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t instant(const char *iso)
{
	int64_t ms;

	assert_true(clock_parse_iso(iso, &ms));
	return ms;
}

/* Found with another implementation of the same zone data. */
static const struct {
	const char *zone, *date, *start;
} starts[] = {
	{"Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z"},
	{"Africa/Cairo", "2026-04-25", "2026-04-24T21:00:00Z"},
	{"Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z"},
	{"Africa/Cairo", "2026-10-30", "2026-10-29T22:00:00Z"},
	{"Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"},
	{"Asia/Beirut", "2026-03-30", "2026-03-29T21:00:00Z"},
	{"Asia/Beirut", "2026-10-24", "2026-10-23T21:00:00Z"},
	{"Asia/Beirut", "2026-10-25", "2026-10-24T22:00:00Z"},
	{"America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z"},
	{"America/Santiago", "2026-04-05", "2026-04-05T04:00:00Z"},
	{"America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"},
	{"America/Santiago", "2026-09-07", "2026-09-07T03:00:00Z"},
	{"America/Havana", "2024-03-10", "2024-03-10T05:00:00Z"},
	{"America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"},
	{"America/Havana", "2024-11-04", "2024-11-04T05:00:00Z"},
	{"Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"},
	{"Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"},
	{"Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"},
	{"Europe/Bucharest", "2026-03-29", "2026-03-28T22:00:00Z"},
	{"Europe/Bucharest", "2026-03-30", "2026-03-29T21:00:00Z"},
	{"Europe/Bucharest", "2026-10-25", "2026-10-24T21:00:00Z"},
	{"Europe/Bucharest", "2026-10-26", "2026-10-25T22:00:00Z"},
	{"America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"},
	{"America/New_York", "2026-03-09", "2026-03-09T04:00:00Z"},
	{"America/New_York", "2026-11-01", "2026-11-01T04:00:00Z"},
	{"America/New_York", "2026-11-02", "2026-11-02T05:00:00Z"},
	{"Pacific/Auckland", "2026-04-05", "2026-04-04T11:00:00Z"},
	{"Pacific/Auckland", "2026-04-06", "2026-04-05T12:00:00Z"},
	{"Pacific/Auckland", "2026-09-27", "2026-09-26T12:00:00Z"},
	{"Pacific/Auckland", "2026-09-28", "2026-09-27T11:00:00Z"},
	/* back from 00:01 to 23:01: the 7th begins twice */
	{"America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"},
	{"UTC", "2026-01-01", "2026-01-01T00:00:00Z"},
	{"Nowhere/Atall", "2026-01-01", "2026-01-01T00:00:00Z"},
};

static void a_day_begins_at_the_first_instant_of_its_date(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(starts); i++) {
		int64_t start = 0;

		assert_true(days_start(starts[i].zone, starts[i].date, &start));
		if (start != instant(starts[i].start))
			fail_msg("%s %s", starts[i].zone, starts[i].date);
	}
}

static void the_instant_before_a_day_has_an_earlier_date(void **state)
{
	char date[DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(starts); i++) {
		int64_t start = instant(starts[i].start);

		days_date(date, starts[i].zone, start);
		assert_true(strcmp(date, starts[i].date) >= 0);
		days_date(date, starts[i].zone, start - 1);
		assert_true(strcmp(date, starts[i].date) < 0);
	}
}

static int64_t hours_of(const char *zone, const char *date)
{
	char next[DATE_SIZE];
	int64_t start, end;

	assert_true(days_add(next, date, 1));
	assert_true(days_start(zone, date, &start));
	assert_true(days_start(zone, next, &end));
	return (end - start) / 3600000;
}

static void days_have_as_many_hours_as_they_have(void **state)
{
	(void)state;
	assert_int_equal(hours_of("Africa/Cairo", "2026-04-24"), 23);
	assert_int_equal(hours_of("Africa/Cairo", "2026-10-29"), 25);
	assert_int_equal(hours_of("Asia/Beirut", "2026-03-29"), 23);
	assert_int_equal(hours_of("Asia/Beirut", "2026-10-24"), 25);
	assert_int_equal(hours_of("Europe/Bucharest", "2026-03-29"), 23);
	assert_int_equal(hours_of("Europe/Bucharest", "2026-10-25"), 25);
	assert_int_equal(hours_of("Europe/Bucharest", "2026-07-01"), 24);
	assert_int_equal(hours_of("Pacific/Apia", "2011-12-30"), 0);
}

static void the_local_time_of_an_instant_is_told(void **state)
{
	struct local_time local;

	(void)state;
	days_local("Europe/Bucharest", instant("2026-11-22T22:05:09.999Z"),
		&local);
	assert_int_equal(local.year, 2026);
	assert_int_equal(local.month, 11);
	assert_int_equal(local.day, 23);
	assert_int_equal(local.hour, 0);
	assert_int_equal(local.minute, 5);
	assert_int_equal(local.second, 9);
	assert_int_equal(local.weekday, 1);
	assert_int_equal(local.offset_ms, 2 * 3600000);

	days_local("America/St_Johns", instant("2026-07-05T02:00:00Z"), &local);
	assert_int_equal(local.day, 4);
	assert_int_equal(local.hour, 23);
	assert_int_equal(local.minute, 30);
	assert_int_equal(local.weekday, 6);
	days_local("UTC", instant("2026-11-22T00:00:00Z"), &local);
	assert_int_equal(local.weekday, 7);
}

static void only_names_of_installed_zones_are_known(void **state)
{
	static const char *const good[] = {"Europe/Bucharest", "UTC", "GMT",
		"Etc/GMT+3", "America/Argentina/Buenos_Aires",
		"America/Port-au-Prince"};
	static const char *const bad[] = {"", "Europe/Atlantis", "Europe",
		"../../../etc/passwd", "/usr/share/zoneinfo/UTC",
		"Europe/../UTC", "Europe//Bucharest", "Europe/Bucharest/",
		"Europe/Bucharest ", "UTC+3", "A1", "+03:00", "EST4",
		"zone.tab", "leapseconds", "europe\nbucharest",
		"A/"
		"name_that_is_longer_than_any_name_of_a_zone_may_reasonably_"
		"be"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!days_zone_known(good[i]))
			fail_msg("not known: %s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (days_zone_known(bad[i]))
			fail_msg("known: %s", bad[i]);
	days_open();
}

static void dates_are_checked(void **state)
{
	static const char *const bad[] = {"", "2026", "2026-1-01", "2026-02-30",
		"2025-02-29", "2026-13-01", "2026-00-01", "2026-01-00",
		"2026/01/01", "2026-01-011", "1969-12-31", " 026-01-01",
		"2026-01-1x", "0000-00-00"};
	char date[DATE_SIZE] = "unchanged";
	int64_t start = 7;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(days_valid(bad[i]));
		assert_false(days_add(date, bad[i], 1));
		assert_false(days_start("UTC", bad[i], &start));
		assert_int_equal(days_weekday(bad[i]), 0);
	}
	assert_string_equal(date, "unchanged");
	assert_int_equal(start, 7);
	assert_true(days_valid("1970-01-01"));
	assert_true(days_valid("2024-02-29"));
	assert_true(days_valid("9999-12-31"));
}

static void dates_are_counted_over_months_and_leap_years(void **state)
{
	char date[DATE_SIZE];

	(void)state;
	assert_true(days_add(date, "2024-02-28", 1));
	assert_string_equal(date, "2024-02-29");
	assert_true(days_add(date, "2026-01-01", -1));
	assert_string_equal(date, "2025-12-31");
	assert_true(days_add(date, "2026-11-22", 365));
	assert_string_equal(date, "2027-11-22");
	assert_false(days_add(date, "9999-12-31", 1));
	assert_false(days_add(date, "1970-01-01", -1));
	assert_false(days_add(date, "2026-01-01", INT32_MAX));
	assert_int_equal(days_weekday("1970-01-01"), 4);
	assert_int_equal(days_weekday("2026-11-22"), 7);
	assert_int_equal(days_weekday("2026-11-23"), 1);
}

static void instants_beyond_all_years_are_moved_into_them(void **state)
{
	char date[DATE_SIZE];
	struct local_time local;

	(void)state;
	days_date(date, "Europe/Bucharest", INT64_MAX);
	assert_string_equal(date, "9999-12-31");
	days_date(date, "America/New_York", INT64_MIN);
	assert_string_equal(date, "1970-01-01");
	days_local("UTC", INT64_MAX, &local);
	assert_int_equal(local.year, 9999);
}

static void *ask_many(void *ctx)
{
	static const char *const zones[] = {"Africa/Cairo", "Asia/Beirut",
		"America/Santiago", "America/Havana", "Pacific/Apia",
		"Europe/Bucharest", "America/New_York", "Pacific/Auckland",
		"Asia/Tokyo", "Asia/Kolkata", "Europe/Lisbon", "Europe/London"};
	int64_t start, wrong = 0;

	for (int i = 0; i < 2000; i++) {
		const char *zone = zones[(size_t)i % COUNT(zones)];
		char date[DATE_SIZE];

		days_start(zone, "2026-06-15", &start);
		days_date(date, zone, start);
		wrong += strcmp(date, "2026-06-15") != 0;
	}
	*(int64_t *)ctx = wrong;
	return NULL;
}

static void threads_may_ask_at_the_same_time(void **state)
{
	pthread_t threads[4];
	int64_t wrong[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, ask_many, &wrong[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_begins_at_the_first_instant_of_its_date),
		cmocka_unit_test(the_instant_before_a_day_has_an_earlier_date),
		cmocka_unit_test(days_have_as_many_hours_as_they_have),
		cmocka_unit_test(the_local_time_of_an_instant_is_told),
		cmocka_unit_test(only_names_of_installed_zones_are_known),
		cmocka_unit_test(dates_are_checked),
		cmocka_unit_test(dates_are_counted_over_months_and_leap_years),
		cmocka_unit_test(instants_beyond_all_years_are_moved_into_them),
		cmocka_unit_test(threads_may_ask_at_the_same_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
