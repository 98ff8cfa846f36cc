#include "agentd/business.h"
#include "tests/agent/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct business b;
};

static struct fixture f;

static int open_record(void **state)
{
	(void)state;
	f = (struct fixture){{0}};
	record_read(&f.b, &f.arena);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	arena_clear(&f.arena);
	return 0;
}

static void read_text(const char *text)
{
	struct json *record = json_parse(text, strlen(text));

	business_read(&f.b, &f.arena, record, "B9");
	json_free(record);
}

static void a_record_is_read(void **state)
{
	(void)state;
	assert_string_equal(f.b.name, "Atelier Ana");
	assert_int_equal(f.b.language, LANG_EN);
	assert_int_equal(f.b.n_locations, 2);
	assert_int_equal(f.b.n_services, 5);
	assert_int_equal(f.b.n_policies, 1); /* the others steer daemons */
	assert_string_equal(f.b.policies[0].name, "warranty");
	assert_true(f.b.services[2].from == 20 && f.b.services[2].to == 35.5);
	assert_false(f.b.services[4].priced);
	assert_false(business_blank(&f.b));
	assert_ptr_equal(business_location(&f.b, "L2"), &f.b.locations[1]);
	assert_null(business_location(&f.b, "L3"));
	assert_null(business_location(&f.b, NULL));
}

static void a_text_in_one_language_serves_both(void **state)
{
	(void)state;
	assert_string_equal(
		f.b.locations[0].address.in[LANG_EN], "Strada Lungă 1");
	assert_string_equal(f.b.holidays[1].name.in[LANG_EN], "Sfântul Andrei");
}

/* Whatever stands where the record should be, it is not a fault. */
static void a_malformed_record_is_a_business_of_which_little_is_known(
	void **state)
{
	static const char *const records[] = {
		"null",
		"[]",
		"3",
		"\"x\"",
		"{}",
		"{\"name\":7,\"hours\":[]}",
		"{\"locations\":{},\"services\":[1,null,{}],\"holidays\":[[]],"
		"\"overrides\":[{\"date\":\"x\",\"hours\":[]}]}",
		"{\"hours\":{\"mon\":\"all "
		"day\",\"tue\":[[\"25:00\",\"26:00\"]],"
		"\"wed\":[[\"9:00\",\"10:00\"]],\"thu\":[[\"10:00\",\"09:00\"]]"
		","
		"\"fri\":[[\"09:00\"]],\"sat\":[[\"08:00\",\"10:00\"],"
		"[\"09:00\",\"11:00\"]],\"sun\":[1]}}",
		"{\"services\":[{\"name\":\"x\",\"price\":{\"amount\":\"5\"}}]"
		"}",
		"{\"policies\":[],\"contact\":[]}",
	};
	struct day day;

	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		read_text(records[i]);
		assert_string_equal(f.b.name, "B9");
		assert_false(f.b.week.known);
		business_day(&f.b, NULL, "2026-11-25", &day);
		assert_false(day.known);
		assert_null(f.b.phone);
		for (int k = 0; k < f.b.n_services; k++)
			assert_false(f.b.services[k].priced);
	}
	business_read(&f.b, &f.arena, NULL, "B9");
	assert_true(business_blank(&f.b));
}

static void the_hours_of_a_date_are_known(void **state)
{
	static const struct {
		const char *date, *location;
		int n, from, to; /* of the first span, in hours */
		enum day_why why;
		const char *reason;
	} cases[] = {
		{"2026-11-23", NULL, 2, 9, 13, DAY_ORDINARY, NULL},
		{"2026-11-24", NULL, 1, 9, 18, DAY_ORDINARY, NULL},
		{"2026-11-28", NULL, 1, 10, 14, DAY_ORDINARY, NULL},
		{"2026-11-29", NULL, 0, 0, 0, DAY_ORDINARY, NULL},
		/* a holiday of every year, one with hours, one of one year */
		{"2026-11-30", NULL, 0, 0, 0, DAY_HOLIDAY, "Sfântul Andrei"},
		{"2029-11-30", NULL, 0, 0, 0, DAY_HOLIDAY, "Sfântul Andrei"},
		{"2026-12-06", NULL, 0, 0, 0, DAY_HOLIDAY, "Ziua orașului"},
		{"2027-05-02", NULL, 0, 0, 0, DAY_HOLIDAY, "Easter"},
		{"2028-05-02", NULL, 1, 9, 18, DAY_ORDINARY, NULL},
		/* an override, and one that wins over a holiday */
		{"2026-12-24", NULL, 1, 9, 12, DAY_OVERRIDE, "Christmas Eve"},
		{"2026-12-25", NULL, 0, 0, 0, DAY_OVERRIDE, NULL},
		{"2026-12-27", NULL, 0, 0, 0, DAY_OVERRIDE, NULL},
		{"2026-12-28", NULL, 2, 9, 13, DAY_ORDINARY, NULL},
		/* a location's own week is whole */
		{"2026-11-23", "L2", 1, 10, 12, DAY_ORDINARY, NULL},
		{"2026-11-24", "L2", 0, 0, 0, DAY_ORDINARY, NULL},
		{"2026-11-23", "L1", 2, 9, 13, DAY_ORDINARY, NULL},
		{"2026-12-24", "L2", 1, 9, 12, DAY_OVERRIDE, "Christmas Eve"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct day day;

		business_day(&f.b, business_location(&f.b, cases[i].location),
			cases[i].date, &day);
		assert_true(day.known);
		assert_int_equal(day.hours.n, cases[i].n);
		if (day.hours.n) {
			assert_int_equal(
				day.hours.spans[0].from, cases[i].from * 60);
			assert_int_equal(
				day.hours.spans[0].to, cases[i].to * 60);
		}
		assert_int_equal(day.why, cases[i].why);
		if (cases[i].reason)
			assert_string_equal(
				day.reason->in[LANG_EN], cases[i].reason);
		else
			assert_null(day.reason);
	}
}

static void a_holiday_that_is_worked_keeps_its_hours(void **state)
{
	struct day day;

	(void)state;
	read_text("{\"hours\":{\"sun\":[[\"10:00\",\"11:00\"]]},\"holidays\":"
		  "[{\"date\":\"12-06\",\"name\":\"x\",\"closed\":false}]}");
	business_day(&f.b, NULL, "2026-12-06", &day);
	assert_int_equal(day.why, DAY_HOLIDAY);
	assert_int_equal(day.hours.n, 1);
}

static void the_next_open_day_is_found(void **state)
{
	char date[DATE_SIZE];

	(void)state;
	assert_true(business_next_open(&f.b, NULL, "2026-11-28", date));
	assert_string_equal(date, "2026-12-01"); /* Sunday, Saint Andrew */
	assert_true(business_next_open(&f.b, NULL, "2026-12-24", date));
	assert_string_equal(date, "2026-12-28");
	read_text("{}");
	assert_false(business_next_open(&f.b, NULL, "2026-11-28", date));
}

int main(void)
{
#define with_record(test) \
	cmocka_unit_test_setup_teardown(test, open_record, forget)
	const struct CMUnitTest tests[] = {
		with_record(a_record_is_read),
		with_record(a_text_in_one_language_serves_both),
		with_record(
			a_malformed_record_is_a_business_of_which_little_is_known),
		with_record(the_hours_of_a_date_are_known),
		with_record(a_holiday_that_is_worked_keeps_its_hours),
		with_record(the_next_open_day_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
