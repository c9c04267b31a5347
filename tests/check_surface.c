/*
 * SPDX-License-Identifier: MIT
 *
 * What a script can reach in the sandbox, and how its library behaves.
 *
 *  1. every name that LuaJIT's libraries have is on the list
 *  2. what is left out is absent, and the error says why
 *  3. undefined globals are errors with a line and the nearest name
 *  4. globals can't be written, not even existing ones
 *  5. libraries can be read only, by whatever way
 *  6. metatables of strings and libraries are out of reach
 *  7. no string shows an address
 *  8. format gives what LuaJIT's gives
 *  9. string functions take any position and refuse absurd sizes
 * 10. tonumber and tostring give what LuaJIT's give
 * 11. table functions give what LuaJIT's give
 * 12. max, min, band, bor and bxor give what LuaJIT's give
 * 13. sort is stable, survives any comparator, and fails without a trace
 * 14. xpcall calls its handler after the call, under the same budget
 * 15. a spent budget can't be caught
 * 16. long work is charged before it is done
 * 17. holes that next skips are charged, once per walk
 * 18. C functions that call each other end in "stack overflow"
 * 19. os.date and os.time take any number and format
 * 20. random numbers differ between states, and can be repeated within one
 * 21. print escapes control characters and cuts at 1000 bytes
 * 22. a failed allocation while opening leaves nothing behind
 * 23. processor time that a run took over its limit is told
 * 24. an error near the end of the stack says what it is
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <lualib.h>

#include "sandbox/box.h"
#include "sandbox/surface.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct ush_box *box;
static char printed[4096];
static unsigned char seed;

static void
host_random(void *buf, size_t len)
{
	seed++;
	memset(buf, seed, len);
}

static int64_t
host_now(void)
{
	return 1700000000;
}

static uint64_t cpu_step; /* how far the clock is at each look */

static uint64_t
host_cpu(void)
{
	static uint64_t clock = 2500000000;

	return clock += cpu_step;
}

static void
host_print(void *arg, const char *text, size_t len)
{
	(void)arg;
	ck_assert_uint_lt(len, sizeof printed);
	memcpy(printed, text, len);
	printed[len] = '\0';
}

static struct ush_box_host host = {
    .memory_limit = 16 << 20,
    .random = host_random,
    .now = host_now,
    .cpu = host_cpu,
    .print = host_print,
};

static void
set_up(void)
{
	box = ush_box_new(&host);
	ck_assert_ptr_nonnull(box);
}

static void
tear_down(void)
{
	ush_box_free(box);
}

static void
run_script(lua_State *L, void *arg)
{
	const char *text = arg;

	if (luaL_loadbuffer(L, text, strlen(text), "@script") != 0)
		lua_error(L);
	ush_surface_env(L);
	lua_setfenv(L, -2);
	lua_call(L, 0, 0);
}

static enum ush_code
run(const char *text, uint64_t instructions, struct ush_error *err)
{
	struct ush_allowance allowance = {
	    .instructions = instructions, .cpu_ns = UINT64_MAX / 2};

	return ush_box_run(box, run_script, (void *)text, &allowance, err);
}

static void
must_run(const char *text)
{
	struct ush_error err;

	if (run(text, 10000000, &err) != USH_OK)
		ck_abort_msg("%s\nin: %s", err.message, text);
}

static void
must_fail(const char *text, const char *message)
{
	struct ush_error err;

	if (run(text, 10000000, &err) != USH_ERROR_SCRIPT)
		ck_abort_msg("no error in: %s", text);
	if (!strstr(err.message, message))
		ck_abort_msg("\"%s\" is not in \"%s\"", message, err.message);
}

static void
must_spend(const char *text)
{
	struct ush_error err;

	if (run(text, 200000, &err) != USH_ERROR_INSTRUCTIONS)
		ck_abort_msg("no limit reached in: %s", text);
	must_run("assert(('abc'):find('b') == 2)");
}

/* The keys of the table on top are on the list. */
static void
check_listed(lua_State *L, const char *library)
{
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		lua_pop(L, 1);
		if (!ush_surface_lists(library, lua_tostring(L, -1)))
			ck_abort_msg("%s.%s is not on the list",
			    library ? library : "_G", lua_tostring(L, -1));
	}
}

START_TEST(every_name_that_luajits_libraries_have_is_on_the_list)
{
	static const char *const libraries[] = {
	    "string", "table", "math", "os", "bit"};
	lua_State *L = luaL_newstate();

	luaL_openlibs(L);
	for (size_t i = 0; i < COUNT(libraries); i++) {
		lua_getglobal(L, libraries[i]);
		check_listed(L, libraries[i]);
		lua_pushnil(L);
		lua_setglobal(L, libraries[i]);
	}
	lua_pushvalue(L, LUA_GLOBALSINDEX);
	check_listed(L, NULL);
	lua_close(L);
}
END_TEST

