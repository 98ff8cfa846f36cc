/* Written against libwebsockets 4.1.6 of Debian 12, which is the only one to
 * know: its own close from WRITEABLE loses the close frame, writes outside
 * its callbacks are allowed, its timers are set only after its own i/o. */

#include "gateway/edge_inside.h"
#include "shared/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
	RX_BYTES = 1024, /* memory of an idle connection against recv calls */
	TX_BYTES = 262144, /* 0 would mean RX_BYTES for each send */
	SERVICE_BYTES = 16384,
	HEADERS_BYTES = 1024, /* the head we write ourselves */
	HANDSHAKE_S = 10,
	CLOSING_MS = 10000, /* for the output, then the peer's close frame */
	SPARE_FILES = 1024, /* besides connections */
	DRAIN_BATCH = 500, /* closed at once: all of them will be back */
	DRAIN_TICK_MS = 50
};

/* --- the end of the turn ------------------------------------------------ */

void conn_mark(struct conn *conn)
{
	if (!conn->marked.back)
		node_in(&conn->edge->marked, &conn->marked);
}

void conn_doom(struct conn *conn)
{
	conn->doomed = true;
	conn_mark(conn);
}

/* --- writing ------------------------------------------------------------- */

/* All that the kernel takes. False: the connection is dead. */
static bool flush(struct conn *conn)
{
	struct edge *edge = conn->edge;

	while (conn->queue.count && !conn->finished &&
		!lws_partial_buffered(conn->wsi)) {
		size_t len = frame_queue_take(
			&conn->queue, edge->gather, sizeof(edge->gather));

		if (lws_write(conn->wsi, (unsigned char *)edge->gather, len,
			    LWS_WRITE_RAW) < 0)
			return false;
	}
	return true;
}

static void finish(struct conn *conn)
{
	conn->finished = true;
	frame_queue_clear(&conn->queue);
}

static int on_writable(struct conn *conn)
{
	if (conn->finished)
		return 0;
	if (!flush(conn))
		return -1;
	if (conn->queue.count || lws_partial_buffered(conn->wsi)) {
		lws_callback_on_writable(conn->wsi);
	} else if (conn->close_code) {
		/* Returning -1 from here would lose the close frame. */
		finish(conn);
		lws_close_reason(conn->wsi,
			(enum lws_close_status)conn->close_code, NULL, 0);
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
			LWS_TO_KILL_SYNC);
	}
	return 0;
}

static void settle(struct conn *conn)
{
	if (!conn->wsi)
		return;
	if (conn->doomed) {
		lws_set_timeout(conn->wsi, PENDING_TIMEOUT_USER_REASON_BASE,
			LWS_TO_KILL_SYNC);
		conn->edge->nudge = true;
	} else if (!flush(conn)) {
		conn_doom(conn);
	} else if (!conn->finished && (conn->queue.count || conn->close_code)) {
		lws_callback_on_writable(conn->wsi);
	}
}

static void settle_all(struct edge *edge)
{
	while (edge->marked) {
		struct conn *conn = CONN_OF(edge->marked, marked);

		node_out(&conn->marked);
		settle(conn);
	}
}

/* Writing here and not in WRITEABLE, each request of which costs four system
 * calls, halves the price of a message. */
static void on_turn_end(void *ctx)
{
	struct edge *edge = ctx;

	while (edge->marked || edge->webs_marked) {
		webs_settle(edge);
		settle_all(edge);
	}
	if (edge->nudge && edge->lws)
		lws_cancel_service(edge->lws);
	edge->nudge = false;
}

void conn_send(struct conn *conn, struct frame *frame)
{
	if (conn_closing(conn))
		return;
	if (conn->queue.bytes + frame_len(frame) >
		conn->edge->limits.queue_bytes) {
		log_warn_limited("slow client closed",
			log_int("connection", (int64_t)conn->serial),
			log_int("bytes", (int64_t)conn->queue.bytes));
		conn_close(conn, CLOSE_SLOW);
		return;
	}
	frame_queue_put(&conn->queue, frame);
	conn_mark(conn);
}

static void forget_message(struct conn *conn)
{
	if (!conn->message)
		return;
	buf_clear(conn->message);
	free(conn->message);
	conn->message = NULL;
}

void conn_close(struct conn *conn, int code)
{
	assert(code != 1000);
	if (conn_closing(conn))
		return;
	conn->close_code = code;
	forget_message(conn);
	conn_schedule(conn, CLOSING_MS);
	conn_mark(conn);
}

