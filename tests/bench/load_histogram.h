/* load_histogram: durations, each known within 1.6 %: 64 steps for every
 * power of two. */
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H

#include <stdint.h>

enum { STEP_BITS = 6, HISTOGRAM_STEPS = (64 - STEP_BITS + 1) << STEP_BITS };

struct durations {
	uint64_t count, max_ns;
	uint64_t steps[HISTOGRAM_STEPS];
};

void durations_add(struct durations *durations, uint64_t ns);
/* The duration below which a share `q` (0..1) of them lies; 0 if none. */
double durations_us(const struct durations *durations, double q);

#endif
