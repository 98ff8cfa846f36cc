#include "gateway/feed.h"
#include "gateway/catchup.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "shared/metrics.h"
#include <stdlib.h>

enum {
	TICK_MS = 500,
	SILENT_TICKS = 6, /* without a beat: three of them missed */
	HELLO_MS = 3000
};

struct feed {
	struct feed_settings settings;
	struct feed_events events;
	void *ctx;
	char boot[UUID_SIZE];
	struct caller *caller;
	struct subscriber *subscriber;
	struct catchup *catchup;
	struct timer *timer;
	struct call *hello;
	bool greeted; /* on this connection */
	/* Ticks of our own, so that a pause of this process is not taken for
	 * one of sessiond's. */
	int since_beat, since_drop;
	struct metric *drops, *connected;
};

/* --- hello ---------------------------------------------------------------- */

static void on_hello(void *ctx, const struct call_result *result)
{
	struct feed *feed = ctx;
	const struct hello_reply *reply = result->body;

	feed->hello = NULL;
	if (result->status != OK) { /* the next tick says it again */
		log_warn_limited("hello not answered",
			log_str("code", status_code(result->status)),
			log_str("message", result->message));
		return;
	}
	if (reply->version < PROTO_OLDEST || reply->version > PROTO_VERSION) {
		log_warn_limited("sessiond speaks another version",
			log_int("version", reply->version));
		return;
	}
	log_info("sessiond answered", log_str("boot", reply->boot),
		log_str("epoch", reply->epoch),
		log_int("n", (int64_t)reply->n));
	feed->greeted = true;
	catchup_hello(feed->catchup, reply->epoch, reply->n);
	feed->events.greeted(feed->ctx);
}

static void say_hello(struct feed *feed)
{
	struct hello_request request = {.role = "gateway",
		.name = feed->settings.name,
		.boot = feed->boot,
		.oldest = PROTO_OLDEST,
		.newest = PROTO_VERSION};

	feed->hello = caller_call(feed->caller, OP_HELLO, &request, HELLO_MS,
		NULL, on_hello, feed);
}

static void on_connection(void *ctx, bool connected)
{
	struct feed *feed = ctx;

	metric_set(feed->connected, connected);
	feed->greeted = false;
	if (feed->hello) {
		call_drop(feed->hello);
		feed->hello = NULL;
	}
	if (connected) {
		feed->since_beat = 0; /* of this connection */
		say_hello(feed);
	} else {
		log_warn("connection to sessiond lost");
	}
}

/* --- silence -------------------------------------------------------------- */

static void on_tick(void *ctx)
{
	struct feed *feed = ctx;

	feed->since_beat++;
	feed->since_drop++;
	if (feed->since_beat >= SILENT_TICKS &&
		feed->since_drop >= SILENT_TICKS) {
		feed->since_drop = 0;
		metric_add(feed->drops, 1);
		if (caller_connected(feed->caller))
			log_warn("sessiond is silent, dialing again");
		subscriber_drop(feed->subscriber);
		caller_drop(feed->caller);
	} else if (!feed->greeted && !feed->hello &&
		   caller_connected(feed->caller)) {
		say_hello(feed);
	}
}

/* --- events --------------------------------------------------------------- */

static void on_event(void *ctx, const struct event_message *event)
{
	struct feed *feed = ctx;

	if (event->event == EV_BEAT) {
		feed->since_beat = 0;
		if (event->epoch)
			catchup_beat(feed->catchup, event->epoch, event->n);
	} else if (event->event < 0 ||
		   event_durable((enum event)event->event)) {
		catchup_event(feed->catchup, event);
	} else if (event->event == EV_TURN_PROGRESS) {
		feed->events.apply(feed->ctx, event);
	}
}

/* --- life ----------------------------------------------------------------- */

struct feed *feed_open(struct loop *loop, const struct feed_settings *settings)
{
	const struct link_tls *tls =
		settings->tls.ca_file ? &settings->tls : NULL;
	struct feed *feed = xalloc(sizeof(*feed));

	feed->settings = *settings;
	uuid_fresh(feed->boot);
	feed->drops =
		metric_open(METRIC_COUNTER, "taifas_gateway_link_drops_total",
			NULL, "times sessiond was silent and dialed again");
	feed->connected = metric_open(METRIC_GAUGE, "taifas_gateway_link_up",
		NULL, "1 while connected to sessiond");
	feed->caller =
		caller_open(loop, settings->url, tls, on_connection, feed);
	feed->catchup = catchup_open(feed->caller);
	feed->subscriber = subscriber_open(
		loop, settings->events_url, tls, on_event, feed);
	feed->timer = timer_open(loop, on_tick, feed);
	timer_start(feed->timer, TICK_MS, TICK_MS);
	return feed;
}

void feed_listen(struct feed *feed, const struct feed_events *events, void *ctx)
{
	feed->events = *events;
	feed->ctx = ctx;
	catchup_listen(feed->catchup, events, ctx);
}

void feed_close(struct feed *feed)
{
	if (!feed)
		return;
	timer_close(feed->timer);
	subscriber_close(feed->subscriber);
	catchup_close(feed->catchup);
	if (feed->hello)
		call_drop(feed->hello);
	caller_close(feed->caller);
	free(feed);
}

struct caller *feed_caller(struct feed *feed)
{
	return feed->caller;
}

const char *feed_boot(const struct feed *feed)
{
	return feed->boot;
}

const char *feed_fault(const struct feed *feed)
{
	if (!caller_connected(feed->caller))
		return "sessiond cannot be reached";
	if (!feed->greeted)
		return "sessiond has not answered hello";
	if (feed->since_beat >= SILENT_TICKS)
		return "sessiond is silent";
	return NULL;
}
