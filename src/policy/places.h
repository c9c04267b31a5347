/*
 * SPDX-License-Identifier: MIT
 *
 * The folders in which a change can lead a path to another file: each one that
 * is passed through on the way, by symlinks too, and the name in it that
 * counts. Belongs to one thread.
 */
#ifndef USH_POLICY_PLACES_H
#define USH_POLICY_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* A name in a watched folder. */
struct ush_place {
	int wd; /* inotify's number of the folder */
	size_t input;
	bool last;  /* the name of the file itself, not of a folder or link */
	bool fresh; /* of this walk; those of the last go at its end */
	char *name;
};

struct ush_places {
	struct ush_place *v;
	size_t n, cap;
	bool incomplete; /* a folder that counts can't be watched */
};

/*
 * Watches the way to an absolute path, as far as it exists. Folders are added
 * to the inotify instance `fd` before they are looked into, so that no change
 * is missed. `input` is the caller's number for it.
 */
void ush_places_add(
    struct ush_places *places, int fd, const char *path, size_t input);

/* Before and after the calls that find all ways anew: what was watched, and is
 * no longer on any of them, nor on one of `others` (NULL: none) by the same
 * `fd`, is not watched any more. */
void ush_places_begin(struct ush_places *places);
void ush_places_end(
    struct ush_places *places, const struct ush_places *others, int fd);

void ush_places_fini(struct ush_places *places);

#endif
