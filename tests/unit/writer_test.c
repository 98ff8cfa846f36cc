#include "sessiond/writer.h"
#include "shared/clock.h"
#include "tests/unit/store_fixture.h"
#include <semaphore.h>

/* --- a writer, and jobs that say what they do ----------------------------- */

static struct loop *loop;
static struct writer *writer;
static char heard[8192]; /* what the loop was told, in order */
static int to_be_done;
static uint64_t committed_n;

static void hear(const char *what)
{
	assert_true(strlen(heard) + strlen(what) + 2 < sizeof(heard));
	strcat(heard, *heard ? " " : "");
	strcat(heard, what);
}

static void on_hint(void *ctx, const struct hint *hint)
{
	char what[32];

	(void)ctx;
	snprintf(what, sizeof(what), "hint:%s", hint->reason);
	hear(what);
}

static void on_committed(void *ctx, uint64_t n)
{
	(void)ctx;
	hear("committed");
	committed_n = n;
	if (!to_be_done)
		loop_stop(loop);
}

static int setup(void **state)
{
	store_setup(state);
	*heard = 0;
	to_be_done = 0;
	committed_n = 0;
	loop = loop_open();
	writer = writer_open(loop, store, 0, on_hint, on_committed, NULL);
	return 0;
}

static int teardown(void **state)
{
	writer_close(writer);
	loop_close(loop);
	return store_teardown(state);
}

#define with_writer(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

struct tested_job {
	struct job job;
	const char *name;
	void (*act)(struct tested_job *tested, struct batch *batch);
	int runs;
	enum status status;
};

static void run(struct job *job, struct batch *batch)
{
	struct tested_job *tested = (struct tested_job *)job;

	tested->runs++;
	tested->act(tested, batch);
}

static void done(struct job *job, enum status status)
{
	struct tested_job *tested = (struct tested_job *)job;
	char what[64];

	tested->status = status;
	snprintf(
		what, sizeof(what), "%s:%s", tested->name, status_code(status));
	hear(what);
	to_be_done--;
}

static void submit(struct tested_job *tested)
{
	tested->job.run = run;
	tested->job.done = done;
	if (!tested->job.weight)
		tested->job.weight = 1;
	to_be_done++;
	writer_submit(writer, &tested->job);
}

/* --- what they do --------------------------------------------------------- */

/* Holds the writer until what follows has been submitted: it is one batch
 * then. */
static sem_t arrived, opened;
static struct tested_job guard;

static void wait_at_gate(struct tested_job *tested, struct batch *batch)
{
	(void)tested;
	(void)batch;
	sem_post(&arrived);
	sem_wait(&opened);
}

static void gather(void)
{
	guard = (struct tested_job){.name = "guard", .act = wait_at_gate};
	submit(&guard);
	sem_wait(&arrived);
}

/* Everything submitted since goes in one batch; returns when it is done. */
static void let_go(void)
{
	sem_post(&opened);
	loop_run(loop);
}

static void put(struct tested_job *tested, struct batch *batch)
{
	tx_put(batch->tx, T_META, span_of(tested->name), span_of("x"));
	batch->counters.n++;
	batch_hint(batch, HINT_READY)->reason = tested->name;
}

static void put_number(struct tested_job *tested, struct batch *batch)
{
	struct key key = key_number(++batch->counters.n);

	(void)tested;
	tx_put(batch->tx, T_EVENT, key_span(&key), span_of("x"));
}

static void refuse(struct tested_job *tested, struct batch *batch)
{
	(void)tested;
	(void)batch;
}

static void put_what_cannot_be(struct tested_job *tested, struct batch *batch)
{
	put(tested, batch);
	tx_put(batch->tx, T_META, span_of(""), span_of("no key"));
}

static void put_too_much(struct tested_job *tested, struct batch *batch)
{
	static char value[1024 * 1024];

	put(tested, batch);
	for (uint64_t i = 0; i < 20; i++) {
		struct key key = key_number(i);

		tx_put(batch->tx, T_EVENT, key_span(&key),
			(struct span){value, sizeof(value)});
	}
}

static bool stored(const char *name)
{
	struct tx *tx = tx_read(store);
	struct span value;
	bool found = tx_get(tx, T_META, span_of(name), &value);

	tx_end(tx);
	return found;
}

/* --- stories -------------------------------------------------------------- */

static void jobs_run_in_order_and_are_told_after_their_commit(void **state)
{
	struct tested_job a = {.name = "a", .act = put};
	struct tested_job b = {.name = "b", .act = put};

	(void)state;
	gather();
	submit(&a);
	submit(&b);
	let_go();
	assert_string_equal(heard, "guard:ok committed hint:a hint:b a:ok b:ok "
				   "committed");
	assert_true(stored("a") && stored("b"));
	assert_int_equal(committed_n, 2);
	assert_int_equal(a.runs, 1);
}

static bool seen;

static void look_for_a(struct tested_job *tested, struct batch *batch)
{
	struct span value;

	(void)tested;
	seen = tx_get(batch->tx, T_META, span_of("a"), &value) &&
	       batch->counters.n == 1;
}

static void a_later_job_sees_what_an_earlier_one_of_its_batch_wrote(
	void **state)
{
	struct tested_job a = {.name = "a", .act = put};
	struct tested_job b = {.name = "b", .act = look_for_a};

	(void)state;
	seen = false;
	gather();
	submit(&a);
	submit(&b);
	let_go();
	assert_true(seen);
}

