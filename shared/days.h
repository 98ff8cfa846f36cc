/* days: the calendar of a tenant's time zone. The only includer of glib.h.
 *
 * A day begins at the first instant that carries its date, found by bisection:
 * midnight does not exist everywhere every day, and in some places twice.
 * Dates are of the years 1970 to 9999. Thread-safe. */
#ifndef SHARED_DAYS_H
#define SHARED_DAYS_H

#include <stdbool.h>
#include <stdint.h>

enum { DATE_SIZE = 11 };

/* True for an IANA name the system knows ("Europe/Bucharest", "UTC"). */
bool days_zone_known(const char *zone);

/* Ends the process with the reason if the zone data is not installed. */
void days_open(void);

struct local_time {
	int year, month, day; /* month 1-12 */
	int hour, minute, second;
	int weekday; /* 1 Monday .. 7 Sunday */
	int64_t offset_ms; /* local = UTC + offset */
};

/* An unknown zone is taken as UTC by all that follow. */
void days_local(const char *zone, int64_t wall_ms, struct local_time *out);

/* The local date of an instant, "2026-11-22". */
void days_date(char out[DATE_SIZE], const char *zone, int64_t wall_ms);

/* The first instant whose local date is `date` or later; false if `date` is
 * not a date. */
bool days_start(const char *zone, const char *date, int64_t *wall_ms);

/* Adds days to a date; false if it is not a date of years 1970-9999. */
bool days_add(char out[DATE_SIZE], const char *date, int days);
int days_weekday(const char *date); /* 1..7; 0 if not a date */
bool days_valid(const char *date);

#endif
