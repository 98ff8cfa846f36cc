/* JSON as text: checking it, and finding spans in it. */

#include "shared/json.h"
#include "shared/json_run.h"
#include "shared/text.h"
#include <string.h>

struct scan {
	const char *at, *end;
	bool nul; /* a string held \u0000 */
};

static size_t left(const struct scan *scan)
{
	return (size_t)(scan->end - scan->at);
}

static void skip_space(struct scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' ||
			*scan->at == '\t'))
		scan->at++;
}

static bool take(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The XXXX of \uXXXX; -1 if they are not there. */
static int32_t take_hex(struct scan *scan)
{
	int32_t value = 0;

	if (left(scan) < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*scan->at++);

		if (digit < 0)
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* The code point of an escape whose backslash was taken; -1 if malformed. */
static int32_t take_escape(struct scan *scan)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *simple;
	int32_t high, low;

	if (scan->at == scan->end)
		return -1;
	if (!take(scan, 'u')) {
		simple = memchr(from, *scan->at++, sizeof(from) - 1);
		return simple ? to[simple - from] : -1;
	}
	high = take_hex(scan);
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || !take(scan, '\\') || !take(scan, 'u'))
		return -1;
	low = take_hex(scan);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* A string whose opening quote was taken, including the closing one. */
static bool scan_string(struct scan *scan)
{
	for (;;) {
		size_t step;
		int32_t code;

		scan->at += json_run(scan->at, left(scan), 0x80);
		if (take(scan, '"'))
			return true;
		if (take(scan, '\\')) {
			code = take_escape(scan);
			if (code < 0)
				return false;
			scan->nul |= code == 0;
			continue;
		}
		step = utf8_step(scan->at, left(scan));
		if (step < 2) /* the end, or a control character */
			return false;
		scan->at += step;
	}
}

static bool scan_digits(struct scan *scan)
{
	const char *start = scan->at;

	while (scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9')
		scan->at++;
	return scan->at > start;
}

static bool scan_number(struct scan *scan)
{
	const char *start = scan->at;

	take(scan, '-');
	if (!take(scan, '0') && !scan_digits(scan))
		return false;
	if (take(scan, '.') && !scan_digits(scan))
		return false;
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			take(scan, '-');
		if (!scan_digits(scan))
			return false;
	}
	return scan->at - start <= JSON_MAX_NUMBER;
}

static bool scan_word(struct scan *scan, const char *word)
{
	size_t len = strlen(word);

	if (left(scan) < len || memcmp(scan->at, word, len))
		return false;
	scan->at += len;
	return true;
}

static bool scan_value(struct scan *scan, int depth);

/* What follows [ or {. */
static bool scan_items(struct scan *scan, int depth, bool keys)
{
	char close = keys ? '}' : ']';

	if (depth > JSON_MAX_DEPTH)
		return false;
	skip_space(scan);
	if (take(scan, close))
		return true;
	do {
		if (keys) {
			skip_space(scan);
			if (!take(scan, '"') || !scan_string(scan))
				return false;
			skip_space(scan);
			if (!take(scan, ':'))
				return false;
		}
		if (!scan_value(scan, depth))
			return false;
	} while (take(scan, ','));
	return take(scan, close);
}

/* A value and the white space around it. */
static bool scan_value(struct scan *scan, int depth)
{
	bool good;

	skip_space(scan);
	if (scan->at == scan->end)
		return false;
	switch (*scan->at) {
	case '"':
		scan->at++;
		good = scan_string(scan);
		break;
	case '{':
		scan->at++;
		good = scan_items(scan, depth + 1, true);
		break;
	case '[':
		scan->at++;
		good = scan_items(scan, depth + 1, false);
		break;
	case 't':
		good = scan_word(scan, "true");
		break;
	case 'f':
		good = scan_word(scan, "false");
		break;
	case 'n':
		good = scan_word(scan, "null");
		break;
	default:
		good = scan_number(scan);
	}
	skip_space(scan);
	return good;
}

static bool scan_all(struct scan *scan)
{
	return scan_value(scan, 0) && scan->at == scan->end;
}

bool json_valid(const char *text, size_t len)
{
	struct scan scan = {text, text + len, false};

	return scan_all(&scan);
}

bool json_parsable(const char *text, size_t len)
{
	struct scan scan = {text, text + len, false};

	return scan_all(&scan) && !scan.nul;
}

/* --- spans --------------------------------------------------------------
 * These look only for where values end: the text is known to be valid. They
 * stay inside it in any case. */

/* A string whose opening quote was taken. */
static bool skip_string(struct scan *scan)
{
	for (;;) {
		scan->at += json_run(scan->at, left(scan), 0);
		if (take(scan, '"'))
			return true;
		if (left(scan) < 2)
			return false;
		scan->at += *scan->at == '\\' ? 2 : 1;
	}
}

static bool skip_container(struct scan *scan)
{
	int depth = 0;

	while (scan->at < scan->end) {
		char c = *scan->at++;

		if (c == '"' && !skip_string(scan))
			return false;
		if (c == '[' || c == '{')
			depth++;
		if ((c == ']' || c == '}') && --depth == 0)
			return true;
	}
	return false;
}

static bool skip_word(struct scan *scan)
{
	const char *start = scan->at;

	while (scan->at < scan->end && !memchr(",]} \n\r\t", *scan->at, 7))
		scan->at++;
	return scan->at > start;
}

/* The value that comes next, and the white space after it. */
static struct span take_value(struct scan *scan)
{
	struct span value;
	bool found;

	skip_space(scan);
	value = (struct span){scan->at, 0};
	if (take(scan, '"'))
		found = skip_string(scan);
	else if (left(scan) && (*scan->at == '[' || *scan->at == '{'))
		found = skip_container(scan);
	else
		found = skip_word(scan);
	value.len = (size_t)(scan->at - value.at);
	skip_space(scan);
	return found ? value : (struct span){0};
}

int json_split(const char *text, size_t len, struct span *items, int max)
{
	struct scan scan = {text, text + len, false};
	int count = 0;

	skip_space(&scan);
	if (!take(&scan, '['))
		return -1;
	skip_space(&scan);
	if (take(&scan, ']'))
		return 0;
	do {
		struct span item = take_value(&scan);

		if (!item.at)
			return -1;
		if (count < max)
			items[count] = item;
		count++;
	} while (take(&scan, ','));
	return take(&scan, ']') ? count : -1;
}

static bool key_is(struct span key, const char *name)
{
	size_t len = strlen(name);
	struct buf plain;
	bool same;

	if (key.len < 2 || key.at[0] != '"')
		return false;
	if (!memchr(key.at, '\\', key.len))
		return key.len - 2 == len && !memcmp(key.at + 1, name, len);
	buf_init(&plain, len);
	same = json_unquote(key, &plain) && plain.len == len &&
	       !memcmp(plain.data, name, len);
	buf_clear(&plain);
	return same;
}

struct span json_find(const char *text, size_t len, const char *name)
{
	struct scan scan = {text, text + len, false};
	struct span found = {0};

	skip_space(&scan);
	if (!take(&scan, '{'))
		return found;
	do {
		struct span key = take_value(&scan), value;

		if (!key.at || !take(&scan, ':'))
			break;
		value = take_value(&scan);
		if (key_is(key, name))
			found = value;
	} while (take(&scan, ','));
	return found;
}

static void put_utf8(struct buf *out, int32_t code)
{
	char bytes[4];
	size_t len = 0;

	if (code < 0x80) {
		bytes[len++] = (char)code;
	} else if (code < 0x800) {
		bytes[len++] = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		bytes[len++] = (char)(0xe0 | code >> 12);
		bytes[len++] = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		bytes[len++] = (char)(0xf0 | code >> 18);
		bytes[len++] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[len++] = (char)(0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80)
		bytes[len++] = (char)(0x80 | (code & 0x3f));
	buf_put(out, bytes, len);
}

static bool unquote(struct scan *scan, struct buf *out)
{
	for (;;) {
		size_t run = json_run(scan->at, left(scan), 0);
		int32_t code;

		buf_put(out, scan->at, run);
		scan->at += run;
		if (take(scan, '"'))
			return scan->at == scan->end && !out->full;
		if (!take(scan, '\\'))
			return false;
		code = take_escape(scan);
		if (code <= 0)
			return false;
		put_utf8(out, code);
	}
}

bool json_unquote(struct span value, struct buf *out)
{
	struct scan scan = {value.at, value.at + value.len, false};
	size_t len = out->len;

	if (out->full || !value.at || !take(&scan, '"'))
		return false;
	if (unquote(&scan, out))
		return true;
	out->full = false;
	out->len = len;
	if (out->data)
		out->data[len] = '\0';
	return false;
}
