#include "gateway/messages.h"
#include "gateway/dto.h"
#include "gateway/fanout.h"
#include "gateway/incoming.h"
#include "gateway/recents.h"
#include "gateway/roster.h"
#include "gateway/span.h"
#include "gateway/steer.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/mem.h"
#include "shared/tenant.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOOT_LEN = 8, REPLY_MAX = 4096 };

static const char coordinator_prefix[] = "coordinator:";

struct messages {
	struct loop *loop;
	struct channels *channels;
	struct roster *roster;
	struct appends *appends;
	struct steer *steer;
	struct fanout *fanout;
	struct recents *recents;
	struct timer *timer;
};

/* A member: who it says it is. */
struct guest {
	struct seat seat;
	bool coordinator;
	char user_id[ID_MAX + 1]; /* "" until it is known */
};

/* --- join ----------------------------------------------------------------- */

static const char *member_business(const struct member *member)
{
	return member_suffix(member);
}

/* A string of the join payload; "" if absent, NULL if it is of another
 * type. */
static const char *join_text(const struct json *payload, const char *name)
{
	const struct json *value = json_get(payload, name);

	return !value || json_is_null(value) ? "" : json_text(value);
}

static bool differ(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b) != 0;
}

/* A person is whoever says so: identities are believed here. */
static const char *read_coordinator(
	struct guest *guest, const struct json *payload)
{
	const char *name = join_text(payload, "name");

	if (!name || (*name && !user_id_valid(name)) || strlen(name) > 64)
		return "invalid name";
	guest->coordinator = true;
	snprintf(guest->user_id, sizeof(guest->user_id), "%s%s",
		coordinator_prefix, *name ? name : "anonymous");
	return NULL;
}

/* Fills the guest from what a join says; NULL, or why it is refused. */
static const char *read_identity(struct guest *guest, const char *business_id,
	const struct upgrade *upgrade, const struct json *payload)
{
	const char *business = join_text(payload, "businessId");
	const char *user = join_text(payload, "userId");
	const char *role = join_text(payload, "role");

	if (!business || !business_id_valid(business_id))
		return "invalid businessId";
	if (differ(business, business_id) ||
		differ(upgrade->business_id, business_id))
		return "identity mismatch";
	if (role && !strcmp(role, "coordinator"))
		return read_coordinator(guest, payload);
	if (!user)
		return "invalid userId";
	if (differ(user, upgrade->user_id))
		return "identity mismatch";
	if (!*user)
		user = upgrade->user_id;
	if (*user && !user_id_valid(user))
		return "invalid userId";
	snprintf(guest->user_id, sizeof(guest->user_id), "%s", user);
	return NULL;
}

static enum join_verdict on_join(void *ctx, struct member *member,
	struct span payload, bool binary, struct buf *response)
{
	struct guest *guest = xalloc(sizeof(*guest));
	const struct upgrade *upgrade = conn_upgrade(member_conn(member));
	struct json *body = binary ? NULL : json_parse(payload.at, payload.len);
	struct json_writer w;
	const char *fault = "invalid payload";

	(void)ctx;
	/* Old clients send null for an empty payload. */
	if (json_is_object(body) || json_is_null(body))
		fault = read_identity(
			guest, member_business(member), upgrade, body);
	json_free(body);
	json_begin(&w, response);
	json_open(&w, NULL, '{');
	if (fault)
		json_put_str(&w, "reason", fault);
	else if (*guest->user_id)
		json_put_str(&w, "userId", guest->user_id);
	json_shut(&w, '}');
	if (fault) {
		free(guest);
		return JOIN_REFUSED;
	}
	guest->seat.member = member;
	guest->seat.text = upgrade->text_format;
	member_set_data(member, guest);
	return JOIN_OK;
}

static void take_seat(struct messages *messages, struct guest *guest)
{
	enum room_kind kind = guest->coordinator ? ROOM_COORDINATORS
			      : *guest->user_id	 ? ROOM_USER
						 : ROOM_UNNAMED;

	roster_leave(messages->roster, &guest->seat);
	roster_enter(messages->roster, &guest->seat, kind,
		member_business(guest->seat.member), guest->user_id);
}