START_TEST(what_is_left_out_is_absent_and_the_error_says_why)
{
	static const char *const absent[] = {"_G", "collectgarbage",
	    "coroutine", "debug", "dofile", "ffi", "gcinfo", "getfenv", "io",
	    "jit", "load", "loadfile", "loadstring", "module", "newproxy",
	    "package", "setfenv"};
	char script[128];

	for (size_t i = 0; i < COUNT(absent); i++) {
		snprintf(script, sizeof script, "return %s", absent[i]);
		must_fail(script, "not in the sandbox (");
	}
	must_run(
	    "for _, name in ipairs{'execute', 'exit', 'getenv', 'remove',\n"
	    "  'rename', 'setlocale', 'tmpname'} do\n"
	    "  assert(os[name] == nil) end\n"
	    "assert(string.dump == nil and table.foreach == nil)");
}
END_TEST

START_TEST(undefined_globals_are_errors_with_a_line_and_the_nearest_name)
{
	must_fail("\n\nreturn strng.find",
	    "script:3: undefined global 'strng'; did you mean 'string'?");
	must_fail("return zzzzzzzz", "script:1: undefined global 'zzzzzzzz'");
	must_fail("local function f()\n return tostrin end f()",
	    "script:2: undefined global 'tostrin'; did you mean 'tostring'?");
	must_fail(
	    "x = 1", "script:1: assignment to undefined global 'x'; use local");
	must_fail("function f() end",
	    "script:1: assignment to undefined global 'f'; use local");
}
END_TEST

START_TEST(globals_cant_be_written_not_even_existing_ones)
{
	must_fail("print = 1", "assignment to global 'print': it is read-only");
	must_fail("string = {}", "assignment to global 'string'");
	must_fail("pcall = nil", "assignment to global 'pcall'");
	must_run("assert(not pcall(function() x = 1 end))\n"
		 "assert(not pcall(function() return x end))");
}
END_TEST

START_TEST(libraries_can_be_read_only_by_whatever_way)
{
	static const char *const ways[] = {"rawset(LIB, 'x', 1)",
	    "table.insert(LIB, 1)", "table.remove(LIB)", "table.sort(LIB)",
	    "table.move({1}, 1, 1, 1, LIB)", "setmetatable(LIB, {})",
	    "rawget(LIB, 'x')", "next(LIB)", "pairs(LIB)", "ipairs(LIB)",
	    "unpack(LIB)", "table.concat(LIB)", "table.maxn(LIB)", "LIB.x = 1",
	    "LIB.find = nil", "LIB[1] = 1", "LIB[{}] = 1"};
	static const char *const libraries[] = {
	    "string", "table", "math", "os", "bit"};
	char script[256];

	for (size_t i = 0; i < COUNT(ways); i++) {
		for (size_t j = 0; j < COUNT(libraries); j++) {
			bool assigns = strstr(ways[i], " = ");

			snprintf(script, sizeof script,
			    "local LIB = %s\n"
			    "assert(type(LIB) == 'userdata')\n"
			    "assert(not pcall(function() %s %s end))\n"
			    "assert(LIB.x == nil)",
			    libraries[j], assigns ? "" : "return", ways[i]);
			must_run(script);
		}
	}
	must_fail("string.find = 1",
	    "assignment to 'find' of 'string': it is read-only");
	must_run("assert(string.find and ('x').find == string.find)");
}
END_TEST

START_TEST(metatables_of_strings_and_libraries_are_out_of_reach)
{
	must_run("assert(getmetatable('') == false)\n"
		 "assert(getmetatable(string) == false)\n"
		 "assert(getmetatable(math) == false)\n"
		 "assert(not pcall(setmetatable, '', {}))\n"
		 "assert(not pcall(function() ('').x = 1 end))\n"
		 "local t = setmetatable({}, {__metatable = 'no'})\n"
		 "assert(getmetatable(t) == 'no')\n"
		 "assert(not pcall(setmetatable, t, {}))");
}
END_TEST

START_TEST(no_string_shows_an_address)
{
	must_run(
	    "local values = {{}, print, pcall, string, function() end,\n"
	    "  setmetatable({}, {__name = 'x'}), ('x').gmatch('a', 'b')}\n"
	    "local names = {'table', 'function', 'function', 'string',\n"
	    "  'function', 'table', 'function'}\n"
	    "for i, v in ipairs(values) do\n"
	    "  assert(tostring(v) == names[i], tostring(v))\n"
	    "  assert(string.format('%s', v) == names[i])\n"
	    "  assert(string.format('%q', v) == '\"' .. names[i] .. '\"')\n"
	    "  assert(string.format('%-12s|', v):find('^%l+ +|$'))\n"
	    "  local ok, message = pcall(function() return v .. '' end)\n"
	    "  assert(not ok and not message:find('0x'))\n"
	    "  ok, message = pcall(function() return v < 1 end)\n"
	    "  assert(not ok and not message:find('0x'))\n"
	    "  ok, message = pcall(string.rep, v)\n"
	    "  assert(not ok and not message:find('0x'))\n"
	    "end\n"
	    "local t = setmetatable({}, {__tostring = function(x)\n"
	    "  return 'mine' end})\n"
	    "assert(tostring(t) == 'mine')\n"
	    "assert(string.format('%s', t) == 'mine')");
	must_fail("return string.format('%p', {})", "show addresses");
	must_fail("return string.format('%5.3p', 'x')", "show addresses");
	must_fail("return tostring(setmetatable({}, {__tostring =\n"
		  "function() return {} end}))",
	    "'__tostring' must return a string");
}
END_TEST

/* Runs `text` in the sandbox and in LuaJIT; both return a string. */
static char answer[2][8192];

