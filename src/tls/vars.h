/*
 * SPDX-License-Identifier: MIT
 *
 * conn.vars: named strings of one connection, in two layers. The host's live
 * with the SSL; the script's for a handshake and stand before the host's.
 */
#ifndef USH_TLS_VARS_H
#define USH_TLS_VARS_H

#include <stdbool.h>
#include <stddef.h>

#include "facts/facts.h"

enum {
	USH_VARS_NAMES = 64,        /* of one connection, */
	USH_VARS_BYTES = 64 * 1024, /* names and values together */
	USH_VARS_NAME_MAX = 64,     /* bytes of a name */
};

/* Who set a value; a later layer is looked at first. */
enum ush_vars_layer {
	USH_VARS_HOST,
	USH_VARS_SCRIPT,  /* by calls that succeeded */
	USH_VARS_PENDING, /* by the call that runs now */
	USH_VARS_LAYERS
};

struct ush_var;

/* Zeroed memory is valid and empty. */
struct ush_vars {
	struct ush_var *layers[USH_VARS_LAYERS];
	size_t names, bytes;
};

/*
 * Sets a value; value.p == NULL removes: what earlier layers have is hidden
 * then, too. NULL, or why not (a limit; memory), as a static string.
 */
const char *ush_vars_set(struct ush_vars *vars, enum ush_vars_layer layer,
    struct ush_bytes name, struct ush_bytes value);

/* The value, NUL-terminated; p == NULL if there is none. */
struct ush_bytes ush_vars_get(
    const struct ush_vars *vars, struct ush_bytes name);

/* Makes a layer a copy of another one's. -1 when memory is short. */
int ush_vars_copy(struct ush_vars *to, const struct ush_vars *from,
    enum ush_vars_layer layer);

/* Forgets a layer. */
void ush_vars_clear(struct ush_vars *vars, enum ush_vars_layer layer);

/* Makes what is pending the script's. Never fails. */
void ush_vars_commit_pending(struct ush_vars *vars);
static inline void
ush_vars_commit(struct ush_vars *vars)
{
	if (vars->layers[USH_VARS_PENDING])
		ush_vars_commit_pending(vars);
}

#endif
