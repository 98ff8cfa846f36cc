/* dto: what clients read: the payloads of channel events and of REST. Pure.
 *
 * `escape` is for clients that have not declared format=text: & < > " ' in
 * every string, also inside sources and actions, become entities, because
 * such a page writes them into innerHTML. */
#ifndef GATEWAY_DTO_H
#define GATEWAY_DTO_H

#include "proto/message.h"
#include "shared/status.h"
#include <stdbool.h>

/* Ceilings with every character escaped: an event, a page of REST. */
enum { DTO_EVENT_BYTES = 1024 * 1024, DTO_PAGE_BYTES = 8 * 1024 * 1024 };

/* Each appends one JSON object. */

/* --- events of a channel -------------------------------------------------- */

void dto_new_message(struct buf *out, const struct message *m, bool escape);
void dto_user_message(struct buf *out, const struct message *m, bool escape);
void dto_session_update(
	struct buf *out, const struct session_changed *s, bool escape);
void dto_typing(struct buf *out, const char *turn_id, const char *session_id,
	const char *state, bool escape);
/* For the user's own sockets: ids, status and time. */
void dto_processed(struct buf *out, const struct turn_ended *t, bool escape);
/* For coordinators: all of it. `answer` is what dto_new_message wrote;
 * .at NULL: only its id is known. */
void dto_processed_full(struct buf *out, const struct turn_ended *t,
	struct span answer, bool escape);

/* --- a send --------------------------------------------------------------- */

void dto_sent(struct buf *out, const struct append_result *r, bool duplicate,
	bool escape);
/* The reply of a send that failed. */
void dto_refusal(
	struct buf *out, enum status status, const char *why, bool escape);
/* The guide's `error` event. */
void dto_error_event(
	struct buf *out, enum status status, const char *why, bool escape);
/* An unstored new_message that tells the same to a page that hears neither.
 * `session_id` is what was sent; NULL if nothing was. */
void dto_error_message(struct buf *out, enum status status,
	const char *session_id, int64_t wall_ms);

/* --- REST, and replies of a channel ----------------------------------------
 */

void dto_history(struct buf *out, const struct history_reply *h, bool escape);
void dto_active(struct buf *out, const char *business_id,
	const struct sessions_reply *s, bool escape);
/* `user_id` NULL: they are a business's. */
void dto_sessions(struct buf *out, const char *business_id, const char *user_id,
	const struct sessions_reply *s, bool escape);
void dto_session(struct buf *out, const struct session *s, bool escape);
void dto_conversation(
	struct buf *out, const struct conversation_reply *c, bool escape);
/* `session_id` NULL: of whichever. */
void dto_cancelled(struct buf *out, const char *session_id,
	const struct cancel_reply *c, bool escape);
void dto_handler(struct buf *out, const char *business_id, const char *user_id,
	const struct set_handler_reply *h, bool escape);
void dto_requeued(struct buf *out, const struct requeue_reply *r, bool escape);
/* A message that came by REST, and where its answer will be. */
void dto_accepted(struct buf *out, const struct append_result *r,
	bool duplicate, bool escape);
/* What a page may know of a tenant. */
void dto_business(struct buf *out, const struct tenant_reply *t, bool escape);

/* --- refusals ------------------------------------------------------------- */

void dto_fault(struct buf *out, const char *code, const char *message);
/* A transition that is not allowed: what it is, and what is; in a channel's
 * reply, and in REST. */
void dto_conflict(struct buf *out, const char *message,
	const struct set_status_reply *s, bool escape);
void dto_fault_conflict(
	struct buf *out, const char *message, const struct set_status_reply *s);

/* A valid JSON text with its strings escaped for HTML. */
void dto_escape_json(struct buf *out, struct span json);

#endif