static void
keep_answer(lua_State *L, int which)
{
	size_t len;
	const char *s = lua_tolstring(L, -1, &len);

	if (!s)
		luaL_error(L, "no string");
	if (len >= sizeof answer[which])
		luaL_error(L, "%d bytes", (int)len);
	memcpy(answer[which], s, len + 1);
}

static void
run_for_answer(lua_State *L, void *arg)
{
	const char *text = arg;

	if (luaL_loadbuffer(L, text, strlen(text), "@script") != 0)
		lua_error(L);
	lua_call(L, 0, 1);
	keep_answer(L, 0);
}

/* Raises an error in a call so deep. Is it "said", at its line, and not that
 * the stack has overflown? */
static bool
says_at_depth(int n)
{
	struct ush_error err;
	char text[256];

	snprintf(text, sizeof text,
	    "local function d(n)\n"
	    "  if n == 0 then\n"
	    "    error('said') end\n"
	    "  return 1 + d(n - 1)\n"
	    "end\n"
	    "d(%d)",
	    n);
	ck_assert_int_eq(run(text, 10000000, &err), USH_ERROR_SCRIPT);
	if (strcmp(err.message, "script:3: said") == 0)
		return true;
	ck_assert_msg(strstr(err.message, "stack overflow"), "%s", err.message);
	return false;
}

/* Near its end there is no room for the message handler either. */
START_TEST(an_error_near_the_end_of_the_stack_says_what_it_is)
{
	int fits = 0, overflows = 100000, n;

	while (overflows - fits > 1) {
		n = (fits + overflows) / 2;
		if (says_at_depth(n))
			fits = n;
		else
			overflows = n;
	}
	for (n = fits - 40; n < fits + 40; n++)
		ck_assert(says_at_depth(n) == (n <= fits));
}
END_TEST

START_TEST(time_over_the_limit_is_told)
{
	/* The first look, after 1000 instructions, only starts the clock. */
	struct ush_allowance allowance = {10000000, 100, 7};
	static char endless[] = "while true do end";
	static char steps[] = "for i = 1, 2000 do end";
	struct ush_error err;

	cpu_step = 40;
	ck_assert_int_eq(
	    ush_box_run(box, run_script, endless, &allowance, &err),
	    USH_ERROR_CPU_TIME);
	ck_assert_uint_eq(allowance.cpu_ns, 0);
	ck_assert_uint_eq(allowance.over_ns, 60); /* of 160, to its end */
	allowance = (struct ush_allowance){10000000, 100, 7};
	ck_assert_int_eq(
	    ush_box_run(box, run_script, steps, &allowance, &err), USH_OK);
	ck_assert_uint_lt(allowance.cpu_ns, 100);
	ck_assert_uint_eq(allowance.over_ns, 0);
	/* Another limit ends it, and time passes nevertheless. */
	allowance = (struct ush_allowance){4000, 100, 0};
	ck_assert_int_eq(
	    ush_box_run(box, run_script, endless, &allowance, &err),
	    USH_ERROR_INSTRUCTIONS);
	ck_assert_uint_eq(allowance.cpu_ns, 0);
	ck_assert_uint_eq(allowance.over_ns, 20);
	cpu_step = (uint64_t)-40; /* it goes backwards */
	allowance = (struct ush_allowance){10000000, 100, 0};
	ck_assert_int_eq(
	    ush_box_run(box, run_script, steps, &allowance, &err), USH_OK);
	ck_assert_uint_eq(allowance.cpu_ns, 100);
}
END_TEST

static void
same_as_luajit(const char *expression)
{
	/* What is returned or raised, with all values in words. */
	static const char frame[] =
	    "local function show(v)\n"
	    "  if type(v) == 'string' or type(v) == 'number' then\n"
	    "    return type(v) .. ':' .. v end\n"
	    "  return type(v) end\n"
	    "local function all(...)\n"
	    "  local s = ''\n"
	    "  for i = 1, select('#', ...) do\n"
	    "    s = s .. ' ' .. show((select(i, ...))) end\n"
	    "  return s end\n"
	    "return all(pcall(function() return %s end))";
	struct ush_allowance allowance = {
	    .instructions = 10000000, .cpu_ns = UINT64_MAX / 2};
	lua_State *L = luaL_newstate();
	struct ush_error err;
	char text[2048];

	luaL_openlibs(L);
	snprintf(text, sizeof text, frame, expression);
	if (ush_box_run(box, run_for_answer, text, &allowance, &err) != USH_OK)
		ck_abort_msg("%s in: %s", err.message, expression);
	ck_assert_int_eq(luaL_loadbuffer(L, text, strlen(text), "@script"), 0);
	ck_assert_int_eq(lua_pcall(L, 0, 1, 0), 0);
	keep_answer(L, 1);
	lua_close(L);
	if (strcmp(answer[0], answer[1]) != 0)
		ck_abort_msg("%s\nours:   %s\nnative: %s", expression,
		    answer[0], answer[1]);
}

