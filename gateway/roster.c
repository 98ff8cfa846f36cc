#include "gateway/roster.h"
#include "shared/map.h"
#include "shared/mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 1 + 64 + 1 + 128 + 1 };

struct roster {
	struct map *rooms;
};

struct roster *roster_open(void)
{
	struct roster *roster = xalloc(sizeof(*roster));

	roster->rooms = map_open();
	return roster;
}

void roster_close(struct roster *roster)
{
	if (!roster)
		return;
	assert(!map_size(roster->rooms));
	map_close(roster->rooms);
	free(roster);
}

/* No id contains a slash. */
static size_t key_of(char key[KEY_MAX], enum room_kind kind,
	const char *business_id, const char *user_id)
{
	int len = snprintf(key, KEY_MAX, "%d%s/%s", (int)kind, business_id,
		kind == ROOM_USER ? user_id : "");

	assert(len > 0 && len < KEY_MAX);
	return (size_t)len;
}

struct room *roster_find(const struct roster *roster, enum room_kind kind,
	const char *business_id, const char *user_id)
{
	char key[KEY_MAX];

	return map_get(
		roster->rooms, key, key_of(key, kind, business_id, user_id));
}

void roster_enter(struct roster *roster, struct seat *seat, enum room_kind kind,
	const char *business_id, const char *user_id)
{
	char key[KEY_MAX];
	size_t len = key_of(key, kind, business_id, user_id);
	struct room *room = map_get(roster->rooms, key, len);

	assert(!seat->room);
	if (!room) {
		room = xalloc(sizeof(*room));
		room->kind = kind;
		room->business_id = xstrdup(business_id);
		room->user_id = xstrdup(kind == ROOM_USER ? user_id : "");
		map_put(roster->rooms, key, len, room);
	}
	seat->room = room;
	seat->next = room->first;
	seat->self = &room->first;
	if (seat->next)
		seat->next->self = &seat->next;
	room->first = seat;
}

void roster_leave(struct roster *roster, struct seat *seat)
{
	struct room *room = seat->room;
	char key[KEY_MAX];

	if (!room)
		return;
	*seat->self = seat->next;
	if (seat->next)
		seat->next->self = seat->self;
	seat->room = NULL;
	if (room->first)
		return;
	map_take(roster->rooms, key,
		key_of(key, room->kind, room->business_id, room->user_id));
	free(room->business_id);
	free(room->user_id);
	free(room);
}

struct room *roster_next(const struct roster *roster, size_t *at)
{
	return map_next(roster->rooms, at);
}
