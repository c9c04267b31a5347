/*
 * SPDX-License-Identifier: MIT
 *
 * What a script can reach: the globals and libraries of a sandboxed state. The
 * table in surface.c lists them, and what is left out, with the reasons.
 */
#ifndef USH_SANDBOX_SURFACE_H
#define USH_SANDBOX_SURFACE_H

#include <stdbool.h>

#include <lua.h>

/*
 * Opens the library in a fresh state: once, within a protected call. From then
 * on the environment of chunks is the state's globals table too, so
 * lua_setglobal raises: use ush_surface_set. [-0, +0, e]
 */
void ush_surface_open(lua_State *L);

/*
 * Pushes the environment for chunks, the same for all of a state: it is empty
 * and stays so. What is read in it comes from the globals; to read what is not
 * there, or to write anything, is an error. [-0, +1, e]
 */
void ush_surface_env(lua_State *L);

/* Makes the value on top of the stack the global `name`. [-1, +0, e] */
void ush_surface_set(lua_State *L, const char *name);

/* For tests: does the list say something about this name? `library` is NULL
 * for globals. */
bool ush_surface_lists(const char *library, const char *name);

/* Calls fn for each entry of the list, in its order: `why` is NULL for what is
 * there, and says why what is absent is. */
void ush_surface_each(void (*fn)(void *arg, const char *library,
			  const char *name, const char *why),
    void *arg);

#endif
