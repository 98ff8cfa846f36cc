#include "sessiond/journal.h"

#include "sessiond/wire.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <stdlib.h>
#include <string.h>

enum { BEAT_MS = 1000, EVENTS_PAGE_ROWS = 2000 };

static const struct span everything = {"", 0};

struct journal {
	struct core *core;
	char epoch[UUID_SIZE];
	uint64_t published;
	struct timer *beat;
	struct buf text;
	struct metric *events, *pages, *resets;
	struct metric *turns[TURN_STATES]; /* by outcome */
};

/* --- the chain of epochs ------------------------------------------------ */

/* A row is the epoch's id; its key the order, its first 8 bytes the n the epoch
 * begins after. An epoch ends where the next began. */
void journal_chain(struct tx *tx, const char *epoch, uint64_t n)
{
	struct cursor cursor;
	uint64_t order = 1;
	cursor_open(&cursor, tx, T_EPOCH);
	if (cursor_seek_before(&cursor, everything))
		order = span_u64(cursor.key, 0) + 1;
	cursor_close(&cursor);
	char value[8 + UUID_SIZE];
	struct key start = key_number(n), key = key_number(order);
	memcpy(value, start.bytes, 8);
	memcpy(value + 8, epoch, strlen(epoch));
	tx_put(tx, T_EPOCH, key_span(&key),
		(struct span){value, 8 + strlen(epoch)});
}

static void begin_epoch(struct journal *journal)
{
	struct counters counters;
	const char *why;
	struct tx *tx = tx_write(journal->core->store);
	get_counters(tx, &counters);
	journal->published = counters.n;
	uuid_fresh(journal->epoch);
	journal_chain(tx, journal->epoch, counters.n);
	if (tx_failed(tx))
		die("store", tx_why(tx));
	if (!tx_commit(tx, &why))
		die("store", why);
}

/* --- publishing --------------------------------------------------------- */

static void open_turn_metrics(struct journal *journal)
{
	static const char *const labels[TURN_STATES] = {
		[TURN_ANSWERED] = "outcome=\"answered\"",
		[TURN_FALLBACK] = "outcome=\"fallback\"",
		[TURN_CANCELLED] = "outcome=\"cancelled\"",
		[TURN_SUPERSEDED] = "outcome=\"superseded\"",
		[TURN_LEFT_TO_PERSON] = "outcome=\"left_to_person\"",
	};
	for (int state = TURN_ANSWERED; state < TURN_STATES; state++)
		journal->turns[state] = metric_open(METRIC_COUNTER,
			"taifas_sessiond_turns_total", labels[state],
			"Turns, by how they ended");
}

static void count_turn(struct journal *journal, const struct turn_ended *turn)
{
	for (int state = TURN_ANSWERED; state < TURN_STATES; state++)
		if (!strcmp(turn->outcome,
			    turn_state_name((enum turn_state)state)))
			metric_add(journal->turns[state], 1);
}

static void publish(
	struct journal *journal, enum event event, uint64_t n, const void *body)
{
	buf_reset(&journal->text);
	event_encode(&journal->text, event, journal->epoch, n, body);
	publisher_send(journal->core->publisher, journal->text.data,
		journal->text.len);
}

void journal_publish(struct journal *journal, uint64_t n)
{
	if (n == journal->published)
		return;
	struct tx *tx = tx_read(journal->core->store);
	struct cursor cursor;
	struct key from = key_number(journal->published + 1);
	cursor_open(&cursor, tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, key_span(&from)); more;
		more = cursor_next(&cursor)) {
		struct event_row row;
		uint64_t at = span_u64(cursor.key, 0);
		const void *body;
		if (at > n)
			break;
		/* A row that is gone by now leaves a hole: whoever sees it asks
		 * and is given a page that counts it. */
		if (decode_event(tx, cursor.value, &row) &&
			(body = wire_event(tx, &row))) {
			publish(journal, row.kind, at, body);
			if (row.kind == EV_TURN)
				count_turn(journal, body);
		}
		metric_add(journal->events, 1);
	}
	cursor_close(&cursor);
	tx_end(tx);
	journal->published = n;
}

static void on_beat(void *ctx)
{
	struct journal *journal = ctx;
	struct beat beat = {.boot = journal->core->boot};
	publish(journal, EV_BEAT, journal->published, &beat);
}

/* --- pages -------------------------------------------------------------- */

/* True if the log can tell what came after the cursor: its epoch is in the
 * chain, and n neither beyond where that epoch ended nor before the log. */
