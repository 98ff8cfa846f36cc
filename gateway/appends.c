#include "gateway/appends.h"
#include "gateway/lanes.h"
#include "shared/mem.h"
#include "shared/metrics.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct flight { /* one request, under way */
	struct appends *appends;
	struct call *call;
	int n;
	struct item *items[APPEND_ITEMS_MAX];
	struct flight *next, **self;
};

struct appends {
	struct caller *caller;
	struct append_limits limits;
	char boot[BOOT_LEN + 1];
	uint64_t counter, now_ms;
	bool begun;
	struct lanes lanes;
	/* Lanes that may leave now. Those that ask again travel apart, so
	 * that a first attempt never shares the fate of an old one. */
	struct lane_list fresh, again;
	struct lane_list pausing;
	struct flight *flights;
};

/* --- figures -------------------------------------------------------------- */

static struct metric *results[STORE_FULL + 1];
static struct histogram *batches;

static void open_metrics(void)
{
	static const int64_t bounds[] = {1, 2, 4, 8, 16, 32, 64};
	static const char *const labels[] = {
#define X(constant, code, http, text) [constant] = "code=\"" code "\"",
		STATUSES(X)
#undef X
	};

	batches = histogram_open("taifas_gateway_append_batch_items",
		"messages in one append request", bounds, COUNT(bounds), 1);
	for (size_t s = 0; s < COUNT(labels); s++)
		results[s] = metric_open(METRIC_COUNTER,
			"taifas_gateway_appends_total", labels[s],
			"messages of users, by how they ended");
}

/* --- messages in and out -------------------------------------------------- */

/* Out of every list, told, freed. */
static void item_end(struct appends *appends, struct item *item,
	enum status status, const char *error,
	const struct append_result *result)
{
	struct append_outcome outcome = {.status = status,
		.error = error ? error : status_text(status),
		.result = result,
		.duplicate = result && result->duplicate && !item->unanswered};

	lanes_remove(&appends->lanes, item);
	metric_add(results[status], 1);
	item->done(item->ctx, &outcome);
	item_free(item);
}

enum status appends_submit(struct appends *appends, uint64_t now_ms,
	uint64_t conn_serial, const struct append_item *from, append_fn *done,
	void *ctx)
{
	char id[APPEND_ID_SIZE];
	struct item *item;

	if (lanes_pending(&appends->lanes, conn_serial) >=
		appends->limits.max_pending) {
		metric_add(results[RATE_LIMITED], 1);
		return RATE_LIMITED;
	}
	/* In the order of their making: sessiond writes ids that are made
	 * together to one page, not each to a page of its own. */
	snprintf(id, sizeof(id), "%s-%010" PRIu64 "-%" PRIu64, appends->boot,
		++appends->counter, conn_serial);
	item = item_new(from, id);
	if (item->bytes > appends->limits.max_bytes - appends->lanes.bytes) {
		item_free(item);
		metric_add(results[UNAVAILABLE], 1);
		return UNAVAILABLE;
	}
	item->since_ms = appends->now_ms = now_ms;
	item->done = done;
	item->ctx = ctx;
	if (lanes_add(&appends->lanes, item, conn_serial))
		lane_list_put(&appends->fresh, item->lane);
	return OK;
}

/* --- asking --------------------------------------------------------------- */

static call_fn on_answered;

static struct flight *flight_new(struct appends *appends)
{
	struct flight *flight = xalloc(sizeof(*flight));

	flight->appends = appends;
	flight->next = appends->flights;
	flight->self = &appends->flights;
	if (flight->next)
		flight->next->self = &flight->next;
	appends->flights = flight;
	return flight;
}

static void flight_free(struct flight *flight)
{
	*flight->self = flight->next;
	if (flight->next)
		flight->next->self = flight->self;
	free(flight);
}

/* None of them waits past its time. */
static uint32_t timeout_of(const struct flight *flight)
{
	const struct appends *appends = flight->appends;
	int64_t least = APPEND_ATTEMPT_MS;

	for (int i = 0; i < flight->n; i++) {
		int64_t left =
			appends->limits.unconfirmed_ms -
			(int64_t)(appends->now_ms - flight->items[i]->since_ms);

		if (left < least)
			least = left;
	}
	return least < 1 ? 1 : (uint32_t)least;
}

