#include "shared/config.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *url, *secret, *auth, *backup;
static int64_t places, kept_days;
static bool trusted, once;

static const struct option options[] = {
	{"LISTEN_URL", OPT_STRING, &url, "tcp://127.0.0.1:7001",
		"where requests are taken"},
	{"MODEL_KEY", OPT_SECRET, &secret, NULL, "key of the model provider"},
	{"AUTH", OPT_CHOICE, &auth, "open", "who may talk",
		.choices = "open|jwt"},
	{"PLACES", OPT_INT, &places, "8", "turns at once", 1, 100},
	{"KEPT_DAYS", OPT_INT_OR_NEVER, &kept_days, "never",
		"until it is deleted, days", 0, 1000},
	{"LINKS_TRUSTED", OPT_BOOL, &trusted, "no",
		"whether links may leave this machine, which is a long story "
		"that does not fit on one line"},
	{0},
};

static const struct flag flags[] = {
	{"--once", &once, "sweep once and exit"},
	{"--backup", NULL, "copy the store and exit", &backup, "DIR"},
	{0},
};

/* The environment: NAME, VALUE, ..., NULL. */
static const char *const *environment;

static const char *lookup(const char *name)
{
	for (const char *const *at = environment; *at; at += 2)
		if (!strcmp(at[0], name))
			return at[1];
	return NULL;
}

static struct buf fault;

static void forget(void)
{
	free((char *)url);
	free((char *)secret);
	free((char *)auth);
	url = secret = auth = NULL;
}

static bool reads(const char *const *env)
{
	environment = env;
	buf_reset(&fault);
	forget();
	return config_read(options, lookup, &fault);
}

