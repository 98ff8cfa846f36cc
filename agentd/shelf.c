#include "agentd/shelf.h"
#include "agentd/index.h"
#include "shared/log.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct page {
	char *name;
	struct stamp stamp;
	int64_t id; /* 0: left out of the index */
	bool present;
};

struct shelf {
	struct index *index;
	char *cache; /* NULL: in memory */
	struct page *pages;
	int n_pages, cap_pages;
	int next; /* where the folder's next name is expected */
	bool crowded; /* pages were left out, which has been logged */
};

/* --- opening -------------------------------------------------------------- */

static struct page *page_new(struct shelf *shelf, const char *name)
{
	struct page *page;

	if (shelf->n_pages == shelf->cap_pages) {
		shelf->cap_pages = shelf->cap_pages ? 2 * shelf->cap_pages : 32;
		shelf->pages = xrealloc(shelf->pages,
			(size_t)shelf->cap_pages * sizeof(*shelf->pages));
	}
	page = &shelf->pages[shelf->n_pages++];
	*page = (struct page){.name = xstrdup(name)};
	return page;
}

static void forget_pages(struct shelf *shelf)
{
	for (int i = 0; i < shelf->n_pages; i++)
		free(shelf->pages[i].name);
	shelf->n_pages = shelf->next = 0;
}

static void on_page(
	void *ctx, int64_t id, const char *name, const struct stamp *stamp)
{
	struct page *page = page_new(ctx, name);

	page->id = id;
	page->stamp = *stamp;
}

static bool open_cache(struct shelf *shelf, bool *busy)
{
	*busy = false;
	shelf->index = index_open(shelf->cache, busy);
	if (shelf->index && index_pages(shelf->index, on_page, shelf))
		return true;
	forget_pages(shelf);
	index_close(shelf->index);
	shelf->index = NULL;
	return false;
}

static void open_memory(struct shelf *shelf)
{
	index_close(shelf->index);
	forget_pages(shelf);
	free(shelf->cache);
	shelf->cache = NULL;
	shelf->index = index_open(":memory:", NULL);
	if (!shelf->index)
		die("index", "this SQLite has no FTS5");
}

/* With the journal: it must not be played back into the next file. */
static bool discard(const char *cache)
{
	struct buf journal;
	bool gone;

	buf_init(&journal, 4096);
	buf_printf(&journal, "%s-journal", cache);
	gone = !unlink(cache);
	unlink(journal.data);
	buf_clear(&journal);
	return gone;
}

struct shelf *shelf_open(const char *cache)
{
	struct shelf *shelf = xalloc(sizeof(*shelf));
	bool busy;

	shelf->cache = xstrdup(cache);
	if (cache && open_cache(shelf, &busy))
		return shelf;
	/* Damaged, or of another making: it is only a cache. */
	if (cache && !busy && discard(cache) && open_cache(shelf, &busy))
		return shelf;
	open_memory(shelf);
	return shelf;
}

void shelf_close(struct shelf *shelf)
{
	if (!shelf)
		return;
	index_close(shelf->index);
	forget_pages(shelf);
	free(shelf->pages);
	free(shelf->cache);
	free(shelf);
}

/* --- what is in the folder ------------------------------------------------ */

static void left_out(const char *name, const char *why)
{
	log_warn("knowledge page left out", log_str("page", name),
		log_str("why", why));
}

static struct stamp stamp_of(const struct stat *st)
{
	return (struct stamp){
		(int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec,
		(int64_t)st->st_size, (int64_t)st->st_ino};
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->ctime_ns == b->ctime_ns && a->size == b->size &&
	       a->inode == b->inode;
}

static struct page *page_find(struct shelf *shelf, const char *name)
{
	/* The order of a folder seldom changes. */
	for (int i = 0; i < shelf->n_pages; i++) {
		int at = (shelf->next + i) % shelf->n_pages;

		if (strcmp(shelf->pages[at].name, name))
			continue;
		shelf->next = at + 1;
		return &shelf->pages[at];
	}
	return NULL;
}

/* The whole file, NUL-terminated; NULL if it cannot be read or is too large.
 * *stamp is of what was read. */
static char *read_page(
	int folder, const char *name, struct stamp *stamp, size_t *len)
{
	int fd = openat(
		folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	char *data = NULL;
	ssize_t n;

	*len = 0;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		left_out(name, "it cannot be read");
		goto done;
	}
	*stamp = stamp_of(&st);
	if (st.st_size > PAGE_MAX_BYTES) {
		left_out(name, "it is larger than 256 KB");
		goto done;
	}
	data = xalloc(PAGE_MAX_BYTES + 1);
	while (*len < PAGE_MAX_BYTES &&
		(n = read(fd, data + *len, PAGE_MAX_BYTES - *len)) > 0)
		*len += (size_t)n;
done:
	if (fd >= 0)
		close(fd);
	return data;
}

struct adding {
	struct index *index;
	int64_t page;
};

static void on_passage(void *ctx, const struct passage *passage)
{
	struct adding *adding = ctx;

	index_passage_add(adding->index, adding->page, passage);
}

static void drop_page(struct shelf *shelf, struct page *page)
{
	if (page->id)
		index_page_drop(shelf->index, page->id);
	page->id = 0;
}

static void add_page(
	struct shelf *shelf, struct page *page, const char *data, size_t len)
{
	struct adding adding = {shelf->index, 0};

