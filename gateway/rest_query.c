#include "gateway/rest_query.h"
#include "proto/message.h"
#include "shared/clock.h"
#include "shared/days.h"
#include "shared/text.h"
#include <string.h>

enum { LIMIT_DEFAULT = 50, STAMP_MAX = 64, CURSOR_MAX = 256 };

static bool take_id(char id[REST_ID_SIZE], const char *text, size_t len)
{
	if (len >= REST_ID_SIZE)
		return false;
	memcpy(id, text, len);
	id[len] = '\0';
	return ascii_printable(id, len);
}

bool rest_match(const char *pattern, const char *path, struct rest_ids *ids)
{
	int hole = 0;

	for (;;) {
		size_t same = strcspn(pattern, "{");
		const char *rest = strchr(pattern + same, '}');
		size_t len;

		if (!rest)
			return !strcmp(pattern, path);
		if (strncmp(pattern, path, same) != 0)
			return false;
		path += same;
		rest++;
		if (pattern[same + 1] == '*' && strlen(path) > strlen(rest))
			len = strlen(path) - strlen(rest);
		else
			len = strcspn(path, "/");
		if (!take_id(ids->of[hole++], path, len))
			return false;
		path += len;
		pattern = rest;
	}
}

bool rest_limit(const char *text, uint32_t *limit)
{
	size_t len;

	*limit = LIMIT_DEFAULT;
	if (!text)
		return true;
	len = strspn(text, "0123456789");
	if (!len || len > 3 || text[len])
		return false;
	*limit = 0;
	for (; *text; text++)
		*limit = *limit * 10 + (uint32_t)(*text - '0');
	return *limit >= 1 && *limit <= HISTORY_MAX;
}

bool rest_time(const char *text, int64_t *wall_ms)
{
	char stamp[STAMP_MAX];
	size_t len;

	*wall_ms = 0;
	if (!text)
		return true;
	len = strlen(text);
	if (len >= sizeof(stamp))
		return false;
	/* The plus of an offset that was not written as %2B. */
	for (size_t i = 0; i <= len; i++)
		stamp[i] = text[i] == ' ' ? '+' : text[i];
	if (!clock_parse_iso(stamp, wall_ms))
		return false;
	if (!*wall_ms)
		*wall_ms = 1; /* 0 would mean: not asked */
	return true;
}

bool rest_state_valid(const char *text)
{
	static const char *const states[] = {
		"active", "resolved", "closed", "abandoned"};

	for (size_t i = 0; text && i < COUNT(states); i++)
		if (!strcmp(text, states[i]))
			return true;
	return !text;
}

bool rest_day_valid(const char *text)
{
	return !text || days_valid(text);
}

bool rest_cursor_valid(const char *text)
{
	return !text || ascii_printable(text, CURSOR_MAX);
}
