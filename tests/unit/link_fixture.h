/* link_fixture: a loop that runs until something is true, and peers made of
 * bare sockets that say exactly what a test wants. */
#ifndef TESTS_UNIT_LINK_FIXTURE_H
#define TESTS_UNIT_LINK_FIXTURE_H

#include "proto/link.h"
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PATIENCE_MS = 60000,
	SP_PUB = 0x20,
	SP_SUB = 0x21,
	SP_REQ = 0x30,
	SP_REP = 0x31
};

/* --- the loop --------------------------------------------------------------
 */

static struct loop *loop;
static int port;
static char url[64];

typedef bool condition(void);

static condition *awaited;
static bool came_true;

static void look(void *ctx)
{
	(void)ctx;
	if (awaited()) {
		came_true = true;
		loop_stop(loop);
	}
}

static void give_up(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* Runs the loop until the condition holds or the time is over. */
static bool run_within(condition *holds, uint64_t ms)
{
	struct timer *every = timer_open(loop, look, NULL);
	struct timer *once = timer_open(loop, give_up, NULL);

	awaited = holds;
	came_true = false;
	timer_start(every, 0, 2);
	timer_start(once, ms, 0);
	loop_run(loop);
	timer_close(every);
	timer_close(once);
	return came_true;
}

static void run_until(condition *holds)
{
	assert_true(run_within(holds, PATIENCE_MS));
}

/* --- bare sockets ----------------------------------------------------------
 */

static struct sockaddr_in loopback(int at_port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	address.sin_port = htons((uint16_t)at_port);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static void be_patient(int fd)
{
	const struct timeval patience = {PATIENCE_MS / 1000, 0};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

/* -1 if somebody else is there. */
static int raw_listen(int at_port)
{
	struct sockaddr_in address = loopback(at_port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	be_patient(fd);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
		listen(fd, 16)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Below the ports that outgoing connections get. */
static int free_port(void)
{
	static unsigned next;
	int fd, found;

	if (!next)
		next = (unsigned)getpid() * 2654435761u;
	do {
		next = next * 1664525 + 1013904223;
		found = 15000 + (int)((next >> 8) % 17000);
		fd = raw_listen(found);
	} while (fd < 0);
	close(fd);
	return found;
}

static int watched;

static bool is_readable(void)
{
	struct pollfd fd = {.fd = watched, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* Our own side may need the loop to come so far. */
static void await(int fd)
{
	watched = fd;
	run_until(is_readable);
}

static inline int raw_accept(int listener)
{
	int fd;

	await(listener);
	fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	be_patient(fd);
	return fd;
}

static inline int raw_connect(void)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	be_patient(fd);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void raw_put(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), (int)len);
}

static inline void raw_take(int fd, void *data, size_t len)
{
	char *at = data;

	while (len) {
		ssize_t got;

		await(fd);
		got = recv(fd, at, len, 0);
		assert_true(got > 0);
		at += got;
		len -= (size_t)got;
	}
}

/* Both hellos; `protocol` is ours. */
static inline void raw_hello(int fd, int protocol)
{
	char hello[8] = {0, 'S', 'P', 0, 0, (char)protocol, 0, 0}, theirs[8];

	raw_put(fd, hello, sizeof(hello));
	raw_take(fd, theirs, sizeof(theirs));
	assert_memory_equal(theirs, hello, 5);
	assert_int_equal(theirs[5], protocol ^ 1);
}

static inline void raw_send(int fd, uint32_t id, const char *text)
{
	uint64_t length = htobe64(strlen(text) + sizeof(id));
	uint32_t wire_id = htobe32(id);

	raw_put(fd, &length, sizeof(length));
	raw_put(fd, &wire_id, sizeof(wire_id));
	raw_put(fd, text, strlen(text));
}

/* The next message's text, to be freed, and its id. */
static inline char *raw_receive(int fd, uint32_t *id)
{
	uint64_t length;
	uint32_t wire_id;
	char *text;

	raw_take(fd, &length, sizeof(length));
	raw_take(fd, &wire_id, sizeof(wire_id));
	length = be64toh(length) - sizeof(wire_id);
	assert_true(length < LINK_MAX_BYTES);
	text = xalloc(length + 1);
	raw_take(fd, text, length);
	*id = be32toh(wire_id);
	return text;
}

/* True once the peer has hung up. */
static inline bool raw_hung_up(int fd)
{
	char byte;

	await(fd);
	return recv(fd, &byte, 1, 0) <= 0;
}

/* --- for every test --------------------------------------------------------
 */

static int open_world(void **state)
{
	(void)state;
	loop = loop_open();
	port = free_port();
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	loop_close(loop);
	return 0;
}

#define with_world(test) \
	cmocka_unit_test_setup_teardown(test, open_world, close_world)

#endif
