/*
 * SPDX-License-Identifier: MIT
 *
 * Each thread that handshakes has a record (struct ush_thread), and in it a
 * slot for each generation that it has used. A slot holds
 *
 *	state	the thread's idle Lua state of the generation, or NULL while it
 *		is in use. Taken and put back by atomic exchange, so that the
 *		reclaimer may take it from an idle thread at any time.
 *	pins	how many handshakes hold the generation that began on this
 *		thread. Written by the thread itself, unless a connection has
 *		moved: so no counter is shared on the hot path.
 *
 * and the record has a hazard pointer: the engine that the thread is looking at
 * just now. The rest of this page shows that a generation is not freed too
 * early, and not too late. All operations named in it are sequentially
 * consistent, so that there is one order of them all. usher.7 has a picture of
 * a generation's life; rollout.c moves it along.
 *
 * Who can come to a generation. A handshake, by `active` or `shadow` of an
 * engine, and nothing else:
 *
 *	pin	P1  hazard = the engine that the binding has
 *		P2  the binding still has it? else again from P1
 *		P3  g = active (or shadow) of the engine
 *		P4  pins of the thread's slot of g + 1
 *		P5  hazard = NULL
 *	unpin	U1  hazard = engine of g
 *		U2  pins - 1
 *		U3  is g retired?
 *		U4  hazard = NULL
 *		U5  if it was: reclaim
 *	retire	R1  active and shadow lead elsewhere, and never to g again
 *		R2  g is retired, and on the list
 *		R3  reclaim
 *	reclaim, for each g of the list, under the lock:
 *		C1  blocked = true
 *		C2  is the hazard of any thread g's engine? then not yet
 *		C3  has any slot of g pins? then not yet
 *		C4  take it off the list; free it
 *
 * R1 is what rollout.c must see to: a generation is retired once, by the one
 * who took it out of `active`, `shadow` or `previous`. From there it goes
 * nowhere but to the list. (The one before the active one, kept for a
 * rollback, is not retired.)
 *
 * Not too early. Suppose that a thread holds g, or is about to: it is after P3
 * and has not done U2. C4 frees g. Where was the thread at C2 and C3?
 *
 *	After P4: then C3 has seen its pin. Contradiction.
 *	Between P1 and P5: then C2 has seen its hazard. Contradiction. Slots
 *		that are new to the list of g (P4 may make one) matter not.
 *	So at C2 it was before P1, or at C2 after P5, which is after P4: the
 *		first case, as C3 comes after C2. Before P1 means that P3 came
 *		after C2, thus after R1, and has found another generation.
 *
 * The engine itself lives as long as one of its generations. A thread that is
 * past P2 has found the engine in the binding after it set its hazard; so the
 * binding's reference was given up later, and R1 of the last generation too;
 * C2 of that sees the hazard. (If an engine was freed between reading the
 * binding and P1, and another one lies at its address by P2, it is that one
 * which the binding has and the hazard names.)
 *
 * In U2 a thread gives up what keeps g and its slot. It reads g once more in
 * U3, under the hazard of U1, for which the same holds.
 *
 * States. One that is in use belongs to a handshake, which has a pin. One that
 * is idle is reached through a slot of g, under the lock, on which C4 has not
 * worked yet; or by its own thread, when it ends, which takes a pin for that
 * (slots.c). Those taken are freed before the generations of the same round.
 *
 * Not too late. After each "not yet" somebody asks again:
 *
 *	a pin	U2 came after C3, and U3 after U2, so it sees that g is
 *		retired: U5 asks again.
 *	a hazard The thread has cleared it after C2, and looks at `blocked`
 *		then, which was set before: it asks again (hazard_clear).
 *
 * An idle thread keeps nothing: its state is taken from it at once. A thread
 * that puts a state back looks afterwards whether the generation is `cold`, and
 * takes it again; the reclaimer marks first and takes then; so one of them
 * finds it.
 *
 * Retired generations are so few that a list and one lock, `ush_pool.lock`, do
 * for the rest; one that is held for hours costs the others nothing. A thread's
 * list of slots is read and changed by that thread alone. Slots outlive their
 * generation (marked dead, dropped when the thread makes its next one) and
 * their thread (orphaned, adopted by the next new thread).
 *
 * Forks. The lock is taken around fork(2), so all above is whole in the child.
 * The threads that it does not have hold no hazards there; what their
 * handshakes have pinned stays pinned, as long as those connections are there.
 */
#include "policy/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "policy/slots.h"

static void reclaim(void);

/* Announces the engine that the caller is about to look at. */
static void
hazard_set(struct ush_thread *thread, struct ush_engine *engine)
{
	atomic_store(&thread->hazard, engine);
}

static void
hazard_clear(struct ush_thread *thread)
{
	atomic_store(&thread->hazard, NULL);
	if (atomic_load(&ush_pool.blocked))
		reclaim();
}

static struct ush_slot *
pin(struct ush_thread *thread, struct ush_generation *generation)
{
	struct ush_slot *slot = ush_slot_get(thread, generation);

	if (slot)
		atomic_fetch_add(&slot->pins, 1);
	return slot;
}

