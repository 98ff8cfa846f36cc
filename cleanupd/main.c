/* cleanupd keeps its place at sessiond's table: it says hello on every
 * connection and shows whether it was heard. */

#include "proto/link.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { HELLO_TIMEOUT_MS = 5000, HELLO_AGAIN_MS = 1000 };

static const char *name, *sessiond_url, *links, *admin_listen, *log_level;
static struct link_tls tls;

static const struct option options[] = {
	{"CLEANUPD_NAME", OPT_STRING, &name, NULL,
		"unique among cleanupds; the host's name if not set"},
	{"SESSIOND_URL", OPT_STRING, &sessiond_url, "tcp://127.0.0.1:7001",
		"where sessiond takes requests"},
	{"LINKS", OPT_CHOICE, &links, "loopback",
		"trusted: plain tcp:// may leave this host",
		.choices = "loopback|trusted"},
	{"LINK_TLS_CA", OPT_STRING, &tls.ca_file, NULL,
		"PEM file that signs sessiond's certificate, for tls+tcp://"},
	{"LINK_TLS_CERT", OPT_STRING, &tls.cert_file, NULL,
		"PEM file with our own certificate"},
	{"LINK_TLS_KEY", OPT_STRING, &tls.key_file, NULL,
		"PEM file with its key"},
	{"ADMIN_LISTEN", OPT_STRING, &admin_listen, "127.0.0.1:3904",
		"HOST:PORT of /healthz, /readyz and /metrics, or off"},
	{"LOG_LEVEL", OPT_CHOICE, &log_level, "info",
		"the least that is logged", .choices = "debug|info|warn|error"},
	{0},
};

static struct loop *loop;
static struct admin *admin;
static struct caller *caller;
static struct timer *again;
static struct call *hello; /* unanswered; NULL: none */
static char boot[UUID_SIZE];
static bool greeted;

static void say_hello(void *ctx);

static void on_hello(void *ctx, const struct call_result *result)
{
	const struct hello_reply *reply = result->body;

	(void)ctx;
	hello = NULL;
	greeted = result->status == OK;
	if (greeted) {
		log_info("sessiond greeted", log_str("boot", reply->boot),
			log_int("version", reply->version));
		return;
	}
	log_warn_limited("sessiond does not greet",
		log_str("code", status_code(result->status)),
		log_str("reason", result->message));
	if (result->status == UNCONFIRMED)
		caller_drop(caller);
	timer_start(again, HELLO_AGAIN_MS, 0);
}

static void say_hello(void *ctx)
{
	struct hello_request body = {
		.role = "cleanupd",
		.name = name,
		.boot = boot,
		.oldest = PROTO_OLDEST,
		.newest = PROTO_VERSION,
	};

	(void)ctx;
	hello = caller_call(caller, OP_HELLO, &body, HELLO_TIMEOUT_MS, NULL,
		on_hello, NULL);
}

static void on_connection(void *ctx, bool connected)
{
	(void)ctx;
	greeted = false;
	timer_stop(again);
	if (hello)
		call_drop(hello);
	hello = NULL;
	if (connected)
		say_hello(NULL);
}

static const char *not_ready(void *ctx)
{
	(void)ctx;
	return greeted ? NULL : "sessiond has not greeted";
}

static void check_settings(void)
{
	static char host[HOST_NAME_MAX + 1];
	const char *fault =
		link_url_fault(sessiond_url, !strcmp(links, "trusted"), false);

	if (fault)
		die("SESSIOND_URL", fault);
	if (name)
		return;
	gethostname(host, sizeof(host) - 1);
	name = host;
}

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

static void start(void)
{
	check_settings();
	uuid_fresh(boot);
	loop = loop_open();
	loop_on_stop_signal(loop, on_stop, NULL);
	admin = admin_open(loop, admin_listen, not_ready, NULL);
	again = timer_open(loop, say_hello, NULL);
	caller = caller_open(loop, sessiond_url, tls.ca_file ? &tls : NULL,
		on_connection, NULL);
}

static void stop(void) /* start, backwards */
{
	caller_close(caller);
	timer_close(again);
	admin_close(admin);
	loop_close(loop);
}

int main(int argc, char **argv)
{
	config_load(
		"cleanupd", "keeps sessiond tidy", options, NULL, argc, argv);
	log_open("cleanupd", log_level);
	start();
	log_info("started", log_str("sessiond", sessiond_url));
	loop_run(loop); /* until SIGTERM */
	stop();
	return 0;
}
