#include "sessiond/wire.h"

#include <string.h>

static const char *some(const char *text)
{
	return text && *text ? text : NULL;
}

static const char *turn_id(struct tx *tx, uint64_t session, uint64_t turn)
{
	char name[TURN_NAME_SIZE];
	turn_name(name, session, turn);
	return arena_strndup(tx_arena(tx), name, strlen(name));
}

void wire_session(const struct session_row *row, struct session *out)
{
	*out = (struct session){.session_id = row->id,
		.business_id = row->business,
		.location_id = some(row->location),
		.user_id = row->user,
		.status = status_name(row->status),
		.created_at = row->created,
		.updated_at = row->updated,
		.last_message_at = row->last_message,
		.day = row->day,
		.business_type = some(row->type),
		.last_seq = row->last_seq,
		.rev = row->rev};
}

static struct span some_json(struct span json)
{
	return json.len ? json : (struct span){0};
}

bool wire_message(struct tx *tx, const struct session_row *session,
	uint64_t session_no, uint32_t seq, struct message *out)
{
	struct message_row row;
	if (!get_message(tx, session_no, seq, &row))
		return false;
	*out = (struct message){.message_id = row.id,
		.session_id = session->id,
		.business_id = session->business,
		.user_id = row.author,
		.type = type_name(row.type),
		.content = row.content,
		.timestamp = row.timestamp,
		.seq = seq,
		.source = source_name(row.source),
		.sender = row.type == MSG_USER ? NULL : session->user,
		.client_message_id = some(row.client_message_id),
		.external_id = some(row.external_id),
		.client_timestamp = row.client_timestamp,
		.turn_id = row.turn && row.type == MSG_AGENT
				   ? turn_id(tx, session_no, row.turn)
				   : NULL,
		.in_reply_to = row.n_in_reply_to ? row.in_reply_to : NULL,
		.n_in_reply_to = row.n_in_reply_to,
		.sources = some_json(row.sources),
		.actions = some_json(row.actions),
		.metadata = some_json(row.metadata),
		.kind = some(row.kind),
		.partial = row.partial};
	return true;
}

/* Control characters take six bytes in JSON, quotes and newlines two. */
static size_t text_size(const char *text)
{
	size_t size = 0;
	for (; text && *text; text++)
		size += (unsigned char)*text >= 0x20
				? 1u + (*text == '"' || *text == '\\')
				: 6u;
	return size;
}

size_t wire_message_size(const struct message *message)
{
	enum { NAMES_AND_IDS = 700 };
	return NAMES_AND_IDS + text_size(message->content) +
	       message->sources.len + message->actions.len +
	       message->metadata.len + (size_t)message->n_in_reply_to * 48;
}

/* --- events ------------------------------------------------------------- */

static const void *message_event(struct tx *tx, const struct event_row *event)
{
	struct session_row session;
	struct message *out = arena_alloc(tx_arena(tx), sizeof *out);
	if (!get_session(tx, event->session, &session) ||
		!wire_message(tx, &session, event->session, event->seq, out))
		return NULL;
	out->append_id = some(event->append_id);
	if (text_size(out->content) > EVENT_INLINE_BYTES) {
		out->content = NULL;
		out->omitted = true;
	}
	return out;
}

static const void *session_event(struct tx *tx, const struct event_row *event)
{
	struct session_changed *out = arena_alloc(tx_arena(tx), sizeof *out);
	out->session = arena_alloc(tx_arena(tx), sizeof *out->session);
	wire_session(&event->snapshot, out->session);
	out->previous = some(event->previous);
	out->reason = some(event->reason);
	out->by = some(event->by);
	return out;
}

static const char *message_id_of(struct tx *tx, uint64_t session, uint32_t seq)
{
	struct message_row row;
	return seq && get_message(tx, session, seq, &row) ? row.id : NULL;
}

static const void *turn_event(struct tx *tx, const struct event_row *event)
{
	struct session_row session;
	struct turn_row turn;
	struct turn_ended *out = arena_alloc(tx_arena(tx), sizeof *out);
	if (!get_session(tx, event->session, &session) ||
		!get_turn(tx, event->session, event->turn, &turn))
		return NULL;
	*out = (struct turn_ended){
		.turn_id = turn_id(tx, event->session, event->turn),
		.business_id = session.business,
		.user_id = session.user,
		.session_id = session.id,
		.outcome = turn_state_name(turn.state),
		.reason = some(turn.reason),
		.answer_id = message_id_of(tx, event->session, turn.answer_seq),
		.timestamp = turn.ended,
		.attempts = turn.attempts,
		.usage = some_json(turn.usage)};
	out->message_ids = arena_alloc(
		tx_arena(tx), (turn.n_seqs + 1) * sizeof *out->message_ids);
	for (uint32_t i = 0; i < turn.n_seqs; i++) {
		const char *id =
			message_id_of(tx, event->session, turn.seqs[i]);
		if (id)
			out->message_ids[out->n_message_ids++] = id;
	}
	return out;
}

static const void *handler_event(struct tx *tx, const struct event_row *event)
{
	struct handler_changed *out = arena_alloc(tx_arena(tx), sizeof *out);
	out->business_id = event->snapshot.business;
	out->user_id = event->snapshot.user;
	out->handler = event->previous;
	out->by = some(event->by);
	out->note = some(event->reason);
	return out;
}

const void *wire_event(struct tx *tx, const struct event_row *event)
{
	switch (event->kind) {
	case EV_MESSAGE:
		return message_event(tx, event);
	case EV_SESSION:
		return session_event(tx, event);
	case EV_TURN:
		return turn_event(tx, event);
	case EV_HANDLER:
		return handler_event(tx, event);
	default: /* never logged */
		return NULL;
	}
}
