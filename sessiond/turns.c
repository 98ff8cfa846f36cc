#include "sessiond/turns.h"

#include "sessiond/grants.h"
#include "sessiond/sessions.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRANTS_AT_ONCE = 16 };

/* The transaction of everything below: the turn, held under a lease that must
 * be its current one. */
static bool hold_leased(struct batch *batch, uint64_t session, uint64_t no,
	uint64_t lease, struct turn_held *turn)
{
	return turn_hold(batch, session, no, turn) &&
	       turn->row.state == TURN_LEASED && turn->row.lease == lease;
}

/* --- claim -------------------------------------------------------------- */

struct claim_job {
	struct job job;
	struct core *core;
	struct asked *asked;
	const struct claim_request *request;
	struct granted granted[GRANTS_AT_ONCE];
	uint32_t n_granted;
};

static bool is_held(const struct claim_request *claim, uint64_t lease)
{
	for (uint32_t i = 0; i < claim->n_holds; i++)
		if (lease_from_name(claim->holds[i]) == lease)
			return true;
	return false;
}

struct found_turn {
	uint64_t session, no;
};

/* The leases that are `wanted`, in the transaction's arena. The table has as
 * many rows as agents have places. */
static size_t find_leases(struct batch *batch,
	bool (*wanted)(const void *ctx, const struct lease_row *row),
	const void *ctx, struct found_turn **out)
{
	struct cursor cursor;
	size_t count = 0, cap = 0;
	struct found_turn *found = NULL;
	cursor_open(&cursor, batch->tx, T_LEASE);
	for (bool more = cursor_seek(&cursor, (struct span){"", 0}); more;
		more = cursor_next(&cursor)) {
		struct lease_row row;
		if (!decode_lease(batch->tx, cursor.value, &row) ||
			!wanted(ctx, &row))
			continue;
		if (count == cap) {
			struct found_turn *old = found;
			cap = cap ? cap * 2 : 16;
			found = arena_alloc(
				tx_arena(batch->tx), cap * sizeof *found);
			if (old)
				memcpy(found, old, count * sizeof *found);
		}
		found[count++] = (struct found_turn){
			row.session, span_u64(cursor.key, 0)};
	}
	cursor_close(&cursor);
	*out = found;
	return count;
}

static void release_all(
	struct batch *batch, const struct found_turn *found, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct turn_held turn;
		if (turn_hold(batch, found[i].session, found[i].no, &turn) &&
			turn.row.state == TURN_LEASED)
			turn_release(batch, &turn);
	}
}

static bool of_boot_not_held(const void *ctx, const struct lease_row *row)
{
	const struct claim_request *claim = ctx;
	return !strcmp(row->boot, claim->boot) && !is_held(claim, row->lease);
}

static void grant(struct claim_job *claim, struct batch *batch,
	const struct found_turn *found)
{
	struct turn_held turn;
	struct session_row session;
	if (!turn_hold(batch, found->session, found->no, &turn) ||
		turn.row.state != TURN_QUEUED ||
		!get_session(batch->tx, found->session, &session))
		return;
	struct key key = key_ready(turn.row.created, turn.no);
	tx_del(batch->tx, T_READY, key_span(&key));
	turn.row.state = TURN_LEASED;
	turn.row.lease = ++batch->counters.lease;
	turn.row.counted = false;
	put_turn(batch->tx, turn.session, turn.no, &turn.row);
	struct lease_row row = {.session = turn.session,
		.user_no = turn.row.user_no,
		.lease = turn.row.lease,
		.created = turn.row.created,
		.agent = claim->request->agent,
		.boot = claim->request->boot,
		.business = session.business,
		.user = session.user,
		.session_id = session.id};
	put_lease(batch->tx, turn.no, &row);
	struct hint *hint = batch_hint(batch, HINT_LEASED);
	hint->session = turn.session;
	hint->turn = turn.no;
	hint->lease = turn.row.lease;
	hint->user_no = turn.row.user_no;
	hint->created = turn.row.created;
	snprintf(hint->agent, sizeof hint->agent, "%s", row.agent);
	snprintf(hint->boot, sizeof hint->boot, "%s", row.boot);
	snprintf(hint->business, sizeof hint->business, "%s", row.business);
	snprintf(hint->user, sizeof hint->user, "%s", row.user);
	snprintf(hint->session_id, sizeof hint->session_id, "%s",
		row.session_id);
	claim->granted[claim->n_granted++] =
		(struct granted){.session = turn.session,
			.turn = turn.no,
			.lease = turn.row.lease};
}

