#include "sessiond/rows_pack.h"

#include <string.h>

/* --- counters ----------------------------------------------------------- */

void get_counters(struct tx *tx, struct counters *out)
{
	struct unpack in;
	*out = (struct counters){0};
	if (!unpack_get(tx, T_META, key_text("counters"), &in))
		return;
	out->session = unpack_u64(&in);
	out->user = unpack_u64(&in);
	out->turn = unpack_u64(&in);
	out->lease = unpack_u64(&in);
	out->n = unpack_u64(&in);
	out->wall_ms = unpack_time(&in);
}

void put_counters(struct tx *tx, const struct counters *counters)
{
	struct buf *buf = pack_begin(tx);
	pack_u64(buf, counters->session);
	pack_u64(buf, counters->user);
	pack_u64(buf, counters->turn);
	pack_u64(buf, counters->lease);
	pack_u64(buf, counters->n);
	pack_time(buf, counters->wall_ms);
	pack_put(tx, T_META, key_text("counters"), buf);
}

/* --- sessions ----------------------------------------------------------- */

static void pack_session(struct buf *buf, const struct session_row *row)
{
	pack_text(buf, row->id);
	pack_text(buf, row->business);
	pack_text(buf, row->user);
	pack_text(buf, row->location);
	pack_text(buf, row->day);
	pack_text(buf, row->type);
	pack_u8(buf, row->status);
	pack_time(buf, row->created);
	pack_time(buf, row->updated);
	pack_time(buf, row->last_message);
	pack_time(buf, row->last_timestamp);
	pack_u32(buf, row->last_seq);
	pack_u32(buf, row->last_user_seq);
	pack_u64(buf, row->rev);
	pack_u64(buf, row->user_no);
	pack_u64(buf, row->activity_minute);
	pack_u64(buf, row->retention_minute);
}

static void unpack_session(struct unpack *in, struct session_row *out)
{
	out->id = unpack_text(in);
	out->business = unpack_text(in);
	out->user = unpack_text(in);
	out->location = unpack_text(in);
	out->day = unpack_text(in);
	out->type = unpack_text(in);
	out->status = (enum session_status)unpack_enum(in, ST_COUNT);
	out->created = unpack_time(in);
	out->updated = unpack_time(in);
	out->last_message = unpack_time(in);
	out->last_timestamp = unpack_time(in);
	out->last_seq = unpack_u32(in);
	out->last_user_seq = unpack_u32(in);
	out->rev = unpack_u64(in);
	out->user_no = unpack_u64(in);
	out->activity_minute = unpack_u64(in);
	out->retention_minute = unpack_u64(in);
}

bool get_session(struct tx *tx, uint64_t session, struct session_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_SESSION, key_number(session), &in))
		return false;
	unpack_session(&in, out);
	return !in.bad;
}

static const struct span nothing = {"", 0};

void put_session(struct tx *tx, uint64_t session, struct session_row *row,
	const struct session_row *was)
{
	uint64_t activity = (uint64_t)(row->last_message / 60000);
	uint64_t retention = (uint64_t)(row->updated / 60000);
	bool moved = !was || was->status != row->status;
	struct key key;
	if (moved || was->activity_minute != activity) {
		if (was) {
			key = key_activity(was->business, was->status,
				was->activity_minute, session);
			tx_del(tx, T_ACTIVITY, key_span(&key));
		}
		key = key_activity(
			row->business, row->status, activity, session);
		tx_put(tx, T_ACTIVITY, key_span(&key), nothing);
		row->activity_minute = activity;
	}
	if (moved || was->retention_minute != retention) {
		if (was) {
			key = key_retention(
				was->status, was->retention_minute, session);
			tx_del(tx, T_RETENTION, key_span(&key));
		}
		key = key_retention(row->status, retention, session);
		tx_put(tx, T_RETENTION, key_span(&key), nothing);
		row->retention_minute = retention;
	}
	struct buf *buf = pack_begin(tx);
	pack_session(buf, row);
	pack_put(tx, T_SESSION, key_number(session), buf);
	if (was)
		return;
	struct key number = key_number(session);
	key = key_text(row->id);
	tx_put(tx, T_SESSION_ID, key_span(&key), key_span(&number));
	key = key_day(row->business, row->user, row->day);
	tx_put(tx, T_DAY, key_span(&key), key_span(&number));
}

