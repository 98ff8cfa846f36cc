#include "agentd/ask.h"
#include "agentd/lexicon.h"
#include "agentd/services.h"
#include <string.h>

enum {
	HABIT = 3, /* votes for the language spoken so far */
	SHORT_WORDS = 4, /* a text so short leans on what was said before */
	CONTACT_SIGNALS = SIG_CONTACT | SIG_PHONE | SIG_EMAIL | SIG_WEBSITE |
			  SIG_WHATSAPP,
	MANNERS = SIG_GREETING | SIG_THANKS | SIG_BYE | SIG_RUDE | SIG_ACK
};

struct reader {
	struct ask *out;
	struct arena *arena;
	const struct business *business;
	const struct today *today;
	const struct part *before; /* the last question; NULL: none yet */
	enum language language; /* LANGS: nothing has told it yet */
};

/* --- where one question ends ---------------------------------------------- */

static bool abbreviation(const char *fold)
{
	static const char *const list[] = {"nr", "str", "dr", "bl", "ap", "sc",
		"et", "tel", "prof", "mr", "mrs", "st", "no", "d", "a"};

	for (size_t i = 0; i < COUNT(list); i++)
		if (!strcmp(fold, list[i]))
			return true;
	return false;
}

/* What stands between word `at` and the next: '.' the end of a sentence, ','
 * a breath, 0 nothing. */
static char mark_after(const struct words *w, int at)
{
	const struct word *word = &w->items[at];
	uint32_t end = word[1].at;
	char mark = 0;

	for (uint32_t i = word->at + word->len; i < end; i++) {
		char c = w->text[i];

		if (c == '?' || c == '!' || c == ';' || c == '\n')
			return '.';
		if (c == '.' && i + 1 < end && !abbreviation(word->fold))
			return '.';
		if (c == ',')
			mark = ',';
	}
	return mark;
}

static bool joins(const char *fold)
{
	static const char *const list[] = {
		"si", "iar", "dar", "and", "but", "also", "plus"};

	for (size_t i = 0; i < COUNT(list); i++)
		if (!strcmp(fold, list[i]))
			return true;
	return false;
}

/* The word after the end of the question that begins at `from`. */
static int question_end(const struct words *w, int from)
{
	bool conditional = !strcmp(w->items[from].fold, "daca") ||
			   !strcmp(w->items[from].fold, "if");

	for (int at = from; at + 1 < w->n; at++) {
		const char *next = w->items[at + 1].fold;
		char mark = mark_after(w, at);

		if (mark == '.')
			return at + 1;
		if (mark == ',' && !conditional && lexicon_asks(next))
			return at + 1;
		if (at > from && joins(next) && at + 2 < w->n &&
			lexicon_asks(w->items[at + 2].fold))
			return at + 1;
	}
	return w->n;
}

/* --- one question --------------------------------------------------------- */

/* What each word of a part was understood as. */
struct marks {
	bool day[ASK_WORDS], service[ASK_WORDS], signal[ASK_WORDS];
	unsigned signals;
	bool follows; /* it begins with "dar", "what about" */
};

static void read_signals(struct marks *m, const struct words *words)
{
	for (int at = 0; at < words->n;) {
		int n;
		unsigned signals = lexicon_signals(words, at, &n);

		if (at == 0 && (signals & SIG_FOLLOW))
			m->follows = true;
		m->signals |= signals;
		for (int i = 0; i < n; i++)
			m->signal[at + i] = true;
		at += n ? n : 1;
	}
}

static void read_services(
	struct part *part, struct marks *m, const struct business *business)
{
	struct named named[PART_SERVICES];
	bool used[ASK_WORDS];

	memcpy(used, m->day, sizeof(used));
	part->n_services = services_find(
		named, PART_SERVICES, &part->words, business, used);
	for (int i = 0; i < part->n_services; i++) {
		part->services[i] = named[i].service;
		part->broad = part->broad || named[i].broad;
	}
	for (int i = 0; i < part->words.n; i++)
		m->service[i] = used[i] && !m->day[i];
}

