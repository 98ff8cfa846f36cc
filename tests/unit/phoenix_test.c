#include "proto/phoenix.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text with its length, NULs inside included. */
#define BYTES(text) ((struct span){text, sizeof(text) - 1})

static struct phoenix_frame frame;
static struct buf scratch, out;

static int set_up(void **state)
{
	(void)state;
	buf_init(&scratch, 100000);
	buf_init(&out, 100000);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buf_clear(&scratch);
	buf_clear(&out);
	return 0;
}

/* From a copy of exactly that size, so that sanitizers see every byte read
 * past the end; the copy lives until the next call. */
static bool decode(enum phoenix_version version, bool binary, struct span data)
{
	static char *copy;

	free(copy);
	copy = malloc(data.len ? data.len : 1);
	memcpy(copy, data.at, data.len);
	return phoenix_decode(
		version, binary, copy, data.len, &frame, &scratch);
}

static bool decode_text(enum phoenix_version version, const char *text)
{
	return decode(version, false, (struct span){text, strlen(text)});
}

static void assert_span(struct span span, const char *expected)
{
	assert_non_null(span.at);
	assert_int_equal(span.len, strlen(expected));
	assert_memory_equal(span.at, expected, span.len);
}

static void assert_out(struct span expected)
{
	assert_false(out.full);
	assert_int_equal(out.len, expected.len);
	assert_memory_equal(out.data, expected.at, expected.len);
	buf_reset(&out);
}

static struct span json(const char *text)
{
	return (struct span){text, strlen(text)};
}

static void a_v2_array_is_read_field_by_field(void **state)
{
	(void)state;
	assert_true(decode_text(PHOENIX_V2,
		" [ \"1\", \"2\" ,\"ro\\u006fm:\\u00e9\",\"ec\\\"ho\", "
		"{\"x\": [1]} ] "));
	assert_false(frame.binary);
	assert_span(frame.join_ref, "\"1\"");
	assert_span(frame.ref, "\"2\"");
	assert_string_equal(frame.topic, "room:\xc3\xa9");
	assert_string_equal(frame.event, "ec\"ho");
	assert_span(frame.topic_json, "\"ro\\u006fm:\\u00e9\"");
	assert_span(frame.payload, "{\"x\": [1]}");
}

static void refs_keep_their_text_whatever_they_are(void **state)
{
	static const char *const refs[] = {"null", "5", "-1.50e3", "\"\"",
		"\"a\\u0000b\"", "90071992547409930000", "true", "[1,\"2\"]",
		"{\"a\":1}"};
	char text[200];

	(void)state;
	for (size_t i = 0; i < COUNT(refs); i++) {
		snprintf(text, sizeof(text), "[%s,%s,\"t\",\"e\",null]",
			refs[i], refs[i]);
		assert_true(decode_text(PHOENIX_V2, text));
		assert_span(frame.join_ref, refs[i]);
		assert_span(frame.ref, refs[i]);
		snprintf(text, sizeof(text),
			"{\"topic\":\"t\",\"event\":\"e\",\"payload\":1,"
			"\"ref\":%s,\"join_ref\":%s}",
			refs[i], refs[i]);
		assert_true(decode_text(PHOENIX_V1, text));
		assert_span(frame.join_ref, refs[i]);
		assert_span(frame.ref, refs[i]);
	}
}

static void more_than_five_items_are_ignored(void **state)
{
	(void)state;
	assert_true(decode_text(
		PHOENIX_V2, "[null,null,\"t\",\"e\",{},\"six\",[7]]"));
	assert_span(frame.payload, "{}");
}

static void a_topic_that_is_no_text_matches_nothing_but_is_kept(void **state)
{
	static const char *const topics[] = {
		"null", "5", "{\"a\":1}", "\"room:\\u0000\""};
	char text[100];

	(void)state;
	for (size_t i = 0; i < COUNT(topics); i++) {
		snprintf(text, sizeof(text), "[null,\"1\",%s,%s,{}]", topics[i],
			topics[i]);
		assert_true(decode_text(PHOENIX_V2, text));
		assert_string_equal(frame.topic, "");
		assert_string_equal(frame.event, "");
		assert_span(frame.topic_json, topics[i]);
	}
}

