#include "shared/json.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Judges a copy that ends where the text ends, so that a sanitizer sees a
 * read past it. */
static bool valid(const char *text, size_t len)
{
	char *copy = xalloc(len);
	bool good;

	if (len)
		memcpy(copy, text, len);
	good = json_valid(copy, len);
	free(copy);
	return good;
}

static void what_rfc_8259_allows_is_valid(void **state)
{
	static const char *const good[] = {
		"{}",
		"[]",
		" [ ] ",
		"\t\r\n{ }\n",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"-12.50e+10",
		"1E400",
		"0.000",
		"\"\"",
		"\"\x7f\"",
		"\"șț 🙂\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\ude00\"",
		"{\"a\":1,\"a\":2}",
		"{\"\":[1,[2,{\"b\":null}]] , \"c\" : true}",
		"[\"a long text that takes more than one stride\\n\",1]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!valid(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
}

static void what_rfc_8259_forbids_is_not(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"[",
		"]",
		"{",
		"[1,]",
		"[,1]",
		"[1 2]",
		"[1}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{a:1}",
		"{1:1}",
		"{'a':1}",
		"{} {}",
		"1 2",
		"nul",
		"nulll",
		"True",
		"NaN",
		"Infinity",
		"+1",
		"01",
		"-",
		"-01",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"\"",
		"\"abc",
		"\"\\",
		"\"\\\"",
		"\"\\x41\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"a\nb\"",
		"\"a longer text\x1f with a control character\"",
		"\"\\ud800\"",
		"\"\\udc00\"",
		"\"\\ud800\\u0041\"",
		"\"\\ud800\\ud800\"",
		"\"\\ud83d",
		"\"\\ud83d\\ude",
		"\"\xff\"",
		"\"\xc3\"",
		"\"\xed\xa0\x80\"",
		"\"a text with a broken \xc8 letter\"",
		"\xef\xbb\xbf{}",
		"/* c */ 1",
		"\v1",
		"\xc2\xa0[]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		if (valid(bad[i], strlen(bad[i])))
			fail_msg("accepted: %s", bad[i]);
	assert_false(valid("1\0", 2));
	assert_false(valid("\"a\0b\"", 5));
}

static void every_cut_of_a_text_is_refused(void **state)
{
	static const char text[] =
		"{\"key\":[1,-2.5e3,\"text \\u0103 \\ud83d\\ude00 ș\","
		"true,false,null,{}]}";

	(void)state;
	assert_true(valid(text, strlen(text)));
	for (size_t len = 0; len < strlen(text); len++)
		assert_false(valid(text, len));
}

static void nesting_ends_at_the_limit(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 1000);
	for (int depth = JSON_MAX_DEPTH; depth <= JSON_MAX_DEPTH + 1; depth++) {
		buf_reset(&text);
		for (int i = 0; i < depth; i++)
			buf_puts(&text, i % 2 ? "{\"a\":" : "[");
		buf_puts(&text, "1");
		for (int i = depth; i-- > 0;)
			buf_putc(&text, i % 2 ? '}' : ']');
		assert_int_equal(json_valid(text.data, text.len),
			depth <= JSON_MAX_DEPTH);
	}
	buf_clear(&text);
}

static void numbers_end_at_the_limit(void **state)
{
	char digits[JSON_MAX_NUMBER + 1];
	struct json *root;

	(void)state;
	memset(digits, '7', sizeof(digits));
	assert_true(json_valid(digits, JSON_MAX_NUMBER));
	assert_false(json_valid(digits, JSON_MAX_NUMBER + 1));
	root = json_parse(digits, JSON_MAX_NUMBER);
	assert_non_null(root);
	json_free(root);
}

static void assert_span(struct span span, const char *text)
{
	assert_non_null(span.at);
	assert_int_equal(span.len, strlen(text));
	assert_memory_equal(span.at, text, span.len);
}

static void an_array_is_split_into_its_items_verbatim(void **state)
{
	static const char text[] =
		" [ null , \"1\" ,\"a,]\\\"b\\\\\",{\"x\":[1,\"}\"]} , -1.50 "
		"] ";
	struct span items[5];

	(void)state;
	assert_true(json_valid(text, strlen(text)));
	assert_int_equal(json_split(text, strlen(text), items, 5), 5);
	assert_span(items[0], "null");
	assert_span(items[1], "\"1\"");
	assert_span(items[2], "\"a,]\\\"b\\\\\"");
	assert_span(items[3], "{\"x\":[1,\"}\"]}");
	assert_span(items[4], "-1.50");
}

static void splitting_counts_items_beyond_those_asked_for(void **state)
{
	struct span items[2];

	(void)state;
	assert_int_equal(json_split("[1,2,3]", 7, items, 2), 3);
	assert_span(items[1], "2");
	assert_int_equal(json_split("[ ]", 3, items, 2), 0);
	assert_int_equal(json_split("{}", 2, items, 2), -1);
	assert_int_equal(json_split("\"[1]\"", 5, items, 2), -1);
	assert_int_equal(json_split("[1,2", 4, items, 2), -1);
}

