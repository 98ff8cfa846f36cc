#include "gateway/span.h"
#include "gateway/steer.h"
#include "shared/clock.h"
#include "shared/mem.h"
#include "tests/unit/fake_caller.h"
#include <inttypes.h>
#include <stdio.h>

/* --- replies -------------------------------------------------------------- */

struct reply_to {
	int number;
};

static struct {
	int count; /* sent */
	int freed; /* unsent */
	int number; /* the last one's */
	char status[8], body[2048];
} replies;

void reply_send(struct channels *channels, struct reply_to *reply,
	const char *status, struct span response)
{
	assert_ptr_equal(channels, &replies);
	replies.count++;
	replies.number = reply->number;
	snprintf(replies.status, sizeof(replies.status), "%s", status);
	snprintf(replies.body, sizeof(replies.body), "%.*s", (int)response.len,
		response.at);
	free(reply);
}

void reply_free(struct reply_to *reply)
{
	replies.freed += reply != NULL;
	free(reply);
}

/* --- who asks ------------------------------------------------------------- */

static const struct steerer ana = {
	.conn_serial = 1, .business_id = "B1", .user_id = "ana", .text = true};
static const struct steerer nobody = {
	.conn_serial = 2, .business_id = "B1", .user_id = "", .text = true};
static const struct steerer dana = {.conn_serial = 3,
	.business_id = "B1",
	.user_id = "coordinator:dana",
	.coordinator = true,
	.text = true};

static struct steer *steer;
static int last_number;

static int begin(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&replies, 0, sizeof(replies));
	steer = steer_open(FAKE_CALLER, 8000);
	return 0;
}

static int end(void **state)
{
	(void)state;
	steer_close(steer);
	return fake_open();
}

static bool push(
	const struct steerer *who, const char *event, const char *payload)
{
	struct reply_to *reply = xalloc(sizeof(*reply));
	bool ours;

	reply->number = ++last_number;
	ours = steer_event(steer, (struct channels *)&replies, who, event,
		span_of(payload), reply);
	if (!ours)
		free(reply);
	return ours;
}

/* Pushes what must be refused at once; the code it is refused with. */
static const char *refused(
	const struct steerer *who, const char *event, const char *payload)
{
	static char code[64];
	int before = replies.count;

	assert_true(push(who, event, payload));
	assert_int_equal(replies.count, before + 1);
	assert_string_equal(replies.status, "error");
	assert_int_equal(
		sscanf(replies.body, "{\"code\":\"%63[a-z_]\"", code), 1);
	return code;
}

static struct session session = {.session_id = "s1",
	.business_id = "B1",
	.user_id = "ana",
	.status = "resolved",
	.created_at = 1,
	.updated_at = 2,
	.last_message_at = 1,
	.day = "1970-01-01",
	.rev = 2};

static void answer_owner(const char *business_id, const char *user_id)
{
	struct conversation_reply owner = {.business_id = business_id,
		.user_id = user_id,
		.handler = "bot",
		.session = &session};

	fake_answer(OK, &owner);
}

/* --- states --------------------------------------------------------------- */

static void a_user_without_more_words_means_todays_session(void **state)
{
	static const struct {
		const char *event, *to;
	} rows[] = {
		{"resolve", "resolved"},
		{"close", "closed"},
		{"reopen", "active"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct set_status_reply reply = {.session = &session};
		const struct set_status_request *request;
		int64_t ms;

		assert_true(push(&ana, rows[i].event, "{}"));
		request = fake_asked(0, OP_SET_STATUS);
		assert_int_equal(
			sscanf(request->session_id, "B1:ana:%" SCNd64, &ms), 1);
		assert_true(clock_wall_ms() - ms < 60000);
		assert_string_equal(request->status, rows[i].to);
		assert_string_equal(request->by, "user:ana");
		assert_int_equal(fake.first->timeout_ms, 8000);
		fake_answer(OK, &reply);
		assert_string_equal(replies.status, "ok");
		assert_non_null(strstr(replies.body, "{\"sessionId\":\"s1\""));
	}
	/* Old clients push null for nothing. */
	assert_true(push(&ana, "resolve", "null"));
	fake_answer(NOT_FOUND, NULL);
	assert_string_equal(replies.status, "error");
}

static void a_named_session_must_be_ones_own(void **state)
{
	static const struct {
		const char *business, *user;
	} others[] = {{"B1", "bob"}, {"B2", "ana"}};
	const struct set_status_request *request;

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		assert_true(push(&ana, "close", "{\"sessionId\":\"s1\"}"));
		assert_non_null(fake_asked(0, OP_CONVERSATION));
		answer_owner(others[i].business, others[i].user);
		assert_int_equal(fake_open(), 0);
		assert_non_null(strstr(replies.body, "not_found"));
	}
	push(&ana, "close", "{\"sessionId\":\"s1\"}");
	fake_answer(UNCONFIRMED, NULL); /* nothing was done yet */
	assert_non_null(strstr(replies.body, "\"code\":\"unavailable\""));

	assert_true(push(
		&ana, "close", "{\"sessionId\":\"s1\",\"reason\":\"bye\"}"));
	answer_owner("B1", "ana");
	request = fake_asked(0, OP_SET_STATUS);
	assert_string_equal(request->session_id, "s1");
	assert_string_equal(request->reason, "bye");
}

