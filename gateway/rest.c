#include "gateway/rest.h"
#include "gateway/dto.h"
#include "gateway/rest_query.h"
#include "gateway/span.h"
#include "shared/mem.h"
#include "shared/metrics.h"
#include "shared/tenant.h"
#include <stdlib.h>

/* What we answer with. */
#define STATUS(number) \
	{ \
		number, "status=\"" #number "\"" \
	}
static const struct {
	int number;
	const char *label;
} statuses[] = {STATUS(200), STATUS(204), STATUS(304), STATUS(400), STATUS(403),
	STATUS(404), STATUS(405), STATUS(409), STATUS(413), STATUS(429),
	STATUS(500), STATUS(501), STATUS(503), STATUS(505), STATUS(507)};
#undef STATUS

struct rest {
	struct caller *caller;
	const struct pages *pages;
	struct rest_settings settings;
	struct metric *answers[COUNT(statuses)];
};

/* A request that waits for sessiond. */
struct asking {
	struct rest *rest;
	struct http *http;
	struct call *call;
	struct rest_target target;
	bool escape;
};

struct rest *rest_open(struct caller *caller, const struct pages *pages,
	const struct rest_settings *settings)
{
	struct rest *rest = xalloc(sizeof(*rest));

	rest->caller = caller;
	rest->pages = pages;
	rest->settings = *settings;
	for (size_t i = 0; i < COUNT(statuses); i++)
		rest->answers[i] = metric_open(METRIC_COUNTER,
			"taifas_gateway_http_requests_total", statuses[i].label,
			"HTTP requests, by status");
	return rest;
}

void rest_close(struct rest *rest)
{
	free(rest);
}

/* --- answering ------------------------------------------------------------ */

static void count(const struct rest *rest, int status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].number == status)
			metric_add(rest->answers[i], 1);
}

/* What every answer of the API carries, and up to three headers more. */
static void answer(const struct rest *rest, struct http *http, int status,
	const struct buf *body, const struct http_header *more, int n_more)
{
	const struct http_request *request = http_request(http);
	struct http_header headers[8] = {
		{"X-Content-Type-Options", "nosniff"},
		{"Cache-Control", "no-store"},
		{"Vary", "Origin"},
	};
	int n = 3;

	if (request->origin && status != 403)
		headers[n++] = (struct http_header){
			"Access-Control-Allow-Origin", request->origin};
	for (int i = 0; i < n_more; i++)
		headers[n++] = more[i];
	count(rest, status);
	http_reply(http, status, body ? "application/json" : NULL,
		body ? body->data : NULL, body ? body->len : 0, headers, n);
}

static void answer_fault(const struct rest *rest, struct http *http, int status,
	const char *code, const char *message, const struct http_header *more,
	int n_more)
{
	struct buf body;

	buf_init(&body, 4096);
	dto_fault(&body, code, message);
	answer(rest, http, status, &body, more, n_more);
	buf_clear(&body);
}

static void answer_status(const struct rest *rest, struct http *http,
	enum status status, const char *message)
{
	static const struct http_header retry[] = {{"Retry-After", "1"}};

	/* Reading may be asked again at will: not knowing is not having. */
	if (status == UNCONFIRMED)
		status = UNAVAILABLE;
	answer_fault(rest, http, status_http(status), status_code(status),
		message ? message : status_text(status), retry,
		status == UNAVAILABLE);
}

/* --- asking sessiond ------------------------------------------------------ */

static void build(struct asking *asking, struct buf *body, const void *reply)
{
	switch (asking->target.kind) {
	case REST_HISTORY:
		dto_history(body, reply, asking->escape);
		break;
	case REST_ACTIVE:
		dto_active(body, asking->target.id, reply, asking->escape);
		break;
	case REST_BUSINESS:
		dto_business(body, reply, asking->escape);
		break;
	case REST_NONE:
		break;
	}
}

static void on_reply(void *ctx, const struct call_result *result)
{
	struct asking *asking = ctx;
	struct buf body;

	if (result->status == OK) {
		buf_init(&body, DTO_PAGE_BYTES);
		build(asking, &body, result->body);
		answer(asking->rest, asking->http, 200, &body, NULL, 0);
		buf_clear(&body);
	} else {
		answer_status(asking->rest, asking->http, result->status,
			result->message);
	}
	free(asking);
}

