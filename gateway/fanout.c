#include "gateway/fanout.h"
#include "gateway/channels.h"
#include "gateway/dto.h"
#include "gateway/span.h"
#include "gateway/typing.h"
#include "shared/mem.h"
#include "shared/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000 };

/* The answer that the next `turn` event will name, as coordinators read it;
 * both come from one commit. */
struct answer {
	char id[ID_MAX + 1];
	struct buf safe, raw;
};

struct fanout {
	struct loop *loop;
	const struct roster *roster;
	const struct appends *appends;
	struct typing *typing;
	struct timer *timer;
	struct answer answer;
	struct metric *deliveries;
};

static typing_fn say_typing;

static void on_tick(void *ctx)
{
	struct fanout *fanout = ctx;

	typing_tick(fanout->typing, loop_now_ms(fanout->loop));
}

struct fanout *fanout_open(struct loop *loop, const struct roster *roster,
	const struct appends *appends)
{
	struct fanout *fanout = xalloc(sizeof(*fanout));

	fanout->loop = loop;
	fanout->roster = roster;
	fanout->appends = appends;
	fanout->typing = typing_open(say_typing, fanout);
	fanout->timer = timer_open(loop, on_tick, fanout);
	timer_start(fanout->timer, TICK_MS, TICK_MS);
	buf_init(&fanout->answer.safe, DTO_EVENT_BYTES);
	buf_init(&fanout->answer.raw, DTO_EVENT_BYTES);
	fanout->deliveries =
		metric_open(METRIC_COUNTER, "taifas_gateway_deliveries_total",
			NULL, "events sent to sockets");
	return fanout;
}

void fanout_close(struct fanout *fanout)
{
	if (!fanout)
		return;
	timer_close(fanout->timer);
	typing_close(fanout->typing);
	buf_clear(&fanout->answer.safe);
	buf_clear(&fanout->answer.raw);
	free(fanout);
}

/* --- one event to many ---------------------------------------------------- */

/* Both rooms an event may reach; NULL: nobody there. */
struct audience {
	struct room *user, *coordinators;
};

static struct audience audience_of(const struct fanout *fanout,
	const char *business_id, const char *user_id)
{
	return (struct audience){
		roster_find(fanout->roster, ROOM_USER, business_id, user_id),
		roster_find(
			fanout->roster, ROOM_COORDINATORS, business_id, NULL)};
}

static bool empty(const struct audience *audience)
{
	return !audience->user && !audience->coordinators;
}

/* A payload is built at most twice: escaped, and raw for format=text. */
typedef void build_fn(struct buf *out, const void *from, bool escape);

struct telling {
	const char *event;
	build_fn *build;
	const void *from;
	uint64_t except_conn; /* 0: nobody is left out */
	const struct message *once; /* NULL, or what may have been shown */
	struct buf safe, raw;
};

static struct telling telling_of(
	const char *event, build_fn *build, const void *from)
{
	struct telling t = {.event = event, .build = build, .from = from};

	buf_init(&t.safe, DTO_EVENT_BYTES);
	buf_init(&t.raw, DTO_EVENT_BYTES);
	return t;
}

static void telling_clear(struct telling *t)
{
	buf_clear(&t->safe);
	buf_clear(&t->raw);
}

static struct span payload_of(struct telling *t, bool text)
{
	struct buf *buf = text ? &t->raw : &t->safe;

	if (!buf->len)
		t->build(buf, t->from, !text);
	return (struct span){buf->data, buf->len};
}

static uint64_t session_hash(const char *session_id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *session_id; session_id++)
		hash = (hash ^ (unsigned char)*session_id) *
		       UINT64_C(0x100000001b3);
	return hash ? hash : 1;
}

/* False if this seat has been shown the message, or a later one of its
 * session; else it is taken for shown from here on. */
