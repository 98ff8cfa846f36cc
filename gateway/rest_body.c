#include "gateway/rest_inside.h"
#include "gateway/span.h"
#include "shared/text.h"
#include <stdio.h>

enum { WHY_SIZE = 160 };

/* Whatever its parameters. */
static bool says_json(const char *content_type)
{
	struct span rest = span_of(content_type ? content_type : "");

	return span_is_nocase(
		span_trim(span_cut(&rest, ';')), "application/json");
}

bool rest_body_is_json(struct asking *asking)
{
	const struct http_request *request = http_request(asking->http);

	if (!request->body_len || says_json(request->content_type))
		return true;
	asking_fault(asking, 415, "unsupported_media_type",
		"the body must be application/json");
	return false;
}

bool rest_body(struct asking *asking, struct json **body)
{
	const struct http_request *request = http_request(asking->http);

	*body = NULL;
	if (!rest_body_is_json(asking))
		return false;
	if (!request->body_len)
		return true;
	*body = json_parse(request->body, request->body_len);
	if (json_is_object(*body))
		return true;
	asking_refuse(asking, BAD_REQUEST,
		*body ? "the body must be a JSON object"
		      : "the body is not JSON, or contains U+0000");
	json_free(*body);
	return false;
}

bool rest_body_name(struct asking *asking, const struct json *body,
	const char *name, size_t max, const char **text)
{
	const struct json *value = json_get(body, name);
	char why[WHY_SIZE];

	*text = NULL;
	if (!value || json_is_null(value))
		return true;
	*text = json_text(value);
	if (*text && ascii_printable(*text, max))
		return true;
	snprintf(why, sizeof(why),
		"%s must be a string of 1 to %zu printable ASCII characters",
		name, max);
	asking_refuse(asking, BAD_REQUEST, why);
	return false;
}
