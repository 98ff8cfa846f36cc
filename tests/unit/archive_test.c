#include "cleanupd/archive.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/mem.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char boot[] = "11111111-2222-4333-8444-555555555555";
static struct loop *loop;
static struct archive *archive;
static char dir[64];

static const struct session ana = {
	.session_id = "s-ana",
	.business_id = "B1",
	.user_id = "ana",
	.status = "resolved",
	.created_at = 1000,
	.updated_at = 2000,
	.last_message_at = 2000,
	.day = "1970-01-01",
	.last_seq = 2,
	.rev = 3,
};

static struct message message(uint32_t seq, const char *content)
{
	return (struct message){
		.message_id = "m",
		.session_id = "s-ana",
		.business_id = "B1",
		.user_id = "ana",
		.type = "user",
		.content = content,
		.timestamp = 1000 * (int64_t)seq,
		.seq = seq,
		.metadata = {"{\"a\":[1,\"\\u00e9\"]}", 18},
	};
}

static int setup(void **state)
{
	const char *fault;

	(void)state;
	strcpy(dir, "/tmp/taifas-archive-XXXXXX");
	assert_non_null(mkdtemp(dir));
	loop = loop_open();
	archive = archive_open(loop, dir, boot, &fault);
	assert_non_null(archive);
	assert_null(fault);
	return 0;
}

static int teardown(void **state)
{
	struct dirent *entry;
	char path[400];
	DIR *open;

	(void)state;
	archive_close(archive);
	loop_close(loop);
	open = opendir(dir);
	while ((entry = readdir(open))) {
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		unlink(path);
	}
	closedir(open);
	return rmdir(dir);
}

/* --- helpers --------------------------------------------------------------
 */

static int files(void)
{
	struct dirent *entry;
	DIR *open = opendir(dir);
	int n = 0;

	while ((entry = readdir(open)))
		n += *entry->d_name != '.';
	closedir(open);
	return n;
}

/* A file of the archive: of today or of `day`, its number if not the first. */
static const char *path_of(const char *day, int number)
{
	static char path[200];
	char now[ISO_SIZE], tail[16] = "";

	clock_iso(now, clock_wall_ms());
	if (number > 1)
		snprintf(tail, sizeof(tail), ".%d", number);
	snprintf(path, sizeof(path), "%s/%.10s.%s%s.jsonl", dir,
		day ? day : now, boot, tail);
	return path;
}

