#include "sessiond/sessions.h"

#include "shared/days.h"
#include "shared/tenant.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const bool may_become[ST_COUNT][ST_COUNT] = {
	[ST_ACTIVE] = {[ST_RESOLVED] = true,
		[ST_CLOSED] = true,
		[ST_ABANDONED] = true},
	[ST_RESOLVED] = {[ST_ACTIVE] = true, [ST_CLOSED] = true},
	[ST_CLOSED] = {[ST_ACTIVE] = true},
	[ST_ABANDONED] =
		{[ST_ACTIVE] = true, [ST_RESOLVED] = true, [ST_CLOSED] = true},
};

bool status_may_become(enum session_status from, enum session_status to)
{
	return may_become[from][to];
}

uint32_t status_next(enum session_status from, const char *names[ST_COUNT])
{
	uint32_t n = 0;
	for (int to = 0; to < ST_COUNT; to++)
		if (may_become[from][to])
			names[n++] = status_name((enum session_status)to);
	return n;
}

const char *transition_kind(enum session_status to, const char *reason)
{
	if (to == ST_ACTIVE)
		return "reopened";
	if (to == ST_CLOSED && reason && !strcmp(reason, "rollover"))
		return "rollover";
	return status_name(to);
}

const char *transition_text(const char *kind, const char *language)
{
	static const struct {
		const char *kind, *ro, *en;
	} texts[] = {
		{"reopened", "Conversația a fost redeschisă.",
			"The conversation was reopened."},
		{"rollover",
			"Conversația continuă într-o sesiune nouă, a zilei "
			"următoare.",
			"The conversation goes on in a new session, the next "
			"day's."},
		{"resolved", "Conversația a fost rezolvată.",
			"The conversation was resolved."},
		{"closed", "Conversația a fost închisă.",
			"The conversation was closed."},
		{"abandoned",
			"Conversația a fost încheiată pentru că nu a mai scris "
			"nimeni.",
			"The conversation was ended because nobody wrote any "
			"more."},
	};
	for (size_t i = 0; i < COUNT(texts); i++)
		if (!strcmp(texts[i].kind, kind))
			return !strcmp(language, "ro") ? texts[i].ro
						       : texts[i].en;
	return kind;
}

/* --- aliases ------------------------------------------------------------ */

/* A business id holds no colon, a user id may, the time does not. */
bool alias_parse(const char *text, struct alias *out)
{
	const char *first = strchr(text, ':'), *last = strrchr(text, ':');
	if (!first || first == last)
		return false;
	size_t business_len = (size_t)(first - text);
	size_t user_len = (size_t)(last - first - 1);
	if (business_len >= sizeof out->business ||
		user_len >= sizeof out->user)
		return false;
	memcpy(out->business, text, business_len);
	out->business[business_len] = 0;
	memcpy(out->user, first + 1, user_len);
	out->user[user_len] = 0;
	size_t digits = strspn(last + 1, "0123456789");
	if (!digits || digits > 15 || last[1 + digits])
		return false;
	out->ms = strtoll(last + 1, NULL, 10);
	return business_id_valid(out->business) && user_id_valid(out->user);
}

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/* A midnight of long ago names its date: 13 hours later it is that date in UTC
 * too, for every zone from -10 to +13. */
void alias_date(
	const struct alias *alias, const char *zone, int64_t now, char date[11])
{
	if (alias->ms - 15 * MINUTE_MS <= now &&
		now < alias->ms + (int64_t)25 * HOUR_MS)
		days_date(date, zone, now);
	else
		days_date(date, "UTC", alias->ms + (int64_t)13 * HOUR_MS);
}

/* --- item hash ---------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const char *text, size_t len)
{
	/* FNV-1a, with a separator so that fields do not run together */
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 1099511628211u;
	return (hash ^ 0xff) * 1099511628211u;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text ? text : "", text ? strlen(text) : 0);
}

uint64_t item_hash(const struct append_item *item, bool with_metadata)
{
	uint64_t hash = 14695981039346656037u;
	hash = hash_text(hash, item->business_id);
	hash = hash_text(hash, item->user_id);
	hash = hash_text(hash, item->content);
	if (!with_metadata)
		return hash;
	hash = hash_text(hash, item->location_id);
	hash = hash_text(hash, item->source);
	hash = hash_text(hash, item->client_message_id);
	hash = hash_text(hash, item->external_id);
	hash = hash_bytes(hash, item->metadata.at ? item->metadata.at : "",
		item->metadata.len);
	return hash_bytes(hash, (const char *)&item->client_timestamp,
		sizeof item->client_timestamp);
}
