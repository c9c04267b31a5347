/*
 * SPDX-License-Identifier: MIT
 *
 * An eye on the files of one script: tells when they have changed and may be
 * loaded again. Belongs to the watcher's thread.
 */
#ifndef USH_POLICY_EYE_H
#define USH_POLICY_EYE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>

#include "policy/inputs.h"
#include "policy/places.h"

enum {
	/* Quiet for so long, after the last event, is quiet. */
	USH_EYE_QUIET_MS = 50,
	/* With events that never end, so long after the first. */
	USH_EYE_PATIENCE_MS = 300,
	/* Between two looks, where there are no events; */
	USH_EYE_POLL_MS = 120,
	/* and where there are, in case that some are missing: on file systems
	 * of another machine, or after a mount. */
	USH_EYE_SLOW_MS = 2000,
	/* A file that is gone may be about to come back; one that has changed
	 * without an event may be in the middle of it. */
	USH_EYE_DOUBT_MS = 400,
};

/* What is known of a file besides its state when it was loaded. */
struct ush_seen {
	struct ush_input look; /* the last one; the path is the input's */
	bool writing;          /* written to, and not closed since */
	bool created;          /* came into being, and not closed since */
};

struct ush_eye {
	int fd; /* of inotify, the watcher's; -1: there is none */
	struct ush_inputs loaded; /* as they were when they were loaded */
	struct ush_seen *seen;    /* of each */
	struct ush_places places;
	const struct ush_places *others; /* by the same fd; may be NULL */
	bool lost;             /* the way to a file may be another one now */
	bool disturbed;        /* an event has come since the last look */
	bool told;             /* one has come since the change began */
	uint64_t since, moved; /* first and last sign of a change; 0: none */
};

/* Watches other files from here on, whose strings become the eye's. -1 when
 * memory is short: then the same as before, and the list is emptied. */
int ush_eye_set(struct ush_eye *eye, struct ush_inputs *inputs);

/* An event of the inotify instance; of any folder, or of none. */
void ush_eye_event(struct ush_eye *eye, const struct inotify_event *event);

/* Looks at the files, at the time `now` in milliseconds. True if they have
 * changed and are at rest: load them. Else *wait is how long it can be until
 * the next look, if no event comes before. */
bool ush_eye_look(struct ush_eye *eye, uint64_t now, int *wait);

void ush_eye_fini(struct ush_eye *eye);

#endif
