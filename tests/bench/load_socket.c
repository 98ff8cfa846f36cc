/* A WebSocket client: connecting, framing, and never a blocking write. */
#include "tests/bench/load.h"

#include "shared/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	READ_BYTES = 256 * 1024,
	FRAME_MAX = 1024 * 1024,
	HEAD_BYTES = 14,
	EVENTS = 512
};
enum { OP_TEXT = 1, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10, FIN = 0x80 };

static unsigned char read_buffer[READ_BYTES + FRAME_MAX];

void conn_close(struct conn *conn)
{
	struct linger at_once = {1, 0};
	if (conn->state == IDLE || conn->state == DEAD)
		return;
	if (!load.stopping)
		load.failed++;
	conn->state = DEAD;
	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(conn->fd);
}

static void watch(struct conn *conn, bool writing)
{
	struct epoll_event event = {
		.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = conn};
	if (conn->writing == writing)
		return;
	conn->writing = writing;
	epoll_ctl(load.epoll, EPOLL_CTL_MOD, conn->fd, &event);
}

/* --- writing -------------------------------------------------------------- */

/* How many bytes the kernel took; the connection may be dead afterwards. */
static size_t send_some(struct conn *conn, const char *bytes, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n =
			send(conn->fd, bytes + done, len - done, MSG_NOSIGNAL);
		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR) {
			conn_close(conn);
			break;
		}
	}
	return done;
}

static void conn_write(struct conn *conn, const char *bytes, size_t len)
{
	size_t done = conn->out_len ? 0 : send_some(conn, bytes, len);
	if (conn->state == DEAD || done == len)
		return;
	conn->out = xrealloc(conn->out, conn->out_len + len - done);
	memcpy(conn->out + conn->out_len, bytes + done, len - done);
	conn->out_len += len - done;
	watch(conn, true);
}

static void flush(struct conn *conn)
{
	conn->out_done += send_some(conn, conn->out + conn->out_done,
		conn->out_len - conn->out_done);
	if (conn->out_done < conn->out_len)
		return;
	free(conn->out);
	conn->out = NULL;
	conn->out_len = conn->out_done = 0;
	watch(conn, false);
}

/* The mask is the same for all: what a server does with it costs the same. */
static void send_frame(
	struct conn *conn, int opcode, const char *payload, size_t len)
{
	static char frame[HEAD_BYTES + TEXT_MAX + 1024];
	static const unsigned char mask[4] = {0x5a, 0xc3, 0x17, 0x88};
	size_t head = 0;
	if (len > sizeof frame - HEAD_BYTES)
		fail("a frame of %zu bytes is too large", len);
	frame[head++] = (char)(FIN | opcode);
	if (len < 126) {
		frame[head++] = (char)(0x80 | len);
	} else {
		frame[head++] = (char)(0x80 | 126);
		frame[head++] = (char)(len >> 8);
		frame[head++] = (char)len;
	}
	memcpy(frame + head, mask, sizeof mask);
	head += sizeof mask;
	for (size_t i = 0; i < len; i++)
		frame[head + i] = (char)(payload[i] ^ mask[i & 3]);
	conn_write(conn, frame, head + len);
}

void conn_text(struct conn *conn, const char *text, size_t len)
{
	send_frame(conn, OP_TEXT, text, len);
}

/* --- connecting ----------------------------------------------------------- */

void conn_open(struct conn *conn)
{
	int one = 1;
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)load.options.port)};
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLOUT, .data.ptr = conn};
	inet_pton(AF_INET, load.options.host, &to.sin_addr);
	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (conn->fd < 0)
		fail("socket: %s", strerror(errno));
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	conn->opened_ns = now_ns();
	conn->state = CONNECTING;
	conn->writing = true;
	load.opened++;
	if (connect(conn->fd, (struct sockaddr *)&to, sizeof to) &&
		errno != EINPROGRESS)
		conn_close(conn);
	else
		epoll_ctl(load.epoll, EPOLL_CTL_ADD, conn->fd, &event);
}

static void on_connected(struct conn *conn)
{
	char request[512];
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		conn_close(conn);
		return;
	}
	/* The key is the example of RFC 6455, so the answer is known. */
	int len = snprintf(request, sizeof request,
		"GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		load.options.path, load.options.host, load.options.port);
	conn->state = UPGRADING;
	watch(conn, false);
	conn_write(conn, request, (size_t)len);
}

/* Bytes of the head if it is all there and accepts, else 0. */
static size_t read_head(struct conn *conn, const unsigned char *in, size_t len)
{
	const unsigned char *end = memmem(in, len, "\r\n\r\n", 4);
	if (!end)
		return 0;
	size_t head = (size_t)(end - in) + 4;
	if (memcmp(in, "HTTP/1.1 101", 12) ||
		!memmem(in, head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)) {
		conn_close(conn);
		return 0;
	}
	on_upgraded(conn);
	return head;
}

/* --- reading -------------------------------------------------------------- */

static void on_frame(
	struct conn *conn, int first, const char *payload, size_t len)
{
	if (first == (FIN | OP_TEXT))
		on_text(conn, payload, len);
	else if (first == (FIN | OP_PING))
		send_frame(conn, OP_PONG, payload, len);
	else if (first != (FIN | OP_PONG))
		conn_close(conn); /* it closes, or talks in fragments */
}

/* Bytes of the frame at the beginning; 0 if it is incomplete. */
static size_t read_frame(struct conn *conn, const unsigned char *in, size_t len)
{
	size_t head = 2, size;
	if (len < head)
		return 0;
	size = in[1];
	if (size == 126) {
		head = 4;
		size = len < head ? 0 : (size_t)in[2] << 8 | in[3];
	} else if (size == 127) {
		head = 10;
		for (size_t i = 2; i < head && len >= head; i++)
			size = (i == 2 ? 0 : size << 8) | in[i];
	}
	if (size > FRAME_MAX - HEAD_BYTES) {
		conn_close(conn); /* also if it is masked */
		return 0;
	}
	if (len < head + size)
		return 0;
	on_frame(conn, in[0], (const char *)in + head, size);
	return head + size;
}

static void on_readable(struct conn *conn)
{
	size_t have = conn->in_len, done = 0, step;
	if (have)
		memcpy(read_buffer, conn->in, have);
	ssize_t n = recv(conn->fd, read_buffer + have, READ_BYTES, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(conn);
		return;
	}
	free(conn->in);
	conn->in = NULL;
	conn->in_len = 0;
	have += (size_t)n;
	if (conn->state == UPGRADING)
		done = read_head(conn, read_buffer, have);
	while (conn->state >= JOINING && conn->state != DEAD) {
		step = read_frame(conn, read_buffer + done, have - done);
		if (!step)
			break;
		done += step;
	}
	if (conn->state == DEAD)
		return;
	if (done < have) {
		conn->in_len = have - done;
		conn->in = xalloc(conn->in_len);
		memcpy(conn->in, read_buffer + done, conn->in_len);
	}
	fill_window(conn);
}

void sockets_poll(uint64_t wait_ns)
{
	static struct epoll_event events[EVENTS];
	struct timespec wait = {
		(time_t)(wait_ns / 1000000000), (long)(wait_ns % 1000000000)};
	int n = epoll_pwait2(load.epoll, events, EVENTS, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct conn *conn = events[i].data.ptr;
		bool in = events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP);
		if (conn->state == CONNECTING) {
			on_connected(conn);
			continue;
		}
		if (conn->state != DEAD && conn->out_len &&
			(events[i].events & EPOLLOUT))
			flush(conn);
		if (conn->state != DEAD && in)
			on_readable(conn);
	}
}