START_TEST(format_gives_what_luajits_gives)
{
	static const char *const specs[] = {"%d", "%5d", "%-5d|", "%05d", "%+d",
	    "% d", "%.3d", "%+.3d", "%8.3d", "%-8.3d|", "%i", "%u", "%o", "%#o",
	    "%x", "%X", "%#x", "%#X", "%08x", "%f", "%.0f", "%#.0f", "%10.2f",
	    "%-10.2f|", "%+f", "% f", "%010.1f", "%e", "%.3E", "%g", "%G",
	    "%.3g", "%#g", "%.14g", "%.17g", "%.20f", "%99.99f", "%c", "%5c",
	    "%-5c|"};
	static const char *const numbers[] = {"0", "1", "-1", "65", "3.7",
	    "-3.7", "0.1", "-0.7", "1e15", "123456789012", "2^31", "-2^31",
	    "2^53", "1e100", "1e-100", "5e-324", "1.7976931348623157e308",
	    "1/0", "-1/0", "0/0", "'12'", "255"};
	static const char *const others[] = {
	    "string.format('%s|%5s|%-5s|%.2s|%5.1s|', 'abc', 'ab', 'ab', "
	    "'abc', 'abc')",
	    "string.format('%%')", "string.format('%')",
	    "string.format('%y', 1)", "string.format('%100d', 1)",
	    "string.format('%.100f', 1)", "string.format('%d', 'x')",
	    "string.format('%d')", "string.format('%s')", "string.format()",
	    "string.format('%-+ #0d', 1)", "string.format('%s', nil)",
	    "string.format('%s %s', true, 1.5)", "string.format('%d', {})",
	    "string.format('%q', 'a\\0b\\0001\\r\\n\\t\"\\\\\\200\\127')",
	    "string.format('%q', 12)", "string.format('a\\0b%s\\0', 'c\\0d')",
	    "string.format('%5.5.5d', 1)", "string.format('%l', 1)",
	    "string.format('%\\n', 1)", "string.format('%5', 1)",
	    "string.format('%.', 1)", "string.format('%.d', 5)",
	    "string.format('%.f', 5.5)", "string.format(5, 1)",
	    "string.format('%d%%%d', 1, 2, 3)", "string.format('%n', 1)",
	    "string.format('%*d', 1, 2)", "string.format('%1$d', 1)",
	    "string.format('%hd', 1)", "string.format('%F', 1)"};
	char expression[256];

	for (size_t i = 0; i < COUNT(specs); i++) {
		for (size_t j = 0; j < COUNT(numbers); j++) {
			/* Characters are cut from numbers in other ways. */
			if (strchr(specs[i], 'c') && strlen(numbers[j]) > 3)
				continue;
			snprintf(expression, sizeof expression,
			    "string.format('%s', %s)", specs[i], numbers[j]);
			same_as_luajit(expression);
		}
	}
	for (size_t i = 0; i < COUNT(others); i++)
		same_as_luajit(others[i]);
}
END_TEST

START_TEST(string_functions_take_any_position_and_refuse_absurd_sizes)
{
	static const char *const functions[] = {"sub", "byte"};
	char expression[128];

	for (size_t f = 0; f < COUNT(functions); f++) {
		for (int i = -7; i <= 7; i++) {
			for (int j = -7; j <= 7; j++) {
				snprintf(expression, sizeof expression,
				    "string.%s('abcde', %d, %d)", functions[f],
				    i, j);
				same_as_luajit(expression);
			}
			snprintf(expression, sizeof expression,
			    "string.%s('abcde', %d)", functions[f], i);
			same_as_luajit(expression);
		}
	}
	same_as_luajit("('aBc\\0\\228Z'):upper(), ('aBc\\0\\228Z'):lower()");
	same_as_luajit("('abc'):reverse(), (''):reverse(), ('abc'):len()");
	same_as_luajit("('ab'):rep(3), ('ab'):rep(3, '-'), ('x'):rep(0)");
	same_as_luajit("('ab'):rep(-1), (''):rep(9), (''):rep(3, 'x')");
	same_as_luajit("('x'):rep(700), ('xyz'):rep(300, ', ')");
	same_as_luajit("string.char(), string.char(0, 65, 255)");
	same_as_luajit("string.char(256)");
	same_as_luajit("string.char(-1)");
	same_as_luajit("string.len(12), string.upper(12)");
	same_as_luajit("string.upper()");
	same_as_luajit("string.rep('x')");
	must_run("assert(('abc'):sub(1, math.huge) == 'abc')\n"
		 "assert(('abc'):sub(-math.huge, 2) == 'ab')\n"
		 "assert(('abc'):sub(0/0) == 'abc')");
	must_fail("return ('x'):rep(1e9)", "resulting string too large");
	must_fail("return ('x'):rep(1e300)", "resulting string too large");
	must_fail("return ('xyz'):rep(2^53, 'abc')", "too large");
	must_fail("return (''):rep(1e15, 'abc')", "too large");
	must_fail("return ('x'):rep(1e5):byte(1, -1)", "slice too long");
}
END_TEST

