#include "sessiond/tools.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- progress ----------------------------------------------------------- */

void progress_step(struct progress *progress, uint64_t by)
{
	progress->done += by;
	int percent = progress->total
			      ? (int)(progress->done * 100 / progress->total)
			      : 100;
	if (percent > 100)
		percent = 100;
	if (percent == progress->shown || !isatty(STDERR_FILENO))
		return;
	progress->shown = percent;
	fprintf(stderr, "\r%-28s %3d%%", progress->what, percent);
}

void progress_end(struct progress *progress)
{
	if (progress->shown && isatty(STDERR_FILENO))
		fputc('\n', stderr);
	progress->shown = 0;
}

/* --- backup ------------------------------------------------------------- */

struct copying {
	struct store *store;
	int fd;
	const char *why;
	volatile int finished; /* set last; read by the thread that watches */
};

static void *copy(void *ctx)
{
	struct copying *copying = ctx;
	copying->why = store_copy(copying->store, copying->fd);
	__atomic_store_n(&copying->finished, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* The copy tells nothing of its progress; the growing file does. It may end
 * well short of the original: free pages are not copied. */
static void watch(struct copying *copying)
{
	struct progress progress = {
		.what = "copying", .total = store_size(copying->store)};
	struct stat file;
	const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
	while (!__atomic_load_n(&copying->finished, __ATOMIC_ACQUIRE)) {
		if (!fstat(copying->fd, &file) &&
			(uint64_t)file.st_size > progress.done)
			progress_step(&progress,
				(uint64_t)file.st_size - progress.done);
		nanosleep(&pause, NULL);
	}
	progress_end(&progress);
}

static int copy_to(struct store *store, const char *path)
{
	struct copying copying = {.store = store};
	pthread_t thread;
	struct stat file;
	char part[PATH_MAX];
	snprintf(part, sizeof part, "%s.part", path);
	if (!access(path, F_OK)) {
		fprintf(stderr, "sessiond: %s is there already\n", path);
		return 1;
	}
	copying.fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (copying.fd < 0) {
		fprintf(stderr, "sessiond: cannot make %s: %s\n", part,
			strerror(errno));
		return 1;
	}
	if (pthread_create(&thread, NULL, copy, &copying)) {
		fprintf(stderr, "sessiond: cannot start a thread\n");
		close(copying.fd);
		return 1;
	}
	watch(&copying);
	pthread_join(thread, NULL);
	/* Only a whole copy ever has the name of a store. */
	if (!copying.why && (fsync(copying.fd) || rename(part, path)))
		copying.why = strerror(errno);
	if (copying.why) {
		fprintf(stderr, "sessiond: the copy failed: %s\n", copying.why);
		unlink(part);
	} else if (!fstat(copying.fd, &file)) {
		printf("%s: %" PRId64 " bytes\n", path, (int64_t)file.st_size);
	}
	close(copying.fd);
	return copying.why != NULL;
}

int tool_backup(const char *store_dir, const char *target_dir)
{
	char why[256], path[PATH_MAX - 8];
	if (mkdir(target_dir, 0700) && errno != EEXIST) {
		fprintf(stderr, "sessiond: cannot make %s: %s\n", target_dir,
			strerror(errno));
		return 1;
	}
	struct store *store = store_open_reader(store_dir, why, sizeof why);
	if (!store) {
		fprintf(stderr, "sessiond: %s\n", why);
		return 1;
	}
	snprintf(path, sizeof path, "%s/data.mdb", target_dir);
	int result = copy_to(store, path);
	store_close(store);
	return result;
}
