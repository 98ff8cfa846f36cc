#include "sessiond/requests.h"

#include "sessiond/append.h"
#include "sessiond/figures.h"
#include "sessiond/journal.h"
#include "sessiond/listing.h"
#include "sessiond/manage.h"
#include "sessiond/reads.h"
#include "sessiond/turns.h"
#include "shared/log.h"
#include <string.h>

enum { BEAT_MS = 1000 };

/* --- the small ones ----------------------------------------------------- */

static void hello(struct core *core, struct asked *asked,
	const struct hello_request *request)
{
	struct hello_reply reply = {.version = PROTO_VERSION,
		.boot = core->boot,
		.epoch = journal_epoch(core->journal),
		.n = journal_n(core->journal),
		.beat_ms = BEAT_MS,
		.lease_ms = (uint32_t)core->lease_ms};
	if (request->oldest > PROTO_VERSION || request->newest < PROTO_OLDEST) {
		log_warn_limited("hello refused",
			log_str("name", request->name),
			log_int("speaks", request->newest));
		asked_reply(asked, UNSUPPORTED_VERSION, NULL, NULL);
		return;
	}
	if (request->newest < reply.version)
		reply.version = request->newest;
	if (!strcmp(request->role, "agentd"))
		turns_free_boot(core, request->name, request->boot);
	log_info("hello", log_str("role", request->role),
		log_str("name", request->name), log_str("boot", request->boot));
	asked_reply(asked, OK, NULL, &reply);
}

static void tenant(struct core *core, struct asked *asked,
	const struct tenant_request *request)
{
	const struct tenant *found =
		business_id_valid(request->business_id)
			? core_tenant(core, request->business_id)
			: NULL;
	if (!found) {
		asked_reply(asked, UNKNOWN_BUSINESS, NULL, NULL);
		return;
	}
	struct tenant_reply reply = {.business_id = request->business_id,
		.listed = found->folder != NULL,
		.revision = found->revision,
		.record = {found->record, found->record_len}};
	asked_reply(asked, OK, NULL, &reply);
}

static void events_since(struct core *core, struct asked *asked,
	const struct events_since_request *request)
{
	struct events_since_reply reply;
	journal_since(core->journal, request, asked_arena(asked), &reply);
	asked_reply(asked, OK, NULL, &reply);
}

/* A question that reads: its reply starts empty. */
#define READ(asked, name, read) \
	do { \
		struct name##_reply reply = {0}; \
		enum status status = \
			read(core, request->body, asked_arena(asked), &reply); \
		asked_reply( \
			asked, status, NULL, status == OK ? &reply : NULL); \
	} while (0)

void requests_handle(
	void *ctx, struct asked *asked, const struct request *request)
{
	struct core *core = ctx;
	figures_request(core->figures, (enum op)request->op);
	switch ((enum op)request->op) {
	case OP_HELLO:
		hello(core, asked, request->body);
		break;
	case OP_APPEND:
		append_handle(core, asked, request->body);
		break;
	case OP_HISTORY:
		READ(asked, history, reads_history);
		break;
	case OP_SESSIONS:
		READ(asked, sessions, listing_sessions);
		break;
	case OP_MESSAGE:
		READ(asked, message, reads_message);
		break;
	case OP_RECENT:
		READ(asked, recent, reads_recent);
		break;
	case OP_EVENTS_SINCE:
		events_since(core, asked, request->body);
		break;
	case OP_CLAIM:
		turns_claim(core, asked, request->body);
		break;
	case OP_PROGRESS:
		turns_progress(core, asked, request->body);
		break;
	case OP_FINISH:
		turns_finish(core, asked, request->body);
		break;
	case OP_FAIL:
		turns_fail(core, asked, request->body);
		break;
	case OP_SET_STATUS:
		manage_status(core, asked, request->body);
		break;
	case OP_SET_HANDLER:
		manage_handler(core, asked, request->body);
		break;
	case OP_CANCEL:
		manage_cancel(core, asked, request->body);
		break;
	case OP_FORGET:
		manage_forget(core, asked, request->body);
		break;
	case OP_TURN_TEXT:
		READ(asked, turn_text, reads_turn_text);
		break;
	case OP_TENANT:
		tenant(core, asked, request->body);
		break;
	case OP_IDLE_SESSIONS:
		READ(asked, idle_sessions, listing_idle);
		break;
	case OP_CONVERSATION:
		READ(asked, conversation, listing_conversation);
		break;
	case OP_REQUEUE:
		turns_requeue(core, asked, request->body);
		break;
	default:
		asked_reply(asked, UNKNOWN_OP, NULL, NULL);
		break;
	}
}
