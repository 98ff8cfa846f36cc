#include "agentd/graph.h"
#include "agentd/extracts.h"
#include "agentd/reply.h"
#include "shared/clock.h"
#include "shared/metrics.h"
#include "shared/text.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PAST_TEXTS = 6, /* of what the user said before */
	TEXTS = PAST_TEXTS + TURN_MAX_MESSAGES,
	LONG_WORDS = ASK_WORDS /* of one message */
};

enum node_id {
	LOAD,
	GUARD,
	BUSINESS,
	RETRIEVE,
	GENERATE,
	CHECK,
	FINISH,
	FAIL,
	NODES
};

struct graph {
	struct loop *loop;
	struct retrieve *retrieve;
	int64_t think_ms;
	int running;
	struct histogram *times[NODES];
};

struct run {
	struct graph *graph;
	graph_fn *done;
	void *ctx;
	struct arena arena;
	enum node_id node;
	int64_t entered_us; /* the node */
	struct timer *timer;
	bool searching, stopped;
	const char *fault;

	/* load */
	const char *business_id, *location_id;
	struct span tenant;
	struct said texts[TEXTS];
	int n_texts, n_past;
	struct business business;
	const struct location *location;
	struct today today;

	/* guard */
	bool too_long;
	struct ask ask;

	/* business, retrieve */
	struct search_part found[ASK_PARTS];
	struct search search;

	/* generate */
	bool thought;
	struct facts facts;
	struct buf sources;
};

static enum edge load(struct run *run);
static enum edge guard(struct run *run);
static enum edge business(struct run *run);
static enum edge retrieve(struct run *run);
static enum edge generate(struct run *run);
static enum edge check(struct run *run);

static const struct node nodes[NODES] = {
	/*            name        does      next      short     fault */
	[LOAD] = {"load", load, {GUARD, -1, FAIL}},
	[GUARD] = {"guard", guard, {BUSINESS, GENERATE, -1}},
	[BUSINESS] = {"business", business, {RETRIEVE, GENERATE, -1}},
	[RETRIEVE] = {"retrieve", retrieve, {GENERATE, -1, -1}},
	[GENERATE] = {"generate", generate, {CHECK, -1, -1}},
	[CHECK] = {"check", check, {FINISH, -1, FAIL}},
	[FINISH] = {"finish", NULL, {-1, -1, -1}},
	[FAIL] = {"fail", NULL, {-1, -1, -1}},
};

const struct node *graph_nodes(int *n)
{
	*n = NODES;
	return nodes;
}

/* --- walking -------------------------------------------------------------- */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void run_free(struct run *run)
{
	run->graph->running--;
	timer_close(run->timer);
	facts_clear(&run->facts);
	buf_clear(&run->sources);
	arena_clear(&run->arena);
	free(run);
}

static void end(struct run *run)
{
	struct answer answer = {run->facts.text.data,
		run->sources.len ? run->sources.data : NULL};

	if (run->node == FINISH)
		run->done(run->ctx, &answer, NULL);
	else
		run->done(run->ctx, NULL, run->fault);
	run_free(run);
}

static void enter(struct run *run, int node)
{
	run->node = (enum node_id)node;
	run->entered_us = now_us();
}

/* Leaves the node by an edge and goes on until a node waits. */
static void leave(struct run *run, enum edge edge)
{
	while (edge != EDGE_WAIT) {
		histogram_add(run->graph->times[run->node],
			now_us() - run->entered_us);
		enter(run, nodes[run->node].to[edge]);
		if (!nodes[run->node].run) {
			end(run);
			return;
		}
		edge = nodes[run->node].run(run);
	}
}

static void on_timer(void *ctx)
{
	struct run *run = ctx;

	/* The first one starts the run, the second ends its thinking. */
	leave(run, nodes[run->node].run(run));
}

/* --- load: the grant is kept, the record understood ------------------------
 */

static const char *keep(struct run *run, const char *text)
{
	return text ? arena_strndup(&run->arena, text, strlen(text)) : NULL;
}

static void keep_text(struct run *run, const struct message *m, bool past)
{
	if (!m->content || strcmp(m->type, "user"))
		return;
	run->texts[run->n_texts].text = keep(run, m->content);
	run->texts[run->n_texts++].past = past;
}

/* The last few things the user said before, and what is to be answered. */
static void keep_texts(struct run *run, const struct grant *grant)
{
	uint32_t from = grant->n_context;
	int users = 0;

	while (from > 0 && users < PAST_TEXTS)
		users += !strcmp(grant->context[--from].type, "user");
	for (; from < grant->n_context; from++)
		keep_text(run, &grant->context[from], true);
	run->n_past = run->n_texts;
	for (uint32_t i = 0; i < grant->n_messages && run->n_texts < TEXTS; i++)
		keep_text(run, &grant->messages[i], false);
}

static void keep_grant(struct run *run, const struct grant *grant)
{
	run->business_id = keep(run, grant->business_id);
	run->location_id = keep(run, grant->location_id);
	run->tenant.len = grant->tenant.len;
	run->tenant.at =
		arena_strndup(&run->arena, grant->tenant.at, grant->tenant.len);
	keep_texts(run, grant);
}

static enum edge load(struct run *run)
{
	struct json *record;

	if (run->n_texts == run->n_past) {
		run->fault = "the turn has no message of the user";
		return EDGE_FAULT;
	}
	record = json_parse(run->tenant.at, run->tenant.len);
	business_read(&run->business, &run->arena, record, run->business_id);
	json_free(record);
	run->location = business_location(&run->business, run->location_id);
	today_read(&run->today, run->business.zone, clock_wall_ms());
	return EDGE_NEXT;
}

