#include "agentd/ask.h"
#include "agentd/lexicon.h"
#include "tests/agent/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct business business;
static struct ask ask;

static int open_record(void **state)
{
	(void)state;
	record_read(&business, &arena);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static void read_one(const char *text)
{
	const struct said said = {text, false};

	ask_read(&ask, &arena, &business, &wednesday, &said, 1);
}

static void read_after(const char *before, const char *text)
{
	const struct said said[] = {{before, true}, {text, false}};

	ask_read(&ask, &arena, &business, &wednesday, said, 2);
}

static void days_are_understood(void **state)
{
	static const struct {
		const char *text, *dates; /* separated by blanks */
	} cases[] = {
		{"azi", "2026-11-25"},
		{"today", "2026-11-25"},
		{"mâine", "2026-11-26"},
		{"maine", "2026-11-26"},
		{"poimâine", "2026-11-27"},
		{"the day after tomorrow", "2026-11-27"},
		{"miercuri", "2026-11-25"}, /* today is one */
		{"sâmbătă", "2026-11-28"},
		{"sambata", "2026-11-28"},
		{"on Saturdays", "2026-11-28"},
		{"luni", "2026-11-30"},
		{"lunea viitoare", "2026-11-30"},
		{"vineri", "2026-11-27"},
		{"vinerea viitoare", "2026-12-04"},
		{"next Friday", "2026-12-04"},
		{"next Monday", "2026-11-30"},
		{"în weekend", "2026-11-28 2026-11-29"},
		{"this week-end", "2026-11-28 2026-11-29"},
		{"sâmbătă și duminică", "2026-11-28 2026-11-29"},
		{"25 decembrie", "2026-12-25"},
		{"25 dec. 2027", "2027-12-25"},
		{"1 ianuarie", "2027-01-01"}, /* the next one */
		{"December 25th", "2026-12-25"},
		{"25th of December", "2026-12-25"},
		{"1 mai", "2027-05-01"},
		{"29 februarie", "2028-02-29"},
		{"31 februarie", ""},
		{"25.12", "2026-12-25"},
		{"25.12.2026", "2026-12-25"},
		{"25/12", "2026-12-25"},
		{"2026-12-25", "2026-12-25"},
		{"2026-13-25", ""},
		{"de Crăciun", "2026-12-25"},
		{"on Christmas Day", "2026-12-25"},
		{"on Christmas Eve", "2026-12-24"},
		{"în ajunul Crăciunului", "2026-12-24"},
		{"de Sfântul Andrei", "2026-11-30"},
		{"de Paște", "2027-05-02"},
		{"la Easter", "2027-05-02"},
		{"între 24 decembrie și 26 decembrie",
			"2026-12-24 2026-12-25 2026-12-26"},
		{"copii de 6 luni", ""}, /* months, not Monday */
		{"câteva luni", ""},
		{"costă 25.50", ""},
		{"mai aveți locuri", ""},
		{"may I come", ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct words words;
		struct dates dates;
		bool used[32] = {false};
		char got[DATES_MAX * DATE_SIZE + 1] = "";

		words_split(&words, &arena, cases[i].text,
			strlen(cases[i].text), 32);
		dates_find(&dates, &words, &business, &wednesday, used);
		for (int k = 0; k < dates.n; k++)
			snprintf(got + strlen(got), sizeof(got) - strlen(got),
				"%s%s", k ? " " : "", dates.date[k]);
		if (strcmp(got, cases[i].dates))
			print_error("%s\n", cases[i].text);
		assert_string_equal(got, cases[i].dates);
	}
}

static void times_of_day_are_understood(void **state)
{
	static const struct {
		const char *text;
		int minute;
	} cases[] = {
		{"mâine la ora 18", 18 * 60},
		{"la 18:30", 18 * 60 + 30},
		{"at 6 pm", 18 * 60},
		{"at 12 am", 0},
		{"deschis la 19", 19 * 60},
		{"la 19 ani", -1},
		{"at 13 pm", -1},
		{"ora 25", -1},
		{"strada Lungă 18", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct words words;
		struct dates dates;
		bool used[32] = {false};

		words_split(&words, &arena, cases[i].text,
			strlen(cases[i].text), 32);
		dates_find(&dates, &words, &business, &wednesday, used);
		assert_int_equal(dates.minute, cases[i].minute);
	}
}

static void a_question_is_understood(void **state)
{
	static const struct {
		const char *text;
		unsigned topics;
		enum when when;
		int services; /* how many */
		const char *service; /* the first one's English name */
		int rest; /* words the record does not explain */
	} cases[] = {
		{"Ce program aveți?", TOPIC_HOURS, WHEN_WEEK, 0, NULL, 0},
		{"program", TOPIC_HOURS, WHEN_WEEK, 0, NULL, 0},
		{"Sunteți deschiși acum?", TOPIC_HOURS, WHEN_NOW, 0, NULL, 0},
		{"sunteti deschisi", TOPIC_HOURS, WHEN_NOW, 0, NULL, 0},
		{"Când sunteți deschiși?", TOPIC_HOURS, WHEN_WEEK, 0, NULL, 0},
		{"La ce oră închideți?", TOPIC_HOURS, WHEN_DAYS, 0, NULL, 0},
		{"Lucrați sâmbăta?", TOPIC_HOURS, WHEN_DAYS, 0, NULL, 0},
		{"Lucrați de sărbători?", TOPIC_HOURS, WHEN_HOLIDAYS, 0, NULL,
			0},
		{"What are your hours?", TOPIC_HOURS, WHEN_WEEK, 0, NULL, 0},
		{"Are you open tomorrow?", TOPIC_HOURS, WHEN_DAYS, 0, NULL, 0},
		{"Cât costă o revizie?", TOPIC_PRICE, WHEN_WEEK, 1,
			"Full service", 0},
		{"cat costa o reviize", TOPIC_PRICE, WHEN_WEEK, 1,
			"Full service", 0},
		{"Cât costă o revizie electrică?", TOPIC_PRICE, WHEN_WEEK, 1,
			"E-bike service", 0},
		{"preț pană", TOPIC_PRICE, WHEN_WEEK, 1, "Inner tube change",
			0},
		{"How much is a full service?", TOPIC_PRICE, WHEN_WEEK, 1,
			"Full service", 0},
		{"Cât e o revizie?", TOPIC_PRICE, WHEN_WEEK, 1, "Full service",
			0},
		{"Cât costă o revizie și o pană?", TOPIC_PRICE, WHEN_WEEK, 2,
			"Full service", 0},
		{"Ce prețuri aveți?", TOPIC_PRICE, WHEN_WEEK, 0, NULL, 0},
		{"Cât durează o revizie?", TOPIC_DURATION, WHEN_WEEK, 1,
			"Full service", 0},
		{"How long does a tune-up take?", TOPIC_DURATION, WHEN_WEEK, 1,
			"Full service", 0},
		{"Faceți revizie?", TOPIC_SERVICE, WHEN_WEEK, 1, "Full service",
			0},
		{"Ce servicii oferiți?", TOPIC_SERVICES, WHEN_WEEK, 0, NULL, 0},
		{"Unde sunteți?", TOPIC_ADDRESS, WHEN_WEEK, 0, NULL, 0},
		{"What is your address?", TOPIC_ADDRESS, WHEN_WEEK, 0, NULL, 0},
		{"Cum ajung la voi?", TOPIC_DIRECTIONS, WHEN_WEEK, 0, NULL, 0},
		{"Ce număr de telefon aveți?", TOPIC_CONTACT, WHEN_WEEK, 0,
			NULL, 0},
		{"Vreau să vorbesc cu un om", TOPIC_HUMAN, WHEN_WEEK, 0, NULL,
			0},
		{"Cine sunteți?", TOPIC_ABOUT, WHEN_WEEK, 0, NULL, 0},
		{"Vindeți căști?", 0, WHEN_WEEK, 0, NULL, 2},
		{"Unde pot parca?", TOPIC_ADDRESS, WHEN_WEEK, 0, NULL, 1},
		{"Aveți ceva la atelier Ana?", 0, WHEN_WEEK, 0, NULL, -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct part *part = &ask.parts[0];

		read_one(cases[i].text);
		if (ask.n_parts && part->topics != cases[i].topics)
			print_error("%s\n", cases[i].text);
		if (cases[i].rest < 0) { /* nothing is asked */
			assert_int_equal(ask.n_parts, 0);
			continue;
		}
		assert_int_equal(ask.n_parts, 1);
		assert_int_equal(part->topics, cases[i].topics);
		if (part->topics & TOPIC_HOURS)
			assert_int_equal(part->when, cases[i].when);
		assert_int_equal(part->n_services, cases[i].services);
		if (cases[i].service)
			assert_string_equal(part->services[0]->name.in[LANG_EN],
				cases[i].service);
		assert_int_equal(part->query.n_rest, cases[i].rest);
	}
}

static void several_questions_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		int n;
		unsigned topics[3];
	} cases[] = {
		{"Cât costă o revizie și ce program aveți sâmbătă?", 2,
			{TOPIC_PRICE, TOPIC_HOURS}},
		{"Cât costă o revizie? Unde sunteți?", 2,
			{TOPIC_PRICE, TOPIC_ADDRESS}},
		{"Where are you, how much is a tune-up and are you open now?",
			3, {TOPIC_ADDRESS, TOPIC_PRICE, TOPIC_HOURS}},
		{"Sunteți pe str. Lungă nr. 1?", 1, {0}},
		{"Bună ziua, cât costă o revizie?", 1, {TOPIC_PRICE}},
		{"program\nadresa", 2, {TOPIC_HOURS, TOPIC_ADDRESS}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		read_one(cases[i].text);
		assert_int_equal(ask.n_parts, cases[i].n);
		for (int k = 0; k < ask.n_parts; k++)
			assert_int_equal(
				ask.parts[k].topics, cases[i].topics[k]);
	}
}

static void a_question_leans_on_the_one_before(void **state)
{
	(void)state;
	read_after("Ce program aveți sâmbătă?", "Și duminică?");
	assert_int_equal(ask.parts[0].topics, TOPIC_HOURS);
	assert_string_equal(ask.parts[0].dates.date[0], "2026-11-29");

	read_after("Cât costă o revizie?", "dar o pană?");
	assert_int_equal(ask.parts[0].topics, TOPIC_PRICE);
	assert_string_equal(ask.parts[0].services[0]->name.in[LANG_EN],
		"Inner tube change");

	read_after("Cât costă o revizie?", "Și cât durează?");
	assert_int_equal(ask.parts[0].topics, TOPIC_DURATION);
	assert_string_equal(
		ask.parts[0].services[0]->name.in[LANG_EN], "Full service");

	read_after("Cât costă o revizie?", "dar electrică?");
	assert_int_equal(ask.parts[0].topics, TOPIC_PRICE);
	assert_string_equal(
		ask.parts[0].services[0]->name.in[LANG_EN], "E-bike service");

	/* another question is another question */
	read_after("Cât costă o revizie?", "Unde sunteți?");
	assert_int_equal(ask.parts[0].topics, TOPIC_ADDRESS);
	assert_int_equal(ask.n_parts, 1);

	/* and one in the same message */
	read_one("Cât costă o revizie și cât durează?");
	assert_int_equal(ask.n_parts, 2);
	assert_int_equal(ask.parts[1].n_services, 1);
}

static void several_messages_are_read_together(void **state)
{
	const struct said said[] = {{"Bună ziua", false},
		{"cât costă o revizie?", false},
		{"și ce program aveți", false}};

	(void)state;
	ask_read(&ask, &arena, &business, &wednesday, said, 3);
	assert_int_equal(ask.n_parts, 2);
	assert_true(ask.manners & SIG_GREETING);
}

static void the_language_is_that_of_the_question(void **state)
{
	const struct said switched[] = {{"Cât costă o revizie?", true},
		{"What are your hours?", false}};
	const struct said kept[] = {
		{"Cât costă o revizie?", true}, {"ok", false}};

	(void)state;
	read_one("Unde sunteți?");
	assert_int_equal(ask.language, LANG_RO);
	read_one("unde va aflati");
	assert_int_equal(ask.language, LANG_RO);
	read_one("Where are you?");
	assert_int_equal(ask.language, LANG_EN);
	read_one("???");
	assert_int_equal(ask.language, LANG_EN); /* the tenant's first */
	ask_read(&ask, &arena, &business, &wednesday, switched, 2);
	assert_int_equal(ask.language, LANG_EN);
	ask_read(&ask, &arena, &business, &wednesday, kept, 2);
	assert_int_equal(ask.language, LANG_RO);
}

static void courtesies_are_no_questions(void **state)
{
	static const struct {
		const char *text;
		unsigned manners;
	} cases[] = {
		{"Bună ziua!", SIG_GREETING},
		{"hello there", SIG_GREETING},
		{"Mulțumesc frumos", SIG_THANKS},
		{"thank you so much!", SIG_THANKS},
		{"la revedere", SIG_BYE},
		{"ok, mulțumesc", SIG_THANKS | SIG_ACK},
		{"idiotule", SIG_RUDE},
		{"", 0},
		{"🙂🙂", 0},
		{"...", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		read_one(cases[i].text);
		assert_int_equal(ask.n_parts, 0);
		assert_int_equal(ask.manners, cases[i].manners);
	}
}

static void a_location_is_known_by_its_name(void **state)
{
	(void)state;
	read_one("Ce program aveți la Ana Gară?");
	assert_ptr_equal(ask.parts[0].location, &business.locations[1]);
	assert_int_equal(ask.parts[0].query.n_rest, 0);
	read_one("Ce program aveți?");
	assert_null(ask.parts[0].location);
}

static void an_endless_text_is_read_as_far_as_it_goes(void **state)
{
	static char text[40001];
	size_t len = 0;

	(void)state;
	while (len + 20 < sizeof(text))
		len += (size_t)sprintf(text + len, "cât costă parcul? ");
	read_one(text);
	assert_int_equal(ask.n_parts, ASK_PARTS);
	memset(text, 'a', sizeof(text) - 1);
	read_one(text);
	assert_int_equal(ask.n_parts, 1);
}

int main(void)
{
#define with_record(test) \
	cmocka_unit_test_setup_teardown(test, open_record, forget)
	const struct CMUnitTest tests[] = {
		with_record(days_are_understood),
		with_record(times_of_day_are_understood),
		with_record(a_question_is_understood),
		with_record(several_questions_are_told_apart),
		with_record(a_question_leans_on_the_one_before),
		with_record(several_messages_are_read_together),
		with_record(the_language_is_that_of_the_question),
		with_record(courtesies_are_no_questions),
		with_record(a_location_is_known_by_its_name),
		with_record(an_endless_text_is_read_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
