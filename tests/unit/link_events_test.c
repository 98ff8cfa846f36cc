/* Publishing, subscribing, addresses and certificates. */

#include "tests/unit/link_fixture.h"
#include <sys/stat.h>

static struct publisher *publisher;
static struct subscriber *subscriber;
static uint64_t first_n, last_n, n_events, n_holes;

static void on_event(void *ctx, const struct event_message *event)
{
	(void)ctx;
	if (!n_events++)
		first_n = event->n;
	else if (event->n != last_n + 1)
		n_holes++;
	last_n = event->n;
	assert_string_equal(event->epoch, "e1");
	assert_int_equal(event->event, EV_BEAT);
	assert_string_equal(((struct beat *)event->body)->boot, "b1");
}

static void publish(uint64_t n)
{
	const struct beat beat = {.boot = "b1"};
	struct buf text;

	buf_init(&text, LINK_MAX_BYTES);
	event_encode(&text, EV_BEAT, "e1", n, &beat);
	publisher_send(publisher, text.data, text.len);
	buf_clear(&text);
}

static uint64_t next_n;

/* A fresh subscriber misses what was sent before it arrived. */
static bool published_and_heard(void)
{
	publish(++next_n);
	return n_events > 0;
}

static bool heard_all(void)
{
	return last_n == next_n;
}

static void open_both(const struct link_tls *tls)
{
	first_n = last_n = n_events = n_holes = next_n = 0;
	publisher = publisher_open(loop, url, tls);
	subscriber = subscriber_open(loop, url, tls, on_event, NULL);
	run_until(published_and_heard);
}

static void close_both(void)
{
	subscriber_close(subscriber);
	publisher_close(publisher);
}

static bool never(void)
{
	return false;
}

static void events_arrive_in_order(void **state)
{
	(void)state;
	open_both(NULL);
	/* More than one batch, fewer than the queues hold. */
	for (int i = 0; i < 5000; i++)
		publish(++next_n);
	run_until(heard_all);
	assert_int_equal(n_holes, 0);
	assert_int_equal(n_events, last_n - first_n + 1);
	close_both();
}

static void what_cannot_be_read_is_dropped(void **state)
{
	static const char *const bad[] = {"", "{}", "{\"v\":9}",
		"{\"v\":1,\"event\":\"beat\",\"body\":{}}"};

	(void)state;
	open_both(NULL);
	for (size_t i = 0; i < COUNT(bad); i++)
		publisher_send(publisher, bad[i], strlen(bad[i]));
	publish(++next_n);
	run_until(heard_all);
	assert_int_equal(n_events, last_n - first_n + 1);
	close_both();
}

static void an_event_over_the_limit_is_not_sent(void **state)
{
	char *text = xalloc(LINK_MAX_BYTES + 1);

	(void)state;
	memset(text, ' ', LINK_MAX_BYTES);
	open_both(NULL);
	publisher_send(publisher, text, LINK_MAX_BYTES + 1);
	publish(++next_n);
	run_until(heard_all);
	assert_int_equal(n_holes, 0);
	close_both();
	free(text);
}

static void publishing_to_nobody_and_to_who_never_reads_does_not_block(
	void **state)
{
	int mute;

	(void)state;
	next_n = 0;
	publisher = publisher_open(loop, url, NULL);
	publish(++next_n);
	mute = raw_connect();
	raw_hello(mute, SP_SUB);
	for (int i = 0; i < 50000; i++)
		publish(++next_n);
	publisher_close(publisher);
	close(mute);
}

static void a_subscriber_dropped_in_the_middle_of_events_comes_back(
	void **state)
{
	(void)state;
	open_both(NULL);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 20; i++)
			publish(++next_n);
		subscriber_drop(subscriber);
		n_events = 0;
		run_until(published_and_heard);
	}
	close_both();
}

static void a_subscriber_closes_in_the_middle_of_events(void **state)
{
	(void)state;
	for (int round = 0; round < 30; round++) {
		open_both(NULL);
		for (int i = 0; i < 100; i++)
			publish(++next_n);
		close_both();
	}
}

static bool heard_one(void)
{
	return n_events > 0;
}

