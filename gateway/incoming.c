#include "gateway/incoming.h"
#include "shared/clock.h"
#include "shared/tenant.h"
#include "shared/text.h"
#include <stdio.h>
#include <string.h>

enum { SESSION_ID_MAX = 256 }; /* what is worth repeating */

/* White space only, the no-break space that phones like among it. */
static bool blank(const char *text)
{
	for (; *text; text++) {
		if (text[0] == '\xc2' && text[1] == '\xa0')
			text++;
		else if (!strchr(" \t\r\n\v\f", *text))
			return false;
	}
	return true;
}

static enum status refuse(
	struct incoming *in, enum status status, const char *why)
{
	snprintf(in->why, sizeof(in->why), "%s", why);
	return status;
}

/* The four fields that must be there, as the guide names them. */
static enum status read_required(struct incoming *in)
{
	const struct {
		const char *name, **text;
	} required[] = {
		{"businessId", &in->item.business_id},
		{"locationId", &in->item.location_id},
		{"userId", &in->item.user_id},
		{"message", &in->item.content},
	};
	const char *before = "Missing required parameters: ";
	size_t len = 0;

	for (size_t i = 0; i < COUNT(required); i++) {
		const struct json *value = json_get(in->root, required[i].name);
		const char *text = json_text(value);

		*required[i].text = text;
		if (text ? !blank(text) : value && !json_is_null(value))
			continue;
		len += (size_t)snprintf(in->why + len, sizeof(in->why) - len,
			"%s%s", before, required[i].name);
		before = ", ";
	}
	if (len)
		return MISSING_FIELD;
	for (size_t i = 0; i < COUNT(required); i++)
		if (!*required[i].text) {
			snprintf(in->why, sizeof(in->why),
				"%s must be a string", required[i].name);
			return BAD_REQUEST;
		}
	return OK;
}

static int depth_of(const struct json *value)
{
	int deepest = 0;

	for (const struct json *m = json_first(value); m; m = json_next(m)) {
		int depth = depth_of(m);

		if (depth > deepest)
			deepest = depth;
	}
	return deepest + (json_is_object(value) || json_is_array(value));
}

static enum status read_metadata(struct incoming *in)
{
	const struct json *metadata = json_get(in->root, "metadata");

	if (!metadata || json_is_null(metadata))
		return OK;
	if (!json_is_object(metadata))
		return refuse(in, BAD_REQUEST, "metadata must be an object");
	if (depth_of(metadata) > METADATA_MAX_DEPTH)
		return refuse(in, BAD_REQUEST, "metadata is nested too deeply");
	json_print(&in->metadata, metadata);
	if (in->metadata.full)
		return refuse(in, TOO_LARGE, "metadata is over 4096 bytes");
	in->item.metadata = (struct span){in->metadata.data, in->metadata.len};
	return OK;
}

/* What a client's clock says is a remark, never a reason to refuse; nor is
 * its idea of a session. */
static void read_remarks(struct incoming *in)
{
	const char *sent_at = json_str(in->root, "timestamp");

	if (sent_at)
		clock_parse_iso(sent_at, &in->item.client_timestamp);
	in->session_id = json_str(in->root, "sessionId");
	if (in->session_id && strlen(in->session_id) > SESSION_ID_MAX)
		in->session_id = NULL;
}

static enum status read_optional(struct incoming *in)
{
	const struct json *id = json_get(in->root, "clientMessageId");

	if (id && !json_is_null(id)) {
		in->item.client_message_id = json_text(id);
		if (!json_is_string(id) ||
			!ascii_printable(json_text(id), ID_MAX))
			return refuse(in, BAD_REQUEST,
				"clientMessageId must be 1 to 128 printable "
				"ASCII characters");
	}
	return read_metadata(in);
}

enum status incoming_read(struct incoming *in, struct span payload)
{
	enum status status;
	size_t len;

	*in = (struct incoming){.item.source = "websocket"};
	buf_init(&in->metadata, METADATA_MAX_BYTES);
	in->root = json_parse(payload.at, payload.len);
	if (!in->root)
		return refuse(in, BAD_REQUEST,
			"The payload is not JSON, or contains U+0000");
	read_remarks(in);
	status = read_required(in);
	if (status)
		return status;
	if (!business_id_valid(in->item.business_id))
		return refuse(in, BAD_REQUEST, "businessId is malformed");
	if (!location_id_valid(in->item.location_id))
		return refuse(in, BAD_REQUEST, "locationId is malformed");
	if (!user_id_valid(in->item.user_id))
		return refuse(in, BAD_REQUEST, "userId is malformed");
	len = strlen(in->item.content);
	if (len > CONTENT_MAX_BYTES ||
		utf8_count(in->item.content, len) > CONTENT_MAX_POINTS)
		return refuse(in, TOO_LARGE, "message is over 8000 characters");
	return read_optional(in);
}

void incoming_clear(struct incoming *in)
{
	json_free(in->root);
	buf_clear(&in->metadata);
}

bool incoming_reason_reserved(const char *reason)
{
	static const char *const reserved[] = {
		"rollover", "user_message", "deleted"};

	for (size_t i = 0; reason && i < COUNT(reserved); i++)
		if (!strcmp(reason, reserved[i]))
			return true;
	return false;
}
