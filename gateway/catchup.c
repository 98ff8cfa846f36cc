#include "gateway/catchup.h"
#include "gateway/cursor.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "shared/metrics.h"
#include <stdlib.h>
#include <string.h>

/* A live event whose turn has not come, as the text it came as. */
struct waiting {
	struct waiting *next;
	size_t len;
	char text[];
};

struct catchup {
	struct caller *caller;
	struct feed_events events;
	void *ctx;
	struct cursor cursor;
	struct call *asking, *fetching;

	struct waiting *first, **last;
	int n_waiting;
	size_t waiting_bytes;

	/* The page being applied, up to and without `at`. */
	const struct events_since_reply *page;
	struct arena page_arena;
	uint32_t at;
	uint64_t from_n;

	/* The event whose text is being fetched. */
	struct event_message held;
	struct arena held_arena;

	struct metric *applied, *resyncs, *asked;
};

static void pump(struct catchup *catchup);

/* --- applying ------------------------------------------------------------- */

static void apply(struct catchup *catchup, const struct event_message *event)
{
	cursor_applied(&catchup->cursor, event->epoch, event->n);
	metric_add(catchup->applied, 1);
	if (event->event >= 0)
		catchup->events.apply(catchup->ctx, event);
}

static bool text_missing(
	const struct catchup *catchup, const struct event_message *event)
{
	const struct message *m = event->body;

	return event->event == EV_MESSAGE && m->omitted &&
	       catchup->events.wants(catchup->ctx, m);
}

static void release_held(struct catchup *catchup)
{
	catchup->held = (struct event_message){0};
	arena_clear(&catchup->held_arena);
}

static void release_page(struct catchup *catchup)
{
	catchup->page = NULL;
	arena_clear(&catchup->page_arena);
}

static void forget_waiting(struct catchup *catchup)
{
	struct waiting *w;

	while ((w = catchup->first)) {
		catchup->first = w->next;
		free(w);
	}
	catchup->last = &catchup->first;
	catchup->n_waiting = 0;
	catchup->waiting_bytes = 0;
}

/* Gives up what is being applied; the cursor stands where it was reached, and
 * the next beat asks from there. */
static void give_up(struct catchup *catchup)
{
	catchup->cursor.asking = false;
	release_held(catchup);
	release_page(catchup);
	forget_waiting(catchup);
}

/* --- texts left out ------------------------------------------------------- */

static void on_text(void *ctx, const struct call_result *result)
{
	struct catchup *catchup = ctx;
	const struct message_reply *reply = result->body;
	struct message *m = catchup->held.body;

	catchup->fetching = NULL;
	if (result->status == UNAVAILABLE || result->status == UNCONFIRMED) {
		give_up(catchup);
		return;
	}
	if (result->status == OK && reply->message) {
		m->content = reply->message->content;
		m->omitted = false;
		apply(catchup, &catchup->held);
	} else {
		/* Deleted since, or not to be had: it counts, as nothing. */
		if (result->status != NOT_FOUND)
			log_warn_limited("text of an event not to be had",
				log_str("message", m->message_id),
				log_str("code", status_code(result->status)));
		cursor_applied(
			&catchup->cursor, catchup->held.epoch, catchup->held.n);
	}
	release_held(catchup);
	pump(catchup);
}

/* Applies an event that is ours to keep, or holds it for its text. */
static void take(struct catchup *catchup, const struct event_message *event,
	struct arena *arena)
{
	struct message_request request;

	if (!text_missing(catchup, event)) {
		apply(catchup, event);
		arena_clear(arena);
		return;
	}
	catchup->held = *event;
	catchup->held_arena = *arena;
	*arena = (struct arena){0};
	request.message_id = ((struct message *)event->body)->message_id;
	catchup->fetching = caller_call(catchup->caller, OP_MESSAGE, &request,
		CATCHUP_ASK_MS, NULL, on_text, catchup);
}

