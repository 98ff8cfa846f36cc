/* Whatever the bytes: nothing is read past them; what is valid is parsed
 * (unless it holds \u0000), and its text printed, parsed and printed again
 * stays the same. */

#include "shared/json.h"
#include "shared/text.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ITEMS = 8 };

static const char *const names[] = {"a", "", "payload", "\xc8\x99\""};

static void check_span(const char *text, size_t len, struct span span)
{
	if (!span.at)
		return;
	assert(span.at >= text && span.at + span.len <= text + len);
}

/* On any text: only that the spans lie inside it. */
static void find_and_split(const char *text, size_t len, bool valid)
{
	struct span items[ITEMS];
	int count = json_split(text, len, items, ITEMS);

	for (int i = 0; i < count && i < ITEMS; i++) {
		check_span(text, len, items[i]);
		assert(!valid || json_valid(items[i].at, items[i].len));
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		struct span found = json_find(text, len, names[i]);

		check_span(text, len, found);
		assert(!valid || !found.at || json_valid(found.at, found.len));
	}
}

static void unquote(const char *text, size_t len)
{
	struct buf plain, quoted, again;

	buf_init(&plain, len);
	buf_init(&quoted, 6 * len + 2);
	buf_init(&again, len);
	if (json_unquote((struct span){text, len}, &plain)) {
		json_quote(&quoted, plain.data ? plain.data : "", plain.len);
		assert(json_unquote(
			(struct span){quoted.data, quoted.len}, &again));
		assert(again.len == plain.len);
		assert(!plain.len ||
			!memcmp(again.data, plain.data, plain.len));
	}
	buf_clear(&plain);
	buf_clear(&quoted);
	buf_clear(&again);
}

/* What the tree says and what the text says must be the same. */
static void same_members(const struct json *root, const char *text, size_t len)
{
	for (size_t i = 0; i < COUNT(names); i++)
		assert((json_get(root, names[i]) != NULL) ==
			(json_find(text, len, names[i]).at != NULL));
	if (json_is_array(root))
		assert(json_split(text, len, NULL, 0) == json_size(root));
}

static void parse_and_print(const char *text, size_t len)
{
	struct json *first = json_parse(text, len), *second;
	struct buf once, twice;

	assert((first != NULL) == json_parsable(text, len));
	if (!first)
		return;
	same_members(first, text, len);
	buf_init(&once, 10 * len + 10);
	buf_init(&twice, 10 * len + 10);
	json_print(&once, first);
	assert(!once.full);
	second = json_parse(once.data, once.len);
	assert(second);
	json_print(&twice, second);
	assert(twice.len == once.len);
	assert(!memcmp(twice.data, once.data, once.len));
	buf_clear(&once);
	buf_clear(&twice);
	json_free(first);
	json_free(second);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t len)
{
	const char *text = (const char *)data;
	bool valid = json_valid(text, len);

	assert(!valid || utf8_valid(text, len));
	find_and_split(text, len, valid);
	unquote(text, len);
	if (valid)
		parse_and_print(text, len);
	return 0;
}