static int setup(void **state)
{
	(void)state;
	buf_init(&fault, 10000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	forget();
	buf_clear(&fault);
	return 0;
}

#define ENV(...) \
	(const char *const[]) \
	{ \
		__VA_ARGS__, NULL \
	}

static void what_is_not_set_has_its_default(void **state)
{
	(void)state;
	assert_true(reads(ENV("PLACES", "")));
	assert_string_equal(url, "tcp://127.0.0.1:7001");
	assert_null(secret);
	assert_string_equal(auth, "open");
	assert_int_equal(places, 8);
	assert_false(trusted);
}

static void what_is_set_counts(void **state)
{
	(void)state;
	assert_true(reads(ENV("LISTEN_URL", "tcp://x", "MODEL_KEY", "k", "AUTH",
		"jwt", "PLACES", "100", "LINKS_TRUSTED", "On")));
	assert_string_equal(url, "tcp://x");
	assert_string_equal(secret, "k");
	assert_string_equal(auth, "jwt");
	assert_int_equal(places, 100);
	assert_true(trusted);
}

static void a_wrong_value_is_named_with_what_would_be_right(void **state)
{
	(void)state;
	assert_false(reads(ENV("PLACES", "abc")));
	assert_string_equal(fault.data, "PLACES=abc is not a whole number of "
					"1..100 (turns at once)");
	assert_false(reads(ENV("AUTH", "ope")));
	assert_string_equal(
		fault.data, "AUTH=ope is not one of open|jwt (who may talk)");
	assert_false(reads(ENV("LINKS_TRUSTED", "maybe")));
	assert_non_null(strstr(fault.data, "LINKS_TRUSTED=maybe is not one "
					   "of yes|no"));
}

static void numbers_are_whole_and_within_their_limits(void **state)
{
	static const char *const wrong[] = {"0", "101", "-1", "+1", " 1", "1 ",
		"1.0", "0x1", "99999999999999999999", "-"};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_false(reads(ENV("PLACES", wrong[i])));
	assert_true(reads(ENV("PLACES", "1")));
}

static void some_numbers_may_be_never(void **state)
{
	(void)state;
	assert_true(reads(ENV("KEPT_DAYS", "0")));
	assert_int_equal(kept_days, 0);
	assert_true(reads(ENV("KEPT_DAYS", "")));
	assert_int_equal(kept_days, -1);
	assert_false(reads(ENV("KEPT_DAYS", "-1")));
	assert_string_equal(fault.data,
		"KEPT_DAYS=-1 is not a whole number of 0..1000, or never "
		"(until it is deleted, days)");
	assert_false(reads(ENV("PLACES", "never")));
}

static void choices_match_whole_words_only(void **state)
{
	(void)state;
	assert_false(reads(ENV("AUTH", "open|jwt")));
	assert_false(reads(ENV("AUTH", "wt")));
	assert_false(reads(ENV("AUTH", "OPEN")));
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static void a_secret_may_be_in_a_file(void **state)
{
	char path[] = "/tmp/config_test.XXXXXX";

	(void)state;
	close(mkstemp(path));
	write_file(path, "from the file\n", 14);
	assert_true(reads(ENV("MODEL_KEY_FILE", path)));
	assert_string_equal(secret, "from the file");
	write_file(path, "two\nlines\r\n", 11);
	assert_true(reads(ENV("MODEL_KEY_FILE", path, "MODEL_KEY", "")));
	assert_string_equal(secret, "two\nlines");

	assert_false(reads(ENV("MODEL_KEY_FILE", path, "MODEL_KEY", "hush")));
	assert_string_equal(fault.data, "MODEL_KEY and MODEL_KEY_FILE are both "
					"set: set one of them");
	write_file(path, "\n", 1);
	assert_false(reads(ENV("MODEL_KEY_FILE", path)));
	write_file(path, "a\0b", 3);
	assert_false(reads(ENV("MODEL_KEY_FILE", path)));
	assert_null(secret);
	unlink(path);
	assert_false(reads(ENV("MODEL_KEY_FILE", path)));
	assert_non_null(strstr(fault.data, "cannot be read: No such file"));
}

static void help_is_a_table_of_eighty_columns(void **state)
{
	struct buf text;

	(void)state;
	buf_init(&text, 10000);
	config_help(&text, "sessiond", "keeps conversations", options, flags);
	assert_non_null(strstr(text.data, "sessiond: keeps conversations\n"));
	assert_non_null(
		strstr(text.data, "  --once          sweep once and exit\n"
				  "  --backup DIR    copy the store and exit\n"
				  "  --help          print this and exit\n"));
	assert_non_null(strstr(text.data,
		"  LISTEN_URL     tcp://127.0.0.1:7001    where requests are "
		"taken\n"
		"  MODEL_KEY      -                       key of the model "
		"provider (or\n"
		"                                         MODEL_KEY_FILE: a "
		"file "
		"that holds it)\n"));
	assert_non_null(strstr(text.data, "(one of open|jwt)"));
	assert_non_null(strstr(text.data, "turns at once (a whole number of"));
	for (char *line = strtok(text.data, "\n"); line;
		line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 80);
	buf_clear(&text);
}

/* The exit status of a process that loads its configuration with these words
 * on its command line; NULL: not there. */
static int exit_status(const char *first, const char *second)
{
	char program[] = "sessiond";
	char *argv[] = {program, (char *)first, (char *)second, NULL};
	int argc = 1 + (first != NULL) + (second != NULL), status;
	pid_t child;

	forget();
	child = fork();
	if (!child) {
		assert_non_null(freopen("/dev/null", "w", stdout));
		assert_non_null(freopen("/dev/null", "w", stderr));
		config_load("sessiond", "keeps conversations", options, flags,
			argc, argv);
		if (backup)
			_exit(strcmp(backup, "/copy") ? 1 : 9);
		_exit(once ? 7 : 5);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_command_line_takes_only_known_words(void **state)
{
	(void)state;
	assert_int_equal(exit_status(NULL, NULL), 5);
	assert_int_equal(exit_status("--once", NULL), 7);
	assert_int_equal(exit_status("--help", NULL), 0);
	assert_int_equal(exit_status("--version", NULL), 0);
	assert_int_equal(exit_status("--twice", NULL), 2);
	assert_int_equal(exit_status("once", NULL), 2);
	setenv("PLACES", "many", 1);
	assert_int_equal(exit_status(NULL, NULL), 2);
	unsetenv("PLACES");
}

static void a_flag_may_be_followed_by_a_text(void **state)
{
	(void)state;
	assert_int_equal(exit_status("--backup", "/copy"), 9);
	assert_int_equal(exit_status("--backup", NULL), 2);
	assert_int_equal(exit_status("--backup", ""), 2);
	assert_int_equal(exit_status("--once", "/copy"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_set_has_its_default),
		cmocka_unit_test(what_is_set_counts),
		cmocka_unit_test(
			a_wrong_value_is_named_with_what_would_be_right),
		cmocka_unit_test(numbers_are_whole_and_within_their_limits),
		cmocka_unit_test(some_numbers_may_be_never),
		cmocka_unit_test(choices_match_whole_words_only),
		cmocka_unit_test(a_secret_may_be_in_a_file),
		cmocka_unit_test(help_is_a_table_of_eighty_columns),
		cmocka_unit_test(the_command_line_takes_only_known_words),
		cmocka_unit_test(a_flag_may_be_followed_by_a_text),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
