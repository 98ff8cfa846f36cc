/* Answering: requests over one REP socket, each in a context of its own, to be
 * answered whenever the daemon is ready.
 *
 * Contexts and not a raw socket: a raw one drops replies silently when a peer
 * reads slowly. When all contexts are at work nng stops reading. A reply to a
 * peer that has gone is a success to nng 1.5.2, so nobody learns from here
 * whether an answer was heard. */

#include "proto/link_nng.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>

enum {
	CONTEXTS = 256,
	REPLY_TIMEOUT_MS = 10000 /* a peer that reads nothing for so long */
};

/* A request's place. nng's while it receives and replies, the loop's between.
 */
struct asked {
	struct inbox_item item;
	struct server *server;
	nng_ctx context;
	nng_aio *aio;
	bool replying;
	nng_pipe pipe; /* where it came from */
	nng_msg *message; /* received, not yet read */
	int64_t received_ms;
	int op; /* -1 if it had none we know */
	struct arena arena;
};

struct server {
	nng_socket socket;
	struct pipes pipes;
	struct inbox inbox;
	server_fn *handle;
	void *ctx;
	struct buf text; /* of the reply being encoded */
	struct asked places[CONTEXTS];
};

static void on_step(void *arg);
static void on_wake(void *arg);

static void receive(struct asked *asked)
{
	asked->replying = false;
	nng_aio_set_timeout(asked->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(asked->context, asked->aio);
}

struct server *server_open(struct loop *loop, const char *url,
	const struct link_tls *tls, server_fn *handle, void *ctx)
{
	struct server *server = xalloc(sizeof(*server));

	server->handle = handle;
	server->ctx = ctx;
	buf_init(&server->text, LINK_MAX_BYTES);
	inbox_open(&server->inbox, loop, on_wake, server);
	link_must(nng_rep0_open(&server->socket), url);
	link_limit(server->socket);
	pipes_open(&server->pipes, server->socket);
	for (int i = 0; i < CONTEXTS; i++) {
		struct asked *asked = &server->places[i];

		asked->server = server;
		link_must(nng_ctx_open(&asked->context, server->socket), url);
		link_must(nng_aio_alloc(&asked->aio, on_step, asked), url);
		receive(asked);
	}
	link_listen(server->socket, url, tls);
	return server;
}

/* nng's thread: a reply was handed over or given up. */
static void on_replied(struct asked *asked, int result)
{
	if (result)
		nng_msg_free(nng_aio_get_msg(asked->aio)); /* still ours */
	if (result == NNG_ETIMEDOUT)
		pipe_drop(asked->pipe);
	receive(asked);
}

/* nng's thread. */
static void on_step(void *arg)
{
	struct asked *asked = arg;
	int result = nng_aio_result(asked->aio);

	if (asked->replying) {
		on_replied(asked, result);
	} else if (result == 0) {
		asked->message = nng_aio_get_msg(asked->aio);
		asked->pipe = nng_msg_get_pipe(asked->message);
		asked->received_ms = clock_mono_ms();
		inbox_put(&asked->server->inbox, &asked->item);
	} else if (result != NNG_ECLOSED && result != NNG_ECANCELED) {
		receive(asked);
	}
}

static void on_asked(struct asked *asked)
{
	struct server *server = asked->server;
	struct codec_fault fault;
	struct request request;
	enum status status;

	status = request_decode(nng_msg_body(asked->message),
		nng_msg_len(asked->message), &asked->arena, &request, &fault);
	nng_msg_free(asked->message);
	asked->message = NULL;
	asked->op = request.op;
	if (status == OK) {
		server->handle(server->ctx, asked, &request);
		return;
	}
	log_warn_limited("request not understood",
		log_str("op", request.op < 0 ? "" : op_infos[request.op].name),
		log_str("status", status_code(status)),
		log_str("why", fault.text));
	asked_reply(asked, status, fault.text, NULL);
}

static void on_wake(void *arg)
{
	struct server *server = arg;
	struct inbox_item *item = inbox_take(&server->inbox), *next;

	for (; item; item = next) {
		next = item->next;
		on_asked((struct asked *)(void *)item);
	}
}

void asked_reply(struct asked *asked, enum status status, const char *message,
	const void *body)
{
	struct buf *text = &asked->server->text;

	buf_reset(text);
	reply_encode(text, asked->op, status, message, body);
	if (text->full) {
		log_error("reply over the limit of a message",
			log_str("op", op_infos[asked->op].name));
		buf_reset(text);
		reply_encode(text, asked->op, INTERNAL,
			"the reply is over the limit of a message", NULL);
	}
	arena_clear(&asked->arena);
	asked->replying = true;
	nng_aio_set_timeout(asked->aio, REPLY_TIMEOUT_MS);
	nng_aio_set_msg(asked->aio, link_message(text->data, text->len));
	nng_ctx_send(asked->context, asked->aio);
}

struct arena *asked_arena(struct asked *asked)
{
	return &asked->arena;
}

uint64_t asked_age_ms(const struct asked *asked)
{
	return (uint64_t)(clock_mono_ms() - asked->received_ms);
}

void server_close(struct server *server)
{
	if (!server)
		return;
	if (!pipes_close(&server->pipes)) {
		inbox_leave(&server->inbox);
		link_leave(server);
		return;
	}
	for (int i = 0; i < CONTEXTS; i++) {
		struct asked *asked = &server->places[i];

		nng_aio_stop(asked->aio); /* its callback has returned */
		nng_aio_free(asked->aio);
		nng_msg_free(asked->message);
		arena_clear(&asked->arena);
	}
	inbox_close(&server->inbox);
	buf_clear(&server->text);
	free(server);
}
