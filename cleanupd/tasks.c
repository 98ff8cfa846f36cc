#include "cleanupd/tasks.h"
#include "shared/log.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	AT_ONCE = 32,
	CALL_TIMEOUT_MS = 5000,
	BEFORE_ALL_MS = 1 /* no message is older; 0 would be "not said" */
};

struct task {
	struct tasks *tasks;
	const struct session *session; /* NULL: idle */
	uint32_t item;
	int64_t after; /* the last message that was archived */
	struct archive_entry entry;
	bool archived;
};

struct tasks {
	struct caller *caller;
	struct archive *archive;
	struct task tasks[AT_ONCE];
	int busy;
	bool hurry;
	task_fn *done;
	void *ctx;
};

/* A session's story, in order. */
static void abandon(struct task *task);
static void on_abandoned(void *ctx, const struct call_result *result);
static void read_on(struct task *task);
static void on_history(void *ctx, const struct call_result *result);
static void on_durable(void *ctx, bool durable);
static void forget(struct task *task);
static void on_forgotten(void *ctx, const struct call_result *result);

struct tasks *tasks_open(struct caller *caller, struct archive *archive,
	task_fn *done, void *ctx)
{
	struct tasks *tasks = xalloc(sizeof(*tasks));

	tasks->caller = caller;
	tasks->archive = archive;
	tasks->done = done;
	tasks->ctx = ctx;
	return tasks;
}

void tasks_close(struct tasks *tasks)
{
	if (!tasks)
		return;
	assert(!tasks->busy);
	free(tasks);
}

int tasks_busy(const struct tasks *tasks)
{
	return tasks->busy;
}

void tasks_hurry(struct tasks *tasks, bool hurry)
{
	tasks->hurry = hurry;
}

bool tasks_start(struct tasks *tasks, uint32_t item,
	const struct session *session, enum verdict verdict)
{
	struct task *task = tasks->tasks;

	assert(verdict != KEEP);
	if (tasks->busy == AT_ONCE)
		return false;
	while (task->session)
		task++;
	*task = (struct task){.tasks = tasks,
		.session = session,
		.item = item,
		.after = BEFORE_ALL_MS};
	tasks->busy++;
	if (verdict == ABANDON)
		abandon(task);
	else if (tasks->archive)
		read_on(task);
	else
		forget(task);
	return true;
}

/* --- ends -----------------------------------------------------------------
 */

static void end(struct task *task, enum task_end how, enum status status,
	const char *why)
{
	struct tasks *tasks = task->tasks;
	const struct task_result result = {.end = how,
		.item = task->item,
		.archived = task->archived,
		.status = status,
		.why = why ? why : status_text(status)};

	task->session = NULL;
	tasks->busy--;
	tasks->done(tasks->ctx, &result);
}

/* A refusal means that the session is not as it was, that nothing works just
 * now, or that this very session cannot be dealt with. */
static void end_refused(struct task *task, const struct call_result *result)
{
	enum task_end how = TASK_FAILED;

	switch (result->status) {
	case CONFLICT:
	case NOT_FOUND:
		how = TASK_SKIPPED;
		break;
	case UNAVAILABLE:
	case UNCONFIRMED:
	case RATE_LIMITED:
	case STORE_FULL:
		how = TASK_LATER;
		break;
	default:
		break;
	}
	end(task, how, result->status, result->message);
}

/* --- abandoning -----------------------------------------------------------
 */

static void ask(struct task *task, enum op op, const void *body, call_fn *done)
{
	caller_call(task->tasks->caller, op, body, CALL_TIMEOUT_MS, NULL, done,
		task);
}

static void abandon(struct task *task)
{
	const struct set_status_request request = {
		.session_id = task->session->session_id,
		.status = "abandoned",
		.by = "cleanupd",
		.reason = "idle",
		.if_rev = task->session->rev,
	};

	ask(task, OP_SET_STATUS, &request, on_abandoned);
}

static void on_abandoned(void *ctx, const struct call_result *result)
{
	struct task *task = ctx;

	if (result->status == OK)
		end(task, TASK_ABANDONED, OK, NULL);
	else
		end_refused(task, result);
}

/* --- archiving and forgetting ---------------------------------------------
 */

static void read_on(struct task *task)
{
	const struct history_request request = {
		.session_id = task->session->session_id,
		.limit = HISTORY_MAX,
		.after = task->after,
	};

	ask(task, OP_HISTORY, &request, on_history);
}

static void on_history(void *ctx, const struct call_result *result)
{
	struct task *task = ctx;
	struct archive *archive = task->tasks->archive;
	const struct history_reply *page = result->body;

	if (result->status != OK) {
		end_refused(task, result);
		return;
	}
	if (task->tasks->hurry) {
		end(task, TASK_LATER, UNAVAILABLE, "cleanupd is stopping");
		return;
	}
	/* An id that looks like an alias may mean another session by now. */
	if (strcmp(page->session_id, task->session->session_id) != 0) {
		end(task, TASK_SKIPPED, NOT_FOUND, NULL);
		return;
	}
	if (page->has_more && page->next <= task->after) {
		end(task, TASK_FAILED, INTERNAL, "its history does not end");
		return;
	}
	if (!archive_put(archive, &task->entry, task->session, page->messages,
		    page->n_messages, page->has_more)) {
		end(task, TASK_LATER, UNAVAILABLE, archive_fault(archive));
		return;
	}
	task->after = page->next;
	if (page->has_more)
		read_on(task);
	else
		archive_sync(archive, &task->entry, on_durable, task);
}

static void on_durable(void *ctx, bool durable)
{
	struct task *task = ctx;

	task->archived = durable;
	if (durable)
		forget(task);
	else
		end(task, TASK_LATER, UNAVAILABLE,
			archive_fault(task->tasks->archive));
}

static void forget(struct task *task)
{
	const struct forget_request request = {
		.session_id = task->session->session_id,
		.if_rev = task->session->rev,
	};

	ask(task, OP_FORGET, &request, on_forgotten);
}

static void on_forgotten(void *ctx, const struct call_result *result)
{
	struct task *task = ctx;
	const struct forget_reply *reply = result->body;

	if (result->status != OK) {
		end_refused(task, result);
		return;
	}
	if (reply->deleted)
		log_debug("session deleted",
			log_str("session", task->session->session_id),
			log_str("business", task->session->business_id));
	end(task, reply->deleted ? TASK_DELETED : TASK_SKIPPED, OK, NULL);
}
