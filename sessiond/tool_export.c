/* A business as JSON lines: a head, each user followed by his sessions, each
 * session by its messages and turns, then what idempotency keys stand for, and
 * an end with the counts, by which a cut file is known. tool_import.c reads it.
 */
#include "sessiond/tools.h"

#include "sessiond/rows.h"
#include "shared/clock.h"
#include "shared/tenant.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 1024 * 1024, SCHEMA = 1 };

struct export
{
	struct tx *tx;
	const char *business;
	struct buf line;
	struct json_writer w;
	struct progress progress;
	int64_t users, sessions, messages, turns, receipts;
};

static void line_begin(struct export *export, const char *kind)
{
	buf_reset(&export->line);
	json_begin(&export->w, &export->line);
	json_open(&export->w, NULL, '{');
	json_open(&export->w, kind, '{');
}

static void line_end(struct export *export)
{
	json_shut(&export->w, '}');
	json_shut(&export->w, '}');
	puts(export->line.data);
}

static void put_number(struct export *export, const char *key, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof text, "%" PRIu64, number);
	json_put_str(&export->w, key, text);
}

static void put_some(struct export *export, const char *key, const char *text)
{
	if (text && *text)
		json_put_str(&export->w, key, text);
}

static void put_json(struct export *export, const char *key, struct span json)
{
	if (json.len)
		json_put_raw(&export->w, key, json.at, json.len);
}

/* --- the lines ---------------------------------------------------------- */

static void put_message_line(
	struct export *export, uint32_t seq, const struct message_row *row)
{
	struct json_writer *w = &export->w;
	line_begin(export, "message");
	json_put_int(w, "seq", seq);
	json_put_str(w, "messageId", row->id);
	json_put_str(w, "type", type_name(row->type));
	json_put_str(w, "source", source_name(row->source));
	json_put_str(w, "author", row->author);
	json_put_str(w, "content", row->content);
	json_put_int(w, "timestamp", row->timestamp);
	if (row->client_timestamp)
		json_put_int(w, "clientTimestamp", row->client_timestamp);
	if (row->turn)
		put_number(export, "turn", row->turn);
	if (row->partial)
		json_put_bool(w, "partial", true);
	put_some(export, "clientMessageId", row->client_message_id);
	put_some(export, "externalId", row->external_id);
	put_some(export, "kind", row->kind);
	put_json(export, "sources", row->sources);
	put_json(export, "actions", row->actions);
	put_json(export, "metadata", row->metadata);
	json_open(w, "inReplyTo", '[');
	for (uint32_t i = 0; i < row->n_in_reply_to; i++)
		json_put_str(w, NULL, row->in_reply_to[i]);
	json_shut(w, ']');
	line_end(export);
	export->messages++;
}

static void put_turn_line(
	struct export *export, uint64_t no, const struct turn_row *row)
{
	struct json_writer *w = &export->w;
	line_begin(export, "turn");
	put_number(export, "no", no);
	json_put_str(w, "state", turn_state_name(row->state));
	json_put_int(w, "created", row->created);
	json_put_int(w, "ended", row->ended);
	json_put_int(w, "attempts", row->attempts);
	json_put_int(w, "answer", row->answer_seq);
	put_some(export, "reason", row->reason);
	put_some(export, "trace", row->trace);
	put_json(export, "usage", row->usage);
	json_open(w, "seqs", '[');
	for (uint32_t i = 0; i < row->n_seqs; i++)
		json_put_int(w, NULL, row->seqs[i]);
	json_shut(w, ']');
	line_end(export);
	export->turns++;
}

static void put_receipt_line(struct export *export, const char *kind,
	const char *id, const char *user, const struct receipt *receipt)
{
	struct json_writer *w = &export->w;
	line_begin(export, "receipt");
	json_put_str(w, kind, id);
	if (user)
		json_put_str(w, "userId", user);
	json_put_int(w, "at", receipt->at);
	put_number(export, "hash", receipt->hash);
	json_put_int(w, "seq", receipt->seq);
	json_put_int(w, "timestamp", receipt->timestamp);
	put_number(export, "turn", receipt->turn);
	json_put_str(w, "sessionId", receipt->session_id);
	json_put_str(w, "messageId", receipt->message_id);
	line_end(export);
	export->receipts++;
}

/* --- the walk --------------------------------------------------------------
 */

/* Numbers of turns rise with the messages they begin with. */
static void export_turns(struct export *export, uint64_t session, uint32_t last)
{
	struct turn_row row;
	struct message_head head;
	uint64_t told = 0;
	for (uint32_t seq = 1; seq <= last; seq++) {
		if (!peek_message(export->tx, session, seq, &head) ||
			head.type != MSG_USER || head.turn <= told)
			continue;
		told = head.turn;
		if (get_turn(export->tx, session, told, &row))
			put_turn_line(export, told, &row);
		arena_clear(tx_arena(export->tx));
	}
}

