#include "gateway/dto.h"
#include "gateway/span.h"
#include "shared/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const evil = "<b>\"Tom\" & 'Ann'</b>";
static const char *const tame = "&lt;b&gt;&quot;Tom&quot; &amp; "
				"&#39;Ann&#39;&lt;/b&gt;";

static struct json *parsed(const struct buf *out)
{
	struct json *root = json_parse(out->data, out->len);

	assert_false(out->full);
	assert_non_null(root);
	return root;
}

static void strings_inside_json_are_escaped_however_they_are_written(
	void **state)
{
	static const struct {
		const char *json, *escaped;
	} rows[] = {
		{"[]", "[]"},
		{"12345678901234567890.5e3", "12345678901234567890.5e3"},
		{"\"a<b\"", "\"a&lt;b\""},
		{"\"a\\\"b\"", "\"a&quot;b\""},
		{"\"it's\"", "\"it&#39;s\""},
		{"\"\\u003cB\\u003E\\u0026\"", "\"&lt;B&gt;&amp;\""},
		{"\"\\u0022\\u0027\"", "\"&quot;&#39;\""},
		{"\"\\u00e9\\u0000\"", "\"\\u00e9\\u0000\""},
		{"\"\\\\<\"", "\"\\\\&lt;\""},
		{"\"\\\\\\\"<\"", "\"\\\\&quot;&lt;\""},
		{"\"\\\\\"", "\"\\\\\""},
		{"{\"a&b\": [1, {\"c\": \"<\"}] }",
			"{\"a&amp;b\": [1, {\"c\": \"&lt;\"}] }"},
		{"\"ș<🙂\"", "\"ș&lt;🙂\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out;

		assert_true(json_valid(rows[i].json, strlen(rows[i].json)));
		buf_init(&out, 4096);
		dto_escape_json(&out, span_of(rows[i].json));
		assert_string_equal(out.data, rows[i].escaped);
		assert_true(json_valid(out.data, out.len));
		buf_clear(&out);
	}
}

static const struct message answer = {.message_id = "m2",
	.session_id = "s1",
	.business_id = "B1",
	.user_id = "agent",
	.type = "agent",
	.content = "<b>\"Tom\" & 'Ann'</b>",
	.timestamp = 1795357813696,
	.seq = 2,
	.sender = "ana",
	.in_reply_to = (const char *[]){"m1"},
	.n_in_reply_to = 1,
	.sources = {"[{\"title\":\"<i>\"}]", 17},
	.kind = "fallback",
	.partial = true};

static void an_answer_has_the_guides_five_fields_and_more(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, DTO_EVENT_BYTES);
	dto_new_message(&out, &answer, false);

	assert_string_equal(out.data,
		"{\"responseId\":\"m2\",\"messageId\":\"m2\",\"message\":"
		"\"<b>\\\"Tom\\\" & 'Ann'</b>\",\"actions\":[],"
		"\"timestamp\":\"2026-11-22T14:30:13.696Z\","
		"\"sessionId\":\"s1\",\"seq\":2,\"inReplyTo\":[\"m1\"],"
		"\"sender\":\"agent\",\"sources\":[{\"title\":\"<i>\"}],"
		"\"userId\":\"ana\",\"partial\":true,"
		"\"kind\":\"fallback\"}");
	buf_clear(&out);
}

static void a_page_that_did_not_declare_itself_gets_no_markup(void **state)
{
	struct json *root;
	struct buf out;

	(void)state;
	buf_init(&out, DTO_EVENT_BYTES);
	dto_new_message(&out, &answer, true);
	root = parsed(&out);

	assert_string_equal(json_str(root, "message"), tame);
	assert_null(strpbrk(json_str(root, "message"), "<>\"'"));
	assert_non_null(strstr(out.data, "{\"title\":\"&lt;i&gt;\"}"));
	json_free(root);
	buf_clear(&out);
}

static void a_person_speaks_as_a_person(void **state)
{
	struct message m = answer;
	struct json *root;
	struct buf out;

	(void)state;
	m.user_id = "coordinator:maria";
	buf_init(&out, DTO_EVENT_BYTES);
	dto_new_message(&out, &m, true);
	root = parsed(&out);

	assert_string_equal(json_str(root, "sender"), "person");
	json_free(root);
	buf_clear(&out);
}

