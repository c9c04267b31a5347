/*
 * SPDX-License-Identifier: MIT
 *
 * A generation beside the active one: how it comes, goes, and is promoted, and
 * for whom it decides.
 */
#include <string.h>

#include "policy/datasets.h"
#include "policy/pool.h"
#include "policy/rollout_inner.h"
#include "policy/watch.h"

/* Without a shadow there is nothing to do. */
static struct ush_generation *
need_shadow(struct ush_engine *engine, const char *what, struct ush_error *err)
{
	struct ush_generation *shadow = atomic_load(&engine->shadow);

	if (!shadow)
		ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "%s: there is no shadow", what);
	return shadow;
}

/* Takes the shadow away, with what it came from. */
static void
clear_nolock(struct ush_engine *engine, struct ush_source *source)
{
	struct ush_rollout *r = engine->rollout;

	atomic_store(&engine->shadow, NULL);
	*source = r->shadow_source;
	memset(&r->shadow_source, 0, sizeof r->shadow_source);
	ush_inputs_fini(&r->shadow_inputs);
}

static void
install(struct ush_engine *engine, struct ush_generation *g)
{
	struct ush_rollout *r = engine->rollout;

	ush_rollout_change_begin();
	ush_pool_adopt_nolock(g);
	ush_rollout_retire_nolock(atomic_exchange(&engine->shadow, g));
	ush_history_add_nolock(&r->history, USH_EVENT_SHADOW, g);
	ush_rollout_change_end();
	ush_pool_reclaim();
}

/* `source` NULL: that of the shadow again; else it is taken over. */
static int
take_up(struct ush_engine *engine, struct ush_source *source, const char *what,
    struct ush_error *err)
{
	struct ush_rollout *r = engine->rollout;
	const struct ush_generation *before = atomic_load(&engine->shadow);
	struct ush_refused why;
	struct ush_source old = {0};
	struct ush_generation *g =
	    ush_rollout_load(engine, source ? source : &r->shadow_source,
		source ? NULL : before, &why, err);

	if (!g)
		return ush_rollout_refused(
		    engine, what, source ? NULL : &r->shadow_inputs, &why, err);
	ush_rollout_change_begin();
	ush_inputs_move(&r->shadow_inputs, &g->inputs);
	if (source) {
		old = r->shadow_source;
		r->shadow_source = *source;
		memset(source, 0, sizeof *source);
	}
	ush_rollout_change_end();
	ush_source_fini(&old);
	if (before && ush_rollout_is_revision(before, g->revision)) {
		ush_generation_free(g);
		return 0;
	}
	install(engine, g);
	ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
	    "%s: %s: revision %s runs beside %s", what, g->label,
	    g->revision_hex, atomic_load(&engine->active)->revision_hex);
	ush_datasets_warn(g, atomic_load(&engine->active), what);
	return 0;
}

int
ush_rollout_shadow(
    struct ush_engine *engine, struct ush_source *source, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	int result = take_up(engine, source, "shadow", err);

	ush_rollout_leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_reload_shadow(
    struct ush_engine *engine, const char *what, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	int result = -1;

	if (need_shadow(engine, what, err))
		result = take_up(engine, NULL, what, err);
	ush_rollout_leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_drop(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	struct ush_generation *shadow = need_shadow(engine, "drop", err);
	struct ush_source source = {0};

	if (shadow) {
		ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
		    "drop: revision %s is no shadow any more",
		    shadow->revision_hex);
		ush_rollout_change_begin();
		ush_history_add_nolock(
		    &r->history, USH_EVENT_SHADOW_DROPPED, shadow);
		clear_nolock(engine, &source);
		ush_pool_retire_nolock(shadow);
		ush_rollout_change_end();
		ush_pool_reclaim();
	}
	ush_rollout_leave(r);
	ush_source_fini(&source);
	ush_watch_kick(engine);
	return shadow ? 0 : -1;
}

/* What the source has now is not to come back by itself. */
int
ush_rollout_promote(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	struct ush_generation *shadow = need_shadow(engine, "promote", err);
	struct ush_generation *before = atomic_load(&engine->active);
	struct ush_source source = {0};

	/* The active one may have been filled since the shadow was loaded. */
	if (shadow && ush_datasets_check(shadow, before, err) != 0)
		shadow = NULL;
	if (shadow) {
		ush_datasets_warn(shadow, before, "promote");
		ush_rollout_change_begin();
		if (!r->has_held)
			ush_rollout_hold_nolock(r, before);
		/* First active, then no shadow: see pin_shadow in pool.c. */
		ush_rollout_activate_nolock(engine, shadow, USH_EVENT_PROMOTED);
		clear_nolock(engine, &source);
		ush_rollout_change_end();
		ush_rollout_count(engine, USH_STAT_promotions);
		ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
		    "promote: revision %s takes the place of %s",
		    shadow->revision_hex, before->revision_hex);
		ush_rollout_tidy(r);
	}
	ush_rollout_leave(r);
	ush_source_fini(&source);
	ush_watch_kick(engine);
	return shadow ? 0 : -1;
}

/*
 * Canary
 */

static uint64_t
number_of(const struct ush_generation *g)
{
	uint64_t number;

	memcpy(&number, g->revision, sizeof number);
	return number;
}

int
ush_rollout_canary(
    struct ush_engine *engine, unsigned int per_mille, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	const struct ush_generation *shadow = NULL;

	if (per_mille > USH_CANARY_ALL)
		ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "canary: the share is per mille, 0 to 1000, not %u",
		    per_mille);
	else
		shadow = need_shadow(engine, "canary", err);
	if (shadow) {
		ush_canary_set(r->canary, number_of(shadow), per_mille);
		ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
		    "canary: revision %s decides for %u per mille",
		    shadow->revision_hex, per_mille);
	}
	ush_rollout_leave(r);
	return shadow ? 0 : -1;
}

bool
ush_rollout_is_canary(const struct ush_generation *shadow,
    const unsigned char *network, size_t len)
{
	const struct ush_canary *canary = shadow->engine->rollout->canary;

	return ush_canary_has(
	    canary, ush_canary_get(canary, number_of(shadow)), network, len);
}
