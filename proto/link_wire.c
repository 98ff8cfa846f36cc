/* One dialled connection that speaks SP, over a stream of nng's.
 *
 * Not over an SP socket of nng 1.5.2. Its pipes have a race: when sending
 * fails while the rest of what had come is being read, the pipe closes between
 * the length of a message and its body, that receive never ends (its issue
 * 1636, mended later), the one thread that buries pipes waits for it for ever,
 * and nothing is dialled again. With 96 requests under way one kill -9 of
 * their server in forty ended so; nng_pipe_close, the way to drop a silent
 * peer, does it more often still. Its streams know nothing of messages and
 * have no such gap; what SP adds on top is an 8-byte greeting and a length.
 *
 * nng's threads only tell that something has ended; all else is the loop's. */

#include "proto/link_nng.h"
#include <endian.h>
#include <nng/supplemental/util/platform.h>
#include <stdlib.h>
#include <string.h>

enum {
	GREETING_BYTES = 8,
	LENGTH_BYTES = 8,
	RECEIVE_BYTES = 64 * 1024,
	ROOM_BYTES = 256 * 1024, /* waiting to be written */
	GREETING_MS = 10000, /* from dialling to the peer's greeting */
	REDIAL_MIN_MS = 100,
	REDIAL_MAX_MS = 2000
};

/* Something nng does for us; one at a time. */
struct step {
	struct inbox_item item;
	struct wire *wire;
	nng_aio *aio;
	bool busy; /* until the loop has seen its end */
};

enum state { RESTING, DIALLING, GREETING, UP, CLOSING };

struct wire {
	struct inbox inbox;
	struct timer *timer; /* of resting, or of dialling and greeting */
	nng_stream_dialer *dialer;
	nng_stream *stream;
	struct step dialled, sent, received;
	enum state state;
	int redial_ms;
	unsigned char greeting[GREETING_BYTES], expected[GREETING_BYTES];
	struct buf waiting, sending; /* the latter is nng's while sent.busy */
	size_t written; /* of `sending` */
	char *in; /* its free part is nng's while received.busy */
	size_t in_len, in_size;
	const struct wire_owner *owner;
	void *ctx;
};

static void on_wake(void *arg);
static void on_timer(void *arg);

/* nng's thread. */
static void on_step(void *arg)
{
	struct step *step = arg;

	inbox_put(&step->wire->inbox, &step->item);
}

static void open_step(struct step *step, struct wire *wire)
{
	step->wire = wire;
	link_must(nng_aio_alloc(&step->aio, on_step, step), "nng");
	nng_aio_set_timeout(step->aio, NNG_DURATION_INFINITE);
}

static void set_greeting(unsigned char *greeting, int protocol)
{
	const unsigned char bytes[GREETING_BYTES] = {
		0, 'S', 'P', 0, 0, (unsigned char)protocol, 0, 0};

	memcpy(greeting, bytes, sizeof(bytes));
}

struct wire *wire_open(struct loop *loop, const char *url,
	const struct link_tls *tls, enum sp_protocol mine,
	enum sp_protocol theirs, const struct wire_owner *owner, void *ctx)
{
	struct wire *wire = xalloc(sizeof(*wire));

	wire->owner = owner;
	wire->ctx = ctx;
	wire->redial_ms = REDIAL_MIN_MS;
	wire->in_size = RECEIVE_BYTES;
	wire->in = xalloc(wire->in_size);
	buf_init(&wire->waiting, ROOM_BYTES + 2 * LINK_RECEIVE_BYTES);
	buf_init(&wire->sending, wire->waiting.max);
	set_greeting(wire->greeting, mine);
	set_greeting(wire->expected, theirs);
	inbox_open(&wire->inbox, loop, on_wake, wire);
	wire->timer = timer_open(loop, on_timer, wire);
	open_step(&wire->dialled, wire);
	open_step(&wire->sent, wire);
	open_step(&wire->received, wire);
	wire->dialer = link_dialer(url, tls);
	timer_start(wire->timer, 0, 0);
	return wire;
}

