#include "gateway/dto.h"
#include "gateway/dto_write.h"
#include <string.h>

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

static void put_session(struct dto_writer *w, const struct session *s)
{
	json_open(&w->json, NULL, '{');
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
	json_shut(&w->json, '}');
}

void dto_active(struct buf *out, const char *business_id,
	const struct sessions_reply *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "businessId", business_id);
	json_open(&w.json, "activeSessions", '[');
	for (uint32_t i = 0; i < s->n_sessions; i++)
		put_session(&w, &s->sessions[i]);
	json_shut(&w.json, ']');
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

void dto_fault(struct buf *out, const char *code, const char *message)
{
	struct dto_writer w = dto_begin(out, true);

	json_open(&w.json, "error", '{');
	dto_put_text(&w, "code", code);
	dto_put_text(&w, "message", message);
	json_shut(&w.json, '}');
	dto_end(&w);
}
