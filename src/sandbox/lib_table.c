/*
 * SPDX-License-Identifier: MIT
 *
 * The table library. Raw access throughout: nothing here runs a metamethod but
 * the comparisons of sort. What walks through a table is charged by its size.
 */
#include "sandbox/lib.h"

#include "sandbox/budget.h"
#include "sandbox/strbuf.h"

enum {
	BATCH = 64,          /* elements charged at once */
	SLOTS_PER_UNIT = 32, /* empty ones are skipped quickly */
};

/* Argument 1 is a table: its length. [-0, +0, e] */
static ptrdiff_t
check_length(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	return (ptrdiff_t)lua_objlen(L, 1);
}

/* Setting what is absent to nil would make room for it. [-0, +0, -] */
static bool
is_absent(lua_State *L, int table, int i)
{
	bool absent;

	lua_rawgeti(L, table, i);
	absent = lua_isnil(L, -1);
	lua_pop(L, 1);
	return absent;
}

/* t[to + i] = t[from + i] for i from 0 to n-1, in an order that keeps what
 * overlaps. Tables are given by index. [-0, +0, e] */
static void
move(lua_State *L, int source, ptrdiff_t from, int target, ptrdiff_t to,
    ptrdiff_t n)
{
	bool up = source != target || to < from;

	for (ptrdiff_t done = 0; done < n; done++) {
		ptrdiff_t i = up ? done : n - 1 - done;

		if (done % BATCH == 0)
			ush_budget_charge(L, BATCH);
		lua_rawgeti(L, source, (int)(from + i));
		if (lua_isnil(L, -1) && is_absent(L, target, (int)(to + i)))
			lua_pop(L, 1);
		else
			lua_rawseti(L, target, (int)(to + i));
	}
}

static int
l_table_insert(lua_State *L)
{
	ptrdiff_t len = check_length(L), pos = len + 1;

	switch (lua_gettop(L)) {
	case 2:
		break;
	case 3:
		pos = ush_lib_int(L, 2);
		luaL_argcheck(L, pos >= 1 && pos <= INT32_MAX, 2,
		    "position out of bounds");
		if (pos <= len)
			move(L, 1, pos, 1, pos + 1, len - pos + 1);
		break;
	default:
		return luaL_error(L, "wrong number of arguments to 'insert'");
	}
	lua_rawseti(L, 1, (int)pos);
	return 0;
}

static int
l_table_remove(lua_State *L)
{
	ptrdiff_t len = check_length(L), pos = ush_lib_opt_int(L, 2, len);

	if (pos < 1 || pos > len)
		return 0;
	lua_rawgeti(L, 1, (int)pos);
	move(L, 1, pos + 1, 1, pos, len - pos);
	lua_pushnil(L);
	lua_rawseti(L, 1, (int)len);
	return 1;
}

static int
l_table_move(lua_State *L)
{
	ptrdiff_t first, last, to;
	int target = lua_isnoneornil(L, 5) ? 1 : 5;

	luaL_checktype(L, 1, LUA_TTABLE);
	first = ush_lib_int(L, 2);
	last = ush_lib_int(L, 3);
	to = ush_lib_int(L, 4);
	luaL_checktype(L, target, LUA_TTABLE);
	if (first <= last) {
		luaL_argcheck(L, first >= INT32_MIN && last <= INT32_MAX, 3,
		    "too many elements to move");
		luaL_argcheck(L,
		    to >= INT32_MIN && to <= INT32_MAX - (last - first), 4,
		    "destination wrap around");
		move(L, 1, first, target, to, last - first + 1);
	}
	lua_pushvalue(L, target);
	return 1;
}

static int
l_table_maxn(lua_State *L)
{
	double max = 0, n;
	size_t seen = 0;

	luaL_checktype(L, 1, LUA_TTABLE);
	ush_budget_charge(
	    L, ush_lib_slots(lua_topointer(L, 1)) / SLOTS_PER_UNIT);
	lua_pushnil(L);
	while (lua_next(L, 1)) {
		lua_pop(L, 1);
		if (++seen % BATCH == 0)
			ush_budget_charge(L, BATCH);
		if (lua_type(L, -1) != LUA_TNUMBER)
			continue;
		n = lua_tonumber(L, -1);
		if (n > max)
			max = n;
	}
	lua_pushnumber(L, max);
	return 1;
}

/* Adds t[i]. [-0, +0, e] */
static void
add_element(lua_State *L, struct ush_strbuf *b, ptrdiff_t i)
{
	size_t len;
	const char *s;

	lua_rawgeti(L, 1, (int)i);
	s = lua_tolstring(L, -1, &len);
	if (!s)
		luaL_error(L,
		    "invalid value (%s) at index %d in table for 'concat'",
		    luaL_typename(L, -1), (int)i);
	ush_strbuf_add(b, s, len);
	lua_pop(L, 1);
}

