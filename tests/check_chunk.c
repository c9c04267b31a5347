/*
 * SPDX-License-Identifier: MIT
 *
 * Which sources the parser gets to see.
 *
 * Scenarios:
 *  1. Numbers that would be cdata are found, with their line, wherever the
 *     parser takes them for numbers; and nowhere else.
 *  2. LuaJIT is asked about random sources: whatever makes its parser open the
 *     FFI library is found before, and what it compiles without doing so is
 *     let through.
 *  3. A source whose compiling takes quadratic time is given up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>
#include <lauxlib.h>

#include "sandbox/chunk.h"
#include "tls/suite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The line in which a number is found, 0 for none. */
static const struct {
	const char *text;
	int line;
} sources[] = {
    {"return 1LL", 1},
    {"return 1ll", 1},
    {"return 1ULL", 1},
    {"return 1LLU", 1},
    {"return 1i", 1},
    {"return 1.5i", 1},
    {"return .5I", 1},
    {"return 0x1p-3i", 1},
    {"return 1e-3i", 1},
    {"return 0xffULL", 1},
    {"return a..1LL", 1},
    {"return ...5i", 1},
    {"return -1LL", 1},
    {"return t[1LL]", 1},
    {"\n\nreturn {\n1LL}", 4},
    {"-- x\n1LL", 2},
    {"--[==x\n1LL", 2},
    {"--[[x\n]]1LL", 2},
    {"--[=[x]]\n]=]1LL", 2},
    {"x = [[\n]]1LL", 2},
    {"x = [=[]]]=]1LL", 1},
    {"x = 'a\\'1LL'..2i", 1},
    {"x = \"'\"1LL", 1},
    {"x = 'a\\\n'1LL", 2},
    {"#!/usr/bin/lua\n1LL", 2},
    {"\xef\xbb\xbf#!x\n1LL", 2},
    {"\xef\xbb\xbf"
     "1LL",
	1},
    {"return 1", 0},
    {"return 0x1F + 1e5 + 1e-5 + 0x.8p2 + .5 + 5.", 0},
    {"return a1LL, _1i, a.b1ULL", 0},
    {"return '1LL', \"1i\", [[1LL]], [=[1ULL]]]=]", 0},
    {"-- 1LL\n--[[ 1LL\n1i ]] return --[==[]]1LL]==] 1", 0},
    {"#1LL\nreturn 1", 0},
    {"return 'a\\\\', 'b\\'1LL', '\\z  \n 1LL', '\\\n1i'", 0},
    {"return \xc3\xbc"
     "1LL",
	0},
    {"", 0},
    {"'", 0},
    {"'\\", 0},
    {"[", 0},
    {"[=", 0},
    {"[==[", 0},
    {"--", 0},
    {"--[", 0},
    {"--[=", 0},
    {"#", 0},
    {".", 0},
    {"..", 0},
};

START_TEST(cdata_are_found_where_numbers_are)
{
	/* In memory of exactly its size. */
	size_t len = strlen(sources[_i].text);
	char *text = malloc(len + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, sources[_i].text, len);
	text = realloc(text, len > 0 ? len : 1);
	ck_assert_msg(ush_chunk_find_cdata(text, len) == sources[_i].line, "%s",
	    sources[_i].text);
	free(text);
}
END_TEST

/* Has the parser met cdata, and has it compiled the source? */
static void
ask_luajit(const char *text, size_t len, bool *cdata, bool *compiled)
{
	lua_State *L = luaL_newstate();

	ck_assert_ptr_nonnull(L);
	lua_newtable(L);
	lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
	*compiled = luaL_loadbufferx(L, text, len, "@x", "t") == 0;
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	lua_getfield(L, -1, "ffi");
	*cdata = !lua_isnil(L, -1);
	lua_close(L);
}

static size_t
soup(char *to, unsigned int *seed)
{
	static const char *const pieces[] = {"1LL", "2i", "1", ".", "..", "x",
	    "'", "'", "\"", "\"", "\\", "[[", "]]", "[=[", "]=]", "[", "]", "=",
	    "--", "--[[", "--[=[", "\n", "\r", " ", "e-", "0x", "p+", "'a'",
	    " x = ", "x = 1 ", "return ", "-", "#", "\\z", "\\x41", "\xc3", "L",
	    "U", "i", "{", "}", " local x = 'a' ", "local y = [[ ]] ", "--c\n",
	    "x()", "goto ", "\xef\xbb\xbf"};
	int n = 1 + (int)(rand_r(seed) % 12);
	size_t len = 0, piece;

	while (n-- > 0) {
		const char *p = pieces[rand_r(seed) % COUNT(pieces)];

		piece = strlen(p);
		memcpy(to + len, p, piece);
		len += piece;
	}
	return len;
}

START_TEST(luajit_meets_no_cdata_that_was_not_found)
{
	unsigned int seed = 7;
	int met = 0, well = 0;
	bool cdata, compiled;
	char text[512];
	size_t len;

	for (int i = 0; i < (getenv("USHER_LONG") ? 2000000 : 100000); i++) {
		len = soup(text, &seed);
		ask_luajit(text, len, &cdata, &compiled);
		met += cdata;
		well += compiled;
		ck_assert_msg(!cdata || ush_chunk_find_cdata(text, len) != 0,
		    "met cdata in: %.*s", (int)len, text);
		ck_assert_msg(
		    !compiled || cdata || ush_chunk_find_cdata(text, len) == 0,
		    "no cdata in: %.*s", (int)len, text);
	}
	ck_assert_int_gt(met, 1000);
	ck_assert_int_gt(well, 1000);
}
END_TEST

static uint64_t clock_ns;

/* A tenth of a second passes with every piece. */
static uint64_t
slow_clock(void)
{
	return clock_ns += 100000000;
}

static int
l_load(lua_State *L)
{
	ush_chunk_load(L, lua_touserdata(L, 1));
	return 0;
}

START_TEST(compiling_ends_after_a_second)
{
	lua_State *L = luaL_newstate();
	size_t len = 64 * 1024;
	char *text = malloc(len);
	struct ush_chunk chunk = {text, len, "@x", slow_clock, false};

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', len);
	ck_assert_int_ne(lua_cpcall(L, l_load, &chunk), 0);
	ck_assert(chunk.late);
	ck_assert_ptr_nonnull(strstr(lua_tostring(L, -1), "a second"));
	chunk.len = 4096;
	ck_assert_int_eq(lua_cpcall(L, l_load, &chunk), 0);
	ck_assert(!chunk.late);
	free(text);
	lua_close(L);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("chunk");
	TCase *tc = tests_case("chunk", getenv("USHER_LONG") ? 3600 : 60);

	tcase_add_loop_test(
	    tc, cdata_are_found_where_numbers_are, 0, COUNT(sources));
	tcase_add_test(tc, luajit_meets_no_cdata_that_was_not_found);
	tcase_add_test(tc, compiling_ends_after_a_second);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
