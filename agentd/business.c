#include "agentd/business.h"
#include <stdio.h>
#include <string.h>

/* --- reading -------------------------------------------------------------- */

static const char *string_of(struct arena *arena, const struct json *value)
{
	const char *text = json_text(value);

	return text && text[0] ? arena_strndup(arena, text, strlen(text))
			       : NULL;
}

static const char *string(
	struct arena *arena, const struct json *object, const char *name)
{
	return string_of(arena, json_get(object, name));
}

/* A string for all languages, or an object with one for each. */
static struct text text(
	struct arena *arena, const struct json *object, const char *name)
{
	const struct json *value = json_get(object, name);
	struct text out = {{NULL}};

	if (json_is_string(value)) {
		out.in[LANG_RO] = out.in[LANG_EN] = string_of(arena, value);
	} else if (json_is_object(value)) {
		out.in[LANG_RO] = string(arena, value, "ro");
		out.in[LANG_EN] = string(arena, value, "en");
		if (!out.in[LANG_RO])
			out.in[LANG_RO] = out.in[LANG_EN];
		if (!out.in[LANG_EN])
			out.in[LANG_EN] = out.in[LANG_RO];
	}
	return out;
}

static void split(struct words *out, struct arena *arena, const char *name)
{
	words_split(out, arena, name ? name : "", name ? strlen(name) : 0,
		NAME_WORDS);
}

static const struct json *first_of(
	const struct json *object, const char *name, int max, int *n)
{
	const struct json *list = json_get(object, name);

	if (!json_is_array(list))
		return *n = 0, NULL;
	*n = json_size(list) < max ? json_size(list) : max;
	return json_first(list);
}

static bool clock_minutes(const struct json *value, int *minutes)
{
	const char *hm = json_text(value);
	int h, m, end = 0;

	if (!hm || sscanf(hm, "%2d:%2d%n", &h, &m, &end) != 2 || hm[end] ||
		end != 5 || h < 0 || m < 0 || m > 59)
		return false;
	*minutes = h * 60 + m;
	return *minutes <= MINUTES_PER_DAY;
}

/* [["08:00","12:00"],["13:00","17:00"]] */
static bool read_hours(struct hours *out, const struct json *list)
{
	const struct json *item;
	int last = 0;

	out->n = 0;
	if (!json_is_array(list))
		return false;
	for (item = json_first(list); item; item = json_next(item)) {
		const struct json *from, *to;
		int a, b;

		if (!json_is_array(item) || out->n == SPANS_MAX)
			return false;
		from = json_first(item);
		to = from ? json_next(from) : NULL;
		if (!clock_minutes(from, &a) || !clock_minutes(to, &b) ||
			a >= b || a < last)
			return false;
		out->spans[out->n].from = a;
		out->spans[out->n++].to = last = b;
	}
	return true;
}

static void read_week(struct week *out, const struct json *object)
{
	static const char *const names[] = {
		"", "mon", "tue", "wed", "thu", "fri", "sat", "sun"};

	if (!json_is_object(object))
		return;
	for (int d = 1; d <= 7; d++)
		if (read_hours(&out->day[d], json_get(object, names[d])))
			out->known = true;
		else
			out->day[d].n = 0;
}

static void read_locations(
	struct business *b, struct arena *arena, const struct json *record)
{
	const struct json *item;
	int n;

	item = first_of(record, "locations", LOCATIONS_MAX, &n);
	b->locations = arena_alloc(arena, (size_t)n * sizeof(*b->locations));
	for (; n-- > 0; item = json_next(item)) {
		struct location *l = &b->locations[b->n_locations];

		if (!json_is_object(item))
			continue;
		l->id = string(arena, item, "id");
		if (!l->id)
			l->id = "";
		l->name = text(arena, item, "name");
		l->address = text(arena, item, "address");
		l->directions = text(arena, item, "directions");
		l->phone = string(arena, item, "phone");
		read_week(&l->week, json_get(item, "hours"));
		b->n_locations++;
	}
}

