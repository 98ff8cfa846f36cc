/* business: a tenant's record, understood. Pure.
 *
 * The record comes from outside: whatever is missing or malformed is simply
 * not known, and never a fault. */
#ifndef AGENTD_BUSINESS_H
#define AGENTD_BUSINESS_H

#include "agentd/words.h"
#include "shared/days.h"
#include "shared/json.h"

enum {
	SPANS_MAX = 6, /* opening times of one day */
	LOCATIONS_MAX = 50,
	DAYS_MAX = 200, /* holidays, overrides, services */
	ALIASES_MAX = 20,
	NAME_WORDS = 16, /* of a name that are looked at */
	POLICIES_MAX = 50,
	MINUTES_PER_DAY = 24 * 60
};

/* Both languages are there if either was; NULL in both: not said. */
struct text {
	const char *in[LANGS];
};

struct hours {
	int n; /* 0: closed */
	struct {
		int from, to; /* minutes since midnight */
	} spans[SPANS_MAX];
};

struct week {
	bool known;
	struct hours day[8]; /* 1 Monday .. 7 Sunday */
};

struct location {
	const char *id; /* never NULL */
	struct text name, address, directions;
	const char *phone;
	struct week week;
};

struct holiday {
	const char *date; /* "2026-12-25", or "12-25": every year */
	struct text name;
	struct words words[LANGS]; /* of the name */
	bool closed;
};

struct override {
	const char *from, *to; /* dates, both included */
	struct hours hours;
	struct text note;
};

struct service {
	struct text name; /* never NULL */
	struct words called[ALIASES_MAX + LANGS]; /* its names and aliases */
	int n_called;
	bool priced;
	double from, to; /* equal: one price; to < 0: open upwards */
	const char *currency;
	int duration_min; /* 0: not said */
	struct text description;
};

struct policy {
	const char *name; /* "cancellation" */
	struct text text;
};

struct business {
	const char *name; /* never NULL */
	const char *zone; /* never NULL */
	enum language language; /* when a question's cannot be told */
	struct text description;
	struct location *locations;
	int n_locations;
	struct week week;
	struct holiday *holidays;
	int n_holidays;
	struct override *overrides;
	int n_overrides;
	struct service *services;
	int n_services;
	struct policy *policies;
	int n_policies;
	const char *phone, *email, *website, *whatsapp; /* NULL: not said */
};

/* `record` may be NULL or anything; `id` names a business without a name. */
void business_read(struct business *out, struct arena *arena,
	const struct json *record, const char *id);

const struct location *business_location(
	const struct business *business, const char *id); /* NULL if none */

/* True if nothing at all is known but the name. */
bool business_blank(const struct business *business);

enum day_why { DAY_ORDINARY, DAY_HOLIDAY, DAY_OVERRIDE };

struct day {
	bool known;
	struct hours hours;
	enum day_why why;
	const struct text *reason; /* the holiday's name, the override's note;
				      NULL: none */
};

/* The hours of a date: the first override that covers it, else closed if it
 * is a holiday, else the location's week (NULL: no location), else the
 * general one. */
void business_day(const struct business *business,
	const struct location *location, const char *date, struct day *out);

/* True if some override or holiday speaks of the date. */
bool business_special(const struct business *business, const char *date);

/* The first date after `date` with opening times, within 30 days. */
bool business_next_open(const struct business *business,
	const struct location *location, const char *date, char out[DATE_SIZE]);

#endif
