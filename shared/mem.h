/* mem: memory that succeeds or ends the process, and buffers with a ceiling.
 *
 * Sizes chosen by a peer are checked before they come here; after that a
 * failed allocation means the machine is out of memory, and nobody can do
 * anything sensible about it. */
#ifndef SHARED_MEM_H
#define SHARED_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void *xalloc(size_t size_bytes); /* zeroed */
void *xrealloc(void *old, size_t size_bytes);
char *xstrdup(const char *text); /* NULL gives NULL */
char *xstrndup(const char *text, size_t len);

/* A growing byte string. data[len] is always 0 once something was put. A put
 * that would exceed max changes nothing and sets `full`; all later puts are
 * ignored, so callers check once at the end. */
struct buf {
	char *data;
	size_t len, cap, max;
	bool full;
};

void buf_init(struct buf *buf, size_t max_bytes);
void buf_clear(struct buf *buf); /* frees; may be used again */
void buf_reset(struct buf *buf); /* empties, keeps the memory */
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_puts(struct buf *buf, const char *text);
void buf_putc(struct buf *buf, char c);
__attribute__((format(printf, 2, 3))) void buf_printf(
	struct buf *buf, const char *format, ...);
/* Hands the memory (a NUL-terminated string, never NULL) to the caller, who
 * frees it; the buffer is empty afterwards. */
char *buf_take(struct buf *buf);

/* Memory that belongs to one piece of work and is freed with it. */
struct arena {
	struct arena_block *blocks;
};

void *arena_alloc(struct arena *arena, size_t size_bytes); /* zeroed */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
void arena_clear(struct arena *arena);

#endif
