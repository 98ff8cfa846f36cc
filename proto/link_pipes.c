/* The connections of a socket that listens: knowing them, and ending them.
 *
 * nng_pipe_close is not how: it races with what is just being received, and
 * may stop the thread that buries pipes for ever (link_wire.c tells why). So
 * the TCP connection is shut down under nng, which then sees its receive end
 * as when the other side goes. Which descriptor it is, its two addresses tell.
 * The same can still happen by itself when a client dies while it is sent to;
 * here it costs a descriptor for each client that leaves from then on, and
 * nng_close does not return: closing has a limit. */

#include "proto/link_nng.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DROPPED_MS = 500, DROPPING_MS = 1000, CLOSING_S = 3 };

/* --- one connection --------------------------------------------------------
 */

struct address {
	int family;
	uint16_t port; /* this and the host in network order */
	unsigned char host[16];
};

static bool address_of_pipe(
	nng_pipe pipe, const char *which, struct address *out)
{
	nng_sockaddr from;

	memset(out, 0, sizeof(*out));
	if (nng_pipe_get_addr(pipe, which, &from))
		return false;
	if (from.s_family == NNG_AF_INET) {
		out->family = AF_INET;
		out->port = from.s_in.sa_port;
		memcpy(out->host, &from.s_in.sa_addr, 4);
	} else {
		out->family = AF_INET6;
		out->port = from.s_in6.sa_port;
		memcpy(out->host, from.s_in6.sa_addr, 16);
	}
	return true;
}

typedef int name_fn(int, struct sockaddr *, socklen_t *);

static bool address_is(int fd, name_fn *name, const struct address *wanted)
{
	struct sockaddr_storage storage;
	socklen_t size = sizeof(storage);
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (name(fd, (struct sockaddr *)&storage, &size) ||
		storage.ss_family != wanted->family)
		return false;
	if (storage.ss_family == AF_INET) {
		memcpy(&in, &storage, sizeof(in));
		return in.sin_port == wanted->port &&
		       !memcmp(&in.sin_addr, wanted->host, 4);
	}
	memcpy(&in6, &storage, sizeof(in6));
	return in6.sin6_port == wanted->port &&
	       !memcmp(&in6.sin6_addr, wanted->host, 16);
}

void pipe_drop(nng_pipe pipe)
{
	struct address here, there;
	struct dirent *entry;
	DIR *fds;

	if (!address_of_pipe(pipe, NNG_OPT_LOCADDR, &here) ||
		!address_of_pipe(pipe, NNG_OPT_REMADDR, &there))
		return; /* gone meanwhile */
	fds = opendir("/proc/self/fd");
	if (!fds) {
		log_warn("/proc/self/fd cannot be read");
		nng_pipe_close(pipe);
		return;
	}
	while ((entry = readdir(fds))) {
		int fd = atoi(entry->d_name);

		if (entry->d_name[0] != '.' &&
			address_is(fd, getsockname, &here) &&
			address_is(fd, getpeername, &there)) {
			shutdown(fd, SHUT_RDWR);
			break;
		}
	}
	closedir(fds);
}

/* --- all of a socket -------------------------------------------------------
 */

/* With the lock held; -1 if it is not there. */
static int find(const struct pipes *pipes, nng_pipe pipe)
{
	for (int i = 0; i < pipes->count; i++)
		if (nng_pipe_id(pipes->known[i].pipe) == nng_pipe_id(pipe))
			return i;
	return -1;
}

static void add(struct pipes *pipes, nng_pipe pipe)
{
	if (pipes->count == pipes->size) {
		pipes->size = pipes->size ? 2 * pipes->size : 4;
		pipes->known = xrealloc(pipes->known,
			(size_t)pipes->size * sizeof(*pipes->known));
	}
	pipes->known[pipes->count++] = (struct known_pipe){.pipe = pipe};
}

/* nng's threads. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct pipes *pipes = arg;
	bool refused;
	int at;

	pthread_mutex_lock(&pipes->lock);
	at = find(pipes, pipe);
	refused = event == NNG_PIPE_EV_ADD_PRE && pipes->closing;
	if (event == NNG_PIPE_EV_ADD_PRE && !refused)
		add(pipes, pipe);
	else if (event == NNG_PIPE_EV_REM_POST && at >= 0)
		pipes->known[at] = pipes->known[--pipes->count];
	pthread_mutex_unlock(&pipes->lock);
	if (refused)
		nng_pipe_close(pipe); /* it has not begun to receive */
}

void pipes_open(struct pipes *pipes, nng_socket socket)
{
	*pipes = (struct pipes){.socket = socket};
	pthread_mutex_init(&pipes->lock, NULL);
	link_must(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, on_pipe, pipes),
		"notices of connections");
	link_must(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, pipes),
		"notices of connections");
}

/* How many were there. */
static int drop_all(struct pipes *pipes)
{
	int64_t now = clock_mono_ms();
	struct known_pipe *known;
	int count;

	pthread_mutex_lock(&pipes->lock);
	pipes->closing = true;
	count = pipes->count;
	known = xalloc((size_t)count * sizeof(*known));
	for (int i = 0; i < count; i++) {
		known[i] = pipes->known[i];
		if (!known[i].dropped_ms)
			pipes->known[i].dropped_ms = now;
	}
	pthread_mutex_unlock(&pipes->lock);
	for (int i = 0; i < count; i++)
		if (!known[i].dropped_ms)
			pipe_drop(known[i].pipe);
		else if (now - known[i].dropped_ms >= DROPPED_MS)
			nng_pipe_close(known[i].pipe);
	free(known);
	return count;
}

static void *close_socket(void *arg)
{
	nng_socket *socket = arg;

	nng_close(*socket);
	free(socket);
	return NULL;
}

bool link_close(nng_socket socket)
{
	nng_socket *copy = xalloc(sizeof(*copy));
	static bool hanging; /* then it hangs for every socket */
	struct timespec until;
	pthread_t thread;

	*copy = socket;
	if (pthread_create(&thread, NULL, close_socket, copy)) {
		free(copy);
		return nng_close(socket) == 0;
	}
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += hanging ? 0 : CLOSING_S;
	if (pthread_timedjoin_np(thread, NULL, &until) == 0)
		return true;
	log_warn("nng does not close its connections; leaving it");
	pthread_detach(thread);
	hanging = true;
	return false;
}

void link_leave(void *memory)
{
	static struct left {
		struct left *next;
		void *memory;
	} * all;
	struct left *left = xalloc(sizeof(*left));

	/* Found from here, it is not a leak. */
	*left = (struct left){all, memory};
	all = left;
}

bool pipes_close(struct pipes *pipes)
{
	for (int i = 0; i < DROPPING_MS && drop_all(pipes); i++)
		usleep(1000);
	if (!link_close(pipes->socket))
		return false;
	pthread_mutex_destroy(&pipes->lock);
	free(pipes->known);
	return true;
}
