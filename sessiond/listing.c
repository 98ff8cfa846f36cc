#include "sessiond/listing.h"

#include "sessiond/leases.h"
#include "sessiond/reads.h"
#include "sessiond/wire.h"
#include "shared/clock.h"
#include "shared/days.h"
#include <stdio.h>
#include <string.h>

enum {
	PAGE_DEFAULT = 100,
	LOOKED_AT_MAX = 5000, /* rows one request may pass over */
	OPEN_TURNS_MAX = 256
};

/* A page under way. Its cursor is the end of the last key that was looked at,
 * in hex: opaque, and exact also when rows come and go meanwhile. */
struct page {
	struct tx *tx;
	struct session *sessions;
	uint32_t count, limit, looked;
	bool (*wanted)(const void *ctx, const struct session_row *row);
	const void *ctx;
	struct key last; /* the end of a key */
	bool more;
};

/* --- cursors ------------------------------------------------------------ */

static void remember(struct page *page, struct span key, size_t prefix_len)
{
	page->last.len = key.len - prefix_len;
	memcpy(page->last.bytes, key.at + prefix_len, page->last.len);
}

static const char *cursor_text(struct page *page)
{
	char hex[2 * 64 + 1] = "";
	if (!page->more)
		return NULL;
	for (size_t i = 0; i < page->last.len && i < 64; i++)
		snprintf(hex + 2 * i, 3, "%02x", page->last.bytes[i]);
	return arena_strndup(tx_arena(page->tx), hex, strlen(hex));
}

static bool cursor_read(const char *hex, struct key *out, size_t len)
{
	if (strlen(hex) != 2 * len ||
		strspn(hex, "0123456789abcdef") != 2 * len)
		return false;
	out->len = len;
	for (size_t i = 0; i < len; i++) {
		unsigned byte = 0;
		sscanf(hex + 2 * i, "%2x", &byte);
		out->bytes[i] = (unsigned char)byte;
	}
	return true;
}

static struct key join(const struct key *prefix, const struct key *end)
{
	struct key key = *prefix;
	if (key.len + end->len > KEY_MAX)
		return key;
	memcpy(key.bytes + key.len, end->bytes, end->len);
	key.len += end->len;
	return key;
}

/* --- walking ------------------------------------------------------------ */

/* False when the page is full: then it ends before this row. */
static bool take(
	struct page *page, uint64_t no, struct span key, size_t prefix_len)
{
	struct session_row row;
	if (page->count == page->limit || page->looked == LOOKED_AT_MAX) {
		page->more = true;
		return false;
	}
	page->looked++;
	remember(page, key, prefix_len);
	if (get_session(page->tx, no, &row) && page->wanted(page->ctx, &row))
		wire_session(&row, &page->sessions[page->count++]);
	return true;
}

/* Back through the keys with the prefix that lie before `from`. The session's
 * number is the key's end, or the value (DAY). */
static bool walk_back(struct page *page, enum table table,
	const struct key *prefix, const struct key *from, size_t keep)
{
	struct cursor cursor;
	bool going = true;
	cursor_open(&cursor, page->tx, table);
	for (bool more = cursor_seek_before(&cursor, key_span(from));
		more && going && span_has_prefix(cursor.key, key_span(prefix));
		more = cursor_prev(&cursor)) {
		uint64_t no = table == T_DAY ? span_u64(cursor.value, 0)
					     : span_u64(cursor.key,
						       cursor.key.len - 8);
		going = take(page, no, cursor.key, keep);
	}
	cursor_close(&cursor);
	return going;
}

/* --- sessions of a business or a user ----------------------------------- */

static bool session_wanted(const void *ctx, const struct session_row *row)
{
	const struct sessions_request *request = ctx;
	return (!request->status ||
		       !strcmp(request->status, status_name(row->status))) &&
	       (!request->location_id ||
		       !strcmp(request->location_id, row->location)) &&
	       (!request->from_day ||
		       strcmp(row->day, request->from_day) >= 0) &&
	       (!request->to_day || strcmp(row->day, request->to_day) <= 0);
}

