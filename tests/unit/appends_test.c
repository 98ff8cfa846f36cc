#include "gateway/appends.h"
#include "tests/unit/fake_caller.h"
#include <stdio.h>

enum { MAX_TOLD = 200 };

/* What the senders were told, in order. */
static struct {
	int n;
	const char *who[MAX_TOLD]; /* the text of the message */
	enum status status[MAX_TOLD];
	bool duplicate[MAX_TOLD];
	char message_id[MAX_TOLD][32];
	char error[MAX_TOLD][64];
} told;

static struct appends *appends;
static uint64_t now;

static const struct append_limits limits = {.send_deadline_ms = 8000,
	.unconfirmed_ms = 30000,
	.max_pending = 64,
	.max_bytes = 8 * 1024 * 1024};

static void on_done(void *ctx, const struct append_outcome *outcome)
{
	int n = told.n++;

	assert_true(n < MAX_TOLD);
	told.who[n] = ctx;
	told.status[n] = outcome->status;
	told.duplicate[n] = outcome->duplicate;
	snprintf(told.error[n], sizeof(told.error[n]), "%s",
		outcome->error ? outcome->error : "");
	if (outcome->status == OK)
		snprintf(told.message_id[n], sizeof(told.message_id[n]), "%s",
			outcome->result->message_id);
}

static enum status send_on(uint64_t conn, const char *user, const char *text)
{
	struct append_item item = {.business_id = "B1",
		.user_id = user,
		.location_id = "default",
		.content = text,
		.source = "websocket"};

	return appends_submit(appends, now, conn, &item, on_done, (void *)text);
}

static void say(const char *user, const char *text)
{
	assert_int_equal(send_on(1, user, text), OK);
}

static void turn(void) /* the end of one turn of the loop */
{
	appends_flush(appends, now);
}

static void pass_ms(uint64_t ms)
{
	now += ms;
	appends_tick(appends, now);
	turn();
}

static const struct append_request *asked(int n)
{
	return fake_asked(n, OP_APPEND);
}

/* The texts of the nth open request, separated by spaces. */
static const char *texts(int n)
{
	static char line[4096];
	size_t len = 0;

	*line = '\0';
	for (uint32_t i = 0; i < asked(n)->n_items; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s",
			i ? " " : "", asked(n)->items[i].content);
	return line;
}

/* Answers the oldest request: everything stored under m-TEXT. */
static void store_all(bool duplicate)
{
	const struct append_request *request = asked(0);
	struct append_result results[APPEND_ITEMS_MAX];
	char ids[APPEND_ITEMS_MAX][64];
	struct append_reply reply = {results, request->n_items};

	for (uint32_t i = 0; i < request->n_items; i++) {
		snprintf(ids[i], sizeof(ids[i]), "m-%.20s",
			*request->items[i].content == 1
				? "control"
				: request->items[i].content);
		results[i] = (struct append_result){
			.append_id = request->items[i].append_id,
			.status = "ok",
			.session_id = "s1",
			.message_id = ids[i],
			.seq = i + 1,
			.timestamp = 1000,
			.duplicate = duplicate};
	}
	fake_answer(OK, &reply);
}

/* Answers the oldest request: its first message is refused. */
static void refuse_first(const char *status)
{
	struct append_result result = {
		.append_id = asked(0)->items[0].append_id,
		.status = status,
		.error = "for a reason"};
	struct append_reply reply = {&result, 1};

	fake_answer(OK, &reply);
}

static int begin_with(void **state, const struct append_limits *with)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	memset(&fake, 0, sizeof(fake));
	fake.connected = true;
	now = 1000000;
	appends = appends_open(FAKE_CALLER, with, "b00bb00b");
	appends_begin(appends);
	return 0;
}

static int begin(void **state)
{
	return begin_with(state, &limits);
}

static int end(void **state)
{
	(void)state;
	appends_close(appends);
	return fake_open();
}

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

/* Many users, answers lost at random: in the end each message was told once,
 * and no user's were stored out of order. */
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

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(what_was_said_in_one_turn_leaves_together),
		story(a_user_with_an_unanswered_request_waits_and_others_do_not),
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
		story(nothing_leaves_before_the_first_hello),
		story(first_attempts_do_not_travel_with_repeated_ones),
		story(a_request_holds_64_messages_in_order),
		story(a_users_messages_beyond_one_request_wait_for_its_answer),
		story(a_request_of_control_characters_fits_the_link),
		story(a_connection_may_have_only_so_much_under_way),
		cmocka_unit_test_setup_teardown(
			all_that_waits_is_bounded_in_bytes, begin_small, end),
		story(an_append_id_tells_the_connection_it_came_from),
		story(closing_tells_everyone_what_is_known),
		story(whatever_is_lost_each_message_is_told_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
