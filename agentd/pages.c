#include "agentd/pages.h"
#include "agentd/lexicon.h"
#include "agentd/markup.h"
#include "shared/text.h"
#include <string.h>
#include <strings.h>

enum { SAMPLE_BYTES = 16 * 1024, SAMPLE_WORDS = 500 };

struct page {
	struct buf title, heading, text;
	const char *path;
	enum language language;
	page_fn *each;
	void *ctx;
};

static const char *extension(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

bool page_named(const char *name)
{
	const char *ext = extension(name);

	return name[0] != '.' && (!strcmp(ext, ".md") || !strcmp(ext, ".txt") ||
					 !strcmp(ext, ".html"));
}

static const char *held(const struct buf *buf)
{
	return buf->len ? buf->data : "";
}

static void flush(struct page *page)
{
	struct passage passage = {page->path, held(&page->title),
		held(&page->heading), held(&page->text), page->language};

	if (page->text.len)
		page->each(page->ctx, &passage);
	buf_reset(&page->text);
}

static void set(struct buf *buf, const char *text)
{
	buf_reset(buf);
	buf_put(buf, text, utf8_prefix(text, strlen(text), HEADING_MAX));
}

static void on_heading(void *ctx, int level, const char *text)
{
	struct page *page = ctx;

	flush(page);
	if (level == 1 && !page->heading.len) {
		set(&page->title, text);
	} else {
		set(&page->heading, text);
	}
}

/* The longest beginning of a line that fits: whole sentences, else words. */
static size_t piece(const char *line, size_t len, size_t room)
{
	size_t end = utf8_prefix(line, len, room), at;

	for (at = end; at > room / 2; at--)
		if (strchr(".!?;", line[at - 1]) && line[at] == ' ')
			return at;
	for (at = end; at > room / 2; at--)
		if (line[at] == ' ')
			return at;
	return end;
}

static void on_line(void *ctx, const char *text)
{
	struct page *page = ctx;
	size_t len = strlen(text);

	while (len) {
		size_t n = len;

		if (page->text.len && page->text.len + 1 + len > PASSAGE_MAX)
			flush(page);
		if (len > PASSAGE_MAX)
			n = piece(text, len, PASSAGE_MAX);
		if (page->text.len)
			buf_putc(&page->text, '\n');
		buf_put(&page->text, text, n);
		text += n, len -= n;
		while (*text == ' ')
			text++, len--;
	}
}

static void markup(const char *name, const char *data, size_t len,
	const struct markup_out *out)
{
	if (!strcmp(extension(name), ".html"))
		markup_html(data, len, out);
	else if (!strcmp(extension(name), ".md"))
		markup_md(data, len, out);
	else
		markup_txt(data, len, out);
}

static void sample_line(void *ctx, const char *text)
{
	struct buf *sample = ctx;

	buf_puts(sample, text);
	buf_putc(sample, '\n');
}

static void sample_heading(void *ctx, int level, const char *text)
{
	(void)level;
	sample_line(ctx, text);
}

/* "lab-tests.en.md" is English; without a word about it the text tells. */
static enum language language_of(const char *name, const char *data, size_t len)
{
	const char *ext = extension(name);
	struct markup_out out = {sample_heading, sample_line, NULL};
	struct arena arena = {0};
	struct buf sample;
	struct words words;
	int votes[LANGS] = {0};

	if (ext - name > 3 && !strncmp(ext - 3, ".en", 3))
		return LANG_EN;
	if (ext - name > 3 && !strncmp(ext - 3, ".ro", 3))
		return LANG_RO;
	buf_init(&sample, SAMPLE_BYTES);
	out.ctx = &sample;
	markup(name, data, len, &out);
	words_split(&words, &arena, held(&sample), sample.len, SAMPLE_WORDS);
	lexicon_vote(&words, votes);
	arena_clear(&arena);
	buf_clear(&sample);
	return votes[LANG_EN] > votes[LANG_RO] ? LANG_EN : LANG_RO;
}

/* A page without a title is called what its file is called. */
static void title_from_name(struct page *page, const char *name)
{
	size_t len = strcspn(name, ".");
	char title[HEADING_MAX + 1];

	if (len > HEADING_MAX)
		len = HEADING_MAX;
	memcpy(title, name, len);
	title[len] = 0;
	for (size_t i = 0; i < len; i++)
		if (title[i] == '-' || title[i] == '_')
			title[i] = ' ';
	set(&page->title, title);
}

bool page_read(const char *name, const char *data, size_t len, page_fn *each,
	void *ctx)
{
	struct page page = {.each = each, .ctx = ctx};
	struct markup_out out = {on_heading, on_line, &page};
	struct buf path;

	if (len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3))
		data += 3, len -= 3;
	if (memchr(data, 0, len) || !utf8_valid(data, len))
		return false;
	buf_init(&path, 512);
	buf_printf(&path, "knowledge/%s", name);
	page.path = held(&path);
	page.language = language_of(name, data, len);
	buf_init(&page.title, HEADING_MAX);
	buf_init(&page.heading, HEADING_MAX);
	buf_init(&page.text, PASSAGE_MAX);
	title_from_name(&page, name);
	markup(name, data, len, &out);
	flush(&page);
	buf_clear(&page.title);
	buf_clear(&page.heading);
	buf_clear(&page.text);
	buf_clear(&path);
	return true;
}
