/* gateway is where browsers come in: Phoenix Channels, REST and the pages.
 * It asks sessiond, decides nothing and remembers nothing. */

#include "gateway/channels.h"
#include "gateway/edge.h"
#include "gateway/feed.h"
#include "gateway/listener.h"
#include "gateway/messages.h"
#include "gateway/pages.h"
#include "gateway/rest.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	TOPICS_PER_CONNECTION = 100,
	MESSAGE_BYTES = 128 * 1024,
	BODY_BYTES = 64 * 1024,
	PENDING_BYTES = 64 * 1024 * 1024,
	SPARE_DESCRIPTORS = 64,
	SETTLE_MS = 1000, /* for answers that are near, before the drain */
	SETTLE_TICK_MS = 20,
	DRAIN_MS = 5000
};

static const char *listen_address, *auth, *links, *web_dir;
static const char *public_host = "";
static const char *admin_address, *log_level, *clock_file;
static struct feed_settings line;
static int64_t max_connections, queue_bytes, idle_ms, max_pending;
static int64_t send_deadline_ms, unconfirmed_ms, rest_deadline_ms;

static const struct option options[] = {
	{"LISTEN", OPT_STRING, &listen_address, "127.0.0.1:3001",
		"HOST:PORT for browsers"},
	{"AUTH", OPT_CHOICE, &auth, "open",
		"open: whoever comes is believed to be who he says",
		.choices = "open"},
	{"PUBLIC_HOST", OPT_STRING, &public_host, NULL,
		"names, by commas, that Host and Origin may have besides "
		"loopback; lets LISTEN leave it"},
	{"SESSIOND_URL", OPT_STRING, &line.url, "tcp://127.0.0.1:7001",
		"where sessiond takes requests"},
	{"SESSIOND_EVENTS_URL", OPT_STRING, &line.events_url,
		"tcp://127.0.0.1:7002", "where it publishes events"},
	{"LINKS", OPT_CHOICE, &links, "loopback",
		"trusted: plain tcp:// may leave this host",
		.choices = "loopback|trusted"},
	{"LINK_TLS_CA", OPT_STRING, &line.tls.ca_file, NULL,
		"PEM file that signs sessiond's certificate, for tls+tcp://"},
	{"LINK_TLS_CERT", OPT_STRING, &line.tls.cert_file, NULL,
		"PEM file with our own certificate"},
	{"LINK_TLS_KEY", OPT_STRING, &line.tls.key_file, NULL,
		"PEM file with its key"},
	{"GATEWAY_NAME", OPT_STRING, &line.name, NULL,
		"unique among gateways; the host's name if not set"},
	{"WEB_DIR", OPT_STRING, &web_dir, NULL,
		"folder of the pages; web beside this program if not set"},
	{"MAX_CONNECTIONS", OPT_INT, &max_connections, "10000",
		"at once; more wait", .min = 1, .max = 1000000},
	{"QUEUE_BYTES", OPT_INT, &queue_bytes, "1048576",
		"that may wait for one connection; a slower one is closed",
		.min = 65536, .max = 1073741824},
	{"IDLE_MS", OPT_INT, &idle_ms, "75000",
		"without a byte a connection is closed, ms", .min = 1000,
		.max = 86400000},
	{"MAX_PENDING", OPT_INT, &max_pending, "64",
		"unanswered sends of one connection", .min = 1, .max = 10000},
	{"SEND_DEADLINE_MS", OPT_INT, &send_deadline_ms, "8000",
		"a send that sessiond never got fails after, ms", .min = 100,
		.max = 600000},
	{"UNCONFIRMED_MS", OPT_INT, &unconfirmed_ms, "30000",
		"one that it got but did not answer, ms", .min = 100,
		.max = 600000},
	{"REST_DEADLINE_MS", OPT_INT, &rest_deadline_ms, "5000",
		"for sessiond to answer a request, ms", .min = 100,
		.max = 600000},
	{"ADMIN_LISTEN", OPT_STRING, &admin_address, "127.0.0.1:3901",
		"HOST:PORT of /healthz, /readyz and /metrics, or off"},
	{"LOG_LEVEL", OPT_CHOICE, &log_level, "info",
		"the least that is logged", .choices = "debug|info|warn|error"},
	{"CLOCK_OFFSET_FILE", OPT_STRING, &clock_file, NULL,
		"for tests: 8 bytes, ms added to the wall clock"},
	{0},
};

static struct loop *loop;
static struct feed *feed;
static struct messages *messages;
static struct topic_handler handler;
static struct channels *channels;
static struct pages *pages;
static struct rest *rest;
static struct edge *edge;
static struct listener *listener;
static struct admin *admin;
static struct timer *settling;
static uint64_t settled_by_ms;
static struct metric *frames_in, *sockets;

/* --- the edge's events go to channels and REST ---------------------------- */

static void on_opened(void *ctx, struct conn *conn)
{
	(void)ctx;
	metric_add(sockets, 1);
	channels_opened(channels, conn);
}

static void on_message(
	void *ctx, struct conn *conn, bool binary, const char *data, size_t len)
{
	(void)ctx;
	metric_add(frames_in, 1);
	channels_message(channels, conn, binary, data, len);
}

static void on_closed(void *ctx, struct conn *conn)
{
	(void)ctx;
	metric_add(sockets, -1);
	channels_closed(channels, conn);
}

static void on_request(void *ctx, struct http *http)
{
	(void)ctx;
	rest_request(rest, http);
}