/* --- guard: what needs no knowledge ----------------------------------------
 */

/* A word is at least a byte and a blank. */
static bool too_long(const struct said *said)
{
	return strlen(said->text) > 2 * LONG_WORDS &&
	       utf8_count(said->text, strlen(said->text)) > 6 * LONG_WORDS;
}

static enum edge guard(struct run *run)
{
	for (int i = run->n_past; i < run->n_texts; i++)
		run->too_long = run->too_long || too_long(&run->texts[i]);
	ask_read(&run->ask, &run->arena, &run->business, &run->today,
		run->texts, run->n_texts);
	return run->too_long || !run->ask.n_parts ? EDGE_SHORT : EDGE_NEXT;
}

/* --- business: what the record answers, and what is left for the pages -----
 */

static enum edge business(struct run *run)
{
	bool search = false;

	for (int i = 0; i < run->ask.n_parts; i++) {
		struct part *part = &run->ask.parts[i];

		if (part->query.n_rest || !reply_from_record(&run->business,
						  run->location, part)) {
			if (!part->query.n_rest)
				ask_harder(part);
			run->found[i].query = &part->query;
			search = true;
		}
	}
	return search ? EDGE_NEXT : EDGE_SHORT;
}

/* --- retrieve: the passages, in the thread pool -----------------------------
 */

static void on_found(void *ctx)
{
	struct run *run = ctx;

	run->searching = false;
	if (run->stopped)
		run_free(run);
	else
		leave(run, EDGE_NEXT);
}

static enum edge retrieve(struct run *run)
{
	int n;

	run->search.business_id = run->business_id;
	run->search.language = run->ask.language;
	run->search.others = extracts_make(
		&run->arena, &run->business, run->ask.language, &n);
	run->search.n_others = n;
	run->search.parts = run->found;
	run->search.n_parts = run->ask.n_parts;
	run->search.arena = &run->arena;
	run->search.done = on_found;
	run->search.ctx = run;
	run->searching = true;
	retrieve_find(run->graph->retrieve, &run->search);
	return EDGE_WAIT;
}

/* --- generate: the words of the answer ---------------------------------------
 */

static void write_sources(struct run *run)
{
	struct json_writer w;

	json_begin(&w, &run->sources);
	json_open(&w, NULL, '[');
	for (int i = 0; i < run->facts.n_sources; i++) {
		const struct source *s = &run->facts.sources[i];

		json_open(&w, NULL, '{');
		json_put_str(&w, "title", s->title);
		json_put_str(&w, "path", s->path);
		json_put_str(&w, "snippet", s->snippet);
		json_shut(&w, '}');
	}
	json_shut(&w, ']');
}

static enum edge generate(struct run *run)
{
	if (!run->thought && run->graph->think_ms) {
		run->thought = true;
		timer_start(run->timer, (uint64_t)run->graph->think_ms, 0);
		return EDGE_WAIT;
	}
	if (run->too_long)
		reply_too_long(&run->facts, run->ask.language);
	else if (!run->ask.n_parts)
		reply_manners(&run->facts, &run->business, run->ask.language,
			run->ask.manners);
	else
		reply_write(&run->facts, &run->business, run->location,
			&run->today, &run->ask, run->found);
	if (run->facts.n_sources)
		write_sources(run);
	return EDGE_NEXT;
}

/* --- check: nothing leaves that sessiond would refuse ------------------------
 */

static enum edge check(struct run *run)
{
	const struct buf *text = &run->facts.text;

	if (!text->len || text->len > ANSWER_MAX_BYTES ||
		!utf8_valid(text->data, text->len)) {
		run->fault = "the answer is empty, too long or no text";
		return EDGE_FAULT;
	}
	if (run->sources.full)
		buf_reset(&run->sources); /* better without than refused */
	return EDGE_NEXT;
}

/* --- the graph
 * ----------------------------------------------------------------- */

struct run *graph_start(struct graph *graph, const struct grant *grant,
	graph_fn *done, void *ctx)
{
	struct run *run = xalloc(sizeof(*run));

	run->graph = graph;
	run->done = done;
	run->ctx = ctx;
	run->timer = timer_open(graph->loop, on_timer, run);
	buf_init(&run->sources, EXTRAS_MAX_BYTES);
	keep_grant(run, grant);
	graph->running++;
	enter(run, LOAD);
	timer_start(run->timer, 0, 0); /* done() comes later than this */
	return run;
}

void graph_stop(struct run *run)
{
	run->stopped = true;
	timer_stop(run->timer);
	if (!run->searching)
		run_free(run);
}

int graph_running(const struct graph *graph)
{
	return graph->running;
}

struct graph *graph_open(
	struct loop *loop, struct retrieve *retrieve, int64_t think_ms)
{
	static const char *const names[NODES] = {
		[LOAD] = "taifas_agent_load_seconds",
		[GUARD] = "taifas_agent_guard_seconds",
		[BUSINESS] = "taifas_agent_business_seconds",
		[RETRIEVE] = "taifas_agent_retrieve_seconds",
		[GENERATE] = "taifas_agent_generate_seconds",
		[CHECK] = "taifas_agent_check_seconds",
	};
	struct graph *graph = xalloc(sizeof(*graph));

	graph->loop = loop;
	graph->retrieve = retrieve;
	graph->think_ms = think_ms;
	for (int i = 0; i < NODES; i++)
		if (names[i])
			graph->times[i] = histogram_open(names[i],
				"Time a turn spends in this node.",
				latency_bounds_us, LATENCY_BOUNDS,
				LATENCY_PER_SECOND);
	return graph;
}

void graph_close(struct graph *graph)
{
	free(graph);
}
