#include "agentd/dates.h"
#include "agentd/lexicon.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DAYS_A_WEEK = 7,
	SATURDAY = 6,
	NAMED_MAX = 3 /* holidays in one question */
};

struct finder {
	struct dates *out;
	const struct words *words;
	const struct today *today;
	bool *used;
};

void today_read(struct today *out, const char *zone, int64_t wall_ms)
{
	struct local_time local;

	days_local(zone, wall_ms, &local);
	days_date(out->date, zone, wall_ms);
	out->minute = local.hour * 60 + local.minute;
}

static const char *word(const struct finder *f, int at)
{
	return at >= 0 && at < f->words->n ? f->words->items[at].fold : "";
}

static bool is(const struct finder *f, int at, const char *fold)
{
	return !strcmp(word(f, at), fold);
}

static bool is_one_of(
	const struct finder *f, int at, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is(f, at, list[i]))
			return true;
	return false;
}
#define ONE_OF(f, at, ...) \
	is_one_of(f, at, (const char *const[]){__VA_ARGS__}, \
		COUNT(((const char *const[]){__VA_ARGS__})))

static void mark(struct finder *f, int at, int n)
{
	for (int i = at; i < at + n; i++)
		f->used[i] = true;
}

static void add(struct finder *f, const char *date)
{
	for (int i = 0; i < f->out->n; i++)
		if (!strcmp(f->out->date[i], date))
			return;
	if (f->out->n < DATES_MAX)
		memcpy(f->out->date[f->out->n++], date, DATE_SIZE);
}

static void add_offset(struct finder *f, int days)
{
	char date[DATE_SIZE];

	if (days_add(date, f->today->date, days))
		add(f, date);
}

/* The character between two neighbouring words; 0 if there is more than one. */
static char glue(const struct finder *f, int at)
{
	const struct word *a, *b;

	if (at + 1 >= f->words->n)
		return 0;
	a = &f->words->items[at];
	b = a + 1;
	return b->at == a->at + a->len + 1 ? f->words->text[b->at - 1] : 0;
}

/* The value of a word of `min` to `max` digits; -1 if it is not one. */
static int number(const struct finder *f, int at, size_t min, size_t max)
{
	const char *fold = word(f, at);
	size_t n = strspn(fold, "0123456789");

	return n >= min && n <= max && !fold[n] ? atoi(fold) : -1;
}

/* Adds a date that was named; without a year (0) the next one. */
static bool add_named(struct finder *f, int year, int month, int day)
{
	char date[16];
	bool given = year > 0;

	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (!given)
		year = atoi(f->today->date);
	/* 29 February without a year may be three years ahead. */
	for (int i = 0; i < 8; i++, year++) {
		snprintf(date, sizeof(date), "%04d-%02d-%02d", year % 10000,
			month, day);
		if (days_valid(date) &&
			(given || strcmp(date, f->today->date) >= 0)) {
			add(f, date);
			return true;
		}
		if (given)
			break;
	}
	return false;
}

/* --- numbers -------------------------------------------------------------- */

/* 2026-12-25 */
static int iso_date(struct finder *f, int at)
{
	int year = number(f, at, 4, 4), month = number(f, at + 1, 2, 2);
	int day = number(f, at + 2, 2, 2);

	if (year < 1970 || month < 0 || day < 0 || glue(f, at) != '-' ||
		glue(f, at + 1) != '-' || !add_named(f, year, month, day))
		return 0;
	return 3;
}

/* 25.12, 25.12.2026, 25/12 */
static int dotted_date(struct finder *f, int at)
{
	int day = number(f, at, 1, 2), month = number(f, at + 1, 2, 2);
	char mark = glue(f, at);
	int year;

	if (day < 0 || month < 0 || (mark != '.' && mark != '/') ||
		ONE_OF(f, at - 1, "ora", "orele", "at"))
		return 0;
	year = glue(f, at + 1) == mark ? number(f, at + 2, 4, 4) : -1;
	if (!add_named(f, year > 0 ? year : 0, month, day))
		return 0;
	return year > 0 ? 3 : 2;
}

static int month_of(const char *fold)
{
	static const char *const months[][6] = {
		{"ianuarie", "january", "ian", "jan"},
		{"februarie", "february", "feb", "febr"},
		{"martie", "march", "mar", "mart"},
		{"aprilie", "april", "apr"},
		{"mai", "may"},
		{"iunie", "june", "iun", "jun"},
		{"iulie", "july", "iul", "jul"},
		{"august", "aug"},
		{"septembrie", "september", "sep", "sept"},
		{"octombrie", "october", "oct"},
		{"noiembrie", "november", "nov", "noi"},
		{"decembrie", "december", "dec"},
	};

	for (int m = 0; m < 12; m++)
		for (int i = 0; i < 6 && months[m][i]; i++)
			if (!strcmp(fold, months[m][i]))
				return m + 1;
	return 0;
}

