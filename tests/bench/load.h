/* load: what the parts of the load generator share.
 *
 * One thread, one epoll. load_socket.c is a WebSocket client, load_talk.c what
 * is said over it; loadgen.c is the run. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "tests/bench/load_histogram.h"
#include "tests/bench/load_usage.h"
#include <stdbool.h>
#include <stddef.h>

enum protocol {
	PROTOCOL_PHX, /* Phoenix Channels, V2 */
	PROTOCOL_RAW /* every text frame comes back: its own acknowledgement */
};

enum {
	WINDOW_MAX = 64, /* send times remembered per connection: power of 2 */
	TEXT_MAX = 8000
};

struct load_options {
	const char *host, *path, *topic, *event;
	enum protocol protocol;
	int port;
	int connections, senders, parallel;
	int businesses, users, stride;
	int window; /* closed loop when > 0 */
	double rate; /* open loop when > 0: messages per second in all */
	int text_bytes;
	double settle_s, warmup_s, duration_s, drain_s;
};

enum conn_state { IDLE, CONNECTING, UPGRADING, JOINING, READY, DEAD };

struct conn {
	int fd;
	enum conn_state state;
	bool writing; /* waits for room */
	uint32_t id;
	uint32_t last_ref, echoed_ref;
	uint32_t unanswered;
	char *in; /* the bytes of an incomplete frame */
	size_t in_len;
	char *out; /* the bytes the kernel did not take */
	size_t out_len, out_done;
	uint64_t *sent_ns; /* by reference, WINDOW_MAX of them */
	uint64_t opened_ns;
};

struct load {
	struct load_options options;
	struct conn *conns;
	int epoll;
	bool measuring, sending, stopping;
	uint64_t opened, ready, failed; /* connections */
	uint64_t refused; /* replies that were errors, and broken frames */
	uint64_t all_sent, all_acked, all_delivered;
	uint64_t acked, delivered; /* while measuring */
	struct durations join_time, ack_time, delivery_time;
};

extern struct load load;

/* --- load_socket.c -------------------------------------------------------- */

void conn_open(struct conn *conn);
void conn_close(struct conn *conn);
void conn_text(struct conn *conn, const char *text, size_t len);
/* Handles what happens within the time. */
void sockets_poll(uint64_t wait_ns);

/* --- load_talk.c ---------------------------------------------------------- */

void talk_open(void);
void on_upgraded(struct conn *conn);
void on_text(struct conn *conn, const char *text, size_t len);
/* One message; its time is counted from `from_ns`. */
void say(struct conn *conn, uint64_t from_ns);
/* As many as the window allows. */
void fill_window(struct conn *conn);

#endif
