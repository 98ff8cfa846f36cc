#include "tests/bench/load_histogram.h"

enum { STEPS = 1 << STEP_BITS };

static unsigned step_of(uint64_t ns)
{
	if (ns < STEPS)
		return (unsigned)ns;
	unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS;
	return ((shift + 1) << STEP_BITS) + (unsigned)((ns >> shift) - STEPS);
}

static uint64_t middle_of(unsigned step)
{
	if (step < STEPS)
		return step;
	unsigned shift = (step >> STEP_BITS) - 1;
	uint64_t low = ((uint64_t)(step & (STEPS - 1)) + STEPS) << shift;
	return low + (((uint64_t)1 << shift) >> 1);
}

void durations_add(struct durations *durations, uint64_t ns)
{
	durations->count++;
	if (ns > durations->max_ns)
		durations->max_ns = ns;
	durations->steps[step_of(ns)]++;
}

double durations_us(const struct durations *durations, double q)
{
	uint64_t wanted = (uint64_t)(q * (double)durations->count), seen = 0;
	for (unsigned i = 0; i < HISTOGRAM_STEPS; i++) {
		seen += durations->steps[i];
		if (seen <= wanted)
			continue;
		uint64_t ns = middle_of(i);
		if (ns > durations->max_ns)
			ns = durations->max_ns;
		return (double)ns / 1000;
	}
	return (double)durations->max_ns / 1000;
}
