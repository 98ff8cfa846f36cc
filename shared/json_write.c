/* Writing JSON. */

#include "shared/json.h"
#include "shared/json_run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_quote(struct buf *out, const char *text, size_t len)
{
	static const char codes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	size_t i = 0;

	buf_putc(out, '"');
	for (;;) {
		size_t run = json_run(text + i, len - i, 0);
		const char *code;

		buf_put(out, text + i, run);
		i += run;
		if (i == len)
			break;
		code = memchr(codes, text[i], sizeof(codes) - 1);
		if (code) {
			buf_putc(out, '\\');
			buf_putc(out, names[code - codes]);
		} else {
			buf_printf(out, "\\u%04x", (unsigned)text[i]);
		}
		i++;
	}
	buf_putc(out, '"');
}

void json_begin(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){.out = out};
}

static void put_key(struct json_writer *w, const char *key)
{
	if (w->comma)
		buf_putc(w->out, ',');
	if (key) {
		json_quote(w->out, key, strlen(key));
		buf_putc(w->out, ':');
	}
	w->comma = true;
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
	put_key(w, key);
	buf_putc(w->out, bracket);
	w->comma = false;
}

void json_shut(struct json_writer *w, char bracket)
{
	buf_putc(w->out, bracket);
	w->comma = true;
}

void json_put_str(struct json_writer *w, const char *key, const char *text)
{
	json_put_strn(w, key, text, strlen(text));
}

void json_put_strn(
	struct json_writer *w, const char *key, const char *text, size_t len)
{
	put_key(w, key);
	json_quote(w->out, text, len);
}

void json_put_int(struct json_writer *w, const char *key, int64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	put_key(w, key);
	buf_put(w->out, digits + at, sizeof(digits) - at);
}

void json_put_num(struct json_writer *w, const char *key, double value)
{
	char text[32];

	if (!isfinite(value)) {
		json_put_null(w, key);
		return;
	}
	if (value == trunc(value) && fabs(value) <= JSON_MAX_WHOLE) {
		json_put_int(w, key, (int64_t)value);
		return;
	}
	/* As few digits as say it: 0.1 stays 0.1. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	put_key(w, key);
	buf_puts(w->out, text);
}

void json_put_bool(struct json_writer *w, const char *key, bool value)
{
	put_key(w, key);
	buf_puts(w->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *w, const char *key)
{
	put_key(w, key);
	buf_puts(w->out, "null");
}

void json_put_raw(
	struct json_writer *w, const char *key, const char *json, size_t len)
{
	put_key(w, key);
	buf_put(w->out, json, len);
}
