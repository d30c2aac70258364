/* Files that are there whole or not at all. See save.h. */
#include "campaign/save.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool failed(char why[512], const char *what, const char *path)
{
	int error = errno;

	snprintf(why, 512, "cannot %s %.300s: %s", what, path, strerror(error));
	return false;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

/*
 * The rename is only certain once the folder has been synced. A file system that cannot do so
 * is no failure.
 */
static void sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static bool write_and_sync(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0)
		return false;
	bool written = write_all(fd, bytes, size) && fsync(fd) == 0;
	int error = errno;

	if (close(fd) != 0 && written)
		return false;
	errno = error;
	return written;
}

bool save_file(const char *dir, const char *name, const void *bytes, size_t size, char why[512])
{
	char path[PATH_MAX], temporary[PATH_MAX + 16];

	assert(name[0] && !strchr(name, '/'));
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, name) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return failed(why, "write", dir);
	}
	snprintf(temporary, sizeof(temporary), "%s.tmp%ld", path, (long)getpid());
	if (!write_and_sync(temporary, bytes, size) || rename(temporary, path) != 0) {
		failed(why, "write", path);
		unlink(temporary);
		return false;
	}
	sync_folder(dir);
	return true;
}

static bool make_folder(const char *dir)
{
	return mkdir(dir, 0777) == 0 || errno == EEXIST;
}

static bool make_folders(const char *dir)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof(path), "%s", dir) >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	for (char *c = path + 1; *c; c++) {
		if (*c != '/')
			continue;
		*c = '\0';
		if (!make_folder(path))
			return false;
		*c = '/';
	}
	return make_folder(path);
}

bool save_folder(const char *dir, char why[512])
{
	static const char probe[] = ".lostbuddy-probe";
	char path[PATH_MAX + 32];

	if (!dir[0]) {
		errno = ENOENT;
		return failed(why, "make the folder", "\"\"");
	}
	if (!make_folders(dir))
		return failed(why, "make the folder", dir);
	if (!save_file(dir, probe, "", 0, why))
		return false;
	snprintf(path, sizeof(path), "%s/%s", dir, probe);
	unlink(path);
	return true;
}
