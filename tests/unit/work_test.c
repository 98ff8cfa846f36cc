/* work and turn against a link that the test plays. */

#include "agentd/work.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include "tests/agent/record.h"
#include "tests/unit/fake_caller.h"
#include <stdint.h>

#include <cmocka.h>

/* --- the rest of the link ---------------------------------------------------
 */

static struct {
	caller_fn *changed;
	subscriber_fn *on_event;
	void *caller_ctx, *subscriber_ctx;
	int subscriber_drops;
} peer;

struct caller *caller_open(struct loop *loop, const char *url,
	const struct link_tls *tls, caller_fn *changed, void *ctx)
{
	(void)loop;
	(void)url;
	(void)tls;
	peer.changed = changed;
	peer.caller_ctx = ctx;
	return FAKE_CALLER;
}

void caller_close(struct caller *caller)
{
	(void)caller;
	while (fake.first)
		call_drop(fake.first);
}

struct subscriber *subscriber_open(struct loop *loop, const char *url,
	const struct link_tls *tls, subscriber_fn *on_event, void *ctx)
{
	(void)loop;
	(void)url;
	(void)tls;
	peer.on_event = on_event;
	peer.subscriber_ctx = ctx;
	return (struct subscriber *)&peer;
}

void subscriber_close(struct subscriber *subscriber)
{
	(void)subscriber;
}

void subscriber_drop(struct subscriber *subscriber)
{
	(void)subscriber;
	peer.subscriber_drops++;
}

/* --- sessiond, played --------------------------------------------------------
 */

static struct {
	struct loop *loop;
	struct retrieve *retrieve;
	struct graph *graph;
	struct work *work;
	struct timer *look;
	bool (*until)(void);
	int looks, drained;
} f;

static struct work_settings settings = {.name = "agent-1",
	.boot = "boot-1",
	.requests_url = "tcp://127.0.0.1:1",
	.events_url = "tcp://127.0.0.1:2",
	.places = 2};

static const struct hello_reply greeting = {
	1, "their-boot", "e", 1, 1000, 15000};

static void look(void *ctx)
{
	(void)ctx;
	if (f.until() || ++f.looks > 60000)
		loop_stop(f.loop);
}

/* Turns the loop until something has come about; a minute at most. */
static void wait_until(bool (*until)(void))
{
	f.until = until;
	f.looks = 0;
	timer_start(f.look, 0, 1);
	loop_run(f.loop);
	timer_stop(f.look);
	assert_true(until());
}

static void open_work_thinking(int64_t think_ms)
{
	memset(&f, 0, sizeof(f));
	memset(&fake, 0, sizeof(fake));
	memset(&peer, 0, sizeof(peer));
	f.loop = loop_open();
	f.look = timer_open(f.loop, look, NULL);
	f.retrieve = retrieve_open(f.loop, NULL, NULL);
	f.graph = graph_open(f.loop, f.retrieve, think_ms);
	f.work = work_open(f.loop, &settings, f.graph);
}

static int open_work(void **state)
{
	(void)state;
	open_work_thinking(0);
	return 0;
}

static int open_slow_work(void **state)
{
	(void)state;
	open_work_thinking(3600 * 1000);
	return 0;
}

static bool nothing_runs(void)
{
	return graph_running(f.graph) == 0;
}

static int close_work(void **state)
{
	(void)state;
	work_close(f.work);
	wait_until(nothing_runs);
	graph_close(f.graph);
	retrieve_close(f.retrieve);
	timer_close(f.look);
	loop_close(f.loop);
	return 0;
}

static void connect_and_greet(void)
{
	fake.connected = true;
	peer.changed(peer.caller_ctx, true);
	assert_string_equal(
		((const struct hello_request *)fake_asked(0, OP_HELLO))->boot,
		"boot-1");
	fake_answer(OK, &greeting);
}

static void publish(enum event event, void *body)
{
	struct event_message message = {.event = (int)event, .body = body};

	peer.on_event(peer.subscriber_ctx, &message);
}

static void publish_ready(void)
{
	struct turn_ready body = {"t1"};

	publish(EV_TURN_READY, &body);
}

/* A question that the record answers without the thread pool. */
static struct grant grant_of(const char *turn, const char *lease)
{
	static struct message question = {.message_id = "m",
		.session_id = "s",
		.business_id = "B1",
		.user_id = "u",
		.type = "user",
		.content = "Cât costă o revizie?",
		.timestamp = 1,
		.seq = 1};