START_TEST(tonumber_and_tostring_give_what_luajits_give)
{
	static const char *const numbers[] = {"'12'", "' 12 '", "'0x10'",
	    "'1e2'", "''", "' '", "'1e'", "'abc'", "'-5'", "'0b11'", "nil",
	    "true", "{}", "5", "'1 2'", "'inf'", "'nan'", "'0x1p4'", "'1_000'",
	    "'- 1'", "'12\\0'"};
	static const char *const based[] = {"'z', 36", "'Z', 36", "'8', 8",
	    "'7', 8", "'ff', 16", "'0xff', 16", "'-ff', 16", "' 11 ', 2",
	    "'1 1', 2", "'', 2", "'10', 10", "10.5, 10", "'1', 1", "'1', 37",
	    "12, 16", "'99999999999999999999999', 16", "'+7', 8", "'0x', 16",
	    "'-0x1F', 16", "'zz', 35", "{}, 16", "nil, 10"};
	char expression[128];

	for (size_t i = 0; i < COUNT(numbers); i++) {
		snprintf(
		    expression, sizeof expression, "tonumber(%s)", numbers[i]);
		same_as_luajit(expression);
	}
	for (size_t i = 0; i < COUNT(based); i++) {
		snprintf(
		    expression, sizeof expression, "tonumber(%s)", based[i]);
		same_as_luajit(expression);
	}
	same_as_luajit("tonumber()");
	same_as_luajit("tostring()");
	same_as_luajit("tostring(1.5), tostring(1e100), tostring(-0)");
	same_as_luajit("tostring(nil), tostring(true), tostring(1/0)");
}
END_TEST

START_TEST(table_functions_give_what_luajits_give)
{
	static const char *const expressions[] = {
	    "table.concat({1, 2, 'x'}, ', ')", "table.concat({})",
	    "table.concat({1, {}, 3})", "table.concat({1, 2}, ',', 1, 4)",
	    "table.concat({1, 2, 3}, '-', 2, 3)", "table.concat({1}, 5)",
	    "table.concat({1.5, 2}, '')", "table.concat({'a'}, {}, 1)",
	    "table.concat()", "table.insert({}, 1, 2, 3)", "table.insert({})",
	    "table.insert(1, 2)", "table.insert(nil, 2)",
	    "(function(t) table.insert(t, 2, 'n') return unpack(t) end)"
	    "{1, 2, 3}",
	    "(function(t) table.insert(t, 'n') return unpack(t) end){1, 2}",
	    "(function(t) table.insert(t, 9, 'n') return t[9], #t end){1, 2}",
	    "(function(t) return table.remove(t), unpack(t) end){1, 2, 3}",
	    "(function(t) return table.remove(t, 1), unpack(t) end){1, 2, 3}",
	    "(function(t) return table.remove(t, 3), unpack(t) end){1, 2, 3}",
	    "(function(t) return table.remove(t, 4), unpack(t) end){1, 2, 3}",
	    "table.remove({})", "table.remove({}, 5)", "table.maxn{1, 2, 3}",
	    "table.maxn{[3.5] = 1, [10] = 2, x = 3}", "table.maxn{}",
	    "unpack(table.move({1, 2, 3}, 1, 3, 2))",
	    "unpack(table.move({1, 2, 3}, 2, 3, 1))",
	    "unpack(table.move({1, 2, 3}, 1, 3, 1, {}))",
	    "unpack(table.move({1, 2, 3}, 3, 1, 1))",
	    "unpack({1, nil, 3}, 1, 3)", "unpack({1, 2, 3}, 2)",
	    "unpack({1, 2, 3}, 2, 9)", "unpack({1, 2, 3}, -1, 1)",
	    "unpack({}, 1, 1e8)", "unpack()", "next({})", "next({7})",
	    "next({}, 'x')", "pairs()", "pairs(1)", "next()",
	    "select('#', pairs({}))",
	    "(function(t) table.sort(t) return unpack(t) end){3, 1, 2}",
	    "(function(t) table.sort(t, function(a, b) return a > b end)\n"
	    "return unpack(t) end){3, 1, 2, 9, 7, 5}",
	    "(function(t) table.sort(t) return unpack(t) end){'b', 'a'}",
	    "table.sort({3, 1, 'x'})", "table.sort({1, 2}, 1)",
	    "table.sort({1, 2}, nil)", "table.sort()"};

	for (size_t i = 0; i < COUNT(expressions); i++)
		same_as_luajit(expressions[i]);
	must_fail("table.insert({}, -5, 1)", "position out of bounds");
	must_fail("table.move({}, 1, 2^40, 1)", "too many elements");
	must_run("local t = {} for i = 1, 3000 do t['k' .. i] = i end\n"
		 "local n, sum = 0, 0\n"
		 "for k, v in pairs(t) do n = n + 1 sum = sum + v\n"
		 "  assert(k == 'k' .. v) t[k] = nil end\n"
		 "assert(n == 3000 and sum == 3000 * 3001 / 2)\n"
		 "assert(next(t) == nil)");
}
END_TEST

START_TEST(max_min_band_bor_and_bxor_give_what_luajits_give)
{
	static const char *const functions[] = {
	    "math.max", "math.min", "bit.band", "bit.bor", "bit.bxor"};
	static const char *const arguments[] = {"", "1", "1, 2", "2, 1, 3",
	    "-1", "-5, -7.5", "0.5, 1.5", "2.5, 0", "2^31, 1", "2^32 + 5, 7",
	    "-2^31, 2^31", "1e15, 3", "2^51, 1", "'12', '0x10'", "'x'", "{}",
	    "nil", "1, nil", "1, 'y'", "1, {}", "0/0, 1", "1, 0/0", "1/0, 1",
	    "-1/0, 1", "1, 2, 3, 4, 5, 6, 7, 8, 9", "0xffffffff, 0xf0f0f0f0",
	    "-0.5, 0.5", "-1.5, 1.4999"};
	char expression[128];

	for (size_t i = 0; i < COUNT(functions); i++) {
		for (size_t j = 0; j < COUNT(arguments); j++) {
			/* Which bits an infinity has, who knows. */
			if (functions[i][0] == 'b' &&
			    strstr(arguments[j], "/0"))
				continue;
			snprintf(expression, sizeof expression, "%s(%s)",
			    functions[i], arguments[j]);
			same_as_luajit(expression);
		}
	}
}
END_TEST

