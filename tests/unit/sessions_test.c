#include "sessiond/sessions.h"
#include "shared/clock.h"
#include "shared/days.h"
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int64_t at(const char *iso)
{
	int64_t ms = 0;

	assert_true(clock_parse_iso(iso, &ms));
	return ms;
}

/* --- transitions ---------------------------------------------------------- */

static void only_the_transitions_of_the_table_are_allowed(void **state)
{
	static const char *const table[ST_COUNT] = {
		[ST_ACTIVE] = "resolved closed abandoned",
		[ST_RESOLVED] = "active closed",
		[ST_CLOSED] = "active",
		[ST_ABANDONED] = "active resolved closed",
	};

	(void)state;
	for (int from = 0; from < ST_COUNT; from++) {
		const char *names[ST_COUNT];
		char listed[64] = "";
		uint32_t n = status_next((enum session_status)from, names);

		for (uint32_t i = 0; i < n; i++) {
			strcat(listed, i ? " " : "");
			strcat(listed, names[i]);
		}
		assert_string_equal(listed, table[from]);
		for (int to = 0; to < ST_COUNT; to++) {
			const char *name = status_name((enum session_status)to);

			assert_int_equal(
				status_may_become((enum session_status)from,
					(enum session_status)to),
				strstr(table[from], name) != NULL);
		}
	}
}

