#include "gateway/cursor.h"
#include <stdio.h>
#include <string.h>

static void move(struct cursor *cursor, const char *epoch, uint64_t n)
{
	cursor->known = true;
	snprintf(cursor->epoch, sizeof(cursor->epoch), "%s", epoch);
	cursor->n = n;
}

enum cursor_says cursor_beat(
	const struct cursor *cursor, const char *epoch, uint64_t n)
{
	if (!cursor->known || cursor->asking)
		return CURSOR_IGNORE;
	if (strcmp(cursor->epoch, epoch) || n > cursor->n)
		return CURSOR_ASK;
	return CURSOR_IGNORE;
}

enum cursor_says cursor_hello(
	struct cursor *cursor, const char *epoch, uint64_t n)
{
	if (cursor->known)
		return cursor_beat(cursor, epoch, n);
	move(cursor, epoch, n);
	return CURSOR_TAKEN;
}

enum cursor_says cursor_event(
	const struct cursor *cursor, const char *epoch, uint64_t n)
{
	if (!cursor->known)
		return CURSOR_IGNORE;
	if (cursor->asking)
		return CURSOR_WAIT;
	if (strcmp(cursor->epoch, epoch))
		return CURSOR_ASK;
	if (n <= cursor->n)
		return CURSOR_IGNORE;
	return n == cursor->n + 1 ? CURSOR_APPLY : CURSOR_ASK;
}

void cursor_applied(struct cursor *cursor, const char *epoch, uint64_t n)
{
	move(cursor, epoch, n);
}

void cursor_reset(struct cursor *cursor, const char *epoch, uint64_t n)
{
	cursor->asking = false;
	move(cursor, epoch, n);
}

enum cursor_says cursor_page_event(const struct cursor *cursor, uint64_t n)
{
	return n > cursor->n ? CURSOR_APPLY : CURSOR_IGNORE;
}

bool cursor_page_end(struct cursor *cursor, uint64_t from_n, const char *epoch,
	uint64_t n, uint64_t last)
{
	cursor->asking = false;
	move(cursor, epoch, n);
	return last > n && n > from_n;
}
