#include "shared/status.h"
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const enum status all[] = {
#define X(name, code, http, text) name,
	STATUSES(X)
#undef X
};

enum { ALL = sizeof(all) / sizeof(all[0]) };

static void every_code_leads_back_to_its_status(void **state)
{
	(void)state;
	for (int i = 0; i < ALL; i++)
		assert_int_equal(status_from_code(status_code(all[i])), all[i]);
}

static void a_code_we_do_not_know_is_internal(void **state)
{
	(void)state;
	assert_int_equal(status_from_code("from_the_future"), INTERNAL);
	assert_int_equal(status_from_code(""), INTERNAL);
}

static void codes_are_lower_case_words(void **state)
{
	(void)state;
	for (int i = 0; i < ALL; i++)
		for (const char *c = status_code(all[i]); *c; c++)
			assert_true(islower((unsigned char)*c) || *c == '_');
}

static void texts_are_sentences_without_a_full_stop(void **state)
{
	(void)state;
	for (int i = 0; i < ALL; i++) {
		const char *text = status_text(all[i]);

		assert_true(strlen(text) > 0);
		assert_int_not_equal(text[strlen(text) - 1], '.');
	}
}

static void only_ok_is_a_success_in_http(void **state)
{
	(void)state;
	assert_int_equal(status_http(OK), 200);
	assert_int_equal(status_http(NOT_FOUND), 404);
	for (int i = 1; i < ALL; i++)
		assert_in_range(status_http(all[i]), 400, 599);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_leads_back_to_its_status),
		cmocka_unit_test(a_code_we_do_not_know_is_internal),
		cmocka_unit_test(codes_are_lower_case_words),
		cmocka_unit_test(texts_are_sentences_without_a_full_stop),
		cmocka_unit_test(only_ok_is_a_success_in_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
