#include "cleanupd/sweep.h"
#include "cleanupd/tasks.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAGE_TIMEOUT_MS = 10000,
	FIRST_REST_MS = 1000,
	LONGEST_REST_MS = 60 * 1000,
	CURSOR_SIZE = 257
};

enum progress { TODO, BUSY, ENDED };

struct sweep {
	struct caller *caller;
	struct archive *archive;
	struct sweep_settings settings;
	struct tasks *tasks;
	struct timer *rest, *patience;
	sweep_fn *done;
	void *ctx;
	int64_t wall_start_ms, mono_start_ms;
	bool greeted;

	/* of the running one */
	bool running, stopping;
	struct report report;
	enum sweep_end ending; /* how it ends once it is stopping */
	int64_t began_ms;
	struct call *question; /* for the time or a page */
	int state; /* whose sessions are looked at */
	int64_t now_ms; /* sessiond's; 0: to be asked */
	bool begun, more; /* a page of this state was read; others follow */
	char cursor[CURSOR_SIZE];
	struct arena arena; /* the page's */
	const struct session *sessions;
	uint32_t n_sessions;
	enum progress progress[HISTORY_MAX];
	bool troubled; /* rests once all has ended */
	char trouble[256]; /* since something last went well; "": none */
	int64_t rest_ms;
	const char *refusal; /* by the clocks, when last looked at */
};

/* The plot of a sweep: go_on is called whenever something has ended and finds
 * what is next. */
static void go_on(struct sweep *sweep);
static void ask_next(struct sweep *sweep);
static void next_state(struct sweep *sweep);
static void ask_time(struct sweep *sweep);
static void on_time(void *ctx, const struct call_result *result);
static void ask_page(struct sweep *sweep);
static void on_page(void *ctx, const struct call_result *result);
static void start_tasks(struct sweep *sweep);
static void on_task(void *ctx, const struct task_result *result);
static void rest(struct sweep *sweep);
static void on_rested(void *ctx);
static void stop_as(struct sweep *sweep, enum sweep_end how);
static void end(struct sweep *sweep, enum sweep_end how);

/* --- opening --------------------------------------------------------------
 */

static void on_patience_lost(void *ctx)
{
	struct sweep *sweep = ctx;

	if (!*sweep->trouble)
		snprintf(sweep->trouble, sizeof(sweep->trouble),
			"sessiond does not answer");
	stop_as(sweep, SWEEP_GAVE_UP);
}

struct sweep *sweep_open(struct loop *loop, struct caller *caller,
	struct archive *archive, const struct sweep_settings *settings,
	sweep_fn *done, void *ctx)
{
	struct sweep *sweep = xalloc(sizeof(*sweep));

	sweep->caller = caller;
	sweep->archive = archive;
	sweep->settings = *settings;
	sweep->done = done;
	sweep->ctx = ctx;
	sweep->wall_start_ms = clock_wall_ms();
	sweep->mono_start_ms = clock_mono_ms();
	sweep->tasks = tasks_open(caller, archive, on_task, sweep);
	sweep->rest = timer_open(loop, on_rested, sweep);
	sweep->patience = timer_open(loop, on_patience_lost, sweep);
	report_open();
	return sweep;
}

void sweep_close(struct sweep *sweep)
{
	if (!sweep)
		return;
	assert(!sweep->running);
	timer_close(sweep->patience);
	timer_close(sweep->rest);
	tasks_close(sweep->tasks);
	free(sweep);
}

/* --- one pass -------------------------------------------------------------
 */

/* Something went well: patience and rests begin anew. */
static void went_on(struct sweep *sweep)
{
	sweep->rest_ms = FIRST_REST_MS;
	if (!sweep->troubled)
		*sweep->trouble = '\0';
	if (sweep->settings.patience_ms && !sweep->stopping)
		timer_start(sweep->patience,
			(uint64_t)sweep->settings.patience_ms, 0);
}

void sweep_start(struct sweep *sweep)
{
	assert(!sweep->running);
	sweep->running = true;
	sweep->stopping = false;
	tasks_hurry(sweep->tasks, false);
	sweep->report = (struct report){.dry = sweep->settings.dry};
	sweep->began_ms = clock_mono_ms();
	sweep->troubled = false;
	sweep->state = -1;
	next_state(sweep);
	went_on(sweep);
	go_on(sweep);
}

bool sweep_running(const struct sweep *sweep)
{
	return sweep->running;
}

void sweep_greeted(struct sweep *sweep, bool greeted)
{
	sweep->greeted = greeted;
	if (greeted)
		go_on(sweep);
}

static void go_on(struct sweep *sweep)
{
	bool able = !sweep->troubled && !sweep->stopping && sweep->greeted;

	if (!sweep->running || sweep->question || timer_active(sweep->rest))
		return;
	if (able && sweep->now_ms)
		start_tasks(sweep);
	if (tasks_busy(sweep->tasks))
		return;
	if (sweep->stopping)
		end(sweep, sweep->ending);
	else if (sweep->troubled)
		rest(sweep);
	else if (able)
		ask_next(sweep);
}

