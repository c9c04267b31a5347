/*
 * SPDX-License-Identifier: MIT
 *
 * The host of a state lies in its registry.
 */
#include "lib/host.h"

#include <lauxlib.h>

static const char key_host; /* its address is the key */

void
ush_lib_host_set(lua_State *L, const struct ush_lib_host *host)
{
	lua_pushlightuserdata(L, (void *)&key_host);
	lua_pushlightuserdata(L, (void *)host);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

const struct ush_lib_host *
ush_lib_host_of(lua_State *L)
{
	const struct ush_lib_host *host;

	lua_pushlightuserdata(L, (void *)&key_host);
	lua_rawget(L, LUA_REGISTRYINDEX);
	host = lua_touserdata(L, -1);
	lua_pop(L, 1);
	return host;
}

const char *
ush_lib_string_arg(lua_State *L, int arg, size_t *len)
{
	luaL_checktype(L, arg, LUA_TSTRING);
	return lua_tolstring(L, arg, len);
}
