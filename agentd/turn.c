#include "agentd/turn.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <stdlib.h>
#include <string.h>

enum {
	PROGRESS_MS = 1500,
	PROGRESS_TIMEOUT_MS = 5000,
	END_TIMEOUT_MS = 10000,
	AGAIN_MS = 100, /* doubled at each attempt, */
	AGAIN_MAX_MS = 1000 /* up to this */
};

struct turn {
	const struct turn_kit *kit;
	char *id, *lease, *trace;
	int64_t began_ms;
	uint32_t attempt;
	struct run *run; /* NULL: it has ended */
	struct timer *timer; /* the next progress, or end again */
	struct call *progress, *end; /* unanswered; NULL: none */
	bool told; /* the first progress was sent */
	enum op ending; /* OP_FINISH or OP_FAIL, once run is NULL */
	char *content, *sources; /* kept until finish is answered */
	char reason[160]; /* of fail */
	uint32_t again_ms;
};

static void turn_free(struct turn *turn)
{
	if (turn->run)
		graph_stop(turn->run);
	if (turn->progress)
		call_drop(turn->progress);
	if (turn->end)
		call_drop(turn->end);
	timer_close(turn->timer);
	free(turn->id);
	free(turn->lease);
	free(turn->trace);
	free(turn->content);
	free(turn->sources);
	free(turn);
}

static void over(struct turn *turn, enum turn_outcome outcome)
{
	static const char *const names[] = {"answered", "failed", "lost"};
	const struct turn_kit *kit = turn->kit;

	log_info("turn over", log_str("turn", turn->id),
		log_str("outcome", names[outcome]),
		log_int("ms", clock_mono_ms() - turn->began_ms),
		log_int("attempt", turn->attempt),
		log_str("trace", turn->trace));
	kit->over(kit->ctx, turn, outcome);
	turn_free(turn);
}

/* --- working: signs of life ------------------------------------------------
 */

static void on_progress(void *ctx, const struct call_result *result)
{
	struct turn *turn = ctx;

	turn->progress = NULL;
	/* Once finish is on its way only its own reply counts. */
	if (turn->run &&
		(result->status == STALE_LEASE || result->status == NOT_FOUND))
		over(turn, TURN_LOST);
}

static void say_progress(struct turn *turn)
{
	struct progress_request body = {
		.turn_id = turn->id,
		.lease = turn->lease,
		.state = turn->told ? "working" : "started",
	};

	if (turn->progress)
		return; /* the last is on its way, or the link is down */
	turn->told = true;
	turn->progress = caller_call(turn->kit->caller, OP_PROGRESS, &body,
		PROGRESS_TIMEOUT_MS, turn->trace, on_progress, turn);
}

/* --- ending -----------------------------------------------------------------
 */

static void refused(struct turn *turn, const struct call_result *result)
{
	log_warn("sessiond refuses the end of a turn",
		log_str("turn", turn->id),
		log_str("code", status_code(result->status)),
		log_str("reason", result->message),
		log_str("trace", turn->trace));
}

static void on_end(void *ctx, const struct call_result *result)
{
	struct turn *turn = ctx;

	turn->end = NULL;
	switch (result->status) {
	case OK:
		over(turn, turn->ending == OP_FINISH ? TURN_ANSWERED
						     : TURN_FAILED);
		return;
	case STALE_LEASE:
	case NOT_FOUND:
		over(turn, TURN_LOST);
		return;
	case BAD_REQUEST:
	case MISSING_FIELD:
	case TOO_LARGE:
		refused(turn, result);
		if (turn->ending == OP_FAIL) {
			over(turn, TURN_LOST);
			return;
		}
		turn->ending = OP_FAIL;
		strcpy(turn->reason, "the answer was refused");
		break;
	default:
		/* Unanswered, or not possible just now. The answer is kept. */
		break;
	}
	timer_start(turn->timer, turn->again_ms, 0);
	turn->again_ms = turn->again_ms * 2 < AGAIN_MAX_MS ? turn->again_ms * 2
							   : AGAIN_MAX_MS;
}

static void say_end(struct turn *turn)
{
	struct finish_request finish = {
		.turn_id = turn->id,
		.lease = turn->lease,
		.content = turn->content,
	};
	struct fail_request fail = {
		.turn_id = turn->id,
		.lease = turn->lease,
		.reason = turn->reason,
	};

	if (turn->sources)
		finish.sources =
			(struct span){turn->sources, strlen(turn->sources)};
	turn->end = caller_call(turn->kit->caller, turn->ending,
		turn->ending == OP_FINISH ? (const void *)&finish : &fail,
		END_TIMEOUT_MS, turn->trace, on_end, turn);
}

static void on_timer(void *ctx)
{
	struct turn *turn = ctx;

	if (turn->run)
		say_progress(turn);
	else
		say_end(turn);
}

static void on_answer(void *ctx, const struct answer *answer, const char *fault)
{
	struct turn *turn = ctx;

	turn->run = NULL;
	timer_stop(turn->timer);
	turn->ending = answer ? OP_FINISH : OP_FAIL;
	if (answer) {
		turn->content = xstrdup(answer->content);
		turn->sources = xstrdup(answer->sources);
	} else {
		strncpy(turn->reason, fault, sizeof(turn->reason) - 1);
		log_warn("turn failed", log_str("turn", turn->id),
			log_str("reason", fault),
			log_str("trace", turn->trace));
	}
	say_end(turn);
}

/* --- the whole --------------------------------------------------------------
 */

struct turn *turn_open(const struct turn_kit *kit, const struct grant *grant)
{
	struct turn *turn = xalloc(sizeof(*turn));
	uint64_t every_ms = PROGRESS_MS;

	/* A lease of another length than ours is used to. */
	if (grant->lease_ms / 3 < every_ms)
		every_ms = grant->lease_ms / 3 ? grant->lease_ms / 3 : 1;
	turn->kit = kit;
	turn->id = xstrdup(grant->turn_id);
	turn->lease = xstrdup(grant->lease);
	turn->trace = xstrdup(grant->trace);
	turn->attempt = grant->attempt;
	turn->began_ms = clock_mono_ms();
	turn->again_ms = AGAIN_MS;
	turn->timer = timer_open(kit->loop, on_timer, turn);
	turn->run = graph_start(kit->graph, grant, on_answer, turn);
	/* The first progress makes the attempt count: before the work, so that
	 * a question that kills agents is not tried for ever. */
	say_progress(turn);
	timer_start(turn->timer, every_ms, every_ms);
	return turn;
}

void turn_close(struct turn *turn)
{
	turn_free(turn);
}

const char *turn_id(const struct turn *turn)
{
	return turn->id;
}

const char *turn_lease(const struct turn *turn)
{
	return turn->lease;
}
