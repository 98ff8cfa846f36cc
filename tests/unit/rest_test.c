#include "gateway/rest.h"
#include "gateway/rest_query.h"
#include "tests/unit/fake_caller.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- a request, and what was answered --------------------------------------
 */

struct http {
	struct http_request request;
	const char *limit, *before, *format;
	void *data;
	int status; /* 0: not answered */
	char type[64], body[4096], headers[2048];
};

const struct http_request *http_request(const struct http *http)
{
	return &http->request;
}

const char *http_param(const struct http *http, const char *name)
{
	return !strcmp(name, "limit")	 ? http->limit
	       : !strcmp(name, "before") ? http->before
	       : !strcmp(name, "format") ? http->format
					 : NULL;
}

void http_set_data(struct http *http, void *data)
{
	http->data = data;
}

void *http_data(const struct http *http)
{
	return http->data;
}

void http_reply(struct http *http, int status, const char *type,
	const void *body, size_t len, const struct http_header *headers,
	int n_headers)
{
	size_t at = 0;

	assert_int_equal(http->status, 0);
	http->status = status;
	snprintf(http->type, sizeof(http->type), "%s", type ? type : "");
	snprintf(http->body, sizeof(http->body), "%.*s", (int)len,
		body ? (const char *)body : "");
	for (int i = 0; i < n_headers; i++)
		at += (size_t)snprintf(http->headers + at,
			sizeof(http->headers) - at, "%s: %s\n", headers[i].name,
			headers[i].value);
}

static struct rest *rest;
static struct pages *pages;

static struct http ask(const char *path)
{
	return (struct http){.request = {.method = HTTP_GET,
				     .path = path,
				     .host = "localhost:3001",
				     .body = ""}};
}

static int answered(struct http *http)
{
	rest_request(rest, http);
	return http->status;
}

static int status_of(const char *path)
{
	struct http http = ask(path);

	return answered(&http);
}

static bool has_header(const struct http *http, const char *line)
{
	return strstr(http->headers, line) != NULL;
}

