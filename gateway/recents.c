#include "gateway/recents.h"
#include "shared/mem.h"
#include <stdlib.h>
#include <string.h>

enum { TICK_MS = 1000 };

/* One user to be asked for. */
struct asking {
	struct recents *recents;
	struct asking *next;
	struct call *call; /* NULL: waits */
	char *business_id, *user_id;
};

struct recents {
	struct loop *loop;
	struct caller *caller;
	const struct roster *roster;
	struct fanout *fanout;
	struct timer *timer;
	struct asking *waiting, *asked;
	int n_asked;
	uint64_t since_ms; /* when events were lost */
};

static loop_fn go_on;

static void asking_free(struct asking *asking)
{
	free(asking->business_id);
	free(asking->user_id);
	free(asking);
}

static void forget(struct asking **list)
{
	struct asking *asking;

	while ((asking = *list)) {
		*list = asking->next;
		asking_free(asking);
	}
}

/* Only what came while this page was open, by sessiond's clock. */
static void catch_up(struct recents *recents, struct seat *seat,
	const struct recent_reply *reply)
{
	int64_t here_ms =
		(int64_t)(loop_now_ms(recents->loop) - seat->joined_ms);

	for (uint32_t i = 0; i < reply->n_messages; i++)
		if (reply->now - reply->messages[i].timestamp <= here_ms)
			fanout_catch_up(
				recents->fanout, seat, &reply->messages[i]);
}

static void on_reply(void *ctx, const struct call_result *result)
{
	struct asking *asking = ctx, **at;
	struct recents *recents = asking->recents;
	const struct room *room = roster_find(recents->roster, ROOM_USER,
		asking->business_id, asking->user_id);

	for (at = &recents->asked; *at != asking;)
		at = &(*at)->next;
	*at = asking->next;
	recents->n_asked--;
	asking->call = NULL;
	if (result->status == UNAVAILABLE || result->status == UNCONFIRMED) {
		asking->next = recents->waiting; /* the next tick tries again */
		recents->waiting = asking;
		return;
	}
	if (result->status == OK && room)
		for (struct seat *s = room->first; s; s = s->next)
			if (!s->text)
				catch_up(recents, s, result->body);
	asking_free(asking);
	go_on(recents);
}

static void go_on(void *ctx)
{
	struct recents *recents = ctx;
	uint64_t age = loop_now_ms(recents->loop) - recents->since_ms;

	if (age > RECENT_MS)
		forget(&recents->waiting);
	while (recents->waiting && recents->n_asked < RECENT_AT_ONCE &&
		caller_connected(recents->caller)) {
		struct asking *asking = recents->waiting;
		struct recent_request request = {
			.business_id = asking->business_id,
			.user_id = asking->user_id,
			.within_ms = RECENT_MS + (uint32_t)age};

		recents->waiting = asking->next;
		asking->next = recents->asked;
		recents->asked = asking;
		recents->n_asked++;
		asking->call = caller_call(recents->caller, OP_RECENT, &request,
			RECENT_ASK_MS, NULL, on_reply, asking);
	}
	if (!recents->waiting && !recents->asked)
		timer_stop(recents->timer);
}

static bool cannot_reload(const struct room *room)
{
	for (const struct seat *s = room->first; s; s = s->next)
		if (!s->text)
			return true;
	return false;
}

void recents_ask(struct recents *recents)
{
	const struct room *room;

	forget(&recents->waiting);
	recents->since_ms = loop_now_ms(recents->loop);
	for (size_t at = 0; (room = roster_next(recents->roster, &at));) {
		struct asking *asking;

		if (room->kind != ROOM_USER || !cannot_reload(room))
			continue;
		asking = xalloc(sizeof(*asking));
		asking->recents = recents;
		asking->business_id = xstrdup(room->business_id);
		asking->user_id = xstrdup(room->user_id);
		asking->next = recents->waiting;
		recents->waiting = asking;
	}
	timer_start(recents->timer, 0, TICK_MS);
}

struct recents *recents_open(struct loop *loop, struct caller *caller,
	const struct roster *roster, struct fanout *fanout)
{
	struct recents *recents = xalloc(sizeof(*recents));

	recents->loop = loop;
	recents->caller = caller;
	recents->roster = roster;
	recents->fanout = fanout;
	recents->timer = timer_open(loop, go_on, recents);
	return recents;
}

void recents_close(struct recents *recents)
{
	if (!recents)
		return;
	for (struct asking *a = recents->asked; a; a = a->next)
		call_drop(a->call);
	forget(&recents->asked);
	forget(&recents->waiting);
	timer_close(recents->timer);
	free(recents);
}
