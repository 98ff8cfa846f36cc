/* Reads what tool_export.c wrote into a store that nobody uses. Each session
 * is one transaction. A mark in the store says that an import is under way, so
 * that no sessiond serves half a business; an import that was cut off is run
 * again with the same file and goes on where it stopped. */
#include "sessiond/tools.h"

#include "sessiond/change.h"
#include "sessiond/rows.h"
#include "shared/clock.h"
#include "shared/tenant.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 * 1024, SCHEMA = 1 };

struct import {
	struct store *store;
	FILE *file;
	struct progress progress;
	uint64_t line_no;
	char why[200];

	char business[65];
	uint64_t turn_base; /* added to every turn number of the file */
	struct user_row user;
	char user_id[ID_MAX + 1];

	struct batch batch; /* the transaction under way */
	struct held session; /* no 0: none, or one that is there already */
	bool skipping; /* a session that an earlier run brought home */
	bool ended; /* the end line was seen */
	int64_t users, sessions, messages, turns, receipts;
};

static bool wrong(struct import *import, const char *why)
{
	if (!*import->why)
		snprintf(import->why, sizeof import->why,
			"line %" PRIu64 ": %s", import->line_no, why);
	return false;
}

/* --- transactions ------------------------------------------------------- */

static void begin(struct import *import)
{
	if (import->batch.tx)
		return;
	import->batch.tx = tx_write(import->store);
	import->batch.now = clock_wall_ms();
	get_counters(import->batch.tx, &import->batch.counters);
}

static bool commit(struct import *import)
{
	const char *why;
	if (!import->batch.tx)
		return true;
	put_counters(import->batch.tx, &import->batch.counters);
	if (tx_failed(import->batch.tx)) {
		wrong(import, tx_why(import->batch.tx));
		tx_end(import->batch.tx);
		import->batch.tx = NULL;
		return false;
	}
	bool done = tx_commit(import->batch.tx, &why);
	import->batch.tx = NULL;
	import->batch.n_hints = 0;
	return done || wrong(import, why);
}

/* The session in hand is complete: its last time is that of its last message.
 */
static bool session_end(struct import *import)
{
	struct session_row session;
	if (import->session.no && import->batch.tx) {
		session = import->session.row;
		put_session(import->batch.tx, import->session.no, &session,
			&import->session.was);
		user_goes_on(&import->batch, import->user.no);
	}
	import->session.no = 0;
	return commit(import);
}

/* --- the mark ----------------------------------------------------------- */

static struct key mark_key(const char *business)
{
	char text[80];
	snprintf(text, sizeof text, "import:%s", business);
	return key_text(text);
}

static bool business_known(struct tx *tx, const char *business)
{
	struct key prefix = key_text(business);
	struct cursor cursor;
	prefix.bytes[prefix.len++] = 0;
	cursor_open(&cursor, tx, T_USER);
	bool known = cursor_seek(&cursor, key_span(&prefix)) &&
		     span_has_prefix(cursor.key, key_span(&prefix));
	cursor_close(&cursor);
	return known;
}

static bool take_head(struct import *import, const struct json *head)
{
	const char *business = json_str(head, "businessId");
	struct span mark;
	if (!business || !business_id_valid(business))
		return wrong(import, "no business id");
	if (json_int(head, "schema", 0) != SCHEMA)
		return wrong(import, "another schema than this build reads");
	snprintf(import->business, sizeof import->business, "%s", business);
	begin(import);
	struct tx *tx = import->batch.tx;
	struct key key = mark_key(business);
	if (tx_get(tx, T_META, key_span(&key), &mark)) {
		import->turn_base = span_u64(mark, 0);
	} else if (business_known(tx, business)) {
		return wrong(import, "the store has this business already");
	} else {
		import->turn_base = import->batch.counters.turn;
		struct key base = key_number(import->turn_base);
		tx_put(tx, T_META, key_span(&key), key_span(&base));
	}
	return commit(import);
}

static bool take_end(struct import *import, const struct json *end)
{
	if (!session_end(import))
		return false;
	if (json_int(end, "users", -1) != import->users ||
		json_int(end, "sessions", -1) != import->sessions ||
		json_int(end, "messages", -1) != import->messages ||
		json_int(end, "turns", -1) != import->turns ||
		json_int(end, "receipts", -1) != import->receipts)
		return wrong(import, "the counts of the end are not those of "
				     "the lines before: lines are missing");
	begin(import);
	struct key key = mark_key(import->business);
	tx_del(import->batch.tx, T_META, key_span(&key));
	import->ended = commit(import);
	fprintf(stderr, "%s: %" PRId64 " sessions, %" PRId64 " messages\n",
		import->business, import->sessions, import->messages);
	return import->ended;
}

