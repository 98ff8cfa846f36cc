/* message: every message between daemons, as data. PROTOCOL.md is the
 * specification in words; a test holds the two together.
 *
 * Each shape below is written once, as a list of fields
 *
 *	F(type, member, "nameOnTheWire", need, limit, element)
 *
 * from which come the C struct, the decoder, the encoder and the fuzzers'
 * grammar. Types and what they become:
 *
 *	TEXT    const char *      UTF-8 without NUL; limit in bytes; NULL absent
 *	NAME    const char *      like TEXT, printable ASCII only
 *	TIME    int64_t           ISO 8601 UTC on the wire, wall ms here; 0
 *absent U32     uint32_t          a JSON number, at most limit; 0 absent U64
 *uint64_t          decimal digits in a string; 0 absent BOOL    bool false
 *absent JSON    struct span       any JSON value, verbatim; limit in bytes
 *	NAMES   const char **     list of NAME (element limit 128); limit in
 *items OBJECT  struct element *  NULL absent LIST    struct element *  with
 *uint32_t n_member; limit in items
 *
 * MUST fields are required; a decoder refuses what breaks a limit and ignores
 * fields it does not know. New fields go at the end and are MAY. */
#ifndef PROTO_MESSAGE_H
#define PROTO_MESSAGE_H

#include "shared/json.h"
#include <stddef.h>
#include <stdint.h>

enum {
	PROTO_VERSION = 1, /* spoken by this build */
	PROTO_OLDEST = 1, /* still understood */
	LINK_MAX_BYTES = 1024 * 1024, /* any message, either way */
	PAGE_MAX_BYTES = 512 * 1024, /* a reply that is a page stays below */
	EVENTS_PAGE_BYTES = 256 * 1024,
	EVENT_INLINE_BYTES =
		16 * 1024, /* larger texts are left out of events */
	APPEND_ITEMS_MAX = 64,
	APPEND_BYTES_MAX = 256 * 1024, /* the texts of one append request */
	ID_MAX = 128,
	CONTENT_MAX_POINTS = 8000, /* code points of a user's message */
	CONTENT_MAX_BYTES = 4 * CONTENT_MAX_POINTS,
	ANSWER_MAX_BYTES = 64000,
	METADATA_MAX_BYTES = 4096,
	EXTRAS_MAX_BYTES = 16 * 1024, /* sources or actions of an answer */
	CONTEXT_MAX_MESSAGES = 50,
	CONTEXT_MAX_BYTES = 64 * 1024,
	TURN_MAX_MESSAGES = 50,
	PLACES_MAX = 256,
	HISTORY_MAX = 200
};

/* --- conversations ------------------------------------------------------ */

#define MESSAGE(F) \
	F(NAME, message_id, "messageId", MUST, ID_MAX, none) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, type, "type", MUST, 16, none) \
	F(TEXT, content, "content", MAY, ANSWER_MAX_BYTES, none) \
	F(TIME, timestamp, "timestamp", MUST, 0, none) \
	F(U32, seq, "seq", MUST, UINT32_MAX, none) \
	F(NAME, source, "source", MAY, 16, none) \
	F(NAME, sender, "sender", MAY, ID_MAX, none) \
	F(NAME, client_message_id, "clientMessageId", MAY, ID_MAX, none) \
	F(NAME, external_id, "externalId", MAY, ID_MAX, none) \
	F(TIME, client_timestamp, "clientTimestamp", MAY, 0, none) \
	F(NAME, turn_id, "turnId", MAY, 32, none) \
	F(NAMES, in_reply_to, "inReplyTo", MAY, TURN_MAX_MESSAGES, none) \
	F(JSON, sources, "sources", MAY, EXTRAS_MAX_BYTES, none) \
	F(JSON, actions, "actions", MAY, EXTRAS_MAX_BYTES, none) \
	F(JSON, metadata, "metadata", MAY, METADATA_MAX_BYTES, none) \
	F(NAME, kind, "kind", MAY, 32, none) \
	F(BOOL, partial, "partial", MAY, 0, none) \
	F(BOOL, omitted, "omitted", MAY, 0, none) \
	F(NAME, append_id, "appendId", MAY, 64, none)

