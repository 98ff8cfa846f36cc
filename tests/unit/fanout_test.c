#include "gateway/channels.h"
#include "gateway/fanout.h"
#include "gateway/recents.h"
#include "tests/unit/fake_caller.h"
#include <stdio.h>

/* --- members, and what they hear -------------------------------------------
 */

struct conn {
	uint64_t serial;
};

struct member {
	struct seat seat;
	struct conn *conn;
	char heard[4096]; /* lines: event payload */
};

struct conn *member_conn(const struct member *member)
{
	return member->conn;
}

uint64_t conn_serial(const struct conn *conn)
{
	return conn->serial;
}

const char *member_topic(const struct member *member)
{
	(void)member;
	return "messages:B1";
}

void member_push(struct member *member, const char *event, struct span payload)
{
	size_t len = strlen(member->heard);

	assert_true(json_valid(payload.at, payload.len));
	snprintf(member->heard + len, sizeof(member->heard) - len, "%s %.*s\n",
		event, (int)payload.len, payload.at);
}

void broadcast_begin(struct broadcast *broadcast, const char *topic,
	const char *event, struct span payload, struct span payload_text)
{
	*broadcast = (struct broadcast){.topic = topic,
		.event = event,
		.payload = payload,
		.payload_text = payload_text};
}

void broadcast_to(struct broadcast *broadcast, struct member *member)
{
	bool text = member->seat.text && broadcast->payload_text.at;

	member_push(member, broadcast->event,
		text ? broadcast->payload_text : broadcast->payload);
}

void broadcast_end(struct broadcast *broadcast)
{
	(void)broadcast;
}

/* --- who is there ------------------------------------------------------------
 */

static struct loop *loop;
static struct roster *roster;
static struct appends *appends;
static struct fanout *fanout;
static struct recents *recents;

/* Ana on two sockets, one of them of a page that escapes by itself; ion; a
 * coordinator; someone of the same name elsewhere. */
static struct member ana, ana_text, ion, maria, stranger;
static struct member *const everyone[] = {
	&ana, &ana_text, &ion, &maria, &stranger};

static void seat(struct member *member, bool text, enum room_kind kind,
	const char *business, const char *user)
{
	static struct conn conns[100];
	static uint64_t serial;

	memset(member, 0, sizeof(*member));
	member->conn = &conns[serial % COUNT(conns)];
	member->conn->serial = ++serial;
	member->seat.member = member;
	member->seat.text = text;
	member->seat.joined_ms = loop_now_ms(loop);
	roster_enter(roster, &member->seat, kind, business, user);
}

static int begin(void **state)
{
	static const struct append_limits limits = {8000, 30000, 64, 1 << 20};

	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.connected = true;
	loop = loop_open();
	roster = roster_open();
	appends = appends_open(FAKE_CALLER, &limits, "b00bb00b");
	fanout = fanout_open(loop, roster, appends);
	recents = recents_open(loop, FAKE_CALLER, roster, fanout);
	seat(&ana, false, ROOM_USER, "B1", "ana");
	seat(&ana_text, true, ROOM_USER, "B1", "ana");
	seat(&ion, true, ROOM_USER, "B1", "ion");
	seat(&maria, true, ROOM_COORDINATORS, "B1", "coordinator:maria");
	seat(&stranger, true, ROOM_USER, "B2", "ana");
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(everyone); i++)
		roster_leave(roster, &everyone[i]->seat);
	recents_close(recents);
	fanout_close(fanout);
	appends_close(appends);
	roster_close(roster);
	loop_close(loop);
	return fake_open();
}

static bool heard(const struct member *member, const char *what)
{
	return strstr(member->heard, what) != NULL;
}

static int times(const struct member *member, const char *what)
{
	int n = 0;

	for (const char *at = member->heard; (at = strstr(at, what)); at++)
		n++;
	return n;
}

static void forget_all(void)
{
	for (size_t i = 0; i < COUNT(everyone); i++)
		*everyone[i]->heard = '\0';
}

static void apply(enum event event, void *body)
{
	struct event_message message = {(int)event, "e1", 1, body};

	fanout_apply(fanout, &message);
}

static struct message answer_of(const char *id, int64_t timestamp)
{
	return (struct message){.message_id = id,
		.session_id = "s1",
		.business_id = "B1",
		.user_id = "agent",
		.sender = "ana",
		.type = "agent",
		.content = "<hi>",
		.turn_id = "t1",
		.timestamp = timestamp,
		.seq = 2};
}

static struct turn_ended turn_of(const char *answer_id)
{
	return (struct turn_ended){.turn_id = "t1",
		.business_id = "B1",
		.user_id = "ana",
		.session_id = "s1",
		.outcome = "answered",
		.answer_id = answer_id,
		.timestamp = 5,
		.attempts = 1};
}

