/*
 * SPDX-License-Identifier: MIT
 *
 * Two sources tell of changes. Looks (stat of each file) tell whether there is
 * one: it differs from what was loaded, whatever the events were. Events
 * (inotify) tell when to look, and that a file is still being written to. A
 * change is taken up when it is quiet: no event for a while, or two equal
 * looks.
 */
#include "policy/eye.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Finds the ways to the files anew. */
static void
find_ways(struct ush_eye *eye)
{
	eye->lost = false;
	if (eye->fd < 0)
		return;
	ush_places_begin(&eye->places);
	for (size_t i = 0; i < eye->loaded.n; i++)
		ush_places_add(&eye->places, eye->fd, eye->loaded.v[i].path, i);
	ush_places_end(&eye->places, eye->others, eye->fd);
}

static bool
is_polling(const struct ush_eye *eye)
{
	return eye->fd < 0 || eye->places.incomplete;
}

/* What is being written stays so, though the list is another one. */
static void
carry_over(const struct ush_eye *eye, const struct ush_inputs *inputs,
    struct ush_seen *seen)
{
	for (size_t i = 0; i < inputs->n; i++)
		for (size_t k = 0; k < eye->loaded.n; k++)
			if (strcmp(inputs->v[i].path, eye->loaded.v[k].path) ==
			    0) {
				seen[i].writing = eye->seen[k].writing;
				seen[i].created = eye->seen[k].created;
			}
}

int
ush_eye_set(struct ush_eye *eye, struct ush_inputs *inputs)
{
	struct ush_seen *seen = calloc(inputs->n + 1, sizeof *seen);

	if (!seen) {
		ush_inputs_fini(inputs);
		return -1;
	}
	carry_over(eye, inputs, seen);
	for (size_t i = 0; i < inputs->n; i++)
		seen[i].look = inputs->v[i];
	free(eye->seen);
	eye->seen = seen;
	ush_inputs_move(&eye->loaded, inputs);
	for (size_t i = 0; i < eye->loaded.n; i++)
		eye->seen[i].look.path = eye->loaded.v[i].path;
	eye->since = eye->moved = 0;
	eye->told = false;
	find_ways(eye);
	return 0;
}

/*
 * Events
 */

#define COMES_AND_GOES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

static void
event_on_file(struct ush_seen *seen, uint32_t mask)
{
	if (mask & (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_CLOSE_WRITE))
		seen->writing = seen->created = false;
	if (mask & IN_CREATE)
		seen->created = true;
	if (mask & IN_MODIFY)
		seen->writing = true;
}

/* Events were lost: what is being written can't be told any more. */
static void
overflow(struct ush_eye *eye)
{
	for (size_t i = 0; i < eye->loaded.n; i++)
		eye->seen[i].writing = eye->seen[i].created = false;
	eye->lost = eye->disturbed = true;
}

void
ush_eye_event(struct ush_eye *eye, const struct inotify_event *event)
{
	const char *name = event->len > 0 ? event->name : "";
	struct ush_place *place;

	if (event->mask & IN_Q_OVERFLOW) {
		overflow(eye);
		return;
	}
	for (size_t i = 0; i < eye->places.n; i++) {
		place = &eye->places.v[i];
		if (place->wd != event->wd ||
		    (name[0] != '\0' && strcmp(place->name, name) != 0))
			continue;
		if (name[0] == '\0') /* about the folder itself */
			eye->lost = true;
		else if (event->mask & COMES_AND_GOES)
			eye->lost = true;
		if (name[0] != '\0' && place->last)
			event_on_file(&eye->seen[place->input], event->mask);
		eye->disturbed = true;
	}
}

/*
 * Looks
 */

/* True if a file is another one than at the last look. */
static bool
look_at_all(struct ush_eye *eye)
{
	bool moved = false;

	for (size_t i = 0; i < eye->loaded.n; i++) {
		struct ush_input *look = &eye->seen[i].look, now = *look;

		ush_input_look(&now);
		if (ush_input_differs(&now, look))
			moved = true;
		*look = now;
	}
	return moved;
}

/* Is a file being written? One that has come into being, and is empty, will
 * be; but nobody writes through a new link to one that was there. */
static bool
is_busy(const struct ush_eye *eye)
{
	struct stat st;

	for (size_t i = 0; i < eye->loaded.n; i++) {
		const struct ush_seen *seen = &eye->seen[i];

		if (seen->writing)
			return true;
		if (seen->created && seen->look.there && seen->look.size == 0 &&
		    lstat(seen->look.path, &st) == 0 && !S_ISLNK(st.st_mode))
			return true;
	}
	return false;
}

/* A file whose folder is gone too will hardly be back in a moment. */
static bool
is_folder_there(const char *path)
{
	size_t len = (size_t)(strrchr(path, '/') - path);
	char folder[PATH_MAX];
	struct stat st;

	if (len >= sizeof folder)
		return false;
	memcpy(folder, path, len);
	folder[len] = '\0';
	return len == 0 || stat(folder, &st) == 0;
}

static bool
is_changed(const struct ush_eye *eye, bool *gone)
{
	bool changed = false;

	*gone = false;
	for (size_t i = 0; i < eye->loaded.n; i++) {
		const struct ush_input *look = &eye->seen[i].look;

		if (!ush_input_differs(look, &eye->loaded.v[i]))
			continue;
		changed = true;
		*gone = *gone || (!look->there && is_folder_there(look->path));
	}
	return changed;
}

/* Is it time? If not, *wait says when it may be. */
static bool
is_quiet(const struct ush_eye *eye, uint64_t now, bool gone, int *wait)
{
	uint64_t still = now - eye->moved, quiet = USH_EYE_QUIET_MS;

	if (is_polling(eye))
		quiet = USH_EYE_POLL_MS - 20; /* a look comes early, too */
	else if (eye->told && !gone && now - eye->since >= USH_EYE_PATIENCE_MS)
		return true;
	else if (!eye->told)
		quiet = USH_EYE_DOUBT_MS;
	if (gone)
		quiet = USH_EYE_DOUBT_MS;
	if (still >= quiet)
		return true;
	*wait = (int)(quiet - still);
	return false;
}

bool
ush_eye_look(struct ush_eye *eye, uint64_t now, int *wait)
{
	bool gone, signs = eye->disturbed;

	*wait = is_polling(eye) ? USH_EYE_POLL_MS : USH_EYE_SLOW_MS;
	eye->disturbed = false;
	if (eye->lost || is_polling(eye))
		find_ways(eye);
	if (look_at_all(eye) || signs)
		eye->moved = now;
	if (!is_changed(eye, &gone)) {
		eye->since = 0;
		eye->told = false;
		return false;
	}
	eye->told = eye->told || signs;
	if (eye->since == 0)
		eye->since = eye->moved = now;
	return !is_busy(eye) && is_quiet(eye, now, gone, wait);
}

void
ush_eye_fini(struct ush_eye *eye)
{
	ush_places_fini(&eye->places);
	ush_inputs_fini(&eye->loaded);
	free(eye->seen);
	eye->seen = NULL;
}
