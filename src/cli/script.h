/*
 * SPDX-License-Identifier: MIT
 *
 * The Lua halves of `usher check` and `usher test`. They run in a Lua state of
 * their own, outside of the sandbox, with LuaJIT's whole library; what they
 * need from C is the module "usher.core".
 */
#ifndef USH_CLI_SCRIPT_H
#define USH_CLI_SCRIPT_H

#include <lua.h>

/* The files of src/cli/ that are built in; ends with a NULL name. */
struct ush_script {
	const char *name, *text;
};
extern const struct ush_script ush_scripts[];

/*
 * A new state, in which require "usher.core" gives the C functions and require
 * "usher.NAME" the script of that name. NULL without memory.
 */
lua_State *ush_script_state(void);

/* Calls function `fn` of the script `name` with the `nargs` values on top of
 * the stack. [-nargs, +0] and the integer it returned; -1 with a message on
 * standard error if it raised. */
int ush_script_call(lua_State *L, const char *name, const char *fn, int nargs);

/* A value as people read it, with a traceback: for lua_pcall. */
int ush_script_traceback(lua_State *L);

#endif
