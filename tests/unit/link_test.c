/* Asking and answering. */

#include "tests/unit/link_fixture.h"
#include <errno.h>

/* --- a server that does what its test wants --------------------------------
 */

enum { MANY = 300 };

static struct server *server;
static struct asked *held[MANY];
static int n_asked, n_held;
static bool hold; /* keep requests instead of answering */
static char last_trace[65];
static size_t record_bytes; /* of the answers */

/* Answers tenant requests with their own business id. */
static void answer(struct asked *asked, const struct request *request)
{
	const struct tenant_request *tenant = request->body;
	struct tenant_reply reply = {.business_id = tenant->business_id};
	static char record[200000];

	memset(record, 'x', record_bytes);
	record[0] = record[record_bytes - 1] = '"';
	assert_int_equal(request->op, OP_TENANT);
	reply.record = (struct span){record, record_bytes};
	asked_reply(asked, OK, NULL, &reply);
}

static void on_request(
	void *ctx, struct asked *asked, const struct request *request)
{
	(void)ctx;
	n_asked++;
	snprintf(last_trace, sizeof(last_trace), "%s",
		request->trace ? request->trace : "");
	if (hold)
		held[n_held++] = asked;
	else
		answer(asked, request);
}

static void serve(void)
{
	n_asked = n_held = 0;
	hold = false;
	record_bytes = 3;
	server = server_open(loop, url, NULL, on_request, NULL);
}

/* --- a caller that remembers what became of its calls ----------------------
 */

static struct caller *caller;
static int n_done, n_of[64];
static char last_business[65];
static bool connected;
static int n_connected;

static void on_changed(void *ctx, bool now)
{
	(void)ctx;
	assert_int_equal(now, !connected);
	connected = now;
	n_connected += now;
	assert_int_equal(caller_connected(caller), now);
}

static void dial(void)
{
	n_done = n_connected = 0;
	memset(n_of, 0, sizeof(n_of));
	connected = false;
	caller = caller_open(loop, url, NULL, on_changed, NULL);
}

static void on_done(void *ctx, const struct call_result *result)
{
	(void)ctx;
	n_done++;
	n_of[result->status]++;
	if (result->status == OK) {
		const struct tenant_reply *reply = result->body;

		snprintf(last_business, sizeof(last_business), "%s",
			reply->business_id);
	} else {
		assert_non_null(result->message);
	}
}

static struct call *call(const char *business_id, uint32_t timeout_ms)
{
	const struct tenant_request request = {.business_id = business_id};

	return caller_call(caller, OP_TENANT, &request, timeout_ms, "trace-1",
		on_done, NULL);
}

static bool one_done(void)
{
	return n_done >= 1;
}

static bool two_done(void)
{
	return n_done >= 2;
}

static bool is_connected(void)
{
	return connected;
}

static bool is_disconnected(void)
{
	return !connected;
}

static bool one_asked(void)
{
	return n_asked >= 1;
}

static bool two_hundred_asked(void)
{
	return n_asked >= 200;
}

/* --- the stories -----------------------------------------------------------
 */

static void a_call_brings_its_answer(void **state)
{
	(void)state;
	serve();
	dial();
	call("B1", PATIENCE_MS);
	assert_int_equal(n_done, 0);
	run_until(one_done);
	assert_int_equal(n_of[OK], 1);
	assert_string_equal(last_business, "B1");
	assert_string_equal(last_trace, "trace-1");
	caller_close(caller);
	server_close(server);
}

static bool many_done(void)
{
	return n_done >= MANY;
}

static void more_calls_than_contexts_are_all_answered(void **state)
{
	(void)state;
	serve();
	dial();
	for (int i = 0; i < MANY; i++)
		call("B1", PATIENCE_MS);
	run_until(many_done);
	assert_int_equal(n_of[OK], MANY);
	assert_int_equal(n_asked, MANY);
	caller_close(caller);
	server_close(server);
}

