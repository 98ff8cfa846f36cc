/* rows: what the tables hold: key layouts and records, encode beside decode.
 *
 * Integers in keys are big-endian, so that order on disk is order of time.
 * Sessions, users and turns have numbers that count up: rows of one session
 * lie together and new ones at the end. A record begins with its version;
 * fields are only ever added at its end. Strings carry their NUL, so that a
 * decoded record can point into the arena copy it was read to.
 *
 * get_… copies the row into the transaction's arena and returns false if it
 * is not there. */
#ifndef SESSIOND_ROWS_H
#define SESSIOND_ROWS_H

#include "proto/message.h"
#include "sessiond/store.h"

/* --- what the numbers mean ---------------------------------------------------
 */

enum session_status {
	ST_ACTIVE,
	ST_RESOLVED,
	ST_CLOSED,
	ST_ABANDONED,
	ST_COUNT
};
enum message_type { MSG_USER, MSG_AGENT, MSG_SYSTEM, MSG_COUNT };
enum message_source { SRC_WEBSOCKET, SRC_WEBHOOK, SRC_CRON, SRC_COUNT };
enum handler { HANDLER_BOT, HANDLER_PERSON, HANDLER_COUNT };
enum turn_state {
	TURN_QUEUED,
	TURN_LEASED,
	TURN_ANSWERED, /* this and all that follow are ends */
	TURN_FALLBACK,
	TURN_CANCELLED,
	TURN_SUPERSEDED,
	TURN_LEFT_TO_PERSON,
	TURN_STATES
};

const char *status_name(enum session_status status);
bool status_from_name(const char *name, enum session_status *out);
const char *source_name(enum message_source source);
bool source_from_name(const char *name, enum message_source *out);
const char *type_name(enum message_type type);
const char *handler_name(enum handler handler);
bool handler_from_name(const char *name, enum handler *out);
const char *turn_state_name(enum turn_state state);

/* --- records ------------------------------------------------------------ */

struct counters {
	uint64_t session, user, turn, lease; /* the last number given */
	uint64_t n; /* the last event */
	int64_t wall_ms; /* of the last commit that changed something */
};

struct session_row {
	const char *id, *business, *user, *location, *day, *type;
	enum session_status status;
	int64_t created, updated, last_message;
	int64_t last_timestamp; /* of any message: the next one is later */
	uint32_t last_seq, last_user_seq;
	uint64_t rev, user_no;
	/* where the rows of ACTIVITY and RETENTION are, in minutes */
	uint64_t activity_minute, retention_minute;
};

struct user_row {
	uint64_t no;
	enum handler handler;
	uint64_t session; /* the latest one made; 0 if none */
	const char *by; /* who took over or handed back; "" if nobody */
};

struct message_row {
	enum message_type type;
	enum message_source source;
	int64_t timestamp, client_timestamp; /* 0: absent */
	const char *id, *content;
	const char *author; /* user id, "agent", "system", "coordinator:…" */
	const char *client_message_id, *external_id, *kind; /* "" if absent */
	uint64_t turn; /* of a user's: the first it was in; 0: none */
	struct span sources, actions, metadata; /* JSON; len 0 if absent */
	bool partial;
	const char **in_reply_to;
	uint32_t n_in_reply_to;
};

struct turn_row {
	uint64_t user_no;
	enum turn_state state;
	int64_t created; /* wall, of its oldest message */
	int64_t not_before; /* wall: a burst may still join; 0: at once */
	int64_t ended;
	uint64_t lease; /* the last one given; 0: never claimed */
	uint32_t attempts;
	bool counted; /* the attempt of this lease */
	uint32_t answer_seq; /* 0: none */
	const char *reason, *trace; /* "" if none */
	struct span usage; /* JSON; len 0 if absent */
	uint32_t *seqs; /* messages it covers */
	uint32_t n_seqs;
};

struct ready_row {
	uint64_t session, user_no;
	int64_t created, not_before;
};

struct lease_row {
	uint64_t session, user_no, lease;
	int64_t created; /* of the turn */
	const char *agent, *boot, *business, *user, *session_id;
};

enum { CLIENT_ID_KEPT_MS = 72 * 60 * 60 * 1000 };

/* What an idempotency key stands for: ids and a hash, never text. */
struct receipt {
	int64_t at; /* wall */
	uint64_t hash; /* of the whole item */
	uint32_t seq;
	int64_t timestamp;
	uint64_t session, turn;
	const char *session_id, *message_id;
};

