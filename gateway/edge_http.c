/* HTTP of libwebsockets 4.1.6: it answers nothing by itself, decodes paths
 * and queries, and takes no chunked bodies. Answers are always written from
 * its WRITEABLE callback: within the others it still walks through what the
 * end of a transaction frees. */

#include "gateway/edge_inside.h"
#include "gateway/reason.h"
#include "shared/text.h"
#include <stdlib.h>
#include <string.h>

enum {
	MAX_PARAMS = 32,
	LINGER_MS = 5000, /* a refused body is thrown away so long, */
	LINGER_BYTES = 1048576 /* and so much: a reset would eat the answer */
};

struct param {
	const char *name, *value;
};

struct http {
	struct conn *conn;
	struct http_request request;
	struct arena arena; /* the request's strings */
	struct buf body;
	struct param params[MAX_PARAMS];
	int n_params;
	size_t expected; /* bytes of body */
	bool delivered; /* the application has it */
	bool body_ended;
	struct buf answer;
	bool answered;
	void *data;
};

static void http_free(struct http *http)
{
	arena_clear(&http->arena);
	buf_clear(&http->body);
	buf_clear(&http->answer);
	free(http);
}

/* --- reading ------------------------------------------------------------- */

static const char *copy_header(struct http *http, enum lws_token_indexes token)
{
	int len = lws_hdr_total_length(http->conn->wsi, token);
	char *text;

	if (len <= 0)
		return NULL;
	text = arena_alloc(&http->arena, (size_t)len + 1);
	if (lws_hdr_copy(http->conn->wsi, text, len + 1, token) < 0)
		return NULL;
	return text;
}

/* Each fragment is one parameter, already decoded. */
static void read_params(struct http *http)
{
	struct lws *wsi = http->conn->wsi;
	char text[URL_MAX + 1];
	int len;

	for (int i = 0; http->n_params < MAX_PARAMS; i++) {
		struct param *param = &http->params[http->n_params];
		char *copy, *equals;

		len = lws_hdr_copy_fragment(
			wsi, text, sizeof(text), WSI_TOKEN_HTTP_URI_ARGS, i);
		if (len < 0)
			return;
		if (!len || strlen(text) != (size_t)len ||
			!utf8_valid(text, (size_t)len))
			continue;
		copy = arena_strndup(&http->arena, text, (size_t)len);
		equals = strchr(copy, '=');
		if (equals)
			*equals = '\0';
		param->name = copy;
		param->value = equals ? equals + 1 : "";
		http->n_params++;
	}
}

static bool read_method(struct http *http, char **path, int *path_len)
{
	static const enum http_method methods[] = {
		[LWSHUMETH_GET] = HTTP_GET,
		[LWSHUMETH_POST] = HTTP_POST,
		[LWSHUMETH_OPTIONS] = HTTP_OPTIONS,
		[LWSHUMETH_PUT] = HTTP_PUT,
		[LWSHUMETH_PATCH] = HTTP_PATCH,
		[LWSHUMETH_DELETE] = HTTP_DELETE,
		[LWSHUMETH_HEAD] = HTTP_HEAD,
	};
	int method =
		lws_http_get_uri_and_method(http->conn->wsi, path, path_len);

	if (method < 0 || method > LWSHUMETH_HEAD ||
		method == LWSHUMETH_CONNECT)
		return false;
	http->request.method = methods[method];
	return true;
}

static bool has_body(enum http_method method)
{
	return method == HTTP_POST || method == HTTP_PUT ||
	       method == HTTP_PATCH;
}

