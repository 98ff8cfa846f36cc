#include "sessiond/reads.h"

#include "sessiond/leases.h"
#include "sessiond/wire.h"
#include "shared/clock.h"
#include "shared/days.h"
#include <string.h>

enum {
	HISTORY_DEFAULT = 50,
	RECENT_SESSIONS = 2,
	RECENT_LOOKED_AT_MAX = 2000 /* rows one request may pass over */
};

/* --- history ------------------------------------------------------------ */

uint64_t reads_resolve(struct core *core, struct tx *tx, const char *id,
	struct alias *alias, bool *is_alias)
{
	char date[DATE_SIZE];
	*is_alias = alias_parse(id, alias);
	uint64_t no = find_session(tx, id);
	/* An imported id may have the form of an alias. If its session was
	 * deleted it names nothing, and no other session in its place. */
	if (!no && *is_alias && strlen(id) <= ID_MAX && session_id_used(tx, id))
		*is_alias = false;
	if (no || !*is_alias)
		return no;
	const struct tenant *tenant =
		tenants_find(core->tenants, alias->business);
	alias_date(alias, tenant ? tenant->zone : "UTC", clock_wall_ms(), date);
	return find_day(tx, alias->business, alias->user, date);
}

static int64_t timestamp_of(struct tx *tx, uint64_t session, uint32_t seq)
{
	struct message_head head;
	return peek_message(tx, session, seq, &head) ? head.timestamp : 0;
}

/* The first seq whose message is at `time` or later; last + 1 if none. Times
 * rise with seq, so a page costs the same in a long session as in a short one.
 */
