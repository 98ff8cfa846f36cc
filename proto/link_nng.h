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
void link_dial(nng_socket socket, const char *url, const struct link_tls *tls);
void link_listen(
	nng_socket socket, const char *url, const struct link_tls *tls);

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
	bool ready; /* messages may pass */
	int64_t dropped_ms; /* when it was shut down; 0: not */
};

struct pipes {
	nng_socket socket;
	struct wake *wake; /* told of changes; may be NULL */
	pthread_mutex_t lock; /* for what follows */
	struct known_pipe *known;
	int count, size;
	bool lost; /* one that was ready, since pipes_news was asked */
	bool closing;
};

/* Before the socket dials or listens. */
void pipes_open(struct pipes *pipes, nng_socket socket, struct wake *wake);
/* Ends the connections, then the socket. False as link_close. */
bool pipes_close(struct pipes *pipes);
/* True if one is ready; *lost if one went away since the last call. */
bool pipes_news(struct pipes *pipes, bool *lost);
/* Ends all connections there are, or this one. Any thread. One that is still
 * there a second later is ended by force the next time. */
void pipes_drop(struct pipes *pipes);
void pipe_drop(nng_pipe pipe);

/* --- whether nng still buries its dead --------------------------------------
 * A socket that dials asks now and then while it has no connection; the
 * process ends when there is no hope of ever having one again. */

struct canary;
struct canary *canary_open(void);
void canary_close(struct canary *canary);
/* To be called every CANARY_MS. */
enum { CANARY_MS = 10000 };
void canary_tick(struct canary *canary, bool connected);

#endif