/* All that was at hand is done. */
static void ask_next(struct sweep *sweep)
{
	if (sweep->now_ms && sweep->begun && !sweep->more)
		next_state(sweep);
	if (sweep->state == STATE_COUNT)
		end(sweep, SWEEP_DONE);
	else if (!sweep->now_ms)
		ask_time(sweep);
	else
		ask_page(sweep);
}

static void drop_page(struct sweep *sweep)
{
	arena_clear(&sweep->arena);
	sweep->n_sessions = 0;
}

/* The next one that the policy touches. */
static void next_state(struct sweep *sweep)
{
	drop_page(sweep);
	sweep->now_ms = 0;
	sweep->begun = false;
	sweep->more = false;
	*sweep->cursor = '\0';
	do
		sweep->state++;
	while (sweep->state < STATE_COUNT &&
		!policy_before(sweep->settings.policy, (enum state)sweep->state,
			CLOCK_LAST_MS));
}

/* --- resting --------------------------------------------------------------
 */

static void note_trouble(
	struct sweep *sweep, enum status status, const char *why)
{
	if (sweep->troubled || sweep->stopping)
		return;
	sweep->troubled = true;
	snprintf(sweep->trouble, sizeof(sweep->trouble), "%s",
		why ? why : status_text(status));
	/* A connection that answers nothing is not waited for twice. */
	if (status == UNCONFIRMED)
		caller_drop(sweep->caller);
}

static void rest(struct sweep *sweep)
{
	log_warn("sweep rests",
		log_str("state", state_name((enum state)sweep->state)),
		log_str("why", sweep->trouble), log_int("ms", sweep->rest_ms));
	timer_start(sweep->rest, (uint64_t)sweep->rest_ms, 0);
	sweep->rest_ms *= 2;
	if (sweep->rest_ms > LONGEST_REST_MS)
		sweep->rest_ms = LONGEST_REST_MS;
}

/* Nobody knows what time it is after a rest. */
static void on_rested(void *ctx)
{
	struct sweep *sweep = ctx;

	sweep->troubled = false;
	sweep->now_ms = 0;
	go_on(sweep);
}

/* --- the time -------------------------------------------------------------
 */

/* False: they do not agree, and the sweep is over. */
static bool clocks_agree(struct sweep *sweep, int64_t sessiond_ms)
{
	const struct clocks clocks = {
		.wall_start_ms = sweep->wall_start_ms,
		.mono_start_ms = sweep->mono_start_ms,
		.wall_ms = clock_wall_ms(),
		.mono_ms = clock_mono_ms(),
		.sessiond_ms = sessiond_ms,
	};

	sweep->refusal = policy_clock_fault(&clocks);
	if (!sweep->refusal)
		return true;
	log_error("sweep refused", log_str("why", sweep->refusal));
	end(sweep, SWEEP_REFUSED);
	return false;
}

static void ask_idle(
	struct sweep *sweep, int64_t before_ms, uint32_t limit, call_fn *done)
{
	const struct idle_sessions_request request = {
		.status = state_name((enum state)sweep->state),
		.before = before_ms,
		.limit = limit,
		.cursor = *sweep->cursor ? sweep->cursor : NULL,
	};

	sweep->question = caller_call(sweep->caller, OP_IDLE_SESSIONS, &request,
		PAGE_TIMEOUT_MS, NULL, done, sweep);
}

/* No session is that old: an empty page, with the time. */
static void ask_time(struct sweep *sweep)
{
	ask_idle(sweep, 1, 1, on_time);
}

static bool answered(struct sweep *sweep, const struct call_result *result)
{
	sweep->question = NULL;
	if (result->status == OK)
		return true;
	note_trouble(sweep, result->status, result->message);
	go_on(sweep);
	return false;
}

static void on_time(void *ctx, const struct call_result *result)
{
	struct sweep *sweep = ctx;
	const struct idle_sessions_reply *reply = result->body;

	if (!answered(sweep, result) || !clocks_agree(sweep, reply->now))
		return;
	sweep->now_ms = reply->now;
	go_on(sweep);
}

/* --- a page ---------------------------------------------------------------
 */

static void ask_page(struct sweep *sweep)
{
	drop_page(sweep);
	if (sweep->archive)
		archive_turn(sweep->archive, clock_wall_ms());
	ask_idle(sweep,
		policy_before(sweep->settings.policy, (enum state)sweep->state,
			sweep->now_ms),
		HISTORY_MAX, on_page);
}

