#include "shared/map.h"
#include "shared/mem.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_key_is_any_bytes_and_leads_to_its_value(void **state)
{
	struct map *map = map_open();
	int one, two;

	(void)state;
	map_put(map, "a\0b", 3, &one);
	map_put(map, "a\0c", 3, &two);
	map_put(map, "", 0, &one);

	assert_ptr_equal(map_get(map, "a\0b", 3), &one);
	assert_ptr_equal(map_get(map, "a\0c", 3), &two);
	assert_ptr_equal(map_get(map, "", 0), &one);
	assert_null(map_get(map, "a", 1));
	assert_int_equal(map_size(map), 3);
	map_close(map);
}

static void putting_again_replaces(void **state)
{
	struct map *map = map_open();
	int one, two;

	(void)state;
	map_put(map, "key", 3, &one);
	map_put(map, "key", 3, &two);

	assert_ptr_equal(map_take(map, "key", 3), &two);
	assert_null(map_take(map, "key", 3));
	assert_int_equal(map_size(map), 0);
	map_close(map);
}

/* A thousand keys come and go at random, beside a plain table that says what
 * should be there. */
static void what_was_put_is_there_until_it_is_taken(void **state)
{
	static int values[1000];
	bool there[COUNT(values)] = {0};
	struct map *map = map_open();
	size_t count = 0, seen = 0, at = 0;
	void *value;

	(void)state;
	srand(1);
	for (int i = 0; i < 100000; i++) {
		/* Long phases of growing and of shrinking. */
		uint16_t key = (uint16_t)(rand() % (int)COUNT(values));
		bool put = rand() % 8 < (i / 20000 % 2 ? 1 : 7);

		assert_ptr_equal(map_get(map, &key, sizeof(key)),
			there[key] ? &values[key] : NULL);
		if (put)
			map_put(map, &key, sizeof(key), &values[key]);
		else
			map_take(map, &key, sizeof(key));
		count += (size_t)(put && !there[key]);
		count -= (size_t)(!put && there[key]);
		there[key] = put;
		assert_int_equal(map_size(map), count);
	}
	while ((value = map_next(map, &at))) {
		assert_true(there[(int *)value - values]);
		seen++;
	}
	assert_int_equal(seen, count);
	map_close(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_any_bytes_and_leads_to_its_value),
		cmocka_unit_test(putting_again_replaces),
		cmocka_unit_test(what_was_put_is_there_until_it_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
