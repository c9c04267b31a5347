/*
 * SPDX-License-Identifier: MIT
 *
 * The modules of a generation: what its script required when it was loaded,
 * from files beside it or out of the library, as bytecode.
 */
#ifndef USH_POLICY_MODULES_H
#define USH_POLICY_MODULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/generation.h"

/* So that Lua never cuts the file's name, by which messages find it. */
enum { USH_MODULE_NAME_MAX = 55 };

struct ush_module {
	struct ush_module *next;
	char name[USH_MODULE_NAME_MAX + 1]; /* "lists.local" */
	char chunk[64];                     /* "@lists/local.lua" */
	char *label;                        /* its path in messages */
	char *bytecode; /* NULL if it could not be compiled */
	size_t bytecode_len;
};

/* Letters, digits and "_", in parts divided by single dots? */
bool ush_module_allows(const char *name, size_t len);

/* NULL if there is none with bytecode. */
const struct ush_module *ush_module_find(
    const struct ush_generation *g, const char *name);

/* The one that a message's chunk name means, or NULL: then it is the script, or
 * nothing of ours. */
const struct ush_module *ush_module_of_chunk(
    const struct ush_generation *g, const char *chunk);

/* Reads and compiles one that ush_module_find does not find, and adds it to the
 * generation, which is being loaded. NULL with *err filled. */
const struct ush_module *ush_module_load(
    struct ush_generation *g, const char *name, struct ush_error *err);

void ush_modules_free(struct ush_generation *g);

#endif