/* 25, 25th, întâi */
static int day_of_month(const struct finder *f, int at)
{
	const char *fold = word(f, at);
	size_t n = strspn(fold, "0123456789");

	if (!strcmp(fold, "intai"))
		return 1;
	if (n < 1 || n > 2)
		return 0;
	if (fold[n] && strcmp(fold + n, "st") && strcmp(fold + n, "nd") &&
		strcmp(fold + n, "rd") && strcmp(fold + n, "th"))
		return 0;
	return atoi(fold);
}

/* 25 decembrie 2026, 25th of December, December 25 */
static int worded_date(struct finder *f, int at)
{
	int day = day_of_month(f, at), month, year, n;

	if (day) {
		n = is(f, at + 1, "of") ? 3 : 2;
		month = month_of(word(f, at + n - 1));
	} else {
		n = 2;
		month = month_of(word(f, at));
		day = month ? day_of_month(f, at + 1) : 0;
	}
	if (!day || !month)
		return 0;
	year = number(f, at + n, 4, 4);
	if (!add_named(f, year > 1969 ? year : 0, month, day))
		return 0;
	return year > 1969 ? n + 1 : n;
}

/* 18:30; ora 18; 6 pm. A bare number says nothing. */
static int time_of_day(struct finder *f, int at)
{
	int hour = number(f, at, 1, 2), minute = 0, n = 1;
	bool told = ONE_OF(f, at - 1, "ora", "orele");
	const char *half;

	if (hour < 0)
		return 0;
	if (glue(f, at) == ':' && number(f, at + 1, 2, 2) >= 0) {
		minute = number(f, at + 1, 2, 2);
		told = true;
		n = 2;
	}
	half = word(f, at + n);
	if (!strcmp(half, "am") || !strcmp(half, "pm")) {
		if (hour < 1 || hour > 12)
			return 0;
		hour = hour % 12 + (*half == 'p' ? 12 : 0);
		told = true;
		n++;
	} else if (at + n == f->words->n && ONE_OF(f, at - 1, "la", "at")) {
		told = true;
	}
	if (!told || hour > 23 || minute > 59)
		return 0;
	f->out->minute = hour * 60 + minute;
	return n;
}

/* --- words ---------------------------------------------------------------- */

static int weekday_of(const char *fold)
{
	static const char *const names[][4] = {
		{"luni", "lunea", "monday", "mondays"},
		{"marti", "martea", "tuesday", "tuesdays"},
		{"miercuri", "miercurea", "wednesday", "wednesdays"},
		{"joi", "joia", "thursday", "thursdays"},
		{"vineri", "vinerea", "friday", "fridays"},
		{"sambata", "sambetele", "saturday", "saturdays"},
		{"duminica", "duminicile", "sunday", "sundays"},
	};

	for (int d = 0; d < DAYS_A_WEEK; d++)
		for (int i = 0; i < 4; i++)
			if (!strcmp(fold, names[d][i]))
				return d + 1;
	return 0;
}

/* "6 luni", "câteva luni": months, not Monday. */
static bool counted(const struct finder *f, int at)
{
	return number(f, at - 1, 1, 4) >= 0 ||
	       ONE_OF(f, at - 1, "doua", "trei", "patru", "cinci", "sase",
		       "cateva", "multe", "ultimele", "urmatoarele");
}

/* "luni" is the coming one, today's included; "lunea viitoare" that of the
 * next calendar week. */
static int weekday(struct finder *f, int at)
{
	int day = weekday_of(word(f, at)), today, ahead, n = 1;

	if (!day || (is(f, at, "luni") && counted(f, at)))
		return 0;
	today = days_weekday(f->today->date);
	ahead = (day - today + DAYS_A_WEEK) % DAYS_A_WEEK;
	if (ONE_OF(f, at + 1, "viitoare", "viitor", "urmatoare")) {
		ahead = day - today + DAYS_A_WEEK;
		n = 2;
	} else if (is(f, at - 1, "next")) {
		ahead = day - today + DAYS_A_WEEK;
		mark(f, at - 1, 1);
	}
	add_offset(f, ahead);
	return n;
}

static int weekend(struct finder *f, int at)
{
	int today = days_weekday(f->today->date), n = 1;

	if (is(f, at, "week") && is(f, at + 1, "end"))
		n = 2;
	else if (!ONE_OF(f, at, "weekend", "weekendul", "weekenduri",
			 "weekends", "weekendurile"))
		return 0;
	if (today <= SATURDAY)
		add_offset(f, SATURDAY - today);
	add_offset(f, SATURDAY + 1 - today);
	return n;
}

static int relative(struct finder *f, int at)
{
	static const struct {
		const char *phrase[5];
		int days;
	} ways[] = {
		{{"day", "after", "tomorrow"}, 2},
		{{"azi"}, 0},
		{{"astazi"}, 0},
		{{"diseara"}, 0},
		{{"today"}, 0},
		{{"tonight"}, 0},
		{{"maine"}, 1},
		{{"tomorrow"}, 1},
		{{"poimaine"}, 2},
	};

	for (size_t i = 0; i < COUNT(ways); i++) {
		int n = 0;

		while (ways[i].phrase[n] && is(f, at + n, ways[i].phrase[n]))
			n++;
		if (ways[i].phrase[n])
			continue;
		add_offset(f, ways[i].days);
		return n;
	}
	return 0;
}

