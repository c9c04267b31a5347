/*
 * SPDX-License-Identifier: MIT
 *
 * What value.c and value_push.c share, and nobody else includes.
 */
#ifndef USH_SANDBOX_VALUE_COMMON_H
#define USH_SANDBOX_VALUE_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lua.h>

#include "sandbox/alloc.h"
#include "sandbox/budget.h"
#include "sandbox/value.h"

#define USH_VALUE_MAX_INTEGER 9007199254740992.0 /* 2^53 */

enum {
	/* Tables in each other, before more stack is asked for. */
	USH_VALUE_SHALLOW = 3,
	/* What is asked for then: a key and a value for each of them. */
	USH_VALUE_SLOTS = 2 * USH_VALUE_DEPTH + LUA_MINSTACK,
};

static inline bool
ush_value_is_integer(double number)
{
	return number >= -USH_VALUE_MAX_INTEGER &&
	       number <= USH_VALUE_MAX_INTEGER &&
	       number == (double)(int64_t)number;
}

/* Charges the call that runs in L, if L is a sandboxed state at all. False
 * when its budget is spent. Does not raise. */
static inline bool
ush_value_charge(lua_State *L, uint64_t units)
{
	void *box;

	return lua_getallocf(L, &box) != ush_alloc_lua ||
	       ush_budget_take_of(box, units);
}

#endif