START_TEST(sort_is_stable_survives_any_comparator_and_fails_without_a_trace)
{
	must_run("local t = {}\n"
		 "for i = 1, 1000 do t[i] = {key = i * 7919 % 10, n = i} end\n"
		 "table.sort(t, function(a, b) return a.key < b.key end)\n"
		 "for i = 2, #t do local a, b = t[i - 1], t[i]\n"
		 "  assert(a.key < b.key or a.key == b.key and a.n < b.n) end");
	must_run("for _, f in ipairs{function() return true end,\n"
		 "    function() return false end, function() return end,\n"
		 "    function() return math.random() < 0.5 end,\n"
		 "    rawequal, pcall, select and type} do\n"
		 "  local t, seen = {}, {}\n"
		 "  for i = 1, 100 do t[i] = i end\n"
		 "  table.sort(t, f)\n"
		 "  for i = 1, 100 do seen[t[i]] = true end\n"
		 "  assert(#seen == 100 and #t == 100) end");
	must_run("local t, n = {5, 4, 3, 2, 1}, 0\n"
		 "assert(not pcall(table.sort, t, function(a, b)\n"
		 "  n = n + 1 if n == 4 then error('x') end\n"
		 "  return a < b end))\n"
		 "assert(table.concat(t) == '54321')");
	must_run("local t = {3, 2, 1}\n"
		 "table.sort(t, function(a, b)\n"
		 "  t[1], t[2], t[3] = nil, nil, nil return a < b end)\n"
		 "assert(table.concat(t) == '123')");
	for (int n = 0; n <= 40; n++) {
		char script[256];

		snprintf(script, sizeof script,
		    "local t = {} for i = 1, %d do t[i] = i * 17 %% 31 end\n"
		    "table.sort(t)\n"
		    "for i = 2, %d do assert(t[i - 1] <= t[i]) end\n"
		    "assert(#t == %d)",
		    n, n, n);
		must_run(script);
	}
}
END_TEST

START_TEST(xpcall_calls_its_handler_after_the_call)
{
	static const char *const expressions[] = {
	    "xpcall(function(...) return ... end, print, 1, nil, 3)",
	    "xpcall(error, function(m) return m .. '!' end, 'x')",
	    "xpcall(error, function(m) return m, 2 end, 'x')",
	    "xpcall(error, function() end, 'x')", "xpcall(error, error, 'x')",
	    "xpcall(error, 1, 'x')", "xpcall(error)", "xpcall()",
	    "xpcall(1, function() return 1 end)",
	    "xpcall(function() local x = nil x() end, function(m) return m "
	    "end)",
	    "xpcall(function() end, error)",
	    "xpcall(function() return end, error)"};

	for (size_t i = 0; i < COUNT(expressions); i++)
		same_as_luajit(expressions[i]);
	must_run("local ok, message = xpcall(function()\n"
		 "  local function f() return 1 + f() end return f() end,\n"
		 "  function(m) return 'handled ' .. m end)\n"
		 "assert(not ok and message:find('handled .*stack overflow'))");
}
END_TEST

START_TEST(a_spent_budget_cant_be_caught)
{
	static const char *const scripts[] = {"while true do end",
	    "while true do pcall(function() while true do end end) end",
	    "while true do xpcall(function() while true do end end,\n"
	    "  function() while true do end end) end",
	    "xpcall(error, function() while true do end end)",
	    "pcall(xpcall, error, function() while true do end end)",
	    "local function f() xpcall(error, f) while true do end end f()",
	    "while true do pcall(string.rep, 'x', 100000) end",
	    "while true do pcall(pcall, string.rep, 'x', 100000) end",
	    "while true do xpcall(string.rep, pcall, 'x', 100000) end",
	    "table.sort({3, 2, 1}, function() while true do end end)",
	    "while true do table.sort({3, 2, 1}, function()\n"
	    "  pcall(function() while true do end end) end) end",
	    "while true do table.sort({3, 2, 1}, pcall) end",
	    "local t = setmetatable({}, {__tostring = function()\n"
	    "  while true do end end}) while true do pcall(tostring, t) end",
	    "local t = setmetatable({}, {__tostring = function()\n"
	    "  while true do end end})\n"
	    "while true do pcall(string.format, '%s', t) end",
	    "local t = setmetatable({}, {__lt = function()\n"
	    "  while true do end end})\n"
	    "while true do pcall(table.sort, {t, t}) end",
	    "local t = setmetatable({}, {__tostring = function()\n"
	    "  while true do end end}) while true do pcall(print, t) end"};

	for (size_t i = 0; i < COUNT(scripts); i++)
		must_spend(scripts[i]);
}
END_TEST

