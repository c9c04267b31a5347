/*
 * SPDX-License-Identifier: MIT
 *
 * Retired generations: which of them still wait, and freeing the others. The
 * essay is in pool.c.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "policy/pool.h"
#include "policy/slots.h"
#include "policy/widen.h"

static bool
is_hazard_nolock(const struct ush_engine *engine)
{
	struct ush_thread *thread;

	for (thread = ush_pool.threads; thread; thread = thread->next)
		if (atomic_load(&thread->hazard) == engine)
			return true;
	return false;
}

static void
mark_nolock(const struct ush_generation *generation, bool dead)
{
	struct ush_slot *slot;

	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		atomic_store(&slot->dead, dead);
}

/* Whoever pins it by its number from here on sees the mark; whoever did so
 * before is seen. If there is none, the marks stay. */
static bool
is_pinned_nolock(const struct ush_generation *generation)
{
	const struct ush_slot *slot;

	mark_nolock(generation, true);
	USH_WIDEN();
	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		if (atomic_load(&slot->pins) != 0) {
			mark_nolock(generation, false);
			return true;
		}
	return false;
}

/* Nobody begins with it any more: so this sum may be too large, if some end
 * meanwhile, and is never too small. */
static long
remembered_nolock(const struct ush_generation *generation)
{
	const struct ush_slot *slot;
	long sum = -generation->ended;

	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		sum += atomic_load(&slot->begun);
	return sum;
}

static uint64_t
end_of_wait(const struct ush_generation *g)
{
	return g->retired_at + USH_WAITING_MS;
}

/* Does it wait for handshakes that remember it? The newest ones may. */
static bool
waits_nolock(const struct ush_generation *g)
{
	if (remembered_nolock(g) <= 0 ||
	    g->engine->waiting == USH_WAITING_MAX ||
	    ush_clock_ttl_ms() >= end_of_wait(g))
		return false;
	g->engine->waiting++;
	return true;
}

/* *due is when the first of those that stay has waited long enough: also of one
 * that is only pinned now and may be remembered then, since the watcher sleeps
 * for as long as is known when it goes to sleep. Past that time, the one who
 * has the pin asks again. */
static void
note_due_nolock(const struct ush_generation *g, uint64_t *due)
{
	uint64_t end = end_of_wait(g);

	if ((*due == 0 || end < *due) && ush_clock_ttl_ms() < end)
		*due = end;
}

enum { IDLE_MAX = 64 };

struct idle {
	struct ush_state *states[IDLE_MAX];
	unsigned int n;
};

/* Takes the states that idle threads keep. False if there were too many for
 * one round. */
static bool
take_idle_nolock(const struct ush_generation *generation, struct idle *idle)
{
	struct ush_slot *slot;
	struct ush_state *state;

	for (slot = generation->slots; slot; slot = slot->next_of_generation) {
		if (idle->n == IDLE_MAX)
			return false;
		state = atomic_exchange(&slot->state, NULL);
		if (state)
			idle->states[idle->n++] = state;
	}
	return true;
}

static void
idle_free(struct idle *idle)
{
	while (idle->n > 0)
		ush_state_free(idle->states[--idle->n]);
}

/* Those of threads are dead from here on: each frees its own. */
static void
slots_leave_nolock(struct ush_generation *generation)
{
	struct ush_slot *slot, *next;

	for (slot = generation->slots; slot; slot = next) {
		next = slot->next_of_generation;
		if (!slot->owner)
			free(slot);
	}
	generation->slots = NULL;
}

static void
unlink_nolock(struct ush_generation *g)
{
	if (g->prev)
		g->prev->next = g->next;
	else
		ush_pool.generations = g->next;
	if (g->next)
		g->next->prev = g->prev;
}