/* --- pages ---------------------------------------------------------------- */

static void on_page(void *ctx, const struct call_result *result)
{
	struct catchup *catchup = ctx;
	const struct events_since_reply *page = result->body;

	catchup->asking = NULL;
	if (result->status != OK) {
		if (result->status != UNAVAILABLE)
			log_warn_limited("events could not be asked for",
				log_str("code", status_code(result->status)));
		if (result->status == UNCONFIRMED)
			caller_drop(catchup->caller);
		give_up(catchup);
		return;
	}
	if (page->reset) {
		log_info("events lost beyond recall");
		forget_waiting(catchup);
		cursor_reset(&catchup->cursor, page->epoch, page->n);
		metric_add(catchup->resyncs, 1);
		catchup->events.resync(catchup->ctx);
		return;
	}
	catchup->page = page;
	catchup->page_arena = *result->arena;
	*result->arena = (struct arena){0};
	catchup->at = 0;
	pump(catchup);
}

static void ask(struct catchup *catchup)
{
	struct events_since_request request = {
		.epoch = catchup->cursor.epoch, .n = catchup->cursor.n};

	catchup->cursor.asking = true;
	catchup->from_n = catchup->cursor.n;
	metric_add(catchup->asked, 1);
	catchup->asking = caller_call(catchup->caller, OP_EVENTS_SINCE,
		&request, CATCHUP_ASK_MS, NULL, on_page, catchup);
}

/* As it would have come by itself. */
static bool decode_logged(const struct logged_event *logged,
	struct arena *arena, struct event_message *out)
{
	struct codec_fault fault = {{0}};
	struct json *body = json_parse(logged->body.at, logged->body.len);
	const struct shape *shape;
	enum status status;

	out->event = event_from_name(logged->event);
	out->n = logged->n;
	out->body = NULL;
	if (out->event < 0) {
		json_free(body);
		return true; /* of a newer version: counts, as nothing */
	}
	shape = event_infos[out->event].shape;
	out->body = arena_alloc(arena, shape->size);
	status = body ? codec_decode(shape, body, arena, out->body, &fault)
		      : BAD_REQUEST;
	json_free(body);
	if (status)
		log_warn_limited("logged event not understood",
			log_str("event", logged->event),
			log_str("why", fault.text));
	return status == OK;
}

static void page_step(struct catchup *catchup)
{
	const struct events_since_reply *page = catchup->page;
	struct event_message event = {.epoch = page->epoch};
	const struct logged_event *logged;
	struct arena arena = {0};
	bool more;

	if (catchup->at == page->n_events) {
		more = cursor_page_end(&catchup->cursor, catchup->from_n,
			page->epoch, page->n, page->last);
		release_page(catchup);
		if (more)
			ask(catchup);
		return;
	}
	logged = &page->events[catchup->at++];
	if (cursor_page_event(&catchup->cursor, logged->n) != CURSOR_APPLY)
		return;
	if (!decode_logged(logged, &arena, &event)) {
		cursor_applied(&catchup->cursor, page->epoch, logged->n);
		arena_clear(&arena);
		return;
	}
	/* The page may go before a held event does. */
	event.epoch = arena_strndup(&arena, page->epoch, strlen(page->epoch));
	take(catchup, &event, &arena);
}

/* --- live events ---------------------------------------------------------- */

static void put_waiting(
	struct catchup *catchup, const struct event_message *event)
{
	struct waiting *w;
	struct buf text;

	if (event->event < 0 || catchup->n_waiting >= CATCHUP_WAITING_MAX ||
		catchup->waiting_bytes >= CATCHUP_WAITING_BYTES)
		return; /* leaves a hole, which will be noticed */
	buf_init(&text, LINK_MAX_BYTES);
	event_encode(&text, (enum event)event->event, event->epoch, event->n,
		event->body);
	w = xalloc(sizeof(*w) + text.len);
	w->len = text.len;
	memcpy(w->text, text.data, text.len);
	buf_clear(&text);
	*catchup->last = w;
	catchup->last = &w->next;
	catchup->n_waiting++;
	catchup->waiting_bytes += w->len;
}

