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

#endif
