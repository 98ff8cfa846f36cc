#include "gateway/head.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WS "GET /socket/websocket?vsn=2.0.0 HTTP/1.1\r\n"
#define HANDSHAKE_REST \
	"Upgrade: websocket\r\n" \
	"Sec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define HANDSHAKE "Connection: Upgrade\r\n" HANDSHAKE_REST
#define HOST "Host: 127.0.0.1:3001\r\n"
#define END "\r\n"

static struct head_rules rules;
static struct head_result result;
static struct buf canonical;

static int set_up(void **state)
{
	(void)state;
	rules = (struct head_rules){.origins = {true, "*.ex.com,a.test"}};
	buf_init(&canonical, HEAD_MAX);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	upgrade_free(result.upgrade);
	result.upgrade = NULL;
	buf_clear(&canonical);
	return 0;
}

static enum head_verdict parse_bytes(const char *data, size_t len)
{
	char *exact = malloc(len ? len : 1); /* for the sanitizers */

	upgrade_free(result.upgrade);
	memcpy(exact, data, len);
	head_parse(exact, len, &rules, &result, &canonical);
	free(exact);
	return result.verdict;
}

static enum head_verdict parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

/* Parses an upgrade with that query. */
static int status_of_query(const char *query)
{
	char text[1000];

	snprintf(text, sizeof(text),
		"GET /socket/websocket?%s HTTP/1.1\r\n" HOST HANDSHAKE END,
		query);
	return parse(text) == HEAD_UPGRADE ? 101 : result.status;
}

/* Parses an upgrade with more headers. */
static int status_with(const char *headers)
{
	char text[2000];

	snprintf(text, sizeof(text), WS HOST HANDSHAKE "%s" END, headers);
	return parse(text) == HEAD_UPGRADE ? 101 : result.status;
}

