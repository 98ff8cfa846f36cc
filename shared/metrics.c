/* The registry; the port it is read from is in admin.c. */

#include "shared/metrics.h"
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BOUNDS = 32 };

const int64_t latency_bounds_us[LATENCY_BOUNDS] = {100, 250, 500, 1000, 2500,
	5000, 10000, 25000, 100000, 250000, 1000000, 5000000, 10000000,
	30000000};

struct metric {
	int64_t value;
};

struct histogram {
	const int64_t *bounds;
	int n_bounds;
	double unit;
	int64_t counts[MAX_BOUNDS + 1]; /* the last: above all bounds */
	int64_t sum, n;
};

/* One line of the list, whose order is that of the text. */
struct entry {
	struct entry *next;
	const char *name, *labels, *help, *type;
	struct metric metric;
	struct histogram *histogram; /* NULL: a plain number */
};

static struct entry *entries;

static int compare(
	const struct entry *entry, const char *name, const char *labels)
{
	int order = strcmp(entry->name, name);

	return order ? order : strcmp(entry->labels, labels);
}

/* The entry of this name and these labels, found or made. */
static struct entry *find(const char *name, const char *labels,
	const char *help, const char *type)
{
	struct entry **at = &entries, *entry;

	assert(!strncmp(name, "taifas_", strlen("taifas_")));
	while (*at && compare(*at, name, labels) < 0)
		at = &(*at)->next;
	if (*at && compare(*at, name, labels) == 0) {
		assert(!strcmp((*at)->type, type));
		return *at;
	}
	for (entry = entries; entry; entry = entry->next)
		if (!strcmp(entry->name, name))
			help = entry->help;
	entry = xalloc(sizeof(*entry));
	*entry = (struct entry){*at, name, labels, help, type};
	*at = entry;
	return entry;
}

struct metric *metric_open(enum metric_kind kind, const char *name,
	const char *labels, const char *help)
{
	const char *type = kind == METRIC_COUNTER ? "counter" : "gauge";

	return &find(name, labels ? labels : "", help, type)->metric;
}

void metric_add(struct metric *metric, int64_t by)
{
	metric->value += by;
}

void metric_set(struct metric *metric, int64_t value)
{
	metric->value = value;
}

int64_t metric_value(const struct metric *metric)
{
	return metric->value;
}

struct histogram *histogram_open(const char *name, const char *help,
	const int64_t *bounds, int n_bounds, double unit)
{
	struct entry *entry = find(name, "", help, "histogram");

	assert(n_bounds <= MAX_BOUNDS);
	if (!entry->histogram) {
		entry->histogram = xalloc(sizeof(*entry->histogram));
		entry->histogram->bounds = bounds;
		entry->histogram->n_bounds = n_bounds;
		entry->histogram->unit = unit;
	}
	return entry->histogram;
}

void histogram_add(struct histogram *histogram, int64_t value)
{
	int i = 0;

	while (i < histogram->n_bounds && value > histogram->bounds[i])
		i++;
	histogram->counts[i]++;
	histogram->sum += value;
	histogram->n++;
}

static void print_histogram(struct buf *out, const struct entry *entry)
{
	const struct histogram *histogram = entry->histogram;
	int64_t below = 0;

	for (int i = 0; i < histogram->n_bounds; i++) {
		below += histogram->counts[i];
		buf_printf(out, "%s_bucket{le=\"%.10g\"} %" PRId64 "\n",
			entry->name,
			(double)histogram->bounds[i] / histogram->unit, below);
	}
	buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", entry->name,
		histogram->n);
	buf_printf(out, "%s_sum %.15g\n", entry->name,
		(double)histogram->sum / histogram->unit);
	buf_printf(out, "%s_count %" PRId64 "\n", entry->name, histogram->n);
}

static void print_entry(struct buf *out, const struct entry *entry)
{
	if (entry->histogram)
		print_histogram(out, entry);
	else if (*entry->labels)
		buf_printf(out, "%s{%s} %" PRId64 "\n", entry->name,
			entry->labels, entry->metric.value);
	else
		buf_printf(out, "%s %" PRId64 "\n", entry->name,
			entry->metric.value);
}

void metrics_print(struct buf *out)
{
	const char *family = "";

	for (const struct entry *entry = entries; entry; entry = entry->next) {
		if (strcmp(family, entry->name)) {
			family = entry->name;
			buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", family,
				entry->help, family, entry->type);
		}
		print_entry(out, entry);
	}
}