/* --- rows --------------------------------------------------------------- */

static const char *text_of(const struct json *line, const char *name)
{
	const char *text = json_str(line, name);
	return text ? text : "";
}

static uint64_t number_of(const struct json *line, const char *name)
{
	return strtoull(text_of(line, name), NULL, 10);
}

static struct span json_of(
	struct import *import, const struct json *line, const char *name)
{
	const struct json *value = json_get(line, name);
	struct buf text;
	if (!value)
		return (struct span){"", 0};
	buf_init(&text, LINE_MAX_BYTES);
	json_print(&text, value);
	struct span span = {
		arena_strndup(tx_arena(import->batch.tx), text.data, text.len),
		text.len};
	buf_clear(&text);
	return span;
}

static bool take_user(struct import *import, const struct json *line)
{
	const char *user = json_str(line, "userId");
	enum handler handler;
	if (!session_end(import))
		return false;
	if (!user || !user_id_valid(user) ||
		!handler_from_name(json_str(line, "handler"), &handler))
		return wrong(import, "not a user");
	begin(import);
	import->users++;
	snprintf(import->user_id, sizeof import->user_id, "%s", user);
	if (!get_user(import->batch.tx, import->business, user, &import->user))
		import->user =
			(struct user_row){.no = ++import->batch.counters.user};
	import->user.handler = handler;
	import->user.by = text_of(line, "by");
	put_user(import->batch.tx, import->business, user, &import->user);
	import->user.by = ""; /* the line goes, the user stays */
	return commit(import);
}

static bool take_session(struct import *import, const struct json *line)
{
	const char *id = json_str(line, "sessionId");
	enum session_status status;
	if (!session_end(import))
		return false;
	if (!id || strlen(id) > ID_MAX || !import->user.no ||
		!status_from_name(json_str(line, "status"), &status) ||
		strcmp(text_of(line, "userId"), import->user_id) != 0)
		return wrong(import, "not a session of the user before it");
	begin(import);
	import->sessions++;
	import->skipping = find_session(import->batch.tx, id) != 0;
	if (import->skipping)
		return true;
	if (session_id_used(import->batch.tx, id))
		return wrong(import, "a session of this id was deleted here");
	import->session = (struct held){.no = ++import->batch.counters.session,
		.row = {.business = import->business,
			.user = import->user_id,
			.status = status,
			.created = json_int(line, "created", 0),
			.updated = json_int(line, "updated", 0),
			.last_message = json_int(line, "lastMessage", 0),
			.rev = number_of(line, "rev"),
			.user_no = import->user.no }};
	struct session_row *row = &import->session.row;
	struct arena *arena = tx_arena(import->batch.tx);
	const char *day = text_of(line, "day");
	const char *location = text_of(line, "locationId");
	const char *type = text_of(line, "businessType");
	if (find_day(import->batch.tx, import->business, import->user_id, day))
		return wrong(import, "two sessions of one day");
	row->id = arena_strndup(arena, id, strlen(id));
	row->day = arena_strndup(arena, day, strlen(day));
	row->location = arena_strndup(arena, location, strlen(location));
	row->type = arena_strndup(arena, type, strlen(type));
	put_session(import->batch.tx, import->session.no, row, NULL);
	import->session.was = *row;
	struct user_row stored;
	if (get_user(import->batch.tx, import->business, import->user_id,
		    &stored)) {
		stored.session = import->session.no;
		put_user(import->batch.tx, import->business, import->user_id,
			&stored);
	}
	return true;
}