static void a_silent_publisher_can_be_dropped(void **state)
{
	static const char beat[] =
		"\0\0\0\0\0\0\0\x4a{\"v\":1,\"event\":\"beat\","
		"\"epoch\":\"e1\",\"n\":\"1\",\"body\":{\"boot\":\"b1\"}}  "
		"        ";
	int listener = raw_listen(port), peer, again;

	(void)state;
	n_events = 0;
	subscriber = subscriber_open(loop, url, NULL, on_event, NULL);
	peer = raw_accept(listener);
	raw_hello(peer, SP_PUB);
	raw_put(peer, beat, 8 + 0x4a);
	run_until(heard_one);
	subscriber_drop(subscriber);
	assert_true(raw_hung_up(peer));
	again = raw_accept(listener);
	raw_hello(again, SP_PUB);
	subscriber_close(subscriber);
	close(again);
	close(peer);
	close(listener);
}

/* Messages come as the network cuts them. */
static void events_in_pieces_are_put_together(void **state)
{
	int listener = raw_listen(port), peer;
	char text[200];
	int len;

	(void)state;
	n_events = last_n = n_holes = 0;
	subscriber = subscriber_open(loop, url, NULL, on_event, NULL);
	peer = raw_accept(listener);
	raw_hello(peer, SP_PUB);
	for (next_n = 1; next_n <= 20; next_n++) {
		len = snprintf(text + 8, sizeof(text) - 8,
			"{\"v\":1,\"event\":\"beat\",\"epoch\":\"e1\","
			"\"n\":\"%d\",\"body\":{\"boot\":\"b1\"}}",
			(int)next_n);
		memset(text, 0, 7);
		text[7] = (char)len;
		for (int at = 0; at < 8 + len; at += (int)next_n) {
			int rest = 8 + len - at;

			raw_put(peer, text + at,
				(size_t)(rest < (int)next_n ? rest
							    : (int)next_n));
			run_within(never, 1);
		}
	}
	next_n = 20;
	run_until(heard_all);
	assert_int_equal(n_events, 20);
	assert_int_equal(n_holes, 0);
	subscriber_close(subscriber);
	close(peer);
	close(listener);
}

static void who_is_no_publisher_is_left_alone(void **state)
{
	static const char *const greetings[] = {
		"HTTP/1.1 400", "\0SP\0\0\x31\0\0", "\0SP\0\0\x20\0\1"};
	int listener = raw_listen(port), peer;

	(void)state;
	subscriber = subscriber_open(loop, url, NULL, on_event, NULL);
	for (size_t i = 0; i < COUNT(greetings); i++) {
		char greeting[8];

		peer = raw_accept(listener);
		raw_take(peer, greeting, sizeof(greeting));
		raw_put(peer, greetings[i], 8);
		assert_true(raw_hung_up(peer));
		close(peer);
	}
	subscriber_close(subscriber);
	close(listener);
}

static void a_length_of_three_gigabytes_ends_the_connection(void **state)
{
	static const unsigned char three_gigabytes[] = {
		0, 0, 0, 0, 0xc0, 0, 0, 0};
	int listener = raw_listen(port), peer;

	(void)state;
	subscriber = subscriber_open(loop, url, NULL, on_event, NULL);
	peer = raw_accept(listener);
	raw_hello(peer, SP_PUB);
	raw_put(peer, three_gigabytes, sizeof(three_gigabytes));
	assert_true(raw_hung_up(peer));
	subscriber_close(subscriber);
	close(peer);
	close(listener);
}

/* --- certificates ----------------------------------------------------------
 */

static char folder[] = "/tmp/link_test_XXXXXX";

static const char *in_folder(const char *name)
{
	static char paths[8][64];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

/* An authority, a certificate of it, and one of another authority. */
static int make_certificates(void **state)
{
	char command[1200];

	open_world(state);
	snprintf(url, sizeof(url), "tls+tcp://localhost:%d", port);
	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command),
		"cd %s && key='-newkey ec -pkeyopt ec_paramgen_curve:P-256' && "
		"for ca in ours theirs; do "
		"openssl req -x509 $key -nodes -days 2 -subj /CN=$ca "
		"-addext keyUsage=keyCertSign "
		"-keyout $ca-ca.key -out $ca-ca.pem && "
		"openssl req $key -nodes -subj /CN=localhost "
		"-keyout $ca.key -out $ca.csr && "
		"openssl x509 -req -in $ca.csr -CA $ca-ca.pem "
		"-CAkey $ca-ca.key -CAcreateserial -days 2 -out $ca.pem "
		"|| exit 1; done >openssl.log 2>&1",
		folder);
	return system(command);
}