/* Can't be freed now: *blocked says whether by a hazard. */
static bool
stays_nolock(const struct ush_generation *g, bool *blocked)
{
	if (is_hazard_nolock(g->engine)) {
		*blocked = true;
		return true;
	}
	USH_WIDEN();
	if (is_pinned_nolock(g))
		return true;
	USH_WIDEN();
	if (!waits_nolock(g))
		return false;
	mark_nolock(g, false);
	return true;
}

/* Takes those that are to be freed off the lists. */
static struct ush_generation *
take_free_nolock(struct idle *idle, bool *again, bool *blocked)
{
	struct ush_generation **link, *gone = NULL, *g;
	uint64_t due = 0;

	for (g = ush_pool.retired; g; g = g->next_retired)
		g->engine->waiting = 0;
	link = &ush_pool.retired;
	while ((g = *link)) {
		if (!take_idle_nolock(g, idle))
			*again = true;
		if (*again || stays_nolock(g, blocked)) {
			note_due_nolock(g, &due);
			link = &g->next_retired;
			continue;
		}
		*link = g->next_retired;
		slots_leave_nolock(g);
		unlink_nolock(g);
		g->next_retired = gone;
		gone = g;
	}
	atomic_store(&ush_pool.due, due);
	return gone;
}

/* One round: idle states and free generations are taken out under the lock
 * and closed without it. True if another round is to follow. */
static bool
reclaim_round(void)
{
	struct ush_generation *gone, *g;
	bool again = false, blocked = false;
	struct idle idle = {.n = 0};

	pthread_mutex_lock(&ush_pool.lock);
	atomic_store(&ush_pool.blocked, true);
	gone = take_free_nolock(&idle, &again, &blocked);
	atomic_store(&ush_pool.blocked, blocked);
	pthread_mutex_unlock(&ush_pool.lock);
	idle_free(&idle);
	while ((g = gone)) {
		gone = g->next_retired;
		ush_generation_free(g);
	}
	return again;
}

/* One thread works off what all ask for: nobody waits. */
static void
reclaim(void)
{
	unsigned int n;

	if (atomic_fetch_add(&ush_pool.wanted, 1) > 0)
		return;
	do {
		n = atomic_load(&ush_pool.wanted);
		while (reclaim_round())
			;
	} while (atomic_fetch_sub(&ush_pool.wanted, n) != n);
}

void
ush_pool_retire_nolock(struct ush_generation *generation)
{
	struct ush_slot *slot;

	atomic_store(&generation->cold, true);
	atomic_store(&generation->retired, true);
	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		atomic_store(&slot->retired, true);
	generation->retired_at = ush_clock_ttl_ms();
	generation->next_retired = ush_pool.retired;
	ush_pool.retired = generation;
	/* Another thread may be the one that reclaims, and be at it for long
	 * after the watcher has been told. */
	if (atomic_load(&ush_pool.due) == 0)
		atomic_store(&ush_pool.due, end_of_wait(generation));
}

void
ush_pool_reclaim(void)
{
	reclaim();
}

void
ush_pool_cool(struct ush_generation *generation)
{
	struct idle idle;
	bool all;

	do {
		idle.n = 0;
		pthread_mutex_lock(&ush_pool.lock);
		all = take_idle_nolock(generation, &idle);
		pthread_mutex_unlock(&ush_pool.lock);
		idle_free(&idle);
	} while (!all);
}

void
ush_pool_adopt_nolock(struct ush_generation *generation)
{
	generation->id = ++ush_pool.generation_ids;
	generation->engine->generations++;
	generation->next = ush_pool.generations;
	if (generation->next)
		generation->next->prev = generation;
	ush_pool.generations = generation;
}

bool
ush_pool_disown(struct ush_generation *generation)
{
	struct ush_engine *engine = generation->engine;
	bool last;

	pthread_mutex_lock(&ush_pool.lock);
	last = --engine->generations == 0 && atomic_load(&engine->refs) == 0;
	pthread_mutex_unlock(&ush_pool.lock);
	return last;
}
