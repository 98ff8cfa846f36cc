/* store_fixture: a store in a folder of its own, thrown away afterwards. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "sessiond/rows.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { STORE_BYTES = 16 * 1024 * 1024 };

static char store_dir[64];
static struct store *store;

static void store_reopen(void)
{
	char why[256] = "";

	store_close(store);
	store = store_open(store_dir, STORE_BYTES, why, sizeof(why));
	if (!store)
		fail_msg("%s", why);
}

static int store_setup(void **state)
{
	(void)state;
	strcpy(store_dir, "/tmp/store_test.XXXXXX");
	assert_non_null(mkdtemp(store_dir));
	store = NULL;
	store_reopen();
	return 0;
}

static int store_teardown(void **state)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "lock"};
	char path[128];

	(void)state;
	store_close(store);
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", store_dir, files[i]);
		unlink(path);
	}
	return rmdir(store_dir);
}

#define with_store(test) \
	cmocka_unit_test_setup_teardown(test, store_setup, store_teardown)

static inline void commit(struct tx *tx)
{
	const char *why;

	assert_false(tx_failed(tx));
	assert_true(tx_commit(tx, &why));
}

static inline struct span span_of(const char *text)
{
	return (struct span){text, strlen(text)};
}

#endif
