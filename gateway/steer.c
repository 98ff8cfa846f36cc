#include "gateway/steer.h"
#include "gateway/dto.h"
#include "gateway/incoming.h"
#include "shared/clock.h"
#include "shared/mem.h"
#include "shared/tenant.h"
#include "shared/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_SIZE = 128, SESSION_ID_MAX = 256, REPLY_MAX = 1024 * 1024 };

static const struct command {
	const char *event;
	enum op op;
	const char *to;
} commands[] = {
	{"resolve", OP_SET_STATUS, "resolved"},
	{"close", OP_SET_STATUS, "closed"},
	{"reopen", OP_SET_STATUS, "active"},
	{"cancel", OP_CANCEL, NULL},
	{"take_over", OP_SET_HANDLER, "person"},
	{"hand_back", OP_SET_HANDLER, "bot"},
};

struct steer {
	struct caller *caller;
	uint32_t deadline_ms;
	struct order *orders;
	int count;
};

/* One event until its reply. */
struct order {
	struct steer *steer;
	struct order *next, **self;
	struct channels *channels;
	struct reply_to *reply;
	struct call *call;
	const struct command *command;
	uint64_t conn_serial;
	bool coordinator, escape;
	char business_id[TENANT_ID_MAX + 1];
	char user_id[ID_MAX + 1]; /* whose session it is; "" until known */
	char by[ID_MAX + 1];
	char session_id[SESSION_ID_MAX + 1]; /* "": none was named */
	char turn_id[TURN_ID_MAX + 1];
	char reason[REASON_MAX + 1];
	char why[WHY_SIZE]; /* of a refusal */
};

static call_fn on_owner, on_done;

/* --- orders come and go --------------------------------------------------- */

static struct order *order_new(struct steer *steer)
{
	struct order *order = xalloc(sizeof(*order));

	order->steer = steer;
	order->next = steer->orders;
	order->self = &steer->orders;
	if (order->next)
		order->next->self = &order->next;
	steer->orders = order;
	steer->count++;
	return order;
}

static void order_free(struct order *order)
{
	*order->self = order->next;
	if (order->next)
		order->next->self = order->self;
	order->steer->count--;
	reply_free(order->reply);
	free(order);
}

static bool room_for(const struct steer *steer, uint64_t conn_serial)
{
	int own = 0;

	for (const struct order *o = steer->orders; o; o = o->next)
		own += o->conn_serial == conn_serial;
	return own < STEER_PER_CONN && steer->count < STEER_MAX;
}

/* --- answering ------------------------------------------------------------ */

static void answer(struct order *order, bool ok, struct buf *body)
{
	struct reply_to *reply = order->reply;

	order->reply = NULL;
	reply_send(order->channels, reply, ok ? "ok" : "error",
		(struct span){body->data, body->len});
	buf_clear(body);
	order_free(order);
}

static void refuse(struct order *order, enum status status, const char *why)
{
	struct buf body;

	buf_init(&body, REPLY_MAX);
	dto_refusal(&body, status, why && *why ? why : status_text(status),
		order->escape);
	answer(order, false, &body);
}

/* --- reading -------------------------------------------------------------- */

static enum status fault(
	struct order *order, enum status status, const char *why)
{
	snprintf(order->why, sizeof(order->why), "%s", why);
	return status;
}

/* A name that may be absent: then `out` stays "". */
static enum status read_name(struct order *order, const struct json *body,
	const char *name, char *out, size_t max)
{
	const struct json *value = json_get(body, name);
	const char *text = json_text(value);

	if (!value || json_is_null(value))
		return OK;
	if (!text || !ascii_printable(text, max)) {
		snprintf(order->why, sizeof(order->why),
			"%s must be a string of 1 to %zu printable ASCII "
			"characters",
			name, max);
		return BAD_REQUEST;
	}
	snprintf(out, max + 1, "%s", text);
	return OK;
}

static enum status read_names(struct order *order, const struct json *body)
{
	enum status status;

	if (!json_is_object(body) && !json_is_null(body))
		return fault(order, BAD_REQUEST,
			"the payload must be a JSON object");
	status = read_name(
		order, body, "sessionId", order->session_id, SESSION_ID_MAX);
	if (status == OK)
		status = read_name(
			order, body, "userId", order->user_id, ID_MAX);
	if (status == OK)
		status = read_name(
			order, body, "turnId", order->turn_id, TURN_ID_MAX);
	if (status == OK)
		status = read_name(
			order, body, "reason", order->reason, REASON_MAX);
	if (status == OK && incoming_reason_reserved(order->reason))
		return fault(order, BAD_REQUEST,
			"reason is one that only the system gives");
	return status;
}

/* A coordinator says whose conversation it means, a user means its own. */
static enum status check_who(struct order *order, const struct steerer *who)
{
	if (order->coordinator) {
		snprintf(order->by, sizeof(order->by), "%s", who->user_id);
		if (*order->user_id && !user_id_valid(order->user_id))
			return fault(order, BAD_REQUEST, "userId is malformed");
		if (*order->user_id ||
			(*order->session_id &&
				order->command->op != OP_SET_HANDLER))
			return OK;
		return fault(order, MISSING_FIELD,
			"Missing required parameters: userId");
	}
	if (order->command->op == OP_SET_HANDLER)
		return fault(order, FORBIDDEN,
			"only a coordinator decides who handles a user");
	if (!*who->user_id ||
		(*order->user_id && strcmp(order->user_id, who->user_id) != 0))
		return fault(
			order, FORBIDDEN, "userId is not the one that joined");
	snprintf(order->user_id, sizeof(order->user_id), "%s", who->user_id);
	/* It is for the record: of a very long name the end may be cut. */
	snprintf(order->by, sizeof(order->by), "user:%.*s", ID_MAX - 5,
		who->user_id);
	return OK;
}

