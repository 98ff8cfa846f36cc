#include "sessiond/grants.h"

#include "sessiond/wire.h"
#include "shared/clock.h"
#include <string.h>

enum {
	DAY_BEFORE_MESSAGES = 20,
	DAY_BEFORE_MS = 30 * 60 * 1000,
	/* of the messages to be answered; with the context and a tenant's
	 * record still less than a page */
	TURN_MAX_BYTES = 256 * 1024,
	/* rows that may be passed over: thousands may wait behind a turn */
	LOOKED_AT_MAX = 4 * CONTEXT_MAX_MESSAGES
};

/* What is gathered for one turn. */
struct gathering {
	struct tx *tx;
	struct arena *arena;
	const struct turn_row *turn;
	uint32_t last_seq; /* of the turn's messages */
	struct message *found; /* newest first */
	uint32_t count;
	size_t bytes; /* as they will be on the wire */
};

static bool in_turn(const struct turn_row *turn, uint32_t seq)
{
	for (uint32_t i = 0; i < turn->n_seqs; i++)
		if (turn->seqs[i] == seq)
			return true;
	return false;
}

/* A part of a session: what is said in it, and by whom, counts. */
struct stretch {
	uint64_t no;
	const struct session_row *session;
	uint32_t newest, oldest; /* seqs */
	uint32_t at_most;
	bool answers_only, same_session;
};

static bool is_context(
	const struct gathering *g, const struct stretch *stretch, uint32_t seq)
{
	struct message_head head;
	if (!peek_message(g->tx, stretch->no, seq, &head) ||
		head.type == MSG_SYSTEM)
		return false;
	if (stretch->answers_only && head.type != MSG_AGENT)
		return false;
	return !stretch->same_session || !in_turn(g->turn, seq);
}

/* Goes back through a stretch; false once no more fits. */
static bool gather(struct gathering *g, const struct stretch *stretch)
{
	uint32_t looked = 0, limit = g->count + stretch->at_most;
	if (limit > CONTEXT_MAX_MESSAGES)
		limit = CONTEXT_MAX_MESSAGES;
	for (uint32_t seq = stretch->newest;
		seq >= stretch->oldest && g->count < limit &&
		looked < LOOKED_AT_MAX;
		seq--, looked++) {
		struct message *message = &g->found[g->count];
		if (!is_context(g, stretch, seq) ||
			!wire_message(g->tx, stretch->session, stretch->no, seq,
				message))
			continue;
		size_t size = wire_message_size(message);
		if (g->bytes + size > CONTEXT_MAX_BYTES)
			return false;
		g->bytes += size;
		g->count++;
	}
	return true;
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
		before.last_message + DAY_BEFORE_MS >= g->turn->created) {
		struct stretch yesterday = {.no = no,
			.session = &before,
			.newest = before.last_seq,
			.oldest = 1,
			.at_most = DAY_BEFORE_MESSAGES};
		gather(g, &yesterday);
	}
}

static void context(struct gathering *g, uint64_t no,
	const struct session_row *session, struct grant *grant)
{
	g->found = arena_alloc(
		g->arena, (CONTEXT_MAX_MESSAGES + 1) * sizeof *g->found);
	/* What the user wrote after this turn belongs to a later one; the
	 * answers he got meanwhile to earlier ones were said before. */
	struct stretch after = {.no = no,
		.session = session,
		.newest = session->last_seq,
		.oldest = g->last_seq + 1,
		.at_most = CONTEXT_MAX_MESSAGES,
		.answers_only = true,
		.same_session = true};
	struct stretch before = after;
	before.newest = g->last_seq;
	before.oldest = 1;
	before.answers_only = false;
	if (gather(g, &after) && gather(g, &before) && !g->count)
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
		bytes += wire_message_size(message);
		if (grant->n_messages && bytes > TURN_MAX_BYTES)
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
