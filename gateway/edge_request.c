/* What a request says, and whether it may say it. */

#include "gateway/edge_inside.h"
#include "gateway/span.h"
#include "shared/text.h"
#include <string.h>

static const char *copy(struct http *http, struct span text)
{
	return text.at ? arena_strndup(&http->arena, text.at, text.len) : NULL;
}

/* The path's bytes are escaped rightly and not 0: head_read has looked. */
static bool read_path(struct http *http, struct span raw)
{
	char *path = arena_alloc(&http->arena, raw.len + 1);
	size_t len = 0;
	struct span rest;

	for (size_t i = 0; i < raw.len; i++) {
		path[len] = raw.at[i];
		if (raw.at[i] == '%') {
			path[len] = (char)(hex_digit(raw.at[i + 1]) << 4 |
					   hex_digit(raw.at[i + 2]));
			i += 2;
		}
		len++;
	}
	http->request.path = path;
	for (rest = (struct span){path, len}; rest.len;) {
		struct span segment = span_cut(&rest, '/');

		if (span_is(segment, ".") || span_is(segment, ".."))
			return false;
	}
	return utf8_valid(path, len);
}

static void read_params(struct http *http, struct span query)
{
	struct buf name, value;

	buf_init(&name, URL_MAX);
	buf_init(&value, URL_MAX);
	while (http->n_params < HTTP_MAX_PARAMS &&
		query_next(&query, &name, &value)) {
		struct param *param = &http->params[http->n_params];

		if (strlen(value.data) != value.len ||
			!utf8_valid(value.data, value.len))
			continue;
		param->name = arena_strndup(&http->arena, name.data, name.len);
		param->value =
			arena_strndup(&http->arena, value.data, value.len);
		http->n_params++;
	}
	buf_clear(&name);
	buf_clear(&value);
}

static enum http_method method_of(struct span method)
{
	static const char *const names[] = {
		[HTTP_GET] = "GET",
		[HTTP_HEAD] = "HEAD",
		[HTTP_POST] = "POST",
		[HTTP_PUT] = "PUT",
		[HTTP_DELETE] = "DELETE",
		[HTTP_OPTIONS] = "OPTIONS",
		[HTTP_PATCH] = "PATCH",
	};
	enum http_method found = HTTP_GET;

	for (size_t i = 0; i < COUNT(names); i++)
		if (span_is(method, names[i]))
			found = (enum http_method)i;
	return found;
}

struct refusal http_read(struct http *http, const struct head *head)
{
	struct http_request *request = &http->request;

	request->method = method_of(head->method);
	if (!read_path(http, head->path))
		return (struct refusal){400, "malformed path"};
	read_params(http, head->query);
	request->host = copy(http, head_get(head, "host"));
	request->origin = copy(http, head_get(head, "origin"));
	request->content_type = copy(http, head_get(head, "content-type"));
	request->authorization = copy(http, head_get(head, "authorization"));
	request->if_none_match = copy(http, head_get(head, "if-none-match"));
	request->request_headers =
		copy(http, head_get(head, "access-control-request-headers"));
	return (struct refusal){0};
}

static struct refusal read_length(
	const struct head *head, size_t most, size_t *length)
{
	struct span text = head_get(head, "content-length");

	*length = 0;
	if (head_get(head, "transfer-encoding").at)
		return (struct refusal){411, "chunked bodies are not taken"};
	if (!text.at)
		return (struct refusal){0};
	if (!text.len || head_has_twice(head, "content-length"))
		return (struct refusal){400, "malformed Content-Length"};
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] < '0' || text.at[i] > '9')
			return (struct refusal){
				400, "malformed Content-Length"};
		if (*length <= most)
			*length = *length * 10 + (size_t)(text.at[i] - '0');
	}
	if (*length > most)
		return (struct refusal){413, "the body is too large"};
	return (struct refusal){0};
}

struct refusal http_check(
	const struct head *head, size_t most_body, size_t *body_len)
{
	if (head_get(head, "upgrade").at)
		return (struct refusal){400,
			"an upgrade must be the first request of its "
			"connection"};
	if (head->http11 && !head_get(head, "host").len)
		return (struct refusal){400, "there must be a Host header"};
	if (head_has_twice(head, "host"))
		return (struct refusal){400, "there must be one Host header"};
	return read_length(head, most_body, body_len);
}

const struct http_request *http_request(const struct http *http)
{
	return &http->request;
}

const char *http_param(const struct http *http, const char *name)
{
	for (int i = http->n_params; i-- > 0;)
		if (!strcmp(http->params[i].name, name))
			return http->params[i].value;
	return NULL;
}

void http_set_data(struct http *http, void *data)
{
	http->data = data;
}

void *http_data(const struct http *http)
{
	return http->data;
}
