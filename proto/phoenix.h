/* phoenix: frames of Phoenix Channels, versions 1 and 2. Pure.
 *
 * ref and join_ref are kept as the JSON text they came as and echoed to the
 * letter. A frame's spans point into the text it was read from. */
#ifndef PROTO_PHOENIX_H
#define PROTO_PHOENIX_H

#include "shared/json.h"

enum phoenix_version { PHOENIX_V1 = 1, PHOENIX_V2 = 2 };

struct phoenix_frame {
	bool binary; /* payload is bytes, not JSON */
	/* Raw JSON text. Binary frames have theirs quoted into `scratch`. */
	struct span join_ref; /* "null" when it is null, absent (V1) */
	struct span ref;
	bool has_join_ref; /* V1: the key was there */
	/* Unescaped and terminated; "" with topic_json set when the topic or
	 * event is not a string (a topic that matches nothing). */
	const char *topic, *event;
	struct span topic_json; /* the topic's raw JSON, to be echoed */
	struct span payload; /* raw JSON, or the bytes */
};

/* False: undecodable (close 1011). `scratch` holds what had to be unescaped
 * and lives as long as the frame. `text` is valid UTF-8 unless binary. */
bool phoenix_decode(enum phoenix_version version, bool binary, const char *data,
	size_t len, struct phoenix_frame *out, struct buf *scratch);

/* [join_ref, ref, topic, "phx_reply", {"status":…,"response":…}]; join_ref,
 * ref, topic_json and response are raw JSON. */
void phoenix_reply(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *status, struct span response);

/* A push (join_ref of the channel, or null for a broadcast). */
void phoenix_push(struct buf *out, enum phoenix_version version,
	struct span join_ref, struct span ref, struct span topic_json,
	const char *event, struct span payload);

/* Binary V2 frames out: reply, push, broadcast. False if a field is longer
 * than 255 bytes. Refs are raw JSON text (null is written as empty). */
bool phoenix_binary_reply(struct buf *out, struct span join_ref,
	struct span ref, const char *topic, const char *status,
	struct span data);
bool phoenix_binary_push(struct buf *out, struct span join_ref,
	const char *topic, const char *event, struct span data);
bool phoenix_binary_broadcast(struct buf *out, const char *topic,
	const char *event, struct span data);

/* Raw JSON equality of two refs, as strict as the protocol's. */
bool phoenix_same_ref(struct span a, struct span b);

#endif
