/* rows_pack: how a record is written, and read again. For rows.c.
 *
 * A record begins with its version. Whatever does not fit when it is read sets
 * `bad`, and everything after it reads as zero or "". */
#ifndef SESSIOND_ROWS_PACK_H
#define SESSIOND_ROWS_PACK_H

#include "sessiond/rows.h"

/* A record under construction; one at a time. */
struct buf *pack_begin(struct tx *tx);
void pack_u8(struct buf *buf, unsigned number);
void pack_u32(struct buf *buf, uint32_t number);
void pack_u64(struct buf *buf, uint64_t number);
void pack_time(struct buf *buf, int64_t wall_ms);
void pack_span(struct buf *buf, struct span span);
void pack_text(struct buf *buf, const char *text); /* NULL is "" */
void pack_put(struct tx *tx, enum table table, struct key key, struct buf *buf);

struct unpack {
	const char *at;
	size_t left;
	bool bad;
};

/* Reads from the value itself: gone with the next write. */
struct unpack unpack_peek(struct span value);
/* From a copy in the transaction's arena. */
struct unpack unpack_copy(struct tx *tx, struct span value);
/* False if there is no such row. */
bool unpack_get(
	struct tx *tx, enum table table, struct key key, struct unpack *out);
unsigned unpack_u8(struct unpack *in);
/* An enum's value; one that is out of range makes the record bad. */
unsigned unpack_enum(struct unpack *in, unsigned count);
uint32_t unpack_u32(struct unpack *in);
uint64_t unpack_u64(struct unpack *in);
int64_t unpack_time(struct unpack *in);
struct span unpack_span(struct unpack *in);
const char *unpack_text(struct unpack *in);

#endif
