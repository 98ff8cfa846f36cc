/* Noticing that nng has stopped: each story in a process of its own, for a
 * stuck nng cannot be mended. */

#include "proto/link_nng.h"
#include <nng/protocol/pair0/pair.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A pipe that closes at once, and whose burial never ends. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	(void)arg;
	if (event == NNG_PIPE_EV_ADD_POST)
		nng_pipe_close(pipe);
	else
		for (;;)
			pause();
}

static void stop_burying(void)
{
	nng_socket one, other;

	nng_pair0_open(&one);
	nng_pair0_open(&other);
	nng_pipe_notify(one, NNG_PIPE_EV_ADD_POST, on_pipe, NULL);
	nng_pipe_notify(one, NNG_PIPE_EV_REM_POST, on_pipe, NULL);
	nng_listen(one, "inproc://grave", NULL, 0);
	nng_dial(other, "inproc://grave", NULL, 0);
}

/* The exit code of a process that ticks with and without a connection. */
static int after_ticks(bool stuck, bool connected)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct canary *canary = canary_open();

		sleep(1);
		if (stuck)
			stop_burying();
		canary_tick(canary, connected);
		sleep(stuck ? 1 : 5);
		canary_tick(canary, connected);
		if (!stuck)
			canary_close(canary);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_process_without_hope_of_a_connection_ends(void **state)
{
	(void)state;
	assert_int_not_equal(after_ticks(true, false), 0);
}

static void one_that_may_still_get_a_connection_goes_on(void **state)
{
	(void)state;
	assert_int_equal(after_ticks(false, false), 0);
}

static void one_that_has_a_connection_goes_on(void **state)
{
	(void)state;
	assert_int_equal(after_ticks(true, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_without_hope_of_a_connection_ends),
		cmocka_unit_test(one_that_may_still_get_a_connection_goes_on),
		cmocka_unit_test(one_that_has_a_connection_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