#define SESSION(F) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, location_id, "locationId", MAY, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, status, "status", MUST, 16, none) \
	F(TIME, created_at, "createdAt", MUST, 0, none) \
	F(TIME, updated_at, "updatedAt", MUST, 0, none) \
	F(TIME, last_message_at, "lastMessageAt", MUST, 0, none) \
	F(NAME, day, "day", MUST, 10, none) \
	F(TEXT, business_type, "businessType", MAY, 64, none) \
	F(U32, last_seq, "lastSeq", MAY, UINT32_MAX, none) \
	F(U64, rev, "rev", MUST, 0, none)

/* --- requests and their replies ----------------------------------------- */

#define HELLO_REQUEST(F) \
	F(NAME, role, "role", MUST, 16, none) \
	F(NAME, name, "name", MUST, 64, none) \
	F(NAME, boot, "boot", MUST, 64, none) \
	F(U32, oldest, "oldestVersion", MUST, 1000, none) \
	F(U32, newest, "newestVersion", MUST, 1000, none)
#define HELLO_REPLY(F) \
	F(U32, version, "version", MUST, 1000, none) \
	F(NAME, boot, "boot", MUST, 64, none) \
	F(NAME, epoch, "epoch", MUST, 64, none) \
	F(U64, n, "n", MUST, 0, none) \
	F(U32, beat_ms, "beatMs", MUST, 60000, none) \
	F(U32, lease_ms, "leaseMs", MUST, 600000, none)

#define APPEND_ITEM(F) \
	F(NAME, append_id, "appendId", MUST, 64, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, location_id, "locationId", MUST, 64, none) \
	F(TEXT, content, "content", MUST, CONTENT_MAX_BYTES, none) \
	F(NAME, source, "source", MUST, 16, none) \
	F(NAME, client_message_id, "clientMessageId", MAY, ID_MAX, none) \
	F(NAME, external_id, "externalId", MAY, ID_MAX, none) \
	F(TIME, client_timestamp, "clientTimestamp", MAY, 0, none) \
	F(JSON, metadata, "metadata", MAY, METADATA_MAX_BYTES, none)
#define APPEND_REQUEST(F) \
	F(LIST, items, "items", MUST, APPEND_ITEMS_MAX, append_item)
#define APPEND_RESULT(F) \
	F(NAME, append_id, "appendId", MUST, 64, none) \
	F(NAME, status, "status", MUST, 32, none) \
	F(TEXT, error, "error", MAY, 256, none) \
	F(NAME, session_id, "sessionId", MAY, ID_MAX, none) \
	F(NAME, message_id, "messageId", MAY, ID_MAX, none) \
	F(U32, seq, "seq", MAY, UINT32_MAX, none) \
	F(TIME, timestamp, "timestamp", MAY, 0, none) \
	F(NAME, turn_id, "turnId", MAY, 32, none) \
	F(BOOL, duplicate, "duplicate", MAY, 0, none)
#define APPEND_REPLY(F) \
	F(LIST, results, "results", MUST, APPEND_ITEMS_MAX, append_result)

#define HISTORY_REQUEST(F) \
	F(NAME, session_id, "sessionId", MUST, 256, none) \
	F(U32, limit, "limit", MAY, HISTORY_MAX, none) \
	F(TIME, before, "before", MAY, 0, none) \
	F(TIME, after, "after", MAY, 0, none)
