/* log: one JSON line per event on standard error.
 *
 *	log_info("turn finished", log_str("turn", id), log_int("ms", ms));
 *
 * The event is plain words and constant; facts are fields. A trace id follows
 * a message through all daemons; what a user said is never logged. */
#ifndef SHARED_LOG_H
#define SHARED_LOG_H

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };

struct log_field {
	const char *name; /* NULL ends the list */
	const char *text; /* NULL: a number */
	int64_t number;
};

static inline struct log_field log_str(const char *name, const char *text)
{
	return (struct log_field){name, text ? text : "", 0};
}

static inline struct log_field log_int(const char *name, int64_t number)
{
	return (struct log_field){name, 0, number};
}

#define LOG_END ((struct log_field){0})
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__, LOG_END)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__, LOG_END)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__, LOG_END)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__, LOG_END)

/* At most one line a second for this place in the code; the next line that
 * is let through says how many were held back. For what a peer can cause. */
#define log_warn_limited(...) \
	do { \
		static struct log_limit limit_; \
		int64_t held_ = log_allowed(&limit_); \
		if (held_ >= 0) \
			log_write(LOG_WARN, __VA_ARGS__, \
				log_int("suppressed", held_), LOG_END); \
	} while (0)

struct log_limit {
	int64_t next_ms;
	int64_t held;
};

/* How many were held back since the last one; -1: hold this one too. */
int64_t log_allowed(struct log_limit *limit);

/* `level` is debug, info, warn or error: the least that is written. */
void log_open(const char *daemon, const char *level);

/* Fields are struct log_field by value, ended by LOG_END. Thread-safe: one
 * write(2) per line. errno is preserved. Long texts are cut, bytes that are
 * not UTF-8 become question marks. */
void log_write(enum log_level level, const char *event, ...);

/* Logs an error and ends the process: for start() only. */
_Noreturn void die(const char *what, const char *why);

#endif
