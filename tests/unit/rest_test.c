#include "gateway/rest.h"
#include "gateway/rest_query.h"
#include "tests/unit/fake_caller.h"
#include "tests/unit/fake_http.h"
#include <sys/stat.h>
#include <unistd.h>

/* No message is sent in these stories. */
enum status messages_send(struct messages *messages, uint64_t conn_serial,
	const struct append_item *item, append_fn *done, void *ctx)
{
	(void)messages;
	(void)conn_serial;
	(void)item;
	(void)done;
	(void)ctx;
	fail();
	return INTERNAL;
}

static struct rest *rest;
static struct pages *pages;

static struct http ask(const char *path)
{
	return fake_request(HTTP_GET, path);
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
	rest = rest_open(FAKE_CALLER, NULL, pages, &settings);
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

static void a_path_matches_a_pattern_by_what_surrounds_its_holes(void **state)
{
	static const struct {
		const char *pattern, *path, *first, *second;
	} rows[] = {
		{"/s/{*}/m", "/s/s1/m", "s1", ""},
		{"/s/{*}/m", "/s/B1:ana:5/m", "B1:ana:5", ""},
		{"/s/{*}/m", "/s/a/b/m", "a/b", ""},
		{"/s/{*}/m", "/s/m/m", "m", ""},
		{"/s/{*}/m", "/s//m", NULL, NULL},
		{"/s/{*}/m", "/s/m", NULL, NULL},
		{"/s/{*}/m", "/s/s1/m/", NULL, NULL},
		{"/s/{*}/m", "/s/ș/m", NULL, NULL},
		{"/s/{}", "/s/s1", "s1", ""},
		{"/s/{}", "/s/", NULL, NULL},
		{"/s/{}", "/s/a/b", NULL, NULL},
		{"/b/{}/u/{}/s", "/b/B1/u/ana/s", "B1", "ana"},
		{"/b/{}/u/{}/s", "/b/B1/u/a:b@c/s", "B1", "a:b@c"},
		{"/b/{}/u/{}/s", "/b/B1/u//s", NULL, NULL},
		{"/b/{}/u/{}/s", "/b/B1/u/ana", NULL, NULL},
		{"/b", "/b", "", ""},
		{"/b", "/bc", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct rest_ids ids = {0};
		bool matches = rest_match(rows[i].pattern, rows[i].path, &ids);

		if (matches != (rows[i].first != NULL))
			print_error("%s %s\n", rows[i].pattern, rows[i].path);
		assert_int_equal(matches, rows[i].first != NULL);
		if (!matches)
			continue;
		assert_string_equal(ids.of[0], rows[i].first);
		assert_string_equal(ids.of[1], rows[i].second);
	}
}

static void an_id_has_at_most_256_bytes(void **state)
{
	struct rest_ids ids;
	char path[400];

	(void)state;
	snprintf(path, sizeof(path), "/b/%0256d", 0);
	assert_true(rest_match("/b/{}", path, &ids));
	snprintf(path, sizeof(path), "/b/%0257d", 0);
	assert_false(rest_match("/b/{}", path, &ids));
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

static void a_time_is_a_timestamp_whatever_its_zone(void **state)
{
	static const char *const bad[] = {"", "garbage", "1704067200000",
		"2026-11-22", "2026-13-01T00:00:00Z",
		"2026-11-22T14:05:09.1234567891234567890123456789012345678Z"};
	int64_t before;

	(void)state;
	assert_true(rest_time(NULL, &before));
	assert_int_equal(before, 0);
	assert_true(rest_time("1970-01-01T02:00:01+02:00", &before));
	assert_int_equal(before, 1000);
	assert_true(rest_time("1970-01-01T02:00:01 02:00", &before));
	assert_int_equal(before, 1000);
	assert_true(rest_time("1970-01-01T00:00:00.000Z", &before));
	assert_true(before > 0); /* asked for, if nothing can be there */
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(rest_time(bad[i], &before));
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
	fake_param(&http, "limit", "7");
	fake_param(&http, "before", "1970-01-01T00:00:01Z");
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
	fake_param(&ours, "format", "text");
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
	fake_param(&limit, "limit", "many");
	fake_param(&before, "before", "long ago");
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
		cmocka_unit_test(
			a_path_matches_a_pattern_by_what_surrounds_its_holes),
		cmocka_unit_test(an_id_has_at_most_256_bytes),
		cmocka_unit_test(a_limit_is_a_whole_number_from_1_to_200),
		cmocka_unit_test(a_time_is_a_timestamp_whatever_its_zone),
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
