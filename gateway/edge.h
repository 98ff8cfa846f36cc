/* edge: sockets of browsers; WebSockets by libwebsockets (edge_inside.h is the
 * only includer of its header), HTTP in our own words.
 *
 * The listener hands over accepted sockets; what arrives comes out as whole
 * WebSocket messages or HTTP requests. Everything runs on the loop. No event
 * is ever called from within conn_send, conn_close or http_reply. */
#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include "gateway/frame.h"
#include "gateway/head.h"
#include "shared/loop.h"
#include "shared/mem.h"

/* --- WebSocket connections ----------------------------------------------- */

struct conn;

enum { /* close codes we send; never 1000 */
	CLOSE_GONE = 1001,
	CLOSE_TOO_BIG = 1009,
	CLOSE_UNDECODABLE = 1011,
	CLOSE_RESTART = 1012,
	CLOSE_SLOW = 1013
};

/* Queues; written at the end of the loop turn. The queue is bounded in bytes:
 * past the limit the connection is closed with CLOSE_SLOW. Nothing happens
 * once a close has begun. The caller keeps its reference. */
void conn_send(struct conn *conn, struct frame *frame);

/* Sends what is queued, then the close frame. The first code counts; what
 * arrives afterwards is ignored. */
void conn_close(struct conn *conn, int code);

bool conn_closing(const struct conn *conn);
uint64_t conn_serial(const struct conn *conn); /* never used twice; > 0 */
const struct upgrade *conn_upgrade(const struct conn *conn);
void conn_set_data(struct conn *conn, void *data);
void *conn_data(const struct conn *conn);

/* --- HTTP requests ------------------------------------------------------- */

struct http; /* one request, answered exactly once */

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,
	HTTP_PUT,
	HTTP_DELETE,
	HTTP_OPTIONS,
	HTTP_PATCH
};

struct http_request {
	enum http_method method;
	/* Percent-decoded UTF-8 without dot segments; begins with /. */
	const char *path;
	const char *host; /* NULL if absent (HTTP/1.0), like all below */
	const char *origin, *content_type, *authorization;
	const char *if_none_match, *request_headers; /* CORS preflight's list */
	const char *body; /* never NULL */
	size_t body_len;
};

struct http_header {
	const char *name, *value;
};

/* Borrowed until answered. */
const struct http_request *http_request(const struct http *http);
/* The decoded value of a query parameter, the last of that name; NULL if
 * absent. Borrowed until answered. */
const char *http_param(const struct http *http, const char *name);
uint64_t http_serial(const struct http *http); /* of its connection */
void http_set_data(struct http *http, void *data);
void *http_data(const struct http *http);

/* Answers and forgets http. Copies everything. `type` NULL: no body. HEAD
 * gets the length only. Content-Length and, where needed, Connection: close
 * are added; nothing else. */
void http_reply(struct http *http, int status, const char *type,
	const void *body, size_t len, const struct http_header *headers,
	int n_headers);

/* --- the edge ------------------------------------------------------------ */

struct edge_limits {
	size_t message_bytes; /* of one WebSocket message: 128 KB */
	size_t queue_bytes; /* waiting for one connection: 1 MB */
	size_t body_bytes; /* of an HTTP request: 64 KB */
	uint64_t idle_ms; /* no byte in: closed with CLOSE_GONE */
	int max_connections; /* at once; more wait in the backlog */
};

struct edge_events {
	void (*opened)(void *ctx, struct conn *conn);
	/* One whole message; text is valid UTF-8. */
	void (*message)(void *ctx, struct conn *conn, bool binary,
		const char *data, size_t len);
	/* The last call for this connection; conn is freed afterwards. */
	void (*closed)(void *ctx, struct conn *conn);
	/* Answered now or later by http_reply. */
	void (*request)(void *ctx, struct http *http);
	/* The peer went away before the answer: http is freed afterwards. */
	void (*gone)(void *ctx, struct http *http);
};

struct edge;
/* `limits` and `events` are copied. */
struct edge *edge_open(struct loop *loop, const struct edge_limits *limits,
	const struct edge_events *events, void *ctx);

/* For the listener: a socket with what was read from it so far. Takes fd and
 * upgrade (NULL: plain HTTP). */
void edge_take(struct edge *edge, int fd, struct upgrade *upgrade,
	const char *head, size_t len);

int edge_connections(const struct edge *edge);
int edge_room(const struct edge *edge); /* how many more may come */

/* Closes every WebSocket with CLOSE_RESTART (in batches) and every HTTP
 * connection; calls done() when none is left or after `deadline_ms`. */
void edge_drain(
	struct edge *edge, uint64_t deadline_ms, loop_fn *done, void *ctx);
/* After the drain; may be called from done(). What is left is dropped, with
 * `closed` or `gone` for each; the rest is freed by loop_close's time. */
void edge_close(struct edge *edge); /* NULL is fine */

#endif
