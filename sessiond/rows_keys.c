#include "sessiond/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names -------------------------------------------------------------- */

static const char *const status_names[] = {
	"active", "resolved", "closed", "abandoned"};
static const char *const source_names[] = {"websocket", "webhook", "cron"};
static const char *const type_names[] = {"user", "agent", "system"};
static const char *const handler_names[] = {"bot", "person"};
static const char *const turn_names[] = {"queued", "leased", "answered",
	"fallback", "cancelled", "superseded", "left_to_person"};

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *status_name(enum session_status status)
{
	return status_names[status];
}

bool status_from_name(const char *name, enum session_status *out)
{
	int i = index_of(status_names, COUNT(status_names), name);
	*out = (enum session_status)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *source_name(enum message_source source)
{
	return source_names[source];
}

bool source_from_name(const char *name, enum message_source *out)
{
	int i = index_of(source_names, COUNT(source_names), name);
	*out = (enum message_source)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *type_name(enum message_type type)
{
	return type_names[type];
}

const char *handler_name(enum handler handler)
{
	return handler_names[handler];
}

bool handler_from_name(const char *name, enum handler *out)
{
	int i = index_of(handler_names, COUNT(handler_names), name);
	*out = (enum handler)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *turn_state_name(enum turn_state state)
{
	return turn_names[state];
}

void turn_name(char out[TURN_NAME_SIZE], uint64_t session, uint64_t turn)
{
	snprintf(out, TURN_NAME_SIZE, "t%" PRIx64 "-%" PRIx64, session, turn);
}

bool turn_from_name(const char *name, uint64_t *session, uint64_t *turn)
{
	char again[TURN_NAME_SIZE];
	if (sscanf(name, "t%" SCNx64 "-%" SCNx64, session, turn) != 2)
		return false;
	turn_name(again, *session, *turn);
	return !strcmp(again, name);
}

void lease_name(char out[24], uint64_t lease)
{
	snprintf(out, 24, "%" PRIu64, lease);
}

uint64_t lease_from_name(const char *name)
{
	char again[24];
	uint64_t lease = strtoull(name, NULL, 10);
	lease_name(again, lease);
	return strcmp(again, name) ? 0 : lease;
}

/* --- keys --------------------------------------------------------------- */

static void key_put(struct key *key, const void *bytes, size_t len)
{
	/* Every part of a key is bounded by the checks on ids; a longer one is
	 * a fault of ours and must not write past the end. */
	if (len > KEY_MAX - key->len)
		abort();
	memcpy(key->bytes + key->len, bytes, len);
	key->len += len;
}

static void key_put_text(struct key *key, const char *text)
{
	key_put(key, text, strlen(text) + 1);
}

static void key_put_number(struct key *key, uint64_t number, int n_bytes)
{
	for (int shift = 8 * (n_bytes - 1); shift >= 0; shift -= 8) {
		unsigned char byte = (unsigned char)(number >> shift);
		key_put(key, &byte, 1);
	}
}

struct key key_text(const char *text)
{
	struct key key;
	key.len = 0;
	key_put(&key, text, strlen(text));
	return key;
}

struct key key_number(uint64_t number)
{
	struct key key;
	key.len = 0;
	key_put_number(&key, number, 8);
	return key;
}

struct key key_pair(uint64_t first, uint64_t second)
{
	struct key key = key_number(first);
	key_put_number(&key, second, 8);
	return key;
}

struct key key_message(uint64_t session, uint32_t seq)
{
	struct key key = key_number(session);
	key_put_number(&key, seq, 4);
	return key;
}

struct key key_user(const char *business, const char *user)
{
	struct key key;
	key.len = 0;
	key_put_text(&key, business);
	key_put_text(&key, user);
	return key;
}

struct key key_day(const char *business, const char *user, const char *date)
{
	struct key key = key_user(business, user);
	key_put_text(&key, date);
	return key;
}

struct key key_activity_prefix(const char *business, enum session_status status)
{
	struct key key;
	key.len = 0;
	key_put_text(&key, business);
	key_put_number(&key, status, 1);
	return key;
}

struct key key_activity(const char *business, enum session_status status,
	uint64_t minute, uint64_t session)
{
	struct key key = key_activity_prefix(business, status);
	key_put_number(&key, minute, 8);
	key_put_number(&key, session, 8);
	return key;
}

struct key key_retention(
	enum session_status status, uint64_t minute, uint64_t session)
{
	struct key key;
	key.len = 0;
	key_put_number(&key, status, 1);
	key_put_number(&key, minute, 8);
	key_put_number(&key, session, 8);
	return key;
}

struct key key_ready(int64_t created, uint64_t turn)
{
	return key_pair((uint64_t)created, turn);
}

struct key key_client(uint64_t user_no, const char *client_message_id)
{
	struct key key = key_number(user_no);
	key_put(&key, client_message_id, strlen(client_message_id));
	return key;
}

struct key key_client_expiry(int64_t at, struct span client_key)
{
	struct key key = key_number((uint64_t)at);
	key_put(&key, client_key.at, client_key.len);
	return key;
}

struct key key_after_all(const struct key *prefix)
{
	static const unsigned char high[17] = {255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct key key = *prefix;
	key_put(&key, high, sizeof high);
	return key;
}

static uint64_t span_number(struct span span, size_t offset, size_t n_bytes)
{
	uint64_t number = 0;
	if (span.len < offset + n_bytes)
		return 0;
	for (size_t i = 0; i < n_bytes; i++)
		number = number << 8 | (unsigned char)span.at[offset + i];
	return number;
}

uint64_t span_u64(struct span span, size_t offset)
{
	return span_number(span, offset, 8);
}

uint32_t span_u32(struct span span, size_t offset)
{
	return (uint32_t)span_number(span, offset, 4);
}