static void undecodable_v2_texts_are_refused(void **state)
{
	static const char *const texts[] = {"", " ", "{", "123", "\"x\"",
		"null", "{}", "[]", "[\"1\",\"1\",\"room:a\",\"phx_join\"]",
		"[null,\"1\",\"t\",\"e\",{}", "[null,\"1\",\"t\",\"e\",{}]x",
		"\xef\xbb\xbf[null,\"1\",\"t\",\"e\",{}]",
		"[null,\"1\",\"t\",\"e\",\"\\ud800\"]",
		"{\"topic\":1,\"event\":2,\"payload\":{},\"ref\":\"1\"}",
		"[null,\"1\",\"t\",\"e\",\"\xff\"]"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(decode_text(PHOENIX_V2, texts[i]));
}

static void a_ref_has_a_limit_because_it_is_kept(void **state)
{
	char text[1000], ref[PHOENIX_REF_MAX + 2];

	(void)state;
	memset(ref, '1', sizeof(ref));
	ref[0] = ref[PHOENIX_REF_MAX - 1] = '"';
	snprintf(text, sizeof(text), "[null,%.*s,\"t\",\"e\",1]",
		PHOENIX_REF_MAX, ref);
	assert_true(decode_text(PHOENIX_V2, text));

	ref[PHOENIX_REF_MAX - 1] = '1';
	ref[PHOENIX_REF_MAX] = '"';
	snprintf(text, sizeof(text), "[null,%.*s,\"t\",\"e\",1]",
		PHOENIX_REF_MAX + 1, ref);
	assert_false(decode_text(PHOENIX_V2, text));
	snprintf(text, sizeof(text), "[%.*s,null,\"t\",\"e\",1]",
		PHOENIX_REF_MAX + 1, ref);
	assert_false(decode_text(PHOENIX_V2, text));
}

static void a_v1_object_needs_all_keys_but_join_ref(void **state)
{
	static const char *const incomplete[] = {
		"{\"event\":\"e\",\"payload\":{},\"ref\":\"1\"}",
		"{\"topic\":\"t\",\"payload\":{},\"ref\":\"1\"}",
		"{\"topic\":\"t\",\"event\":\"e\",\"ref\":\"1\"}",
		"{\"topic\":\"t\",\"event\":\"e\",\"payload\":{}}",
		"[null,\"1\",\"t\",\"e\",{}]", "\"x\"", ""};

	(void)state;
	assert_true(decode_text(PHOENIX_V1,
		"{\"payload\":null,\"x\":1,\"ref\":\"1\",\"event\":\"e\","
		"\"topic\":\"t\"}"));
	assert_span(frame.join_ref, "null");
	assert_span(frame.ref, "\"1\"");
	assert_span(frame.payload, "null");
	assert_string_equal(frame.topic, "t");
	assert_string_equal(frame.event, "e");
	for (size_t i = 0; i < COUNT(incomplete); i++)
		assert_false(decode_text(PHOENIX_V1, incomplete[i]));
}

static void a_v1_object_may_come_in_a_binary_frame(void **state)
{
	(void)state;
	assert_true(decode(PHOENIX_V1, true,
		BYTES("{\"topic\":\"t\",\"event\":\"e\",\"payload\":{},"
		      "\"ref\":null}")));
	assert_false(frame.binary);
	assert_false(decode(PHOENIX_V1, true,
		BYTES("{\"topic\":\"\xff\",\"event\":\"e\",\"payload\":{},"
		      "\"ref\":null}")));
}

static void a_binary_push_is_read(void **state)
{
	(void)state;
	assert_true(decode(PHOENIX_V2, true,
		BYTES("\x00\x02\x03\x05\x05"
		      "12123topicevent"
		      "e\0g")));
	assert_true(frame.binary);
	assert_span(frame.join_ref, "\"12\"");
	assert_span(frame.ref, "\"123\"");
	assert_string_equal(frame.topic, "topic");
	assert_span(frame.topic_json, "\"topic\"");
	assert_string_equal(frame.event, "event");
	assert_int_equal(frame.payload.len, 3);
	assert_memory_equal(frame.payload.at, "e\0g", 3);
}

static void an_empty_binary_ref_is_empty_not_null(void **state)
{
	(void)state;
	assert_true(decode(PHOENIX_V2, true, BYTES("\0\0\0\1\1te")));
	assert_span(frame.join_ref, "\"\"");
	assert_span(frame.ref, "\"\"");
	assert_int_equal(frame.payload.len, 0);
}

static void a_binary_header_that_is_no_utf8_is_latin1(void **state)
{
	(void)state;
	assert_true(decode(PHOENIX_V2, true,
		BYTES("\x00\x01\x01\x06\x03"
		      "38room:\xe9"
		      "bin\1\2\3")));
	assert_string_equal(frame.topic, "room:\xc3\xa9");
	assert_span(frame.topic_json, "\"room:\xc3\xa9\"");
	assert_int_equal(frame.payload.len, 3);
}

static void a_nul_in_a_binary_topic_does_not_cut_it(void **state)
{
	(void)state;
	assert_true(decode(PHOENIX_V2, true,
		BYTES("\x00\x01\x01\x06\x03"
		      "38room:\0bin")));
	assert_string_equal(frame.topic, "");
	assert_span(frame.topic_json, "\"room:\\u0000\"");
	assert_string_equal(frame.event, "bin");
}

static void binary_frames_of_other_kinds_or_cut_are_refused(void **state)
{
	static const char whole[] = "\x00\x02\x03\x05\x05"
				    "12123topicevent";
	char copy[sizeof(whole)];

	(void)state;
	for (size_t len = 0; len < sizeof(whole) - 1; len++)
		assert_false(
			decode(PHOENIX_V2, true, (struct span){whole, len}));
	memcpy(copy, whole, sizeof(whole));
	for (int kind = 1; kind < 256; kind++) {
		copy[0] = (char)kind;
		assert_false(decode(PHOENIX_V2, true,
			(struct span){copy, sizeof(whole) - 1}));
	}
	assert_false(decode(PHOENIX_V2, true,
		BYTES("[null,\"1\",\"topic\",\"event\",{}]")));
}

static void replies_and_pushes_are_written_in_both_versions(void **state)
{
	(void)state;
	phoenix_reply(&out, PHOENIX_V2, json("\"1\""), json("2"),
		json("\"room:a\""), "ok", phoenix_empty);
	assert_out(json("[\"1\",2,\"room:a\",\"phx_reply\","
			"{\"status\":\"ok\",\"response\":{}}]"));

	phoenix_reply(&out, PHOENIX_V1, json("\"1\""), json("2"), json("5"),
		"la\"ter", json("[1]"));
	assert_out(json("{\"topic\":5,\"event\":\"phx_reply\",\"ref\":2,"
			"\"payload\":{\"status\":\"la\\\"ter\","
			"\"response\":[1]}}"));

	phoenix_push(&out, PHOENIX_V2, phoenix_null, phoenix_null,
		json("\"t\""), "shout", json("{\"m\":1}"));
	assert_out(json("[null,null,\"t\",\"shout\",{\"m\":1}]"));

	phoenix_push(&out, PHOENIX_V1, phoenix_null, json("\"1\""),
		json("\"t\""), "phx_close", phoenix_empty);
	assert_out(json("{\"topic\":\"t\",\"event\":\"phx_close\","
			"\"ref\":\"1\",\"payload\":{}}"));
}

static void binary_frames_are_written_as_the_reference_has_them(void **state)
{
	(void)state;
	assert_true(phoenix_binary_push(
		&out, json("\"12\""), "topic", "event", BYTES("\x65\x66\x67")));
	assert_out(BYTES("\x00\x02\x05\x05"
			 "12topicevent\x65\x66\x67"));

	assert_true(phoenix_binary_reply(&out, json("\"12\""), json("\"123\""),
		"topic", "ok", BYTES("\x65\x66\x67")));
	assert_out(BYTES("\x01\x02\x03\x05\x02"
			 "12123topicok\x65\x66\x67"));

	assert_true(phoenix_binary_broadcast(
		&out, "topic", "event", BYTES("\x65\x66\x67")));
	assert_out(BYTES("\x02\x05\x05"
			 "topicevent\x65\x66\x67"));

	assert_true(phoenix_binary_reply(
		&out, phoenix_null, json("7"), "t", "ok", BYTES("")));
	assert_out(BYTES("\x01\x00\x01\x01\x02"
			 "7tok"));
}

static void a_binary_field_has_at_most_255_bytes(void **state)
{
	char topic[257];

	(void)state;
	memset(topic, 't', sizeof(topic));
	topic[255] = '\0';
	assert_true(phoenix_binary_broadcast(&out, topic, "e", BYTES("")));
	assert_int_equal(out.len, 3 + 255 + 1);
	buf_reset(&out);

	topic[255] = 't';
	topic[256] = '\0';
	assert_false(phoenix_binary_broadcast(&out, topic, "e", BYTES("")));
	assert_false(
		phoenix_binary_push(&out, phoenix_null, "t", topic, BYTES("")));
	assert_false(phoenix_binary_reply(
		&out, phoenix_null, phoenix_null, "t", topic, BYTES("")));
	assert_int_equal(out.len, 0);
}

static void refs_are_compared_strictly_but_not_by_spelling(void **state)
{
	(void)state;
	assert_true(phoenix_same_ref(json("\"1\""), json("\"1\"")));
	assert_true(phoenix_same_ref(json("\"1\""), json("\"\\u0031\"")));
	assert_true(phoenix_same_ref(json("null"), phoenix_null));
	assert_false(phoenix_same_ref(json("1"), json("\"1\"")));
	assert_false(phoenix_same_ref(json("\"\""), json("null")));
	assert_false(phoenix_same_ref(json("\"1\""), json("\"\\u0032\"")));
	assert_false(phoenix_same_ref(json("\"1\""), json("\"12\"")));
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(a_v2_array_is_read_field_by_field),
		story(refs_keep_their_text_whatever_they_are),
		story(more_than_five_items_are_ignored),
		story(a_topic_that_is_no_text_matches_nothing_but_is_kept),
		story(undecodable_v2_texts_are_refused),
		story(a_ref_has_a_limit_because_it_is_kept),
		story(a_v1_object_needs_all_keys_but_join_ref),
		story(a_v1_object_may_come_in_a_binary_frame),
		story(a_binary_push_is_read),
		story(an_empty_binary_ref_is_empty_not_null),
		story(a_binary_header_that_is_no_utf8_is_latin1),
		story(a_nul_in_a_binary_topic_does_not_cut_it),
		story(binary_frames_of_other_kinds_or_cut_are_refused),
		story(replies_and_pushes_are_written_in_both_versions),
		story(binary_frames_are_written_as_the_reference_has_them),
		story(a_binary_field_has_at_most_255_bytes),
		story(refs_are_compared_strictly_but_not_by_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
