/* Messages that other systems send for a user. */

#include "gateway/dto.h"
#include "gateway/incoming.h"
#include "gateway/messages.h"
#include "gateway/rest_inside.h"
#include "shared/log.h"
#include "shared/text.h"
#include <stdio.h>
#include <string.h>

enum { EXTERNAL_ID_MAX = 120 };

/* Such ids are the client's own, so they keep out of each other's way. */
static const char external[] = "ext:";

struct sent {
	struct incoming in;
	char client_message_id[sizeof(external) + EXTERNAL_ID_MAX];
};

static enum status refuse(struct sent *sent, const char *why)
{
	snprintf(sent->in.why, sizeof(sent->in.why), "%s", why);
	return BAD_REQUEST;
}

static enum status read_source(struct sent *sent)
{
	const struct json *value = json_get(sent->in.root, "source");
	const char *source = json_text(value);

	sent->in.item.source = "webhook";
	if (!value || json_is_null(value))
		return OK;
	if (!source || (strcmp(source, "webhook") && strcmp(source, "cron")))
		return refuse(sent, "source must be webhook or cron");
	sent->in.item.source = source;
	return OK;
}

static enum status read_external_id(struct sent *sent)
{
	const struct json *value = json_get(sent->in.root, "externalId");
	const char *id = json_text(value);

	if (!value || json_is_null(value))
		return OK;
	if (!id || !ascii_printable(id, EXTERNAL_ID_MAX))
		return refuse(sent, "externalId must be a string of 1 to 120 "
				    "printable ASCII characters");
	if (sent->in.item.client_message_id)
		return refuse(sent, "externalId and clientMessageId are both "
				    "there: which one makes it unique?");
	snprintf(sent->client_message_id, sizeof(sent->client_message_id),
		"%s%s", external, id);
	sent->in.item.client_message_id = sent->client_message_id;
	sent->in.item.external_id = id;
	return OK;
}

static enum status read_sent(struct sent *sent, struct span body)
{
	enum status status = incoming_read(&sent->in, body);

	if (status == OK)
		status = read_source(sent);
	if (status == OK)
		status = read_external_id(sent);
	return status;
}

static void on_stored(void *ctx, const struct append_outcome *outcome)
{
	struct asking *asking = ctx;
	struct buf body;

	if (outcome->status != OK) {
		log_warn_limited("message not stored",
			log_str("code", status_code(outcome->status)));
		asking_refuse(asking, outcome->status, outcome->error);
		return;
	}
	buf_init(&body, DTO_EVENT_BYTES);
	dto_accepted(
		&body, outcome->result, outcome->duplicate, asking->escape);
	asking_answer(asking, 202, &body);
}

void rest_message(struct asking *asking)
{
	const struct http_request *request = http_request(asking->http);
	struct span body = {request->body, request->body_len};
	struct sent sent;
	enum status status;

	if (!rest_body_is_json(asking))
		return;
	status = read_sent(&sent, body);
	if (status == OK) {
		status = messages_send(asking->rest->messages,
			http_serial(asking->http), &sent.in.item, on_stored,
			asking);
		if (status != OK)
			asking_refuse(asking, status, NULL);
	} else {
		asking_refuse(asking, status, sent.in.why);
	}
	incoming_clear(&sent.in);
}
