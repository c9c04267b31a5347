/*
 * SPDX-License-Identifier: MIT
 *
 * What rollout.c and shadow.c share. The essay on the locks is in rollout.c.
 */
#ifndef USH_POLICY_ROLLOUT_INNER_H
#define USH_POLICY_ROLLOUT_INNER_H

#include <pthread.h>
#include <stdbool.h>

#include "data/stats.h"
#include "policy/canary.h"
#include "policy/generation.h"
#include "policy/rollout.h"

struct ush_rollout {
	pthread_mutex_t lock;
	unsigned int forks; /* the process that `lock` was made in */
	struct ush_canary *canary;
	/* Changed under both locks. */
	struct ush_generation *previous; /* for a rollback; NULL: none */
	/* The content that is not to be taken up, since it was rolled back, or
	 * something else was promoted in its place. */
	bool has_held;
	unsigned char held[USH_REVISION_LEN];
	struct ush_inputs inputs; /* of the last load, also a failed one */
	struct ush_source shadow_source;
	struct ush_inputs shadow_inputs;
	struct ush_history history;
};

/* Waits for the other callers of this process. */
struct ush_rollout *ush_rollout_enter(struct ush_engine *engine);
void ush_rollout_leave(struct ush_rollout *r);

/* Around changes, in which nothing may fail or wait. */
void ush_rollout_change_begin(void);
void ush_rollout_change_end(void);

void ush_rollout_count(struct ush_engine *engine, enum ush_stat stat);

bool ush_rollout_is_revision(
    const struct ush_generation *g, const unsigned char *revision);

/* Changes: NULL is fine; makes a generation the active one, the one before
 * stays at hand; keeps a content from being taken up. */
void ush_rollout_retire_nolock(struct ush_generation *g);
void ush_rollout_activate_nolock(
    struct ush_engine *engine, struct ush_generation *g, enum ush_event event);
void ush_rollout_hold_nolock(
    struct ush_rollout *r, const struct ush_generation *g);

/* After changes: what is not in use any more goes. */
void ush_rollout_tidy(struct ush_rollout *r);

/* Loads a source that is to take the place of the active generation, and of
 * `other` if that is not NULL; what the data files say against that is a
 * failure like another. As ush_generation_load. */
struct ush_generation *ush_rollout_load(struct ush_engine *engine,
    const struct ush_source *source, const struct ush_generation *other,
    struct ush_refused *refused, struct ush_error *err);

/* A load failed: nothing changes, but that its inputs, which are taken over,
 * become *watched (NULL: are not watched); unless the system was to blame.
 * Returns -1. */
int ush_rollout_refused(struct ush_engine *engine, const char *what,
    struct ush_inputs *watched, struct ush_refused *refused,
    const struct ush_error *err);

#endif
