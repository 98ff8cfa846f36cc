#include "agentd/pages.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a page became: "title|heading|text" of each passage. */
struct seen {
	int n;
	char passages[64][2 * PASSAGE_MAX];
	enum language language;
};

static struct seen seen;

static void on_passage(void *ctx, const struct passage *p)
{
	struct seen *s = ctx;

	assert_true(s->n < 64);
	assert_true(strlen(p->text) <= PASSAGE_MAX);
	snprintf(s->passages[s->n++], sizeof(s->passages[0]), "%s|%s|%s",
		p->title, p->heading, p->text);
	s->language = p->language;
}

static bool read_page(const char *name, const char *text)
{
	seen = (struct seen){0};
	return page_read(name, text, strlen(text), on_passage, &seen);
}

static void markdown_becomes_a_passage_for_each_heading(void **state)
{
	(void)state;
	assert_true(read_page("plata.md",
		"# Plata\n\nLa recepție, **numerar** sau\ncard.\n\n"
		"## Reduceri\n\n- 10% pentru *elevi*\n- [detalii](http://x/y)\n"
		"1. unu\n\n### Rate\n> două `rate`\n"));
	assert_int_equal(seen.n, 3);
	assert_string_equal(
		seen.passages[0], "Plata||La recepție, numerar sau card.");
	assert_string_equal(seen.passages[1],
		"Plata|Reduceri|• 10% pentru elevi\n• detalii\n1. unu");
	assert_string_equal(seen.passages[2], "Plata|Rate|două rate");
	assert_int_equal(seen.language, LANG_RO);
}

static void what_nobody_reads_is_left_out_of_markdown(void **state)
{
	(void)state;
	assert_true(read_page("a.md",
		"---\ndraft: yes\n---\n# T\n<!-- secret\nremark -->\none\n"
		"\n---\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n\n```\ncode\n```\n"
		"![a picture](p.png) \\*star\\* snake_case\n"));
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.passages[0],
		"T||one\na – b\n1 – 2\ncode\na picture *star* snake_case");
}

static void html_is_read_without_its_marks(void **state)
{
	(void)state;
	assert_true(read_page("a.html",
		"<!DOCTYPE html><html><head><title>Doctors</title>"
		"<style>p{}</style><script>alert('no')</script></head><body>"
		"<!-- no --><nav>menu</nav><h1>Our doctors</h1><p>Two &amp; "
		"a&nbsp;half, caf&#233; &lt;b&gt; &#x1F642; &bogus; 1 < 2"
		"<br>line</p><h2>List</h2><ul><li>one</li><li></li><li>two"
		"</ul><table><tr><td>a<td>b</tr></table></body>"));
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.passages[0],
		"Our doctors||Two & a half, café <b> 🙂 "
		"&bogus; 1 < 2\nline");
	assert_string_equal(
		seen.passages[1], "Our doctors|List|• one\n• two\na b");
	assert_int_equal(seen.language, LANG_EN);
}

static void plain_text_begins_with_its_title(void **state)
{
	(void)state;
	assert_true(
		read_page("a.txt", "Parking\n\nIn the\ncourtyard.\n\nFree.\n"));
	assert_int_equal(seen.n, 1);
	assert_string_equal(
		seen.passages[0], "Parking||In the courtyard.\nFree.");
	assert_true(
		read_page("opening-times.txt", "Always open, all the time."));
	assert_string_equal(
		seen.passages[0], "opening times||Always open, all the time.");
}

static void the_name_may_tell_the_language(void **state)
{
	(void)state;
	read_page("x.en.md", "Program: luni și marți");
	assert_int_equal(seen.language, LANG_EN);
	read_page("x.ro.md", "opening hours of the week");
	assert_int_equal(seen.language, LANG_RO);
	read_page("x.md", "opening hours of the week");
	assert_int_equal(seen.language, LANG_EN);
}

static void a_long_part_becomes_several_passages(void **state)
{
	static char page[20000];
	size_t len = (size_t)sprintf(page, "# T\n## H\n");

	(void)state;
	while (len < 10000)
		len += (size_t)sprintf(
			page + len, "O propoziție oarecare, șaptezeci. ");
	assert_true(read_page("a.md", page));
	assert_true(seen.n >= 8);
	for (int i = 0; i < seen.n; i++) {
		size_t n = strlen(seen.passages[i]);

		assert_memory_equal(seen.passages[i], "T|H|O ", 6);
		assert_int_equal(seen.passages[i][n - 1], '.');
	}
	/* without a blank it is cut between letters */
	len = (size_t)sprintf(page, "# T\n");
	while (len < 10000)
		len += (size_t)sprintf(page + len, "ș");
	assert_true(read_page("a.md", page));
	assert_true(seen.n >= 8);
}

static void what_is_no_text_is_no_page(void **state)
{
	(void)state;
	assert_false(page_read("a.md", "a\0b", 3, on_passage, &seen));
	assert_false(read_page("a.md", "caf\xe9"));
	assert_true(read_page("a.md", "\xef\xbb\xbf# T\nx"));
	assert_string_equal(seen.passages[0], "T||x");
	assert_true(read_page("a.md", ""));
	assert_int_equal(seen.n, 0);
}

static void only_pages_are_named_like_pages(void **state)
{
	(void)state;
	assert_true(page_named("a.md"));
	assert_true(page_named("a.en.txt"));
	assert_true(page_named("a.html"));
	assert_false(page_named(".a.md"));
	assert_false(page_named("a.pdf"));
	assert_false(page_named("md"));
	assert_false(page_named("a.md~"));
}

static void ignore(void *ctx, const struct passage *p)
{
	(void)ctx;
	assert_true(strlen(p->text) <= PASSAGE_MAX);
}

/* A page of nothing but marks must neither hang nor run over. */
static void hostile_marks_are_survived(void **state)
{
	static const char *const pieces[] = {"[", "](", "<a ", "<", "&#", "&#x",
		"<!--", "</", "`", "|", "#", "<script", "&amp", "- ", "\\"};
	static char page[250001];

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		size_t n = strlen(pieces[i]), len = 0;

		while (len + n < sizeof(page))
			memcpy(page + len, pieces[i], n), len += n;
		page[len] = 0;
		for (size_t k = 0; k < 3; k++) {
			static const char *const names[] = {
				"a.md", "a.html", "a.txt"};

			assert_true(
				page_read(names[k], page, len, ignore, NULL));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_becomes_a_passage_for_each_heading),
		cmocka_unit_test(what_nobody_reads_is_left_out_of_markdown),
		cmocka_unit_test(html_is_read_without_its_marks),
		cmocka_unit_test(plain_text_begins_with_its_title),
		cmocka_unit_test(the_name_may_tell_the_language),
		cmocka_unit_test(a_long_part_becomes_several_passages),
		cmocka_unit_test(what_is_no_text_is_no_page),
		cmocka_unit_test(only_pages_are_named_like_pages),
		cmocka_unit_test(hostile_marks_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