START_TEST(long_work_is_charged_before_it_is_done)
{
	static const char *const work[] = {"('x'):rep(500000)", "s:upper()",
	    "s:lower()", "s:reverse()", "s:sub(2)", "s:find('y')",
	    "s:find('y', 1, true)", "s:gsub('x', 'y')", "s:match('x*y')",
	    "table.concat(t)", "table.sort(t)", "table.insert(t, 1, 1)",
	    "table.remove(t, 1)", "table.move(t, 1, 4000, 2)", "table.maxn(t)",
	    "unpack(t)", "string.format('%s', s)",
	    "string.format('%99.99f', 1e300)", "string.format('%q', s)",
	    "tonumber(s, 36)", "tonumber(s)", "s:byte(1, 4000)",
	    "string.char(unpack(t))", "print(s)", "os.date(('%c'):rep(1000))",
	    "s:find(s .. '.')", "math.max(unpack(d))", "math.min(unpack(d))",
	    "bit.bor(unpack(d))", "bit.band(unpack(d))", "bit.bxor(unpack(d))",
	    "string.char(unpack(d))",
	    "string.format(('%d'):rep(20), unpack(d))", "table.sort(d)",
	    "os.date('%c', d[1])", "os.time{year = d[1], month = 1, day = 1}"};
	char script[512];

	for (size_t i = 0; i < COUNT(work); i++) {
		snprintf(script, sizeof script,
		    "local s = ('x'):rep(300000) local t, d = {}, {}\n"
		    "local a = ('0'):rep(99999) local b = a .. '1'\n"
		    "for i = 1, 20 do d[i] = i %% 2 == 0 and a or b end\n"
		    "for i = 1, 4000 do t[i] = i %% 256 end\n"
		    "for i = 1, 9000 do pcall(function() %s end) end",
		    work[i]);
		/* Without charging these are some 150,000 instructions. */
		if (work[i][0] == '(')
			snprintf(script, sizeof script,
			    "for i = 1, 10000 do local _ = %s end", work[i]);
		must_spend(script);
	}
}
END_TEST

START_TEST(holes_that_next_skips_are_charged_once_per_walk)
{
	static const char holes[] =
	    "local t = {} for i = 1, 30000 do t['k' .. i] = i end\n"
	    "for k in pairs(t) do t[k] = nil end\n";
	char script[512];
	uint64_t before;

	must_run(holes);
	before = ush_box_spent(box);
	snprintf(
	    script, sizeof script, "%sfor i = 1, 100 do next(t) end", holes);
	must_run(script);
	ck_assert_uint_gt(ush_box_spent(box), before + 100 * 32768 / 40);
	snprintf(script, sizeof script,
	    "%st.x = 1 for i = 1, 100 do for _ in pairs(t) do end end", holes);
	must_run(script);
	ck_assert_uint_gt(ush_box_spent(box), before + 100 * 32768 / 40);
	/* A walk through a full table costs little more than its steps. */
	must_run("local t = {} for i = 1, 30000 do t['k' .. i] = i end");
	before = ush_box_spent(box);
	must_run("local t = {} for i = 1, 30000 do t['k' .. i] = i end\n"
		 "for k in pairs(t) do end");
	ck_assert_uint_lt(ush_box_spent(box), before + 100000);
}
END_TEST

START_TEST(c_functions_that_call_each_other_end_in_stack_overflow)
{
	static const char *const scripts[] = {
	    "local t t = setmetatable({}, {__tostring = function()\n"
	    "  return 'x' .. tostring(t) end}) return tostring(t)",
	    "local t t = setmetatable({}, {__tostring = function()\n"
	    "  return string.format('x%s', t) end}) return tostring(t)",
	    "local t t = setmetatable({}, {__tostring = function()\n"
	    "  print(t) return '' end}) return tostring(t)",
	    "local function f() table.sort({2, 1}, f) end f()",
	    "local t t = setmetatable({}, {__lt = function(a, b)\n"
	    "  table.sort({a, b}) end}) table.sort({t, t})",
	    "local function f() local ok, m = xpcall(f, function(e)\n"
	    "  return e end) if not ok then error(m, 0) end end f()",
	    "local function f() ('x'):gsub('x', f) end f()",
	    "local function f() ('x'):gsub('x', function()\n"
	    "  table.sort({2, 1}, f) end) end f()"};

	for (size_t i = 0; i < COUNT(scripts); i++) {
		must_fail(scripts[i], "stack overflow");
		must_run("assert(('abc'):find('b') == 2)");
	}
}
END_TEST

