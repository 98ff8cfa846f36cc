#include "gateway/pages.h"
#include "gateway/span.h"
#include "shared/log.h"
#include "shared/mem.h"
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct page {
	char *name;
	const char *type;
	char etag[24];
	char *data;
	size_t len;
};

struct pages {
	struct page list[PAGES_MAX];
	int n;
};

static const char *type_of(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = {
		{".html", "text/html; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".mjs", "text/javascript; charset=utf-8"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".svg", "image/svg+xml"},
		{".png", "image/png"},
		{".ico", "image/x-icon"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < COUNT(types); i++)
		if (!strcmp(dot, types[i].end))
			return types[i].type;
	return "application/octet-stream";
}

/* By content: a restart alone does not make a browser fetch it again. */
static void make_etag(struct page *page)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < page->len; i++)
		hash = (hash ^ (unsigned char)page->data[i]) *
		       UINT64_C(0x100000001b3);
	snprintf(page->etag, sizeof(page->etag), "\"%016" PRIx64 "\"", hash);
}

static bool read_page(struct page *page, const char *dir, const char *name)
{
	struct buf path, data;
	char chunk[16384];
	struct stat stat;
	FILE *file;
	size_t n;

	buf_init(&path, 4096);
	buf_printf(&path, "%s/%s", dir, name);
	file = path.full ? NULL : fopen(path.data, "rbe");
	buf_clear(&path);
	if (!file)
		return false;
	buf_init(&data, PAGE_MAX_BYTES_EACH);
	if (!fstat(fileno(file), &stat) && S_ISREG(stat.st_mode))
		while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
			buf_put(&data, chunk, n);
	else
		data.full = true;
	if (ferror(file) || data.full) {
		fclose(file);
		buf_clear(&data);
		return false;
	}
	fclose(file);
	page->name = xstrdup(name);
	page->type = type_of(name);
	page->len = data.len;
	page->data = buf_take(&data);
	make_etag(page);
	return true;
}

struct pages *pages_open(const char *dir)
{
	struct pages *pages;
	struct dirent *entry;
	DIR *folder = opendir(dir);

	if (!folder)
		return NULL;
	pages = xalloc(sizeof(*pages));
	while ((entry = readdir(folder)) && pages->n < PAGES_MAX) {
		if (*entry->d_name == '.')
			continue;
		if (read_page(&pages->list[pages->n], dir, entry->d_name))
			pages->n++;
		else
			log_warn("page left out",
				log_str("name", entry->d_name));
	}
	closedir(folder);
	return pages;
}

void pages_close(struct pages *pages)
{
	if (!pages)
		return;
	for (int i = 0; i < pages->n; i++) {
		free(pages->list[i].name);
		free(pages->list[i].data);
	}
	free(pages);
}

static const struct page *find(const struct pages *pages, const char *path)
{
	const char *name = path[1] ? path + 1 : "index.html";

	for (int i = 0; pages && i < pages->n; i++)
		if (!strcmp(pages->list[i].name, name))
			return &pages->list[i];
	return NULL;
}

/* Whether the browser has it already: If-None-Match, compared weakly. */
static bool unchanged(const char *if_none_match, const char *etag)
{
	struct span rest;

	if (!if_none_match)
		return false;
	rest = span_of(if_none_match);
	while (rest.len) {
		struct span tag = span_trim(span_cut(&rest, ','));

		if (span_starts(tag, "W/"))
			tag = (struct span){tag.at + 2, tag.len - 2};
		if (span_is(tag, etag) || span_is(tag, "*"))
			return true;
	}
	return false;
}

bool pages_answer(const struct pages *pages, struct http *http, int *status)
{
	const struct http_request *request = http_request(http);
	const struct page *page = find(pages, request->path);
	const struct http_header headers[] = {
		{"ETag", page ? page->etag : ""},
		/* Kept, but asked about each time: an update is seen at
		 * once, and costs a 304 otherwise. */
		{"Cache-Control", "no-cache"},
		{"Content-Security-Policy",
			"default-src 'none'; script-src 'self'; "
			"style-src 'self'; img-src 'self' data:; "
			"font-src 'self'; connect-src 'self'; "
			"manifest-src 'self'; base-uri 'none'; "
			"form-action 'self'; frame-ancestors 'self'"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
	};

	if (!page)
		return false;
	if (unchanged(request->if_none_match, page->etag)) {
		*status = 304;
		http_reply(http, 304, NULL, NULL, 0, headers, COUNT(headers));
	} else {
		*status = 200;
		http_reply(http, 200, page->type, page->data, page->len,
			headers, COUNT(headers));
	}
	return true;
}
