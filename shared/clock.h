/* clock: the time now, and how times are written.
 *
 * Deadlines, leases and beats use the monotonic clock; what is stored and
 * shown uses the wall clock. Both are milliseconds. */
#ifndef SHARED_CLOCK_H
#define SHARED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { ISO_SIZE = 25, UUID_SIZE = 37 };

#define CLOCK_LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Tests move the wall clock: `offset_file` (NULL: none) is a file of at least
 * 8 bytes, a little-endian int64 of milliseconds added to it. It is mapped,
 * so a change is seen at once. Ends the process if it cannot be mapped. */
void clock_open(const char *offset_file);

int64_t clock_wall_ms(void);
int64_t clock_mono_ms(void);

/* 2026-11-22T14:05:09.123Z; years 1970 to 9999 */
void clock_iso(char out[ISO_SIZE], int64_t wall_ms);

/* Accepts RFC 3339 in UTC or with an offset, with 0 to 9 decimals. */
bool clock_parse_iso(const char *text, int64_t *wall_ms);

/* A fresh random UUID (version 4, lower case). The only user of libuuid. */
void uuid_fresh(char out[UUID_SIZE]);
/* One that begins with its time (version 7): those of one maker stand in the
 * order of time and, within a millisecond, of `count` (its low 12 bits). */
void uuid_timed(char out[UUID_SIZE], int64_t wall_ms, uint64_t count);
bool uuid_valid(const char *text); /* any version, either case */

#endif
