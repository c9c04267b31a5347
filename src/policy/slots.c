/*
 * SPDX-License-Identifier: MIT
 *
 * Threads that come and go, forks among them, and their slots. See pool.c.
 */
#include "policy/slots.h"

#include <stdlib.h>

struct ush_pool ush_pool = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

_Thread_local struct ush_thread *ush_thread_self;

static void
thread_unlink_nolock(struct ush_thread *thread)
{
	if (thread->prev)
		thread->prev->next = thread->next;
	else
		ush_pool.threads = thread->next;
	if (thread->next)
		thread->next->prev = thread->prev;
}

/* Leaves a slot to the next thread that comes, or frees it if it is dead. A
 * thread that is no more uses nothing (it may have ended in a callback). */
static void
slot_orphan_nolock(struct ush_slot *slot)
{
	if (atomic_load(&slot->dead)) {
		free(slot);
		return;
	}
	atomic_store(&slot->pins, 0);
	slot->owner = NULL;
}

/* A state may be closed only while its generation is there: a pin, taken
 * under the lock, under which nothing is freed, holds it. */
static void
thread_close_states(struct ush_thread *thread)
{
	struct ush_state *state;
	struct ush_slot *slot;

	for (slot = thread->slots; slot; slot = slot->next_of_thread) {
		pthread_mutex_lock(&ush_pool.lock);
		state = NULL;
		if (!atomic_load(&slot->dead))
			state = atomic_exchange(&slot->state, NULL);
		if (state)
			ush_slot_pin(slot);
		pthread_mutex_unlock(&ush_pool.lock);
		if (!state)
			continue;
		ush_state_free(state);
		ush_pool_unpin(slot);
	}
}

static void
thread_end(void *arg)
{
	struct ush_thread *thread = arg;
	struct ush_slot *slot, *next;
	bool retired = false;

	thread_close_states(thread);
	pthread_mutex_lock(&ush_pool.lock);
	for (slot = thread->slots; slot; slot = next) {
		next = slot->next_of_thread;
		retired = retired || atomic_load(&slot->retired);
		slot_orphan_nolock(slot);
	}
	thread_unlink_nolock(thread);
	pthread_mutex_unlock(&ush_pool.lock);
	free(thread);
	ush_thread_self = NULL;
	if (retired)
		ush_pool_reclaim();
}

static void
fork_prepare(void)
{
	pthread_mutex_lock(&ush_pool.lock);
}

static void
fork_parent(void)
{
	pthread_mutex_unlock(&ush_pool.lock);
}

/* The other threads are not here any more: their slots are orphans. States
 * of the parent's are recognised by their number, and dropped on first use.
 * What their pins and hazards kept, nobody else asks for again: so it is due.
 */
static void
fork_child(void)
{
	struct ush_thread *thread, *next_thread;
	struct ush_slot *slot, *next;

	for (thread = ush_pool.threads; thread; thread = next_thread) {
		next_thread = thread->next;
		if (thread == ush_thread_self)
			continue;
		for (slot = thread->slots; slot; slot = next) {
			next = slot->next_of_thread;
			slot_orphan_nolock(slot);
		}
		thread_unlink_nolock(thread);
		free(thread);
	}
	atomic_fetch_add(&ush_pool.forks, 1);
	atomic_store(&ush_pool.wanted, 0);
	if (ush_pool.retired)
		atomic_store(&ush_pool.due, 1);
	pthread_mutex_unlock(&ush_pool.lock);
}

static void
pool_init(void)
{
	pthread_key_create(&ush_pool.key, thread_end);
	pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void
ush_pool_start(void)
{
	pthread_once(&ush_pool.once, pool_init);
}

struct ush_thread *
ush_thread_new(void)
{
	struct ush_thread *thread;

	ush_pool_start();
	thread = calloc(1, sizeof *thread);
	if (!thread)
		return NULL;
	if (pthread_setspecific(ush_pool.key, thread) != 0) {
		free(thread);
		return NULL;
	}
	pthread_mutex_lock(&ush_pool.lock);
	thread->shard = ush_pool.shards++;
	thread->next = ush_pool.threads;
	if (thread->next)
		thread->next->prev = thread;
	ush_pool.threads = thread;
	pthread_mutex_unlock(&ush_pool.lock);
	ush_thread_self = thread;
	return thread;
}

unsigned int
ush_pool_shard(void)
{
	struct ush_thread *thread = ush_thread_get();

	return thread ? thread->shard : 0;
}

/*
 * Slots
 */

/* Under the lock, as the reclaimer marks some that live for a moment. */
static void
drop_dead_slots_nolock(struct ush_thread *thread)
{
	struct ush_slot **link = &thread->slots, *slot;

	while ((slot = *link)) {
		if (atomic_load(&slot->dead)) {
			*link = slot->next_of_thread;
			free(slot);
		} else {
			link = &slot->next_of_thread;
		}
	}
}

static struct ush_slot *
orphan_nolock(struct ush_generation *generation)
{
	struct ush_slot *slot;

	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		if (!slot->owner)
			return slot;
	return NULL;
}

/* *fresh is taken, and set to NULL, if there is no orphan. NULL: there is
 * neither. */
static struct ush_slot *
slot_add_nolock(struct ush_thread *thread, struct ush_generation *generation,
    struct ush_slot **fresh)
{
	struct ush_slot *slot = orphan_nolock(generation);

	drop_dead_slots_nolock(thread);
	if (!slot && *fresh) {
		slot = *fresh;
		*fresh = NULL;
		slot->generation_id = generation->id;
		slot->generation = generation;
		atomic_store(&slot->retired, atomic_load(&generation->retired));
		slot->next_of_generation = generation->slots;
		generation->slots = slot;
	}
	if (slot) {
		slot->owner = thread;
		slot->next_of_thread = thread->slots;
		thread->slots = slot;
	}
	return slot;
}

struct ush_slot *
ush_slot_new(struct ush_thread *thread, struct ush_generation *generation)
{
	struct ush_slot *slot, *fresh = calloc(1, sizeof *fresh);

	pthread_mutex_lock(&ush_pool.lock);
	slot = slot_add_nolock(thread, generation, &fresh);
	pthread_mutex_unlock(&ush_pool.lock);
	free(fresh);
	return slot;
}

struct ush_generation *
ush_generation_find_nolock(uint64_t number)
{
	struct ush_generation *g = ush_pool.generations;

	while (g && g->id != number)
		g = g->next;
	return g;
}

struct ush_slot *
ush_slot_pin_slowly(struct ush_thread *thread, uint64_t number, bool *gone)
{
	struct ush_slot *slot = NULL, *fresh = calloc(1, sizeof *fresh);
	struct ush_generation *g;

	pthread_mutex_lock(&ush_pool.lock);
	g = ush_generation_find_nolock(number);
	if (g)
		slot = ush_slot_find(thread, number);
	if (g && !slot)
		slot = slot_add_nolock(thread, g, &fresh);
	if (slot)
		ush_slot_pin(slot);
	pthread_mutex_unlock(&ush_pool.lock);
	free(fresh);
	*gone = !g;
	return slot;
}
