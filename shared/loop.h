/* loop: every daemon's one event loop. The only includer of uv.h.
 *
 * Everything here belongs to the loop's thread except wake_send. Handles are
 * opened with open and given back with close; a callback may close its own
 * handle. */
#ifndef SHARED_LOOP_H
#define SHARED_LOOP_H

#include "shared/status.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
typedef void loop_fn(void *ctx);

struct loop *loop_open(void);
void loop_run(struct loop *loop); /* until loop_stop, or nothing is left */
void loop_stop(struct loop *loop);
/* Runs what is still closing or at work, then frees. All handles must be
 * closed. NULL is fine. */
void loop_close(struct loop *loop);
/* Calls fn near the end of loop_close, when every handle is closed: some
 * libraries free their last memory only then. */
void loop_on_close(struct loop *loop, loop_fn *fn, void *ctx);
void *loop_native(struct loop *loop); /* uv_loop_t *, for libwebsockets */
uint64_t loop_now_ms(struct loop *loop); /* monotonic, as of this turn */

/* Called at the end of every turn of the loop, in order of registration;
 * after i/o callbacks and once more before the loop sleeps. Until loop_close;
 * does not keep the loop running. */
void loop_on_turn_end(struct loop *loop, loop_fn *fn, void *ctx);

/* SIGTERM and SIGINT call fn; SIGPIPE is ignored. Once per loop; does not keep
 * the loop running. */
void loop_on_stop_signal(struct loop *loop, loop_fn *fn, void *ctx);

struct timer;
struct timer *timer_open(struct loop *loop, loop_fn *fn, void *ctx);
void timer_start(struct timer *timer, uint64_t after_ms, uint64_t repeat_ms);
void timer_stop(struct timer *timer);
bool timer_active(const struct timer *timer);
void timer_close(struct timer *timer); /* NULL is fine */

/* A descriptor that is watched, not owned; it becomes non-blocking. At most
 * one watch per descriptor. WATCH_GONE: the peer has closed; after an error
 * all bits that were set come, with WATCH_GONE, and the watch is paused. */
enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_GONE = 4 };
struct watch;
typedef void watch_fn(void *ctx, int events);
/* NULL if the descriptor cannot be watched (a plain file). */
struct watch *watch_open(struct loop *loop, int fd, watch_fn *fn, void *ctx);
void watch_set(struct watch *watch, int events); /* 0 pauses */
void watch_close(struct watch *watch); /* off the loop at once; NULL is fine */

/* Wakes the loop from any thread; several sends may become one call. No send
 * may come after close. */
struct wake;
struct wake *wake_open(struct loop *loop, loop_fn *fn, void *ctx);
void wake_send(struct wake *wake);
void wake_close(struct wake *wake); /* NULL is fine */

/* Runs `work` on a pool thread, then `done` on the loop. */
void loop_work(struct loop *loop, loop_fn *work, loop_fn *done, void *ctx);

/* Calls fn soon after something in the folder changed (not recursive).
 * NULL if the folder cannot be watched. */
struct folder_watch;
struct folder_watch *folder_watch_open(
	struct loop *loop, const char *path, loop_fn *fn, void *ctx);
void folder_watch_close(struct folder_watch *watch); /* NULL is fine */

#endif
