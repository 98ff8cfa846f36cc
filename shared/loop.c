#include "shared/loop.h"
#include "shared/log.h"
#include "shared/mem.h"
#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { MAX_HOOKS = 8, FOLDER_SETTLE_MS = 50, CLOSING_TURNS = 4 };

struct hook {
	loop_fn *fn;
	void *ctx;
};

struct loop {
	uv_loop_t uv;
	uv_check_t check;
	uv_prepare_t prepare;
	uv_signal_t terminate, interrupt;
	struct hook hooks[MAX_HOOKS], closers[MAX_HOOKS], stop_signal;
	int n_hooks, n_closers;
};

/* libuv's own calls fail only when we are wrong or nothing is left. */
static void must(int result, const char *what)
{
	if (result) {
		log_error("event loop", log_str("what", what),
			log_str("why", uv_strerror(result)));
		abort();
	}
}

/* Every handle is the first member of its struct. */
static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_handle(void *handle, void *owner)
{
	uv_handle_t *uv = handle;

	uv->data = owner;
	uv_close(uv, on_closed);
}

/* --- the loop ----------------------------------------------------------- */

static void run_hooks(struct loop *loop)
{
	for (int i = 0; i < loop->n_hooks; i++)
		loop->hooks[i].fn(loop->hooks[i].ctx);
}