/* The same one, if it is being promoted at this moment: no shadow then. */
static struct ush_slot *
pin_shadow(struct ush_thread *thread, struct ush_engine *engine,
    const struct ush_slot *active)
{
	struct ush_generation *shadow = atomic_load(&engine->shadow);

	if (!shadow || !active || active->generation == shadow)
		return NULL;
	return pin(thread, shadow);
}

struct ush_slot *
ush_pool_pin(ush_engine_ptr *where, struct ush_slot **shadow, bool *engineless)
{
	struct ush_thread *thread = ush_thread_get();
	struct ush_slot *slot = NULL;
	struct ush_engine *engine;

	*engineless = false;
	if (!thread)
		return NULL;
	do {
		engine = atomic_load_explicit(where, memory_order_relaxed);
		hazard_set(thread, engine);
	} while (atomic_load(where) != engine);
	if (engine) {
		slot = pin(thread, atomic_load(&engine->active));
		if (shadow)
			*shadow = pin_shadow(thread, engine, slot);
		hazard_clear(thread);
	} else {
		*engineless = true;
	}
	return slot;
}

void
ush_pool_unpin(struct ush_slot *slot)
{
	struct ush_thread *thread = ush_thread_get();
	bool retired = true;

	if (!slot)
		return;
	if (thread) {
		hazard_set(thread, slot->generation->engine);
		atomic_fetch_sub(&slot->pins, 1);
		retired = atomic_load(&slot->generation->retired);
		hazard_clear(thread);
	} else {
		atomic_fetch_sub(&slot->pins, 1);
	}
	/* From here on the slot may be gone. */
	if (retired)
		reclaim();
}

struct ush_generation *
ush_pool_generation(const struct ush_slot *slot)
{
	return slot->generation;
}

/*
 * States
 */

struct ush_state *
ush_pool_enter(struct ush_generation *generation, struct ush_error *err)
{
	struct ush_allowance set_up = {0};

	return ush_pool_enter_within(generation, &set_up, err);
}

struct ush_state *
ush_pool_enter_within(struct ush_generation *generation,
    struct ush_allowance *set_up, struct ush_error *err)
{
	struct ush_thread *thread = ush_thread_get();
	struct ush_slot *slot;
	struct ush_state *state;
	unsigned int forks =
	    atomic_load_explicit(&ush_pool.forks, memory_order_relaxed);

	slot = thread ? ush_slot_get(thread, generation) : NULL;
	if (!slot) {
		ush_error_set(err, USH_ERROR_SYSTEM, NULL, 0, "out of memory");
		return NULL;
	}
	state = atomic_exchange(&slot->state, NULL);
	if (state && state->forks == forks)
		return state;
	ush_state_free(state);
	state = ush_state_new_within(generation, set_up, err);
	if (state)
		state->forks = forks;
	return state;
}

void
ush_pool_leave(struct ush_state *state)
{
	struct ush_thread *thread = ush_thread_get();
	struct ush_generation *generation;
	struct ush_slot *slot = NULL;

	if (thread && ush_box_is_sound(state->box))
		slot = ush_slot_get(thread, state->generation);
	if (!slot) {
		ush_state_free(state);
		return;
	}
	/* A state made further up this thread's stack may be back already. */
	generation = state->generation;
	ush_state_free(atomic_exchange(&slot->state, state));
	/* The reclaimer marks first and looks then; so somebody takes it. */
	if (atomic_load(&generation->cold))
		ush_state_free(atomic_exchange(&slot->state, NULL));
}

/*
 * Retired generations
 */

static bool
is_hazard_nolock(const struct ush_engine *engine)
{
	struct ush_thread *thread;

	for (thread = ush_pool.threads; thread; thread = thread->next)
		if (atomic_load(&thread->hazard) == engine)
			return true;
	return false;
}

static bool
is_pinned_nolock(const struct ush_generation *generation)
{
	const struct ush_slot *slot;

	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		if (atomic_load(&slot->pins) != 0)
			return true;
	return false;
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

static void
slots_leave_nolock(struct ush_generation *generation)
{
	struct ush_slot *slot, *next;

	for (slot = generation->slots; slot; slot = next) {
		next = slot->next_of_generation;
		if (!slot->owner)
			free(slot);
		else
			atomic_store(&slot->dead, true);
	}
	generation->slots = NULL;
}

/* One round: idle states and free generations are taken out under the lock
 * and closed without it. True if another round is to follow. */
static bool
reclaim_round(void)
{
	struct ush_generation **link, *gone = NULL, *g;
	struct idle idle = {.n = 0};
	bool again = false, blocked = false;

	pthread_mutex_lock(&ush_pool.lock);
	atomic_store(&ush_pool.blocked, true);
	link = &ush_pool.retired;
	while ((g = *link)) {
		if (!take_idle_nolock(g, &idle))
			again = true;
		if (is_hazard_nolock(g->engine))
			blocked = true;
		if (again || blocked || is_pinned_nolock(g)) {
			link = &g->next_retired;
			continue;
		}
		*link = g->next_retired;
		slots_leave_nolock(g);
		g->next_retired = gone;
		gone = g;
	}
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
	atomic_store(&generation->cold, true);
	atomic_store(&generation->retired, true);
	generation->next_retired = ush_pool.retired;
	ush_pool.retired = generation;
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
