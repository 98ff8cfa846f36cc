#include "gateway/dto.h"
#include "gateway/span.h"
#include "shared/clock.h"
#include "shared/text.h"
#include <string.h>

struct writer {
	struct json_writer json;
	bool escape;
};

static struct writer begin(struct buf *out, bool escape)
{
	struct writer w = {.escape = escape};

	json_begin(&w.json, out);
	json_open(&w.json, NULL, '{');
	return w;
}

static void end(struct writer *w)
{
	json_shut(&w->json, '}');
}

static void put_text(struct writer *w, const char *key, const char *text)
{
	struct buf safe;
	size_t len;

	if (!text)
		return;
	len = strlen(text);
	if (!w->escape || strcspn(text, "&<>\"'") == len) {
		json_put_strn(&w->json, key, text, len);
		return;
	}
	buf_init(&safe, len * 6 + 1);
	html_escape(&safe, text, len);
	json_put_strn(&w->json, key, safe.data, safe.len);
	buf_clear(&safe);
}

static void put_time(struct writer *w, const char *key, int64_t wall_ms)
{
	char iso[ISO_SIZE];

	if (!wall_ms)
		return;
	clock_iso(iso, wall_ms);
	json_put_str(&w->json, key, iso);
}

static void put_json(struct writer *w, const char *key, struct span json)
{
	if (!json.at)
		return;
	if (!w->escape) {
		json_put_raw(&w->json, key, json.at, json.len);
		return;
	}
	json_put_raw(&w->json, key, "", 0);
	dto_escape_json(w->json.out, json);
}

/* Clients iterate over these without looking: always a list. */
static void put_list(struct writer *w, const char *key, struct span json)
{
	if (json.at && *json.at == '[')
		put_json(w, key, json);
	else
		json_put_raw(&w->json, key, "[]", 2);
}

static void put_names(
	struct writer *w, const char *key, const char **names, uint32_t n)
{
	json_open(&w->json, key, '[');
	for (uint32_t i = 0; i < n; i++)
		put_text(w, NULL, names[i]);
	json_shut(&w->json, ']');
}

/* --- escaping inside JSON ------------------------------------------------- */

static unsigned hex4(const char *digits)
{
	unsigned value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 4 | (unsigned)hex_digit(digits[i]);
	return value;
}

/* The text is walked, not parsed: what need not change is copied to the
 * letter, numbers of any size among it. The five characters may stand for
 * themselves, behind a backslash or as \u00XX. */
void dto_escape_json(struct buf *out, struct span json)
{
	const char *at = json.at, *stop = json.at + json.len, *done = at;
	bool inside = false;

	while (at < stop) {
		size_t step = 1;
		unsigned code;
		const char *entity = NULL;

		if (*at == '"') {
			inside = !inside;
		} else if (inside && *at == '\\' && at[1] == 'u') {
			step = 6;
			code = hex4(at + 2);
			entity = code < 0x80 ? html_entity((char)code) : NULL;
		} else if (inside && *at == '\\') {
			step = 2;
			entity = at[1] == '"' ? html_entity('"') : NULL;
		} else if (inside) {
			entity = html_entity(*at);
		}
		if (entity) {
			buf_put(out, done, (size_t)(at - done));
			buf_puts(out, entity);
			done = at + step;
		}
		at += step;
	}
	buf_put(out, done, (size_t)(stop - done));
}

/* --- messages ------------------------------------------------------------- */

static bool is(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

/* Who is speaking; NULL: the user. */
static const char *sender_of(const struct message *m)
{
	if (is(m->type, "system"))
		return "system";
	if (!is(m->type, "agent"))
		return NULL;
	return strncmp(m->user_id, "coordinator:", 12) ? "agent" : "person";
}

void dto_new_message(struct buf *out, const struct message *m, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "responseId", m->message_id);
	put_text(&w, "messageId", m->message_id);
	put_text(&w, "message", m->content ? m->content : "");
	put_list(&w, "actions", m->actions);
	put_time(&w, "timestamp", m->timestamp);
	put_text(&w, "sessionId", m->session_id);
	json_put_int(&w.json, "seq", m->seq);
	put_names(&w, "inReplyTo", m->in_reply_to, m->n_in_reply_to);
	put_text(&w, "sender", sender_of(m));
	put_list(&w, "sources", m->sources);
	put_text(&w, "userId", m->sender);
	if (m->partial)
		json_put_bool(&w.json, "partial", true);
	put_text(&w, "kind", m->kind);
	end(&w);
}

