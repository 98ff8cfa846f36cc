#include "gateway/typing.h"
#include "shared/map.h"
#include "shared/mem.h"
#include <stdlib.h>
#include <string.h>

struct seen {
	struct arena arena;
	struct turn_progress turn; /* the ids only */
	uint64_t said_ms, heard_ms;
};

struct typing {
	typing_fn *say;
	void *ctx;
	struct map *turns;
};

struct typing *typing_open(typing_fn *say, void *ctx)
{
	struct typing *typing = xalloc(sizeof(*typing));

	*typing = (struct typing){say, ctx, map_open()};
	return typing;
}

static void seen_free(struct seen *seen)
{
	arena_clear(&seen->arena);
	free(seen);
}

void typing_close(struct typing *typing)
{
	struct seen *seen;

	if (!typing)
		return;
	for (size_t at = 0; (seen = map_next(typing->turns, &at));)
		seen_free(seen);
	map_close(typing->turns);
	free(typing);
}

static char *copy(struct seen *seen, const char *text)
{
	return arena_strndup(&seen->arena, text, strlen(text));
}

static void begin(struct typing *typing, uint64_t now_ms,
	const struct turn_progress *progress)
{
	struct seen *seen;

	if (map_size(typing->turns) >= TYPING_MAX)
		return;
	seen = xalloc(sizeof(*seen));
	seen->turn.turn_id = copy(seen, progress->turn_id);
	seen->turn.business_id = copy(seen, progress->business_id);
	seen->turn.user_id = copy(seen, progress->user_id);
	seen->turn.session_id = copy(seen, progress->session_id);
	seen->said_ms = seen->heard_ms = now_ms;
	map_put(typing->turns, progress->turn_id, strlen(progress->turn_id),
		seen);
	typing->say(typing->ctx, &seen->turn, "started");
}

void typing_progress(struct typing *typing, uint64_t now_ms,
	const struct turn_progress *progress)
{
	struct seen *seen = map_get(
		typing->turns, progress->turn_id, strlen(progress->turn_id));

	if (!strcmp(progress->state, "stopped")) {
		typing_end(typing, progress->turn_id);
	} else if (!seen) {
		begin(typing, now_ms, progress);
	} else {
		seen->heard_ms = now_ms;
		if (now_ms - seen->said_ms < TYPING_SAID_MS)
			return;
		seen->said_ms = now_ms;
		typing->say(typing->ctx, &seen->turn, "progress");
	}
}

void typing_end(struct typing *typing, const char *turn_id)
{
	struct seen *seen;

	if (!turn_id)
		return;
	seen = map_take(typing->turns, turn_id, strlen(turn_id));
	if (!seen)
		return;
	typing->say(typing->ctx, &seen->turn, "stopped");
	seen_free(seen);
}

void typing_end_all(struct typing *typing)
{
	struct seen *seen;

	while ((seen = map_next(typing->turns, &(size_t){0})))
		typing_end(typing, seen->turn.turn_id);
}

void typing_tick(struct typing *typing, uint64_t now_ms)
{
	struct seen *seen;
	size_t at = 0;

	/* After one was taken the walk begins anew; few ever are. */
	while ((seen = map_next(typing->turns, &at)))
		if (now_ms - seen->heard_ms >= TYPING_SILENT_MS) {
			typing_end(typing, seen->turn.turn_id);
			at = 0;
		}
}
