/*
 * SPDX-License-Identifier: MIT
 *
 * The standard library, as `require` finds it: modules written in C, and those
 * written in Lua (lua/usher/), whose text is compiled into the library.
 */
#ifndef USH_LIB_BUILTIN_H
#define USH_LIB_BUILTIN_H

#include <stdbool.h>
#include <stddef.h>

#include <lua.h>

struct ush_builtin {
	const char *name;           /* "usher.ip" */
	void (*open)(lua_State *L); /* pushes the module. [-0, +1, e] */
};

struct ush_embedded {
	const char *name;          /* "usher.chain" */
	const unsigned char *text; /* its Lua, */
	size_t len;                /* without the NUL behind it */
};

/* Names that belong to the library, whether there is such a module or not:
 * "usher" and "usher.ANYTHING". */
bool ush_builtin_owns(const char *name);

/* The i-th module written in C, from 0 on. NULL: there are no more. */
const struct ush_builtin *ush_builtin_at(size_t i);

/* NULL if there is none. */
const struct ush_builtin *ush_builtin_find(const char *name);
const struct ush_embedded *ush_embedded_find(const char *name);

/* The name nearest to a misspelt one, or NULL. */
const char *ush_builtin_near(const char *name);

/* The modules written in C. [-0, +1, e] */
void ush_lib_open_usher(lua_State *L);
void ush_lib_open_data(lua_State *L);
void ush_lib_open_ip(lua_State *L);
void ush_lib_open_store(lua_State *L);

/* Made by lua/embed.sh. The last one has no name. */
extern const struct ush_embedded ush_embedded[];

#endif
