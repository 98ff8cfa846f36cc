#include "shared/tenant_look.h"
#include "shared/tenant.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PAGES_MAX = 10000, /* files of one knowledge/ that are looked at */
	FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
};

static stamp mix(stamp so_far, uint64_t value)
{
	so_far = (so_far ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return so_far ^ so_far >> 29;
}

static stamp name_stamp(const char *name)
{
	stamp result = 1;

	for (; *name; name++)
		result = mix(result, (unsigned char)*name);
	return result;
}

/* A folder is the same as long as it is the same inode. */
static stamp folder_stamp(const struct stat *status)
{
	return mix(mix(1, status->st_dev), status->st_ino) | 1;
}

static stamp file_stamp(const struct stat *status)
{
	stamp result = folder_stamp(status);

	result = mix(result, (uint64_t)status->st_size);
	result = mix(result, (uint64_t)status->st_mtim.tv_sec);
	return mix(result, (uint64_t)status->st_mtim.tv_nsec) | 1;
}

/* 0 if there is no such file. A symbolic link is stamped as itself. */
static stamp stamp_at(int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW))
		return 0;
	return file_stamp(&status);
}

/* Names, sizes and times of the pages, in whatever order they are listed. */
static void look_at_knowledge(struct seen *seen, int tenant)
{
	int fd = openat(tenant, "knowledge", FOLDER_FLAGS);
	struct dirent *item;
	struct stat status;
	DIR *folder;

	if (fd < 0)
		return;
	folder = fdopendir(fd);
	if (!folder) {
		close(fd);
		return;
	}
	if (!fstat(fd, &status))
		seen->knowledge_folder = folder_stamp(&status);
	seen->knowledge = 1;
	for (int i = 0; i < PAGES_MAX && (item = readdir(folder)); i++)
		if (item->d_name[0] != '.')
			seen->knowledge += mix(name_stamp(item->d_name),
				stamp_at(fd, item->d_name));
	closedir(folder);
}

static struct seen *see(struct look *look, const char *name)
{
	struct seen *seen = arena_alloc(&look->arena, sizeof(*seen));

	seen->name = arena_strndup(&look->arena, name, strlen(name));
	seen->next = look->first;
	look->first = seen;
	look->count++;
	return seen;
}

static void look_at_tenant(struct look *look, int folder, const char *name)
{
	struct stat status;
	struct seen *seen;
	int fd;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW))
		return; /* gone meanwhile */
	if (!S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode))
		return;
	seen = see(look, name);
	seen->folder = folder_stamp(&status);
	if (S_ISLNK(status.st_mode)) {
		seen->refused = "it is a symbolic link";
		return;
	}
	if (!business_id_valid(name)) {
		seen->refused = "its name is not a business id";
		return;
	}
	fd = openat(folder, name, FOLDER_FLAGS);
	if (fd < 0)
		return; /* it is there, but nothing can be said of it */
	seen->record = stamp_at(fd, "business.json");
	look_at_knowledge(seen, fd);
	close(fd);
}

void tenant_look(struct look *look, const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *item;
	struct stat status;

	*look = (struct look){0};
	if (!folder) {
		if (errno != ENOENT && errno != ENOTDIR)
			look->fault = strerror(errno);
		return;
	}
	if (!fstat(dirfd(folder), &status))
		look->folder = folder_stamp(&status);
	while (look->count < TENANTS_MAX && (item = readdir(folder)))
		if (item->d_name[0] != '.')
			look_at_tenant(look, dirfd(folder), item->d_name);
	closedir(folder);
}

void tenant_look_clear(struct look *look)
{
	arena_clear(&look->arena);
}

static const char *read_file(struct buf *out, int fd)
{
	char part[16384];
	struct stat status;
	ssize_t len;

	if (fstat(fd, &status) || !S_ISREG(status.st_mode))
		return "business.json is not a plain file";
	while ((len = read(fd, part, sizeof(part))) > 0)
		buf_put(out, part, (size_t)len);
	if (len < 0)
		return "business.json cannot be read";
	if (out->full)
		return "business.json is larger than 65536 bytes";
	return NULL;
}

const char *tenant_read_record(struct buf *out, const char *path)
{
	const char *fault = "there is no business.json that can be opened";
	int folder = open(path, FOLDER_FLAGS), fd;

	if (folder < 0)
		return fault;
	/* Non-blocking: a pipe of that name must not hold us up. */
	fd = openat(folder, "business.json",
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		fault = read_file(out, fd);
		close(fd);
	}
	close(folder);
	return fault;
}