static void each_transition_has_its_words_in_both_languages(void **state)
{
	static const struct {
		enum session_status to;
		const char *reason, *kind;
	} cases[] = {
		{ST_ACTIVE, "user_message", "reopened"},
		{ST_ACTIVE, "rollover", "reopened"},
		{ST_CLOSED, "rollover", "rollover"},
		{ST_CLOSED, "", "closed"},
		{ST_CLOSED, NULL, "closed"},
		{ST_RESOLVED, "rollover", "resolved"},
		{ST_ABANDONED, NULL, "abandoned"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *kind =
			transition_kind(cases[i].to, cases[i].reason);
		const char *ro = transition_text(kind, "ro");
		const char *en = transition_text(kind, "en");

		assert_string_equal(kind, cases[i].kind);
		assert_non_null(strstr(ro, "onversația"));
		assert_non_null(strstr(en, "onversation"));
	}
}

static void names_lead_to_values_and_back(void **state)
{
	enum session_status status;
	enum message_source source;
	enum handler handler;

	(void)state;
	for (int i = 0; i < ST_COUNT; i++) {
		assert_true(status_from_name(
			status_name((enum session_status)i), &status));
		assert_int_equal(status, i);
	}
	for (int i = 0; i < SRC_COUNT; i++) {
		assert_true(source_from_name(
			source_name((enum message_source)i), &source));
		assert_int_equal(source, i);
	}
	for (int i = 0; i < HANDLER_COUNT; i++) {
		assert_true(handler_from_name(
			handler_name((enum handler)i), &handler));
		assert_int_equal(handler, i);
	}
	assert_false(status_from_name("Active", &status));
	assert_false(status_from_name("", &status));
	assert_false(status_from_name(NULL, &status));
	assert_false(source_from_name("pigeon", &source));
	assert_false(handler_from_name("nobody", &handler));
}

/* --- aliases -------------------------------------------------------------- */

static void an_alias_is_business_user_and_midnight(void **state)
{
	static const struct {
		const char *text, *business, *user;
		int64_t ms;
	} good[] = {
		{"B1:u1:1763766000000", "B1", "u1", 1763766000000},
		{"B1:a:b:c:0", "B1", "a:b:c", 0},
		{"b.~-_:x@y.ro:7", "b.~-_", "x@y.ro", 7},
		{"B1:u1:999999999999999", "B1", "u1", 999999999999999},
	};
	static const char *const bad[] = {
		"",
		":",
		"::",
		"B1:u1",
		"B1:u1:",
		"B1::17",
		":u1:17",
		"B1:u1:17x",
		"B1:u1:-17",
		"B1:u1:+17",
		"B1:u1: 17",
		"B1:u1:1.5",
		"B1:u1:1234567890123456",
		"B1:agent:17",
		"B1:system:17",
		"B1:coordinator:x:17",
		"../x:u1:17",
		"B 1:u1:17",
		"7f3a2b1c-1111-4222-8333-123456789abc",
	};
	char text[400];
	struct alias alias;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(alias_parse(good[i].text, &alias));
		assert_string_equal(alias.business, good[i].business);
		assert_string_equal(alias.user, good[i].user);
		assert_int_equal(alias.ms, good[i].ms);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		if (alias_parse(bad[i], &alias))
			fail_msg("\"%s\" passes for an alias", bad[i]);
	snprintf(text, sizeof(text), "%064d:%0128d:17", 1, 1);
	assert_true(alias_parse(text, &alias));
	snprintf(text, sizeof(text), "%065d:%0128d:17", 1, 1);
	assert_false(alias_parse(text, &alias));
	snprintf(text, sizeof(text), "%064d:%0129d:17", 1, 1);
	assert_false(alias_parse(text, &alias));
}

static void assert_date(const char *midnight, int64_t ms, const char *zone,
	const char *now, const char *expected)
{
	struct alias alias = {.business = "B1", .user = "u1", .ms = ms};
	char date[DATE_SIZE];

	alias_date(&alias, zone, at(now), date);
	if (strcmp(date, expected) != 0)
		fail_msg("%s in %s at %s: %s, not %s", midnight, zone, now,
			date, expected);
}

static void todays_midnight_of_any_browser_is_the_tenants_today(void **state)
{
	static const struct {
		const char *zone, *now, *today;
	} tenants[] = {
		{"Europe/Bucharest", "2026-11-22T21:59:59.999Z", "2026-11-22"},
		{"Europe/Bucharest", "2026-11-22T22:00:00.000Z", "2026-11-23"},
		{"Pacific/Pago_Pago", "2026-11-22T10:59:59.999Z", "2026-11-21"},
		{"Pacific/Pago_Pago", "2026-11-22T11:00:00.000Z", "2026-11-22"},
		{"Pacific/Kiritimati", "2026-11-22T09:59:59.999Z",
			"2026-11-22"},
		{"Pacific/Kiritimati", "2026-11-22T10:00:00.000Z",
			"2026-11-23"},
		/* Midnight does not exist there: the day begins at 01:00. */
		{"Africa/Cairo", "2026-04-23T21:59:59.999Z", "2026-04-23"},
		{"Africa/Cairo", "2026-04-23T22:00:00.000Z", "2026-04-24"},
		{"UTC", "2026-11-22T00:00:00.000Z", "2026-11-22"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(tenants); i++) {
		int64_t now = at(tenants[i].now);

		for (int hours = -11; hours <= 14; hours++) {
			int64_t local = now + hours * INT64_C(3600000);
			int64_t midnight = now - local % 86400000;
			char name[32];

			snprintf(name, sizeof(name), "midnight at %+d", hours);
			assert_date(name, midnight, tenants[i].zone,
				tenants[i].now, tenants[i].today);
		}
	}
}

/* A page left open over the day's end sends the same midnight until it is
 * loaded again, and some clocks are a little ahead. */
static void an_alias_is_todays_from_a_quarter_before_to_25_hours_after(
	void **state)
{
	int64_t midnight = at("2026-11-22T00:00:00.000Z");
	static const struct {
		const char *now, *date;
	} cases[] = {
		{"2026-11-21T23:44:59.999Z", "2026-11-22"}, /* by its date */
		{"2026-11-21T23:45:00.000Z", "2026-11-21"}, /* the tenant's */
		{"2026-11-22T00:00:00.000Z", "2026-11-22"},
		{"2026-11-22T23:59:59.999Z", "2026-11-22"},
		{"2026-11-23T00:59:59.999Z", "2026-11-23"},
		{"2026-11-23T01:00:00.000Z", "2026-11-22"}, /* by its date */
		{"2027-06-01T12:00:00.000Z", "2026-11-22"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_date("midnight", midnight, "UTC", cases[i].now,
			cases[i].date);
}

/* 13 hours after a midnight of -10 to +13 it is that date in UTC too. What
 * lies beyond is one day off: no single number of hours suits them all. */
static void an_old_midnight_is_its_own_date_from_minus_10_to_plus_13(
	void **state)
{
	int64_t day = at("2026-03-10T00:00:00.000Z");

	(void)state;
	for (int hours = -11; hours <= 14; hours++) {
		int64_t midnight = day - hours * INT64_C(3600000);
		const char *expected = hours < -10  ? "2026-03-11"
				       : hours > 13 ? "2026-03-09"
						    : "2026-03-10";
		char name[32];

		snprintf(name, sizeof(name), "midnight at %+d", hours);
		assert_date(name, midnight, "Europe/Bucharest",
			"2026-11-22T12:00:00.000Z", expected);
	}
}

static void an_alias_of_any_number_has_a_date(void **state)
{
	static const int64_t times[] = {0, 1, 999999999999999};
	char date[DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		struct alias alias = {.ms = times[i]};

		alias_date(&alias, "UTC", at("2026-11-22T12:00:00Z"), date);
		assert_true(days_valid(date));
	}
}

/* --- item hash ------------------------------------------------------------ */

static const struct append_item item = {.append_id = "a1",
	.business_id = "B1",
	.user_id = "u1",
	.location_id = "default",
	.content = "Salut",
	.source = "websocket",
	.client_timestamp = 1763766000000,
	.metadata = {"{\"a\":1}", 7}};

static void the_hash_of_an_item_is_that_of_what_was_said(void **state)
{
	struct append_item other = item;
	char content[] = "Salut";

	(void)state;
	other.append_id = "a2"; /* its own key, not its content */
	other.content = content;
	assert_int_equal(item_hash(&item, true), item_hash(&other, true));
	other.client_message_id = "c1";
	other.metadata = (struct span){0};
	other.client_timestamp = 0;
	other.location_id = "L2";
	assert_int_equal(item_hash(&item, false), item_hash(&other, false));
}

static void every_field_changes_the_hash(void **state)
{
	struct append_item others[] = {item, item, item, item, item, item, item,
		item, item, item, item};
	uint64_t hashes[COUNT(others)];

	(void)state;
	others[1].business_id = "B2";
	others[2].user_id = "u2";
	others[3].content = "Salut!";
	others[4].location_id = "L2";
	others[5].source = "cron";
	others[6].client_message_id = "x";
	others[7].external_id = "x";
	others[8].metadata = (struct span){"{\"a\":2}", 7};
	others[9].client_timestamp++;
	/* The same letters, cut elsewhere. */
	others[10].business_id = "B1u";
	others[10].user_id = "1";
	for (size_t i = 0; i < COUNT(others); i++) {
		hashes[i] = item_hash(&others[i], true);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(hashes[i], hashes[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_transitions_of_the_table_are_allowed),
		cmocka_unit_test(
			each_transition_has_its_words_in_both_languages),
		cmocka_unit_test(names_lead_to_values_and_back),
		cmocka_unit_test(an_alias_is_business_user_and_midnight),
		cmocka_unit_test(
			todays_midnight_of_any_browser_is_the_tenants_today),
		cmocka_unit_test(
			an_alias_is_todays_from_a_quarter_before_to_25_hours_after),
		cmocka_unit_test(
			an_old_midnight_is_its_own_date_from_minus_10_to_plus_13),
		cmocka_unit_test(an_alias_of_any_number_has_a_date),
		cmocka_unit_test(the_hash_of_an_item_is_that_of_what_was_said),
		cmocka_unit_test(every_field_changes_the_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