static void export_session(struct export *export, uint64_t no)
{
	struct session_row row;
	struct message_row message;
	struct json_writer *w = &export->w;
	if (!get_session(export->tx, no, &row))
		return;
	line_begin(export, "session");
	json_put_str(w, "sessionId", row.id);
	json_put_str(w, "userId", row.user);
	json_put_str(w, "locationId", row.location);
	json_put_str(w, "day", row.day);
	json_put_str(w, "businessType", row.type);
	json_put_str(w, "status", status_name(row.status));
	json_put_int(w, "created", row.created);
	json_put_int(w, "updated", row.updated);
	json_put_int(w, "lastMessage", row.last_message);
	put_number(export, "rev", row.rev);
	line_end(export);
	export->sessions++;
	uint32_t last = row.last_seq;
	for (uint32_t seq = 1; seq <= last; seq++) {
		if (get_message(export->tx, no, seq, &message))
			put_message_line(export, seq, &message);
		arena_clear(tx_arena(export->tx));
		progress_step(&export->progress, 1);
	}
	export_turns(export, no, last);
}

static void export_client_ids(
	struct export *export, uint64_t user_no, const char *user)
{
	struct key prefix = key_number(user_no);
	struct cursor cursor;
	struct receipt receipt;
	cursor_open(&cursor, export->tx, T_CLIENT_ID);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		const char *id = arena_strndup(tx_arena(export->tx),
			cursor.key.at + 8, cursor.key.len - 8);
		if (get_receipt(export->tx, T_CLIENT_ID, cursor.key, &receipt))
			put_receipt_line(
				export, "clientMessageId", id, user, &receipt);
	}
	cursor_close(&cursor);
}

static void export_user(struct export *export, const char *user)
{
	struct user_row row;
	struct key prefix = key_user(export->business, user);
	struct cursor cursor;
	if (!get_user(export->tx, export->business, user, &row))
		return;
	line_begin(export, "user");
	json_put_str(&export->w, "userId", user);
	json_put_str(&export->w, "handler", handler_name(row.handler));
	put_some(export, "by", row.by);
	line_end(export);
	export->users++;
	cursor_open(&cursor, export->tx, T_DAY);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor))
		export_session(export, span_u64(cursor.value, 0));
	cursor_close(&cursor);
	export_client_ids(export, row.no, user);
}

/* Append ids are not sorted by business: the last 24 hours are looked through.
 */
static void export_append_ids(struct export *export)
{
	struct cursor cursor;
	cursor_open(&cursor, export->tx, T_APPEND_ID);
	for (bool more = cursor_seek(&cursor, (struct span){"", 0}); more;
		more = cursor_next(&cursor)) {
		struct receipt receipt;
		struct session_row session;
		const char *id = arena_strndup(
			tx_arena(export->tx), cursor.key.at, cursor.key.len);
		if (get_receipt(
			    export->tx, T_APPEND_ID, cursor.key, &receipt) &&
			get_session(export->tx, receipt.session, &session) &&
			!strcmp(session.business, export->business))
			put_receipt_line(
				export, "appendId", id, NULL, &receipt);
		arena_clear(tx_arena(export->tx));
	}
	cursor_close(&cursor);
}

static void export_business(struct tx *tx, const char *business)
{
	struct export export = {.tx = tx,
		.business = business,
		.progress = {
			.what = business, .total = tx_rows(tx, T_MESSAGE)}};
	struct key prefix = key_text(business);
	struct cursor cursor;
	char now[ISO_SIZE];
	buf_init(&export.line, LINE_MAX_BYTES);
	prefix.bytes[prefix.len++] = 0;
	clock_iso(now, clock_wall_ms());
	line_begin(&export, "export");
	json_put_str(&export.w, "businessId", business);
	json_put_int(&export.w, "schema", SCHEMA);
	json_put_str(&export.w, "at", now);
	line_end(&export);
	cursor_open(&cursor, tx, T_USER);
	for (bool more = cursor_seek(&cursor, key_span(&prefix));
		more && span_has_prefix(cursor.key, key_span(&prefix));
		more = cursor_next(&cursor)) {
		char user[ID_MAX + 1];
		snprintf(user, sizeof user, "%s", cursor.key.at + prefix.len);
		export_user(&export, user);
		arena_clear(tx_arena(tx));
	}
	cursor_close(&cursor);
	export_append_ids(&export);
	line_begin(&export, "end");
	json_put_int(&export.w, "users", export.users);
	json_put_int(&export.w, "sessions", export.sessions);
	json_put_int(&export.w, "messages", export.messages);
	json_put_int(&export.w, "turns", export.turns);
	json_put_int(&export.w, "receipts", export.receipts);
	line_end(&export);
	progress_end(&export.progress);
	fprintf(stderr, "%s: %" PRId64 " sessions, %" PRId64 " messages\n",
		business, export.sessions, export.messages);
	buf_clear(&export.line);
}

int tool_export(const char *store_dir, const char *businesses)
{
	char why[256];
	char *list = xstrdup(businesses), *rest = list, *business;
	struct store *store = store_open_reader(store_dir, why, sizeof why);
	if (!store) {
		fprintf(stderr, "sessiond: %s\n", why);
		free(list);
		return 1;
	}
	struct tx *tx = tx_read(store);
	bool good = true;
	while (good && (business = strsep(&rest, ","))) {
		good = business_id_valid(business);
		if (good)
			export_business(tx, business);
		else
			fprintf(stderr, "sessiond: %s is not a business id\n",
				business);
	}
	tx_end(tx);
	store_close(store);
	free(list);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "sessiond: the export could not be written\n");
		return 1;
	}
	return good ? 0 : 1;
}
