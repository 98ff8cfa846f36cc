/* requests: one case per operation; unpack, one call, reply. */
#ifndef SESSIOND_REQUESTS_H
#define SESSIOND_REQUESTS_H

#include "sessiond/core.h"

/* A server_fn; ctx is the struct core. */
void requests_handle(
	void *ctx, struct asked *asked, const struct request *request);

#endif
