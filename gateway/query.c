#include "gateway/query.h"
#include "gateway/span.h"
#include "shared/text.h"

static void decode(struct buf *out, struct span text)
{
	buf_reset(out);
	buf_put(out, "", 0);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.at[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && text.len - i > 2 &&
			   hex_digit(text.at[i + 1]) >= 0 &&
			   hex_digit(text.at[i + 2]) >= 0) {
			c = (char)(hex_digit(text.at[i + 1]) << 4 |
				   hex_digit(text.at[i + 2]));
			i += 2;
		}
		buf_putc(out, c);
	}
}

/* Finds the last parameter of that name; *value is left encoded. */
static bool find(
	struct span query, const char *name, bool nested, struct span *value)
{
	size_t len = strlen(name);
	bool found = false;
	struct buf key;

	buf_init(&key, query.len);
	while (query.len) {
		struct span rest = span_cut(&query, '&');

		decode(&key, span_cut(&rest, '='));
		if (key.len < len || memcmp(key.data, name, len) ||
			(nested ? key.data[len] != '[' : key.len != len))
			continue;
		*value = rest;
		found = true;
	}
	buf_clear(&key);
	return found;
}

bool query_has(struct span query, const char *name)
{
	return find(query, name, false, &(struct span){0});
}

bool query_has_nested(struct span query, const char *name)
{
	return find(query, name, true, &(struct span){0});
}

bool query_param(struct span query, const char *name, char *out, size_t size)
{
	struct span raw;
	struct buf value;
	bool good;

	if (!find(query, name, false, &raw))
		return false;
	buf_init(&value, size - 1);
	decode(&value, raw);
	good = !value.full && strlen(value.data) == value.len &&
	       utf8_valid(value.data, value.len);
	if (good)
		memcpy(out, value.data, value.len + 1);
	buf_clear(&value);
	return good;
}
