#include "sessiond/change.h"

#include "sessiond/sessions.h"
#include "shared/clock.h"
#include <stdio.h>
#include <string.h>

/* --- sessions and messages ---------------------------------------------- */

bool session_hold(struct batch *batch, uint64_t no, struct held *out)
{
	*out = (struct held){.no = no};
	if (!no || !get_session(batch->tx, no, &out->row))
		return false;
	out->was = out->row;
	return true;
}

void session_save(struct batch *batch, struct held *held)
{
	put_session(batch->tx, held->no, &held->row,
		held->fresh ? NULL : &held->was);
	held->fresh = false;
	held->was = held->row;
}

void log_event_row(struct batch *batch, struct event_row *event)
{
	event->at = batch->now;
	put_event(batch->tx, ++batch->counters.n, event);
}

void log_session(struct batch *batch, const struct held *held,
	const char *previous, const char *reason, const char *by)
{
	struct event_row event = {.kind = EV_SESSION,
		.session = held->no,
		.snapshot = held->row,
		.previous = previous,
		.reason = reason,
		.by = by};
	log_event_row(batch, &event);
}

void message_add(struct batch *batch, struct held *held,
	struct message_row *message, const char *append_id)
{
	struct session_row *row = &held->row;
	char id[UUID_SIZE];
	/* In order of time: new ids lie together on disk. */
	uuid_timed(id, batch->now, batch->counters.n);
	message->id = arena_strndup(tx_arena(batch->tx), id, strlen(id));
	/* Strictly increasing, so that a timestamp is an exact cursor. */
	message->timestamp = batch->now > row->last_timestamp
				     ? batch->now
				     : row->last_timestamp + 1;
	row->last_seq++;
	row->rev++;
	row->last_timestamp = message->timestamp;
	row->updated = message->timestamp;
	if (message->type != MSG_SYSTEM)
		row->last_message = message->timestamp;
	if (message->type == MSG_USER)
		row->last_user_seq = row->last_seq;
	put_message(batch->tx, held->no, row->last_seq, message);
	struct event_row event = {.kind = EV_MESSAGE,
		.session = held->no,
		.seq = row->last_seq,
		.append_id = append_id};
	log_event_row(batch, &event);
}

void session_become(struct batch *batch, struct held *held,
	enum session_status to, const char *reason, const char *by,
	const char *language)
{
	const char *previous = status_name(held->row.status);
	const char *kind = transition_kind(to, reason);
	struct message_row message = {.type = MSG_SYSTEM,
		.author = "system",
		.kind = kind,
		.content = transition_text(kind, language)};
	held->row.status = to;
	message_add(batch, held, &message, NULL);
	log_session(batch, held, previous, reason, by);
}

/* --- turns -------------------------------------------------------------- */

bool turn_hold(struct batch *batch, uint64_t session, uint64_t no,
	struct turn_held *out)
{
	*out = (struct turn_held){.session = session, .no = no};
	return get_turn(batch->tx, session, no, &out->row);
}

static void turn_save(struct batch *batch, const struct turn_held *turn)
{
	put_turn(batch->tx, turn->session, turn->no, &turn->row);
}

void turn_open_put(struct batch *batch, const struct turn_held *turn)
{
	struct key key = key_pair(turn->row.user_no, turn->no);
	struct key session = key_number(turn->session);
	tx_put(batch->tx, T_OPEN, key_span(&key), key_span(&session));
}

static void open_del(struct batch *batch, const struct turn_held *turn)
{
	struct key key = key_pair(turn->row.user_no, turn->no);
	tx_del(batch->tx, T_OPEN, key_span(&key));
}

struct turn_held *turns_open(
	struct batch *batch, uint64_t user_no, size_t *count)
{
	struct key prefix = key_number(user_no);
	struct cursor cursor;
	size_t cap = 0;
	struct turn_held *turns = NULL;
	*count = 0;
	cursor_open(&cursor, batch->tx, T_OPEN);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		if (*count == cap) {
			struct turn_held *old = turns;
			cap = cap ? cap * 2 : 4;
			turns = arena_alloc(
				tx_arena(batch->tx), cap * sizeof *turns);
			if (old)
				memcpy(turns, old, *count * sizeof *turns);
		}
		uint64_t no = span_u64(cursor.key, 8);
		if (turn_hold(batch, span_u64(cursor.value, 0), no,
			    &turns[*count]))
			++*count;
	}
	cursor_close(&cursor);
	return turns;
}

bool turn_first(struct batch *batch, uint64_t user_no, struct turn_held *out)
{
	struct key prefix = key_number(user_no);
	struct cursor cursor;
	bool found = false;
	cursor_open(&cursor, batch->tx, T_OPEN);
	if (cursor_seek(&cursor, key_span(&prefix)) &&
		span_has_prefix(cursor.key, key_span(&prefix)))
		found = turn_hold(batch, span_u64(cursor.value, 0),
			span_u64(cursor.key, 8), out);
	cursor_close(&cursor);
	return found;
}

