/* sessiond remembers conversations and decides what happens to them.
 * Others ask; it asks no other daemon. */

#include "sessiond/figures.h"
#include "sessiond/journal.h"
#include "sessiond/leases.h"
#include "sessiond/requests.h"
#include "sessiond/tools.h"
#include "sessiond/trim.h"
#include "shared/clock.h"
#include "shared/config.h"
#include "shared/days.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <stdio.h>
#include <string.h>

static const char *listen_url, *events_url, *links, *store_dir, *tenants_dir;
static const char *serves, *admin_address, *log_level, *clock_file;
static struct link_tls tls;
static int64_t store_max_mb, min_free_mb, lease_ms, turn_age_ms, attempts;

static const struct option options[] = {
	{"LISTEN", OPT_STRING, &listen_url, "tcp://127.0.0.1:7001",
		"where requests are answered", 0, 0, NULL},
	{"EVENTS_LISTEN", OPT_STRING, &events_url, "tcp://127.0.0.1:7002",
		"where events are published", 0, 0, NULL},
	{"LINKS", OPT_CHOICE, &links, "loopback",
		"trusted: plain tcp:// beyond this host, on a private network",
		0, 0, "loopback|trusted"},
	{"LINK_TLS_CA", OPT_STRING, &tls.ca_file, NULL,
		"PEM file of the authority for tls+tcp://", 0, 0, NULL},
	{"LINK_TLS_CERT", OPT_STRING, &tls.cert_file, NULL,
		"PEM file of this daemon's certificate", 0, 0, NULL},
	{"LINK_TLS_KEY", OPT_STRING, &tls.key_file, NULL, "PEM file of its key",
		0, 0, NULL},
	{"STORE_DIR", OPT_STRING, &store_dir, "data/sessiond",
		"folder of the store", 0, 0, NULL},
	{"STORE_MAX", OPT_INT, &store_max_mb, "65536",
		"most the store may hold, MB (reserved, not used)", 16,
		16 * 1024 * 1024, NULL},
	{"STORE_MIN_FREE", OPT_INT, &min_free_mb, "256",
		"appends are refused with less free disk, MB", 0, 1024 * 1024,
		NULL},
	{"TENANTS_DIR", OPT_STRING, &tenants_dir, NULL,
		"folder with one folder per business", 0, 0, NULL},
	{"TENANTS", OPT_CHOICE, &serves, "any",
		"listed: only businesses with a folder are served", 0, 0,
		"any|listed"},
	{"LEASE_MS", OPT_INT, &lease_ms, "15000",
		"an agent silent for so long loses its turn, ms", 200, 600000,
		NULL},
	{"TURN_AGE_MS", OPT_INT, &turn_age_ms, "1800000",
		"an older turn ends with the fallback text, ms", 1000, 86400000,
		NULL},
	{"ATTEMPTS", OPT_INT, &attempts, "3",
		"failed attempts before the fallback text", 1, 100, NULL},
	{"ADMIN_LISTEN", OPT_STRING, &admin_address, "127.0.0.1:3902",
		"health and metrics, HOST:PORT or off", 0, 0, NULL},
	{"LOG_LEVEL", OPT_CHOICE, &log_level, "info",
		"the least that is logged", 0, 0, "debug|info|warn|error"},
	{"CLOCK_OFFSET_FILE", OPT_STRING, &clock_file, NULL,
		"for tests: 8 bytes, ms added to the wall clock", 0, 0, NULL},
	{0},
};

static bool check;
static const char *backup, *businesses, *import;

static const struct flag flags[] = {
	{"--check", &check, "follow every reference in the store, also in use",
		NULL, NULL},
	{"--backup", NULL, "copy the store, also in use, to a new folder",
		&backup, "DIR"},
	{"--export", NULL,
		"write businesses (separated by commas) as JSON lines to "
		"standard output",
		&businesses, "IDS"},
	{"--import", NULL,
		"read such lines (- is standard input) into a store not in use",
		&import, "FILE"},
	{0},
};

static struct core core;
static struct server *server;
static struct trim *trim;
static struct admin *admin;

static void on_hint(void *ctx, const struct hint *hint)
{
	leases_hint(((struct core *)ctx)->leases, hint);
}

static void on_committed(void *ctx, uint64_t n)
{
	journal_publish(((struct core *)ctx)->journal, n);
}

static const char *ready(void *ctx)
{
	(void)ctx;
	if (store_disk_free(core.store) < (uint64_t)min_free_mb << 20)
		return "the disk is full: appends are refused";
	return NULL;
}

static void on_stop(void *ctx)
{
	(void)ctx;
	loop_stop(core.loop);
}

static void check_url(const char *name, const char *url)
{
	const char *fault =
		link_url_fault(url, !strcmp(links, "trusted"), true);
	if (fault)
		die(name, fault);
}

static void start(void)
{
	char why[256], business[65];
	check_url("LISTEN", listen_url);
	check_url("EVENTS_LISTEN", events_url);
	clock_open(clock_file);
	days_open();
	uuid_fresh(core.boot);
	core.listed_only = !strcmp(serves, "listed");
	core.lease_ms = lease_ms;
	core.turn_age_ms = turn_age_ms;
	core.attempts_max = attempts;
	core.loop = loop_open();
	core.store = store_open(
		store_dir, (uint64_t)store_max_mb << 20, why, sizeof why);
	if (!core.store)
		die("store", why);
	if (import_unfinished(core.store, business)) {
		snprintf(why, sizeof why,
			"the import of %s was not finished: run --import again",
			business);
		die("store", why);
	}
	core.tenants = tenants_open(core.loop, tenants_dir, NULL, NULL);
	core.publisher = publisher_open(
		core.loop, events_url, tls.ca_file ? &tls : NULL);
	core.writer = writer_open(core.loop, core.store,
		(uint64_t)min_free_mb << 20, on_hint, on_committed, &core);
	core.journal = journal_open(&core);
	core.leases = leases_open(&core);
	core.figures = figures_open(&core);
	trim = trim_open(&core);
	server = server_open(core.loop, listen_url, tls.ca_file ? &tls : NULL,
		requests_handle, &core);
	admin = admin_open(core.loop, admin_address, ready, NULL);
	loop_on_stop_signal(core.loop, on_stop, NULL);
}

/* What is queued is committed and answered, then everything goes in the order
 * that nobody speaks to what is gone. */
static void stop(void)
{
	admin_close(admin);
	trim_close(trim);
	writer_close(core.writer);
	figures_close(core.figures);
	leases_close(core.leases);
	journal_close(core.journal);
	server_close(server);
	publisher_close(core.publisher);
	tenants_close(core.tenants);
	store_close(core.store);
	loop_close(core.loop);
}

int main(int argc, char **argv)
{
	config_load("sessiond",
		"Keeps conversations: sessions, messages and turns.", options,
		flags, argc, argv);
	log_open("sessiond", log_level);
	if (check)
		return tool_check(store_dir);
	if (backup)
		return tool_backup(store_dir, backup);
	if (businesses)
		return tool_export(store_dir, businesses);
	if (import)
		return tool_import(
			store_dir, (uint64_t)store_max_mb << 20, import);
	start();
	log_info("ready", log_str("listen", listen_url),
		log_str("events", events_url), log_str("store", store_dir));
	loop_run(core.loop);
	log_info("stopping");
	stop();
	return 0;
}
