#include "gateway/channels_inside.h"
#include "shared/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_TABLE = 64,
	RESPONSE_MAX = 262144,
	SCRATCH_MAX = 1048576, /* more than a message unescapes to */
	WAITING_MAX = 262144 /* bytes behind an undecided join */
};

struct channels *channels_open(const struct topic_handler *handlers,
	int n_handlers, int max_topics_per_conn)
{
	struct channels *channels = xalloc(sizeof(*channels));

	channels->handlers = handlers;
	channels->n_handlers = n_handlers;
	channels->max_topics = max_topics_per_conn;
	channels->table_size = FIRST_TABLE;
	channels->table = xalloc(FIRST_TABLE * sizeof(struct member *));
	return channels;
}

void channels_close(struct channels *channels)
{
	if (!channels)
		return;
	assert(!channels->n_members);
	free(channels->table);
	free(channels);
}

/* --- all members, by serial ---------------------------------------------- */

static struct member **bucket(const struct channels *channels, uint64_t serial)
{
	return &channels->table[serial & (channels->table_size - 1)];
}

static void table_grow(struct channels *channels)
{
	struct member **old = channels->table;
	size_t old_size = channels->table_size;

	channels->table_size = 2 * old_size;
	channels->table =
		xalloc(channels->table_size * sizeof(struct member *));
	for (size_t i = 0; i < old_size; i++) {
		while (old[i]) {
			struct member *member = old[i];
			struct member **to = bucket(channels, member->serial);

			old[i] = member->same_hash;
			member->same_hash = *to;
			*to = member;
		}
	}
	free(old);
}

static void table_put(struct channels *channels, struct member *member)
{
	struct member **to;

	if (++channels->n_members > channels->table_size)
		table_grow(channels);
	to = bucket(channels, member->serial);
	member->same_hash = *to;
	*to = member;
}

static void table_take(struct channels *channels, struct member *member)
{
	struct member **at = bucket(channels, member->serial);

	while (*at != member)
		at = &(*at)->same_hash;
	*at = member->same_hash;
	channels->n_members--;
}

struct member *channels_member(struct channels *channels, uint64_t serial)
{
	struct member *member = *bucket(channels, serial);

	while (member && member->serial != serial)
		member = member->same_hash;
	return member;
}

/* --- members ------------------------------------------------------------- */

static struct member *find(const struct client *client, const char *topic)
{
	struct member *member = client->members;

	while (member && strcmp(member->text, topic))
		member = member->next;
	return member;
}

static struct member *member_new(struct client *client,
	const struct topic_handler *handler, const struct phoenix_frame *frame)
{
	size_t topic_len = strlen(frame->topic);
	struct member *member = xalloc(sizeof(*member) + topic_len + 1 +
				       frame->join_ref.len + frame->ref.len);
	char *refs = member->text + topic_len + 1;

	member->client = client;
	member->handler = handler;
	member->serial = ++client->channels->last_serial;
	member->topic_len = (unsigned short)topic_len;
	member->join_ref_len = (unsigned short)frame->join_ref.len;
	member->ref_len = (unsigned short)frame->ref.len;
	memcpy(member->text, frame->topic, topic_len + 1);
	memcpy(refs, frame->join_ref.at, frame->join_ref.len);
	memcpy(refs + frame->join_ref.len, frame->ref.at, frame->ref.len);
	table_put(client->channels, member);
	return member;
}

/* Gone for everybody; the memory stays for a phx_close. */
static void member_end(struct member *member)
{
	struct client *client = member->client;
	struct member **at = &client->members;

	while (*at && *at != member)
		at = &(*at)->next;
	if (*at) {
		*at = member->next;
		client->n_members--;
	}
	if (client->deciding == member)
		client->deciding = NULL;
	member->joined = false;
	table_take(client->channels, member);
}

static void tell_left(struct member *member)
{
	if (member->handler->left)
		member->handler->left(member->handler->ctx, member);
}

