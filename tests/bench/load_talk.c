/* What is said: joins and messages going out, replies and broadcasts coming
 * in. Every text begins with "@T<send time, ns, 16 hex digits>@", so that who
 * hears it knows how long it took. */
#include "tests/bench/load.h"

#include "shared/mem.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MARK_BYTES = 19, MESSAGE_MAX = TEXT_MAX + 512 };

static char filler[TEXT_MAX + 1];

void talk_open(void)
{
	static const char words[] =
		"what are your opening hours on the weekend, please? ";
	int len = load.options.text_bytes - MARK_BYTES;
	for (int i = 0; i < len; i++)
		filler[i] = words[(size_t)i % (sizeof words - 1)];
}

static int business_of(const struct conn *conn)
{
	return (int)conn->id % load.options.businesses;
}

static int user_of(const struct conn *conn)
{
	return (int)conn->id % load.options.users * load.options.stride;
}

/* --- out ------------------------------------------------------------------ */

static void on_ready(struct conn *conn)
{
	conn->state = READY;
	load.ready++;
	durations_add(&load.join_time, now_ns() - conn->opened_ns);
}

void on_upgraded(struct conn *conn)
{
	char text[256];
	if (load.options.protocol == PROTOCOL_RAW) {
		on_ready(conn);
		return;
	}
	conn->state = JOINING;
	conn->last_ref = 1;
	int len = snprintf(text, sizeof text,
		"[\"1\",\"1\",\"%s%d\",\"phx_join\",{\"userId\":\"u%07d\"}]",
		load.options.topic, business_of(conn), user_of(conn));
	conn_text(conn, text, (size_t)len);
}

void say(struct conn *conn, uint64_t from_ns)
{
	char text[MESSAGE_MAX];
	size_t len = 0;
	bool phx = load.options.protocol == PROTOCOL_PHX;
	if (!conn->sent_ns)
		conn->sent_ns = xalloc(WINDOW_MAX * sizeof *conn->sent_ns);
	conn->last_ref++;
	conn->sent_ns[conn->last_ref % WINDOW_MAX] = from_ns;
	if (phx)
		len = (size_t)snprintf(text, sizeof text,
			"[\"1\",\"%" PRIu32 "\",\"%s%d\",\"%s\",",
			conn->last_ref, load.options.topic, business_of(conn),
			load.options.event);
	len += (size_t)snprintf(text + len, sizeof text - len,
		"{\"businessId\":\"b%d\",\"locationId\":\"default\","
		"\"userId\":\"u%07d\",\"message\":\"@T%016" PRIx64 "@%s\"}%s",
		business_of(conn), user_of(conn), from_ns, filler,
		phx ? "]" : "");
	if (len >= sizeof text)
		fail("a message is too long");
	load.all_sent++;
	conn->unanswered++;
	conn_text(conn, text, len);
}

void fill_window(struct conn *conn)
{
	while (load.sending && conn->state == READY &&
		(int)conn->id < load.options.senders &&
		conn->unanswered < (uint32_t)load.options.window)
		say(conn, now_ns());
}

/* --- in ------------------------------------------------------------------- */

static void on_ack(struct conn *conn, uint32_t ref, bool ok)
{
	if (conn->unanswered)
		conn->unanswered--;
	if (!ok) {
		load.refused++;
		return;
	}
	load.all_acked++;
	if (!load.measuring)
		return;
	load.acked++;
	durations_add(
		&load.ack_time, now_ns() - conn->sent_ns[ref % WINDOW_MAX]);
}

static void on_delivery(const char *text, size_t len)
{
	const char *mark = memmem(text, len, "@T", 2);
	uint64_t from_ns;
	load.all_delivered++;
	if (!load.measuring)
		return;
	load.delivered++;
	if (mark && text + len - mark >= MARK_BYTES &&
		sscanf(mark, "@T%16" SCNx64 "@", &from_ns) == 1)
		durations_add(&load.delivery_time, now_ns() - from_ns);
}

/* The next item of an array, without its quotes; false at the end. Whatever
 * is in here has no comma and no escape. */
static bool next_item(
	const char **at, const char *end, const char **item, size_t *len)
{
	const char *comma = memchr(*at, ',', (size_t)(end - *at));
	if (!comma)
		return false;
	*item = *at;
	*len = (size_t)(comma - *at);
	*at = comma + 1;
	if (*len >= 2 && **item == '"') {
		++*item;
		*len -= 2;
	}
	return true;
}

static bool is(const char *item, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(item, name, len);
}

static void on_reply(
	struct conn *conn, const char *ref, const char *body, size_t len)
{
	bool ok = memmem(body, len, "\"status\":\"ok\"", 13);
	uint32_t number = 0;
	if (conn->state == JOINING) {
		if (ok)
			on_ready(conn);
		else
			conn_close(conn);
		return;
	}
	if (!conn->sent_ns)
		return;
	for (; *ref >= '0' && *ref <= '9'; ref++)
		number = number * 10 + (uint32_t)(*ref - '0');
	on_ack(conn, number, ok);
}

void on_text(struct conn *conn, const char *text, size_t len)
{
	const char *at = text + 1, *end = text + len;
	const char *join_ref, *ref, *topic, *event;
	size_t join_ref_len, ref_len, topic_len, event_len;
	if (load.options.protocol == PROTOCOL_RAW) {
		if (conn->unanswered)
			on_ack(conn, ++conn->echoed_ref, true);
		else
			on_delivery(text, len);
		return;
	}
	if (!len || !next_item(&at, end, &join_ref, &join_ref_len) ||
		!next_item(&at, end, &ref, &ref_len) ||
		!next_item(&at, end, &topic, &topic_len) ||
		!next_item(&at, end, &event, &event_len)) {
		load.refused++;
		return;
	}
	if (is(event, event_len, "phx_reply"))
		on_reply(conn, ref, at, (size_t)(end - at));
	else if (is(event, event_len, "user_message") ||
		 is(event, event_len, load.options.event) ||
		 is(event, event_len, "shout"))
		on_delivery(at, (size_t)(end - at));
	else if (is(event, event_len, "phx_error") ||
		 is(event, event_len, "phx_close"))
		load.refused++;
}
