#include "gateway/lanes.h"
#include "shared/map.h"
#include "shared/mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ITEM_OVERHEAD = 512 };

/* How much of one connection is under way. */
struct pending {
	uint64_t conn_serial;
	int count;
};

void lanes_init(struct lanes *lanes)
{
	*lanes = (struct lanes){.by_user = map_open(), .pendings = map_open()};
}

void lanes_clear(struct lanes *lanes)
{
	struct lane *lane;
	size_t at = 0;

	assert(!lanes->oldest);
	while ((lane = map_next(lanes->by_user, &at))) {
		free(lane->key);
		free(lane);
	}
	map_close(lanes->by_user);
	map_close(lanes->pendings);
}

void lane_list_put(struct lane_list *list, struct lane *lane)
{
	if (!list->first)
		list->last = &list->first;
	lane->next = NULL;
	*list->last = lane;
	list->last = &lane->next;
}

struct lane *lane_list_take(struct lane_list *list)
{
	struct lane *lane = list->first;

	if (lane)
		list->first = lane->next;
	return lane;
}

/* Bytes of a text once it is JSON, so that a request of many control
 * characters stays within the link's limit too. */
static size_t json_bytes(const char *text)
{
	size_t bytes = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		bytes += c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : 1;
	}
	return bytes;
}

/* One block: most are freed within milliseconds. */
struct item *item_new(const struct append_item *from, const char *append_id)
{
	struct append_item wire = *from;
	const char **texts[] = {&wire.append_id, &wire.business_id,
		&wire.user_id, &wire.location_id, &wire.content, &wire.source,
		&wire.client_message_id, &wire.external_id};
	size_t size = wire.metadata.len;
	struct item *item;
	char *at;

	wire.append_id = append_id;
	for (size_t i = 0; i < COUNT(texts); i++)
		size += *texts[i] ? strlen(*texts[i]) + 1 : 0;
	item = xalloc(sizeof(*item) + size);
	at = item->texts;
	for (size_t i = 0; i < COUNT(texts); i++) {
		size_t len = *texts[i] ? strlen(*texts[i]) + 1 : 0;

		if (len)
			*texts[i] = memcpy(at, *texts[i], len);
		at += len;
	}
	if (wire.metadata.at)
		wire.metadata.at =
			memcpy(at, wire.metadata.at, wire.metadata.len);
	item->wire = wire;
	item->bytes =
		ITEM_OVERHEAD + json_bytes(wire.content) + wire.metadata.len;
	return item;
}

void item_free(struct item *item)
{
	free(item);
}

int lanes_pending(const struct lanes *lanes, uint64_t conn_serial)
{
	const struct pending *pending =
		map_get(lanes->pendings, &conn_serial, sizeof(conn_serial));

	return pending ? pending->count : 0;
}

static struct pending *pending_more(struct lanes *lanes, uint64_t serial)
{
	struct pending *pending =
		map_get(lanes->pendings, &serial, sizeof(serial));

	if (!pending) {
		pending = xalloc(sizeof(*pending));
		pending->conn_serial = serial;
		map_put(lanes->pendings, &serial, sizeof(serial), pending);
	}
	pending->count++;
	return pending;
}

static void pending_less(struct lanes *lanes, struct pending *pending)
{
	if (--pending->count)
		return;
	map_take(lanes->pendings, &pending->conn_serial,
		sizeof(pending->conn_serial));
	free(pending);
}

static struct lane *lane_of(
	struct lanes *lanes, const struct append_item *item, bool *fresh)
{
	char key[64 + 1 + ID_MAX + 1];
	int len = snprintf(
		key, sizeof(key), "%s/%s", item->business_id, item->user_id);
	struct lane *lane;

	assert(len > 0 && (size_t)len < sizeof(key));
	lane = map_get(lanes->by_user, key, (size_t)len);
	*fresh = !lane;
	if (lane)
		return lane;
	lane = xalloc(sizeof(*lane));
	lane->last = &lane->first;
	lane->key = xstrndup(key, (size_t)len);
	lane->key_len = (size_t)len;
	map_put(lanes->by_user, key, (size_t)len, lane);
	return lane;
}

void lane_free(struct lanes *lanes, struct lane *lane)
{
	assert(!lane->first);
	map_take(lanes->by_user, lane->key, lane->key_len);
	free(lane->key);
	free(lane);
}

bool lanes_add(struct lanes *lanes, struct item *item, uint64_t conn_serial)
{
	bool fresh;

	item->pending = pending_more(lanes, conn_serial);
	item->lane = lane_of(lanes, &item->wire, &fresh);
	*item->lane->last = item;
	item->lane->last = &item->next;
	item->older = lanes->youngest;
	*(item->older ? &item->older->younger : &lanes->oldest) = item;
	lanes->youngest = item;
	lanes->count++;
	lanes->bytes += item->bytes;
	return fresh;
}

void lanes_remove(struct lanes *lanes, struct item *item)
{
	struct lane *lane = item->lane;
	struct item **at = &lane->first;
	int place = 0;

	for (; *at != item; at = &(*at)->next)
		place++;
	*at = item->next;
	if (lane->last == &item->next)
		lane->last = at;
	if (place < lane->head)
		lane->head--;
	*(item->older ? &item->older->younger : &lanes->oldest) = item->younger;
	*(item->younger ? &item->younger->older : &lanes->youngest) =
		item->older;
	lanes->count--;
	lanes->bytes -= item->bytes;
	pending_less(lanes, item->pending);
}
