#include "cleanupd/policy.h"
#include <inttypes.h>
#include <string.h>

static const int64_t HOUR_MS = INT64_C(60) * 60 * 1000;
static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

static const char *const names[STATE_COUNT] = {
	[STATE_ACTIVE] = "active",
	[STATE_RESOLVED] = "resolved",
	[STATE_CLOSED] = "closed",
	[STATE_ABANDONED] = "abandoned",
};

const char *state_name(enum state state)
{
	return names[state];
}

bool state_from_name(const char *name, enum state *out)
{
	for (int state = 0; state < STATE_COUNT; state++)
		if (!strcmp(names[state], name)) {
			*out = (enum state)state;
			return true;
		}
	return false;
}

/* NEVER if it stays as it is. */
static int64_t age_ms(const struct policy *policy, enum state state)
{
	int64_t days = NEVER;

	switch (state) {
	case STATE_ACTIVE:
		return policy->abandon_after_hours > 0
			       ? policy->abandon_after_hours * HOUR_MS
			       : NEVER;
	case STATE_RESOLVED:
		days = policy->resolved_days;
		break;
	case STATE_CLOSED:
		days = policy->closed_days;
		break;
	case STATE_ABANDONED:
		days = policy->abandoned_days;
		break;
	case STATE_COUNT:
		break;
	}
	return days < 0 ? NEVER : days * DAY_MS;
}

enum verdict policy_decide(const struct policy *policy, enum state state,
	int64_t updated_ms, int64_t now_ms)
{
	int64_t age = age_ms(policy, state);

	if (age == NEVER || now_ms - updated_ms < age)
		return KEEP;
	return state == STATE_ACTIVE ? ABANDON : DELETE;
}

int64_t policy_before(
	const struct policy *policy, enum state state, int64_t now_ms)
{
	int64_t age = age_ms(policy, state);

	return age == NEVER || now_ms < age ? 0 : now_ms - age + 1;
}

void policy_describe(
	struct buf *out, const struct policy *policy, enum state state)
{
	int64_t age = age_ms(policy, state);
	const char *fate = state == STATE_ACTIVE
				   ? "become abandoned"
				   : "are deleted with their messages";
	int64_t unit = state == STATE_ACTIVE ? HOUR_MS : DAY_MS;

	if (age == NEVER)
		buf_printf(out, "%s sessions are kept", names[state]);
	else if (age == 0)
		buf_printf(out, "%s sessions %s at once", names[state], fate);
	else
		buf_printf(out,
			"%s sessions %s after %" PRId64 " %s%s without change",
			names[state], fate, age / unit,
			unit == HOUR_MS ? "hour" : "day",
			age == unit ? "" : "s");
}

const char *policy_clock_fault(const struct clocks *clocks)
{
	int64_t wall = clocks->wall_ms - clocks->wall_start_ms;
	int64_t mono = clocks->mono_ms - clocks->mono_start_ms;
	int64_t apart = clocks->sessiond_ms - clocks->wall_ms;

	if (wall - mono > DAY_MS)
		return "the wall clock has jumped more than 24 h ahead: "
		       "nothing is deleted";
	if (apart > DAY_MS || apart < -DAY_MS)
		return "sessiond's clock and ours differ by more than 24 h: "
		       "nothing is deleted";
	return NULL;
}
