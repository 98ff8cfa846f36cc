#include "agentd/graph.h"
#include "shared/log.h"
#include "tests/agent/record.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct loop *loop;
	struct retrieve *retrieve;
	struct graph *graph;
	struct message messages[3];
	struct message context[2];
	struct grant grant;
	int waiting, answers;
	char *content, *sources, *fault;
};

static struct fixture f;

static int open_graph(void **state)
{
	(void)state;
	f = (struct fixture){.loop = loop_open()};
	f.retrieve = retrieve_open(f.loop, NULL, NULL);
	f.graph = graph_open(f.loop, f.retrieve, 0);
	f.messages[0] = (struct message){
		.type = "user", .content = "Cât costă o revizie?"};
	f.grant = (struct grant){.turn_id = "t1",
		.lease = "l1",
		.business_id = "B1",
		.user_id = "u1",
		.session_id = "s1",
		.messages = f.messages,
		.n_messages = 1,
		.context = f.context,
		.tenant = {record_text, sizeof(record_text) - 1}};
	return 0;
}

static void forget_answer(void)
{
	free(f.content);
	free(f.sources);
	free(f.fault);
	f.content = f.sources = f.fault = NULL;
}

static int close_graph(void **state)
{
	(void)state;
	forget_answer();
	graph_close(f.graph);
	retrieve_close(f.retrieve);
	loop_close(f.loop);
	return 0;
}

static void on_answer(void *ctx, const struct answer *answer, const char *fault)
{
	struct fixture *fixture = ctx;

	forget_answer();
	fixture->answers++;
	fixture->content = answer ? xstrdup(answer->content) : NULL;
	fixture->sources = answer ? xstrdup(answer->sources) : NULL;
	fixture->fault = xstrdup(fault);
	if (--fixture->waiting == 0)
		loop_stop(fixture->loop);
}

static void run_turn(void)
{
	f.waiting = 1;
	graph_start(f.graph, &f.grant, on_answer, &f);
	loop_run(f.loop);
	assert_int_equal(graph_running(f.graph), 0);
}

static bool reaches(const struct node *nodes, int n, int from, int to)
{
	bool seen[64] = {false};
	bool more = true;

	seen[from] = true;
	while (more) {
		more = false;
		for (int i = 0; i < n; i++)
			for (int e = 0; seen[i] && e < EDGES; e++) {
				int next = nodes[i].to[e];

				if (next < 0 || seen[next])
					continue;
				seen[next] = more = true;
			}
	}
	return seen[to];
}

static int node_named(const struct node *nodes, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(nodes[i].name, name))
			return i;
	fail_msg("no node %s", name);
	return -1;
}

static void every_node_is_reached_and_reaches_the_finish(void **state)
{
	const struct node *nodes;
	int n, finish, fail;

	(void)state;
	nodes = graph_nodes(&n);
	finish = node_named(nodes, n, "finish");
	fail = node_named(nodes, n, "fail");
	for (int i = 0; i < n; i++) {
		bool ends = !nodes[i].run;

		assert_true(reaches(nodes, n, 0, i));
		assert_int_equal(ends, i == finish || i == fail);
		if (!ends)
			assert_true(reaches(nodes, n, i, finish));
		for (int e = 0; e < EDGES; e++) {
			assert_true(nodes[i].to[e] >= -1 && nodes[i].to[e] < n);
			if (ends)
				assert_int_equal(nodes[i].to[e], -1);
		}
	}
}

static void a_turn_is_answered_with_its_sources(void **state)
{
	struct json *sources;

	(void)state;
	run_turn();
	assert_non_null(strstr(f.content, "150 RON"));
	sources = json_parse(f.sources, strlen(f.sources));
	assert_int_equal(json_size(sources), 1);
	assert_string_equal(
		json_str(json_first(sources), "path"), "business.json");
	json_free(sources);
}

static void all_messages_of_a_turn_are_answered(void **state)
{
	(void)state;
	f.messages[1] =
		(struct message){.type = "user", .content = "Bună ziua"};
	f.messages[2] = (struct message){
		.type = "user", .content = "Ce telefon aveți?"};
	f.grant.n_messages = 3;
	run_turn();
	assert_non_null(strstr(f.content, "Bună ziua"));
	assert_non_null(strstr(f.content, "150 RON"));
	assert_non_null(strstr(f.content, "+40 268 000 001"));
}

static void what_was_said_before_is_leant_on(void **state)
{
	(void)state;
	f.context[0] = (struct message){
		.type = "user", .content = "Cât costă o revizie?"};
	f.context[1] = (struct message){.type = "agent", .content = "150 RON"};
	f.grant.n_context = 2;
	f.messages[0].content = "și cât durează?";
	run_turn();
	assert_non_null(strstr(f.content, "durează o oră"));
}