static void waiting_step(struct catchup *catchup)
{
	struct waiting *w = catchup->first;
	struct codec_fault fault;
	struct event_message event;
	struct arena arena = {0};

	catchup->first = w->next;
	if (!catchup->first)
		catchup->last = &catchup->first;
	catchup->n_waiting--;
	catchup->waiting_bytes -= w->len;
	if (event_decode(w->text, w->len, &arena, &event, &fault) == OK) {
		switch (cursor_event(&catchup->cursor, event.epoch, event.n)) {
		case CURSOR_APPLY:
			take(catchup, &event, &arena);
			break;
		case CURSOR_ASK:
			ask(catchup);
			break;
		default:
			break;
		}
	}
	arena_clear(&arena);
	free(w);
}

/* Applies what is here until something has to be waited for. */
static void pump(struct catchup *catchup)
{
	while (!catchup->asking && !catchup->fetching) {
		if (catchup->page)
			page_step(catchup);
		else if (catchup->first)
			waiting_step(catchup);
		else
			return;
	}
}

static bool busy(const struct catchup *catchup)
{
	return catchup->asking || catchup->fetching || catchup->page ||
	       catchup->first;
}

void catchup_event(struct catchup *catchup, const struct event_message *event)
{
	if (!event->epoch || !catchup->cursor.known)
		return;
	if (busy(catchup)) {
		put_waiting(catchup, event);
		return;
	}
	switch (cursor_event(&catchup->cursor, event->epoch, event->n)) {
	case CURSOR_APPLY:
		if (text_missing(catchup, event)) {
			put_waiting(catchup, event);
			pump(catchup);
		} else {
			apply(catchup, event);
		}
		break;
	case CURSOR_ASK:
		ask(catchup);
		break;
	default:
		break;
	}
}

void catchup_beat(struct catchup *catchup, const char *epoch, uint64_t n)
{
	if (!busy(catchup) &&
		cursor_beat(&catchup->cursor, epoch, n) == CURSOR_ASK)
		ask(catchup);
}

void catchup_hello(struct catchup *catchup, const char *epoch, uint64_t n)
{
	if (busy(catchup))
		return;
	switch (cursor_hello(&catchup->cursor, epoch, n)) {
	case CURSOR_TAKEN:
		metric_add(catchup->resyncs, 1);
		catchup->events.resync(catchup->ctx);
		break;
	case CURSOR_ASK:
		ask(catchup);
		break;
	default:
		break;
	}
}

/* --- life ----------------------------------------------------------------- */

struct catchup *catchup_open(struct caller *caller)
{
	struct catchup *catchup = xalloc(sizeof(*catchup));

	catchup->caller = caller;
	catchup->last = &catchup->first;
	catchup->applied = metric_open(METRIC_COUNTER,
		"taifas_gateway_events_applied_total", NULL,
		"durable events of sessiond, each applied once");
	catchup->resyncs =
		metric_open(METRIC_COUNTER, "taifas_gateway_resyncs_total",
			NULL, "times every client was told to reload");
	catchup->asked =
		metric_open(METRIC_COUNTER, "taifas_gateway_events_asked_total",
			NULL, "times missed events were asked for");
	return catchup;
}

void catchup_listen(
	struct catchup *catchup, const struct feed_events *events, void *ctx)
{
	catchup->events = *events;
	catchup->ctx = ctx;
}

void catchup_close(struct catchup *catchup)
{
	if (!catchup)
		return;
	if (catchup->asking)
		call_drop(catchup->asking);
	if (catchup->fetching)
		call_drop(catchup->fetching);
	give_up(catchup);
	free(catchup);
}
