/* The tenants in force, and how a change comes to be. Which records are good
 * is in tenant_record.c, what is on the disk in tenant_look.c. */

#include "shared/tenant.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/map.h"
#include "shared/tenant_look.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 5000, WHY_SIZE = 256, REFUSED_MAX = 1000 };

/* A watch, and the folder it was opened on. */
struct eye {
	struct folder_watch *watch;
	stamp folder;
};

struct entry {
	struct tenant tenant; /* .json is NULL until a record was good */
	char *folder, *record;
	struct json *json;
	char why[WHY_SIZE];
	stamp record_stamp, knowledge_stamp;
	struct eye folder_eye, knowledge_eye;
	uint64_t look; /* the number of the last look that saw it */
	struct entry *next_gone;
};

struct tenants {
	struct loop *loop;
	tenant_changed_fn *changed;
	void *ctx;
	char *folder; /* NULL: none */
	struct map *entries; /* id -> entry */
	struct map *refused; /* name -> why; so that it is said once */
	struct eye eye;
	struct timer *timer;
	struct errand *errand; /* the look that is under way */
	bool again; /* another look is wanted after it */
	uint64_t looks;
	struct entry *fallback; /* the last default record */
};

/* A look on a pool thread. Outlives the tenants if they are closed first. */
struct errand {
	struct tenants *tenants; /* NULL: nobody waits for it */
	char *folder;
	struct look look;
};

static void look_soon(void *ctx);

static void eye_close(struct eye *eye)
{
	folder_watch_close(eye->watch);
	*eye = (struct eye){0};
}

/* Watches a folder, anew if another one has taken its place. */
static void eye_turn(struct tenants *tenants, struct eye *eye, const char *path,
	const char *sub, stamp folder)
{
	struct buf full;

	if (eye->folder == folder)
		return;
	eye_close(eye);
	eye->folder = folder;
	if (!folder)
		return;
	tenants->again = true; /* for what came before the eye was open */
	buf_init(&full, PATH_MAX);
	buf_printf(&full, "%s%s", path, sub);
	if (!full.full)
		eye->watch = folder_watch_open(
			tenants->loop, full.data, look_soon, tenants);
	buf_clear(&full);
}

/* --- one tenant --------------------------------------------------------- */

static struct entry *entry_open(const char *id)
{
	struct entry *entry = xalloc(sizeof(*entry));

	memcpy(entry->tenant.id, id, strnlen(id, TENANT_ID_MAX));
	return entry;
}

static void entry_close(struct entry *entry)
{
	if (!entry)
		return;
	eye_close(&entry->folder_eye);
	eye_close(&entry->knowledge_eye);
	json_free(entry->json);
	free(entry->record);
	free(entry->folder);
	free(entry);
}

/* Puts a good record in force. False if it is the one that is. */
static bool entry_take(struct entry *entry, const char *text, size_t len)
{
	struct json *json = json_parse(text, len);
	struct buf record;

	buf_init(&record, TENANT_RECORD_MAX);
	json_print(&record, json);
	if (entry->record && !strcmp(entry->record, record.data)) {
		json_free(json);
		buf_clear(&record);
		return false;
	}
	json_free(entry->json);
	free(entry->record);
	entry->json = json;
	entry->tenant.json = json;
	entry->tenant.record_len = record.len;
	entry->tenant.record = entry->record = buf_take(&record);
	tenant_fill(&entry->tenant, json);
	return true;
}

/* The time, so that it rises over restarts too. */
static void entry_revise(struct entry *entry)
{
	uint64_t now = (uint64_t)clock_wall_ms();
	uint64_t next = entry->tenant.revision + 1;

	entry->tenant.revision = now > next ? now : next;
}

