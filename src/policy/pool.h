/*
 * SPDX-License-Identifier: MIT
 *
 * Who uses which generation, and which thread has which state. No lock is
 * taken in a handshake, but to make a thread's first state of a generation;
 * nothing that threads share is written. The essay is in pool.c.
 */
#ifndef USH_POLICY_POOL_H
#define USH_POLICY_POOL_H

#include <stdint.h>

#include "policy/engine.h"
#include "policy/generation.h"
#include "policy/state.h"

enum {
	USH_WAITING_MAX = 16,       /* of an engine, retired and remembered, */
	USH_WAITING_MS = 60 * 1000, /* for so long */
};

/* A thread's place for a generation. A pin on it belongs to the thread, and
 * holds the generation (and its engine) until that thread gives it back: at the
 * end of the callback. */
struct ush_slot;

/*
 * Pins the active generation of the engine that *where holds at this moment.
 * NULL if *where is NULL or memory is short (*engineless tells which). If there
 * is a shadow, *shadow gets a pin on it, else NULL (`shadow` may be NULL: not
 * wanted). Each is given back by ush_pool_unpin, by the same thread.
 */
struct ush_slot *ush_pool_pin(
    ush_engine_ptr *where, struct ush_slot **shadow, bool *engineless);
/* Pins a generation by its number, which a handshake has remembered: any
 * thread may ask. NULL if it is gone or memory is short (*gone tells). */
struct ush_slot *ush_pool_pin_number(uint64_t number, bool *gone);
void ush_pool_unpin(struct ush_slot *slot); /* NULL is fine */
struct ush_generation *ush_pool_generation(const struct ush_slot *slot);

/*
 * What a handshake has of its generation from one callback to the next: its
 * number. A retired one waits for those that remember it, as long as
 * USH_WAITING_MAX and USH_WAITING_MS allow; that it is still there is found out
 * by ush_pool_pin_number. Any thread may forget.
 */
uint64_t ush_pool_remember(struct ush_slot *slot);
void ush_pool_forget(uint64_t number);

/* Frees those that have waited too long, if there are any. Cheap. The second
 * tells after how many milliseconds that will be so; -1: never, so far. */
void ush_pool_look(void);
int ush_pool_wait(void);

/*
 * This thread's state of a generation that the caller has pinned, made if
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
 * Takes a generation out of use, for good: it goes as soon as nobody needs it.
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