/* --- up and down -----------------------------------------------------------
 */

static void dial(struct wire *wire)
{
	wire->state = DIALLING;
	wire->dialled.busy = true;
	timer_start(wire->timer, GREETING_MS, 0);
	nng_aio_set_timeout(wire->dialled.aio, GREETING_MS);
	nng_stream_dialer_dial(wire->dialer, wire->dialled.aio);
}

/* The next attempt comes after a time drawn at random, so that not all of
 * those who lost the same peer come back at once. */
static void rest(struct wire *wire)
{
	wire->state = RESTING;
	timer_start(wire->timer, nng_random() % (uint32_t)wire->redial_ms, 0);
	wire->redial_ms *= 2;
	if (wire->redial_ms > REDIAL_MAX_MS)
		wire->redial_ms = REDIAL_MAX_MS;
}

/* Rests once nothing is under way on the old stream any more. */
static void rest_if_closed(struct wire *wire)
{
	if (wire->sent.busy || wire->received.busy)
		return;
	nng_stream_free(wire->stream);
	wire->stream = NULL;
	rest(wire);
}

static void hang_up(struct wire *wire)
{
	bool was_up = wire->state == UP;

	wire->state = CLOSING;
	timer_stop(wire->timer);
	buf_reset(&wire->waiting);
	nng_stream_close(wire->stream);
	rest_if_closed(wire);
	if (was_up)
		wire->owner->changed(wire->ctx, false);
}

void wire_drop(struct wire *wire)
{
	if (wire->state == UP || wire->state == GREETING)
		hang_up(wire);
}

static void on_timer(void *arg)
{
	struct wire *wire = arg;

	if (wire->state == RESTING)
		dial(wire);
	else if (wire->state == GREETING)
		hang_up(wire);
}

/* --- writing ---------------------------------------------------------------
 */

static void write_on(struct wire *wire)
{
	nng_iov part;

	if (wire->written == wire->sending.len) {
		struct buf done = wire->sending;

		wire->sending = wire->waiting;
		wire->waiting = done;
		buf_reset(&wire->waiting);
		wire->written = 0;
	}
	if (!wire->sending.len)
		return;
	part.iov_buf = wire->sending.data + wire->written;
	part.iov_len = wire->sending.len - wire->written;
	nng_aio_set_iov(wire->sent.aio, 1, &part);
	wire->sent.busy = true;
	nng_stream_send(wire->stream, wire->sent.aio);
}

bool wire_has_room(const struct wire *wire)
{
	return wire->state == UP && wire->waiting.len < ROOM_BYTES;
}

void wire_send(struct wire *wire, uint32_t id, const char *body, size_t len)
{
	uint64_t length = htobe64(len + sizeof(id));

	id = htobe32(id);
	buf_put(&wire->waiting, &length, sizeof(length));
	buf_put(&wire->waiting, &id, sizeof(id));
	buf_put(&wire->waiting, body, len);
	if (!wire->sent.busy)
		write_on(wire);
}

static void on_sent(struct wire *wire)
{
	if (nng_aio_result(wire->sent.aio)) {
		hang_up(wire);
		return;
	}
	wire->written += nng_aio_count(wire->sent.aio);
	write_on(wire);
	if (wire->state == UP && wire_has_room(wire))
		wire->owner->drained(wire->ctx);
}

/* --- reading ---------------------------------------------------------------
 */

static void read_on(struct wire *wire)
{
	nng_iov part = {wire->in + wire->in_len, wire->in_size - wire->in_len};

	nng_aio_set_iov(wire->received.aio, 1, &part);
	wire->received.busy = true;
	nng_stream_recv(wire->stream, wire->received.aio);
}

/* The length of the message at `at`, its own eight bytes included; 0 if that
 * cannot be told yet. */
