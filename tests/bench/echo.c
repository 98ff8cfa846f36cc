/* echo: the floor of a message at the edge: libwebsockets on libuv, every
 * text sent back, gathered in one write for each connection and loop turn. It
 * knows no channels and reads no JSON.
 *
 *	echo PORT [all]		until it is killed
 *
 * With `all`, what one says goes to every connection: the floor of fan-out. */
#include "shared/mem.h"
#include "tests/bench/load_usage.h"
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { MESSAGE_MAX = 16 * 1024, RX_BYTES = 1024, TX_BYTES = 256 * 1024 };

struct session {
	struct session *next_pending; /* of those that have something to send */
	struct session *next; /* of all */
	struct lws *wsi;
	char *out;
	size_t out_len, out_size;
	bool listed;
	size_t left; /* of the message that is being received */
};

static struct session *pending, *sessions;
static bool to_all;

static void append(struct session *session, const void *bytes, size_t len)
{
	if (session->out_len + len > session->out_size) {
		session->out_size = (session->out_len + len) * 2;
		session->out = xrealloc(session->out, session->out_size);
	}
	memcpy(session->out + session->out_len, bytes, len);
	session->out_len += len;
}

static void put_head(struct session *session, size_t size)
{
	unsigned char head[4] = {0x81, (unsigned char)size};
	size_t len = 2;
	if (size >= 126) {
		head[1] = 126;
		head[2] = (unsigned char)(size >> 8);
		head[3] = (unsigned char)size;
		len = 4;
	}
	append(session, head, len);
}

static void put(
	struct session *session, size_t begins, const void *bytes, size_t len)
{
	if (begins)
		put_head(session, begins);
	append(session, bytes, len);
	if (session->listed)
		return;
	session->listed = true;
	session->next_pending = pending;
	pending = session;
}

/* A message comes in pieces, others between them. `all` therefore knows only
 * one who says something. */
static void on_piece(struct session *from, const void *bytes, size_t len)
{
	size_t begins = 0;
	if (!from->left)
		begins = from->left =
			len + lws_remaining_packet_payload(from->wsi);
	from->left -= len;
	if (!to_all)
		put(from, begins, bytes, len);
	for (struct session *to = sessions; to && to_all; to = to->next)
		put(to, begins, bytes, len);
}

static int send_pending(struct session *session)
{
	size_t len = session->out_len;
	session->out_len = 0;
	return lws_write(session->wsi, (unsigned char *)session->out, len,
		       LWS_WRITE_RAW) < (int)len;
}

static void on_turn_end(uv_check_t *check)
{
	(void)check;
	while (pending) {
		struct session *session = pending;
		pending = session->next_pending;
		session->listed = false;
		if (!session->out_len)
			continue;
		if (lws_partial_buffered(session->wsi))
			lws_callback_on_writable(session->wsi);
		else
			send_pending(session);
	}
}

static void forget(struct session *session)
{
	struct session **at = &pending;
	while (*at && *at != session)
		at = &(*at)->next_pending;
	if (*at)
		*at = session->next_pending;
	for (at = &sessions; *at != session;)
		at = &(*at)->next;
	*at = session->next;
	free(session->out);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason,
	void *user, void *in, size_t len)
{
	struct session *session = user;
	switch (reason) {
	case LWS_CALLBACK_ESTABLISHED:
		*session = (struct session){.wsi = wsi, .next = sessions};
		sessions = session;
		return 0;
	case LWS_CALLBACK_RECEIVE:
		on_piece(session, in, len);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return session->out_len ? send_pending(session) : 0;
	case LWS_CALLBACK_CLOSED:
		forget(session);
		return 0;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	static const struct lws_protocols protocols[] = {
		{"echo", callback, sizeof(struct session), RX_BYTES, 0, NULL,
			TX_BYTES},
		{0}};
	uv_loop_t loop;
	uv_check_t check;
	void *loops[] = {&loop};
	if (argc < 2)
		fail("usage: echo PORT [all]");
	to_all = argc > 2;
	uv_loop_init(&loop);
	uv_check_init(&loop, &check);
	uv_check_start(&check, on_turn_end);
	struct lws_context_creation_info info = {.port = atoi(argv[1]),
		.iface = "127.0.0.1",
		.protocols = protocols,
		.options = LWS_SERVER_OPTION_LIBUV,
		.foreign_loops = loops,
		.pt_serv_buf_size = 16 * 1024};
	lws_set_log_level(LLL_ERR, NULL);
	if (!lws_create_context(&info))
		fail("libwebsockets does not start");
	return uv_run(&loop, UV_RUN_DEFAULT);
}
