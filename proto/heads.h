/* heads: the fields beside the body of a message, for the codec only. */
#ifndef PROTO_HEADS_H
#define PROTO_HEADS_H

#include "proto/codec.h"

#define REQUEST_HEAD(F) \
	F(U32, version, "v", MUST, UINT32_MAX, none) \
	F(NAME, op, "op", MUST, 64, none) \
	F(U32, ttl_ms, "ttlMs", MAY, UINT32_MAX, none) \
	F(NAME, trace, "trace", MAY, 64, none)
#define REPLY_HEAD(F) \
	F(U32, version, "v", MUST, UINT32_MAX, none) \
	F(NAME, op, "op", MAY, 64, none) \
	F(NAME, status, "status", MUST, 64, none) \
	F(TEXT, message, "message", MAY, 1000, none)
#define EVENT_HEAD(F) \
	F(U32, version, "v", MUST, UINT32_MAX, none) \
	F(NAME, event, "event", MUST, 64, none) \
	F(NAME, epoch, "epoch", MAY, 64, none) \
	F(U64, n, "n", MAY, 0, none)
#define HEADS(X) \
	X(request_head, REQUEST_HEAD) \
	X(reply_head, REPLY_HEAD) \
	X(event_head, EVENT_HEAD)

#define X(name, FIELDS) \
	struct name { \
		FIELDS(MEMBER) \
	}; \
	extern const struct shape name##_shape;
HEADS(X)
#undef X

#endif
