/* json_run: the inner loop of reading and writing strings. */
#ifndef SHARED_JSON_RUN_H
#define SHARED_JSON_RUN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The length of the run of bytes that stand for themselves in a string: no
 * quote, backslash or control character, and no byte of a longer code point
 * if `high` is 0x80. Eight bytes at a time; in each test the lowest byte
 * that is flagged is flagged rightly, and only the lowest is looked at. */
static inline size_t json_run(const char *text, size_t len, uint64_t high)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t x, quote, slash, found;

		memcpy(&x, text + i, 8);
		x = le64toh(x);
		quote = x ^ ones * '"';
		slash = x ^ ones * '\\';
		found = ((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote) |
			((slash - ones) & ~slash);
		found = (found | (x & ones * high)) & ones * 0x80;
		if (found)
			return i + (size_t)__builtin_ctzll(found) / 8;
	}
	for (; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == '"' || c == '\\' || (c & high))
			break;
	}
	return i;
}

#endif
