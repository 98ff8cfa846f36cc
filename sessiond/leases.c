#include "sessiond/leases.h"

#include "sessiond/turns.h"
#include "shared/clock.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 100, STALL_MS = 500, AGE_LOOK_MS = 1000, AGED_AT_ONCE = 256 };

struct boot {
	char agent[65], boot[65];
	uint64_t claim_no;
};

enum { BOOTS_MAX = 1024 }; /* agents remembered; the oldest is forgotten */

struct leases {
	struct core *core;
	struct lease **all;
	size_t count, cap;
	struct boot *boots;
	size_t n_boots, next_boot;
	struct timer *look, *age;
	int64_t looked_mono;
	struct metric *held, *expired;
};

static void forget(struct leases *leases, size_t i)
{
	buf_clear(&leases->all[i]->text);
	free(leases->all[i]);
	leases->all[i] = leases->all[--leases->count];
}

static struct lease *add(struct leases *leases)
{
	if (leases->count == leases->cap) {
		leases->cap = leases->cap ? leases->cap * 2 : 64;
		leases->all = xrealloc(
			leases->all, leases->cap * sizeof *leases->all);
	}
	struct lease *lease = xalloc(sizeof *lease);
	buf_init(&lease->text, ANSWER_MAX_BYTES);
	leases->all[leases->count++] = lease;
	return lease;
}

void lease_renew(struct leases *leases, struct lease *lease)
{
	lease->expires_mono = clock_mono_ms() + leases->core->lease_ms;
}

/* --- finding ------------------------------------------------------------ */

struct lease *leases_of_turn(
	struct leases *leases, uint64_t session, uint64_t turn)
{
	for (size_t i = 0; i < leases->count; i++)
		if (leases->all[i]->turn == turn &&
			leases->all[i]->session == session)
			return leases->all[i];
	return NULL;
}

struct lease *leases_find(
	struct leases *leases, const char *turn_id, const char *lease)
{
	uint64_t session, turn;
	if (!turn_from_name(turn_id, &session, &turn))
		return NULL;
	struct lease *found = leases_of_turn(leases, session, turn);
	return found && found->lease == lease_from_name(lease) && !found->ending
		       ? found
		       : NULL;
}

struct lease *leases_of_user(
	struct leases *leases, const char *business, const char *user)
{
	for (size_t i = 0; i < leases->count; i++)
		if (!strcmp(leases->all[i]->business, business) &&
			!strcmp(leases->all[i]->user, user))
			return leases->all[i];
	return NULL;
}

static bool named(const struct lease *lease, const char **holds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (lease_from_name(holds[i]) == lease->lease)
			return true;
	return false;
}

bool leases_astray(struct leases *leases, const char *boot, const char **holds,
	uint32_t n_holds)
{
	for (size_t i = 0; i < leases->count; i++)
		if (!strcmp(leases->all[i]->boot, boot) &&
			!named(leases->all[i], holds, n_holds))
			return true;
	return false;
}

bool leases_of_old_boot(
	struct leases *leases, const char *agent, const char *boot)
{
	for (size_t i = 0; i < leases->count; i++)
		if (!strcmp(leases->all[i]->agent, agent) &&
			strcmp(leases->all[i]->boot, boot))
			return true;
	return false;
}

bool leases_claim_number(struct leases *leases, const char *agent,
	const char *boot, uint64_t claim_no)
{
	struct boot *found = NULL;
	for (size_t i = 0; i < leases->n_boots && !found; i++)
		if (!strcmp(leases->boots[i].boot, boot))
			found = &leases->boots[i];
	if (!found) {
		found = &leases->boots[leases->next_boot];
		leases->next_boot = (leases->next_boot + 1) % BOOTS_MAX;
		if (leases->n_boots < BOOTS_MAX)
			leases->n_boots++;
		snprintf(found->agent, sizeof found->agent, "%s", agent);
		snprintf(found->boot, sizeof found->boot, "%s", boot);
		found->claim_no = 0;
	}
	if (claim_no <= found->claim_no)
		return false;
	found->claim_no = claim_no;
	return true;
}

/* --- what a commit changed ---------------------------------------------- */

static void publish(struct leases *leases, enum event event, const void *body)
{
	struct buf text;
	buf_init(&text, LINK_MAX_BYTES);
	event_encode(&text, event, NULL, 0, body);
	publisher_send(leases->core->publisher, text.data, text.len);
	buf_clear(&text);
}

void leases_publish_progress(struct leases *leases, const struct lease *lease,
	const char *state, uint32_t offset, const char *text)
{
	char turn[TURN_NAME_SIZE];
	turn_name(turn, lease->session, lease->turn);
	struct turn_progress progress = {.turn_id = turn,
		.business_id = lease->business,
		.user_id = lease->user,
		.session_id = lease->session_id,
		.state = state,
		.offset = offset,
		.text = text};
	publish(leases, EV_TURN_PROGRESS, &progress);
}

static void on_ready(struct leases *leases, const struct hint *hint)
{
	char turn[TURN_NAME_SIZE];
	turn_name(turn, hint->session, hint->turn);
	struct turn_ready ready = {.turn_id = turn};
	publish(leases, EV_TURN_READY, &ready);
}

static void on_leased(struct leases *leases, const struct hint *hint)
{
	struct lease *lease = add(leases);
	lease->session = hint->session;
	lease->turn = hint->turn;
	lease->lease = hint->lease;
	lease->user_no = hint->user_no;
	lease->created = hint->created;
	memcpy(lease->agent, hint->agent, sizeof lease->agent);
	memcpy(lease->boot, hint->boot, sizeof lease->boot);
	memcpy(lease->business, hint->business, sizeof lease->business);
	memcpy(lease->user, hint->user, sizeof lease->user);
	memcpy(lease->session_id, hint->session_id, sizeof lease->session_id);
	lease_renew(leases, lease);
}