	adding.page = page->id =
		index_page_add(shelf->index, page->name, &page->stamp);
	if (!page_read(page->name, data, len, on_passage, &adding))
		left_out(page->name, "it is not UTF-8 text");
}

/* Looks at one name of the folder. */
static void look(struct shelf *shelf, int folder, const char *name,
	int64_t *bytes, int *n)
{
	struct page *page = page_find(shelf, name);
	struct stamp stamp;
	struct stat st;
	size_t len;
	char *data;

	if (!page_named(name) ||
		fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) ||
		!S_ISREG(st.st_mode))
		return;
	if (*n == PAGES_MAX || *bytes + st.st_size > SHELF_MAX_BYTES) {
		if (!shelf->crowded)
			left_out(name, "there are too many, or too much");
		shelf->crowded = true;
		return;
	}
	++*n;
	*bytes += st.st_size;
	stamp = stamp_of(&st);
	if (page && same(&page->stamp, &stamp)) {
		page->present = true;
		return;
	}
	if (!page)
		page = page_new(shelf, name);
	drop_page(shelf, page);
	page->stamp = stamp;
	page->present = true;
	data = read_page(folder, name, &page->stamp, &len);
	if (data)
		add_page(shelf, page, data, len);
	free(data);
}

static void drop_missing(struct shelf *shelf)
{
	int kept = 0;

	for (int i = 0; i < shelf->n_pages; i++) {
		struct page *page = &shelf->pages[i];

		if (page->present) {
			shelf->pages[kept++] = *page;
			continue;
		}
		drop_page(shelf, page);
		free(page->name);
	}
	shelf->n_pages = kept;
}

static DIR *open_knowledge(const char *folder)
{
	int top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = top < 0 ? -1
			 : openat(top, "knowledge",
				   O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
					   O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (top >= 0)
		close(top);
	if (fd >= 0 && !dir)
		close(fd);
	return dir;
}

static bool refresh(struct shelf *shelf, const char *folder)
{
	DIR *dir = open_knowledge(folder);
	const struct dirent *entry;
	int64_t bytes = 0;
	int n = 0;

	for (int i = 0; i < shelf->n_pages; i++)
		shelf->pages[i].present = false;
	/* Without a change this touches no disk: a transaction begins in
	 * earnest only with its first write. */
	index_begin(shelf->index);
	while (dir && (entry = readdir(dir)))
		look(shelf, dirfd(dir), entry->d_name, &bytes, &n);
	drop_missing(shelf);
	if (dir)
		closedir(dir);
	return index_commit(shelf->index);
}

void shelf_refresh(struct shelf *shelf, const char *folder)
{
	if (refresh(shelf, folder))
		return;
	/* The disk is full or the cache is damaged: without it, then. */
	if (shelf->cache)
		discard(shelf->cache);
	open_memory(shelf);
	refresh(shelf, folder);
}

/* --- finding -------------------------------------------------------------- */

static int holding_others(const struct candidate *others, int n,
	const struct query *query, int word)
{
	struct query one = {.n = 1};
	struct rarity any = {{1}};
	int found = 0;

	one.words[0] = query->words[word];
	for (int i = 0; i < n; i++) {
		struct hit hit;

		rank_candidate(&hit, &others[i], &one, &any, LANG_RO);
		found += hit.found != 0;
	}
	return found;
}

static void keep_best(struct hit *hits, int *n, int max, const struct hit *hit)
{
	int at = *n;

	if (hit->all <= 0)
		return;
	while (at > 0 && hits[at - 1].score < hit->score)
		at--;
	if (at == max)
		return;
	if (*n < max)
		++*n;
	memmove(hits + at + 1, hits + at,
		(size_t)(*n - at - 1) * sizeof(*hits));
	hits[at] = *hit;
}

int shelf_find(struct shelf *shelf, const struct query *query,
	enum language language, const struct candidate *others, int n_others,
	struct arena *arena, struct hit *hits, int max)
{
	struct candidate *found =
		arena_alloc(arena, CANDIDATES * sizeof(*found));
	int total = (shelf ? index_size(shelf->index) : 0) + n_others;
	struct rarity rarity = {{0}};
	int n_found = 0, n = 0;
	struct hit hit;

	for (int i = 0; i < query->n; i++) {
		int count = holding_others(others, n_others, query, i);

		if (shelf)
			count += index_holding(
				shelf->index, query->words[i].word);
		rarity_count(&rarity, i, count, total);
	}
	if (shelf)
		n_found = index_find(shelf->index, query, arena, found);
	for (int i = 0; i < n_found; i++) {
		rank_candidate(&hit, &found[i], query, &rarity, language);
		keep_best(hits, &n, max, &hit);
	}
	for (int i = 0; i < n_others; i++) {
		rank_candidate(&hit, &others[i], query, &rarity, language);
		keep_best(hits, &n, max, &hit);
	}
	return n;
}