static void work_on(const char *state)
{
	struct turn_progress progress = {.turn_id = "t1",
		.business_id = "B1",
		.user_id = "ana",
		.session_id = "s1",
		.state = state};

	apply(EV_TURN_PROGRESS, &progress);
}

/* --- stories -----------------------------------------------------------------
 */

static void an_answer_reaches_its_user_and_the_coordinators_alone(void **state)
{
	struct message m = answer_of("m2", 5);

	(void)state;
	apply(EV_MESSAGE, &m);

	assert_true(heard(&ana, "new_message {\"responseId\":\"m2\""));
	assert_true(heard(&ana_text, "new_message"));
	assert_true(heard(&maria, "new_message"));
	assert_string_equal(ion.heard, "");
	assert_string_equal(stranger.heard, "");
}

static void each_kind_of_page_gets_its_own_spelling(void **state)
{
	struct message m = answer_of("m2", 5);

	(void)state;
	apply(EV_MESSAGE, &m);

	assert_true(heard(&ana, "&lt;hi&gt;"));
	assert_true(heard(&ana_text, "<hi>"));
}

static void a_users_message_is_echoed_to_all_but_its_sender(void **state)
{
	char id[65];
	struct message m = {.message_id = "m1",
		.session_id = "s1",
		.business_id = "B1",
		.user_id = "ana",
		.type = "user",
		.content = "hello",
		.timestamp = 5,
		.seq = 1,
		.append_id = id};

	(void)state;
	snprintf(id, sizeof(id), "b00bb00b-0000000001-%d",
		(int)ana.conn->serial);
	apply(EV_MESSAGE, &m);
	assert_string_equal(ana.heard, "");
	assert_true(heard(&ana_text, "user_message {\"messageId\":\"m1\""));
	assert_true(heard(&maria, "user_message"));
	assert_string_equal(ion.heard, "");

	/* From another gateway: the same number means someone else. */
	snprintf(id, sizeof(id), "feedfeed-0000000001-%d",
		(int)ana.conn->serial);
	apply(EV_MESSAGE, &m);
	assert_true(heard(&ana, "user_message"));
}

static void a_message_of_the_system_is_not_shown_as_the_agents(void **state)
{
	struct message m = answer_of("m2", 5);

	(void)state;
	m.type = m.user_id = "system";
	apply(EV_MESSAGE, &m);

	assert_string_equal(ana.heard, "");
	assert_string_equal(ana_text.heard, "");
	assert_string_equal(maria.heard, "");
}

static void coordinators_get_the_whole_record_of_a_turn(void **state)
{
	struct message m = answer_of("m2", 5);
	struct turn_ended known = turn_of("m2"), unknown = turn_of("m9");

	(void)state;
	apply(EV_MESSAGE, &m);
	forget_all();
	apply(EV_TURN, &known);
	assert_true(heard(&ana, "message_processed"));
	assert_false(heard(&ana, "answer\":"));
	assert_false(heard(&ana, "attempts"));
	assert_true(heard(&maria, "\"answer\":{\"responseId\":\"m2\""));
	assert_true(heard(&maria, "\"message\":\"<hi>\""));
	assert_true(heard(&maria, "\"attempts\":1"));
	assert_string_equal(ion.heard, "");

	forget_all();
	apply(EV_TURN, &unknown);
	assert_true(heard(&maria, "\"answer\":{\"messageId\":\"m9\"}"));
}

static void a_session_that_changes_is_told(void **state)
{
	struct session session = {.session_id = "s1",
		.business_id = "B1",
		.user_id = "ana",
		.status = "closed",
		.updated_at = 5};
	struct session_changed changed = {.session = &session,
		.previous = "active",
		.reason = "rollover"};

	(void)state;
	apply(EV_SESSION, &changed);

	assert_string_equal(ana.heard,
		"session_update {\"sessionId\":\"s1\",\"status\":\"closed\","
		"\"previous\":\"active\",\"reason\":\"rollover\","
		"\"timestamp\":\"1970-01-01T00:00:00.005Z\","
		"\"userId\":\"ana\"}\n");
	assert_string_equal(ana_text.heard, ana.heard);
	assert_string_equal(maria.heard, ana.heard);
	assert_string_equal(ion.heard, "");
}

static void typing_begins_once_and_ends_once(void **state)
{
	struct message m = answer_of("m2", 5);
	struct turn_ended turn = turn_of("m2");

	(void)state;
	work_on("started");
	work_on("working");
	work_on("writing");
	assert_int_equal(times(&ana, "typing"), 1);
	assert_true(
		heard(&ana, "typing {\"turnId\":\"t1\",\"sessionId\":\"s1\","
			    "\"state\":\"started\"}"));
	apply(EV_MESSAGE, &m);
	apply(EV_TURN, &turn);

	assert_int_equal(times(&ana, "\"state\":\"stopped\""), 1);
	assert_true(strstr(ana.heard, "stopped") <
		    strstr(ana.heard, "new_message"));
	assert_string_equal(ion.heard, "");
}

