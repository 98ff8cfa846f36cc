#include "agentd/say.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const phrases[PHRASE_COUNT][LANGS] = {
#define X(phrase, ro, en) {ro, en},
	PHRASES(X)
#undef X
};

static const char *const weekdays[LANGS][8] = {
	{"", "luni", "marți", "miercuri", "joi", "vineri", "sâmbătă",
		"duminică"},
	{"", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
		"Sunday"},
};

static const char *const months[LANGS][13] = {
	{"", "ianuarie", "februarie", "martie", "aprilie", "mai", "iunie",
		"iulie", "august", "septembrie", "octombrie", "noiembrie",
		"decembrie"},
	{"", "January", "February", "March", "April", "May", "June", "July",
		"August", "September", "October", "November", "December"},
};

static const char *const near[LANGS][3] = {
	{"azi", "mâine", "poimâine"},
	{"today", "tomorrow", "the day after tomorrow"},
};

void say3(struct buf *out, enum language language, enum phrase phrase,
	const char *one, const char *two, const char *three)
{
	const char *parts[] = {one, two, three};
	const char *at = phrases[phrase][language];

	while (*at) {
		size_t plain = strcspn(at, "{");

		buf_put(out, at, plain);
		at += plain;
		if (*at) { /* "{1}" */
			buf_puts(out, parts[at[1] - '1']);
			at += 3;
		}
	}
}

void say1(struct buf *out, enum language language, enum phrase phrase,
	const char *one)
{
	say3(out, language, phrase, one, NULL, NULL);
}

void say(struct buf *out, enum language language, enum phrase phrase)
{
	say3(out, language, phrase, NULL, NULL, NULL);
}

/* --- days ----------------------------------------------------------------- */

static void say_date(
	struct buf *out, enum language l, const char *date, const char *today)
{
	buf_printf(out, "%s, %d %s", weekdays[l][days_weekday(date)],
		atoi(date + 8), months[l][atoi(date + 5)]);
	if (strncmp(date, today, 4))
		buf_printf(out, " %.4s", date);
}

void say_day(struct buf *out, enum language language, const char *date,
	const char *today, enum day_place place)
{
	char ahead[DATE_SIZE];

	for (int i = 0; i < 3; i++) {
		if (!days_add(ahead, today, i) || strcmp(ahead, date))
			continue;
		buf_printf(out, "%s (", near[language][i]);
		say_date(out, language, date, today);
		buf_putc(out, ')');
		return;
	}
	if (language == LANG_EN && place != DAY_LISTED)
		buf_puts(out, "on ");
	say_date(out, language, date, today);
	if (place == DAY_FIRST)
		buf_putc(out, ',');
}

void say_time(struct buf *out, int minute)
{
	buf_printf(out, "%02d:%02d", minute / 60, minute % 60);
}

void say_hours(
	struct buf *out, enum language language, const struct hours *hours)
{
	if (!hours->n) {
		say(out, language, P_CLOSED);
		return;
	}
	if (hours->n == 1 && hours->spans[0].from == 0 &&
		hours->spans[0].to == MINUTES_PER_DAY) {
		say(out, language, P_ALL_DAY);
		return;
	}
	for (int i = 0; i < hours->n; i++) {
		if (i && i == hours->n - 1)
			say(out, language, P_AND);
		else if (i)
			buf_puts(out, ", ");
		say_time(out, hours->spans[i].from);
		buf_puts(out, "–");
		say_time(out, hours->spans[i].to);
	}
}

static bool same_hours(const struct hours *a, const struct hours *b)
{
	return a->n == b->n &&
	       !memcmp(a->spans, b->spans, (size_t)a->n * sizeof(a->spans[0]));
}

void say_week(struct buf *out, enum language language, const struct week *week)
{
	for (int from = 1, to; from <= 7; from = to + 1) {
		to = from;
		while (to < 7 &&
			same_hours(&week->day[from], &week->day[to + 1]))
			to++;
		if (from > 1)
			buf_puts(out, ", ");
		buf_puts(out, weekdays[language][from]);
		if (to > from)
			buf_printf(out, "–%s", weekdays[language][to]);
		buf_putc(out, ' ');
		say_hours(out, language, &week->day[from]);
	}
}

/* --- prices --------------------------------------------------------------- */

/* 250; 49.90, in Romanian 49,90 */
static void amount(char *out, size_t size, enum language language, double value)
{
	char *point;

	if (value == floor(value))
		snprintf(out, size, "%.0f", value);
	else
		snprintf(out, size, "%.2f", value);
	point = strchr(out, '.');
	if (point && language == LANG_RO)
		*point = ',';
}

void say_price(
	struct buf *out, enum language language, const struct service *service)
{
	char from[400], to[400];

	amount(from, sizeof(from), language, service->from);
	if (service->from == service->to) {
		if (service->from > 0)
			buf_printf(out, "%s %s", from, service->currency);
		else
			say(out, language, P_FREE);
		return;
	}
	if (service->to < service->from) {
		say3(out, language, P_FROM, from, NULL, service->currency);
		return;
	}
	amount(to, sizeof(to), language, service->to);
	say3(out, language, P_BETWEEN, from, to, service->currency);
}

/* Romanian counts "19 minute", but "20 de minute". */
static void count_ro(struct buf *out, int n, const char *one, const char *many)
{
	int rest = n % 100;

	if (n == 1)
		buf_puts(out, one);
	else
		buf_printf(out, "%d %s%s", n,
			rest == 0 || rest >= 20 ? "de " : "", many);
}

static void count_en(struct buf *out, int n, const char *one)
{
	buf_printf(out, "%d %s%s", n, one, n == 1 ? "" : "s");
}

void say_minutes(struct buf *out, enum language language, int minutes)
{
	int hours = minutes >= 120 || minutes == 60 ? minutes / 60 : 0;

	if (hours && language == LANG_RO)
		count_ro(out, hours, "o oră", "ore");
	else if (hours)
		count_en(out, hours, "hour");
	minutes -= hours * 60;
	if (!minutes)
		return;
	if (hours)
		say(out, language, P_AND);
	if (language == LANG_RO)
		count_ro(out, minutes, "un minut", "minute");
	else
		count_en(out, minutes, "minute");
}

void say_capital(struct buf *out, size_t from)
{
	char *at;

	if (from >= out->len)
		return;
	at = out->data + from;
	if (*at >= 'a' && *at <= 'z')
		*at -= 32;
	else if (!memcmp(at, "î", 2))
		memcpy(at, "Î", 2);
}