bool session_id_used(struct tx *tx, const char *id)
{
	struct span value;
	struct key key = key_text(id);
	return tx_get(tx, T_SESSION_ID, key_span(&key), &value);
}

uint64_t find_session(struct tx *tx, const char *id)
{
	struct span value;
	size_t len = strlen(id);
	if (!len || len > ID_MAX)
		return 0;
	struct key key = key_text(id);
	if (!tx_get(tx, T_SESSION_ID, key_span(&key), &value))
		return 0;
	return span_u64(value, 0); /* a tombstone holds 0 */
}

uint64_t find_day(
	struct tx *tx, const char *business, const char *user, const char *date)
{
	struct span value;
	struct key key = key_day(business, user, date);
	if (!tx_get(tx, T_DAY, key_span(&key), &value))
		return 0;
	return span_u64(value, 0);
}

/* --- users -------------------------------------------------------------- */

bool get_user(struct tx *tx, const char *business, const char *user,
	struct user_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_USER, key_user(business, user), &in))
		return false;
	out->no = unpack_u64(&in);
	out->handler = (enum handler)unpack_enum(&in, HANDLER_COUNT);
	out->session = unpack_u64(&in);
	out->by = unpack_text(&in);
	return !in.bad;
}

void put_user(struct tx *tx, const char *business, const char *user,
	const struct user_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u64(buf, row->no);
	pack_u8(buf, row->handler);
	pack_u64(buf, row->session);
	pack_text(buf, row->by);
	pack_put(tx, T_USER, key_user(business, user), buf);
}

/* --- messages ----------------------------------------------------------- */

bool get_message(
	struct tx *tx, uint64_t session, uint32_t seq, struct message_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_MESSAGE, key_message(session, seq), &in))
		return false;
	out->type = (enum message_type)unpack_enum(&in, MSG_COUNT);
	out->source = (enum message_source)unpack_enum(&in, SRC_COUNT);
	out->partial = unpack_u8(&in);
	out->timestamp = unpack_time(&in);
	out->client_timestamp = unpack_time(&in);
	out->turn = unpack_u64(&in);
	out->id = unpack_text(&in);
	out->author = unpack_text(&in);
	out->content = unpack_text(&in);
	out->client_message_id = unpack_text(&in);
	out->external_id = unpack_text(&in);
	out->kind = unpack_text(&in);
	out->sources = unpack_span(&in);
	out->actions = unpack_span(&in);
	out->metadata = unpack_span(&in);
	out->n_in_reply_to = unpack_u8(&in);
	out->in_reply_to = arena_alloc(tx_arena(tx),
		(out->n_in_reply_to + 1) * sizeof *out->in_reply_to);
	for (uint32_t i = 0; i < out->n_in_reply_to; i++)
		out->in_reply_to[i] = unpack_text(&in);
	return !in.bad;
}

bool peek_message(
	struct tx *tx, uint64_t session, uint32_t seq, struct message_head *out)
{
	struct span value;
	struct key key = key_message(session, seq);
	if (!tx_get(tx, T_MESSAGE, key_span(&key), &value))
		return false;
	struct unpack in = unpack_peek(value);
	out->type = (enum message_type)unpack_enum(&in, MSG_COUNT);
	unpack_u8(&in); /* source */
	unpack_u8(&in); /* partial */
	out->timestamp = unpack_time(&in);
	unpack_time(&in); /* the client's */
	out->turn = unpack_u64(&in);
	return !in.bad;
}

