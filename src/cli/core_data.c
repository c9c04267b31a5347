/*
 * SPDX-License-Identifier: MIT
 *
 * The wrong lines of the data files that policies read.
 */
#include <string.h>

#include <lauxlib.h>

#include "base/buffer.h"
#include "cli/core.h"
#include "data/sets.h"

struct wrong {
	struct ush_error err;
	size_t more;
};

/* Records since the last call. The threads that load policies add to it, one
 * after the other. */
static struct ush_buffer wrongs;

static void
on_wrong(const struct ush_error *err, size_t more)
{
	struct wrong wrong = {*err, more};

	ush_buffer_put(&wrongs, &wrong, sizeof wrong);
}

/* From now on wrong lines are no errors: they are left out, and listed here, as
 * errors of policy(); what stands for others that a file has says how many, in
 * `more`. The list of those since the last call. [-0, +1, e] */
static int
l_wrong_lines(lua_State *L)
{
	struct wrong wrong;
	size_t n = wrongs.len / sizeof wrong;

	ush_set_wrong = on_wrong;
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		memcpy(&wrong, wrongs.data + i * sizeof wrong, sizeof wrong);
		ush_core_push_error(L, &wrong.err);
		lua_pushnumber(L, (lua_Number)wrong.more);
		lua_setfield(L, -2, "more");
		lua_rawseti(L, -2, (int)i + 1);
	}
	ush_buffer_fini(&wrongs);
	return 1;
}

void
ush_core_data_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
	    {"wrong_lines", l_wrong_lines},
	    {NULL, NULL},
	};

	luaL_setfuncs(L, functions, 0);
}