/* Reads business.json. True if another record is in force now. */
static bool entry_read(struct entry *entry)
{
	struct tenant *tenant = &entry->tenant;
	const char *fault;
	struct buf text;
	bool changed = false;

	buf_init(&text, TENANT_RECORD_MAX);
	buf_puts(&text, "");
	fault = tenant_read_record(&text, entry->folder);
	if (!fault)
		fault = tenant_record_fault(
			text.data, text.len, entry->why, sizeof(entry->why));
	tenant->fault = fault;
	if (fault) {
		log_warn("tenant record refused",
			log_str("business", tenant->id), log_str("why", fault),
			log_str("inForce",
				tenant->json ? "the last good one" : "none"));
	} else if (entry_take(entry, text.data, text.len)) {
		changed = true;
		entry_revise(entry);
		log_info("tenant record read", log_str("business", tenant->id));
	}
	buf_clear(&text);
	return changed;
}

/* --- what a look has seen ----------------------------------------------- */

static void refuse(struct tenants *tenants, const struct seen *seen)
{
	size_t len = strlen(seen->name);

	if (map_get(tenants->refused, seen->name, len) ||
		map_size(tenants->refused) == REFUSED_MAX)
		return;
	map_put(tenants->refused, seen->name, len, (void *)seen->refused);
	log_warn("folder is not a tenant", log_str("folder", seen->name),
		log_str("why", seen->refused));
}

static struct entry *entry_of(struct tenants *tenants, const char *id)
{
	struct entry *entry = map_get(tenants->entries, id, strlen(id));
	struct buf folder;

	if (entry)
		return entry;
	buf_init(&folder, PATH_MAX);
	buf_printf(&folder, "%s/%s", tenants->folder, id);
	entry = entry_open(id);
	entry->folder = buf_take(&folder);
	entry->tenant.folder = entry->folder;
	map_put(tenants->entries, id, strlen(id), entry);
	return entry;
}

/* True if the tenant is not what it was. */
static bool apply_one(struct tenants *tenants, const struct seen *seen)
{
	struct entry *entry = entry_of(tenants, seen->name);
	bool first = !entry->look, changed = false;

	entry->look = tenants->looks;
	eye_turn(tenants, &entry->folder_eye, entry->folder, "", seen->folder);
	eye_turn(tenants, &entry->knowledge_eye, entry->folder, "/knowledge",
		seen->knowledge_folder);
	if (first || seen->record != entry->record_stamp)
		changed = entry_read(entry);
	changed |= !first && seen->knowledge != entry->knowledge_stamp;
	entry->record_stamp = seen->record;
	entry->knowledge_stamp = seen->knowledge;
	return changed && entry->json;
}

static void tell(struct tenants *tenants, const char *id)
{
	if (tenants->changed)
		tenants->changed(tenants->ctx, id);
}

/* Those whose folder the last look did not see. */
static void remove_gone(struct tenants *tenants)
{
	struct entry *entry, *gone = NULL;

	for (size_t at = 0; (entry = map_next(tenants->entries, &at));)
		if (entry->look != tenants->looks) {
			entry->next_gone = gone;
			gone = entry;
		}
	while ((entry = gone)) {
		char id[TENANT_ID_MAX + 1];
		bool listed = entry->json;

		gone = entry->next_gone;
		memcpy(id, entry->tenant.id, sizeof(id));
		map_take(tenants->entries, id, strlen(id));
		entry_close(entry);
		log_info("tenant gone", log_str("business", id));
		if (listed)
			tell(tenants, id);
	}
}

static void apply(struct tenants *tenants, const struct look *look, bool told)
{
	if (look->fault) { /* nothing is known, so nothing has changed */
		log_warn_limited("tenants cannot be read",
			log_str("folder", tenants->folder),
			log_str("why", look->fault));
		return;
	}
	if (look->count == TENANTS_MAX)
		log_warn_limited("too many tenants: the rest is left out",
			log_int("most", TENANTS_MAX));
	tenants->looks++;
	eye_turn(tenants, &tenants->eye, tenants->folder, "", look->folder);
	for (const struct seen *seen = look->first; seen; seen = seen->next)
		if (seen->refused)
			refuse(tenants, seen);
		else if (apply_one(tenants, seen) && told)
			tell(tenants, seen->name);
	remove_gone(tenants);
}

/* --- looking ------------------------------------------------------------ */

