/* HTTP/1.1 in our own words, for sockets that are no WebSockets.
 *
 * Not by libwebsockets: 4.1.6 takes the head it was adopted with for the
 * request's body, and a second request behind a POST makes it loop for ever.
 * Nor by libmicrohttpd, which cannot be given bytes that were read already.
 *
 * One request is at hand at a time. While it is, nothing is read. */

#include "gateway/edge_inside.h"
#include "gateway/reason.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_BYTES = 16384,
	KEEPALIVE_MS = 60000, /* for the next request to begin */
	HEAD_MS = 10000, /* for the rest of a head */
	BODY_MS = 20000, /* for the rest of a body */
	WRITE_MS = 30000, /* for a reader to take some of the answer */
	LINGER_MS = 2000 /* for a refused client to read why */
};

struct web { /* a connection */
	struct edge *edge;
	int fd;
	struct watch *watch;
	struct timer *deadline;
	struct node all, marked;
	uint64_t serial;
	struct buf in; /* received, not consumed */
	struct buf out; /* the answer */
	size_t sent; /* of it */
	size_t needed; /* bytes of the request whose head is known; or 0 */
	struct http *http; /* the request at hand */
	bool last; /* the connection ends with this answer */
	bool refused; /* there may be more to come that nobody reads */
	bool lingering;
	bool told_continue;
};

#define WEB_OF(node, member) \
	((struct web *)(void *)((char *)(node)-offsetof(struct web, member)))

static void mark(struct web *web)
{
	if (!web->marked.back)
		node_in(&web->edge->webs_marked, &web->marked);
}

static void http_free(struct http *http)
{
	http->web->http = NULL;
	arena_clear(&http->arena);
	free(http);
}

static void web_close(struct web *web)
{
	struct edge *edge = web->edge;

	if (web->http) {
		edge->events.gone(edge->ctx, web->http);
		http_free(web->http);
	}
	node_out(&web->all);
	node_out(&web->marked);
	watch_close(web->watch);
	timer_close(web->deadline);
	close(web->fd);
	edge->connections--;
	buf_clear(&web->in);
	buf_clear(&web->out);
	free(web);
}

/* --- answering ----------------------------------------------------------- */

/* A header's text cannot end it. */
static void put_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_putc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

static void put_header(struct buf *out, const char *name, const char *value)
{
	put_clean(out, name);
	buf_puts(out, ": ");
	put_clean(out, value);
	buf_puts(out, "\r\n");
}

static void put_answer(struct web *web, bool with_body, int status,
	const char *type, const void *body, size_t len,
	const struct http_header *headers, int n_headers)
{
	struct buf *out = &web->out;

	buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	if (type)
		put_header(out, "Content-Type", type);
	for (int i = 0; i < n_headers; i++)
		put_header(out, headers[i].name, headers[i].value);
	if (status != 204 && status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", type ? len : 0);
	if (web->last)
		put_header(out, "Connection", "close");
	buf_puts(out, "\r\n");
	if (type && with_body)
		buf_put(out, body, len);
	mark(web);
}

void http_reply(struct http *http, int status, const char *type,
	const void *body, size_t len, const struct http_header *headers,
	int n_headers)
{
	struct web *web = http->web;

	put_answer(web, http->request.method != HTTP_HEAD, status, type, body,
		len, headers, n_headers);
	http_free(http);
}

/* In the shape of the application's own errors. */
static void refuse(struct web *web, struct refusal refusal)
{
	static const struct {
		int status;
		const char *code;
	} codes[] = {{408, "timeout"}, {411, "length_required"},
		{413, "too_large"}, {414, "too_large"}, {431, "too_large"},
		{501, "unknown_op"}};
	static const struct http_header headers[] = {
		{"X-Content-Type-Options", "nosniff"},
		{"Cache-Control", "no-store"}};
	const char *code = "bad_request";
	struct buf body;

	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i].status == refusal.status)
			code = codes[i].code;
	buf_init(&body, 256);
	buf_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}",
		code, refusal.reason);
	web->last = web->refused = true;
	put_answer(web, true, refusal.status, "application/json", body.data,
		body.len, headers, COUNT(headers));
	buf_clear(&body);
}

/* --- one after the other ------------------------------------------------- */

static void wait_for(struct web *web, int events, uint64_t timeout_ms)
{
	watch_set(web->watch, events);
	timer_start(web->deadline, timeout_ms, 0);
}

static void consume(struct web *web, size_t len)
{
	memmove(web->in.data, web->in.data + len, web->in.len - len);
	web->in.len -= len;
	web->in.data[web->in.len] = '\0';
}

static void deliver(struct web *web, const struct head *head, size_t head_len)
{
	struct edge *edge = web->edge;
	struct http *http = xalloc(sizeof(*http));
	struct refusal refusal;

	web->http = http;
	http->web = web;
	if (!head->http11 || head_has_word(head, "connection", "close"))
		web->last = true;
	refusal = http_read(http, head);
	http->request.body_len = web->needed - head_len;
	http->request.body = arena_strndup(
		&http->arena, web->in.data + head_len, http->request.body_len);
	consume(web, web->needed);
	web->needed = 0;
	web->told_continue = false;
	if (refusal.status) {
		http_free(http);
		refuse(web, refusal);
		return;
	}
	watch_set(web->watch, 0);
	timer_stop(web->deadline);
	edge->events.request(edge->ctx, http);
}

