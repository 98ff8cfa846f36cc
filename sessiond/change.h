/* change: the steps every change to a conversation is made of.
 *
 * All of it runs on the writer's thread inside a batch's transaction. The
 * invariant it keeps: of a user's open turns the oldest is either leased
 * (LEASE) or ready (READY); the others wait in OPEN alone. */
#ifndef SESSIOND_CHANGE_H
#define SESSIOND_CHANGE_H

#include "sessiond/writer.h"
#include "shared/tenant.h"

/* What a change must know of its tenant; copied on the loop, because the
 * tenant table belongs to it. */
struct terms {
	char zone[64], language[3], type[65];
	enum concurrency concurrency;
	int64_t burst_idle_ms, burst_max_ms;
	char *fallback; /* the polite text when no agent managed */
};

/* Turn names, for a reply; those that are too many are left out. */
enum { NAME_LIST_MAX = 4096 };
struct name_list {
	const char **names; /* in `arena` */
	uint32_t count, cap;
	struct arena *arena;
};

/* A session in hand: as it was read, and as it will be saved. */
struct held {
	uint64_t no;
	struct session_row row, was;
	bool fresh; /* not on disk yet */
};

bool session_hold(struct batch *batch, uint64_t no, struct held *out);
void session_save(struct batch *batch, struct held *held);

void log_event_row(struct batch *batch, struct event_row *event);
void log_session(struct batch *batch, const struct held *held,
	const char *previous, const char *reason, const char *by);

/* Gives the message its id, seq and timestamp, stores it and logs the event.
 * The session must be saved afterwards. */
void message_add(struct batch *batch, struct held *held,
	struct message_row *message, const char *append_id);

/* A transition that the table allows: state, system message, event. The
 * session must be saved afterwards. Turns are the caller's business. */
void session_become(struct batch *batch, struct held *held,
	enum session_status to, const char *reason, const char *by,
	const char *language);

/* A person takes the user over (open turns end as left_to_person) or hands
 * back; nothing happens if it is so already. Creates a user who never wrote. */
void user_become(struct batch *batch, const char *business, const char *user,
	enum handler handler, const char *by, const char *note,
	struct name_list *ended);

/* --- turns -------------------------------------------------------------- */

struct turn_held {
	uint64_t session, no;
	struct turn_row row;
};

/* Where the user's next message in this session belongs, as the tenant's terms
 * say: a turn that waits for more, or a new one. */
void turn_choose(struct batch *batch, const struct terms *terms,
	const struct held *held, const struct user_row *user,
	struct turn_held *out);
/* The message, stored as `seq`, is in the turn that was chosen. */
void turn_add(struct batch *batch, const struct terms *terms,
	const struct held *held, const struct user_row *user,
	struct turn_held *turn, uint32_t seq, const char *trace);

/* Ends an open turn and lets the user's next one go on. `revoked`: not the
 * doing of the agent that may hold it. */
void turn_end(struct batch *batch, struct turn_held *turn,
	enum turn_state outcome, const char *reason, bool revoked);

/* Makes the user's oldest open turn claimable if nobody works on it: the
 * invariant, after open turns came or went. */
void user_goes_on(struct batch *batch, uint64_t user_no);
void turn_open_put(struct batch *batch, const struct turn_held *turn);

/* Back to the queue. */
void turn_release(struct batch *batch, struct turn_held *turn);

/* Ends the user's open turns (of `session` only, unless 0) and adds their
 * names to the list (may be NULL). */
void turns_end(struct batch *batch, uint64_t user_no, uint64_t session,
	enum turn_state outcome, const char *reason, struct name_list *ended);

/* The user's open turns, oldest first, in the transaction's arena. */
struct turn_held *turns_open(
	struct batch *batch, uint64_t user_no, size_t *count);
void name_list_add(struct name_list *list, const struct turn_held *turn);

/* The user's first open turn; false if there is none. */
bool turn_first(struct batch *batch, uint64_t user_no, struct turn_held *out);
bool turn_hold(struct batch *batch, uint64_t session, uint64_t no,
	struct turn_held *out);

/* Stores an agent's message that answers the turn and ends it. The session is
 * saved. Returns the message as stored. */
struct answer {
	const char *content, *kind;
	struct span sources, actions, usage;
	bool partial;
	enum turn_state outcome;
	const char *reason;
	bool revoked;
};
void turn_answer(struct batch *batch, struct turn_held *turn, struct held *held,
	const struct answer *answer);

#endif
