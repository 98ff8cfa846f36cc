#include "gateway/dto.h"
#include "gateway/openapi.h"
#include "gateway/rest_inside.h"
#include "shared/tenant.h"

/* --- parameters ----------------------------------------------------------- */

static bool read_limit(struct asking *asking, uint32_t *limit)
{
	if (rest_limit(http_param(asking->http, "limit"), limit))
		return true;
	asking_refuse(asking, BAD_REQUEST,
		"limit must be a whole number from 1 to 200");
	return false;
}

static bool business_named(struct asking *asking)
{
	if (business_id_valid(asking->ids.of[0]))
		return true;
	asking_refuse(asking, BAD_REQUEST, "businessId is malformed");
	return false;
}

/* --- history -------------------------------------------------------------- */

static void on_history(struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_PAGE_BYTES);
	dto_history(&body, result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_history(struct asking *asking)
{
	struct history_request request = {.session_id = asking->ids.of[0]};

	if (!read_limit(asking, &request.limit))
		return;
	if (!rest_time(http_param(asking->http, "before"), &request.before))
		asking_refuse(asking, BAD_REQUEST,
			"before must be an ISO 8601 timestamp");
	else if (!rest_time(http_param(asking->http, "after"), &request.after))
		asking_refuse(asking, BAD_REQUEST,
			"after must be an ISO 8601 timestamp");
	else
		asking_ask(asking, OP_HISTORY, &request, on_history);
}

/* --- businesses ----------------------------------------------------------- */

static void on_active(struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_PAGE_BYTES);
	dto_active(&body, asking->ids.of[0], result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_active(struct asking *asking)
{
	struct sessions_request request = {.business_id = asking->ids.of[0],
		.status = "active",
		.limit = HISTORY_MAX};

	if (business_named(asking))
		asking_ask(asking, OP_SESSIONS, &request, on_active);
}

static void on_business(struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_PAGE_BYTES);
	dto_business(&body, result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_business(struct asking *asking)
{
	struct tenant_request request = {.business_id = asking->ids.of[0]};

	if (business_named(asking))
		asking_ask(asking, OP_TENANT, &request, on_business);
}

/* --- sessions ------------------------------------------------------------- */

/* All else was checked before: only sessiond knows its cursors. */
static void on_sessions(struct asking *asking, const struct call_result *result)
{
	const char *user_id = asking->ids.of[1];
	struct buf body;

	if (result->status == BAD_REQUEST) {
		asking_refuse(asking, BAD_REQUEST,
			"cursor is not one of this listing");
		return;
	}
	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_PAGE_BYTES);
	dto_sessions(&body, asking->ids.of[0], *user_id ? user_id : NULL,
		result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

static const char *filter_fault(const struct sessions_request *request)
{
	if (request->user_id && !user_id_valid(request->user_id))
		return "userId is malformed";
	if (!rest_state_valid(request->status))
		return "status must be active, resolved, closed or abandoned";
	if (request->location_id && !location_id_valid(request->location_id))
		return "location is malformed";
	if (!rest_day_valid(request->from_day))
		return "from must be a date like 2026-11-22";
	if (!rest_day_valid(request->to_day))
		return "to must be a date like 2026-11-22";
	if (!rest_cursor_valid(request->cursor))
		return "cursor is not one of this listing";
	return NULL;
}

void rest_sessions(struct asking *asking)
{
	const char *user_id = asking->ids.of[1];
	struct http *http = asking->http;
	struct sessions_request request = {.business_id = asking->ids.of[0],
		.user_id = *user_id ? user_id : NULL,
		.status = http_param(http, "status"),
		.location_id = http_param(http, "location"),
		.from_day = http_param(http, "from"),
		.to_day = http_param(http, "to"),
		.cursor = http_param(http, "cursor")};
	const char *fault = filter_fault(&request);

	if (!business_named(asking) || !read_limit(asking, &request.limit))
		return;
	if (fault)
		asking_refuse(asking, BAD_REQUEST, fault);
	else
		asking_ask(asking, OP_SESSIONS, &request, on_sessions);
}

/* --- one conversation ----------------------------------------------------- */

static void on_conversation(
	struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_PAGE_BYTES);
	dto_conversation(&body, result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_conversation(struct asking *asking)
{
	struct conversation_request request = {.session_id = asking->ids.of[0]};

	asking_ask(asking, OP_CONVERSATION, &request, on_conversation);
}

/* --- the description of all this ------------------------------------------ */

void rest_openapi(struct asking *asking)
{
	struct span document = openapi_document();
	struct buf body;

	buf_init(&body, DTO_PAGE_BYTES);
	buf_put(&body, document.at, document.len);
	asking_answer(asking, 200, &body);
}