static void answers_may_come_in_any_order_and_late(void **state)
{
	const struct tenant_reply reply = {
		.business_id = "late", .record = {"{}", 2}};

	(void)state;
	serve();
	dial();
	hold = true;
	call("B1", PATIENCE_MS);
	run_until(one_asked);
	hold = false;
	call("B2", PATIENCE_MS);
	run_until(one_done);
	assert_string_equal(last_business, "B2");
	asked_reply(held[0], OK, NULL, &reply);
	run_until(two_done);
	assert_string_equal(last_business, "late");
	caller_close(caller);
	server_close(server);
}

static void a_refusal_brings_status_and_sentence(void **state)
{
	(void)state;
	serve();
	dial();
	hold = true;
	call("B1", PATIENCE_MS);
	run_until(one_asked);
	asked_reply(held[0], UNKNOWN_BUSINESS, "not served here", NULL);
	run_until(one_done);
	assert_int_equal(n_of[UNKNOWN_BUSINESS], 1);
	caller_close(caller);
	server_close(server);
}

static void a_call_waits_for_a_connection(void **state)
{
	(void)state;
	dial();
	call("B1", PATIENCE_MS);
	serve();
	run_until(one_done);
	assert_int_equal(n_of[OK], 1);
	run_until(is_connected);
	caller_close(caller);
	server_close(server);
}

static void without_a_server_nothing_was_done(void **state)
{
	(void)state;
	dial();
	call("B1", 20);
	run_until(one_done);
	assert_int_equal(n_of[UNAVAILABLE], 1);
	assert_int_equal(n_connected, 0);
	caller_close(caller);
}

static void without_an_answer_it_is_not_known(void **state)
{
	(void)state;
	serve();
	dial();
	run_until(is_connected);
	hold = true;
	call("B1", 50);
	run_until(one_done);
	assert_int_equal(n_of[UNCONFIRMED], 1);
	caller_close(caller);
	server_close(server);
}

/* All contexts hang on a silent server; what waits behind them never left. */
static void a_call_that_found_no_context_was_not_done(void **state)
{
	(void)state;
	serve();
	dial();
	run_until(is_connected);
	hold = true;
	for (int i = 0; i < 128; i++)
		call("B1", PATIENCE_MS);
	call("B2", 30);
	call("B3", 20);
	run_until(two_done);
	assert_int_equal(n_of[UNAVAILABLE], 2);
	caller_close(caller);
	server_close(server);
}

static void a_dropped_call_is_not_heard_of_again(void **state)
{
	struct call *early, *late;

	(void)state;
	dial();
	early = call("B1", PATIENCE_MS); /* waits for a connection */
	call_drop(early);
	serve();
	run_until(is_connected);
	hold = true;
	late = call("B2", PATIENCE_MS); /* waits for its answer */
	run_until(one_asked);
	call_drop(late);
	hold = false;
	call("B3", PATIENCE_MS);
	run_until(one_done);
	assert_string_equal(last_business, "B3");
	assert_int_equal(n_done, 1);
	assert_int_equal(n_asked, 2);
	caller_close(caller);
	server_close(server);
}

static void a_call_behind_all_contexts_can_be_dropped(void **state)
{
	struct call *calls[130];

	(void)state;
	dial();
	for (int i = 0; i < 130; i++)
		calls[i] = call("B1", PATIENCE_MS);
	call_drop(calls[128]);
	call_drop(calls[129]);
	for (int i = 0; i < 128; i++)
		call_drop(calls[i]);
	serve();
	call("B2", PATIENCE_MS);
	run_until(one_done);
	assert_string_equal(last_business, "B2");
	assert_int_equal(n_done, 1);
	caller_close(caller);
	server_close(server);
}