static bool every_year(const char *date)
{
	char dated[DATE_SIZE];

	if (strlen(date) != 5)
		return false;
	snprintf(dated, sizeof(dated), "2000-%s", date); /* a leap year */
	return days_valid(dated);
}

static void read_holidays(
	struct business *b, struct arena *arena, const struct json *record)
{
	const struct json *item;
	int n;

	item = first_of(record, "holidays", DAYS_MAX, &n);
	b->holidays = arena_alloc(arena, (size_t)n * sizeof(*b->holidays));
	for (; n-- > 0; item = json_next(item)) {
		struct holiday *h = &b->holidays[b->n_holidays];

		h->date = string(arena, item, "date");
		if (!h->date || !(days_valid(h->date) || every_year(h->date)))
			continue;
		h->name = text(arena, item, "name");
		for (int l = 0; l < LANGS; l++)
			split(&h->words[l], arena, h->name.in[l]);
		h->closed = json_bool(item, "closed", true);
		b->n_holidays++;
	}
}

static void read_overrides(
	struct business *b, struct arena *arena, const struct json *record)
{
	const struct json *item;
	int n;

	item = first_of(record, "overrides", DAYS_MAX, &n);
	b->overrides = arena_alloc(arena, (size_t)n * sizeof(*b->overrides));
	for (; n-- > 0; item = json_next(item)) {
		struct override *o = &b->overrides[b->n_overrides];
		const char *date = string(arena, item, "date");

		o->from = date ? date : string(arena, item, "from");
		o->to = date ? date : string(arena, item, "to");
		if (!o->from || !o->to || !days_valid(o->from) ||
			!days_valid(o->to) ||
			!read_hours(&o->hours, json_get(item, "hours")))
			continue;
		o->note = text(arena, item, "note");
		b->n_overrides++;
	}
}

static void read_price(
	struct service *s, struct arena *arena, const struct json *price)
{
	double amount = json_num(price, "amount", -1);

	s->from = amount >= 0 ? amount : json_num(price, "from", -1);
	s->to = amount >= 0 ? amount : json_num(price, "to", -1);
	s->currency = string(arena, price, "currency");
	s->priced = s->from >= 0 && s->currency;
}

static void read_services(
	struct business *b, struct arena *arena, const struct json *record)
{
	const struct json *item;
	int n;

	item = first_of(record, "services", DAYS_MAX, &n);
	b->services = arena_alloc(arena, (size_t)n * sizeof(*b->services));
	for (; n-- > 0; item = json_next(item)) {
		struct service *s = &b->services[b->n_services];
		const struct json *alias;
		int64_t minutes;
		int left;

		s->name = text(arena, item, "name");
		if (!s->name.in[LANG_RO])
			continue;
		s->n_called = LANGS;
		for (int l = 0; l < LANGS; l++)
			split(&s->called[l], arena, s->name.in[l]);
		alias = first_of(item, "aliases", ALIASES_MAX, &left);
		for (; left-- > 0; alias = json_next(alias)) {
			const char *name = string_of(arena, alias);

			if (name)
				split(&s->called[s->n_called++], arena, name);
		}
		read_price(s, arena, json_get(item, "price"));
		minutes = json_int(item, "durationMin", 0);
		s->duration_min = minutes > 0 && minutes <= MINUTES_PER_DAY
					  ? (int)minutes
					  : 0;
		s->description = text(arena, item, "description");
		b->n_services++;
	}
}

/* What steers the daemons is no rule of the house. */
static bool is_rule(const char *name)
{
	return strcmp(name, "concurrency") && strcmp(name, "burst") &&
	       strcmp(name, "fallback");
}

static void read_policies(
	struct business *b, struct arena *arena, const struct json *record)
{
	const struct json *policies = json_get(record, "policies"), *item;

	b->policies = arena_alloc(arena, POLICIES_MAX * sizeof(*b->policies));
	if (!json_is_object(policies))
		return;
	for (item = json_first(policies); item && b->n_policies < POLICIES_MAX;
		item = json_next(item)) {
		struct policy *p = &b->policies[b->n_policies];
		const char *name = json_name(item);

		if (!name || !is_rule(name))
			continue;
		p->name = arena_strndup(arena, name, strlen(name));
		p->text = text(arena, policies, name);
		if (p->text.in[LANG_RO])
			b->n_policies++;
	}
}

