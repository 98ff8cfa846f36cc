#include "gateway/dto.h"
#include "gateway/dto_write.h"
#include "shared/clock.h"
#include <string.h>

static void put_text_or_null(
	struct dto_writer *w, const char *key, const char *text)
{
	if (text)
		dto_put_text(w, key, text);
	else
		json_put_null(&w->json, key);
}

/* --- messages and sessions ------------------------------------------------ */

/* The guide's Message; what it does not have goes into its metadata. */
static void put_message(struct dto_writer *w, const struct message *m)
{
	const char *sender = dto_sender_of(m);

	json_open(&w->json, NULL, '{');
	dto_put_text(w, "messageId", m->message_id);
	dto_put_text(w, "sessionId", m->session_id);
	dto_put_text(w, "businessId", m->business_id);
	dto_put_text(w, "userId", m->user_id);
	dto_put_text(w, "content", m->content ? m->content : "");
	dto_put_text(w, "type", m->type);
	dto_put_time(w, "timestamp", m->timestamp);
	json_open(&w->json, "metadata", '{');
	dto_put_text(w, "source", m->source ? m->source : "websocket");
	dto_put_text(w, "externalId", m->external_id);
	if (!strcmp(m->type, "agent"))
		dto_put_text(w, "responseId", m->message_id);
	json_put_int(&w->json, "seq", m->seq);
	dto_put_text(w, "sender", sender);
	dto_put_text(w, "turnId", m->turn_id);
	if (m->n_in_reply_to)
		dto_put_names(w, "inReplyTo", m->in_reply_to, m->n_in_reply_to);
	dto_put_json(w, "sources", m->sources);
	dto_put_json(w, "actions", m->actions);
	dto_put_text(w, "kind", m->kind);
	if (m->partial)
		json_put_bool(&w->json, "partial", true);
	dto_put_text(w, "clientMessageId", m->client_message_id);
	dto_put_time(w, "clientTimestamp", m->client_timestamp);
	dto_put_json(w, "client", m->metadata);
	json_shut(&w->json, '}');
	json_shut(&w->json, '}');
}

void dto_history(struct buf *out, const struct history_reply *h, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "sessionId", h->session_id);
	dto_put_text(&w, "businessId", h->business_id);
	dto_put_text(&w, "userId", h->user_id);
	json_open(&w.json, "messages", '[');
	for (uint32_t i = 0; i < h->n_messages; i++)
		put_message(&w, &h->messages[i]);
	json_shut(&w.json, ']');
	json_open(&w.json, "pagination", '{');
	json_put_bool(&w.json, "hasMore", h->has_more);
	if (h->has_more && h->next)
		dto_put_time(&w, "nextCursor", h->next);
	else
		json_put_null(&w.json, "nextCursor");
	json_shut(&w.json, '}');
	dto_end(&w);
}

static void put_session_fields(struct dto_writer *w, const struct session *s)
{
	dto_put_text(w, "sessionId", s->session_id);
	dto_put_text(w, "businessId", s->business_id);
	dto_put_text(
		w, "locationId", s->location_id ? s->location_id : "default");
	dto_put_text(w, "userId", s->user_id);
	dto_put_text(w, "status", s->status);
	dto_put_time(w, "createdAt", s->created_at);
	dto_put_time(w, "updatedAt", s->updated_at);
	dto_put_time(w, "lastMessageAt", s->last_message_at);
	json_open(&w->json, "metadata", '{');
	dto_put_text(
		w, "businessType", s->business_type ? s->business_type : "");
	json_put_raw(&w->json, "context", "{}", 2);
	json_shut(&w->json, '}');
}

static void put_session(
	struct dto_writer *w, const char *key, const struct session *s)
{
	json_open(&w->json, key, '{');
	put_session_fields(w, s);
	json_shut(&w->json, '}');
}

static void put_sessions(
	struct dto_writer *w, const char *key, const struct sessions_reply *s)
{
	json_open(&w->json, key, '[');
	for (uint32_t i = 0; i < s->n_sessions; i++)
		put_session(w, NULL, &s->sessions[i]);
	json_shut(&w->json, ']');
}

void dto_session(struct buf *out, const struct session *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	put_session_fields(&w, s);
	dto_end(&w);
}

void dto_sessions(struct buf *out, const char *business_id, const char *user_id,
	const struct sessions_reply *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "businessId", business_id);
	dto_put_text(&w, "userId", user_id);
	put_sessions(&w, "sessions", s);
	json_open(&w.json, "pagination", '{');
	json_put_bool(&w.json, "hasMore", s->cursor != NULL);
	put_text_or_null(&w, "nextCursor", s->cursor);
	json_shut(&w.json, '}');
	dto_end(&w);
}

void dto_active(struct buf *out, const char *business_id,
	const struct sessions_reply *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "businessId", business_id);
	put_sessions(&w, "activeSessions", s);
	dto_end(&w);
}

/* --- how things stand, and what was done ---------------------------------- */

