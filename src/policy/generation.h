/*
 * SPDX-License-Identifier: MIT
 *
 * A generation: one compiled version of an engine's script. Immutable once it
 * is made, shared by all threads, and freed by the pool (policy/pool.h) when
 * it is no longer active and no handshake needs it.
 */
#ifndef USH_POLICY_GENERATION_H
#define USH_POLICY_GENERATION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/engine.h"
#include "policy/inputs.h"

enum {
	USH_REVISION_LEN = 8, /* bytes; twice as many hex digits */
	USH_NAME_MAX = 64,    /* bytes of a policy's name */
};

struct ush_slot;
struct ush_loading;
struct ush_module;
struct ush_dataset;

struct ush_generation {
	uint64_t id; /* unique in the process; 0: not published yet */
	struct ush_engine *engine;
	const struct ush_source *source; /* while it is being loaded */
	char *bytecode;
	size_t bytecode_len;
	char label[256]; /* the script's name in messages */
	char chunk[128]; /* and as Lua has it: "@" and the file's name */
	unsigned char revision[USH_REVISION_LEN];
	char revision_hex[2 * USH_REVISION_LEN + 1];
	char name[USH_NAME_MAX + 1]; /* of the policy; "" if it has none */
	size_t name_len;
	bool has_name;
	bool has_decrypt, has_generate;
	bool loaded; /* and so counted */
	/* The files that it is made from. The rollout takes them over. */
	struct ush_inputs inputs;
	struct ush_module *modules;   /* that it required, in order */
	struct ush_dataset *datasets; /* and data files, likewise */
	struct ush_loading *loading;  /* while it is being loaded */
	atomic_bool cold;             /* idle states are not kept */
	atomic_bool retired;          /* for good: to be freed */
	/* Guarded by the pool's lock. */
	struct ush_slot *slots;
	long ended; /* handshakes, in threads that had no slot for it */
	uint64_t retired_at;                /* by ush_clock_ttl_ms */
	struct ush_generation *next, *prev; /* of all */
	struct ush_generation *next_retired;
};

/* What is known of a generation that could not be loaded. */
struct ush_refused {
	struct ush_inputs inputs; /* a change of these may mend things */
	char revision_hex[2 * USH_REVISION_LEN + 1]; /* "": not even read */
};

/*
 * Reads a source, compiles it, runs its top level and its selftest in a state
 * of its own, on a thread of its own (whose stack is known). NULL with *err
 * filled if anything fails, and *refused, whose inputs are the caller's then.
 * The caller publishes the generation, or frees it.
 */
struct ush_generation *ush_generation_load(struct ush_engine *engine,
    const struct ush_source *source, struct ush_refused *refused,
    struct ush_error *err);

void ush_generation_free(struct ush_generation *generation);

/* Puts the full name of the script, or of the module that it is about, where a
 * message has the chunk's. */
void ush_generation_relabel(
    const struct ush_generation *generation, struct ush_error *err);

#endif