void dto_user_message(struct buf *out, const struct message *m, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "messageId", m->message_id);
	put_text(&w, "sessionId", m->session_id);
	json_put_int(&w.json, "seq", m->seq);
	put_text(&w, "message", m->content ? m->content : "");
	put_time(&w, "timestamp", m->timestamp);
	put_text(&w, "userId", m->user_id);
	put_text(&w, "clientMessageId", m->client_message_id);
	end(&w);
}

void dto_session_update(
	struct buf *out, const struct session_changed *s, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "sessionId", s->session->session_id);
	put_text(&w, "status", s->session->status);
	put_text(&w, "previous", s->previous);
	put_text(&w, "reason", s->reason);
	put_time(&w, "timestamp", s->session->updated_at);
	put_text(&w, "userId", s->session->user_id);
	end(&w);
}

void dto_typing(struct buf *out, const char *turn_id, const char *session_id,
	const char *state, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "turnId", turn_id);
	put_text(&w, "sessionId", session_id);
	put_text(&w, "state", state);
	end(&w);
}

static void put_processed(struct writer *w, const struct turn_ended *t)
{
	put_names(w, "messageIds", t->message_ids, t->n_message_ids);
	put_text(w, "sessionId", t->session_id);
	put_text(w, "turnId", t->turn_id);
	put_text(w, "status", t->outcome);
	put_time(w, "timestamp", t->timestamp);
}

void dto_processed(struct buf *out, const struct turn_ended *t, bool escape)
{
	struct writer w = begin(out, escape);

	put_processed(&w, t);
	end(&w);
}

void dto_processed_full(struct buf *out, const struct turn_ended *t,
	struct span answer, bool escape)
{
	struct writer w = begin(out, escape);

	put_processed(&w, t);
	put_text(&w, "businessId", t->business_id);
	put_text(&w, "userId", t->user_id);
	if (answer.at) {
		json_put_raw(&w.json, "answer", answer.at, answer.len);
	} else if (t->answer_id) {
		json_open(&w.json, "answer", '{');
		put_text(&w, "messageId", t->answer_id);
		json_shut(&w.json, '}');
	}
	json_put_int(&w.json, "attempts", t->attempts);
	put_json(&w, "usage", t->usage);
	put_text(&w, "reason", t->reason);
	end(&w);
}

/* --- a send --------------------------------------------------------------- */

void dto_sent(struct buf *out, const struct append_result *r, bool duplicate,
	bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "sessionId", r->session_id);
	put_text(&w, "messageId", r->message_id);
	json_put_int(&w.json, "seq", r->seq);
	put_time(&w, "timestamp", r->timestamp);
	if (duplicate)
		json_put_bool(&w.json, "duplicate", true);
	end(&w);
}

void dto_refusal(
	struct buf *out, enum status status, const char *why, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "code", status_code(status));
	put_text(&w, "message", why);
	end(&w);
}

void dto_error_event(
	struct buf *out, enum status status, const char *why, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "message", "Eroare la procesarea mesajului");
	put_text(&w, "error", why);
	put_text(&w, "code", status_code(status));
	end(&w);
}

void dto_error_message(struct buf *out, enum status status,
	const char *session_id, int64_t wall_ms)
{
	struct writer w = begin(out, true);
	char id[UUID_SIZE];

	uuid_fresh(id);
	put_text(&w, "responseId", id);
	if (status == UNCONFIRMED)
		put_text(&w, "message",
			"Nu am putut confirma că mesajul a fost primit. Vă "
			"rugăm să verificați conversația înainte de a-l "
			"trimite din nou. / We could not confirm that your "
			"message was received. Please check the conversation "
			"before you send it again.");
	else
		put_text(&w, "message",
			"Mesajul nu a fost trimis. Vă rugăm să încercați din "
			"nou. / Your message was not sent. Please try again.");
	put_list(&w, "actions", (struct span){0});
	put_time(&w, "timestamp", wall_ms);
	if (session_id)
		put_text(&w, "sessionId", session_id);
	else
		json_put_null(&w.json, "sessionId");
	put_text(&w, "sender", "error");
	end(&w);
}

/* --- REST ----------------------------------------------------------------- */