static size_t length_at(const struct wire *wire, size_t at)
{
	uint64_t length;

	if (wire->in_len - at < LENGTH_BYTES)
		return 0;
	memcpy(&length, wire->in + at, sizeof(length));
	length = be64toh(length);
	return length > LINK_RECEIVE_BYTES ? SIZE_MAX
					   : LENGTH_BYTES + (size_t)length;
}

/* Gives whole messages to the owner. False if there is no going on. */
static bool deliver(struct wire *wire)
{
	size_t at = 0, len;

	while ((len = length_at(wire, at)) && len <= wire->in_len - at) {
		wire->owner->message(wire->ctx, wire->in + at + LENGTH_BYTES,
			len - LENGTH_BYTES);
		if (wire->state != UP)
			return false;
		at += len;
	}
	if (len == SIZE_MAX) {
		hang_up(wire);
		return false;
	}
	wire->in_len -= at;
	memmove(wire->in, wire->in + at, wire->in_len);
	if (len > wire->in_size) {
		wire->in_size = len;
		wire->in = xrealloc(wire->in, len);
	}
	return true;
}

static bool greeted(struct wire *wire)
{
	if (wire->in_len < GREETING_BYTES)
		return true;
	if (memcmp(wire->in, wire->expected, GREETING_BYTES)) {
		hang_up(wire);
		return false;
	}
	wire->in_len -= GREETING_BYTES;
	memmove(wire->in, wire->in + GREETING_BYTES, wire->in_len);
	wire->state = UP;
	wire->redial_ms = REDIAL_MIN_MS;
	timer_stop(wire->timer);
	wire->owner->changed(wire->ctx, true);
	return wire->state == UP;
}

static void on_received(struct wire *wire)
{
	bool going_on = true;

	if (nng_aio_result(wire->received.aio)) {
		hang_up(wire);
		return;
	}
	wire->in_len += nng_aio_count(wire->received.aio);
	if (wire->state == GREETING)
		going_on = greeted(wire);
	if (going_on && wire->state == UP)
		going_on = deliver(wire);
	if (going_on)
		read_on(wire);
}

/* --- on the loop -----------------------------------------------------------
 */

static void on_dialled(struct wire *wire)
{
	if (nng_aio_result(wire->dialled.aio)) {
		rest(wire);
		return;
	}
	wire->stream = nng_aio_get_output(wire->dialled.aio, 0);
	wire->state = GREETING;
	wire->in_len = wire->written = 0;
	buf_reset(&wire->sending);
	buf_put(&wire->waiting, wire->greeting, GREETING_BYTES);
	write_on(wire);
	read_on(wire);
}

static void on_wake(void *arg)
{
	struct wire *wire = arg;
	struct inbox_item *item = inbox_take(&wire->inbox), *next;

	for (; item; item = next) {
		struct step *step = (struct step *)(void *)item;

		next = item->next;
		step->busy = false;
		if (wire->state == CLOSING)
			rest_if_closed(wire);
		else if (step == &wire->dialled)
			on_dialled(wire);
		else if (step == &wire->sent)
			on_sent(wire);
		else
			on_received(wire);
	}
}

static void close_step(struct step *step)
{
	nng_aio_stop(step->aio); /* its callback has returned */
	nng_aio_free(step->aio);
}

void wire_close(struct wire *wire)
{
	nng_stream_dialer_close(wire->dialer);
	if (wire->stream)
		nng_stream_close(wire->stream);
	nng_aio_wait(wire->dialled.aio);
	if (wire->dialled.busy && !nng_aio_result(wire->dialled.aio))
		wire->stream = nng_aio_get_output(wire->dialled.aio, 0);
	close_step(&wire->dialled);
	close_step(&wire->sent);
	close_step(&wire->received);
	if (wire->stream)
		nng_stream_free(wire->stream);
	nng_stream_dialer_free(wire->dialer);
	timer_close(wire->timer);
	inbox_close(&wire->inbox);
	buf_clear(&wire->waiting);
	buf_clear(&wire->sending);
	free(wire->in);
	free(wire);
}