/* A burst that waits for more is not due yet, unless the clock went back
 * behind its first message: it would wait for as long. */
static bool is_due(const struct ready_row *row, int64_t now)
{
	enum { WENT_BACK_MS = 1000 };
	return row->not_before <= now || row->created > now + WENT_BACK_MS;
}

static void claim_run(struct job *job, struct batch *batch)
{
	struct claim_job *claim = (struct claim_job *)job;
	struct found_turn *astray, ready[GRANTS_AT_ONCE];
	struct cursor cursor;
	uint32_t places = claim->request->places, n_ready = 0;
	claim->n_granted = 0;
	size_t n_astray =
		find_leases(batch, of_boot_not_held, claim->request, &astray);
	release_all(batch, astray, n_astray);
	if (places > GRANTS_AT_ONCE)
		places = GRANTS_AT_ONCE;
	/* Older ones are the fallback's. */
	struct key from =
		key_ready(batch->now - claim->core->turn_age_ms + 1, 0);
	cursor_open(&cursor, batch->tx, T_READY);
	for (bool more = cursor_seek(&cursor, key_span(&from));
		more && n_ready < places; more = cursor_next(&cursor)) {
		struct ready_row row;
		if (decode_ready(cursor.value, &row) &&
			is_due(&row, batch->now))
			ready[n_ready++] = (struct found_turn){
				row.session, span_u64(cursor.key, 8)};
	}
	cursor_close(&cursor);
	for (uint32_t i = 0; i < n_ready; i++)
		grant(claim, batch, &ready[i]);
}

static void claim_done(struct job *job, enum status status)
{
	struct claim_job *claim = (struct claim_job *)job;
	struct claim_reply reply = {.claim_no = claim->request->claim_no};
	if (status == OK)
		grants_compose(claim->core, claim->granted, claim->n_granted,
			asked_arena(claim->asked), &reply);
	asked_reply(claim->asked, status, NULL, &reply);
	free(claim);
}

static bool anything_ready(struct core *core)
{
	struct tx *tx = tx_read(core->store);
	struct cursor cursor;
	cursor_open(&cursor, tx, T_READY);
	bool found = cursor_seek(&cursor, (struct span){"", 0});
	cursor_close(&cursor);
	tx_end(tx);
	return found;
}

void turns_claim(struct core *core, struct asked *asked,
	const struct claim_request *request)
{
	struct claim_reply nothing = {.claim_no = request->claim_no};
	if (!leases_claim_number(core->leases, request->agent, request->boot,
		    request->claim_no) ||
		(!leases_astray(core->leases, request->boot, request->holds,
			 request->n_holds) &&
			(!request->places || !anything_ready(core)))) {
		asked_reply(asked, OK, NULL, &nothing);
		return;
	}
	struct claim_job *claim = xalloc(sizeof *claim);
	claim->job.run = claim_run;
	claim->job.done = claim_done;
	claim->job.weight = 1;
	claim->core = core;
	claim->asked = asked;
	claim->request = request;
	writer_submit(core->writer, &claim->job);
}

/* --- an earlier boot of an agent ---------------------------------------- */

struct boot_job {
	struct job job;
	char agent[65], boot[65];
};

static bool of_old_boot(const void *ctx, const struct lease_row *row)
{
	const struct boot_job *job = ctx;
	return !strcmp(row->agent, job->agent) && strcmp(row->boot, job->boot);
}