static void heads_are_judged(void **state)
{
	static const struct {
		const char *head;
		int status; /* 101: an upgrade; 200: REST */
		const char *reason; /* part of it */
	} cases[] = {
		{WS HOST HANDSHAKE END, 101, ""},
		{"GET /socket/websocket HTTP/1.1\r\n" HOST HANDSHAKE END, 101,
			""},
		{WS HOST "connection: keep-alive, uPgrade\r\n" HANDSHAKE_REST
				END,
			101, ""},
		{WS HOST "Connection: "
			 "close\r\nConnection:upgrade\r\n" HANDSHAKE_REST END,
			101, ""},
		/* not quite an upgrade */
		{WS HOST END, 400, "'connection' header must contain"},
		{WS HOST "Connection: Upgrade\r\n" END, 400, "'upgrade'"},
		{WS HOST "Connection: upgraded\r\n" HANDSHAKE_REST END, 400,
			"'connection'"},
		{WS HANDSHAKE END, 400, "'host'"},
		{WS HOST HOST HANDSHAKE END, 400, "'host'"},
		{WS HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 8\r\n" END,
			400, "'sec-websocket-version'"},
		{WS HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\n" END,
			400, "'sec-websocket-key'"},
		{WS HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\n"
			 "Sec-WebSocket-Key: x\r\n" END,
			400, "'sec-websocket-key'"},
		{"GET /socket/websocket?vsn=2.0.0 HTTP/1.0\r\n" HOST HANDSHAKE
				END,
			400, "HTTP/1.1"},
		{"POST /socket/websocket HTTP/1.1\r\n" HOST END, 400, ""},
		{"DELETE /socket/websocket HTTP/1.1\r\n" HOST HANDSHAKE END,
			400, ""},
		/* refused before that is looked at */
		{"GET /socket/websocket?vsn=9.9.9 HTTP/1.1\r\n" HOST END, 403,
			""},
		{WS HOST "Origin: http://evil.test\r\n" END, 403, ""},
		{WS "Host: evil.test\r\n" HANDSHAKE END, 403, ""},
		/* elsewhere */
		{"GET /socket HTTP/1.1\r\n" HOST HANDSHAKE END, 404, ""},
		{"GET /socket/websocket/ HTTP/1.1\r\n" HOST HANDSHAKE END, 404,
			""},
		{"GET / HTTP/1.1\r\n" HOST "Upgrade: foo\r\n" END, 400,
			"websocket"},
		{"GET / HTTP/1.1\r\n" HOST END, 200, ""},
		{"GET /api/x%20y?a=%zz HTTP/1.1\r\n" HOST END, 200, ""},
		{"DELETE /x HTTP/1.0\r\n" END, 200, ""},
		{"GET /x HTTP/1.1\r\nX: \xff\t \r\nEmpty:\r\n" HOST END, 200,
			""},
		/* no HTTP */
		{"\x16\x03\x01", 400, "request line"},
		{"hello\r\n", 400, "request line"},
		{"GET /\r\n" END, 400, "request line"},
		{"GET  / HTTP/1.1\r\n" END, 400, "request line"},
		{"GET / HTTP/1.1 \r\n" END, 505, ""},
		{"GET / HTTP/2.0\r\n" END, 505, ""},
		{"G\tT / HTTP/1.1\r\n" END, 400, "request line"},
		{"CONNECT x:1 HTTP/1.1\r\n" END, 501, "method"},
		{"TRACE / HTTP/1.1\r\n" END, 501, "method"},
		{"GET x HTTP/1.1\r\n" END, 400, "path"},
		{"GET * HTTP/1.1\r\n" END, 400, "path"},
		{"GET /%00 HTTP/1.1\r\n" END, 400, "path"},
		{"GET /%zz HTTP/1.1\r\n" END, 400, "path"},
		{"GET /%2 HTTP/1.1\r\n" END, 400, "path"},
		{"GET /\xc3\xa9 HTTP/1.1\r\n" END, 400, "URL"},
		{"GET / HTTP/1.1\nHost: x\r\n" END, 400, "line end"},
		{"GET / HTTP/1.1\r\nno colon\r\n" END, 400, "header"},
		{"GET / HTTP/1.1\r\nHost : x\r\n" END, 400, "header"},
		{"GET / HTTP/1.1\r\n folded: x\r\n" END, 400, "header"},
		{"GET / HTTP/1.1\r\n: x\r\n" END, 400, "header"},
		{"GET / HTTP/1.1\r\nX: a\rb\r\n" END, 400, "header"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		enum head_verdict verdict = parse(cases[i].head);
		int status = verdict == HEAD_UPGRADE ? 101
			     : verdict == HEAD_REST  ? 200
						     : result.status;

		if (status != cases[i].status ||
			!strstr(result.reason, cases[i].reason))
			fail_msg("%s\n-> %d %s", cases[i].head, status,
				result.reason);
	}
}

static void every_beginning_of_a_head_waits_for_more(void **state)
{
	static const char head[] = WS HOST HANDSHAKE END "next";
	size_t len = sizeof(head) - 5;

	(void)state;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(parse_bytes(head, i), HEAD_MORE);
	for (size_t i = len; i < sizeof(head); i++) {
		assert_int_equal(parse_bytes(head, i), HEAD_UPGRADE);
		assert_int_equal(result.head_len, len);
	}
}

static void only_the_first_head_counts(void **state)
{
	(void)state;
	assert_int_equal(
		parse("GET / HTTP/1.1\r\n" HOST END WS HOST HANDSHAKE END),
		HEAD_REST);
	assert_int_equal(
		result.head_len, strlen("GET / HTTP/1.1\r\n" HOST END));
}

static void oversize_is_told_by_status(void **state)
{
	char text[3 * HEAD_MAX];
	int len;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	assert_int_equal(parse_bytes(text, 4000), HEAD_MORE);
	assert_int_equal(parse_bytes(text, 5000), HEAD_REFUSE);
	assert_int_equal(result.status, 414);
	assert_int_equal(parse_bytes(text, sizeof(text)), HEAD_REFUSE);
	assert_int_equal(result.status, 414);

	len = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n" HOST END,
		URL_MAX - 1, 0);
	assert_int_equal(parse_bytes(text, (size_t)len), HEAD_REST);
	len = snprintf(text, sizeof(text), "GET /%0*d HTTP/1.1\r\n" HOST END,
		URL_MAX, 0);
	assert_int_equal(parse_bytes(text, (size_t)len), HEAD_REFUSE);
	assert_int_equal(result.status, 414);

	len = snprintf(
		text, sizeof(text), "GET / HTTP/1.1\r\nX: %0*d", HEAD_MAX, 0);
	assert_int_equal(parse_bytes(text, HEAD_MAX - 1), HEAD_MORE);
	assert_int_equal(parse_bytes(text, (size_t)len), HEAD_REFUSE);
	assert_int_equal(result.status, 431);

	len = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 65; i++)
		len += snprintf(text + len, 10, "a:b\r\n");
	len += snprintf(text + len, 10, "\r\n");
	assert_int_equal(parse_bytes(text, (size_t)len), HEAD_REFUSE);
	assert_int_equal(result.status, 431);
}