static void what_is_not_allowed_says_what_is(void **state)
{
	static const char *allowed[] = {"active", "closed"};
	struct set_status_reply reply = {
		.session = &session, .allowed = allowed, .n_allowed = 2};

	(void)state;
	push(&ana, "resolve", "{}");
	fake_answer(CONFLICT, &reply);
	assert_string_equal(replies.status, "error");
	assert_string_equal(replies.body,
		"{\"code\":\"conflict\",\"message\":\"said so\",\"status\":"
		"\"resolved\",\"allowed\":[\"active\",\"closed\"]}");
}

static void a_client_that_writes_html_gets_entities(void **state)
{
	struct steerer page = ana;
	struct session marked = session;
	struct set_status_reply reply = {.session = &marked};

	(void)state;
	page.text = false;
	marked.business_type = "<b>";
	push(&page, "resolve", "{}");
	fake_answer(OK, &reply);
	assert_non_null(strstr(replies.body, "&lt;b&gt;"));
}

/* --- cancelling ----------------------------------------------------------- */

static void a_user_cancels_all_its_turns_or_one(void **state)
{
	static const char *turns[] = {"t1-1"};
	struct cancel_reply reply = {
		.ended_turns = turns, .n_ended_turns = 1, .message_id = "m9"};
	const struct cancel_request *request;

	(void)state;
	push(&ana, "cancel", "{}");
	request = fake_asked(0, OP_CANCEL);
	assert_string_equal(request->user_id, "ana");
	assert_string_equal(request->by, "user:ana");
	assert_null(request->turn_id);
	assert_null(request->session_id);
	fake_answer(OK, &reply);
	assert_string_equal(replies.body,
		"{\"endedTurns\":[\"t1-1\"],\"messageId\":\"m9\"}");

	push(&ana, "cancel", "{\"turnId\":\"t1-1\"}");
	request = fake_asked(0, OP_CANCEL);
	assert_string_equal(request->turn_id, "t1-1");
}

/* --- coordinators --------------------------------------------------------- */

static void a_coordinator_says_whom_it_means(void **state)
{
	const struct set_status_request *status;
	const struct cancel_request *cancel;

	(void)state;
	assert_string_equal(refused(&dana, "resolve", "{}"), "missing_field");
	assert_string_equal(refused(&dana, "cancel", "{}"), "missing_field");
	assert_string_equal(
		refused(&dana, "take_over", "{\"sessionId\":\"s1\"}"),
		"missing_field");

	push(&dana, "resolve", "{\"userId\":\"ana\"}");
	status = fake_asked(0, OP_SET_STATUS);
	assert_int_equal(strncmp(status->session_id, "B1:ana:", 7), 0);
	assert_string_equal(status->by, "coordinator:dana");
	fake_answer(NOT_FOUND, NULL);

	push(&dana, "cancel", "{\"sessionId\":\"s1\"}");
	answer_owner("B1", "ana");
	cancel = fake_asked(0, OP_CANCEL);
	assert_string_equal(cancel->user_id, "ana");
	assert_string_equal(cancel->session_id, "s1");
	fake_answer(NOT_FOUND, NULL);

	push(&dana, "cancel", "{\"sessionId\":\"s1\"}");
	answer_owner("B2", "ana");
	assert_int_equal(fake_open(), 0);
	assert_non_null(strstr(replies.body, "not_found"));
}