static void on_gone(void *ctx, struct http *http)
{
	(void)ctx;
	rest_gone(rest, http);
}

static const struct edge_events edge_events = {.opened = on_opened,
	.message = on_message,
	.closed = on_closed,
	.request = on_request,
	.gone = on_gone};

/* --- settings ------------------------------------------------------------- */

static void check_url(const char *name, const char *url)
{
	const char *fault =
		link_url_fault(url, !strcmp(links, "trusted"), false);

	if (fault)
		die(name, fault);
}

/* Whoever comes is believed, so nobody from outside may come unasked. */
static void check_exposure(void)
{
	static const struct origin_policy loopback = {true, ""};

	log_warn("AUTH=open: everyone is believed to be who he says");
	if (!*public_host && !origin_host_allowed(&loopback, listen_address))
		die("LISTEN",
			"with AUTH=open it must be a loopback address unless "
			"PUBLIC_HOST is set");
}

static void choose_name(void)
{
	static char host[HOST_NAME_MAX + 1];

	if (line.name)
		return;
	gethostname(host, sizeof(host) - 1);
	line.name = host;
}

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < (rlim_t)max_connections + SPARE_DESCRIPTORS)
		log_warn("fewer descriptors than MAX_CONNECTIONS needs",
			log_int("limit", (int64_t)limit.rlim_cur));
}

static void open_pages(void)
{
	char path[PATH_MAX];
	ssize_t len;
	char *slash;

	if (web_dir) {
		pages = pages_open(web_dir);
		if (!pages)
			die("WEB_DIR", "this folder cannot be read");
		return;
	}
	len = readlink("/proc/self/exe", path, sizeof(path) - sizeof("web"));
	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash) {
		memcpy(slash + 1, "web", sizeof("web"));
		pages = pages_open(path);
	}
	if (!pages)
		log_warn("no pages: there is no folder web beside the program");
}

/* --- coming and going ----------------------------------------------------- */

static const char *ready(void *ctx)
{
	(void)ctx;
	return settled_by_ms ? "stopping" : feed_fault(feed);
}

static void on_drained(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* Sends that are nearly answered are worth a moment; then everyone goes. */
static void on_settling(void *ctx)
{
	(void)ctx;
	if (messages_pending(messages) && loop_now_ms(loop) < settled_by_ms)
		return;
	timer_stop(settling);
	edge_drain(edge, DRAIN_MS, on_drained, NULL);
}

static void on_stop(void *ctx)
{
	(void)ctx;
	if (settled_by_ms) { /* asked again: at once */
		loop_stop(loop);
		return;
	}
	log_info("stopping", log_int("connections", edge_connections(edge)));
	settled_by_ms = loop_now_ms(loop) + SETTLE_MS;
	listener_close(listener);
	listener = NULL;
	timer_start(settling, 0, SETTLE_TICK_MS);
}

static void start(void)
{
	struct append_limits appends;
	struct rest_settings reading;
	struct edge_limits limits;
	struct head_rules rules;

	check_url("SESSIOND_URL", line.url);
	check_url("SESSIOND_EVENTS_URL", line.events_url);
	check_exposure();
	choose_name();
	clock_open(clock_file);
	raise_descriptor_limit();
	appends = (struct append_limits){.send_deadline_ms = send_deadline_ms,
		.unconfirmed_ms = unconfirmed_ms,
		.max_pending = (int)max_pending,
		.max_bytes = PENDING_BYTES};
	rules = (struct head_rules){.origins = {true, public_host}};
	reading = (struct rest_settings){.origins = rules.origins,
		.deadline_ms = (uint32_t)rest_deadline_ms};
	limits = (struct edge_limits){.message_bytes = MESSAGE_BYTES,
		.queue_bytes = (size_t)queue_bytes,
		.body_bytes = BODY_BYTES,
		.idle_ms = (uint64_t)idle_ms,
		.max_connections = (int)max_connections};
	frames_in =
		metric_open(METRIC_COUNTER, "taifas_gateway_frames_in_total",
			NULL, "WebSocket messages received");
	sockets = metric_open(METRIC_GAUGE, "taifas_gateway_sockets", NULL,
		"WebSocket connections");

	loop = loop_open();
	loop_on_stop_signal(loop, on_stop, NULL);
	settling = timer_open(loop, on_settling, NULL);
	open_pages();
	feed = feed_open(loop, &line);
	messages = messages_open(loop, feed, &appends);
	handler = messages_handler(messages);
	channels = channels_open(&handler, 1, TOPICS_PER_CONNECTION);
	messages_attach(messages, channels);
	rest = rest_open(feed_caller(feed), messages, pages, &reading);
	edge = edge_open(loop, &limits, &edge_events, NULL);
	listener = listener_open(loop, listen_address, &rules, edge);
	admin = admin_open(loop, admin_address, ready, NULL);
}

static void stop(void) /* start, backwards */
{
	admin_close(admin);
	listener_close(listener);
	edge_close(edge);
	rest_close(rest);
	messages_close(messages);
	channels_close(channels);
	feed_close(feed);
	pages_close(pages);
	timer_close(settling);
	loop_close(loop);
}

int main(int argc, char **argv)
{
	config_load(
		"gateway", "where browsers come in", options, NULL, argc, argv);
	log_open("gateway", log_level);
	start();
	log_info("listening", log_str("address", listen_address),
		log_int("port", listener_port(listener)),
		log_str("sessiond", line.url));
	loop_run(loop); /* until SIGTERM */
	stop();
	return 0;
}