static void flight_leave(struct flight *flight)
{
	struct append_item items[APPEND_ITEMS_MAX];
	struct append_request request = {
		.items = items, .n_items = (uint32_t)flight->n};

	for (int i = 0; i < flight->n; i++)
		items[i] = flight->items[i]->wire;
	histogram_add(batches, flight->n);
	flight->call = caller_call(flight->appends->caller, OP_APPEND, &request,
		timeout_of(flight), items[0].append_id, on_answered, flight);
}

/* Puts the lane's messages aboard; the first that fit, if it is their first
 * time. False: none fits any more. */
static bool board(struct flight *flight, size_t *bytes, struct lane *lane)
{
	struct item *item = lane->first;
	size_t sum = *bytes;
	int n = 0;

	while (item && (!lane->head || n < lane->head) &&
		flight->n + n < APPEND_ITEMS_MAX &&
		sum + item->bytes <= APPEND_BYTES_MAX) {
		sum += item->bytes;
		n++;
		item = item->next;
	}
	if (!n || n < lane->head)
		return false;
	lane->attempts = lane->head ? lane->attempts + 1 : 1;
	lane->head = n;
	lane->flying = true;
	*bytes = sum;
	for (item = lane->first; n--; item = item->next) {
		item->flying = true;
		flight->items[flight->n++] = item;
	}
	return true;
}

static void leave(struct appends *appends, struct lane_list *list)
{
	struct flight *flight = NULL;
	size_t bytes = 0;
	struct lane *lane;

	while ((lane = lane_list_take(list))) {
		if (flight && !board(flight, &bytes, lane)) {
			flight_leave(flight);
			flight = NULL;
		}
		if (!flight) {
			flight = flight_new(appends);
			bytes = 0;
		}
		if (!lane->flying)
			board(flight, &bytes, lane);
		assert(lane->flying); /* any one message fits */
	}
	if (flight)
		flight_leave(flight);
}

void appends_flush(struct appends *appends, uint64_t now_ms)
{
	appends->now_ms = now_ms;
	if (!appends->begun || !caller_connected(appends->caller))
		return;
	leave(appends, &appends->fresh);
	leave(appends, &appends->again);
}

void appends_begin(struct appends *appends)
{
	appends->begun = true;
}

/* --- answers -------------------------------------------------------------- */

/* Says nothing about whether it was stored. */
static bool unknown(enum status status)
{
	return status == UNCONFIRMED || status == INTERNAL;
}

static const struct append_result *result_of(
	const struct append_reply *reply, const struct item *item, int place)
{
	const char *id = item->wire.append_id;

	if (!reply)
		return NULL;
	if ((uint32_t)place < reply->n_results &&
		!strcmp(reply->results[place].append_id, id))
		return &reply->results[place];
	for (uint32_t i = 0; i < reply->n_results; i++)
		if (!strcmp(reply->results[i].append_id, id))
			return &reply->results[i];
	return NULL;
}

/* What one message was told: ends it, or leaves it in its lane to be asked
 * again. */
static void settle(struct appends *appends, struct item *item,
	enum status status, const char *error,
	const struct append_result *result)
{
	item->flying = false;
	if (status == OK &&
		!(result && result->session_id && result->message_id))
		status = UNCONFIRMED;
	if (unknown(status)) {
		item->unanswered = true;
		return;
	}
	if (status == OK)
		item_end(appends, item, OK, NULL, result);
	else if (item->unanswered)
		item_end(appends, item, UNCONFIRMED, NULL, NULL);
	else
		item_end(appends, item, status, error, NULL);
}

/* The whole request was not possible just now, or never left: nothing was
 * done, so it is asked again until somebody's time is up. */
static bool held_back(const struct call_result *result)
{
	return result->status == UNAVAILABLE;
}

static uint64_t pause_ms(const struct lane *lane)
{
	uint64_t pause = APPEND_RETRY_MS;

	if (lane->attempts < 2)
		return 0; /* the first time again at once */
	for (int i = 2; i < lane->attempts && pause < APPEND_RETRY_MAX_MS; i++)
		pause *= 2;
	return pause < APPEND_RETRY_MAX_MS ? pause : APPEND_RETRY_MAX_MS;
}

/* Where a lane goes whose request has been answered. */
static void lane_landed(struct appends *appends, struct lane *lane)
{
	lane->flying = false;
	if (!lane->first) {
		lane_free(&appends->lanes, lane);
	} else if (!lane->head) {
		lane_list_put(&appends->fresh, lane);
	} else if (pause_ms(lane)) {
		lane->retry_ms = appends->now_ms + pause_ms(lane);
		lane_list_put(&appends->pausing, lane);
	} else {
		lane_list_put(&appends->again, lane);
	}
}

