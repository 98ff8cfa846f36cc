/* codec: structs of message.h <-> JSON. Pure.
 *
 * Decoded strings and lists live in the arena (JSON spans too), so a decoded
 * message is valid until arena_clear and needs no other freeing. */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include "proto/message.h"
#include "shared/mem.h"
#include "shared/status.h"

enum field_type {
	FIELD_TEXT,
	FIELD_NAME,
	FIELD_TIME,
	FIELD_U32,
	FIELD_U64,
	FIELD_BOOL,
	FIELD_JSON,
	FIELD_NAMES,
	FIELD_OBJECT,
	FIELD_LIST
};

struct field {
	const char *name; /* on the wire */
	enum field_type type;
	bool must;
	uint32_t limit;
	size_t offset, count_offset;
	const struct shape *element;
};

struct shape {
	const char *name;
	size_t size;
	const struct field *(*fields)(void); /* in the order of the list */
	int n_fields;
};

#define X(name, FIELDS) extern const struct shape name##_shape;
SHAPES(X)
#undef X

struct op_info {
	const char *name;
	const struct shape *request, *reply;
};
extern const struct op_info op_infos[OP_COUNT];

struct event_info {
	const char *name;
	const struct shape *shape;
};
extern const struct event_info event_infos[EV_COUNT];

int op_from_name(const char *name); /* -1 if unknown */
int event_from_name(const char *name);

/* Why a decode failed, for the error's text: names the field by its path and
 * repeats nothing the peer sent. */
struct codec_fault {
	char text[160];
};

/* A JSON value may nest this deep, so that it still fits into JSON_MAX_DEPTH
 * wherever it is passed on, in a claim's reply above all. */
enum { CODEC_JSON_DEPTH = 16 };

/* Fills *out (of shape->size bytes). null is the same as absent. A missing
 * field is MISSING_FIELD, one over its limit TOO_LARGE, the rest BAD_REQUEST.
 */
enum status codec_decode(const struct shape *shape, const struct json *object,
	struct arena *arena, void *out, struct codec_fault *fault);

/* Writes an object; absent MAY fields are left out. */
void codec_encode(const struct shape *shape, const void *in,
	struct json_writer *w, const char *key);

/* --- envelopes ---------------------------------------------------------- */

struct request {
	uint32_t version;
	int op; /* enum op */
	uint32_t ttl_ms; /* remaining time; 0: not said */
	const char *trace; /* NULL or at most 64 printable characters */
	void *body; /* the op's request struct, in the arena */
};

struct reply {
	enum status status;
	const char *message; /* for a failure: one English sentence or NULL */
	void *body; /* the op's reply struct; NULL if absent */
};

struct event_message {
	int event; /* enum event; -1: one this build does not know */
	const char *epoch; /* NULL when the event is not durable */
	uint64_t n;
	void *body; /* NULL for an unknown event */
};

/* On failure *out still carries op and version where they could be read
 * (op -1 otherwise), so that the refusal can name them. */
enum status request_decode(const char *text, size_t len, struct arena *arena,
	struct request *out, struct codec_fault *fault);
void request_encode(struct buf *out, enum op op, const void *body,
	uint32_t ttl_ms, const char *trace);

/* `op` is what was asked: the reply must name it; only a refusal may leave it
 * out, when the asked one had no name there. OK means the reply was read; how
 * the request fared is in it. A failure's body that does not fit is dropped:
 * its status counts. */
enum status reply_decode(enum op op, const char *text, size_t len,
	struct arena *arena, struct reply *out, struct codec_fault *fault);
/* A failure may carry a body too (set_status tells what is allowed); a
 * success must. `op` -1: not known, and not named. */
void reply_encode(struct buf *out, int op, enum status status,
	const char *message, const void *body);

enum status event_decode(const char *text, size_t len, struct arena *arena,
	struct event_message *out, struct codec_fault *fault);
/* epoch NULL: not durable, except a beat, which repeats the last (epoch, n). */
void event_encode(struct buf *out, enum event event, const char *epoch,
	uint64_t n, const void *body);

#endif
