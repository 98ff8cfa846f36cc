#include "tests/bench/load_usage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

struct usage usage_of(int pid)
{
	char path[64], text[1024];
	unsigned long long user, kernel;
	long long pages;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *file = fopen(path, "r");
	if (!file)
		fail("process %d is gone", pid);
	size_t len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	/* The name before may contain anything, even a parenthesis. */
	const char *fields = strrchr(text, ')');
	if (!fields ||
		sscanf(fields + 1,
			" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu "
			"%llu %*d %*d %*d %*d %*d %*d %*u %*u %lld",
			&user, &kernel, &pages) != 3)
		fail("%s is not understood", path);
	return (struct usage){.cpu_us = (double)(user + kernel) * 1e6 /
					(double)sysconf(_SC_CLK_TCK),
		.rss_bytes = (double)pages * (double)sysconf(_SC_PAGESIZE)};
}
