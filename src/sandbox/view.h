/*
 * SPDX-License-Identifier: MIT
 *
 * Read-only views of tables: userdata, so that rawset, table.insert and
 * setmetatable don't get past them either. Reading goes through to the table,
 * at 10 ns; pairs and # don't.
 */
#ifndef USH_SANDBOX_VIEW_H
#define USH_SANDBOX_VIEW_H

#include <stddef.h>

#include <lua.h>

enum { USH_VIEW_KEY_MAX = 64 };

/*
 * Replaces the table on top of the stack by a view of it. `name` is what
 * messages and tostring call it ("string"). [-1, +1, e]
 */
void ush_view_push(lua_State *L, const char *name);

/* Hides the metatable on top of the stack from getmetatable, and protects it
 * from setmetatable. [-0, +0, e] */
void ush_view_lock(lua_State *L);

/* The key at `index` (a string as it is, else its type), escaped and cut, for
 * a message. [-0, +0, -] */
void ush_view_key(lua_State *L, int index, char *to, size_t cap);

#endif
