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

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "policy/generation.h"
#include "policy/pool.h"
#include "policy/slots.h"
#include "policy/watch.h"

struct ush_rollout {
	pthread_mutex_t lock;
	unsigned int forks; /* the process that `lock` was made in */
	/* Changed under both locks. */
	struct ush_generation *previous; /* for a rollback; NULL: none */
	/* The content that is not to be taken up, since it was rolled back, or
	 * something else was promoted in its place. */
	bool has_held;
	unsigned char held[USH_REVISION_LEN];
	struct ush_inputs inputs; /* of the last load, also a failed one */
	struct ush_history history;
};

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
	return r;
}

void
ush_rollout_free(struct ush_rollout *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	ush_inputs_fini(&r->inputs);
	free(r);
}

/* Waits for the other callers of this process. */
static struct ush_rollout *
enter(struct ush_engine *engine)
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

static void
leave(struct ush_rollout *r)
{
	pthread_mutex_unlock(&r->lock);
}

static void
change_begin(void)
{
	pthread_mutex_lock(&ush_pool.lock);
}

static void
change_end(void)
{
	pthread_mutex_unlock(&ush_pool.lock);
}

static void
count(struct ush_engine *engine, enum ush_stat stat)
{
	ush_stats_add(engine->stats, ush_pool_shard(), stat);
}

/*
 * Changes: each under both locks, without any call that could fail or wait
 */

static void
retire_nolock(struct ush_generation *g)
{
	if (g)
		ush_pool_retire_nolock(g);
}

/* Makes a generation the active one. The one before stays at hand. */
static void
activate_nolock(
    struct ush_engine *engine, struct ush_generation *g, enum ush_event event)
{
	struct ush_rollout *r = engine->rollout;
	struct ush_generation *before = atomic_exchange(&engine->active, g);

	retire_nolock(r->previous);
	r->previous = before;
	if (before)
		atomic_store(&before->cold, true);
	ush_history_add_nolock(&r->history, event, g);
}

static void
hold_nolock(struct ush_rollout *r, const struct ush_generation *g)
{
	r->has_held = true;
	memcpy(r->held, g->revision, sizeof r->held);
}

/* After changes: what is not in use any more goes. */
static void
tidy(struct ush_rollout *r)
{
	if (r->previous)
		ush_pool_cool(r->previous);
	ush_pool_reclaim();
}

/*
 * Loading
 */

/* A load failed: nothing changes, but that its inputs are watched now. */
static int
refused(struct ush_engine *engine, const char *what, bool watched,
    struct ush_refused *refused, const struct ush_error *err)
{
	struct ush_rollout *r = engine->rollout;
	const struct ush_generation *active = atomic_load(&engine->active);

	change_begin();
	ush_history_refuse_nolock(&r->history, refused->revision_hex, err);
	if (watched)
		ush_inputs_move(&r->inputs, &refused->inputs);
	change_end();
	ush_inputs_fini(&refused->inputs);
	count(engine, USH_STAT_reload_failures);
	if (active)
		ush_log_write(&engine->log, USH_LOG_ERROR, USH_LOG_ROLLOUT,
		    "%s: refused: %s; revision %s stays", what, err->message,
		    active->revision_hex);
	return -1;
}

static bool
is_revision(const struct ush_generation *g, const unsigned char *revision)
{
	return memcmp(g->revision, revision, USH_REVISION_LEN) == 0;
}

/* The content is the same as the one that decides, or was rolled back. */
static bool
is_news(struct ush_engine *engine, const struct ush_generation *g)
{
	const struct ush_rollout *r = engine->rollout;

	if (is_revision(g, atomic_load(&engine->active)->revision))
		return false;
	return !r->has_held || !is_revision(g, r->held);
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
	if (!is_revision(g, atomic_load(&engine->active)->revision))
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
	struct ush_generation *g = ush_generation_load(
	    engine, source ? source : &engine->source, &why, err);
	bool news;

	if (!g)
		return refused(engine, what, !source, &why, err);
	news = is_news(engine, g);
	change_begin();
	ush_inputs_move(&r->inputs, &g->inputs);
	if (source) {
		before = engine->source;
		engine->source = *source;
		memset(source, 0, sizeof *source);
	}
	if (r->has_held && !is_revision(g, r->held))
		r->has_held = false;
	if (news) {
		ush_pool_adopt_nolock(g);
		activate_nolock(engine, g, USH_EVENT_LOADED);
	}
	change_end();
	ush_source_fini(&before);
	if (!news) {
		log_old(engine, what, g);
		ush_generation_free(g);
		return 0;
	}
	log_loaded(engine, what, g, r->previous);
	count(engine, USH_STAT_reloads);
	tidy(r);
	return 0;
}

int
ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err)
{
	struct ush_rollout *r = enter(engine);
	int result = take_up(engine, NULL, what, err);

	leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_replace(
    struct ush_engine *engine, struct ush_source *source, struct ush_error *err)
{
	struct ush_rollout *r = enter(engine);
	int result = take_up(engine, source, "replace", err);

	leave(r);
	ush_watch_kick(engine);
	return result;
}

int
ush_rollout_begin(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = enter(engine);
	struct ush_refused why;
	struct ush_generation *g =
	    ush_generation_load(engine, &engine->source, &why, err);

	if (g) {
		change_begin();
		ush_inputs_move(&r->inputs, &g->inputs);
		ush_pool_adopt_nolock(g);
		activate_nolock(engine, g, USH_EVENT_LOADED);
		change_end();
	}
	ush_inputs_fini(&why.inputs);
	leave(r);
	return g ? 0 : -1;
}

void
ush_rollout_end(struct ush_engine *engine)
{
	struct ush_rollout *r = engine->rollout;

	change_begin();
	retire_nolock(r->previous);
	retire_nolock(atomic_exchange(&engine->shadow, NULL));
	ush_pool_retire_nolock(atomic_load(&engine->active));
	change_end();
	ush_pool_reclaim();
}

/*
 * The way back
 */

int
ush_rollout_back(struct ush_engine *engine, struct ush_error *err)
{
	struct ush_rollout *r = enter(engine);
	struct ush_generation *g = r->previous, *before;
	char gone[sizeof g->revision_hex];
	int result = -1;

	if (!g) {
		ush_error_set(err, USH_ERROR_ARGUMENT, NULL, 0,
		    "rollback: there is no generation before the active one");
		goto done;
	}
	atomic_store(&g->cold, false);
	change_begin();
	r->previous = NULL;
	before = atomic_exchange(&engine->active, g);
	memcpy(gone, before->revision_hex, sizeof gone);
	hold_nolock(r, before);
	retire_nolock(before);
	ush_history_add_nolock(&r->history, USH_EVENT_ROLLED_BACK, g);
	change_end();
	count(engine, USH_STAT_rollbacks);
	ush_log_write(&engine->log, USH_LOG_WARNING, USH_LOG_ROLLOUT,
	    "rollback: revision %s is active again, in place of %s",
	    g->revision_hex, gone);
	tidy(r);
	result = 0;
done:
	leave(r);
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
ush_rollout_inputs(struct ush_engine *engine, struct ush_inputs *copy)
{
	struct ush_rollout *r = enter(engine);
	int result = ush_inputs_copy(copy, &r->inputs);

	leave(r);
	return result;
}