static void a_member_is_found_by_its_unescaped_name(void **state)
{
	static const char text[] = "{\"a\":1, \"b\" : {\"a\":2} ,"
				   "\"\\u0063\\\"\":\"c\",\"d\":[ ],\"ab\":3}";
	size_t len = strlen(text);

	(void)state;
	assert_true(json_valid(text, len));
	assert_span(json_find(text, len, "a"), "1");
	assert_span(json_find(text, len, "b"), "{\"a\":2}");
	assert_span(json_find(text, len, "c\""), "\"c\"");
	assert_span(json_find(text, len, "d"), "[ ]");
	assert_null(json_find(text, len, "e").at);
	assert_null(json_find(text, len, "").at);
	assert_null(json_find("{}", 2, "a").at);
	assert_null(json_find("[\"a\"]", 5, "a").at);
}

static void of_a_member_given_twice_the_last_counts_everywhere(void **state)
{
	static const char text[] = "{\"a\":1,\"\\u0061\":\"x\",\"b\":0}";
	struct json *root = json_parse(text, strlen(text));

	(void)state;
	assert_span(json_find(text, strlen(text), "a"), "\"x\"");
	assert_string_equal(json_str(root, "a"), "x");
	json_free(root);
}

static void strings_are_unquoted_and_others_refused(void **state)
{
	static const struct {
		const char *json, *text; /* NULL: refused */
	} cases[] = {
		{"\"\"", ""},
		{"\"plain\"", "plain"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
		{"\"\\u0041\\u0219\\u20ac\\ud83d\\ude42 ș\"", "Aș€🙂 ș"},
		{"\"a\\u0000b\"", NULL},
		{"1", NULL},
		{"[\"a\"]", NULL},
		{"\"", NULL},
		{"\"a\"b\"", NULL},
		{"\"\\ud800\"", NULL},
		{"\"a long text that does not fit\"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span span = {cases[i].json, strlen(cases[i].json)};
		struct buf out;

		buf_init(&out, 24);
		buf_puts(&out, "> ");
		assert_int_equal(
			json_unquote(span, &out), cases[i].text != NULL);
		assert_false(out.full);
		assert_string_equal(
			out.data + 2, cases[i].text ? cases[i].text : "");
		buf_clear(&out);
	}
}

static void a_tree_answers_by_name_and_type(void **state)
{
	static const char text[] =
		"{\"s\":\"șir\",\"i\":-7,\"d\":1.5,\"big\":9007199254740993e1,"
		"\"inf\":1e999,\"t\":true,\"f\":false,\"n\":null,\"a\":[1,2,3],"
		"\"o\":{\"S\":1}}";
	struct json *root = json_parse(text, strlen(text));
	const struct json *array;
	int sum = 0;

	(void)state;
	assert_string_equal(json_str(root, "s"), "șir");
	assert_null(json_str(root, "S"));
	assert_null(json_str(root, "i"));
	assert_int_equal(json_int(root, "i", 1), -7);
	assert_int_equal(json_int(root, "d", 1), 1);
	assert_int_equal(json_int(root, "big", 1), 1);
	assert_int_equal(json_int(root, "inf", 1), 1);
	assert_int_equal(json_int(root, "s", 1), 1);
	assert_true(json_num(root, "d", 0) == 1.5);
	assert_true(json_num(root, "inf", 2) == 2);
	assert_true(json_bool(root, "t", false));
	assert_false(json_bool(root, "f", true));
	assert_true(json_bool(root, "n", true));
	assert_true(json_is_null(json_get(root, "n")));
	assert_true(json_is_object(json_get(root, "o")));
	assert_false(json_is_object(json_get(root, "a")));
	assert_false(json_is_object(json_get(root, "absent")));
	assert_null(json_get(json_get(root, "a"), "s"));

	array = json_get(root, "a");
	assert_int_equal(json_size(array), 3);
	for (const struct json *item = json_first(array); item;
		item = json_next(item)) {
		assert_null(json_name(item));
		sum += (int)json_number(item);
	}
	assert_int_equal(sum, 6);
	assert_string_equal(json_name(json_first(root)), "s");
	assert_null(json_first(json_get(root, "s")));
	json_free(root);
}

static void a_nul_in_a_string_or_key_is_not_parsed(void **state)
{
	static const char *const texts[] = {"\"\\u0000\"", "{\"a\\u0000\":1}",
		"[[\"x\",{\"y\":\"\\u0000z\"}]]"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_true(json_valid(texts[i], strlen(texts[i])));
		assert_null(json_parse(texts[i], strlen(texts[i])));
	}
	assert_null(json_parse("{} x", 4));
	json_free(NULL);
}

static void a_printed_value_is_compact_and_means_the_same(void **state)
{
	static const char text[] =
		" { \"a\" : [ 1 , 2.50 , -0.0, 1e2, 0.1, 1e300 ], \"b\\n\" :"
		" { } , \"c\" : [ ], "
		"\"d\":[true,false,null,\"\\u0219\\u0001\"],"
		" \"big\":9007199254740992, \"long\":3.141592653589793 } ";
	struct json *root = json_parse(text, strlen(text));
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	json_print(&out, root);
	assert_string_equal(out.data,
		"{\"a\":[1,2.5,0,100,0.1,1e+300],\"b\\n\":{},\"c\":[],"
		"\"d\":[true,false,null,\"ș\\u0001\"],"
		"\"big\":9007199254740992,\"long\":3.141592653589793}");
	assert_true(json_valid(out.data, out.len));
	buf_reset(&out);
	json_print(&out, json_get(root, "d"));
	assert_string_equal(out.data, "[true,false,null,\"ș\\u0001\"]");
	buf_clear(&out);
	json_free(root);
}

static void the_writer_puts_commas_and_escapes(void **state)
{
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	json_begin(&w, &out);
	json_open(&w, NULL, '{');
	json_put_str(&w, "text", "a \"b\" \\ \n\t\x01 ș");
	json_put_strn(&w, "cut", "abcdef", 3);
	json_open(&w, "list", '[');
	json_put_int(&w, NULL, INT64_MIN);
	json_put_int(&w, NULL, 0);
	json_put_int(&w, NULL, INT64_MAX);
	json_open(&w, NULL, '{');
	json_shut(&w, '}');
	json_put_num(&w, NULL, 0.1);
	json_put_num(&w, NULL, -3);
	json_put_num(&w, NULL, INFINITY);
	json_put_num(&w, NULL, NAN);
	json_shut(&w, ']');
	json_put_bool(&w, "yes", true);
	json_put_null(&w, "none");
	json_put_raw(&w, "raw", "[1, 2]", 6);
	json_shut(&w, '}');
	assert_string_equal(out.data,
		"{\"text\":\"a \\\"b\\\" \\\\ \\n\\t\\u0001 ș\",\"cut\":"
		"\"abc\",\"list\":[-9223372036854775808,0,9223372036854775807,"
		"{},0.1,-3,null,null],\"yes\":true,\"none\":null,"
		"\"raw\":[1, 2]}");
	assert_true(json_valid(out.data, out.len));
	buf_clear(&out);
}

static void every_byte_survives_quoting_wherever_it_stands(void **state)
{
	struct buf quoted, back;

	(void)state;
	buf_init(&quoted, 1000);
	buf_init(&back, 1000);
	for (int c = 1; c < 0x80; c++)
		for (int at = 0; at < 20; at++) {
			char text[21] = "abcdefghijklmnopqrst";

			text[at] = (char)c;
			buf_reset(&quoted);
			buf_reset(&back);
			json_quote(&quoted, text, 20);
			assert_true(valid(quoted.data, quoted.len));
			assert_true(json_unquote(
				(struct span){quoted.data, quoted.len}, &back));
			assert_string_equal(back.data, text);
		}
	buf_clear(&quoted);
	buf_clear(&back);
}

static void a_full_buffer_is_noticed_at_the_end(void **state)
{
	struct json_writer w;
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	json_begin(&w, &out);
	json_open(&w, NULL, '{');
	json_put_str(&w, "key", "too long for it");
	json_shut(&w, '}');
	assert_true(out.full);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rfc_8259_allows_is_valid),
		cmocka_unit_test(what_rfc_8259_forbids_is_not),
		cmocka_unit_test(every_cut_of_a_text_is_refused),
		cmocka_unit_test(nesting_ends_at_the_limit),
		cmocka_unit_test(numbers_end_at_the_limit),
		cmocka_unit_test(an_array_is_split_into_its_items_verbatim),
		cmocka_unit_test(splitting_counts_items_beyond_those_asked_for),
		cmocka_unit_test(a_member_is_found_by_its_unescaped_name),
		cmocka_unit_test(
			of_a_member_given_twice_the_last_counts_everywhere),
		cmocka_unit_test(strings_are_unquoted_and_others_refused),
		cmocka_unit_test(a_tree_answers_by_name_and_type),
		cmocka_unit_test(a_nul_in_a_string_or_key_is_not_parsed),
		cmocka_unit_test(a_printed_value_is_compact_and_means_the_same),
		cmocka_unit_test(the_writer_puts_commas_and_escapes),
		cmocka_unit_test(
			every_byte_survives_quoting_wherever_it_stands),
		cmocka_unit_test(a_full_buffer_is_noticed_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
