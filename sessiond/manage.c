#include "sessiond/manage.h"

#include "sessiond/leases.h"
#include "sessiond/reads.h"
#include "sessiond/wire.h"
#include "shared/clock.h"
#include "shared/log.h"
#include <stdlib.h>
#include <string.h>

/* What the jobs below have in common. */
struct manage_job {
	struct job job;
	struct core *core;
	struct asked *asked;
	enum status refusal; /* decided in the transaction */
	const char *why;
	void *reply; /* whole when it is done, or a conflict told about */
};

static void manage_done(struct job *job, enum status status)
{
	struct manage_job *manage = (struct manage_job *)job;
	bool whole = false;
	if (status == OK) {
		status = manage->refusal;
		whole = status == OK || status == CONFLICT;
	}
	asked_reply(manage->asked, status, manage->why,
		whole ? manage->reply : NULL);
	free(manage);
}

static void *submit_as(struct core *core, struct asked *asked, size_t size,
	void (*run)(struct job *job, struct batch *batch))
{
	struct manage_job *manage = xalloc(size);
	manage->job.run = run;
	manage->job.done = manage_done;
	manage->job.weight = 1;
	manage->core = core;
	manage->asked = asked;
	return manage;
}

/* --- transitions -------------------------------------------------------- */

struct status_job {
	struct manage_job base;
	const struct set_status_request *request;
	const struct terms *terms;
	uint64_t session;
	enum session_status to;
	struct set_status_reply reply;
};

/* The session as it is, in memory that outlives the transaction. */
static void status_show(struct status_job *job, struct batch *batch)
{
	struct arena *arena = asked_arena(job->base.asked);
	struct tx *tx = batch->tx;
	struct session_row row;
	if (!get_session(tx, job->session, &row))
		return;
	struct session *out = arena_alloc(arena, sizeof *out);
	wire_session(&row, out);
	out->session_id = arena_strndup(arena, row.id, strlen(row.id));
	out->business_id =
		arena_strndup(arena, row.business, strlen(row.business));
	out->user_id = arena_strndup(arena, row.user, strlen(row.user));
	out->location_id = *row.location ? arena_strndup(arena, row.location,
						   strlen(row.location))
					 : NULL;
	out->day = arena_strndup(arena, row.day, strlen(row.day));
	out->business_type =
		*row.type ? arena_strndup(arena, row.type, strlen(row.type))
			  : NULL;
	job->reply.session = out;
}

static void status_refuse(struct status_job *job, struct batch *batch,
	const struct held *held, const char *why)
{
	struct arena *arena = asked_arena(job->base.asked);
	job->base.refusal = CONFLICT;
	job->base.why = why;
	job->reply.allowed =
		arena_alloc(arena, ST_COUNT * sizeof *job->reply.allowed);
	job->reply.n_allowed =
		status_next(held->row.status, job->reply.allowed);
	status_show(job, batch);
}

static void status_run(struct job *base, struct batch *batch)
{
	struct status_job *job = (struct status_job *)base;
	const struct set_status_request *request = job->request;
	struct held held;
	struct name_list ended = {.arena = asked_arena(job->base.asked)};
	job->reply = (struct set_status_reply){0};
	job->base.refusal = OK;
	job->base.why = NULL;
	if (!session_hold(batch, job->session, &held)) {
		job->base.refusal = NOT_FOUND;
		return;
	}
	if (request->if_rev && request->if_rev != held.row.rev) {
		status_refuse(job, batch, &held, "it has changed since");
		return;
	}
	if (!status_may_become(held.row.status, job->to)) {
		status_refuse(job, batch, &held,
			"not allowed from its present state");
		return;
	}
	session_become(batch, &held, job->to,
		request->reason ? request->reason : "", request->by,
		job->terms->language);
	session_save(batch, &held);
	/* Only the end of a session cancels, and only its own turns. */
	if (job->to != ST_ACTIVE)
		turns_end(batch, held.row.user_no, held.no, TURN_CANCELLED,
			status_name(job->to), &ended);
	job->reply.ended_turns = ended.names;
	job->reply.n_ended_turns = ended.count;
	status_show(job, batch);
}

/* The session an id or alias means, with its business. */
static uint64_t find(struct core *core, const char *id, struct arena *arena,
	const char **business)
{
	struct tx *tx = tx_read_into(core->store, arena);
	struct alias alias;
	struct session_row row;
	bool is_alias;
	uint64_t no = reads_resolve(core, tx, id, &alias, &is_alias);
	if (no && get_session(tx, no, &row))
		*business = row.business;
	else
		no = 0;
	tx_end(tx);
	return no;
}

