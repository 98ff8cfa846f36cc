/* index: passages in an FTS5 database. The only includer of sqlite3.h.
 *
 * Errors are remembered: after index_commit said false the index is good for
 * nothing but index_close. Used by one thread at a time. */
#ifndef AGENTD_INDEX_H
#define AGENTD_INDEX_H

#include "agentd/rank.h"

/* What a file was when it was read. */
struct stamp {
	int64_t ctime_ns, size, inode;
};

struct index;

/* NULL if the file is not an index of this making that we may write;
 * ":memory:" always opens. *busy (may be NULL) tells that another process has
 * it. */
struct index *index_open(const char *file, bool *busy);
void index_close(struct index *index); /* NULL is fine */

typedef void index_page_fn(
	void *ctx, int64_t id, const char *name, const struct stamp *stamp);
bool index_pages(struct index *index, index_page_fn *each, void *ctx);

void index_begin(struct index *index);
bool index_commit(struct index *index); /* false: nothing was changed */
int64_t index_page_add(
	struct index *index, const char *name, const struct stamp *stamp);
void index_passage_add(
	struct index *index, int64_t page, const struct passage *passage);
void index_page_drop(struct index *index, int64_t page);

int index_size(struct index *index); /* passages */
int index_holding(struct index *index, const struct word *word); /* likewise */

/* Passages that hold some word of the query that is no hint, likely ones
 * first; at most CANDIDATES. */
enum { CANDIDATES = 24 };
int index_find(struct index *index, const struct query *query,
	struct arena *arena, struct candidate *out);

#endif
