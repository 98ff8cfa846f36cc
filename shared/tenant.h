/* tenant: the businesses found under TENANTS_DIR, watched.
 *
 * A tenant is a folder whose name is its business id and which holds
 * business.json. File names never come from ids: a folder is looked up among
 * those actually present; symbolic links are not followed. A change is noticed
 * by itself (and by looking every 5 s, on a pool thread). A business.json that
 * cannot be read or is not valid leaves the last good record in force and is
 * logged; the reason is kept in `fault`. */
#ifndef SHARED_TENANT_H
#define SHARED_TENANT_H

#include "shared/json.h"
#include "shared/loop.h"

enum {
	TENANT_ID_MAX = 64,
	TENANT_RECORD_MAX = 64 * 1024 /* bytes of business.json */
};

/* How a user's messages that come while a turn is open are treated. */
enum concurrency {
	CONCURRENCY_ENQUEUE,
	CONCURRENCY_INTERRUPT,
	CONCURRENCY_REJECT
};

struct tenant {
	char id[TENANT_ID_MAX + 1];
	const char *folder; /* absolute; NULL for the default record */
	const char *name;
	const char *type; /* "medical"; "" if not said */
	const char *zone; /* IANA name, known to the system */
	const char *language; /* "ro" or "en": the first it lists */
	enum concurrency concurrency;
	int64_t burst_idle_ms, burst_max_ms; /* 0: each message its own turn */
	const char *fallback_ro, *fallback_en; /* NULL: the built-in text */
	const char *record; /* business.json, compact */
	size_t record_len;
	const struct json *json; /* the same, parsed; borrowed */
	uint64_t revision; /* rises when the record changes; 0: default */
	const char *fault; /* why business.json as it is now is not in force */
};

struct tenants;
typedef void tenant_changed_fn(void *ctx, const char *business_id);

/* `dir` may be NULL or missing: then there are no listed tenants. What is
 * there is read before this returns. `changed` (may be NULL) is called after
 * a tenant came, went or changed later, also when only its knowledge/ did. */
struct tenants *tenants_open(struct loop *loop, const char *dir,
	tenant_changed_fn *changed, void *ctx);
void tenants_close(struct tenants *tenants); /* NULL is fine */

/* The tenant, or NULL if it has no folder with a record that was ever good.
 * Borrowed until the loop's next turn. */
const struct tenant *tenants_find(
	struct tenants *tenants, const char *business_id);

/* The record of a business without a folder: name = its id, zone UTC, both
 * languages, nothing known. The id is of valid shape. Borrowed until the next
 * call. */
const struct tenant *tenants_default(
	struct tenants *tenants, const char *business_id);

/* Calls each() for every listed tenant, in no order. */
void tenants_each(struct tenants *tenants,
	void (*each)(void *ctx, const struct tenant *tenant), void *ctx);

/* The rules for ids of the design: shape only. */
bool business_id_valid(const char *id);
bool user_id_valid(const char *id); /* false for agent, system, coordinator:* */
bool location_id_valid(const char *id);

/* Checks a record; NULL if good, else the reason (static or in `why`). */
const char *tenant_record_fault(
	const char *text, size_t len, char *why, size_t why_size);

/* Sets name to fallback_en from a record that is good; the texts are borrowed
 * from it. */
void tenant_fill(struct tenant *tenant, const struct json *record);

#endif
