/* frame: what is written to WebSockets, framed once and shared; and the
 * queue of one connection. Pure. */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include "shared/mem.h"

struct frame; /* reference-counted; the one thing that is */

/* `data` is copied behind its WebSocket header. Born with one reference. */
struct frame *frame_new(const void *data, size_t len, bool binary);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame); /* NULL is fine */
size_t frame_len(const struct frame *frame); /* header included */

/* Frames that wait; holds a reference to each. All zero is empty. */
struct frame_queue {
	struct frame **frames; /* a ring */
	unsigned first, count, room;
	size_t offset; /* of the first frame, already taken */
	size_t bytes; /* waiting, headers included */
};

void frame_queue_put(struct frame_queue *queue, struct frame *frame);
/* Moves up to `size` bytes into out; how many. */
size_t frame_queue_take(struct frame_queue *queue, char *out, size_t size);
void frame_queue_clear(struct frame_queue *queue);

#endif