/* The location whose name is said, all its words. */
static void read_location(struct part *part, struct marks *m,
	struct arena *arena, const struct business *business)
{
	for (int i = 0; business->n_locations > 1 && i < business->n_locations;
		i++) {
		const struct location *l = &business->locations[i];
		const char *name = l->name.in[LANG_RO];
		struct words words;
		int at[NAME_WORDS], n = 0;

		if (!name)
			continue;
		words_split(&words, arena, name, strlen(name), NAME_WORDS);
		for (; n < words.n; n++) {
			for (at[n] = 0; at[n] < part->words.n; at[n]++)
				if (words_alike(&words.items[n],
					    &part->words.items[at[n]]))
					break;
			if (at[n] == part->words.n)
				break;
		}
		if (!n || n < words.n)
			continue;
		part->location = l;
		while (n-- > 0)
			m->signal[at[n]] = true;
	}
}

/* "la Salvia": the house's own name asks nothing. */
static void read_own_name(struct part *part, struct marks *m,
	struct arena *arena, const struct business *business)
{
	struct words name;

	words_split(&name, arena, business->name, strlen(business->name),
		NAME_WORDS);
	for (int i = 0; i < part->words.n; i++)
		for (int k = 0; k < name.n; k++)
			if (!strcmp(part->words.items[i].fold,
				    name.items[k].fold))
				m->signal[i] = m->signal[i] || !m->service[i];
}

static void read_topics(struct part *part, const struct marks *m)
{
	unsigned s = m->signals;

	part->contact = s & CONTACT_SIGNALS;
	if (s & (SIG_HOURS | SIG_OPEN | SIG_HOLIDAYS))
		part->topics |= TOPIC_HOURS;
	if (part->dates.n && (s & SIG_CLOCK))
		part->topics |= TOPIC_HOURS;
	if ((s & SIG_PRICE) || ((s & SIG_AMOUNT) && part->n_services))
		part->topics |= TOPIC_PRICE;
	if (s & SIG_DURATION)
		part->topics |= TOPIC_DURATION;
	if ((s & SIG_SERVICES) && !part->n_services)
		part->topics |= TOPIC_SERVICES;
	if (s & SIG_ADDRESS)
		part->topics |= TOPIC_ADDRESS;
	if (s & SIG_DIRECTIONS)
		part->topics |= TOPIC_DIRECTIONS;
	if (part->contact)
		part->topics |= TOPIC_CONTACT;
	if (s & SIG_ABOUT)
		part->topics |= TOPIC_ABOUT;
	if (s & SIG_HUMAN)
		part->topics |= TOPIC_HUMAN;
	part->sure = part->topics != 0;
	if (!part->topics && (s & SIG_WHERE))
		part->topics = TOPIC_ADDRESS;
}

/* Adds a word to what the pages are asked, once for each of its forms. */
static void ask_pages(
	struct query *query, const struct word *word, enum need need)
{
	if (query->n == QUERY_WORDS)
		return;
	for (int i = 0; i < query->n; i++)
		if (words_alike(query->words[i].word, word) == 2)
			return;
	query->words[query->n].word = word;
	query->words[query->n++].need = need;
	query->n_rest += need == NEED_REST;
}

static enum need need_of(const struct part *part, const struct marks *m, int at)
{
	/* The record knows no hours of a service: a page has to. */
	if (m->service[at])
		return (part->topics & TOPIC_HOURS) ||
				       (m->signals & (SIG_WHEN | SIG_CLOCK))
			       ? NEED_REST
			       : NEED_SERVICE;
	if (part->words.items[at].fold[0] <= '9')
		return NEED_HINT; /* a number alone asks nothing */
	return m->day[at] || m->signal[at] ? NEED_HINT : NEED_REST;
}

static void read_query(struct part *part, const struct marks *m)
{
	static const enum need order[] = {NEED_REST, NEED_SERVICE, NEED_HINT};

	for (size_t k = 0; k < COUNT(order); k++)
		for (int i = 0; i < part->words.n; i++)
			if (!lexicon_filler(part->words.items[i].fold) &&
				need_of(part, m, i) == order[k])
				ask_pages(&part->query, &part->words.items[i],
					order[k]);
}