	return (struct grant){.turn_id = turn,
		.lease = lease,
		.lease_ms = 15000,
		.deadline_ms = 60000,
		.attempt = 1,
		.business_id = "B1",
		.user_id = "u",
		.session_id = "s",
		.messages = &question,
		.n_messages = 1,
		.tenant = {record_text, sizeof(record_text) - 1}};
}

/* The open claim, which must be the oldest call. */
static const struct claim_request *claimed(void)
{
	return fake_asked(0, OP_CLAIM);
}

static void grant_turns(struct grant *turns, uint32_t n)
{
	struct claim_reply reply = {
		.claim_no = claimed()->claim_no, .turns = turns, .n_turns = n};

	fake_answer(OK, &reply);
}

static struct call *call_of(enum op op)
{
	struct call *call = fake.first;

	while (call && call->op != op)
		call = call->next;
	return call;
}

static bool asked_finish(void)
{
	return call_of(OP_FINISH) != NULL;
}

static bool asked_claim(void)
{
	return call_of(OP_CLAIM) != NULL;
}

static bool asked_progress(void)
{
	return call_of(OP_PROGRESS) != NULL;
}

static bool asked_fail(void)
{
	return call_of(OP_FAIL) != NULL;
}

/* Answers the first open call of an op, wherever it stands in the row. */
static void answer(enum op op, enum status status, const void *body)
{
	struct call *call = call_of(op), **at = &fake.first;

	assert_non_null(call);
	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	call->next = fake.first;
	fake.first = call;
	fake_answer(status, body);
}

static void answer_progress(enum status status)
{
	struct progress_reply reply = {15000};

	answer(OP_PROGRESS, status, status == OK ? &reply : NULL);
}

static void answer_finish(enum status status)
{
	struct finish_reply reply = {.turn_id = "t1", .outcome = "answered"};

	answer(OP_FINISH, status, status == OK ? &reply : NULL);
}

/* --- stories
 * ------------------------------------------------------------------ */

static void hello_comes_first_and_then_a_claim(void **state)
{
	(void)state;
	assert_non_null(work_not_ready(f.work));
	assert_int_equal(fake_open(), 0);
	connect_and_greet();
	assert_null(work_not_ready(f.work));
	assert_int_equal(claimed()->claim_no, 1);
	assert_int_equal(claimed()->places, 2);
	assert_int_equal(claimed()->n_holds, 0);
	assert_string_equal(claimed()->agent, "agent-1");
	assert_string_equal(claimed()->boot, "boot-1");
	assert_true(fake.first->timeout_ms >= 10000);
}

static void there_is_one_claim_at_a_time(void **state)
{
	(void)state;
	connect_and_greet();
	publish_ready();
	publish_ready();
	assert_int_equal(fake_open(), 1);
	grant_turns(NULL, 0);
	/* what became ready meanwhile is asked for at once */
	assert_int_equal(claimed()->claim_no, 2);
	grant_turns(NULL, 0);
	assert_int_equal(fake_open(), 0);
	publish_ready();
	assert_int_equal(claimed()->claim_no, 3);
}

static void a_claim_is_made_every_second_without_being_asked(void **state)
{
	(void)state;
	connect_and_greet();
	grant_turns(NULL, 0);
	wait_until(asked_claim);
	assert_int_equal(claimed()->claim_no, 2);
}

static void a_claim_given_up_is_followed_by_the_next_number(void **state)
{
	(void)state;
	connect_and_greet();
	fake_answer(UNCONFIRMED, NULL);
	wait_until(asked_claim);
	assert_int_equal(claimed()->claim_no, 2);
}

static void a_reply_to_another_claim_is_not_used(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	struct claim_reply reply = {
		.claim_no = 77, .turns = &turn, .n_turns = 1};

	(void)state;
	connect_and_greet();
	fake_answer(OK, &reply);
	assert_int_equal(graph_running(f.graph), 0);
}

static void a_turn_is_begun_with_progress_and_ended_with_finish(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	const struct progress_request *progress;
	const struct finish_request *finish;

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	progress = fake_asked(0, OP_PROGRESS);
	assert_string_equal(progress->state, "started");
	assert_string_equal(progress->lease, "l1");
	answer_progress(OK);
	wait_until(asked_finish);
	finish = call_of(OP_FINISH)->request.body;
	assert_string_equal(finish->turn_id, "t1");
	assert_string_equal(finish->lease, "l1");
	assert_non_null(strstr(finish->content, "150 RON"));
	assert_true(json_valid(finish->sources.at, finish->sources.len));
	answer_finish(OK);
	/* the place is free: a claim at once */
	assert_int_equal(claimed()->places, 2);
	assert_int_equal(claimed()->n_holds, 0);
}