/* A client that asks first is told to go on; it would wait a second. */
static void tell_continue(struct web *web, const struct head *head)
{
	static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (web->told_continue ||
		!head_has_word(head, "expect", "100-continue"))
		return;
	web->told_continue = true;
	/* Nothing is under way on this connection, so it fits. */
	if (send(web->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0)
		web->last = true;
}

/* Takes the next request if it is there, else waits for it. */
static void go_on(struct web *web)
{
	struct refusal refusal;
	struct head head;
	size_t head_len, body_len;

	if (web->in.len < web->needed) {
		watch_set(web->watch, WATCH_READ);
		return;
	}
	if (!web->in.len) {
		buf_clear(&web->in);
		wait_for(web, WATCH_READ, KEEPALIVE_MS);
		return;
	}
	refusal = head_read(&head, web->in.data, web->in.len, &head_len);
	if (!refusal.status && head_len)
		refusal = http_check(
			&head, web->edge->limits.body_bytes, &body_len);
	if (refusal.status) {
		refuse(web, refusal);
	} else if (!head_len) {
		watch_set(web->watch, WATCH_READ);
	} else {
		web->needed = head_len + body_len;
		if (web->in.len >= web->needed) {
			deliver(web, &head, head_len);
		} else {
			tell_continue(web, &head);
			wait_for(web, WATCH_READ, BODY_MS);
		}
	}
}

static void read_more(struct web *web)
{
	char bytes[READ_BYTES];
	bool fresh = !web->in.len;
	size_t room = web->in.max - web->in.len;
	ssize_t len = recv(web->fd, bytes,
		web->lingering || room > sizeof(bytes) ? sizeof(bytes) : room,
		0);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len <= 0) {
		web_close(web);
		return;
	}
	if (web->lingering)
		return;
	buf_put(&web->in, bytes, (size_t)len);
	if (fresh)
		timer_start(web->deadline, HEAD_MS, 0);
	go_on(web);
}

/* Closing a socket with unread bytes resets it, and the answer may be lost:
 * after a refusal the client closes first, or time does. */
static void end(struct web *web)
{
	if (!web->refused && !web->in.len) {
		web_close(web);
		return;
	}
	shutdown(web->fd, SHUT_WR);
	web->lingering = true;
	wait_for(web, WATCH_READ, LINGER_MS);
}

static void write_more(struct web *web)
{
	ssize_t len = send(web->fd, web->out.data + web->sent,
		web->out.len - web->sent, MSG_NOSIGNAL);

	if (len < 0 && errno != EAGAIN && errno != EINTR) {
		web_close(web);
		return;
	}
	if (len > 0)
		web->sent += (size_t)len;
	if (web->sent < web->out.len) {
		wait_for(web, WATCH_WRITE, WRITE_MS);
		return;
	}
	buf_clear(&web->out);
	web->sent = 0;
	if (web->last)
		end(web);
	else
		go_on(web);
}

static void on_ready(void *ctx, int events)
{
	struct web *web = ctx;

	(void)events;
	if (web->out.len)
		write_more(web);
	else
		read_more(web);
}

static void on_deadline(void *ctx)
{
	struct web *web = ctx;

	if (web->in.len && !web->out.len && !web->lingering)
		refuse(web, (struct refusal){
				    408, "the request did not come in time"});
	else
		web_close(web);
}

/* --- for the edge -------------------------------------------------------- */

void web_take(struct edge *edge, int fd, const char *head, size_t len)
{
	struct web *web = xalloc(sizeof(*web));

	web->edge = edge;
	web->fd = fd;
	web->serial = ++edge->last_serial;
	buf_init(&web->in, HEAD_MAX + edge->limits.body_bytes);
	buf_init(&web->out, SIZE_MAX / 2);
	node_in(&edge->webs, &web->all);
	edge->connections++;
	web->deadline = timer_open(edge->loop, on_deadline, web);
	web->watch = watch_open(edge->loop, fd, on_ready, web);
	if (!web->watch) {
		web_close(web);
		return;
	}
	buf_put(&web->in, head, len);
	timer_start(web->deadline, HEAD_MS, 0);
	go_on(web);
}

void webs_settle(struct edge *edge)
{
	while (edge->webs_marked) {
		struct web *web = WEB_OF(edge->webs_marked, marked);

		node_out(&web->marked);
		if (web->out.len)
			write_more(web);
	}
}

void webs_drain(struct edge *edge)
{
	struct node *node, *next;

	for (node = edge->webs; node; node = next) {
		struct web *web = WEB_OF(node, all);

		next = node->next;
		web->last = true;
		if (!web->http && !web->out.len)
			web_close(web);
	}
}

void webs_close(struct edge *edge)
{
	while (edge->webs)
		web_close(WEB_OF(edge->webs, all));
}

uint64_t http_serial(const struct http *http)
{
	return http->web->serial;
}
