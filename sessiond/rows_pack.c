#include "sessiond/rows_pack.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_VERSION = 1 };

/* --- writing ------------------------------------------------------------ */

struct buf *pack_begin(struct tx *tx)
{
	struct buf *buf = tx_scratch(tx);
	buf_putc(buf, RECORD_VERSION);
	return buf;
}

static void pack_number(struct buf *buf, uint64_t number, size_t n_bytes)
{
	char bytes[8];
	for (size_t i = 0; i < n_bytes; i++)
		bytes[i] = (char)(number >> 8 * (n_bytes - 1 - i));
	buf_put(buf, bytes, n_bytes);
}

void pack_u8(struct buf *buf, unsigned number)
{
	buf_putc(buf, (char)number);
}

void pack_u32(struct buf *buf, uint32_t number)
{
	pack_number(buf, number, 4);
}

void pack_u64(struct buf *buf, uint64_t number)
{
	pack_number(buf, number, 8);
}

void pack_time(struct buf *buf, int64_t wall_ms)
{
	pack_number(buf, (uint64_t)wall_ms, 8);
}

void pack_span(struct buf *buf, struct span span)
{
	pack_u32(buf, (uint32_t)span.len);
	buf_put(buf, span.at ? span.at : "", span.len);
	buf_putc(buf, 0);
}

void pack_text(struct buf *buf, const char *text)
{
	pack_span(buf, (struct span){text, text ? strlen(text) : 0});
}

void pack_put(struct tx *tx, enum table table, struct key key, struct buf *buf)
{
	if (buf->full)
		abort(); /* a limit of message.h is broken upstream */
	tx_put(tx, table, key_span(&key), (struct span){buf->data, buf->len});
}

/* --- reading ------------------------------------------------------------ */

struct unpack unpack_peek(struct span value)
{
	struct unpack in = {value.at, value.len, false};
	if (unpack_u8(&in) != RECORD_VERSION)
		in.bad = true;
	return in;
}

struct unpack unpack_copy(struct tx *tx, struct span value)
{
	char *copy = arena_strndup(tx_arena(tx), value.at, value.len);
	return unpack_peek((struct span){copy, value.len});
}

bool unpack_get(
	struct tx *tx, enum table table, struct key key, struct unpack *out)
{
	struct span value;
	if (!tx_get(tx, table, key_span(&key), &value))
		return false;
	*out = unpack_copy(tx, value);
	return true;
}

static uint64_t unpack_number(struct unpack *in, size_t n_bytes)
{
	uint64_t number = 0;
	if (in->left < n_bytes) {
		in->bad = true;
		in->left = 0;
		return 0;
	}
	for (size_t i = 0; i < n_bytes; i++)
		number = number << 8 | (unsigned char)in->at[i];
	in->at += n_bytes;
	in->left -= n_bytes;
	return number;
}

unsigned unpack_u8(struct unpack *in)
{
	return (unsigned)unpack_number(in, 1);
}

unsigned unpack_enum(struct unpack *in, unsigned count)
{
	unsigned value = unpack_u8(in);
	if (value < count)
		return value;
	in->bad = true;
	return 0;
}

uint32_t unpack_u32(struct unpack *in)
{
	return (uint32_t)unpack_number(in, 4);
}

uint64_t unpack_u64(struct unpack *in)
{
	return unpack_number(in, 8);
}

int64_t unpack_time(struct unpack *in)
{
	return (int64_t)unpack_number(in, 8);
}

struct span unpack_span(struct unpack *in)
{
	size_t len = unpack_u32(in);
	if (in->bad || in->left <= len || in->at[len]) {
		in->bad = true;
		in->left = 0;
		return (struct span){"", 0};
	}
	struct span span = {in->at, len};
	in->at += len + 1;
	in->left -= len + 1;
	return span;
}

const char *unpack_text(struct unpack *in)
{
	return unpack_span(in).at;
}