static void history_has_exactly_the_guides_shape(void **state)
{
	struct message list[] = {{.message_id = "m1",
					 .session_id = "s1",
					 .business_id = "B1",
					 .user_id = "ana",
					 .type = "user",
					 .content = "a<b",
					 .timestamp = 1,
					 .seq = 1,
					 .source = "webhook",
					 .external_id = "x9",
					 .client_message_id = "c1",
					 .client_timestamp = 5,
					 .metadata = {"{\"k\":\"<\"}", 9}},
		answer};
	struct history_reply reply = {.session_id = "s1",
		.business_id = "B1",
		.user_id = "ana",
		.messages = list,
		.n_messages = 2,
		.has_more = true,
		.next = 1};
	struct buf out;

	(void)state;
	buf_init(&out, DTO_PAGE_BYTES);
	dto_history(&out, &reply, true);

	assert_string_equal(out.data,
		"{\"sessionId\":\"s1\",\"businessId\":\"B1\",\"userId\":"
		"\"ana\",\"messages\":[{\"messageId\":\"m1\",\"sessionId\":"
		"\"s1\",\"businessId\":\"B1\",\"userId\":\"ana\",\"content\":"
		"\"a&lt;b\",\"type\":\"user\",\"timestamp\":"
		"\"1970-01-01T00:00:00.001Z\",\"metadata\":{\"source\":"
		"\"webhook\",\"externalId\":\"x9\",\"seq\":1,"
		"\"clientMessageId\":\"c1\",\"clientTimestamp\":"
		"\"1970-01-01T00:00:00.005Z\",\"client\":{\"k\":\"&lt;\"}}},"
		"{\"messageId\":\"m2\",\"sessionId\":\"s1\",\"businessId\":"
		"\"B1\",\"userId\":\"agent\",\"content\":\"&lt;b&gt;&quot;Tom"
		"&quot; &amp; &#39;Ann&#39;&lt;/b&gt;\",\"type\":\"agent\","
		"\"timestamp\":\"2026-11-22T14:30:13.696Z\",\"metadata\":"
		"{\"source\":\"websocket\",\"responseId\":\"m2\",\"seq\":2,"
		"\"sender\":\"agent\",\"inReplyTo\":[\"m1\"],\"sources\":"
		"[{\"title\":\"&lt;i&gt;\"}],\"kind\":\"fallback\","
		"\"partial\":true}}],\"pagination\":{\"hasMore\":true,"
		"\"nextCursor\":\"1970-01-01T00:00:00.001Z\"}}");
	buf_clear(&out);
}

static void an_empty_history_has_no_cursor(void **state)
{
	struct history_reply reply = {.session_id = "B1:ana:0",
		.business_id = "B1",
		.user_id = "ana"};
	struct buf out;

	(void)state;
	buf_init(&out, DTO_PAGE_BYTES);
	dto_history(&out, &reply, true);

	assert_string_equal(out.data,
		"{\"sessionId\":\"B1:ana:0\",\"businessId\":\"B1\","
		"\"userId\":\"ana\",\"messages\":[],\"pagination\":"
		"{\"hasMore\":false,\"nextCursor\":null}}");
	buf_clear(&out);
}

static void active_sessions_have_exactly_the_guides_shape(void **state)
{
	struct session session = {.session_id = "s1",
		.business_id = "B1",
		.user_id = "ana",
		.status = "active",
		.created_at = 1,
		.updated_at = 2,
		.last_message_at = 3,
		.day = "1970-01-01",
		.business_type = "R&D",
		.rev = 9};
	struct sessions_reply reply = {.sessions = &session, .n_sessions = 1};
	struct buf out;

	(void)state;
	buf_init(&out, DTO_PAGE_BYTES);
	dto_active(&out, "B1", &reply, true);

	assert_string_equal(out.data,
		"{\"businessId\":\"B1\",\"activeSessions\":[{\"sessionId\":"
		"\"s1\",\"businessId\":\"B1\",\"locationId\":\"default\","
		"\"userId\":\"ana\",\"status\":\"active\",\"createdAt\":"
		"\"1970-01-01T00:00:00.001Z\",\"updatedAt\":"
		"\"1970-01-01T00:00:00.002Z\",\"lastMessageAt\":"
		"\"1970-01-01T00:00:00.003Z\",\"metadata\":{\"businessType\":"
		"\"R&amp;D\",\"context\":{}}}]}");
	buf_clear(&out);
}

