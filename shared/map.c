/* Linear probing over a power of two, at most three quarters full. */

#include "shared/map.h"
#include "shared/mem.h"
#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { FIRST_SLOTS = 16 };

struct slot {
	char *key; /* NULL: free */
	uint32_t len, hash;
	void *value;
};

struct map {
	struct slot *slots;
	size_t n_slots, used;
	uint64_t seed[2];
};

static uint64_t turn(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = turn(v[1], 13) ^ v[0];
	v[0] = turn(v[0], 32);
	v[2] += v[3];
	v[3] = turn(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = turn(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = turn(v[1], 17) ^ v[2];
	v[2] = turn(v[2], 32);
}

/* SipHash-1-3. */
static uint32_t hash_of(const struct map *map, const void *key, size_t len)
{
	uint64_t v[4] = {map->seed[0] ^ UINT64_C(0x736f6d6570736575),
		map->seed[1] ^ UINT64_C(0x646f72616e646f6d),
		map->seed[0] ^ UINT64_C(0x6c7967656e657261),
		map->seed[1] ^ UINT64_C(0x7465646279746573)};
	const unsigned char *p = key;
	size_t left = len;

	for (;;) {
		uint64_t word = 0;

		memcpy(&word, p, left < 8 ? left : 8);
		word = le64toh(word);
		if (left < 8)
			word |= (uint64_t)len << 56;
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		if (left < 8)
			break;
		p += 8;
		left -= 8;
	}
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	v[0] ^= v[1] ^ v[2] ^ v[3];
	return (uint32_t)(v[0] ^ v[0] >> 32);
}

struct map *map_open(void)
{
	struct map *map = xalloc(sizeof(*map));

	map->n_slots = FIRST_SLOTS;
	map->slots = xalloc(map->n_slots * sizeof(*map->slots));
	/* Up to 256 bytes come whole, and at once after boot. */
	if (getrandom(map->seed, sizeof(map->seed), 0) !=
		(ssize_t)sizeof(map->seed))
		abort();
	return map;
}

void map_close(struct map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < map->n_slots; i++)
		free(map->slots[i].key);
	free(map->slots);
	free(map);
}

/* The slot that holds the key, or the free one where it belongs. */
static size_t find(
	const struct map *map, const void *key, size_t len, uint32_t hash)
{
	size_t at = hash & (map->n_slots - 1);

	for (;; at = (at + 1) & (map->n_slots - 1)) {
		const struct slot *slot = &map->slots[at];

		if (!slot->key || (slot->hash == hash && slot->len == len &&
					  !memcmp(slot->key, key, len)))
			return at;
	}
}

void *map_get(const struct map *map, const void *key, size_t len)
{
	return map->slots[find(map, key, len, hash_of(map, key, len))].value;
}

static void resize(struct map *map, size_t n_slots)
{
	struct slot *old = map->slots;
	size_t n_old = map->n_slots;

	map->slots = xalloc(n_slots * sizeof(*map->slots));
	map->n_slots = n_slots;
	for (size_t i = 0; i < n_old; i++)
		if (old[i].key)
			map->slots[find(map, old[i].key, old[i].len,
				old[i].hash)] = old[i];
	free(old);
}

void map_put(struct map *map, const void *key, size_t len, void *value)
{
	uint32_t hash = hash_of(map, key, len);
	struct slot *slot;

	assert(value && len <= UINT32_MAX);
	if ((map->used + 1) * 4 > map->n_slots * 3)
		resize(map, map->n_slots * 2);
	slot = &map->slots[find(map, key, len, hash)];
	if (!slot->key) {
		*slot = (struct slot){.key = xstrndup(key, len),
			.len = (uint32_t)len,
			.hash = hash};
		map->used++;
	}
	slot->value = value;
}

void *map_take(struct map *map, const void *key, size_t len)
{
	size_t mask = map->n_slots - 1, hole, at;
	void *value;

	hole = find(map, key, len, hash_of(map, key, len));
	if (!map->slots[hole].key)
		return NULL;
	value = map->slots[hole].value;
	free(map->slots[hole].key);
	/* Whoever was pushed past the hole moves back into it. */
	for (at = (hole + 1) & mask; map->slots[at].key; at = (at + 1) & mask) {
		size_t home = map->slots[at].hash & mask;

		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		map->slots[hole] = map->slots[at];
		hole = at;
	}
	map->slots[hole] = (struct slot){0};
	map->used--;
	if (map->n_slots > FIRST_SLOTS && map->used * 8 < map->n_slots)
		resize(map, map->n_slots / 2);
	return value;
}

size_t map_size(const struct map *map)
{
	return map->used;
}

void *map_next(const struct map *map, size_t *at)
{
	while (*at < map->n_slots) {
		const struct slot *slot = &map->slots[(*at)++];

		if (slot->key)
			return slot->value;
	}
	return NULL;
}
