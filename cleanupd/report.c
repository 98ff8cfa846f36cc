#include "cleanupd/report.h"
#include "shared/clock.h"
#include "shared/metrics.h"
#include <inttypes.h>

static const struct {
	const char *name, *help;
} infos[TALLIES] = {
	[SEEN] = {"taifas_cleanupd_seen_total",
		"Sessions that were old enough to be looked at"},
	[ABANDONED] = {"taifas_cleanupd_abandoned_total",
		"Active sessions that became abandoned"},
	[DELETED] = {"taifas_cleanupd_deleted_total", "Sessions deleted"},
	[ARCHIVED] = {"taifas_cleanupd_archived_total",
		"Sessions that are on disk in the archive"},
	[SKIPPED] = {"taifas_cleanupd_skipped_total",
		"Sessions that had changed meanwhile, or were gone"},
	[ERRORS] = {"taifas_cleanupd_errors_total",
		"Sessions that could not be dealt with"},
};

static struct metric *metrics[TALLIES], *last;
static struct histogram *took;

void report_open(void)
{
	for (int i = 0; i < TALLIES; i++)
		metrics[i] = metric_open(
			METRIC_COUNTER, infos[i].name, NULL, infos[i].help);
	last = metric_open(METRIC_GAUGE,
		"taifas_cleanupd_last_sweep_timestamp_seconds", NULL,
		"When the last complete sweep ended");
	took = histogram_open("taifas_cleanupd_sweep_seconds",
		"How long complete sweeps took", latency_bounds_us,
		LATENCY_BOUNDS, LATENCY_PER_SECOND);
}

/* What a dry run would have done is no fact to be measured. */
void report_count(struct report *report, enum tally tally, int64_t by)
{
	report->counts[tally] += by;
	if (!report->dry || tally == SEEN || tally == ERRORS)
		metric_add(metrics[tally], by);
}

void report_finish(struct report *report, enum sweep_end end, const char *why,
	int64_t took_ms)
{
	report->end = end;
	report->why = why;
	report->took_ms = took_ms;
	if (end == SWEEP_DONE) {
		metric_set(last, clock_wall_ms() / 1000);
		histogram_add(took, took_ms * 1000);
	}
}

bool report_good(const struct report *report)
{
	return report->end == SWEEP_DONE && !report->counts[ERRORS];
}

void report_print(struct buf *out, const struct report *report)
{
	static const char *const ends[] = {
		[SWEEP_DONE] = "done",
		[SWEEP_STOPPED] = "stopped",
		[SWEEP_REFUSED] = "refused",
		[SWEEP_GAVE_UP] = "gave up",
	};
	const char *would = report->dry ? "would have " : "";

	buf_puts(out, ends[report->end]);
	if (report->why)
		buf_printf(out, " (%s)", report->why);
	buf_printf(out,
		": seen %" PRId64 ", %sabandoned %" PRId64
		", %sdeleted %" PRId64 ", archived %" PRId64
		", skipped %" PRId64 ", errors %" PRId64 ", %" PRId64 " ms",
		report->counts[SEEN], would, report->counts[ABANDONED], would,
		report->counts[DELETED], report->counts[ARCHIVED],
		report->counts[SKIPPED], report->counts[ERRORS],
		report->took_ms);
}
