/* loadgen: many WebSocket clients in one thread, and what they cost a server.
 *
 * Opens connections, joins a topic on each, then sends either at a fixed rate
 * (times are counted from the moment a message was due, so a server that
 * stalls cannot hide it) or as fast as replies come, `window` of them open per
 * sender. Prints one JSON object. */
#include "tests/bench/load.h"

#include "shared/json.h"
#include "shared/mem.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PIDS_MAX = 8, CONNECT_S = 120, TICK_NS = 10000000 };

struct load load = {.options = {.host = "127.0.0.1",
			    .topic = "messages:b",
			    .event = "new_message",
			    .connections = 1,
			    .senders = -1,
			    .parallel = 128,
			    .businesses = 1,
			    .stride = 1,
			    .text_bytes = 128,
			    .settle_s = 0.5,
			    .warmup_s = 1,
			    .duration_s = 3,
			    .drain_s = 5}};

static int pids[PIDS_MAX];
static int n_pids;

/* What every watched process had used at a moment. */
struct moment {
	uint64_t at_ns;
	struct usage of[PIDS_MAX];
};

static struct moment look(void)
{
	struct moment moment = {.at_ns = now_ns()};
	for (int i = 0; i < n_pids; i++)
		moment.of[i] = usage_of(pids[i]);
	return moment;
}

/* --- the run -------------------------------------------------------------- */

static void connect_all(void)
{
	uint64_t limit = now_ns() + (uint64_t)CONNECT_S * 1000000000;
	uint64_t wanted = (uint64_t)load.options.connections;
	while (load.ready + load.failed < wanted && now_ns() < limit) {
		while (load.opened < wanted &&
			load.opened - load.ready - load.failed <
				(uint64_t)load.options.parallel) {
			struct conn *conn = &load.conns[load.opened];
			conn->id = (uint32_t)load.opened;
			conn_open(conn);
		}
		sockets_poll(TICK_NS);
	}
	if (load.ready < wanted)
		fail("only %llu of %llu connections joined",
			(unsigned long long)load.ready,
			(unsigned long long)wanted);
}

static void send_due(uint64_t start_ns, uint64_t *count, uint64_t now)
{
	uint64_t due;
	for (;; ++*count) {
		due = start_ns +
		      (uint64_t)((double)*count * 1e9 / load.options.rate);
		if (due > now)
			return;
		struct conn *conn =
			&load.conns[*count % (uint64_t)load.options.senders];
		if (conn->state == READY)
			say(conn, due);
	}
}

static void run_for(double seconds)
{
	static uint64_t start_ns, count; /* of what is sent at a rate */
	uint64_t now, end = now_ns() + (uint64_t)(seconds * 1e9);
	while ((now = now_ns()) < end) {
		uint64_t wait = end - now < TICK_NS ? end - now : TICK_NS;
		if (load.sending && load.options.rate > 0) {
			if (!start_ns)
				start_ns = now;
			send_due(start_ns, &count, now);
			if (wait > TICK_NS / 10)
				wait = TICK_NS / 10;
		}
		sockets_poll(wait);
	}
}

static void drain(void)
{
	uint64_t end = now_ns() + (uint64_t)(load.options.drain_s * 1e9);
	load.sending = false;
	while (load.all_acked + load.refused < load.all_sent && now_ns() < end)
		sockets_poll(TICK_NS);
}

static void put_process(struct json_writer *w, int i, const struct moment m[5])
{
	double joined = (double)load.ready;
	json_open(w, NULL, '{');
	json_put_int(w, "pid", pids[i]);
	json_put_num(w, "joinCpuUs",
		(m[1].of[i].cpu_us - m[0].of[i].cpu_us) / joined);
	json_put_num(w, "connectionBytes",
		(m[2].of[i].rss_bytes - m[0].of[i].rss_bytes) / joined);
	json_put_num(w, "cpuUs", m[4].of[i].cpu_us - m[3].of[i].cpu_us);
	json_put_num(w, "rssBytes", m[4].of[i].rss_bytes);
	json_shut(w, '}');
}

static void report(const struct moment m[5])
{
	struct buf out;
	struct json_writer w;
	buf_init(&out, 65536);
	json_begin(&w, &out);
	json_open(&w, NULL, '{');
	json_put_num(&w, "connections", (double)load.ready);
	json_put_num(&w, "connectS", (double)(m[1].at_ns - m[0].at_ns) / 1e9);
	json_put_num(&w, "joinP50Us", durations_us(&load.join_time, 0.5));
	json_put_num(&w, "seconds", (double)(m[4].at_ns - m[3].at_ns) / 1e9);
	json_put_num(&w, "sent", (double)load.all_sent);
	json_put_num(&w, "missing", (double)(load.all_sent - load.all_acked));
	json_put_num(&w, "refused", (double)load.refused);
	json_put_num(&w, "lost", (double)load.failed);
	json_put_num(&w, "acked", (double)load.acked);
	json_put_num(&w, "delivered", (double)load.delivered);
	json_put_num(&w, "ackP50Us", durations_us(&load.ack_time, 0.5));
	json_put_num(&w, "ackP99Us", durations_us(&load.ack_time, 0.99));
	json_put_num(
		&w, "deliveryP50Us", durations_us(&load.delivery_time, 0.5));
	json_put_num(
		&w, "deliveryP99Us", durations_us(&load.delivery_time, 0.99));
	json_open(&w, "processes", '[');
	for (int i = 0; i < n_pids; i++)
		put_process(&w, i, m);
	json_shut(&w, ']');
	json_shut(&w, '}');
	puts(out.data);
	buf_clear(&out);
}