static void ask(struct rest *rest, struct http *http,
	const struct rest_target *target, enum op op, const void *request)
{
	struct asking *asking = xalloc(sizeof(*asking));
	const char *format = http_param(http, "format");

	asking->rest = rest;
	asking->http = http;
	asking->target = *target;
	asking->escape = !format || strcmp(format, "text") != 0;
	http_set_data(http, asking);
	asking->call = caller_call(rest->caller, op, request,
		rest->settings.deadline_ms, NULL, on_reply, asking);
}

void rest_gone(struct rest *rest, struct http *http)
{
	struct asking *asking = http_data(http);

	(void)rest;
	if (!asking)
		return;
	call_drop(asking->call);
	free(asking);
}

static void ask_history(
	struct rest *rest, struct http *http, const struct rest_target *target)
{
	struct history_request request = {.session_id = target->id};

	if (!rest_limit(http_param(http, "limit"), &request.limit))
		answer_status(rest, http, BAD_REQUEST,
			"limit must be a whole number from 1 to 200");
	else if (!rest_before(http_param(http, "before"), &request.before))
		answer_status(rest, http, BAD_REQUEST,
			"before must be an ISO 8601 timestamp");
	else
		ask(rest, http, target, OP_HISTORY, &request);
}

static void ask_business(
	struct rest *rest, struct http *http, const struct rest_target *target)
{
	struct tenant_request tenant = {.business_id = target->id};
	struct sessions_request active = {.business_id = target->id,
		.status = "active",
		.limit = HISTORY_MAX};

	if (!business_id_valid(target->id))
		answer_status(
			rest, http, BAD_REQUEST, "businessId is malformed");
	else if (target->kind == REST_ACTIVE)
		ask(rest, http, target, OP_SESSIONS, &active);
	else
		ask(rest, http, target, OP_TENANT, &tenant);
}

/* --- requests ------------------------------------------------------------- */

static bool reads(const struct http_request *request)
{
	return request->method == HTTP_GET || request->method == HTTP_HEAD;
}

static void wrong_method(
	const struct rest *rest, struct http *http, const char *allowed)
{
	const struct http_header allow[] = {{"Allow", allowed}};

	answer_fault(rest, http, 405, "method_not_allowed",
		"this method is not allowed here", allow, 1);
}

static void preflight(const struct rest *rest, struct http *http)
{
	static const struct http_header allow[] = {
		{"Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"},
		{"Access-Control-Allow-Headers", "Authorization, Content-Type"},
		{"Access-Control-Max-Age", "600"},
	};

	answer(rest, http, 204, NULL, allow, COUNT(allow));
}

static void api(struct rest *rest, struct http *http)
{
	const struct http_request *request = http_request(http);
	struct rest_target target = rest_target_of(request->path);

	if (target.kind == REST_NONE)
		answer_status(rest, http, NOT_FOUND, NULL);
	else if (request->method == HTTP_OPTIONS)
		preflight(rest, http);
	else if (!reads(request))
		wrong_method(rest, http, "GET, HEAD, OPTIONS");
	else if (target.kind == REST_HISTORY)
		ask_history(rest, http, &target);
	else
		ask_business(rest, http, &target);
}

static void page(struct rest *rest, struct http *http)
{
	int status;

	if (!reads(http_request(http)))
		wrong_method(rest, http, "GET, HEAD");
	else if (pages_answer(rest->pages, http, &status))
		count(rest, status);
	else
		answer_status(rest, http, NOT_FOUND, NULL);
}

void rest_request(struct rest *rest, struct http *http)
{
	const struct http_request *request = http_request(http);

	if (!origin_host_allowed(&rest->settings.origins, request->host))
		answer_status(
			rest, http, FORBIDDEN, "this Host is not served here");
	else if (!origin_allowed(&rest->settings.origins, request->origin))
		answer_status(
			rest, http, FORBIDDEN, "this Origin may not read this");
	else if (!strncmp(request->path, "/api/", 5))
		api(rest, http);
	else
		page(rest, http);
}
