/*
 * SPDX-License-Identifier: MIT
 *
 * What `require "usher"` and its like give to policies, for the annotations.
 */
#include <lauxlib.h>

#include "cli/core.h"
#include "lib/builtin.h"

/* By name: for a module written in C the table of its functions, which a view
 * hides from policies; true for one written in Lua. [-0, +1, e] */
static int
l_modules(lua_State *L)
{
	const struct ush_builtin *builtin;

	lua_newtable(L);
	for (size_t i = 0; (builtin = ush_builtin_at(i)); i++) {
		builtin->open(L);
		lua_getmetatable(L, -1);
		lua_getfield(L, -1, "__index");
		lua_setfield(L, -4, builtin->name);
		lua_pop(L, 2);
	}
	for (size_t i = 0; ush_embedded[i].name; i++) {
		lua_pushboolean(L, 1);
		lua_setfield(L, -2, ush_embedded[i].name);
	}
	return 1;
}

void
ush_core_modules_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
	    {"modules", l_modules},
	    {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
