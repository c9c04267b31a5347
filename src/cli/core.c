/*
 * SPDX-License-Identifier: MIT
 *
 * The module "usher.core": the tables of facts and of the sandbox's names, the
 * clock, and what the other core_*.c add.
 */
#include "cli/core.h"

#include <stdlib.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/near.h"
#include "cli/lua_json.h"
#include "cli/test.h"
#include "facts/facts.h"
#include "sandbox/surface.h"

static const char *const objects[] = {
    [USH_OBJECT_CONN] = "conn",
    [USH_OBJECT_TICKET] = "ticket",
    [USH_OBJECT_ISSUE] = "issue",
};

static const char *const types[] = {
    [USH_FACT_STRING] = "string",
    [USH_FACT_INTEGER] = "integer",
    [USH_FACT_BOOLEAN] = "boolean",
    [USH_FACT_STRINGS] = "strings",
    [USH_FACT_CERT] = "cert",
    [USH_FACT_HELLO] = "hello",
    [USH_FACT_DATA] = "data",
    [USH_FACT_VARS] = "vars",
    [USH_FACT_PREVIOUS] = "previous",
};

static const char *const uses[] = {
    [USH_FACT_NO] = "no",
    [USH_FACT_READ] = "read",
    [USH_FACT_ASSIGN] = "assign",
};

static void
set_string(lua_State *L, const char *field, const char *value)
{
	lua_pushstring(L, value);
	lua_setfield(L, -2, field);
}

/* A list of {object, name, type, decrypt, generate, doc}. [-0, +1, e] */
static int
l_facts(lua_State *L)
{
	lua_createtable(L, USH_FACTS, 0);
	for (int i = 0; i < USH_FACTS; i++) {
		const struct ush_fact_info *info = &ush_fact_infos[i];

		lua_createtable(L, 0, 6);
		set_string(L, "object", objects[info->object]);
		set_string(L, "name", info->name);
		set_string(L, "type", types[info->type]);
		set_string(L, "decrypt", uses[info->decrypt]);
		set_string(L, "generate", uses[info->generate]);
		set_string(L, "doc", info->doc);
		lua_rawseti(L, -2, i + 1);
	}
	return 1;
}

static void
add_name(void *arg, const char *library, const char *name, const char *why)
{
	lua_State *L = arg;

	lua_createtable(L, 0, 3);
	set_string(L, "library", library ? library : "");
	set_string(L, "name", name);
	if (why)
		set_string(L, "why", why);
	lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

/* A list of {library, name, why}; with a `why` it is absent. [-0, +1, e] */
static int
l_surface(lua_State *L)
{
	lua_newtable(L);
	ush_surface_each(add_name, L);
	return 1;
}

/* near(name, list). [-2, +1, e] */
static int
l_near(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1), *near;
	size_t n = lua_objlen(L, 2);
	const char **names = lua_newuserdata(L, (n + 1) * sizeof *names);

	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(L, 2, (int)i + 1);
		names[i] = luaL_checkstring(L, -1);
		lua_pop(L, 1);
	}
	near = ush_near(name, names, n);
	lua_pushstring(L, near);
	return 1;
}

static int
l_clock(lua_State *L)
{
	ush_clock_set((int64_t)luaL_checknumber(L, 1));
	return 0;
}

static int
l_now(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)ush_clock_now());
	return 1;
}

/* A table as JSON text. [-1, +1, e] */
static int
l_json(lua_State *L)
{
	char why[200], *text;
	json_t *json;

	luaL_checktype(L, 1, LUA_TTABLE);
	json = ush_lua_json(L, 1, why, sizeof why);
	if (!json)
		return luaL_error(L, "%s", why);
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(json);
	lua_pushstring(L, text);
	free(text);
	return 1;
}

int
ush_core_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
	    {"facts", l_facts},
	    {"surface", l_surface},
	    {"near", l_near},
	    {"clock", l_clock},
	    {"now", l_now},
	    {"json", l_json},
	    {NULL, NULL},
	};

	lua_newtable(L);
	luaL_setfuncs(L, functions, 0);
	ush_core_data_open(L);
	ush_core_modules_open(L);
	ush_core_policy_open(L);
	ush_core_trace_open(L);
	ush_core_server_open(L);
	ush_test_core_open(L);
	return 1;
}
