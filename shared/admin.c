/* The admin port: three pages, for machines that watch us. */

#include "shared/json.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MAX_CONNECTIONS = 16,
	MAX_MEMORY = 8192, /* bytes per connection */
	IDLE_SECONDS = 5,
	MAX_PAGE = 1024 * 1024,
	HOST_MAX = 256,
	BACKLOG = 16
};

struct admin {
	struct MHD_Daemon *daemon;
	struct watch *watch;
	struct timer *timer;
	ready_fn *ready;
	void *ctx;
	int port;
};

/* --- pages -------------------------------------------------------------- */

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned code,
	const char *type, struct buf *body)
{
	size_t len = body->len;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		len, buf_take(body), MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(
		response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	/* Without threads, pipelined requests would wait for ever. */
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(
			response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	result = MHD_queue_response(connection, code, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result reply_text(
	struct MHD_Connection *connection, unsigned code, const char *text)
{
	struct buf body;

	buf_init(&body, MAX_PAGE);
	buf_puts(&body, text);
	return reply(connection, code, "text/plain; charset=utf-8", &body);
}

static enum MHD_Result reply_ready(
	struct admin *admin, struct MHD_Connection *connection)
{
	const char *reason = admin->ready ? admin->ready(admin->ctx) : NULL;
	struct json_writer w;
	struct buf body;

	buf_init(&body, MAX_PAGE);
	json_begin(&w, &body);
	json_open(&w, NULL, '{');
	json_put_bool(&w, "ready", !reason);
	if (reason)
		json_put_str(&w, "reason", reason);
	json_shut(&w, '}');
	return reply(connection,
		reason ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK,
		"application/json", &body);
}

static enum MHD_Result reply_metrics(struct MHD_Connection *connection)
{
	struct buf body;

	buf_init(&body, MAX_PAGE);
	metrics_print(&body);
	return reply(connection, MHD_HTTP_OK,
		"text/plain; version=0.0.4; charset=utf-8", &body);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version,
	const char *upload, size_t *upload_len, void **state)
{
	static int seen;

	(void)version;
	(void)upload;
	(void)upload_len;
	if (strcmp(method, MHD_HTTP_METHOD_GET) &&
		strcmp(method, MHD_HTTP_METHOD_HEAD))
		return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
			"this port is read only\n");
	if (!*state) { /* the first call shows the head only */
		*state = &seen;
		return MHD_YES;
	}
	if (!strcmp(url, "/healthz"))
		return reply_text(connection, MHD_HTTP_OK, "ok\n");
	if (!strcmp(url, "/readyz"))
		return reply_ready(ctx, connection);
	if (!strcmp(url, "/metrics"))
		return reply_metrics(connection);
	return reply_text(connection, MHD_HTTP_NOT_FOUND,
		"there is /healthz, /readyz and /metrics\n");
}

/* --- the loop ----------------------------------------------------------- */

static void turn(void *ctx)
{
	struct admin *admin = ctx;
	MHD_UNSIGNED_LONG_LONG wait_ms;

	MHD_run(admin->daemon);
	if (MHD_get_timeout(admin->daemon, &wait_ms) == MHD_YES)
		timer_start(admin->timer, wait_ms, 0);
	else
		timer_stop(admin->timer);
}

static void on_ready(void *ctx, int events)
{
	(void)events;
	turn(ctx);
}

/* A listening socket on HOST:PORT, or death. */
static int listen_on(const char *address)
{
	const char *colon = strrchr(address, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *found;
	char host[HOST_MAX];
	const int on = 1;
	size_t len;
	int fd, fault;

	if (!colon || colon == address || !colon[1])
		die(address, "the admin port is HOST:PORT, or off");
	len = (size_t)(colon - address);
	if (address[0] == '[' && address[len - 1] == ']') { /* IPv6 */
		address++;
		len -= 2;
	}
	if (len >= sizeof(host))
		die(address, "the host is too long");
	memcpy(host, address, len);
	host[len] = '\0';
	fault = getaddrinfo(host, colon + 1, &hints, &found);
	if (fault)
		die(address, gai_strerror(fault));
	fd = socket(found->ai_family,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
		bind(fd, found->ai_addr, found->ai_addrlen) ||
		listen(fd, BACKLOG))
		die(address, strerror(errno));
	freeaddrinfo(found);
	return fd;
}

static int port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	char port[NI_MAXSERV];

	if (getsockname(fd, (struct sockaddr *)&address, &len) ||
		getnameinfo((struct sockaddr *)&address, len, NULL, 0, port,
			sizeof(port), NI_NUMERICSERV))
		return 0;
	return atoi(port);
}

struct admin *admin_open(struct loop *loop, const char *listen_address,
	ready_fn *ready, void *ctx)
{
	struct admin *admin;
	int fd;

	if (!strcmp(listen_address, "off"))
		return NULL;
	admin = xalloc(sizeof(*admin));
	admin->ready = ready;
	admin->ctx = ctx;
	fd = listen_on(listen_address);
	admin->port = port_of(fd);
	admin->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL,
		on_request, admin, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
		MHD_OPTION_END);
	if (!admin->daemon)
		die(listen_address, "the admin port cannot be served");
	admin->timer = timer_open(loop, turn, admin);
	admin->watch = watch_open(loop,
		MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD)
			->epoll_fd,
		on_ready, admin);
	watch_set(admin->watch, WATCH_READ);
	turn(admin);
	return admin;
}

void admin_close(struct admin *admin)
{
	if (!admin)
		return;
	watch_close(admin->watch);
	timer_close(admin->timer);
	MHD_stop_daemon(admin->daemon); /* and the listening socket */
	free(admin);
}

int admin_port(const struct admin *admin)
{
	return admin ? admin->port : 0;
}
