/*
 * SPDX-License-Identifier: MIT
 *
 * An engine: a policy script's source with its limits, the generation that is
 * active, statistics, log. Any thread, any number at once.
 */
#ifndef USH_POLICY_ENGINE_H
#define USH_POLICY_ENGINE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "data/stats.h"
#include "data/store.h"
#include "policy/source.h"

struct ush_generation;

enum ush_on_error {
	USH_ON_ERROR_FULL_HANDSHAKE,
	USH_ON_ERROR_ABORT,
	USH_ON_ERROR_OPEN,
};

/* App data, in bytes, that every client we know of can offer back in a ticket
 * (usher(7) has a table): the default of their limit. */
enum { USH_APP_DATA_CLIENTS = 1200 };

struct ush_limits {
	size_t memory;             /* bytes of one state */
	uint64_t instructions;     /* of one call */
	unsigned int microseconds; /* of CPU time of one call */
	size_t app_data;           /* bytes in one ticket */
	size_t source;             /* bytes of a script */
};

/*
 * Loading may take so many times the limits of a call, but a script's top
 * level, which runs again in each thread's state and after a memory error, less
 * CPU time; what it took then, it may take twice in the states that one
 * handshake has to make. All generate calls of a handshake may take so many
 * times the limits of one. Compiling may take so many times the memory of a
 * state.
 */
enum {
	USH_LOAD_FACTOR = 50,
	USH_TOP_LEVEL_CPU_FACTOR = 10,
	USH_HANDSHAKE_SET_UP_FACTOR = 2,
	USH_HANDSHAKE_GENERATE_FACTOR = 10,
	USH_COMPILE_MEMORY_FACTOR = 4,
};

struct ush_rollout;
struct ush_watch;

struct ush_engine {
	struct ush_source source; /* the rollout's to change */
	struct ush_limits limits;
	enum ush_on_error on_error;
	struct ush_log log;
	struct ush_stats *stats;
	struct ush_store *store; /* of its scripts; NULL: they have none */
	_Atomic(struct ush_generation *) active;
	_Atomic(struct ush_generation *) shadow; /* beside it, or NULL */
	struct ush_rollout *rollout;
	struct ush_watch *watch; /* NULL: off; guarded by the lock in watch.c */
	atomic_bool asleep;      /* it has a watch that does not run here yet */
	atomic_size_t refs;      /* the owner's, and one for each binding */
	/* Guarded by the pool's lock. */
	unsigned int generations; /* that exist */
	unsigned int waiting;     /* of these, retired, and remembered */
	void *user;               /* the owner's, see usher.c */
	void (*user_free)(void *user);
};

/* The engine of a binding: swapped at any time, read through ush_pool_pin. */
typedef _Atomic(struct ush_engine *) ush_engine_ptr;

/*
 * A new engine with one reference, its script loaded; NULL with *err filled
 * if that fails. The members of `config` that are not state are taken over by
 * copy; the source's strings and the store become the engine's on success.
 */
struct ush_engine *ush_engine_new(
    const struct ush_engine *config, struct ush_error *err);

void ush_engine_ref(struct ush_engine *engine);
/* The last one retires all generations; the engine goes when the last
 * handshake has left it. */
void ush_engine_unref(struct ush_engine *engine);

/* Frees what belongs to it, when no generation is left. For the pool. */
void ush_engine_destroy(struct ush_engine *engine);

#endif
