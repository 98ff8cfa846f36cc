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

bool query_next(struct span *query, struct buf *name, struct buf *value)
{
	while (query->len) {
		struct span rest = span_cut(query, '&');

		decode(name, span_cut(&rest, '='));
		decode(value, rest);
		if (name->len)
			return true;
	}
	return false;
}

/* Finds the last parameter of that name, or of name[...]. */
static bool find(
	struct span query, const char *wanted, bool nested, struct buf *value)
{
	size_t len = strlen(wanted), size = query.len;
	struct buf name, found;
	bool any = false;

	buf_init(&name, size);
	buf_init(&found, size);
	while (query_next(&query, &name, &found)) {
		if (name.len < len || memcmp(name.data, wanted, len) ||
			(nested ? name.data[len] != '[' : name.len != len))
			continue;
		any = true;
		if (!value)
			break;
		buf_reset(value);
		buf_put(value, found.data, found.len);
	}
	buf_clear(&name);
	buf_clear(&found);
	return any;
}

bool query_has(struct span query, const char *name)
{
	return find(query, name, false, NULL);
}

bool query_has_nested(struct span query, const char *name)
{
	return find(query, name, true, NULL);
}

bool query_param(struct span query, const char *name, char *out, size_t size)
{
	struct buf value;
	bool good;

	buf_init(&value, size - 1);
	good = find(query, name, false, &value) && !value.full &&
	       strlen(value.data) == value.len &&
	       utf8_valid(value.data, value.len);
	if (good)
		memcpy(out, value.data, value.len + 1);
	buf_clear(&value);
	return good;
}
