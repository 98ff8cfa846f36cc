#include "agentd/markup.h"
#include "shared/mem.h"
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	LINE_MAX_BYTES = 1024 * 1024,
	HEADINGS = 6,
	LINK_MAX = 1000 /* bytes of a link's text or address */
};

static const char bullet[] = "• ";

/* A line that is being put together; blanks are folded into one. */
struct writer {
	struct buf line;
	int heading; /* level; 0: an ordinary line */
	const struct markup_out *out;
};

static void writer_init(struct writer *w, const struct markup_out *out)
{
	buf_init(&w->line, LINE_MAX_BYTES);
	w->heading = 0;
	w->out = out;
}

static void put(struct writer *w, char c)
{
	bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';

	if (!blank)
		buf_putc(&w->line, c);
	else if (w->line.len && w->line.data[w->line.len - 1] != ' ')
		buf_putc(&w->line, ' ');
}

static void end_line(struct writer *w)
{
	while (w->line.len && w->line.data[w->line.len - 1] == ' ')
		w->line.data[--w->line.len] = 0;
	if (w->line.len == strlen(bullet) - 1 &&
		!memcmp(w->line.data, bullet, w->line.len))
		buf_reset(&w->line); /* an item without text */
	if (w->line.len && w->heading)
		w->out->heading(w->out->ctx, w->heading, w->line.data);
	else if (w->line.len)
		w->out->line(w->out->ctx, w->line.data);
	buf_reset(&w->line);
	w->heading = 0;
}

static void writer_clear(struct writer *w)
{
	end_line(w);
	buf_clear(&w->line);
}

/* --- Markdown ------------------------------------------------------------- */

/* Not far: a page of brackets must not take for ever. */
static const char *find(const char *at, const char *end, char c)
{
	return memchr(
		at, c, end - at < LINK_MAX ? (size_t)(end - at) : LINK_MAX);
}

/* "[text](address)" and "![text](address)": the text. Returns how many bytes
 * to skip at the closing bracket. */
static size_t link_rest(const char *at, const char *end)
{
	const char *shut;

	if (end - at < 2 || at[0] != ']' || at[1] != '(')
		return 0;
	shut = find(at, end, ')');
	return shut ? (size_t)(shut - at) + 1 : 0;
}

static bool opens_link(const char *at, const char *end)
{
	const char *shut = find(at, end, ']');

	return shut && link_rest(shut, end);
}

static void put_inline(struct writer *w, const char *at, const char *end)
{
	while (at < end) {
		size_t skip = link_rest(at, end);

		if (skip) {
			at += skip;
		} else if (*at == '*' || *at == '`' ||
			   (*at == '_' && end - at > 1 && at[1] == '_')) {
			at += *at == '_' ? 2 : 1;
		} else if (*at == '!' && end - at > 1 && at[1] == '[') {
			at++;
		} else if (*at == '[' && opens_link(at, end)) {
			at++;
		} else if (*at == '\\' && end - at > 1 &&
			   ispunct((unsigned char)at[1])) {
			put(w, at[1]);
			at += 2;
		} else {
			put(w, *at++);
		}
	}
}

/* How many bytes a list mark takes: "- ", "* ", "12. "; 0 if there is none. */
static size_t list_mark(const char *at, const char *end, bool *numbered)
{
	size_t len = (size_t)(end - at), digits = 0;

	*numbered = false;
	if (len > 1 && strchr("-*+", at[0]) && at[1] == ' ')
		return 2;
	while (digits < len && digits < 4 && isdigit((unsigned char)at[digits]))
		digits++;
	if (digits && digits + 1 < len && strchr(".)", at[digits]) &&
		at[digits + 1] == ' ') {
		*numbered = true;
		return digits + 2;
	}
	return 0;
}

static bool only(const char *at, const char *end, const char *allowed)
{
	for (; at < end; at++)
		if (!strchr(allowed, *at))
			return false;
	return true;
}

/* "| a | b |" as "a – b". */
static void put_row(struct writer *w, const char *at, const char *end)
{
	while (end > at && strchr("| ", end[-1]))
		end--;
	for (at++; at < end;) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		const char *stop = bar ? bar : end;

		put_inline(w, at, stop);
		if (bar) {
			put(w, ' ');
			buf_puts(&w->line, "– ");
		}
		at = bar ? bar + 1 : end;
	}
}

