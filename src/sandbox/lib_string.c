/*
 * SPDX-License-Identifier: MIT
 *
 * The string library, but for what works by patterns (lib_match.c) and format
 * (lib_format.c). What looks at every byte is charged by length. ASCII letters
 * only have a case, whatever the locale.
 */
#include "sandbox/lib.h"

#include <string.h>

#include "sandbox/box.h"
#include "sandbox/budget.h"

enum {
	SMALL = 256,        /* results up to here are made on the C stack */
	RESULTS_MAX = 8000, /* values that one function can return */
};

/*
 * Room for a result of `len` bytes: `small` (of SMALL bytes), or pushed
 * userdata. Charges for it, and refuses what can't fit. [-0, +0/+1, e]
 */
static char *
result_room(lua_State *L, char *small, size_t len)
{
	if (len <= SMALL)
		return small;
	if (len > ush_box_memory_limit(ush_box_of(L)))
		luaL_error(L, "resulting string too large");
	ush_lib_charge_bytes(L, len);
	return lua_newuserdata(L, len);
}

static int
l_string_len(lua_State *L)
{
	size_t len;

	luaL_checklstring(L, 1, &len);
	lua_pushinteger(L, (lua_Integer)len);
	return 1;
}

static int
l_string_sub(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);
	ptrdiff_t first = ush_lib_position(ush_lib_int(L, 2), len);
	ptrdiff_t last = ush_lib_position(ush_lib_opt_int(L, 3, -1), len);

	if (first < 1)
		first = 1;
	if (last > (ptrdiff_t)len)
		last = (ptrdiff_t)len;
	if (first > last) {
		lua_pushliteral(L, "");
		return 1;
	}
	len = (size_t)(last - first + 1);
	ush_lib_charge_bytes(L, len);
	lua_pushlstring(L, s + first - 1, len);
	return 1;
}

static int
l_string_reverse(lua_State *L)
{
	char small[SMALL], *to;
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);

	to = result_room(L, small, len);
	for (size_t i = 0; i < len; i++)
		to[i] = s[len - 1 - i];
	lua_pushlstring(L, to, len);
	return 1;
}

/* Every letter from `first` on, 26 of them, to the other case. [-0, +1, e] */
static int
change_case(lua_State *L, char first)
{
	char small[SMALL], *to;
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);

	to = result_room(L, small, len);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		to[i] = (char)(c >= first && c < first + 26 ? c ^ 0x20 : c);
	}
	lua_pushlstring(L, to, len);
	return 1;
}

static int
l_string_lower(lua_State *L)
{
	return change_case(L, 'A');
}

static int
l_string_upper(lua_State *L)
{
	return change_case(L, 'a');
}

/* n times s, with the separator between them. */
static void
repeat(char *to, const char *s, size_t len, const char *sep, size_t sep_len,
    size_t n)
{
	while (n-- > 0) {
		memcpy(to, s, len);
		to += len;
		if (n > 0)
			memcpy(to, sep, sep_len);
		to += sep_len;
	}
}

static int
l_string_rep(lua_State *L)
{
	char small[SMALL], *to;
	size_t len, sep_len, limit = ush_box_memory_limit(ush_box_of(L));
	const char *s = luaL_checklstring(L, 1, &len);
	ptrdiff_t n = ush_lib_int(L, 2);
	const char *sep = luaL_optlstring(L, 3, "", &sep_len);

	if (n <= 0 || len + sep_len == 0) {
		lua_pushliteral(L, "");
		return 1;
	}
	if ((size_t)n > limit || len + sep_len > limit / (size_t)n)
		return luaL_error(L, "resulting string too large");
	to = result_room(L, small, (size_t)n * (len + sep_len));
	if (len + sep_len == 1) {
		memset(to, len ? *s : *sep, (size_t)n);
	} else {
		ush_budget_charge(L, (size_t)n / 2); /* calls of memcpy */
		repeat(to, s, len, sep, sep_len, (size_t)n);
	}
	lua_pushlstring(L, to, (size_t)n * (len + sep_len) - sep_len);
	return 1;
}

static int
l_string_byte(lua_State *L)
{
	size_t len;
	const char *s = luaL_checklstring(L, 1, &len);
	ptrdiff_t first = ush_lib_opt_int(L, 2, 1);
	ptrdiff_t last = ush_lib_opt_int(L, 3, first);
	int n;

	first = ush_lib_position(first, len);
	last = ush_lib_position(last, len);
	if (first < 1)
		first = 1;
	if (last > (ptrdiff_t)len)
		last = (ptrdiff_t)len;
	if (first > last)
		return 0;
	if (last - first >= RESULTS_MAX)
		return luaL_error(L, "string slice too long");
	n = (int)(last - first + 1);
	luaL_checkstack(L, n, "string slice too long");
	ush_lib_charge_bytes(L, (size_t)n * 8);
	for (int i = 0; i < n; i++)
		lua_pushinteger(L, (unsigned char)s[first - 1 + i]);
	return n;
}

static int
l_string_char(lua_State *L)
{
	char small[SMALL], *to;
	int n = lua_gettop(L);
	ptrdiff_t c;

	ush_lib_charge_bytes(L, (size_t)n * 8);
	to = result_room(L, small, (size_t)n);
	for (int i = 1; i <= n; i++) {
		c = ush_lib_int(L, i);
		luaL_argcheck(L, c >= 0 && c <= 255, i, "invalid value");
		to[i - 1] = (char)(unsigned char)c;
	}
	lua_pushlstring(L, to, (size_t)n);
	return 1;
}

const luaL_Reg ush_lib_string[] = {
    {"byte", l_string_byte},
    {"char", l_string_char},
    {"format", ush_lib_format},
    {"len", l_string_len},
    {"lower", l_string_lower},
    {"rep", l_string_rep},
    {"reverse", l_string_reverse},
    {"sub", l_string_sub},
    {"upper", l_string_upper},
    {NULL, NULL},
};