/* --- the record's holidays ------------------------------------------------ */

/* What one may leave out of a holiday's name. */
static bool dispensable(const char *fold)
{
	static const char *const words[] = {"day", "ziua", "zi", "orthodox",
		"sfantul", "sfanta", "saint", "legala"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcmp(fold, words[i]))
			return true;
	return false;
}

/* True if every word of the name that counts is said; marks them in `said`
 * and counts them. */
static int name_said(
	const struct finder *f, const struct words *name, bool *said)
{
	int n = 0;

	for (int i = 0; i < name->n; i++) {
		const char *fold = name->items[i].fold;
		int at;

		if (dispensable(fold) ||
			(lexicon_filler(fold) && strcmp(fold, "after")))
			continue;
		for (at = 0; at < f->words->n; at++)
			if (!said[at] && words_alike(&name->items[i],
						 &f->words->items[at]))
				break;
		if (at == f->words->n)
			return 0;
		said[at] = true;
		n++;
	}
	return n;
}

/* The next day of a holiday, today included. */
static bool next_day(
	const struct finder *f, const struct holiday *h, char out[DATE_SIZE])
{
	int year = atoi(f->today->date);

	if (strlen(h->date) == DATE_SIZE - 1) {
		memcpy(out, h->date, DATE_SIZE);
		return strcmp(out, f->today->date) >= 0;
	}
	for (int i = 0; i < 8; i++, year++) {
		char date[16];

		snprintf(
			date, sizeof(date), "%04d-%.5s", year % 10000, h->date);
		memcpy(out, date, DATE_SIZE);
		if (days_valid(out) && strcmp(out, f->today->date) >= 0)
			return true;
	}
	return false;
}

static bool eve(const struct finder *f, int *at)
{
	for (*at = 0; *at < f->words->n; (*at)++)
		if (ONE_OF(f, *at, "eve", "ajun", "ajunul"))
			return true;
	return false;
}

/* The holiday whose name has most words in the text; of several years the
 * next. Returns false if none is named. */
static bool add_holiday(struct finder *f, const struct business *business)
{
	size_t n = (size_t)f->words->n;
	bool *said = xalloc(n + 1), *best_said = xalloc(n + 1);
	char date[DATE_SIZE], best[DATE_SIZE] = "";
	int most = 0, at;

	for (int i = 0; i < business->n_holidays; i++) {
		const struct holiday *h = &business->holidays[i];

		for (int l = 0; l < LANGS; l++) {
			int words;

			memcpy(said, f->used, n);
			words = name_said(f, &h->words[l], said);
			if (!words || words < most || !next_day(f, h, date) ||
				(words == most && strcmp(date, best) >= 0))
				continue;
			most = words;
			memcpy(best, date, DATE_SIZE);
			memcpy(best_said, said, n);
		}
	}
	if (most) {
		memcpy(f->used, best_said, n);
		if (eve(f, &at)) {
			mark(f, at, 1);
			memcpy(date, best, DATE_SIZE);
			if (!days_add(best, date, -1))
				memcpy(best, date, DATE_SIZE);
		}
		for (int i = 0; i < f->words->n; i++)
			f->used[i] = f->used[i] || dispensable(word(f, i));
		add(f, best);
	}
	free(said);
	free(best_said);
	return most > 0;
}

/* "între Crăciun și Anul Nou": the days between, as far as there is room. */
static void fill_between(struct finder *f)
{
	char last[DATE_SIZE], date[DATE_SIZE];
	bool between = false;

	for (int at = 0; at < f->words->n; at++)
		between = between || ONE_OF(f, at, "intre", "between");
	if (!between || f->out->n != 2)
		return;
	if (strcmp(f->out->date[0], f->out->date[1]) > 0) {
		memcpy(date, f->out->date[0], DATE_SIZE);
		memcpy(f->out->date[0], f->out->date[1], DATE_SIZE);
		memcpy(f->out->date[1], date, DATE_SIZE);
	}
	memcpy(last, f->out->date[1], DATE_SIZE);
	f->out->n = 1;
	for (int i = 1; f->out->n < DATES_MAX; i++)
		if (!days_add(date, f->out->date[0], i) ||
			strcmp(date, last) >= 0)
			break;
		else
			add(f, date);
	add(f, last);
}

void dates_find(struct dates *out, const struct words *words,
	const struct business *business, const struct today *today, bool *used)
{
	struct finder f = {out, words, today, used};
	static int (*const ways[])(struct finder *, int) = {iso_date,
		worded_date, dotted_date, time_of_day, relative, weekday,
		weekend};

	*out = (struct dates){.minute = -1};
	for (int at = 0; at < words->n;) {
		int n = 0;

		for (size_t i = 0; i < COUNT(ways) && !n; i++)
			n = ways[i](&f, at);
		mark(&f, at, n);
		at += n ? n : 1;
	}
	for (int i = 0; i < NAMED_MAX && add_holiday(&f, business); i++)
		continue;
	fill_between(&f);
}
