/*
 * SPDX-License-Identifier: MIT
 *
 * What one protected call may still spend: instructions of the interpreter,
 * processor time of the thread, and C stack. C functions that do a script's
 * work charge it here, so that no work is free of charge.
 */
#ifndef USH_SANDBOX_BUDGET_H
#define USH_SANDBOX_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

/*
 * Charges `units` instructions to the call that runs in L. [-0, +0, e]: raises
 * the error of a spent budget, which no script can catch. One unit is about
 * the work of one VM instruction: a step of the pattern matcher, 16 bytes
 * copied, one comparison. Cheap enough for an inner loop if called with the
 * sum of some dozens of units.
 */
void ush_budget_charge(lua_State *L, uint64_t units);

/*
 * Same, without raising: false when the budget is spent. The caller frees what
 * it owns, then calls ush_budget_raise.
 */
bool ush_budget_take(lua_State *L, uint64_t units);

/* The same for who has the box at hand. */
struct ush_box;
bool ush_budget_take_of(struct ush_box *box, uint64_t units);

/* Raises the error of a spent budget or of memory. [-0, +0, e], no return. */
int ush_budget_raise(lua_State *L);

/*
 * To be called by each C function that calls back into Lua, before it does.
 * [-0, +0, e]: raises "stack overflow" when the C stack below the protected
 * call's frame has grown past its share (measured in bytes, so that nothing
 * need be counted down when an error unwinds).
 */
void ush_budget_check_stack(lua_State *L);

/*
 * To be called after each call back into Lua that may have caught an error:
 * raises again if the budget has been spent meanwhile. [-0, +0, e]
 */
void ush_budget_check(lua_State *L);

#endif
