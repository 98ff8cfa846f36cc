#include "agentd/reply.h"
#include "agentd/lexicon.h"
#include <string.h>

/* How much of a question a passage must cover to be its answer, and to be
 * offered as perhaps helpful. Found by trying on tests/agent/questions.json:
 * lower, and questions nobody can answer get an answer. */
static const double answers = 0.62, may_help = 0.3, some_of_all = 0.25;

/* --- what the record can do ----------------------------------------------- */

static bool knows_hours(const struct business *b,
	const struct location *location, const struct part *part)
{
	const struct location *at = part->location ? part->location : location;
	struct day day;

	if (b->week.known || (at && at->week.known))
		return true;
	for (int i = 0; !at && i < b->n_locations; i++)
		if (b->locations[i].week.known)
			return true;
	for (int i = 0; i < part->dates.n; i++) {
		business_day(b, at, part->dates.date[i], &day);
		if (day.known)
			return true;
	}
	return false;
}

static bool knows_address(const struct business *b)
{
	for (int i = 0; i < b->n_locations; i++)
		if (b->locations[i].address.in[LANG_RO] ||
			b->locations[i].directions.in[LANG_RO])
			return true;
	return false;
}

bool reply_from_record(const struct business *business,
	const struct location *location, const struct part *part)
{
	const struct business *b = business;
	unsigned t = part->topics;

	return ((t & TOPIC_HOURS) && knows_hours(b, location, part)) ||
	       ((t & (TOPIC_PRICE | TOPIC_DURATION | TOPIC_SERVICE)) &&
		       part->n_services) ||
	       ((t & (TOPIC_PRICE | TOPIC_SERVICES)) && b->n_services) ||
	       ((t & (TOPIC_ADDRESS | TOPIC_DIRECTIONS)) && knows_address(b)) ||
	       ((t & TOPIC_CONTACT) &&
		       (b->phone || b->email || b->website || b->whatsapp ||
			       (b->n_locations && b->locations[0].phone))) ||
	       ((t & TOPIC_ABOUT) && b->description.in[LANG_RO]) ||
	       (t & TOPIC_HUMAN);
}

/* --- one part ------------------------------------------------------------- */

enum found { FOUND_NOTHING, FOUND_NEAR, FOUND_ANSWER };

static enum found judge(const struct part *part, const struct search_part *s)
{
	double cover;

	if (!s->n_hits)
		return FOUND_NOTHING;
	/* The record explains the rest, so a page need not say it again. */
	cover = part->query.n_rest ? s->hits[0].rest : s->hits[0].all;
	if (cover >= answers && s->hits[0].all >= some_of_all)
		return FOUND_ANSWER;
	return cover >= may_help ? FOUND_NEAR : FOUND_NOTHING;
}

static bool holds(const char *text, const struct word *word)
{
	struct arena arena = {0};
	struct words words;
	bool found = false;

	words_split(&words, &arena, text, strlen(text), PASSAGE_MAX);
	for (int i = 0; i < words.n && !found; i++)
		found = words_alike(&words.items[i], word) > 0;
	arena_clear(&arena);
	return found;
}

/* A list says little without what it is a list of; and what was asked for may
 * stand in the heading alone: the name of a doctor. */
static bool needs_heading(const struct part *part, const struct passage *p)
{
	if (!p->heading[0])
		return false;
	if (!strncmp(p->text, "• ", strlen("• ")))
		return true;
	for (int i = 0; i < part->query.n_rest; i++)
		if (holds(p->heading, part->query.words[i].word) &&
			!holds(p->text, part->query.words[i].word))
			return true;
	return false;
}

static void quote(
	struct facts *f, const struct part *part, const struct hit *hit)
{
	const struct passage *p = &hit->passage;
	size_t begun = facts_begin(f), from;

	if (p->language != f->language) {
		say(&f->text, f->language, P_OTHER_LANGUAGE);
		buf_putc(&f->text, '\n');
	}
	if (needs_heading(part, p))
		buf_printf(&f->text, "%s:\n", p->heading);
	from = f->text.len;
	rank_quote(&f->text, p, &part->query, QUOTE_MAX);
	if (facts_end(f, begun))
		facts_source(f, p->title, p->path, f->text.data + from,
			strcspn(f->text.data + from, "\n"));
}

/* The words of the question that the best passage does not have, as they were
 * written. */
static void put_missing(
	struct buf *out, const struct part *part, const struct search_part *s)
{
	uint32_t found = s->n_hits ? s->hits[0].found : 0;

	for (int i = 0; i < part->query.n_rest; i++) {
		const struct word *word = part->query.words[i].word;

		if (found >> i & 1)
			continue;
		buf_puts(out, out->len ? " " : "");
		buf_put(out, part->words.text + word->at, word->len);
	}
}

/* Says which words of the question nobody knows; false if there are none. */
static bool admit(
	struct facts *f, const struct part *part, const struct search_part *s)
{
	struct buf missing;
	bool any;

	buf_init(&missing, 120);
	put_missing(&missing, part, s);
	any = missing.len > 0;
	if (any) {
		size_t begun = facts_begin(f);

		say1(&f->text, f->language, P_UNKNOWN_ABOUT, missing.data);
		facts_end(f, begun);
	}
	buf_clear(&missing);
	return any;
}

static bool person(struct facts *f)
{
	size_t begun = facts_begin(f);
	struct buf reach;

	buf_init(&reach, 1024);
	say1(&f->text, f->language, P_BOT, f->business->name);
	if (facts_reach(f, &reach, 0)) {
		buf_putc(&f->text, ' ');
		say1(&f->text, f->language, P_PERSON, reach.data);
	}
	buf_clear(&reach);
	facts_end_record(f, begun, P_TITLE_CONTACT);
	return true;
}