#define HISTORY_REPLY(F) \
	F(NAME, session_id, "sessionId", MUST, 256, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(LIST, messages, "messages", MUST, HISTORY_MAX, message) \
	F(BOOL, has_more, "hasMore", MAY, 0, none) \
	F(TIME, next, "next", MAY, 0, none)

#define SESSIONS_REQUEST(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MAY, ID_MAX, none) \
	F(NAME, status, "status", MAY, 16, none) \
	F(U32, limit, "limit", MAY, HISTORY_MAX, none) \
	F(NAME, cursor, "cursor", MAY, 256, none) \
	F(NAME, location_id, "locationId", MAY, 64, none) \
	F(NAME, from_day, "fromDay", MAY, 10, none) \
	F(NAME, to_day, "toDay", MAY, 10, none)
#define SESSIONS_REPLY(F) \
	F(LIST, sessions, "sessions", MUST, HISTORY_MAX, session) \
	F(NAME, cursor, "cursor", MAY, 256, none)

#define IDLE_SESSIONS_REQUEST(F) \
	F(NAME, status, "status", MUST, 16, none) \
	F(TIME, before, "before", MUST, 0, none) \
	F(U32, limit, "limit", MAY, HISTORY_MAX, none) \
	F(NAME, cursor, "cursor", MAY, 256, none)
#define IDLE_SESSIONS_REPLY(F) \
	F(LIST, sessions, "sessions", MUST, HISTORY_MAX, session) \
	F(NAME, cursor, "cursor", MAY, 256, none) \
	F(TIME, now, "now", MUST, 0, none)

#define CONVERSATION_REQUEST(F) \
	F(NAME, session_id, "sessionId", MAY, 256, none) \
	F(NAME, business_id, "businessId", MAY, 64, none) \
	F(NAME, user_id, "userId", MAY, ID_MAX, none)
#define OPEN_TURN(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, state, "state", MUST, 32, none) \
	F(TIME, created_at, "createdAt", MUST, 0, none) \
	F(U32, attempts, "attempts", MAY, 1000, none) \
	F(NAMES, message_ids, "messageIds", MAY, TURN_MAX_MESSAGES, none) \
	F(NAME, lease, "lease", MAY, 64, none) \
	F(NAME, agent, "agent", MAY, 64, none) \
	F(U32, lease_left_ms, "leaseLeftMs", MAY, 600000, none)
#define CONVERSATION_REPLY(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, handler, "handler", MUST, 16, none) \
	F(NAME, handler_by, "handlerBy", MAY, ID_MAX, none) \
	F(OBJECT, session, "session", MAY, 0, session) \
	F(LIST, open_turns, "openTurns", MUST, 256, open_turn)

#define REQUEUE_REQUEST(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, by, "by", MUST, ID_MAX, none)
#define REQUEUE_REPLY(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, state, "state", MUST, 32, none)

#define MESSAGE_REQUEST(F) F(NAME, message_id, "messageId", MUST, ID_MAX, none)
#define MESSAGE_REPLY(F) F(OBJECT, message, "message", MUST, 0, message)

#define RECENT_REQUEST(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(U32, within_ms, "withinMs", MUST, 600000, none)
#define RECENT_REPLY(F) \
	F(TIME, now, "now", MUST, 0, none) \
	F(LIST, messages, "messages", MUST, HISTORY_MAX, message)

#define EVENTS_SINCE_REQUEST(F) \
	F(NAME, epoch, "epoch", MUST, 64, none) \
	F(U64, n, "n", MUST, 0, none)
#define LOGGED_EVENT(F) \
	F(U64, n, "n", MUST, 0, none) \
	F(NAME, event, "event", MUST, 32, none) \
	F(JSON, body, "body", MUST, EVENTS_PAGE_BYTES, none)
#define EVENTS_SINCE_REPLY(F) \
	F(BOOL, reset, "reset", MAY, 0, none) \
	F(NAME, epoch, "epoch", MUST, 64, none) \
	F(U64, n, "n", MUST, 0, none) \
	F(U64, last, "last", MUST, 0, none) \
	F(LIST, events, "events", MAY, 4096, logged_event)

#define CLAIM_REQUEST(F) \
	F(NAME, agent, "agent", MUST, 64, none) \
	F(NAME, boot, "boot", MUST, 64, none) \
	F(U64, claim_no, "claimNo", MUST, 0, none) \
	F(U32, places, "places", MUST, PLACES_MAX, none) \
	F(NAMES, holds, "holds", MUST, PLACES_MAX, none)
#define GRANT(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, lease, "lease", MUST, 64, none) \
	F(U32, lease_ms, "leaseMs", MUST, 600000, none) \
	F(U32, deadline_ms, "deadlineMs", MUST, 86400000, none) \
	F(U32, attempt, "attempt", MUST, 1000, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, location_id, "locationId", MAY, 64, none) \
	F(LIST, messages, "messages", MUST, TURN_MAX_MESSAGES, message) \
	F(LIST, context, "context", MUST, CONTEXT_MAX_MESSAGES, message) \
	F(JSON, tenant, "tenant", MUST, 65536, none) \
	F(BOOL, tenant_listed, "tenantListed", MAY, 0, none) \
	F(NAME, trace, "trace", MAY, 64, none)
#define CLAIM_REPLY(F) \
	F(U64, claim_no, "claimNo", MUST, 0, none) \
	F(LIST, turns, "turns", MUST, PLACES_MAX, grant)

#define PROGRESS_REQUEST(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, lease, "lease", MUST, 64, none) \
	F(NAME, state, "state", MAY, 32, none) \
	F(U32, offset, "offset", MAY, ANSWER_MAX_BYTES, none) \
	F(TEXT, text, "text", MAY, ANSWER_MAX_BYTES, none)
#define PROGRESS_REPLY(F) F(U32, lease_ms, "leaseMs", MUST, 600000, none)

#define EFFECT(F) \
	F(NAME, kind, "kind", MUST, 32, none) \
	F(TEXT, note, "note", MAY, 1000, none)
#define FINISH_REQUEST(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, lease, "lease", MUST, 64, none) \
	F(TEXT, content, "content", MUST, ANSWER_MAX_BYTES, none) \
	F(JSON, sources, "sources", MAY, EXTRAS_MAX_BYTES, none) \
	F(JSON, actions, "actions", MAY, EXTRAS_MAX_BYTES, none) \
	F(LIST, effects, "effects", MAY, 8, effect) \
	F(JSON, usage, "usage", MAY, METADATA_MAX_BYTES, none)
#define FINISH_REPLY(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, outcome, "outcome", MUST, 32, none) \
	F(NAME, session_id, "sessionId", MAY, ID_MAX, none) \
	F(NAME, message_id, "messageId", MAY, ID_MAX, none) \
	F(U32, seq, "seq", MAY, UINT32_MAX, none) \
	F(TIME, timestamp, "timestamp", MAY, 0, none)

#define FAIL_REQUEST(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, lease, "lease", MUST, 64, none) \
	F(TEXT, reason, "reason", MAY, 256, none) \
	F(BOOL, final, "final", MAY, 0, none)
#define FAIL_REPLY(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, outcome, "outcome", MUST, 32, none)

#define SET_STATUS_REQUEST(F) \
	F(NAME, session_id, "sessionId", MUST, 256, none) \
	F(NAME, status, "status", MUST, 16, none) \
	F(NAME, by, "by", MUST, ID_MAX, none) \
	F(NAME, reason, "reason", MAY, 64, none) \
	F(U64, if_rev, "ifRev", MAY, 0, none)
#define SET_STATUS_REPLY(F) \
	F(OBJECT, session, "session", MUST, 0, session) \
	F(NAMES, allowed, "allowed", MAY, 8, none) \
	F(NAMES, ended_turns, "endedTurns", MAY, 4096, none)

#define SET_HANDLER_REQUEST(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, handler, "handler", MUST, 16, none) \
	F(NAME, by, "by", MUST, ID_MAX, none)
#define SET_HANDLER_REPLY(F) \
	F(NAME, handler, "handler", MUST, 16, none) \
	F(NAMES, ended_turns, "endedTurns", MAY, 4096, none)

#define CANCEL_REQUEST(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, turn_id, "turnId", MAY, 32, none) \
	F(NAME, by, "by", MUST, ID_MAX, none) \
	F(NAME, session_id, "sessionId", MAY, 256, none)
#define CANCEL_REPLY(F) \
	F(NAMES, ended_turns, "endedTurns", MUST, 4096, none) \
	F(NAME, message_id, "messageId", MAY, ID_MAX, none)

#define FORGET_REQUEST(F) \
	F(NAME, session_id, "sessionId", MUST, 256, none) \
	F(U64, if_rev, "ifRev", MAY, 0, none)
#define FORGET_REPLY(F) F(BOOL, deleted, "deleted", MUST, 0, none)

#define TURN_TEXT_REQUEST(F) F(NAME, turn_id, "turnId", MUST, 32, none)
#define TURN_TEXT_REPLY(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, state, "state", MUST, 32, none) \
	F(TEXT, text, "text", MAY, ANSWER_MAX_BYTES, none)

#define TENANT_REQUEST(F) F(NAME, business_id, "businessId", MUST, 64, none)
#define TENANT_REPLY(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(BOOL, listed, "listed", MAY, 0, none) \
	F(U64, revision, "revision", MAY, 0, none) \
	F(JSON, record, "record", MUST, 65536, none)

/* --- events ------------------------------------------------------------- */

#define SESSION_CHANGED(F) \
	F(OBJECT, session, "session", MUST, 0, session) \
	F(NAME, previous, "previous", MAY, 16, none) \
	F(NAME, reason, "reason", MAY, 64, none) \
	F(NAME, by, "by", MAY, ID_MAX, none)
#define TURN_ENDED(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, outcome, "outcome", MUST, 32, none) \
	F(NAME, reason, "reason", MAY, 64, none) \
	F(NAMES, message_ids, "messageIds", MAY, TURN_MAX_MESSAGES, none) \
	F(NAME, answer_id, "answerId", MAY, ID_MAX, none) \
	F(TIME, timestamp, "timestamp", MUST, 0, none) \
	F(U32, attempts, "attempts", MAY, 1000, none) \
	F(JSON, usage, "usage", MAY, METADATA_MAX_BYTES, none)
#define HANDLER_CHANGED(F) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, handler, "handler", MUST, 16, none) \
	F(NAME, by, "by", MAY, ID_MAX, none) \
	F(TEXT, note, "note", MAY, 1000, none)
#define TURN_READY(F) F(NAME, turn_id, "turnId", MUST, 32, none)
#define TURN_CANCELLED(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, lease, "lease", MUST, 64, none) \
	F(NAME, reason, "reason", MAY, 64, none)
#define TURN_PROGRESS(F) \
	F(NAME, turn_id, "turnId", MUST, 32, none) \
	F(NAME, business_id, "businessId", MUST, 64, none) \
	F(NAME, user_id, "userId", MUST, ID_MAX, none) \
	F(NAME, session_id, "sessionId", MUST, ID_MAX, none) \
	F(NAME, state, "state", MUST, 32, none) \
	F(U32, offset, "offset", MAY, ANSWER_MAX_BYTES, none) \
	F(TEXT, text, "text", MAY, ANSWER_MAX_BYTES, none)
#define BEAT(F) F(NAME, boot, "boot", MUST, 64, none)

/* Every shape; an element stands before the shapes that hold it. */
#define SHAPES(X) \
	X(message, MESSAGE) \
	X(session, SESSION) \
	X(hello_request, HELLO_REQUEST) \
	X(hello_reply, HELLO_REPLY) \
	X(append_item, APPEND_ITEM) \
	X(append_request, APPEND_REQUEST) \
	X(append_result, APPEND_RESULT) \
	X(append_reply, APPEND_REPLY) \
	X(history_request, HISTORY_REQUEST) \
	X(history_reply, HISTORY_REPLY) \
	X(sessions_request, SESSIONS_REQUEST) \
	X(sessions_reply, SESSIONS_REPLY) \
	X(idle_sessions_request, IDLE_SESSIONS_REQUEST) \
	X(idle_sessions_reply, IDLE_SESSIONS_REPLY) \
	X(conversation_request, CONVERSATION_REQUEST) \
	X(open_turn, OPEN_TURN) \
	X(conversation_reply, CONVERSATION_REPLY) \
	X(requeue_request, REQUEUE_REQUEST) \
	X(requeue_reply, REQUEUE_REPLY) \
	X(message_request, MESSAGE_REQUEST) \
	X(message_reply, MESSAGE_REPLY) \
	X(recent_request, RECENT_REQUEST) \
	X(recent_reply, RECENT_REPLY) \
	X(events_since_request, EVENTS_SINCE_REQUEST) \
	X(logged_event, LOGGED_EVENT) \
	X(events_since_reply, EVENTS_SINCE_REPLY) \
	X(claim_request, CLAIM_REQUEST) \
	X(grant, GRANT) \
	X(claim_reply, CLAIM_REPLY) \
	X(progress_request, PROGRESS_REQUEST) \
	X(progress_reply, PROGRESS_REPLY) \
	X(effect, EFFECT) \
	X(finish_request, FINISH_REQUEST) \
	X(finish_reply, FINISH_REPLY) \
	X(fail_request, FAIL_REQUEST) \
	X(fail_reply, FAIL_REPLY) \
	X(set_status_request, SET_STATUS_REQUEST) \
	X(set_status_reply, SET_STATUS_REPLY) \
	X(set_handler_request, SET_HANDLER_REQUEST) \
	X(set_handler_reply, SET_HANDLER_REPLY) \
	X(cancel_request, CANCEL_REQUEST) \
	X(cancel_reply, CANCEL_REPLY) \
	X(forget_request, FORGET_REQUEST) \
	X(forget_reply, FORGET_REPLY) \
	X(turn_text_request, TURN_TEXT_REQUEST) \
	X(turn_text_reply, TURN_TEXT_REPLY) \
	X(tenant_request, TENANT_REQUEST) \
	X(tenant_reply, TENANT_REPLY) \
	X(session_changed, SESSION_CHANGED) \
	X(turn_ended, TURN_ENDED) \
	X(handler_changed, HANDLER_CHANGED) \
	X(turn_ready, TURN_READY) \
	X(turn_cancelled, TURN_CANCELLED) \
	X(turn_progress, TURN_PROGRESS) \
	X(beat, BEAT)

/* Every operation: constant, name on the wire, shapes. sessiond answers all. */
#define OPS(X) \
	X(OP_HELLO, "hello", hello_request, hello_reply) \
	X(OP_APPEND, "append", append_request, append_reply) \
	X(OP_HISTORY, "history", history_request, history_reply) \
	X(OP_SESSIONS, "sessions", sessions_request, sessions_reply) \
	X(OP_MESSAGE, "message", message_request, message_reply) \
	X(OP_RECENT, "recent", recent_request, recent_reply) \
	X(OP_EVENTS_SINCE, "events_since", events_since_request, \
		events_since_reply) \
	X(OP_CLAIM, "claim", claim_request, claim_reply) \
	X(OP_PROGRESS, "progress", progress_request, progress_reply) \
	X(OP_FINISH, "finish", finish_request, finish_reply) \
	X(OP_FAIL, "fail", fail_request, fail_reply) \
	X(OP_SET_STATUS, "set_status", set_status_request, set_status_reply) \
	X(OP_SET_HANDLER, "set_handler", set_handler_request, \
		set_handler_reply) \
	X(OP_CANCEL, "cancel", cancel_request, cancel_reply) \
	X(OP_FORGET, "forget", forget_request, forget_reply) \
	X(OP_TURN_TEXT, "turn_text", turn_text_request, turn_text_reply) \
	X(OP_TENANT, "tenant", tenant_request, tenant_reply) \
	X(OP_IDLE_SESSIONS, "idle_sessions", idle_sessions_request, \
		idle_sessions_reply) \
	X(OP_CONVERSATION, "conversation", conversation_request, \
		conversation_reply) \
	X(OP_REQUEUE, "requeue", requeue_request, requeue_reply)

/* Every event: constant, name, shape. Those up to EV_HANDLER are durable:
 * they carry (epoch, n) and can be asked for again. */
#define EVENTS(X) \
	X(EV_MESSAGE, "message", message) \
	X(EV_SESSION, "session", session_changed) \
	X(EV_TURN, "turn", turn_ended) \
	X(EV_HANDLER, "handler", handler_changed) \
	X(EV_TURN_READY, "turn_ready", turn_ready) \
	X(EV_TURN_CANCELLED, "turn_cancelled", turn_cancelled) \
	X(EV_TURN_PROGRESS, "turn_progress", turn_progress) \
	X(EV_BEAT, "beat", beat)

/* --- what the lists become ---------------------------------------------- */

#define MEMBER_TEXT(m, e) const char *m;
#define MEMBER_NAME(m, e) const char *m;
#define MEMBER_TIME(m, e) int64_t m;
#define MEMBER_U32(m, e) uint32_t m;
#define MEMBER_U64(m, e) uint64_t m;
#define MEMBER_BOOL(m, e) bool m;
#define MEMBER_JSON(m, e) struct span m;
#define MEMBER_NAMES(m, e) \
	const char **m; \
	uint32_t n_##m;
#define MEMBER_OBJECT(m, e) struct e *m;
#define MEMBER_LIST(m, e) \
	struct e *m; \
	uint32_t n_##m;
#define MEMBER(type, m, wire, need, limit, e) MEMBER_##type(m, e)
#define STRUCT(name, FIELDS) \
	struct name { \
		FIELDS(MEMBER) \
	};
SHAPES(STRUCT)
#undef STRUCT

enum op {
#define X(constant, name, request, reply) constant,
	OPS(X)
#undef X
		OP_COUNT
};

enum event {
#define X(constant, name, shape) constant,
	EVENTS(X)
#undef X
		EV_COUNT
};

static inline bool event_durable(enum event event)
{
	return event <= EV_HANDLER;
}

#endif
