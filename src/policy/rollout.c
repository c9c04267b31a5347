/*
 * SPDX-License-Identifier: MIT
 *
 * The control side of an engine. A generation goes one way:
 *
 *	load -> published -> (active <-> previous, or shadow -> active) ->
 *	retired -> freed by the pool
 *
 * Two locks. `lock` makes callers wait for one another; it is held while a
 * script loads, and no handshake ever takes it. What it guards is changed
 * under the pool's lock too, for a few assignments at a time: fork(2) takes
 * that one, so that a child finds all of it whole, however long the loading
 * that goes on in another thread of the parent's. `lock` itself may be held by
 * a thread that the child does not have: the child's first caller makes it
 * anew.
 */
#include "policy/rollout.h"

#include <stdlib.h>
#include <string.h>

#include "policy/datasets.h"
#include "policy/pool.h"
#include "policy/rollout_inner.h"
#include "policy/slots.h"
#include "policy/watch.h"

struct ush_rollout *
ush_rollout_new(void)
{
	struct ush_rollout *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	ush_pool_start();
	ush_watch_init();
	pthread_mutex_init(&r->lock, NULL);
	r->forks = atomic_load(&ush_pool.forks);
	r->canary = ush_canary_new();
	if (r->canary)
		return r;
	ush_rollout_free(r);
	return NULL;
}

void
ush_rollout_free(struct ush_rollout *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	ush_inputs_fini(&r->inputs);
	ush_inputs_fini(&r->shadow_inputs);
	ush_source_fini(&r->shadow_source);
	ush_canary_free(r->canary);
	free(r);
}

/* Waits for the other callers of this process. */
struct ush_rollout *
ush_rollout_enter(struct ush_engine *engine)
{
	struct ush_rollout *r = engine->rollout;
	unsigned int forks;

	ush_watch_wake(engine);
	pthread_mutex_lock(&ush_pool.lock);
	forks = atomic_load(&ush_pool.forks);
	if (r->forks != forks)
		pthread_mutex_init(&r->lock, NULL);
	r->forks = forks;
	pthread_mutex_unlock(&ush_pool.lock);
	pthread_mutex_lock(&r->lock);
	return r;
}

void
ush_rollout_leave(struct ush_rollout *r)
{
	pthread_mutex_unlock(&r->lock);
}

void
ush_rollout_change_begin(void)
{
	pthread_mutex_lock(&ush_pool.lock);
}

void
ush_rollout_change_end(void)
{
	pthread_mutex_unlock(&ush_pool.lock);
}

void
ush_rollout_count(struct ush_engine *engine, enum ush_stat stat)
{
	ush_stats_add(engine->stats, ush_pool_shard(), stat);
}

/*
 * Changes: each under both locks, without any call that could fail or wait
 */

void
ush_rollout_retire_nolock(struct ush_generation *g)
{
	if (g)
		ush_pool_retire_nolock(g);
}

/* Makes a generation the active one. The one before stays at hand. */
void
ush_rollout_activate_nolock(
    struct ush_engine *engine, struct ush_generation *g, enum ush_event event)
{
	struct ush_rollout *r = engine->rollout;
	struct ush_generation *before = atomic_exchange(&engine->active, g);

	ush_rollout_retire_nolock(r->previous);
	r->previous = before;
	if (before)
		atomic_store(&before->cold, true);
	ush_history_add_nolock(&r->history, event, g);
}

void
ush_rollout_hold_nolock(struct ush_rollout *r, const struct ush_generation *g)
{
	r->has_held = true;
	memcpy(r->held, g->revision, sizeof r->held);
}

/* After changes: what is not in use any more goes. */
void
ush_rollout_tidy(struct ush_rollout *r)
{
	if (r->previous)
		ush_pool_cool(r->previous);
	ush_pool_reclaim();
}

/*
 * Loading
 */

struct ush_generation *
ush_rollout_load(struct ush_engine *engine, const struct ush_source *source,
    const struct ush_generation *other, struct ush_refused *refused,
    struct ush_error *err)
{
	struct ush_generation *g =
	    ush_generation_load(engine, source, refused, err);

	if (!g ||
	    (ush_datasets_check(g, atomic_load(&engine->active), err) == 0 &&
		ush_datasets_check(g, other, err) == 0))
		return g;
	ush_inputs_move(&refused->inputs, &g->inputs);
	memcpy(refused->revision_hex, g->revision_hex,
	    sizeof refused->revision_hex);
	ush_generation_free(g);
	return NULL;
}

int
ush_rollout_refused(struct ush_engine *engine, const char *what,
    struct ush_inputs *watched, struct ush_refused *refused,
    const struct ush_error *err)
{
	struct ush_rollout *r = engine->rollout;

	ush_rollout_change_begin();
	ush_history_refuse_nolock(&r->history, refused->revision_hex, err);
	/* Short of memory, what was looked at is not all there is. */
	if (watched && err->code != USH_ERROR_SYSTEM)
		ush_inputs_move(watched, &refused->inputs);
	ush_rollout_change_end();
	ush_inputs_fini(&refused->inputs);
	ush_rollout_count(engine, USH_STAT_reload_failures);
	ush_log_write(&engine->log, USH_LOG_ERROR, USH_LOG_ROLLOUT,
	    "%s: refused: %s; revision %s stays", what, err->message,
	    atomic_load(&engine->active)->revision_hex);
	return -1;
}

bool
ush_rollout_is_revision(
    const struct ush_generation *g, const unsigned char *revision)
{
	return memcmp(g->revision, revision, USH_REVISION_LEN) == 0;
}

