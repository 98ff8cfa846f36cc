/* map: byte strings to pointers. Hashed with a key drawn at random, so a peer
 * that chooses names cannot choose collisions. */
#ifndef SHARED_MAP_H
#define SHARED_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_open(void);
void map_close(struct map *map); /* not the values; NULL is fine */

void *map_get(const struct map *map, const void *key, size_t len);
/* The key is copied; `value` is not NULL and replaces an earlier one. */
void map_put(struct map *map, const void *key, size_t len, void *value);
void *map_take(struct map *map, const void *key, size_t len); /* and removes */
size_t map_size(const struct map *map);

/* for (size_t at = 0; (value = map_next(map, &at));) in no order. Nothing may
 * be put or taken meanwhile. */
void *map_next(const struct map *map, size_t *at);

#endif