static void on_joined(void *ctx, struct member *member)
{
	struct messages *messages = ctx;
	struct guest *guest = member_data(member);

	guest->seat.joined_ms = loop_now_ms(messages->loop);
	take_seat(messages, guest);
}

static void on_left(void *ctx, struct member *member)
{
	struct messages *messages = ctx;
	struct guest *guest = member_data(member);

	roster_leave(messages->roster, &guest->seat);
	free(guest);
}

/* --- new_message ---------------------------------------------------------- */

/* A message on its way, and where its answer goes. */
struct sending {
	struct messages *messages;
	uint64_t member_serial;
	struct reply_to *reply;
	char *session_id; /* as sent; NULL if nothing was */
};

static void sending_free(struct sending *sending)
{
	free(sending->session_id);
	free(sending);
}

static void push(struct member *member, const char *event, struct buf *payload)
{
	member_push(member, event, (struct span){payload->data, payload->len});
}

/* The reply, the guide's `error` event, and for pages that hear neither a
 * message that is not stored. */
static void fail(struct sending *sending, enum status status, const char *why)
{
	struct channels *channels = sending->messages->channels;
	struct member *member =
		channels_member(channels, sending->member_serial);
	struct buf out;
	bool text;

	if (!member) {
		reply_free(sending->reply);
		sending_free(sending);
		return;
	}
	text = ((struct guest *)member_data(member))->seat.text;
	buf_init(&out, REPLY_MAX);
	dto_refusal(&out, status, why, !text);
	reply_send(channels, sending->reply, "error",
		(struct span){out.data, out.len});
	buf_reset(&out);
	dto_error_event(&out, status, why, !text);
	push(member, "error", &out);
	if (!text) {
		buf_reset(&out);
		dto_error_message(
			&out, status, sending->session_id, clock_wall_ms());
		push(member, "new_message", &out);
	}
	buf_clear(&out);
	sending_free(sending);
}

static void on_appended(void *ctx, const struct append_outcome *outcome)
{
	struct sending *sending = ctx;
	struct channels *channels = sending->messages->channels;
	struct member *member =
		channels_member(channels, sending->member_serial);
	struct buf out;

	if (outcome->status != OK) {
		log_warn_limited("message not stored",
			log_str("code", status_code(outcome->status)));
		fail(sending, outcome->status, outcome->error);
		return;
	}
	buf_init(&out, REPLY_MAX);
	dto_sent(&out, outcome->result, outcome->duplicate,
		!member || !((struct guest *)member_data(member))->seat.text);
	reply_send(channels, sending->reply, "ok",
		(struct span){out.data, out.len});
	buf_clear(&out);
	sending_free(sending);
}

/* What a message says about tenant and user must be what its sender is. The
 * first one names a sender that joined without saying who. */
static enum status check_identity(
	struct messages *messages, struct guest *guest, struct incoming *in)
{
	const char *fault = NULL;

	if (strcmp(in->item.business_id, member_business(guest->seat.member)))
		fault = "businessId is not this topic's";
	else if (guest->coordinator)
		fault = "coordinators do not send messages of users";
	else if (*guest->user_id && strcmp(in->item.user_id, guest->user_id))
		fault = "userId is not the one that joined";
	if (fault) {
		snprintf(in->why, sizeof(in->why), "%s", fault);
		return FORBIDDEN;
	}
	if (!*guest->user_id) {
		snprintf(guest->user_id, sizeof(guest->user_id), "%s",
			in->item.user_id);
		take_seat(messages, guest);
	}
	return OK;
}

static void on_new_message(struct messages *messages, struct member *member,
	struct span payload, struct reply_to *reply)
{
	struct guest *guest = member_data(member);
	struct sending *sending = xalloc(sizeof(*sending));
	struct incoming in;
	enum status status;

	sending->messages = messages;
	sending->member_serial = member_serial(member);
	sending->reply = reply;
	status = incoming_read(&in, payload);
	sending->session_id = xstrdup(in.session_id);
	if (status == OK)
		status = check_identity(messages, guest, &in);
	if (status == OK) {
		status = messages_send(messages,
			conn_serial(member_conn(member)), &in.item, on_appended,
			sending);
		snprintf(in.why, sizeof(in.why), "%s", status_text(status));
	}
	if (status != OK)
		fail(sending, status, in.why);
	incoming_clear(&in);
}

