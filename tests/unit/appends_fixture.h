/* appends_fixture: senders, the loop's turns and the answers of sessiond for
 * the tests of appends. */
#ifndef TESTS_APPENDS_FIXTURE_H
#define TESTS_APPENDS_FIXTURE_H

#include "gateway/appends.h"
#include "tests/unit/fake_caller.h"
#include <stdio.h>

enum { MAX_TOLD = 200 };

/* What the senders were told, in order. */
static struct {
	int n;
	const char *who[MAX_TOLD]; /* the text of the message */
	enum status status[MAX_TOLD];
	bool duplicate[MAX_TOLD];
	char message_id[MAX_TOLD][32];
	char error[MAX_TOLD][64];
} told;

static struct appends *appends;
static uint64_t now;

static const struct append_limits limits = {.send_deadline_ms = 8000,
	.unconfirmed_ms = 30000,
	.max_pending = 64,
	.max_bytes = 8 * 1024 * 1024};

static inline void on_done(void *ctx, const struct append_outcome *outcome)
{
	int n = told.n++;

	assert_true(n < MAX_TOLD);
	told.who[n] = ctx;
	told.status[n] = outcome->status;
	told.duplicate[n] = outcome->duplicate;
	snprintf(told.error[n], sizeof(told.error[n]), "%s",
		outcome->error ? outcome->error : "");
	if (outcome->status == OK)
		snprintf(told.message_id[n], sizeof(told.message_id[n]), "%s",
			outcome->result->message_id);
}

static inline enum status send_on(
	uint64_t conn, const char *user, const char *text)
{
	struct append_item item = {.business_id = "B1",
		.user_id = user,
		.location_id = "default",
		.content = text,
		.source = "websocket"};

	return appends_submit(appends, now, conn, &item, on_done, (void *)text);
}

static inline void say(const char *user, const char *text)
{
	assert_int_equal(send_on(1, user, text), OK);
}

static inline void turn(void) /* the end of one turn of the loop */
{
	appends_flush(appends, now);
}

static inline void pass_ms(uint64_t ms)
{
	now += ms;
	appends_tick(appends, now);
	turn();
}

static inline const struct append_request *asked(int n)
{
	return fake_asked(n, OP_APPEND);
}

/* The texts of the nth open request, separated by spaces. */
static inline const char *texts(int n)
{
	static char line[4096];
	size_t len = 0;

	*line = '\0';
	for (uint32_t i = 0; i < asked(n)->n_items; i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s",
			i ? " " : "", asked(n)->items[i].content);
	return line;
}

/* Answers the oldest request: everything stored under m-TEXT. */
static inline void store_all(bool duplicate)
{
	const struct append_request *request = asked(0);
	struct append_result results[APPEND_ITEMS_MAX];
	char ids[APPEND_ITEMS_MAX][64];
	struct append_reply reply = {results, request->n_items};

	for (uint32_t i = 0; i < request->n_items; i++) {
		snprintf(ids[i], sizeof(ids[i]), "m-%.20s",
			*request->items[i].content == 1
				? "control"
				: request->items[i].content);
		results[i] = (struct append_result){
			.append_id = request->items[i].append_id,
			.status = "ok",
			.session_id = "s1",
			.message_id = ids[i],
			.seq = i + 1,
			.timestamp = 1000,
			.duplicate = duplicate};
	}
	fake_answer(OK, &reply);
}

/* Answers the oldest request: its first message is refused. */
static inline void refuse_first(const char *status)
{
	struct append_result result = {
		.append_id = asked(0)->items[0].append_id,
		.status = status,
		.error = "for a reason"};
	struct append_reply reply = {&result, 1};

	fake_answer(OK, &reply);
}

static inline int begin_with(void **state, const struct append_limits *with)
{
	(void)state;
	memset(&told, 0, sizeof(told));
	memset(&fake, 0, sizeof(fake));
	fake.connected = true;
	now = 1000000;
	appends = appends_open(FAKE_CALLER, with, "b00bb00b");
	appends_begin(appends);
	return 0;
}

static inline int begin(void **state)
{
	return begin_with(state, &limits);
}

static inline int end(void **state)
{
	(void)state;
	appends_close(appends);
	return fake_open();
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
