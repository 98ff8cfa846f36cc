/* Which ids and records are good. The folders are in tenant.c. */

#include "shared/days.h"
#include "shared/tenant.h"
#include "shared/text.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
	USER_ID_MAX = 128,
	LOCATION_ID_MAX = 64,
	NAME_MAX_BYTES = 200,
	TYPE_MAX_BYTES = 64,
	FALLBACK_MAX = 1000, /* code points */
	IDLE_MAX_MS = 10000,
	BURST_MAX_MS = 60000
};

/* --- ids ---------------------------------------------------------------- */

static bool id_valid(const char *id, const char *marks, size_t max_len)
{
	size_t i;

	if (!isalnum((unsigned char)id[0]))
		return false;
	for (i = 1; id[i]; i++)
		if (i == max_len || (!isalnum((unsigned char)id[i]) &&
					    !strchr(marks, id[i])))
			return false;
	return true;
}

bool business_id_valid(const char *id)
{
	return id_valid(id, "._~-", TENANT_ID_MAX);
}

bool user_id_valid(const char *id)
{
	static const char person[] = "coordinator:";

	return id_valid(id, "._@~+:-", USER_ID_MAX) && strcmp(id, "agent") &&
	       strcmp(id, "system") && strncmp(id, person, strlen(person));
}

bool location_id_valid(const char *id)
{
	return id_valid(id, "._-", LOCATION_ID_MAX);
}

/* --- records ------------------------------------------------------------ */

static const char *const concurrencies[] = {
	[CONCURRENCY_ENQUEUE] = "enqueue",
	[CONCURRENCY_INTERRUPT] = "interrupt",
	[CONCURRENCY_REJECT] = "reject",
};

static const char *const languages[] = {"ro", "en"};

/* The index of a text; -1 if it is not one of them (or NULL). */
static int one_of(const char *text, const char *const *texts, size_t count)
{
	for (size_t i = 0; text && i < count; i++)
		if (!strcmp(text, texts[i]))
			return (int)i;
	return -1;
}

static const char *check_identity(
	const struct json *record, char *why, size_t why_size)
{
	const char *name = json_str(record, "name");
	const char *type = json_str(record, "type");
	const char *zone = json_str(record, "timezone");

	if (!name || !*name || strlen(name) > NAME_MAX_BYTES)
		return "name must be a string of 1 to 200 bytes";
	if (json_get(record, "type") &&
		(!type || strlen(type) > TYPE_MAX_BYTES))
		return "type must be a string of at most 64 bytes";
	if (!zone)
		return "timezone must be a name like \"Europe/Bucharest\"";
	if (days_zone_known(zone))
		return NULL;
	snprintf(why, why_size, "timezone \"%.64s\" is not known here", zone);
	return why;
}

static const char *check_languages(const struct json *list)
{
	const struct json *item = json_is_array(list) ? json_first(list) : NULL;

	if (!item)
		return "languages must list at least one of \"ro\", \"en\"";
	for (; item; item = json_next(item))
		if (one_of(json_text(item), languages, COUNT(languages)) < 0)
			return "languages may only list \"ro\" and \"en\"";
	return NULL;
}

static const char *check_burst(const struct json *burst)
{
	int64_t idle = json_int(burst, "idleMs", -1);
	int64_t max = json_int(burst, "maxMs", -1);

	if (!json_is_object(burst))
		return "policies.burst must be an object";
	if (idle < 0 || idle > IDLE_MAX_MS)
		return "policies.burst.idleMs must be 0 to 10000";
	if (max < idle || max > BURST_MAX_MS)
		return "policies.burst.maxMs must be idleMs to 60000";
	return NULL;
}

static bool is_fallback(const struct json *value)
{
	const char *text = json_text(value);

	return text && *text && utf8_count(text, strlen(text)) <= FALLBACK_MAX;
}

static const char *check_fallback(const struct json *fallback)
{
	static const char fault[] = "policies.fallback must be a text of 1 to "
				    "1000 characters, or {\"ro\", \"en\"} of "
				    "such texts";

	if (is_fallback(fallback))
		return NULL;
	if (!json_is_object(fallback))
		return fault;
	for (size_t i = 0; i < COUNT(languages); i++) {
		const struct json *text = json_get(fallback, languages[i]);

		if (text && !is_fallback(text))
			return fault;
	}
	return NULL;
}

static const char *check_policies(const struct json *policies)
{
	const struct json *burst = json_get(policies, "burst");
	const struct json *fallback = json_get(policies, "fallback");
	const char *fault = NULL;

	if (!json_is_object(policies))
		return "policies must be an object";
	if (json_get(policies, "concurrency") &&
		one_of(json_str(policies, "concurrency"), concurrencies,
			COUNT(concurrencies)) < 0)
		return "policies.concurrency must be \"enqueue\", "
		       "\"interrupt\" or \"reject\"";
	if (burst)
		fault = check_burst(burst);
	if (!fault && fallback)
		fault = check_fallback(fallback);
	return fault;
}

/* Numbers may be longer in compact form: 1e9 is written out. */
static bool fits(const struct json *record)
{
	struct buf compact;
	bool full;

	buf_init(&compact, TENANT_RECORD_MAX);
	json_print(&compact, record);
	full = compact.full;
	buf_clear(&compact);
	return !full;
}

static const char *check_record(
	const struct json *record, char *why, size_t why_size)
{
	const char *fault;

	if (!json_is_object(record))
		return "the record is not a JSON object";
	if (!fits(record))
		return "the record is larger than 65536 bytes";
	fault = check_identity(record, why, why_size);
	if (!fault)
		fault = check_languages(json_get(record, "languages"));
	if (!fault && json_get(record, "policies"))
		fault = check_policies(json_get(record, "policies"));
	return fault;
}

const char *tenant_record_fault(
	const char *text, size_t len, char *why, size_t why_size)
{
	struct json *record;
	const char *fault;

	if (len > TENANT_RECORD_MAX)
		return "the record is larger than 65536 bytes";
	record = json_parse(text, len);
	if (!record)
		return "the record is not valid JSON";
	fault = check_record(record, why, why_size);
	json_free(record);
	return fault;
}

/* A text for all languages or one per language; what is missing in one is
 * said in the other. */
static const char *text_in(
	const struct json *text, const char *language, const char *other)
{
	const char *found = json_str(text, language);

	if (json_is_string(text))
		return json_text(text);
	return found ? found : json_str(text, other);
}

void tenant_fill(struct tenant *tenant, const struct json *record)
{
	const struct json *policies = json_get(record, "policies");
	const struct json *burst = json_get(policies, "burst");
	const struct json *fallback = json_get(policies, "fallback");
	const char *type = json_str(record, "type");
	int concurrency = one_of(json_str(policies, "concurrency"),
		concurrencies, COUNT(concurrencies));

	tenant->name = json_str(record, "name");
	tenant->type = type ? type : "";
	tenant->zone = json_str(record, "timezone");
	tenant->language = json_text(json_first(json_get(record, "languages")));
	tenant->concurrency = concurrency < 0 ? CONCURRENCY_ENQUEUE
					      : (enum concurrency)concurrency;
	tenant->burst_idle_ms = json_int(burst, "idleMs", 0);
	tenant->burst_max_ms = json_int(burst, "maxMs", 0);
	tenant->fallback_ro = text_in(fallback, "ro", "en");
	tenant->fallback_en = text_in(fallback, "en", "ro");
}
