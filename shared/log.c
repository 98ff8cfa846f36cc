#include "shared/log.h"
#include "shared/clock.h"
#include "shared/json.h"
#include "shared/text.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 16 * 1024, TEXT_MAX_BYTES = 1024, LIMIT_MS = 1000 };

static const char *const level_names[LOG_LEVELS] = {
	"debug", "info", "warn", "error"};

static const char *daemon_name = "";
static enum log_level least = LOG_INFO;

void log_open(const char *daemon, const char *level)
{
	daemon_name = daemon;
	for (int i = 0; i < LOG_LEVELS; i++)
		if (!strcmp(level, level_names[i]))
			least = (enum log_level)i;
}

int64_t log_allowed(struct log_limit *limit)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int64_t now = clock_mono_ms(), held = -1;

	pthread_mutex_lock(&lock);
	if (limit->next_ms && now < limit->next_ms) {
		limit->held++;
	} else {
		held = limit->held;
		limit->held = 0;
		limit->next_ms = now + LIMIT_MS;
	}
	pthread_mutex_unlock(&lock);
	return held;
}

/* A text may come from a peer or from a library: it is cut, and made UTF-8. */
static void put_text(struct json_writer *w, const char *name, const char *text)
{
	char clean[TEXT_MAX_BYTES];
	size_t len = strnlen(text, TEXT_MAX_BYTES + 1);

	len = utf8_prefix(text, len, TEXT_MAX_BYTES);
	for (size_t i = 0, step; i < len; i += step) {
		step = utf8_step(text + i, len - i);
		memcpy(clean + i, step ? text + i : "?", step ? step : 1);
		step = step ? step : 1;
	}
	json_put_strn(w, name, clean, len);
}

static void put_fields(struct json_writer *w, va_list args)
{
	for (;;) {
		struct log_field field = va_arg(args, struct log_field);
		size_t len = w->out->len;

		if (!field.name)
			return;
		if (field.text)
			put_text(w, field.name, field.text);
		else
			json_put_int(w, field.name, field.number);
		if (w->out->full) { /* rather without this one */
			w->out->full = false;
			w->out->len = len;
			return;
		}
	}
}

void log_write(enum log_level level, const char *event, ...)
{
	int saved = errno;
	char ts[ISO_SIZE];
	struct json_writer w;
	struct buf line;
	va_list args;
	ssize_t ignored;

	if (level < least)
		return;
	/* Room is kept for the end of the line. */
	buf_init(&line, LINE_MAX_BYTES - 2);
	json_begin(&w, &line);
	clock_iso(ts, clock_wall_ms());
	json_open(&w, NULL, '{');
	json_put_str(&w, "ts", ts);
	json_put_str(&w, "level", level_names[level]);
	json_put_str(&w, "daemon", daemon_name);
	put_text(&w, "event", event);
	va_start(args, event);
	put_fields(&w, args);
	va_end(args);
	line.max = LINE_MAX_BYTES;
	buf_puts(&line, "}\n");
	ignored = write(STDERR_FILENO, line.data, line.len);
	(void)ignored; /* there is nobody left to tell */
	buf_clear(&line);
	errno = saved;
}

void die(const char *what, const char *why)
{
	log_error("cannot start", log_str("what", what), log_str("why", why));
	exit(1);
}
