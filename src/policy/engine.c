/*
 * SPDX-License-Identifier: MIT
 *
 * The life of an engine: made with its first generation, counted by bindings,
 * gone when the last of its generations is.
 */
#include "policy/engine.h"

#include <stdlib.h>

#include "policy/generation.h"
#include "policy/pool.h"

static void
source_free(struct ush_source *source)
{
	free(source->path);
	free(source->name);
	free(source->text);
}

struct ush_engine *
ush_engine_new(const struct ush_engine *config, struct ush_error *err)
{
	struct ush_engine *engine = calloc(1, sizeof *engine);
	struct ush_generation *generation = NULL;

	if (engine)
		engine->stats = ush_stats_new();
	if (!engine || !engine->stats) {
		ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		goto failed;
	}
	engine->source = config->source;
	engine->limits = config->limits;
	engine->on_error = config->on_error;
	ush_log_init(&engine->log, config->log.fn, config->log.arg);
	engine->user = config->user;
	engine->user_free = config->user_free;
	atomic_init(&engine->refs, 1);
	generation = ush_generation_load(engine, NULL, err);
	if (!generation)
		goto failed;
	atomic_store(&engine->active, generation);
	return engine;
failed:
	if (engine)
		ush_stats_free(engine->stats);
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
	/* Read first: at zero, another thread may reclaim the engine. */
	struct ush_generation *active = atomic_load(&engine->active);

	if (atomic_fetch_sub(&engine->refs, 1) == 1)
		ush_pool_retire(active);
}

void
ush_engine_destroy(struct ush_engine *engine)
{
	if (engine->user_free)
		engine->user_free(engine->user);
	source_free(&engine->source);
	ush_stats_free(engine->stats);
	free(engine);
}
