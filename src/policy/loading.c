/*
 * SPDX-License-Identifier: MIT
 *
 * The script's folder is the one in which the file really lies that the path
 * leads to. It is found once, and everything is opened through its descriptor:
 * where a symlink is swapped meanwhile, all files are still of one snapshot.
 */
#include "policy/loading.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "base/clock.h"
#include "base/file.h"
#include "lib/crypto.h"

enum {
	TRIES = 3, /* a folder may be swapped between finding and opening it */
	WHY = 256,
};

static int
no_memory(struct ush_error *err, const char *label)
{
	return ush_error_set(err, USH_ERROR_SYSTEM, label, 0, "out of memory");
}

/* Does the system lack what it may have again soon? */
static bool
is_shortage(int error)
{
	return error == ENOMEM || error == EMFILE || error == ENFILE;
}

static int
shortage(struct ush_error *err, const char *label, int error)
{
	if (error == ENOMEM)
		return no_memory(err, label);
	return ush_error_set(err, USH_ERROR_SYSTEM, label, 0,
	    "can't be opened: %s; raise the limit of open files",
	    strerror(error));
}

/* What ush_file_read has said. */
static void
file_failed(struct ush_error *err, const char *label,
    const struct ush_buffer *to, const char *why)
{
	ush_error_set(err, to->failed ? USH_ERROR_SYSTEM : USH_ERROR_FILE,
	    label, 0, "%s", why);
}

/*
 * The folder
 */

/* The folder as the given path names it, if that is the real one: people know
 * their files by the name that they gave. */
static char *
folder_label(const char *path, const char *real)
{
	const char *slash = strrchr(path, '/');
	char *given = strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
	char *found = given ? realpath(slash ? given : ".", NULL) : NULL;
	char *label = NULL;

	if (given && found && strcmp(found, real) == 0) {
		free(found);
		return given;
	}
	if (given && asprintf(&label, "%s/", real) < 0)
		label = NULL;
	free(found);
	free(given);
	return label;
}

static void
forget_folder(struct ush_loading *l)
{
	if (l->folder >= 0)
		close(l->folder);
	l->folder = -1;
	free(l->real);
	l->real = NULL;
}

/* Opens folder and file of a path without symlinks, which is changed. The
 * file's descriptor, or -1 with errno. */