static void boot_run(struct job *job, struct batch *batch)
{
	struct found_turn *found;
	size_t count = find_leases(batch, of_old_boot, job, &found);
	release_all(batch, found, count);
}

static void boot_done(struct job *job, enum status status)
{
	(void)status; /* the leases run out by themselves then */
	free(job);
}

void turns_free_boot(struct core *core, const char *agent, const char *new_boot)
{
	if (!leases_of_old_boot(core->leases, agent, new_boot))
		return;
	struct boot_job *boot = xalloc(sizeof *boot);
	boot->job.run = boot_run;
	boot->job.done = boot_done;
	boot->job.weight = 1;
	snprintf(boot->agent, sizeof boot->agent, "%s", agent);
	snprintf(boot->boot, sizeof boot->boot, "%s", new_boot);
	writer_submit(core->writer, &boot->job);
}

/* --- progress ----------------------------------------------------------- */

struct progress_job {
	struct job job;
	struct core *core;
	struct asked *asked;
	uint64_t session, turn, lease;
	bool current;
};

static void progress_run(struct job *job, struct batch *batch)
{
	struct progress_job *progress = (struct progress_job *)job;
	struct turn_held turn;
	progress->current = hold_leased(batch, progress->session,
		progress->turn, progress->lease, &turn);
	if (!progress->current || turn.row.counted)
		return;
	turn.row.counted = true;
	turn.row.attempts++;
	put_turn(batch->tx, turn.session, turn.no, &turn.row);
}

static void progress_reply(struct core *core, struct asked *asked)
{
	struct progress_reply reply = {.lease_ms = (uint32_t)core->lease_ms};
	asked_reply(asked, OK, NULL, &reply);
}

static void progress_done(struct job *job, enum status status)
{
	struct progress_job *progress = (struct progress_job *)job;
	if (status == OK && !progress->current)
		status = STALE_LEASE;
	if (status == OK)
		progress_reply(progress->core, progress->asked);
	else
		asked_reply(progress->asked, status, NULL, NULL);
	free(progress);
}

/* Appends the next piece of the answer; false if it does not fit there. */
static bool add_text(
	struct lease *lease, const struct progress_request *request)
{
	size_t len = strlen(request->text);
	if (request->offset != lease->text.len ||
		lease->text.len + len > ANSWER_MAX_BYTES)
		return false;
	buf_put(&lease->text, request->text, len);
	return true;
}

void turns_progress(struct core *core, struct asked *asked,
	const struct progress_request *request)
{
	struct lease *lease =
		leases_find(core->leases, request->turn_id, request->lease);
	if (!lease) {
		asked_reply(asked, STALE_LEASE, NULL, NULL);
		return;
	}
	if (request->text && !add_text(lease, request)) {
		asked_reply(asked, CONFLICT,
			"offset is not where the text ends", NULL);
		return;
	}
	lease_renew(core->leases, lease);
	leases_publish_progress(core->leases, lease,
		request->state ? request->state : "working", request->offset,
		request->text);
	if (lease->counted) {
		progress_reply(core, asked);
		return;
	}
	lease->counted = true;
	struct progress_job *progress = xalloc(sizeof *progress);
	progress->job.run = progress_run;
	progress->job.done = progress_done;
	progress->job.weight = 1;
	progress->core = core;
	progress->asked = asked;
	progress->session = lease->session;
	progress->turn = lease->turn;
	progress->lease = lease->lease;
	writer_submit(core->writer, &progress->job);
}

/* --- finish ------------------------------------------------------------- */

struct finish_job {
	struct job job;
	struct core *core;
	struct asked *asked;
	const struct finish_request *request;
	const struct terms *terms;
	uint64_t session, turn, lease;
	enum status refusal;
	struct finish_reply reply;
};

