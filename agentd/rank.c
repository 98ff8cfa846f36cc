#include "agentd/rank.h"
#include "agentd/lexicon.h"
#include "shared/text.h"
#include <math.h>
#include <string.h>

/* The weights were found by trying on tests/agent/questions.json. */
static const double in_heading = 0.6, in_title = 0.3, alike_form = 0.6,
		    hint_weight = 0.5, near_words = 0.4, page_begin = 0.05,
		    own_language = 1.3;
enum { NEAR_WORDS = 4, NEAR_BYTES = 40 };

void rarity_count(struct rarity *out, int word, int holding, int passages)
{
	/* A word of no passage counts like one of a single passage: half of
	 * such words are verbs for which the pages have another. */
	out->of[word] = log((passages + 1.0) / ((holding ? holding : 1) + 0.5));
	if (out->of[word] < 0.1)
		out->of[word] = 0.1;
}

/* Where the words of a query stand in a field. */
struct places {
	int alike[QUERY_WORDS]; /* 2: the word, 1: another form, 0: not here */
	int at[QUERY_WORDS]; /* its first place */
};

static void find_places(struct places *out, const char *stems,
	const struct query *query, enum language language)
{
	*out = (struct places){{0}, {0}};
	for (int at = 0; *stems; at++) {
		size_t len = strcspn(stems, " ");
		char one[WORD_MAX_BYTES + 1];

		if (len <= WORD_MAX_BYTES) {
			memcpy(one, stems, len);
			one[len] = 0;
			for (int i = 0; i < query->n; i++) {
				int alike = stems_alike(one,
					query->words[i].word->stem[language]);

				if (alike <= out->alike[i])
					continue;
				out->alike[i] = alike;
				out->at[i] = at;
			}
		}
		stems += len;
		stems += *stems == ' ';
	}
}

/* Words that stand side by side in the question and do so here too. */
static double together(const struct places *text, const struct query *query,
	const struct rarity *rarity)
{
	double sum = 0;

	for (int i = 0; i < query->n; i++)
		for (int k = 0; k < query->n; k++) {
			const struct word *a = query->words[i].word;
			const struct word *b = query->words[k].word;
			int apart = text->at[k] - text->at[i];

			if (text->alike[i] && text->alike[k] && apart >= 1 &&
				apart <= NEAR_WORDS && b->at > a->at &&
				b->at - a->at <= NEAR_BYTES)
				sum += near_words *
				       fmin(rarity->of[i], rarity->of[k]);
		}
	return sum;
}

void rank_candidate(struct hit *out, const struct candidate *candidate,
	const struct query *query, const struct rarity *rarity,
	enum language language)
{
	enum language theirs = candidate->passage.language;
	double must = 0, must_found = 0, rest = 0, rest_found = 0;
	bool begins = !candidate->heading_stems[0];
	struct places title, heading, text;

	find_places(&title, candidate->title_stems, query, theirs);
	find_places(&heading, candidate->heading_stems, query, theirs);
	find_places(&text, candidate->text_stems, query, theirs);
	*out = (struct hit){.passage = candidate->passage};
	for (int i = 0; i < query->n; i++) {
		int in_head = heading.alike[i], in_name = title.alike[i];
		int best = in_head > in_name ? in_head : in_name;
		double weight = rarity->of[i], found;

		best = text.alike[i] > best ? text.alike[i] : best;
		found = best == 2 ? 1 : best ? alike_form : 0;
		found *= 1 + in_heading * (in_head > 0) +
			 in_title * (in_name > 0) +
			 (begins ? page_begin * (in_name > 0) : 0);
		if (best)
			out->found |= UINT32_C(1) << i;
		if (query->words[i].need == NEED_HINT) {
			out->score += hint_weight * weight * found;
			continue;
		}
		out->score += weight * found;
		must += weight;
		must_found += best ? weight : 0;
		if (query->words[i].need == NEED_REST) {
			rest += weight;
			rest_found += best ? weight : 0;
		}
	}
	out->score += together(&text, query, rarity);
	out->all = must > 0 ? must_found / must : 0;
	out->rest = rest > 0 ? rest_found / rest : 1;
	if (theirs == language)
		out->score *= own_language;
}

