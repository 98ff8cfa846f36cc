/* cleanupd is retention: it asks sessiond, again and again, which sessions
 * nobody touches any more, and asks it to end or to forget them. */

#include "cleanupd/archive.h"
#include "cleanupd/peer.h"
#include "cleanupd/policy.h"
#include "cleanupd/report.h"
#include "cleanupd/sweep.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	MOST_DAYS = 36500,
	REFUSED_AGAIN_S = 60, /* the clocks may be put right */
	JITTER_PERCENT = 5 /* so that several do not ask all at once */
};

static const char *name, *sessiond_url, *links, *archive_dir;
static const char *admin_listen, *log_level, *clock_file;
static struct link_tls tls;
static int64_t first_s, every_s, patience_s;
static struct policy policy;
static bool once, dry_run;

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
	{"ABANDON_AFTER_HOURS", OPT_INT_OR_NEVER, &policy.abandon_after_hours,
		"24",
		"active sessions that do not change for so long become "
		"abandoned; 0 is never",
		0, MOST_DAYS *INT64_C(24)},
	{"RETENTION_RESOLVED_DAYS", OPT_INT_OR_NEVER, &policy.resolved_days,
		"30",
		"resolved sessions that do not change for so long are "
		"deleted; 0 is at once",
		0, MOST_DAYS},
	{"RETENTION_CLOSED_DAYS", OPT_INT_OR_NEVER, &policy.closed_days,
		"never", "closed ones likewise", 0, MOST_DAYS},
	{"RETENTION_ABANDONED_DAYS", OPT_INT_OR_NEVER, &policy.abandoned_days,
		"never", "abandoned ones likewise", 0, MOST_DAYS},
	{"ARCHIVE_DIR", OPT_STRING, &archive_dir, NULL,
		"folder in which sessions are kept as JSON lines before they "
		"are deleted (cleanupd/ARCHIVE.md); none if not set"},
	{"SWEEP_FIRST_S", OPT_INT, &first_s, "10",
		"from the start to the first sweep, s", 0, 86400},
	{"SWEEP_EVERY_S", OPT_INT, &every_s, "3600",
		"from the end of a sweep to the next, s (and up to 5 % more)",
		1, 30 * 86400},
	{"ONCE_PATIENCE_S", OPT_INT, &patience_s, "60",
		"with --once: gives up if nothing goes on for so long, s", 1,
		86400},
	{"ADMIN_LISTEN", OPT_STRING, &admin_listen, "127.0.0.1:3904",
		"HOST:PORT of /healthz, /readyz and /metrics, or off"},
	{"LOG_LEVEL", OPT_CHOICE, &log_level, "info",
		"the least that is logged", .choices = "debug|info|warn|error"},
	{"CLOCK_OFFSET_FILE", OPT_STRING, &clock_file, NULL,
		"for tests: 8 bytes, ms added to the wall clock"},
	{0},
};

static const struct flag flags[] = {
	{"--once", &once,
		"sweep once, print what was done and exit; 1 if something "
		"could not be done"},
	{"--dry-run", &dry_run,
		"only log what would be done with each session; changes "
		"nothing"},
	{0},
};

static struct loop *loop;
static struct admin *admin;
static struct peer *peer;
static struct archive *archive;
static struct sweep *sweep;
static struct timer *next_sweep;
static char boot[UUID_SIZE];
static bool stopping;
static int exit_code;

/* --- the schedule ---------------------------------------------------------
 */

static void on_due(void *ctx)
{
	(void)ctx;
	sweep_start(sweep);
}

static void sweep_in(int64_t seconds)
{
	uint32_t random = 0;
	uint64_t ms = (uint64_t)seconds * 1000;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)getpid();
	timer_start(next_sweep,
		ms + ms * (random % (JITTER_PERCENT * 100)) / 10000, 0);
}

static void on_swept(void *ctx, const struct report *report)
{
	struct buf line;

	(void)ctx;
	buf_init(&line, 1000);
	report_print(&line, report);
	if (once)
		printf("%s\n", line.data);
	else
		log_info("swept", log_str("says", line.data));
	buf_clear(&line);
	if (once && report->end != SWEEP_STOPPED)
		exit_code = report_good(report) ? 0 : 1;
	if (once || stopping)
		loop_stop(loop);
	else
		sweep_in(report->end == SWEEP_REFUSED &&
					 every_s > REFUSED_AGAIN_S
				 ? REFUSED_AGAIN_S
				 : every_s);
}

static void on_greeted(void *ctx, bool greeted)
{
	(void)ctx;
	sweep_greeted(sweep, greeted);
}

static const char *not_ready(void *ctx)
{
	(void)ctx;
	return peer_greeted(peer) ? sweep_trouble(sweep)
				  : "sessiond has not greeted";
}

static void on_stop(void *ctx)
{
	(void)ctx;
	stopping = true;
	if (sweep_running(sweep))
		sweep_stop(sweep); /* on_swept comes */
	else
		loop_stop(loop);
}

/* --- coming and going -----------------------------------------------------
 */

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

static void say_policy(void)
{
	struct buf line;

	buf_init(&line, 1000);
	for (int state = 0; state < STATE_COUNT; state++) {
		buf_reset(&line);
		policy_describe(&line, &policy, (enum state)state);
		log_info("policy", log_str("says", line.data));
	}
	buf_clear(&line);
	if (archive_dir)
		log_info("archive", log_str("dir", archive_dir));
	if (dry_run)
		log_info("dry run: nothing will be changed");
}

static void start(void)
{
	const struct sweep_settings settings = {
		.policy = &policy,
		.dry = dry_run,
		.patience_ms = once ? patience_s * 1000 : 0,
	};
	const char *fault = NULL;

	check_settings();
	clock_open(clock_file);
	uuid_fresh(boot);
	loop = loop_open();
	loop_on_stop_signal(loop, on_stop, NULL);
	if (archive_dir)
		archive = archive_open(loop, archive_dir, boot, &fault);
	if (fault)
		die("ARCHIVE_DIR", fault);
	admin = admin_open(loop, once ? "off" : admin_listen, not_ready, NULL);
	peer = peer_open(loop, sessiond_url, tls.ca_file ? &tls : NULL, name,
		boot, on_greeted, NULL);
	sweep = sweep_open(
		loop, peer_caller(peer), archive, &settings, on_swept, NULL);
	next_sweep = timer_open(loop, on_due, NULL);
	if (once)
		sweep_start(sweep);
	else
		sweep_in(first_s);
}

static void stop(void) /* start, backwards */
{
	timer_close(next_sweep);
	sweep_close(sweep);
	peer_close(peer);
	admin_close(admin);
	archive_close(archive);
	loop_close(loop);
}

int main(int argc, char **argv)
{
	config_load("cleanupd",
		"Retention: ends sessions nobody comes back to, and deletes "
		"old ones.",
		options, flags, argc, argv);
	log_open("cleanupd", log_level);
	start();
	log_info("started", log_str("sessiond", sessiond_url));
	say_policy();
	loop_run(loop); /* until SIGTERM, or once is done */
	stop();
	return exit_code;
}
