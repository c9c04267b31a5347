/*
 * SPDX-License-Identifier: MIT
 *
 * Who holds which generation, and which thread has which state. No lock is
 * taken in a handshake, but to make a thread's first state of a generation;
 * nothing that threads share is written. The essay is in pool.c.
 */
#ifndef USH_POLICY_POOL_H
#define USH_POLICY_POOL_H

#include "policy/engine.h"
#include "policy/generation.h"
#include "policy/state.h"

/* A thread's place for a generation. Whoever holds a pin holds the
 * generation (and its engine). */
struct ush_slot;

/*
 * Pins the active generation of the engine that *where holds at this moment.
 * NULL if *where is NULL or memory is short (*engineless tells which). If there
 * is a shadow, *shadow gets a pin on it, else NULL (`shadow` may be NULL: not
 * wanted). Each is given back by ush_pool_unpin, by any thread.
 */
struct ush_slot *ush_pool_pin(
    ush_engine_ptr *where, struct ush_slot **shadow, bool *engineless);
void ush_pool_unpin(struct ush_slot *slot);
struct ush_generation *ush_pool_generation(const struct ush_slot *slot);

/*
 * This thread's state of a generation on which the caller has a pin, made if
 * there is none; NULL with *err filled if that fails. A state that is in use
 * further down this thread's stack is not given again: a second one is made.
 * Given back by ush_pool_leave, by the same thread; one that is no longer
 * sound is freed there.
 */
struct ush_state *ush_pool_enter(
    struct ush_generation *generation, struct ush_error *err);
/* The same. What a new one spends on its script's top level is added to
 * *set_up: what all those of one handshake spend has a limit. */
struct ush_state *ush_pool_enter_within(struct ush_generation *generation,
    struct ush_allowance *set_up, struct ush_error *err);
void ush_pool_leave(struct ush_state *state);

/*
 * Takes a generation out of use, for good: it goes as soon as nobody holds it.
 * No new pins can come: it is neither `active` nor `shadow` of an engine, and
 * will not be. The first needs the pool's lock, and ush_pool_reclaim after it.
 */
void ush_pool_retire_nolock(struct ush_generation *generation);
void ush_pool_reclaim(void);

/* Frees the states that idle threads keep of a generation that is not to
 * decide for now; the caller holds it, and has set its `cold`. */
void ush_pool_cool(struct ush_generation *generation);

/* A number for this thread, small and dense, for statistics. */
unsigned int ush_pool_shard(void);

/* The engine counts its generations, once they are published. The second says
 * whether the engine is to be destroyed: its last generation is gone, and so
 * are all references. */
void ush_pool_adopt_nolock(struct ush_generation *generation);
bool ush_pool_disown(struct ush_generation *generation);

#endif
