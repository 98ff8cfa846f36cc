/* cursor: the place up to which the events of sessiond have been applied, and
 * what is to be done with the next one. Pure; PROTOCOL.md, section 3. */
#ifndef GATEWAY_CURSOR_H
#define GATEWAY_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct cursor {
	bool known;
	bool asking; /* events_since is out */
	char epoch[65];
	uint64_t n;
};

enum cursor_says {
	CURSOR_IGNORE,
	CURSOR_APPLY, /* then cursor_applied */
	CURSOR_ASK, /* not applied; events_since must be asked */
	CURSOR_WAIT, /* judge it again once the answer has been applied */
	CURSOR_TAKEN /* the first hello: a cursor where there was none */
};

enum cursor_says cursor_hello(
	struct cursor *cursor, const char *epoch, uint64_t n);
enum cursor_says cursor_beat(
	const struct cursor *cursor, const char *epoch, uint64_t n);
enum cursor_says cursor_event(
	const struct cursor *cursor, const char *epoch, uint64_t n);
void cursor_applied(struct cursor *cursor, const char *epoch, uint64_t n);

/* --- the answer to events_since ------------------------------------------- */

/* The log cannot tell what was missed. */
void cursor_reset(struct cursor *cursor, const char *epoch, uint64_t n);
/* Events of a page may skip numbers (deleted since), but not repeat them. */
enum cursor_says cursor_page_event(const struct cursor *cursor, uint64_t n);
/* After the page's last event. `from_n` is what was asked for. True: there is
 * more, ask again. (A page that leads nowhere is not asked for again; the
 * next beat does.) */
bool cursor_page_end(struct cursor *cursor, uint64_t from_n, const char *epoch,
	uint64_t n, uint64_t last);

#endif
