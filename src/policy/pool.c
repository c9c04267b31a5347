/*
 * SPDX-License-Identifier: MIT
 *
 * Each thread that handshakes has a record (struct ush_thread), and in it a
 * slot for each generation that it has used. A slot holds
 *
 *	state	the thread's idle Lua state of the generation, or NULL while it
 *		is in use. Taken and put back by atomic exchange, so that the
 *		reclaimer may take it from an idle thread at any time.
 *	pins	how many callbacks of this thread use the generation just now.
 *	begun	how many handshakes have begun with it on this thread, less
 *		those that ended here: negative, if connections move.
 *
 * which the thread alone writes; and the record has a hazard pointer, the
 * engine that the thread is looking at. So a callback writes nothing that
 * threads share. Between callbacks a handshake has the generation's number and
 * nothing else: no pin, no pointer. The rest of this page shows that a
 * generation is not freed too early, and not too late; tests/model/pool.pml
 * has a machine look for what this proof overlooks. All operations named are
 * sequentially consistent: there is one order of them all. usher.7 has a
 * picture of a generation's life; rollout.c moves it along.
 *
 *	begin	P1  hazard = the engine that the binding has
 *		P2  the binding still has it? else again from P1
 *		P3  g = active (or shadow) of the engine
 *		P4  pins of the thread's slot of g + 1
 *		P5  hazard = NULL; was a reclaimer blocked? then reclaim
 *		P6  begun + 1, before U1
 *
 *	go on	N1  pins of the slot that has the number + 1
 *		N2  is the slot dead? then unpin, and look g up under the lock
 *
 *	unpin	U1  pins - 1
 *		U2  is the slot retired? then reclaim
 *
 *	end	E1  begun - 1
 *		E2  is the slot retired? then reclaim
 *
 *	retire	R1  active and shadow lead elsewhere, and never to g again
 *		R2  g is on the list, and its slots are retired
 *		R3  reclaim
 *
 *	reclaim, for each g of the list, under the lock:
 *		C1  blocked = true
 *		C2  is the hazard of any thread g's engine? then not yet
 *		C3  all its slots are dead
 *		C4  has any slot pins? then none is dead, and not yet
 *		C5  the sum of begun is not 0, and g may wait? likewise
 *		C6  take it off the lists; free it
 *
 * R1 is what rollout.c must see to: a generation is retired once, by the one
 * who took it out of `active`, `shadow` or `previous`. (The one before the
 * active one, kept for a rollback, is not retired.)
 *
 * Not too early. Suppose that a thread has g pinned, or is about to, and that
 * C6 frees g. Pinned by P4: at C2 it was not between P1 and P5, or C2 had seen
 * its hazard. If it was past P5, C4 has seen its pin. If it was before P1, then
 * P3 came after C2, thus after R1, and found another generation. Pinned by N1:
 * if that was before C3, C4 has seen it; else N2 came after C3, and saw the
 * mark; marks are only taken back where g stays. Looked up under the lock: g
 * was on a list.
 *
 * After U1 and E1 a thread touches no generation, and no slot but its own: a
 * thread's slots are freed by itself, under the lock and when they are dead for
 * good, which they are not while it has a pin on them (C4).
 *
 * The engine itself lives as long as one of its generations. A thread that is
 * past P2 has found the engine in the binding after it set its hazard; so the
 * binding's reference was given up later, and R1 of the last generation too;
 * C2 of that sees the hazard. (If an engine was freed between reading the
 * binding and P1, and another one lies at its address by P2, it is that one
 * which the binding has and the hazard names.)
 *
 * Not too late. After each "not yet" somebody asks again: who cleared a hazard
 * looks at `blocked` (P5), which was set before; who gave up a pin or ended a
 * handshake after C4 or C5 comes to U2 or E2 after R2, and sees it. Where the
 * thread has no slot of that number, it goes by the lock (forget_slowly).
 *
 * How many remember g. Nobody begins with it after C2, and whoever did has come
 * to P6 before he gave up the pin, so before C4: the sum of C5 is too large at
 * most, if some end meanwhile, and these come to E2. One slot's count may be
 * negative, the sum is not; orphans keep theirs. Were it wrong in spite of all,
 * g would go a little early or late, which N2 finds out: memory is not at
 * stake. At most USH_WAITING_MAX of an engine wait, the newest, for
 * USH_WAITING_MS: else one ClientHello that is never gone on with would hold a
 * generation for ever. What has waited so long goes with the next thing that
 * happens: a callback (ush_pool_look), a reload, or the watcher's thread that
 * wakes for it. Their handshakes are then told that it is gone.
 *
 * States. One that is in use belongs to a callback, which has a pin. One that
 * is idle is reached through a slot of g, under the lock, on which C6 has not
 * worked yet; or by its own thread, when it ends, which takes a pin for that
 * (slots.c). Those taken are freed before the generations of the same round.
 *
 * An idle thread keeps nothing: its state is taken from it at once. A thread
 * that puts a state back looks afterwards whether the generation is `cold`, and
 * takes it again; the reclaimer marks first and takes then; so one of them
 * finds it.
 *
 * Retired generations are so few that a list and one lock, `ush_pool.lock`, do
 * for the rest. A thread's list of slots is read and changed by that thread
 * alone. Slots outlive their generation (dropped when the thread makes its next
 * one) and their thread (orphaned, adopted by the next new thread).
 *
 * Forks. The lock is taken around fork(2), so all above is whole in the child.
 * The threads that it does not have pin nothing there, nor will they ask again:
 * its first callback does. What their handshakes remember may wait, as long as
 * others may.
 */