void manage_status(struct core *core, struct asked *asked,
	const struct set_status_request *request)
{
	enum session_status to;
	const char *business;
	if (!status_from_name(request->status, &to)) {
		asked_reply(asked, BAD_REQUEST,
			"status is not active, resolved, closed or abandoned",
			NULL);
		return;
	}
	uint64_t no =
		find(core, request->session_id, asked_arena(asked), &business);
	if (!no) {
		asked_reply(asked, NOT_FOUND, NULL, NULL);
		return;
	}
	struct status_job *job =
		submit_as(core, asked, sizeof *job, status_run);
	job->request = request;
	job->terms = core_terms_any(core, business, asked_arena(asked));
	job->session = no;
	job->to = to;
	job->base.reply = &job->reply;
	writer_submit(core->writer, &job->base.job);
}

/* --- who handles -------------------------------------------------------- */

struct handler_job {
	struct manage_job base;
	const struct set_handler_request *request;
	enum handler to;
	struct set_handler_reply reply;
};

static void handler_run(struct job *base, struct batch *batch)
{
	struct handler_job *job = (struct handler_job *)base;
	struct name_list ended = {.arena = asked_arena(job->base.asked)};
	job->base.refusal = OK;
	user_become(batch, job->request->business_id, job->request->user_id,
		job->to, job->request->by, NULL, &ended);
	job->reply =
		(struct set_handler_reply){.handler = handler_name(job->to),
			.ended_turns = ended.names,
			.n_ended_turns = ended.count};
}

void manage_handler(struct core *core, struct asked *asked,
	const struct set_handler_request *request)
{
	enum handler to;
	if (!handler_from_name(request->handler, &to) ||
		!business_id_valid(request->business_id) ||
		!user_id_valid(request->user_id)) {
		asked_reply(asked, BAD_REQUEST,
			"handler is not bot or person, or an id is malformed",
			NULL);
		return;
	}
	struct handler_job *job =
		submit_as(core, asked, sizeof *job, handler_run);
	job->request = request;
	job->to = to;
	job->base.reply = &job->reply;
	writer_submit(core->writer, &job->base.job);
}

/* --- cancelling --------------------------------------------------------- */

struct cancel_job {
	struct manage_job base;
	const struct cancel_request *request;
	uint64_t session, turn; /* only of this one; 0: all */
	const char *reason; /* static */
	uint64_t said_turn; /* whose text this is */
	const char *said; /* NULL: nothing was said yet, or not to be kept */
	struct cancel_reply reply;
};

/* Stores what was said so far as the turn's one message. */
static bool keep_partial(
	struct cancel_job *job, struct batch *batch, struct turn_held *turn)
{
	struct held held;
	struct message_row stored;
	struct arena *arena = asked_arena(job->base.asked);
	if (!job->said || turn->no != job->said_turn ||
		turn->row.state != TURN_LEASED ||
		!session_hold(batch, turn->session, &held))
		return false;
	struct answer answer = {.content = job->said,
		.partial = true,
		.outcome = TURN_CANCELLED,
		.reason = job->reason,
		.revoked = true};
	turn_answer(batch, turn, &held, &answer);
	if (get_message(
		    batch->tx, turn->session, turn->row.answer_seq, &stored))
		job->reply.message_id =
			arena_strndup(arena, stored.id, strlen(stored.id));
	return true;
}

static void cancel_run(struct job *base, struct batch *batch)
{
	struct cancel_job *job = (struct cancel_job *)base;
	const struct cancel_request *request = job->request;
	struct name_list ended = {.arena = asked_arena(job->base.asked)};
	struct user_row user;
	size_t count = 0;
	struct turn_held *turns = NULL;
	job->reply = (struct cancel_reply){0};
	job->base.refusal = OK;
	if (get_user(batch->tx, request->business_id, request->user_id, &user))
		turns = turns_open(batch, user.no, &count);
	for (size_t i = 0; i < count; i++) {
		if ((job->turn && turns[i].no != job->turn) ||
			(job->session && turns[i].session != job->session))
			continue;
		name_list_add(&ended, &turns[i]);
		if (!keep_partial(job, batch, &turns[i]))
			turn_end(batch, &turns[i], TURN_CANCELLED, job->reason,
				true);
	}
	job->reply.ended_turns = ended.names;
	job->reply.n_ended_turns = ended.count;
}

