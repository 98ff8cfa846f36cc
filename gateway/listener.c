/* The port is ours and not libwebsockets', which can neither share one nor
 * answer a bad upgrade with a status. */

#include "gateway/listener.h"
#include "gateway/reason.h"
#include "shared/log.h"
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	ACCEPTS = 64, /* per turn, so that the connected are served too */
	HEAD_TIMEOUT_MS = 10000,
	LINGER_MS = 2000, /* after a refusal, for what is still under way */
	PAUSE_MS = 100, /* when no more can be accepted */
	CANONICAL_MAX = 512
};

/* A connection whose head is incomplete, or that has just been refused. */
struct pending {
	struct listener *listener;
	struct pending *next, **back;
	struct watch *watch;
	struct timer *deadline;
	int fd;
	bool refused;
	size_t len;
	char head[HEAD_MAX];
};

struct listener {
	struct loop *loop;
	struct edge *edge;
	struct head_rules rules;
	char *hosts; /* owns rules.origins.hosts */
	int fd;
	struct watch *watch;
	struct timer *pause;
	struct pending *pending;
	int n_pending;
	struct buf canonical;
};

/* --- one connection ------------------------------------------------------ */

static void pending_free(struct pending *pending)
{
	*pending->back = pending->next;
	if (pending->next)
		pending->next->back = pending->back;
	pending->listener->n_pending--;
	watch_close(pending->watch);
	timer_close(pending->deadline);
	free(pending);
}

static void drop(struct pending *pending)
{
	int fd = pending->fd;

	pending_free(pending);
	close(fd);
}

static void on_readable(void *ctx, int events);
static void on_deadline(void *ctx);

/* The deadline is for the whole head, however often more of it comes. */
static void wait_for_more(struct pending *pending)
{
	struct loop *loop = pending->listener->loop;

	if (pending->watch)
		return;
	pending->watch = watch_open(loop, pending->fd, on_readable, pending);
	if (!pending->watch) {
		drop(pending);
		return;
	}
	watch_set(pending->watch, WATCH_READ);
	pending->deadline = timer_open(loop, on_deadline, pending);
	timer_start(pending->deadline,
		pending->refused ? LINGER_MS : HEAD_TIMEOUT_MS, 0);
}

/* What a client sends after a refused head is read and thrown away: closing
 * a socket with unread bytes resets it, and the answer may be lost. */
static void refuse(struct pending *pending, int status, const char *reason)
{
	char answer[512];
	int len = snprintf(answer, sizeof(answer),
		"HTTP/1.1 %d %s\r\n%sContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		status, http_reason(status),
		*reason ? "Content-Type: text/plain\r\n" : "", strlen(reason),
		reason);

	/* The first bytes of a connection always fit. */
	if (send(pending->fd, answer, (size_t)len, MSG_NOSIGNAL) < 0) {
		drop(pending);
		return;
	}
	shutdown(pending->fd, SHUT_WR);
	pending->refused = true;
	if (pending->deadline)
		timer_start(pending->deadline, LINGER_MS, 0);
	wait_for_more(pending);
}

static void hand_over(struct pending *pending, struct upgrade *upgrade,
	const char *data, size_t len)
{
	struct edge *edge = pending->listener->edge;
	int fd = pending->fd;

	/* Off the loop first: it knows one watcher per descriptor. */
	watch_close(pending->watch);
	pending->watch = NULL;
	edge_take(edge, fd, upgrade, data, len);
	pending_free(pending);
}

static void judge(struct pending *pending)
{
	struct listener *listener = pending->listener;
	struct buf *canonical = &listener->canonical;
	struct head_result result;

	head_parse(pending->head, pending->len, &listener->rules, &result,
		canonical);
	switch (result.verdict) {
	case HEAD_MORE:
		wait_for_more(pending);
		break;
	case HEAD_REFUSE:
		refuse(pending, result.status, result.reason);
		break;
	case HEAD_REST:
		hand_over(pending, NULL, pending->head, pending->len);
		break;
	case HEAD_UPGRADE:
		buf_put(canonical, pending->head + result.head_len,
			pending->len - result.head_len);
		hand_over(pending, result.upgrade, canonical->data,
			canonical->len);
		break;
	}
}

