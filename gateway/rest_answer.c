#include "gateway/dto.h"
#include "gateway/rest_inside.h"
#include "shared/mem.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What we answer with. */
#define STATUS(number) \
	{ \
		number, "status=\"" #number "\"" \
	}
static const struct {
	int number;
	const char *label;
} statuses[] = {STATUS(200), STATUS(202), STATUS(204), STATUS(304), STATUS(400),
	STATUS(401), STATUS(403), STATUS(404), STATUS(405), STATUS(409),
	STATUS(413), STATUS(415), STATUS(429), STATUS(500), STATUS(501),
	STATUS(503), STATUS(504), STATUS(507)};
#undef STATUS

static_assert(COUNT(statuses) == REST_STATUSES, "one counter each");

void rest_count_open(struct rest *rest)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		rest->answers[i] = metric_open(METRIC_COUNTER,
			"taifas_gateway_http_requests_total", statuses[i].label,
			"HTTP requests, by status");
}

void rest_count(const struct rest *rest, int status)
{
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (statuses[i].number == status)
			metric_add(rest->answers[i], 1);
}

/* --- answering ------------------------------------------------------------ */

void rest_answer(const struct rest *rest, struct http *http, int status,
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
	rest_count(rest, status);
	http_reply(http, status, body ? "application/json" : NULL,
		body ? body->data : NULL, body ? body->len : 0, headers, n);
}

void rest_fault(const struct rest *rest, struct http *http, int status,
	const char *code, const char *message, const struct http_header *more,
	int n_more)
{
	struct buf body;

	buf_init(&body, 4096);
	dto_fault(&body, code, message);
	rest_answer(rest, http, status, &body, more, n_more);
	buf_clear(&body);
}

void rest_refuse(const struct rest *rest, struct http *http, enum status status,
	const char *message)
{
	static const struct http_header retry[] = {{"Retry-After", "1"}};

	rest_fault(rest, http, status_http(status), status_code(status),
		message ? message : status_text(status), retry,
		status == UNAVAILABLE || status == RATE_LIMITED);
}

/* --- one request ---------------------------------------------------------- */

void asking_answer(struct asking *asking, int status, struct buf *body)
{
	if (asking->http)
		rest_answer(asking->rest, asking->http, status, body, NULL, 0);
	if (body)
		buf_clear(body);
	free(asking);
}

void asking_refuse(
	struct asking *asking, enum status status, const char *message)
{
	/* Reading may be asked again at will: not knowing is not having. */
	if (status == UNCONFIRMED && !asking->writes) {
		status = UNAVAILABLE;
		message = NULL;
	}
	if (asking->http)
		rest_refuse(asking->rest, asking->http, status, message);
	free(asking);
}

void asking_fault(struct asking *asking, int status, const char *code,
	const char *message)
{
	rest_fault(asking->rest, asking->http, status, code, message, NULL, 0);
	free(asking);
}

static void on_reply(void *ctx, const struct call_result *result)
{
	struct asking *asking = ctx;

	asking->call = NULL;
	asking->replied(asking, result);
}

void asking_ask(struct asking *asking, enum op op, const void *request,
	replied_fn *replied)
{
	asking->replied = replied;
	asking->call = caller_call(asking->rest->caller, op, request,
		asking->rest->settings.deadline_ms, NULL, on_reply, asking);
}

bool asking_failed(struct asking *asking, const struct call_result *result)
{
	if (result->status == OK)
		return false;
	asking_refuse(asking, result->status, result->message);
	return true;
}

/* Who asked sessiond to do something and went away leaves it done or not. A
 * message on its way to be stored ends in its own time. */
void rest_gone(struct rest *rest, struct http *http)
{
	struct asking *asking = http_data(http);

	(void)rest;
	if (!asking)
		return;
	asking->http = NULL;
	if (!asking->call)
		return;
	call_drop(asking->call);
	free(asking);
}
