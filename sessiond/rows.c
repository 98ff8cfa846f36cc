#include "sessiond/rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names -------------------------------------------------------------- */

static const char *const status_names[] = {
	"active", "resolved", "closed", "abandoned"};
static const char *const source_names[] = {"websocket", "webhook", "cron"};
static const char *const type_names[] = {"user", "agent", "system"};
static const char *const handler_names[] = {"bot", "person"};
static const char *const turn_names[] = {"queued", "leased", "answered",
	"fallback", "cancelled", "superseded", "left_to_person"};

static int index_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; name && i < count; i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}

const char *status_name(enum session_status status)
{
	return status_names[status];
}

bool status_from_name(const char *name, enum session_status *out)
{
	int i = index_of(status_names, COUNT(status_names), name);
	*out = (enum session_status)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *source_name(enum message_source source)
{
	return source_names[source];
}

bool source_from_name(const char *name, enum message_source *out)
{
	int i = index_of(source_names, COUNT(source_names), name);
	*out = (enum message_source)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *type_name(enum message_type type)
{
	return type_names[type];
}

const char *handler_name(enum handler handler)
{
	return handler_names[handler];
}

bool handler_from_name(const char *name, enum handler *out)
{
	int i = index_of(handler_names, COUNT(handler_names), name);
	*out = (enum handler)(i < 0 ? 0 : i);
	return i >= 0;
}

const char *turn_state_name(enum turn_state state)
{
	return turn_names[state];
}

void turn_name(char out[TURN_NAME_SIZE], uint64_t session, uint64_t turn)
{
	snprintf(out, TURN_NAME_SIZE, "t%" PRIx64 "-%" PRIx64, session, turn);
}

bool turn_from_name(const char *name, uint64_t *session, uint64_t *turn)
{
	char again[TURN_NAME_SIZE];
	if (sscanf(name, "t%" SCNx64 "-%" SCNx64, session, turn) != 2)
		return false;
	turn_name(again, *session, *turn);
	return !strcmp(again, name);
}

void lease_name(char out[24], uint64_t lease)
{
	snprintf(out, 24, "%" PRIu64, lease);
}

uint64_t lease_from_name(const char *name)
{
	char again[24];
	uint64_t lease = strtoull(name, NULL, 10);
	lease_name(again, lease);
	return strcmp(again, name) ? 0 : lease;
}

/* --- keys --------------------------------------------------------------- */

static void key_put(struct key *key, const void *bytes, size_t len)
{
	/* Every part of a key is bounded by the checks on ids; a longer one is
	 * a fault of ours and must not write past the end. */
	if (len > KEY_MAX - key->len)
		abort();
	memcpy(key->bytes + key->len, bytes, len);
	key->len += len;
}

static void key_put_text(struct key *key, const char *text)
{
	key_put(key, text, strlen(text) + 1);
}

static void key_put_number(struct key *key, uint64_t number, int n_bytes)
{
	for (int shift = 8 * (n_bytes - 1); shift >= 0; shift -= 8) {
		unsigned char byte = (unsigned char)(number >> shift);
		key_put(key, &byte, 1);
	}
}

struct key key_text(const char *text)
{
	struct key key = {.len = 0};
	key_put(&key, text, strlen(text));
	return key;
}

struct key key_number(uint64_t number)
{
	struct key key = {.len = 0};
	key_put_number(&key, number, 8);
	return key;
}

struct key key_pair(uint64_t first, uint64_t second)
{
	struct key key = key_number(first);
	key_put_number(&key, second, 8);
	return key;
}

struct key key_message(uint64_t session, uint32_t seq)
{
	struct key key = key_number(session);
	key_put_number(&key, seq, 4);
	return key;
}

struct key key_user(const char *business, const char *user)
{
	struct key key = {.len = 0};
	key_put_text(&key, business);
	key_put_text(&key, user);
	return key;
}

struct key key_day(const char *business, const char *user, const char *date)
{
	struct key key = key_user(business, user);
	key_put_text(&key, date);
	return key;
}

struct key key_activity_prefix(const char *business, enum session_status status)
{
	struct key key = {.len = 0};
	key_put_text(&key, business);
	key_put_number(&key, status, 1);
	return key;
}

struct key key_activity(const char *business, enum session_status status,
	uint64_t minute, uint64_t session)
{
	struct key key = key_activity_prefix(business, status);
	key_put_number(&key, minute, 8);
	key_put_number(&key, session, 8);
	return key;
}

struct key key_retention(
	enum session_status status, uint64_t minute, uint64_t session)
{
	struct key key = {.len = 0};
	key_put_number(&key, status, 1);
	key_put_number(&key, minute, 8);
	key_put_number(&key, session, 8);
	return key;
}

struct key key_ready(int64_t created, uint64_t turn)
{
	return key_pair((uint64_t)created, turn);
}

struct key key_client(uint64_t user_no, const char *client_message_id)
{
	struct key key = key_number(user_no);
	key_put(&key, client_message_id, strlen(client_message_id));
	return key;
}

struct key key_client_expiry(int64_t at, struct span client_key)
{
	struct key key = key_number((uint64_t)at);
	key_put(&key, client_key.at, client_key.len);
	return key;
}

struct key key_after_all(const struct key *prefix)
{
	static const unsigned char high[17] = {255, 255, 255, 255, 255, 255,
		255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct key key = *prefix;
	key_put(&key, high, sizeof high);
	return key;
}

static uint64_t span_number(struct span span, size_t offset, size_t n_bytes)
{
	uint64_t number = 0;
	if (span.len < offset + n_bytes)
		return 0;
	for (size_t i = 0; i < n_bytes; i++)
		number = number << 8 | (unsigned char)span.at[offset + i];
	return number;
}

uint64_t span_u64(struct span span, size_t offset)
{
	return span_number(span, offset, 8);
}

uint32_t span_u32(struct span span, size_t offset)
{
	return (uint32_t)span_number(span, offset, 4);
}

/* --- packing ------------------------------------------------------------ */

/* A record under construction. Records are bounded by the limits of
 * message.h: the largest is an answer with sources and actions. */
enum { RECORD_MAX = 256 * 1024, RECORD_VERSION = 1 };

static struct buf pack_begin(void)
{
	struct buf buf;
	buf_init(&buf, RECORD_MAX);
	buf_putc(&buf, RECORD_VERSION);
	return buf;
}

static void pack_number(struct buf *buf, uint64_t number, int n_bytes)
{
	for (int shift = 8 * (n_bytes - 1); shift >= 0; shift -= 8)
		buf_putc(buf, (char)(number >> shift));
}

static void pack_u8(struct buf *buf, unsigned number)
{
	pack_number(buf, number, 1);
}

static void pack_u32(struct buf *buf, uint32_t number)
{
	pack_number(buf, number, 4);
}

static void pack_u64(struct buf *buf, uint64_t number)
{
	pack_number(buf, number, 8);
}

static void pack_span(struct buf *buf, struct span span)
{
	pack_u32(buf, (uint32_t)span.len);
	buf_put(buf, span.at ? span.at : "", span.len);
	buf_putc(buf, 0);
}

static void pack_text(struct buf *buf, const char *text)
{
	pack_span(buf, (struct span){text, text ? strlen(text) : 0});
}

static void pack_put(
	struct tx *tx, enum table table, struct key key, struct buf *buf)
{
	if (buf->full)
		abort(); /* a limit of message.h is broken upstream */
	tx_put(tx, table, key_span(&key), (struct span){buf->data, buf->len});
	buf_clear(buf);
}

/* A record being read. Whatever does not fit sets `bad`, and everything after
 * it reads as zero or "". */
struct unpack {
	const char *at;
	size_t left;
	bool bad;
};

static uint64_t unpack_number(struct unpack *in, size_t n_bytes)
{
	if (in->left < n_bytes) {
		in->bad = true;
		in->left = 0;
		return 0;
	}
	uint64_t number =
		span_number((struct span){in->at, in->left}, 0, n_bytes);
	in->at += n_bytes;
	in->left -= n_bytes;
	return number;
}

static unsigned unpack_u8(struct unpack *in)
{
	return (unsigned)unpack_number(in, 1);
}

/* An enum's value; one that is out of range makes the record bad. */
static unsigned unpack_enum(struct unpack *in, unsigned count)
{
	unsigned value = unpack_u8(in);
	if (value < count)
		return value;
	in->bad = true;
	return 0;
}

static uint32_t unpack_u32(struct unpack *in)
{
	return (uint32_t)unpack_number(in, 4);
}

static uint64_t unpack_u64(struct unpack *in)
{
	return unpack_number(in, 8);
}

static int64_t unpack_time(struct unpack *in)
{
	return (int64_t)unpack_number(in, 8);
}

static struct span unpack_span(struct unpack *in)
{
	size_t len = unpack_u32(in);
	if (in->bad || in->left < len + 1 || in->at[len]) {
		in->bad = true;
		in->left = 0;
		return (struct span){"", 0};
	}
	struct span span = {in->at, len};
	in->at += len + 1;
	in->left -= len + 1;
	return span;
}

static const char *unpack_text(struct unpack *in)
{
	return unpack_span(in).at;
}

/* Copies the value to the arena: what is decoded then outlives later writes.
 */
static struct unpack unpack_begin(struct tx *tx, struct span value)
{
	struct unpack in = {
		arena_strndup(tx_arena(tx), value.at, value.len), value.len, 0};
	if (unpack_u8(&in) != RECORD_VERSION)
		in.bad = true;
	return in;
}

static bool unpack_get(
	struct tx *tx, enum table table, struct key key, struct unpack *in)
{
	struct span value;
	if (!tx_get(tx, table, key_span(&key), &value))
		return false;
	*in = unpack_begin(tx, value);
	return true;
}

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
	struct buf buf = pack_begin();
	pack_u64(&buf, counters->session);
	pack_u64(&buf, counters->user);
	pack_u64(&buf, counters->turn);
	pack_u64(&buf, counters->lease);
	pack_u64(&buf, counters->n);
	pack_u64(&buf, (uint64_t)counters->wall_ms);
	pack_put(tx, T_META, key_text("counters"), &buf);
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
	pack_u64(buf, (uint64_t)row->created);
	pack_u64(buf, (uint64_t)row->updated);
	pack_u64(buf, (uint64_t)row->last_message);
	pack_u64(buf, (uint64_t)row->last_timestamp);
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
	struct buf buf = pack_begin();
	pack_session(&buf, row);
	pack_put(tx, T_SESSION, key_number(session), &buf);
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
	out->handler = (enum handler)unpack_enum(&in, COUNT(handler_names));
	out->session = unpack_u64(&in);
	out->by = unpack_text(&in);
	return !in.bad;
}

void put_user(struct tx *tx, const char *business, const char *user,
	const struct user_row *row)
{
	struct buf buf = pack_begin();
	pack_u64(&buf, row->no);
	pack_u8(&buf, row->handler);
	pack_u64(&buf, row->session);
	pack_text(&buf, row->by);
	pack_put(tx, T_USER, key_user(business, user), &buf);
}

/* --- messages ----------------------------------------------------------- */

bool get_message(
	struct tx *tx, uint64_t session, uint32_t seq, struct message_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_MESSAGE, key_message(session, seq), &in))
		return false;
	out->type = (enum message_type)unpack_enum(&in, COUNT(type_names));
	out->source =
		(enum message_source)unpack_enum(&in, COUNT(source_names));
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

bool peek_message(struct tx *tx, uint64_t session, uint32_t seq,
	enum message_type *type, int64_t *timestamp)
{
	struct span value;
	struct key key = key_message(session, seq);
	if (!tx_get(tx, T_MESSAGE, key_span(&key), &value))
		return false;
	struct unpack in = {value.at, value.len, false};
	in.bad = unpack_u8(&in) != RECORD_VERSION;
	*type = (enum message_type)unpack_enum(&in, COUNT(type_names));
	unpack_u8(&in); /* source */
	unpack_u8(&in); /* partial */
	int64_t at = unpack_time(&in);
	if (timestamp)
		*timestamp = at;
	return !in.bad;
}

void put_message(struct tx *tx, uint64_t session, uint32_t seq,
	const struct message_row *row)
{
	struct buf buf = pack_begin();
	pack_u8(&buf, row->type);
	pack_u8(&buf, row->source);
	pack_u8(&buf, row->partial);
	pack_u64(&buf, (uint64_t)row->timestamp);
	pack_u64(&buf, (uint64_t)row->client_timestamp);
	pack_u64(&buf, row->turn);
	pack_text(&buf, row->id);
	pack_text(&buf, row->author);
	pack_text(&buf, row->content);
	pack_text(&buf, row->client_message_id);
	pack_text(&buf, row->external_id);
	pack_text(&buf, row->kind);
	pack_span(&buf, row->sources);
	pack_span(&buf, row->actions);
	pack_span(&buf, row->metadata);
	pack_u8(&buf, row->n_in_reply_to);
	for (uint32_t i = 0; i < row->n_in_reply_to; i++)
		pack_text(&buf, row->in_reply_to[i]);
	pack_put(tx, T_MESSAGE, key_message(session, seq), &buf);
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

bool get_turn(
	struct tx *tx, uint64_t session, uint64_t turn, struct turn_row *out)
{
	struct unpack in;
	if (!unpack_get(tx, T_TURN, key_pair(session, turn), &in))
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
	struct buf buf = pack_begin();
	pack_u64(&buf, row->user_no);
	pack_u8(&buf, row->state);
	pack_u64(&buf, (uint64_t)row->created);
	pack_u64(&buf, (uint64_t)row->not_before);
	pack_u64(&buf, (uint64_t)row->ended);
	pack_u64(&buf, row->lease);
	pack_u32(&buf, row->attempts);
	pack_u8(&buf, row->counted);
	pack_u32(&buf, row->answer_seq);
	pack_text(&buf, row->reason);
	pack_text(&buf, row->trace);
	pack_span(&buf, row->usage);
	pack_u8(&buf, row->n_seqs);
	for (uint32_t i = 0; i < row->n_seqs; i++)
		pack_u32(&buf, row->seqs[i]);
	pack_put(tx, T_TURN, key_pair(session, turn), &buf);
}

void put_ready(struct tx *tx, uint64_t turn, const struct ready_row *row)
{
	struct buf buf = pack_begin();
	pack_u64(&buf, row->session);
	pack_u64(&buf, row->user_no);
	pack_u64(&buf, (uint64_t)row->created);
	pack_u64(&buf, (uint64_t)row->not_before);
	pack_put(tx, T_READY, key_ready(row->created, turn), &buf);
}

bool decode_ready(struct span value, struct ready_row *out)
{
	struct unpack in = {value.at, value.len, false};
	in.bad = unpack_u8(&in) != RECORD_VERSION;
	out->session = unpack_u64(&in);
	out->user_no = unpack_u64(&in);
	out->created = unpack_time(&in);
	out->not_before = unpack_time(&in);
	return !in.bad;
}

void put_lease(struct tx *tx, uint64_t turn, const struct lease_row *row)
{
	struct buf buf = pack_begin();
	pack_u64(&buf, row->session);
	pack_u64(&buf, row->user_no);
	pack_u64(&buf, row->lease);
	pack_u64(&buf, (uint64_t)row->created);
	pack_text(&buf, row->agent);
	pack_text(&buf, row->boot);
	pack_text(&buf, row->business);
	pack_text(&buf, row->user);
	pack_text(&buf, row->session_id);
	pack_put(tx, T_LEASE, key_number(turn), &buf);
}

bool decode_lease(struct tx *tx, struct span value, struct lease_row *out)
{
	struct unpack in = unpack_begin(tx, value);
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
	struct unpack in = unpack_begin(tx, value);
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
	struct buf buf = pack_begin();
	pack_u64(&buf, (uint64_t)receipt->at);
	pack_u64(&buf, receipt->hash);
	pack_u32(&buf, receipt->seq);
	pack_u64(&buf, (uint64_t)receipt->timestamp);
	pack_u64(&buf, receipt->session);
	pack_u64(&buf, receipt->turn);
	pack_text(&buf, receipt->session_id);
	pack_text(&buf, receipt->message_id);
	tx_put(tx, table, key, (struct span){buf.data, buf.len});
	buf_clear(&buf);
}

/* --- events ------------------------------------------------------------- */

bool decode_event(struct tx *tx, struct span value, struct event_row *out)
{
	struct unpack in = unpack_begin(tx, value);
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
	struct buf buf = pack_begin();
	pack_u8(&buf, row->kind);
	pack_u64(&buf, (uint64_t)row->at);
	pack_u64(&buf, row->session);
	pack_u64(&buf, row->turn);
	pack_u32(&buf, row->seq);
	pack_text(&buf, row->append_id);
	if (row->kind == EV_SESSION || row->kind == EV_HANDLER) {
		pack_text(&buf, row->previous);
		pack_text(&buf, row->reason);
		pack_text(&buf, row->by);
		pack_session(&buf, &row->snapshot);
	}
	pack_put(tx, T_EVENT, key_number(n), &buf);
}
