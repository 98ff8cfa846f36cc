/* metrics: counters, gauges and histograms, and the small admin port.
 *
 * /healthz is 200 while the loop turns. /readyz is 200, or 503 with the
 * reason, as {"ready":false,"reason":"..."}. /metrics is the Prometheus text
 * format. The only includer of microhttpd.h (in admin.c). All of it belongs to
 * the loop's thread. */
#ifndef SHARED_METRICS_H
#define SHARED_METRICS_H

#include "shared/loop.h"
#include "shared/mem.h"
#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

/* Both live until the process ends. `labels` is NULL or `code="ok"`; the same
 * name may be registered with several label sets (help is taken from the
 * first), and the same name and labels give the same metric. Names begin with
 * taifas_ and end in a unit or _total. Texts are constants or live as long. */
struct metric *metric_open(enum metric_kind kind, const char *name,
	const char *labels, const char *help);
void metric_add(struct metric *metric, int64_t by);
void metric_set(struct metric *metric, int64_t value);
int64_t metric_value(const struct metric *metric);

/* A histogram of seconds (`bounds_us` ascending, in microseconds, and unit
 * LATENCY_PER_SECOND) or of plain counts (unit 1). */
struct histogram *histogram_open(const char *name, const char *help,
	const int64_t *bounds, int n_bounds, double unit);
void histogram_add(struct histogram *histogram, int64_t value);

extern const int64_t latency_bounds_us[];
enum { LATENCY_BOUNDS = 14, LATENCY_PER_SECOND = 1000000 };

/* All of them in the Prometheus text format, sorted by name. */
void metrics_print(struct buf *out);

/* NULL when ready, else the reason. Without such a function always ready. */
typedef const char *ready_fn(void *ctx);

struct admin;
/* `listen` is HOST:PORT (port 0: any that is free), or "off", which gives NULL.
 * Calls die() if it cannot listen. */
struct admin *admin_open(
	struct loop *loop, const char *listen, ready_fn *ready, void *ctx);
void admin_close(struct admin *admin); /* NULL is fine */
int admin_port(const struct admin *admin); /* 0 if off */

#endif