enum status messages_send(struct messages *messages, uint64_t conn_serial,
	const struct append_item *item, append_fn *done, void *ctx)
{
	enum status status = appends_submit(messages->appends,
		loop_now_ms(messages->loop), conn_serial, item, done, ctx);

	if (status == OK && !timer_active(messages->timer))
		timer_start(messages->timer, APPEND_TICK_MS, APPEND_TICK_MS);
	return status;
}

/* --- all events ----------------------------------------------------------- */

static void on_channel_event(void *ctx, struct member *member,
	const char *event, struct span payload, bool binary,
	struct reply_to *reply)
{
	struct messages *messages = ctx;
	const struct guest *guest = member_data(member);
	struct steerer who = {.conn_serial = conn_serial(member_conn(member)),
		.business_id = member_business(member),
		.user_id = guest->user_id,
		.coordinator = guest->coordinator,
		.text = guest->seat.text};

	if (binary)
		payload = span_of(""); /* means nothing to any event */
	if (!strcmp(event, "new_message"))
		on_new_message(messages, member, payload, reply);
	else if (!steer_event(messages->steer, messages->channels, &who, event,
			 payload, reply))
		reply_unknown_event(messages->channels, reply);
}

/* --- time and sessiond ---------------------------------------------------- */

static void on_turn_end(void *ctx)
{
	struct messages *messages = ctx;

	appends_flush(messages->appends, loop_now_ms(messages->loop));
}

static void on_tick(void *ctx)
{
	struct messages *messages = ctx;

	appends_tick(messages->appends, loop_now_ms(messages->loop));
	if (!appends_pending(messages->appends))
		timer_stop(messages->timer);
}

static void on_event(void *ctx, const struct event_message *event)
{
	fanout_apply(((struct messages *)ctx)->fanout, event);
}

static bool on_wants(void *ctx, const struct message *message)
{
	return fanout_wants(((struct messages *)ctx)->fanout, message);
}

static void on_resync(void *ctx)
{
	struct messages *messages = ctx;

	fanout_resync(messages->fanout);
	recents_ask(messages->recents);
}

static void on_greeted(void *ctx)
{
	appends_begin(((struct messages *)ctx)->appends);
}

/* --- life ----------------------------------------------------------------- */

struct messages *messages_open(struct loop *loop, struct feed *feed,
	const struct append_limits *limits)
{
	static const struct feed_events events = {.apply = on_event,
		.wants = on_wants,
		.resync = on_resync,
		.greeted = on_greeted};
	struct messages *messages = xalloc(sizeof(*messages));
	char boot[BOOT_LEN + 1];

	snprintf(boot, sizeof(boot), "%.*s", BOOT_LEN, feed_boot(feed));
	messages->loop = loop;
	messages->roster = roster_open();
	messages->appends = appends_open(feed_caller(feed), limits, boot);
	messages->steer = steer_open(
		feed_caller(feed), (uint32_t)limits->send_deadline_ms);
	messages->fanout =
		fanout_open(loop, messages->roster, messages->appends);
	messages->recents = recents_open(
		loop, feed_caller(feed), messages->roster, messages->fanout);
	messages->timer = timer_open(loop, on_tick, messages);
	loop_on_turn_end(loop, on_turn_end, messages);
	feed_listen(feed, &events, messages);
	return messages;
}

void messages_close(struct messages *messages)
{
	if (!messages)
		return;
	timer_close(messages->timer);
	recents_close(messages->recents);
	fanout_close(messages->fanout);
	steer_close(messages->steer);
	appends_close(messages->appends);
	roster_close(messages->roster);
	free(messages);
}

struct topic_handler messages_handler(struct messages *messages)
{
	return (struct topic_handler){.pattern = "messages:*",
		.join = on_join,
		.joined = on_joined,
		.event = on_channel_event,
		.left = on_left,
		.ctx = messages};
}

void messages_attach(struct messages *messages, struct channels *channels)
{
	messages->channels = channels;
}

int messages_pending(const struct messages *messages)
{
	return appends_pending(messages->appends);
}
