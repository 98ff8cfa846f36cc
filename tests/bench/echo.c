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

static void put_frame(struct session *session, const void *text, size_t len)
{
	unsigned char head[4] = {0x81, (unsigned char)len};
	size_t head_len = 2;
	if (len >= 126) {
		head[1] = 126;
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		head_len = 4;
	}
	append(session, head, head_len);
	append(session, text, len);
	if (session->listed)
		return;
	session->listed = true;
	session->next_pending = pending;
	pending = session;
}

static void on_message(struct session *from, const char *text, size_t len)
{
	if (!to_all)
		put_frame(from, text, len);
	for (struct session *to = sessions; to && to_all; to = to->next)
		put_frame(to, text, len);
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
	case LWS_CALLBACK_RECEIVE: {
		static char text[MESSAGE_MAX];
		static size_t have; /* a message's pieces come in one go */
		if (lws_is_first_fragment(wsi))
			have = 0;
		if (have + len > sizeof text)
			return -1;
		memcpy(text + have, in, len);
		have += len;
		if (!lws_remaining_packet_payload(wsi))
			on_message(session, text, have);
		return 0;
	}
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
