/* reads: questions that change nothing, answered on the loop from one short
 * transaction each. Replies point into the arena. */
#ifndef SESSIOND_READS_H
#define SESSIOND_READS_H

#include "sessiond/core.h"
#include "sessiond/sessions.h"

/* The session an id or alias means; 0 if there is none. *alias is filled and
 * *is_alias set if the id has that form (also when it was found exactly). */
uint64_t reads_resolve(struct core *core, struct tx *tx, const char *id,
	struct alias *alias, bool *is_alias);

enum status reads_history(struct core *core,
	const struct history_request *request, struct arena *arena,
	struct history_reply *reply);
enum status reads_message(struct core *core,
	const struct message_request *request, struct arena *arena,
	struct message_reply *reply);
enum status reads_recent(struct core *core,
	const struct recent_request *request, struct arena *arena,
	struct recent_reply *reply);
enum status reads_turn_text(struct core *core,
	const struct turn_text_request *request, struct arena *arena,
	struct turn_text_reply *reply);

#endif
