#include "gateway/catchup.h"
#include "tests/unit/fake_caller.h"
#include <stdio.h>

/* What was applied: message ids and texts, separated by spaces. */
static char applied[4096];
static int resyncs;
static bool wanted;
static struct catchup *catchup;

static void on_apply(void *ctx, const struct event_message *event)
{
	const struct message *m = event->body;
	size_t len = strlen(applied);

	(void)ctx;
	assert_int_equal(event->event, EV_MESSAGE);
	snprintf(applied + len, sizeof(applied) - len, "%s%s=%s",
		len ? " " : "", m->message_id,
		m->content ? m->content : "(none)");
}

static bool on_wants(void *ctx, const struct message *message)
{
	(void)ctx;
	(void)message;
	return wanted;
}

static void on_resync(void *ctx)
{
	(void)ctx;
	resyncs++;
}

static int begin(void **state)
{
	static const struct feed_events events = {
		.apply = on_apply, .wants = on_wants, .resync = on_resync};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.connected = true;
	*applied = '\0';
	resyncs = 0;
	wanted = true;
	catchup = catchup_open(FAKE_CALLER);
	catchup_listen(catchup, &events, NULL);
	return 0;
}

static int end(void **state)
{
	(void)state;
	catchup_close(catchup);
	return fake_open();
}

static struct message message_of(uint64_t n, bool omitted)
{
	static char id[32], text[32];

	snprintf(id, sizeof(id), "m%d", (int)n);
	snprintf(text, sizeof(text), "t%d", (int)n);
	return (struct message){.message_id = id,
		.session_id = "s1",
		.business_id = "B1",
		.user_id = "agent",
		.type = "agent",
		.sender = "ana",
		.content = omitted ? NULL : text,
		.timestamp = 1000,
		.seq = (uint32_t)n,
		.omitted = omitted};
}

static void hear(const char *epoch, uint64_t n)
{
	struct message m = message_of(n, false);
	struct event_message event = {EV_MESSAGE, epoch, n, &m};

	catchup_event(catchup, &event);
}

static void hear_omitted(const char *epoch, uint64_t n)
{
	struct message m = message_of(n, true);
	struct event_message event = {EV_MESSAGE, epoch, n, &m};

	catchup_event(catchup, &event);
}

/* Answers events_since with the events from..to, all of `epoch`. */
static void page(const char *epoch, uint64_t from, uint64_t to, uint64_t last,
	uint64_t omitted)
{
	struct logged_event events[16];
	struct buf bodies[16];
	struct events_since_reply reply = {
		.epoch = epoch, .n = to, .last = last, .events = events};

	for (uint64_t n = from; n <= to; n++) {
		struct message m = message_of(n, n == omitted);
		struct buf *body = &bodies[reply.n_events];
		struct json_writer w;

		buf_init(body, 4096);
		json_begin(&w, body);
		codec_encode(&message_shape, &m, &w, NULL);
		events[reply.n_events++] = (struct logged_event){
			n, "message", {body->data, body->len}};
	}
	fake_answer(OK, &reply);
	for (uint32_t i = 0; i < reply.n_events; i++)
		buf_clear(&bodies[i]);
}

static void asked_since(const char *epoch, uint64_t n)
{
	const struct events_since_request *request =
		fake_asked(0, OP_EVENTS_SINCE);

	assert_int_equal(fake_open(), 1);
	assert_string_equal(request->epoch, epoch);
	assert_int_equal(request->n, n);
}

static void send_text(const char *text)
{
	const struct message_request *request = fake_asked(0, OP_MESSAGE);
	struct message m = message_of(1, false);
	struct message_reply reply = {&m};

	m.message_id = request->message_id;
	m.content = text;
	fake_answer(OK, &reply);
}