static void a_request_over_the_limit_is_refused_here(void **state)
{
	static char text[20000];
	struct append_item items[APPEND_ITEMS_MAX];
	const struct append_request request = {items, APPEND_ITEMS_MAX};

	(void)state;
	/* Each of these bytes takes six on the wire. */
	memset(text, '\x01', sizeof(text) - 1);
	for (int i = 0; i < APPEND_ITEMS_MAX; i++)
		items[i] = (struct append_item){.append_id = "a",
			.business_id = "b",
			.user_id = "u",
			.location_id = "l",
			.content = text,
			.source = "websocket"};
	dial();
	caller_call(
		caller, OP_APPEND, &request, PATIENCE_MS, NULL, on_done, NULL);
	call_drop(caller_call(
		caller, OP_APPEND, &request, PATIENCE_MS, NULL, on_done, NULL));
	assert_int_equal(n_done, 0);
	run_until(one_done);
	assert_int_equal(n_of[TOO_LARGE], 1);
	caller_close(caller);
}

static void a_reply_over_the_limit_becomes_an_error(void **state)
{
	char *text = xalloc(LINK_MAX_BYTES + 1);
	struct tenant_reply reply = {.business_id = "B1"};

	(void)state;
	memset(text, '1', LINK_MAX_BYTES);
	reply.record = (struct span){text, LINK_MAX_BYTES};
	serve();
	dial();
	hold = true;
	call("B1", PATIENCE_MS);
	run_until(one_asked);
	asked_reply(held[0], OK, NULL, &reply);
	run_until(one_done);
	assert_int_equal(n_of[INTERNAL], 1);
	caller_close(caller);
	server_close(server);
	free(text);
}

static void a_request_is_kept_with_its_memory_and_age(void **state)
{
	char *kept;

	(void)state;
	serve();
	dial();
	hold = true;
	call("B1", PATIENCE_MS);
	run_until(one_asked);
	kept = arena_strndup(asked_arena(held[0]), "kept", 4);
	usleep(2000);
	assert_true(asked_age_ms(held[0]) >= 1);
	assert_true(asked_age_ms(held[0]) < PATIENCE_MS);
	assert_string_equal(kept, "kept");
	caller_close(caller);
	server_close(server); /* with a request that was never answered */
}

/* --- peers that misbehave --------------------------------------------------
 */

static void a_connection_that_breaks_leaves_it_unknown_at_once(void **state)
{
	int listener = raw_listen(port), peer;
	uint32_t id;

	(void)state;
	dial();
	call("B1", 10 * PATIENCE_MS);
	peer = raw_accept(listener);
	raw_hello(peer, SP_REP);
	free(raw_receive(peer, &id));
	assert_true(id & 0x80000000u);
	run_until(is_connected);
	close(peer);
	run_until(one_done);
	assert_int_equal(n_of[UNCONFIRMED], 1);
	run_until(is_disconnected);
	/* It dials again, and does not ask again by itself. */
	peer = raw_accept(listener);
	raw_hello(peer, SP_REP);
	run_until(is_connected);
	call("B2", PATIENCE_MS);
	free(raw_receive(peer, &id));
	raw_send(peer, id,
		"{\"v\":1,\"op\":\"tenant\",\"status\":\"ok\","
		"\"body\":{\"businessId\":\"B2\",\"record\":1}}");
	run_until(two_done);
	assert_string_equal(last_business, "B2");
	caller_close(caller);
	close(peer);
	close(listener);
}

static void a_silent_server_can_be_dropped(void **state)
{
	int listener = raw_listen(port), peer, again;

	(void)state;
	dial();
	peer = raw_accept(listener);
	raw_hello(peer, SP_REP);
	run_until(is_connected);
	call("B1", 10 * PATIENCE_MS);
	caller_drop(caller);
	run_until(one_done);
	assert_int_equal(n_of[UNCONFIRMED], 1);
	again = raw_accept(listener);
	raw_hello(again, SP_REP);
	run_until(is_connected);
	assert_int_equal(n_connected, 2);
	caller_close(caller);
	close(again);
	close(peer);
	close(listener);
}

