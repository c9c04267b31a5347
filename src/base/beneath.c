/*
 * SPDX-License-Identifier: MIT
 *
 * openat2(2) with RESOLVE_BENEATH lets the kernel watch the way, symlinks and
 * renames in its course included. Older kernels, and sandboxes that don't let
 * the call through, get the slow way: each part opened on its own, no symlinks.
 */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	TRIES = 16, /* a rename elsewhere makes the kernel say EAGAIN */
};

/* struct open_how and two of its flags: <linux/openat2.h> may be missing. */
struct how {
	uint64_t flags, mode, resolve;
};
enum {
	NO_MAGICLINKS = 0x02,
	BENEATH = 0x08,
};

bool
ush_beneath_allows(const char *path)
{
	const char *p = path;

	if (*p == '\0' || *p == '/')
		return false;
	for (; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
			return false;
	}
	return true;
}

#ifdef SYS_openat2
static int
open_watched(int folder, const char *path)
{
	struct how how = {.flags = FLAGS, .resolve = BENEATH | NO_MAGICLINKS};
	long fd = -1;

	for (int i = 0; i < TRIES; i++) {
		fd = syscall(SYS_openat2, folder, path, &how, sizeof how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return (int)fd;
}
#else
static int
open_watched(int folder, const char *path)
{
	(void)folder;
	(void)path;
	errno = ENOSYS;
	return -1;
}
#endif

/* Opens the folder that the path's first `len` bytes name, and closes the one
 * before it. */
static int
step_into(int folder, int base, const char *path, size_t len)
{
	char part[NAME_MAX + 1];
	int next;

	if (len > NAME_MAX) {
		errno = ENAMETOOLONG;
		next = -1;
	} else {
		memcpy(part, path, len);
		part[len] = '\0';
		next = openat(folder, part,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (folder != base && folder >= 0) {
		int error = errno;

		close(folder);
		errno = error;
	}
	return next;
}

int
ush_beneath_open_parts(int base, const char *path)
{
	int folder = base, fd = -1, error;
	const char *slash;

	if (!ush_beneath_allows(path)) {
		errno = EXDEV;
		return -1;
	}
	while ((slash = strchr(path, '/'))) {
		folder = step_into(folder, base, path, (size_t)(slash - path));
		if (folder < 0)
			return -1;
		path = slash + 1;
	}
	fd = openat(folder, path, FLAGS | O_NOFOLLOW);
	error = errno;
	if (folder != base)
		close(folder);
	errno = error;
	return fd;
}

int
ush_beneath_open(int folder, const char *path)
{
	int fd;

	if (!ush_beneath_allows(path)) {
		errno = EXDEV;
		return -1;
	}
	fd = open_watched(folder, path);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = ush_beneath_open_parts(folder, path);
	return fd;
}
