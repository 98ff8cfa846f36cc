#include "agentd/facts.h"
#include "agentd/lexicon.h"
#include "agentd/services.h"
#include "shared/text.h"
#include <string.h>

enum {
	FACTS_MAX = 16 * 1024,
	SENTENCE_MAX = 4096,
	SIBLINGS = 6, /* like services that are told too */
	LISTED = 30, /* services of a list */
};

/* --- paragraphs and sources ----------------------------------------------- */

void facts_init(struct facts *out, const struct business *business,
	const struct location *location, const struct today *today,
	enum language language)
{
	*out = (struct facts){.business = business,
		.location = location,
		.today = today,
		.language = language};
	buf_init(&out->text, FACTS_MAX);
	buf_puts(&out->text, "");
}

void facts_clear(struct facts *facts)
{
	buf_clear(&facts->text);
}

size_t facts_begin(struct facts *facts)
{
	if (facts->text.len)
		buf_puts(&facts->text, "\n\n");
	return facts->text.len;
}

bool facts_end(struct facts *facts, size_t begun)
{
	struct buf *text = &facts->text;
	size_t from = begun > 2 ? begun - 2 : 0; /* with the blank line */
	bool said = false;

	if (text->len > begun && begun) {
		say_capital(text, begun);
		text->data[from] = 0;
		said = strstr(text->data, text->data + begun) != NULL;
		text->data[from] = '\n';
	}
	if (text->len > begun && !said) {
		say_capital(text, begun);
		return true;
	}
	text->len = from;
	text->data[from] = 0;
	return false;
}

static void copy(char *out, size_t max, const char *text, size_t len)
{
	len = utf8_prefix(text, len, max);
	memcpy(out, text, len);
	out[len] = 0;
}

void facts_source(struct facts *facts, const char *title, const char *path,
	const char *snippet, size_t snippet_len)
{
	struct source *s = &facts->sources[facts->n_sources];

	if (facts->n_sources == SOURCES_MAX)
		return;
	copy(s->title, TITLE_MAX, title, strlen(title));
	copy(s->path, PATH_MAX_BYTES, path, strlen(path));
	copy(s->snippet, SNIPPET_MAX, snippet, snippet_len);
	for (int i = 0; i < facts->n_sources; i++)
		if (!strcmp(facts->sources[i].path, s->path) &&
			!strcmp(facts->sources[i].title, s->title))
			return;
	facts->n_sources++;
}

void facts_end_record(struct facts *facts, size_t begun, enum phrase title)
{
	struct buf name;

	if (!facts_end(facts, begun))
		return;
	buf_init(&name, TITLE_MAX);
	say(&name, facts->language, title);
	facts_source(facts, name.data, "business.json",
		facts->text.data + begun, facts->text.len - begun);
	buf_clear(&name);
}

static const char *in(const struct facts *f, const struct text *text)
{
	return text->in[f->language];
}

/* --- services ------------------------------------------------------------- */

static void say_service_price(struct facts *f, const struct service *s)
{
	const char *name = in(f, &s->name);
	struct buf price, time;

	if (!s->priced) {
		say1(&f->text, f->language, P_NO_PRICE, name);
		return;
	}
	buf_init(&price, SENTENCE_MAX);
	buf_init(&time, SENTENCE_MAX);
	say_price(&price, f->language, s);
	if (s->duration_min)
		say_minutes(&time, f->language, s->duration_min);
	if (s->from == 0 && s->to == 0)
		say1(&f->text, f->language, P_IS_FREE, name);
	else
		say3(&f->text, f->language,
			s->duration_min ? P_COSTS_TAKES : P_COSTS, name,
			price.data, time.data);
	buf_clear(&price);
	buf_clear(&time);
}

static void say_description(struct facts *f, const struct service *s)
{
	if (in(f, &s->description)) {
		buf_putc(&f->text, ' ');
		buf_puts(&f->text, in(f, &s->description));
	}
}

static bool told(const struct part *part, const struct service *s)
{
	for (int i = 0; i < part->n_services; i++)
		if (part->services[i] == s)
			return true;
	return false;
}

/* "Ecografie" alone may mean another one: those whose names share the word
 * that was said. */
static void say_siblings(struct facts *f, const struct part *part)
{
	struct buf list;
	int n = 0;

	if (!part->broad || part->n_services != 1)
		return;
	buf_init(&list, SENTENCE_MAX);
	for (int i = 0; i < f->business->n_services && n <= SIBLINGS; i++) {
		const struct service *s = &f->business->services[i];
		bool alike = false;

		for (int k = 0; k < part->words.n; k++)
			alike = alike ||
				(!lexicon_filler(part->words.items[k].fold) &&
					service_holds(part->services[0],
						&part->words.items[k]) &&
					service_holds(
						s, &part->words.items[k]));
		if (!alike || told(part, s) || !s->priced)
			continue;
		buf_puts(&list, n++ ? ", " : "");
		buf_printf(&list, "%s ", in(f, &s->name));
		say_price(&list, f->language, s);
	}
	if (n && n <= SIBLINGS) {
		buf_putc(&f->text, ' ');
		say1(&f->text, f->language, P_ALSO, list.data);
	}
	buf_clear(&list);
}

bool facts_prices(struct facts *facts, const struct part *part)
{
	for (int i = 0; i < part->n_services; i++) {
		size_t begun = facts_begin(facts);

		say_service_price(facts, part->services[i]);
		if (part->n_services == 1) {
			say_description(facts, part->services[i]);
			say_siblings(facts, part);
		}
		facts_end_record(facts, begun, P_TITLE_PRICES);
	}
	return part->n_services > 0 || facts_services(facts);
}

