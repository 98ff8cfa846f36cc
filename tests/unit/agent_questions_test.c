/* The labelled questions of tests/agent/questions.json, asked of the example
 * tenant through the whole graph. */

#include "agentd/graph.h"
#include "agentd/lexicon.h"
#include "shared/clock.h"
#include <fcntl.h>
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

static const char questions_file[] = "tests/agent/questions.json";
static const char tenants_dir[] = "agentd/tenants";
static const char business_id[] = "B0100001";

struct asking {
	struct loop *loop;
	struct graph *graph;
	struct span tenant;
	int64_t now;
	char *content, *sources;
	int clock_fd;
};

static char *slurp(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	char *data;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &st), 0);
	data = xalloc((size_t)st.st_size + 1);
	*len = fread(data, 1, (size_t)st.st_size, file);
	fclose(file);
	return data;
}

static void set_clock(struct asking *a, const char *iso)
{
	int64_t offset = 0, now;

	assert_true(clock_parse_iso(iso, &now));
	assert_int_equal(pwrite(a->clock_fd, &offset, sizeof(offset), 0), 8);
	offset = now - clock_wall_ms();
	assert_int_equal(pwrite(a->clock_fd, &offset, sizeof(offset), 0), 8);
}

static void on_answer(void *ctx, const struct answer *answer, const char *fault)
{
	struct asking *a = ctx;

	assert_null(fault);
	a->content = xstrdup(answer->content);
	a->sources = xstrdup(answer->sources ? answer->sources : "[]");
	loop_stop(a->loop);
}

static uint32_t put_messages(struct message *out, const struct json *texts)
{
	uint32_t n = 0;

	if (json_is_string(texts)) {
		out[n].type = "user";
		out[n++].content = json_text(texts);
	}
	for (const struct json *t = json_first(texts); t; t = json_next(t)) {
		out[n].type = "user";
		out[n++].content = json_text(t);
	}
	return n;
}

static void ask(struct asking *a, const struct json *question)
{
	struct message messages[16] = {{0}}, context[16] = {{0}};
	struct grant grant = {
		.turn_id = "t1",
		.lease = "l1",
		.business_id = business_id,
		.user_id = "u1",
		.session_id = "s1",
		.messages = messages,
		.context = context,
		.tenant = a->tenant,
	};

	grant.n_messages = put_messages(messages, json_get(question, "ask"));
	grant.n_context = put_messages(context, json_get(question, "context"));
	free(a->content);
	free(a->sources);
	a->content = NULL;
	graph_start(a->graph, &grant, on_answer, a);
	loop_run(a->loop);
	assert_non_null(a->content);
}

static bool has_source(const char *sources, const char *wanted)
{
	char one[300];
	bool found = false;

	while (*wanted && !found) {
		size_t len = strcspn(wanted, "|");

		snprintf(one, sizeof(one), "\"path\":\"%.*s\"", (int)len,
			wanted);
		found = strstr(sources, one) != NULL;
		wanted += len;
		wanted += *wanted == '|';
	}
	return found;
}

/* It says that it does not know. */
static bool admits(const char *content)
{
	return strstr(content, "nu am această informație") ||
	       strstr(content, "nu am informații") ||
	       strstr(content, "do not have this information") ||
	       strstr(content, "no information about");
}

static bool doubts(const char *content)
{
	return strstr(content, "Nu am găsit un răspuns exact") ||
	       strstr(content, "have not found an exact answer");
}

/* NULL if the answer is right, else what is wrong with it. */
static const char *fault_of(const struct asking *a, const struct json *question)
{
	const struct json *item;
	struct arena arena = {0};
	struct words words;
	int votes[LANGS] = {0};
	bool english = !strcmp(json_str(question, "lang"), "en");

	for (item = json_first(json_get(question, "facts")); item;
		item = json_next(item))
		if (!strstr(a->content, json_text(item)))
			return json_text(item);
	for (item = json_first(json_get(question, "not")); item;
		item = json_next(item))
		if (strstr(a->content, json_text(item)))
			return json_text(item);
	for (item = json_first(json_get(question, "sources")); item;
		item = json_next(item))
		if (!has_source(a->sources, json_text(item)))
			return json_text(item);
	if (json_bool(question, "unknown", false)
			? !admits(a->content) && !doubts(a->content)
			: admits(a->content))
		return "what it says it knows";
	words_split(&words, &arena, a->content, strlen(a->content), ASK_WORDS);
	lexicon_vote(&words, votes);
	arena_clear(&arena);
	if (english != (votes[LANG_EN] > votes[LANG_RO]))
		return "language";
	return NULL;
}

static void open_clock(struct asking *a)
{
	char path[] = "/tmp/taifas-clock-XXXXXX";
	int64_t zero = 0;

	a->clock_fd = mkstemp(path);
	assert_true(a->clock_fd >= 0);
	assert_int_equal(write(a->clock_fd, &zero, sizeof(zero)), 8);
	clock_open(path);
	unlink(path);
}

static void questions_about_the_example_tenant_are_answered_rightly(
	void **state)
{
	struct asking a = {.loop = loop_open()};
	struct retrieve *retrieve = retrieve_open(a.loop, tenants_dir, NULL);
	size_t len, record_len;
	char *text = slurp(questions_file, &len);
	char *record =
		slurp("agentd/tenants/B0100001/business.json", &record_len);
	struct json *root = json_parse(text, len);
	int n = 0, right = 0;
	double least;

	(void)state;
	assert_non_null(root);
	open_clock(&a);
	a.graph = graph_open(a.loop, retrieve, 0);
	a.tenant = (struct span){record, record_len};
	for (const struct json *q = json_first(json_get(root, "questions")); q;
		q = json_next(q)) {
		const char *now = json_str(q, "now"), *fault;

		set_clock(&a, now ? now : json_str(root, "now"));
		ask(&a, q);
		fault = fault_of(&a, q);
		n++;
		right += !fault;
		if (fault || getenv("SHOW")) {
			struct buf asked;

			buf_init(&asked, 4096);
			json_print(&asked, json_get(q, "ask"));
			printf("%s %s\n  (%s)\n%s\n%s\n\n",
				fault ? "WRONG" : "right", asked.data,
				fault ? fault : "", a.content, a.sources);
			buf_clear(&asked);
		}
	}
	least = json_num(root, "floor", 1);
	printf("%d of %d questions answered rightly\n", right, n);
	assert_true(n >= 40);
	assert_true(right >= least * n);

	free(a.content);
	free(a.sources);
	graph_close(a.graph);
	retrieve_close(retrieve);
	loop_close(a.loop);
	json_free(root);
	free(text);
	free(record);
	close(a.clock_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			questions_about_the_example_tenant_are_answered_rightly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
