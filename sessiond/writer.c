#include "sessiond/writer.h"

#include "shared/clock.h"
#include "shared/log.h"
#include "shared/metrics.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH_WEIGHT = 128,
	MAP_PERCENT_MAX = 95,
	CLOCK_JUMP_MS = 24 * 60 * 60 * 1000
};

struct finished {
	struct finished *next;
	struct job *jobs;
	struct hint *hints;
	size_t n_hints;
	uint64_t n;
	int refused;
	int64_t commit_us;
};

struct job_list {
	struct job *first, **end;
};

struct writer {
	struct store *store;
	uint64_t min_free;
	writer_hint_fn *hint;
	writer_committed_fn *committed;
	void *ctx;
	struct wake *wake;
	pthread_t thread;
	int waiting; /* jobs not done yet; loop only */
	int64_t wall_start, mono_start;

	/* shared, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job_list queue;
	struct finished *finished, **finished_end;
	bool stopping;

	/* the writer's thread only */
	struct counters counters;

	struct metric *queued, *commits, *full;
	struct histogram *batch_size, *commit_time;
};

static void list_reset(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

struct hint *batch_hint(struct batch *batch, enum hint_kind kind)
{
	if (batch->n_hints == batch->cap_hints) {
		batch->cap_hints = batch->cap_hints ? batch->cap_hints * 2 : 16;
		batch->hints = xrealloc(
			batch->hints, batch->cap_hints * sizeof *batch->hints);
	}
	struct hint *hint = &batch->hints[batch->n_hints++];
	memset(hint, 0, sizeof *hint);
	hint->kind = kind;
	return hint;
}

/* --- the writer's thread ------------------------------------------------ */

static bool no_room(struct writer *writer)
{
	return store_disk_free(writer->store) < writer->min_free ||
	       store_map_percent(writer->store) >= MAP_PERCENT_MAX;
}

static void batch_begin(struct writer *writer, struct batch *batch)
{
	batch->tx = tx_write(writer->store);
	batch->counters = writer->counters;
	batch->counters.wall_ms = batch->now = clock_wall_ms();
	batch->no_room = no_room(writer);
	batch->refused = 0;
	batch->n_hints = 0;
	batch->ready_hinted = false;
}

static void batch_commit(struct writer *writer, struct batch *batch)
{
	const char *why;
	if (!tx_commit(batch->tx, &why)) {
		/* It may or may not be on disk. Nobody has been answered; the
		 * next start reads what is true. */
		log_error("commit failed", log_str("why", why));
		_exit(1);
	}
	writer->counters = batch->counters;
}

static void run_jobs(struct batch *batch, struct job *jobs)
{
	for (struct job *job = jobs; job; job = job->next) {
		job->status = OK;
		job->run(job, batch);
	}
}

/* One transaction for one job, after its batch met a fault. */
static void run_alone(struct writer *writer, struct batch *all, struct job *job)
{
	struct batch batch = {0};
	batch_begin(writer, &batch);
	job->status = OK;
	job->run(job, &batch);
	if (tx_dirty(batch.tx))
		put_counters(batch.tx, &batch.counters);
	if (tx_failed(batch.tx)) {
		job->status = tx_full(batch.tx) ? STORE_FULL : INTERNAL;
		log_error("write refused", log_str("why", tx_why(batch.tx)));
		tx_end(batch.tx);
		if (job->status == STORE_FULL)
			all->refused += job->weight;
	} else {
		batch_commit(writer, &batch);
		all->refused += batch.refused;
		for (size_t i = 0; i < batch.n_hints; i++) {
			struct hint *hint = batch_hint(all, HINT_READY);
			*hint = batch.hints[i];
		}
	}
	free(batch.hints);
}

static struct finished *run_batch(struct writer *writer, struct job *jobs)
{
	struct batch batch = {0};
	int64_t start = clock_mono_ms();
	batch_begin(writer, &batch);
	run_jobs(&batch, jobs);
	/* A batch that changed nothing is not committed: a poll costs no disk
	 * write. */
	bool write = tx_dirty(batch.tx);
	if (write)
		put_counters(batch.tx, &batch.counters);
	if (tx_failed(batch.tx)) {
		tx_end(batch.tx);
		batch.refused = 0;
		batch.n_hints = 0;
		for (struct job *job = jobs; job; job = job->next)
			run_alone(writer, &batch, job);
	} else if (write) {
		batch_commit(writer, &batch);
	} else {
		tx_end(batch.tx);
	}
	struct finished *finished = xalloc(sizeof *finished);
	finished->jobs = jobs;
	finished->hints = batch.hints;
	finished->n_hints = batch.n_hints;
	finished->refused = batch.refused;
	finished->n = writer->counters.n;
	finished->commit_us = write ? (clock_mono_ms() - start) * 1000 : -1;
	return finished;
}

/* Whole jobs until the weight is reached; the lock is held. */
static struct job *take_jobs(struct writer *writer)
{
	struct job_list taken;
	list_reset(&taken);
	int weight = 0;
	while (writer->queue.first && weight < BATCH_WEIGHT) {
		struct job *job = writer->queue.first;
		writer->queue.first = job->next;
		weight += job->weight;
		list_add(&taken, job);
	}
	if (!writer->queue.first)
		list_reset(&writer->queue);
	return taken.first;
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	pthread_mutex_lock(&writer->lock);
	for (;;) {
		while (!writer->queue.first && !writer->stopping)
			pthread_cond_wait(&writer->more, &writer->lock);
		struct job *jobs = take_jobs(writer);
		if (!jobs)
			break;
		pthread_mutex_unlock(&writer->lock);
		struct finished *finished = run_batch(writer, jobs);
		pthread_mutex_lock(&writer->lock);
		*writer->finished_end = finished;
		writer->finished_end = &finished->next;
		wake_send(writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* --- the loop's side ---------------------------------------------------- */

static void give_back(struct writer *writer, struct finished *finished)
{
	int jobs = 0, weight = 0;
	for (size_t i = 0; i < finished->n_hints; i++)
		writer->hint(writer->ctx, &finished->hints[i]);
	for (struct job *job = finished->jobs, *next; job; job = next) {
		next = job->next;
		jobs++;
		weight += job->weight;
		job->done(job, job->status);
	}
	writer->waiting -= jobs;
	metric_set(writer->queued, writer->waiting);
	metric_add(writer->full, finished->refused);
	if (finished->commit_us >= 0) {
		metric_add(writer->commits, 1);
		histogram_add(writer->batch_size, weight);
		histogram_add(writer->commit_time, finished->commit_us);
	}
	writer->committed(writer->ctx, finished->n);
	free(finished->hints);
	free(finished);
}

static void on_wake(void *ctx)
{
	struct writer *writer = ctx;
	pthread_mutex_lock(&writer->lock);
	struct finished *finished = writer->finished;
	writer->finished = NULL;
	writer->finished_end = &writer->finished;
	pthread_mutex_unlock(&writer->lock);
	for (struct finished *next; finished; finished = next) {
		next = finished->next;
		give_back(writer, finished);
	}
}

struct writer *writer_open(struct loop *loop, struct store *store,
	uint64_t min_free_bytes, writer_hint_fn *hint,
	writer_committed_fn *committed, void *ctx)
{
	static const int64_t sizes[] = {1, 2, 4, 8, 16, 32, 64, 128, 256};
	struct writer *writer = xalloc(sizeof *writer);
	writer->store = store;
	writer->min_free = min_free_bytes;
	writer->hint = hint;
	writer->committed = committed;
	writer->ctx = ctx;
	writer->wake = wake_open(loop, on_wake, writer);
	writer->wall_start = clock_wall_ms();
	writer->mono_start = clock_mono_ms();
	list_reset(&writer->queue);
	writer->finished_end = &writer->finished;
	struct tx *tx = tx_read(store);
	get_counters(tx, &writer->counters);
	tx_end(tx);
	if (writer->wall_start < writer->counters.wall_ms)
		log_warn("the clock is behind the last change of the store",
			log_int("ms",
				writer->counters.wall_ms - writer->wall_start));
	writer->queued = metric_open(METRIC_GAUGE,
		"taifas_sessiond_jobs_waiting", NULL, "Changes not yet made");
	writer->commits = metric_open(METRIC_COUNTER,
		"taifas_sessiond_commits_total", NULL, "Transactions written");
	writer->full = metric_open(METRIC_COUNTER,
		"taifas_sessiond_store_full_total", NULL,
		"Messages refused because the map or disk was full");
	writer->batch_size = histogram_open("taifas_sessiond_batch_jobs",
		"Appends and other jobs in one commit", sizes, COUNT(sizes), 1);
	writer->commit_time = histogram_open("taifas_sessiond_commit_seconds",
		"Time to run and commit one batch", latency_bounds_us,
		LATENCY_BOUNDS, LATENCY_PER_SECOND);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->more, NULL);
	if (pthread_create(&writer->thread, NULL, writer_main, writer))
		die("writer", "cannot start its thread");
	return writer;
}

void writer_close(struct writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	on_wake(writer);
	wake_close(writer->wake);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->more);
	free(writer);
}

void writer_submit(struct writer *writer, struct job *job)
{
	metric_set(writer->queued, ++writer->waiting);
	pthread_mutex_lock(&writer->lock);
	list_add(&writer->queue, job);
	pthread_cond_signal(&writer->more);
	pthread_mutex_unlock(&writer->lock);
}

bool writer_clock_sane(const struct writer *writer)
{
	int64_t wall = clock_wall_ms() - writer->wall_start;
	int64_t mono = clock_mono_ms() - writer->mono_start;
	return wall - mono <= CLOCK_JUMP_MS;
}
