#include "shared/clock.h"
#include "shared/log.h"
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uuid/uuid.h>

static const int64_t no_offset;
static const int64_t *offset = &no_offset; /* little-endian */

void clock_open(const char *offset_file)
{
	struct stat status;
	void *map;
	int fd;

	if (!offset_file)
		return;
	fd = open(offset_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status))
		die(offset_file, strerror(errno));
	if (status.st_size < (off_t)sizeof(*offset))
		die(offset_file, "is shorter than 8 bytes");
	map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die(offset_file, strerror(errno));
	close(fd);
	offset = map;
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
	int64_t moved = __atomic_load_n(offset, __ATOMIC_RELAXED);

	return clock_ms(CLOCK_REALTIME) + (int64_t)le64toh((uint64_t)moved);
}

int64_t clock_mono_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* Writes `digits` digits, then `after`. */
static char *put_number(char *out, int value, int digits, char after)
{
	for (int i = digits; i-- > 0; value /= 10)
		out[i] = (char)('0' + value % 10);
	out[digits] = after;
	return out + digits + 1;
}

void clock_iso(char out[ISO_SIZE], int64_t wall_ms)
{
	time_t seconds;
	struct tm tm;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > CLOCK_LAST_MS)
		wall_ms = CLOCK_LAST_MS;
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	out = put_number(out, tm.tm_year + 1900, 4, '-');
	out = put_number(out, tm.tm_mon + 1, 2, '-');
	out = put_number(out, tm.tm_mday, 2, 'T');
	out = put_number(out, tm.tm_hour, 2, ':');
	out = put_number(out, tm.tm_min, 2, ':');
	out = put_number(out, tm.tm_sec, 2, '.');
	out = put_number(out, (int)(wall_ms % 1000), 3, 'Z');
	*out = '\0';
}

/* Exactly `digits` digits within min..max, then one of `after`. */
static bool take_number(const char **text, int digits, int min, int max,
	const char *after, int *value)
{
	*value = 0;
	for (int i = 0; i < digits; i++, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return false;
		*value = *value * 10 + (**text - '0');
	}
	if (*value < min || *value > max)
		return false;
	if (!after)
		return true;
	return **text && strchr(after, *(*text)++);
}

static bool take_decimals(const char **text, int *ms)
{
	int digits = 0;

	*ms = 0;
	if (**text != '.')
		return true;
	for ((*text)++; isdigit((unsigned char)**text); (*text)++, digits++)
		if (digits < 3)
			*ms = *ms * 10 + (**text - '0');
	for (int i = digits; i < 3; i++)
		*ms *= 10;
	return digits >= 1 && digits <= 9;
}

/* Z or +hh:mm, and the end. */
static bool take_zone(const char *text, int *minutes)
{
	int sign = *text == '-' ? -1 : 1, hour, minute;

	*minutes = 0;
	if (*text == 'Z' || *text == 'z')
		return !text[1];
	if (*text != '+' && *text != '-')
		return false;
	text++;
	if (!take_number(&text, 2, 0, 23, ":", &hour) ||
		!take_number(&text, 2, 0, 59, NULL, &minute))
		return false;
	*minutes = sign * (hour * 60 + minute);
	return !*text;
}

static int month_days(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

bool clock_parse_iso(const char *text, int64_t *wall_ms)
{
	struct tm tm = {0};
	int year, month, day, ms, zone_minutes;
	int64_t result;

	if (!take_number(&text, 4, 1969, 9999, "-", &year) ||
		!take_number(&text, 2, 1, 12, "-", &month) ||
		!take_number(&text, 2, 1, 31, "Tt", &day) ||
		!take_number(&text, 2, 0, 23, ":", &tm.tm_hour) ||
		!take_number(&text, 2, 0, 59, ":", &tm.tm_min) ||
		!take_number(&text, 2, 0, 60, NULL, &tm.tm_sec) ||
		!take_decimals(&text, &ms) || !take_zone(text, &zone_minutes) ||
		day > month_days(year, month))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	result = timegm(&tm) * INT64_C(1000) + ms;
	result -= zone_minutes * INT64_C(60000);
	if (result < 0 || result > CLOCK_LAST_MS)
		return false;
	*wall_ms = result;
	return true;
}

void uuid_fresh(char out[UUID_SIZE])
{
	uuid_t uuid;

	uuid_generate_random(uuid);
	uuid_unparse_lower(uuid, out);
}

/* Random bytes are fetched many at a time: a system call for each id is what
 * making one costs otherwise. */
static void random_eight(unsigned char out[8])
{
	static _Thread_local unsigned char pool[256];
	static _Thread_local size_t left;

	if (!left) {
		if (getentropy(pool, sizeof(pool)))
			abort(); /* a kernel without it */
		left = sizeof(pool);
	}
	left -= 8;
	memcpy(out, pool + left, 8);
}

void uuid_timed(char out[UUID_SIZE], int64_t wall_ms, uint64_t count)
{
	uuid_t uuid = {0};

	random_eight(uuid + 8);
	uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3f)); /* RFC 9562 */
	for (int i = 0; i < 6; i++)
		uuid[i] = (unsigned char)(wall_ms >> (40 - 8 * i));
	uuid[6] = (unsigned char)(0x70 | (count >> 8 & 0x0f));
	uuid[7] = (unsigned char)count;
	uuid_unparse_lower(uuid, out);
}

bool uuid_valid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	size_t i;

	for (i = 0; shape[i]; i++)
		if (shape[i] == '-' ? text[i] != '-'
				    : !isxdigit((unsigned char)text[i]))
			return false;
	return !text[i];
}