static char *contents(const char *path)
{
	struct buf text;
	char piece[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	buf_init(&text, 10000000);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		buf_put(&text, piece, (size_t)n);
	close(fd);
	return buf_take(&text);
}

static int waiting;

static void on_synced(void *ctx, bool durable)
{
	*(int *)ctx = durable ? 1 : 0;
	if (!--waiting)
		loop_stop(loop);
}

/* Syncs `n` entries at once and waits for all. */
static void sync_all(const struct archive_entry *entries, int *results, int n)
{
	waiting = n;
	for (int i = 0; i < n; i++) {
		results[i] = -1;
		archive_sync(archive, &entries[i], on_synced, &results[i]);
	}
	loop_run(loop);
}

static bool durable(const struct archive_entry *entry)
{
	int result;

	sync_all(entry, &result, 1);
	return result == 1;
}

static bool put(struct archive_entry *entry, const char *content, bool more)
{
	const struct message one = message(1, content);

	return archive_put(archive, entry, &ana, &one, 1, more);
}

/* As if the disk were full: no file may grow beyond this. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* --- tests ----------------------------------------------------------------
 */

static void a_session_is_one_line_with_its_messages(void **state)
{
	struct archive_entry entry = {0};
	const struct message both[] = {
		message(1, "bun\xc4\x83 \"ziua\"\n"), message(2, "x")};
	struct stat info;
	char *text;

	(void)state;
	assert_true(archive_put(archive, &entry, &ana, both, 2, false));
	assert_true(durable(&entry));
	text = contents(path_of(NULL, 1));
	assert_string_equal(text,
		"{\"session\":{\"sessionId\":\"s-ana\",\"businessId\":\"B1\","
		"\"userId\":\"ana\",\"status\":\"resolved\","
		"\"createdAt\":\"1970-01-01T00:00:01.000Z\","
		"\"updatedAt\":\"1970-01-01T00:00:02.000Z\","
		"\"lastMessageAt\":\"1970-01-01T00:00:02.000Z\","
		"\"day\":\"1970-01-01\",\"lastSeq\":2,\"rev\":\"3\"},"
		"\"part\":1,\"more\":false,\"messages\":["
		"{\"messageId\":\"m\",\"sessionId\":\"s-ana\","
		"\"businessId\":\"B1\",\"userId\":\"ana\",\"type\":\"user\","
		"\"content\":\"bun\xc4\x83 \\\"ziua\\\"\\n\","
		"\"timestamp\":\"1970-01-01T00:00:01.000Z\",\"seq\":1,"
		"\"metadata\":{\"a\":[1,\"\\u00e9\"]}},"
		"{\"messageId\":\"m\",\"sessionId\":\"s-ana\","
		"\"businessId\":\"B1\",\"userId\":\"ana\",\"type\":\"user\","
		"\"content\":\"x\","
		"\"timestamp\":\"1970-01-01T00:00:02.000Z\",\"seq\":2,"
		"\"metadata\":{\"a\":[1,\"\\u00e9\"]}}]}\n");
	free(text);
	assert_int_equal(stat(path_of(NULL, 1), &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
}

static void a_long_session_is_numbered_parts(void **state)
{
	struct archive_entry entry = {0}, other = {0};
	char *text, *line, *rest = NULL;
	static const struct {
		int64_t part;
		bool more;
	} expected[] = {{1, true}, {1, false}, {2, true}, {3, false}};
	int n = 0;

	(void)state;
	assert_true(put(&entry, "one", true));
	assert_true(put(&other, "between", false));
	assert_true(put(&entry, "two", true));
	assert_true(put(&entry, "three", false));
	assert_true(durable(&entry));
	text = contents(path_of(NULL, 1));
	for (line = strtok_r(text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest), n++) {
		struct json *json = json_parse(line, strlen(line));

		assert_in_range(n, 0, COUNT(expected) - 1);
		assert_int_equal(json_int(json, "part", 0), expected[n].part);
		assert_int_equal(
			json_bool(json, "more", false), expected[n].more);
		json_free(json);
	}
	assert_int_equal(n, COUNT(expected));
	free(text);
}

static void many_that_wait_are_durable_together(void **state)
{
	struct archive_entry entries[100] = {0};
	int results[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(put(&entries[i], "x", false));
	sync_all(entries, results, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(results[i], 1);
}

static void the_day_has_a_file_of_its_own(void **state)
{
	struct archive_entry first = {0}, second = {0}, third = {0};

	(void)state;
	archive_turn(archive, INT64_C(86400000) * 3 - 1);
	assert_true(put(&first, "x", false));
	assert_true(durable(&first));
	archive_turn(archive, INT64_C(86400000) * 3);
	assert_true(put(&second, "y", false));
	assert_true(durable(&second));
	archive_turn(archive, INT64_C(86400000) * 4 - 1);
	assert_true(put(&third, "z", false));
	assert_true(durable(&third));
	assert_int_equal(files(), 2);
	assert_int_equal(access(path_of("1970-01-03", 1), F_OK), 0);
	assert_int_equal(access(path_of("1970-01-04", 1), F_OK), 0);
}

static void without_sessions_there_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(files(), 0);
}

static void what_could_not_be_written_is_taken_back(void **state)
{
	struct archive_entry good = {0}, half = {0}, big = {0}, again = {0};
	char *big_text = xalloc(5000), *text, *before;

	(void)state;
	memset(big_text, 'x', 4999);
	assert_true(put(&good, "kept", false));
	assert_true(durable(&good));
	before = contents(path_of(NULL, 1));
	assert_true(put(&half, "not yet durable", true));
	limit_files(4000);
	assert_false(put(&big, big_text, false));
	limit_files(RLIM_INFINITY);
	assert_non_null(strstr(archive_fault(archive), "File too large"));

	/* what was durable stays, to the byte */
	text = contents(path_of(NULL, 1));
	assert_string_equal(text, before);
	free(text);
	free(before);

	/* what was not begins anew, in another file */
	assert_false(put(&half, "rest", false));
	assert_true(put(&again, big_text, false));
	assert_false(durable(&half));
	assert_true(durable(&again));
	assert_null(archive_fault(archive));
	assert_int_equal(access(path_of(NULL, 2), F_OK), 0);
	free(big_text);
}

static void a_file_that_holds_nothing_is_removed(void **state)
{
	struct archive_entry entry = {0}, again = {0};

	(void)state;
	limit_files(100);
	assert_false(put(&entry, "does not fit", false));
	limit_files(RLIM_INFINITY);
	assert_int_equal(files(), 0);
	assert_true(put(&again, "fits now", false));
	assert_true(durable(&again));
	assert_int_equal(access(path_of(NULL, 1), F_OK), 0);
	assert_int_equal(files(), 1);
}

/* The failing write comes while the pool thread is at its fsync. */
static void a_fault_during_a_sync_keeps_what_the_sync_covers(void **state)
{
	struct archive_entry good = {0}, big = {0}, late = {0};
	char *big_text = xalloc(100000), *text;
	int results[2] = {-1, -1};

	(void)state;
	memset(big_text, 'x', 99999);
	assert_true(put(&good, "kept", false));
	waiting = 2;
	archive_sync(archive, &good, on_synced, &results[0]);
	assert_true(put(&late, "too late for this sync", false));
	archive_sync(archive, &late, on_synced, &results[1]);
	limit_files(50000);
	assert_false(put(&big, big_text, false));
	limit_files(RLIM_INFINITY);
	loop_run(loop);
	assert_int_equal(results[0], 1);
	assert_int_equal(results[1], 0);
	text = contents(path_of(NULL, 1));
	assert_non_null(strstr(text, "kept"));
	assert_null(strstr(text, "too late"));
	assert_null(strstr(text, "xxx"));
	free(text);
	free(big_text);
}

static void a_missing_folder_is_said_at_once(void **state)
{
	const char *fault;
	char path[100];

	(void)state;
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_null(archive_open(loop, path, boot, &fault));
	assert_string_equal(fault, strerror(ENOENT));
	assert_null(archive_open(loop, "/dev/null", boot, &fault));
	assert_string_equal(fault, strerror(ENOTDIR));
}

static void a_folder_that_vanishes_is_a_fault_until_it_is_back(void **state)
{
	struct archive_entry entry = {0}, again = {0};

	(void)state;
	assert_int_equal(rmdir(dir), 0);
	assert_false(put(&entry, "x", false));
	assert_non_null(archive_fault(archive));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_true(put(&again, "x", false));
	assert_true(durable(&again));
	assert_null(archive_fault(archive));
}

#define with_archive(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_archive(a_session_is_one_line_with_its_messages),
		with_archive(a_long_session_is_numbered_parts),
		with_archive(many_that_wait_are_durable_together),
		with_archive(the_day_has_a_file_of_its_own),
		with_archive(without_sessions_there_is_no_file),
		with_archive(what_could_not_be_written_is_taken_back),
		with_archive(a_file_that_holds_nothing_is_removed),
		with_archive(a_fault_during_a_sync_keeps_what_the_sync_covers),
		with_archive(a_missing_folder_is_said_at_once),
		with_archive(
			a_folder_that_vanishes_is_a_fault_until_it_is_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