static void look_away(void *ctx)
{
	struct errand *errand = ctx;

	tenant_look(&errand->look, errand->folder);
}

static void on_looked(void *ctx)
{
	struct errand *errand = ctx;
	struct tenants *tenants = errand->tenants;

	if (tenants) {
		tenants->errand = NULL;
		apply(tenants, &errand->look, true);
		if (tenants->again)
			look_soon(tenants);
	}
	tenant_look_clear(&errand->look);
	free(errand->folder);
	free(errand);
}

static void look_soon(void *ctx)
{
	struct tenants *tenants = ctx;
	struct errand *errand;

	tenants->again = tenants->errand != NULL;
	if (tenants->errand)
		return;
	errand = xalloc(sizeof(*errand));
	errand->tenants = tenants;
	errand->folder = xstrdup(tenants->folder);
	tenants->errand = errand;
	loop_work(tenants->loop, look_away, on_looked, errand);
}

static char *absolute(const char *path)
{
	char here[PATH_MAX] = "";
	struct buf full;

	if (path[0] == '/' || !getcwd(here, sizeof(here)))
		return xstrdup(path);
	buf_init(&full, 2 * PATH_MAX);
	buf_printf(&full, "%s/%s", here, path);
	return buf_take(&full);
}

struct tenants *tenants_open(struct loop *loop, const char *dir,
	tenant_changed_fn *changed, void *ctx)
{
	struct tenants *tenants = xalloc(sizeof(*tenants));
	struct look look;

	tenants->loop = loop;
	tenants->changed = changed;
	tenants->ctx = ctx;
	tenants->entries = map_open();
	tenants->refused = map_open();
	if (!dir)
		return tenants;
	tenants->folder = absolute(dir);
	tenant_look(&look, tenants->folder);
	apply(tenants, &look, false);
	tenant_look_clear(&look);
	tenants->timer = timer_open(loop, look_soon, tenants);
	timer_start(tenants->timer, LOOK_MS, LOOK_MS);
	look_soon(tenants);
	return tenants;
}

void tenants_close(struct tenants *tenants)
{
	struct entry *entry;

	if (!tenants)
		return;
	if (tenants->errand)
		tenants->errand->tenants = NULL;
	timer_close(tenants->timer);
	eye_close(&tenants->eye);
	for (size_t at = 0; (entry = map_next(tenants->entries, &at));)
		entry_close(entry);
	map_close(tenants->entries);
	map_close(tenants->refused);
	entry_close(tenants->fallback);
	free(tenants->folder);
	free(tenants);
}

/* --- asking ------------------------------------------------------------- */

const struct tenant *tenants_find(struct tenants *tenants, const char *id)
{
	const struct entry *entry = map_get(tenants->entries, id, strlen(id));

	return entry && entry->json ? &entry->tenant : NULL;
}

const struct tenant *tenants_default(struct tenants *tenants, const char *id)
{
	struct json_writer w;
	struct buf text;

	if (tenants->fallback && !strcmp(tenants->fallback->tenant.id, id))
		return &tenants->fallback->tenant;
	entry_close(tenants->fallback);
	tenants->fallback = entry_open(id);
	buf_init(&text, TENANT_RECORD_MAX);
	json_begin(&w, &text);
	json_open(&w, NULL, '{');
	json_put_str(&w, "name", tenants->fallback->tenant.id);
	json_put_str(&w, "timezone", "UTC");
	json_open(&w, "languages", '[');
	json_put_str(&w, NULL, "ro");
	json_put_str(&w, NULL, "en");
	json_shut(&w, ']');
	json_shut(&w, '}');
	entry_take(tenants->fallback, text.data, text.len);
	buf_clear(&text);
	return &tenants->fallback->tenant;
}

void tenants_each(struct tenants *tenants,
	void (*each)(void *ctx, const struct tenant *tenant), void *ctx)
{
	const struct entry *entry;

	for (size_t at = 0; (entry = map_next(tenants->entries, &at));)
		if (entry->json)
			each(ctx, &entry->tenant);
}
