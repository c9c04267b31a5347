/*
 * SPDX-License-Identifier: MIT
 *
 * Stores with a name: POSIX shared memory, made by whoever comes first.
 *
 * Whoever opens one holds flock(2) on it until it is known to be whole, and
 * makes it (anew) if it isn't: so of several that come at once one makes it,
 * and one who dies in the middle leaves it to the next. Once it is whole, it
 * is never changed but through its locks. The memory is reserved at once: a
 * full /dev/shm is an error here, and never a signal in a handshake.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "data/store_own.h"

enum {
	PATH_SIZE = USH_STORE_NAME_MAX + sizeof("/usher."),
	USER_SIZE = 1024, /* of what the system says of a user */
	LOCK_MS = 5000,   /* another one makes it no longer than that */
	TRIES = 100,      /* it was removed between two steps */
};

/* Where the C library has what shm_open(3) opens. */
#define SHM_FOLDER "/dev/shm"

struct segment {
	const char *name;
	char path[PATH_SIZE];
	int fd;
	struct stat st;
	struct ush_error *err;
};

bool
ush_store_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= USH_STORE_NAME_MAX &&
	       strspn(name,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		   "0123456789_-.") == len;
}

static int
fail(const struct segment *s, const char *what, int error)
{
	return ush_error_set(s->err, USH_ERROR_SYSTEM, NULL, 0,
	    "store '%s' in shared memory %s: %s%s%s", s->name, s->path, what,
	    error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

/* Who has it, by name if that is known, and what can be done. */
static int
fail_foreign(const struct segment *s, uid_t owner)
{
	char buffer[USER_SIZE], what[USER_SIZE / 2];
	struct passwd pwd, *found = NULL;

	if (getpwuid_r(owner, &pwd, buffer, sizeof buffer, &found) != 0)
		found = NULL;
	snprintf(what, sizeof what,
	    "belongs to another user, %s%.32s%suid %ju, and this process runs "
	    "as uid %ju; choose another name, or have its owner or root "
	    "remove it (rm " SHM_FOLDER "%s) when no server uses it",
	    found ? "'" : "", found ? found->pw_name : "", found ? "', " : "",
	    (uintmax_t)owner, (uintmax_t)geteuid(), s->path);
	return fail(s, what, 0);
}

/* It can't be opened: if that is since another user has taken the name, with
 * whatever it may be, say so. */
static int
fail_open(const struct segment *s, int error)
{
	char path[sizeof SHM_FOLDER + PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof path, SHM_FOLDER "%s", s->path);
	if (lstat(path, &st) == 0 && st.st_uid != geteuid())
		return fail_foreign(s, st.st_uid);
	return fail(s, "can't be opened", error);
}

/* Only the owner can have put anything into it. */
static int
look(struct segment *s)
{
	if (fstat(s->fd, &s->st) != 0)
		return fail(s, "can't be looked at", errno);
	if (s->st.st_uid != geteuid())
		return fail_foreign(s, s->st.st_uid);
	if (!S_ISREG(s->st.st_mode))
		return fail(s, "is no file; choose another name", 0);
	if ((s->st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return fail(s,
		    "is open to other users; remove it, and it will be made "
		    "anew",
		    0);
	return 0;
}

static int
wait_for_lock(const struct segment *s)
{
	const struct timespec pause = {0, 5 * 1000000L};
	uint64_t until = ush_clock_mono_ms() + LOCK_MS;

	while (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return fail(s, "can't be locked", errno);
		if (ush_clock_mono_ms() >= until)
			return fail(s,
			    "is held by a process that does not go on making "
			    "it",
			    0);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int
open_or_create(struct segment *s)
{
	s->fd = shm_open(s->path, O_RDWR, 0);
	if (s->fd < 0 && errno == ENOENT)
		s->fd = shm_open(s->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	return s->fd < 0 ? -1 : 0;
}

/* Opens and locks it. One that is removed meanwhile has no links. */
static int
open_locked(struct segment *s)
{
	for (int i = 0; i < TRIES; i++) {
		if (open_or_create(s) != 0) {
			if (errno == EEXIST || errno == ENOENT)
				continue;
			return fail_open(s, errno);
		}
		if (look(s) != 0 || wait_for_lock(s) != 0 || look(s) != 0)
			return -1;
		if (s->st.st_nlink > 0)
			return 0;
		close(s->fd);
		s->fd = -1;
	}
	return fail(s, "is made and removed all the time", 0);
}

/* 1: whole, 0: to be made, -1: an error. */
static int
examine(const struct segment *s, size_t wanted)
{
	static const struct ush_store_header zero;
	struct ush_store_header there = {.layout = 0}, ours;
	ssize_t n = pread(s->fd, &there, sizeof there, 0);
	char what[128];

	if (n < 0)
		return fail(s, "can't be read", errno);
	ush_store_header_fill(&ours, (size_t)s->st.st_size);
	if (n < (ssize_t)sizeof there ||
	    memcmp(&there, &zero, sizeof there.magic) == 0)
		return 0;
	if (memcmp(there.magic, ours.magic, sizeof there.magic) != 0)
		return fail(
		    s, "is no store of Usher's; choose another name", 0);
	if (there.ready == 0)
		return 0;
	if (there.layout != ours.layout || there.head_size != ours.head_size ||
	    there.ready != ours.ready || there.size != ours.size ||
	    there.size < USH_STORE_SIZE_MIN || there.size > USH_STORE_SIZE_MAX)
		return fail(s,
		    "was made by another version of Usher; remove it when no "
		    "server uses it, or choose another name",
		    0);
	if (wanted == 0 || ush_store_round(wanted) == there.size)
		return 1;
	snprintf(what, sizeof what,
	    "has %ju bytes, not %zu; remove it when no server uses it, or "
	    "choose another name",
	    (uintmax_t)there.size, ush_store_round(wanted));
	return fail(s, what, 0);
}

/* Makes room, for the whole of it and emptied of what was there. */
static int
reserve(const struct segment *s, size_t size)
{
	int error;

	if (ftruncate(s->fd, 0) != 0)
		return fail(s, "can't be emptied", errno);
	do
		error = posix_fallocate(s->fd, 0, (off_t)size);
	while (error == EINTR);
	if (error == 0)
		return 0;
	if (ftruncate(s->fd, 0) != 0)
		return fail(s, "can't be emptied", errno);
	return fail(s, "can't be given its size", error);
}

static int
map(struct segment *s, size_t wanted, unsigned char **base, size_t *size)
{
	int whole, error = 0;
	void *p;

	whole = examine(s, wanted);
	if (whole < 0)
		return -1;
	*size = whole ? (size_t)s->st.st_size
		      : ush_store_round(wanted > 0 ? wanted : USH_STORE_SIZE);
	if (!whole && reserve(s, *size) != 0)
		return -1;
	p = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED)
		return fail(s, "can't be mapped", errno);
	if (!whole)
		error = ush_store_format(p, *size);
	if (error != 0) {
		munmap(p, *size);
		return fail(s, "can't be made", error);
	}
	*base = p;
	return 0;
}

int
ush_store_map_named(const char *name, size_t size, unsigned char **base,
    size_t *mapped, struct ush_error *err)
{
	struct segment s = {.name = name, .fd = -1, .err = err};
	int result = -1;

	snprintf(s.path, sizeof s.path, "/usher.%s", name);
	if (open_locked(&s) == 0)
		result = map(&s, size, base, mapped);
	if (s.fd >= 0) {
		/* A process forked meanwhile has the descriptor too. */
		flock(s.fd, LOCK_UN);
		close(s.fd);
	}
	return result;
}