/* 0, or the status of a refusal. */
static int read_length(struct http *http)
{
	const char *length = copy_header(http, WSI_TOKEN_HTTP_CONTENT_LENGTH);

	if (lws_hdr_total_length(
		    http->conn->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
		return 411; /* chunks would not be decoded */
	if (!length)
		return has_body(http->request.method) ? 411 : 0;
	if (strspn(length, "0123456789") != strlen(length))
		return 400;
	if (strlen(length) > 9)
		return 413;
	http->expected = (size_t)atol(length);
	return http->expected > http->conn->edge->limits.body_bytes ? 413 : 0;
}

static int read_request(struct http *http)
{
	struct http_request *request = &http->request;
	struct lws *wsi = http->conn->wsi;
	const char *version = copy_header(http, WSI_TOKEN_HTTP);
	const char *connection = copy_header(http, WSI_TOKEN_CONNECTION);
	bool http11 = version && !strcmp(version, "HTTP/1.1");
	char *path;
	int len, status;

	/* As libwebsockets judges it. */
	if (connection ? !strcasecmp(connection, "close") : !http11)
		http->conn->last_request = true;
	if (!read_method(http, &path, &len))
		return 501;
	request->path = arena_strndup(&http->arena, path, (size_t)len);
	status = read_length(http);
	if (status)
		return status;
	if (len + lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS) > URL_MAX)
		return 414;
	if (strlen(request->path) != (size_t)len ||
		!utf8_valid(request->path, (size_t)len))
		return 400;
	request->host = copy_header(http, WSI_TOKEN_HOST);
	if (http11 && !request->host)
		return 400;
	request->origin = copy_header(http, WSI_TOKEN_ORIGIN);
	request->content_type = copy_header(http, WSI_TOKEN_HTTP_CONTENT_TYPE);
	request->authorization =
		copy_header(http, WSI_TOKEN_HTTP_AUTHORIZATION);
	request->if_none_match =
		copy_header(http, WSI_TOKEN_HTTP_IF_NONE_MATCH);
	request->request_headers =
		copy_header(http, WSI_TOKEN_HTTP_AC_REQUEST_HEADERS);
	read_params(http);
	return 0;
}

static int deliver(struct http *http)
{
	struct edge *edge = http->conn->edge;

	http->delivered = true;
	http->request.body = http->body.data ? http->body.data : "";
	http->request.body_len = http->body.len;
	/* Libwebsockets' clock for the request ends; the answer may take. */
	lws_set_timeout(http->conn->wsi, NO_PENDING_TIMEOUT, 0);
	conn_mark(http->conn);
	edge->events.request(edge->ctx, http);
	return 0;
}

int http_on_request(struct conn *conn)
{
	struct http *http = xalloc(sizeof(*http));
	int status;

	conn->http = http;
	http->conn = conn;
	buf_init(&http->body, conn->edge->limits.body_bytes);
	status = read_request(http);
	if (status) {
		conn->last_request = true;
		http_reply(http, status, "text/plain", http_reason(status),
			strlen(http_reason(status)), NULL, 0);
		return 0;
	}
	return http->expected ? 0 : deliver(http);
}

static bool waits_for_body(const struct http *http)
{
	return http && !http->delivered && !http->answered;
}

int http_on_body(struct conn *conn, const char *data, size_t len)
{
	if (waits_for_body(conn->http)) {
		buf_put(&conn->http->body, data, len);
		return 0;
	}
	conn->thrown_bytes += len;
	return conn->thrown_bytes > LINGER_BYTES ? -1 : 0;
}

int http_on_body_end(struct conn *conn)
{
	if (conn->lingering)
		return -1;
	if (!conn->http)
		return 0;
	conn->http->body_ended = true;
	return waits_for_body(conn->http) ? deliver(conn->http) : 0;
}

/* --- answering ----------------------------------------------------------- */

/* A header's text cannot end it. */
static void put_clean(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_putc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

static void put_header(struct buf *out, const char *name, const char *value)
{
	put_clean(out, name);
	buf_puts(out, ": ");
	put_clean(out, value);
	buf_puts(out, "\r\n");
}

void http_reply(struct http *http, int status, const char *type,
	const void *body, size_t len, const struct http_header *headers,
	int n_headers)
{
	struct conn *conn = http->conn;
	struct buf *out = &http->answer;

	buf_init(out, SIZE_MAX - 1);
	buf_printf(out, "HTTP/1.1 %d %s\r\n", status, http_reason(status));
	if (type)
		put_header(out, "Content-Type", type);
	for (int i = 0; i < n_headers; i++)
		put_header(out, headers[i].name, headers[i].value);
	if (status != 204 && status != 304)
		buf_printf(out, "Content-Length: %zu\r\n", type ? len : 0);
	if (conn->last_request)
		put_header(out, "Connection", "close");
	buf_puts(out, "\r\n");
	if (type && http->request.method != HTTP_HEAD)
		buf_put(out, body, len);
	http->answered = true;
	if (conn->paused)
		lws_rx_flow_control(conn->wsi, 1);
	conn->paused = false;
	lws_callback_on_writable(conn->wsi);
}

int http_on_writable(struct conn *conn)
{
	struct http *http = conn->http;
	bool body_comes;
	int written;

	if (!http || !http->answered)
		return 0;
	written = lws_write(conn->wsi, (unsigned char *)http->answer.data,
		http->answer.len, LWS_WRITE_HTTP_FINAL);
	body_comes = !http->delivered && !http->body_ended &&
		     (http->expected || has_body(http->request.method));
	conn->http = NULL;
	http_free(http);
	if (written < 0)
		return -1;
	if (conn->last_request) {
		if (!body_comes)
			return -1;
		conn->lingering = true;
		conn_schedule(conn, LINGER_MS);
		return 0;
	}
	return lws_http_transaction_completed(conn->wsi) ? -1 : 0;
}

/* Only the first request of a connection can be an upgrade, and the listener
 * has seen that one. */
int http_on_upgrade(struct conn *conn)
{
	static char answer[] =
		"HTTP/1.1 400 Bad Request\r\n"
		"Content-Type: text/plain\r\n"
		"Content-Length: 54\r\n"
		"Connection: close\r\n\r\n"
		"an upgrade must be the first request of its connection";

	/* For an unknown protocol lws has answered by itself and still comes
	 * here, with nothing to look at. */
	if (lws_hdr_total_length(conn->wsi, WSI_TOKEN_UPGRADE))
		lws_write(conn->wsi, (unsigned char *)answer,
			sizeof(answer) - 1, LWS_WRITE_HTTP_FINAL);
	return -1;
}

/* While an answer is awaited, reading is off: libwebsockets would be called
 * for the next request again and again without taking it. Only now, because
 * it must have consumed this one. */
void http_settle(struct conn *conn)
{
	if (conn->http && conn->http->delivered && !conn->http->answered &&
		!conn->paused) {
		conn->paused = true;
		lws_rx_flow_control(conn->wsi, 0);
	}
}

bool http_is_idle(const struct conn *conn)
{
	return !conn->http || !conn->http->delivered;
}

void http_drop(struct conn *conn)
{
	struct http *http = conn->http;
	struct edge *edge = conn->edge;

	if (!http)
		return;
	conn->http = NULL;
	if (http->delivered && !http->answered)
		edge->events.gone(edge->ctx, http);
	http_free(http);
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