static int
l_table_concat(lua_State *L)
{
	struct ush_strbuf b;
	ptrdiff_t len = check_length(L), first, last;
	size_t sep_len;
	const char *sep = luaL_optlstring(L, 2, "", &sep_len);

	first = ush_lib_opt_int(L, 3, 1);
	last = ush_lib_opt_int(L, 4, len);
	luaL_argcheck(L, first >= INT32_MIN && first <= INT32_MAX, 3,
	    "index out of range");
	luaL_argcheck(
	    L, last >= INT32_MIN && last <= INT32_MAX, 4, "index out of range");
	ush_strbuf_init(&b, L);
	for (ptrdiff_t i = first; i <= last; i++) {
		if ((i - first) % BATCH == BATCH - 1)
			ush_budget_charge(L, BATCH);
		add_element(L, &b, i);
		if (i < last)
			ush_strbuf_add(&b, sep, sep_len);
	}
	ush_strbuf_push(&b);
	return 1;
}

/* ---- sort ----
 *
 * A merge sort between two tables of its own: it needs no recursion, ends
 * after n*log2(n) comparisons whatever they answer, is stable, and leaves the
 * script's table as it was if a comparison raises an error. */

enum {
	SORTED = 1, /* the script's table */
	COMPARATOR, /* function or nil */
	FROM,       /* sorted in runs, */
	TO,         /* and in runs twice as long */
	LEFT,       /* the heads of the two runs that are being merged */
	RIGHT,
};

/* Is the head of the right run less than that of the left one? [-0, +0, e] */
static bool
right_is_less(lua_State *L)
{
	bool less;

	if (lua_isnil(L, COMPARATOR)) {
		if (lua_type(L, LEFT) == LUA_TSTRING)
			ush_lib_charge_bytes(L, lua_objlen(L, LEFT));
		less = lua_lessthan(L, RIGHT, LEFT);
	} else {
		lua_pushvalue(L, COMPARATOR);
		lua_pushvalue(L, RIGHT);
		lua_pushvalue(L, LEFT);
		lua_call(L, 2, 1);
		less = lua_toboolean(L, -1);
		lua_pop(L, 1);
	}
	ush_budget_check(L);
	return less;
}

/* Takes the head of a run over to TO[at], and loads the next one. */
static void
take_head(lua_State *L, int side, int next, int at)
{
	lua_pushvalue(L, side);
	lua_rawseti(L, TO, at);
	lua_rawgeti(L, FROM, next);
	lua_replace(L, side);
}

/* Merges FROM[left .. middle-1] and FROM[middle .. end-1]. [-0, +0, e] */
static void
merge(lua_State *L, int left, int middle, int end)
{
	int right = middle, at = left;

	lua_rawgeti(L, FROM, left);
	lua_replace(L, LEFT);
	lua_rawgeti(L, FROM, right);
	lua_replace(L, RIGHT);
	while (left < middle && right < end) {
		if (right_is_less(L))
			take_head(L, RIGHT, ++right, at++);
		else
			take_head(L, LEFT, ++left, at++);
	}
	for (; left < middle; left++, at++) {
		lua_rawgeti(L, FROM, left);
		lua_rawseti(L, TO, at);
	}
	for (; right < end; right++, at++) {
		lua_rawgeti(L, FROM, right);
		lua_rawseti(L, TO, at);
	}
}

static int
least(int64_t a, int64_t b)
{
	return (int)(a < b ? a : b);
}

/* All runs of `width` to runs of twice that. [-0, +0, e] */
static void
merge_runs(lua_State *L, int n, int width)
{
	for (int64_t left = 1; left <= n; left += 2 * (int64_t)width)
		merge(L, (int)left, least(left + width, n + 1),
		    least(left + 2 * (int64_t)width, n + 1));
	lua_pushvalue(L, FROM);
	lua_pushvalue(L, TO);
	lua_replace(L, FROM);
	lua_replace(L, TO);
}

static uint64_t
sort_cost(uint64_t n)
{
	uint64_t rounds = 2; /* copying in and out */

	for (uint64_t width = 1; width < n; width *= 2)
		rounds++;
	return n * rounds;
}

static int
l_table_sort(lua_State *L)
{
	ptrdiff_t len = check_length(L);
	int n = (int)len;

	if (!lua_isnoneornil(L, COMPARATOR))
		luaL_checktype(L, COMPARATOR, LUA_TFUNCTION);
	if (len < 2)
		return 0;
	luaL_argcheck(L, len < INT32_MAX, 1, "table too large");
	ush_budget_charge(L, sort_cost((uint64_t)n));
	ush_budget_check_stack(L);
	lua_settop(L, COMPARATOR);
	lua_createtable(L, n, 0);
	lua_createtable(L, n, 0);
	lua_settop(L, RIGHT);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, SORTED, i);
		lua_rawseti(L, FROM, i);
	}
	for (int64_t width = 1; width < n; width *= 2)
		merge_runs(L, n, (int)width);
	for (int i = 1; i <= n; i++) {
		lua_rawgeti(L, FROM, i);
		lua_rawseti(L, SORTED, i);
	}
	return 0;
}

const luaL_Reg ush_lib_table[] = {
    {"concat", l_table_concat},
    {"insert", l_table_insert},
    {"maxn", l_table_maxn},
    {"move", l_table_move},
    {"remove", l_table_remove},
    {"sort", l_table_sort},
    {NULL, NULL},
};
