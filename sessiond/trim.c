#include "sessiond/trim.h"

#include "shared/clock.h"
#include "shared/metrics.h"
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 1000,
	EVENTS_KEPT_MS = 24 * 60 * 60 * 1000,
	STEP_ROWS = 250, /* short enough that an append never notices */
	READERS_LOOK_MS = 60 * 1000
};

static const struct span everything = {"", 0};

struct trim {
	struct core *core;
	struct timer *timer;
	bool running, closing;
	int64_t readers_looked;
	struct metric *rows;
};

struct trim_job {
	struct job job;
	struct trim *trim;
	bool old_too; /* the clock can be believed */
	int deleted;
};

/* --- one step, in the writer -------------------------------------------- */

static int trim_events(struct batch *batch)
{
	struct cursor cursor;
	int rows = 0;
	cursor_open(&cursor, batch->tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, everything);
		more && rows < STEP_ROWS; more = cursor_next(&cursor)) {
		struct event_row row;
		bool read = decode_event(batch->tx, cursor.value, &row);
		if (read && row.at + EVENTS_KEPT_MS > batch->now)
			break;
		if (read && *row.append_id) {
			struct key key = key_text(row.append_id);
			tx_del(batch->tx, T_APPEND_ID, key_span(&key));
		}
		cursor_del(&cursor);
		rows++;
	}
	cursor_close(&cursor);
	return rows;
}

static int trim_clients(struct batch *batch)
{
	struct cursor cursor;
	int rows = 0;
	cursor_open(&cursor, batch->tx, T_CLIENT_EXPIRY);
	for (bool more = cursor_seek(&cursor, everything);
		more && rows < STEP_ROWS; more = cursor_next(&cursor)) {
		if ((int64_t)span_u64(cursor.key, 0) > batch->now)
			break;
		struct key key;
		key.len = cursor.key.len < 8 ? 0 : cursor.key.len - 8;
		if (key.len && key.len <= KEY_MAX) {
			memcpy(key.bytes, cursor.key.at + 8, key.len);
			tx_del(batch->tx, T_CLIENT_ID, key_span(&key));
		}
		cursor_del(&cursor);
		rows++;
	}
	cursor_close(&cursor);
	return rows;
}

/* An epoch whose successor began before the log does can answer nobody. */
static int trim_epochs(struct batch *batch)
{
	struct cursor log, epochs;
	int rows = 0;
	uint64_t first = batch->counters.n + 1;
	cursor_open(&log, batch->tx, T_EVENT);
	if (cursor_seek(&log, everything))
		first = span_u64(log.key, 0);
	cursor_close(&log);
	cursor_open(&epochs, batch->tx, T_EPOCH);
	bool more = cursor_seek(&epochs, everything);
	while (more && rows < STEP_ROWS) {
		struct key key = key_number(span_u64(epochs.key, 0));
		if (!cursor_next(&epochs) ||
			span_u64(epochs.value, 0) + 1 >= first)
			break;
		tx_del(batch->tx, T_EPOCH, key_span(&key));
		more = cursor_seek(&epochs, key_span(&key));
		rows++;
	}
	cursor_close(&epochs);
	return rows;
}

/* What hangs on a message: its id, and the turn that began with it. */
static void delete_with(struct batch *batch, uint64_t session, uint32_t seq)
{
	struct message_row message;
	if (!get_message(batch->tx, session, seq, &message))
		return;
	struct key id = key_text(message.id), turn = key_number(message.turn);
	tx_del(batch->tx, T_MESSAGE_ID, key_span(&id));
	if (message.turn)
		tx_del(batch->tx, T_TURN, key_span(&turn));
}

/* The messages of a session, from the first that is left. */
static int delete_messages(struct batch *batch, uint64_t session)
{
	struct key prefix = key_number(session);
	struct cursor cursor;
	int rows = 0;
	cursor_open(&cursor, batch->tx, T_MESSAGE);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && rows < STEP_ROWS &&
		span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		delete_with(batch, session, span_u32(cursor.key, 8));
		cursor_del(&cursor);
		rows++;
	}
	cursor_close(&cursor);
	return rows;
}