static void only_coordinators_say_who_handles(void **state)
{
	struct set_handler_reply reply = {.handler = "person"};
	const struct set_handler_request *request;

	(void)state;
	assert_string_equal(refused(&ana, "take_over", "{}"), "forbidden");
	assert_string_equal(refused(&ana, "hand_back", "{}"), "forbidden");
	push(&dana, "take_over", "{\"userId\":\"ana\"}");
	request = fake_asked(0, OP_SET_HANDLER);
	assert_string_equal(request->handler, "person");
	assert_string_equal(request->by, "coordinator:dana");
	fake_answer(OK, &reply);
	assert_string_equal(replies.body,
		"{\"businessId\":\"B1\",\"userId\":\"ana\",\"handler\":"
		"\"person\",\"endedTurns\":[]}");
	push(&dana, "hand_back", "{\"userId\":\"ana\"}");
	request = fake_asked(0, OP_SET_HANDLER);
	assert_string_equal(request->handler, "bot");
}

/* --- what is refused ------------------------------------------------------ */

static void what_makes_no_sense_is_refused_without_asking(void **state)
{
	static const struct {
		const struct steerer *who;
		const char *payload, *code;
	} rows[] = {
		{&ana, "", "bad_request"},
		{&ana, "[]", "bad_request"},
		{&ana, "7", "bad_request"},
		{&ana, "{\"sessionId\":7}", "bad_request"},
		{&ana, "{\"sessionId\":\"\"}", "bad_request"},
		{&ana, "{\"sessionId\":\"ș\"}", "bad_request"},
		{&ana, "{\"turnId\":\"123456789012345678901234567890123\"}",
			"bad_request"},
		{&ana, "{\"reason\":\"deleted\"}", "bad_request"},
		{&ana, "{\"userId\":\"bob\"}", "forbidden"},
		{&nobody, "{}", "forbidden"},
		{&nobody, "{\"userId\":\"bob\"}", "forbidden"},
		{&dana, "{\"userId\":\"agent\"}", "bad_request"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(
			refused(rows[i].who, "resolve", rows[i].payload),
			rows[i].code);
	assert_int_equal(fake_open(), 0);
}

static void other_events_are_not_ours(void **state)
{
	(void)state;
	assert_false(push(&ana, "new_message", "{}"));
	assert_false(push(&ana, "", "{}"));
	assert_false(push(&ana, "Resolve", "{}"));
	assert_int_equal(replies.count, 0);
}

static void one_connection_cannot_have_many_open(void **state)
{
	(void)state;
	for (int i = 0; i < STEER_PER_CONN; i++)
		push(&ana, "cancel", "{}");
	assert_string_equal(refused(&ana, "cancel", "{}"), "rate_limited");
	push(&dana, "cancel", "{\"userId\":\"ana\"}");
	assert_int_equal(fake_open(), STEER_PER_CONN + 1);
	fake_answer(UNCONFIRMED, NULL);
	assert_non_null(strstr(replies.body, "unconfirmed"));
	push(&ana, "cancel", "{}");
	assert_int_equal(fake_open(), STEER_PER_CONN + 1);
}

static void the_longest_name_can_be_said_to_sessiond(void **state)
{
	char name[ID_MAX + 1];
	struct steerer who = ana;
	const struct cancel_request *request;

	(void)state;
	memset(name, 'n', ID_MAX);
	name[ID_MAX] = '\0';
	who.user_id = name;
	push(&who, "cancel", "{}");
	request = fake_asked(0, OP_CANCEL);
	assert_string_equal(request->user_id, name);
	assert_int_equal(strlen(request->by), ID_MAX);
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_user_without_more_words_means_todays_session),
		story(a_named_session_must_be_ones_own),
		story(what_is_not_allowed_says_what_is),
		story(a_client_that_writes_html_gets_entities),
		story(a_user_cancels_all_its_turns_or_one),
		story(a_coordinator_says_whom_it_means),
		story(only_coordinators_say_who_handles),
		story(what_makes_no_sense_is_refused_without_asking),
		story(other_events_are_not_ours),
		story(one_connection_cannot_have_many_open),
		story(the_longest_name_can_be_said_to_sessiond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
