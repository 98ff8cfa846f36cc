/* report: what a sweep did, for people and for metrics. */
#ifndef CLEANUPD_REPORT_H
#define CLEANUPD_REPORT_H

#include "shared/mem.h"
#include <stdint.h>

enum tally {
	SEEN,
	ABANDONED,
	DELETED,
	ARCHIVED,
	SKIPPED, /* had changed, or were gone */
	ERRORS,
	TALLIES
};

enum sweep_end {
	SWEEP_DONE, /* every session was looked at */
	SWEEP_STOPPED, /* as asked */
	SWEEP_REFUSED, /* the clocks cannot be believed */
	SWEEP_GAVE_UP /* nothing went on for too long */
};

struct report {
	enum sweep_end end;
	const char *why; /* REFUSED, GAVE_UP; else NULL */
	bool dry; /* abandoned and deleted: what would have been */
	int64_t counts[TALLIES];
	int64_t took_ms;
};

/* Registers the metrics; calls of report_count and report_finish go there too,
 * from then on. */
void report_open(void);

void report_count(struct report *report, enum tally tally, int64_t by);
void report_finish(struct report *report, enum sweep_end end, const char *why,
	int64_t took_ms);

/* True if everything was looked at and nothing failed. */
bool report_good(const struct report *report);

/* One line in plain words. */
void report_print(struct buf *out, const struct report *report);

#endif
