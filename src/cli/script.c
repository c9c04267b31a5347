/*
 * SPDX-License-Identifier: MIT
 *
 * Lua states for the program's own scripts.
 */
#include "cli/script.h"

#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "cli/cli.h"
#include "cli/core.h"

/* The loader of package.preload; upvalue 1 is the script's index. */
static int
l_load(lua_State *L)
{
	int i = (int)lua_tointeger(L, lua_upvalueindex(1));
	const struct ush_script *script = &ush_scripts[i];

	lua_pushfstring(L, "=usher.%s", script->name);
	if (luaL_loadbuffer(L, script->text, strlen(script->text),
		lua_tostring(L, -1)) != 0)
		return lua_error(L);
	lua_call(L, 0, 1);
	return 1;
}

static int
l_open(lua_State *L)
{
	luaL_openlibs(L);
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	for (int i = 0; ush_scripts[i].name; i++) {
		lua_pushfstring(L, "usher.%s", ush_scripts[i].name);
		lua_pushinteger(L, i);
		lua_pushcclosure(L, l_load, 1);
		lua_rawset(L, -3);
	}
	lua_pushcfunction(L, ush_core_open);
	lua_setfield(L, -2, "usher.core");
	return 0;
}

lua_State *
ush_script_state(void)
{
	lua_State *L = luaL_newstate();

	if (L && lua_cpcall(L, l_open, NULL) != 0) {
		lua_close(L);
		return NULL;
	}
	return L;
}

int
ush_script_traceback(lua_State *L)
{
	const char *message = lua_tostring(L, 1);

	luaL_traceback(
	    L, L, message ? message : "an error that is no string", 1);
	return 1;
}

int
ush_script_call(lua_State *L, const char *name, const char *fn, int nargs)
{
	int base = lua_gettop(L) - nargs + 1, result;

	lua_pushcfunction(L, ush_script_traceback);
	lua_insert(L, base);
	lua_getglobal(L, "require");
	lua_pushfstring(L, "usher.%s", name);
	if (lua_pcall(L, 1, 1, base) == 0) {
		lua_getfield(L, -1, fn);
		lua_insert(L, base + 1);
		lua_pop(L, 1);
		if (lua_pcall(L, nargs, 1, base) == 0) {
			result = (int)lua_tointeger(L, -1);
			lua_settop(L, base - 1);
			return result;
		}
	}
	ush_cli_fail(-1, "%s", lua_tostring(L, -1));
	lua_settop(L, base - 1);
	return -1;
}
