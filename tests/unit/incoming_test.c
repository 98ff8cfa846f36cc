#include "gateway/incoming.h"
#include "gateway/span.h"
#include "shared/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define WHO \
	"\"businessId\":\"B1\",\"locationId\":\"default\",\"userId\":\"ana\""
#define SAID "{" WHO ",\"message\":\"hi\""

static void a_whole_message_is_read(void **state)
{
	struct incoming in;

	(void)state;
	assert_int_equal(incoming_read(&in,
				 span_of(SAID ",\"sessionId\":\"B1:ana:5\","
					      "\"clientMessageId\":\"c 1\","
					      "\"timestamp\":"
					      "\"1970-01-01T00:00:01+00:00\","
					      "\"metadata\":{ \"k\" : [1,2] },"
					      "\"more\":true}")),
		OK);
	assert_string_equal(in.item.business_id, "B1");
	assert_string_equal(in.item.location_id, "default");
	assert_string_equal(in.item.user_id, "ana");
	assert_string_equal(in.item.content, "hi");
	assert_string_equal(in.item.source, "websocket");
	assert_string_equal(in.item.client_message_id, "c 1");
	assert_int_equal(in.item.client_timestamp, 1000);
	assert_true(span_is(in.item.metadata, "{\"k\":[1,2]}"));
	assert_string_equal(in.session_id, "B1:ana:5");
	incoming_clear(&in);
}

static const struct {
	const char *payload;
	enum status status;
	const char *why; /* NULL: does not matter */
} rows[] = {
	{"{}", MISSING_FIELD,
		"Missing required parameters: businessId, locationId, userId, "
		"message"},
	{"[]", MISSING_FIELD, NULL},
	{"null", MISSING_FIELD, NULL},
	{"{" WHO "}", MISSING_FIELD, "Missing required parameters: message"},
	{"{" WHO ",\"message\":\"\"}", MISSING_FIELD,
		"Missing required parameters: message"},
	{"{" WHO ",\"message\":\" \\n\\t\xc2\xa0 \"}", MISSING_FIELD, NULL},
	{"{" WHO ",\"message\":null}", MISSING_FIELD, NULL},
	{"{\"businessId\":\"B1\",\"userId\":\"\",\"message\":\"hi\"}",
		MISSING_FIELD,
		"Missing required parameters: locationId, userId"},

	{"", BAD_REQUEST, NULL},
	{"{\"message\":", BAD_REQUEST, NULL},
	{"{" WHO ",\"message\":\"a\\u0000b\"}", BAD_REQUEST, NULL},
	{SAID ",\"x\":\"\\u0000\"}", BAD_REQUEST, NULL},
	{"{" WHO ",\"message\":5}", BAD_REQUEST, "message must be a string"},
	{"{" WHO ",\"message\":{}}", BAD_REQUEST, NULL},
	{"{\"businessId\":\"B 1\",\"locationId\":\"l\",\"userId\":\"u\","
	 "\"message\":\"m\"}",
		BAD_REQUEST, "businessId is malformed"},
	{"{\"businessId\":\"../B\",\"locationId\":\"l\",\"userId\":\"u\","
	 "\"message\":\"m\"}",
		BAD_REQUEST, "businessId is malformed"},
	{"{\"businessId\":\"B\",\"locationId\":\"/\",\"userId\":\"u\","
	 "\"message\":\"m\"}",
		BAD_REQUEST, "locationId is malformed"},
	{"{\"businessId\":\"B\",\"locationId\":\"l\",\"userId\":\"agent\","
	 "\"message\":\"m\"}",
		BAD_REQUEST, "userId is malformed"},
	{"{\"businessId\":\"B\",\"locationId\":\"l\","
	 "\"userId\":\"coordinator:x\",\"message\":\"m\"}",
		BAD_REQUEST, "userId is malformed"},
	{SAID ",\"clientMessageId\":\"\"}", BAD_REQUEST, NULL},
	{SAID ",\"clientMessageId\":7}", BAD_REQUEST, NULL},
	{SAID ",\"clientMessageId\":\"ș\"}", BAD_REQUEST, NULL},
	{SAID ",\"metadata\":[]}", BAD_REQUEST, NULL},
	{SAID ",\"metadata\":\"x\"}", BAD_REQUEST, NULL},
	{SAID ",\"metadata\":{\"a\":[[[[[[[[1]]]]]]]]}}", BAD_REQUEST,
		"metadata is nested too deeply"},

	/* Nothing of this is a reason to refuse. */
	{SAID ",\"metadata\":{\"a\":[[[[[[[1]]]]]]]}}", OK, NULL},
	{SAID ",\"clientMessageId\":null,\"metadata\":null}", OK, NULL},
	{SAID ",\"timestamp\":\"yesterday\"}", OK, NULL},
	{SAID ",\"timestamp\":5,\"sessionId\":{}}", OK, NULL},
	{SAID ",\"sessionId\":\"<who:knows>\"}", OK, NULL},
};

static void each_payload_is_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct incoming in;
		enum status status =
			incoming_read(&in, span_of(rows[i].payload));

		if (status != rows[i].status)
			print_error("%s: %s\n", rows[i].payload,
				status_code(status));
		assert_int_equal(status, rows[i].status);
		if (rows[i].why)
			assert_string_equal(in.why, rows[i].why);
		if (status != OK)
			assert_true(*in.why);
		incoming_clear(&in);
	}
}

/* SAID with a field of n characters of `unit`. */
static enum status with_long(const char *before, const char *unit, int n)
{
	struct incoming in;
	enum status status;
	struct buf text;

	buf_init(&text, 1024 * 1024);
	buf_puts(&text, before);
	for (int i = 0; i < n; i++)
		buf_puts(&text, unit);
	buf_puts(&text, "\"}");
	if (strstr(before, "metadata"))
		buf_puts(&text, "}");
	status = incoming_read(&in, (struct span){text.data, text.len});
	incoming_clear(&in);
	buf_clear(&text);
	return status;
}

static void limits_are_in_characters_and_exact(void **state)
{
	const char *message = "{" WHO ",\"message\":\"";
	const char *id = SAID ",\"clientMessageId\":\"";
	const char *metadata = SAID ",\"metadata\":{\"k\":\"";

	(void)state;
	assert_int_equal(with_long(message, "a", 8000), OK);
	assert_int_equal(with_long(message, "a", 8001), TOO_LARGE);
	assert_int_equal(with_long(message, "🙂", 8000), OK);
	assert_int_equal(with_long(message, "🙂", 8001), TOO_LARGE);
	assert_int_equal(with_long(id, "i", 128), OK);
	assert_int_equal(with_long(id, "i", 129), BAD_REQUEST);
	assert_int_equal(with_long(metadata, "m", 4096 - 8), OK);
	assert_int_equal(with_long(metadata, "m", 4096 - 7), TOO_LARGE);
}

static void what_was_sent_as_session_is_known_even_to_a_refusal(void **state)
{
	struct incoming in;

	(void)state;
	assert_int_equal(incoming_read(&in, span_of("{\"sessionId\":\"s1\"}")),
		MISSING_FIELD);
	assert_string_equal(in.session_id, "s1");
	incoming_clear(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_message_is_read),
		cmocka_unit_test(each_payload_is_judged),
		cmocka_unit_test(limits_are_in_characters_and_exact),
		cmocka_unit_test(
			what_was_sent_as_session_is_known_even_to_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
