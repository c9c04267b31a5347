/*
 * SPDX-License-Identifier: MIT
 *
 * `require "usher.store"`: what all threads and processes of an engine have in
 * common. What a script did wrong is an error; that a lock was held by another
 * is nobody's fault, and so an answer: nil and "busy".
 */
#include "data/store.h"

#include <math.h>

#include <lauxlib.h>

#include "lib/builtin.h"
#include "lib/host.h"
#include "sandbox/budget.h"
#include "sandbox/lib.h"
#include "sandbox/view.h"

enum { CALL_UNITS = 100 };

#define EXACT 9007199254740992.0 /* 2^53: so far a number counts exactly */
#define TTL_MAX 1e15             /* seconds; for ever */

/* [-0, +0, e] */
static const struct ush_store_view *
view_of(lua_State *L)
{
	const struct ush_lib_host *host = ush_lib_host_of(L);
	const struct ush_store_view *view = NULL;

	ush_budget_charge(L, CALL_UNITS);
	if (host && host->store)
		view = host->store(host->arg);
	if (!view)
		luaL_error(L, "there is no store here");
	return view;
}

/* [-0, +0, e] */
static struct ush_store_key
key_arg(lua_State *L)
{
	struct ush_store_key key;

	key.p = ush_lib_string_arg(L, 1, &key.len);
	if (key.len == 0 || key.len > USH_STORE_KEY_MAX)
		luaL_argerror(L, 1,
		    "a key has 1 to 255 bytes; make a long one shorter by "
		    "usher.sha256");
	ush_lib_charge_bytes(L, key.len);
	return key;
}

static bool
is_whole(lua_Number n)
{
	return n >= -EXACT && n <= EXACT && n == floor(n);
}

/* [-0, +0, e] */
static struct ush_store_value
value_arg(lua_State *L)
{
	struct ush_store_value value = {.kind = USH_STORE_STRING};
	lua_Number n;

	switch (lua_type(L, 2)) {
	case LUA_TSTRING:
		value.as.string.p = lua_tolstring(L, 2, &value.as.string.len);
		if (value.as.string.len > USH_STORE_VALUE_MAX)
			luaL_argerror(L, 2,
			    "a string in the store has at most 4096 bytes");
		ush_lib_charge_bytes(L, value.as.string.len);
		break;
	case LUA_TNUMBER:
		n = lua_tonumber(L, 2);
		value.kind = is_whole(n) ? USH_STORE_INTEGER : USH_STORE_NUMBER;
		if (value.kind == USH_STORE_INTEGER)
			value.as.integer = (int64_t)n;
		else
			value.as.number = n;
		break;
	case LUA_TBOOLEAN:
		value.kind = USH_STORE_BOOLEAN;
		value.as.boolean = lua_toboolean(L, 2);
		break;
	default:
		luaL_argerror(L, 2,
		    "the store holds strings, numbers and booleans; to remove "
		    "a key there is delete");
	}
	return value;
}

/* In milliseconds, rounded up; 0: none. [-0, +0, e] */
static uint64_t
ttl_arg(lua_State *L, int arg)
{
	lua_Number n;

	if (lua_isnoneornil(L, arg))
		return 0;
	luaL_checktype(L, arg, LUA_TNUMBER);
	n = lua_tonumber(L, arg);
	if (!(n > 0))
		luaL_argerror(L, arg,
		    "a time to live is a number of seconds above 0, or nil");
	return n < TTL_MAX ? (uint64_t)ceil(n * 1000) : 0;
}

/* What is no answer of its own: nil and a word, or an error. [-0, +n, e] */
static int
push_failure(lua_State *L, enum ush_store_result result)
{
	switch (result) {
	case USH_STORE_BUSY:
	case USH_STORE_FULL:
		lua_pushnil(L);
		lua_pushstring(L, result == USH_STORE_BUSY ? "busy" : "full");
		return 2;
	case USH_STORE_TYPE:
		return luaL_error(
		    L, "incr: what is stored there is no whole number");
	case USH_STORE_RANGE:
		return luaL_error(L, "incr: the sum is too large");
	default:
		return luaL_error(L, "the store refuses this");
	}
}