static void the_version_is_a_semantic_one_and_the_last_wins(void **state)
{
	static const struct {
		const char *query;
		int status, serializer;
	} cases[] = {
		{"", 101, 1},
		{"vsn=1.0.0", 101, 1},
		{"vsn=1.0.9", 101, 1},
		{"vsn=2.0.0", 101, 2},
		{"vsn=2.0.15", 101, 2},
		{"vsn=2.0.0%2Bbuild.5", 101, 2},
		{"vsn=2.0.1-rc.1", 101, 2},
		{"vsn=1.0.0&vsn=2.0.0", 101, 2},
		{"a=1&&b=2&", 101, 1},
		{"%zz=%&vsn=%32.0.0", 101, 2},
		{"vsnx=5&xvsn=5", 101, 1},
		{"vsn=2.0.0&vsn=", 403, 0},
		{"vsn", 403, 0},
		{"vsn=", 403, 0},
		{"vsn=2", 403, 0},
		{"vsn=2.0", 403, 0},
		{"vsn=2.0.", 403, 0},
		{"vsn=abc", 403, 0},
		{"vsn=1.1.0", 403, 0},
		{"vsn=2.1.0", 403, 0},
		{"vsn=123.1.1", 403, 0},
		{"vsn=2.0.0-rc.1", 403, 0},
		{"vsn=2.0.00", 403, 0},
		{"vsn=2.0.0.", 403, 0},
		{"vsn=2.0.0+", 403, 0},
		{"vsn=2.0.0%00", 403, 0},
		{"vsn=%ff", 403, 0},
		{"vsn[]=2.0.0", 403, 0},
		{"vsn%5Ba%5D=2.0.0&vsn=2.0.0", 403, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = status_of_query(cases[i].query);

		if (status != cases[i].status)
			fail_msg("%s -> %d", cases[i].query, status);
		if (status == 101)
			assert_int_equal(result.upgrade->serializer,
				cases[i].serializer);
	}
}

static void connect_parameters_are_decoded_and_bounded(void **state)
{
	char query[300];

	(void)state;
	assert_int_equal(status_of_query("businessId=B1&userId=a%2Bb+c&format="
					 "text&token=t%3Dk"),
		101);
	assert_string_equal(result.upgrade->business_id, "B1");
	assert_string_equal(result.upgrade->user_id, "a+b c");
	assert_string_equal(result.upgrade->token, "t=k");
	assert_true(result.upgrade->text_format);

	snprintf(query, sizeof(query), "businessId=%065d&userId=%%ff&format=t",
		0);
	assert_int_equal(status_of_query(query), 101);
	assert_string_equal(result.upgrade->business_id, "?");
	assert_string_equal(result.upgrade->user_id, "?");
	assert_null(result.upgrade->token);
	assert_false(result.upgrade->text_format);
}

static void the_token_comes_with_the_subprotocol(void **state)
{
#define OFFER "Sec-WebSocket-Protocol: "
#define TOKEN "base64url.bearer.phx."
	static const struct {
		const char *headers;
		int status;
		const char *token;
		bool phoenix; /* is answered */
	} cases[] = {
		{"", 101, NULL, false},
		{OFFER "phoenix\r\n", 101, NULL, true},
		{OFFER "phoenix, " TOKEN "c2VjcmV0\r\n", 101, "secret", true},
		{OFFER TOKEN "c2VjcmV0MQ==,phoenix\r\n", 101, "secret1", true},
		{OFFER "phoenix," TOKEN "c2VjcmV0MQ\r\n", 101, "secret1", true},
		{OFFER "phoenix\r\n" OFFER TOKEN "c2VjcmV0\r\n", 101, "secret",
			true},
		{OFFER "phoenix," TOKEN "dG9rfj8+\r\n", 101, "tok~?>", true},
		{OFFER "phoenix," TOKEN "dG9rfj8-\r\n", 101, "tok~?>", true},
		{OFFER "phoenix," TOKEN "Pz8/\r\n", 101, "?\?\?", true},
		{OFFER "phoenix," TOKEN "Pz8_\r\n", 101, "?\?\?", true},
		{OFFER TOKEN "c2VjcmV0\r\n", 101, "secret", false},
		{OFFER "phoenix," TOKEN "YQ," TOKEN "Yg\r\n", 101, NULL, true},
		{OFFER TOKEN "YQ," TOKEN "Yg\r\n", 403, NULL, false},
		{OFFER "mqtt\r\n", 403, NULL, false},
		{OFFER "mqtt, phoenix\r\n", 101, NULL, true},
		{OFFER "Phoenix\r\n", 403, NULL, false},
		{OFFER "mqtt, " TOKEN "YQ\r\n", 403, NULL, false},
		{OFFER "phoenix," TOKEN "c2*\r\n", 403, NULL, false},
		{OFFER "phoenix," TOKEN "c2VjA\r\n", 403, NULL, false},
		{OFFER "phoenix," TOKEN "YQBi\r\n", 403, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int status = status_with(cases[i].headers);
		const char *token;

		if (status != cases[i].status)
			fail_msg("%s -> %d", cases[i].headers, status);
		if (status != 101)
			continue;
		token = result.upgrade->token;
		if (cases[i].token)
			assert_string_equal(token, cases[i].token);
		else
			assert_null(token);
		assert_int_equal(cases[i].phoenix,
			strstr(canonical.data, OFFER "phoenix\r\n") != NULL);
		assert_null(strstr(canonical.data, TOKEN));
	}
}

static void libwebsockets_sees_nothing_but_a_plain_upgrade(void **state)
{
	(void)state;
	assert_int_equal(status_with("Cookie: a=b\r\nSec-WebSocket-Extensions: "
				     "permessage-deflate\r\n"),
		101);
	assert_string_equal(canonical.data,
		"GET /w HTTP/1.1\r\n"
		"Host: w\r\n"
		"Upgrade: websocket\r\n"
		"Connection: Upgrade\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
}

static int check(void *ctx, const struct upgrade *upgrade, struct span query)
{
	char value[8];

	(*(int *)ctx)++;
	assert_int_equal(upgrade->serializer, 2);
	return query_param(query, "status", value, sizeof(value)) ? atoi(value)
								  : 0;
}

static void the_application_has_a_word(void **state)
{
	int asked = 0;

	(void)state;
	rules.check = check;
	rules.ctx = &asked;
	assert_int_equal(status_of_query("vsn=2.0.0"), 101);
	assert_int_equal(status_of_query("vsn=2.0.0&status=403"), 403);
	assert_string_equal(result.reason, "");
	assert_int_equal(status_of_query("vsn=2.0.0&status=429"), 429);
	assert_string_equal(result.reason, "Too many requests");
	assert_int_equal(asked, 3);
	assert_int_equal(status_of_query("vsn=5"), 403);
	assert_int_equal(asked, 3);
	assert_int_equal(parse("GET /socket/websocket?vsn=2.0.0&status=403 "
			       "HTTP/1.1\r\n" END),
		HEAD_REFUSE);
	assert_int_equal(result.status, 403);
}

static void origins_are_compared_by_name(void **state)
{
	static const struct {
		const char *name; /* of a host */
		bool allowed;
	} cases[] = {{"localhost", true}, {"LocalHost:5173", true},
		{"app.localhost", true}, {"127.0.0.1", true},
		{"127.9.8.7:80", true}, {"[::1]", true}, {"[::1]:3001", true},
		{"ex.com", true}, {"A.Ex.com:8443", true}, {"b.a.ex.com", true},
		{"a.test", true}, {"x-ex.com", false}, {"b.a.test", false},
		{"ex.com.evil.test", false}, {"127.0.0.1.evil.test", false},
		{"localhost.evil.test", false}, {"128.0.0.1", false},
		{"[::2]", false}, {"[::1", false}, {"[::1]x", false},
		{"", false}, {":80", false}, {"localhost:80x", false},
		{"localhost@evil.test", false}, {"evil.test/localhost", false},
		{"localhost/x", false}, {".ex.com", false}, {"com", false}};
	const struct origin_policy *policy = &rules.origins;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char origin[100];

		snprintf(origin, sizeof(origin), "https://%s", cases[i].name);
		if (origin_host_allowed(policy, cases[i].name) !=
				cases[i].allowed ||
			origin_allowed(policy, origin) != cases[i].allowed)
			fail_msg("%s", cases[i].name);
	}
	assert_true(origin_allowed(policy, NULL));
	assert_false(origin_host_allowed(policy, NULL));
	assert_false(origin_allowed(policy, "null"));
	assert_false(origin_allowed(policy, ""));
	assert_false(origin_allowed(policy, "file://"));
	assert_false(origin_allowed(policy, "://localhost"));
	assert_false(origin_allowed(policy, "localhost"));
}

static void without_a_policy_every_origin_is_let_in(void **state)
{
	const struct origin_policy policy = {false, ""};

	(void)state;
	assert_true(origin_allowed(&policy, "https://any.test"));
	assert_true(origin_allowed(&policy, "null"));
	assert_true(origin_host_allowed(&policy, "any.test"));
	assert_true(origin_host_allowed(&policy, NULL));
}

static void an_upgrade_is_let_in_by_its_origin(void **state)
{
	(void)state;
	assert_int_equal(status_with("Origin: http://a.ex.com\r\n"), 101);
	assert_int_equal(status_with("Origin: https://ex.com\r\n"), 101);
	assert_int_equal(status_with("Origin: https://x-ex.com\r\n"), 403);
	assert_int_equal(status_with("Origin: null\r\n"), 403);
	assert_int_equal(status_with(""), 101);
}

#define story(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(heads_are_judged),
		story(every_beginning_of_a_head_waits_for_more),
		story(only_the_first_head_counts),
		story(oversize_is_told_by_status),
		story(the_version_is_a_semantic_one_and_the_last_wins),
		story(connect_parameters_are_decoded_and_bounded),
		story(the_token_comes_with_the_subprotocol),
		story(libwebsockets_sees_nothing_but_a_plain_upgrade),
		story(the_application_has_a_word),
		story(origins_are_compared_by_name),
		story(without_a_policy_every_origin_is_let_in),
		story(an_upgrade_is_let_in_by_its_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
