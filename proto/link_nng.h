/* link_nng: what the files of the link share; nobody else includes it. */
#ifndef PROTO_LINK_NNG_H
#define PROTO_LINK_NNG_H

#include "proto/link.h"
#include <nng/nng.h>
#include <pthread.h>

/* A message of the largest size and the request id around it. */
enum { LINK_RECEIVE_BYTES = LINK_MAX_BYTES + 64 };

/* Ends the process if rv is not 0: for opening only. */
void link_must(int rv, const char *what);

/* Sets the limits every socket has. */
void link_limit(nng_socket socket);
void link_listen(
	nng_socket socket, const char *url, const struct link_tls *tls);
nng_stream_dialer *link_dialer(const char *url, const struct link_tls *tls);

/* Closes a socket. False if nng hangs: then whatever its threads may still
 * touch must stay where it is, and is given to link_leave. */
bool link_close(nng_socket socket);
void link_leave(void *memory);

/* A message of nng's with these bytes. */
nng_msg *link_message(const char *text, size_t len);

/* --- from nng's threads to the loop ----------------------------------------
 */

/* What waits for the loop; the first member of whatever is put. */
struct inbox_item {
	struct inbox_item *next;
};

struct inbox {
	pthread_mutex_t lock;
	struct inbox_item *first, **last;
	struct wake *wake;
};

void inbox_open(struct inbox *inbox, struct loop *loop, loop_fn *fn, void *ctx);
void inbox_close(struct inbox *inbox); /* no thread may put any more */
void inbox_leave(struct inbox *inbox); /* puts wake nobody any more */
void inbox_put(struct inbox *inbox, struct inbox_item *item); /* any thread */
struct inbox_item *inbox_take(struct inbox *inbox); /* all, oldest first */

/* --- the connections of a socket -------------------------------------------
 */

struct known_pipe {
	nng_pipe pipe;
	int64_t dropped_ms; /* when it was shut down; 0: not */
};

struct pipes {
	nng_socket socket;
	pthread_mutex_t lock; /* for what follows */
	struct known_pipe *known;
	int count, size;
	bool closing;
};

/* Before the socket listens. */
void pipes_open(struct pipes *pipes, nng_socket socket);
/* Ends the connections, then the socket. False as link_close. */
bool pipes_close(struct pipes *pipes);
/* Ends one connection. Any thread. */
void pipe_drop(nng_pipe pipe);

/* --- a connection to one that listens --------------------------------------
 * Dials for ever. All is called and told on the loop. */

enum sp_protocol { SP_PUB = 0x20, SP_SUB, SP_REQ = 0x30, SP_REP };

struct wire_owner {
	void (*changed)(void *ctx, bool up);
	/* The bytes are borrowed. */
	void (*message)(void *ctx, const char *bytes, size_t len);
	void (*drained)(void *ctx); /* there is room again */
};

struct wire;
struct wire *wire_open(struct loop *loop, const char *url,
	const struct link_tls *tls, enum sp_protocol mine,
	enum sp_protocol theirs, const struct wire_owner *owner, void *ctx);
void wire_close(struct wire *wire);
void wire_drop(struct wire *wire);
/* False while it is not up, or too much waits to be written. */
bool wire_has_room(const struct wire *wire);
/* Only if it has room. */
void wire_send(struct wire *wire, uint32_t id, const char *body, size_t len);

#endif
