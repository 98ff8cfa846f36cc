#include "gateway/typing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char said[512];

static void say(void *ctx, const struct turn_progress *turn, const char *state)
{
	size_t len = strlen(said);

	(void)ctx;
	snprintf(said + len, sizeof(said) - len, "%s%s:%s", len ? " " : "",
		turn->turn_id, state);
}

static struct typing *typing;

static int begin(void **state)
{
	(void)state;
	*said = '\0';
	typing = typing_open(say, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	typing_close(typing);
	return 0;
}

static void hear(uint64_t now_ms, const char *turn)
{
	struct turn_progress progress = {.turn_id = turn,
		.business_id = "B1",
		.user_id = "ana",
		.session_id = "s1",
		.state = "working"};

	typing_progress(typing, now_ms, &progress);
}

static void progress_is_said_at_most_once_a_second(void **state)
{
	(void)state;
	for (uint64_t now = 0; now <= 2500; now += 100)
		hear(now, "t1");

	assert_string_equal(said, "t1:started t1:progress t1:progress");
}

static void a_turn_without_signs_of_life_stops(void **state)
{
	(void)state;
	hear(0, "t1");
	hear(0, "t2");
	hear(5000, "t2");
	*said = '\0';
	typing_tick(typing, TYPING_SILENT_MS - 1);
	assert_string_equal(said, "");

	typing_tick(typing, TYPING_SILENT_MS);
	assert_string_equal(said, "t1:stopped");

	hear(TYPING_SILENT_MS, "t1"); /* another agent took it over */
	assert_string_equal(said, "t1:stopped t1:started");
}

static void an_end_is_said_only_where_there_was_a_beginning(void **state)
{
	(void)state;
	typing_end(typing, "t1");
	typing_end(typing, NULL);
	assert_string_equal(said, "");

	hear(0, "t1");
	typing_end(typing, "t1");
	typing_end(typing, "t1");
	assert_string_equal(said, "t1:started t1:stopped");
}

static void all_can_be_ended_at_once(void **state)
{
	(void)state;
	hear(0, "t1");
	hear(0, "t2");
	*said = '\0';
	typing_end_all(typing);

	assert_int_equal(strlen(said), strlen("t1:stopped t2:stopped"));
	*said = '\0';
	typing_end_all(typing);
	assert_string_equal(said, "");
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(progress_is_said_at_most_once_a_second),
		story(a_turn_without_signs_of_life_stops),
		story(an_end_is_said_only_where_there_was_a_beginning),
		story(all_can_be_ended_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