static enum language first_language(const struct json *record)
{
	const struct json *list = json_get(record, "languages");
	const char *first;

	if (!json_is_array(list))
		return LANG_RO;
	first = json_text(json_first(list));
	return first && !strcmp(first, "en") ? LANG_EN : LANG_RO;
}

void business_read(struct business *out, struct arena *arena,
	const struct json *record, const char *id)
{
	const struct json *contact = json_get(record, "contact");

	*out = (struct business){0};
	out->name = string(arena, record, "name");
	if (!out->name)
		out->name = arena_strndup(arena, id, strlen(id));
	out->zone = string(arena, record, "timezone");
	if (!out->zone)
		out->zone = "UTC";
	out->language = first_language(record);
	out->description = text(arena, record, "description");
	read_locations(out, arena, record);
	read_week(&out->week, json_get(record, "hours"));
	read_holidays(out, arena, record);
	read_overrides(out, arena, record);
	read_services(out, arena, record);
	read_policies(out, arena, record);
	out->phone = string(arena, contact, "phone");
	out->email = string(arena, contact, "email");
	out->website = string(arena, contact, "website");
	out->whatsapp = string(arena, contact, "whatsapp");
}

/* --- asking --------------------------------------------------------------- */

const struct location *business_location(
	const struct business *business, const char *id)
{
	for (int i = 0; id && i < business->n_locations; i++)
		if (!strcmp(business->locations[i].id, id))
			return &business->locations[i];
	return NULL;
}

bool business_blank(const struct business *b)
{
	return !b->description.in[LANG_RO] && !b->n_locations &&
	       !b->week.known && !b->n_services && !b->n_policies &&
	       !b->n_overrides && !b->phone && !b->email && !b->website &&
	       !b->whatsapp;
}

static const struct override *override_on(
	const struct business *b, const char *date)
{
	for (int i = 0; i < b->n_overrides; i++)
		if (strcmp(b->overrides[i].from, date) <= 0 &&
			strcmp(date, b->overrides[i].to) <= 0)
			return &b->overrides[i];
	return NULL;
}

static const struct holiday *holiday_on(
	const struct business *b, const char *date)
{
	for (int i = 0; i < b->n_holidays; i++) {
		const char *of = b->holidays[i].date;

		if (!strcmp(of, strlen(of) == 5 ? date + 5 : date))
			return &b->holidays[i];
	}
	return NULL;
}

static const struct text *said(const struct text *text)
{
	return text->in[LANG_RO] ? text : NULL;
}

void business_day(const struct business *business,
	const struct location *location, const char *date, struct day *out)
{
	const struct override *over = override_on(business, date);
	const struct holiday *holiday = holiday_on(business, date);
	const struct week *week = location && location->week.known
					  ? &location->week
					  : &business->week;
	int weekday = days_weekday(date);

	*out = (struct day){0};
	if (!weekday)
		return;
	if (over) {
		out->known = true;
		out->hours = over->hours;
		out->why = DAY_OVERRIDE;
		out->reason = said(&over->note);
		return;
	}
	if (holiday) {
		out->why = DAY_HOLIDAY;
		out->reason = said(&holiday->name);
		out->known = holiday->closed || week->known;
		if (holiday->closed)
			return;
	} else {
		out->known = week->known;
	}
	if (week->known)
		out->hours = week->day[weekday];
}

bool business_special(const struct business *business, const char *date)
{
	return override_on(business, date) || holiday_on(business, date);
}

bool business_next_open(const struct business *business,
	const struct location *location, const char *date, char out[DATE_SIZE])
{
	struct day day;

	for (int i = 1; i <= 30; i++) {
		if (!days_add(out, date, i))
			return false;
		business_day(business, location, out, &day);
		if (day.known && day.hours.n)
			return true;
	}
	return false;
}