START_TEST(os_date_and_os_time_take_any_number_and_format)
{
	static const char *const numbers[] = {"0", "-1", "1e9", "2^31", "2^40",
	    "9e14", "-9e14", "1e15", "1e300", "-1e300", "1/0", "-1/0", "0/0",
	    "0.5", "'12'", "'x'", "{}"};
	char script[256];

	for (size_t i = 0; i < COUNT(numbers); i++) {
		snprintf(script, sizeof script,
		    "for _, f in ipairs{'*t', '!*t', '%%c', '!%%c', '%%Y', "
		    "''}\n"
		    "do pcall(os.date, f, %s) end\n"
		    "for _, f in ipairs{'year', 'month', 'day', 'hour', "
		    "'min',\n"
		    "'sec'} do local t = {year = 2000, month = 1, day = 1}\n"
		    "t[f] = %s pcall(os.time, t) end",
		    numbers[i], numbers[i]);
		must_run(script);
	}
	must_run(
	    "for c = 0, 255 do for _, m in ipairs{'', 'E', 'O', '!', '-',\n"
	    "  '_', '0', '^', '#', '5', '99999999'} do\n"
	    "  pcall(os.date, '%' .. m .. string.char(c), 0) end end");
	must_fail("return os.date('%Q')", "invalid conversion");
	must_fail("return os.date('%')", "invalid conversion");
	must_fail("return os.date('%5000d')", "invalid conversion");
	must_fail("return os.date('%c', 1e300)", "time out of range");
	must_fail("return os.time{year = 2000}", "field 'day' missing");
	must_run(
	    "assert(os.time() == 1700000000 and os.clock() == 2.5)\n"
	    "assert(os.date('!%Y-%m-%d %H:%M:%S') == '2023-11-14 22:13:20')\n"
	    "assert(os.date('!a%%b\\0%d', 0) == 'a%b\\00001')\n"
	    "local t = os.date('!*t', 86399)\n"
	    "assert(t.year == 1970 and t.hour == 23 and t.sec == 59)\n"
	    "assert(os.time(os.date('*t', 1e9)) == 1e9)");
}
END_TEST

START_TEST(random_numbers_differ_between_states)
{
	static const char script[] = "print(math.random(), math.random(1000))";
	char first[64];

	must_run(script);
	ck_assert_uint_lt(strlen(printed), sizeof first);
	strcpy(first, printed);
	ush_box_free(box);
	box = ush_box_new(&host);
	must_run(script);
	ck_assert_str_ne(first, printed);
	must_run("math.randomseed(7) local a = math.random()\n"
		 "math.randomseed(7) assert(a == math.random())");
}
END_TEST

START_TEST(print_escapes_control_characters_and_cuts)
{
	must_run("print('a', nil, 1.5, {}, true)");
	ck_assert_str_eq(printed, "a nil 1.5 table true");
	must_run("print('a\\nb\\27[0m', '\\127')");
	ck_assert_str_eq(printed, "a\\x0ab\\x1b[0m \\x7f");
	must_run("print(('x'):rep(5000), 'y')");
	ck_assert_uint_le(strlen(printed), 1000);
	must_run("print(('\\n'):rep(5000), 'y')");
	ck_assert_uint_le(strlen(printed), 1000);
	must_run("for n = 990, 1005 do print(('x'):rep(n), 'yz', 'w') end");
	must_run("print()");
	ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(a_failed_allocation_while_opening_leaves_nothing_behind)
{
	struct ush_box_host failing = host;
	struct ush_box *other = NULL;

	for (uint64_t n = 1; !other; n++) {
		ck_assert_uint_lt(n, 100000);
		failing.fail_allocation = n;
		other = ush_box_new(&failing);
		if (other && !ush_box_is_sound(other)) {
			ush_box_free(other);
			other = NULL;
		}
	}
	ush_box_free(other);
}
END_TEST

static Suite *
surface_suite(void)
{
	Suite *suite = suite_create("surface");
	TCase *tc = tcase_create("surface");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(
	    tc, every_name_that_luajits_libraries_have_is_on_the_list);
	tcase_add_test(tc, what_is_left_out_is_absent_and_the_error_says_why);
	tcase_add_test(
	    tc, undefined_globals_are_errors_with_a_line_and_the_nearest_name);
	tcase_add_test(tc, globals_cant_be_written_not_even_existing_ones);
	tcase_add_test(tc, libraries_can_be_read_only_by_whatever_way);
	tcase_add_test(
	    tc, metatables_of_strings_and_libraries_are_out_of_reach);
	tcase_add_test(tc, no_string_shows_an_address);
	tcase_add_test(tc, format_gives_what_luajits_gives);
	tcase_add_test(
	    tc, string_functions_take_any_position_and_refuse_absurd_sizes);
	tcase_add_test(tc, tonumber_and_tostring_give_what_luajits_give);
	tcase_add_test(tc, table_functions_give_what_luajits_give);
	tcase_add_test(tc, max_min_band_bor_and_bxor_give_what_luajits_give);
	tcase_add_test(tc,
	    sort_is_stable_survives_any_comparator_and_fails_without_a_trace);
	tcase_add_test(tc, xpcall_calls_its_handler_after_the_call);
	tcase_add_test(tc, a_spent_budget_cant_be_caught);
	tcase_add_test(tc, long_work_is_charged_before_it_is_done);
	tcase_add_test(tc, holes_that_next_skips_are_charged_once_per_walk);
	tcase_add_test(
	    tc, c_functions_that_call_each_other_end_in_stack_overflow);
	tcase_add_test(tc, os_date_and_os_time_take_any_number_and_format);
	tcase_add_test(tc, random_numbers_differ_between_states);
	tcase_add_test(tc, print_escapes_control_characters_and_cuts);
	tcase_add_test(
	    tc, a_failed_allocation_while_opening_leaves_nothing_behind);
	tcase_add_test(tc, time_over_the_limit_is_told);
	tcase_add_test(tc, an_error_near_the_end_of_the_stack_says_what_it_is);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(surface_suite());
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
