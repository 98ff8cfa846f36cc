/* config: settings from the environment, checked at start.
 *
 * A daemon lists its settings in one table; config_load fills the variables
 * or ends the process with a line naming the setting, the value and what
 * would be right. --help prints the table. */
#ifndef SHARED_CONFIG_H
#define SHARED_CONFIG_H

#include "shared/mem.h"
#include <stdint.h>

enum option_kind {
	OPT_STRING, /* const char ** */
	OPT_SECRET, /* const char **; NAME_FILE names a file holding it */
	OPT_CHOICE, /* const char **; one of `choices`, separated by | */
	OPT_INT, /* int64_t *, within min..max */
	OPT_BOOL, /* bool *; 1/0, true/false, yes/no, on/off */
	OPT_INT_OR_NEVER /* int64_t *, likewise, or "never": -1 */
};

struct option {
	const char *name; /* NULL ends the table */
	enum option_kind kind;
	void *value;
	const char *fallback; /* used when unset or empty; NULL: no value */
	const char *help; /* one line, with the unit */
	int64_t min, max; /* of whole numbers */
	const char *choices; /* OPT_CHOICE */
};

/* A word on the command line that is either there or not, or that is followed
 * by a text of its own ("--backup DIR"). */
struct flag {
	const char *name; /* "--once"; NULL ends the table */
	bool *value; /* NULL if it takes a text */
	const char *help;
	const char **text;
	const char *text_name; /* "DIR" */
};

/* Reads the environment into `options` and the command line into `flags`
 * (NULL: there are none). Handles --help and --version (prints and exits 0);
 * a wrong value or an unknown argument ends the process with status 2. A
 * setting without a value leaves its variable as it was. Strings live as long
 * as the process. */
void config_load(const char *program, const char *about,
	const struct option *options, const struct flag *flags, int argc,
	char **argv);

/* What config_load does with the environment, which `lookup` stands for:
 * false, with the reason appended to `fault`, at the first wrong value. */
typedef const char *config_lookup(const char *name);
bool config_read(
	const struct option *options, config_lookup *lookup, struct buf *fault);

/* The text of --help. */
void config_help(struct buf *out, const char *program, const char *about,
	const struct option *options, const struct flag *flags);

#endif
