/*
 * SPDX-License-Identifier: MIT
 *
 * What the sandbox's own library functions share. Which of them a script gets
 * to see is surface.c's to say.
 */
#ifndef USH_SANDBOX_LIB_H
#define USH_SANDBOX_LIB_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>
#include <lauxlib.h>

extern const luaL_Reg ush_lib_base[];
extern const luaL_Reg ush_lib_string[]; /* without what works by patterns: */
extern const luaL_Reg ush_lib_match[];
extern const luaL_Reg ush_lib_table[];
extern const luaL_Reg ush_lib_math[];
extern const luaL_Reg ush_lib_bit[];
extern const luaL_Reg ush_lib_os[];

/*
 * Pushes the value at `index` as a string, by __tostring if it has that. No
 * address is ever shown: a table is just "table". [-0, +1, e]
 */
void ush_lib_tostring(lua_State *L, int index);

/*
 * A number argument. A string that is read as one is charged by its length:
 * with a megabyte of digits that takes a millisecond, and there may be
 * thousands of arguments. [-0, +0, e]
 */
double ush_lib_number(lua_State *L, int arg);

/*
 * An integer argument, cut towards zero. Numbers out of range (infinities too)
 * become the largest or smallest that a position can be, NaN becomes 0.
 * [-0, +0, e]
 */
ptrdiff_t ush_lib_int(lua_State *L, int arg);
ptrdiff_t ush_lib_opt_int(lua_State *L, int arg, ptrdiff_t def);

/*
 * Positions in strings: `pos` counts from 1, or from the end if negative.
 * What lies before the start becomes 0 or less.
 */
ptrdiff_t ush_lib_position(ptrdiff_t pos, size_t len);

/* Charges a function that looks at, or copies, so many bytes. [-0, +0, e] */
void ush_lib_charge_bytes(lua_State *L, size_t n);

/* string.format. [-n, +1, e] */
int ush_lib_format(lua_State *L);

/*
 * pairs and next, as two values: what next skips in a table with many holes is
 * charged, so they share a state. [-0, +2, e]
 */
void ush_lib_push_next(lua_State *L);

/*
 * The number of slots, used or not, of a table (lua_topointer): what a walk
 * through it costs. 0 where LuaJIT's table is not laid out as we know it.
 */
size_t ush_lib_slots(const void *table);

/* Looks whether it is laid out so; once per state. [-0, +0, e] */
void ush_lib_check_slots(lua_State *L);

/* Seeds math.random, given math.randomseed on the stack. [-1, +0, e] */
void ush_lib_seed(lua_State *L);

#endif