/* The user has written since the turn's last message. */
static bool written_since(const struct turn_held *turn, const struct held *held)
{
	uint32_t last = 0;
	for (uint32_t i = 0; i < turn->row.n_seqs; i++)
		if (turn->row.seqs[i] > last)
			last = turn->row.seqs[i];
	return held->row.last_user_seq > last;
}

static void resolve(struct finish_job *finish, struct batch *batch,
	struct turn_held *turn, struct held *held)
{
	if (written_since(turn, held) ||
		!status_may_become(held->row.status, ST_RESOLVED))
		return;
	session_become(batch, held, ST_RESOLVED, "agent", "agent",
		finish->terms->language);
	session_save(batch, held);
	turns_end(batch, turn->row.user_no, held->no, TURN_CANCELLED,
		"resolved", NULL);
}

/* What the model asked for takes effect here, after its answer is stored, in
 * the same transaction: it can neither kill its own answer nor happen twice.
 */
static void effects(struct finish_job *finish, struct batch *batch,
	struct turn_held *turn, struct held *held)
{
	for (uint32_t i = 0; i < finish->request->n_effects; i++) {
		const struct effect *effect = &finish->request->effects[i];
		if (!strcmp(effect->kind, "resolve_session"))
			resolve(finish, batch, turn, held);
		else if (!strcmp(effect->kind, "handoff"))
			user_become(batch, held->row.business, held->row.user,
				HANDLER_PERSON, "agent", effect->note, NULL);
	}
}

static void finish_tell(struct finish_job *finish, struct batch *batch,
	const struct turn_held *turn, const char *session_id)
{
	struct arena *arena = asked_arena(finish->asked);
	struct message_row answer;
	finish->reply.outcome = turn_state_name(turn->row.state);
	if (!turn->row.answer_seq || !get_message(batch->tx, turn->session,
					     turn->row.answer_seq, &answer))
		return;
	finish->reply.session_id =
		arena_strndup(arena, session_id, strlen(session_id));
	finish->reply.message_id =
		arena_strndup(arena, answer.id, strlen(answer.id));
	finish->reply.seq = turn->row.answer_seq;
	finish->reply.timestamp = answer.timestamp;
}

static void finish_run(struct job *job, struct batch *batch)
{
	struct finish_job *finish = (struct finish_job *)job;
	const struct finish_request *request = finish->request;
	struct turn_held turn;
	struct held held;
	finish->reply = (struct finish_reply){.turn_id = request->turn_id};
	finish->refusal = STALE_LEASE;
	if (!turn_hold(batch, finish->session, finish->turn, &turn) ||
		turn.row.lease != finish->lease ||
		!session_hold(batch, finish->session, &held))
		return;
	if (turn.row.state == TURN_ANSWERED) { /* said before: said again */
		finish->refusal = OK;
		finish_tell(finish, batch, &turn, held.row.id);
		return;
	}
	if (turn.row.state != TURN_LEASED)
		return;
	struct answer answer = {.content = request->content,
		.sources = request->sources,
		.actions = request->actions,
		.usage = request->usage,
		.outcome = TURN_ANSWERED};
	turn_answer(batch, &turn, &held, &answer);
	effects(finish, batch, &turn, &held);
	finish->refusal = OK;
	finish_tell(finish, batch, &turn, held.row.id);
}

static void finish_done(struct job *job, enum status status)
{
	struct finish_job *finish = (struct finish_job *)job;
	if (status == OK)
		status = finish->refusal;
	log_info("turn finish", log_str("turn", finish->request->turn_id),
		log_str("status", status_code(status)));
	asked_reply(finish->asked, status, NULL,
		status == OK ? &finish->reply : NULL);
	free(finish);
}

/* The tenant of a turn, for its language and texts. */
static struct terms *terms_of(
	struct core *core, uint64_t session, struct arena *arena)
{
	struct session_row row;
	struct tx *tx = tx_read(core->store);
	struct terms *terms = NULL;
	if (get_session(tx, session, &row))
		terms = core_terms_any(core, row.business, arena);
	tx_end(tx);
	return terms;
}