static bool show(struct seat *seat, const struct message *m)
{
	uint64_t session = session_hash(m->session_id);
	struct shown *shown = seat->shown;

	for (int i = 0; i < 2; i++) {
		if (shown[i].session != session)
			continue;
		if (m->timestamp <= shown[i].timestamp)
			return false;
		shown[i].timestamp = m->timestamp;
		return true;
	}
	shown[1] = shown[0];
	shown[0] = (struct shown){session, m->timestamp};
	return true;
}

static bool left_out(const struct seat *seat, const struct telling *t)
{
	return t->except_conn &&
	       conn_serial(member_conn(seat->member)) == t->except_conn;
}

static void tell(
	struct fanout *fanout, struct telling *t, const struct room *room)
{
	struct span safe = {0}, raw = {0};
	struct broadcast broadcast;

	if (!room)
		return;
	for (struct seat *s = room->first; s; s = s->next)
		if (!left_out(s, t))
			*(s->text ? &raw : &safe) = payload_of(t, s->text);
	if (!safe.at && !raw.at)
		return; /* most users have one socket, and sent it from there */
	broadcast_begin(&broadcast, member_topic(room->first->member), t->event,
		safe.at ? safe : raw, raw);
	for (struct seat *s = room->first; s; s = s->next) {
		/* Declared clients know messages by their ids; the others
		 * would show what comes both live and by catching up twice. */
		if (left_out(s, t) ||
			(t->once && !s->text && !show(s, t->once)))
			continue;
		broadcast_to(&broadcast, s->member);
		metric_add(fanout->deliveries, 1);
	}
	broadcast_end(&broadcast);
}

/* --- messages ------------------------------------------------------------- */

static void build_new_message(struct buf *out, const void *from, bool escape)
{
	dto_new_message(out, from, escape);
}

static void build_user_message(struct buf *out, const void *from, bool escape)
{
	dto_user_message(out, from, escape);
}

static void keep_answer(
	struct fanout *fanout, const struct message *m, struct telling *t)
{
	struct answer *answer = &fanout->answer;
	struct buf safe = answer->safe, raw = answer->raw;

	snprintf(answer->id, sizeof(answer->id), "%s", m->message_id);
	answer->safe = t->safe;
	answer->raw = t->raw;
	t->safe = safe;
	t->raw = raw;
}

/* The user whose conversation it is. */
static const char *user_of(const struct message *m)
{
	return strcmp(m->type, "user") && m->sender ? m->sender : m->user_id;
}

static void apply_message(struct fanout *fanout, const struct message *m)
{
	struct audience audience =
		audience_of(fanout, m->business_id, user_of(m));
	struct telling t;

	if (empty(&audience))
		return;
	if (!strcmp(m->type, "user")) {
		t = telling_of("user_message", build_user_message, m);
		t.except_conn = appends_origin(fanout->appends, m->append_id);
	} else if (!strcmp(m->type, "agent")) {
		typing_end(fanout->typing, m->turn_id);
		t = telling_of("new_message", build_new_message, m);
		t.once = m;
	} else {
		return; /* a page would show it as the agent's */
	}
	tell(fanout, &t, audience.user);
	tell(fanout, &t, audience.coordinators);
	if (t.once && audience.coordinators)
		keep_answer(fanout, m, &t);
	telling_clear(&t);
}

bool fanout_wants(const struct fanout *fanout, const struct message *m)
{
	struct audience audience =
		audience_of(fanout, m->business_id, user_of(m));

	return !empty(&audience);
}

void fanout_catch_up(
	struct fanout *fanout, struct seat *seat, const struct message *m)
{
	struct buf payload;

	if (strcmp(m->type, "agent") || !show(seat, m))
		return;
	buf_init(&payload, DTO_EVENT_BYTES);
	dto_new_message(&payload, m, !seat->text);
	member_push(seat->member, "new_message",
		(struct span){payload.data, payload.len});
	metric_add(fanout->deliveries, 1);
	buf_clear(&payload);
}