static void a_reply_that_comes_too_late_is_thrown_away(void **state)
{
	static const char reply[] =
		"{\"v\":1,\"op\":\"tenant\",\"status\":\"ok\","
		"\"body\":{\"businessId\":\"%s\",\"record\":1}}";
	int listener = raw_listen(port), peer;
	uint32_t first, second;
	char text[100];

	(void)state;
	dial();
	peer = raw_accept(listener);
	raw_hello(peer, SP_REP);
	run_until(is_connected);
	call("B1", 30);
	free(raw_receive(peer, &first));
	run_until(one_done);
	assert_int_equal(n_of[UNCONFIRMED], 1);
	call("B2", PATIENCE_MS);
	free(raw_receive(peer, &second));
	snprintf(text, sizeof(text), reply, "B1");
	raw_send(peer, first, text);
	snprintf(text, sizeof(text), reply, "B2");
	raw_send(peer, second, text);
	run_until(two_done);
	assert_string_equal(last_business, "B2");
	caller_close(caller);
	close(peer);
	close(listener);
}

static void a_reply_that_makes_no_sense_is_an_internal_error(void **state)
{
	int listener = raw_listen(port), peer;
	uint32_t id;

	(void)state;
	dial();
	call("B1", PATIENCE_MS);
	peer = raw_accept(listener);
	raw_hello(peer, SP_REP);
	free(raw_receive(peer, &id));
	raw_send(peer, id, "{\"v\":1,\"op\":\"tenant\"");
	run_until(one_done);
	assert_int_equal(n_of[INTERNAL], 1);
	caller_close(caller);
	close(peer);
	close(listener);
}

static int client;

static void expect_reply(const char *request, const char *reply)
{
	static uint32_t next = 0x80000000u;
	uint32_t id;
	char *text;

	raw_send(client, ++next, request);
	text = raw_receive(client, &id);
	assert_int_equal(id, next);
	assert_string_equal(text, reply);
	free(text);
}

static void a_malformed_request_is_answered_with_the_reason(void **state)
{
	(void)state;
	serve();
	client = raw_connect();
	raw_hello(client, SP_REQ);
	expect_reply("nonsense",
		"{\"v\":1,\"status\":\"bad_request\",\"message\":"
		"\"the message is not a JSON object\"}");
	expect_reply("", "{\"v\":1,\"status\":\"bad_request\",\"message\":"
			 "\"the message is not a JSON object\"}");
	expect_reply("{\"v\":1,\"op\":\"brew\",\"body\":{}}",
		"{\"v\":1,\"status\":\"unknown_op\",\"message\":"
		"\"no such operation here\"}");
	expect_reply("{\"v\":9,\"op\":\"tenant\",\"body\":{}}",
		"{\"v\":1,\"op\":\"tenant\",\"status\":\"unsupported_version\","
		"\"message\":\"only protocol versions 1 to 1 are spoken "
		"here\"}");
	expect_reply("{\"v\":1,\"op\":\"tenant\",\"body\":{}}",
		"{\"v\":1,\"op\":\"tenant\",\"status\":\"missing_field\","
		"\"message\":\"businessId is missing\"}");
	assert_int_equal(n_asked, 0);
	expect_reply(
		"{\"v\":1,\"op\":\"tenant\",\"body\":{\"businessId\":\"B1\"}}",
		"{\"v\":1,\"op\":\"tenant\",\"status\":\"ok\","
		"\"body\":{\"businessId\":\"B1\",\"record\":\"x\"}}");
	close(client);
	server_close(server);
}