static void read_when(
	struct part *part, const struct marks *m, const struct today *today)
{
	unsigned s = m->signals;

	if (!part->dates.n && (part->dates.minute >= 0 ||
				      ((s & SIG_OPEN) && (s & SIG_CLOCK)))) {
		memcpy(part->dates.date[0], today->date, DATE_SIZE);
		part->dates.n = 1;
	}
	if (part->dates.n)
		part->when = WHEN_DAYS;
	else if (s & SIG_HOLIDAYS)
		part->when = WHEN_HOLIDAYS;
	else if ((s & SIG_NOW) ||
		 ((s & SIG_OPEN) && !(s & (SIG_HOURS | SIG_WHEN)) &&
			 !part->query.n_rest))
		part->when = WHEN_NOW;
	else
		part->when = WHEN_WEEK;
}

/* --- what is leant on ----------------------------------------------------- */

static bool asked_of(const struct part *part, const struct service *service)
{
	for (int i = 0; i < part->n_services; i++)
		if (part->services[i] == service)
			return true;
	return false;
}

/* True if the word is of a name of one of the part's services. */
static bool among(const struct part *part, const struct word *word)
{
	for (int i = 0; i < part->n_services; i++)
		if (service_holds(part->services[i], word))
			return true;
	return false;
}

static void take_services(struct part *part, const struct part *before)
{
	memcpy(part->services, before->services, sizeof(part->services));
	part->n_services = before->n_services;
	part->broad = false;
}

static void take_query(
	struct part *part, const struct part *before, bool as_hints)
{
	struct query own = part->query;

	part->query = (struct query){0};
	for (int i = 0; i < own.n; i++)
		if (own.words[i].need == NEED_REST)
			ask_pages(&part->query, own.words[i].word, NEED_REST);
	for (int i = 0; i < before->query.n_rest; i++)
		ask_pages(&part->query, before->query.words[i].word,
			as_hints ? NEED_HINT : NEED_REST);
	for (int i = 0; i < own.n; i++)
		if (own.words[i].need != NEED_REST)
			ask_pages(&part->query, own.words[i].word,
				own.words[i].need);
}

/* "dar de tiroidă?" after a question about an ultrasound: with a word of the
 * service before, the new word may name another one. */
static bool complete_service(struct reader *r, struct part *part)
{
	const struct part *before = r->before;
	struct business others = *r->business;
	struct words both = {before->words.text, NULL, 0};
	struct named named[1];
	bool used[2 * ASK_WORDS] = {false}, fresh = false;
	int n_before;

	both.items = arena_alloc(
		r->arena, (size_t)(before->words.n + part->words.n) *
				  sizeof(*both.items));
	for (int i = 0; i < before->words.n; i++)
		if (among(before, &before->words.items[i]))
			both.items[both.n++] = before->words.items[i];
	n_before = both.n;
	memcpy(both.items + both.n, part->words.items,
		(size_t)part->words.n * sizeof(*both.items));
	both.n += part->words.n;

	others.services = arena_alloc(
		r->arena, (size_t)others.n_services * sizeof(*others.services));
	others.n_services = 0;
	for (int i = 0; i < r->business->n_services; i++)
		if (!asked_of(before, &r->business->services[i]))
			others.services[others.n_services++] =
				r->business->services[i];
	if (!services_find(named, 1, &both, &others, used))
		return false;
	for (int i = n_before; i < both.n; i++)
		fresh = fresh || used[i];
	if (!fresh)
		return false;
	part->services[0] = named->service;
	part->n_services = 1;
	part->broad = false;
	for (int i = 0; i < part->query.n; i++)
		if (service_holds(named->service, part->query.words[i].word) &&
			part->query.words[i].need == NEED_REST) {
			part->query.words[i].need = NEED_SERVICE;
			part->query.n_rest--;
		}
	return true;
}

