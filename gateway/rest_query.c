#include "gateway/rest_query.h"
#include "proto/message.h"
#include "shared/clock.h"
#include "shared/text.h"
#include <string.h>

enum { LIMIT_DEFAULT = 50, STAMP_MAX = 64 };

/* Ids may contain anything, so a path is known by its two ends. */
static const struct {
	enum rest_kind kind;
	const char *head, *tail;
} paths[] = {
	{REST_ACTIVE, "/api/sessions/business/", "/active"},
	{REST_HISTORY, "/api/sessions/", "/messages"},
	{REST_BUSINESS, "/api/business/", ""},
};

struct rest_target rest_target_of(const char *path)
{
	struct rest_target target = {.kind = REST_NONE};
	size_t len = strlen(path);

	for (size_t i = 0; i < COUNT(paths); i++) {
		size_t head = strlen(paths[i].head);
		size_t tail = strlen(paths[i].tail), id;

		if (len <= head + tail ||
			strncmp(path, paths[i].head, head) != 0 ||
			strcmp(path + len - tail, paths[i].tail) != 0)
			continue;
		id = len - head - tail;
		if (id >= sizeof(target.id))
			break;
		memcpy(target.id, path + head, id);
		if (ascii_printable(target.id, id))
			target.kind = paths[i].kind;
		break;
	}
	return target;
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

bool rest_before(const char *text, int64_t *wall_ms)
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
