#include "shared/tenant.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void repeat(char *out, char c, size_t count)
{
	memset(out, c, count);
	out[count] = '\0';
}

static void ids_have_the_shape_of_the_design(void **state)
{
	char id[200];

	(void)state;
	assert_true(business_id_valid("B0100001"));
	assert_true(business_id_valid("a.b_c~d-e"));
	assert_false(business_id_valid(""));
	assert_false(business_id_valid(".hidden"));
	assert_false(business_id_valid("a/b"));
	assert_false(business_id_valid("a:b"));
	assert_false(business_id_valid("ș"));
	repeat(id, 'x', 64);
	assert_true(business_id_valid(id));
	repeat(id, 'x', 65);
	assert_false(business_id_valid(id));

	assert_true(user_id_valid("ana@example.com"));
	assert_true(user_id_valid("40712+x:web~1_2-3"));
	assert_false(user_id_valid("+40712"));
	repeat(id, 'x', 128);
	assert_true(user_id_valid(id));
	repeat(id, 'x', 129);
	assert_false(user_id_valid(id));

	assert_true(location_id_valid("L0100001"));
	assert_false(location_id_valid("a~b"));
	assert_false(location_id_valid("-a"));
	repeat(id, 'x', 65);
	assert_false(location_id_valid(id));
}

static void names_of_our_own_are_no_users(void **state)
{
	(void)state;
	assert_false(user_id_valid("agent"));
	assert_false(user_id_valid("system"));
	assert_false(user_id_valid("coordinator:ion"));
	assert_false(user_id_valid("coordinator:"));
	assert_true(user_id_valid("agent1"));
	assert_true(user_id_valid("coordinator"));
}

static const char *fault(const char *text)
{
	static char why[200];

	return tenant_record_fault(text, strlen(text), why, sizeof(why));
}

#define RECORD(rest) \
	"{\"name\":\"N\",\"timezone\":\"UTC\",\"languages\":[\"ro\"]" rest "}"
#define POLICIES(rest) RECORD(",\"policies\":{" rest "}")

