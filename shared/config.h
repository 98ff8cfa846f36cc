/* config: settings from the environment, checked at start.
 *
 * A daemon lists its settings in one table; config_load fills the variables
 * or ends the process with a line naming the setting, the value and what
 * would be right. --help prints the table. */
#ifndef SHARED_CONFIG_H
#define SHARED_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
	OPT_STRING, /* const char ** */
	OPT_SECRET, /* const char **; NAME_FILE names a file holding it */
	OPT_CHOICE, /* const char **; one of `choices`, separated by | */
	OPT_INT, /* int64_t *, within min..max */
	OPT_BOOL /* bool *; 1/0, true/false, yes/no, on/off */
};

struct option {
	const char *name; /* NULL ends the table */
	enum option_kind kind;
	void *value;
	const char *fallback; /* used when unset or empty; NULL: no value */
	const char *help; /* one line, with the unit */
	int64_t min, max; /* OPT_INT */
	const char *choices; /* OPT_CHOICE */
};

/* Handles --help and --version (prints and exits 0); any other argument that
 * is not in `flags` (NULL-terminated "--once" style words with their help in
 * the next entry; may be NULL) is an error. Returns argv's index of the first
 * argument after the known ones. Strings live as long as the process. */
void config_load(const char *program, const char *about,
	const struct option *options, int argc, char **argv);

#endif