/* The guide's Message; what it does not have goes into its metadata. */
static void put_message(struct writer *w, const struct message *m)
{
	const char *sender = sender_of(m);

	json_open(&w->json, NULL, '{');
	put_text(w, "messageId", m->message_id);
	put_text(w, "sessionId", m->session_id);
	put_text(w, "businessId", m->business_id);
	put_text(w, "userId", m->user_id);
	put_text(w, "content", m->content ? m->content : "");
	put_text(w, "type", m->type);
	put_time(w, "timestamp", m->timestamp);
	json_open(&w->json, "metadata", '{');
	put_text(w, "source", m->source ? m->source : "websocket");
	put_text(w, "externalId", m->external_id);
	if (is(m->type, "agent"))
		put_text(w, "responseId", m->message_id);
	json_put_int(&w->json, "seq", m->seq);
	put_text(w, "sender", sender);
	put_text(w, "turnId", m->turn_id);
	if (m->n_in_reply_to)
		put_names(w, "inReplyTo", m->in_reply_to, m->n_in_reply_to);
	put_json(w, "sources", m->sources);
	put_json(w, "actions", m->actions);
	put_text(w, "kind", m->kind);
	if (m->partial)
		json_put_bool(&w->json, "partial", true);
	put_text(w, "clientMessageId", m->client_message_id);
	put_time(w, "clientTimestamp", m->client_timestamp);
	put_json(w, "client", m->metadata);
	json_shut(&w->json, '}');
	json_shut(&w->json, '}');
}

void dto_history(struct buf *out, const struct history_reply *h, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "sessionId", h->session_id);
	put_text(&w, "businessId", h->business_id);
	put_text(&w, "userId", h->user_id);
	json_open(&w.json, "messages", '[');
	for (uint32_t i = 0; i < h->n_messages; i++)
		put_message(&w, &h->messages[i]);
	json_shut(&w.json, ']');
	json_open(&w.json, "pagination", '{');
	json_put_bool(&w.json, "hasMore", h->has_more);
	if (h->has_more && h->next)
		put_time(&w, "nextCursor", h->next);
	else
		json_put_null(&w.json, "nextCursor");
	json_shut(&w.json, '}');
	end(&w);
}

static void put_session(struct writer *w, const struct session *s)
{
	json_open(&w->json, NULL, '{');
	put_text(w, "sessionId", s->session_id);
	put_text(w, "businessId", s->business_id);
	put_text(w, "locationId", s->location_id ? s->location_id : "default");
	put_text(w, "userId", s->user_id);
	put_text(w, "status", s->status);
	put_time(w, "createdAt", s->created_at);
	put_time(w, "updatedAt", s->updated_at);
	put_time(w, "lastMessageAt", s->last_message_at);
	json_open(&w->json, "metadata", '{');
	put_text(w, "businessType", s->business_type ? s->business_type : "");
	json_put_raw(&w->json, "context", "{}", 2);
	json_shut(&w->json, '}');
	json_shut(&w->json, '}');
}

void dto_active(struct buf *out, const char *business_id,
	const struct sessions_reply *s, bool escape)
{
	struct writer w = begin(out, escape);

	put_text(&w, "businessId", business_id);
	json_open(&w.json, "activeSessions", '[');
	for (uint32_t i = 0; i < s->n_sessions; i++)
		put_session(&w, &s->sessions[i]);
	json_shut(&w.json, ']');
	end(&w);
}

void dto_business(struct buf *out, const struct tenant_reply *t, bool escape)
{
	struct writer w = begin(out, escape);
	struct json *record = json_parse(t->record.at, t->record.len);
	const char *name = json_str(record, "name");
	const char *type = json_str(record, "type");
	const char *zone = json_str(record, "timezone");
	const struct json *languages = json_get(record, "languages");

	put_text(&w, "businessId", t->business_id);
	put_text(&w, "name", name ? name : t->business_id);
	put_text(&w, "type", type ? type : "");
	json_open(&w.json, "languages", '[');
	if (json_is_array(languages)) {
		for (const struct json *l = json_first(languages); l;
			l = json_next(l))
			put_text(&w, NULL, json_text(l));
	} else {
		put_text(&w, NULL, "ro");
		put_text(&w, NULL, "en");
	}
	json_shut(&w.json, ']');
	put_text(&w, "timezone", zone ? zone : "UTC");
	end(&w);
	json_free(record);
}

void dto_fault(struct buf *out, const char *code, const char *message)
{
	struct writer w = begin(out, true);

	json_open(&w.json, "error", '{');
	put_text(&w, "code", code);
	put_text(&w, "message", message);
	json_shut(&w.json, '}');
	end(&w);
}
