/*
 * SPDX-License-Identifier: MIT
 *
 * Read-only views of tables.
 */
#include "sandbox/view.h"

#include <stdio.h>

#include <lauxlib.h>

#include "base/error.h"

void
ush_view_key(lua_State *L, int index, char *to, size_t cap)
{
	size_t len;
	const char *s;

	if (lua_type(L, index) == LUA_TSTRING) {
		s = lua_tolstring(L, index, &len);
		ush_escape(to, cap, s, len);
	} else {
		snprintf(to, cap, "(a %s)", luaL_typename(L, index));
	}
}

/* __newindex of views. Upvalue 1: the view's name. [-3, +0, e] */
static int
l_view_assigned(lua_State *L)
{
	char name[USH_VIEW_KEY_MAX];

	ush_view_key(L, 2, name, sizeof name);
	return luaL_error(L, "assignment to '%s' of '%s': it is read-only",
	    name, lua_tostring(L, lua_upvalueindex(1)));
}

void
ush_view_lock(lua_State *L)
{
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
}

void
ush_view_push(lua_State *L, const char *name)
{
	lua_newuserdata(L, 0);
	lua_createtable(L, 0, 4);
	lua_pushvalue(L, -3);
	lua_setfield(L, -2, "__index");
	lua_pushstring(L, name);
	lua_pushvalue(L, -1);
	lua_setfield(L, -3, "__name");
	lua_pushcclosure(L, l_view_assigned, 1);
	lua_setfield(L, -2, "__newindex");
	ush_view_lock(L);
	lua_setmetatable(L, -2);
	lua_remove(L, -2);
}
