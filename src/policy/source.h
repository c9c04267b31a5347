/*
 * SPDX-License-Identifier: MIT
 *
 * Where a script comes from: a file that can be read again, or a text.
 */
#ifndef USH_POLICY_SOURCE_H
#define USH_POLICY_SOURCE_H

#include <stddef.h>

/* All is owned by the struct. Zeroed memory is a source that is not set. */
struct ush_source {
	char *path; /* of a file; NULL for a text */
	char *name; /* in messages: the path, or the text's name */
	char *text; /* NULL for a file */
	size_t len;
};

/* A copy, the caller's. -1 when memory is short; *to is then empty. */
int ush_source_copy(struct ush_source *to, const struct ush_source *from);

/* Makes a file's path absolute, so that it can be read again when the working
 * directory is another one; without any, it stays as it is. The name does. -1
 * when memory is short. */
int ush_source_settle(struct ush_source *source);

/* Frees what it holds and empties it. */
void ush_source_fini(struct ush_source *source);

#endif