/* --- turns and sessions --------------------------------------------------- */

static void build_session_update(struct buf *out, const void *from, bool escape)
{
	dto_session_update(out, from, escape);
}

static void apply_session(
	struct fanout *fanout, const struct session_changed *s)
{
	struct audience audience = audience_of(
		fanout, s->session->business_id, s->session->user_id);
	struct telling t =
		telling_of("session_update", build_session_update, s);

	tell(fanout, &t, audience.user);
	tell(fanout, &t, audience.coordinators);
	telling_clear(&t);
}

struct ended {
	const struct turn_ended *turn;
	const struct answer *answer; /* NULL: not at hand */
};

static void build_processed(struct buf *out, const void *from, bool escape)
{
	const struct ended *ended = from;

	dto_processed(out, ended->turn, escape);
}

static void build_processed_full(struct buf *out, const void *from, bool escape)
{
	const struct ended *ended = from;
	struct span answer = {0};

	if (ended->answer) {
		const struct buf *buf =
			escape ? &ended->answer->safe : &ended->answer->raw;

		if (buf->len)
			answer = (struct span){buf->data, buf->len};
	}
	dto_processed_full(out, ended->turn, answer, escape);
}

static void apply_turn(struct fanout *fanout, const struct turn_ended *turn)
{
	struct audience audience =
		audience_of(fanout, turn->business_id, turn->user_id);
	bool known =
		turn->answer_id && !strcmp(turn->answer_id, fanout->answer.id);
	struct ended ended = {turn, known ? &fanout->answer : NULL};
	struct telling own =
		telling_of("message_processed", build_processed, &ended);
	struct telling full =
		telling_of("message_processed", build_processed_full, &ended);

	typing_end(fanout->typing, turn->turn_id);
	tell(fanout, &own, audience.user);
	tell(fanout, &full, audience.coordinators);
	telling_clear(&own);
	telling_clear(&full);
}

/* --- typing --------------------------------------------------------------- */

struct typed {
	const struct turn_progress *turn;
	const char *state;
};

static void build_typing(struct buf *out, const void *from, bool escape)
{
	const struct typed *typed = from;

	dto_typing(out, typed->turn->turn_id, typed->turn->session_id,
		typed->state, escape);
}

static void say_typing(
	void *ctx, const struct turn_progress *turn, const char *state)
{
	struct fanout *fanout = ctx;
	struct audience audience =
		audience_of(fanout, turn->business_id, turn->user_id);
	struct typed typed = {turn, state};
	struct telling t = telling_of("typing", build_typing, &typed);

	tell(fanout, &t, audience.user);
	tell(fanout, &t, audience.coordinators);
	telling_clear(&t);
}

static void apply_progress(
	struct fanout *fanout, const struct turn_progress *progress)
{
	struct audience audience =
		audience_of(fanout, progress->business_id, progress->user_id);

	if (!empty(&audience))
		typing_progress(
			fanout->typing, loop_now_ms(fanout->loop), progress);
}

/* --- all of them ---------------------------------------------------------- */

void fanout_apply(struct fanout *fanout, const struct event_message *event)
{
	switch (event->event) {
	case EV_MESSAGE:
		apply_message(fanout, event->body);
		break;
	case EV_SESSION:
		apply_session(fanout, event->body);
		break;
	case EV_TURN:
		apply_turn(fanout, event->body);
		break;
	case EV_TURN_PROGRESS:
		apply_progress(fanout, event->body);
		break;
	default: /* nothing a client is told */
		break;
	}
}

void fanout_resync(struct fanout *fanout)
{
	const struct room *room;

	typing_end_all(fanout->typing);
	for (size_t at = 0; (room = roster_next(fanout->roster, &at));)
		for (struct seat *s = room->first; s; s = s->next)
			if (s->text)
				member_push(s->member, "resync", span_of("{}"));
}