static void rude_clients_do_not_stop_the_server(void **state)
{
	static const unsigned char three_gigabytes[] = {
		0, 0, 0, 0, 0xc0, 0, 0, 0};
	static const unsigned char short_message[] = {
		0, 0, 0, 0, 0, 0, 0, 2, 1, 1};
	static const char wrong_protocol[] = {0, 'S', 'P', 0, 0, 0x21, 0, 0};
	int rude[6];

	(void)state;
	serve();
	for (int i = 0; i < 6; i++)
		rude[i] = raw_connect();
	raw_put(rude[0], "GET / HTTP/1.1\r\n\r\n", 18);
	raw_put(rude[1], "\0S", 2);
	close(rude[2]);
	raw_put(rude[3], wrong_protocol, sizeof(wrong_protocol));
	raw_hello(rude[4], SP_REQ);
	raw_put(rude[4], three_gigabytes, sizeof(three_gigabytes));
	raw_hello(rude[5], SP_REQ);
	raw_put(rude[5], short_message, sizeof(short_message));
	assert_true(raw_hung_up(rude[4]));
	assert_true(raw_hung_up(rude[5]));

	dial();
	call("B1", PATIENCE_MS);
	run_until(one_done);
	assert_int_equal(n_of[OK], 1);
	caller_close(caller);
	for (int i = 0; i < 6; i++)
		if (i != 2)
			close(rude[i]);
	server_close(server);
}

static void a_client_that_leaves_does_not_take_its_context_along(void **state)
{
	(void)state;
	serve();
	hold = true;
	for (int round = 0; round < 3; round++) {
		n_asked = n_held = 0;
		client = raw_connect();
		raw_hello(client, SP_REQ);
		for (uint32_t id = 0; id < 200; id++)
			raw_send(client, 0x80000000u | id,
				"{\"v\":1,\"op\":\"tenant\","
				"\"body\":{\"businessId\":\"B1\"}}");
		run_until(two_hundred_asked);
		close(client);
		for (int i = 0; i < n_held; i++)
			asked_reply(held[i], UNAVAILABLE, NULL, NULL);
	}
	hold = false;
	dial();
	call("B1", PATIENCE_MS);
	run_until(one_done);
	assert_int_equal(n_of[OK], 1);
	caller_close(caller);
	server_close(server);
}

/* Nobody is at the other end any more. */
static bool client_cannot_send(void)
{
	return send(client, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	       errno != EAGAIN;
}

static int asked_before;

static bool one_more_asked(void)
{
	return n_asked > asked_before;
}

/* It asks for more than its connection holds, on all contexts there are. */
static void a_client_that_never_reads_is_dropped_in_the_end(void **state)
{
	const int small = 4096;
	uint32_t id = 0x80000000u;

	(void)state;
	serve();
	record_bytes = 60000;
	client = raw_connect();
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	raw_hello(client, SP_REQ);
	do {
		asked_before = n_asked;
		raw_send(client, id++,
			"{\"v\":1,\"op\":\"tenant\","
			"\"body\":{\"businessId\":\"B1\"}}");
	} while (run_within(one_more_asked, n_asked < 256 ? PATIENCE_MS : 200));
	dial();
	call("B2", PATIENCE_MS);
	run_until(one_done);
	assert_int_equal(n_of[OK], 1);
	run_until(client_cannot_send);
	caller_close(caller);
	close(client);
	server_close(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_call_brings_its_answer),
		with_world(more_calls_than_contexts_are_all_answered),
		with_world(answers_may_come_in_any_order_and_late),
		with_world(a_refusal_brings_status_and_sentence),
		with_world(a_call_waits_for_a_connection),
		with_world(without_a_server_nothing_was_done),
		with_world(without_an_answer_it_is_not_known),
		with_world(a_call_that_found_no_context_was_not_done),
		with_world(a_dropped_call_is_not_heard_of_again),
		with_world(a_call_behind_all_contexts_can_be_dropped),
		with_world(a_request_over_the_limit_is_refused_here),
		with_world(a_reply_over_the_limit_becomes_an_error),
		with_world(a_request_is_kept_with_its_memory_and_age),
		with_world(a_connection_that_breaks_leaves_it_unknown_at_once),
		with_world(a_silent_server_can_be_dropped),
		with_world(a_reply_that_comes_too_late_is_thrown_away),
		with_world(a_reply_that_makes_no_sense_is_an_internal_error),
		with_world(a_malformed_request_is_answered_with_the_reason),
		with_world(rude_clients_do_not_stop_the_server),
		with_world(
			a_client_that_leaves_does_not_take_its_context_along),
		with_world(a_client_that_never_reads_is_dropped_in_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