void put_message(struct tx *tx, uint64_t session, uint32_t seq,
	const struct message_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u8(buf, row->type);
	pack_u8(buf, row->source);
	pack_u8(buf, row->partial);
	pack_time(buf, row->timestamp);
	pack_time(buf, row->client_timestamp);
	pack_u64(buf, row->turn);
	pack_text(buf, row->id);
	pack_text(buf, row->author);
	pack_text(buf, row->content);
	pack_text(buf, row->client_message_id);
	pack_text(buf, row->external_id);
	pack_text(buf, row->kind);
	pack_span(buf, row->sources);
	pack_span(buf, row->actions);
	pack_span(buf, row->metadata);
	pack_u8(buf, row->n_in_reply_to);
	for (uint32_t i = 0; i < row->n_in_reply_to; i++)
		pack_text(buf, row->in_reply_to[i]);
	pack_put(tx, T_MESSAGE, key_message(session, seq), buf);
	struct key id = key_text(row->id), place = key_message(session, seq);
	tx_put(tx, T_MESSAGE_ID, key_span(&id), key_span(&place));
}

bool find_message(
	struct tx *tx, const char *id, uint64_t *session, uint32_t *seq)
{
	struct span value;
	size_t len = strlen(id);
	if (!len || len > ID_MAX)
		return false;
	struct key key = key_text(id);
	if (!tx_get(tx, T_MESSAGE_ID, key_span(&key), &value))
		return false;
	*session = span_u64(value, 0);
	*seq = span_u32(value, 8);
	return true;
}

/* --- turns -------------------------------------------------------------- */

uint64_t turn_session(struct span value)
{
	struct unpack in = unpack_peek(value);
	uint64_t session = unpack_u64(&in);
	return in.bad ? 0 : session;
}

bool get_turn(
	struct tx *tx, uint64_t session, uint64_t turn, struct turn_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_TURN, key_number(turn), &in) ||
		unpack_u64(&in) != session)
		return false;
	out->user_no = unpack_u64(&in);
	out->state = (enum turn_state)unpack_enum(&in, TURN_STATES);
	out->created = unpack_time(&in);
	out->not_before = unpack_time(&in);
	out->ended = unpack_time(&in);
	out->lease = unpack_u64(&in);
	out->attempts = unpack_u32(&in);
	out->counted = unpack_u8(&in);
	out->answer_seq = unpack_u32(&in);
	out->reason = unpack_text(&in);
	out->trace = unpack_text(&in);
	out->usage = unpack_span(&in);
	out->n_seqs = unpack_u8(&in);
	/* Room for one more: a burst may join. */
	out->seqs = arena_alloc(
		tx_arena(tx), (out->n_seqs + 1) * sizeof *out->seqs);
	for (uint32_t i = 0; i < out->n_seqs; i++)
		out->seqs[i] = unpack_u32(&in);
	return !in.bad;
}

void put_turn(struct tx *tx, uint64_t session, uint64_t turn,
	const struct turn_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u64(buf, session);
	pack_u64(buf, row->user_no);
	pack_u8(buf, row->state);
	pack_time(buf, row->created);
	pack_time(buf, row->not_before);
	pack_time(buf, row->ended);
	pack_u64(buf, row->lease);
	pack_u32(buf, row->attempts);
	pack_u8(buf, row->counted);
	pack_u32(buf, row->answer_seq);
	pack_text(buf, row->reason);
	pack_text(buf, row->trace);
	pack_span(buf, row->usage);
	pack_u8(buf, row->n_seqs);
	for (uint32_t i = 0; i < row->n_seqs; i++)
		pack_u32(buf, row->seqs[i]);
	pack_put(tx, T_TURN, key_number(turn), buf);
}

void put_ready(struct tx *tx, uint64_t turn, const struct ready_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u64(buf, row->session);
	pack_u64(buf, row->user_no);
	pack_time(buf, row->created);
	pack_time(buf, row->not_before);
	pack_put(tx, T_READY, key_ready(row->created, turn), buf);
}

