#include "shared/text.h"
#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t utf8_step(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	if (!len)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2)
		return 0;
	if (p[0] < 0xe0)
		return len > 1 && is_tail(p[1]) ? 2 : 0;
	if (p[0] < 0xf0) {
		if (len < 3 || !is_tail(p[1]) || !is_tail(p[2]))
			return 0;
		if (p[0] == 0xe0 && p[1] < 0xa0)
			return 0; /* overlong */
		if (p[0] == 0xed && p[1] > 0x9f)
			return 0; /* a surrogate */
		return 3;
	}
	if (p[0] > 0xf4 || len < 4 || !is_tail(p[1]) || !is_tail(p[2]) ||
		!is_tail(p[3]))
		return 0;
	if (p[0] == 0xf0 && p[1] < 0x90)
		return 0; /* overlong */
	if (p[0] == 0xf4 && p[1] > 0x8f)
		return 0; /* past U+10FFFF */
	return 4;
}

bool utf8_valid(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		size_t step;

		/* Most text is ASCII: eight bytes at a time. */
		while (len - i >= sizeof(eight)) {
			memcpy(&eight, text + i, sizeof(eight));
			if (eight & UINT64_C(0x8080808080808080))
				break;
			i += sizeof(eight);
		}
		if (i == len)
			break;
		step = utf8_step(text + i, len - i);
		if (!step)
			return false;
		i += step;
	}
	return true;
}

size_t utf8_count(const char *text, size_t len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++)
		count += !is_tail((unsigned char)text[i]);
	return count;
}

size_t utf8_prefix(const char *text, size_t len, size_t max_bytes)
{
	size_t end = max_bytes;

	if (len <= max_bytes)
		return len;
	while (end > 0 && is_tail((unsigned char)text[end]))
		end--;
	return end;
}

bool ascii_printable(const char *text, size_t max_len)
{
	size_t len = 0;

	for (; text[len]; len++)
		if (len == max_len || text[len] < 0x20 || text[len] > 0x7e)
			return false;
	return len > 0;
}

const char *html_entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void html_escape(struct buf *out, const char *text, size_t len)
{
	size_t copied = 0;

	for (size_t i = 0; i < len; i++) {
		const char *name = html_entity(text[i]);

		if (!name)
			continue;
		buf_put(out, text + copied, i - copied);
		buf_puts(out, name);
		copied = i + 1;
	}
	buf_put(out, text + copied, len - copied);
}

/* What each letter folds to: a lower-case letter itself, an upper-case one a
 * pair of letters (see fold_pair), a dot: copied as it is. */
/* U+00C0 to U+024F, 32 to a line */
static const char latin_low[] = "aaaaaaAceeeeiiiidnooooo.ouuuuyTS"
				"aaaaaaAceeeeiiiidnooooo.ouuuuyTy"
				"aaaaaaccccccccddddeeeeeeeeeegggg"
				"gggghhhhiiiiiiiiiiIIjjkkklllllll"
				"lllnnnnnnnnnooooooOOrrrrrrssssss"
				"ssttttttuuuuuuuuuuuuwwyyyzzzzzzs"
				"bbbb..occdddddeeeffgg.iikkl.mnno"
				"oo..ppr....ttttuuuvyyzzz........"
				"....DDDLLLNNNaaiioouuuuuuuuuueaa"
				"aaAAggggkkoooozzjDDDgg..nnaaAAoo"
				"aaaaeeeeiiiioooorrrruuuussttyyhh"
				"nd..zzaaeeooooooooyylntj..acclts"
				"z..buveejjqqrryy";
/* U+1E00 to U+1EFF, 32 to a line */
static const char latin_high[] = "aabbbbbbccddddddddddeeeeeeeeeeff"
				 "gghhhhhhhhhhiiiikkkkkkllllllllmm"
				 "mmmmnnnnnnnnoooooooopppprrrrrrrr"
				 "ssssssssssttttttttuuuuuuuuuuvvvv"
				 "wwwwwwwwwwxxxxyyzzzzzzhtwyasssSd"
				 "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeee"
				 "eeeeeeeeiiiioooooooooooooooooooo"
				 "oooouuuuuuuuuuuuuuyyyyyyyy..vvyy";

enum {
	LOW_FIRST = 0xc0,
	LOW_LAST = 0x24f,
	HIGH_FIRST = 0x1e00,
	HIGH_LAST = 0x1eff,
	MARK_FIRST = 0x300, /* combining diacritical marks */
	MARK_LAST = 0x36f
};
_Static_assert(sizeof(latin_low) == LOW_LAST - LOW_FIRST + 2, "one a letter");
_Static_assert(sizeof(latin_high) == HIGH_LAST - HIGH_FIRST + 2, "likewise");

static const char *fold_pair(char code)
{
	switch (code) {
	case 'A':
		return "ae";
	case 'D':
		return "dz";
	case 'I':
		return "ij";
	case 'L':
		return "lj";
	case 'N':
		return "nj";
	case 'O':
		return "oe";
	case 'S':
		return "ss";
	default:
		return "th";
	}
}

static uint32_t code_point(const char *text, size_t step)
{
	const unsigned char *p = (const unsigned char *)text;

	if (step == 2)
		return (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
	if (step == 3)
		return (p[0] & 0xfu) << 12 | (p[1] & 0x3fu) << 6 |
		       (p[2] & 0x3fu);
	return 0; /* no Latin letter takes four bytes */
}

static void fold_wide(struct buf *out, const char *text, size_t step)
{
	uint32_t c = code_point(text, step);
	char code = '.';

	if (c >= MARK_FIRST && c <= MARK_LAST)
		return;
	if (c >= LOW_FIRST && c <= LOW_LAST)
		code = latin_low[c - LOW_FIRST];
	else if (c >= HIGH_FIRST && c <= HIGH_LAST)
		code = latin_high[c - HIGH_FIRST];

	if (code == '.')
		buf_put(out, text, step);
	else if (code >= 'a')
		buf_putc(out, code);
	else
		buf_puts(out, fold_pair(code));
}

void text_fold(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t step = utf8_step(text + i, len - i);
		char c = text[i];

		if (step > 1)
			fold_wide(out, text + i, step);
		else
			buf_putc(out, c >= 'A' && c <= 'Z' ? c + 32 : c);
		i += step ? step : 1;
	}
}
