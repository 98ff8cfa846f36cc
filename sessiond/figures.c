#include "sessiond/figures.h"

#include "shared/metrics.h"
#include <stdlib.h>

enum { LOOK_MS = 2000 };

struct figures {
	struct core *core;
	struct timer *timer;
	struct metric *requests[OP_COUNT];
	struct metric *sessions, *messages, *open_turns, *ready_turns;
	struct metric *doomed, *map_percent, *disk_free;
};

static void look(void *ctx)
{
	struct figures *figures = ctx;
	struct store *store = figures->core->store;
	struct tx *tx = tx_read(store);
	metric_set(figures->sessions, (int64_t)tx_rows(tx, T_SESSION));
	metric_set(figures->messages, (int64_t)tx_rows(tx, T_MESSAGE));
	metric_set(figures->open_turns, (int64_t)tx_rows(tx, T_OPEN));
	metric_set(figures->ready_turns, (int64_t)tx_rows(tx, T_READY));
	metric_set(figures->doomed, (int64_t)tx_rows(tx, T_DOOMED));
	tx_end(tx);
	metric_set(figures->map_percent, store_map_percent(store));
	metric_set(figures->disk_free, (int64_t)store_disk_free(store));
}

void figures_request(struct figures *figures, enum op op)
{
	metric_add(figures->requests[op], 1);
}

static struct metric *gauge(const char *name, const char *help)
{
	return metric_open(METRIC_GAUGE, name, NULL, help);
}

struct figures *figures_open(struct core *core)
{
	static const char *const labels[] = {
#define X(constant, name, request, reply) [constant] = "op=\"" name "\"",
		OPS(X)
#undef X
	};
	struct figures *figures = xalloc(sizeof *figures);
	figures->core = core;
	for (int op = 0; op < OP_COUNT; op++)
		figures->requests[op] = metric_open(METRIC_COUNTER,
			"taifas_sessiond_requests_total", labels[op],
			"Requests of other daemons");
	figures->sessions =
		gauge("taifas_sessiond_sessions", "Sessions in the store");
	figures->messages =
		gauge("taifas_sessiond_messages", "Messages in the store");
	figures->open_turns = gauge("taifas_sessiond_open_turns",
		"Turns that are queued or leased");
	figures->ready_turns = gauge(
		"taifas_sessiond_ready_turns", "Turns an agent could claim");
	figures->doomed = gauge("taifas_sessiond_forgotten_sessions",
		"Deleted sessions whose rows are still to go");
	figures->map_percent = gauge("taifas_sessiond_store_map_percent",
		"Share of STORE_MAX in use; appends end at 95");
	figures->disk_free = gauge("taifas_sessiond_store_disk_free_bytes",
		"Free disk where the store is");
	figures->timer = timer_open(core->loop, look, figures);
	timer_start(figures->timer, 0, LOOK_MS);
	return figures;
}

void figures_close(struct figures *figures)
{
	if (!figures)
		return;
	timer_close(figures->timer);
	free(figures);
}