/* What the record says of the part's topics. */
static bool tell(struct facts *f, const struct part *part)
{
	unsigned t = part->topics;
	bool any = false;

	if (t & TOPIC_HUMAN)
		any = person(f) || any;
	if (t & TOPIC_ABOUT)
		any = facts_about(f) || any;
	if (t & TOPIC_PRICE)
		any = facts_prices(f, part) || any;
	if ((t & TOPIC_DURATION) && !(t & TOPIC_PRICE))
		any = facts_durations(f, part) || any;
	if (t & TOPIC_SERVICE)
		any = facts_offer(f, part) || any;
	if (t & TOPIC_SERVICES)
		any = facts_services(f) || any;
	if (t & TOPIC_HOURS)
		any = facts_hours(f, part) || any;
	if (t & TOPIC_DIRECTIONS)
		any = facts_directions(f, part) || any;
	else if (t & TOPIC_ADDRESS)
		any = facts_address(f, part) || any;
	if (t & TOPIC_CONTACT)
		any = facts_contact(f, part->contact) || any;
	return any;
}

/* The record answers a question that also has words it does not explain
 * ("cât costă o consultație pentru pensionari"): what it has, beside the
 * page. */
static unsigned beside_page(const struct part *part)
{
	return part->n_services ? part->topics & (TOPIC_PRICE | TOPIC_DURATION)
				: 0;
}

/* Returns whether the part was answered. */
static bool answer(
	struct facts *f, const struct part *part, const struct search_part *s)
{
	enum found found = judge(part, s);
	struct part told = *part;
	size_t begun;

	if (!part->query.n_rest && tell(f, part))
		return true;
	if (found == FOUND_ANSWER) {
		told.topics = beside_page(part);
		tell(f, &told);
		quote(f, part, &s->hits[0]);
		return true;
	}
	/* A list of prices is no answer to the price of one thing. */
	if (!part->n_services)
		told.topics &= ~(unsigned)(TOPIC_PRICE | TOPIC_DURATION);
	if (part->sure && told.topics &&
		reply_from_record(f->business, f->location, &told)) {
		admit(f, part, s);
		return tell(f, &told);
	}
	if (found == FOUND_NEAR) {
		begun = facts_begin(f);
		say(&f->text, f->language, P_PARTLY);
		facts_end(f, begun);
		quote(f, part, &s->hits[0]);
		return true;
	}
	if (!part->n_services)
		return false;
	/* Whether that, too, is offered is not known: no "yes". */
	admit(f, part, s);
	told.topics = TOPIC_PRICE;
	return tell(f, &told);
}

/* --- the whole ------------------------------------------------------------ */

static void ask_us(struct facts *f, size_t begun)
{
	struct buf reach;

	buf_init(&reach, 1024);
	if (facts_reach(f, &reach, 0)) {
		if (f->text.len > begun)
			buf_putc(&f->text, ' ');
		say1(&f->text, f->language, P_ASK_US, reach.data);
	}
	buf_clear(&reach);
}

static void unknown(struct facts *f, const struct ask *ask,
	const struct search_part *found, const bool *answered, bool some)
{
	size_t begun;

	for (int i = 0; some && i < ask->n_parts; i++)
		if (!answered[i])
			admit(f, &ask->parts[i], &found[i]);
	begun = facts_begin(f);
	if (!some)
		say(&f->text, f->language, P_UNKNOWN);
	ask_us(f, begun);
	facts_end(f, begun);
}

void reply_write(struct facts *out, const struct business *business,
	const struct location *location, const struct today *today,
	const struct ask *ask, const struct search_part *found)
{
	bool answered[ASK_PARTS] = {false}, all = true, some = false;
	size_t begun;

	facts_init(out, business, location, today, ask->language);
	if (ask->manners & SIG_GREETING) {
		begun = facts_begin(out);
		say(&out->text, ask->language, P_HELLO);
		facts_end(out, begun);
	}
	if (business_blank(business)) {
		bool any = false;

		for (int i = 0; i < ask->n_parts; i++)
			any = any ||
			      judge(&ask->parts[i], &found[i]) == FOUND_ANSWER;
		if (!any) {
			begun = facts_begin(out);
			say1(&out->text, ask->language, P_BLANK,
				business->name);
			facts_end(out, begun);
			return;
		}
	}
	for (int i = 0; i < ask->n_parts; i++) {
		answered[i] = answer(out, &ask->parts[i], &found[i]);
		all = all && answered[i];
		some = some || answered[i];
	}
	if (!all)
		unknown(out, ask, found, answered, some);
}

void reply_manners(struct facts *out, const struct business *business,
	enum language language, unsigned manners)
{
	struct buf *text = &out->text;

	facts_init(out, business, NULL, NULL, language);
	if (manners & SIG_RUDE) {
		say(text, language, P_RUDE);
	} else if (manners & SIG_BYE) {
		say(text, language, P_BYE);
	} else if (manners & SIG_THANKS) {
		say(text, language, P_WELCOME);
	} else if (manners & SIG_GREETING) {
		say(text, language, P_HELLO);
		buf_putc(text, ' ');
		say1(text, language, P_BOT, business->name);
		buf_putc(text, ' ');
		say(text, language, P_HOW_HELP);
	} else if (manners & SIG_ACK) {
		say(text, language, P_ACK);
	} else {
		say(text, language, P_UNCLEAR);
	}
}

void reply_too_long(struct facts *out, enum language language)
{
	facts_init(out, NULL, NULL, NULL, language);
	say(&out->text, language, P_TOO_LONG);
}
