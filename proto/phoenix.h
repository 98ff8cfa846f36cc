/* phoenix: frames of Phoenix Channels, versions 1 and 2. Pure.
 *
 * ref and join_ref are kept as the JSON text they came as and echoed to the
 * letter. A frame's spans point into the text it was read from or into its
 * scratch buffer. */
#ifndef PROTO_PHOENIX_H
#define PROTO_PHOENIX_H

#include "shared/json.h"

enum phoenix_version { PHOENIX_V1 = 1, PHOENIX_V2 = 2 };

/* Bytes of a ref's JSON text; every joined topic keeps two. */
enum { PHOENIX_REF_MAX = 256 };

struct phoenix_frame {
	bool binary; /* payload is bytes, not JSON */
	struct span join_ref, ref; /* raw JSON; an absent join_ref is null */
	/* Unescaped and terminated; "" when it is not a string or contains
	 * \u0000 (a topic that matches nothing). */
	const char *topic, *event;
	struct span topic_json; /* the topic as it came, to be echoed */
	struct span payload; /* raw JSON, or the bytes */
};

/* False: undecodable (close 1011). `scratch` is emptied first, holds what had
 * to be unescaped and lives as long as the frame. `data` is valid UTF-8
 * unless binary. */
bool phoenix_decode(enum phoenix_version version, bool binary, const char *data,
	size_t len, struct phoenix_frame *out, struct buf *scratch);

extern const struct span phoenix_null; /* the JSON text null */
extern const struct span phoenix_empty; /* {} */

/* phx_reply with {"status":…,"response":…}; join_ref, ref, topic_json and
 * response are raw JSON. */
void phoenix_reply(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *status, struct span response);

/* A push (join_ref of the channel; null for a broadcast), phx_close or
 * phx_error. */
void phoenix_push(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *event, struct span payload);

/* Binary frames (version 2 only). False if a field is longer than 255 bytes.
 * Refs are raw JSON; null is written as empty. */
bool phoenix_binary_reply(struct buf *out, struct span join_ref,
	struct span ref, const char *topic, const char *status,
	struct span data);
bool phoenix_binary_push(struct buf *out, struct span join_ref,
	const char *topic, const char *event, struct span data);
bool phoenix_binary_broadcast(struct buf *out, const char *topic,
	const char *event, struct span data);

/* Whether two refs are the same JSON value, as strict as the protocol: 1 is
 * not "1". */
bool phoenix_same_ref(struct span a, struct span b);
bool phoenix_is_null(struct span ref);

#endif
