#include "shared/config.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	TEXT_MAX = 64 * 1024,
	NAME_MAX_BYTES = 128,
	LINE_COLUMNS = 80,
	DEFAULT_COLUMNS = 22,
	MISUSE = 2 /* exit status */
};

#define VERSION "1.0.0"

/* --- reading ------------------------------------------------------------ */

static bool read_int(const struct option *option, const char *text)
{
	int64_t *value = option->value;
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	/* strtoll skips white space; a setting with it is a typing error. */
	if (errno || *end || !strchr("-0123456789", *text) ||
		number < option->min || number > option->max)
		return false;
	*value = number;
	return true;
}

static bool read_bool(const struct option *option, const char *text)
{
	static const char *const words[] = {
		"0", "1", "false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < COUNT(words); i++)
		if (!strcasecmp(text, words[i])) {
			*(bool *)option->value = i % 2;
			return true;
		}
	return false;
}

static bool is_choice(const char *choices, const char *text)
{
	size_t len = strlen(text);

	if (strchr(text, '|'))
		return false;
	for (const char *at = choices; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (!strncmp(at, text, len) &&
			(at[len] == '|' || at[len] == '\0'))
			return true;
	}
	return false;
}

static void set_text(const struct option *option, const char *text)
{
	*(const char **)option->value = xstrdup(text);
}

static bool read_value(const struct option *option, const char *text)
{
	switch (option->kind) {
	case OPT_INT_OR_NEVER:
		if (!strcmp(text, "never")) {
			*(int64_t *)option->value = -1;
			return true;
		}
		return read_int(option, text);
	case OPT_INT:
		return read_int(option, text);
	case OPT_BOOL:
		return read_bool(option, text);
	case OPT_CHOICE:
		if (!is_choice(option->choices, text))
			return false;
		break;
	case OPT_STRING:
	case OPT_SECRET:
		break;
	}
	set_text(option, text);
	return true;
}

/* What would have been right. */
static void put_expected(struct buf *out, const struct option *option)
{
	switch (option->kind) {
	case OPT_INT:
	case OPT_INT_OR_NEVER:
		buf_printf(out, "a whole number of %" PRId64 "..%" PRId64,
			option->min, option->max);
		if (option->kind == OPT_INT_OR_NEVER)
			buf_puts(out, ", or never");
		break;
	case OPT_BOOL:
		buf_puts(out, "one of yes|no");
		break;
	case OPT_CHOICE:
		buf_printf(out, "one of %s", option->choices);
		break;
	case OPT_STRING:
	case OPT_SECRET:
		break;
	}
}

/* Reads the file a secret is in; its last newline belongs to the editor. */
static bool read_secret(
	const struct option *option, const char *path, struct buf *fault)
{
	char text[TEXT_MAX];
	ssize_t len = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		len = read(fd, text, sizeof(text));
	if (len < 0)
		buf_printf(fault, "%s_FILE=%.200s cannot be read: %s (%s)",
			option->name, path, strerror(errno), option->help);
	if (fd >= 0)
		close(fd);
	if (len < 0)
		return false;
	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0 || len >= TEXT_MAX - 2 || memchr(text, 0, (size_t)len)) {
		buf_printf(fault,
			"%s_FILE=%.200s is empty, too long or not text (%s)",
			option->name, path, option->help);
		return false;
	}
	*(const char **)option->value = xstrndup(text, (size_t)len);
	return true;
}

static const char *look_up(config_lookup *lookup, const char *name)
{
	const char *text = lookup(name);

	return text && *text ? text : NULL;
}

static bool read_option(
	const struct option *option, config_lookup *lookup, struct buf *fault)
{
	const char *text = look_up(lookup, option->name), *path = NULL;
	char file[NAME_MAX_BYTES];

	if (option->kind == OPT_SECRET) {
		snprintf(file, sizeof(file), "%s_FILE", option->name);
		path = look_up(lookup, file);
	}
	if (path && text) {
		buf_printf(fault, "%s and %s are both set: set one of them",
			option->name, file);
		return false;
	}
	if (path)
		return read_secret(option, path, fault);
	if (!text)
		text = option->fallback;
	if (!text || read_value(option, text))
		return true;
	buf_printf(fault, "%s=%.200s is not ", option->name, text);
	put_expected(fault, option);
	buf_printf(fault, " (%s)", option->help);
	return false;
}

bool config_read(
	const struct option *options, config_lookup *lookup, struct buf *fault)
{
	for (; options->name; options++)
		if (!read_option(options, lookup, fault))
			return false;
	return true;
}

/* --- help --------------------------------------------------------------- */

