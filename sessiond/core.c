#include "sessiond/core.h"

#include <stdio.h>
#include <string.h>

static const char fallback_ro[] =
	"Ne pare rău, acum nu putem răspunde. Un coleg vă va contacta cât mai "
	"curând.";
static const char fallback_en[] =
	"Sorry, we cannot answer just now. A colleague will get back to you as "
	"soon as possible.";

const struct tenant *core_tenant(struct core *core, const char *business)
{
	const struct tenant *tenant = tenants_find(core->tenants, business);
	if (tenant || core->listed_only)
		return tenant;
	return tenants_default(core->tenants, business);
}

static struct terms *terms_from(
	const struct tenant *tenant, struct arena *arena)
{
	struct terms *terms = arena_alloc(arena, sizeof *terms);
	bool romanian = !strcmp(tenant->language, "ro");
	const char *own = romanian ? tenant->fallback_ro : tenant->fallback_en;
	const char *text = own ? own : romanian ? fallback_ro : fallback_en;
	snprintf(terms->zone, sizeof terms->zone, "%s", tenant->zone);
	snprintf(terms->language, sizeof terms->language, "%s",
		tenant->language);
	snprintf(terms->type, sizeof terms->type, "%s", tenant->type);
	terms->concurrency = tenant->concurrency;
	terms->burst_idle_ms = tenant->burst_idle_ms;
	terms->burst_max_ms = tenant->burst_max_ms;
	terms->fallback = arena_strndup(arena, text, strlen(text));
	return terms;
}

struct terms *core_terms(
	struct core *core, const char *business, struct arena *arena)
{
	const struct tenant *tenant = core_tenant(core, business);
	return tenant ? terms_from(tenant, arena) : NULL;
}

struct terms *core_terms_any(
	struct core *core, const char *business, struct arena *arena)
{
	const struct tenant *tenant = tenants_find(core->tenants, business);
	if (!tenant)
		tenant = tenants_default(core->tenants, business);
	return terms_from(tenant, arena);
}
