#include "agentd/words.h"
#include "shared/text.h"
#include <libstemmer.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
	ALIKE_MIN = 4, /* bytes of the shorter stem */
	ALIKE_REST = 3, /* bytes that the longer one may have more, */
	ALIKE_REST_SHORT = 2, /* or if the shorter one has only ALIKE_MIN */
	TYPO_MIN = 6
};

/* Forms that no stemmer brings together, and two words it takes for one:
 * "program" (opening hours) and "programare" (appointment). */
static const struct {
	const char *fold, *stem;
} irregular[] = {
	{"copii", "copil"},
	{"copiii", "copil"},
	{"copiilor", "copil"},
	{"doare", "durer"},
	{"dor", "durer"},
	{"dr", "doctor"},
	{"dureri", "durer"},
	{"durere", "durer"},
	{"durerea", "durer"},
	{"durerile", "durer"},
	{"medicament", "medicament"},
	{"medicamente", "medicament"},
	{"medicamentele", "medicament"},
	{"medicamentelor", "medicament"},
	{"program", "orar"},
	{"programul", "orar"},
	{"programului", "orar"},
	{"programelor", "orar"},
	{"tel", "telefon"},
};

/* A stemmer must not be shared by threads, and making one costs as much as
 * stemming fifty words: each thread has its own pair. */
struct stemmers {
	struct sb_stemmer *of[LANGS];
};

static pthread_key_t stemmers_key;
static pthread_once_t stemmers_once = PTHREAD_ONCE_INIT;

static void stemmers_free(void *value)
{
	struct stemmers *stemmers = value;

	for (int i = 0; i < LANGS; i++)
		sb_stemmer_delete(stemmers->of[i]);
	free(stemmers);
}

static void stemmers_init(void)
{
	if (pthread_key_create(&stemmers_key, stemmers_free))
		abort();
}

static const struct stemmers *stemmers_get(void)
{
	struct stemmers *stemmers;

	pthread_once(&stemmers_once, stemmers_init);
	stemmers = pthread_getspecific(stemmers_key);
	if (stemmers)
		return stemmers;
	stemmers = xalloc(sizeof(*stemmers));
	stemmers->of[LANG_RO] = sb_stemmer_new("romanian", "UTF_8");
	stemmers->of[LANG_EN] = sb_stemmer_new("english", "UTF_8");
	pthread_setspecific(stemmers_key, stemmers);
	return stemmers;
}

static uint32_t code_point(const char *text, size_t step)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t point = step == 1 ? p[0] : p[0] & (0x7fu >> step);

	for (size_t i = 1; i < step; i++)
		point = point << 6 | (p[i] & 0x3fu);
	return point;
}

/* Letters and digits of any script; not punctuation, arrows or emoji. */
static bool in_word(uint32_t c)
{
	if (c < 0x80)
		return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		       (c >= 'A' && c <= 'Z');
	return c >= 0xc0 && !(c >= 0x2000 && c <= 0x2bff) &&
	       !(c >= 0x3000 && c <= 0x303f) && !(c >= 0xfe00 && c <= 0xfe0f) &&
	       c < 0x1f000;
}

/* Bytes of the code point at `at`; *inside tells if it belongs to a word. */
static size_t next_point(const char *text, size_t len, size_t at, bool *inside)
{
	size_t step = utf8_step(text + at, len - at);

	*inside = step && in_word(code_point(text + at, step));
	return step ? step : 1;
}

static const char *stem(
	struct sb_stemmer *stemmer, struct arena *arena, const char *fold)
{
	const sb_symbol *found;

	for (size_t i = 0; i < COUNT(irregular); i++)
		if (!strcmp(irregular[i].fold, fold))
			return irregular[i].stem;
	found = sb_stemmer_stem(
		stemmer, (const sb_symbol *)fold, (int)strlen(fold));
	if (!found || !sb_stemmer_length(stemmer))
		return fold;
	return arena_strndup(
		arena, (const char *)found, (size_t)sb_stemmer_length(stemmer));
}

/* NULL if it is nothing but combining marks. */
static const char *fold(
	struct arena *arena, struct buf *folded, const char *text, size_t len)
{
	buf_reset(folded);
	text_fold(folded, text, utf8_prefix(text, len, WORD_MAX_BYTES));
	if (!folded->len)
		return NULL;
	return arena_strndup(arena, folded->data,
		utf8_prefix(folded->data, folded->len, WORD_MAX_BYTES));
}

void words_split(struct words *out, struct arena *arena, const char *text,
	size_t len, int max)
{
	const struct stemmers *stemmers = stemmers_get();
	struct buf folded;
	size_t at = 0;

	buf_init(&folded, 4 * WORD_MAX_BYTES);
	out->text = text;
	out->n = 0;
	/* No word is shorter than a byte, and something is between two. */
	if ((size_t)max > len / 2 + 1)
		max = (int)(len / 2 + 1);
	out->items = arena_alloc(arena, (size_t)max * sizeof(*out->items));
	while (at < len && out->n < max) {
		struct word *word = &out->items[out->n];
		size_t start, step;
		bool inside;

		step = next_point(text, len, at, &inside);
		if (!inside) {
			at += step;
			continue;
		}
		start = at;
		while (at < len) {
			step = next_point(text, len, at, &inside);
			if (!inside)
				break;
			at += step;
		}
		word->fold = fold(arena, &folded, text + start, at - start);
		if (!word->fold)
			continue;
		word->at = (uint32_t)start;
		word->len = (uint32_t)(at - start);
		for (int i = 0; i < LANGS; i++)
			word->stem[i] =
				stem(stemmers->of[i], arena, word->fold);
		out->n++;
	}
	buf_clear(&folded);
}

int stems_alike(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t shorter = la < lb ? la : lb, longer = la < lb ? lb : la;
	size_t rest = longer - shorter;

	if (la == lb)
		return memcmp(a, b, la) ? 0 : 2;
	if (shorter < ALIKE_MIN || rest > ALIKE_REST ||
		(shorter == ALIKE_MIN && rest > ALIKE_REST_SHORT))
		return 0;
	return !memcmp(a, b, shorter);
}

int words_alike(const struct word *a, const struct word *b)
{
	int best = strcmp(a->fold, b->fold) ? 0 : 2;

	for (int i = 0; i < LANGS && best < 2; i++) {
		int alike = stems_alike(a->stem[i], b->stem[i]);

		if (alike > best)
			best = alike;
	}
	return best;
}

bool words_typo(const struct word *a, const struct word *b)
{
	const char *x = a->fold, *y = b->fold;
	size_t lx = strlen(x), ly = strlen(y), same = 0;

	if (lx < TYPO_MIN || ly < TYPO_MIN)
		return false;
	while (x[same] && x[same] == y[same])
		same++;
	x += same, lx -= same;
	y += same, ly -= same;
	if (lx == ly)
		return !lx || !strcmp(x + 1, y + 1) ||
		       (lx > 1 && x[0] == y[1] && x[1] == y[0] &&
			       !strcmp(x + 2, y + 2));
	if (lx == ly + 1)
		return !strcmp(x + 1, y);
	if (ly == lx + 1)
		return !strcmp(x, y + 1);
	return false;
}
