/* fake_http: stands in for the edge's HTTP: requests are made by the test,
 * what is answered is kept. */
#ifndef TESTS_FAKE_HTTP_H
#define TESTS_FAKE_HTTP_H

#include "gateway/edge.h"
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FAKE_PARAMS = 4 };

struct http {
	struct http_request request;
	const char *params[FAKE_PARAMS][2]; /* name and value */
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
	for (int i = 0; i < FAKE_PARAMS; i++)
		if (http->params[i][0] && !strcmp(http->params[i][0], name))
			return http->params[i][1];
	return NULL;
}

uint64_t http_serial(const struct http *http)
{
	(void)http;
	return 7;
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

static inline struct http fake_request(
	enum http_method method, const char *path)
{
	return (struct http){.request = {.method = method,
				     .path = path,
				     .host = "localhost:3001",
				     .body = ""}};
}

static inline void fake_param(
	struct http *http, const char *name, const char *value)
{
	int i = 0;

	while (http->params[i][0])
		i++;
	assert_true(i < FAKE_PARAMS);
	http->params[i][0] = name;
	http->params[i][1] = value;
}

static inline bool has_header(const struct http *http, const char *line)
{
	return strstr(http->headers, line) != NULL;
}

#endif
