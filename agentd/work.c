#include "agentd/work.h"
#include "agentd/turn.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <stdlib.h>
#include <string.h>

enum {
	HELLO_TIMEOUT_MS = 5000,
	HELLO_AGAIN_MS = 1000,
	CLAIM_TIMEOUT_MS = 10000, /* generous: what is given up is lost time */
	CLAIM_EVERY_MS = 1000,
	GIVE_BACK_MS = 1000,
	BEAT_MS = 1000,
	BEATS_MISSED = 3,
	DRAIN_LOOK_MS = 10
};

struct work {
	struct loop *loop;
	const struct work_settings *settings;
	struct graph *graph;
	struct turn_kit kit;
	struct caller *caller;
	struct subscriber *subscriber;
	struct timer *tick, *hello_again, *drain;

	struct call *hello, *claim; /* unanswered; NULL: none */
	bool greeted; /* on this connection */
	uint64_t claim_no;
	bool claim_again; /* something became ready meanwhile */
	uint64_t heard_ms; /* the last beat, or when we began to wait for one */
	uint32_t beat_ms;

	struct turn *turns[PLACES_MAX];
	int n_turns;

	bool draining, gave_back;
	uint64_t drain_until_ms;
	loop_fn *drained;
	void *drained_ctx;

	struct metric *answered, *failed, *lost, *cancelled, *given_back;
	struct metric *claims, *claims_lost, *places;
};

/* --- claiming ----------------------------------------------------------- */

static void claim(struct work *work);

static struct turn **find(struct work *work, const char *id)
{
	for (int i = 0; i < work->n_turns; i++)
		if (!strcmp(turn_id(work->turns[i]), id))
			return &work->turns[i];
	return NULL;
}

static void let_go(struct work *work, struct turn **place)
{
	*place = work->turns[--work->n_turns];
	metric_set(work->places, work->n_turns);
}

static void take(struct work *work, const struct grant *grant)
{
	struct turn **old = find(work, grant->turn_id);

	if (old) {
		if (!strcmp(turn_lease(*old), grant->lease))
			return;
		/* We lost it without hearing so, and have it again. */
		turn_close(*old);
		let_go(work, old);
		metric_add(work->lost, 1);
	}
	/* What is over our places is not held: it goes to others. */
	if (work->n_turns == work->settings->places)
		return;
	work->turns[work->n_turns++] = turn_open(&work->kit, grant);
	metric_set(work->places, work->n_turns);
}

static void on_claim(void *ctx, const struct call_result *result)
{
	struct work *work = ctx;
	const struct claim_reply *reply = result->body;

	work->claim = NULL;
	if (result->status != OK || reply->claim_no != work->claim_no) {
		metric_add(work->claims_lost, 1);
		log_warn_limited("claim unanswered",
			log_str("code", status_code(result->status)),
			log_str("reason", result->message));
		return; /* the tick claims again */
	}
	for (uint32_t i = 0; i < reply->n_turns; i++)
		take(work, &reply->turns[i]);
	if (work->claim_again)
		claim(work);
}

/* One claim at a time. It names every lease we hold; those of ours it does not
 * name go back to the queue. */
static void send_claim(
	struct work *work, uint32_t places, uint32_t timeout_ms, bool holding)
{
	const char *holds[PLACES_MAX];
	struct claim_request body = {
		.agent = work->settings->name,
		.boot = work->settings->boot,
		.claim_no = ++work->claim_no,
		.places = places,
		.holds = holds,
	};

	for (int i = 0; holding && i < work->n_turns; i++)
		holds[body.n_holds++] = turn_lease(work->turns[i]);
	work->claim_again = false;
	metric_add(work->claims, 1);
	work->claim = caller_call(work->caller, OP_CLAIM, &body, timeout_ms,
		NULL, on_claim, work);
}

