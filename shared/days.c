#include "shared/days.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <ctype.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ZONE_NAME_SIZE = 64, ZONE_SLOTS = 64, MS_A_DAY = 24 * 3600 * 1000 };

/* --- zones -------------------------------------------------------------- */

/* Names are few and each is used often. A slot holds the last name that
 * fell on it; who uses a zone has a reference of its own. */
static struct slot {
	char name[ZONE_NAME_SIZE];
	GTimeZone *zone;
} slots[ZONE_SLOTS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

/* Words of letters, digits, _ + -, separated by slashes, the first letter a
 * letter: GLib would read any file that ../ leads to. */
static bool well_formed(const char *name)
{
	bool start = true;
	size_t i;

	if (!isalpha((unsigned char)name[0]))
		return false;
	for (i = 0; name[i]; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c == '/' && start)
			return false;
		if (c != '/' && !isalnum(c) && !strchr("_+-", c))
			return false;
		start = c == '/';
	}
	return !start && i < ZONE_NAME_SIZE;
}

/* GLib takes other things for zones too ("A1", "EST+5"): there must be a
 * compiled zone of this name. */
static bool has_file(const char *name)
{
	const char *folder = getenv("TZDIR");
	char path[4096], magic[4];
	bool good = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s",
		folder ? folder : "/usr/share/zoneinfo", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	good = fread(magic, sizeof(magic), 1, file) == 1 &&
	       !memcmp(magic, "TZif", sizeof(magic));
	fclose(file);
	return good;
}

static struct slot *slot_of(const char *name)
{
	unsigned hash = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &slots[hash % ZONE_SLOTS];
}

/* A reference to the zone; NULL if there is none of this name. */
static GTimeZone *find_zone(const char *name)
{
	struct slot *slot;
	GTimeZone *zone = NULL;

	if (!well_formed(name))
		return NULL;
	slot = slot_of(name);
	pthread_mutex_lock(&slots_lock);
	if (!slot->zone || strcmp(slot->name, name)) {
		zone = has_file(name) ? g_time_zone_new_identifier(name) : NULL;
		if (!zone)
			goto done;
		if (slot->zone)
			g_time_zone_unref(slot->zone);
		slot->zone = zone;
		snprintf(slot->name, sizeof(slot->name), "%s", name);
	}
	zone = g_time_zone_ref(slot->zone);
done:
	pthread_mutex_unlock(&slots_lock);
	return zone;
}

static GTimeZone *zone_or_utc(const char *name)
{
	GTimeZone *zone = find_zone(name);

	return zone ? zone : g_time_zone_new_utc();
}

bool days_zone_known(const char *zone)
{
	GTimeZone *found = find_zone(zone);

	if (found)
		g_time_zone_unref(found);
	return found != NULL;
}

void days_open(void)
{
	if (!days_zone_known("Europe/Bucharest"))
		die("time zones", "the package tzdata is not installed");
}

/* --- instants and dates ------------------------------------------------- */

static int64_t floor_div(int64_t value, int64_t by)
{
	return value / by - (value % by < 0);
}

static int64_t offset_ms(GTimeZone *zone, int64_t wall_ms)
{
	int interval = g_time_zone_find_interval(
		zone, G_TIME_TYPE_UNIVERSAL, floor_div(wall_ms, 1000));

	return g_time_zone_get_offset(zone, interval) * INT64_C(1000);
}

/* An instant may come from a peer: it is moved into the years we know. */
static int64_t within_range(int64_t wall_ms)
{
	if (wall_ms < 0)
		return 0;
	return wall_ms > CLOCK_LAST_MS ? CLOCK_LAST_MS : wall_ms;
}

/* Days since 1970-01-01 where the zone's clock shows this instant. */
static int64_t local_day(GTimeZone *zone, int64_t wall_ms)
{
	return floor_div(wall_ms + offset_ms(zone, wall_ms), MS_A_DAY);
}