static bool cursor_known(struct journal *journal, struct tx *tx,
	const struct events_since_request *request)
{
	struct cursor cursor;
	bool found = false;
	uint64_t end = journal->published, first = end + 1;
	cursor_open(&cursor, tx, T_EPOCH);
	for (bool more = cursor_seek(&cursor, everything); more && !found;
		more = cursor_next(&cursor)) {
		found = cursor.value.len == 8 + strlen(request->epoch) &&
			!memcmp(cursor.value.at + 8, request->epoch,
				cursor.value.len - 8);
		if (found && cursor_next(&cursor))
			end = span_u64(cursor.value, 0);
	}
	cursor_close(&cursor);
	cursor_open(&cursor, tx, T_EVENT);
	if (cursor_seek(&cursor, everything))
		first = span_u64(cursor.key, 0);
	cursor_close(&cursor);
	return found && request->n <= end && request->n + 1 >= first;
}

static void add_event(struct events_since_reply *reply, struct arena *arena,
	uint64_t n, enum event kind, const void *body, size_t *bytes)
{
	struct buf text;
	struct json_writer writer;
	buf_init(&text, LINK_MAX_BYTES);
	json_begin(&writer, &text);
	codec_encode(event_infos[kind].shape, body, &writer, NULL);
	struct logged_event *event = &reply->events[reply->n_events++];
	event->n = n;
	event->event = event_infos[kind].name;
	event->body.at = arena_strndup(arena, text.data, text.len);
	event->body.len = text.len;
	*bytes += text.len + 80;
	buf_clear(&text);
}

static void fill_page(struct journal *journal, struct tx *tx, uint64_t after,
	struct arena *arena, struct events_since_reply *reply)
{
	struct cursor cursor;
	struct key from = key_number(after + 1);
	size_t bytes = 0;
	reply->n = after;
	reply->events =
		arena_alloc(arena, EVENTS_PAGE_ROWS * sizeof *reply->events);
	cursor_open(&cursor, tx, T_EVENT);
	for (bool more = cursor_seek(&cursor, key_span(&from));
		more && bytes < EVENTS_PAGE_BYTES &&
		reply->n_events < EVENTS_PAGE_ROWS;
		more = cursor_next(&cursor)) {
		struct event_row row;
		const void *body;
		uint64_t n = span_u64(cursor.key, 0);
		if (n > journal->published)
			break;
		if (decode_event(tx, cursor.value, &row) &&
			(body = wire_event(tx, &row)))
			add_event(reply, arena, n, row.kind, body, &bytes);
		reply->n = n;
	}
	cursor_close(&cursor);
}

void journal_since(struct journal *journal,
	const struct events_since_request *request, struct arena *arena,
	struct events_since_reply *reply)
{
	struct tx *tx = tx_read_into(journal->core->store, arena);
	*reply = (struct events_since_reply){.epoch = journal->epoch,
		.n = journal->published,
		.last = journal->published};
	if (cursor_known(journal, tx, request)) {
		metric_add(journal->pages, 1);
		fill_page(journal, tx, request->n, arena, reply);
	} else {
		metric_add(journal->resets, 1);
		reply->reset = true;
	}
	tx_end(tx);
}

/* --- the rest ----------------------------------------------------------- */

const char *journal_epoch(const struct journal *journal)
{
	return journal->epoch;
}

uint64_t journal_n(const struct journal *journal)
{
	return journal->published;
}

struct journal *journal_open(struct core *core)
{
	struct journal *journal = xalloc(sizeof *journal);
	journal->core = core;
	buf_init(&journal->text, LINK_MAX_BYTES);
	begin_epoch(journal);
	open_turn_metrics(journal);
	journal->events = metric_open(METRIC_COUNTER,
		"taifas_sessiond_events_total", NULL, "Events published");
	journal->pages =
		metric_open(METRIC_COUNTER, "taifas_sessiond_event_pages_total",
			"kind=\"page\"", "Questions about missed events");
	journal->resets =
		metric_open(METRIC_COUNTER, "taifas_sessiond_event_pages_total",
			"kind=\"reset\"", "Questions about missed events");
	journal->beat = timer_open(core->loop, on_beat, journal);
	timer_start(journal->beat, 0, BEAT_MS);
	log_info("epoch begun", log_str("epoch", journal->epoch),
		log_int("n", (int64_t)journal->published));
	return journal;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	timer_close(journal->beat);
	buf_clear(&journal->text);
	free(journal);
}
