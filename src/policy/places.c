/*
 * SPDX-License-Identifier: MIT
 *
 * A path is walked as the kernel walks it. /etc/p/policy.lua, as Kubernetes
 * mounts it, is a link to ..data/policy.lua, and ..data one to a folder with a
 * date for a name, so these are the places:
 *
 *	/		etc
 *	/etc		p
 *	/etc/p		policy.lua, ..data
 *	/etc/p/..2026	policy.lua (last)
 *
 * Of the root and other far folders only the coming and going of names is
 * reported, and of that only the names above wake anybody for long.
 */
#include "policy/places.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40 }; /* as the kernel has it */

#define NAMES_MASK \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | \
	    IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)
#define FILES_MASK (NAMES_MASK | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

/* A walk that is under way. */
struct walk {
	char folder[PATH_MAX]; /* without links; "" is the root */
	char rest[PATH_MAX];   /* that is still to be walked */
	int links;
};

static struct ush_place *
place_new(struct ush_places *places, const char *name)
{
	size_t cap = places->cap > 0 ? 2 * places->cap : 16;
	struct ush_place *v, *place;

	if (places->n == places->cap) {
		v = realloc(places->v, cap * sizeof *v);
		if (!v)
			return NULL;
		places->v = v;
		places->cap = cap;
	}
	place = &places->v[places->n];
	memset(place, 0, sizeof *place);
	place->name = strdup(name);
	if (!place->name)
		return NULL;
	places->n++;
	return place;
}

/* A folder that may not be listed hides the coming and going of its names; of
 * the one with the file itself, that is too much to miss. */
static struct ush_place *
add(struct ush_places *places, int fd, const struct walk *walk,
    const char *name, bool final, size_t input)
{
	struct ush_place *place;
	int wd = inotify_add_watch(fd, walk->folder[0] ? walk->folder : "/",
	    final ? FILES_MASK : NAMES_MASK);

	if (wd < 0) {
		if (final || errno == ENOSPC || errno == ENOMEM)
			places->incomplete = true;
		return NULL;
	}
	place = place_new(places, name);
	if (!place) {
		places->incomplete = true;
		return NULL;
	}
	place->wd = wd;
	place->input = input;
	place->fresh = true;
	return place;
}

/* Takes the next name off the rest. False at its end. */
static bool
next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	size_t skip = strspn(walk->rest, "/");
	size_t len = strcspn(walk->rest + skip, "/");

	if (len == 0 || len > NAME_MAX)
		return false;
	memcpy(name, walk->rest + skip, len);
	name[len] = '\0';
	skip += len;
	skip += strspn(walk->rest + skip, "/");
	memmove(walk->rest, walk->rest + skip, strlen(walk->rest + skip) + 1);
	return true;
}

static void
go_up(struct walk *walk)
{
	char *slash = strrchr(walk->folder, '/');

	if (slash)
		*slash = '\0';
}

/* Goes on where a link leads. */
static bool
follow(struct walk *walk, const char *link)
{
	char target[PATH_MAX], rest[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof target - 1);

	if (len <= 0 || ++walk->links > LINKS_MAX)
		return false;
	target[len] = '\0';
	if (target[0] == '/')
		walk->folder[0] = '\0';
	memcpy(rest, walk->rest, strlen(walk->rest) + 1);
	return (size_t)snprintf(walk->rest, sizeof walk->rest, "%s%s%s", target,
		   rest[0] ? "/" : "", rest) < sizeof walk->rest;
}

/* One name of the way. False where it ends. */
static bool
step(struct ush_places *places, int fd, struct walk *walk, const char *name,
    size_t input)
{
	bool final = walk->rest[0] == '\0';
	char full[2 * PATH_MAX];
	struct ush_place *place;
	struct stat st;
	int there;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		go_up(walk);
		return true;
	}
	place = add(places, fd, walk, name, final, input);
	snprintf(full, sizeof full, "%s/%s", walk->folder, name);
	there = lstat(full, &st);
	if (there == 0 && S_ISLNK(st.st_mode))
		return follow(walk, full);
	if (place)
		place->last = final;
	if (there != 0 || final || strlen(full) >= sizeof walk->folder)
		return false;
	memcpy(walk->folder, full, strlen(full) + 1);
	return true;
}

void
ush_places_add(
    struct ush_places *places, int fd, const char *path, size_t input)
{
	struct walk walk = {.links = 0};
	char name[NAME_MAX + 1];

	if (strlen(path) >= sizeof walk.rest)
		return;
	memcpy(walk.rest, path, strlen(path) + 1);
	while (next_name(&walk, name) && step(places, fd, &walk, name, input))
		;
}

void
ush_places_begin(struct ush_places *places)
{
	places->incomplete = false;
	for (size_t i = 0; i < places->n; i++)
		places->v[i].fresh = false;
}

static bool
is_watched(const struct ush_places *places, int wd)
{
	for (size_t i = 0; i < places->n; i++)
		if (places->v[i].wd == wd && places->v[i].fresh)
			return true;
	return false;
}

void
ush_places_end(
    struct ush_places *places, const struct ush_places *others, int fd)
{
	size_t kept = 0;

	for (size_t i = 0; i < places->n; i++)
		if (!is_watched(places, places->v[i].wd) &&
		    !(others && is_watched(others, places->v[i].wd)))
			inotify_rm_watch(fd, places->v[i].wd);
	for (size_t i = 0; i < places->n; i++) {
		if (places->v[i].fresh)
			places->v[kept++] = places->v[i];
		else
			free(places->v[i].name);
	}
	places->n = kept;
}

void
ush_places_fini(struct ush_places *places)
{
	while (places->n > 0)
		free(places->v[--places->n].name);
	free(places->v);
	memset(places, 0, sizeof *places);
}
