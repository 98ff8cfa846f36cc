/* shelf: the knowledge pages of one tenant, indexed.
 *
 * One database for each tenant: no query can reach another's pages. The index
 * is a cache of the folder and may be thrown away at any time. A shelf is used
 * by one thread at a time. */
#ifndef AGENTD_SHELF_H
#define AGENTD_SHELF_H

#include "agentd/rank.h"

enum {
	PAGE_MAX_BYTES = 256 * 1024,
	PAGES_MAX = 2000,
	SHELF_MAX_BYTES = 64 * 1024 * 1024 /* of all pages together */
};

struct shelf;

/* `cache` is the file of the index; NULL, or one that cannot be used (it is
 * another process's, or the disk is full), keeps it in memory. */
struct shelf *shelf_open(const char *cache);
void shelf_close(struct shelf *shelf); /* NULL is fine */

/* Brings the index up to date with folder/knowledge. Only names that readdir
 * tells are opened, only regular files, never through a link. What is too
 * large, too much or no text is left out and logged. */
void shelf_refresh(struct shelf *shelf, const char *folder);

/* The passages for a query, best first, also from `others`, which are ranked
 * with them. Returns how many, at most `max`. `shelf` may be NULL: only the
 * others. */
int shelf_find(struct shelf *shelf, const struct query *query,
	enum language language, const struct candidate *others, int n_others,
	struct arena *arena, struct hit *hits, int max);

#endif