/* Which turns are meant; false: no such session or turn. */
static bool cancel_scope(struct core *core, struct asked *asked,
	const struct cancel_request *request, uint64_t *session, uint64_t *turn)
{
	const char *business;
	uint64_t named;
	*session = *turn = 0;
	if (request->turn_id &&
		!turn_from_name(request->turn_id, session, turn))
		return false;
	if (!request->session_id)
		return true;
	named = find(core, request->session_id, asked_arena(asked), &business);
	if (!named || (*turn && *session != named))
		return false;
	*session = named;
	return true;
}

void manage_cancel(struct core *core, struct asked *asked,
	const struct cancel_request *request)
{
	uint64_t session, turn;
	if (!business_id_valid(request->business_id) ||
		!user_id_valid(request->user_id)) {
		asked_reply(asked, BAD_REQUEST, "an id is malformed", NULL);
		return;
	}
	if (!cancel_scope(core, asked, request, &session, &turn)) {
		asked_reply(asked, NOT_FOUND, NULL, NULL);
		return;
	}
	struct cancel_job *job =
		submit_as(core, asked, sizeof *job, cancel_run);
	struct lease *lease = leases_of_user(
		core->leases, request->business_id, request->user_id);
	/* Only a user's own cancel keeps what was said. */
	bool by_user = !strncmp(request->by, "user:", 5);
	job->request = request;
	job->session = session;
	job->turn = turn;
	job->reason = by_user ? "user" : "cancelled";
	if (by_user && lease && lease->text.len) {
		job->said_turn = lease->turn;
		job->said = arena_strndup(
			asked_arena(asked), lease->text.data, lease->text.len);
	}
	job->base.reply = &job->reply;
	writer_submit(core->writer, &job->base.job);
}

/* --- forgetting --------------------------------------------------------- */

struct forget_job {
	struct manage_job base;
	const struct forget_request *request;
	uint64_t session;
	struct forget_reply reply;
};

/* The tombstone: from this commit on the session is not there. Its rows go in
 * steps. The id stays taken for ever, the day is free for a new session. */
static void entomb(struct batch *batch, struct held *held)
{
	struct tx *tx = batch->tx;
	struct session_row *row = &held->row;
	struct user_row user;
	struct key number = key_number(held->no), nobody = key_number(0);
	struct key key = key_text(row->id);
	tx_put(tx, T_SESSION_ID, key_span(&key), key_span(&nobody));
	key = key_day(row->business, row->user, row->day);
	if (find_day(tx, row->business, row->user, row->day) == held->no)
		tx_del(tx, T_DAY, key_span(&key));
	key = key_activity(
		row->business, row->status, row->activity_minute, held->no);
	tx_del(tx, T_ACTIVITY, key_span(&key));
	key = key_retention(row->status, row->retention_minute, held->no);
	tx_del(tx, T_RETENTION, key_span(&key));
	tx_del(tx, T_SESSION, key_span(&number));
	tx_put(tx, T_DOOMED, key_span(&number), (struct span){"", 0});
	if (get_user(tx, row->business, row->user, &user) &&
		user.session == held->no) {
		user.session = 0;
		put_user(tx, row->business, row->user, &user);
	}
}

static void forget_run(struct job *base, struct batch *batch)
{
	struct forget_job *job = (struct forget_job *)base;
	struct held held;
	job->reply = (struct forget_reply){0};
	job->base.refusal = OK;
	if (!session_hold(batch, job->session, &held) ||
		(job->request->if_rev && job->request->if_rev != held.row.rev))
		return;
	turns_end(batch, held.row.user_no, held.no, TURN_CANCELLED, "deleted",
		NULL);
	held.row.rev++;
	log_session(batch, &held, status_name(held.row.status), "deleted",
		"system");
	entomb(batch, &held);
	job->reply.deleted = true;
}

void manage_forget(struct core *core, struct asked *asked,
	const struct forget_request *request)
{
	struct forget_reply gone = {.deleted = false};
	const char *business;
	if (!writer_clock_sane(core->writer)) {
		asked_reply(asked, UNAVAILABLE,
			"the clock has jumped more than a day: nothing is "
			"deleted",
			NULL);
		return;
	}
	uint64_t no =
		find(core, request->session_id, asked_arena(asked), &business);
	if (!no) {
		asked_reply(asked, OK, NULL, &gone);
		return;
	}
	struct forget_job *job =
		submit_as(core, asked, sizeof *job, forget_run);
	job->request = request;
	job->session = no;
	job->base.reply = &job->reply;
	writer_submit(core->writer, &job->base.job);
}
