/* A page of any kind becomes passages of valid text within their limits; any
 * record and any question become an answer that is valid text. The input's
 * first byte chooses. */

#include "agentd/extracts.h"
#include "agentd/lexicon.h"
#include "agentd/reply.h"
#include "agentd/shelf.h"
#include "shared/text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
	size_t len = strlen(text);

	if (len > max || !utf8_valid(text, len))
		abort();
}

static void on_passage(void *ctx, const struct passage *passage)
{
	(void)ctx;
	check_text(passage->title, HEADING_MAX);
	check_text(passage->heading, HEADING_MAX);
	check_text(passage->text, PASSAGE_MAX);
	if (!passage->text[0])
		abort();
}

static void answer(struct arena *arena, const struct business *business,
	const char *question)
{
	const struct today today = {"2026-11-25", 630};
	const struct said said[] = {{question, true}, {question, false}};
	struct search_part found[ASK_PARTS] = {{0}};
	const struct candidate *others;
	struct facts facts;
	struct ask ask;
	int n;

	ask_read(&ask, arena, business, &today, said, 2);
	others = extracts_make(arena, business, ask.language, &n);
	for (int i = 0; i < ask.n_parts; i++)
		found[i].n_hits =
			shelf_find(NULL, &ask.parts[i].query, ask.language,
				others, n, arena, found[i].hits, HITS_MAX);
	if (ask.n_parts)
		reply_write(&facts, business, NULL, &today, &ask, found);
	else
		reply_manners(&facts, business, ask.language, ask.manners);
	if (!facts.text.len)
		abort();
	check_text(facts.text.data, REPLY_MAX);
	for (int i = 0; i < facts.n_sources; i++)
		check_text(facts.sources[i].snippet, SNIPPET_MAX);
	facts_clear(&facts);
}

/* The record ends with a NUL, the question follows. */
static void ask_business(const char *data, size_t size)
{
	const char *nul = memchr(data, 0, size);
	size_t record_len = nul ? (size_t)(nul - data) : 0;
	size_t from = nul ? record_len + 1 : 0;
	struct arena arena = {0};
	struct business business;
	struct json *record = json_parse(data, record_len);
	char *question = arena_strndup(&arena, data + from, size - from);

	business_read(&business, &arena, record, "B1");
	json_free(record);
	/* Messages are valid text when they come. */
	if (utf8_valid(question, strlen(question)))
		answer(&arena, &business, question);
	arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.md", "a.html", "a.txt"};
	const char *text = (const char *)data + 1;

	if (!size || size > 20000)
		return 0;
	if (data[0] % 4 < 3)
		page_read(names[data[0] % 4], text, size - 1, on_passage, NULL);
	else
		ask_business(text, size - 1);
	return 0;
}
