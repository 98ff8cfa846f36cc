#include "agentd/lexicon.h"
#include "agentd/words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static struct words split(const char *text)
{
	struct words words;

	words_split(&words, &arena, text, strlen(text), 100);
	return words;
}

static int forget(void **state)
{
	(void)state;
	arena_clear(&arena);
	return 0;
}

static void a_text_becomes_folded_words(void **state)
{
	struct words w = split(
		"Cât costă „Ecografia”, d-le?  2,5 km 🙂—Țuică");
	static const char *const folds[] = {"cat", "costa", "ecografia", "d",
		"le", "2", "5", "km", "tuica"};

	(void)state;
	assert_int_equal(w.n, COUNT(folds));
	for (int i = 0; i < w.n; i++)
		assert_string_equal(w.items[i].fold, folds[i]);
	assert_memory_equal(w.text + w.items[8].at, "Țuică", w.items[8].len);
}

static void no_more_words_are_made_than_asked_for(void **state)
{
	struct words w;

	(void)state;
	words_split(&w, &arena, "one two three", 13, 2);
	assert_int_equal(w.n, 2);
	words_split(&w, &arena, "", 0, 100);
	assert_int_equal(w.n, 0);
}

static void an_endless_word_is_cut_between_letters(void **state)
{
	char text[2001];
	struct words w;

	(void)state;
	memset(text, 'x', 2000);
	text[2000] = 0;
	w = split(text);
	assert_int_equal(w.n, 1);
	assert_int_equal(strlen(w.items[0].fold), WORD_MAX_BYTES);
	assert_int_equal(w.items[0].len, 2000);

	for (int i = 0; i < 1998; i += 3)
		memcpy(text + i, "字", 3);
	text[1998] = 0;
	w = split(text);
	assert_int_equal(strlen(w.items[0].fold) % 3, 0);
}

static void forms_of_one_word_are_alike(void **state)
{
	static const char *const pairs[][2] = {
		{"consultație", "consultații"},
		{"Consultatia", "consultație"},
		{"tiroidă", "tiroidei"},
		{"tiroidă", "tiroidiană"},
		{"pediatru", "pediatrie"},
		{"programare", "programări"},
		{"copii", "copilul"},
		{"dr", "doctorul"},
		{"ultrasounds", "ultrasound"},
		{"cancelled", "cancellation"},
		{"parchez", "parcare"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct words a = split(pairs[i][0]), b = split(pairs[i][1]);

		assert_true(words_alike(&a.items[0], &b.items[0]) > 0);
	}
}

static void different_words_are_not_alike(void **state)
{
	static const char *const pairs[][2] = {
		{"program", "programare"},
		{"card", "cardiologie"},
		{"medici", "medicamente"},
		{"analiză", "anulare"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct words a = split(pairs[i][0]), b = split(pairs[i][1]);

		assert_int_equal(words_alike(&a.items[0], &b.items[0]), 0);
	}
}

static void one_wrong_letter_is_seen_as_such(void **state)
{
	static const struct {
		const char *a, *b;
		bool typo;
	} cases[] = {
		{"consultatie", "consultatue", true},
		{"consultatie", "consultaie", true},
		{"consultatie", "consulttatie", true},
		{"consultatie", "conusltatie", true},
		{"consultatie", "consutlatei", false},
		{"consultatie", "ecografie", false},
		{"masa", "casa", false}, /* short words differ by a letter */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct words a = split(cases[i].a), b = split(cases[i].b);

		assert_int_equal(
			words_typo(&a.items[0], &b.items[0]), cases[i].typo);
		assert_int_equal(
			words_typo(&b.items[0], &a.items[0]), cases[i].typo);
	}
}

static void the_language_of_a_text_is_told(void **state)
{
	static const struct {
		const char *text;
		enum language language;
	} cases[] = {
		{"ce program aveti maine", LANG_RO},
		{"Bună ziua", LANG_RO},
		{"preț?", LANG_RO},
		{"unde va aflati", LANG_RO},
		{"what are your opening hours", LANG_EN},
		{"hello", LANG_EN},
		{"price list please", LANG_EN},
		{"booking?", LANG_EN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct words w = split(cases[i].text);
		int votes[LANGS] = {0};

		lexicon_vote(&w, votes);
		assert_int_equal(
			votes[LANG_EN] > votes[LANG_RO] ? LANG_EN : LANG_RO,
			cases[i].language);
		assert_true(votes[LANG_EN] != votes[LANG_RO]);
	}
}

/* They are looked up by halving: a word out of order would not be found. */
static void every_word_of_the_lexicon_can_be_found(void **state)
{
	static const char *const fillers[] = {"a", "acelasi", "acele", "zice",
		"the", "with", "yourself", "primi", "voie", "vreti", "ce"};
	static const char *const asking[] = {
		"acceptati", "are", "ce", "would", "unde", "how", "se"};

	(void)state;
	for (size_t i = 0; i < COUNT(fillers); i++)
		assert_true(lexicon_filler(fillers[i]));
	for (size_t i = 0; i < COUNT(asking); i++)
		assert_true(lexicon_asks(asking[i]));
	assert_false(lexicon_filler("ecografie"));
	assert_false(lexicon_asks("ecografie"));
	assert_true(lexicon_sorted());
}

static void the_longest_phrase_counts(void **state)
{
	struct words w = split("how much does it cost");
	int n;

	(void)state;
	assert_int_equal(lexicon_signals(&w, 0, &n), SIG_PRICE);
	assert_int_equal(n, 3);
	assert_int_equal(lexicon_signals(&w, 3, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(lexicon_signals(&w, 4, &n), SIG_PRICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_text_becomes_folded_words, forget),
		cmocka_unit_test_teardown(
			no_more_words_are_made_than_asked_for, forget),
		cmocka_unit_test_teardown(
			an_endless_word_is_cut_between_letters, forget),
		cmocka_unit_test_teardown(forms_of_one_word_are_alike, forget),
		cmocka_unit_test_teardown(
			different_words_are_not_alike, forget),
		cmocka_unit_test_teardown(
			one_wrong_letter_is_seen_as_such, forget),
		cmocka_unit_test_teardown(
			the_language_of_a_text_is_told, forget),
		cmocka_unit_test(every_word_of_the_lexicon_can_be_found),
		cmocka_unit_test_teardown(the_longest_phrase_counts, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