static void a_lease_is_held_until_its_finish_is_answered(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	char *said;

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	wait_until(asked_finish);
	said = xstrdup((
		(const struct finish_request *)call_of(OP_FINISH)->request.body)
			       ->content);
	for (int i = 0; i < 3; i++) {
		static const enum status troubles[] = {
			UNCONFIRMED, UNAVAILABLE, STORE_FULL};

		answer_finish(troubles[i]);
		publish_ready();
		if (i == 0) {
			assert_int_equal(claimed()->places, 1);
			assert_int_equal(claimed()->n_holds, 1);
			assert_string_equal(claimed()->holds[0], "l1");
		}
		wait_until(asked_finish);
		assert_string_equal(
			((const struct finish_request *)call_of(OP_FINISH)
					->request.body)
				->content,
			said);
	}
	free(said);
	answer_finish(OK);
}

static void a_finish_that_is_refused_becomes_a_fail(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	struct fail_reply reply = {"t1", "requeued"};

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	wait_until(asked_finish);
	answer_finish(TOO_LARGE);
	wait_until(asked_fail);
	assert_string_equal(
		((const struct fail_request *)call_of(OP_FAIL)->request.body)
			->lease,
		"l1");
	answer(OP_FAIL, OK, &reply);
	assert_true(asked_claim());
}

static void a_turn_that_cannot_be_answered_fails(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	struct message said = turn.messages[0];

	(void)state;
	said.type = "system";
	turn.messages = &said;
	connect_and_greet();
	grant_turns(&turn, 1);
	wait_until(asked_fail);
	assert_non_null(
		((const struct fail_request *)call_of(OP_FAIL)->request.body)
			->reason);
}

static void a_lost_lease_ends_the_turn_at_once(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	assert_int_equal(graph_running(f.graph), 1);
	answer_progress(STALE_LEASE);
	wait_until(nothing_runs);
	assert_int_equal(claimed()->places, 2);
	assert_int_equal(claimed()->n_holds, 0);
	assert_null(call_of(OP_FINISH));
}

static void a_finish_under_a_lost_lease_is_dropped(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	wait_until(asked_finish);
	/* the late word about the progress changes nothing: finish decides */
	answer_progress(STALE_LEASE);
	assert_true(asked_finish());
	answer_finish(STALE_LEASE);
	assert_int_equal(claimed()->n_holds, 0);
	assert_int_equal(fake_open(), 1);
}

static void a_cancelled_turn_stops_at_once(void **state)
{
	struct grant turns[2] = {grant_of("t1", "l1"), grant_of("t2", "l2")};
	struct turn_cancelled other = {"t1", "l0", "user"};
	struct turn_cancelled body = {"t1", "l1", "user"};

	(void)state;
	connect_and_greet();
	grant_turns(turns, 2);
	assert_int_equal(graph_running(f.graph), 2);
	publish(EV_TURN_CANCELLED, &other); /* of an earlier lease */
	assert_false(asked_claim());
	publish(EV_TURN_CANCELLED, &body);
	assert_true(asked_claim()); /* its place is free */
	assert_int_equal(
		((const struct claim_request *)call_of(OP_CLAIM)->request.body)
			->n_holds,
		1);
	assert_string_equal(
		((const struct claim_request *)call_of(OP_CLAIM)->request.body)
			->holds[0],
		"l2");
}

static void signs_of_life_are_given_while_a_turn_thinks(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	turn.lease_ms = 300; /* a short lease is kept too */
	connect_and_greet();
	grant_turns(&turn, 1);
	for (int i = 0; i < 3; i++) {
		wait_until(asked_progress);
		answer_progress(OK);
	}
	wait_until(asked_progress);
	assert_string_equal(
		((const struct progress_request *)call_of(OP_PROGRESS)
				->request.body)
			->state,
		"working");
}

static void no_more_turns_are_taken_than_there_are_places(void **state)
{
	struct grant turns[3] = {grant_of("t1", "l1"), grant_of("t2", "l2"),
		grant_of("t3", "l3")};

	(void)state;
	connect_and_greet();
	grant_turns(turns, 3);
	assert_int_equal(graph_running(f.graph), 2);
	publish_ready();
	assert_false(asked_claim()); /* all places are taken */
}

static void a_turn_granted_again_goes_on_under_the_new_lease(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	publish_ready();
	turn.lease = "l2";
	grant_turns(&turn, 1);
	publish_ready();
	assert_int_equal(
		((const struct claim_request *)call_of(OP_CLAIM)->request.body)
			->n_holds,
		1);
	assert_string_equal(
		((const struct claim_request *)call_of(OP_CLAIM)->request.body)
			->holds[0],
		"l2");
}

