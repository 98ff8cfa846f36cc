#include "cleanupd/archive.h"
#include "proto/codec.h"
#include "shared/clock.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* A part is a page of history, which was one message of the link. */
	LINE_MAX_BYTES = 2 * LINK_MAX_BYTES,
	DAY_SIZE = 11
};

struct waiter {
	struct waiter *next;
	uint64_t file;
	archive_fn *done;
	void *ctx;
};

struct archive {
	struct loop *loop;
	char *dir;
	const char *boot;
	char day[DAY_SIZE]; /* in the present file's name */
	char path[PATH_MAX];
	int fd; /* -1: the next part opens it */
	uint64_t file; /* counts files, and each time one is taken back */
	unsigned number; /* in the file's name, from 1 */
	off_t written, durable;
	bool taking_back; /* as soon as no fsync is running */
	struct waiter *waiting, *syncing;
	bool sync_running;
	int sync_fd, sync_errno;
	off_t sync_end;
	struct buf line;
	char fault[256]; /* "": none */
};

struct archive *archive_open(struct loop *loop, const char *dir,
	const char *boot, const char **fault)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && !faccessat(fd, ".", W_OK | X_OK, AT_EACCESS);
	struct archive *archive;

	*fault = good ? NULL : strerror(errno);
	if (fd >= 0)
		close(fd);
	if (!good)
		return NULL;
	archive = xalloc(sizeof(*archive));
	archive->loop = loop;
	archive->dir = xstrdup(dir);
	archive->boot = boot;
	archive->fd = -1;
	archive->file = 1;
	archive->number = 1;
	buf_init(&archive->line, LINE_MAX_BYTES);
	archive_turn(archive, clock_wall_ms());
	return archive;
}

void archive_close(struct archive *archive)
{
	if (!archive)
		return;
	assert(!archive->sync_running && !archive->waiting);
	if (archive->fd >= 0)
		close(archive->fd);
	buf_clear(&archive->line);
	free(archive->dir);
	free(archive);
}

const char *archive_fault(const struct archive *archive)
{
	return *archive->fault ? archive->fault : NULL;
}

static bool fail(struct archive *archive, const char *what, int error)
{
	snprintf(archive->fault, sizeof(archive->fault),
		"the archive cannot %s: %s", what, strerror(error));
	return false;
}

/* --- files ----------------------------------------------------------------
 */

static void leave_file(struct archive *archive)
{
	if (archive->fd >= 0)
		close(archive->fd);
	archive->fd = -1;
	archive->written = archive->durable = 0;
	archive->file++;
}

void archive_turn(struct archive *archive, int64_t now_ms)
{
	char now[ISO_SIZE];

	clock_iso(now, now_ms);
	if (!strncmp(archive->day, now, DAY_SIZE - 1))
		return;
	assert(!archive->sync_running);
	leave_file(archive);
	snprintf(archive->day, sizeof(archive->day), "%.10s", now);
	archive->number = 1;
}

/* After a fault nobody knows what an unsynced file holds: it is cut where it
 * is known to be good, and never written again. */
static void take_back(struct archive *archive)
{
	archive->taking_back = archive->sync_running;
	if (archive->taking_back || archive->fd < 0)
		return;
	if (archive->durable == 0)
		unlink(archive->path);
	else if (ftruncate(archive->fd, archive->durable))
		fail(archive, "cut its file", errno);
	if (archive->durable > 0)
		archive->number++;
	leave_file(archive);
}

/* A name is on disk once its folder is. */
static int sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;

	if (fd < 0 || fsync(fd))
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

static bool open_file(struct archive *archive)
{
	char number[16] = "";
	int len, error;

	if (archive->number > 1)
		snprintf(number, sizeof(number), ".%u", archive->number);
	len = snprintf(archive->path, sizeof(archive->path), "%s/%s.%s%s.jsonl",
		archive->dir, archive->day, archive->boot, number);
	if (len < 0 || (size_t)len >= sizeof(archive->path))
		return fail(archive, "open its file", ENAMETOOLONG);
	archive->fd = open(archive->path,
		O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (archive->fd < 0)
		return fail(archive, "open its file", errno);
	error = sync_folder(archive->dir);
	if (!error)
		return true;
	take_back(archive);
	return fail(archive, "sync its folder", error);
}

/* --- parts ----------------------------------------------------------------
 */

static void put_line(struct buf *out, uint32_t part, bool more,
	const struct session *session, const struct message *messages,
	uint32_t n_messages)
{
	struct json_writer w;

	buf_reset(out);
	json_begin(&w, out);
	json_open(&w, NULL, '{');
	codec_encode(&session_shape, session, &w, "session");
	json_put_int(&w, "part", part);
	json_put_bool(&w, "more", more);
	json_open(&w, "messages", '[');
	for (uint32_t i = 0; i < n_messages; i++)
		codec_encode(&message_shape, &messages[i], &w, NULL);
	json_shut(&w, ']');
	json_shut(&w, '}');
	buf_putc(out, '\n');
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

bool archive_put(struct archive *archive, struct archive_entry *entry,
	const struct session *session, const struct message *messages,
	uint32_t n_messages, bool more)
{
	struct buf *line = &archive->line;
	int error;

	if (archive->taking_back)
		return false;
	if (archive->fd < 0 && !open_file(archive))
		return false;
	if (!entry->parts)
		entry->file = archive->file;
	if (entry->file != archive->file)
		return false; /* its first parts were taken back */
	put_line(line, ++entry->parts, more, session, messages, n_messages);
	error = line->full ? EMSGSIZE
			   : write_all(archive->fd, line->data, line->len);
	if (!error) {
		archive->written += (off_t)line->len;
		return true;
	}
	fail(archive, "write", error);
	take_back(archive);
	return false;
}

/* --- making it durable ----------------------------------------------------
 */

static void sync_waiting(struct archive *archive);

/* A pool thread's; the loop leaves the descriptor open meanwhile. -1: the file
 * was taken back, nobody's parts are left. */
static void work(void *ctx)
{
	struct archive *archive = ctx;

	if (archive->sync_fd >= 0 && fdatasync(archive->sync_fd))
		archive->sync_errno = errno;
}

static void on_worked(void *ctx)
{
	struct archive *archive = ctx;
	struct waiter *waiter = archive->syncing, *next;
	uint64_t file = archive->file; /* before anything is taken back */
	bool good = !archive->sync_errno;

	archive->syncing = NULL;
	archive->sync_running = false;
	if (good)
		archive->durable = archive->sync_end;
	else
		fail(archive, "sync", archive->sync_errno);
	if (!good || archive->taking_back)
		take_back(archive);
	else if (archive->sync_fd >= 0)
		*archive->fault = '\0';
	for (; waiter; waiter = next) {
		next = waiter->next;
		waiter->done(waiter->ctx, good && waiter->file == file);
		free(waiter);
	}
	sync_waiting(archive);
}

static void sync_waiting(struct archive *archive)
{
	if (archive->sync_running || !archive->waiting)
		return;
	archive->syncing = archive->waiting;
	archive->waiting = NULL;
	archive->sync_running = true;
	archive->sync_fd = archive->fd;
	archive->sync_end = archive->written;
	archive->sync_errno = 0;
	loop_work(archive->loop, work, on_worked, archive);
}

void archive_sync(struct archive *archive, const struct archive_entry *entry,
	archive_fn *done, void *ctx)
{
	struct waiter *waiter = xalloc(sizeof(*waiter));

	waiter->file = entry->file;
	waiter->done = done;
	waiter->ctx = ctx;
	waiter->next = archive->waiting;
	archive->waiting = waiter;
	sync_waiting(archive);
}