bool decode_ready(struct span value, struct ready_row *out)
{
	struct unpack in = unpack_peek(value);
	out->session = unpack_u64(&in);
	out->user_no = unpack_u64(&in);
	out->created = unpack_time(&in);
	out->not_before = unpack_time(&in);
	return !in.bad;
}

void put_lease(struct tx *tx, uint64_t turn, const struct lease_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u64(buf, row->session);
	pack_u64(buf, row->user_no);
	pack_u64(buf, row->lease);
	pack_time(buf, row->created);
	pack_text(buf, row->agent);
	pack_text(buf, row->boot);
	pack_text(buf, row->business);
	pack_text(buf, row->user);
	pack_text(buf, row->session_id);
	pack_put(tx, T_LEASE, key_number(turn), buf);
}

bool decode_lease(struct tx *tx, struct span value, struct lease_row *out)
{
	struct unpack in = unpack_copy(tx, value);
	out->session = unpack_u64(&in);
	out->user_no = unpack_u64(&in);
	out->lease = unpack_u64(&in);
	out->created = unpack_time(&in);
	out->agent = unpack_text(&in);
	out->boot = unpack_text(&in);
	out->business = unpack_text(&in);
	out->user = unpack_text(&in);
	out->session_id = unpack_text(&in);
	return !in.bad;
}

/* --- receipts ----------------------------------------------------------- */

bool get_receipt(
	struct tx *tx, enum table table, struct span key, struct receipt *out)
{
	struct span value;
	if (!tx_get(tx, table, key, &value))
		return false;
	struct unpack in = unpack_copy(tx, value);
	out->at = unpack_time(&in);
	out->hash = unpack_u64(&in);
	out->seq = unpack_u32(&in);
	out->timestamp = unpack_time(&in);
	out->session = unpack_u64(&in);
	out->turn = unpack_u64(&in);
	out->session_id = unpack_text(&in);
	out->message_id = unpack_text(&in);
	return !in.bad;
}

void put_receipt(struct tx *tx, enum table table, struct span key,
	const struct receipt *receipt)
{
	struct buf *buf = pack_begin(tx);
	pack_time(buf, receipt->at);
	pack_u64(buf, receipt->hash);
	pack_u32(buf, receipt->seq);
	pack_time(buf, receipt->timestamp);
	pack_u64(buf, receipt->session);
	pack_u64(buf, receipt->turn);
	pack_text(buf, receipt->session_id);
	pack_text(buf, receipt->message_id);
	tx_put(tx, table, key, (struct span){buf->data, buf->len});
}

/* --- events ------------------------------------------------------------- */

bool decode_event(struct tx *tx, struct span value, struct event_row *out)
{
	struct unpack in = unpack_copy(tx, value);
	*out = (struct event_row){0};
	out->kind = (enum event)unpack_enum(&in, EV_HANDLER + 1);
	out->at = unpack_time(&in);
	out->session = unpack_u64(&in);
	out->turn = unpack_u64(&in);
	out->seq = unpack_u32(&in);
	out->append_id = unpack_text(&in);
	if (out->kind != EV_SESSION && out->kind != EV_HANDLER)
		return !in.bad;
	out->previous = unpack_text(&in);
	out->reason = unpack_text(&in);
	out->by = unpack_text(&in);
	unpack_session(&in, &out->snapshot);
	return !in.bad;
}

void put_event(struct tx *tx, uint64_t n, const struct event_row *row)
{
	struct buf *buf = pack_begin(tx);
	pack_u8(buf, row->kind);
	pack_time(buf, row->at);
	pack_u64(buf, row->session);
	pack_u64(buf, row->turn);
	pack_u32(buf, row->seq);
	pack_text(buf, row->append_id);
	if (row->kind == EV_SESSION || row->kind == EV_HANDLER) {
		pack_text(buf, row->previous);
		pack_text(buf, row->reason);
		pack_text(buf, row->by);
		pack_session(buf, &row->snapshot);
	}
	pack_put(tx, T_EVENT, key_number(n), buf);
}