static void a_malformed_record_is_answered_honestly(void **state)
{
	static const char *const records[] = {"", "{", "null", "[1]", "\"x\"",
		"{\"name\":{}}", "{\"hours\":\"always\"}", "\xff\xfe"};

	(void)state;
	for (size_t i = 0; i < COUNT(records); i++) {
		f.grant.tenant.at = records[i];
		f.grant.tenant.len = strlen(records[i]);
		run_turn();
		assert_null(f.fault);
		assert_non_null(strstr(f.content, "B1"));
		assert_null(strstr(f.content, "RON"));
	}
}

static void odd_messages_get_some_answer(void **state)
{
	static char endless[CONTENT_MAX_BYTES];
	const char *const texts[] = {"", " ", "🙂", "?", "\n\n\n",
		"%s%n{1}{9}", "\" OR 1", endless};

	(void)state;
	memset(endless, 'a', sizeof(endless) - 1);
	for (size_t i = 0; i < COUNT(texts); i++) {
		f.messages[0].content = texts[i];
		run_turn();
		assert_null(f.fault);
		assert_true(strlen(f.content) > 10);
	}
	assert_non_null(strstr(f.content, "too long"));
	for (size_t i = 0; i + 2 < sizeof(endless); i += 2)
		memcpy(endless + i, "a ", 2);
	run_turn();
	assert_non_null(strstr(f.content, "too long"));
}

static void a_turn_without_a_message_of_the_user_fails(void **state)
{
	(void)state;
	f.grant.n_messages = 0;
	run_turn();
	assert_null(f.content);
	assert_non_null(strstr(f.fault, "no message"));

	f.grant.n_messages = 2;
	f.messages[0].content = NULL;
	f.messages[1] = (struct message){.type = "system", .content = "x"};
	run_turn();
	assert_null(f.content);
}

/* The grant is gone as soon as the turn has started. */
static void a_turn_owns_what_it_was_given(void **state)
{
	char *record = xstrdup(record_text), *text = xstrdup("Unde sunteți?");

	(void)state;
	f.grant.tenant.at = record;
	f.messages[0].content = text;
	f.waiting = 1;
	graph_start(f.graph, &f.grant, on_answer, &f);
	memset(record, '!', strlen(record));
	memset(text, '!', strlen(text));
	free(record);
	free(text);
	loop_run(f.loop);
	assert_non_null(strstr(f.content, "Strada Lungă 1"));
}

static void many_turns_run_at_once(void **state)
{
	enum { MANY = 100 };

	(void)state;
	f.messages[0].content = "Unde pot parca?"; /* goes to the pool */
	f.waiting = MANY;
	for (int i = 0; i < MANY; i++)
		graph_start(f.graph, &f.grant, on_answer, &f);
	assert_int_equal(graph_running(f.graph), MANY);
	loop_run(f.loop);
	assert_int_equal(f.answers, MANY);
	assert_int_equal(graph_running(f.graph), 0);
}

static void stop_if_idle(void *ctx)
{
	(void)ctx;
	if (!graph_running(f.graph))
		loop_stop(f.loop);
}

/* Before it began, while it searches, and while it thinks. */
static void a_stopped_turn_says_nothing_more(void **state)
{
	struct timer *look = timer_open(f.loop, stop_if_idle, NULL);
	struct graph *slow = graph_open(f.loop, f.retrieve, 3600 * 1000);
	struct run *runs[3];

	(void)state;
	f.messages[0].content = "Unde pot parca?";
	graph_stop(graph_start(f.graph, &f.grant, on_answer, &f));
	assert_int_equal(graph_running(f.graph), 0);

	for (int i = 0; i < 3; i++)
		runs[i] = graph_start(slow, &f.grant, on_answer, &f);
	timer_start(look, 50, 0);
	loop_run(f.loop);
	for (int i = 0; i < 3; i++)
		graph_stop(runs[i]);
	timer_start(look, 1, 1);
	loop_run(f.loop);
	assert_int_equal(graph_running(slow), 0);
	assert_int_equal(f.answers, 0);
	timer_close(look);
	graph_close(slow);
}

int main(void)
{
#define with_graph(test) \
	cmocka_unit_test_setup_teardown(test, open_graph, close_graph)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_is_reached_and_reaches_the_finish),
		with_graph(a_turn_is_answered_with_its_sources),
		with_graph(all_messages_of_a_turn_are_answered),
		with_graph(what_was_said_before_is_leant_on),
		with_graph(a_malformed_record_is_answered_honestly),
		with_graph(odd_messages_get_some_answer),
		with_graph(a_turn_without_a_message_of_the_user_fails),
		with_graph(a_turn_owns_what_it_was_given),
		with_graph(many_turns_run_at_once),
		with_graph(a_stopped_turn_says_nothing_more),
	};

	log_open("test", "error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
