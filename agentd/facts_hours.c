/* facts about opening hours: on a day, now, in a week, over the holidays */

#include "agentd/facts.h"
#include <string.h>

enum { SENTENCE_MAX = 4096 };

static const char *in(const struct facts *f, const struct text *text)
{
	return text->in[f->language];
}

/* A sentence that is put together before it is said. */
struct piece {
	struct buf day, hours;
};

static void piece_init(struct piece *p)
{
	buf_init(&p->day, SENTENCE_MAX);
	buf_init(&p->hours, SENTENCE_MAX);
}

static void piece_clear(struct piece *p)
{
	buf_clear(&p->day);
	buf_clear(&p->hours);
}

static bool open_at(const struct hours *hours, int minute, int *until)
{
	for (int i = 0; i < hours->n; i++)
		if (hours->spans[i].from <= minute &&
			minute < hours->spans[i].to) {
			*until = hours->spans[i].to;
			return true;
		}
	return false;
}

static void space(struct facts *f, size_t begun)
{
	if (f->text.len > begun)
		buf_putc(&f->text, ' ');
}

static void say_next_open(
	struct facts *f, const struct location *at, const char *date)
{
	char next[DATE_SIZE];
	struct piece p;
	struct day day;

	if (!business_next_open(f->business, at, date, next))
		return;
	piece_init(&p);
	business_day(f->business, at, next, &day);
	say_day(&p.day, f->language, next, f->today->date, DAY_INSIDE);
	say_hours(&p.hours, f->language, &day.hours);
	buf_putc(&f->text, ' ');
	say3(&f->text, f->language, P_NEXT_OPEN, p.day.data, p.hours.data,
		NULL);
	piece_clear(&p);
}

static void say_one_day(struct facts *f, const struct location *at,
	const char *date, const struct day *day)
{
	struct piece p;
	const char *why = day->reason ? in(f, day->reason) : NULL;
	size_t begun = f->text.len;

	piece_init(&p);
	say_day(&p.day, f->language, date, f->today->date, DAY_FIRST);
	say_hours(&p.hours, f->language, &day->hours);
	if (day->hours.n)
		say3(&f->text, f->language, why ? P_OPEN_WHY : P_OPEN_ON,
			p.day.data, p.hours.data, why);
	else
		say3(&f->text, f->language, why ? P_CLOSED_WHY : P_CLOSED_ON,
			p.day.data, NULL, why);
	say_capital(&f->text, begun);
	if (day->why == DAY_OVERRIDE && day->hours.n) {
		const struct week *week =
			at && at->week.known ? &at->week : &f->business->week;

		buf_reset(&p.hours);
		say_hours(
			&p.hours, f->language, &week->day[days_weekday(date)]);
		buf_putc(&f->text, ' ');
		if (week->known)
			say1(&f->text, f->language, P_USUALLY, p.hours.data);
	}
	piece_clear(&p);
}

static bool hours_of_days(
	struct facts *f, const struct location *at, const struct dates *dates)
{
	bool any = false;
	size_t begun = f->text.len;

	for (int i = 0; i < dates->n; i++) {
		struct day day;
		int until;
		bool open;
		struct buf clock;

		business_day(f->business, at, dates->date[i], &day);
		if (!day.known)
			continue;
		any = true;
		space(f, begun);
		if (dates->minute >= 0) {
			buf_init(&clock, 8);
			say_time(&clock, dates->minute);
			open = open_at(&day.hours, dates->minute, &until);
			say1(&f->text, f->language,
				open ? P_OPEN_AT : P_CLOSED_AT, clock.data);
			buf_putc(&f->text, ' ');
			buf_clear(&clock);
		}
		say_one_day(f, at, dates->date[i], &day);
		if (!day.hours.n && dates->n == 1)
			say_next_open(f, at, dates->date[i]);
	}
	return any;
}

static void say_opens(struct facts *f, const struct location *at)
{
	const char *today = f->today->date;
	char date[DATE_SIZE];
	struct piece p;
	struct day day;
	int from = -1;

	memcpy(date, today, DATE_SIZE);
	business_day(f->business, at, today, &day);
	for (int i = 0; day.known && i < day.hours.n && from < 0; i++)
		if (day.hours.spans[i].from > f->today->minute)
			from = day.hours.spans[i].from;
	if (from < 0) {
		if (!business_next_open(f->business, at, today, date))
			return;
		business_day(f->business, at, date, &day);
		from = day.hours.spans[0].from;
	}
	piece_init(&p);
	say_day(&p.day, f->language, date, today, DAY_INSIDE);
	say_time(&p.hours, from);
	buf_putc(&f->text, ' ');
	say3(&f->text, f->language, P_OPENS, p.day.data, p.hours.data, NULL);
	piece_clear(&p);
}

