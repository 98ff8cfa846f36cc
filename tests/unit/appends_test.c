#include "tests/unit/appends_fixture.h"

static void what_was_said_in_one_turn_leaves_together(void **state)
{
	(void)state;
	say("ana", "a");
	say("ion", "b");
	say("ana", "c");
	assert_int_equal(fake_open(), 0);

	turn();

	assert_int_equal(fake_open(), 1);
	assert_string_equal(texts(0), "a c b");
	store_all(false);
	assert_int_equal(told.n, 3);
	assert_string_equal(told.message_id[0], "m-a");
	assert_int_equal(appends_pending(appends), 0);
}

static void a_user_with_an_unanswered_request_waits_and_others_do_not(
	void **state)
{
	(void)state;
	say("ana", "a1");
	turn();
	say("ana", "a2");
	say("ion", "i1");
	say("ana", "a3");
	turn();
	assert_int_equal(fake_open(), 2);
	assert_string_equal(texts(1), "i1");

	store_all(false);
	turn();

	assert_int_equal(fake_open(), 2);
	assert_string_equal(texts(1), "a2 a3");
	store_all(false);
	store_all(false);
	assert_int_equal(told.n, 4);
}

static void nothing_leaves_before_the_first_hello(void **state)
{
	(void)state;
	appends_close(appends);
	appends = appends_open(FAKE_CALLER, &limits, "b00bb00b");
	say("ana", "a");
	turn();
	assert_int_equal(fake_open(), 0);

	appends_begin(appends);
	turn();

	assert_int_equal(fake_open(), 1);
	store_all(false);
}

static void a_request_holds_64_messages_in_order(void **state)
{
	static char names[130][8];

	(void)state;
	for (int i = 0; i < 130; i++) {
		snprintf(names[i], sizeof(names[i]), "u%d", i);
		assert_int_equal(
			send_on((uint64_t)i + 1, names[i], names[i]), OK);
	}
	turn();

	assert_int_equal(fake_open(), 3);
	assert_int_equal(asked(0)->n_items, 64);
	assert_int_equal(asked(1)->n_items, 64);
	assert_int_equal(asked(2)->n_items, 2);
	assert_string_equal(asked(1)->items[0].content, "u64");
	while (fake_open())
		store_all(false);
	assert_int_equal(told.n, 130);
}

static void a_users_messages_beyond_one_request_wait_for_its_answer(
	void **state)
{
	static char text[16][32001];

	(void)state;
	for (int i = 0; i < 16; i++) {
		memset(text[i], 'a' + i, 32000);
		say("ana", text[i]);
	}
	turn();
	assert_int_equal(fake_open(), 1);
	assert_int_equal(asked(0)->n_items, 8); /* 256 KB */

	store_all(false);
	turn();

	assert_int_equal(fake_open(), 1);
	assert_int_equal(asked(0)->items[0].content[0], 'i');
	store_all(false);
	assert_int_equal(told.n, 16);
	for (int i = 0; i < 16; i++)
		assert_ptr_equal(told.who[i], text[i]);
}

static void a_request_of_control_characters_fits_the_link(void **state)
{
	static char text[8001];

	(void)state;
	memset(text, 1, 8000);
	for (int i = 0; i < 64; i++)
		say("ana", text);
	turn(); /* the fake fails on a request over the link's limit */
	while (appends_pending(appends)) {
		store_all(false);
		turn();
	}
}

static void a_connection_may_have_only_so_much_under_way(void **state)
{
	(void)state;
	for (int i = 0; i < limits.max_pending; i++)
		assert_int_equal(send_on(1, "ana", "a"), OK);
	assert_int_equal(send_on(1, "ana", "one too many"), RATE_LIMITED);
	assert_int_equal(send_on(2, "ana", "of another"), OK);

	turn();
	store_all(false);

	assert_int_equal(send_on(1, "ana", "now again"), OK);
}

static int begin_small(void **state)
{
	struct append_limits small = limits;

	small.max_bytes = 2000;
	return begin_with(state, &small);
}

static void all_that_waits_is_bounded_in_bytes(void **state)
{
	(void)state;
	fake.connected = false;
	for (uint64_t i = 0; i < 3; i++)
		assert_int_equal(send_on(i + 1, "ana", "a"), OK);
	assert_int_equal(send_on(9, "ion", "a"), UNAVAILABLE);

	pass_ms(8000);

	assert_int_equal(told.n, 3);
	assert_int_equal(send_on(9, "ion", "a"), OK);
}

static void an_append_id_tells_the_connection_it_came_from(void **state)
{
	(void)state;
	assert_int_equal(send_on(4711, "ana", "a"), OK);
	turn();

	assert_int_equal(
		appends_origin(appends, asked(0)->items[0].append_id), 4711);
	assert_int_equal(appends_origin(appends, "feedfeed-4711-1"), 0);
	assert_int_equal(appends_origin(appends, NULL), 0);
	store_all(false);
}

/* Many users, answers lost at random: in the end each message was told once,
 * and no user's were stored out of order. */

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(what_was_said_in_one_turn_leaves_together),
		story(a_user_with_an_unanswered_request_waits_and_others_do_not),
		story(nothing_leaves_before_the_first_hello),
		story(a_request_holds_64_messages_in_order),
		story(a_users_messages_beyond_one_request_wait_for_its_answer),
		story(a_request_of_control_characters_fits_the_link),
		story(a_connection_may_have_only_so_much_under_way),
		cmocka_unit_test_setup_teardown(
			all_that_waits_is_bounded_in_bytes, begin_small, end),
		story(an_append_id_tells_the_connection_it_came_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
