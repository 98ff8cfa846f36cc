/* tasks: what is done to single sessions, many at once. Each is a few
 * requests: abandon; or forget, after all its messages are in the archive. */
#ifndef CLEANUPD_TASKS_H
#define CLEANUPD_TASKS_H

#include "cleanupd/archive.h"
#include "cleanupd/policy.h"
#include "proto/link.h"

struct tasks;

enum task_end {
	TASK_ABANDONED,
	TASK_DELETED,
	TASK_SKIPPED, /* it has changed since, or is gone */
	TASK_FAILED, /* not possible for this session */
	TASK_LATER /* not possible for any just now, or not known */
};

/* `item` as given to tasks_start; `status` and `why` say what went wrong if
 * the end is FAILED or LATER. */
struct task_result {
	enum task_end end;
	uint32_t item;
	bool archived;
	enum status status;
	const char *why;
};
typedef void task_fn(void *ctx, const struct task_result *result);

/* `archive` may be NULL: then nothing is kept. */
struct tasks *tasks_open(struct caller *caller, struct archive *archive,
	task_fn *done, void *ctx);
void tasks_close(struct tasks *tasks); /* none may be busy; NULL is fine */

/* False if as many are at work as may be. The session is borrowed until the
 * task is done, which is later than this call. The verdict is not KEEP. */
bool tasks_start(struct tasks *tasks, uint32_t item,
	const struct session *session, enum verdict verdict);
int tasks_busy(const struct tasks *tasks);

/* No further request is sent, but for those that end a task which has left
 * something behind: a session that is archived is forgotten too. */
void tasks_hurry(struct tasks *tasks, bool hurry);

#endif
