/* tools: what `sessiond --check`, `--backup`, `--export` and `--import` do.
 *
 * Each prints its progress on a terminal, its result on standard output, and
 * returns the exit status: 0, or 1 when something was found or failed. */
#ifndef SESSIOND_TOOLS_H
#define SESSIOND_TOOLS_H

#include "sessiond/store.h"
#include <stdint.h>

/* Follows every reference in the store both ways. Reads one snapshot, also of
 * a store in use. */
int tool_check(const char *store_dir);

/* Copies the store, also one in use, into a new folder that a sessiond can be
 * started on. */
int tool_backup(const char *store_dir, const char *target_dir);

/* Writes the businesses (separated by commas) as JSON lines to standard
 * output; reads such lines from standard input into a store nobody uses. */
int tool_export(const char *store_dir, const char *businesses);
int tool_import(const char *store_dir, uint64_t max_bytes, const char *file);

/* True, with its name, if a business was imported only in part: no sessiond may
 * serve it. */
bool import_unfinished(struct store *store, char business[65]);

/* "checking messages  45%" on a terminal; nothing elsewhere. */
struct progress {
	const char *what;
	uint64_t done, total;
	int shown;
};

void progress_step(struct progress *progress, uint64_t by);
void progress_end(struct progress *progress);

#endif