/* Appends words from column `column` on, wrapped to start there again. */
static void put_wrapped(struct buf *out, size_t column, const char *text)
{
	size_t at = column;

	for (;;) {
		size_t word = strcspn(text, " ");

		if (at > column && at + 1 + word > LINE_COLUMNS) {
			buf_printf(out, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			buf_putc(out, ' ');
			at++;
		}
		buf_put(out, text, word);
		at += word;
		if (!text[word])
			break;
		text += word + 1;
	}
	buf_putc(out, '\n');
}

/* The help of an option, then what may be said. */
static void put_option_help(
	struct buf *out, const struct option *option, size_t column)
{
	struct buf text;

	buf_init(&text, TEXT_MAX);
	buf_puts(&text, option->help);
	if (option->kind == OPT_SECRET)
		buf_printf(&text, " (or %s_FILE: a file that holds it)",
			option->name);
	else if (option->kind != OPT_STRING) {
		buf_puts(&text, " (");
		put_expected(&text, option);
		buf_putc(&text, ')');
	}
	put_wrapped(out, column, text.data);
	buf_clear(&text);
}

static void put_options(struct buf *out, const struct option *options)
{
	size_t name_width = 0, column;

	for (const struct option *o = options; o->name; o++)
		if (strlen(o->name) > name_width)
			name_width = strlen(o->name);
	column = 2 + name_width + 2 + DEFAULT_COLUMNS + 2;
	for (const struct option *o = options; o->name; o++) {
		const char *fallback =
			o->fallback && *o->fallback ? o->fallback : "-";

		buf_printf(out, "  %-*s  %-*s  ", (int)name_width, o->name,
			DEFAULT_COLUMNS, fallback);
		if (strlen(fallback) > DEFAULT_COLUMNS)
			buf_printf(out, "\n%*s", (int)column, "");
		put_option_help(out, o, column);
	}
}

static void put_flag(struct buf *out, const char *name, const char *text_name,
	const char *help)
{
	char both[40];
	snprintf(both, sizeof both, "%s%s%s", name, text_name ? " " : "",
		text_name ? text_name : "");
	buf_printf(out, "  %-14s  ", both);
	put_wrapped(out, 18, help);
}

void config_help(struct buf *out, const char *program, const char *about,
	const struct option *options, const struct flag *flags)
{
	buf_printf(out, "%s: ", program);
	put_wrapped(out, strlen(program) + 2, about);
	buf_puts(out, "\nArguments\n");
	for (; flags && flags->name; flags++)
		put_flag(out, flags->name, flags->text_name, flags->help);
	put_flag(out, "--help", NULL, "print this and exit");
	put_flag(out, "--version", NULL, "print the version and exit");
	buf_puts(out, "\nEnvironment (name, default, meaning)\n");
	put_options(out, options);
}

/* --- both --------------------------------------------------------------- */

static const char *environment(const char *name)
{
	return getenv(name);
}

static const struct flag *find_flag(const struct flag *flags, const char *word)
{
	for (; flags && flags->name; flags++)
		if (!strcmp(flags->name, word))
			return flags;
	return NULL;
}

static _Noreturn void misuse(
	const char *program, const char *word, const char *why)
{
	fprintf(stderr, "%s: %s %s; see %s --help\n", program, word, why,
		program);
	exit(MISUSE);
}

/* Takes the word at argv[*at], and the next one if it is the flag's text. */
static void take_flag(const char *program, const struct flag *flags, int argc,
	char **argv, int *at)
{
	const char *word = argv[*at];
	const struct flag *flag = find_flag(flags, word);
	if (!flag)
		misuse(program, word, "is not an argument");
	if (flag->value) {
		*flag->value = true;
		return;
	}
	if (++*at == argc || !*argv[*at])
		misuse(program, word, "needs a value");
	*flag->text = argv[*at];
}

void config_load(const char *program, const char *about,
	const struct option *options, const struct flag *flags, int argc,
	char **argv)
{
	struct buf text;
	bool good;

	buf_init(&text, TEXT_MAX);
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help")) {
			config_help(&text, program, about, options, flags);
			fputs(text.data, stdout);
			buf_clear(&text);
			exit(0);
		}
		if (!strcmp(argv[i], "--version")) {
			printf("%s " VERSION "\n", program);
			exit(0);
		}
		take_flag(program, flags, argc, argv, &i);
	}
	good = config_read(options, environment, &text);
	if (!good)
		fprintf(stderr, "%s: %s\n", program, text.data);
	buf_clear(&text);
	if (!good)
		exit(MISUSE);
}