static void put_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int begin(void **state)
{
	static const struct rest_settings settings = {
		.origins = {true, "chat.example"}, .deadline_ms = 5000};
	static char dir[] = "/tmp/rest-test-XXXXXX";
	char path[256];

	(void)state;
	memset(&fake, 0, sizeof(fake));
	snprintf(dir, sizeof(dir), "/tmp/rest-test-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put_file(dir, "index.html", "<p>hello");
	put_file(dir, "page.mjs", "export {}");
	put_file(dir, ".secret", "no");
	snprintf(path, sizeof(path), "%s/sub", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	pages = pages_open(dir);
	assert_non_null(pages);
	/* Read once: what happens to the folder later does not matter. */
	assert_int_equal(rmdir(path), 0);
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {
			"index.html", "page.mjs", ".secret"};

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(dir), 0);
	rest = rest_open(FAKE_CALLER, pages, &settings);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rest_close(rest);
	pages_close(pages);
	return fake_open();
}

/* --- addresses -------------------------------------------------------------
 */

static void each_path_is_known_by_its_ends(void **state)
{
	static const struct {
		const char *path;
		enum rest_kind kind;
		const char *id;
	} rows[] = {
		{"/api/sessions/s1/messages", REST_HISTORY, "s1"},
		{"/api/sessions/B1:ana:5/messages", REST_HISTORY, "B1:ana:5"},
		{"/api/sessions/a/b/messages", REST_HISTORY, "a/b"},
		{"/api/sessions/business/messages", REST_HISTORY, "business"},
		{"/api/sessions/business/B1/active", REST_ACTIVE, "B1"},
		{"/api/business/B1", REST_BUSINESS, "B1"},
		{"/api/sessions//messages", REST_NONE, ""},
		{"/api/sessions/messages", REST_NONE, ""},
		{"/api/sessions/s1/messages/", REST_NONE, ""},
		{"/api/sessions/s1", REST_NONE, ""},
		{"/api/sessions/business//active", REST_NONE, ""},
		{"/api/business/", REST_NONE, ""},
		{"/api/sessions/ș/messages", REST_NONE, ""},
		{"/api/", REST_NONE, ""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rest_target target = rest_target_of(rows[i].path);

		if (target.kind != rows[i].kind)
			print_error("%s\n", rows[i].path);
		assert_int_equal(target.kind, rows[i].kind);
		if (target.kind != REST_NONE)
			assert_string_equal(target.id, rows[i].id);
	}
}

static void an_id_has_at_most_256_bytes(void **state)
{
	char path[400];

	(void)state;
	snprintf(path, sizeof(path), "/api/business/%0256d", 0);
	assert_int_equal(rest_target_of(path).kind, REST_BUSINESS);
	snprintf(path, sizeof(path), "/api/business/%0257d", 0);
	assert_int_equal(rest_target_of(path).kind, REST_NONE);
}

static void a_limit_is_a_whole_number_from_1_to_200(void **state)
{
	static const char *const bad[] = {"", "0", "201", "-1", "1.5", " 5",
		"5 ", "0x5", "999", "4294967297", "abc", "1e2"};
	uint32_t limit;

	(void)state;
	assert_true(rest_limit(NULL, &limit));
	assert_int_equal(limit, 50);
	assert_true(rest_limit("1", &limit));
	assert_int_equal(limit, 1);
	assert_true(rest_limit("200", &limit));
	assert_int_equal(limit, 200);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(rest_limit(bad[i], &limit));
}

static void before_is_a_timestamp_whatever_its_zone(void **state)
{
	static const char *const bad[] = {"", "garbage", "1704067200000",
		"2026-11-22", "2026-13-01T00:00:00Z",
		"2026-11-22T14:05:09.1234567891234567890123456789012345678Z"};
	int64_t before;

	(void)state;
	assert_true(rest_before(NULL, &before));
	assert_int_equal(before, 0);
	assert_true(rest_before("1970-01-01T02:00:01+02:00", &before));
	assert_int_equal(before, 1000);
	assert_true(rest_before("1970-01-01T02:00:01 02:00", &before));
	assert_int_equal(before, 1000);
	assert_true(rest_before("1970-01-01T00:00:00.000Z", &before));
	assert_true(before > 0); /* asked for, if nothing can be there */
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(rest_before(bad[i], &before));
}

/* --- requests --------------------------------------------------------------
 */

static void history_is_asked_with_its_limits_and_answered(void **state)
{
	struct history_reply reply = {
		.session_id = "s1", .business_id = "B1", .user_id = "ana"};
	const struct history_request *request;
	struct http http = ask("/api/sessions/B1:ana:5/messages");

	(void)state;
	http.limit = "7";
	http.before = "1970-01-01T00:00:01Z";
	http.request.origin = "http://localhost:8080";
	assert_int_equal(answered(&http), 0);
	request = fake_asked(0, OP_HISTORY);
	assert_string_equal(request->session_id, "B1:ana:5");
	assert_int_equal(request->limit, 7);
	assert_int_equal(request->before, 1000);
	assert_int_equal(fake.first->timeout_ms, 5000);

	fake_answer(OK, &reply);

	assert_int_equal(http.status, 200);
	assert_string_equal(http.type, "application/json");
	assert_non_null(strstr(http.body, "\"messages\":[]"));
	assert_true(has_header(&http, "Cache-Control: no-store\n"));
	assert_true(has_header(&http, "X-Content-Type-Options: nosniff\n"));
	assert_true(has_header(
		&http, "Access-Control-Allow-Origin: http://localhost:8080\n"));
	assert_true(has_header(&http, "Vary: Origin\n"));
}

static void text_is_escaped_unless_format_text_is_asked_for(void **state)
{
	struct tenant_reply reply = {
		.business_id = "B1", .record = {"{\"name\":\"A&B\"}", 14}};
	struct http page = ask("/api/business/B1");
	struct http ours = ask("/api/business/B1");

	(void)state;
	ours.format = "text";
	answered(&page);
	answered(&ours);
	fake_answer(OK, &reply);
	fake_answer(OK, &reply);

	assert_non_null(strstr(page.body, "A&amp;B"));
	assert_non_null(strstr(ours.body, "A&B"));
}

static void what_sessiond_refuses_has_its_status(void **state)
{
	static const struct {
		enum status status;
		int http;
		const char *code;
	} rows[] = {
		{NOT_FOUND, 404, "not_found"},
		{UNKNOWN_BUSINESS, 404, "unknown_business"},
		{INTERNAL, 500, "internal"},
		{UNAVAILABLE, 503, "unavailable"},
		{UNCONFIRMED, 503, "unavailable"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct http http = ask("/api/sessions/business/B1/active");
		char begins[64];

		answered(&http);
		fake_answer(rows[i].status, NULL);
		snprintf(begins, sizeof(begins), "{\"error\":{\"code\":\"%s\",",
			rows[i].code);
		assert_int_equal(http.status, rows[i].http);
		assert_ptr_equal(strstr(http.body, begins), http.body);
		assert_int_equal(
			has_header(&http, "Retry-After"), rows[i].http == 503);
	}
}

static void garbage_is_refused_without_asking(void **state)
{
	struct http limit = ask("/api/sessions/s1/messages");
	struct http before = ask("/api/sessions/s1/messages");

	(void)state;
	limit.limit = "many";
	before.before = "long ago";
	assert_int_equal(answered(&limit), 400);
	assert_int_equal(answered(&before), 400);
	assert_int_equal(status_of("/api/business/no such"), 400);
	assert_int_equal(status_of("/api/sessions/business/@/active"), 400);
	assert_int_equal(status_of("/api/nothing"), 404);
	assert_int_equal(status_of("/nothing.html"), 404);
}

static void foreign_hosts_and_origins_are_refused_everywhere(void **state)
{
	static const char *const paths[] = {"/", "/api/business/B1", "/nix"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct http host = ask(paths[i]), origin = ask(paths[i]);
		struct http none = ask(paths[i]);

		host.request.host = "evil.example";
		origin.request.origin = "https://evil.example";
		none.request.host = NULL;
		assert_int_equal(answered(&host), 403);
		assert_int_equal(answered(&origin), 403);
		assert_false(has_header(&origin, "Access-Control-Allow"));
		assert_int_equal(answered(&none), 403);
	}
}

static void a_preflight_is_answered_and_other_methods_are_not(void **state)
{
	struct http preflight = ask("/api/sessions/s1/messages");
	struct http post = ask("/api/sessions/s1/messages");
	struct http page = ask("/");

	(void)state;
	preflight.request.method = HTTP_OPTIONS;
	preflight.request.origin = "https://chat.example";
	assert_int_equal(answered(&preflight), 204);
	assert_true(has_header(&preflight,
		"Access-Control-Allow-Origin: https://chat.example\n"));
	assert_true(
		has_header(&preflight, "Access-Control-Allow-Methods: GET"));

	post.request.method = HTTP_POST;
	assert_int_equal(answered(&post), 405);
	assert_true(has_header(&post, "Allow: GET, HEAD, OPTIONS\n"));
	page.request.method = HTTP_DELETE;
	assert_int_equal(answered(&page), 405);
	assert_true(has_header(&page, "Allow: GET, HEAD\n"));
}

static void who_went_away_is_not_answered(void **state)
{
	struct http http = ask("/api/business/B1");

	(void)state;
	answered(&http);
	rest_gone(rest, &http);

	assert_int_equal(fake_open(), 0);
	assert_int_equal(http.status, 0);
}

/* --- pages ------------------------------------------------------------------
 */

static void a_page_comes_with_a_policy_and_is_kept(void **state)
{
	struct http first = ask("/"), again = ask("/index.html");
	struct http other = ask("/page.mjs"), stale = ask("/");
	char etag[32];

	(void)state;
	assert_int_equal(answered(&first), 200);
	assert_string_equal(first.body, "<p>hello");
	assert_string_equal(first.type, "text/html; charset=utf-8");
	assert_true(has_header(
		&first, "Content-Security-Policy: default-src 'none'"));
	assert_true(has_header(&first, "nosniff"));
	assert_int_equal(sscanf(first.headers, "ETag: %31s", etag), 1);

	again.request.if_none_match = etag;
	assert_int_equal(answered(&again), 304);
	assert_string_equal(again.body, "");
	other.request.if_none_match = etag;
	assert_int_equal(answered(&other), 200);
	assert_string_equal(other.type, "text/javascript; charset=utf-8");
	stale.request.if_none_match = "\"old\"";
	assert_int_equal(answered(&stale), 200);
}

static void if_none_match_is_a_list_compared_weakly(void **state)
{
	struct http first = ask("/"), listed = ask("/"), any = ask("/");
	char etag[32], list[128];

	(void)state;
	answered(&first);
	assert_int_equal(sscanf(first.headers, "ETag: %31s", etag), 1);
	snprintf(list, sizeof(list), "\"old\" ,W/%s", etag);
	listed.request.if_none_match = list;
	assert_int_equal(answered(&listed), 304);
	any.request.if_none_match = "*";
	assert_int_equal(answered(&any), 304);
}

static void only_plain_files_of_the_folder_are_pages(void **state)
{
	(void)state;
	assert_int_equal(status_of("/.secret"), 404);
	assert_int_equal(status_of("/sub"), 404);
	assert_int_equal(status_of("/../index.html"), 404);
	assert_int_equal(status_of("//index.html"), 404);
	assert_null(pages_open("/tmp/there is no such folder"));
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_path_is_known_by_its_ends),
		cmocka_unit_test(an_id_has_at_most_256_bytes),
		cmocka_unit_test(a_limit_is_a_whole_number_from_1_to_200),
		cmocka_unit_test(before_is_a_timestamp_whatever_its_zone),
		story(history_is_asked_with_its_limits_and_answered),
		story(text_is_escaped_unless_format_text_is_asked_for),
		story(what_sessiond_refuses_has_its_status),
		story(garbage_is_refused_without_asking),
		story(foreign_hosts_and_origins_are_refused_everywhere),
		story(a_preflight_is_answered_and_other_methods_are_not),
		story(who_went_away_is_not_answered),
		story(a_page_comes_with_a_policy_and_is_kept),
		story(if_none_match_is_a_list_compared_weakly),
		story(only_plain_files_of_the_folder_are_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