static int remove_certificates(void **state)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	close_world(state);
	return system(command);
}

static struct link_tls certificates(const char *name)
{
	char key[32], pem[32];

	snprintf(key, sizeof(key), "%s.key", name);
	snprintf(pem, sizeof(pem), "%s.pem", name);
	return (struct link_tls){
		in_folder("ours-ca.pem"), in_folder(pem), in_folder(key)};
}

static void only_certificates_of_our_authority_hear_events(void **state)
{
	const struct link_tls ours = certificates("ours");
	const struct link_tls theirs = certificates("theirs");

	(void)state;
	n_events = 0;
	publisher = publisher_open(loop, url, &ours);
	subscriber = subscriber_open(loop, url, &theirs, on_event, NULL);
	assert_false(run_within(published_and_heard, 500));
	subscriber_close(subscriber);
	subscriber = subscriber_open(loop, url, &ours, on_event, NULL);
	run_until(published_and_heard);
	close_both();
}

/* --- addresses -------------------------------------------------------------
 */

static void addresses_are_checked(void **state)
{
	static const struct {
		const char *url;
		bool trusted, listen, good;
	} cases[] = {
		{"tcp://127.0.0.1:7001", false, false, true},
		{"tcp://127.0.0.1:7001", false, true, true},
		{"tcp://127.1.2.3:1", false, true, true},
		{"tcp://localhost:65535", false, true, true},
		{"tcp://[::1]:7001", false, true, true},
		{"tcp://sessiond:7001", true, false, true},
		{"tcp://sessiond:7001", false, false, false},
		{"tcp://10.0.0.1:7001", false, true, false},
		{"tcp://127.example.com:7001", false, false, false},
		{"tcp://localhost.example.com:7001", false, false, false},
		{"tcp://[::2]:7001", false, false, false},
		{"tcp://0.0.0.0:7001", true, true, true},
		{"tcp://*:7001", true, true, true},
		{"tcp://[::]:7001", true, true, true},
		{"tcp://0.0.0.0:7001", false, true, false},
		{"tcp://0.0.0.0:7001", true, false, false},
		{"tcp://*:7001", true, false, false},
		{"tls+tcp://sessiond.example.com:7001", false, false, true},
		{"tls+tcp://0.0.0.0:7001", false, true, true},
		{"tls+tcp://0.0.0.0:7001", false, false, false},
		{"tcp://127.0.0.1", false, false, false},
		{"tcp://127.0.0.1:", false, false, false},
		{"tcp://127.0.0.1:0", false, false, false},
		{"tcp://127.0.0.1:65536", false, false, false},
		{"tcp://127.0.0.1:7001/", false, false, false},
		{"tcp://127.0.0.1:+7001", false, false, false},
		{"tcp://:7001", true, true, false},
		{"tcp://[]:7001", true, true, false},
		{"tcp://[::1:7001", true, true, false},
		{"tcp://a b:7001", true, false, false},
		{"ipc:///tmp/x", true, true, false},
		{"ws://127.0.0.1:7001", true, true, false},
		{"127.0.0.1:7001", true, true, false},
		{"", true, true, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (!link_url_fault(cases[i].url, cases[i].trusted,
			    cases[i].listen) != cases[i].good)
			fail_msg("%s", cases[i].url);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_checked),
		with_world(events_arrive_in_order),
		with_world(what_cannot_be_read_is_dropped),
		with_world(an_event_over_the_limit_is_not_sent),
		with_world(
			publishing_to_nobody_and_to_who_never_reads_does_not_block),
		with_world(
			a_subscriber_dropped_in_the_middle_of_events_comes_back),
		with_world(a_subscriber_closes_in_the_middle_of_events),
		with_world(a_silent_publisher_can_be_dropped),
		with_world(events_in_pieces_are_put_together),
		with_world(who_is_no_publisher_is_left_alone),
		with_world(a_length_of_three_gigabytes_ends_the_connection),
		cmocka_unit_test_setup_teardown(
			only_certificates_of_our_authority_hear_events,
			make_certificates, remove_certificates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
