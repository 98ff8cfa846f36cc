#include "gateway/dto.h"
#include "gateway/dto_write.h"
#include "shared/clock.h"

/* --- events --------------------------------------------------------------- */

void dto_new_message(struct buf *out, const struct message *m, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "responseId", m->message_id);
	dto_put_text(&w, "messageId", m->message_id);
	dto_put_text(&w, "message", m->content ? m->content : "");
	dto_put_list(&w, "actions", m->actions);
	dto_put_time(&w, "timestamp", m->timestamp);
	dto_put_text(&w, "sessionId", m->session_id);
	json_put_int(&w.json, "seq", m->seq);
	dto_put_names(&w, "inReplyTo", m->in_reply_to, m->n_in_reply_to);
	dto_put_text(&w, "sender", dto_sender_of(m));
	dto_put_list(&w, "sources", m->sources);
	dto_put_text(&w, "userId", m->sender);
	if (m->partial)
		json_put_bool(&w.json, "partial", true);
	dto_put_text(&w, "kind", m->kind);
	dto_end(&w);
}

void dto_user_message(struct buf *out, const struct message *m, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "messageId", m->message_id);
	dto_put_text(&w, "sessionId", m->session_id);
	json_put_int(&w.json, "seq", m->seq);
	dto_put_text(&w, "message", m->content ? m->content : "");
	dto_put_time(&w, "timestamp", m->timestamp);
	dto_put_text(&w, "userId", m->user_id);
	dto_put_text(&w, "clientMessageId", m->client_message_id);
	dto_end(&w);
}

void dto_session_update(
	struct buf *out, const struct session_changed *s, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "sessionId", s->session->session_id);
	dto_put_text(&w, "status", s->session->status);
	dto_put_text(&w, "previous", s->previous);
	dto_put_text(&w, "reason", s->reason);
	dto_put_time(&w, "timestamp", s->session->updated_at);
	dto_put_text(&w, "userId", s->session->user_id);
	dto_end(&w);
}

void dto_typing(struct buf *out, const char *turn_id, const char *session_id,
	const char *state, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "turnId", turn_id);
	dto_put_text(&w, "sessionId", session_id);
	dto_put_text(&w, "state", state);
	dto_end(&w);
}

static void put_processed(struct dto_writer *w, const struct turn_ended *t)
{
	dto_put_names(w, "messageIds", t->message_ids, t->n_message_ids);
	dto_put_text(w, "sessionId", t->session_id);
	dto_put_text(w, "turnId", t->turn_id);
	dto_put_text(w, "status", t->outcome);
	dto_put_time(w, "timestamp", t->timestamp);
}

void dto_processed(struct buf *out, const struct turn_ended *t, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	put_processed(&w, t);
	dto_end(&w);
}

void dto_processed_full(struct buf *out, const struct turn_ended *t,
	struct span answer, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	put_processed(&w, t);
	dto_put_text(&w, "businessId", t->business_id);
	dto_put_text(&w, "userId", t->user_id);
	if (answer.at) {
		json_put_raw(&w.json, "answer", answer.at, answer.len);
	} else if (t->answer_id) {
		json_open(&w.json, "answer", '{');
		dto_put_text(&w, "messageId", t->answer_id);
		json_shut(&w.json, '}');
	}
	json_put_int(&w.json, "attempts", t->attempts);
	dto_put_json(&w, "usage", t->usage);
	dto_put_text(&w, "reason", t->reason);
	dto_end(&w);
}

/* --- a send --------------------------------------------------------------- */

void dto_sent(struct buf *out, const struct append_result *r, bool duplicate,
	bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_sent(&w, r, duplicate);
	dto_end(&w);
}

void dto_refusal(
	struct buf *out, enum status status, const char *why, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "code", status_code(status));
	dto_put_text(&w, "message", why);
	dto_end(&w);
}

void dto_error_event(
	struct buf *out, enum status status, const char *why, bool escape)
{
	struct dto_writer w = dto_begin(out, escape);

	dto_put_text(&w, "message", "Eroare la procesarea mesajului");
	dto_put_text(&w, "error", why);
	dto_put_text(&w, "code", status_code(status));
	dto_end(&w);
}

void dto_error_message(struct buf *out, enum status status,
	const char *session_id, int64_t wall_ms)
{
	struct dto_writer w = dto_begin(out, true);
	char id[UUID_SIZE];

	uuid_fresh(id);
	dto_put_text(&w, "responseId", id);
	if (status == UNCONFIRMED)
		dto_put_text(&w, "message",
			"Nu am putut confirma că mesajul a fost primit. Vă "
			"rugăm să verificați conversația înainte de a-l "
			"trimite din nou. / We could not confirm that your "
			"message was received. Please check the conversation "
			"before you send it again.");
	else
		dto_put_text(&w, "message",
			"Mesajul nu a fost trimis. Vă rugăm să încercați din "
			"nou. / Your message was not sent. Please try again.");
	dto_put_list(&w, "actions", (struct span){0});
	dto_put_time(&w, "timestamp", wall_ms);
	if (session_id)
		dto_put_text(&w, "sessionId", session_id);
	else
		json_put_null(&w.json, "sessionId");
	dto_put_text(&w, "sender", "error");
	dto_end(&w);
}
