#include "gateway/head_read.h"
#include "gateway/span.h"

static const struct refusal none = {0, ""};

static struct refusal refuse(int status, const char *reason)
{
	return (struct refusal){status, reason};
}

/* --- syntax -------------------------------------------------------------- */

static bool is_token(struct span span) /* RFC 9110 */
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < span.len; i++) {
		char c = span.at[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
			!(c >= 'A' && c <= 'Z') &&
			!memchr(marks, c, sizeof(marks) - 1))
			return false;
	}
	return span.len > 0;
}

/* Each % begins a byte other than 0. */
static bool path_ok(struct span path)
{
	if (!path.len || path.at[0] != '/')
		return false;
	for (size_t i = 0; i < path.len; i++) {
		if (path.at[i] != '%')
			continue;
		if (path.len - i < 3 || hex_digit(path.at[i + 1]) < 0 ||
			hex_digit(path.at[i + 2]) < 0 ||
			!memcmp(path.at + i, "%00", 3))
			return false;
		i += 2;
	}
	return true;
}

static bool known_method(struct span method)
{
	static const char *const methods[] = {
		"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};

	for (size_t i = 0; i < COUNT(methods); i++)
		if (span_is(method, methods[i]))
			return true;
	return false; /* among them CONNECT */
}

static struct refusal read_request_line(struct head *head, struct span line)
{
	struct span target;

	head->method = span_cut(&line, ' ');
	target = span_cut(&line, ' ');
	if (!is_token(head->method) || !target.len ||
		!span_starts(line, "HTTP/"))
		return refuse(400, "malformed request line");
	head->http11 = span_is(line, "HTTP/1.1");
	if (!head->http11 && !span_is(line, "HTTP/1.0"))
		return refuse(505, "only HTTP/1.1 is spoken here");
	if (!known_method(head->method))
		return refuse(501, "unknown method");
	if (target.len > URL_MAX)
		return refuse(414, "URL too long");
	for (size_t i = 0; i < target.len; i++)
		if (target.at[i] <= ' ' || target.at[i] > '~')
			return refuse(400, "malformed URL");
	head->path = span_cut(&target, '?');
	head->query = target;
	if (!path_ok(head->path))
		return refuse(400, "malformed path");
	return none;
}

static struct refusal read_header(struct head *head, struct span line)
{
	struct header *header = &head->headers[head->n_headers];
	const char *end = line.at + line.len;

	if (head->n_headers == HEAD_MAX_HEADERS)
		return refuse(431, "too many headers");
	header->name = span_cut(&line, ':');
	header->value = span_trim(line);
	if (!is_token(header->name) ||
		header->name.at + header->name.len == end)
		return refuse(400, "malformed header");
	for (size_t i = 0; i < line.len; i++)
		if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
			return refuse(400, "malformed header");
	head->n_headers++;
	return none;
}

/* `text` is a whole head, its blank line not included. */
static struct refusal read_lines(struct head *head, struct span text)
{
	struct refusal refusal = none;
	bool first = true;

	while (text.len && !refusal.status) {
		struct span line = span_cut(&text, '\n');

		if (!line.len || line.at[--line.len] != '\r')
			return refuse(400, "malformed line end");
		refusal = first ? read_request_line(head, line)
				: read_header(head, line);
		first = false;
	}
	return refusal;
}

/* --- headers ------------------------------------------------------------- */

struct span head_next(const struct head *head, const char *name, int *at)
{
	while (*at < head->n_headers) {
		const struct header *header = &head->headers[(*at)++];

		if (span_is_nocase(header->name, name))
			return header->value;
	}
	return (struct span){0};
}

struct span head_get(const struct head *head, const char *name)
{
	return head_next(head, name, &(int){0});
}

bool head_has_twice(const struct head *head, const char *name)
{
	int at = 0;

	head_next(head, name, &at);
	return head_next(head, name, &at).at != NULL;
}

bool head_has_word(const struct head *head, const char *name, const char *word)
{
	struct span list;
	int at = 0;

	while ((list = head_next(head, name, &at)).at)
		while (list.len)
			if (span_is_nocase(
				    span_trim(span_cut(&list, ',')), word))
				return true;
	return false;
}

/* --- the whole ----------------------------------------------------------- */

/* Whether more bytes can still make a head of this; what is no HTTP at all
 * (TLS, say) is told at once. */
static struct refusal check_incomplete(struct span data)
{
	static const size_t line_max =
		sizeof("OPTIONS  HTTP/1.1") - 1 + URL_MAX;
	struct span rest = data, line = span_cut(&rest, '\n');

	if (data.len && (data.at[0] < 'A' || data.at[0] > 'Z'))
		return refuse(400, "malformed request line");
	if (line.len > line_max + 1)
		return refuse(414, "URL too long");
	if (data.len >= HEAD_MAX)
		return refuse(431, "head too long");
	return none;
}

struct refusal head_read(
	struct head *head, const char *data, size_t len, size_t *head_len)
{
	struct span text = {data, len < HEAD_MAX ? len : HEAD_MAX};
	const char *blank = memmem(text.at, text.len, "\r\n\r\n", 4);

	*head_len = 0;
	head->n_headers = 0;
	if (!blank)
		return check_incomplete(text);
	text.len = (size_t)(blank - data) + 2;
	*head_len = text.len + 2;
	return read_lines(head, text);
}
