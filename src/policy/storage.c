/*
 * SPDX-License-Identifier: MIT
 *
 * What a state sees of the engine's store.
 */
#include "policy/storage.h"

#include "policy/pool.h"

const struct ush_store_view *
ush_storage_view(void *arg)
{
	struct ush_state *state = arg;
	const struct ush_engine *engine = state->generation->engine;
	struct ush_store_view *view = &state->store;

	if (!engine->store)
		return NULL;
	view->store = engine->store;
	view->stats = engine->stats;
	view->shard = ush_pool_shard();
	if (state->ready || view->overlay)
		return view;
	view->overlay = ush_store_overlay_new();
	if (view->overlay)
		return view;
	ush_box_starve(state->box);
	return NULL;
}

void
ush_storage_drop(struct ush_state *state)
{
	ush_store_overlay_free(state->store.overlay);
	state->store.overlay = NULL;
}