void rank_stems(struct buf *out, const char *text, enum language language)
{
	struct arena arena = {0};
	struct words words;

	words_split(&words, &arena, text, strlen(text), PASSAGE_MAX);
	for (int i = 0; i < words.n; i++) {
		if (i)
			buf_putc(out, ' ');
		buf_puts(out, words.items[i].stem[language]);
	}
	arena_clear(&arena);
}

/* --- quoting -------------------------------------------------------------- */

enum { SENTENCES = 64 };

struct sentence {
	size_t at, len;
	double score;
	bool chosen;
};

/* Bytes up to the end of the sentence that begins at `at`. */
static size_t sentence_len(const char *at)
{
	size_t i = 0;

	for (; at[i] && at[i] != '\n'; i++)
		if (strchr(".!?", at[i]) && at[i + 1] == ' ' && i > 20)
			return i + 1;
	return i;
}

static int cut(struct sentence *out, const char *text)
{
	size_t at = 0;
	int n = 0;

	while (text[at] && n < SENTENCES) {
		out[n] = (struct sentence){.at = at};
		out[n].len = sentence_len(text + at);
		at += out[n++].len;
		while (text[at] == ' ' || text[at] == '\n')
			at++;
	}
	return n;
}

static double worth(const struct passage *passage, const struct sentence *s,
	const struct query *query)
{
	struct arena arena = {0};
	struct words words;
	double score = 0;

	words_split(&words, &arena, passage->text + s->at, s->len, ASK_WORDS);
	for (int i = 0; i < query->n; i++) {
		int best = 0;

		for (int k = 0; k < words.n && best < 2; k++) {
			int alike = words_alike(
				&words.items[k], query->words[i].word);

			best = alike > best ? alike : best;
		}
		score += best * (query->words[i].need == NEED_HINT ? 0.5 : 1.0);
	}
	arena_clear(&arena);
	return score;
}

/* The sentence that is worth most and still fits; what follows the best one
 * usually explains it, so a neighbour is worth a little too. */
static int next_best(const struct sentence *s, int n, size_t room)
{
	int best = -1;
	double most = 0;

	for (int i = 0; i < n; i++) {
		double score = s[i].score;

		if (s[i].chosen || s[i].len + 2 > room)
			continue;
		if (i > 0 && s[i - 1].chosen)
			score += 0.6;
		if (i + 1 < n && s[i + 1].chosen)
			score += 0.2;
		if (score > most) {
			most = score;
			best = i;
		}
	}
	return best;
}

void rank_quote(struct buf *out, const struct passage *passage,
	const struct query *query, size_t max_bytes)
{
	struct sentence s[SENTENCES];
	size_t len = strlen(passage->text), room = max_bytes;
	int n, at, last = -1;

	if (len <= max_bytes) {
		buf_put(out, passage->text, len);
		return;
	}
	n = cut(s, passage->text);
	for (int i = 0; i < n; i++)
		s[i].score = worth(passage, &s[i], query);
	while ((at = next_best(s, n, room)) >= 0) {
		s[at].chosen = true;
		room -= s[at].len + 2;
	}
	for (int i = 0; i < n; i++) {
		if (!s[i].chosen)
			continue;
		if (last >= 0 && i == last + 1)
			/* what stood between them: a blank or a new line */
			buf_putc(out, passage->text[s[i].at - 1]);
		else if (last >= 0)
			buf_puts(out, " … ");
		buf_put(out, passage->text + s[i].at, s[i].len);
		last = i;
	}
	if (last < 0) /* one endless sentence */
		buf_put(out, passage->text,
			utf8_prefix(passage->text, len, max_bytes));
}