static void good_records_have_no_fault(void **state)
{
	static const char *const good[] = {
		RECORD(""),
		RECORD(",\"type\":\"medical\",\"hours\":{\"mon\":[]},\"x\":7"),
		RECORD(",\"policies\":{}"),
		POLICIES("\"concurrency\":\"reject\""),
		POLICIES("\"burst\":{\"idleMs\":0,\"maxMs\":0}"),
		POLICIES("\"burst\":{\"idleMs\":10000,\"maxMs\":60000}"),
		POLICIES("\"fallback\":\"Sunați-ne\""),
		POLICIES("\"fallback\":{\"ro\":\"Sunați-ne\"}"),
		POLICIES("\"cancellation\":{\"ro\":\"24 h\"}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (fault(good[i]))
			fail_msg("%s: %s", good[i], fault(good[i]));
}

static void bad_records_are_told_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *about;
	} bad[] = {
		{"", "JSON"},
		{"[]", "object"},
		{RECORD(",\"x\":\"\\u0000\""), "JSON"},
		{"{\"timezone\":\"UTC\",\"languages\":[\"ro\"]}", "name"},
		{RECORD(",\"name\":\"\""), "name"},
		{RECORD(",\"name\":7"), "name"},
		{RECORD(",\"type\":7"), "type"},
		{RECORD(",\"timezone\":null"), "timezone"},
		{RECORD(",\"timezone\":\"Mars/Base\""),
			"timezone \"Mars/Base\" is not known"},
		{RECORD(",\"timezone\":\"../../etc/passwd\""), "not known"},
		{RECORD(",\"languages\":[]"), "languages"},
		{RECORD(",\"languages\":\"ro\""), "languages"},
		{RECORD(",\"languages\":[\"ro\",\"fr\"]"), "languages"},
		{RECORD(",\"languages\":{\"a\":\"fr\"}"), "languages"},
		{RECORD(",\"policies\":[]"), "policies"},
		{POLICIES("\"concurrency\":\"drop\""), "concurrency"},
		{POLICIES("\"concurrency\":1"), "concurrency"},
		{POLICIES("\"burst\":1500"), "burst"},
		{POLICIES("\"burst\":{\"maxMs\":1}"), "idleMs"},
		{POLICIES("\"burst\":{\"idleMs\":10001,\"maxMs\":60000}"),
			"idleMs"},
		{POLICIES("\"burst\":{\"idleMs\":2,\"maxMs\":1}"), "maxMs"},
		{POLICIES("\"burst\":{\"idleMs\":2,\"maxMs\":60001}"), "maxMs"},
		{POLICIES("\"burst\":{\"idleMs\":1.5,\"maxMs\":60000}"),
			"idleMs"},
		{POLICIES("\"fallback\":7"), "fallback"},
		{POLICIES("\"fallback\":\"\""), "fallback"},
		{POLICIES("\"fallback\":{\"ro\":null}"), "fallback"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *why = fault(bad[i].text);

		if (!why || !strstr(why, bad[i].about))
			fail_msg("%s: %s", bad[i].text, why ? why : "good");
	}
}

/* RECORD with a member "x" begun: what follows closes it. */
#define OPEN_RECORD \
	"{\"name\":\"N\",\"timezone\":\"UTC\",\"languages\":[\"ro\"],\"x\":"

/* A good record of exactly so many bytes. */
static char *record_of(size_t size)
{
	static const char head[] = OPEN_RECORD "\"", tail[] = "\"}";
	char *text = xalloc(size + 1);

	memset(text, 'x', size);
	memcpy(text, head, strlen(head));
	memcpy(text + size - strlen(tail), tail, strlen(tail));
	return text;
}

static void a_record_may_fill_the_limit_but_not_pass_it(void **state)
{
	char *text = record_of(TENANT_RECORD_MAX);

	(void)state;
	assert_null(fault(text));
	free(text);
	text = record_of(TENANT_RECORD_MAX + 1);
	assert_non_null(strstr(fault(text), "larger than 65536"));
	free(text);
}

static void a_record_must_fit_when_its_numbers_are_written_out(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, TENANT_RECORD_MAX);
	buf_puts(&text, OPEN_RECORD "[1");
	for (int i = 0; i < 10000; i++)
		buf_puts(&text, ",1e9");
	buf_puts(&text, "]}");
	assert_false(text.full);
	assert_non_null(strstr(fault(text.data), "larger than 65536"));
	buf_clear(&text);
}

static void a_record_fills_the_tenant(void **state)
{
	static const char text[] =
		"{\"name\":\"Salvia\",\"type\":\"medical\",\"timezone\":"
		"\"Europe/Bucharest\",\"languages\":[\"en\",\"ro\"],"
		"\"policies\":{\"concurrency\":\"interrupt\",\"burst\":"
		"{\"idleMs\":1500,\"maxMs\":5000},"
		"\"fallback\":{\"ro\":\"Sunați-ne\"}}}";
	struct json *record = json_parse(text, strlen(text));
	struct tenant tenant = {0};

	(void)state;
	tenant_fill(&tenant, record);
	assert_string_equal(tenant.name, "Salvia");
	assert_string_equal(tenant.type, "medical");
	assert_string_equal(tenant.zone, "Europe/Bucharest");
	assert_string_equal(tenant.language, "en");
	assert_int_equal(tenant.concurrency, CONCURRENCY_INTERRUPT);
	assert_int_equal(tenant.burst_idle_ms, 1500);
	assert_int_equal(tenant.burst_max_ms, 5000);
	assert_string_equal(tenant.fallback_ro, "Sunați-ne");
	assert_string_equal(tenant.fallback_en, "Sunați-ne");
	json_free(record);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_the_shape_of_the_design),
		cmocka_unit_test(names_of_our_own_are_no_users),
		cmocka_unit_test(good_records_have_no_fault),
		cmocka_unit_test(bad_records_are_told_what_is_wrong),
		cmocka_unit_test(a_record_may_fill_the_limit_but_not_pass_it),
		cmocka_unit_test(
			a_record_must_fit_when_its_numbers_are_written_out),
		cmocka_unit_test(a_record_fills_the_tenant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