void days_local(const char *name, int64_t wall_ms, struct local_time *out)
{
	GTimeZone *zone = zone_or_utc(name);
	int64_t shift;
	time_t seconds;
	struct tm tm;

	wall_ms = within_range(wall_ms);
	shift = offset_ms(zone, wall_ms);
	seconds = (time_t)floor_div(wall_ms + shift, 1000);
	g_time_zone_unref(zone);
	gmtime_r(&seconds, &tm);
	*out = (struct local_time){
		.year = tm.tm_year + 1900,
		.month = tm.tm_mon + 1,
		.day = tm.tm_mday,
		.hour = tm.tm_hour,
		.minute = tm.tm_min,
		.second = tm.tm_sec,
		.weekday = tm.tm_wday ? tm.tm_wday : 7,
		.offset_ms = shift,
	};
}

/* False outside the years 1970 to 9999. */
static bool write_date(char out[DATE_SIZE], int64_t day)
{
	time_t seconds = (time_t)(day * (MS_A_DAY / 1000));
	struct tm tm;

	if (day < 0 || day > CLOCK_LAST_MS / MS_A_DAY)
		return false;
	gmtime_r(&seconds, &tm);
	for (int i = 0, year = tm.tm_year + 1900; i < 4; i++, year /= 10)
		out[3 - i] = (char)('0' + year % 10);
	out[4] = out[7] = '-';
	out[5] = (char)('0' + (tm.tm_mon + 1) / 10);
	out[6] = (char)('0' + (tm.tm_mon + 1) % 10);
	out[8] = (char)('0' + tm.tm_mday / 10);
	out[9] = (char)('0' + tm.tm_mday % 10);
	out[10] = '\0';
	return true;
}

/* Days since 1970-01-01; -1 if it is not a date. */
static int64_t read_date(const char *date)
{
	struct tm tm = {0};
	char back[DATE_SIZE];
	int64_t day;

	for (int i = 0; i < DATE_SIZE - 1; i++)
		if (i == 4 || i == 7 ? date[i] != '-'
				     : !isdigit((unsigned char)date[i]))
			return -1;
	if (date[DATE_SIZE - 1])
		return -1;
	tm.tm_year = atoi(date) - 1900;
	tm.tm_mon = atoi(date + 5) - 1;
	tm.tm_mday = atoi(date + 8);
	day = floor_div(timegm(&tm), MS_A_DAY / 1000);
	/* February 30 has become March 2. */
	if (!write_date(back, day) || strcmp(back, date))
		return -1;
	return day;
}

void days_date(char out[DATE_SIZE], const char *name, int64_t wall_ms)
{
	GTimeZone *zone = zone_or_utc(name);
	int64_t day = local_day(zone, within_range(wall_ms));

	g_time_zone_unref(zone);
	if (day < 0) /* west of Greenwich on the first day */
		day = 0;
	if (day > CLOCK_LAST_MS / MS_A_DAY)
		day = CLOCK_LAST_MS / MS_A_DAY;
	write_date(out, day);
}

bool days_start(const char *name, const char *date, int64_t *wall_ms)
{
	int64_t day = read_date(date), before, after, midnight;
	GTimeZone *zone;

	if (day < 0)
		return false;
	zone = zone_or_utc(name);
	/* No clock is more than 26 hours off, even at a date change. */
	before = (day - 2) * MS_A_DAY;
	after = (day + 2) * MS_A_DAY;
	midnight = day * MS_A_DAY - offset_ms(zone, before);
	while (after - before > 1) {
		int64_t middle = before + (after - before) / 2;

		if (local_day(zone, middle) < day)
			before = middle;
		else
			after = middle;
	}
	/* Where a day begins twice (back from 00:01 to 23:01), the search may
	 * have found the second time. */
	if (midnight < after && local_day(zone, midnight) >= day)
		after = midnight;
	g_time_zone_unref(zone);
	*wall_ms = after;
	return true;
}

bool days_add(char out[DATE_SIZE], const char *date, int days)
{
	int64_t day = read_date(date);

	return day >= 0 && write_date(out, day + days);
}

int days_weekday(const char *date)
{
	int64_t day = read_date(date);

	/* 1970-01-01 was a Thursday. */
	return day < 0 ? 0 : (int)((day + 3) % 7) + 1;
}

bool days_valid(const char *date)
{
	return read_date(date) >= 0;
}