void turns_finish(struct core *core, struct asked *asked,
	const struct finish_request *request)
{
	uint64_t session, turn;
	struct terms *terms = NULL;
	if (!request->content[strspn(request->content, " \t\r\n")]) {
		asked_reply(asked, BAD_REQUEST, "content is empty", NULL);
		return;
	}
	if (turn_from_name(request->turn_id, &session, &turn))
		terms = terms_of(core, session, asked_arena(asked));
	if (!terms) {
		asked_reply(asked, STALE_LEASE, NULL, NULL);
		return;
	}
	struct finish_job *finish = xalloc(sizeof *finish);
	finish->job.run = finish_run;
	finish->job.done = finish_done;
	finish->job.weight = 1;
	finish->core = core;
	finish->asked = asked;
	finish->request = request;
	finish->terms = terms;
	finish->session = session;
	finish->turn = turn;
	finish->lease = lease_from_name(request->lease);
	writer_submit(core->writer, &finish->job);
}

/* --- an attempt that failed --------------------------------------------- */

struct fail_job {
	struct job job;
	struct core *core;
	struct asked *asked; /* NULL: nobody asked, time did */
	uint64_t session, turn, lease;
	bool final; /* no further attempt */
	bool count; /* it counts even if no progress was seen */
	bool any_lease; /* of age: whoever holds it */
	const char *reason; /* static */
	struct arena arena; /* of terms, when nobody asked */
	const struct terms *terms;
	bool current;
	enum turn_state outcome;
};

static void fall_back(
	struct fail_job *fail, struct batch *batch, struct turn_held *turn)
{
	struct held held;
	struct user_row user;
	fail->outcome = TURN_FALLBACK;
	if (!session_hold(batch, turn->session, &held)) {
		turn_end(batch, turn, TURN_CANCELLED, "deleted", true);
		return;
	}
	/* No text of the bot while a person handles. */
	if (get_user(batch->tx, held.row.business, held.row.user, &user) &&
		user.handler == HANDLER_PERSON) {
		turn_end(batch, turn, TURN_LEFT_TO_PERSON, "person", true);
		return;
	}
	struct answer answer = {.content = fail->terms->fallback,
		.kind = "fallback",
		.outcome = TURN_FALLBACK,
		.reason = fail->reason,
		.revoked = true};
	turn_answer(batch, turn, &held, &answer);
}

static void fail_run(struct job *job, struct batch *batch)
{
	struct fail_job *fail = (struct fail_job *)job;
	struct turn_held turn;
	fail->current =
		turn_hold(batch, fail->session, fail->turn, &turn) &&
		(fail->any_lease ? turn.row.state <= TURN_LEASED
				 : turn.row.state == TURN_LEASED &&
					   turn.row.lease == fail->lease);
	if (!fail->current)
		return;
	if (fail->count && !turn.row.counted)
		turn.row.attempts++;
	if (fail->final || turn.row.attempts >= fail->core->attempts_max) {
		fall_back(fail, batch, &turn);
		return;
	}
	turn_release(batch, &turn);
	fail->outcome = TURN_QUEUED;
}

static void fail_done(struct job *job, enum status status)
{
	struct fail_job *fail = (struct fail_job *)job;
	char turn[TURN_NAME_SIZE];
	turn_name(turn, fail->session, fail->turn);
	struct fail_reply reply = {.turn_id = turn,
		.outcome =
			fail->outcome == TURN_QUEUED ? "requeued" : "fallback"};
	if (status == OK && fail->current)
		log_warn("attempt failed", log_str("turn", turn),
			log_str("reason", fail->reason),
			log_str("outcome", reply.outcome));
	if (fail->asked) {
		if (status == OK && !fail->current)
			status = STALE_LEASE;
		asked_reply(fail->asked, status, NULL,
			status == OK ? &reply : NULL);
	} else if (status != OK) {
		/* Nothing was written: tried again at the next look. */
		struct lease *lease = leases_of_turn(
			fail->core->leases, fail->session, fail->turn);
		if (lease)
			lease->ending = false;
	}
	arena_clear(&fail->arena);
	free(fail);
}