static bool take_message(struct import *import, const struct json *line)
{
	struct session_row *session = &import->session.row;
	const char *id = json_str(line, "messageId");
	const char *content = json_str(line, "content");
	const char *type = text_of(line, "type");
	uint64_t other;
	uint32_t other_seq;
	import->messages++;
	if (import->skipping)
		return true;
	if (!import->session.no || !id || !content || strlen(id) > ID_MAX ||
		strlen(content) > ANSWER_MAX_BYTES ||
		json_int(line, "seq", 0) != (int64_t)session->last_seq + 1)
		return wrong(import, "not the next message of a session");
	if (find_message(import->batch.tx, id, &other, &other_seq))
		return wrong(import, "the store has a message of this id");
	struct message_row row = {.id = id,
		.content = content,
		.author = text_of(line, "author"),
		.timestamp = json_int(line, "timestamp", 0),
		.client_timestamp = json_int(line, "clientTimestamp", 0),
		.client_message_id = text_of(line, "clientMessageId"),
		.external_id = text_of(line, "externalId"),
		.kind = text_of(line, "kind"),
		.partial = json_bool(line, "partial", false),
		.sources = json_of(import, line, "sources"),
		.actions = json_of(import, line, "actions"),
		.metadata = json_of(import, line, "metadata")};
	row.type = !strcmp(type, "user")    ? MSG_USER
		   : !strcmp(type, "agent") ? MSG_AGENT
					    : MSG_SYSTEM;
	if (!source_from_name(json_str(line, "source"), &row.source) ||
		row.timestamp <= session->last_timestamp)
		return wrong(import, "a message out of order");
	uint64_t turn = number_of(line, "turn");
	row.turn = turn ? import->turn_base + turn : 0;
	const struct json *replies = json_get(line, "inReplyTo");
	row.in_reply_to = arena_alloc(tx_arena(import->batch.tx),
		(TURN_MAX_MESSAGES + 1) * sizeof *row.in_reply_to);
	for (const struct json *r = json_first(replies);
		r && row.n_in_reply_to < TURN_MAX_MESSAGES; r = json_next(r))
		if (json_text(r))
			row.in_reply_to[row.n_in_reply_to++] = json_text(r);
	session->last_seq++;
	session->last_timestamp = row.timestamp;
	if (row.type == MSG_USER)
		session->last_user_seq = session->last_seq;
	put_message(
		import->batch.tx, import->session.no, session->last_seq, &row);
	return true;
}

static bool turn_state_of(const char *name, enum turn_state *out)
{
	for (int i = 0; i < TURN_STATES; i++)
		if (!strcmp(turn_state_name((enum turn_state)i), name)) {
			*out = (enum turn_state)i;
			return true;
		}
	return false;
}

/* A leased turn comes home queued: its agent belongs to another sessiond. */
static bool take_turn(struct import *import, const struct json *line)
{
	import->turns++;
	if (import->skipping)
		return true;
	uint64_t no = number_of(line, "no");
	struct turn_held turn = {.session = import->session.no,
		.no = import->turn_base + no,
		.row = {.user_no = import->user.no,
			.created = json_int(line, "created", 0),
			.ended = json_int(line, "ended", 0),
			.attempts = (uint32_t)json_int(line, "attempts", 0),
			.answer_seq = (uint32_t)json_int(line, "answer", 0),
			.reason = text_of(line, "reason"),
			.trace = text_of(line, "trace"),
			.usage = json_of(import, line, "usage")}};
	if (!import->session.no || !no ||
		!turn_state_of(text_of(line, "state"), &turn.row.state))
		return wrong(import, "not a turn of a session");
	if (turn.row.state == TURN_LEASED)
		turn.row.state = TURN_QUEUED;
	turn.row.seqs = arena_alloc(tx_arena(import->batch.tx),
		(TURN_MAX_MESSAGES + 1) * sizeof *turn.row.seqs);
	for (const struct json *s = json_first(json_get(line, "seqs"));
		s && turn.row.n_seqs < TURN_MAX_MESSAGES; s = json_next(s)) {
		double seq = json_is_number(s) ? json_number(s) : 0;
		if (seq < 1 || seq > import->session.row.last_seq)
			return wrong(import, "a turn over a message that is "
					     "not there");
		turn.row.seqs[turn.row.n_seqs++] = (uint32_t)seq;
	}
	put_turn(import->batch.tx, turn.session, turn.no, &turn.row);
	if (turn.row.state == TURN_QUEUED)
		turn_open_put(&import->batch, &turn);
	if (import->batch.counters.turn < turn.no)
		import->batch.counters.turn = turn.no;
	return true;
}

