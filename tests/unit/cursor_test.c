#include "gateway/cursor.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const words[] = {
	"ignore", "apply", "ask", "wait", "take it"};

/* One step of PROTOCOL.md, section 3: with this cursor, that comes. */
struct row {
	const char *rule;
	struct cursor at;
	enum { HELLO, BEAT, EVENT, PAGE_EVENT } what;
	const char *epoch;
	uint64_t n;
	enum cursor_says says;
};

#define NOWHERE \
	{ \
		0 \
	}
#define AT(e, number) \
	{ \
		.known = true, .epoch = e, .n = number \
	}
#define ASKING(e, number) \
	{ \
		.known = true, .asking = true, .epoch = e, .n = number \
	}

static const struct row rows[] = {
	{"the first hello gives the cursor", NOWHERE, HELLO, "e1", 7,
		CURSOR_TAKEN},
	{"events before it count for nothing", NOWHERE, EVENT, "e1", 7,
		CURSOR_IGNORE},
	{"nor do beats", NOWHERE, BEAT, "e1", 7, CURSOR_IGNORE},

	{"a later hello is a beat: nothing new", AT("e1", 7), HELLO, "e1", 7,
		CURSOR_IGNORE},
	{"a later hello never moves a cursor forward", AT("e1", 7), HELLO, "e1",
		9, CURSOR_ASK},
	{"nor into another epoch", AT("e1", 7), HELLO, "e2", 7, CURSOR_ASK},

	{"the next event is applied", AT("e1", 7), EVENT, "e1", 8,
		CURSOR_APPLY},
	{"the same one again is not", AT("e1", 7), EVENT, "e1", 7,
		CURSOR_IGNORE},
	{"nor an older one", AT("e1", 7), EVENT, "e1", 3, CURSOR_IGNORE},
	{"a hole is asked about", AT("e1", 7), EVENT, "e1", 9, CURSOR_ASK},
	{"another epoch's next is not applied", AT("e1", 7), EVENT, "e2", 8,
		CURSOR_ASK},
	{"another epoch's older one is not ignored", AT("e1", 7), EVENT, "e2",
		3, CURSOR_ASK},

	{"a beat at the cursor says nothing", AT("e1", 7), BEAT, "e1", 7,
		CURSOR_IGNORE},
	{"a beat ahead of it does", AT("e1", 7), BEAT, "e1", 8, CURSOR_ASK},
	{"a beat behind it does not (a page came first)", AT("e1", 7), BEAT,
		"e1", 6, CURSOR_IGNORE},
	{"a beat of another epoch does", AT("e1", 7), BEAT, "e2", 7,
		CURSOR_ASK},

	{"while asking, the next event waits", ASKING("e1", 7), EVENT, "e1", 8,
		CURSOR_WAIT},
	{"so does one behind a hole", ASKING("e1", 7), EVENT, "e1", 10,
		CURSOR_WAIT},
	{"and one of another epoch", ASKING("e1", 7), EVENT, "e2", 8,
		CURSOR_WAIT},
	{"while asking, a beat does not ask again", ASKING("e1", 7), BEAT, "e2",
		99, CURSOR_IGNORE},
	{"nor does a hello", ASKING("e1", 7), HELLO, "e2", 99, CURSOR_IGNORE},

	{"an event of the page is applied", ASKING("e1", 7), PAGE_EVENT, "", 8,
		CURSOR_APPLY},
	{"also behind a hole: it was deleted", ASKING("e1", 7), PAGE_EVENT, "",
		12, CURSOR_APPLY},
	{"but never one that was", ASKING("e1", 7), PAGE_EVENT, "", 7,
		CURSOR_IGNORE},
};

static enum cursor_says says(const struct row *row, struct cursor *at)
{
	switch (row->what) {
	case HELLO:
		return cursor_hello(at, row->epoch, row->n);
	case BEAT:
		return cursor_beat(at, row->epoch, row->n);
	case EVENT:
		return cursor_event(at, row->epoch, row->n);
	case PAGE_EVENT:
		return cursor_page_event(at, row->n);
	}
	return CURSOR_IGNORE;
}

static void each_row_of_the_rules_holds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct cursor at = rows[i].at;
		enum cursor_says said = says(&rows[i], &at);

		if (said != rows[i].says)
			print_error("%s: %s, not %s\n", rows[i].rule,
				words[said], words[rows[i].says]);
		assert_int_equal(said, rows[i].says);
		/* Only a first hello moves it; the rest is told to. */
		assert_int_equal(
			at.n, said == CURSOR_TAKEN ? rows[i].n : rows[i].at.n);
	}
}

struct page {
	const char *rule;
	uint64_t from_n, n, last;
	bool again;
};

static const struct page pages[] = {
	{"a page up to the last is the end", 7, 12, 12, false},
	{"an empty page is, too", 7, 7, 7, false},
	{"there is more: ask again", 7, 12, 40, true},
	{"a page that leads nowhere is not asked for again", 7, 7, 40, false},
};

static void a_page_moves_the_cursor_to_the_epoch_it_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(pages); i++) {
		struct cursor at = ASKING("e1", 7);
		bool again = cursor_page_end(
			&at, pages[i].from_n, "e2", pages[i].n, pages[i].last);

		if (again != pages[i].again)
			print_error("%s\n", pages[i].rule);
		assert_int_equal(again, pages[i].again);
		assert_false(at.asking);
		assert_string_equal(at.epoch, "e2");
		assert_int_equal(at.n, pages[i].n);
	}
}

static void a_reset_moves_it_anywhere_even_back(void **state)
{
	struct cursor at = ASKING("e1", 700);

	(void)state;
	cursor_reset(&at, "e9", 3);

	assert_string_equal(at.epoch, "e9");
	assert_int_equal(at.n, 3);
	assert_int_equal(cursor_event(&at, "e9", 4), CURSOR_APPLY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_of_the_rules_holds),
		cmocka_unit_test(a_page_moves_the_cursor_to_the_epoch_it_names),
		cmocka_unit_test(a_reset_moves_it_anywhere_even_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