static void on_answered(void *ctx, const struct call_result *result)
{
	struct flight *flight = ctx;
	struct appends *appends = flight->appends;
	const struct append_reply *reply =
		result->status == OK ? result->body : NULL;
	struct lane *lanes[APPEND_ITEMS_MAX];
	int n_lanes = 0;

	for (int i = 0; i < flight->n; i++) {
		struct item *item = flight->items[i];
		const struct append_result *mine = result_of(reply, item, i);

		/* A lane's items lie side by side. */
		if (!n_lanes || lanes[n_lanes - 1] != item->lane)
			lanes[n_lanes++] = item->lane;
		if (held_back(result))
			item->flying = false;
		else if (mine)
			settle(appends, item, status_from_code(mine->status),
				mine->error, mine);
		else
			settle(appends, item,
				result->status == OK ? UNCONFIRMED
						     : result->status,
				result->message, NULL);
	}
	for (int i = 0; i < n_lanes; i++)
		lane_landed(appends, lanes[i]);
	flight_free(flight);
}

/* --- time ----------------------------------------------------------------- */

/* A lane on the ground that may have lost its head or all. It stays in its
 * list until that is next walked, so emptied lanes are swept there. */
static void sweep(struct appends *appends, struct lane_list *list)
{
	struct lane_list kept = {0};
	struct lane *lane;

	while ((lane = lane_list_take(list))) {
		if (!lane->first)
			lane_free(&appends->lanes, lane);
		else
			lane_list_put(&kept, lane);
	}
	*list = kept;
}

static void expire(struct appends *appends)
{
	struct item *item, *next;
	bool any = false;

	for (item = appends->lanes.oldest; item; item = next) {
		int64_t age = (int64_t)(appends->now_ms - item->since_ms);

		next = item->younger;
		if (age < appends->limits.send_deadline_ms &&
			age < appends->limits.unconfirmed_ms)
			break;
		if (item->flying)
			continue; /* its answer, or none, is near */
		if (age < (item->unanswered ? appends->limits.unconfirmed_ms
					    : appends->limits.send_deadline_ms))
			continue;
		item_end(appends, item,
			item->unanswered ? UNCONFIRMED : UNAVAILABLE, NULL,
			NULL);
		any = true;
	}
	if (!any)
		return;
	sweep(appends, &appends->fresh);
	sweep(appends, &appends->again);
	sweep(appends, &appends->pausing);
}

void appends_tick(struct appends *appends, uint64_t now_ms)
{
	struct lane_list pausing;
	struct lane *lane;

	appends->now_ms = now_ms;
	expire(appends);
	pausing = appends->pausing;
	appends->pausing = (struct lane_list){0};
	while ((lane = lane_list_take(&pausing)))
		lane_list_put(!lane->head		? &appends->fresh
			      : lane->retry_ms > now_ms ? &appends->pausing
							: &appends->again,
			lane);
}

/* --- life ----------------------------------------------------------------- */

struct appends *appends_open(struct caller *caller,
	const struct append_limits *limits, const char *boot)
{
	struct appends *appends = xalloc(sizeof(*appends));

	assert(strlen(boot) == BOOT_LEN);
	open_metrics();
	appends->caller = caller;
	appends->limits = *limits;
	memcpy(appends->boot, boot, BOOT_LEN);
	lanes_init(&appends->lanes);
	return appends;
}

void appends_close(struct appends *appends)
{
	if (!appends)
		return;
	while (appends->flights) {
		call_drop(appends->flights->call);
		for (int i = 0; i < appends->flights->n; i++)
			appends->flights->items[i]->unanswered = true;
		flight_free(appends->flights);
	}
	while (appends->lanes.oldest)
		item_end(appends, appends->lanes.oldest,
			appends->lanes.oldest->unanswered ? UNCONFIRMED
							  : UNAVAILABLE,
			NULL, NULL);
	lanes_clear(&appends->lanes);
	free(appends);
}

int appends_pending(const struct appends *appends)
{
	return appends->lanes.count;
}

uint64_t appends_origin(const struct appends *appends, const char *append_id)
{
	const char *serial;

	if (!append_id || strncmp(append_id, appends->boot, BOOT_LEN) ||
		append_id[BOOT_LEN] != '-')
		return 0;
	serial = strchr(append_id + BOOT_LEN + 1, '-');
	return serial ? strtoull(serial + 1, NULL, 10) : 0;
}
