#include "shared/clock.h"
#include "shared/loop.h"
#include "shared/mem.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 30000 };

/* What a test watches; `told` collects one letter per call. */
static struct loop *loop;
static struct timer *patience, *timer, *second;
static struct watch *watch;
static struct wake *wake;
static int ends[2];
static char told[100];
static int calls;

static void tell(char letter)
{
	told[strlen(told)] = letter;
}

static void on_impatience(void *ctx)
{
	(void)ctx;
	tell('!');
	loop_stop(loop);
}

static int setup(void **state)
{
	(void)state;
	loop = loop_open();
	patience = timer_open(loop, on_impatience, NULL);
	timer_start(patience, PATIENCE_MS, 0);
	memset(told, 0, sizeof(told));
	calls = 0;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
}

static int teardown(void **state)
{
	(void)state;
	loop_close(loop); /* aborts if a handle is still open */
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* Runs until somebody stops the loop. */
static void run(void)
{
	loop_run(loop);
	timer_close(patience);
	patience = NULL;
}

static void tick(void *ctx)
{
	(void)ctx;
	tell('t');
	if (++calls < 3)
		return;
	timer_close(timer); /* from its own callback */
	loop_stop(loop);
}

static void a_timer_repeats_until_it_is_closed(void **state)
{
	(void)state;
	timer = timer_open(loop, tick, NULL);
	assert_false(timer_active(timer));
	timer_start(timer, 1, 1);
	assert_true(timer_active(timer));
	run();
	assert_string_equal(told, "ttt");
}

static void stop(void *ctx)
{
	(void)ctx;
	tell('s');
	loop_stop(loop);
}

static void a_stopped_timer_is_silent_until_started_again(void **state)
{
	(void)state;
	timer = timer_open(loop, tick, NULL);
	second = timer_open(loop, stop, NULL);
	timer_start(timer, 1, 0);
	timer_stop(timer);
	timer_start(second, 20, 0);
	run();
	assert_string_equal(told, "s");
	timer_start(timer, 1, 0);
	timer_start(second, 20, 0);
	loop_run(loop);
	assert_string_equal(told, "sts");
	timer_close(timer);
	timer_close(second);
	timer_close(NULL);
}

static void on_events(void *ctx, int events)
{
	char byte;

	(void)ctx;
	if (events & WATCH_READ && read(ends[0], &byte, 1) == 1)
		tell(byte);
	if (events & WATCH_WRITE) {
		tell('w');
		watch_set(watch, WATCH_READ | WATCH_GONE);
		assert_int_equal(write(ends[1], "r", 1), 1);
	} else if (events & WATCH_GONE) {
		tell('g');
		watch_close(watch); /* from its own callback */
		loop_stop(loop);
	} else if (events & WATCH_READ) {
		shutdown(ends[1], SHUT_RDWR);
	}
}

static void a_descriptor_tells_writable_readable_and_gone(void **state)
{
	(void)state;
	watch = watch_open(loop, ends[0], on_events, NULL);
	watch_set(watch, WATCH_WRITE);
	run();
	assert_string_equal(told, "wrg");
}

static void on_first_pause(void *ctx, int events)
{
	(void)ctx;
	assert_int_equal(events, WATCH_READ);
	tell('r');
	watch_set(watch, 0);
	timer_start(timer, 20, 0);
}

static void a_paused_watch_tells_nothing(void **state)
{
	(void)state;
	timer = timer_open(loop, stop, NULL);
	watch = watch_open(loop, ends[0], on_first_pause, NULL);
	watch_set(watch, WATCH_READ);
	assert_int_equal(write(ends[1], "x", 1), 1);
	run();
	assert_string_equal(told, "rs");
	watch_close(watch);
	timer_close(timer);
}

static void on_readable(void *ctx, int events)
{
	(void)ctx;
	(void)events;
	tell('r');
	loop_stop(loop);
}

static void a_closed_watch_frees_its_descriptor_at_once(void **state)
{
	(void)state;
	watch = watch_open(loop, ends[0], on_events, NULL);
	watch_set(watch, WATCH_READ);
	watch_close(watch);
	/* Another watch may follow before the loop turns, and works. */
	watch = watch_open(loop, ends[0], on_readable, NULL);
	assert_non_null(watch);
	watch_set(watch, WATCH_READ);
	assert_int_equal(write(ends[1], "x", 1), 1);
	run();
	assert_string_equal(told, "r");
	watch_close(watch);
	watch_close(NULL);
}

static void a_plain_file_cannot_be_watched(void **state)
{
	FILE *file = tmpfile();

	(void)state;
	assert_null(watch_open(loop, fileno(file), on_events, NULL));
	fclose(file);
	timer_close(patience);
}

static void on_error(void *ctx, int events)
{
	(void)ctx;
	assert_int_equal(events, WATCH_WRITE | WATCH_GONE);
	tell('e');
	watch_close(watch);
	loop_stop(loop);
}

static void an_error_comes_as_all_that_was_asked_and_gone(void **state)
{
	int pipe_ends[2];

	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	close(pipe_ends[0]); /* writing would be EPIPE */
	watch = watch_open(loop, pipe_ends[1], on_error, NULL);
	watch_set(watch, WATCH_WRITE);
	run();
	assert_string_equal(told, "e");
	close(pipe_ends[1]);
}

static void on_wake(void *ctx)
{
	assert_ptr_equal(ctx, told);
	tell('w');
	wake_close(wake);
	loop_stop(loop);
}

static void *send_wake(void *ctx)
{
	wake_send(ctx);
	return NULL;
}

static void a_thread_wakes_the_loop(void **state)
{
	pthread_t thread;

	(void)state;
	wake = wake_open(loop, on_wake, told);
	assert_int_equal(pthread_create(&thread, NULL, send_wake, wake), 0);
	pthread_join(thread, NULL);
	run();
	assert_string_equal(told, "w");
}

static pthread_t worker;

static void work(void *ctx)
{
	worker = pthread_self();
	*(int *)ctx = 42;
}

static void worked(void *ctx)
{
	assert_false(pthread_equal(worker, pthread_self()));
	assert_int_equal(*(int *)ctx, 42);
	tell('d');
	loop_stop(loop);
}

static void work_is_done_on_another_thread_and_reported_here(void **state)
{
	int result = 0;

	(void)state;
	loop_work(loop, work, worked, &result);
	run();
	assert_string_equal(told, "d");
}

static void closing_the_loop_waits_for_work_in_flight(void **state)
{
	static int result;

	(void)state;
	timer_close(patience);
	loop_work(loop, work, worked, &result);
	loop_close(loop);
	assert_string_equal(told, "d");
	loop = NULL;
}

static void first_hook(void *ctx)
{
	(void)ctx;
	if (strchr(told, 'r'))
		tell('1');
}

static void second_hook(void *ctx)
{
	(void)ctx;
	if (strchr(told, 'r'))
		tell('2');
}

static void a_turn_ends_with_the_hooks_in_order(void **state)
{
	(void)state;
	loop_on_turn_end(loop, first_hook, NULL);
	loop_on_turn_end(loop, second_hook, NULL);
	watch = watch_open(loop, ends[0], on_readable, NULL);
	watch_set(watch, WATCH_READ);
	assert_int_equal(write(ends[1], "x", 1), 1);
	run();
	assert_string_equal(told, "r12");
	watch_close(watch);
}

static void on_timer_before_sleep(void *ctx)
{
	(void)ctx;
	tell('r');
	timer_start(second, PATIENCE_MS, 0);
}

static void stop_when_told(void *ctx)
{
	(void)ctx;
	if (strchr(told, 'r'))
		loop_stop(loop);
}

static void what_a_timer_did_is_seen_before_the_loop_sleeps(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	loop_on_turn_end(loop, stop_when_told, NULL);
	timer = timer_open(loop, on_timer_before_sleep, NULL);
	second = timer_open(loop, stop, NULL);
	timer_start(timer, 1, 0);
	run();
	assert_string_equal(told, "r");
	assert_true(clock_mono_ms() - before < PATIENCE_MS);
	timer_close(timer);
	timer_close(second);
}

static void the_loop_ends_by_itself_when_nothing_is_left(void **state)
{
	(void)state;
	loop_on_turn_end(loop, first_hook, NULL);
	loop_on_stop_signal(loop, stop, NULL);
	timer_close(patience);
	loop_run(loop);
	assert_string_equal(told, "");
}

static void raise_signal(void *ctx)
{
	raise(*(int *)ctx);
}

static void stop_signals_call_and_a_broken_pipe_does_not_kill(void **state)
{
	int number = SIGTERM;

	(void)state;
	loop_on_stop_signal(loop, stop, NULL);
	timer = timer_open(loop, raise_signal, &number);
	timer_start(timer, 1, 0);
	run();
	assert_string_equal(told, "s");
	number = SIGINT;
	timer_start(timer, 1, 0);
	loop_run(loop);
	assert_string_equal(told, "ss");
	close(ends[1]);
	assert_int_equal(write(ends[0], "x", 1), -1);
	timer_close(timer);
}

/* What a library does that closes in steps. */
static void close_what_is_left(void *ctx)
{
	(void)ctx;
	tell('w');
	wake_close(wake);
	timer_close(timer);
}

static void tell_text(void *ctx)
{
	strcat(told, ctx);
}

static void closing_takes_steps_and_ends_with_the_closers(void **state)
{
	struct loop *other = loop_open();
	char first[] = "1", last[] = "2";

	(void)state;
	timer = timer_open(other, on_impatience, NULL);
	wake = wake_open(other, close_what_is_left, NULL);
	wake_send(wake);
	loop_on_close(other, tell_text, first);
	loop_on_close(other, tell_text, last);
	loop_close(other);
	assert_string_equal(told, "w21");
	timer_close(patience);
}

static void a_changed_folder_is_noticed(void **state)
{
	char path[] = "/tmp/loop_test.XXXXXX", file[64];
	struct folder_watch *folder;

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/a", path);
	folder = folder_watch_open(loop, path, stop, NULL);
	assert_non_null(folder);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	run();
	assert_string_equal(told, "s");
	folder_watch_close(folder);
	folder_watch_close(NULL);
	unlink(file);
	rmdir(path);
	assert_null(folder_watch_open(loop, path, stop, NULL));
}

int main(void)
{
#define looped(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		looped(a_timer_repeats_until_it_is_closed),
		looped(a_stopped_timer_is_silent_until_started_again),
		looped(a_descriptor_tells_writable_readable_and_gone),
		looped(a_paused_watch_tells_nothing),
		looped(a_closed_watch_frees_its_descriptor_at_once),
		looped(a_plain_file_cannot_be_watched),
		looped(an_error_comes_as_all_that_was_asked_and_gone),
		looped(a_thread_wakes_the_loop),
		looped(work_is_done_on_another_thread_and_reported_here),
		looped(closing_the_loop_waits_for_work_in_flight),
		looped(a_turn_ends_with_the_hooks_in_order),
		looped(what_a_timer_did_is_seen_before_the_loop_sleeps),
		looped(the_loop_ends_by_itself_when_nothing_is_left),
		looped(stop_signals_call_and_a_broken_pipe_does_not_kill),
		looped(closing_takes_steps_and_ends_with_the_closers),
		looped(a_changed_folder_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