static void put_turn(struct dto_writer *w, const struct open_turn *t)
{
	json_open(&w->json, NULL, '{');
	dto_put_text(w, "turnId", t->turn_id);
	dto_put_text(w, "sessionId", t->session_id);
	dto_put_text(w, "state", t->state);
	dto_put_time(w, "createdAt", t->created_at);
	json_put_int(&w->json, "attempts", t->attempts);
	dto_put_names(w, "messageIds", t->message_ids, t->n_message_ids);
	dto_put_text(w, "lease", t->lease);
	dto_put_text(w, "agent", t->agent);
	if (t->lease)
		json_put_int(&w->json, "leaseLeftMs", t->lease_left_ms);
	json_shut(&w->json, '}');
}

void dto_conversation(
	struct buf *out, const struct conversation_reply *c, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "businessId", c->business_id);
	dto_put_text(&w, "userId", c->user_id);
	dto_put_text(&w, "handler", c->handler);
	dto_put_text(&w, "handlerBy", c->handler_by);
	if (c->session)
		put_session(&w, "session", c->session);
	else
		json_put_null(&w.json, "session");
	json_open(&w.json, "openTurns", '[');
	for (uint32_t i = 0; i < c->n_open_turns; i++)
		put_turn(&w, &c->open_turns[i]);
	json_shut(&w.json, ']');
	dto_end(&w);
}

void dto_cancelled(struct buf *out, const char *session_id,
	const struct cancel_reply *c, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "sessionId", session_id);
	dto_put_names(&w, "endedTurns", c->ended_turns, c->n_ended_turns);
	dto_put_text(&w, "messageId", c->message_id);
	dto_end(&w);
}

void dto_handler(struct buf *out, const char *business_id, const char *user_id,
	const struct set_handler_reply *h, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "businessId", business_id);
	dto_put_text(&w, "userId", user_id);
	dto_put_text(&w, "handler", h->handler);
	dto_put_names(&w, "endedTurns", h->ended_turns, h->n_ended_turns);
	dto_end(&w);
}

void dto_requeued(struct buf *out, const struct requeue_reply *r, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "turnId", r->turn_id);
	dto_put_text(&w, "state", r->state);
	dto_end(&w);
}

/* Ids of another making may need it. */
static void percent_encode(struct buf *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~:";

	for (; *text; text++)
		if (strchr(plain, *text))
			buf_putc(out, *text);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

void dto_accepted(struct buf *out, const struct append_result *r,
	bool duplicate, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);
	char after[ISO_SIZE];
	struct buf poll;

	dto_put_sent(&w, r, duplicate);
	clock_iso(after, r->timestamp);
	buf_init(&poll, 1024);
	buf_puts(&poll, "/api/sessions/");
	percent_encode(&poll, r->session_id);
	buf_printf(&poll, "/messages?after=%s", after);
	dto_put_text(&w, "poll", poll.data);
	buf_clear(&poll);
	dto_end(&w);
}

void dto_business(struct buf *out, const struct tenant_reply *t, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);
	struct json *record = json_parse(t->record.at, t->record.len);
	const char *name = json_str(record, "name");
	const char *type = json_str(record, "type");
	const char *zone = json_str(record, "timezone");
	const struct json *languages = json_get(record, "languages");

	dto_put_text(&w, "businessId", t->business_id);
	dto_put_text(&w, "name", name ? name : t->business_id);
	dto_put_text(&w, "type", type ? type : "");
	json_open(&w.json, "languages", '[');
	if (json_is_array(languages)) {
		for (const struct json *l = json_first(languages); l;
			l = json_next(l))
			dto_put_text(&w, NULL, json_text(l));
	} else {
		dto_put_text(&w, NULL, "ro");
		dto_put_text(&w, NULL, "en");
	}
	json_shut(&w.json, ']');
	dto_put_text(&w, "timezone", zone ? zone : "UTC");
	dto_end(&w);
	json_free(record);
}

/* --- refusals ------------------------------------------------------------- */

void dto_fault(struct buf *out, const char *code, const char *message)
{
	struct dto_writer w = dto_begin(out, true);

	json_open(&w.json, "error", '{');
	dto_put_text(&w, "code", code);
	dto_put_text(&w, "message", message);
	json_shut(&w.json, '}');
	dto_end(&w);
}

static void put_conflict(struct dto_writer *w, const char *message,
	const struct set_status_reply *s)
{
	dto_put_text(w, "code", status_code(CONFLICT));
	dto_put_text(w, "message", message);
	dto_put_text(w, "status", s->session->status);
	dto_put_names(w, "allowed", s->allowed, s->n_allowed);
}

void dto_conflict(struct buf *out, const char *message,
	const struct set_status_reply *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	put_conflict(&w, message, s);
	dto_end(&w);
}

void dto_fault_conflict(
	struct buf *out, const char *message, const struct set_status_reply *s)
{
	struct dto_writer w = dto_begin(out, true);

	json_open(&w.json, "error", '{');
	put_conflict(&w, message, s);
	json_shut(&w.json, '}');
	dto_end(&w);
}
