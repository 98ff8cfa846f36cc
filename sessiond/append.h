/* append: messages of users come in. */
#ifndef SESSIOND_APPEND_H
#define SESSIOND_APPEND_H

#include "sessiond/core.h"

/* Takes the request: answers after the commit. */
void append_handle(struct core *core, struct asked *asked,
	const struct append_request *request);

#endif
