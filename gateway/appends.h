/* appends: messages on their way to sessiond.
 *
 * What waits at the end of a loop turn leaves together, up to 64 items and
 * 256 KB a request. Of one (business, user) at most one request is unanswered;
 * what comes meanwhile waits and leaves together, in order. No answer means
 * unknown: the same items are asked again under the same ids until an answer
 * comes or time is up. Time is an argument (the loop's milliseconds). */
#ifndef GATEWAY_APPENDS_H
#define GATEWAY_APPENDS_H

#include "proto/link.h"

enum {
	APPEND_TICK_MS = 50, /* how often appends_tick wants to be called */
	APPEND_ATTEMPT_MS = 5000, /* one request's time */
	APPEND_RETRY_MS = 100, /* the first pause; doubles */
	APPEND_RETRY_MAX_MS = 2000
};

struct append_limits {
	int64_t send_deadline_ms; /* never handed over so long: UNAVAILABLE */
	int64_t unconfirmed_ms; /* not answered so long: UNCONFIRMED */
	int max_pending; /* of one connection */
	size_t max_bytes; /* of all that wait */
};

/* How a message fared; borrowed for the call. */
struct append_outcome {
	enum status status;
	const char *error; /* one sentence; never NULL unless OK */
	const struct append_result *result; /* when OK */
	bool duplicate; /* stored before by the client, not by our retry */
};
typedef void append_fn(void *ctx, const struct append_outcome *outcome);

struct appends;
/* `boot` (8 characters) begins every appendId. */
struct appends *appends_open(struct caller *caller,
	const struct append_limits *limits, const char *boot);
/* What is pending ends as UNAVAILABLE or UNCONFIRMED. NULL is fine. */
void appends_close(struct appends *appends);

/* Copies `item` and gives it an appendId. OK: done comes exactly once, later.
 * RATE_LIMITED: this connection has too many under way; UNAVAILABLE: all
 * together have. Then done does not come. */
enum status appends_submit(struct appends *appends, uint64_t now_ms,
	uint64_t conn_serial, const struct append_item *item, append_fn *done,
	void *ctx);

/* Nothing leaves before this was called once. */
void appends_begin(struct appends *appends);
/* At the end of each loop turn, and whenever a connection came up. */
void appends_flush(struct appends *appends, uint64_t now_ms);
/* While appends_pending(). */
void appends_tick(struct appends *appends, uint64_t now_ms);
int appends_pending(const struct appends *appends);

/* Which of our connections an appendId came from; 0 if it is not ours. */
uint64_t appends_origin(const struct appends *appends, const char *append_id);

#endif
