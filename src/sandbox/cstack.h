/*
 * SPDX-License-Identifier: MIT
 *
 * How much C stack a run may use.
 */
#ifndef USH_SANDBOX_CSTACK_H
#define USH_SANDBOX_CSTACK_H

#include <stddef.h>

/* Bytes below `here`, an address on the current stack, within which C functions
 * may still call back into Lua. 0: none at all. */
size_t ush_cstack_share(const char *here);

/* What there is room for, below `here`, in a callback of OpenSSL's. */
enum ush_cstack_room {
	USH_CSTACK_NOTHING,
	USH_CSTACK_AN_ERROR, /* counting, logging and telling it */
	USH_CSTACK_A_SCRIPT, /* with a state to be made, and a shadow beside */
};
enum ush_cstack_room ush_cstack_room(const char *here);

#endif
