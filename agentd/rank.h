/* rank: which passage answers a question, and which of its sentences. Pure. */
#ifndef AGENTD_RANK_H
#define AGENTD_RANK_H

#include "agentd/ask.h"
#include "agentd/pages.h"

/* A passage, and the stems of its words in its own language, separated by
 * spaces. */
struct candidate {
	struct passage passage;
	const char *title_stems, *heading_stems, *text_stems;
};

struct hit {
	struct passage passage;
	double score;
	/* How much of the question it covers, 0 to 1, rare words counting
	 * more: of all that must be covered, and of what the record does not
	 * explain (1 if that is nothing). */
	double all, rest;
	uint32_t found; /* which words of the query: bit i */
};

/* How rare each word of a query is, from the number of passages that hold it
 * and of passages there are. */
struct rarity {
	double of[QUERY_WORDS];
};

void rarity_count(struct rarity *out, int word, int holding, int passages);

void rank_candidate(struct hit *out, const struct candidate *candidate,
	const struct query *query, const struct rarity *rarity,
	enum language language);

/* Writes the stems of a text as a candidate has them. */
void rank_stems(struct buf *out, const char *text, enum language language);

/* Puts what answers the query: the passage, or if it is longer than max_bytes
 * those of its sentences that do, "…" standing for what is left out. */
void rank_quote(struct buf *out, const struct passage *passage,
	const struct query *query, size_t max_bytes);

#endif
