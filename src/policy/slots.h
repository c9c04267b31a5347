/*
 * SPDX-License-Identifier: MIT
 *
 * What pool.c and slots.c share: threads, their slots, and the lock. The essay
 * is in pool.c.
 */
#ifndef USH_POLICY_SLOTS_H
#define USH_POLICY_SLOTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/pool.h"

struct ush_thread;

struct ush_slot {
	uint64_t generation_id; /* never changes, also when that one is gone */
	struct ush_generation *generation; /* unless it is dead */
	_Atomic(struct ush_state *) state;
	/* Written by the owner alone. */
	atomic_uint pins;  /* its callbacks that use the generation now */
	atomic_long begun; /* handshakes begun here, less those ended here */
	/* Written under the lock. */
	atomic_bool retired;                 /* the generation is */
	atomic_bool dead;                    /* it is being freed, or gone */
	struct ush_slot *next_of_thread;     /* the owner's */
	struct ush_slot *next_of_generation; /* under the lock */
	struct ush_thread *owner;            /* under the lock; NULL: orphan */
};

struct ush_thread {
	_Atomic(struct ush_engine *) hazard;
	struct ush_slot *slots; /* this thread's alone */
	unsigned int shard;
	struct ush_thread *next, *prev; /* under the lock */
};

struct ush_pool {
	pthread_mutex_t lock;
	pthread_once_t once;
	pthread_key_t key;
	struct ush_thread *threads;
	struct ush_generation *generations; /* all that are published */
	struct ush_generation *retired;     /* those of them, newest first */
	uint64_t generation_ids;
	unsigned int shards;
	atomic_uint forks;    /* this process's distance from the first one */
	atomic_bool blocked;  /* by a hazard: reclaim once more */
	atomic_uint wanted;   /* calls of reclaim that one runner works off */
	_Atomic uint64_t due; /* when the next one has waited long enough; 0 */
};

extern struct ush_pool ush_pool;

/* Before the first fork that the pool is to survive. Any number of times. */
void ush_pool_start(void);
/* This thread's record, or NULL, and how it is made. */
extern _Thread_local struct ush_thread *ush_thread_self;
struct ush_thread *ush_thread_new(void);

/* This thread's record, made if need be; NULL when memory is short. */
static inline struct ush_thread *
ush_thread_get(void)
{
	struct ush_thread *thread = ush_thread_self;

	return thread ? thread : ush_thread_new();
}

/* A thread's slot for the generation of that number, dead or not; or NULL. */
static inline struct ush_slot *
ush_slot_find(const struct ush_thread *thread, uint64_t number)
{
	struct ush_slot *slot;

	for (slot = thread->slots; slot; slot = slot->next_of_thread)
		if (slot->generation_id == number)
			return slot;
	return NULL;
}

struct ush_slot *ush_slot_new(
    struct ush_thread *thread, struct ush_generation *generation);

/* A thread's slot for a generation that the caller holds, by a pin or by a
 * hazard; made if need be, NULL when memory is short. */
static inline struct ush_slot *
ush_slot_get(struct ush_thread *thread, struct ush_generation *generation)
{
	struct ush_slot *slot = ush_slot_find(thread, generation->id);

	return slot ? slot : ush_slot_new(thread, generation);
}

/* The same by number, with a pin on it: the one way that takes the lock. NULL:
 * there is no such generation (any more), or memory is short. */
struct ush_slot *ush_slot_pin_slowly(
    struct ush_thread *thread, uint64_t number, bool *gone);

struct ush_generation *ush_generation_find_nolock(uint64_t number);

/* Pins: by the slot's own thread, or under the lock where it has none. */
static inline void
ush_slot_pin(struct ush_slot *slot)
{
	atomic_store(&slot->pins,
	    atomic_load_explicit(&slot->pins, memory_order_relaxed) + 1);
}

#endif