static struct fail_job *fail_new(
	struct core *core, uint64_t session, uint64_t turn, const char *reason)
{
	struct fail_job *fail = xalloc(sizeof *fail);
	fail->job.run = fail_run;
	fail->job.done = fail_done;
	fail->job.weight = 1;
	fail->core = core;
	fail->session = session;
	fail->turn = turn;
	fail->reason = reason;
	fail->terms = terms_of(core, session, &fail->arena);
	return fail;
}

void turns_fail(struct core *core, struct asked *asked,
	const struct fail_request *request)
{
	struct lease *lease =
		leases_find(core->leases, request->turn_id, request->lease);
	if (!lease) {
		asked_reply(asked, STALE_LEASE, NULL, NULL);
		return;
	}
	struct fail_job *fail =
		fail_new(core, lease->session, lease->turn, "failed");
	log_warn("agent reports a failure", log_str("turn", request->turn_id),
		log_str("agent", lease->agent),
		log_str("why", request->reason));
	fail->asked = asked;
	fail->lease = lease->lease;
	fail->final = request->final;
	fail->count = true;
	writer_submit(core->writer, &fail->job);
}

void turns_expire(struct core *core, const struct lease *lease)
{
	struct fail_job *fail =
		fail_new(core, lease->session, lease->turn, "lease_expired");
	fail->lease = lease->lease;
	writer_submit(core->writer, &fail->job);
}

void turns_age(struct core *core, uint64_t session, uint64_t turn)
{
	struct fail_job *fail = fail_new(core, session, turn, "too_old");
	fail->any_lease = true;
	fail->final = true;
	writer_submit(core->writer, &fail->job);
}

/* --- a person looks after a turn ---------------------------------------- */

struct requeue_job {
	struct job job;
	struct asked *asked;
	const char *turn_id;
	uint64_t session, turn;
	enum status refusal;
};

static void requeue_run(struct job *job, struct batch *batch)
{
	struct requeue_job *requeue = (struct requeue_job *)job;
	struct turn_held turn;
	requeue->refusal = OK;
	if (!turn_hold(batch, requeue->session, requeue->turn, &turn)) {
		requeue->refusal = NOT_FOUND;
	} else if (turn.row.state > TURN_LEASED) {
		requeue->refusal = CONFLICT;
	} else {
		turn.row.attempts = 0;
		if (turn.row.state == TURN_LEASED)
			turn_release(batch, &turn);
		else
			put_turn(batch->tx, turn.session, turn.no, &turn.row);
	}
}

static void requeue_done(struct job *job, enum status status)
{
	struct requeue_job *requeue = (struct requeue_job *)job;
	struct requeue_reply reply = {.turn_id = requeue->turn_id,
		.state = turn_state_name(TURN_QUEUED)};
	if (status == OK)
		status = requeue->refusal;
	asked_reply(requeue->asked, status,
		status == CONFLICT ? "the turn has ended" : NULL,
		status == OK ? &reply : NULL);
	free(requeue);
}

void turns_requeue(struct core *core, struct asked *asked,
	const struct requeue_request *request)
{
	uint64_t session, turn;
	if (!turn_from_name(request->turn_id, &session, &turn)) {
		asked_reply(asked, NOT_FOUND, NULL, NULL);
		return;
	}
	struct requeue_job *requeue = xalloc(sizeof *requeue);
	requeue->job.run = requeue_run;
	requeue->job.done = requeue_done;
	requeue->job.weight = 1;
	requeue->asked = asked;
	requeue->turn_id = request->turn_id;
	requeue->session = session;
	requeue->turn = turn;
	log_info("turn requeued", log_str("turn", request->turn_id),
		log_str("by", request->by));
	writer_submit(core->writer, &requeue->job);
}