static void ready_put(struct batch *batch, const struct turn_held *turn)
{
	struct ready_row ready = {.session = turn->session,
		.user_no = turn->row.user_no,
		.created = turn->row.created,
		.not_before = turn->row.not_before};
	put_ready(batch->tx, turn->no, &ready);
	if (batch->ready_hinted)
		return;
	batch->ready_hinted = true;
	struct hint *hint = batch_hint(batch, HINT_READY);
	hint->session = turn->session;
	hint->turn = turn->no;
}

static bool ready_already(struct batch *batch, const struct turn_held *turn)
{
	struct key key = key_ready(turn->row.created, turn->no);
	struct span value;
	struct ready_row ready;
	return tx_get(batch->tx, T_READY, key_span(&key), &value) &&
	       decode_ready(value, &ready) &&
	       ready.not_before == turn->row.not_before;
}

void user_goes_on(struct batch *batch, uint64_t user_no)
{
	struct turn_held first;
	if (turn_first(batch, user_no, &first) &&
		first.row.state == TURN_QUEUED && !ready_already(batch, &first))
		ready_put(batch, &first);
}

static void leave_queue(struct batch *batch, struct turn_held *turn,
	bool revoked, const char *reason)
{
	struct key key = key_ready(turn->row.created, turn->no);
	if (turn->row.state == TURN_QUEUED) {
		tx_del(batch->tx, T_READY, key_span(&key));
		return;
	}
	key = key_number(turn->no);
	tx_del(batch->tx, T_LEASE, key_span(&key));
	struct hint *hint = batch_hint(batch, HINT_OVER);
	hint->session = turn->session;
	hint->turn = turn->no;
	hint->lease = turn->row.lease;
	hint->revoked = revoked;
	hint->reason = reason;
}

static void turn_close(struct batch *batch, struct turn_held *turn,
	enum turn_state outcome, const char *reason, bool revoked)
{
	leave_queue(batch, turn, revoked, reason);
	open_del(batch, turn);
	turn->row.state = outcome;
	turn->row.reason = reason;
	turn->row.ended = batch->now;
	turn_save(batch, turn);
	struct event_row event = {
		.kind = EV_TURN, .session = turn->session, .turn = turn->no};
	log_event_row(batch, &event);
}

void turn_end(struct batch *batch, struct turn_held *turn,
	enum turn_state outcome, const char *reason, bool revoked)
{
	turn_close(batch, turn, outcome, reason, revoked);
	user_goes_on(batch, turn->row.user_no);
}

void turn_release(struct batch *batch, struct turn_held *turn)
{
	leave_queue(batch, turn, true, "released");
	turn->row.state = TURN_QUEUED;
	turn->row.counted = false;
	turn->row.not_before = 0;
	turn_save(batch, turn);
	ready_put(batch, turn);
}

void name_list_add(struct name_list *list, const struct turn_held *turn)
{
	char name[TURN_NAME_SIZE];
	if (!list || list->count == NAME_LIST_MAX)
		return;
	if (list->count == list->cap) {
		const char **old = list->names;
		list->cap = list->cap ? list->cap * 2 : 4;
		list->names = arena_alloc(
			list->arena, list->cap * sizeof *list->names);
		if (old)
			memcpy(list->names, old, list->count * sizeof *old);
	}
	turn_name(name, turn->session, turn->no);
	list->names[list->count++] =
		arena_strndup(list->arena, name, strlen(name));
}

void turns_end(struct batch *batch, uint64_t user_no, uint64_t session,
	enum turn_state outcome, const char *reason, struct name_list *ended)
{
	size_t count;
	struct turn_held *turns = turns_open(batch, user_no, &count);
	for (size_t i = 0; i < count; i++) {
		if (session && turns[i].session != session)
			continue;
		turn_close(batch, &turns[i], outcome, reason, true);
		name_list_add(ended, &turns[i]);
	}
	user_goes_on(batch, user_no);
}

/* --- a new message finds its turn --------------------------------------- */

/* The open turns' messages move to the new one; a superseded turn keeps none.
 * Only within one session, and only while one turn can hold them all. */
static void supersede(struct batch *batch, struct turn_held *turn)
{
	size_t count;
	struct turn_held *old = turns_open(batch, turn->row.user_no, &count);
	for (size_t i = 0; i < count; i++) {
		if (old[i].session != turn->session ||
			turn->row.n_seqs + old[i].row.n_seqs >=
				TURN_MAX_MESSAGES)
			continue;
		memcpy(turn->row.seqs + turn->row.n_seqs, old[i].row.seqs,
			old[i].row.n_seqs * sizeof *turn->row.seqs);
		turn->row.n_seqs += old[i].row.n_seqs;
		if (old[i].row.created < turn->row.created)
			turn->row.created = old[i].row.created;
		old[i].row.n_seqs = 0;
		turn_close(
			batch, &old[i], TURN_SUPERSEDED, "interrupted", true);
	}
}

