#include "agentd/retrieve.h"
#include "agentd/shelf.h"
#include "shared/log.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Two tenants in a temporary folder, and the hits of the last search. */
struct fixture {
	char dir[64];
	struct loop *loop;
	struct retrieve *retrieve;
	struct arena arena;
	struct search_part part;
	struct search search;
	struct query query;
	int running;
};

static struct fixture f;

static void put(const char *path, const char *text, size_t len)
{
	char full[200];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", f.dir, path);
	file = fopen(full, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void puts_page(const char *path, const char *text)
{
	put(path, text, strlen(text));
}

static void make_dir(const char *path)
{
	char full[200];

	snprintf(full, sizeof(full), "%s/%s", f.dir, path);
	assert_int_equal(mkdir(full, 0700), 0);
}

static void remove_page(const char *path)
{
	char full[200];

	snprintf(full, sizeof(full), "%s/%s", f.dir, path);
	assert_int_equal(unlink(full), 0);
}

static int remove_one(
	const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void reopen(const char *cache_dir)
{
	if (f.retrieve)
		retrieve_close(f.retrieve);
	f.retrieve = retrieve_open(f.loop, f.dir, cache_dir);
}

static int open_tenants(void **state)
{
	static const char record[] = "{\"name\":\"x\",\"timezone\":\"UTC\","
				     "\"languages\":[\"ro\"]}";

	(void)state;
	f = (struct fixture){.dir = "/tmp/taifas-retrieve-XXXXXX"};
	assert_non_null(mkdtemp(f.dir));
	make_dir("A1");
	make_dir("A1/knowledge");
	make_dir("B2");
	make_dir("B2/knowledge");
	puts_page("A1/business.json", record);
	puts_page("B2/business.json", record);
	puts_page("A1/knowledge/parcare.md",
		"# Parcare\n\nÎn curte sunt șase locuri pentru mașini.\n\n"
		"## Biciclete\n\nBicicletele se leagă lângă gard.\n");
	puts_page("A1/knowledge/canary.md", "# Canar\n\nkanarienvogel alpha");
	puts_page("B2/knowledge/canary.md", "# Canar\n\nkanarienvogel beta");
	f.loop = loop_open();
	reopen(NULL);
	return 0;
}

static int close_tenants(void **state)
{
	(void)state;
	retrieve_close(f.retrieve);
	loop_close(f.loop);
	arena_clear(&f.arena);
	nftw(f.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static void on_done(void *ctx)
{
	struct fixture *fixture = ctx;

	if (--fixture->running == 0)
		loop_stop(fixture->loop);
}

/* The texts of what is found for the words, in the best-first order. */
static int find(const char *business_id, const char *question)
{
	struct words words;

	words_split(&words, &f.arena, question, strlen(question), QUERY_WORDS);
	f.query = (struct query){0};
	for (int i = 0; i < words.n; i++) {
		f.query.words[f.query.n].word = &words.items[i];
		f.query.words[f.query.n++].need = NEED_REST;
		f.query.n_rest++;
	}
	f.part = (struct search_part){.query = &f.query};
	f.search = (struct search){.business_id = business_id,
		.language = LANG_RO,
		.parts = &f.part,
		.n_parts = 1,
		.arena = &f.arena,
		.done = on_done,
		.ctx = &f};
	f.running = 1;
	retrieve_find(f.retrieve, &f.search);
	loop_run(f.loop);
	return f.part.n_hits;
}

static void assert_best(const char *path, const char *text)
{
	assert_true(f.part.n_hits > 0);
	assert_string_equal(f.part.hits[0].passage.path, path);
	if (!strstr(f.part.hits[0].passage.text, text))
		print_error("%s\n", f.part.hits[0].passage.text);
	assert_non_null(strstr(f.part.hits[0].passage.text, text));
}

static void a_passage_is_found_by_forms_of_its_words(void **state)
{
	(void)state;
	find("A1", "bicicleta");
	assert_best("knowledge/parcare.md", "lângă gard");
	assert_string_equal(f.part.hits[0].passage.title, "Parcare");
	assert_string_equal(f.part.hits[0].passage.heading, "Biciclete");
	assert_true(f.part.hits[0].rest > 0.99);
	find("A1", "masina parcez");
	assert_best("knowledge/parcare.md", "șase locuri");
}

static void what_no_page_says_is_not_found(void **state)
{
	(void)state;
	assert_int_equal(find("A1", "piscină"), 0);
	assert_int_equal(find("A1", ""), 0);
	assert_int_equal(find("C3", "parcare"), 0); /* no such tenant */
	assert_int_equal(find("../A1", "parcare"), 0);
}

static void a_half_answer_covers_half(void **state)
{
	(void)state;
	find("A1", "biciclete zburătoare");
	assert_true(f.part.hits[0].rest > 0.3);
	assert_true(f.part.hits[0].rest < 0.7);
	assert_int_equal(f.part.hits[0].found, 1);
}

static void pages_take_effect_as_they_come_change_and_go(void **state)
{
	(void)state;
	assert_int_equal(find("A1", "piscină"), 0);
	puts_page("A1/knowledge/piscina.txt", "Piscina\n\nEste la subsol.");
	find("A1", "piscină");
	assert_best("knowledge/piscina.txt", "subsol");

	puts_page("A1/knowledge/piscina.txt", "Piscina\n\nEste pe terasă!");
	find("A1", "piscină");
	assert_best("knowledge/piscina.txt", "terasă");
	assert_int_equal(find("A1", "subsol"), 0);

	remove_page("A1/knowledge/piscina.txt");
	assert_int_equal(find("A1", "piscină"), 0);
	find("A1", "parcare");
	assert_best("knowledge/parcare.md", "șase");
}

static void a_tenant_never_sees_the_pages_of_another(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		find("A1", "kanarienvogel");
		assert_int_equal(f.part.n_hits, 1);
		assert_best("knowledge/canary.md", "alpha");
		find("B2", "kanarienvogel");
		assert_int_equal(f.part.n_hits, 1);
		assert_best("knowledge/canary.md", "beta");
		assert_int_equal(find("B2", "parcare biciclete"), 0);
	}
}

/* FTS5's query language, SQL, and what breaks C strings. */
static void hostile_questions_are_only_words(void **state)
{
	static const char *const questions[] = {"parcare\" OR \"kanarienvogel",
		"parcare AND NOT", "NEAR(a b, 2)", "title : parcare",
		"{title heading} : \"", "* ^ - + ( ) \"\"\"",
		"'; DROP TABLE passage; --", "parcare*", "\\\"", "%s%n", "NOT",
		"OR", "AND", "\xc3\x28 parcare"};

	(void)state;
	for (size_t i = 0; i < COUNT(questions); i++)
		find("A1", questions[i]);
	find("A1", "kanarienvogel");
	assert_best("knowledge/canary.md", "alpha");
}

static void what_is_no_page_is_left_out(void **state)
{
	static char huge[PAGE_MAX_BYTES + 2];
	char target[100], link[100];

	(void)state;
	memset(huge, ' ', sizeof(huge));
	memcpy(huge, "secretword", 10);
	put("A1/knowledge/huge.md", huge, sizeof(huge) - 1);
	put("A1/knowledge/fits.md", huge, PAGE_MAX_BYTES);
	put("A1/knowledge/nul.md", "secretword\0x", 12);
	puts_page("A1/knowledge/latin1.md", "secretword caf\xe9");
	puts_page("A1/knowledge/.hidden.md", "secretword");
	puts_page("A1/knowledge/page.pdf", "secretword");
	make_dir("A1/knowledge/folder.md");
	puts_page("outside.md", "secretword outside");
	snprintf(target, sizeof(target), "%s/outside.md", f.dir);
	snprintf(link, sizeof(link), "%s/A1/knowledge/link.md", f.dir);
	assert_int_equal(symlink(target, link), 0);
	snprintf(link, sizeof(link), "%s/A1/knowledge/fifo.md", f.dir);
	assert_int_equal(mkfifo(link, 0600), 0);

	find("A1", "secretword");
	assert_int_equal(f.part.n_hits, 1);
	assert_best("knowledge/fits.md", "secretword");
}

static void a_tenant_that_went_is_not_answered_for(void **state)
{
	char path[100], gone[100];
	int tries = 0;

	(void)state;
	find("A1", "parcare");
	assert_true(f.part.n_hits > 0);
	snprintf(path, sizeof(path), "%s/A1", f.dir);
	snprintf(gone, sizeof(gone), "%s/.gone", f.dir);
	assert_int_equal(rename(path, gone), 0);
	while (find("A1", "parcare") && tries++ < 30000)
		usleep(1000);
	assert_int_equal(f.part.n_hits, 0);
}

static void the_index_may_be_kept_in_a_file(void **state)
{
	char cache[100], path[120];
	struct stat st;

	(void)state;
	make_dir("cache");
	snprintf(cache, sizeof(cache), "%s/cache", f.dir);
	snprintf(path, sizeof(path), "%s/A1.index", cache);
	reopen(cache);
	find("A1", "parcare");
	assert_best("knowledge/parcare.md", "șase");
	assert_int_equal(stat(path, &st), 0);

	/* what changed while nobody looked is noticed */
	reopen(NULL);
	puts_page("A1/knowledge/parcare.md", "# Parcare\n\nNu mai este.");
	reopen(cache);
	find("A1", "parcare");
	assert_best("knowledge/parcare.md", "Nu mai este");
	assert_int_equal(find("A1", "biciclete"), 0);

	/* a damaged one is made anew */
	reopen(NULL);
	puts_page("cache/A1.index", "this is no database at all, really none");
	reopen(cache);
	find("A1", "parcare");
	assert_best("knowledge/parcare.md", "Nu mai este");
}

static void a_file_another_process_has_is_left_alone(void **state)
{
	char path[100];
	struct shelf *first, *second;
	char folder[100];
	struct hit hits[3];

	(void)state;
	snprintf(path, sizeof(path), "%s/x.index", f.dir);
	snprintf(folder, sizeof(folder), "%s/A1", f.dir);
	first = shelf_open(path);
	shelf_refresh(first, folder);
	second = shelf_open(path);
	shelf_refresh(second, folder);
	find("A1", "parcare"); /* for its query */
	assert_true(shelf_find(second, &f.query, LANG_RO, NULL, 0, &f.arena,
			    hits, 3) > 0);
	assert_true(shelf_find(first, &f.query, LANG_RO, NULL, 0, &f.arena,
			    hits, 3) > 0);
	shelf_close(second);
	shelf_close(first);
}

static void many_searches_at_once_are_all_answered(void **state)
{
	enum { MANY = 40 };
	struct search searches[MANY];
	struct search_part parts[MANY];
	struct arena arenas[MANY] = {{0}};

	(void)state;
	find("A1", "kanarienvogel");
	f.running = MANY;
	for (int i = 0; i < MANY; i++) {
		searches[i] = f.search;
		parts[i] = (struct search_part){.query = &f.query};
		searches[i].parts = &parts[i];
		searches[i].arena = &arenas[i];
		searches[i].business_id = i % 2 ? "A1" : "B2";
		retrieve_find(f.retrieve, &searches[i]);
	}
	loop_run(f.loop);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(parts[i].n_hits, 1);
		assert_non_null(strstr(parts[i].hits[0].passage.text,
			i % 2 ? "alpha" : "beta"));
		arena_clear(&arenas[i]);
	}
}

static void passages_of_the_record_are_ranked_with_the_pages(void **state)
{
	static const struct candidate other = {
		{"business.json", "Garanție", "",
			"Garanția este de 90 de zile.", LANG_RO},
		"garant", "", "garant este de 90 de zil"};

	(void)state;
	find("A1", "garanție");
	assert_int_equal(f.part.n_hits, 0);
	f.search.others = &other;
	f.search.n_others = 1;
	f.running = 1;
	retrieve_find(f.retrieve, &f.search);
	loop_run(f.loop);
	assert_best("business.json", "90 de zile");

	f.search.business_id = "nobody"; /* without a folder too */
	f.running = 1;
	retrieve_find(f.retrieve, &f.search);
	loop_run(f.loop);
	assert_best("business.json", "90 de zile");
}

static void a_long_passage_is_quoted_by_its_sentences(void **state)
{
	struct passage passage = {"p", "t", "h",
		"Prima propoziție vorbește despre altceva cu totul. "
		"A doua propoziție vorbește despre parcare și mașini. "
		"A treia propoziție este iarăși despre altceva.\n"
		"• un punct despre biciclete și trotinete\n"
		"A patra propoziție încheie pagina aceasta lungă.",
		LANG_RO};
	struct buf out;

	(void)state;
	find("A1", "parcare"); /* for its query */
	buf_init(&out, 4096);
	rank_quote(&out, &passage, &f.query, 60);
	assert_string_equal(out.data,
		"A doua propoziție vorbește despre parcare și mașini.");
	buf_reset(&out);
	rank_quote(&out, &passage, &f.query, 4000);
	assert_string_equal(out.data, passage.text);

	find("A1", "parcare biciclete");
	buf_reset(&out);
	rank_quote(&out, &passage, &f.query, 110);
	assert_string_equal(out.data,
		"A doua propoziție vorbește despre parcare și mașini. … "
		"• un punct despre biciclete și trotinete");
	buf_clear(&out);
}

int main(void)
{
#define with_tenants(test) \
	cmocka_unit_test_setup_teardown(test, open_tenants, close_tenants)
	const struct CMUnitTest tests[] = {
		with_tenants(a_passage_is_found_by_forms_of_its_words),
		with_tenants(what_no_page_says_is_not_found),
		with_tenants(a_half_answer_covers_half),
		with_tenants(pages_take_effect_as_they_come_change_and_go),
		with_tenants(a_tenant_never_sees_the_pages_of_another),
		with_tenants(hostile_questions_are_only_words),
		with_tenants(what_is_no_page_is_left_out),
		with_tenants(a_tenant_that_went_is_not_answered_for),
		with_tenants(the_index_may_be_kept_in_a_file),
		with_tenants(a_file_another_process_has_is_left_alone),
		with_tenants(many_searches_at_once_are_all_answered),
		with_tenants(passages_of_the_record_are_ranked_with_the_pages),
		with_tenants(a_long_passage_is_quoted_by_its_sentences),
	};

	log_open("test", "error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
