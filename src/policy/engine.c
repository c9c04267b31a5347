/*
 * SPDX-License-Identifier: MIT
 *
 * The life of an engine: made with its first generation, counted by bindings,
 * gone when the last of its generations is.
 */
#include "policy/engine.h"

#include <stdlib.h>

#include "policy/rollout.h"
#include "policy/watch.h"

struct ush_engine *
ush_engine_new(const struct ush_engine *config, struct ush_error *err)
{
	struct ush_engine *engine = calloc(1, sizeof *engine);
	struct ush_error unwanted;

	if (!err)
		err = &unwanted;
	if (engine) {
		engine->stats = ush_stats_new();
		engine->rollout = ush_rollout_new();
	}
	if (!engine || !engine->stats || !engine->rollout) {
		ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		goto failed;
	}
	engine->source = config->source;
	engine->limits = config->limits;
	engine->on_error = config->on_error;
	engine->store = config->store;
	ush_log_init(&engine->log, config->log.fn, config->log.arg);
	engine->user = config->user;
	engine->user_free = config->user_free;
	atomic_init(&engine->refs, 1);
	if (ush_rollout_begin(engine, err) == 0)
		return engine;
failed:
	if (engine) {
		ush_rollout_free(engine->rollout);
		ush_stats_free(engine->stats);
	}
	free(engine);
	return NULL;
}

void
ush_engine_ref(struct ush_engine *engine)
{
	atomic_fetch_add(&engine->refs, 1);
}

void
ush_engine_unref(struct ush_engine *engine)
{
	/* Above zero, another thread may end it from here on. */
	if (atomic_fetch_sub(&engine->refs, 1) != 1)
		return;
	ush_watch_stop(engine);
	ush_rollout_end(engine);
}

void
ush_engine_destroy(struct ush_engine *engine)
{
	if (engine->user_free)
		engine->user_free(engine->user);
	ush_source_fini(&engine->source);
	ush_rollout_free(engine->rollout);
	ush_stats_free(engine->stats);
	ush_store_free(engine->store);
	free(engine);
}
