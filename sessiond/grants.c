#include "sessiond/grants.h"

#include "sessiond/wire.h"
#include "shared/clock.h"
#include <string.h>

enum {
	DAY_BEFORE_MESSAGES = 20,
	DAY_BEFORE_MS = 30 * 60 * 1000,
	TURN_MAX_BYTES = 256 * 1024 /* of the messages to be answered */
};

/* What is gathered for one turn. */
struct gathering {
	struct tx *tx;
	struct arena *arena;
	const struct turn_row *turn;
	uint32_t last_seq; /* of the turn's messages */
	struct message *found; /* newest first */
	uint32_t count;
	size_t bytes;
};

static bool in_turn(const struct turn_row *turn, uint32_t seq)
{
	for (uint32_t i = 0; i < turn->n_seqs; i++)
		if (turn->seqs[i] == seq)
			return true;
	return false;
}

/* What the user wrote after this turn belongs to a later one. */
static bool is_context(
	const struct gathering *g, const struct message *message, bool same_day)
{
	if (!strcmp(message->type, "system"))
		return false;
	if (!same_day)
		return true;
	return !in_turn(g->turn, message->seq) &&
	       (message->seq < g->last_seq ||
		       strcmp(message->type, "user") != 0);
}

/* Goes back through a session until one of the bounds is met. */
static void gather(struct gathering *g, uint64_t no,
	const struct session_row *session, uint32_t at_most, bool same_day)
{
	uint32_t limit = g->count + at_most;
	if (limit > CONTEXT_MAX_MESSAGES)
		limit = CONTEXT_MAX_MESSAGES;
	for (uint32_t seq = session->last_seq; seq && g->count < limit; seq--) {
		struct message *message = &g->found[g->count];
		if (!wire_message(g->tx, session, no, seq, message) ||
			!is_context(g, message, same_day))
			continue;
		size_t size = strlen(message->content);
		if (g->bytes + size > CONTEXT_MAX_BYTES)
			return;
		g->bytes += size;
		g->count++;
	}
}

/* The conversation that midnight cut in two goes on for the agent. */
static void gather_day_before(
	struct gathering *g, const struct session_row *session)
{
	struct key key =
		key_day(session->business, session->user, session->day);
	struct key prefix = key_user(session->business, session->user);
	struct cursor cursor;
	uint64_t no = 0;
	struct session_row before;
	cursor_open(&cursor, g->tx, T_DAY);
	if (cursor_seek_before(&cursor, key_span(&key)) &&
		span_has_prefix(cursor.key, key_span(&prefix)))
		no = span_u64(cursor.value, 0);
	cursor_close(&cursor);
	if (no && get_session(g->tx, no, &before) &&
		before.last_message + DAY_BEFORE_MS >= g->turn->created)
		gather(g, no, &before, DAY_BEFORE_MESSAGES, false);
}

static void context(struct gathering *g, uint64_t no,
	const struct session_row *session, struct grant *grant)
{
	g->found = arena_alloc(
		g->arena, (CONTEXT_MAX_MESSAGES + 1) * sizeof *g->found);
	gather(g, no, session, CONTEXT_MAX_MESSAGES, true);
	if (!g->count)
		gather_day_before(g, session);
	for (uint32_t i = 0; i < g->count / 2; i++) { /* oldest first */
		struct message other = g->found[i];
		g->found[i] = g->found[g->count - 1 - i];
		g->found[g->count - 1 - i] = other;
	}
	grant->context = g->found;
	grant->n_context = g->count;
}

static bool questions(struct gathering *g, uint64_t no,
	const struct session_row *session, struct grant *grant)
{
	size_t bytes = 0;
	grant->messages = arena_alloc(
		g->arena, (g->turn->n_seqs + 1) * sizeof *grant->messages);
	for (uint32_t i = 0; i < g->turn->n_seqs; i++) {
		struct message *message = &grant->messages[grant->n_messages];
		uint32_t seq = g->turn->seqs[i];
		if (!wire_message(g->tx, session, no, seq, message))
			continue;
		bytes += strlen(message->content);
		if (bytes > TURN_MAX_BYTES)
			break;
		grant->n_messages++;
		if (seq > g->last_seq)
			g->last_seq = seq;
	}
	return grant->n_messages > 0;
}

static bool compose(struct core *core, struct tx *tx,
	const struct granted *granted, struct arena *arena, struct grant *grant)
{
	struct turn_row turn;
	struct session_row session;
	char name[TURN_NAME_SIZE], lease[24];
	if (!get_turn(tx, granted->session, granted->turn, &turn) ||
		!get_session(tx, granted->session, &session))
		return false;
	struct gathering g = {.tx = tx, .arena = arena, .turn = &turn};
	turn_name(name, granted->session, granted->turn);
	lease_name(lease, granted->lease);
	int64_t age = clock_wall_ms() - turn.created;
	int64_t left = core->turn_age_ms - age;
	const struct tenant *tenant =
		tenants_find(core->tenants, session.business);
	grant->tenant_listed = tenant != NULL;
	if (!tenant)
		tenant = tenants_default(core->tenants, session.business);
	grant->turn_id = arena_strndup(arena, name, strlen(name));
	grant->lease = arena_strndup(arena, lease, strlen(lease));
	grant->lease_ms = (uint32_t)core->lease_ms;
	grant->deadline_ms = left > 1 ? (uint32_t)left : 1;
	grant->attempt = turn.attempts + 1;
	grant->business_id = session.business;
	grant->user_id = session.user;
	grant->session_id = session.id;
	grant->location_id = session.location;
	grant->trace = *turn.trace ? turn.trace : NULL;
	grant->tenant.at =
		arena_strndup(arena, tenant->record, tenant->record_len);
	grant->tenant.len = tenant->record_len;
	if (!questions(&g, granted->session, &session, grant))
		return false;
	context(&g, granted->session, &session, grant);
	return true;
}

static size_t grant_size(const struct grant *grant)
{
	size_t size = 1024 + grant->tenant.len;
	for (uint32_t i = 0; i < grant->n_messages; i++)
		size += wire_message_size(&grant->messages[i]);
	for (uint32_t i = 0; i < grant->n_context; i++)
		size += wire_message_size(&grant->context[i]);
	return size;
}

void grants_compose(struct core *core, const struct granted *granted,
	uint32_t count, struct arena *arena, struct claim_reply *reply)
{
	size_t bytes = 0;
	struct tx *tx = tx_read_into(core->store, arena);
	reply->turns = arena_alloc(arena, (count + 1) * sizeof *reply->turns);
	for (uint32_t i = 0; i < count; i++) {
		struct grant *grant = &reply->turns[reply->n_turns];
		*grant = (struct grant){0};
		if (!compose(core, tx, &granted[i], arena, grant))
			continue;
		bytes += grant_size(grant);
		if (reply->n_turns && bytes > PAGE_MAX_BYTES)
			break;
		reply->n_turns++;
	}
	tx_end(tx);
}
