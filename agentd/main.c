/* agentd answers customers: it claims turns from sessiond, understands what is
 * asked, and says what the tenant's record and pages know. */

#include "agentd/work.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/days.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

static const char *tenants_dir, *cache_dir, *links;
static const char *admin_listen, *log_level, *clock_offset_file;
static int64_t places, think_ms, drain_ms;
static struct link_tls tls;
static struct work_settings settings;

static const struct option options[] = {
	{"SESSIOND_URL", OPT_STRING, &settings.requests_url,
		"tcp://127.0.0.1:7001", "where sessiond takes requests"},
	{"SESSIOND_EVENTS_URL", OPT_STRING, &settings.events_url,
		"tcp://127.0.0.1:7002", "where sessiond publishes events"},
	{"LINKS", OPT_CHOICE, &links, "loopback",
		"trusted: plain tcp:// may leave this host",
		.choices = "loopback|trusted"},
	{"LINK_TLS_CA", OPT_STRING, &tls.ca_file, NULL,
		"PEM file that signs sessiond's certificate, for tls+tcp://"},
	{"LINK_TLS_CERT", OPT_STRING, &tls.cert_file, NULL,
		"PEM file with our own certificate"},
	{"LINK_TLS_KEY", OPT_STRING, &tls.key_file, NULL,
		"PEM file with its key"},
	{"AGENT_NAME", OPT_STRING, &settings.name, NULL,
		"unique among agents; the host's name if not set"},
	{"TENANTS_DIR", OPT_STRING, &tenants_dir, NULL,
		"the tenants' folders; without it there are no pages, and "
		"answers come from the record alone"},
	{"CACHE_DIR", OPT_STRING, &cache_dir, NULL,
		"existing folder for the indexes of pages; in memory if not "
		"set"},
	{"PLACES", OPT_INT, &places, "8", "turns at once", .min = 1,
		.max = PLACES_MAX},
	{"THINK_MS", OPT_INT, &think_ms, "0",
		"an answer takes at least so long, in ms", .min = 0,
		.max = 600000},
	{"DRAIN_MS", OPT_INT, &drain_ms, "10000",
		"how long turns in hand may go on after SIGTERM, in ms",
		.min = 0, .max = 600000},
	{"ADMIN_LISTEN", OPT_STRING, &admin_listen, "127.0.0.1:3903",
		"HOST:PORT of /healthz, /readyz and /metrics, or off"},
	{"LOG_LEVEL", OPT_CHOICE, &log_level, "info",
		"the least that is logged", .choices = "debug|info|warn|error"},
	{"CLOCK_OFFSET_FILE", OPT_STRING, &clock_offset_file, NULL,
		"for tests: 8 bytes, milliseconds added to the wall clock"},
	{0},
};

static struct loop *loop;
static struct retrieve *retrieve;
static struct graph *graph;
static struct work *work;
static struct admin *admin;

static void check_url(const char *name, const char *url)
{
	const char *fault =
		link_url_fault(url, !strcmp(links, "trusted"), false);

	if (fault)
		die(name, fault);
}

static void check_settings(void)
{
	static char host[HOST_NAME_MAX + 1], boot[UUID_SIZE];

	check_url("SESSIOND_URL", settings.requests_url);
	check_url("SESSIOND_EVENTS_URL", settings.events_url);
	if (cache_dir && access(cache_dir, W_OK | X_OK))
		die("CACHE_DIR", "not a folder we may write to");
	if (!settings.name) {
		gethostname(host, sizeof(host) - 1);
		settings.name = host;
	}
	uuid_fresh(boot);
	settings.boot = boot;
	settings.places = (int)places;
	settings.tls = tls.ca_file ? &tls : NULL;
}

static const char *not_ready(void *ctx)
{
	(void)ctx;
	return work_not_ready(work);
}

static void on_drained(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void on_stop(void *ctx)
{
	(void)ctx;
	log_info("stopping");
	work_drain(work, drain_ms, on_drained, NULL);
}

static void start(void)
{
	check_settings();
	clock_open(clock_offset_file);
	days_open();
	loop = loop_open();
	loop_on_stop_signal(loop, on_stop, NULL);
	retrieve = retrieve_open(loop, tenants_dir, cache_dir);
	graph = graph_open(loop, retrieve, think_ms);
	work = work_open(loop, &settings, graph);
	admin = admin_open(loop, admin_listen, not_ready, NULL);
}

static void stop(void) /* start, backwards */
{
	admin_close(admin);
	work_close(work);
	graph_close(graph);
	retrieve_close(retrieve);
	loop_close(loop);
}

int main(int argc, char **argv)
{
	config_load("agentd", "answers customers", options, NULL, argc, argv);
	log_open("agentd", log_level);
	start();
	log_info("started", log_str("sessiond", settings.requests_url),
		log_str("name", settings.name), log_int("places", places));
	loop_run(loop); /* until SIGTERM */
	stop();
	log_info("stopped");
	return 0;
}