/* --- asking --------------------------------------------------------------- */

static void ask(
	struct order *order, enum op op, const void *request, call_fn *done)
{
	order->call = caller_call(order->steer->caller, op, request,
		order->steer->deadline_ms, NULL, done, order);
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static void ask_status(struct order *order)
{
	char today[SESSION_ID_MAX + 1];
	struct set_status_request request = {.session_id = order->session_id,
		.status = order->command->to,
		.by = order->by,
		.reason = or_null(order->reason)};

	if (!*order->session_id) {
		snprintf(today, sizeof(today), "%s:%s:%" PRId64,
			order->business_id, order->user_id, clock_wall_ms());
		request.session_id = today;
	}
	ask(order, OP_SET_STATUS, &request, on_done);
}

static void ask_cancel(struct order *order)
{
	struct cancel_request request = {.business_id = order->business_id,
		.user_id = order->user_id,
		.turn_id = or_null(order->turn_id),
		.by = order->by,
		.session_id = or_null(order->session_id)};

	ask(order, OP_CANCEL, &request, on_done);
}

static void ask_handler(struct order *order)
{
	struct set_handler_request request = {.business_id = order->business_id,
		.user_id = order->user_id,
		.handler = order->command->to,
		.by = order->by};

	ask(order, OP_SET_HANDLER, &request, on_done);
}

static void act(struct order *order)
{
	if (order->command->op == OP_SET_STATUS)
		ask_status(order);
	else if (order->command->op == OP_CANCEL)
		ask_cancel(order);
	else
		ask_handler(order);
}

/* Whose the named session is: somebody else's is told like none. */
static void on_owner(void *ctx, const struct call_result *result)
{
	struct order *order = ctx;
	const struct conversation_reply *owner = result->body;

	order->call = NULL;
	if (result->status == UNCONFIRMED) { /* so far it was only a question */
		refuse(order, UNAVAILABLE, NULL);
		return;
	}
	if (result->status != OK) {
		refuse(order, result->status, result->message);
		return;
	}
	if (strcmp(owner->business_id, order->business_id) != 0 ||
		(*order->user_id &&
			strcmp(owner->user_id, order->user_id) != 0)) {
		refuse(order, NOT_FOUND, NULL);
		return;
	}
	snprintf(order->user_id, sizeof(order->user_id), "%s", owner->user_id);
	act(order);
}

static void build(const struct order *order, struct buf *body, const void *from)
{
	const struct set_status_reply *status = from;

	if (order->command->op == OP_SET_STATUS)
		dto_session(body, status->session, order->escape);
	else if (order->command->op == OP_CANCEL)
		dto_cancelled(body, NULL, from, order->escape);
	else
		dto_handler(body, order->business_id, order->user_id, from,
			order->escape);
}

static void on_done(void *ctx, const struct call_result *result)
{
	struct order *order = ctx;
	bool told = result->status == CONFLICT && result->body &&
		    order->command->op == OP_SET_STATUS;
	struct buf body;

	order->call = NULL;
	if (result->status != OK && !told) {
		refuse(order, result->status, result->message);
		return;
	}
	buf_init(&body, REPLY_MAX);
	if (told)
		dto_conflict(
			&body, result->message, result->body, order->escape);
	else
		build(order, &body, result->body);
	answer(order, !told, &body);
}

/* --- events --------------------------------------------------------------- */

static const struct command *command_of(const char *event)
{
	for (size_t i = 0; i < COUNT(commands); i++)
		if (!strcmp(commands[i].event, event))
			return &commands[i];
	return NULL;
}

bool steer_event(struct steer *steer, struct channels *channels,
	const struct steerer *who, const char *event, struct span payload,
	struct reply_to *reply)
{
	const struct command *command = command_of(event);
	bool room = room_for(steer, who->conn_serial);
	struct order *order;
	struct json *body;
	enum status status;

	if (!command)
		return false;
	order = order_new(steer);
	order->channels = channels;
	order->reply = reply;
	order->command = command;
	order->conn_serial = who->conn_serial;
	order->coordinator = who->coordinator;
	order->escape = !who->text;
	snprintf(order->business_id, sizeof(order->business_id), "%s",
		who->business_id);
	body = json_parse(payload.at, payload.len);
	status = read_names(order, body);
	json_free(body);
	if (status == OK)
		status = check_who(order, who);
	if (status == OK && !room)
		status = RATE_LIMITED;
	if (status != OK) {
		refuse(order, status, order->why);
	} else if (*order->session_id) {
		struct conversation_request owner = {
			.session_id = order->session_id};

		ask(order, OP_CONVERSATION, &owner, on_owner);
	} else {
		act(order);
	}
	return true;
}

/* --- life ----------------------------------------------------------------- */

struct steer *steer_open(struct caller *caller, uint32_t deadline_ms)
{
	struct steer *steer = xalloc(sizeof(*steer));

	steer->caller = caller;
	steer->deadline_ms = deadline_ms;
	return steer;
}

void steer_close(struct steer *steer)
{
	if (!steer)
		return;
	while (steer->orders) {
		call_drop(steer->orders->call);
		order_free(steer->orders);
	}
	free(steer);
}