bool facts_durations(struct facts *facts, const struct part *part)
{
	for (int i = 0; i < part->n_services; i++) {
		const struct service *s = part->services[i];
		size_t begun = facts_begin(facts);
		struct buf time;

		buf_init(&time, SENTENCE_MAX);
		if (s->duration_min) {
			say_minutes(&time, facts->language, s->duration_min);
			say3(&facts->text, facts->language, P_TAKES,
				in(facts, &s->name), time.data, NULL);
		} else {
			say1(&facts->text, facts->language, P_NO_DURATION,
				in(facts, &s->name));
		}
		buf_clear(&time);
		facts_end_record(facts, begun, P_TITLE_SERVICES);
	}
	return part->n_services > 0;
}

bool facts_offer(struct facts *facts, const struct part *part)
{
	for (int i = 0; i < part->n_services; i++) {
		size_t begun = facts_begin(facts);

		say1(&facts->text, facts->language, P_WE_OFFER,
			in(facts, &part->services[i]->name));
		if (part->services[i]->priced) {
			buf_putc(&facts->text, ' ');
			say_service_price(facts, part->services[i]);
		}
		say_description(facts, part->services[i]);
		if (part->n_services == 1)
			say_siblings(facts, part);
		facts_end_record(facts, begun, P_TITLE_SERVICES);
	}
	return part->n_services > 0;
}

bool facts_services(struct facts *facts)
{
	const struct business *b = facts->business;
	size_t begun = facts_begin(facts);

	if (b->n_services)
		say(&facts->text, facts->language, P_SERVICES);
	for (int i = 0; i < b->n_services && i < LISTED; i++) {
		buf_printf(&facts->text, "\n• %s",
			in(facts, &b->services[i].name));
		if (!b->services[i].priced)
			continue;
		buf_puts(&facts->text, ": ");
		say_price(&facts->text, facts->language, &b->services[i]);
	}
	facts_end_record(facts, begun, P_TITLE_SERVICES);
	return b->n_services > 0;
}

/* --- where and how -------------------------------------------------------- */

/* The locations meant: the one that is named, else all (up to ten). */
static bool meant(const struct facts *f, const struct part *part, int at)
{
	const struct location *l = &f->business->locations[at];

	return part->location ? part->location == l : at < 10;
}

bool facts_address(struct facts *facts, const struct part *part)
{
	const struct business *b = facts->business;
	bool any = false;

	for (int i = 0; i < b->n_locations; i++) {
		const struct location *l = &b->locations[i];
		size_t begun;

		if (!meant(facts, part, i) || !in(facts, &l->address))
			continue;
		begun = facts_begin(facts);
		if (b->n_locations > 1 && in(facts, &l->name))
			buf_printf(&facts->text, "%s: %s.", in(facts, &l->name),
				in(facts, &l->address));
		else
			say1(&facts->text, facts->language, P_ADDRESS,
				in(facts, &l->address));
		facts_end_record(facts, begun, P_TITLE_ADDRESS);
		any = true;
	}
	return any;
}

bool facts_directions(struct facts *facts, const struct part *part)
{
	const struct business *b = facts->business;
	bool any = facts_address(facts, part);

	for (int i = 0; i < b->n_locations; i++) {
		const struct location *l = &b->locations[i];
		size_t begun;

		if (!meant(facts, part, i) || !in(facts, &l->directions))
			continue;
		begun = facts_begin(facts);
		buf_puts(&facts->text, in(facts, &l->directions));
		facts_end_record(facts, begun, P_TITLE_ADDRESS);
		any = true;
	}
	return any;
}

static const char *phone_of(const struct facts *f)
{
	const struct business *b = f->business;

	if (f->location && f->location->phone)
		return f->location->phone;
	if (b->phone)
		return b->phone;
	return b->n_locations ? b->locations[0].phone : NULL;
}

bool facts_reach(struct facts *facts, struct buf *out, unsigned which)
{
	const struct business *b = facts->business;
	const struct {
		unsigned signal;
		enum phrase phrase;
		const char *value;
	} ways[] = {
		{SIG_PHONE, P_PHONE, phone_of(facts)},
		{SIG_WHATSAPP, P_WHATSAPP, b->whatsapp},
		{SIG_EMAIL, P_EMAIL, b->email},
		{SIG_WEBSITE, P_WEBSITE, b->website},
	};
	int n = 0, max = which ? (int)COUNT(ways) : 2;

	if (!which)
		which = SIG_PHONE | SIG_EMAIL;
	for (int pass = 0; pass < 2 && !n; pass++) {
		/* If what was asked for is not there, whatever is. */
		for (size_t i = 0; i < COUNT(ways) && n < max; i++) {
			if (!ways[i].value ||
				(!pass && !(which & (ways[i].signal |
							    SIG_CONTACT))))
				continue;
			buf_puts(out, n++ ? ", " : "");
			say1(out, facts->language, ways[i].phrase,
				ways[i].value);
		}
	}
	return n > 0;
}

bool facts_contact(struct facts *facts, unsigned which)
{
	size_t begun = facts_begin(facts);
	struct buf list;
	bool any;

	buf_init(&list, SENTENCE_MAX);
	any = facts_reach(facts, &list, which);
	if (any)
		say1(&facts->text, facts->language, P_REACH, list.data);
	buf_clear(&list);
	facts_end_record(facts, begun, P_TITLE_CONTACT);
	return any;
}

bool facts_about(struct facts *facts)
{
	const char *text = in(facts, &facts->business->description);
	size_t begun = facts_begin(facts);

	if (text)
		buf_puts(&facts->text, text);
	facts_end_record(facts, begun, P_TITLE_ABOUT);
	return text != NULL;
}