static void md_line(struct writer *w, const char *at, const char *end)
{
	size_t level = 0, mark;
	bool numbered;

	while (at < end && (*at == ' ' || *at == '\t' || *at == '>'))
		at++;
	while (at + level < end && at[level] == '#')
		level++;
	if (at == end || only(at, end, "-=*_ \t\r")) {
		end_line(w);
		return;
	}
	if (level && level <= HEADINGS && at + level < end &&
		at[level] == ' ') {
		end_line(w);
		w->heading = (int)level;
		while (end > at && strchr("# \t\r", end[-1]))
			end--;
		put_inline(w, at + level, end);
		end_line(w);
		return;
	}
	if (*at == '|') {
		end_line(w);
		if (!only(at, end, "|-: \t\r"))
			put_row(w, at, end);
		end_line(w);
		return;
	}
	mark = list_mark(at, end, &numbered);
	if (mark) {
		end_line(w);
		if (numbered)
			buf_put(&w->line, at, mark);
		else
			buf_puts(&w->line, bullet);
		at += mark;
	} else {
		put(w, ' '); /* the paragraph goes on */
	}
	put_inline(w, at, end);
	if (end - at > 2 && !memcmp(end - 2, "  ", 2))
		end_line(w);
}

static const char *line_end(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline ? newline : end;
}

/* Settings between two lines of --- at the very beginning. */
static const char *skip_front_matter(const char *data, const char *end)
{
	const char *at = data;

	if (end - at < 4 || memcmp(at, "---\n", 4))
		return data;
	for (at += 4; at < end; at = line_end(at, end) + 1)
		if (end - at >= 4 && !memcmp(at, "---\n", 4))
			return at + 4;
	return data;
}

void markup_md(const char *data, size_t len, const struct markup_out *out)
{
	const char *end = data + len, *at = skip_front_matter(data, end);
	struct writer w;

	writer_init(&w, out);
	while (at < end) {
		const char *stop = line_end(at, end);

		if (stop - at >= 3 && !memcmp(at, "```", 3))
			end_line(&w);
		else if (stop - at >= 4 && !memcmp(at, "<!--", 4))
			/* a remark to other writers, over several lines */
			while (stop < end &&
				!memmem(at, (size_t)(stop - at), "-->", 3))
				stop = line_end(stop + 1, end);
		else
			md_line(&w, at, stop);
		at = stop + (stop < end);
	}
	writer_clear(&w);
}

/* --- plain text ----------------------------------------------------------- */

/* The first line is the title if something follows it. */
void markup_txt(const char *data, size_t len, const struct markup_out *out)
{
	const char *end = data + len, *at = data;
	struct writer w;
	bool first = true;

	writer_init(&w, out);
	while (at < end) {
		const char *stop = line_end(at, end);
		bool blank = only(at, stop, " \t\r");

		if (blank)
			end_line(&w);
		else
			put(&w, ' ');
		for (; at < stop; at++)
			put(&w, *at);
		if (first && !blank) {
			w.heading = memchr(stop, '\n', (size_t)(end - stop))
					    ? 1
					    : 0;
			end_line(&w);
			first = false;
		}
		at = stop + (stop < end);
	}
	writer_clear(&w);
}

/* --- HTML ----------------------------------------------------------------- */

static void put_code_point(struct writer *w, uint32_t c)
{
	char out[4];
	size_t n = 0;

	if (c == 0xa0 || c < 0x20)
		c = ' ';
	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || c == 0xad)
		return; /* no character, or a soft hyphen */
	if (c < 0x80) {
		put(w, (char)c);
		return;
	}
	if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
	} else if (c < 0x10000) {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		out[n++] = (char)(0xf0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
	}
	out[n++] = (char)(0x80 | (c & 0x3f));
	buf_put(&w->line, out, n);
}

