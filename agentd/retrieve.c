#include "agentd/retrieve.h"
#include "agentd/shelf.h"
#include "shared/map.h"
#include "shared/tenant.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	struct search *search;
	struct shelf_of *of;
	struct job *next;
};

/* A tenant's shelf and what waits for it. The shelf belongs to a pool thread
 * while `busy`, else to the loop. */
struct shelf_of {
	struct retrieve *retrieve;
	char id[TENANT_ID_MAX + 1];
	char *folder, *cache;
	struct shelf *shelf; /* opened by the first job */
	struct job *first, *last;
	bool busy;
	uint64_t used; /* counts up: when it was last asked */
};

struct retrieve {
	struct loop *loop;
	struct tenants *tenants;
	const char *cache_dir;
	struct map *shelves;
	uint64_t clock;
};

/* --- shelves -------------------------------------------------------------- */

static void shelf_of_close(struct shelf_of *of)
{
	map_take(of->retrieve->shelves, of->id, strlen(of->id));
	shelf_close(of->shelf);
	free(of->folder);
	free(of->cache);
	free(of);
}

/* Memory is for those who are asked. */
static void close_oldest(struct retrieve *r)
{
	struct shelf_of *of, *oldest = NULL;

	for (size_t at = 0; (of = map_next(r->shelves, &at));)
		if (!of->busy && (!oldest || of->used < oldest->used))
			oldest = of;
	if (oldest)
		shelf_of_close(oldest);
}

/* The file's name is that of the folder, which was found by looking. */
static char *cache_file(const struct retrieve *r, const char *folder)
{
	const char *slash = strrchr(folder, '/');
	struct buf path;

	if (!r->cache_dir)
		return NULL;
	buf_init(&path, 4096);
	buf_printf(
		&path, "%s/%s.index", r->cache_dir, slash ? slash + 1 : folder);
	if (!path.full)
		return buf_take(&path);
	buf_clear(&path);
	return NULL;
}

/* The shelf of a business; NULL if it has no folder. */
static struct shelf_of *shelf_of(struct retrieve *r, const char *business_id)
{
	const struct tenant *tenant = tenants_find(r->tenants, business_id);
	struct shelf_of *of;

	if (!tenant || !tenant->folder)
		return NULL;
	of = map_get(r->shelves, business_id, strlen(business_id));
	if (!of) {
		if (map_size(r->shelves) >= SHELVES_MAX)
			close_oldest(r);
		of = xalloc(sizeof(*of));
		of->retrieve = r;
		snprintf(of->id, sizeof(of->id), "%s", business_id);
		of->folder = xstrdup(tenant->folder);
		of->cache = cache_file(r, tenant->folder);
		map_put(r->shelves, of->id, strlen(of->id), of);
	}
	of->used = ++r->clock;
	return of;
}

/* A tenant that went takes its pages with it. */
static void on_changed(void *ctx, const char *business_id)
{
	struct retrieve *r = ctx;
	struct shelf_of *of;

	if (!r->tenants || tenants_find(r->tenants, business_id))
		return;
	of = map_get(r->shelves, business_id, strlen(business_id));
	if (of && !of->busy)
		shelf_of_close(of);
}

/* --- searching ------------------------------------------------------------ */

/* On a pool thread. */
static void work(void *ctx)
{
	struct job *job = ctx;
	struct search *s = job->search;
	struct shelf *shelf = NULL;

	if (job->of) {
		if (!job->of->shelf)
			job->of->shelf = shelf_open(job->of->cache);
		shelf = job->of->shelf;
		shelf_refresh(shelf, job->of->folder);
	}
	for (int i = 0; i < s->n_parts; i++) {
		struct search_part *part = &s->parts[i];

		part->n_hits = part->query ? shelf_find(shelf, part->query,
						     s->language, s->others,
						     s->n_others, s->arena,
						     part->hits, HITS_MAX)
					   : 0;
	}
}

static void start(struct retrieve *r, struct job *job);

static void finished(void *ctx)
{
	struct job *job = ctx;
	struct search *search = job->search;
	struct shelf_of *of = job->of;

	if (of) {
		of->busy = false;
		of->first = job->next;
		if (of->first)
			start(of->retrieve, of->first);
		else if (!tenants_find(of->retrieve->tenants, of->id))
			shelf_of_close(of);
	}
	free(job);
	search->done(search->ctx);
}

static void start(struct retrieve *r, struct job *job)
{
	if (job->of)
		job->of->busy = true;
	loop_work(r->loop, work, finished, job);
}

void retrieve_find(struct retrieve *retrieve, struct search *search)
{
	struct job *job = xalloc(sizeof(*job));

	job->search = search;
	job->of = shelf_of(retrieve, search->business_id);
	if (!job->of) {
		start(retrieve, job);
	} else if (job->of->first) {
		job->of->last->next = job;
		job->of->last = job;
	} else {
		job->of->first = job->of->last = job;
		start(retrieve, job);
	}
}

struct retrieve *retrieve_open(
	struct loop *loop, const char *tenants_dir, const char *cache_dir)
{
	struct retrieve *r = xalloc(sizeof(*r));

	r->loop = loop;
	r->cache_dir = cache_dir;
	r->shelves = map_open();
	r->tenants = tenants_open(loop, tenants_dir, on_changed, r);
	return r;
}

void retrieve_close(struct retrieve *retrieve)
{
	struct shelf_of *of;
	size_t at = 0;

	if (!retrieve)
		return;
	while ((of = map_next(retrieve->shelves, &at))) {
		shelf_of_close(of);
		at = 0; /* the map has changed */
	}
	tenants_close(retrieve->tenants);
	map_close(retrieve->shelves);
	free(retrieve);
}
