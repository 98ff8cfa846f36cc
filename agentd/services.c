#include "agentd/services.h"
#include "agentd/lexicon.h"
#include <stdlib.h>
#include <string.h>

enum {
	SPREAD = 3, /* words that may stand between those of a name */
	EXACT_BONUS = 1
};

/* One name of one service, found in the text. */
struct match {
	const struct service *service;
	int weight; /* bytes of the name that are in the text */
	int n_words, first;
	int at[NAME_WORDS];
};

/* The word of the text that is this word of a name; -1 if none. */
static int find_word(const struct words *words, const bool *used,
	const struct match *match, const struct word *name, int *weight)
{
	int best = -1, quality = 0;

	for (int at = 0; at < words->n; at++) {
		int alike;
		bool taken = used[at];

		for (int i = 0; i < match->n_words; i++)
			taken = taken || match->at[i] == at;
		if (taken)
			continue;
		alike = 1 + words_alike(&words->items[at], name);
		if (alike == 1)
			alike = words_typo(&words->items[at], name);
		if (alike > quality) {
			quality = alike;
			best = at;
		}
	}
	if (best >= 0)
		*weight += (int)strlen(name->fold) +
			   (quality == 3 ? EXACT_BONUS : 0);
	return best;
}

static bool match_name(struct match *out, const struct words *words,
	const bool *used, const struct words *name)
{
	int last = -1;

	out->weight = 0;
	out->n_words = 0;
	out->first = words->n;
	for (int i = 0; i < name->n; i++) {
		int at;

		if (lexicon_filler(name->items[i].fold))
			continue;
		at = find_word(words, used, out, &name->items[i], &out->weight);
		if (at < 0)
			return false;
		out->at[out->n_words++] = at;
		out->first = at < out->first ? at : out->first;
		last = at > last ? at : last;
	}
	return out->n_words && last - out->first < out->n_words + SPREAD;
}

static bool best_match(struct match *best, const struct words *words,
	const struct business *business, const bool *used)
{
	struct match match;
	bool found = false;

	for (int i = 0; i < business->n_services; i++) {
		const struct service *s = &business->services[i];

		for (int k = 0; k < s->n_called; k++) {
			if (!match_name(&match, words, used, &s->called[k]) ||
				(found && match.weight <= best->weight))
				continue;
			*best = match;
			best->service = s;
			found = true;
		}
	}
	return found;
}

bool service_holds(const struct service *service, const struct word *word)
{
	for (int k = 0; k < service->n_called; k++)
		for (int i = 0; i < service->called[k].n; i++)
			if (words_alike(&service->called[k].items[i], word))
				return true;
	return false;
}

static bool is_broad(const struct match *match, const struct words *words,
	const struct business *business)
{
	if (match->n_words > 1)
		return false;
	for (int i = 0; i < business->n_services; i++) {
		const struct service *s = &business->services[i];

		if (s != match->service &&
			service_holds(s, &words->items[match->at[0]]))
			return true;
	}
	return false;
}

int services_find(struct named *out, int max, const struct words *words,
	const struct business *business, bool *used)
{
	int first[64], n = 0;
	struct match match;

	while (n < max && n < (int)COUNT(first) &&
		best_match(&match, words, business, used)) {
		int at = n;
		bool again = false;

		for (int i = 0; i < match.n_words; i++)
			used[match.at[i]] = true;
		for (int i = 0; i < n; i++)
			again = again || out[i].service == match.service;
		if (again)
			continue;
		/* They are found by weight, but told in the order said. */
		for (; at > 0 && first[at - 1] > match.first; at--) {
			first[at] = first[at - 1];
			out[at] = out[at - 1];
		}
		first[at] = match.first;
		out[at] = (struct named){
			match.service, is_broad(&match, words, business)};
		n++;
	}
	return n;
}
