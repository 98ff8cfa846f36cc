#include "cleanupd/policy.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (INT64_C(60) * 60 * 1000)
#define DAY (24 * HOUR)
#define NOW INT64_C(1800000000000)

static const struct policy by_default = {24, 30, NEVER, NEVER};
static const struct policy at_once = {NEVER, 0, 0, 0};
static const struct policy all = {1, 1, 2, 3};
static const struct policy nothing = {0, NEVER, NEVER, NEVER};

static const struct {
	const struct policy *policy;
	enum state state;
	int64_t age;
	enum verdict verdict;
} cases[] = {
	{&by_default, STATE_ACTIVE, 24 * HOUR - 1, KEEP},
	{&by_default, STATE_ACTIVE, 24 * HOUR, ABANDON},
	{&by_default, STATE_ACTIVE, 10000 * DAY, ABANDON},
	{&by_default, STATE_RESOLVED, 30 * DAY - 1, KEEP},
	{&by_default, STATE_RESOLVED, 30 * DAY, DELETE},
	{&by_default, STATE_RESOLVED, 10000 * DAY, DELETE},
	{&by_default, STATE_CLOSED, 10000 * DAY, KEEP},
	{&by_default, STATE_ABANDONED, 10000 * DAY, KEEP},
	/* sessiond's clock was put back since */
	{&by_default, STATE_ACTIVE, -5 * DAY, KEEP},
	{&by_default, STATE_RESOLVED, -DAY, KEEP},

	{&at_once, STATE_RESOLVED, 0, DELETE},
	{&at_once, STATE_CLOSED, 0, DELETE},
	{&at_once, STATE_ABANDONED, 0, DELETE},
	{&at_once, STATE_RESOLVED, -1, KEEP},
	{&at_once, STATE_ACTIVE, 10000 * DAY, KEEP},

	{&all, STATE_ACTIVE, HOUR - 1, KEEP},
	{&all, STATE_ACTIVE, HOUR, ABANDON},
	{&all, STATE_RESOLVED, DAY - 1, KEEP},
	{&all, STATE_RESOLVED, DAY, DELETE},
	{&all, STATE_CLOSED, 2 * DAY - 1, KEEP},
	{&all, STATE_CLOSED, 2 * DAY, DELETE},
	{&all, STATE_ABANDONED, 3 * DAY - 1, KEEP},
	{&all, STATE_ABANDONED, 3 * DAY, DELETE},

	{&nothing, STATE_ACTIVE, 10000 * DAY, KEEP},
	{&nothing, STATE_RESOLVED, 10000 * DAY, KEEP},
	{&nothing, STATE_CLOSED, 10000 * DAY, KEEP},
	{&nothing, STATE_ABANDONED, 10000 * DAY, KEEP},
};

static void state_and_age_decide(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (policy_decide(cases[i].policy, cases[i].state,
			    NOW - cases[i].age, NOW) != cases[i].verdict)
			fail_msg("case %zu", i);
}

static void an_active_session_is_never_deleted(void **state)
{
	(void)state;
	for (int64_t hours = NEVER; hours < 100; hours++)
		for (int64_t age = -2; age < 200; age++) {
			const struct policy policy = {hours, 0, 0, 0};

			assert_int_not_equal(
				policy_decide(&policy, STATE_ACTIVE,
					NOW - age * HOUR, NOW),
				DELETE);
		}
}

/* What is listed as older than `before` is what is not kept. */
static void what_is_asked_for_is_what_is_due(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t before =
			policy_before(cases[i].policy, cases[i].state, NOW);

		assert_int_equal(
			NOW - cases[i].age < before, cases[i].verdict != KEEP);
	}
}

static void the_longest_times_are_no_trouble(void **state)
{
	const struct policy policy = {876000, 36500, 36500, 36500};

	(void)state;
	assert_int_equal(policy_before(&policy, STATE_RESOLVED, 1000), 0);
	assert_int_equal(policy_decide(&policy, STATE_RESOLVED, 0, NOW), KEEP);
	assert_int_equal(
		policy_decide(&policy, STATE_RESOLVED, 0, NOW + 36500 * DAY),
		DELETE);
}

static void states_have_the_names_of_the_wire(void **state)
{
	static const char *const wire[] = {
		"active", "resolved", "closed", "abandoned"};
	enum state found;

	(void)state;
	for (int i = 0; i < STATE_COUNT; i++) {
		assert_string_equal(state_name((enum state)i), wire[i]);
		assert_true(state_from_name(wire[i], &found));
		assert_int_equal(found, i);
	}
	assert_false(state_from_name("Active", &found));
	assert_false(state_from_name("", &found));
}

static void the_policy_is_said_in_plain_words(void **state)
{
	static const struct {
		const struct policy *policy;
		enum state state;
		const char *words;
	} said[] = {
		{&by_default, STATE_ACTIVE,
			"active sessions become abandoned after 24 hours "
			"without change"},
		{&by_default, STATE_RESOLVED,
			"resolved sessions are deleted with their messages "
			"after 30 days without change"},
		{&by_default, STATE_CLOSED, "closed sessions are kept"},
		{&at_once, STATE_ABANDONED,
			"abandoned sessions are deleted with their messages "
			"at once"},
		{&all, STATE_ACTIVE,
			"active sessions become abandoned after 1 hour "
			"without change"},
		{&all, STATE_RESOLVED,
			"resolved sessions are deleted with their messages "
			"after 1 day without change"},
		{&nothing, STATE_ACTIVE, "active sessions are kept"},
	};
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	for (size_t i = 0; i < COUNT(said); i++) {
		buf_reset(&text);
		policy_describe(&text, said[i].policy, said[i].state);
		assert_string_equal(text.data, said[i].words);
	}
	buf_clear(&text);
}

static void clocks_more_than_a_day_apart_are_not_believed(void **state)
{
	static const struct {
		int64_t wall, mono,
			sessiond; /* passed, passed, ahead of ours */
		bool good;
	} clocks[] = {
		{0, 0, 0, true},
		{100 * DAY, 100 * DAY, 0, true},
		{DAY, 0, 0, true},
		{DAY + 1, 0, 0, false},
		{101 * DAY, 100 * DAY, 0, true},
		{101 * DAY + 1, 100 * DAY, 0, false},
		{-50 * DAY, 0, 0, true}, /* back: nothing seems older */
		{0, 0, DAY, true},
		{0, 0, DAY + 1, false},
		{0, 0, -DAY, true},
		{0, 0, -DAY - 1, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(clocks); i++) {
		const struct clocks now = {
			.wall_start_ms = NOW,
			.mono_start_ms = 5000,
			.wall_ms = NOW + clocks[i].wall,
			.mono_ms = 5000 + clocks[i].mono,
			.sessiond_ms =
				NOW + clocks[i].wall + clocks[i].sessiond,
		};

		if (!policy_clock_fault(&now) != clocks[i].good)
			fail_msg("case %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_and_age_decide),
		cmocka_unit_test(an_active_session_is_never_deleted),
		cmocka_unit_test(what_is_asked_for_is_what_is_due),
		cmocka_unit_test(the_longest_times_are_no_trouble),
		cmocka_unit_test(states_have_the_names_of_the_wire),
		cmocka_unit_test(the_policy_is_said_in_plain_words),
		cmocka_unit_test(clocks_more_than_a_day_apart_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