static void a_new_connection_begins_with_hello(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	publish_ready();
	peer.changed(peer.caller_ctx, false);
	assert_non_null(work_not_ready(f.work));
	fake_answer(UNCONFIRMED, NULL); /* the claim */
	publish_ready();
	assert_int_equal(fake_open(), 0); /* nobody is there */
	connect_and_greet();
	assert_int_equal(claimed()->claim_no, 3);
	assert_string_equal(claimed()->holds[0], "l1");
}

static bool dropped(void)
{
	return fake.drops > 0 && peer.subscriber_drops > 0;
}

static void a_silent_sessiond_is_dropped(void **state)
{
	(void)state;
	connect_and_greet();
	wait_until(dropped);
}

static bool beaten(void)
{
	struct beat body = {"their-boot"};

	publish(EV_BEAT, &body);
	return f.looks >= 5000;
}

static void a_sessiond_that_beats_is_kept(void **state)
{
	(void)state;
	connect_and_greet();
	wait_until(beaten);
	assert_int_equal(fake.drops, 0);
}

static void a_hello_that_is_refused_is_said_again(void **state)
{
	struct call *hello;

	(void)state;
	peer.changed(peer.caller_ctx, true);
	fake_answer(UNSUPPORTED_VERSION, NULL);
	assert_non_null(work_not_ready(f.work));
	assert_null(fake.first);
	while (!(hello = call_of(OP_HELLO)))
		wait_until(dropped); /* silence; hello comes meanwhile */
	assert_non_null(hello);
}

static void on_drained(void *ctx)
{
	(void)ctx;
	f.drained++;
	loop_stop(f.loop);
}

static bool is_drained(void)
{
	return f.drained > 0;
}

static void turns_in_hand_are_ended_before_stopping(void **state)
{
	struct grant turn = grant_of("t1", "l1");

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	work_drain(f.work, 60000, on_drained, NULL);
	wait_until(asked_finish);
	assert_int_equal(f.drained, 0);
	answer_finish(OK);
	wait_until(is_drained);
	assert_false(asked_claim()); /* none since */
	assert_int_equal(f.drained, 1);
}

static void what_cannot_be_ended_in_time_is_given_back(void **state)
{
	struct grant turn = grant_of("t1", "l1");
	const struct claim_request *claim;

	(void)state;
	connect_and_greet();
	grant_turns(&turn, 1);
	answer_progress(OK);
	work_drain(f.work, 50, on_drained, NULL);
	wait_until(asked_claim);
	claim = call_of(OP_CLAIM)->request.body;
	assert_int_equal(claim->places, 0);
	assert_int_equal(claim->n_holds, 0);
	assert_int_equal(f.drained, 0);
	grant_turns(NULL, 0);
	wait_until(is_drained);
	assert_null(call_of(OP_FINISH));
}

int main(void)
{
#define with_work(test) \
	cmocka_unit_test_setup_teardown(test, open_work, close_work)
#define with_slow_work(test) \
	cmocka_unit_test_setup_teardown(test, open_slow_work, close_work)
	const struct CMUnitTest tests[] = {
		with_work(hello_comes_first_and_then_a_claim),
		with_work(there_is_one_claim_at_a_time),
		with_work(a_claim_is_made_every_second_without_being_asked),
		with_work(a_claim_given_up_is_followed_by_the_next_number),
		with_work(a_reply_to_another_claim_is_not_used),
		with_work(a_turn_is_begun_with_progress_and_ended_with_finish),
		with_work(a_lease_is_held_until_its_finish_is_answered),
		with_work(a_finish_that_is_refused_becomes_a_fail),
		with_work(a_turn_that_cannot_be_answered_fails),
		with_slow_work(a_lost_lease_ends_the_turn_at_once),
		with_work(a_finish_under_a_lost_lease_is_dropped),
		with_slow_work(a_cancelled_turn_stops_at_once),
		with_slow_work(signs_of_life_are_given_while_a_turn_thinks),
		with_slow_work(no_more_turns_are_taken_than_there_are_places),
		with_slow_work(
			a_turn_granted_again_goes_on_under_the_new_lease),
		with_slow_work(a_new_connection_begins_with_hello),
		with_work(a_silent_sessiond_is_dropped),
		with_work(a_sessiond_that_beats_is_kept),
		with_work(a_hello_that_is_refused_is_said_again),
		with_work(turns_in_hand_are_ended_before_stopping),
		with_slow_work(what_cannot_be_ended_in_time_is_given_back),
	};

	log_open("test", "error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