static enum status list_user(
	struct page *page, const struct sessions_request *request)
{
	struct key prefix = key_user(request->business_id, request->user_id);
	struct key from = key_after_all(&prefix), end;
	if (request->cursor) {
		if (!cursor_read(request->cursor, &end, DATE_SIZE))
			return BAD_REQUEST;
		from = join(&prefix, &end);
	}
	walk_back(page, T_DAY, &prefix, &from, prefix.len);
	return OK;
}

/* State by state: the key goes on with the state, so its prefix ends before. */
static enum status list_business(
	struct page *page, const struct sessions_request *request)
{
	enum session_status first = ST_ACTIVE, last = ST_ABANDONED;
	struct key end, from;
	if (request->status) {
		if (!status_from_name(request->status, &first))
			return BAD_REQUEST;
		last = first;
	}
	if (request->cursor) {
		if (!cursor_read(request->cursor, &end, 17) ||
			end.bytes[0] < first || end.bytes[0] > last)
			return BAD_REQUEST;
		first = (enum session_status)end.bytes[0];
	}
	for (int status = first; status <= (int)last; status++) {
		struct key prefix = key_activity_prefix(
			request->business_id, (enum session_status)status);
		size_t keep = prefix.len - 1;
		from = key_after_all(&prefix);
		if (request->cursor && status == (int)first) {
			struct key business = prefix;
			business.len = keep;
			from = join(&business, &end);
		}
		if (!walk_back(page, T_ACTIVITY, &prefix, &from, keep))
			break;
	}
	return OK;
}

enum status listing_sessions(struct core *core,
	const struct sessions_request *request, struct arena *arena,
	struct sessions_reply *reply)
{
	enum session_status status;
	if (!business_id_valid(request->business_id) ||
		(request->user_id && !user_id_valid(request->user_id)) ||
		(request->status &&
			!status_from_name(request->status, &status)) ||
		(request->from_day && !days_valid(request->from_day)) ||
		(request->to_day && !days_valid(request->to_day)))
		return BAD_REQUEST;
	struct page page = {.tx = tx_read_into(core->store, arena),
		.limit = request->limit ? request->limit
					: (uint32_t)PAGE_DEFAULT,
		.wanted = session_wanted,
		.ctx = request};
	page.sessions =
		arena_alloc(arena, (page.limit + 1) * sizeof *page.sessions);
	enum status result = request->user_id ? list_user(&page, request)
					      : list_business(&page, request);
	reply->sessions = page.sessions;
	reply->n_sessions = page.count;
	reply->cursor = cursor_text(&page);
	tx_end(page.tx);
	return result;
}

/* --- sessions that nobody touched --------------------------------------- */

static bool idle_wanted(const void *ctx, const struct session_row *row)
{
	const struct idle_sessions_request *request = ctx;
	return row->updated < request->before;
}

enum status listing_idle(struct core *core,
	const struct idle_sessions_request *request, struct arena *arena,
	struct idle_sessions_reply *reply)
{
	enum session_status status;
	struct key end;
	if (!status_from_name(request->status, &status))
		return BAD_REQUEST;
	struct key from = key_retention(status, 0, 0), prefix = from;
	prefix.len = 1;
	if (request->cursor) {
		if (!cursor_read(request->cursor, &end, 16))
			return BAD_REQUEST;
		from = join(&prefix, &end);
	}
	struct page page = {.tx = tx_read_into(core->store, arena),
		.limit = request->limit ? request->limit
					: (uint32_t)PAGE_DEFAULT,
		.wanted = idle_wanted,
		.ctx = request};
	page.sessions =
		arena_alloc(arena, (page.limit + 1) * sizeof *page.sessions);
	struct cursor cursor;
	cursor_open(&cursor, page.tx, T_RETENTION);
	for (bool more = cursor_seek(&cursor, key_span(&from));
		more && span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		/* The cursor names the last row seen, which is not repeated. */
		if (request->cursor && !page.looked &&
			cursor.key.len == from.len &&
			!memcmp(cursor.key.at, from.bytes, from.len))
			continue;
		if ((int64_t)span_u64(cursor.key, 1) * 60000 >=
				request->before ||
			!take(&page, span_u64(cursor.key, 9), cursor.key,
				prefix.len))
			break;
	}
	cursor_close(&cursor);
	reply->sessions = page.sessions;
	reply->n_sessions = page.count;
	reply->cursor = cursor_text(&page);
	reply->now = clock_wall_ms();
	tx_end(page.tx);
	return OK;
}