/* The content is the same as the one that decides, or was rolled back. */
static bool
is_news(struct ush_engine *engine, const struct ush_generation *g)
{
	const struct ush_rollout *r = engine->rollout;

	if (ush_rollout_is_revision(g, atomic_load(&engine->active)->revision))
		return false;
	return !r->has_held || !ush_rollout_is_revision(g, r->held);
}

static void
log_loaded(struct ush_engine *engine, const char *what,
    const struct ush_generation *g, const struct ush_generation *before)
{
	ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
	    "%s: %s: revision %s takes the place of %s", what, g->label,
	    g->revision_hex, before->revision_hex);
}

/* That nothing happens is worth a line only where one might wonder. */
static void
log_old(
    struct ush_engine *engine, const char *what, const struct ush_generation *g)
{
	if (!ush_rollout_is_revision(g, atomic_load(&engine->active)->revision))
		ush_log_write(&engine->log, USH_LOG_INFO, USH_LOG_ROLLOUT,
		    "%s: %s: revision %s was replaced on purpose; another one "
		    "decides until the script changes",
		    what, g->label, g->revision_hex);
}

/* `source` NULL: the engine's own; else it becomes that. */
static int
take_up(struct ush_engine *engine, struct ush_source *source, const char *what,
    struct ush_error *err)
{
	struct ush_rollout *r = engine->rollout;
	struct ush_refused why;
	struct ush_source before = {0};
	struct ush_generation *g = ush_rollout_load(
	    engine, source ? source : &engine->source, NULL, &why, err);
	bool news;

	if (!g)
		return ush_rollout_refused(
		    engine, what, source ? NULL : &r->inputs, &why, err);
	news = is_news(engine, g);
	if (news) /* who sees it in the history has it counted, too */
		ush_rollout_count(engine, USH_STAT_reloads);
	ush_rollout_change_begin();
	ush_inputs_move(&r->inputs, &g->inputs);
	if (source) {
		before = engine->source;
		engine->source = *source;
		memset(source, 0, sizeof *source);
	}
	if (r->has_held && !ush_rollout_is_revision(g, r->held))
		r->has_held = false;
	if (news) {
		ush_pool_adopt_nolock(g);
		ush_rollout_activate_nolock(engine, g, USH_EVENT_LOADED);
	}
	ush_rollout_change_end();
	ush_source_fini(&before);
	if (!news) {
		log_old(engine, what, g);
		ush_generation_free(g);
		return 0;
	}
	log_loaded(engine, what, g, r->previous);
	ush_datasets_warn(g, r->previous, what);
	ush_rollout_tidy(r);
	return 0;
}

int
ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	int result = take_up(engine, NULL, what, err);

	ush_rollout_leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_replace(
    struct ush_engine *engine, struct ush_source *source, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	int result = take_up(engine, source, "replace", err);

	ush_rollout_leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_begin(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	struct ush_refused why;
	struct ush_generation *g =
	    ush_generation_load(engine, &engine->source, &why, err);

	if (g) {
		ush_rollout_change_begin();
		ush_inputs_move(&r->inputs, &g->inputs);
		ush_pool_adopt_nolock(g);
		ush_rollout_activate_nolock(engine, g, USH_EVENT_LOADED);
		ush_rollout_change_end();
		ush_datasets_warn(g, NULL, "load");
	}
	ush_inputs_fini(&why.inputs);
	ush_rollout_leave(r);
	return g ? 0 : -1;
}

void
ush_rollout_end(struct ush_engine *engine)
{
	struct ush_rollout *r = engine->rollout;

	ush_rollout_change_begin();
	ush_rollout_retire_nolock(r->previous);
	ush_rollout_retire_nolock(atomic_exchange(&engine->shadow, NULL));
	ush_pool_retire_nolock(atomic_load(&engine->active));
	ush_rollout_change_end();
	ush_pool_reclaim();
}

/*
 * The way back
 */

int
ush_rollout_back(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	struct ush_generation *g = r->previous, *before;
	char gone[sizeof g->revision_hex];
	int result = -1;

	if (!g) {
		ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "rollback: there is no generation before the active one");
		goto done;
	}
	atomic_store(&g->cold, false);
	ush_datasets_warn(g, atomic_load(&engine->active), "rollback");
	ush_rollout_change_begin();
	r->previous = NULL;
	before = atomic_exchange(&engine->active, g);
	memcpy(gone, before->revision_hex, sizeof gone);
	ush_rollout_hold_nolock(r, before);
	ush_rollout_retire_nolock(before);
	ush_history_add_nolock(&r->history, USH_EVENT_ROLLED_BACK, g);
	ush_rollout_change_end();
	ush_rollout_count(engine, USH_STAT_rollbacks);
	ush_log_write(&engine->log, USH_LOG_WARNING, USH_LOG_ROLLOUT,
	    "rollback: revision %s is active again, in place of %s",
	    g->revision_hex, gone);
	ush_rollout_tidy(r);
	result = 0;
done:
	ush_rollout_leave(r);
	ush_watch_kick(engine);
	return result;
}

/*
 * What can be told
 */

bool
ush_rollout_history(const struct ush_engine *engine, unsigned int back,
    struct ush_event_entry *entry)
{
	const struct ush_event_entry *found;

	pthread_mutex_lock(&ush_pool.lock);
	found = ush_history_get_nolock(&engine->rollout->history, back);
	if (found)
		*entry = *found;
	pthread_mutex_unlock(&ush_pool.lock);
	return found != NULL;
}

int
ush_rollout_inputs(
    struct ush_engine *engine, bool shadow, struct ush_inputs *copy)
{
	struct ush_rollout *r = ush_rollout_enter(engine);
	int result =
	    ush_inputs_copy(copy, shadow ? &r->shadow_inputs : &r->inputs);

	ush_rollout_leave(r);
	return result;
}
