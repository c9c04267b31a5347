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

/* Leaves a slot to the next thread that comes, or frees it if it is dead. */
static void
slot_orphan_nolock(struct ush_slot *slot)
{
	if (atomic_load(&slot->dead))
		free(slot);
	else
		slot->owner = NULL;
}

/* A state may be closed only while its generation is there: a pin, taken
 * under the lock, holds it where nobody else does. */
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
			atomic_fetch_add(&slot->pins, 1);
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

	thread_close_states(thread);
	pthread_mutex_lock(&ush_pool.lock);
	for (slot = thread->slots; slot; slot = next) {
		next = slot->next_of_thread;
		slot_orphan_nolock(slot);
	}
	thread_unlink_nolock(thread);
	pthread_mutex_unlock(&ush_pool.lock);
	free(thread);
	ush_thread_self = NULL;
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
 * of the parent's are recognised by their number, and dropped on first use. */
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

static void
drop_dead_slots(struct ush_thread *thread)
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
orphan_adopt_nolock(
    struct ush_generation *generation, struct ush_thread *thread)
{
	struct ush_slot *slot;

	for (slot = generation->slots; slot; slot = slot->next_of_generation)
		if (!slot->owner) {
			slot->owner = thread;
			return slot;
		}
	return NULL;
}

struct ush_slot *
ush_slot_new(struct ush_thread *thread, struct ush_generation *generation)
{
	struct ush_slot *slot, *fresh = calloc(1, sizeof *fresh);

	drop_dead_slots(thread);
	pthread_mutex_lock(&ush_pool.lock);
	slot = orphan_adopt_nolock(generation, thread);
	if (!slot && fresh) {
		slot = fresh;
		fresh = NULL;
		slot->generation_id = generation->id;
		slot->generation = generation;
		slot->owner = thread;
		slot->next_of_generation = generation->slots;
		generation->slots = slot;
	}
	pthread_mutex_unlock(&ush_pool.lock);
	free(fresh);
	if (slot) {
		slot->next_of_thread = thread->slots;
		thread->slots = slot;
	}
	return slot;
}
