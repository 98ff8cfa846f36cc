#include "gateway/rest.h"
#include "tests/unit/fake_caller.h"
#include "tests/unit/fake_http.h"

/* --- what is sent on its way to be stored --------------------------------- */

static struct {
	enum status status; /* of the submission */
	int count;
	uint64_t conn_serial;
	char source[16], user_id[64], content[64];
	char client_message_id[ID_MAX + 1], external_id[ID_MAX + 1];
	append_fn *done;
	void *ctx;
} sent;

static void keep(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

enum status messages_send(struct messages *messages, uint64_t conn_serial,
	const struct append_item *item, append_fn *done, void *ctx)
{
	(void)messages;
	sent.count++;
	sent.conn_serial = conn_serial;
	keep(sent.source, sizeof(sent.source), item->source);
	keep(sent.user_id, sizeof(sent.user_id), item->user_id);
	keep(sent.content, sizeof(sent.content), item->content);
	keep(sent.client_message_id, sizeof(sent.client_message_id),
		item->client_message_id);
	keep(sent.external_id, sizeof(sent.external_id), item->external_id);
	sent.done = done;
	sent.ctx = ctx;
	return sent.status;
}

static void stored(enum status status, bool duplicate)
{
	struct append_result result = {.session_id = "a b/c",
		.message_id = "m1",
		.seq = 3,
		.timestamp = 1000};
	struct append_outcome outcome = {.status = status,
		.error = status_text(status),
		.result = &result,
		.duplicate = duplicate};

	sent.done(sent.ctx, &outcome);
}

/* --- requests ------------------------------------------------------------- */

static struct rest *rest;

static int begin(void **state)
{
	static const struct rest_settings settings = {
		.origins = {true, ""}, .deadline_ms = 5000};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	memset(&sent, 0, sizeof(sent));
	rest = rest_open(FAKE_CALLER, NULL, NULL, &settings);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rest_close(rest);
	return fake_open();
}

static void post(struct http *http, const char *path, const char *body)
{
	*http = fake_request(HTTP_POST, path);
	http->request.content_type = "application/json";
	http->request.body = body;
	http->request.body_len = strlen(body);
	rest_request(rest, http);
}

static int status_of(const char *path, const char *body)
{
	struct http http;

	post(&http, path, body);
	return http.status;
}

static struct session ended = {.session_id = "s1",
	.business_id = "B1",
	.user_id = "ana",
	.status = "resolved",
	.created_at = 1,
	.updated_at = 2,
	.last_message_at = 1,
	.day = "1970-01-01",
	.rev = 2};

/* --- bodies --------------------------------------------------------------- */

static void a_body_must_say_that_it_is_json(void **state)
{
	static const struct {
		const char *type;
		int status;
	} rows[] = {
		{"application/json", 0},
		{"Application/JSON; charset=utf-8", 0},
		{"application/json ;x", 0},
		{"text/plain", 415},
		{"application/jsonp", 415},
		{"", 415},
		{NULL, 415},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http http =
			fake_request(HTTP_POST, "/api/sessions/s1/resolve");

		http.request.content_type = rows[i].type;
		http.request.body = "{}";
		http.request.body_len = 2;
		rest_request(rest, &http);
		assert_int_equal(http.status, rows[i].status);
		if (!http.status)
			rest_gone(rest, &http);
	}
}

static void a_body_that_is_no_object_is_refused_without_asking(void **state)
{
	static const char *const bad[] = {"[]", "null", "1", "\"x\"", "{",
		"{\"reason\":1}", "{\"reason\":\"\"}", "{\"reason\":[]}",
		"{\"reason\":\"șters\"}", "{\"reason\":\"rollover\"}",
		"{\"reason\":\"deleted\"}", "{\"reason\":\"user_message\"}",
		("{\"reason\":\"1234567890123456789012345678901234567890123456"
		 "7890123456789012345\"}")};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(
			status_of("/api/sessions/s1/close", bad[i]), 400);
}

/* --- states --------------------------------------------------------------- */

static void a_transition_is_asked_for_and_its_session_shown(void **state)
{
	static const struct {
		const char *path, *body, *to, *reason;
	} rows[] = {
		{"/api/sessions/s1/resolve", "{\"reason\":\"done\"}",
			"resolved", "done"},
		{"/api/sessions/s1/close", "", "closed", NULL},
		{"/api/sessions/s1/reopen", "{\"reason\":null}", "active",
			NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct set_status_reply reply = {.session = &ended};
		const struct set_status_request *request;
		struct http http;

		post(&http, rows[i].path, rows[i].body);
		request = fake_asked(0, OP_SET_STATUS);
		assert_string_equal(request->session_id, "s1");
		assert_string_equal(request->status, rows[i].to);
		assert_string_equal(request->by, "service:rest");
		if (rows[i].reason)
			assert_string_equal(request->reason, rows[i].reason);
		else
			assert_null(request->reason);
		fake_answer(OK, &reply);
		assert_int_equal(http.status, 200);
		assert_non_null(strstr(http.body, "\"status\":\"resolved\""));
	}
}

static void what_is_not_allowed_says_what_is(void **state)
{
	static const char *allowed[] = {"active", "closed"};
	struct set_status_reply reply = {
		.session = &ended, .allowed = allowed, .n_allowed = 2};
	struct http http;

	(void)state;
	post(&http, "/api/sessions/s1/resolve", "");
	fake_answer(CONFLICT, &reply);

	assert_int_equal(http.status, 409);
	assert_string_equal(http.body,
		"{\"error\":{\"code\":\"conflict\",\"message\":\"said so\","
		"\"status\":\"resolved\",\"allowed\":["
		"\"active\",\"closed\"]}}");
}

static void not_knowing_whether_it_was_done_is_told_as_such(void **state)
{
	struct http http;

	(void)state;
	post(&http, "/api/sessions/s1/resolve", "");
	fake_answer(UNCONFIRMED, NULL);
	assert_int_equal(http.status, 504);
	assert_non_null(strstr(http.body, "\"code\":\"unconfirmed\""));

	post(&http, "/api/sessions/s1/resolve", "");
	fake_answer(UNAVAILABLE, NULL);
	assert_int_equal(http.status, 503);
	assert_true(has_header(&http, "Retry-After: 1\n"));
}

/* --- the rest ------------------------------------------------------------- */

static void a_cancel_asks_whose_session_it_is_and_ends_its_turns(void **state)
{
	static const char *turns[] = {"t1-1"};
	struct conversation_reply owner = {.business_id = "B1",
		.user_id = "ana",
		.handler = "bot",
		.session = &ended};
	struct cancel_reply cancelled = {
		.ended_turns = turns, .n_ended_turns = 1};
	const struct conversation_request *asked;
	const struct cancel_request *request;
	struct http http;

	(void)state;
	post(&http, "/api/sessions/B1:ana:0/cancel", "");
	asked = fake_asked(0, OP_CONVERSATION);
	assert_string_equal(asked->session_id, "B1:ana:0");
	fake_answer(OK, &owner);
	request = fake_asked(0, OP_CANCEL);
	assert_string_equal(request->business_id, "B1");
	assert_string_equal(request->user_id, "ana");
	assert_string_equal(request->session_id, "s1");
	fake_answer(OK, &cancelled);

	assert_int_equal(http.status, 200);
	assert_string_equal(
		http.body, "{\"sessionId\":\"s1\",\"endedTurns\":[\"t1-1\"]}");
}

static void what_is_forgotten_is_gone_once(void **state)
{
	struct forget_reply deleted = {.deleted = true}, gone = {0};
	struct http first = fake_request(HTTP_DELETE, "/api/sessions/s1");
	struct http again = first;

	(void)state;
	rest_request(rest, &first);
	fake_answer(OK, &deleted);
	assert_int_equal(first.status, 204);
	assert_string_equal(first.type, "");

	rest_request(rest, &again);
	fake_answer(OK, &gone);
	assert_int_equal(again.status, 404);
}

static void who_handles_must_be_a_person_or_the_bot(void **state)
{
	static const char *const path = "/api/business/B1/users/ana/handler";
	struct set_handler_reply reply = {.handler = "person"};
	const struct set_handler_request *request;
	struct http http;

	(void)state;
	assert_int_equal(status_of(path, ""), 400);
	assert_int_equal(status_of(path, "{}"), 400);
	assert_int_equal(status_of(path, "{\"handler\":1}"), 400);
	assert_int_equal(status_of(path, "{\"handler\":\"me\"}"), 400);
	assert_int_equal(status_of("/api/business/B1/users/agent/handler",
				 "{\"handler\":\"bot\"}"),
		400);
	post(&http, path, "{\"handler\":\"person\"}");
	request = fake_asked(0, OP_SET_HANDLER);
	assert_string_equal(request->user_id, "ana");
	assert_string_equal(request->handler, "person");
	fake_answer(OK, &reply);
	assert_int_equal(http.status, 200);
}

static void a_turn_is_requeued_by_its_name(void **state)
{
	struct requeue_reply reply = {.turn_id = "t1-1", .state = "queued"};
	struct http http;

	(void)state;
	assert_int_equal(
		status_of("/api/turns/t12345678901234567890123456789012/"
			  "requeue",
			""),
		404);
	post(&http, "/api/turns/t1-1/requeue", "");
	fake_answer(OK, &reply);
	assert_string_equal(
		http.body, "{\"turnId\":\"t1-1\",\"state\":\"queued\"}");
}

/* --- messages ------------------------------------------------------------- */

#define SALUT \
	"{\"businessId\":\"B1\",\"locationId\":\"default\",\"userId\":" \
	"\"ana\"," \
	"\"message\":\"Salut\""

static void a_message_is_sent_like_any_other_and_says_where_to_look(
	void **state)
{
	struct http http;

	(void)state;
	post(&http, "/api/messages", SALUT "}");
	assert_int_equal(http.status, 0);
	assert_int_equal(sent.conn_serial, 7);
	assert_string_equal(sent.source, "webhook");
	assert_string_equal(sent.user_id, "ana");
	assert_string_equal(sent.content, "Salut");
	assert_string_equal(sent.client_message_id, "");
	stored(OK, false);

	assert_int_equal(http.status, 202);
	assert_string_equal(http.body,
		"{\"sessionId\":\"a b/c\",\"messageId\":\"m1\",\"seq\":3,"
		"\"timestamp\":\"1970-01-01T00:00:01.000Z\",\"poll\":\""
		"/api/sessions/a%20b%2Fc/messages?after="
		"1970-01-01T00:00:01.000Z\"}");
}

static void an_external_id_makes_a_message_unique(void **state)
{
	struct http http;

	(void)state;
	post(&http, "/api/messages",
		SALUT ",\"source\":\"cron\",\"externalId\":\"order 7\"}");
	assert_string_equal(sent.source, "cron");
	assert_string_equal(sent.client_message_id, "ext:order 7");
	assert_string_equal(sent.external_id, "order 7");
	stored(OK, true);
	assert_non_null(strstr(http.body, "\"duplicate\":true"));
}

static void each_fault_of_a_message_is_named(void **state)
{
	static const struct {
		const char *body, *names;
	} rows[] = {
		{"{}", "businessId, locationId, userId, message"},
		{"[]", "businessId"},
		{"{", "JSON"},
		{SALUT ",\"source\":\"websocket\"}", "source"},
		{SALUT ",\"source\":1}", "source"},
		{SALUT ",\"externalId\":\"\"}", "externalId"},
		{SALUT ",\"externalId\":7}", "externalId"},
		{SALUT ",\"externalId\":\"ș\"}", "externalId"},
		{SALUT ",\"externalId\":\"a\",\"clientMessageId\":\"b\"}",
			"externalId and clientMessageId"},
		{SALUT ",\"metadata\":[]}", "metadata"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http http;

		post(&http, "/api/messages", rows[i].body);
		assert_int_equal(http.status, 400);
		assert_non_null(strstr(http.body, rows[i].names));
	}
	assert_int_equal(sent.count, 0);
}

static void a_message_that_was_not_stored_has_its_status(void **state)
{
	static const struct {
		enum status status;
		int http;
	} rows[] = {
		{UNCONFIRMED, 504},
		{UNAVAILABLE, 503},
		{STORE_FULL, 507},
		{IDEMPOTENCY_CONFLICT, 409},
		{RATE_LIMITED, 429},
		{TOO_LARGE, 413},
		{UNKNOWN_BUSINESS, 404},
	};
	struct http http;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		post(&http, "/api/messages", SALUT "}");
		stored(rows[i].status, false);
		assert_int_equal(http.status, rows[i].http);
		assert_non_null(strstr(http.body, status_code(rows[i].status)));
	}
	sent.status = RATE_LIMITED;
	post(&http, "/api/messages", SALUT "}");
	assert_int_equal(http.status, 429);
}

static void a_message_is_stored_also_when_its_sender_went_away(void **state)
{
	struct http http;

	(void)state;
	post(&http, "/api/messages", SALUT "}");
	rest_gone(rest, &http);
	stored(OK, false);
	assert_int_equal(http.status, 0);
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_body_must_say_that_it_is_json),
		story(a_body_that_is_no_object_is_refused_without_asking),
		story(a_transition_is_asked_for_and_its_session_shown),
		story(what_is_not_allowed_says_what_is),
		story(not_knowing_whether_it_was_done_is_told_as_such),
		story(a_cancel_asks_whose_session_it_is_and_ends_its_turns),
		story(what_is_forgotten_is_gone_once),
		story(who_handles_must_be_a_person_or_the_bot),
		story(a_turn_is_requeued_by_its_name),
		story(a_message_is_sent_like_any_other_and_says_where_to_look),
		story(an_external_id_makes_a_message_unique),
		story(each_fault_of_a_message_is_named),
		story(a_message_that_was_not_stored_has_its_status),
		story(a_message_is_stored_also_when_its_sender_went_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