bool conn_closing(const struct conn *conn)
{
	return !conn->wsi || conn->close_code || conn->finished;
}

/* --- reading ------------------------------------------------------------- */

static void on_piece(struct conn *conn, const char *data, size_t len)
{
	struct edge *edge = conn->edge;
	size_t rest = lws_remaining_packet_payload(conn->wsi);
	size_t so_far = conn->message ? conn->message->len : 0;
	bool last = !rest && lws_is_final_fragment(conn->wsi);
	bool binary = lws_frame_is_binary(conn->wsi);

	if (conn_closing(conn))
		return;
	if (rest > edge->limits.message_bytes ||
		so_far + len + rest > edge->limits.message_bytes) {
		conn_close(conn, CLOSE_TOO_BIG);
		return;
	}
	if (last && !conn->message) {
		edge->events.message(edge->ctx, conn, binary, data, len);
		return;
	}
	if (!conn->message) {
		conn->message = xalloc(sizeof(*conn->message));
		buf_init(conn->message, edge->limits.message_bytes);
	}
	buf_put(conn->message, data, len);
	if (last) {
		struct buf *message = conn->message;

		conn->message = NULL;
		edge->events.message(
			edge->ctx, conn, binary, message->data, message->len);
		buf_clear(message);
		free(message);
	}
}

/* --- coming and going ---------------------------------------------------- */

static void on_adopted(struct edge *edge, struct lws *wsi)
{
	struct conn *conn = edge->adopting;

	edge->adopting = NULL;
	conn->wsi = wsi;
	lws_set_opaque_user_data(wsi, conn);
}

static void on_established(struct conn *conn)
{
	struct edge *edge = conn->edge;

	/* With user data of its own lws says when it begins a close. */
	lws_set_wsi_user(conn->wsi, conn);
	conn->opened = true;
	edge->events.opened(edge->ctx, conn);
}

static void let_go(struct conn *conn)
{
	struct edge *edge = conn->edge;

	if (!conn->wsi)
		return;
	finish(conn);
	forget_message(conn);
	node_out(&conn->slot);
	node_out(&conn->marked);
	conn->wsi = NULL;
	if (conn->opened)
		edge->events.closed(edge->ctx, conn);
}

static void conn_free(struct conn *conn)
{
	let_go(conn);
	node_out(&conn->all);
	conn->edge->connections--;
	upgrade_free(conn->upgrade);
	free(conn);
}

void edge_take(struct edge *edge, int fd, struct upgrade *upgrade,
	const char *head, size_t len)
{
	struct conn *conn;

	if (!upgrade) {
		web_take(edge, fd, head, len);
		return;
	}
	conn = xalloc(sizeof(*conn));
	conn->edge = edge;
	conn->upgrade = upgrade;
	conn->serial = ++edge->last_serial;
	node_in(&edge->all, &conn->all);
	edge->connections++;
	conn_schedule(conn, edge->limits.idle_ms);

	edge->adopting = conn;
	lws_adopt_socket_vhost_readbuf(edge->vhost, fd, head, len);
	if (edge->adopting) /* lws did not take it and has closed fd */
		conn_free(conn);
	edge->adopting = NULL;
	edge->nudge = true;
}

/* --- libwebsockets ------------------------------------------------------- */

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t len)
{
	struct conn *conn;

	(void)user;
	switch (reason) {
	case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
		on_adopted(lws_context_user(lws_get_context(wsi)), wsi);
		return 0;
	case LWS_CALLBACK_ESTABLISHED:
	case LWS_CALLBACK_RECEIVE:
	case LWS_CALLBACK_SERVER_WRITEABLE:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED:
	case LWS_CALLBACK_WSI_DESTROY:
		conn = lws_get_opaque_user_data(wsi);
		break;
	default:
		return 0;
	}
	if (!conn) /* lws's own descriptors */
		return 0;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		on_established(conn);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		on_piece(conn, in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return on_writable(conn);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
	case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
		finish(conn);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		lws_set_opaque_user_data(wsi, NULL);
		conn_free(conn);
		return 0;
	default:
		let_go(conn);
		return 0;
	}
}

static void on_log(int level, const char *line)
{
	char text[256];

	/* An error that is none, for every connection. */
	if (strstr(line, "adopt_socket_readbuf"))
		return;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	if (level == LLL_ERR)
		log_error("libwebsockets", log_str("line", text));
	else
		log_warn("libwebsockets", log_str("line", text));
}

/* lws makes its tables as large as the limit of open files, which may be a
 * thousand million; and a small one would be met before max_connections. */