void member_stop(struct member *member, bool crashed)
{
	assert(member->joined);
	member_end(member);
	send_end(member, crashed);
	tell_left(member);
	free(member);
}

/* --- joining ------------------------------------------------------------- */

static const struct topic_handler *handler_of(
	const struct channels *channels, const char *topic)
{
	if (!*topic || strlen(topic) > TOPIC_MAX)
		return NULL;
	for (int i = 0; i < channels->n_handlers; i++) {
		const char *pattern = channels->handlers[i].pattern;
		size_t prefix = strcspn(pattern, "*");

		if (pattern[prefix] ? !strncmp(topic, pattern, prefix)
				    : !strcmp(topic, pattern))
			return &channels->handlers[i];
	}
	return NULL;
}

/* The reply to this join first, then the end of the one it replaced. */
static void decided(struct member *member, bool ok, struct span response)
{
	struct client *client = member->client;
	struct member *old = member->replaced;

	member->replaced = NULL;
	if (ok) {
		client->deciding = NULL;
		member->joined = true;
		member->next = client->members;
		client->members = member;
		client->n_members++;
	} else {
		member_end(member);
	}
	send_join_reply(member, ok, response);
	if (old)
		send_end(old, false);
	free(old);
	if (!ok)
		free(member);
	else if (member->handler->joined)
		member->handler->joined(member->handler->ctx, member);
}

static void on_join(struct client *client, const struct phoenix_frame *frame)
{
	struct channels *channels = client->channels;
	struct member *old = find(client, frame->topic), *member;
	const struct topic_handler *handler =
		old ? old->handler : handler_of(channels, frame->topic);
	enum join_verdict verdict;
	struct buf response;

	if (!handler) {
		send_error(client->conn, phoenix_null, frame->ref,
			frame->topic_json, "unmatched topic");
		return;
	}
	if (!old && client->n_members >= channels->max_topics) {
		send_error(client->conn, frame->join_ref, frame->ref,
			frame->topic_json, "too many channels joined");
		return;
	}
	if (old) {
		member_end(old);
		tell_left(old);
	}
	member = member_new(client, handler, frame);
	member->replaced = old;
	buf_init(&response, RESPONSE_MAX);
	verdict = handler->join(
		handler->ctx, member, frame->payload, frame->binary, &response);
	if (verdict == JOIN_LATER)
		client->deciding = member;
	else
		decided(member, verdict == JOIN_OK,
			(struct span){response.data, response.len});
	buf_clear(&response);
}

/* --- frames -------------------------------------------------------------- */

static bool is_stale(
	const struct member *member, const struct phoenix_frame *frame)
{
	return !phoenix_is_null(frame->join_ref) &&
	       !phoenix_same_ref(frame->join_ref, member_join_ref(member));
}

static void on_leave(struct client *client, const struct phoenix_frame *frame)
{
	struct member *member = find(client, frame->topic);

	if (!member) {
		send_reply(client->conn, frame->join_ref, frame->ref,
			frame->topic_json, "ok", phoenix_empty);
	} else if (!is_stale(member, frame)) {
		reply_send(client->channels, reply_new(member, frame), "ok",
			phoenix_empty);
		member_stop(member, false);
	}
}

static void on_event(struct client *client, const struct phoenix_frame *frame)
{
	struct member *member = find(client, frame->topic);

	if (!member)
		send_error(client->conn, phoenix_null, frame->ref,
			frame->topic_json, "unmatched topic");
	else if (!is_stale(member, frame))
		member->handler->event(member->handler->ctx, member,
			frame->event, frame->payload, frame->binary,
			reply_new(member, frame));
}

static void dispatch(struct client *client, const struct phoenix_frame *frame)
{
	if (!strcmp(frame->event, "phx_join"))
		on_join(client, frame);
	else if (!strcmp(frame->event, "phx_leave"))
		on_leave(client, frame);
	else
		on_event(client, frame);
}