/* A burst joins a turn of the same session that was never claimed. */
static bool burst_waits(struct batch *batch, const struct held *held,
	uint64_t user_no, struct turn_held *out)
{
	size_t count;
	struct turn_held *open = turns_open(batch, user_no, &count);
	if (!count)
		return false;
	*out = open[count - 1];
	return out->session == held->no && out->row.state == TURN_QUEUED &&
	       !out->row.lease && out->row.n_seqs < TURN_MAX_MESSAGES;
}

void turn_choose(struct batch *batch, const struct terms *terms,
	const struct held *held, const struct user_row *user,
	struct turn_held *out)
{
	if (user->handler == HANDLER_BOT && terms->burst_idle_ms &&
		burst_waits(batch, held, user->no, out))
		return;
	*out = (struct turn_held){.session = held->no,
		.no = ++batch->counters.turn,
		.row = {.user_no = user->no}};
}

static void burst_join(struct batch *batch, const struct terms *terms,
	struct turn_held *turn, uint32_t seq)
{
	int64_t latest = turn->row.created + terms->burst_max_ms;
	int64_t idle = batch->now + terms->burst_idle_ms;
	turn->row.seqs[turn->row.n_seqs++] = seq;
	turn->row.not_before = idle < latest ? idle : latest;
	turn_save(batch, turn);
	user_goes_on(batch, turn->row.user_no);
}

void turn_add(struct batch *batch, const struct terms *terms,
	const struct held *held, const struct user_row *user,
	struct turn_held *turn, uint32_t seq, const char *trace)
{
	if (turn->row.n_seqs) {
		burst_join(batch, terms, turn, seq);
		return;
	}
	turn->row.created = held->row.last_timestamp;
	turn->row.trace = trace;
	turn->row.seqs = arena_alloc(tx_arena(batch->tx),
		TURN_MAX_MESSAGES * sizeof *turn->row.seqs);
	if (user->handler == HANDLER_PERSON) {
		turn->row.seqs[turn->row.n_seqs++] = seq;
		turn_close(batch, turn, TURN_LEFT_TO_PERSON, "person", false);
		return;
	}
	if (terms->concurrency == CONCURRENCY_INTERRUPT)
		supersede(batch, turn);
	turn->row.seqs[turn->row.n_seqs++] = seq;
	if (terms->burst_idle_ms)
		turn->row.not_before = batch->now + terms->burst_idle_ms;
	turn_save(batch, turn);
	turn_open_put(batch, turn);
	user_goes_on(batch, user->no);
}

/* --- an answer ---------------------------------------------------------- */

void turn_answer(struct batch *batch, struct turn_held *turn, struct held *held,
	const struct answer *answer)
{
	struct message_row asked, message = {.type = MSG_AGENT,
					  .author = "agent",
					  .content = answer->content,
					  .kind = answer->kind,
					  .sources = answer->sources,
					  .actions = answer->actions,
					  .partial = answer->partial,
					  .turn = turn->no};
	message.in_reply_to = arena_alloc(tx_arena(batch->tx),
		(turn->row.n_seqs + 1) * sizeof *message.in_reply_to);
	for (uint32_t i = 0; i < turn->row.n_seqs; i++)
		if (get_message(batch->tx, held->no, turn->row.seqs[i], &asked))
			message.in_reply_to[message.n_in_reply_to++] = asked.id;
	message_add(batch, held, &message, NULL);
	session_save(batch, held);
	turn->row.answer_seq = held->row.last_seq;
	turn->row.usage = answer->usage;
	turn_end(batch, turn, answer->outcome, answer->reason, answer->revoked);
}

/* --- who handles -------------------------------------------------------- */

void user_become(struct batch *batch, const char *business, const char *user,
	enum handler handler, const char *by, const char *note,
	struct name_list *ended)
{
	struct user_row row;
	if (!get_user(batch->tx, business, user, &row))
		row = (struct user_row){.no = ++batch->counters.user};
	if (row.handler == handler)
		return;
	row.handler = handler;
	row.by = by;
	put_user(batch->tx, business, user, &row);
	struct event_row event = {.kind = EV_HANDLER,
		.snapshot = {.business = business, .user = user},
		.previous = handler_name(handler),
		.reason = note,
		.by = by};
	log_event_row(batch, &event);
	if (handler == HANDLER_PERSON)
		turns_end(
			batch, row.no, 0, TURN_LEFT_TO_PERSON, "person", ended);
}
