#include "tests/unit/appends_fixture.h"

static void no_answer_means_asking_the_same_again_at_once(void **state)
{
	char id[65];

	(void)state;
	say("ana", "a1");
	say("ana", "a2");
	turn();
	say("ana", "a3");
	snprintf(id, sizeof(id), "%s", asked(0)->items[1].append_id);

	fake_answer(UNCONFIRMED, NULL);
	turn();

	assert_int_equal(told.n, 0);
	assert_string_equal(texts(0), "a1 a2");
	assert_string_equal(asked(0)->items[1].append_id, id);
	store_all(true);
	turn();
	assert_string_equal(texts(0), "a3");
	store_all(false);
	assert_int_equal(told.n, 3);
	assert_string_equal(told.who[2], "a3");
}

static void our_own_repetition_is_no_duplicate_of_the_client(void **state)
{
	(void)state;
	say("ana", "first");
	turn();
	store_all(true);
	assert_true(told.duplicate[0]);

	say("ana", "second");
	turn();
	fake_answer(UNCONFIRMED, NULL);
	turn();
	store_all(true);
	assert_false(told.duplicate[1]);
}

static void pauses_between_repetitions_grow_to_two_seconds(void **state)
{
	static const int pauses[] = {100, 200, 400, 800, 1600, 2000, 2000};

	(void)state;
	say("ana", "a");
	turn();
	fake_answer(UNCONFIRMED, NULL);
	turn(); /* at once */
	for (size_t i = 0; i < COUNT(pauses); i++) {
		fake_answer(UNCONFIRMED, NULL);
		turn();
		pass_ms((uint64_t)pauses[i] - 1);
		assert_int_equal(fake_open(), 0);
		pass_ms(1);
		assert_int_equal(fake_open(), 1);
	}
	store_all(false);
}

static void a_refusal_of_the_first_attempt_is_told_as_it_is(void **state)
{
	(void)state;
	say("ana", "a");
	turn();

	refuse_first("store_full");

	assert_int_equal(told.status[0], STORE_FULL);
	assert_string_equal(told.error[0], "for a reason");
}

static void a_refusal_after_an_unanswered_attempt_is_not_believed(void **state)
{
	(void)state;
	say("ana", "a");
	turn();
	fake_answer(UNCONFIRMED, NULL);
	turn();

	refuse_first("store_full");

	assert_int_equal(told.status[0], UNCONFIRMED);
}

static void a_fault_of_sessiond_says_nothing_about_what_is_stored(void **state)
{
	(void)state;
	say("ana", "a");
	turn();
	fake_answer(INTERNAL, NULL);
	turn();
	assert_int_equal(told.n, 0);

	store_all(false);

	assert_int_equal(told.status[0], OK);
}

static void a_message_without_a_result_is_asked_again_alone(void **state)
{
	struct append_result result = {.append_id = NULL,
		.status = "ok",
		.session_id = "s1",
		.message_id = "m-a2",
		.seq = 2,
		.timestamp = 1000};
	struct append_reply reply = {&result, 1};
	char id[65];

	(void)state;
	say("ana", "a1");
	say("ana", "a2");
	say("ion", "i1");
	turn();
	/* By id, not by place: the one result is that of the second. */
	snprintf(id, sizeof(id), "%s", asked(0)->items[1].append_id);
	result.append_id = id;

	fake_answer(OK, &reply);
	turn();

	assert_int_equal(told.n, 1);
	assert_string_equal(told.who[0], "a2");
	assert_string_equal(texts(0), "a1 i1");
	store_all(false);
}

static void an_ok_that_names_no_message_is_no_answer(void **state)
{
	struct append_result result = {.status = "ok"};
	struct append_reply reply = {&result, 1};
	char id[65];

	(void)state;
	say("ana", "a");
	turn();
	snprintf(id, sizeof(id), "%s", asked(0)->items[0].append_id);
	result.append_id = id;
	fake_answer(OK, &reply);
	turn();

	assert_int_equal(told.n, 0);
	assert_int_equal(fake_open(), 1);
	store_all(false);
}

static void what_never_left_fails_for_certain_at_the_send_deadline(void **state)
{
	(void)state;
	fake.connected = false;
	say("ana", "early");
	turn();
	pass_ms(4000);
	say("ana", "late");
	pass_ms(3950);
	assert_int_equal(told.n, 0);

	pass_ms(50);
	assert_int_equal(told.n, 1);
	assert_string_equal(told.who[0], "early");
	assert_int_equal(told.status[0], UNAVAILABLE);

	fake.connected = true;
	turn();
	assert_string_equal(texts(0), "late");
	store_all(false);
	assert_int_equal(told.status[1], OK);
}