static void the_first_hello_is_a_resync_and_later_ones_are_not(void **state)
{
	(void)state;
	hear("e1", 6);
	catchup_hello(catchup, "e1", 7);
	assert_int_equal(resyncs, 1);
	hear("e1", 8);
	catchup_hello(catchup, "e1", 8);

	assert_int_equal(resyncs, 1);
	assert_int_equal(fake_open(), 0);
	assert_string_equal(applied, "m8=t8");
}

static void a_hole_is_filled_and_nothing_comes_twice(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear("e1", 8);
	hear("e1", 11); /* 9 and 10 were lost */
	hear("e1", 12);
	asked_since("e1", 8);
	assert_string_equal(applied, "m8=t8");

	page("e1", 9, 11, 11, 0);
	hear("e1", 13);

	assert_string_equal(
		applied, "m8=t8 m9=t9 m10=t10 m11=t11 m12=t12 m13=t13");
	assert_int_equal(fake_open(), 0);
}

static void a_beat_ahead_finds_what_was_lost_last(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	catchup_beat(catchup, "e1", 7);
	assert_int_equal(fake_open(), 0);

	catchup_beat(catchup, "e1", 8);
	asked_since("e1", 7);
	catchup_beat(catchup, "e1", 8); /* one question at a time */
	assert_int_equal(fake_open(), 1);
	page("e1", 8, 8, 8, 0);

	assert_string_equal(applied, "m8=t8");
}

static void pages_are_asked_for_until_the_last(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	catchup_beat(catchup, "e1", 11);
	page("e1", 8, 9, 11, 0);
	asked_since("e1", 9);
	page("e1", 10, 11, 11, 0);

	assert_string_equal(applied, "m8=t8 m9=t9 m10=t10 m11=t11");
}

static void another_epoch_is_never_applied_only_asked_about(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear("e2", 8);
	asked_since("e1", 7);
	assert_string_equal(applied, "");

	page("e2", 8, 8, 8, 0);
	hear("e2", 9);

	assert_string_equal(applied, "m8=t8 m9=t9");
}

static void a_reset_is_a_resync_and_starts_from_what_it_names(void **state)
{
	struct events_since_reply reset = {
		.reset = true, .epoch = "e9", .n = 100, .last = 100};

	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear("e9", 101);
	hear("e9", 102);
	asked_since("e1", 7);
	fake_answer(OK, &reset);
	assert_int_equal(resyncs, 2);

	hear("e9", 101);

	assert_string_equal(applied, "m101=t101");
}

static void a_question_without_answer_is_asked_again_at_the_next_beat(
	void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear("e1", 9);
	fake_answer(UNCONFIRMED, NULL);
	assert_int_equal(fake.drops, 1); /* unanswered too long */
	assert_int_equal(fake_open(), 0);

	catchup_beat(catchup, "e1", 9);
	asked_since("e1", 7);
	page("e1", 8, 9, 9, 0);

	assert_string_equal(applied, "m8=t8 m9=t9");
}

static void a_text_left_out_is_fetched_and_later_events_wait(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear_omitted("e1", 8);
	hear("e1", 9);
	catchup_beat(catchup, "e1", 9);
	assert_string_equal(applied, "");

	send_text("long");

	assert_string_equal(applied, "m8=long m9=t9");
	assert_int_equal(fake_open(), 0);
}

static void a_text_left_out_of_a_page_is_fetched_in_its_place(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	catchup_beat(catchup, "e1", 10);
	page("e1", 8, 10, 10, 9);
	assert_string_equal(applied, "m8=t8");

	send_text("long");

	assert_string_equal(applied, "m8=t8 m9=long m10=t10");
}

static void a_text_nobody_here_would_see_is_not_fetched(void **state)
{
	(void)state;
	wanted = false;
	catchup_hello(catchup, "e1", 7);
	hear_omitted("e1", 8);

	assert_int_equal(fake_open(), 0);
	assert_string_equal(applied, "m8=(none)");
}

static void an_event_whose_row_is_gone_is_applied_as_nothing(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear_omitted("e1", 8);
	fake_answer(NOT_FOUND, NULL);
	hear("e1", 9);

	assert_string_equal(applied, "m9=t9");
}