/* --- one conversation --------------------------------------------------- */

static void show_turn(struct core *core, struct tx *tx, uint64_t session_no,
	uint64_t turn_no, struct open_turn *out)
{
	char name[TURN_NAME_SIZE], lease_id[24];
	struct arena *arena = tx_arena(tx);
	struct turn_row turn;
	struct session_row session;
	struct message_row message;
	if (!get_turn(tx, session_no, turn_no, &turn) ||
		!get_session(tx, session_no, &session))
		return;
	turn_name(name, session_no, turn_no);
	out->turn_id = arena_strndup(arena, name, strlen(name));
	out->session_id = session.id;
	out->state = turn_state_name(turn.state);
	out->created_at = turn.created;
	out->attempts = turn.attempts;
	out->message_ids = arena_alloc(
		arena, (turn.n_seqs + 1) * sizeof *out->message_ids);
	for (uint32_t i = 0; i < turn.n_seqs; i++)
		if (get_message(tx, session_no, turn.seqs[i], &message))
			out->message_ids[out->n_message_ids++] = message.id;
	struct lease *lease = leases_of_turn(core->leases, session_no, turn_no);
	if (turn.state != TURN_LEASED || !lease)
		return;
	int64_t left = lease->expires_mono - clock_mono_ms();
	lease_name(lease_id, turn.lease);
	out->lease = arena_strndup(arena, lease_id, strlen(lease_id));
	out->agent = lease->agent;
	out->lease_left_ms = left > 0 ? (uint32_t)left : 0;
}

static void show_open_turns(struct core *core, struct tx *tx, uint64_t user_no,
	struct conversation_reply *reply)
{
	struct key prefix = key_number(user_no);
	struct cursor cursor;
	cursor_open(&cursor, tx, T_OPEN);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && reply->n_open_turns < OPEN_TURNS_MAX &&
		span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		struct open_turn *turn =
			&reply->open_turns[reply->n_open_turns];
		show_turn(core, tx, span_u64(cursor.value, 0),
			span_u64(cursor.key, 8), turn);
		reply->n_open_turns += turn->turn_id != NULL;
	}
	cursor_close(&cursor);
}

enum status listing_conversation(struct core *core,
	const struct conversation_request *request, struct arena *arena,
	struct conversation_reply *reply)
{
	struct alias alias;
	bool is_alias;
	uint64_t no = 0;
	struct session_row session;
	struct user_row user;
	const char *business = request->business_id;
	const char *name = request->user_id;
	if (!request->session_id &&
		(!business || !name || !business_id_valid(business) ||
			!user_id_valid(name)))
		return BAD_REQUEST;
	struct tx *tx = tx_read_into(core->store, arena);
	if (request->session_id) {
		no = reads_resolve(
			core, tx, request->session_id, &alias, &is_alias);
		business = name = "";
	}
	bool found = no && get_session(tx, no, &session);
	if (found) {
		business = session.business;
		name = session.user;
	}
	if (!*business || !get_user(tx, business, name, &user)) {
		tx_end(tx);
		return NOT_FOUND;
	}
	if (!found)
		found = get_session(tx, user.session, &session);
	reply->business_id = business;
	reply->user_id = name;
	reply->handler = handler_name(user.handler);
	reply->handler_by = *user.by ? user.by : NULL;
	if (found) {
		reply->session = arena_alloc(arena, sizeof *reply->session);
		wire_session(&session, reply->session);
	}
	reply->open_turns =
		arena_alloc(arena, OPEN_TURNS_MAX * sizeof *reply->open_turns);
	show_open_turns(core, tx, user.no, reply);
	tx_end(tx);
	return OK;
}