static void on_over(struct leases *leases, const struct hint *hint)
{
	size_t i = 0;
	while (i < leases->count &&
		(leases->all[i]->turn != hint->turn ||
			leases->all[i]->lease != hint->lease))
		i++;
	if (i == leases->count)
		return;
	struct lease *lease = leases->all[i];
	if (hint->revoked) {
		char turn[TURN_NAME_SIZE], name[24];
		turn_name(turn, lease->session, lease->turn);
		lease_name(name, lease->lease);
		struct turn_cancelled cancelled = {
			.turn_id = turn, .lease = name, .reason = hint->reason};
		publish(leases, EV_TURN_CANCELLED, &cancelled);
	}
	leases_publish_progress(leases, lease, "stopped", 0, NULL);
	forget(leases, i);
}

void leases_hint(struct leases *leases, const struct hint *hint)
{
	switch (hint->kind) {
	case HINT_READY:
		on_ready(leases, hint);
		break;
	case HINT_LEASED:
		on_leased(leases, hint);
		break;
	case HINT_OVER:
		on_over(leases, hint);
		break;
	}
	metric_set(leases->held, (int64_t)leases->count);
}

/* --- time passes -------------------------------------------------------- */

static void look_for_expired(void *ctx)
{
	struct leases *leases = ctx;
	int64_t now = clock_mono_ms();
	/* While this process was stopped, signs of life waited in its sockets:
	 * that time counts for nobody. */
	int64_t stall = now - leases->looked_mono - LOOK_MS;
	leases->looked_mono = now;
	for (size_t i = 0; i < leases->count; i++) {
		struct lease *lease = leases->all[i];
		if (stall > STALL_MS)
			lease->expires_mono += stall;
		if (lease->ending || now < lease->expires_mono)
			continue;
		lease->ending = true;
		metric_add(leases->expired, 1);
		log_warn("lease expired", log_str("agent", lease->agent),
			log_str("session", lease->session_id));
		turns_expire(leases->core, lease);
	}
}

/* READY is in the order of age; those behind an open turn are younger, or wait
 * for it to end. */
static void look_for_old(void *ctx)
{
	struct leases *leases = ctx;
	struct core *core = leases->core;
	int64_t limit = clock_wall_ms() - core->turn_age_ms;
	struct tx *tx = tx_read(core->store);
	struct cursor cursor;
	int n = 0;
	cursor_open(&cursor, tx, T_READY);
	for (bool more = cursor_seek(&cursor, (struct span){"", 0});
		more && n < AGED_AT_ONCE; more = cursor_next(&cursor), n++) {
		struct ready_row ready;
		if (!decode_ready(cursor.value, &ready))
			continue;
		if (ready.created > limit)
			break;
		turns_age(core, ready.session, span_u64(cursor.key, 8));
	}
	cursor_close(&cursor);
	tx_end(tx);
	for (size_t i = 0; i < leases->count; i++) {
		struct lease *lease = leases->all[i];
		if (lease->ending || lease->created > limit)
			continue;
		lease->ending = true;
		turns_age(core, lease->session, lease->turn);
	}
}

/* --- opening ------------------------------------------------------------ */

static void load(struct leases *leases)
{
	struct tx *tx = tx_read(leases->core->store);
	struct cursor cursor;
	cursor_open(&cursor, tx, T_LEASE);
	for (bool more = cursor_seek(&cursor, (struct span){"", 0}); more;
		more = cursor_next(&cursor)) {
		struct lease_row row;
		if (!decode_lease(tx, cursor.value, &row))
			continue;
		struct hint hint = {.kind = HINT_LEASED,
			.session = row.session,
			.turn = span_u64(cursor.key, 0),
			.lease = row.lease,
			.user_no = row.user_no,
			.created = row.created};
		snprintf(hint.agent, sizeof hint.agent, "%s", row.agent);
		snprintf(hint.boot, sizeof hint.boot, "%s", row.boot);
		snprintf(hint.business, sizeof hint.business, "%s",
			row.business);
		snprintf(hint.user, sizeof hint.user, "%s", row.user);
		snprintf(hint.session_id, sizeof hint.session_id, "%s",
			row.session_id);
		on_leased(leases, &hint);
	}
	cursor_close(&cursor);
	tx_end(tx);
}

struct leases *leases_open(struct core *core)
{
	struct leases *leases = xalloc(sizeof *leases);
	leases->core = core;
	leases->boots = xalloc(BOOTS_MAX * sizeof *leases->boots);
	leases->held = metric_open(METRIC_GAUGE, "taifas_sessiond_leases", NULL,
		"Turns that agents work on");
	leases->expired = metric_open(METRIC_COUNTER,
		"taifas_sessiond_leases_expired_total", NULL,
		"Leases that ran out without a sign of life");
	leases->looked_mono = clock_mono_ms();
	load(leases);
	leases->look = timer_open(core->loop, look_for_expired, leases);
	leases->age = timer_open(core->loop, look_for_old, leases);
	timer_start(leases->look, LOOK_MS, LOOK_MS);
	timer_start(leases->age, 0, AGE_LOOK_MS);
	return leases;
}

void leases_close(struct leases *leases)
{
	if (!leases)
		return;
	timer_close(leases->look);
	timer_close(leases->age);
	while (leases->count)
		forget(leases, 0);
	free(leases->all);
	free(leases->boots);
	free(leases);
}
