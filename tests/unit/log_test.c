#include "shared/json.h"
#include "shared/log.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Standard error goes into a pipe while a test runs. */
static int pipe_ends[2], real_stderr;

static int capture(void **state)
{
	(void)state;
	real_stderr = dup(STDERR_FILENO);
	return pipe(pipe_ends) || dup2(pipe_ends[1], STDERR_FILENO) < 0;
}

static int release(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

/* What was written so far: one line, parsed. */
static struct json *line(void)
{
	char text[32768];
	ssize_t len;

	/* A mark, so that an empty log does not block. */
	assert_int_equal(write(pipe_ends[1], "#", 1), 1);
	len = read(pipe_ends[0], text, sizeof(text));
	assert_true(len > 0);
	if (len == 1)
		return NULL;
	assert_int_equal(text[len - 2], '\n');
	assert_ptr_equal(memchr(text, '\n', (size_t)len), text + len - 2);
	return json_parse(text, (size_t)len - 2);
}

static void an_event_is_one_json_line_with_its_facts(void **state)
{
	struct json *said;

	(void)state;
	log_open("sessiond", "info");
	log_info("turn finished", log_str("turn", "t\"1\n"),
		log_int("ms", 1830), log_str("none", NULL));
	said = line();
	assert_int_equal(strlen(json_str(said, "ts")), 24);
	assert_string_equal(json_str(said, "level"), "info");
	assert_string_equal(json_str(said, "daemon"), "sessiond");
	assert_string_equal(json_str(said, "event"), "turn finished");
	assert_string_equal(json_str(said, "turn"), "t\"1\n");
	assert_int_equal(json_int(said, "ms", 0), 1830);
	assert_string_equal(json_str(said, "none"), "");
	json_free(said);
}

static void lower_levels_are_not_written(void **state)
{
	struct json *said;

	(void)state;
	log_open("test", "warn");
	log_debug("no");
	log_info("no");
	assert_null(line());
	log_warn("yes");
	said = line();
	assert_string_equal(json_str(said, "level"), "warn");
	json_free(said);
	log_open("test", "debug");
	log_debug("yes");
	json_free(line());
	log_open("test", "info");
}

static void long_and_broken_texts_still_make_a_line(void **state)
{
	char text[5000];
	struct json *said;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "\xff\xc8 ok ș", 8);
	log_info("odd", log_str("text", text));
	said = line();
	assert_int_equal(strlen(json_str(said, "text")), 1024);
	assert_memory_equal(json_str(said, "text"), "?? ok ș", 8);
	json_free(said);
}

static void a_line_has_a_ceiling_and_loses_its_last_fields(void **state)
{
	char text[1025];
	struct json *said;

	(void)state;
	memset(text, '\x01', sizeof(text) - 1); /* six bytes each, escaped */
	text[sizeof(text) - 1] = '\0';
	log_info("much", log_str("a", text), log_str("b", text),
		log_str("c", text), log_int("d", 1));
	said = line();
	assert_non_null(json_str(said, "b"));
	assert_null(json_str(said, "c"));
	json_free(said);
}

static void errno_is_preserved(void **state)
{
	(void)state;
	errno = EXDEV;
	log_info("fine");
	assert_int_equal(errno, EXDEV);
	json_free(line());
}

static void a_limited_line_says_how_many_were_held_back(void **state)
{
	struct log_limit limit = {0};

	(void)state;
	assert_int_equal(log_allowed(&limit), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(log_allowed(&limit), -1);
	limit.next_ms = 1; /* the second has passed */
	assert_int_equal(log_allowed(&limit), 5);
	assert_int_equal(log_allowed(&limit), -1);
}

static void a_place_in_the_code_speaks_once_a_second(void **state)
{
	struct json *said;

	(void)state;
	for (int i = 0; i < 3; i++)
		log_warn_limited("rude peer", log_int("i", i));
	said = line();
	assert_int_equal(json_int(said, "i", -1), 0);
	assert_int_equal(json_int(said, "suppressed", -1), 0);
	json_free(said);
}

static void dying_says_why_and_fails(void **state)
{
	struct json *said;
	int status;
	pid_t child = fork();

	(void)state;
	if (!child)
		die("/data", "no such folder");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	said = line();
	assert_string_equal(json_str(said, "level"), "error");
	assert_string_equal(json_str(said, "why"), "no such folder");
	json_free(said);
}

int main(void)
{
#define captured(test) cmocka_unit_test_setup_teardown(test, capture, release)
	const struct CMUnitTest tests[] = {
		captured(an_event_is_one_json_line_with_its_facts),
		captured(lower_levels_are_not_written),
		captured(long_and_broken_texts_still_make_a_line),
		captured(a_line_has_a_ceiling_and_loses_its_last_fields),
		captured(errno_is_preserved),
		captured(a_limited_line_says_how_many_were_held_back),
		captured(a_place_in_the_code_speaks_once_a_second),
		captured(dying_says_why_and_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
