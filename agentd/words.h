/* words: a text as words, folded and stemmed. The only includer of
 * libstemmer.h. Pure and thread-safe.
 *
 * Folding (lower case, no diacritics) comes before stemming, because half of
 * all customers type without diacritics. */
#ifndef AGENTD_WORDS_H
#define AGENTD_WORDS_H

#include "shared/mem.h"
#include <stdint.h>

enum language { LANG_RO, LANG_EN, LANGS };

enum { WORD_MAX_BYTES = 64 }; /* of one folded word; longer ones are cut */

struct word {
	const char *fold;
	const char *stem[LANGS];
	uint32_t at, len; /* where it stands in the text */
};

struct words {
	const char *text; /* borrowed */
	struct word *items; /* in the arena */
	int n;
};

/* At most `max` words; what follows is not looked at. */
void words_split(struct words *out, struct arena *arena, const char *text,
	size_t len, int max);

/* Two forms of one word, as far as endings tell; 0 if not, 2 if the stems are
 * equal, 1 if one only continues the other ("tiroid", "tiroidian"). */
int stems_alike(const char *a, const char *b);
int words_alike(const struct word *a, const struct word *b);

/* One letter wrong, missing, doubled or swapped, in words of 6 and more. */
bool words_typo(const struct word *a, const struct word *b);

#endif