static void lean(struct reader *r, struct part *part, const struct marks *m)
{
	const struct part *b = r->before;
	bool follows = m->follows || part->words.n <= SHORT_WORDS;

	if (!b)
		return;
	if (!part->topics && !part->n_services && !part->query.n_rest) {
		/* "și duminică?" */
		if (!part->dates.n)
			return;
		part->topics = b->topics;
		part->sure = b->sure;
		take_services(part, b);
		take_query(part, b, false);
	} else if (!part->topics && part->n_services && !part->query.n_rest) {
		/* "dar ecografia?" */
		part->topics = b->topics & (TOPIC_PRICE | TOPIC_DURATION);
		if (!part->topics && b->query.n_rest && follows)
			take_query(part, b, false);
	} else if (part->topics && !part->n_services && !part->query.n_rest) {
		/* "și cât durează?" */
		if (!(part->topics & (TOPIC_PRICE | TOPIC_DURATION)))
			return;
		take_services(part, b);
		if (!b->n_services)
			take_query(part, b, false);
	} else if (!part->topics && !part->n_services && follows) {
		if (b->n_services && complete_service(r, part))
			part->topics =
				b->topics & (TOPIC_PRICE | TOPIC_DURATION);
		else if (m->follows && b->query.n_rest)
			take_query(part, b, true);
	}
}

/* What a part is about when it names no topic. */
static void settle(struct part *part)
{
	if (part->topics)
		return;
	if (part->dates.n && !part->query.n_rest)
		part->topics |= TOPIC_HOURS;
	if (part->n_services)
		part->topics |= TOPIC_SERVICE;
}

/* --- reading -------------------------------------------------------------- */

/* False if nothing is asked; manners are noted all the same. */
static bool read_part(struct reader *r, struct part *part, bool past)
{
	struct marks m = {.signals = 0};

	dates_find(&part->dates, &part->words, r->business, r->today, m.day);
	read_services(part, &m, r->business);
	read_signals(&m, &part->words);
	read_location(part, &m, r->arena, r->business);
	read_own_name(part, &m, r->arena, r->business);
	read_topics(part, &m);
	read_query(part, &m);
	read_when(part, &m, r->today);
	if (!past)
		r->out->manners |= m.signals & MANNERS;
	if (!part->topics && !part->dates.n && !part->n_services &&
		!part->query.n_rest)
		return false;
	lean(r, part, &m);
	settle(part);
	return true;
}

static void read_text(struct reader *r, const struct said *said)
{
	struct words words;
	int votes[LANGS] = {0};

	words_split(
		&words, r->arena, said->text, strlen(said->text), ASK_WORDS);
	lexicon_vote(&words, votes);
	if (r->language != LANGS)
		votes[r->language] += HABIT;
	if (votes[LANG_RO] != votes[LANG_EN])
		r->language =
			votes[LANG_RO] > votes[LANG_EN] ? LANG_RO : LANG_EN;

	for (int from = 0, end; from < words.n; from = end) {
		struct part *part;

		end = question_end(&words, from);
		if (!said->past && r->out->n_parts == ASK_PARTS)
			return;
		part = arena_alloc(r->arena, sizeof(*part));
		part->words = (struct words){
			words.text, words.items + from, end - from};
		if (!read_part(r, part, said->past))
			continue;
		r->before = part;
		if (!said->past)
			r->out->parts[r->out->n_parts++] = *part;
	}
}

void ask_read(struct ask *out, struct arena *arena,
	const struct business *business, const struct today *today,
	const struct said *texts, int n_texts)
{
	struct reader r = {out, arena, business, today, NULL, LANGS};

	*out = (struct ask){0};
	for (int i = 0; i < n_texts; i++)
		read_text(&r, &texts[i]);
	out->language = r.language == LANGS ? business->language : r.language;
}

void ask_harder(struct part *part)
{
	for (int i = 0; i < part->query.n; i++)
		part->query.words[i].need = NEED_REST;
	part->query.n_rest = part->query.n;
}
