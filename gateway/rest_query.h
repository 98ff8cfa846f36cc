/* rest_query: what a REST request asks for, read from its address. Pure. */
#ifndef GATEWAY_REST_QUERY_H
#define GATEWAY_REST_QUERY_H

#include <stdbool.h>
#include <stdint.h>

enum { REST_ID_SIZE = 257 };

/* What the holes of a path's pattern were filled with, in order. */
struct rest_ids {
	char of[2][REST_ID_SIZE];
};

/* `path` is decoded. In the pattern {} stands for something without a slash
 * and, as the last hole, {*} for anything: ids of sessions may have come from
 * elsewhere. What nothing could be called matches no hole. */
bool rest_match(const char *pattern, const char *path, struct rest_ids *ids);

/* Of a page: 1 to 200; absent (NULL): 50. */
bool rest_limit(const char *text, uint32_t *limit);
/* A timestamp, as messages and nextCursor carry it; absent: 0. */
bool rest_time(const char *text, int64_t *wall_ms);
/* A state of a session, a local day, a cursor; absent is fine. */
bool rest_state_valid(const char *text);
bool rest_day_valid(const char *text);
bool rest_cursor_valid(const char *text);

#endif
