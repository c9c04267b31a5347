/*
 * SPDX-License-Identifier: MIT
 *
 * Those base functions that LuaJIT's own are not safe for: they show
 * addresses, work for long without being charged, or catch errors in a way
 * that a spent budget does not survive.
 */
#include "sandbox/lib.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "sandbox/box.h"
#include "sandbox/budget.h"

enum {
	RESULTS_MAX = 8000,  /* values that one function can return */
	PRINT_MAX = 1000,    /* bytes of a line */
	SLOTS_FREE = 64,     /* tables up to here are skipped through free */
	SLOTS_PER_UNIT = 32, /* empty slots that next skips for a unit */
	CAUGHT = 200,        /* units for an error that is caught */
};

static int
l_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	ush_lib_tostring(L, 1);
	return 1;
}

/* ---- next, pairs ---- */

/*
 * The walk that is under way: through which table, and the key that next gave
 * last. Whoever goes on from there has paid for all slots. The key is known by
 * its address or number; a mistake would cost a unit too many or too few.
 */
struct walk {
	const void *table;
	const void *key;
	double number;
};

static bool
goes_on(lua_State *L, const struct walk *walk, const void *table)
{
	if (walk->table != table)
		return false;
	if (lua_type(L, 2) == LUA_TNUMBER)
		return lua_tonumber(L, 2) == walk->number;
	return walk->key && lua_topointer(L, 2) == walk->key;
}

/* The key that is given now lies below the top of the stack. */
static void
remember(lua_State *L, struct walk *walk, const void *table)
{
	walk->table = table;
	walk->key = lua_topointer(L, -2);
	walk->number = walk->key ? (double)NAN : lua_tonumber(L, -2);
}

/* Upvalue 1: the walk. */
static int
l_next(lua_State *L)
{
	struct walk *walk = NULL;
	const void *table;
	size_t slots;

	if (lua_type(L, 1) != LUA_TTABLE)
		luaL_checktype(L, 1, LUA_TTABLE);
	if (lua_gettop(L) != 2)
		lua_settop(L, 2);
	table = lua_topointer(L, 1);
	slots = ush_lib_slots(table);
	if (slots > SLOTS_FREE) {
		walk = lua_touserdata(L, lua_upvalueindex(1));
		if (!goes_on(L, walk, table))
			ush_budget_charge(L, slots / SLOTS_PER_UNIT);
		walk->table = NULL;
	}
	if (!lua_next(L, 1)) {
		lua_pushnil(L);
		return 1;
	}
	if (walk)
		remember(L, walk, table);
	return 2;
}

/* Upvalue 1: next. Objects of ours may say themselves how they are walked
 * through; tables can't, as in LuaJIT. */
static int
l_pairs(lua_State *L)
{
	if (lua_type(L, 1) == LUA_TUSERDATA &&
	    luaL_getmetafield(L, 1, "__pairs")) {
		ush_budget_check_stack(L);
		lua_pushvalue(L, 1);
		lua_call(L, 1, 3);
		ush_budget_check(L);
		return 3;
	}
	luaL_checkany(L, 1);
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

void
ush_lib_push_next(lua_State *L)
{
	struct walk *walk = lua_newuserdata(L, sizeof *walk);

	walk->table = NULL;
	lua_pushcclosure(L, l_next, 1);
	lua_pushvalue(L, -1);
	lua_pushcclosure(L, l_pairs, 1);
	lua_insert(L, -2);
}

/* ---- pcall, xpcall ---- */

/*
 * Both call through C, for what LuaJIT's own don't do. To unwind the stack up
 * to where an error is caught takes as long as hundreds of instructions (10 us
 * were measured), so it is charged like them: else a script that does nothing
 * but raise errors runs ten times as long as any other. And a budget that was
 * spent inside is not caught. [-args, +results, e]
 */
static int
protected_call(lua_State *L, int args, int results)
{
	int status;

	ush_budget_check_stack(L);
	status = lua_pcall(L, args, results, 0);
	ush_budget_check(L);
	if (status != 0)
		ush_budget_charge(L, CAUGHT);
	return status;
}

static int
l_pcall(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushboolean(L, 1);
	lua_insert(L, 1);
	if (protected_call(L, lua_gettop(L) - 2, LUA_MULTRET) != 0) {
		lua_pushboolean(L, 0);
		lua_replace(L, 1);
	}
	return lua_gettop(L);
}

/*
 * LuaJIT's own runs the handler with hooks off, so a loop in it would never
 * end. Here it runs after the call, under the same budget.
 */
static int
l_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checkany(L, 1);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_replace(L, 1);
	lua_replace(L, 2);
	if (protected_call(L, n - 2, LUA_MULTRET) == 0) {
		lua_pushboolean(L, 1);
		lua_replace(L, 1);
		return lua_gettop(L);
	}
	/* Handler and error lie on the stack as a call wants them. */
	if (protected_call(L, 1, 1) != 0) {
		lua_pop(L, 1);
		lua_pushliteral(L, "error in error handling");
	}
	lua_pushboolean(L, 0);
	lua_insert(L, 1);
	return 2;
}

