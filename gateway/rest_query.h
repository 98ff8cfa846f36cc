/* rest_query: what a REST request asks for, read from its address. Pure. */
#ifndef GATEWAY_REST_QUERY_H
#define GATEWAY_REST_QUERY_H

#include <stdbool.h>
#include <stdint.h>

enum rest_kind { REST_NONE, REST_HISTORY, REST_ACTIVE, REST_BUSINESS };

struct rest_target {
	enum rest_kind kind;
	char id[257]; /* of the session or the business */
};

/* `path` is decoded. REST_NONE for a path that is none of ours, or whose id
 * nothing could have. */
struct rest_target rest_target_of(const char *path);

/* Of a page: 1 to 200; absent (NULL): 50. */
bool rest_limit(const char *text, uint32_t *limit);
/* A timestamp, as messages and nextCursor carry it; absent: 0. */
bool rest_before(const char *text, int64_t *wall_ms);

#endif