static bool take_receipt(struct import *import, const struct json *line)
{
	const char *append = json_str(line, "appendId");
	const char *client = json_str(line, "clientMessageId");
	if (!session_end(import))
		return false;
	begin(import);
	import->receipts++;
	struct receipt receipt = {.at = json_int(line, "at", 0),
		.hash = number_of(line, "hash"),
		.seq = (uint32_t)json_int(line, "seq", 0),
		.timestamp = json_int(line, "timestamp", 0),
		.session_id = text_of(line, "sessionId"),
		.message_id = text_of(line, "messageId"),
		.turn = import->turn_base + number_of(line, "turn")};
	if (strlen(receipt.session_id) > ID_MAX)
		return wrong(import, "not a receipt");
	receipt.session = find_session(import->batch.tx, receipt.session_id);
	if (append && *append && strlen(append) <= 64) {
		struct key key = key_text(append);
		put_receipt(import->batch.tx, T_APPEND_ID, key_span(&key),
			&receipt);
	} else if (client && *client && strlen(client) <= ID_MAX &&
		   import->user.no) {
		struct key key = key_client(import->user.no, client);
		struct key expiry = key_client_expiry(
			receipt.at + CLIENT_ID_KEPT_MS, key_span(&key));
		put_receipt(import->batch.tx, T_CLIENT_ID, key_span(&key),
			&receipt);
		tx_put(import->batch.tx, T_CLIENT_EXPIRY, key_span(&expiry),
			(struct span){"", 0});
	} else {
		return wrong(import, "not a receipt");
	}
	return commit(import);
}

/* --- lines -------------------------------------------------------------- */

static bool take_line(struct import *import, const struct json *line)
{
	static const struct {
		const char *kind;
		bool (*take)(struct import *, const struct json *);
	} kinds[] = {{"message", take_message}, {"turn", take_turn},
		{"session", take_session}, {"user", take_user},
		{"receipt", take_receipt}, {"end", take_end}};
	const struct json *head = json_get(line, "export");
	if (head) {
		if (*import->business && !import->ended)
			return wrong(import, "the business before has no end");
		*import = (struct import){.store = import->store,
			.file = import->file,
			.progress = import->progress,
			.line_no = import->line_no};
		return take_head(import, head);
	}
	if (!*import->business || import->ended)
		return wrong(import, "no export begins here");
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const struct json *body = json_get(line, kinds[i].kind);
		if (body)
			return kinds[i].take(import, body);
	}
	return wrong(import, "not a line of an export");
}

static bool take_all(struct import *import)
{
	char *text = NULL;
	size_t cap = 0;
	ssize_t len;
	bool good = true;
	while (good && (len = getline(&text, &cap, import->file)) > 0) {
		import->line_no++;
		progress_step(&import->progress, (uint64_t)len);
		struct json *line = len > LINE_MAX_BYTES
					    ? NULL
					    : json_parse(text, (size_t)len);
		good = json_is_object(line) ? take_line(import, line)
					    : wrong(import, "not JSON");
		json_free(line);
	}
	free(text);
	progress_end(&import->progress);
	if (good && !import->ended)
		good = wrong(import, "the file ends before the export does");
	if (import->batch.tx)
		tx_end(import->batch.tx);
	free(import->batch.hints);
	return good;
}

int tool_import(const char *store_dir, uint64_t max_bytes, const char *file)
{
	char why[256];
	bool standard = !strcmp(file, "-");
	struct import import = {.progress = {.what = "importing"}};
	import.file = standard ? stdin : fopen(file, "re");
	if (!import.file) {
		fprintf(stderr, "sessiond: cannot read %s: %s\n", file,
			strerror(errno));
		return 1;
	}
	if (!standard && !fseek(import.file, 0, SEEK_END)) {
		import.progress.total = (uint64_t)ftell(import.file);
		rewind(import.file);
	}
	import.store = store_open(store_dir, max_bytes, why, sizeof why);
	bool good = import.store != NULL;
	if (!good)
		fprintf(stderr, "sessiond: %s\n", why);
	else if (!take_all(&import)) {
		fprintf(stderr, "sessiond: %s\n", import.why);
		good = false;
	}
	store_close(import.store);
	if (!standard)
		fclose(import.file);
	return good ? 0 : 1;
}

bool import_unfinished(struct store *store, char business[65])
{
	struct tx *tx = tx_read(store);
	struct key prefix = key_text("import:");
	struct cursor cursor;
	cursor_open(&cursor, tx, T_META);
	bool found = cursor_seek(&cursor, key_span(&prefix)) &&
		     span_has_prefix(cursor.key, key_span(&prefix));
	if (found)
		snprintf(business, 65, "%.*s",
			(int)(cursor.key.len - prefix.len),
			cursor.key.at + prefix.len);
	cursor_close(&cursor);
	tx_end(tx);
	return found;
}