#include "policy/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "policy/slots.h"
#include "policy/widen.h"

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
		ush_pool_reclaim();
}

static struct ush_slot *
pin(struct ush_thread *thread, struct ush_generation *generation)
{
	struct ush_slot *slot = ush_slot_get(thread, generation);

	USH_WIDEN();
	if (slot)
		ush_slot_pin(slot);
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
	if (shadow)
		*shadow = NULL;
	if (!thread)
		return NULL;
	do {
		engine = atomic_load_explicit(where, memory_order_relaxed);
		USH_WIDEN();
		hazard_set(thread, engine);
	} while (atomic_load(where) != engine);
	if (engine) {
		USH_WIDEN();
		slot = pin(thread, atomic_load(&engine->active));
		if (shadow)
			*shadow = pin_shadow(thread, engine, slot);
		hazard_clear(thread);
	} else {
		*engineless = true;
	}
	return slot;
}

struct ush_slot *
ush_pool_pin_number(uint64_t number, bool *gone)
{
	struct ush_thread *thread = ush_thread_get();
	struct ush_slot *slot;

	*gone = false;
	if (!thread)
		return NULL;
	slot = ush_slot_find(thread, number);
	if (!slot)
		return ush_slot_pin_slowly(thread, number, gone);
	ush_slot_pin(slot);
	USH_WIDEN();
	if (!atomic_load(&slot->dead))
		return slot;
	ush_pool_unpin(slot);
	return ush_slot_pin_slowly(thread, number, gone);
}

/* The slot is the thread's own: it stays, even if the generation goes. */
void
ush_pool_unpin(struct ush_slot *slot)
{
	if (!slot)
		return;
	atomic_store(&slot->pins,
	    atomic_load_explicit(&slot->pins, memory_order_relaxed) - 1);
	USH_WIDEN();
	if (atomic_load(&slot->retired))
		ush_pool_reclaim();
}

struct ush_generation *
ush_pool_generation(const struct ush_slot *slot)
{
	return slot->generation;
}

/*
 * Handshakes
 */

static void
count(struct ush_slot *slot, long n)
{
	atomic_store(&slot->begun,
	    atomic_load_explicit(&slot->begun, memory_order_relaxed) + n);
}

uint64_t
ush_pool_remember(struct ush_slot *slot)
{
	count(slot, 1);
	return slot->generation_id;
}

static void
forget_slowly(uint64_t number)
{
	struct ush_generation *g;

	pthread_mutex_lock(&ush_pool.lock);
	g = ush_generation_find_nolock(number);
	if (g)
		g->ended++;
	pthread_mutex_unlock(&ush_pool.lock);
	ush_pool_reclaim();
}

void
ush_pool_forget(uint64_t number)
{
	struct ush_thread *thread = ush_thread_self;
	struct ush_slot *slot = thread ? ush_slot_find(thread, number) : NULL;

	if (!slot) {
		forget_slowly(number);
		return;
	}
	count(slot, -1);
	USH_WIDEN();
	if (atomic_load(&slot->retired))
		ush_pool_reclaim();
}

void
ush_pool_look(void)
{
	uint64_t due = atomic_load(&ush_pool.due);

	if (due != 0 && ush_clock_ttl_ms() >= due)
		ush_pool_reclaim();
}

int
ush_pool_wait(void)
{
	uint64_t due = atomic_load(&ush_pool.due), now = ush_clock_ttl_ms();

	if (due == 0)
		return -1;
	if (due <= now)
		return 0;
	return due - now < USH_WAITING_MS ? (int)(due - now) : USH_WAITING_MS;
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