static void losing_the_line_in_a_page_repeats_none_of_it(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	catchup_beat(catchup, "e2", 10);
	page("e2", 8, 10, 10, 9);
	fake_answer(UNAVAILABLE, NULL); /* the text of 9 */
	assert_int_equal(fake_open(), 0);

	catchup_beat(catchup, "e2", 10);
	asked_since("e2", 8);
	page("e2", 9, 10, 10, 0);

	assert_string_equal(applied, "m8=t8 m9=t9 m10=t10");
}

static void events_of_a_newer_version_count_as_nothing(void **state)
{
	struct event_message unknown = {.event = -1, .epoch = "e1", .n = 8};

	(void)state;
	catchup_hello(catchup, "e1", 7);
	catchup_event(catchup, &unknown);
	hear("e1", 9);

	assert_string_equal(applied, "m9=t9");
	assert_int_equal(fake_open(), 0);
}

static void more_than_can_wait_is_asked_for_again(void **state)
{
	(void)state;
	catchup_hello(catchup, "e1", 7);
	hear("e1", 9);
	for (uint64_t n = 10; n < 10 + CATCHUP_WAITING_MAX + 5; n++)
		hear("e1", n);
	*applied = '\0';
	page("e1", 8, 9, 9, 0);
	/* 1024 waited: 10 to 1033. The rest is a hole for the next one. */
	*applied = '\0';
	hear("e1", 10 + CATCHUP_WAITING_MAX + 5);

	asked_since("e1", 9 + CATCHUP_WAITING_MAX);
	assert_string_equal(applied, "");
	fake_answer(UNAVAILABLE, NULL);
}

/* Events come live, each may be lost, and questions may go unanswered: what
 * is applied is always 1, 2, 3, ... */
static void whatever_is_lost_each_event_is_applied_once_and_in_order(
	void **state)
{
	uint64_t last = 0, seen = 0;

	(void)state;
	srand(11);
	catchup_hello(catchup, "e", 0);
	for (int i = 0; i < 20000 || seen < last; i++) {
		const char *at;

		*applied = '\0';
		if (i < 20000 && rand() % 2) {
			last++;
			if (rand() % 4)
				hear("e", last);
		}
		if (rand() % 3 == 0)
			catchup_beat(catchup, "e", last);
		if (fake_open() && rand() % 2) {
			const struct events_since_request *request =
				fake_asked(0, OP_EVENTS_SINCE);
			uint64_t to =
				request->n + 5 < last ? request->n + 5 : last;

			if (rand() % 5)
				page("e", request->n + 1, to, last, 0);
			else
				fake_answer(UNAVAILABLE, NULL);
		}
		for (at = applied; *at; at += strcspn(at, " ")) {
			at += *at == ' ';
			assert_int_equal(strtoull(at + 1, NULL, 10), ++seen);
		}
	}
	while (fake_open())
		fake_answer(UNAVAILABLE, NULL);
	assert_int_equal(seen, last);
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(the_first_hello_is_a_resync_and_later_ones_are_not),
		story(a_hole_is_filled_and_nothing_comes_twice),
		story(a_beat_ahead_finds_what_was_lost_last),
		story(pages_are_asked_for_until_the_last),
		story(another_epoch_is_never_applied_only_asked_about),
		story(a_reset_is_a_resync_and_starts_from_what_it_names),
		story(a_question_without_answer_is_asked_again_at_the_next_beat),
		story(a_text_left_out_is_fetched_and_later_events_wait),
		story(a_text_left_out_of_a_page_is_fetched_in_its_place),
		story(a_text_nobody_here_would_see_is_not_fetched),
		story(an_event_whose_row_is_gone_is_applied_as_nothing),
		story(losing_the_line_in_a_page_repeats_none_of_it),
		story(events_of_a_newer_version_count_as_nothing),
		story(more_than_can_wait_is_asked_for_again),
		story(whatever_is_lost_each_event_is_applied_once_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
