/* manage: what people and cleanupd do to conversations: transitions, who
 * handles, cancelling, forgetting. */
#ifndef SESSIOND_MANAGE_H
#define SESSIOND_MANAGE_H

#include "sessiond/core.h"

/* Each takes the request and answers it after the commit. */
void manage_status(struct core *core, struct asked *asked,
	const struct set_status_request *request);
void manage_handler(struct core *core, struct asked *asked,
	const struct set_handler_request *request);
void manage_cancel(struct core *core, struct asked *asked,
	const struct cancel_request *request);
void manage_forget(struct core *core, struct asked *asked,
	const struct forget_request *request);

#endif
