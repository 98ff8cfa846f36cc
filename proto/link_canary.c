/* Whether nng still buries its dead.
 *
 * nng 1.5.2 has one thread that clears closed pipes away and starts dialling
 * again after that. If it hangs (link_pipes.c tells why) no socket of this
 * process will ever be connected again, and nothing says so. So while there is
 * no connection, a pipe inside this process is closed now and then: if nobody
 * buries it, only a new process helps, and those who watch over daemons start
 * one. */

#include "proto/link_nng.h"
#include "shared/log.h"
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct canary {
	nng_socket listening, dialling;
	pthread_mutex_t lock; /* for what follows */
	nng_pipe pipe;
	bool alive, buried;
	bool asked; /* the loop's */
};

/* nng's threads. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
	struct canary *canary = arg;

	pthread_mutex_lock(&canary->lock);
	canary->pipe = pipe;
	canary->alive = event == NNG_PIPE_EV_ADD_POST;
	canary->buried |= event == NNG_PIPE_EV_REM_POST;
	pthread_mutex_unlock(&canary->lock);
}

struct canary *canary_open(void)
{
	struct canary *canary = xalloc(sizeof(*canary));
	char url[64];

	snprintf(url, sizeof(url), "inproc://canary-%p", (void *)canary);
	pthread_mutex_init(&canary->lock, NULL);
	link_must(nng_pair0_open(&canary->listening), url);
	link_must(nng_pair0_open(&canary->dialling), url);
	link_must(nng_pipe_notify(canary->dialling, NNG_PIPE_EV_ADD_POST,
			  on_pipe, canary),
		url);
	link_must(nng_pipe_notify(canary->dialling, NNG_PIPE_EV_REM_POST,
			  on_pipe, canary),
		url);
	link_must(nng_socket_set_ms(canary->dialling, NNG_OPT_RECONNMINT, 10),
		url);
	link_must(nng_listen(canary->listening, url, NULL, 0), url);
	link_must(
		nng_dial(canary->dialling, url, NULL, NNG_FLAG_NONBLOCK), url);
	return canary;
}

void canary_tick(struct canary *canary, bool connected)
{
	bool alive, buried;
	nng_pipe pipe;

	pthread_mutex_lock(&canary->lock);
	pipe = canary->pipe;
	alive = canary->alive;
	buried = canary->buried;
	canary->buried = false;
	pthread_mutex_unlock(&canary->lock);
	if (canary->asked && !buried && !connected) {
		log_error("nng makes no connections any more: ending");
		_exit(EXIT_FAILURE);
	}
	canary->asked = !connected && alive;
	if (canary->asked)
		nng_pipe_close(pipe);
}

void canary_close(struct canary *canary)
{
	if (!link_close(canary->dialling) || !link_close(canary->listening)) {
		link_leave(canary);
		return;
	}
	pthread_mutex_destroy(&canary->lock);
	free(canary);
}
