#include "gateway/rest.h"
#include "gateway/rest_inside.h"
#include "shared/mem.h"
#include <stdlib.h>
#include <string.h>

/* Everything there is under /api/. The first that matches counts, whatever
 * its method; GET stands for HEAD too. */
static const struct route {
	const char *pattern;
	enum http_method method;
	void (*begin)(struct asking *asking);
	const char *argument;
} routes[] = {
	{"/api/sessions/business/{}/active", HTTP_GET, rest_active},
	{"/api/sessions/{*}/messages", HTTP_GET, rest_history},
	{"/api/sessions/{*}/conversation", HTTP_GET, rest_conversation},
	{"/api/sessions/{*}/resolve", HTTP_POST, rest_transition, "resolved"},
	{"/api/sessions/{*}/close", HTTP_POST, rest_transition, "closed"},
	{"/api/sessions/{*}/reopen", HTTP_POST, rest_transition, "active"},
	{"/api/sessions/{*}/cancel", HTTP_POST, rest_cancel},
	{"/api/sessions/{}", HTTP_DELETE, rest_forget},
	{"/api/messages", HTTP_POST, rest_message},
	{"/api/turns/{}/requeue", HTTP_POST, rest_requeue},
	{"/api/business/{}", HTTP_GET, rest_business},
	{"/api/business/{}/sessions", HTTP_GET, rest_sessions},
	{"/api/business/{}/users/{}/sessions", HTTP_GET, rest_sessions},
	{"/api/business/{}/users/{}/handler", HTTP_POST, rest_handler},
	{"/api/openapi.json", HTTP_GET, rest_openapi},
};

struct rest *rest_open(struct caller *caller, struct messages *messages,
	const struct pages *pages, const struct rest_settings *settings)
{
	struct rest *rest = xalloc(sizeof(*rest));

	rest->caller = caller;
	rest->messages = messages;
	rest->pages = pages;
	rest->settings = *settings;
	rest_count_open(rest);
	return rest;
}

void rest_close(struct rest *rest)
{
	free(rest);
}

/* --- methods -------------------------------------------------------------- */

static bool reads(const struct http_request *request)
{
	return request->method == HTTP_GET || request->method == HTTP_HEAD;
}

static bool allows(
	const struct route *route, const struct http_request *request)
{
	return route->method == HTTP_GET ? reads(request)
					 : request->method == route->method;
}

static const char *methods_of(const struct route *route)
{
	switch (route->method) {
	case HTTP_POST:
		return "OPTIONS, POST";
	case HTTP_DELETE:
		return "DELETE, OPTIONS";
	default:
		return "GET, HEAD, OPTIONS";
	}
}

static void wrong_method(
	const struct rest *rest, struct http *http, const char *allowed)
{
	const struct http_header allow[] = {{"Allow", allowed}};

	rest_fault(rest, http, 405, "method_not_allowed",
		"this method is not allowed here", allow, 1);
}

static void preflight(
	const struct rest *rest, struct http *http, const char *allowed)
{
	const struct http_header allow[] = {
		{"Access-Control-Allow-Methods", allowed},
		{"Access-Control-Allow-Headers", "Authorization, Content-Type"},
		{"Access-Control-Max-Age", "600"},
	};

	rest_answer(rest, http, 204, NULL, allow, COUNT(allow));
}

/* --- requests ------------------------------------------------------------- */

static void begin(struct rest *rest, struct http *http,
	const struct route *route, const struct rest_ids *ids)
{
	struct asking *asking = xalloc(sizeof(*asking));
	const char *format = http_param(http, "format");

	asking->rest = rest;
	asking->http = http;
	asking->ids = *ids;
	asking->argument = route->argument;
	asking->escape = !format || strcmp(format, "text") != 0;
	asking->writes = route->method != HTTP_GET;
	http_set_data(http, asking);
	route->begin(asking);
}

static void api(struct rest *rest, struct http *http)
{
	const struct http_request *request = http_request(http);
	struct rest_ids ids;

	for (size_t i = 0; i < COUNT(routes); i++) {
		memset(&ids, 0, sizeof(ids));
		if (!rest_match(routes[i].pattern, request->path, &ids))
			continue;
		if (request->method == HTTP_OPTIONS)
			preflight(rest, http, methods_of(&routes[i]));
		else if (allows(&routes[i], request))
			begin(rest, http, &routes[i], &ids);
		else
			wrong_method(rest, http, methods_of(&routes[i]));
		return;
	}
	rest_refuse(rest, http, NOT_FOUND, NULL);
}

static void page(struct rest *rest, struct http *http)
{
	int status;

	if (!reads(http_request(http)))
		wrong_method(rest, http, "GET, HEAD");
	else if (pages_answer(rest->pages, http, &status))
		rest_count(rest, status);
	else
		rest_refuse(rest, http, NOT_FOUND, NULL);
}

void rest_request(struct rest *rest, struct http *http)
{
	const struct http_request *request = http_request(http);

	if (!origin_host_allowed(&rest->settings.origins, request->host))
		rest_refuse(
			rest, http, FORBIDDEN, "this Host is not served here");
	else if (!origin_allowed(&rest->settings.origins, request->origin))
		rest_refuse(
			rest, http, FORBIDDEN, "this Origin may not read this");
	else if (!strncmp(request->path, "/api/", 5))
		api(rest, http);
	else
		page(rest, http);
}
