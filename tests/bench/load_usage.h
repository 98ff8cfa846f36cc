/* load_usage: what processes have used, as the kernel counts it. */
#ifndef BENCH_LOAD_USAGE_H
#define BENCH_LOAD_USAGE_H

#include <stdint.h>

struct usage {
	double cpu_us; /* user and system, all threads; steps of 10 ms */
	double rss_bytes;
};

uint64_t now_ns(void); /* monotonic */
__attribute__((noreturn, format(printf, 1, 2))) void fail(
	const char *format, ...);
/* Fails if there is no such process. */
struct usage usage_of(int pid);

#endif