static int bury(struct batch *batch)
{
	struct cursor cursor;
	uint64_t session = 0;
	cursor_open(&cursor, batch->tx, T_DOOMED);
	if (cursor_seek(&cursor, everything))
		session = span_u64(cursor.key, 0);
	cursor_close(&cursor);
	if (!session)
		return 0;
	int rows = delete_messages(batch, session);
	if (rows < STEP_ROWS) {
		struct key key = key_number(session);
		tx_del(batch->tx, T_DOOMED, key_span(&key));
		rows++;
	}
	return rows;
}

static void trim_run(struct job *job, struct batch *batch)
{
	struct trim_job *trim = (struct trim_job *)job;
	trim->deleted = bury(batch);
	if (!trim->old_too)
		return;
	trim->deleted += trim_events(batch);
	trim->deleted += trim_clients(batch);
	trim->deleted += trim_epochs(batch);
}

/* --- between steps ------------------------------------------------------ */

static void step(struct trim *trim);

static void trim_done(struct job *base, enum status status)
{
	struct trim_job *job = (struct trim_job *)base;
	struct trim *trim = job->trim;
	int deleted = status == OK ? job->deleted : 0;
	free(job);
	trim->running = false;
	metric_add(trim->rows, deleted);
	if (trim->closing)
		free(trim);
	else if (deleted)
		step(trim);
}

static void step(struct trim *trim)
{
	struct trim_job *job = xalloc(sizeof *job);
	job->job.run = trim_run;
	job->job.done = trim_done;
	job->job.weight = 1;
	job->trim = trim;
	job->old_too = writer_clock_sane(trim->core->writer);
	trim->running = true;
	writer_submit(trim->core->writer, &job->job);
}

/* Whether a step would find something, from one cheap look. */
static bool anything_to_do(struct trim *trim)
{
	struct tx *tx = tx_read(trim->core->store);
	struct cursor cursor;
	struct event_row row;
	int64_t now = clock_wall_ms();
	cursor_open(&cursor, tx, T_DOOMED);
	bool found = cursor_seek(&cursor, everything);
	cursor_close(&cursor);
	cursor_open(&cursor, tx, T_EVENT);
	found |= cursor_seek(&cursor, everything) &&
		 (!decode_event(tx, cursor.value, &row) ||
			 row.at + EVENTS_KEPT_MS <= now);
	cursor_close(&cursor);
	cursor_open(&cursor, tx, T_CLIENT_EXPIRY);
	found |= cursor_seek(&cursor, everything) &&
		 (int64_t)span_u64(cursor.key, 0) <= now;
	cursor_close(&cursor);
	tx_end(tx);
	return found;
}

static void on_timer(void *ctx)
{
	struct trim *trim = ctx;
	int64_t now = clock_mono_ms();
	if (now - trim->readers_looked >= READERS_LOOK_MS) {
		trim->readers_looked = now;
		store_check_readers(trim->core->store);
	}
	if (!trim->running && anything_to_do(trim))
		step(trim);
}

struct trim *trim_open(struct core *core)
{
	struct trim *trim = xalloc(sizeof *trim);
	trim->core = core;
	trim->readers_looked = clock_mono_ms();
	trim->rows = metric_open(METRIC_COUNTER,
		"taifas_sessiond_trimmed_rows_total", NULL,
		"Rows that had served their time");
	trim->timer = timer_open(core->loop, on_timer, trim);
	timer_start(trim->timer, LOOK_MS, LOOK_MS);
	return trim;
}

void trim_close(struct trim *trim)
{
	if (!trim)
		return;
	timer_close(trim->timer);
	trim->closing = true;
	if (!trim->running)
		free(trim);
}
