/*
 * SPDX-License-Identifier: MIT
 *
 * What a state sees of the engine's store. While it is set up, its writes go to
 * an overlay, so that loading a script changes nothing for the one that runs;
 * whoever runs a state without effect gives it an overlay (state->store) too.
 */
#ifndef USH_POLICY_STORAGE_H
#define USH_POLICY_STORAGE_H

#include "policy/state.h"

/* For struct ush_lib_host; arg is the state. */
const struct ush_store_view *ush_storage_view(void *arg);

/* Throws the overlay away: what is written from now on is real. */
void ush_storage_drop(struct ush_state *state);

#endif
