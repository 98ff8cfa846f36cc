#include "shared/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void well_formed_utf8_is_accepted(void **state)
{
	static const char *const good[] = {
		"",
		"plain",
		"\x7f",
		"\xc2\x80",
		"\xdf\xbf",
		"\xe0\xa0\x80",
		"\xed\x9f\xbf",
		"\xee\x80\x80",
		"\xef\xbf\xbf",
		"\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf",
		"cât costă o consultație? 🙂 și încă ceva, mai lung",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_true(utf8_valid(good[i], strlen(good[i])));
	assert_true(utf8_valid("\0", 1));
}

static void malformed_utf8_is_refused_wherever_it_stands(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf",
		"\xc0\x80",
		"\xc1\xbf",
		"\xc2",
		"\xc2\x41",
		"\xe0\x9f\xbf",
		"\xe2\x82",
		"\xe2\x82\x41",
		"\xe2\x41\x82",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xf0\x8f\xbf\xbf",
		"\xf0\x9f\x99",
		"\xf0\x9f\x99\x41",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xfe",
		"\xff",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		for (size_t at = 0; at < 20; at++) {
			char text[64] = "01234567890123456789";

			strcpy(text + at, bad[i]);
			assert_false(utf8_valid(text, strlen(text)));
			strcat(text, "tail of the text");
			assert_false(utf8_valid(text, strlen(text)));
		}
}

static void a_code_point_counts_once(void **state)
{
	(void)state;
	assert_int_equal(utf8_count("", 0), 0);
	assert_int_equal(utf8_count("aă€🙂", strlen("aă€🙂")), 4);
}

static void a_prefix_cuts_no_code_point(void **state)
{
	const char *text = "aă€🙂"; /* 1, 2, 3 and 4 bytes */
	static const size_t kept[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};

	(void)state;
	for (size_t max = 0; max < COUNT(kept); max++)
		assert_int_equal(utf8_prefix(text, 10, max), kept[max]);
}

static void printable_ascii_has_one_to_max_bytes(void **state)
{
	(void)state;
	assert_true(ascii_printable("a", 1));
	assert_true(ascii_printable(" ~", 2));
	assert_false(ascii_printable("", 5));
	assert_false(ascii_printable("abc", 2));
	assert_false(ascii_printable("a\x1f", 5));
	assert_false(ascii_printable("a\x7f", 5));
	assert_false(ascii_printable("ă", 5));
}

static void html_specials_become_entities(void **state)
{
	struct buf out;
	const char *text = "<a href=\"x\">Tom & 'Țăndărică'</a>";

	(void)state;
	buf_init(&out, 1000);
	html_escape(&out, text, strlen(text));
	assert_string_equal(out.data, "&lt;a href=&quot;x&quot;&gt;Tom &amp; "
				      "&#39;Țăndărică&#39;&lt;/a&gt;");
	buf_reset(&out);
	html_escape(&out, "", 0);
	assert_string_equal(out.data, "");
	buf_clear(&out);
}

static void folding_strips_case_and_diacritics(void **state)
{
	static const struct {
		const char *text, *folded;
	} cases[] = {
		{"Prețuri", "preturi"}, /* comma below */
		{"Preţuri", "preturi"}, /* cedilla */
		{"Pret\u0326uri", "preturi"}, /* a combining mark */
		{"ȘTIINȚĂ ÎN ÂMBELE", "stiinta in ambele"},
		{"şi Şi ţi Ţi", "si si ti ti"},
		{"Straße, ŒUVRE, Æon, þorn, Ŀ ŉ",
			"strasse, oeuvre, aeon, thorn, l n"},
		{"Łódź Đorđe ŠKODA Ǆ", "lodz dorde skoda dz"},
		{"Ệ Ắ ỹ ẞ", "e a y ss"},
		{"3 × 4 ÷ 2 = 6", "3 × 4 ÷ 2 = 6"},
		{"Привет Ω 🙂", "Привет Ω 🙂"},
		{"\xff Ă \xc8", "\xff a \xc8"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;

		buf_init(&out, 1000);
		buf_puts(&out, "");
		text_fold(&out, cases[i].text, strlen(cases[i].text));
		assert_string_equal(out.data, cases[i].folded);
		buf_clear(&out);
	}
}

static void folding_twice_changes_nothing_more(void **state)
{
	struct buf once, twice;

	(void)state;
	buf_init(&once, 10000);
	buf_init(&twice, 10000);
	for (unsigned c = 0xc0; c < 0x250; c++) {
		char letter[2] = {
			(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};

		text_fold(&once, letter, 2);
	}
	text_fold(&twice, once.data, once.len);
	assert_string_equal(once.data, twice.data);
	buf_clear(&once);
	buf_clear(&twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_utf8_is_accepted),
		cmocka_unit_test(malformed_utf8_is_refused_wherever_it_stands),
		cmocka_unit_test(a_code_point_counts_once),
		cmocka_unit_test(a_prefix_cuts_no_code_point),
		cmocka_unit_test(printable_ascii_has_one_to_max_bytes),
		cmocka_unit_test(html_specials_become_entities),
		cmocka_unit_test(folding_strips_case_and_diacritics),
		cmocka_unit_test(folding_twice_changes_nothing_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
