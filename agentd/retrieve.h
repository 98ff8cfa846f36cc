/* retrieve: the passages that answer a question, found in the thread pool.
 *
 * Each tenant with a folder has a shelf, opened when it is first asked and
 * closed when it is not asked any more. What is asked of one tenant is done
 * one after the other; tenants do not wait for each other. Before each answer
 * the folder is looked at: a page changed or deleted takes effect at once. */
#ifndef AGENTD_RETRIEVE_H
#define AGENTD_RETRIEVE_H

#include "agentd/rank.h"
#include "shared/loop.h"

enum { HITS_MAX = 3, SHELVES_MAX = 64 };

struct retrieve;

/* `tenants_dir` and `cache_dir` may be NULL. */
struct retrieve *retrieve_open(
	struct loop *loop, const char *tenants_dir, const char *cache_dir);
/* No search may be under way. */
void retrieve_close(struct retrieve *retrieve);

/* One question of a search: what is asked, and what is found. */
struct search_part {
	const struct query *query; /* NULL: nothing */
	struct hit hits[HITS_MAX]; /* best first */
	int n_hits;
};

struct search {
	const char *business_id;
	enum language language;
	const struct candidate *others; /* ranked with the pages */
	int n_others;
	struct search_part *parts;
	int n_parts;
	struct arena *arena; /* what is found lives here */
	loop_fn *done; /* always comes, later than the call */
	void *ctx;
};

/* The search and all it points to belong to the module until done(). */
void retrieve_find(struct retrieve *retrieve, struct search *search);

#endif
