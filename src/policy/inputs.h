/*
 * SPDX-License-Identifier: MIT
 *
 * The files that a generation was made from, and those that were looked for
 * and not there: what has to be watched, because a change of it would make
 * another generation.
 */
#ifndef USH_POLICY_INPUTS_H
#define USH_POLICY_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* A file, in the state in which it was read. */
struct ush_input {
	char *path; /* absolute, symlinks in it not followed */
	bool there; /* false: it was looked for in vain; the rest is 0 */
	dev_t dev;
	ino_t ino;
	off_t size;
	int64_t mtime_ns, ctime_ns;
};

/* Zeroed memory is a valid empty list. Belongs to one thread at a time. */
struct ush_inputs {
	struct ush_input *v;
	size_t n, cap;
};

/*
 * Adds a file: `path` as it was opened (made absolute by the working directory,
 * nothing else is changed), `st` what fstat(2) said before it was read, or what
 * stat(2) said of one that can't be opened; NULL if there was none. The same
 * path again only replaces its state. 0, or -1 when memory is short.
 */
int ush_inputs_add(
    struct ush_inputs *inputs, const char *path, const struct stat *st);

/* A path, made absolute by the working directory; the caller's. NULL when
 * memory is short (errno is ENOMEM), or that folder is gone. */
char *ush_inputs_absolute(const char *path);

/* Frees what the list holds and empties it. */
void ush_inputs_fini(struct ush_inputs *inputs);

/* A copy, in place of what *to holds. -1 when memory is short. */
int ush_inputs_copy(struct ush_inputs *to, const struct ush_inputs *from);

/* Moves all of `from` to `to`, which is emptied first. */
void ush_inputs_move(struct ush_inputs *to, struct ush_inputs *from);

/* Are two states of a file different ones? */
bool ush_input_differs(const struct ush_input *a, const struct ush_input *b);

/* Takes the state that the file has now, without reading it. */
void ush_input_look(struct ush_input *input);

#endif