static void set_file_limit(int connections)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t)connections + SPARE_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	if (wanted > limit.rlim_max)
		wanted = limit.rlim_max;
	if (wanted < (rlim_t)connections)
		log_warn("few files may be open",
			log_int("limit", (int64_t)wanted),
			log_int("connections", connections));
	limit.rlim_cur = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void open_lws(struct edge *edge)
{
	static const struct lws_protocols protocols[] = {
		{.name = "phoenix",
			.callback = callback,
			.rx_buffer_size = RX_BYTES,
			.tx_packet_size = TX_BYTES},
		{0},
	};
	/* Who offers no subprotocol gets this one. */
	static const struct lws_protocol_vhost_options is_default = {
		NULL, NULL, "default", "1"};
	static const struct lws_protocol_vhost_options options = {
		NULL, &is_default, "phoenix", ""};
	/* No pings from lws: silence is judged here. */
	static const lws_retry_bo_t no_pings = {0};
	void *loops[] = {loop_native(edge->loop)};
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.pvo = &options,
		.options = LWS_SERVER_OPTION_LIBUV |
			   LWS_SERVER_OPTION_VALIDATE_UTF8 |
			   LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
		.foreign_loops = loops,
		.pcontext = &edge->lws,
		.user = edge,
		.pt_serv_buf_size = SERVICE_BYTES,
		.max_http_header_data = HEADERS_BYTES,
		.timeout_secs = HANDSHAKE_S,
		.retry_and_idle_policy = &no_pings,
	};

	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	edge->lws = lws_create_context(&info);
	if (!edge->lws)
		die("libwebsockets", "cannot start; is its plugin for libuv "
				     "(libwebsockets-evlib-uv) installed?");
	edge->vhost = lws_create_vhost(edge->lws, &info);
	if (!edge->vhost)
		die("libwebsockets", "cannot make its vhost");
}

/* --- the whole ----------------------------------------------------------- */

struct edge *edge_open(struct loop *loop, const struct edge_limits *limits,
	const struct edge_events *events, void *ctx)
{
	struct edge *edge = xalloc(sizeof(*edge));

	edge->loop = loop;
	edge->limits = *limits;
	edge->events = *events;
	edge->ctx = ctx;
	set_file_limit(limits->max_connections);
	open_lws(edge);
	loop_on_turn_end(loop, on_turn_end, edge);
	silence_open(edge);
	return edge;
}

static void on_drain_tick(void *ctx)
{
	struct edge *edge = ctx;
	struct node *node;
	int closed = 0;

	if (!edge->connections ||
		loop_now_ms(edge->loop) >= edge->drain_until_ms) {
		timer_stop(edge->drain);
		edge->drained(edge->drained_ctx);
		return;
	}
	webs_drain(edge);
	for (node = edge->all; node && closed < DRAIN_BATCH;
		node = node->next) {
		struct conn *conn = CONN_OF(node, all);

		if (!conn_closing(conn)) {
			conn_close(conn, CLOSE_RESTART);
			closed++;
		}
	}
}

void edge_drain(
	struct edge *edge, uint64_t deadline_ms, loop_fn *done, void *ctx)
{
	if (edge->drain)
		return;
	edge->drained = done;
	edge->drained_ctx = ctx;
	edge->drain_until_ms = loop_now_ms(edge->loop) + deadline_ms;
	edge->drain = timer_open(edge->loop, on_drain_tick, edge);
	timer_start(edge->drain, 0, DRAIN_TICK_MS);
}

/* With a loop that is not its own, lws is only begun to be destroyed by the
 * first call; the second, when its handles are closed, frees the rest. */
static void on_loop_closed(void *ctx)
{
	struct edge *edge = ctx;

	if (edge->lws)
		lws_context_destroy(edge->lws);
	free(edge);
}

void edge_close(struct edge *edge)
{
	if (!edge)
		return;
	silence_close(edge);
	timer_close(edge->drain);
	webs_close(edge);
	loop_on_close(edge->loop, on_loop_closed, edge);
	lws_context_destroy(edge->lws);
}

int edge_connections(const struct edge *edge)
{
	return edge->connections;
}

int edge_room(const struct edge *edge)
{
	return edge->limits.max_connections - edge->connections;
}

uint64_t conn_serial(const struct conn *conn)
{
	return conn->serial;
}

const struct upgrade *conn_upgrade(const struct conn *conn)
{
	return conn->upgrade;
}

void conn_set_data(struct conn *conn, void *data)
{
	conn->data = data;
}

void *conn_data(const struct conn *conn)
{
	return conn->data;
}