static void claim(struct work *work)
{
	int free_places = work->settings->places - work->n_turns;

	if (!work->greeted || work->draining || !free_places)
		return;
	if (work->claim) {
		work->claim_again = true;
		return;
	}
	send_claim(work, (uint32_t)free_places, CLAIM_TIMEOUT_MS, true);
}

static void on_over(void *ctx, struct turn *turn, enum turn_outcome outcome)
{
	struct work *work = ctx;
	struct metric *const counts[] = {
		[TURN_ANSWERED] = work->answered,
		[TURN_FAILED] = work->failed,
		[TURN_LOST] = work->lost,
	};

	metric_add(counts[outcome], 1);
	for (int i = 0; i < work->n_turns; i++)
		if (work->turns[i] == turn) {
			let_go(work, &work->turns[i]);
			break;
		}
	claim(work);
}

/* --- hello ---------------------------------------------------------------- */

static void on_hello(void *ctx, const struct call_result *result)
{
	struct work *work = ctx;
	const struct hello_reply *reply = result->body;

	work->hello = NULL;
	if (result->status != OK) {
		log_warn_limited("sessiond does not greet",
			log_str("code", status_code(result->status)),
			log_str("reason", result->message));
		if (result->status == UNCONFIRMED)
			caller_drop(work->caller);
		timer_start(work->hello_again, HELLO_AGAIN_MS, 0);
		return;
	}
	work->greeted = true;
	work->beat_ms = reply->beat_ms ? reply->beat_ms : BEAT_MS;
	log_info("sessiond greeted", log_str("boot", reply->boot),
		log_int("version", reply->version));
	claim(work);
}

static void say_hello(void *ctx)
{
	struct work *work = ctx;
	struct hello_request body = {
		.role = "agentd",
		.name = work->settings->name,
		.boot = work->settings->boot,
		.oldest = PROTO_OLDEST,
		.newest = PROTO_VERSION,
	};

	work->hello = caller_call(work->caller, OP_HELLO, &body,
		HELLO_TIMEOUT_MS, NULL, on_hello, work);
}

static void on_connection(void *ctx, bool connected)
{
	struct work *work = ctx;

	work->greeted = false;
	timer_stop(work->hello_again);
	if (work->hello)
		call_drop(work->hello);
	work->hello = NULL;
	work->heard_ms = loop_now_ms(work->loop);
	if (connected)
		say_hello(work);
}

/* --- events --------------------------------------------------------------- */

static void on_cancelled(struct work *work, const struct turn_cancelled *body)
{
	struct turn **place = find(work, body->turn_id);

	if (!place || strcmp(turn_lease(*place), body->lease))
		return;
	log_info("turn cancelled", log_str("turn", body->turn_id),
		log_str("reason", body->reason));
	turn_close(*place);
	let_go(work, place);
	metric_add(work->cancelled, 1);
	claim(work);
}

static void on_event(void *ctx, const struct event_message *event)
{
	struct work *work = ctx;

	switch (event->event) {
	case EV_BEAT:
		work->heard_ms = loop_now_ms(work->loop);
		break;
	case EV_TURN_READY:
		claim(work);
		break;
	case EV_TURN_CANCELLED:
		on_cancelled(work, event->body);
		break;
	default:
		break; /* for gateways */
	}
}

/* Three beats missed: a connection that looks alive leads nowhere. */
static void listen_for_beats(struct work *work)
{
	uint64_t now = loop_now_ms(work->loop);

	if (now - work->heard_ms <
		(uint64_t)work->beat_ms * BEATS_MISSED + work->beat_ms / 2)
		return;
	work->heard_ms = now;
	if (work->greeted)
		log_warn_limited("sessiond is silent, connections dropped");
	subscriber_drop(work->subscriber);
	caller_drop(work->caller);
}

static void on_tick(void *ctx)
{
	struct work *work = ctx;

	listen_for_beats(work);
	claim(work);
}

/* --- draining ---------------------------------------------------------------
 */