struct event_row {
	enum event kind;
	int64_t at; /* wall */
	uint64_t session, turn; /* EV_MESSAGE: session; EV_TURN: both */
	uint32_t seq; /* EV_MESSAGE */
	const char *append_id; /* EV_MESSAGE; "" if none */
	/* EV_SESSION: the session as it was, "" or what it came from and why.
	 * EV_HANDLER: business, user in `snapshot`'s fields, handler name in
	 * `previous`, note in `reason`. */
	struct session_row snapshot;
	const char *previous, *reason, *by;
};

/* --- keys --------------------------------------------------------------- */

enum { KEY_MAX = 256 };

struct key {
	unsigned char bytes[KEY_MAX];
	size_t len;
};

static inline struct span key_span(const struct key *key)
{
	return (struct span){(const char *)key->bytes, key->len};
}

struct key key_text(const char *text);
struct key key_number(uint64_t number);
struct key key_pair(uint64_t first, uint64_t second);
struct key key_message(uint64_t session, uint32_t seq);
struct key key_user(const char *business, const char *user);
struct key key_day(const char *business, const char *user, const char *date);
struct key key_activity(const char *business, enum session_status status,
	uint64_t minute, uint64_t session);
/* The part shared by all rows of a business and status. */
struct key key_activity_prefix(
	const char *business, enum session_status status);
struct key key_retention(
	enum session_status status, uint64_t minute, uint64_t session);
struct key key_ready(int64_t created, uint64_t turn);
struct key key_client(uint64_t user_no, const char *client_message_id);
struct key key_client_expiry(int64_t at, struct span client_key);

/* Greater than every key that begins with the prefix and goes on with at most
 * 17 bytes: where a walk backwards begins. */
struct key key_after_all(const struct key *prefix);

/* Big-endian integers out of a key or value; 0 if it is too short. */
uint64_t span_u64(struct span span, size_t offset);
uint32_t span_u32(struct span span, size_t offset);

/* --- rows --------------------------------------------------------------- */

void get_counters(struct tx *tx, struct counters *out); /* zeros if new */
void put_counters(struct tx *tx, const struct counters *counters);

bool get_session(struct tx *tx, uint64_t session, struct session_row *out);
/* Also moves its ACTIVITY and RETENTION rows where their minute changed.
 * `was` is the row as read; NULL for a new one. */
void put_session(struct tx *tx, uint64_t session, struct session_row *row,
	const struct session_row *was);
/* 0 if there is no such session, or it was deleted. */
uint64_t find_session(struct tx *tx, const char *id);
bool session_id_used(struct tx *tx, const char *id); /* deleted ones too */
uint64_t find_day(struct tx *tx, const char *business, const char *user,
	const char *date);

bool get_user(struct tx *tx, const char *business, const char *user,
	struct user_row *out);
void put_user(struct tx *tx, const char *business, const char *user,
	const struct user_row *row);

bool get_message(
	struct tx *tx, uint64_t session, uint32_t seq, struct message_row *out);
/* What can be seen of a message without copying its text. */
struct message_head {
	enum message_type type;
	int64_t timestamp;
	uint64_t turn;
};
bool peek_message(struct tx *tx, uint64_t session, uint32_t seq,
	struct message_head *out);
void put_message(struct tx *tx, uint64_t session, uint32_t seq,
	const struct message_row *row);
bool find_message(
	struct tx *tx, const char *id, uint64_t *session, uint32_t *seq);

/* A session's turns are found by its users' messages: each names the first
 * turn it was in, and each turn begins with one message. */
bool get_turn(
	struct tx *tx, uint64_t session, uint64_t turn, struct turn_row *out);
uint64_t turn_session(struct span value); /* of a row of TURN; 0 if bad */
void put_turn(struct tx *tx, uint64_t session, uint64_t turn,
	const struct turn_row *row);

void put_ready(struct tx *tx, uint64_t turn, const struct ready_row *row);
bool decode_ready(struct span value, struct ready_row *out);
void put_lease(struct tx *tx, uint64_t turn, const struct lease_row *row);
bool decode_lease(struct tx *tx, struct span value, struct lease_row *out);

bool get_receipt(
	struct tx *tx, enum table table, struct span key, struct receipt *out);
void put_receipt(struct tx *tx, enum table table, struct span key,
	const struct receipt *receipt);

bool decode_event(struct tx *tx, struct span value, struct event_row *out);
void put_event(struct tx *tx, uint64_t n, const struct event_row *row);

/* turnId: the session and turn numbers as one opaque name. */
enum { TURN_NAME_SIZE = 40 };
void turn_name(char out[TURN_NAME_SIZE], uint64_t session, uint64_t turn);
bool turn_from_name(const char *name, uint64_t *session, uint64_t *turn);
/* A lease's name is its number in decimal. */
void lease_name(char out[24], uint64_t lease);
uint64_t lease_from_name(const char *name); /* 0 if it is none */

#endif
