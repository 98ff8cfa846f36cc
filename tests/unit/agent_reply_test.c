#include "agentd/extracts.h"
#include "agentd/reply.h"
#include "agentd/shelf.h"
#include "tests/agent/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct business business;
static struct facts reply;

static int open_record(void **state)
{
	(void)state;
	record_read(&business, &arena);
	return 0;
}

static int forget(void **state)
{
	(void)state;
	facts_clear(&reply);
	reply = (struct facts){0};
	arena_clear(&arena);
	return 0;
}

/* The whole way without pages: what the record alone can say. */
static const char *answer_at(const char *text, const struct today *today)
{
	const struct said said = {text, false};
	struct search_part found[ASK_PARTS] = {{0}};
	const struct candidate *others;
	struct ask *ask = arena_alloc(&arena, sizeof(*ask));
	int n;

	facts_clear(&reply);
	ask_read(ask, &arena, &business, today, &said, 1);
	others = extracts_make(&arena, &business, ask->language, &n);
	for (int i = 0; i < ask->n_parts; i++)
		found[i].n_hits =
			shelf_find(NULL, &ask->parts[i].query, ask->language,
				others, n, &arena, found[i].hits, HITS_MAX);
	if (ask->n_parts)
		reply_write(&reply, &business, NULL, today, ask, found);
	else
		reply_manners(&reply, &business, ask->language, ask->manners);
	return reply.text.data;
}

static const char *answer(const char *text)
{
	return answer_at(text, &wednesday);
}

static void assert_says(const char *question, const char *wanted)
{
	const char *said = answer(question);

	if (!strstr(said, wanted))
		print_error("%s\n%s\n", question, said);
	assert_non_null(strstr(said, wanted));
}