static void on_page(void *ctx, const struct call_result *result)
{
	struct sweep *sweep = ctx;
	const struct idle_sessions_reply *page = result->body;
	size_t len;

	if (!answered(sweep, result) || !clocks_agree(sweep, page->now))
		return;
	sweep->arena = *result->arena;
	*result->arena = (struct arena){0};
	sweep->sessions = page->sessions;
	sweep->n_sessions = page->n_sessions;
	memset(sweep->progress, 0, sizeof(sweep->progress));
	sweep->now_ms = page->now;
	sweep->begun = true;
	/* The same cursor again would be the same page for ever. */
	sweep->more = page->cursor && *page->cursor &&
		      strcmp(page->cursor, sweep->cursor) != 0;
	len = sweep->more ? strlen(page->cursor) : 0;
	memcpy(sweep->cursor, page->cursor ? page->cursor : "", len);
	sweep->cursor[len] = '\0';
	report_count(&sweep->report, SEEN, page->n_sessions);
	went_on(sweep);
	go_on(sweep);
}

/* --- its sessions ---------------------------------------------------------
 */

/* A session without a revision could not be forgotten on condition. */
static enum verdict judge(
	const struct sweep *sweep, const struct session *session)
{
	enum state state;

	if (!session->rev || !state_from_name(session->status, &state) ||
		(int)state != sweep->state)
		return KEEP;
	return policy_decide(sweep->settings.policy, state, session->updated_at,
		sweep->now_ms);
}

static void say(struct sweep *sweep, const struct session *session,
	enum verdict verdict)
{
	char updated[ISO_SIZE];

	clock_iso(updated, session->updated_at);
	log_info(verdict == ABANDON ? "would become abandoned" : "would go",
		log_str("session", session->session_id),
		log_str("business", session->business_id),
		log_str("status", session->status),
		log_str("updatedAt", updated));
	report_count(
		&sweep->report, verdict == ABANDON ? ABANDONED : DELETED, 1);
}

static void start_tasks(struct sweep *sweep)
{
	for (uint32_t i = 0; i < sweep->n_sessions; i++) {
		const struct session *session = &sweep->sessions[i];
		enum verdict verdict = judge(sweep, session);

		if (sweep->progress[i] != TODO)
			continue;
		sweep->progress[i] = ENDED;
		if (verdict == KEEP)
			continue;
		if (sweep->settings.dry) {
			say(sweep, session, verdict);
			continue;
		}
		sweep->progress[i] = BUSY;
		if (tasks_start(sweep->tasks, i, session, verdict))
			continue;
		sweep->progress[i] = TODO;
		break;
	}
}

static void on_task(void *ctx, const struct task_result *result)
{
	struct sweep *sweep = ctx;
	struct report *report = &sweep->report;

	sweep->progress[result->item] = ENDED;
	if (result->archived)
		report_count(report, ARCHIVED, 1);
	switch (result->end) {
	case TASK_ABANDONED:
		report_count(report, ABANDONED, 1);
		break;
	case TASK_DELETED:
		report_count(report, DELETED, 1);
		break;
	case TASK_SKIPPED:
		report_count(report, SKIPPED, 1);
		break;
	case TASK_FAILED:
		report_count(report, ERRORS, 1);
		log_warn("session cannot be dealt with",
			log_str("session",
				sweep->sessions[result->item].session_id),
			log_str("code", status_code(result->status)),
			log_str("why", result->why));
		break;
	case TASK_LATER:
		sweep->progress[result->item] = TODO;
		note_trouble(sweep, result->status, result->why);
		break;
	}
	if (result->end != TASK_LATER)
		went_on(sweep);
	go_on(sweep);
}

/* --- ending ---------------------------------------------------------------
 */

static void stop_as(struct sweep *sweep, enum sweep_end how)
{
	if (!sweep->running || sweep->stopping)
		return;
	sweep->stopping = true;
	sweep->ending = how;
	timer_stop(sweep->patience);
	timer_stop(sweep->rest);
	if (sweep->question)
		call_drop(sweep->question); /* it only reads */
	sweep->question = NULL;
	tasks_hurry(sweep->tasks, true);
	go_on(sweep);
}

void sweep_stop(struct sweep *sweep)
{
	stop_as(sweep, SWEEP_STOPPED);
}

static void end(struct sweep *sweep, enum sweep_end how)
{
	const char *why = how == SWEEP_REFUSED	 ? sweep->refusal
			  : how == SWEEP_GAVE_UP ? sweep->trouble
						 : NULL;

	timer_stop(sweep->patience);
	timer_stop(sweep->rest);
	drop_page(sweep);
	sweep->running = false;
	report_finish(
		&sweep->report, how, why, clock_mono_ms() - sweep->began_ms);
	sweep->done(sweep->ctx, &sweep->report);
}

const char *sweep_trouble(const struct sweep *sweep)
{
	const struct clocks ours = {
		.wall_start_ms = sweep->wall_start_ms,
		.mono_start_ms = sweep->mono_start_ms,
		.wall_ms = clock_wall_ms(),
		.mono_ms = clock_mono_ms(),
		.sessiond_ms = clock_wall_ms(),
	};
	const char *jump = policy_clock_fault(&ours);

	if (jump || sweep->refusal)
		return jump ? jump : sweep->refusal;
	return sweep->archive ? archive_fault(sweep->archive) : NULL;
}
