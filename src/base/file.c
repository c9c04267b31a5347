/*
 * SPDX-License-Identifier: MIT
 *
 * Reading a file whole.
 */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 65536 };

static int
fail(char *why, size_t cap, const char *what)
{
	snprintf(why, cap, "%s", what);
	return -1;
}

static int
read_all(int fd, size_t limit, struct ush_buffer *to, char *why, size_t cap)
{
	ssize_t n;

	for (;;) {
		if (ush_buffer_reserve(to, CHUNK) != 0)
			return fail(why, cap, "out of memory");
		n = read(fd, to->data + to->len, CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(why, cap, strerror(errno));
		to->len += (size_t)n;
		to->data[to->len] = '\0';
		if (to->len > limit) {
			snprintf(why, cap,
			    "is larger than the limit of %zu bytes; split it",
			    limit);
			return -1;
		}
		if (n == 0)
			return 0;
	}
}

int
ush_file_read(int fd, const struct stat *st, size_t limit,
    struct ush_buffer *to, char *why, size_t cap)
{
	size_t size = st->st_size > 0 ? (size_t)st->st_size : 0;

	if (S_ISDIR(st->st_mode))
		return fail(why, cap, "is a directory; name a file in it");
	if (!S_ISREG(st->st_mode))
		return fail(why, cap, "is not a regular file");
	/* All at once, or doubling would copy a large file again and again. */
	if (size <= limit && ush_buffer_reserve(to, size + CHUNK) != 0)
		return fail(why, cap, "out of memory");
	return read_all(fd, limit, to, why, cap);
}