static bool hours_now(struct facts *f, const struct location *at)
{
	struct day day;
	struct buf clock;
	int until;

	business_day(f->business, at, f->today->date, &day);
	if (!day.known)
		return false;
	if (!open_at(&day.hours, f->today->minute, &until)) {
		say(&f->text, f->language, P_NOW_CLOSED);
		say_opens(f, at);
		return true;
	}
	buf_init(&clock, 8);
	say_time(&clock, until);
	say1(&f->text, f->language,
		until == MINUTES_PER_DAY ? P_NOW_ALWAYS : P_NOW_OPEN,
		clock.data);
	buf_clear(&clock);
	return true;
}

/* "luni, 30 noiembrie: închis (Sfântul Andrei)" for each day of `days` that
 * differs from the ordinary week; returns how many. */
static int put_other_days(struct facts *f, const struct location *at,
	struct buf *out, int days, int max, const char *before)
{
	int n = 0;

	for (int i = 0; i < days && n < max; i++) {
		char date[DATE_SIZE];
		struct day day;

		if (!days_add(date, f->today->date, i) ||
			!business_special(f->business, date))
			continue;
		business_day(f->business, at, date, &day);
		if (!day.known)
			continue;
		buf_puts(out, n || *before == '\n' ? before : "");
		say_day(out, f->language, date, f->today->date, DAY_LISTED);
		buf_puts(out, ": ");
		say_hours(out, f->language, &day.hours);
		if (day.reason)
			buf_printf(out, " (%s)", in(f, day.reason));
		n++;
	}
	return n;
}

static bool hours_of_week(
	struct facts *f, const struct location *at, bool named)
{
	const struct week *week =
		at && at->week.known ? &at->week : &f->business->week;
	const char *name = named ? in(f, &at->name) : NULL;
	struct buf text;

	if (!week->known)
		return false;
	buf_init(&text, SENTENCE_MAX);
	say_week(&text, f->language, week);
	if (name)
		say3(&f->text, f->language, P_WEEK_OF, name, text.data, NULL);
	else
		say1(&f->text, f->language, P_WEEK, text.data);
	buf_reset(&text);
	if (put_other_days(f, at, &text, 14, 5, "; ")) {
		buf_putc(&f->text, ' ');
		say1(&f->text, f->language, P_OTHER_DAYS, text.data);
	}
	buf_clear(&text);
	return true;
}

static bool hours_of_holidays(struct facts *f, const struct location *at)
{
	struct buf text;
	int n;

	buf_init(&text, SENTENCE_MAX);
	n = put_other_days(f, at, &text, 60, 12, "\n• ");
	if (n)
		say1(&f->text, f->language, P_OTHER_DAYS, text.data);
	else
		say(&f->text, f->language, P_NO_OTHER_DAYS);
	buf_clear(&text);
	return true;
}

/* One location's hours, or the general ones. */
static bool hours_at(struct facts *f, const struct part *part,
	const struct location *at, bool named)
{
	size_t begun = facts_begin(f);
	bool any = false;

	if (named && part->when != WHEN_WEEK) {
		buf_puts(&f->text, in(f, &at->name));
		buf_puts(&f->text, ": ");
	}
	switch (part->when) {
	case WHEN_DAYS:
		any = hours_of_days(f, at, &part->dates);
		break;
	case WHEN_NOW:
		any = hours_now(f, at);
		break;
	case WHEN_HOLIDAYS:
		any = (at && at->week.known) || f->business->week.known;
		any = any && hours_of_holidays(f, at);
		break;
	case WHEN_WEEK:
		any = hours_of_week(f, at, named);
		break;
	}
	if (!any)
		f->text.len = begun, f->text.data[begun] = 0;
	facts_end_record(f, begun, P_TITLE_HOURS);
	return any;
}

bool facts_hours(struct facts *facts, const struct part *part)
{
	const struct business *b = facts->business;
	const struct location *at =
		part->location ? part->location : facts->location;
	bool any = false;

	if (at || b->n_locations == 1)
		return hours_at(facts, part, at ? at : &b->locations[0], false);
	for (int i = 0; i < b->n_locations; i++)
		if (b->locations[i].week.known &&
			in(facts, &b->locations[i].name))
			any = hours_at(facts, part, &b->locations[i], true) ||
			      any;
	return any || hours_at(facts, part, NULL, false);
}