/* &amp; &#537; &#x219; Returns the bytes taken; 0 if it is none we know. */
static size_t put_entity(struct writer *w, const char *at, const char *end)
{
	static const struct {
		const char *name;
		uint32_t point;
	} names[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'},
		{"apos;", '\''}, {"nbsp;", ' '}, {"ndash;", 0x2013},
		{"mdash;", 0x2014}, {"acirc;", 0xe2}, {"icirc;", 0xee},
		{"Acirc;", 0xc2}, {"Icirc;", 0xce}, {"euro;", 0x20ac},
		{"bdquo;", 0x201e}, {"rdquo;", 0x201d}, {"ldquo;", 0x201c},
		{"hellip;", 0x2026}, {"bull;", 0x2022}, {"deg;", 0xb0}};
	size_t len = (size_t)(end - at);

	for (size_t i = 0; i < COUNT(names); i++) {
		size_t n = strlen(names[i].name);

		if (len > n && !memcmp(at + 1, names[i].name, n)) {
			put_code_point(w, names[i].point);
			return n + 1;
		}
	}
	if (len > 3 && at[1] == '#') {
		bool hex = at[2] == 'x' || at[2] == 'X';
		char digits[9] = "", *stop;
		size_t from = hex ? 3 : 2;
		size_t n = len - from < 8 ? len - from : 8;

		memcpy(digits, at + from, n);
		if (isxdigit((unsigned char)digits[0])) {
			unsigned long point =
				strtoul(digits, &stop, hex ? 16 : 10);

			if (*stop == ';' && point) {
				put_code_point(w, (uint32_t)point);
				return from + (size_t)(stop - digits) + 1;
			}
		}
	}
	return 0;
}

static bool named(const char *tag, size_t len, const char *name)
{
	return strlen(name) == len && !strncasecmp(tag, name, len);
}

static bool among(const char *tag, size_t len, const char *const *names)
{
	for (; *names; names++)
		if (named(tag, len, *names))
			return true;
	return false;
}

/* Where the content of a tag whose content nobody sees ends. */
static const char *skip_content(
	const char *at, const char *end, const char *tag, size_t len)
{
	for (; at < end; at++)
		if (*at == '<' && end - at > (ptrdiff_t)len + 1 &&
			at[1] == '/' && !strncasecmp(at + 2, tag, len))
			return at;
	return end;
}

/* Handles one tag; returns what follows it. */
static const char *html_tag(struct writer *w, const char *at, const char *end)
{
	static const char *const hidden[] = {
		"script", "style", "svg", "noscript", "template", "nav", NULL};
	static const char *const blocks[] = {"p", "div", "br", "tr", "ul", "ol",
		"table", "section", "article", "header", "footer", "main",
		"blockquote", "dt", "dd", "dl", "hr", "title", "head", "body",
		NULL};
	bool closing = end - at > 1 && at[1] == '/';
	const char *tag = at + 1 + closing, *shut;
	size_t len = 0;

	if (end - at >= 4 && !memcmp(at, "<!--", 4)) {
		shut = memmem(at, (size_t)(end - at), "-->", 3);
		return shut ? shut + 3 : end;
	}
	while (tag + len < end && isalnum((unsigned char)tag[len]))
		len++;
	shut = memchr(at, '>', (size_t)(end - at));
	if (!shut)
		return end;
	shut++;
	if (!closing && among(tag, len, hidden))
		return skip_content(shut, end, tag, len);
	if (len == 2 && (tag[0] == 'h' || tag[0] == 'H') && tag[1] >= '1' &&
		tag[1] <= '6') {
		end_line(w);
		w->heading = closing ? 0 : tag[1] - '0';
	} else if (named(tag, len, "li")) {
		end_line(w);
		if (!closing)
			buf_puts(&w->line, bullet);
	} else if (among(tag, len, blocks)) {
		end_line(w);
		if (!closing && named(tag, len, "title"))
			w->heading = 1;
	} else if (named(tag, len, "td") || named(tag, len, "th")) {
		put(w, ' ');
	}
	return shut;
}

void markup_html(const char *data, size_t len, const struct markup_out *out)
{
	const char *end = data + len, *at = data;
	struct writer w;

	writer_init(&w, out);
	while (at < end) {
		size_t entity = *at == '&' ? put_entity(&w, at, end) : 0;

		if (*at == '<' && end - at > 1 &&
			(isalpha((unsigned char)at[1]) || at[1] == '/' ||
				at[1] == '!'))
			at = html_tag(&w, at, end);
		else if (entity)
			at += entity;
		else
			put(&w, *at++);
	}
	writer_clear(&w);
}