static uint32_t seq_at(
	struct tx *tx, uint64_t session, uint32_t last, int64_t time)
{
	uint32_t low = 1, high = last + 1;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (timestamp_of(tx, session, middle) < time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Fills messages from `first` to `last` (inclusive), as many as fit from the
 * end that counts: the newest, or with `forward` the oldest. */
static void fill(struct tx *tx, uint64_t no, const struct session_row *session,
	uint32_t first, uint32_t last, bool forward, uint32_t limit,
	struct history_reply *reply)
{
	uint32_t total = last >= first ? last - first + 1 : 0;
	uint32_t n = total < limit ? total : limit, kept = 0;
	size_t bytes = 0;
	struct message *messages =
		arena_alloc(tx_arena(tx), (n + 1) * sizeof *messages);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t seq = forward ? first + i : last - i;
		struct message *slot = &messages[forward ? kept : n - 1 - kept];
		if (!wire_message(tx, session, no, seq, slot))
			continue;
		bytes += wire_message_size(slot);
		if (kept && bytes > PAGE_MAX_BYTES)
			break;
		kept++;
	}
	reply->messages = forward ? messages : messages + (n - kept);
	reply->n_messages = kept;
	reply->has_more = kept < total;
	if (reply->has_more && kept)
		reply->next = forward ? reply->messages[kept - 1].timestamp
				      : reply->messages[0].timestamp;
}

enum status reads_history(struct core *core,
	const struct history_request *request, struct arena *arena,
	struct history_reply *reply)
{
	struct tx *tx = tx_read_into(core->store, arena);
	struct session_row session;
	struct alias alias;
	bool is_alias;
	enum status status = OK;
	uint64_t no =
		reads_resolve(core, tx, request->session_id, &alias, &is_alias);
	reply->messages = arena_alloc(arena, sizeof *reply->messages);
	if (no && get_session(tx, no, &session)) {
		uint32_t first = 1, last = session.last_seq;
		uint32_t limit = request->limit ? request->limit
						: (uint32_t)HISTORY_DEFAULT;
		reply->session_id = session.id;
		reply->business_id = session.business;
		reply->user_id = session.user;
		if (request->before)
			last = seq_at(tx, no, session.last_seq,
				       request->before) -
			       1;
		if (request->after)
			first = seq_at(
				tx, no, session.last_seq, request->after + 1);
		fill(tx, no, &session, first, last, request->after != 0, limit,
			reply);
	} else if (is_alias) {
		reply->session_id = request->session_id;
		reply->business_id = arena_strndup(
			arena, alias.business, strlen(alias.business));
		reply->user_id =
			arena_strndup(arena, alias.user, strlen(alias.user));
	} else {
		status = NOT_FOUND;
	}
	tx_end(tx);
	return status;
}

/* --- single things ------------------------------------------------------ */

enum status reads_message(struct core *core,
	const struct message_request *request, struct arena *arena,
	struct message_reply *reply)
{
	struct tx *tx = tx_read_into(core->store, arena);
	struct session_row session;
	uint64_t no;
	uint32_t seq;
	reply->message = arena_alloc(arena, sizeof *reply->message);
	bool found = find_message(tx, request->message_id, &no, &seq) &&
		     get_session(tx, no, &session) &&
		     wire_message(tx, &session, no, seq, reply->message);
	tx_end(tx);
	return found ? OK : NOT_FOUND;
}

/* Newest first out of one session; false once they are too old, or enough. */
static bool gather_recent(struct tx *tx, uint64_t no,
	const struct session_row *session, int64_t since,
	struct message *newest, uint32_t *count)
{
	uint32_t looked = 0;
	for (uint32_t seq = session->last_seq; seq; seq--) {
		struct message_head head;
		if (looked++ == RECENT_LOOKED_AT_MAX)
			return false;
		if (!peek_message(tx, no, seq, &head))
			continue;
		if (head.timestamp < since || *count == HISTORY_MAX)
			return false;
		if (head.type != MSG_USER &&
			wire_message(tx, session, no, seq, &newest[*count]))
			++*count;
	}
	return true;
}

enum status reads_recent(struct core *core,
	const struct recent_request *request, struct arena *arena,
	struct recent_reply *reply)
{
	if (!business_id_valid(request->business_id) ||
		!user_id_valid(request->user_id))
		return BAD_REQUEST;
	struct tx *tx = tx_read_into(core->store, arena);
	struct key prefix = key_user(request->business_id, request->user_id);
	struct key from = key_after_all(&prefix);
	struct message *newest =
		arena_alloc(arena, (HISTORY_MAX + 1) * sizeof *newest);
	struct cursor cursor;
	uint32_t count = 0, sessions = 0;
	size_t bytes = 0;
	reply->now = clock_wall_ms();
	cursor_open(&cursor, tx, T_DAY);
	for (bool more = cursor_seek_before(&cursor, key_span(&from));
		more && sessions < RECENT_SESSIONS &&
		span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_prev(&cursor), sessions++) {
		struct session_row session;
		uint64_t no = span_u64(cursor.value, 0);
		if (get_session(tx, no, &session) &&
			!gather_recent(tx, no, &session,
				reply->now - (int64_t)request->within_ms,
				newest, &count))
			break;
	}
	cursor_close(&cursor);
	reply->messages =
		arena_alloc(arena, (count + 1) * sizeof *reply->messages);
	uint32_t kept = 0;
	while (kept < count &&
		(bytes += wire_message_size(&newest[kept])) <= PAGE_MAX_BYTES)
		kept++;
	for (uint32_t i = kept; i-- > 0;)
		reply->messages[reply->n_messages++] = newest[i];
	tx_end(tx);
	return OK;
}

enum status reads_turn_text(struct core *core,
	const struct turn_text_request *request, struct arena *arena,
	struct turn_text_reply *reply)
{
	uint64_t session, turn;
	struct turn_row row;
	if (!turn_from_name(request->turn_id, &session, &turn))
		return NOT_FOUND;
	struct tx *tx = tx_read_into(core->store, arena);
	bool found = get_turn(tx, session, turn, &row);
	tx_end(tx);
	if (!found)
		return NOT_FOUND;
	struct lease *lease = leases_of_turn(core->leases, session, turn);
	reply->turn_id = request->turn_id;
	reply->state = turn_state_name(row.state);
	reply->text = lease && lease->text.len ? lease->text.data : NULL;
	return OK;
}
