/* markup: Markdown, HTML and plain text as headings and lines of plain text.
 * Pure. No renderer: only what a reader would see, well enough to be searched
 * and quoted. */
#ifndef AGENTD_MARKUP_H
#define AGENTD_MARKUP_H

#include <stddef.h>

/* Texts are not empty, without leading or trailing blanks, and end with
 * NUL. */
struct markup_out {
	void (*heading)(void *ctx, int level, const char *text);
	void (*line)(void *ctx, const char *text);
	void *ctx;
};

/* `data` is UTF-8 without NUL. */
void markup_md(const char *data, size_t len, const struct markup_out *out);
void markup_html(const char *data, size_t len, const struct markup_out *out);
void markup_txt(const char *data, size_t len, const struct markup_out *out);

#endif