static void a_job_that_makes_its_batch_fail_hurts_no_other(void **state)
{
	static const struct {
		void (*act)(struct tested_job *tested, struct batch *batch);
		enum status status;
	} faults[] = {
		{put_what_cannot_be, INTERNAL}, {put_too_much, STORE_FULL}};
	char expected[256];

	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		struct tested_job a = {.name = "a", .act = put};
		struct tested_job bad = {.name = "bad", .act = faults[i].act};
		struct tested_job b = {.name = "b", .act = put};
		uint64_t before = committed_n;

		*heard = 0;
		gather();
		submit(&a);
		submit(&bad);
		submit(&b);
		let_go();
		snprintf(expected, sizeof(expected),
			"guard:ok committed hint:a hint:b a:ok bad:%s b:ok "
			"committed",
			status_code(faults[i].status));
		assert_string_equal(heard, expected);
		assert_true(stored("a") && stored("b"));
		assert_false(stored("bad"));
		assert_int_equal(committed_n, before + 2);
		assert_int_equal(a.runs, 2); /* together, then alone */
	}
}

static void a_job_that_fails_alone_leaves_the_writer_well(void **state)
{
	struct tested_job bad = {.name = "bad", .act = put_what_cannot_be};
	struct tested_job good = {.name = "good", .act = put};

	(void)state;
	submit(&bad);
	loop_run(loop);
	submit(&good);
	loop_run(loop);
	assert_string_equal(heard, "bad:internal committed hint:good good:ok "
				   "committed");
	assert_int_equal(committed_n, 1);
}

static int64_t last_commit(void)
{
	struct counters counters;
	struct tx *tx = tx_read(store);

	get_counters(tx, &counters);
	tx_end(tx);
	return counters.wall_ms;
}

static void a_batch_that_wrote_nothing_is_not_committed(void **state)
{
	struct tested_job a = {.name = "a", .act = refuse};

	(void)state;
	submit(&a);
	loop_run(loop);
	assert_string_equal(heard, "a:ok committed");
	assert_int_equal(last_commit(), 0);
}

static void what_is_queued_is_done_before_it_closes(void **state)
{
	struct tested_job jobs[300];

	(void)state;
	gather();
	for (size_t i = 0; i < COUNT(jobs); i++) {
		jobs[i] = (struct tested_job){
			.name = "", .act = put_number, .status = INTERNAL};
		submit(&jobs[i]);
	}
	sem_post(&opened);
	writer_close(writer);
	writer = NULL;
	for (size_t i = 0; i < COUNT(jobs); i++)
		assert_int_equal(jobs[i].status, OK);
	assert_int_equal(committed_n, COUNT(jobs));
}

/* Adds up the weights of the jobs that share a batch. */
static int weight_of_batch, heaviest;

static void weigh(struct tested_job *tested, struct batch *batch)
{
	/* Nothing is written, so each batch begins with what is stored: 0. */
	if (!batch->counters.lease++)
		weight_of_batch = 0;
	weight_of_batch += tested->job.weight;
	if (weight_of_batch > heaviest)
		heaviest = weight_of_batch;
}

static void whole_jobs_are_taken_until_128_appends(void **state)
{
	struct tested_job jobs[10];

	(void)state;
	heaviest = 0;
	gather();
	for (size_t i = 0; i < COUNT(jobs); i++) {
		jobs[i] = (struct tested_job){
			.name = "j", .act = weigh, .job = {.weight = 50}};
		submit(&jobs[i]);
	}
	let_go();
	assert_int_equal(heaviest, 150); /* the third is over, and goes along */
}

static bool told_no_room;

static void note_room(struct tested_job *tested, struct batch *batch)
{
	(void)tested;
	told_no_room = batch->no_room;
	batch->refused += batch->no_room;
}

static void without_room_a_batch_says_so(void **state)
{
	struct tested_job a = {.name = "a", .act = note_room};
	struct tested_job b = {.name = "b", .act = note_room};

	(void)state;
	submit(&a);
	loop_run(loop);
	assert_false(told_no_room);
	writer_close(writer);
	writer = writer_open(
		loop, store, UINT64_MAX, on_hint, on_committed, NULL);
	submit(&b);
	loop_run(loop);
	assert_true(told_no_room);
}

static void the_clock_is_believed_until_it_jumps_a_day_ahead(void **state)
{
	static const struct {
		int64_t hours;
		bool sane;
	} offsets[] = {
		{0, true}, {23, true}, {25, false}, {-1000, true}, {24, true}};
	char path[] = "/tmp/writer_test.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(ftruncate(fd, 8), 0);
	clock_open(path);
	writer_close(writer);
	writer = writer_open(loop, store, 0, on_hint, on_committed, NULL);
	for (size_t i = 0; i < COUNT(offsets); i++) {
		int64_t ms = offsets[i].hours * 3600000 - 100;

		assert_int_equal(pwrite(fd, &ms, 8, 0), 8);
		assert_int_equal(writer_clock_sane(writer), offsets[i].sane);
	}
	assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0", 8, 0), 8);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_writer(jobs_run_in_order_and_are_told_after_their_commit),
		with_writer(
			a_later_job_sees_what_an_earlier_one_of_its_batch_wrote),
		with_writer(a_job_that_makes_its_batch_fail_hurts_no_other),
		with_writer(a_job_that_fails_alone_leaves_the_writer_well),
		with_writer(a_batch_that_wrote_nothing_is_not_committed),
		with_writer(what_is_queued_is_done_before_it_closes),
		with_writer(whole_jobs_are_taken_until_128_appends),
		with_writer(without_room_a_batch_says_so),
		with_writer(the_clock_is_believed_until_it_jumps_a_day_ahead),
	};

	sem_init(&arrived, 0, 0);
	sem_init(&opened, 0, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