/* A claim for nothing that holds nothing: what we had is free at once. */
static void give_back(struct work *work)
{
	bool had = work->n_turns > 0;

	metric_add(work->given_back, work->n_turns);
	while (work->n_turns) {
		turn_close(work->turns[0]);
		let_go(work, &work->turns[0]);
	}
	if (work->claim)
		call_drop(work->claim);
	work->claim = NULL;
	if (had && work->greeted)
		send_claim(work, 0, GIVE_BACK_MS, false);
}

static void on_drain(void *ctx)
{
	struct work *work = ctx;

	if (!work->gave_back &&
		loop_now_ms(work->loop) >= work->drain_until_ms) {
		work->gave_back = true;
		give_back(work);
	}
	if (work->n_turns || work->claim || graph_running(work->graph))
		return;
	timer_stop(work->drain);
	work->drained(work->drained_ctx);
}

void work_drain(
	struct work *work, int64_t drain_ms, loop_fn *drained, void *ctx)
{
	if (work->draining) {
		work->drain_until_ms = loop_now_ms(work->loop);
		return;
	}
	work->draining = true;
	work->drained = drained;
	work->drained_ctx = ctx;
	work->drain_until_ms = loop_now_ms(work->loop) + (uint64_t)drain_ms;
	timer_start(work->drain, 0, DRAIN_LOOK_MS);
}

/* --- the whole --------------------------------------------------------------
 */

const char *work_not_ready(const struct work *work)
{
	if (work->draining)
		return "stopping";
	return work->greeted ? NULL : "sessiond has not greeted";
}

static struct metric *turns_metric(const char *outcome)
{
	return metric_open(METRIC_COUNTER, "taifas_agent_turns_total", outcome,
		"Turns by how they ended here.");
}

static void open_metrics(struct work *work)
{
	work->answered = turns_metric("outcome=\"answered\"");
	work->failed = turns_metric("outcome=\"failed\"");
	work->lost = turns_metric("outcome=\"lease_lost\"");
	work->cancelled = turns_metric("outcome=\"cancelled\"");
	work->given_back = turns_metric("outcome=\"given_back\"");
	work->claims = metric_open(METRIC_COUNTER, "taifas_agent_claims_total",
		NULL, "Claims sent.");
	work->claims_lost = metric_open(METRIC_COUNTER,
		"taifas_agent_claims_unanswered_total", NULL,
		"Claims whose reply did not come or was no success.");
	work->places = metric_open(METRIC_GAUGE, "taifas_agent_places_in_use",
		NULL, "Turns in hand.");
}

struct work *work_open(struct loop *loop, const struct work_settings *settings,
	struct graph *graph)
{
	struct work *work = xalloc(sizeof(*work));

	work->loop = loop;
	work->settings = settings;
	work->graph = graph;
	work->beat_ms = BEAT_MS;
	work->heard_ms = loop_now_ms(loop);
	open_metrics(work);
	work->tick = timer_open(loop, on_tick, work);
	work->hello_again = timer_open(loop, say_hello, work);
	work->drain = timer_open(loop, on_drain, work);
	work->caller = caller_open(loop, settings->requests_url, settings->tls,
		on_connection, work);
	work->subscriber = subscriber_open(
		loop, settings->events_url, settings->tls, on_event, work);
	work->kit = (struct turn_kit){
		.loop = loop,
		.caller = work->caller,
		.graph = graph,
		.over = on_over,
		.ctx = work,
	};
	timer_start(work->tick, CLAIM_EVERY_MS, CLAIM_EVERY_MS);
	return work;
}

void work_close(struct work *work)
{
	while (work->n_turns) {
		turn_close(work->turns[0]);
		let_go(work, &work->turns[0]);
	}
	subscriber_close(work->subscriber);
	caller_close(work->caller);
	timer_close(work->drain);
	timer_close(work->hello_again);
	timer_close(work->tick);
	free(work);
}