/* [-0, +1, e] */
static void
push_value(lua_State *L, const struct ush_store_value *value)
{
	switch (value->kind) {
	case USH_STORE_STRING:
		ush_lib_charge_bytes(L, value->as.string.len);
		lua_pushlstring(L, value->as.string.p, value->as.string.len);
		break;
	case USH_STORE_INTEGER:
		lua_pushnumber(L, (lua_Number)value->as.integer);
		break;
	case USH_STORE_NUMBER:
		lua_pushnumber(L, value->as.number);
		break;
	default:
		lua_pushboolean(L, value->as.boolean);
	}
}

/* get(key): the value, or nil. */
static int
l_store_get(lua_State *L)
{
	struct ush_store_key key = key_arg(L);
	char room[USH_STORE_VALUE_MAX];
	struct ush_store_value value;
	enum ush_store_result result =
	    ush_store_get(view_of(L), key, &value, room);

	if (result == USH_STORE_ABSENT)
		lua_pushnil(L);
	else if (result == USH_STORE_OK)
		push_value(L, &value);
	else
		return push_failure(L, result);
	return 1;
}

/* set(key, value, ttl): true. */
static int
l_store_set(lua_State *L)
{
	struct ush_store_key key = key_arg(L);
	struct ush_store_value value = value_arg(L);
	uint64_t ttl = ttl_arg(L, 3);
	enum ush_store_result result =
	    ush_store_set(view_of(L), key, &value, ttl);

	if (result != USH_STORE_OK)
		return push_failure(L, result);
	lua_pushboolean(L, true);
	return 1;
}

/* add(key, value, ttl): true, or false if the key was there. */
static int
l_store_add(lua_State *L)
{
	struct ush_store_key key = key_arg(L);
	struct ush_store_value value = value_arg(L);
	uint64_t ttl = ttl_arg(L, 3);
	enum ush_store_result result =
	    ush_store_add(view_of(L), key, &value, ttl);

	if (result != USH_STORE_OK && result != USH_STORE_EXISTS)
		return push_failure(L, result);
	lua_pushboolean(L, result == USH_STORE_OK);
	return 1;
}

/* [-0, +0, e] */
static int64_t
whole_arg(lua_State *L, int arg, lua_Number preset)
{
	lua_Number n = preset;

	if (!lua_isnoneornil(L, arg)) {
		luaL_checktype(L, arg, LUA_TNUMBER);
		n = lua_tonumber(L, arg);
	}
	if (!is_whole(n))
		luaL_argerror(L, arg, "whole numbers are added");
	return (int64_t)n;
}

/* incr(key, by, ttl, from): the sum. */
static int
l_store_incr(lua_State *L)
{
	struct ush_store_key key = key_arg(L);
	int64_t by = whole_arg(L, 2, 1), from = whole_arg(L, 4, 0), sum;
	uint64_t ttl = ttl_arg(L, 3);
	enum ush_store_result result;

	if (lua_isnoneornil(L, 4))
		result = ush_store_incr(view_of(L), key, by, ttl, &sum);
	else
		result =
		    ush_store_incr_from(view_of(L), key, from, by, ttl, &sum);
	if (result != USH_STORE_OK)
		return push_failure(L, result);
	lua_pushnumber(L, (lua_Number)sum);
	return 1;
}

/* delete(key): was it there? */
static int
l_store_delete(lua_State *L)
{
	struct ush_store_key key = key_arg(L);
	enum ush_store_result result = ush_store_delete(view_of(L), key);

	if (result != USH_STORE_OK && result != USH_STORE_ABSENT)
		return push_failure(L, result);
	lua_pushboolean(L, result == USH_STORE_OK);
	return 1;
}

static const luaL_Reg functions[] = {
    {"add", l_store_add},
    {"delete", l_store_delete},
    {"get", l_store_get},
    {"incr", l_store_incr},
    {"set", l_store_set},
    {NULL, NULL},
};

void
ush_lib_open_store(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	ush_view_push(L, "usher.store");
}
