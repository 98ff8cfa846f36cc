#include "shared/clock.h"
#include "shared/log.h"
#include "shared/tenant.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 60000 };

#define RECORD(name) \
	"{\"name\": \"" name "\", \"timezone\": \"Europe/Bucharest\", " \
	"\"languages\": [\"ro\"]}"

static struct loop *loop;
static struct tenants *tenants;
static char root[] = "/tmp/tenant_test.XXXXXX";
static char told[1000]; /* the ids that changed, each with a space */

static void on_changed(void *ctx, const char *business_id)
{
	(void)ctx;
	assert_true(strlen(told) + strlen(business_id) + 2 < sizeof(told));
	strcat(told, business_id);
	strcat(told, " ");
	loop_stop(loop);
}

/* A path below the root; good until the next but three. */
static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(at("new"), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(rename(at("new"), at(name)), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root + strlen(root) - 6, "XXXXXX");
	assert_non_null(mkdtemp(root));
	mkdir(at("B01"), 0700);
	put("B01/business.json", RECORD("Unu"));
	loop = loop_open();
	told[0] = '\0';
	tenants = tenants_open(loop, root, on_changed, NULL);
	return 0;
}

static int teardown(void **state)
{
	char command[300];

	(void)state;
	tenants_close(tenants);
	loop_close(loop);
	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* Lets the loop run for a while: what was begun at opening is over then. */
static void linger(uint64_t ms)
{
	struct timer *timer = timer_open(loop, stop, loop);

	timer_start(timer, ms, 0);
	loop_run(loop);
	timer_close(timer);
}

/* Waits until the change is told. */
static void wait_for(const char *id)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;

	while (!strstr(told, id) && clock_mono_ms() < deadline)
		loop_run(loop);
	assert_non_null(strstr(told, id));
	told[0] = '\0';
}

static void what_is_there_is_known_at_once(void **state)
{
	const struct tenant *tenant = tenants_find(tenants, "B01");

	(void)state;
	assert_non_null(tenant);
	assert_string_equal(tenant->id, "B01");
	assert_string_equal(tenant->folder, at("B01"));
	assert_string_equal(tenant->name, "Unu");
	assert_string_equal(tenant->type, "");
	assert_string_equal(tenant->zone, "Europe/Bucharest");
	assert_string_equal(tenant->language, "ro");
	assert_int_equal(tenant->concurrency, CONCURRENCY_ENQUEUE);
	assert_null(tenant->fallback_en);
	assert_string_equal(tenant->record,
		"{\"name\":\"Unu\",\"timezone\":\"Europe/Bucharest\","
		"\"languages\":[\"ro\"]}");
	assert_int_equal(tenant->record_len, strlen(tenant->record));
	assert_true(tenant->revision > 0);
	assert_null(tenant->fault);
	assert_null(tenants_find(tenants, "B02"));
	assert_null(tenants_find(tenants, "b01"));
	assert_null(tenants_find(tenants, "../B01"));
	assert_string_equal(told, "");
}

static void a_tenant_may_come(void **state)
{
	(void)state;
	mkdir(at("prepared"), 0700);
	put("prepared/business.json", RECORD("Doi"));
	assert_int_equal(rename(at("prepared"), at("B02")), 0);
	wait_for("B02");
	assert_string_equal(tenants_find(tenants, "B02")->name, "Doi");
}

static void a_folder_is_no_tenant_before_it_has_a_record(void **state)
{
	(void)state;
	mkdir(at("B02"), 0700);
	put("B01/business.json", RECORD("Altul"));
	wait_for("B01");
	assert_null(tenants_find(tenants, "B02"));
	put("B02/business.json", RECORD("Doi"));
	wait_for("B02");
	assert_string_equal(tenants_find(tenants, "B02")->name, "Doi");
}

static void a_tenant_may_go(void **state)
{
	(void)state;
	assert_int_equal(rename(at("B01"), at("B0X")), 0);
	wait_for("B01");
	assert_null(tenants_find(tenants, "B01"));
}

static void a_changed_record_has_a_higher_revision(void **state)
{
	uint64_t revision = tenants_find(tenants, "B01")->revision;

	(void)state;
	put("B01/business.json", RECORD("Nou"));
	wait_for("B01");
	assert_string_equal(tenants_find(tenants, "B01")->name, "Nou");
	assert_true(tenants_find(tenants, "B01")->revision > revision);
}

static void changed_knowledge_is_told_and_leaves_the_revision(void **state)
{
	uint64_t revision = tenants_find(tenants, "B01")->revision;

	(void)state;
	mkdir(at("B01/knowledge"), 0700);
	wait_for("B01");
	put("B01/knowledge/page.md", "# Page");
	wait_for("B01");
	put("B01/knowledge/page.md", "# Another page");
	wait_for("B01");
	unlink(at("B01/knowledge/page.md"));
	wait_for("B01");
	assert_int_equal(tenants_find(tenants, "B01")->revision, revision);
}

/* Waits for a fault: nothing is told of it. */
static const char *fault_of(const char *id)
{
	int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	struct timer *poll = timer_open(loop, stop, loop);

	timer_start(poll, 10, 10);
	while (!tenants_find(tenants, id)->fault && clock_mono_ms() < deadline)
		loop_run(loop);
	timer_close(poll);
	return tenants_find(tenants, id)->fault;
}

