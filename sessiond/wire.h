/* wire: rows as the protocol shows them. Everything points into the arena or
 * the transaction. */
#ifndef SESSIOND_WIRE_H
#define SESSIOND_WIRE_H

#include "proto/codec.h"
#include "sessiond/rows.h"

void wire_session(const struct session_row *row, struct session *out);

/* False if the message is not there. */
bool wire_message(struct tx *tx, const struct session_row *session,
	uint64_t session_no, uint32_t seq, struct message *out);

/* Bytes the message will take in JSON, roughly but never too few by more than
 * the escapes. */
size_t wire_message_size(const struct message *message);

/* The body of a logged event, as published: its shape is event_infos[kind]'s.
 * NULL if the rows it speaks of are gone. */
const void *wire_event(struct tx *tx, const struct event_row *event);

#endif