static void read_some(struct pending *pending)
{
	size_t used = pending->refused ? 0 : pending->len;
	ssize_t len = recv(pending->fd, pending->head + used,
		sizeof(pending->head) - used, 0);

	if (len < 0 && (errno == EAGAIN || errno == EINTR)) {
		wait_for_more(pending);
	} else if (len <= 0) {
		drop(pending);
	} else if (!pending->refused) {
		pending->len += (size_t)len;
		judge(pending);
	}
}

static void on_readable(void *ctx, int events)
{
	(void)events;
	read_some(ctx);
}

static void on_deadline(void *ctx)
{
	struct pending *pending = ctx;

	if (pending->refused || !pending->len)
		drop(pending);
	else
		refuse(pending, 408, "the request did not come in time");
}

/* --- accepting ----------------------------------------------------------- */

static void welcome(struct listener *listener, int fd)
{
	struct pending *pending = xalloc(sizeof(*pending));

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	pending->listener = listener;
	pending->fd = fd;
	pending->next = listener->pending;
	pending->back = &listener->pending;
	if (pending->next)
		pending->next->back = &pending->next;
	listener->pending = pending;
	listener->n_pending++;
	/* Nearly always the head is there already. */
	read_some(pending);
}

/* What waits stays in the backlog, which is level-triggered: asking again at
 * once would only spin. */
static void pause_accepting(struct listener *listener, const char *why)
{
	log_warn_limited("not accepting for a moment", log_str("why", why));
	watch_set(listener->watch, 0);
	timer_start(listener->pause, PAUSE_MS, 0);
}

static void on_pause_end(void *ctx)
{
	struct listener *listener = ctx;

	watch_set(listener->watch, WATCH_READ);
}

static void on_connection(void *ctx, int events)
{
	struct listener *listener = ctx;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		int fd;

		if (edge_room(listener->edge) <= listener->n_pending) {
			pause_accepting(listener, "too many connections");
			return;
		}
		fd = accept4(
			listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			welcome(listener, fd);
			continue;
		}
		if (errno == EAGAIN)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM) {
			pause_accepting(listener, strerror(errno));
			return;
		}
		/* Otherwise that one connection has failed. */
	}
}

/* --- the port ------------------------------------------------------------ */

static int bind_to(const struct addrinfo *address)
{
	int one = 1;
	int fd = socket(address->ai_family,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (!bind(fd, address->ai_addr, address->ai_addrlen) &&
		!listen(fd, BACKLOG))
		return fd;
	close(fd);
	return -1;
}

static int listen_on(const char *address)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	const char *colon = strrchr(address, ':');
	struct addrinfo *found = NULL;
	bool bracketed = *address == '[' && colon && colon[-1] == ']';
	char *host;
	int fd = -1, failure;

	if (!colon)
		die(address, "is not HOST:PORT");
	host = bracketed ? xstrndup(address + 1, (size_t)(colon - address) - 2)
			 : xstrndup(address, (size_t)(colon - address));
	failure = getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found);
	free(host);
	if (failure)
		die(address, gai_strerror(failure));
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
		fd = bind_to(a);
	if (fd < 0)
		die(address, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

struct listener *listener_open(struct loop *loop, const char *address,
	const struct head_rules *rules, struct edge *edge)
{
	struct listener *listener = xalloc(sizeof(*listener));

	listener->loop = loop;
	listener->edge = edge;
	listener->rules = *rules;
	listener->hosts = xstrdup(rules->origins.hosts);
	listener->rules.origins.hosts = listener->hosts;
	buf_init(&listener->canonical, CANONICAL_MAX + HEAD_MAX);
	listener->fd = listen_on(address);
	listener->pause = timer_open(loop, on_pause_end, listener);
	listener->watch =
		watch_open(loop, listener->fd, on_connection, listener);
	if (!listener->watch)
		die(address, "cannot be watched");
	watch_set(listener->watch, WATCH_READ);
	return listener;
}

int listener_port(const struct listener *listener)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	getsockname(listener->fd, (struct sockaddr *)&address, &size);
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

void listener_close(struct listener *listener)
{
	if (!listener)
		return;
	while (listener->pending)
		drop(listener->pending);
	watch_close(listener->watch);
	timer_close(listener->pause);
	close(listener->fd);
	buf_clear(&listener->canonical);
	free(listener->hosts);
	free(listener);
}