/* --- options -------------------------------------------------------------- */

static const struct option names[] = {{"port", 1, NULL, 'p'},
	{"path", 1, NULL, 'P'}, {"raw", 0, NULL, 'R'}, {"topic", 1, NULL, 't'},
	{"event", 1, NULL, 'e'}, {"connections", 1, NULL, 'c'},
	{"senders", 1, NULL, 's'}, {"businesses", 1, NULL, 'b'},
	{"users", 1, NULL, 'u'}, {"stride", 1, NULL, 'S'},
	{"window", 1, NULL, 'w'}, {"rate", 1, NULL, 'r'},
	{"bytes", 1, NULL, 'B'}, {"settle", 1, NULL, 'l'},
	{"warmup", 1, NULL, 'W'}, {"duration", 1, NULL, 'd'},
	{"pid", 1, NULL, 'i'}, {0}};

static const char usage[] =
	"usage: loadgen --port N [options]\n"
	"  --path PATH         of the upgrade\n"
	"  --raw               the server echoes frames; no Phoenix\n"
	"  --topic PREFIX      the business's number follows it (messages:b)\n"
	"  --event NAME        of what is sent (new_message)\n"
	"  --connections N     (1)\n"
	"  --senders N         only the first N send (all)\n"
	"  --businesses N      connection i is of business i mod N (1)\n"
	"  --users N           and of user i mod N (as many as connections)\n"
	"  --stride N          times N: users spread over a store (1)\n"
	"  --window N          unanswered messages of a sender\n"
	"  --rate N            or messages per second of all together\n"
	"  --bytes N           of a message's text (128)\n"
	"  --settle S --warmup S --duration S\n"
	"  --pid N             a process to watch; may be repeated\n"
	"Without --window and --rate: only connects and joins.\n";

static void set_option(int name)
{
	struct load_options *o = &load.options;
	switch (name) {
	case 'p':
		o->port = atoi(optarg);
		break;
	case 'P':
		o->path = optarg;
		break;
	case 'R':
		o->protocol = PROTOCOL_RAW;
		break;
	case 't':
		o->topic = optarg;
		break;
	case 'e':
		o->event = optarg;
		break;
	case 'c':
		o->connections = atoi(optarg);
		break;
	case 's':
		o->senders = atoi(optarg);
		break;
	case 'b':
		o->businesses = atoi(optarg);
		break;
	case 'u':
		o->users = atoi(optarg);
		break;
	case 'S':
		o->stride = atoi(optarg);
		break;
	case 'w':
		o->window = atoi(optarg);
		break;
	case 'r':
		o->rate = atof(optarg);
		break;
	case 'B':
		o->text_bytes = atoi(optarg);
		break;
	case 'l':
		o->settle_s = atof(optarg);
		break;
	case 'W':
		o->warmup_s = atof(optarg);
		break;
	case 'd':
		o->duration_s = atof(optarg);
		break;
	case 'i':
		if (n_pids == PIDS_MAX)
			fail("too many processes to watch");
		pids[n_pids++] = atoi(optarg);
		break;
	default:
		fail("%s", usage);
	}
}

static void read_options(int argc, char **argv)
{
	struct load_options *o = &load.options;
	int name;
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		set_option(name);
	if (!o->users)
		o->users = o->connections;
	if (o->senders < 0)
		o->senders = o->connections;
	if (!o->path)
		o->path = o->protocol == PROTOCOL_RAW
				  ? "/"
				  : "/socket/websocket?vsn=2.0.0&format=text";
	if (optind != argc || o->port < 1 || o->connections < 1 ||
		o->businesses < 1 || o->users < 1 || o->senders < 1 ||
		o->senders > o->connections || o->window < 0 ||
		o->window > WINDOW_MAX || o->text_bytes < 32 ||
		o->text_bytes > TEXT_MAX)
		fail("%s", usage);
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	/* before, joined, settled; begin and end of what is measured */
	struct moment m[5];
	read_options(argc, argv);
	raise_descriptor_limit();
	talk_open();
	load.epoll = epoll_create1(0);
	load.conns =
		xalloc((size_t)load.options.connections * sizeof *load.conns);
	m[0] = look();
	connect_all();
	m[1] = look();
	run_for(load.options.settle_s);
	m[2] = m[3] = m[4] = look();
	if (load.options.window > 0 || load.options.rate > 0) {
		load.sending = true;
		for (int i = 0; i < load.options.senders; i++)
			fill_window(&load.conns[i]);
		run_for(load.options.warmup_s);
		m[3] = look();
		load.measuring = true;
		run_for(load.options.duration_s);
		load.measuring = false;
		m[4] = look();
		drain();
	}
	load.stopping = true;
	for (int i = 0; i < load.options.connections; i++)
		conn_close(&load.conns[i]);
	report(m);
	return 0;
}