/* ---- tonumber ---- */

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The value of a digit, or 36. */
static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 36;
}

/* Digits, with blanks around and a sign before them. Like LuaJIT's, ends at
 * 2^64 - 1. */
static bool
parse(const char *s, int base, double *result)
{
	uint64_t n = 0, b = (uint64_t)base;
	bool minus;

	while (is_space(*s))
		s++;
	minus = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	if (base == 16 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') &&
	    digit_value(s[2]) < 16)
		s += 2;
	if (digit_value(*s) >= base)
		return false;
	for (; digit_value(*s) < base; s++) {
		uint64_t digit = (uint64_t)digit_value(*s);

		n = n > (UINT64_MAX - digit) / b ? UINT64_MAX : n * b + digit;
	}
	while (is_space(*s))
		s++;
	*result = minus ? -(double)n : (double)n;
	return *s == '\0';
}

static int
l_tonumber(lua_State *L)
{
	ptrdiff_t base = ush_lib_opt_int(L, 2, 10);
	size_t len = 0;
	const char *s;
	double n;

	luaL_checkany(L, 1);
	if (lua_type(L, 1) == LUA_TSTRING)
		len = lua_objlen(L, 1);
	ush_lib_charge_bytes(L, len * 4);
	if (base == 10) {
		n = lua_tonumber(L, 1);
		if (n != 0 || lua_isnumber(L, 1)) {
			lua_pushnumber(L, n);
			return 1;
		}
	} else {
		s = luaL_checkstring(L, 1);
		luaL_argcheck(
		    L, base >= 2 && base <= 36, 2, "base out of range");
		if (parse(s, (int)base, &n)) {
			lua_pushnumber(L, n);
			return 1;
		}
	}
	lua_pushnil(L);
	return 1;
}

/* ---- others ---- */

static int
l_unpack(lua_State *L)
{
	ptrdiff_t first, last;
	int n;

	luaL_checktype(L, 1, LUA_TTABLE);
	first = ush_lib_opt_int(L, 2, 1);
	if (lua_isnoneornil(L, 3))
		last = (ptrdiff_t)lua_objlen(L, 1);
	else
		last = ush_lib_int(L, 3);
	if (first > last)
		return 0;
	luaL_argcheck(L, first >= INT32_MIN && last <= INT32_MAX, 2,
	    "index out of range");
	if (last - first >= RESULTS_MAX ||
	    !lua_checkstack(L, (int)(last - first + 1)))
		return luaL_error(L, "too many results to unpack");
	n = (int)(last - first + 1);
	ush_budget_charge(L, (uint64_t)n);
	for (int i = 0; i < n; i++)
		lua_rawgeti(L, 1, (int)first + i);
	return n;
}

/* One line for the host's log: the values with blanks between them. */
static int
l_print(lua_State *L)
{
	char line[PRINT_MAX + 1];
	int n = lua_gettop(L);
	size_t used = 0, len = 0;
	const char *s;

	line[0] = '\0';
	for (int i = 1; i <= n && used + len < PRINT_MAX; i++) {
		if (i > 1)
			line[used++] = ' ';
		ush_lib_tostring(L, i);
		s = lua_tolstring(L, -1, &len);
		ush_escape(line + used, sizeof line - used, s, len);
		used += strlen(line + used);
		lua_pop(L, 1);
	}
	/* A line takes a while to write. */
	ush_budget_charge(L, 100 + used);
	ush_box_print(ush_box_of(L), line, used);
	return 0;
}

const luaL_Reg ush_lib_base[] = {
    {"pcall", l_pcall},
    {"print", l_print},
    {"tonumber", l_tonumber},
    {"tostring", l_tostring},
    {"unpack", l_unpack},
    {"xpcall", l_xpcall},
    {NULL, NULL},
};
