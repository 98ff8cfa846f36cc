/* core: what sessiond is made of, handed to those who need it. */
#ifndef SESSIOND_CORE_H
#define SESSIOND_CORE_H

#include "proto/link.h"
#include "sessiond/change.h"

struct core {
	struct loop *loop;
	struct store *store;
	struct writer *writer;
	struct tenants *tenants;
	struct publisher *publisher;
	struct journal *journal;
	struct leases *leases;
	struct figures *figures;
	bool listed_only; /* TENANTS=listed */
	int64_t lease_ms, turn_age_ms, attempts_max;
	char boot[37];
};

/* The tenant a business is served under; NULL if it is refused. */
const struct tenant *core_tenant(struct core *core, const char *business);
/* Copies its terms for the writer's thread, into the arena. */
struct terms *core_terms(
	struct core *core, const char *business, struct arena *arena);

/* The same for a business whose sessions are there already, listed or not. */
struct terms *core_terms_any(
	struct core *core, const char *business, struct arena *arena);

#endif
