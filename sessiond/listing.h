/* listing: many sessions at once, in pages whose cost is bounded whatever the
 * store holds; and how one conversation stands. Replies point into the arena.
 */
#ifndef SESSIOND_LISTING_H
#define SESSIOND_LISTING_H

#include "sessiond/core.h"

enum status listing_sessions(struct core *core,
	const struct sessions_request *request, struct arena *arena,
	struct sessions_reply *reply);
enum status listing_idle(struct core *core,
	const struct idle_sessions_request *request, struct arena *arena,
	struct idle_sessions_reply *reply);
enum status listing_conversation(struct core *core,
	const struct conversation_request *request, struct arena *arena,
	struct conversation_reply *reply);

#endif
