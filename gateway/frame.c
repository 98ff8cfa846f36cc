#include "gateway/frame.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAX = 10, FIRST_ROOM = 4, KEPT_ROOM = 16 };
enum { FIN_TEXT = 0x81, FIN_BINARY = 0x82 }; /* RFC 6455, unmasked */

struct frame {
	unsigned refs;
	size_t len;
	char bytes[];
};

static size_t write_header(unsigned char *out, size_t len, bool binary)
{
	size_t size = 2;

	out[0] = binary ? FIN_BINARY : FIN_TEXT;
	if (len < 126) {
		out[1] = (unsigned char)len;
		return size;
	}
	out[1] = len <= UINT16_MAX ? 126 : 127;
	size += len <= UINT16_MAX ? 2 : 8;
	for (size_t i = size - 1; i > 1; i--) {
		out[i] = (unsigned char)len;
		len >>= 8;
	}
	return size;
}

struct frame *frame_new(const void *data, size_t len, bool binary)
{
	unsigned char header[HEADER_MAX];
	size_t header_len = write_header(header, len, binary);
	struct frame *frame = xalloc(sizeof(*frame) + header_len + len);

	frame->refs = 1;
	frame->len = header_len + len;
	memcpy(frame->bytes, header, header_len);
	if (len)
		memcpy(frame->bytes + header_len, data, len);
	return frame;
}

struct frame *frame_ref(struct frame *frame)
{
	frame->refs++;
	return frame;
}

void frame_unref(struct frame *frame)
{
	if (frame && !--frame->refs)
		free(frame);
}

size_t frame_len(const struct frame *frame)
{
	return frame->len;
}

static struct frame **slot(const struct frame_queue *queue, unsigned i)
{
	return &queue->frames[(queue->first + i) % queue->room];
}

static void grow(struct frame_queue *queue)
{
	unsigned room = queue->room ? queue->room * 2 : FIRST_ROOM;
	struct frame **frames = xalloc(room * sizeof(struct frame *));

	for (unsigned i = 0; i < queue->count; i++)
		frames[i] = *slot(queue, i);
	free(queue->frames);
	queue->frames = frames;
	queue->first = 0;
	queue->room = room;
}

void frame_queue_put(struct frame_queue *queue, struct frame *frame)
{
	if (queue->count == queue->room)
		grow(queue);
	*slot(queue, queue->count++) = frame_ref(frame);
	queue->bytes += frame->len;
}

size_t frame_queue_take(struct frame_queue *queue, char *out, size_t size)
{
	size_t taken = 0;

	while (queue->count && taken < size) {
		struct frame *frame = *slot(queue, 0);
		size_t len = frame->len - queue->offset;

		if (len > size - taken)
			len = size - taken;
		memcpy(out + taken, frame->bytes + queue->offset, len);
		taken += len;
		queue->offset += len;
		if (queue->offset < frame->len)
			break;
		frame_unref(frame);
		queue->offset = 0;
		queue->first = (queue->first + 1) % queue->room;
		queue->count--;
	}
	queue->bytes -= taken;
	/* One burst does not keep its room for ever. */
	if (!queue->count && queue->room > KEPT_ROOM)
		frame_queue_clear(queue);
	return taken;
}

void frame_queue_clear(struct frame_queue *queue)
{
	for (unsigned i = 0; i < queue->count; i++)
		frame_unref(*slot(queue, i));
	free(queue->frames);
	*queue = (struct frame_queue){0};
}