static void a_bad_record_leaves_the_last_good_one_in_force(void **state)
{
	uint64_t revision = tenants_find(tenants, "B01")->revision;

	(void)state;
	put("B01/business.json", "{\"name\": ");
	assert_string_equal(fault_of("B01"), "the record is not valid JSON");
	assert_string_equal(tenants_find(tenants, "B01")->name, "Unu");
	assert_int_equal(tenants_find(tenants, "B01")->revision, revision);
	assert_string_equal(told, "");
	put("B01/business.json", RECORD("Reparat"));
	wait_for("B01");
	assert_string_equal(tenants_find(tenants, "B01")->name, "Reparat");
	assert_null(tenants_find(tenants, "B01")->fault);
}

static void a_removed_record_leaves_the_last_good_one_in_force(void **state)
{
	(void)state;
	unlink(at("B01/business.json"));
	assert_non_null(fault_of("B01"));
	assert_string_equal(tenants_find(tenants, "B01")->name, "Unu");
}

static void symbolic_links_and_special_files_are_not_followed(void **state)
{
	(void)state;
	put("outside.json", RECORD("Afara"));
	mkdir(at("B03"), 0700);
	assert_int_equal(
		symlink("../outside.json", at("B03/business.json")), 0);
	mkdir(at("B04"), 0700);
	assert_int_equal(mkfifo(at("B04/business.json"), 0600), 0);
	mkdir(at("B05"), 0700);
	mkdir(at("B05/business.json"), 0700);
	assert_int_equal(symlink("B01", at("B06")), 0);
	tenants_close(tenants);
	tenants = tenants_open(loop, root, on_changed, NULL);
	assert_non_null(tenants_find(tenants, "B01"));
	assert_null(tenants_find(tenants, "B03"));
	assert_null(tenants_find(tenants, "B04"));
	assert_null(tenants_find(tenants, "B05"));
	assert_null(tenants_find(tenants, "B06"));
}

static void count(void *ctx, const struct tenant *tenant)
{
	(void)tenant;
	++*(int *)ctx;
}

static void folders_with_other_names_are_left_out(void **state)
{
	int listed = 0;

	(void)state;
	mkdir(at("not a tenant"), 0700);
	put("not a tenant/business.json", RECORD("Nu"));
	mkdir(at(".hidden"), 0700);
	put("README.md", "# Tenants");
	mkdir(at("B02"), 0700);
	put("B02/business.json", RECORD("Doi"));
	tenants_close(tenants);
	tenants = tenants_open(loop, root, on_changed, NULL);
	tenants_each(tenants, count, &listed);
	assert_int_equal(listed, 2);
	assert_null(tenants_find(tenants, "not a tenant"));
}

static void the_folder_of_tenants_may_be_missing(void **state)
{
	(void)state;
	tenants_close(tenants);
	tenants = tenants_open(loop, NULL, NULL, NULL);
	assert_null(tenants_find(tenants, "B01"));
	tenants_close(tenants);
	tenants = tenants_open(loop, at("later"), on_changed, NULL);
	assert_null(tenants_find(tenants, "B01"));
	/* ... and come: found by looking again, as nothing could be watched. */
	linger(200);
	mkdir(at("prepared"), 0700);
	assert_int_equal(rename(at("B01"), at("prepared/B01")), 0);
	assert_int_equal(rename(at("prepared"), at("later")), 0);
	wait_for("B01");
	assert_non_null(tenants_find(tenants, "B01"));
}

static void a_business_without_a_folder_has_a_default_record(void **state)
{
	const struct tenant *tenant = tenants_default(tenants, "B99");

	(void)state;
	assert_string_equal(tenant->id, "B99");
	assert_string_equal(tenant->name, "B99");
	assert_string_equal(tenant->zone, "UTC");
	assert_string_equal(tenant->language, "ro");
	assert_null(tenant->folder);
	assert_int_equal(tenant->revision, 0);
	assert_string_equal(tenant->record,
		"{\"name\":\"B99\",\"timezone\":\"UTC\",\"languages\":"
		"[\"ro\",\"en\"]}");
	assert_string_equal(tenants_default(tenants, "B98")->name, "B98");
}

static void closing_while_a_look_is_under_way_is_fine(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		tenants_close(tenants);
		tenants = tenants_open(loop, root, on_changed, NULL);
	}
	assert_non_null(tenants_find(tenants, "B01"));
}

int main(void)
{
#define foldered(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		foldered(what_is_there_is_known_at_once),
		foldered(a_tenant_may_come),
		foldered(a_folder_is_no_tenant_before_it_has_a_record),
		foldered(a_tenant_may_go),
		foldered(a_changed_record_has_a_higher_revision),
		foldered(changed_knowledge_is_told_and_leaves_the_revision),
		foldered(a_bad_record_leaves_the_last_good_one_in_force),
		foldered(a_removed_record_leaves_the_last_good_one_in_force),
		foldered(symbolic_links_and_special_files_are_not_followed),
		foldered(folders_with_other_names_are_left_out),
		foldered(the_folder_of_tenants_may_be_missing),
		foldered(a_business_without_a_folder_has_a_default_record),
		foldered(closing_while_a_look_is_under_way_is_fine),
	};
	log_open("tenant_test", "error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