static void a_business_shows_its_name_and_keeps_the_rest(void **state)
{
	struct tenant_reply reply = {.business_id = "B1",
		.record = span_of("{\"name\":\"A & B\",\"languages\":[\"en\"],"
				  "\"contact\":{\"phone\":\"1\"}}")};
	struct buf out;

	(void)state;
	buf_init(&out, DTO_PAGE_BYTES);
	dto_business(&out, &reply, true);

	assert_string_equal(out.data,
		"{\"businessId\":\"B1\",\"name\":\"A &amp; B\",\"type\":\"\","
		"\"languages\":[\"en\"],\"timezone\":\"UTC\"}");
	buf_clear(&out);
}

static void a_failed_send_is_told_in_the_guides_words(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, DTO_EVENT_BYTES);
	dto_error_event(&out, MISSING_FIELD,
		"Missing required parameters: message", true);
	assert_string_equal(out.data,
		"{\"message\":\"Eroare la procesarea mesajului\",\"error\":"
		"\"Missing required parameters: message\",\"code\":"
		"\"missing_field\"}");
	buf_clear(&out);
}

static void a_failed_send_is_shown_where_only_messages_are_heard(void **state)
{
	struct json *root;
	struct buf out;

	(void)state;
	buf_init(&out, DTO_EVENT_BYTES);
	dto_error_message(&out, UNAVAILABLE, evil, 1);
	root = parsed(&out);

	assert_string_equal(json_str(root, "sender"), "error");
	assert_string_equal(json_str(root, "sessionId"), tame);
	assert_int_equal(strlen(json_str(root, "responseId")), 36);
	assert_int_equal(json_size(json_get(root, "actions")), 0);
	assert_non_null(strstr(json_str(root, "message"), "was not sent"));
	json_free(root);

	buf_reset(&out);
	dto_error_message(&out, UNCONFIRMED, NULL, 1);
	root = parsed(&out);
	assert_true(json_is_null(json_get(root, "sessionId")));
	assert_null(strstr(json_str(root, "message"), "was not sent"));
	json_free(root);
	buf_clear(&out);
}

static void own_sockets_hear_of_a_turn_without_its_content(void **state)
{
	struct turn_ended turn = {.turn_id = "t1",
		.business_id = "B1",
		.user_id = "ana",
		.session_id = "s1",
		.outcome = "answered",
		.reason = "<r>",
		.message_ids = (const char *[]){"m1"},
		.n_message_ids = 1,
		.answer_id = "m2",
		.timestamp = 1,
		.attempts = 1,
		.usage = {"{\"tokens\":3}", 12}};
	struct buf out;

	(void)state;
	buf_init(&out, DTO_EVENT_BYTES);
	dto_processed(&out, &turn, true);
	assert_string_equal(out.data,
		"{\"messageIds\":[\"m1\"],\"sessionId\":\"s1\",\"turnId\":"
		"\"t1\",\"status\":\"answered\",\"timestamp\":"
		"\"1970-01-01T00:00:00.001Z\"}");

	buf_reset(&out);
	dto_processed_full(&out, &turn, span_of("{\"message\":\"x\"}"), true);
	assert_string_equal(out.data,
		"{\"messageIds\":[\"m1\"],\"sessionId\":\"s1\",\"turnId\":"
		"\"t1\",\"status\":\"answered\",\"timestamp\":"
		"\"1970-01-01T00:00:00.001Z\",\"businessId\":\"B1\","
		"\"userId\":\"ana\",\"answer\":{\"message\":\"x\"},"
		"\"attempts\":1,\"usage\":{\"tokens\":3},\"reason\":"
		"\"&lt;r&gt;\"}");
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			strings_inside_json_are_escaped_however_they_are_written),
		cmocka_unit_test(an_answer_has_the_guides_five_fields_and_more),
		cmocka_unit_test(
			a_page_that_did_not_declare_itself_gets_no_markup),
		cmocka_unit_test(a_person_speaks_as_a_person),
		cmocka_unit_test(history_has_exactly_the_guides_shape),
		cmocka_unit_test(an_empty_history_has_no_cursor),
		cmocka_unit_test(active_sessions_have_exactly_the_guides_shape),
		cmocka_unit_test(a_business_shows_its_name_and_keeps_the_rest),
		cmocka_unit_test(a_failed_send_is_told_in_the_guides_words),
		cmocka_unit_test(
			a_failed_send_is_shown_where_only_messages_are_heard),
		cmocka_unit_test(
			own_sockets_hear_of_a_turn_without_its_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