static void typing_ends_with_a_turn_that_has_no_answer(void **state)
{
	struct turn_ended turn = turn_of(NULL);

	(void)state;
	turn.outcome = "cancelled";
	work_on("started");
	apply(EV_TURN, &turn);
	assert_int_equal(times(&ana, "stopped"), 1);

	work_on("started");
	work_on("stopped");
	assert_int_equal(times(&ana, "stopped"), 2);
}

static void after_a_loss_those_who_can_reload(void **state)
{
	(void)state;
	work_on("started");
	forget_all();
	fanout_resync(fanout);

	assert_true(heard(&ana, "stopped"));
	assert_false(heard(&ana, "resync"));
	assert_true(heard(&ana_text, "resync {}"));
	assert_true(heard(&ion, "resync {}"));
	assert_true(heard(&maria, "resync {}"));
}

/* Runs the loop until something was asked. */
static void until_asked(void)
{
	struct timer *stop = timer_open(loop, (loop_fn *)loop_stop, loop);

	while (!fake_open()) {
		timer_start(stop, 1, 0);
		loop_run(loop);
	}
	timer_close(stop);
}

static void those_who_cannot_are_shown_what_they_missed(void **state)
{
	struct message list[] = {answer_of("m0", 100000), /* before it came */
		answer_of("m1", 199997), answer_of("m2", 199998),
		answer_of("m3", 199999)};
	struct recent_reply reply = {
		.now = 200000, .messages = list, .n_messages = COUNT(list)};
	const struct recent_request *request;

	(void)state;
	ana.seat.joined_ms -= 1000;
	apply(EV_MESSAGE, &list[1]); /* heard live */
	forget_all();
	recents_ask(recents);
	until_asked();
	request = fake_asked(0, OP_RECENT);
	assert_int_equal(fake_open(), 1); /* the others reload */
	assert_string_equal(request->business_id, "B1");
	assert_string_equal(request->user_id, "ana");

	list[2].type = list[2].user_id = "system";
	fake_answer(OK, &reply);
	apply(EV_MESSAGE, &list[3]); /* and then live, too late */

	assert_int_equal(times(&ana, "new_message"), 1);
	assert_true(heard(&ana, "\"messageId\":\"m3\""));
	assert_int_equal(times(&ana_text, "new_message"), 1); /* live only */
}

static void a_lost_answer_to_that_is_asked_for_again(void **state)
{
	struct message m = answer_of("m1", 199999);
	struct recent_reply reply = {
		.now = 200000, .messages = &m, .n_messages = 1};

	(void)state;
	ana.seat.joined_ms -= 1000;
	recents_ask(recents);
	until_asked();
	fake_answer(UNCONFIRMED, NULL);
	assert_int_equal(fake_open(), 0);
	until_asked();
	fake_answer(OK, &reply);

	assert_int_equal(times(&ana, "new_message"), 1);
}

static void two_sessions_of_one_night_are_told_apart(void **state)
{
	struct message late = answer_of("m9", 9), old = answer_of("m8", 8);

	(void)state;
	late.session_id = "s2";
	apply(EV_MESSAGE, &late);
	apply(EV_MESSAGE, &old); /* an answer to yesterday's question */
	apply(EV_MESSAGE, &late);
	apply(EV_MESSAGE, &old);

	assert_int_equal(times(&ana, "\"messageId\":\"m9\""), 1);
	assert_int_equal(times(&ana, "\"messageId\":\"m8\""), 1);
}

static void only_what_somebody_here_would_see_is_wanted(void **state)
{
	struct message ours = answer_of("m1", 1), theirs = answer_of("m1", 1);

	(void)state;
	theirs.business_id = "B3";
	assert_true(fanout_wants(fanout, &ours));
	assert_false(fanout_wants(fanout, &theirs));
	/* A coordinator sees every conversation of the business. */
	ours.sender = "nobody-here";
	assert_true(fanout_wants(fanout, &ours));
}

#define story(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		story(an_answer_reaches_its_user_and_the_coordinators_alone),
		story(each_kind_of_page_gets_its_own_spelling),
		story(a_users_message_is_echoed_to_all_but_its_sender),
		story(a_message_of_the_system_is_not_shown_as_the_agents),
		story(coordinators_get_the_whole_record_of_a_turn),
		story(a_session_that_changes_is_told),
		story(typing_begins_once_and_ends_once),
		story(typing_ends_with_a_turn_that_has_no_answer),
		story(after_a_loss_those_who_can_reload),
		story(those_who_cannot_are_shown_what_they_missed),
		story(a_lost_answer_to_that_is_asked_for_again),
		story(two_sessions_of_one_night_are_told_apart),
		story(only_what_somebody_here_would_see_is_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
