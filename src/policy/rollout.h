/*
 * SPDX-License-Identifier: MIT
 *
 * Which of an engine's generations decides: loading a new one in place of the
 * active one, the way back, and trying one beside it (shadow, canary). Any
 * thread, any number at once: they wait for one another, handshakes never do.
 */
#ifndef USH_POLICY_ROLLOUT_H
#define USH_POLICY_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/engine.h"
#include "policy/history.h"
#include "policy/inputs.h"
#include "policy/source.h"

/* Part of an engine, which owns it. NULL when memory is short. */
struct ush_rollout *ush_rollout_new(void);
void ush_rollout_free(struct ush_rollout *rollout); /* NULL is fine */

/* The first generation of an engine. 0, or -1 with *err filled. */
int ush_rollout_begin(struct ush_engine *engine, struct ush_error *err);

/* All generations are taken out of use. The engine may be gone after it. */
void ush_rollout_end(struct ush_engine *engine);

/*
 * The functions below return 0, or -1 with *err filled; then nothing has
 * changed but the history. `err` is never NULL.
 */

/* Loads the engine's source again. `what` says in the log who asked. */
int ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err);

/* Loads another source, which becomes the engine's: it is taken over if this
 * succeeds. */
int ush_rollout_replace(struct ush_engine *engine, struct ush_source *source,
    struct ush_error *err);

/* Makes the generation before the active one the active one again. */
int ush_rollout_back(struct ush_engine *engine, struct ush_error *err);

/* Loads a source to run beside the active generation, in place of the shadow
 * that there was; or loads that one's again; or drops it; or makes it the
 * active one. The source is taken over on success. */
int ush_rollout_shadow(struct ush_engine *engine, struct ush_source *source,
    struct ush_error *err);
int ush_rollout_reload_shadow(
    struct ush_engine *engine, const char *what, struct ush_error *err);
int ush_rollout_drop(struct ush_engine *engine, struct ush_error *err);
int ush_rollout_promote(struct ush_engine *engine, struct ush_error *err);

/* The share of peers' networks for which the shadow decides. */
int ush_rollout_canary(
    struct ush_engine *engine, unsigned int per_mille, struct ush_error *err);

/* Does the shadow, on which the caller has a pin, decide for this network?
 * `network` is what peers near each other have in common. */
bool ush_rollout_is_canary(const struct ush_generation *shadow,
    const unsigned char *network, size_t len);

/* Copies an entry of the history; false if there is none so far back. */
bool ush_rollout_history(const struct ush_engine *engine, unsigned int back,
    struct ush_event_entry *entry);

/* Copies what the last load has looked at, of the engine's source or of its
 * shadow's, to be watched: nothing, if it is a text. -1 without memory. */
int ush_rollout_inputs(
    struct ush_engine *engine, bool shadow, struct ush_inputs *copy);

#endif
