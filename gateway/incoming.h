/* incoming: a client's new_message, the guide's MessageDto, checked; and other
 * rules for what clients say. Pure. */
#ifndef GATEWAY_INCOMING_H
#define GATEWAY_INCOMING_H

#include "proto/message.h"
#include "shared/status.h"

enum {
	INCOMING_WHY = 256,
	/* A message travels and is stored inside other JSON, which nests no
	 * deeper than JSON_MAX_DEPTH. */
	METADATA_MAX_DEPTH = 8,
	REASON_MAX = 64, /* of a transition */
	TURN_ID_MAX = 32
};

struct incoming {
	/* All but appendId. Borrowed from `root` and `metadata`. */
	struct append_item item;
	const char *session_id; /* as sent; NULL if it was no string */
	char why[INCOMING_WHY]; /* of a refusal: one sentence for the client */
	struct json *root;
	struct buf metadata;
};

/* Whatever the result, incoming_clear follows. */
enum status incoming_read(struct incoming *in, struct span payload);
void incoming_clear(struct incoming *in);

/* Reasons of transitions that nobody asked for, so nobody may give them. NULL
 * is none. */
bool incoming_reason_reserved(const char *reason);

#endif
