/*
 * SPDX-License-Identifier: MIT
 *
 * What the sandbox's own library functions share.
 */
#include "sandbox/lib.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "sandbox/budget.h"

enum {
	BYTES_PER_UNIT = 16,
	DIGIT_BYTES = 4, /* reading a digit is work like copying so many */
	/* Where a 64-bit LuaJIT 2.1 keeps a table's sizes. */
	ASIZE_OFFSET = 48,
	HMASK_OFFSET = 52,
};

static const double INT_LIMIT = 9007199254740992.0; /* 2^53 */

static ptrdiff_t
clamp(double n)
{
	if (n >= INT_LIMIT)
		return (ptrdiff_t)INT_LIMIT;
	if (n <= -INT_LIMIT)
		return (ptrdiff_t)-INT_LIMIT;
	return n == n ? (ptrdiff_t)n : 0;
}

double
ush_lib_number(lua_State *L, int arg)
{
	if (lua_type(L, arg) == LUA_TSTRING)
		ush_lib_charge_bytes(L, lua_objlen(L, arg) * DIGIT_BYTES);
	return luaL_checknumber(L, arg);
}

ptrdiff_t
ush_lib_int(lua_State *L, int arg)
{
	return clamp(ush_lib_number(L, arg));
}

ptrdiff_t
ush_lib_opt_int(lua_State *L, int arg, ptrdiff_t def)
{
	return lua_isnoneornil(L, arg) ? def : ush_lib_int(L, arg);
}

ptrdiff_t
ush_lib_position(ptrdiff_t pos, size_t len)
{
	return pos < 0 ? pos + (ptrdiff_t)len + 1 : pos;
}

void
ush_lib_charge_bytes(lua_State *L, size_t n)
{
	if (n >= BYTES_PER_UNIT)
		ush_budget_charge(L, n / BYTES_PER_UNIT);
}

/* By __tostring, or false. [-0, +0/+1, e] */
static bool
call_tostring(lua_State *L, int index)
{
	if (!luaL_getmetafield(L, index, "__tostring"))
		return false;
	ush_budget_check_stack(L);
	lua_pushvalue(L, index);
	lua_call(L, 1, 1);
	ush_budget_check(L);
	if (lua_type(L, -1) != LUA_TSTRING)
		luaL_error(L, "'__tostring' must return a string");
	return true;
}

void
ush_lib_tostring(lua_State *L, int index)
{
	int type = lua_type(L, index);

	if (index < 0)
		index = lua_gettop(L) + index + 1;
	switch (type) {
	case LUA_TSTRING:
		lua_pushvalue(L, index);
		return;
	case LUA_TNUMBER:
		lua_pushvalue(L, index);
		lua_tolstring(L, -1, NULL);
		return;
	case LUA_TBOOLEAN:
		lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
		return;
	case LUA_TTABLE:
	case LUA_TUSERDATA:
	case LUA_TLIGHTUSERDATA:
		if (call_tostring(L, index))
			return;
		/* Our own objects have names; scripts can't make any. */
		if (type == LUA_TUSERDATA &&
		    luaL_getmetafield(L, index, "__name")) {
			if (lua_type(L, -1) == LUA_TSTRING)
				return;
			lua_pop(L, 1);
		}
		break;
	}
	lua_pushstring(L, lua_typename(L, type));
}

/* ---- the sizes of a table ----
 *
 * `next` over a table of 100,000 holes is one instruction that takes 100 us,
 * and nothing in Lua's API tells how large a table is. So two numbers are read
 * out of LuaJIT's struct GCtab, if tables of known sizes show that they are
 * where they are expected; else holes are free, and the CPU-time limit is left
 * to hold. */

enum { UNKNOWN, SAME, DIFFERENT };

static atomic_int layout = UNKNOWN;

static size_t
read_size(const void *table, size_t offset)
{
	uint32_t n;

	memcpy(&n, (const char *)table + offset, sizeof n);
	return n;
}

size_t
ush_lib_slots(const void *table)
{
	if (atomic_load_explicit(&layout, memory_order_relaxed) != SAME)
		return 0;
	return read_size(table, ASIZE_OFFSET) + read_size(table, HMASK_OFFSET) +
	       1;
}

/* Does a table made with so many slots show them? [-0, +0, e] */
static bool
shows(lua_State *L, int array, int hash)
{
	size_t asize, hmask;

	lua_createtable(L, array, hash);
	asize = read_size(lua_topointer(L, -1), ASIZE_OFFSET);
	hmask = read_size(lua_topointer(L, -1), HMASK_OFFSET);
	lua_pop(L, 1);
	return asize == (array ? (size_t)array + 1 : 0) &&
	       hmask == (hash ? (size_t)hash - 1 : 0);
}

void
ush_lib_check_slots(lua_State *L)
{
	bool same;

	if (atomic_load_explicit(&layout, memory_order_relaxed) != UNKNOWN)
		return;
	same = sizeof(void *) == 8 && shows(L, 0, 0) && shows(L, 100, 0) &&
	       shows(L, 0, 64) && shows(L, 37, 32);
	atomic_store_explicit(
	    &layout, same ? SAME : DIFFERENT, memory_order_relaxed);
}