static void on_check(uv_check_t *check)
{
	run_hooks(check->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
	run_hooks(prepare->data);
}

struct loop *loop_open(void)
{
	struct loop *loop = xalloc(sizeof(*loop));

	must(uv_loop_init(&loop->uv), "init");
	return loop;
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

static void close_own(void *handle)
{
	/* Zeroed memory is a handle that was never opened. */
	if (((uv_handle_t *)handle)->loop)
		uv_close(handle, NULL);
}

static void refuse_open(uv_handle_t *handle, void *ctx)
{
	(void)ctx;
	if (uv_is_closing(handle))
		return;
	log_error("a handle was left open",
		log_str("type", uv_handle_type_name(handle->type)));
	assert(!"a handle was left open");
}

void loop_close(struct loop *loop)
{
	if (!loop)
		return;
	close_own(&loop->check);
	close_own(&loop->prepare);
	close_own(&loop->terminate);
	close_own(&loop->interrupt);
	/* A library may close its handles in steps, each from the callback of
	 * the one before. */
	for (int i = 0; i < CLOSING_TURNS; i++)
		uv_run(&loop->uv, UV_RUN_NOWAIT);
	uv_walk(&loop->uv, refuse_open, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	for (int i = loop->n_closers; i-- > 0;)
		loop->closers[i].fn(loop->closers[i].ctx);
	must(uv_loop_close(&loop->uv), "close");
	free(loop);
}

void loop_on_close(struct loop *loop, loop_fn *fn, void *ctx)
{
	assert(loop->n_closers < MAX_HOOKS);
	loop->closers[loop->n_closers++] = (struct hook){fn, ctx};
}

void *loop_native(struct loop *loop)
{
	return &loop->uv;
}

uint64_t loop_now_ms(struct loop *loop)
{
	return uv_now(&loop->uv);
}

void loop_on_turn_end(struct loop *loop, loop_fn *fn, void *ctx)
{
	assert(loop->n_hooks < MAX_HOOKS);
	loop->hooks[loop->n_hooks++] = (struct hook){fn, ctx};
	if (loop->n_hooks > 1)
		return;
	/* Check comes after i/o; what timers did is seen by prepare. */
	must(uv_check_init(&loop->uv, &loop->check), "check");
	must(uv_prepare_init(&loop->uv, &loop->prepare), "prepare");
	loop->check.data = loop->prepare.data = loop;
	must(uv_check_start(&loop->check, on_check), "check");
	must(uv_prepare_start(&loop->prepare, on_prepare), "prepare");
	uv_unref((uv_handle_t *)&loop->check);
	uv_unref((uv_handle_t *)&loop->prepare);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct loop *loop = signal->data;

	(void)number;
	loop->stop_signal.fn(loop->stop_signal.ctx);
}

static void catch_signal(struct loop *loop, uv_signal_t *handle, int number)
{
	must(uv_signal_init(&loop->uv, handle), "signal");
	handle->data = loop;
	must(uv_signal_start(handle, on_signal, number), "signal");
	uv_unref((uv_handle_t *)handle);
}

void loop_on_stop_signal(struct loop *loop, loop_fn *fn, void *ctx)
{
	assert(!loop->stop_signal.fn);
	loop->stop_signal = (struct hook){fn, ctx};
	catch_signal(loop, &loop->terminate, SIGTERM);
	catch_signal(loop, &loop->interrupt, SIGINT);
	signal(SIGPIPE, SIG_IGN);
}

/* --- timers ------------------------------------------------------------- */

struct timer {
	uv_timer_t uv;
	struct hook hook;
};

static void on_timer(uv_timer_t *uv)
{
	struct timer *timer = uv->data;

	timer->hook.fn(timer->hook.ctx);
}

struct timer *timer_open(struct loop *loop, loop_fn *fn, void *ctx)
{
	struct timer *timer = xalloc(sizeof(*timer));

	must(uv_timer_init(&loop->uv, &timer->uv), "timer");
	timer->uv.data = timer;
	timer->hook = (struct hook){fn, ctx};
	return timer;
}

void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms)
{
	must(uv_timer_start(&timer->uv, on_timer, after_ms, repeat_ms),
		"timer");
}

void timer_stop(struct timer *timer)
{
	uv_timer_stop(&timer->uv);
}

bool timer_active(const struct timer *timer)
{
	return uv_is_active((const uv_handle_t *)&timer->uv);
}

void timer_close(struct timer *timer)
{
	if (timer)
		close_handle(&timer->uv, timer);
}

/* --- descriptors -------------------------------------------------------- */

struct watch {
	uv_poll_t uv;
	watch_fn *fn;
	void *ctx;
	int events;
};

static void on_poll(uv_poll_t *uv, int status, int ready)
{
	struct watch *watch = uv->data;
	int events = 0;

	if (status) { /* libuv has stopped the handle */
		events = watch->events | WATCH_GONE;
		watch->events = 0;
	}
	if (ready & UV_READABLE)
		events |= WATCH_READ;
	if (ready & UV_WRITABLE)
		events |= WATCH_WRITE;
	if (ready & UV_DISCONNECT)
		events |= WATCH_GONE;
	watch->fn(watch->ctx, events);
}

struct watch *watch_open(struct loop *loop, int fd, watch_fn *fn, void *ctx)
{
	struct watch *watch = xalloc(sizeof(*watch));

	if (uv_poll_init(&loop->uv, &watch->uv, fd)) {
		free(watch);
		return NULL;
	}
	watch->uv.data = watch;
	watch->fn = fn;
	watch->ctx = ctx;
	return watch;
}

void watch_set(struct watch *watch, int events)
{
	int wanted = 0;

	/* Each change costs system calls. */
	if (events == watch->events)
		return;
	watch->events = events;
	if (events & WATCH_READ)
		wanted |= UV_READABLE;
	if (events & WATCH_WRITE)
		wanted |= UV_WRITABLE;
	if (events & WATCH_GONE)
		wanted |= UV_DISCONNECT;
	must(uv_poll_start(&watch->uv, wanted, on_poll), "poll");
}

void watch_close(struct watch *watch)
{
	if (!watch)
		return;
	/* uv_close takes the descriptor off the loop at once; the memory goes
	 * at the end of the turn. */
	uv_poll_stop(&watch->uv);
	close_handle(&watch->uv, watch);
}

/* --- wake-ups and work -------------------------------------------------- */

struct wake {
	uv_async_t uv;
	struct hook hook;
};

static void on_wake(uv_async_t *uv)
{
	struct wake *wake = uv->data;

	wake->hook.fn(wake->hook.ctx);
}

struct wake *wake_open(struct loop *loop, loop_fn *fn, void *ctx)
{
	struct wake *wake = xalloc(sizeof(*wake));

	must(uv_async_init(&loop->uv, &wake->uv, on_wake), "wake");
	wake->uv.data = wake;
	wake->hook = (struct hook){fn, ctx};
	return wake;
}

void wake_send(struct wake *wake)
{
	uv_async_send(&wake->uv);
}

void wake_close(struct wake *wake)
{
	if (wake)
		close_handle(&wake->uv, wake);
}

struct work {
	uv_work_t uv;
	loop_fn *run, *done;
	void *ctx;
};

static void on_work(uv_work_t *uv)
{
	struct work *work = uv->data;

	work->run(work->ctx);
}

static void on_work_done(uv_work_t *uv, int status)
{
	struct work *work = uv->data;

	(void)status; /* never cancelled */
	work->done(work->ctx);
	free(work);
}

void loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *ctx)
{
	struct work *request = xalloc(sizeof(*request));

	request->uv.data = request;
	request->run = work;
	request->done = done;
	request->ctx = ctx;
	must(uv_queue_work(&loop->uv, &request->uv, on_work, on_work_done),
		"work");
}

/* --- folders ------------------------------------------------------------ */

struct folder_watch {
	uv_fs_event_t uv;
	struct timer *settle;
};

static void on_folder(
	uv_fs_event_t *uv, const char *name, int events, int status)
{
	struct folder_watch *watch = uv->data;

	(void)name;
	(void)events;
	(void)status;
	/* A file that is written makes many events: one call for all. */
	if (!timer_active(watch->settle))
		timer_start(watch->settle, FOLDER_SETTLE_MS, 0);
}

struct folder_watch *folder_watch_open(
	struct loop *loop, const char *path, loop_fn *fn, void *ctx)
{
	struct folder_watch *watch = xalloc(sizeof(*watch));

	must(uv_fs_event_init(&loop->uv, &watch->uv), "folder");
	watch->uv.data = watch;
	if (uv_fs_event_start(&watch->uv, on_folder, path, 0)) {
		close_handle(&watch->uv, watch);
		return NULL;
	}
	watch->settle = timer_open(loop, fn, ctx);
	return watch;
}

void folder_watch_close(struct folder_watch *watch)
{
	if (!watch)
		return;
	timer_close(watch->settle);
	close_handle(&watch->uv, watch);
}
