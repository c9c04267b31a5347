/*
 * SPDX-License-Identifier: MIT
 *
 * What became of an engine's last generations, the refused ones among them.
 */
#ifndef USH_POLICY_HISTORY_H
#define USH_POLICY_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/generation.h"

/* Same values as the public enum usher_event (src/usher_rollout.c checks). */
enum ush_event {
	USH_EVENT_LOADED,         /* it became the active one */
	USH_EVENT_REFUSED,        /* it could not be loaded */
	USH_EVENT_ROLLED_BACK,    /* it is the active one again */
	USH_EVENT_SHADOW,         /* it runs beside the active one */
	USH_EVENT_SHADOW_DROPPED, /* no more */
	USH_EVENT_PROMOTED,       /* from the shadow to the active one */
};

enum { USH_HISTORY_LEN = 16 };

struct ush_event_entry {
	enum ush_event event;
	int64_t time;
	char revision[2 * USH_REVISION_LEN + 1]; /* "" if it can't be told */
	char name[USH_NAME_MAX + 1];             /* of the policy, or "" */
	char script[256];
	char message[768]; /* why it was refused, or "" */
};

/* The last USH_HISTORY_LEN; zeroed memory is an empty one. Under the pool's
 * lock, so that a fork finds it whole. */
struct ush_history {
	struct ush_event_entry entries[USH_HISTORY_LEN];
	unsigned int n; /* so far, the forgotten ones too */
};

/* Of a generation; and of one that there is not. */
void ush_history_add_nolock(struct ush_history *history, enum ush_event event,
    const struct ush_generation *generation);
void ush_history_refuse_nolock(struct ush_history *history,
    const char *revision, const struct ush_error *err);

/* The entry so far back: 0 is the last one. NULL if there is none. */
const struct ush_event_entry *ush_history_get_nolock(
    const struct ush_history *history, unsigned int back);

#endif