static void hours_are_told(void **state)
{
	static const char *const cases[][2] = {
		{"Ce program aveți la Ana Centru?",
			"Programul nostru: luni 09:00–13:00 și 14:00–18:00, "
			"marți–vineri 09:00–18:00, sâmbătă 10:00–14:00, "
			"duminică închis. Zile cu alt program: luni, 30 "
			"noiembrie: închis (Sfântul Andrei); duminică, 6 "
			"decembrie: închis (Ziua orașului)."},
		{"What are your hours at Ana Centru?",
			"Our opening hours: Monday 09:00–13:00 and 14:00–18:00,"
			" Tuesday–Friday 09:00–18:00, Saturday 10:00–14:00, "
			"Sunday closed."},
		{"Sunteți deschiși sâmbătă la Ana Centru?",
			"Sâmbătă, 28 noiembrie, suntem deschiși 10:00–14:00."},
		{"Are you open on Saturday at Ana Centru?",
			"On Saturday, 28 November, we are open 10:00–14:00."},
		{"Ana Centru e deschis azi?",
			"Azi (miercuri, 25 noiembrie) suntem deschiși "
			"09:00–18:00."},
		{"is Ana Centru open tomorrow?",
			"Tomorrow (Thursday, 26 November) we are open "
			"09:00–18:00."},
		{"Lucrați duminică la Ana Centru?",
			"Duminică, 29 noiembrie, suntem închiși. Următoarea zi "
			"deschisă: marți, 1 decembrie, 09:00–18:00."},
		{"program 24 decembrie Ana Centru",
			"Joi, 24 decembrie, suntem deschiși 09:00–12:00 "
			"(Ajun). De obicei: 09:00–18:00."},
		{"Lucrați la Paște, la Ana Centru?",
			"Duminică, 2 mai 2027, suntem închiși (Paștele)."},
		{"Sunteți deschiși la Ana Centru sâmbătă la ora 11?",
			"Da, la 11:00 suntem deschiși."},
		{"Sunteți deschiși la Ana Centru sâmbătă la ora 15?",
			"Nu, la 15:00 suntem închiși."},
		{"Ce program aveți de sărbători la Ana Centru?",
			"Zile cu alt program: \n• luni, 30 noiembrie: închis "
			"(Sfântul Andrei)\n• duminică, 6 decembrie: închis"},
		{"Ce program are Ana Gară luni?", "Luni, 30 noiembrie"},
		/* several places, and none is named */
		{"Ce program aveți?", "Program Ana Gară: luni 10:00–12:00"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void open_or_closed_now_is_told(void **state)
{
	static const struct {
		struct today now;
		const char *wanted;
	} cases[] = {
		{{"2026-11-25", 10 * 60},
			"Da, acum suntem deschiși, până la 18:00."},
		{{"2026-11-25", 8 * 60}, "Acum suntem închiși. Deschidem azi "
					 "(miercuri, 25 noiembrie) la 09:00."},
		{{"2026-11-25", 18 * 60},
			"Acum suntem închiși. Deschidem mâine "
			"(joi, 26 noiembrie) la 09:00."},
		/* between two spans of a day */
		{{"2026-11-23", 13 * 60 + 30},
			"Acum suntem închiși. Deschidem azi "
			"(luni, 23 noiembrie) la 14:00."},
		{{"2026-11-28", 14 * 60}, "Acum suntem închiși. Deschidem "
					  "marți, 1 decembrie la 09:00."},
		/* a holiday, an override */
		{{"2026-11-30", 10 * 60}, "Acum suntem închiși."},
		{{"2026-12-24", 10 * 60},
			"Da, acum suntem deschiși, până la 12:00."},
		{{"2026-12-24", 12 * 60}, "Acum suntem închiși."},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *said = answer_at(
			"Sunteți deschiși acum la Ana Centru?", &cases[i].now);

		if (!strstr(said, cases[i].wanted))
			print_error("%s\n", said);
		assert_non_null(strstr(said, cases[i].wanted));
	}
}

static void prices_and_durations_are_told(void **state)
{
	static const char *const cases[][2] = {
		{"Cât costă o revizie?",
			"„Revizie generală” costă 150 RON și durează o oră. "
			"Mai avem: Revizie bicicletă electrică 250 RON."},
		{"How much is a full service?",
			"“Full service” costs 150 RON and takes 1 hour."},
		{"Cât costă o revizie electrică?",
			"costă 250 RON și durează 95 de minute."},
		{"How long does an e-bike service take?",
			"“E-bike service” takes 95 minutes."},
		{"Cât costă o pană?", "costă între 20 și 35,50 RON și durează "
				      "19 minute."},
		{"how much is a puncture", "costs between 20 and 35.50 RON"},
		{"Cât costă un sfat?", "„Sfat” este gratuit."},
		{"Cât costă spițat roată?",
			"Nu am prețul pentru „Spițat roată”."},
		{"Cât durează un sfat?", "Nu știu cât durează „Sfat”."},
		{"Faceți revizie?", "Da, oferim „Revizie generală”."},
		{"Ce prețuri aveți?", "• Schimbat cameră: între 20 și 35,50 "
				      "RON\n• Sfat: gratuit\n• Spițat roată"},
		{"What services do you offer?", "• E-bike service: 250 RON"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void where_and_how_to_reach_is_told(void **state)
{
	static const char *const cases[][2] = {
		{"Unde sunteți?", "Ana Centru: Strada Lungă 1."},
		{"Unde sunteți?", "Ana Gară: Piața Gării 2."},
		{"Unde este Ana Gară?", "Piața Gării 2"},
		{"Ce telefon aveți?",
			"Ne puteți contacta la telefon +40 268 000 001."},
		{"What is your email?",
			"You can reach us at e-mail ana@atelier.example."},
		{"Cum vă pot contacta?",
			"telefon +40 268 000 001, e-mail ana@atelier.example"},
		{"Vreau să vorbesc cu un om",
			"Sunt asistentul automat de la Atelier Ana. Ca să "
			"vorbiți cu un coleg, ne găsiți la telefon +40 268"},
		{"Who are you?", "We mend bicycles."},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void rules_of_the_house_are_told_as_written(void **state)
{
	(void)state;
	assert_says("Ce garanție aveți?",
		"Garanția lucrărilor este de 90 de zile.");
	assert_string_equal(reply.sources[0].path, "business.json");
	assert_says("Is your work under warranty?",
		"Our work is under warranty for 90 days.");
}

static void what_is_not_known_is_admitted_with_the_way_to_someone(void **state)
{
	(void)state;
	assert_string_equal(answer("Vindeți trotinete?"),
		"Îmi pare rău, nu am această informație. Vă răspund colegii "
		"mei la telefon +40 268 000 001, e-mail ana@atelier.example.");
	assert_int_equal(reply.n_sources, 0);
	assert_string_equal(answer("Do you sell scooters?"),
		"I am sorry, I do not have this information. My colleagues "
		"will gladly answer: phone +40 268 000 001, e-mail "
		"ana@atelier.example.");
	/* what is known is told all the same */
	assert_says("Unde sunteți? Vindeți trotinete?",
		"Despre „Vindeți trotinete” nu am informații.");
	assert_says("Unde sunteți? Vindeți trotinete?", "Strada Lungă 1");
}

static void of_a_blank_business_nothing_is_claimed(void **state)
{
	static const char *const questions[] = {"Ce program aveți?",
		"Cât costă o revizie?", "Unde sunteți?", "Aveți parcare?",
		"Ce telefon aveți?", "Sunteți deschiși acum?"};

	(void)state;
	business_read(&business, &arena, NULL, "B42");
	for (size_t i = 0; i < COUNT(questions); i++) {
		assert_string_equal(answer(questions[i]),
			"Încă nu am informații despre B42.");
		assert_int_equal(reply.n_sources, 0);
	}
	assert_string_equal(answer("What are your hours?"),
		"I do not have any information about B42 yet.");
	assert_string_equal(answer("Bună ziua"),
		"Bună ziua! Sunt asistentul automat de la B42. Cu ce vă pot "
		"ajuta?");
}

static void courtesies_are_returned(void **state)
{
	static const char *const cases[][2] = {
		{"Bună ziua!", "Bună ziua! Sunt asistentul automat de la "
			       "Atelier Ana. Cu ce vă pot ajuta?"},
		{"hi", "Hello! I am the automatic assistant of Atelier Ana."},
		{"Mulțumesc!", "Cu drag!"},
		{"thank you", "You are welcome!"},
		{"la revedere", "La revedere, o zi bună!"},
		{"prostule", "Îmi pare rău dacă ceva nu a mers bine."},
		{"in regula", "Dacă vă mai pot ajuta cu ceva, scrieți-mi."},
		{"🙂", "I did not understand the message."},
		{"Bună ziua, unde sunteți?", "Bună ziua!\n\nAna Centru:"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_says(cases[i][0], cases[i][1]);
}

static void the_same_is_not_said_twice(void **state)
{
	const char *said =
		answer("Cât costă o revizie? Cât costă o revizie generală?");

	(void)state;
	said = strstr(said, "costă 150 RON");
	assert_non_null(said);
	assert_null(strstr(said + 1, "costă 150 RON"));
	assert_int_equal(reply.n_sources, 1);
}

static void every_source_is_of_the_answer(void **state)
{
	(void)state;
	answer("Cât costă o revizie și ce program aveți sâmbătă la Ana "
	       "Centru?");
	assert_int_equal(reply.n_sources, 2);
	assert_string_equal(reply.sources[0].title, "Prețuri");
	assert_string_equal(reply.sources[1].title, "Program");
	for (int i = 0; i < reply.n_sources; i++)
		assert_non_null(
			strstr(reply.text.data, reply.sources[i].snippet));
}

static void romanian_numbers_take_their_de(void **state)
{
	static const struct {
		int minutes;
		const char *ro, *en;
	} cases[] = {
		{1, "un minut", "1 minute"},
		{2, "2 minute", "2 minutes"},
		{19, "19 minute", "19 minutes"},
		{20, "20 de minute", "20 minutes"},
		{45, "45 de minute", "45 minutes"},
		{60, "o oră", "1 hour"},
		{101, "101 minute", "101 minutes"},
		{120, "2 ore", "2 hours"},
		{150, "2 ore și 30 de minute", "2 hours and 30 minutes"},
		{1260, "21 de ore", "21 hours"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf out;

		buf_init(&out, 200);
		say_minutes(&out, LANG_RO, cases[i].minutes);
		assert_string_equal(out.data, cases[i].ro);
		buf_reset(&out);
		say_minutes(&out, LANG_EN, cases[i].minutes);
		assert_string_equal(out.data, cases[i].en);
		buf_clear(&out);
	}
}

int main(void)
{
#define with_record(test) \
	cmocka_unit_test_setup_teardown(test, open_record, forget)
	const struct CMUnitTest tests[] = {
		with_record(hours_are_told),
		with_record(open_or_closed_now_is_told),
		with_record(prices_and_durations_are_told),
		with_record(where_and_how_to_reach_is_told),
		with_record(rules_of_the_house_are_told_as_written),
		with_record(
			what_is_not_known_is_admitted_with_the_way_to_someone),
		with_record(of_a_blank_business_nothing_is_claimed),
		with_record(courtesies_are_returned),
		with_record(the_same_is_not_said_twice),
		with_record(every_source_is_of_the_answer),
		with_record(romanian_numbers_take_their_de),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