static int
open_in_folder(struct ush_loading *l, char *real)
{
	char *slash = strrchr(real, '/');

	*slash = '\0';
	l->real = strdup(real);
	if (!l->real)
		return -1;
	l->folder = open(
	    real[0] == '\0' ? "/" : real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->folder < 0)
		return -1;
	/* A FIFO must not stop us before we can see that it is one. */
	return openat(l->folder, slash + 1,
	    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
}

/* Opens the script, and its folder if it has one (a descriptor's path in /proc
 * need not have any). -1 with errno. */
static int
open_script(struct ush_loading *l, const char *path)
{
	char *real;
	int fd, error;

	for (int i = 0; i < TRIES; i++) {
		real = realpath(path, NULL);
		if (!real)
			break;
		fd = open_in_folder(l, real);
		error = errno;
		free(real);
		if (fd >= 0)
			return fd;
		forget_folder(l);
		errno = error;
	}
	/* Without its folder it would be another script. */
	if (is_shortage(errno))
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/*
 * The script
 */

static int
open_failed(const struct ush_source *from, struct ush_inputs *inputs,
    struct ush_error *err)
{
	int error = errno;
	struct stat st;
	/* There, but not for us: it would look changed for ever otherwise. */
	bool there = error != ENOENT && stat(from->path, &st) == 0;

	if (ush_inputs_add(inputs, from->path, there ? &st : NULL) != 0 &&
	    errno == ENOMEM)
		error = ENOMEM;
	if (is_shortage(error))
		return shortage(err, from->name, error);
	return ush_error_set(err, USH_ERROR_FILE, from->name, 0,
	    "the script can't be opened: %s", strerror(error));
}

static int
read_script(struct ush_loading *l, const struct ush_source *from,
    struct ush_buffer *source, struct ush_error *err)
{
	struct ush_generation *g = l->generation;
	int fd = open_script(l, from->path), result = -1;
	const char *name = from->name;
	char why[WHY];
	struct stat st;

	if (fd < 0)
		return open_failed(from, &g->inputs, err);
	if (fstat(fd, &st) != 0)
		ush_error_set(
		    err, USH_ERROR_FILE, name, 0, "%s", strerror(errno));
	else if (ush_inputs_add(&g->inputs, from->path, &st) != 0)
		no_memory(err, name);
	else if (ush_file_read(fd, &st, g->engine->limits.source, source, why,
		     sizeof why) != 0)
		file_failed(err, name, source, why);
	else
		result = 0;
	close(fd);
	if (result == 0 && l->real) {
		l->label = folder_label(name, l->real);
		if (!l->label)
			return no_memory(err, name);
	}
	return result;
}

int
ush_loading_begin(struct ush_loading *l, struct ush_generation *g,
    struct ush_buffer *source, struct ush_error *err)
{
	const struct ush_source *from = g->source;
	size_t limit = g->engine->limits.source;

	memset(l, 0, sizeof *l);
	l->generation = g;
	l->folder = -1;
	if (from->path)
		return read_script(l, from, source, err);
	l->is_text = true;
	if (from->len > limit)
		return ush_error_set(err, USH_ERROR_FILE, from->name, 0,
		    "is larger than the limit of %zu bytes; split it", limit);
	if (ush_buffer_put(source, from->text, from->len) != 0)
		return no_memory(err, from->name);
	return 0;
}

void
ush_loading_fini(struct ush_loading *l)
{
	forget_folder(l);
	free(l->label);
	ush_buffer_fini(&l->content);
}

/*
 * Other files
 */

char *
ush_loading_label(const struct ush_loading *l, const char *path)
{
	char *label;

	if (asprintf(&label, "%s%s", l->label ? l->label : "", path) < 0)
		return NULL;
	return label;
}

/* The file as an input, by its real folder. 0, or -1. */
static int
add_input(struct ush_loading *l, const char *path, const struct stat *st)
{
	char *full;
	int result;

	if (asprintf(&full, "%s/%s", l->real, path) < 0)
		return -1;
	result = ush_inputs_add(&l->generation->inputs, full, st);
	free(full);
	return result;
}

static int
open_beneath_failed(struct ush_loading *l, const char *path, const char *label,
    struct ush_error *err)
{
	int error = errno;
	struct stat st;
	bool there;

	if (is_shortage(error))
		return shortage(err, label, error);
	if (ush_beneath_allows(path)) {
		there = fstatat(l->folder, path, &st, 0) == 0;
		if (add_input(l, path, there ? &st : NULL) != 0)
			return no_memory(err, label);
	}
	if (error == ENOENT || error == ENOTDIR)
		return ush_error_set(err, USH_ERROR_FILE, label, 0,
		    "there is no such file in the script's folder, %s/",
		    l->real);
	if (error == EXDEV)
		return ush_error_set(err, USH_ERROR_FILE, label, 0,
		    "leads out of the script's folder, %s/; put the file "
		    "itself there",
		    l->real);
	if (error == ELOOP)
		return ush_error_set(err, USH_ERROR_FILE, label, 0,
		    "is or leads through a symlink that can't be followed; "
		    "put the file itself there");
	return ush_error_set(err, USH_ERROR_FILE, label, 0,
	    "can't be opened: %s", strerror(error));
}

static int
read_beneath(struct ush_loading *l, const char *path, const char *label,
    size_t limit, struct ush_buffer *to, struct ush_error *err)
{
	int fd = ush_beneath_open(l->folder, path), result = -1;
	char why[WHY];
	struct stat st;

	if (fd < 0)
		return open_beneath_failed(l, path, label, err);
	if (fstat(fd, &st) != 0)
		ush_error_set(
		    err, USH_ERROR_FILE, label, 0, "%s", strerror(errno));
	else if (add_input(l, path, &st) != 0)
		no_memory(err, label);
	else if (ush_file_read(fd, &st, limit, to, why, sizeof why) != 0)
		file_failed(err, label, to, why);
	else
		result = ush_loading_note(l, path, to->data, to->len, err);
	close(fd);
	return result;
}

int
ush_loading_read(struct ush_loading *l, const char *path, size_t limit,
    struct ush_buffer *to, struct ush_error *err)
{
	char *label = ush_loading_label(l, path);
	int result = -1;

	if (!label)
		return no_memory(err, path);
	if (l->is_text)
		ush_error_set(err, USH_ERROR_SCRIPT, label, 0,
		    "a script given as text has no files beside it; load it "
		    "from a file");
	else if (l->folder < 0)
		ush_error_set(err, USH_ERROR_FILE, label, 0,
		    "the script's folder can't be found; load it by the path "
		    "of a file");
	else
		result = read_beneath(l, path, label, limit, to, err);
	free(label);
	return result;
}

/*
 * The revision
 */

int
ush_loading_note(struct ush_loading *l, const char *name, const void *p,
    size_t len, struct ush_error *err)
{
	unsigned char digest[USH_SHA256_LEN];

	if (ush_sha256(p, len, digest) != 0)
		return ush_error_set(err, USH_ERROR_SYSTEM, name, 0,
		    "OpenSSL can't make a SHA-256 digest");
	ush_buffer_put(&l->content, name, strlen(name) + 1);
	ush_buffer_printf(&l->content, "%zu", len);
	ush_buffer_put(&l->content, "", 1);
	if (ush_buffer_put(&l->content, digest, sizeof digest) != 0)
		return no_memory(err, name);
	return 0;
}

int
ush_loading_revision(struct ush_loading *l, const struct ush_buffer *source,
    struct ush_error *err)
{
	struct ush_generation *g = l->generation;
	unsigned char digest[USH_SHA256_LEN];
	struct ush_buffer all = {0};
	int result = -1;

	ush_buffer_put(&all, source->data, source->len);
	if (ush_buffer_put(&all, l->content.data, l->content.len) != 0) {
		no_memory(err, g->label);
	} else if (ush_sha256(ush_buffer_text(&all), all.len, digest) != 0) {
		ush_error_set(err, USH_ERROR_SYSTEM, g->label, 0,
		    "OpenSSL can't make a SHA-256 digest");
	} else {
		memcpy(g->revision, digest, USH_REVISION_LEN);
		ush_hex(g->revision_hex, g->revision, USH_REVISION_LEN);
		result = 0;
	}
	ush_buffer_fini(&all);
	return result;
}

/*
 * Errors that go through Lua
 */

void
ush_loading_failed(struct ush_loading *l, enum ush_code code, const char *text)
{
	if (l->failed == USH_ERROR_SYSTEM)
		return;
	l->failed = code;
	snprintf(l->failed_text, sizeof l->failed_text, "%s", text);
}

void
ush_loading_recall(const struct ush_loading *l, struct ush_error *err)
{
	if (err->code == USH_ERROR_SCRIPT && l->failed != USH_OK &&
	    strstr(err->message, l->failed_text))
		err->code = l->failed;
}

int
ush_loading_check(const struct ush_loading *l, struct ush_error *err)
{
	if (l->failed != USH_ERROR_SYSTEM)
		return 0;
	return ush_error_set(
	    err, l->failed, l->generation->label, 0, "%s", l->failed_text);
}

/*
 * Time
 */

static _Thread_local uint64_t paused, paused_at;

uint64_t
ush_loading_cpu(void)
{
	return ush_clock_thread_ns() - paused;
}

void
ush_loading_pause(void)
{
	paused_at = ush_clock_thread_ns();
}

void
ush_loading_resume(void)
{
	paused += ush_clock_thread_ns() - paused_at;
}