static void a_request_that_was_never_handed_over_is_held_back(void **state)
{
	(void)state;
	say("ana", "a");
	turn();
	fake.connected = false;
	fake_answer(UNAVAILABLE, NULL);
	turn();
	assert_int_equal(fake_open(), 0);
	assert_int_equal(told.n, 0);

	fake.connected = true;
	turn();
	/* Nothing was done, so a refusal now is final. */
	refuse_first("too_large");
	assert_int_equal(told.status[0], TOO_LARGE);
}

static void what_left_and_is_not_answered_ends_as_unconfirmed(void **state)
{
	(void)state;
	say("ana", "a1");
	turn();
	say("ana", "a2");
	fake.connected = false;
	fake_answer(UNCONFIRMED, NULL);
	pass_ms(8000); /* a2 has not left at all */
	assert_int_equal(told.n, 1);
	assert_string_equal(told.who[0], "a2");
	assert_int_equal(told.status[0], UNAVAILABLE);

	pass_ms(21000);
	say("ana", "a3");
	assert_int_equal(told.n, 1);
	pass_ms(1000);
	assert_int_equal(told.n, 2);
	assert_int_equal(told.status[1], UNCONFIRMED);

	/* And that ends the wait of the next. */
	fake.connected = true;
	turn();
	assert_string_equal(texts(0), "a3");
	store_all(false);
}

static void no_attempt_outlives_the_time_of_its_messages(void **state)
{
	(void)state;
	say("ana", "a");
	turn();
	assert_int_equal(fake.first->timeout_ms, APPEND_ATTEMPT_MS);
	fake_answer(UNCONFIRMED, NULL);
	pass_ms(28000);
	assert_int_equal(fake.first->timeout_ms, 2000);
	store_all(false);
}

static void first_attempts_do_not_travel_with_repeated_ones(void **state)
{
	(void)state;
	say("ana", "old");
	turn();
	fake_answer(UNCONFIRMED, NULL);
	say("ion", "new");

	turn();

	assert_int_equal(fake_open(), 2);
	assert_string_equal(texts(0), "new");
	assert_string_equal(texts(1), "old");
	store_all(false);
	store_all(false);
}

static void closing_tells_everyone_what_is_known(void **state)
{
	(void)state;
	say("ana", "asked");
	turn();
	say("ana", "waits");
	say("ion", "waits too");

	appends_close(appends);

	assert_int_equal(fake_open(), 0);
	assert_int_equal(told.n, 3);
	assert_string_equal(told.who[0], "asked");
	assert_int_equal(told.status[0], UNCONFIRMED);
	assert_int_equal(told.status[1], UNAVAILABLE);
	assert_int_equal(told.status[2], UNAVAILABLE);
	appends = NULL;
}

static void whatever_is_lost_each_message_is_told_once_and_in_order(
	void **state)
{
	static char text[150][16];
	static const char *const users[] = {"ana", "ion", "eva"};
	int sent;

	(void)state;
	srand(7);
	for (sent = 0; sent < 150 || appends_pending(appends);) {
		if (sent < 150 && rand() % 2) {
			snprintf(text[sent], sizeof(text[sent]), "%d", sent);
			if (send_on((uint64_t)sent, users[sent % 3],
				    text[sent]) == OK)
				sent++;
		}
		if (rand() % 3 == 0)
			turn();
		if (fake_open() && rand() % 2) {
			if (rand() % 3)
				store_all(false);
			else
				fake_answer(UNCONFIRMED, NULL);
		}
		if (rand() % 5 == 0)
			pass_ms(50);
	}
	assert_int_equal(told.n, 150);
	for (int u = 0; u < 3; u++) {
		int last = -1;

		for (int i = 0; i < told.n; i++) {
			int n = atoi(told.who[i]);

			if (n % 3 != u)
				continue;
			assert_int_equal(told.status[i], OK);
			assert_true(n > last);
			last = n;
		}
		assert_int_equal(last, 147 + u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(no_answer_means_asking_the_same_again_at_once),
		story(our_own_repetition_is_no_duplicate_of_the_client),
		story(pauses_between_repetitions_grow_to_two_seconds),
		story(a_refusal_of_the_first_attempt_is_told_as_it_is),
		story(a_refusal_after_an_unanswered_attempt_is_not_believed),
		story(a_fault_of_sessiond_says_nothing_about_what_is_stored),
		story(a_message_without_a_result_is_asked_again_alone),
		story(an_ok_that_names_no_message_is_no_answer),
		story(what_never_left_fails_for_certain_at_the_send_deadline),
		story(a_request_that_was_never_handed_over_is_held_back),
		story(what_left_and_is_not_answered_ends_as_unconfirmed),
		story(no_attempt_outlives_the_time_of_its_messages),
		story(first_attempts_do_not_travel_with_repeated_ones),
		story(closing_tells_everyone_what_is_known),
		story(whatever_is_lost_each_message_is_told_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
