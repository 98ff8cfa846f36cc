/* What changes how things stand with a session, a turn or a user. */

#include "gateway/dto.h"
#include "gateway/incoming.h"
#include "gateway/rest_inside.h"
#include "shared/tenant.h"
#include <stdio.h>
#include <string.h>

/* Who asks: REST callers do not say who they are. */
static const char by[] = "service:rest";

/* --- states of a session -------------------------------------------------- */

static void on_status(struct asking *asking, const struct call_result *result)
{
	const struct set_status_reply *reply = result->body;
	struct buf body;

	if (result->status == CONFLICT && reply) {
		buf_init(&body, DTO_EVENT_BYTES);
		dto_fault_conflict(&body, result->message, reply);
		asking_answer(asking, 409, &body);
		return;
	}
	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_EVENT_BYTES);
	dto_session(&body, reply->session, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_transition(struct asking *asking)
{
	struct set_status_request request = {.session_id = asking->ids.of[0],
		.status = asking->argument,
		.by = by};
	struct json *body;

	if (!rest_body(asking, &body))
		return;
	if (rest_body_name(
		    asking, body, "reason", REASON_MAX, &request.reason)) {
		if (incoming_reason_reserved(request.reason))
			asking_refuse(asking, BAD_REQUEST,
				"reason is one that only the system gives");
		else
			asking_ask(asking, OP_SET_STATUS, &request, on_status);
	}
	json_free(body);
}

/* --- cancelling ----------------------------------------------------------- */

static void on_cancelled(
	struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_EVENT_BYTES);
	dto_cancelled(&body, asking->ids.of[0], result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

/* Whose session it is, without which nothing can be cancelled. */
static void on_owner(struct asking *asking, const struct call_result *result)
{
	const struct conversation_reply *reply = result->body;
	struct cancel_request request = {.by = by};

	if (asking_failed(asking, result))
		return;
	request.business_id = reply->business_id;
	request.user_id = reply->user_id;
	if (reply->session) /* an alias may have been asked for */
		snprintf(asking->ids.of[0], sizeof(asking->ids.of[0]), "%s",
			reply->session->session_id);
	request.session_id = asking->ids.of[0];
	asking->writes = true;
	asking_ask(asking, OP_CANCEL, &request, on_cancelled);
}

void rest_cancel(struct asking *asking)
{
	struct conversation_request request = {.session_id = asking->ids.of[0]};

	asking->writes = false; /* not yet */
	asking_ask(asking, OP_CONVERSATION, &request, on_owner);
}

/* --- forgetting ----------------------------------------------------------- */

static void on_forgotten(
	struct asking *asking, const struct call_result *result)
{
	const struct forget_reply *reply = result->body;

	if (asking_failed(asking, result))
		return;
	if (reply->deleted)
		asking_answer(asking, 204, NULL);
	else
		asking_refuse(asking, NOT_FOUND, NULL);
}

void rest_forget(struct asking *asking)
{
	struct forget_request request = {.session_id = asking->ids.of[0]};

	asking_ask(asking, OP_FORGET, &request, on_forgotten);
}

/* --- who handles a user, and what waits ----------------------------------- */

static void on_handler(struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_EVENT_BYTES);
	dto_handler(&body, asking->ids.of[0], asking->ids.of[1], result->body,
		asking->escape);
	asking_answer(asking, 200, &body);
}

static const char *handler_fault(const struct set_handler_request *request)
{
	if (!business_id_valid(request->business_id))
		return "businessId is malformed";
	if (!user_id_valid(request->user_id))
		return "userId is malformed";
	if (!request->handler || (strcmp(request->handler, "person") != 0 &&
					 strcmp(request->handler, "bot") != 0))
		return "handler must be person or bot";
	return NULL;
}

void rest_handler(struct asking *asking)
{
	struct set_handler_request request = {.business_id = asking->ids.of[0],
		.user_id = asking->ids.of[1],
		.by = by};
	struct json *body;
	const char *fault;

	if (!rest_body(asking, &body))
		return;
	request.handler = json_str(body, "handler");
	fault = handler_fault(&request);
	if (fault)
		asking_refuse(asking, BAD_REQUEST, fault);
	else
		asking_ask(asking, OP_SET_HANDLER, &request, on_handler);
	json_free(body);
}

static void on_requeued(struct asking *asking, const struct call_result *result)
{
	struct buf body;

	if (asking_failed(asking, result))
		return;
	buf_init(&body, DTO_EVENT_BYTES);
	dto_requeued(&body, result->body, asking->escape);
	asking_answer(asking, 200, &body);
}

void rest_requeue(struct asking *asking)
{
	struct requeue_request request = {
		.turn_id = asking->ids.of[0], .by = by};

	/* No turn is called anything longer. */
	if (strlen(request.turn_id) > TURN_ID_MAX)
		asking_refuse(asking, NOT_FOUND, NULL);
	else
		asking_ask(asking, OP_REQUEUE, &request, on_requeued);
}
