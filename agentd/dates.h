/* dates: which days a text speaks of. Pure. */
#ifndef AGENTD_DATES_H
#define AGENTD_DATES_H

#include "agentd/business.h"

enum { DATES_MAX = 10 };

/* Where and when the question is asked, in the tenant's zone. */
struct today {
	char date[DATE_SIZE];
	int minute; /* since midnight */
};

void today_read(struct today *out, const char *zone, int64_t wall_ms);

struct dates {
	int n;
	char date[DATES_MAX][DATE_SIZE]; /* in the order they are said */
	int minute; /* a time of day that was named; -1: none */
};

/* Looks at all the words and marks in `used` (one flag a word) those that
 * speak of days. A date without a year is the next one. The names of the
 * record's holidays are known too. */
void dates_find(struct dates *out, const struct words *words,
	const struct business *business, const struct today *today, bool *used);

#endif
