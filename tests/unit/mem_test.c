#include "shared/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void memory_comes_zeroed(void **state)
{
	char *memory = xalloc(100);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(memory[i], 0);
	free(memory);
}

static void copies_are_terminated_and_no_text_stays_no_text(void **state)
{
	char *copy = xstrndup("hello", 4), *empty = xstrndup("", 0);

	(void)state;
	assert_string_equal(copy, "hell");
	assert_string_equal(empty, "");
	assert_null(xstrdup(NULL));
	free(copy);
	free(empty);
}

static void a_buffer_collects_what_is_put(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	buf_puts(&buf, "one ");
	buf_putc(&buf, '2');
	buf_put(&buf, " three!!", 6);
	buf_printf(&buf, " %d%s", 4, ".");
	assert_string_equal(buf.data, "one 2 three 4.");
	assert_int_equal(buf.len, 14);
	assert_false(buf.full);
	buf_clear(&buf);
}

static void a_buffer_grows_up_to_its_ceiling_exactly(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	for (int i = 0; i < 1000; i++)
		buf_putc(&buf, 'x');
	assert_int_equal(buf.len, 1000);
	assert_false(buf.full);
	assert_true(buf.cap <= 1001);
	buf_putc(&buf, 'y');
	assert_true(buf.full);
	assert_int_equal(strlen(buf.data), 1000);
	buf_clear(&buf);
}

static void a_put_that_does_not_fit_changes_nothing(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	buf_puts(&buf, "abc");
	buf_puts(&buf, "def");
	assert_true(buf.full);
	buf_putc(&buf, 'd');
	buf_printf(&buf, "%s", "d");
	assert_string_equal(buf.data, "abc");

	buf_reset(&buf);
	assert_false(buf.full);
	buf_printf(&buf, "%d", 12345);
	assert_string_equal(buf.data, "12345");
	buf_reset(&buf);
	buf_printf(&buf, "%d", 123456);
	assert_true(buf.full);
	assert_string_equal(buf.data, "");
	buf_clear(&buf);
}

static void even_an_empty_put_terminates(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 0);
	buf_put(&buf, NULL, 0);
	assert_string_equal(buf.data, "");
	assert_false(buf.full);
	buf_clear(&buf);
}

static void a_size_near_the_largest_does_not_wrap(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_putc(&buf, 'x');
	buf_put(&buf, "y", SIZE_MAX - 1);
	assert_true(buf.full);
	assert_string_equal(buf.data, "x");
	buf_clear(&buf);
}

static void a_taken_buffer_is_the_callers(void **state)
{
	struct buf buf;
	char *text;

	(void)state;
	buf_init(&buf, 100);
	text = buf_take(&buf);
	assert_string_equal(text, "");
	free(text);

	buf_puts(&buf, "mine");
	text = buf_take(&buf);
	assert_string_equal(text, "mine");
	assert_null(buf.data);
	buf_puts(&buf, "next");
	assert_string_equal(buf.data, "next");
	assert_string_equal(text, "mine");
	free(text);
	buf_clear(&buf);
}

static void an_arena_holds_small_and_large_pieces_until_cleared(void **state)
{
	struct arena arena = {0};
	char *texts[500], *large;

	(void)state;
	for (int i = 0; i < 500; i++)
		texts[i] = arena_strndup(&arena, "0123456789", (size_t)i % 11);
	large = arena_alloc(&arena, 100000);
	assert_int_equal(large[99999], 0);
	memset(large, 'x', 100000);
	for (int i = 0; i < 500; i++) {
		assert_int_equal(strlen(texts[i]), i % 11);
		assert_int_equal((uintptr_t)texts[i] % sizeof(void *), 0);
	}
	arena_clear(&arena);
	assert_null(arena.blocks);
	arena_clear(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_zeroed),
		cmocka_unit_test(
			copies_are_terminated_and_no_text_stays_no_text),
		cmocka_unit_test(a_buffer_collects_what_is_put),
		cmocka_unit_test(a_buffer_grows_up_to_its_ceiling_exactly),
		cmocka_unit_test(a_put_that_does_not_fit_changes_nothing),
		cmocka_unit_test(even_an_empty_put_terminates),
		cmocka_unit_test(a_size_near_the_largest_does_not_wrap),
		cmocka_unit_test(a_taken_buffer_is_the_callers),
		cmocka_unit_test(
			an_arena_holds_small_and_large_pieces_until_cleared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