static bool is_heartbeat(const struct phoenix_frame *frame)
{
	return !strcmp(frame->topic, "phoenix") &&
	       !strcmp(frame->event, "heartbeat");
}

static void wait_behind_join(
	struct client *client, bool binary, const char *data, size_t len)
{
	struct waiting *waiting;

	client->waiting_bytes += len;
	if (client->waiting_bytes > WAITING_MAX) {
		conn_close(client->conn, CLOSE_TOO_BIG);
		return;
	}
	waiting = xalloc(sizeof(*waiting) + len);
	waiting->binary = binary;
	waiting->len = len;
	memcpy(waiting->data, data, len);
	*client->waiting_end = waiting;
	client->waiting_end = &waiting->next;
}

void channels_message(struct channels *channels, struct conn *conn, bool binary,
	const char *data, size_t len)
{
	struct client *client = conn_data(conn);
	enum phoenix_version version =
		(enum phoenix_version)conn_upgrade(conn)->serializer;
	struct phoenix_frame frame;
	struct buf scratch;

	(void)channels;
	buf_init(&scratch, SCRATCH_MAX);
	if (!phoenix_decode(version, binary, data, len, &frame, &scratch)) {
		log_warn_limited("undecodable frame",
			log_int("connection", (int64_t)conn_serial(conn)),
			log_int("bytes", (int64_t)len));
		conn_close(conn, CLOSE_UNDECODABLE);
	} else if (is_heartbeat(&frame)) {
		send_reply(conn, phoenix_null, frame.ref, frame.topic_json,
			"ok", phoenix_empty);
	} else if (client->deciding) {
		wait_behind_join(client, binary, data, len);
	} else {
		dispatch(client, &frame);
	}
	buf_clear(&scratch);
}

static struct waiting *take_waiting(struct client *client)
{
	struct waiting *waiting = client->waiting;

	if (!waiting)
		return NULL;
	client->waiting = waiting->next;
	if (!client->waiting)
		client->waiting_end = &client->waiting;
	client->waiting_bytes -= waiting->len;
	return waiting;
}

void join_decide(struct channels *channels, uint64_t serial, bool ok,
	struct span response)
{
	struct member *member = channels_member(channels, serial);
	struct waiting *waiting;
	struct client *client;

	if (!member || member->client->deciding != member)
		return;
	client = member->client;
	decided(member, ok, response);
	while (!client->deciding && (waiting = take_waiting(client))) {
		if (!conn_closing(client->conn))
			channels_message(channels, client->conn,
				waiting->binary, waiting->data, waiting->len);
		free(waiting);
	}
}

/* --- connections --------------------------------------------------------- */

void channels_opened(struct channels *channels, struct conn *conn)
{
	struct client *client = xalloc(sizeof(*client));

	client->channels = channels;
	client->conn = conn;
	client->waiting_end = &client->waiting;
	conn_set_data(conn, client);
}

static void member_lost(struct member *member)
{
	member_end(member);
	tell_left(member);
	free(member->replaced);
	free(member);
}

void channels_closed(struct channels *channels, struct conn *conn)
{
	struct client *client = conn_data(conn);
	struct waiting *waiting;

	(void)channels;
	if (client->deciding)
		member_lost(client->deciding);
	while (client->members)
		member_lost(client->members);
	while ((waiting = take_waiting(client)))
		free(waiting);
	conn_set_data(conn, NULL);
	free(client);
}

struct conn *member_conn(const struct member *member)
{
	return member->client->conn;
}

const char *member_topic(const struct member *member)
{
	return member->text;
}

const char *member_suffix(const struct member *member)
{
	return member->text + strcspn(member->handler->pattern, "*");
}

uint64_t member_serial(const struct member *member)
{
	return member->serial;
}

void member_set_data(struct member *member, void *data)
{
	member->data = data;
}

void *member_data(const struct member *member)
{
	return member->data;
}
