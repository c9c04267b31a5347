/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that attack when they are loaded, by a caller with a small stack.
 *
 * Scenarios:
 *  1. Loops and growth at the top level and in selftest end at the limits for
 *     loading, even if they are caught.
 *  2. Sources that nest deeply, are bytecode, or are large are clean errors.
 *  3. A healthy script loads afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <lauxlib.h>

#include "tls/attack.h"
#include "tls/suite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct attack texts[] = {
    {"a loop at the top level", ENDS_SPENT, "while true do end return {}"},
    {"a caught loop at the top level", ENDS_SPENT,
	"pcall(function() while true do end end) return {}"},
    {"a loop in selftest", ENDS_SPENT,
	"return { selftest = function() while true do end end }"},
    {"a caught loop in selftest", ENDS_SPENT,
	"return { selftest = function()\n"
	"  pcall(function() while true do end end) end }"},
    {"digits at the top level", ENDS_SPENT,
	"local s = ('1'):rep(1500000) while true do local x = s + s end"},
    {"growth at the top level", ENDS_MEMORY,
	"local s = 'x' while true do s = s .. s end"},
    {"caught growth at the top level", ENDS_MEMORY,
	"local s = 'x' pcall(function() while true do s = s .. s end end)\n"
	"return {}"},
    {"growth in selftest", ENDS_MEMORY,
	"return { selftest = function()\n"
	"  local t = {} while true do t[#t + 1] = {} end end }"},
    {"recursion in selftest", ENDS_SCRIPT,
	"return { selftest = function() local function f()\n"
	"  ('x'):gsub('x', f) end f() end }",
	"stack overflow"},
    {"no policy", ENDS_SCRIPT, ""},
    {"a number as policy", ENDS_SCRIPT, "return 42"},
    {"a function as policy", ENDS_SCRIPT, "return print"},
    {"a string as policy", ENDS_SCRIPT, "return 'use'"},
    {"a library as policy", ENDS_SCRIPT, "return string"},
    {"numbers as functions", ENDS_SCRIPT, "return { decrypt = 1 }"},
    {"a callable table as function", ENDS_SCRIPT,
	"return { decrypt = setmetatable({}, {__call = print}) }"},
    {"a table as selftest", ENDS_SCRIPT, "return { selftest = {} }"},
    {"a name with NUL", ENDS_SCRIPT, "return { name = 'a\\0b' }"},
    {"a name of a megabyte", ENDS_SCRIPT, "return { name = ('x'):rep(1e6) }"},
    {"an unknown field of a megabyte", ENDS_SCRIPT | ENDS_SPENT,
	"return { [('x'):rep(1e6)] = 1 }"},
    {"an unknown field of control characters", ENDS_SCRIPT,
	"return { ['\\27[2J\\n'] = 1 }"},
    {"a field that is a table", ENDS_SCRIPT, "return { [{}] = 1 }"},
    {"a field that is NaN", ENDS_SCRIPT, "return { [0/0] = 1 }"},
    {"an api that is a string", ENDS_SCRIPT, "return { api = '1' }"},
    {"an api that is NaN", ENDS_SCRIPT, "return { api = 0/0 }"},
    {"a policy with a looping __index", ENDS_WELL,
	"return setmetatable({}, {__index = function()\n"
	"  while true do end end})"},
    {"a policy whose metatable is locked", ENDS_WELL,
	"return setmetatable({}, {__metatable = false, __pairs = print})"},
    {"an error without a value", ENDS_SCRIPT, "error()"},
    {"an error that is a table", ENDS_SCRIPT, "error({})"},
    {"an error with a looping __tostring", ENDS_SCRIPT,
	"error(setmetatable({}, {__tostring = function()\n"
	"  while true do end end}))"},
    {"an error of a megabyte", ENDS_SCRIPT, "error(('x'):rep(1e6))"},
    {"an error of control characters", ENDS_SCRIPT, "error('\\27[2J\\n\\0')"},
    {"globals", ENDS_SCRIPT, "x = 1 return {}"},
    {"a source that is no Lua", ENDS_SYNTAX, "\377\376 }{"},
    {"bytecode's first byte", ENDS_SYNTAX, "\033LJ"},
    {"bytecode behind a byte order mark", ENDS_SYNTAX, "\357\273\277\033LJ"},
    {"bytecode behind a header line", ENDS_SYNTAX, "#!/x\n\033LJ"},
    {"a 64-bit number", ENDS_SYNTAX, "local x = 1LL return {}", "64-bit"},
    {"an imaginary number", ENDS_SYNTAX,
	"local f = function()\n"
	"  return function() return 2.5i end end return {generate = f}",
	"test.lua:2: 64-bit and imaginary"},
    {"cdata behind a comment", ENDS_SYNTAX,
	"--[==[ ]] ]==] local x = {0xffULL} return {}", "64-bit"},
    {"cdata in strings and names", ENDS_WELL,
	"local a1LL = '2i' .. \"3LL\" .. [[\n4ULL]] -- 5LL\n return {}"},
    {"cdata made of strings", ENDS_SCRIPT, "local x = '1LL' + 1 return {}"},
    {"a field that is unfit for a message", ENDS_SCRIPT,
	"return { ['%s%n%p'] = 1 }", "%s%n%p"},
    {"an error that pretends to be the loader's", ENDS_SCRIPT,
	"error('test.lua:', 0)"},
    {"an error of nothing", ENDS_SCRIPT, "error('', 0)"},
    {"a selftest that is print", ENDS_WELL, "return { selftest = print }"},
    {"a selftest that is error", ENDS_SCRIPT, "return { selftest = error }"},
    {"a selftest that changes the policy", ENDS_WELL,
	"local t t = { selftest = function()\n"
	"  t.selftest = nil t.generate = 1 t.x = 2 end } return t"},
    {"a flood of lines at the top level", ENDS_SPENT,
	"while true do print(('\\n'):rep(1000)) end"},
    {"functions as pcall", ENDS_WELL,
	"return { decrypt = pcall, generate = error }"},
};

START_TEST(a_script_that_attacks_on_loading_is_refused)
{
	static const struct attack healthy = {"a healthy script", ENDS_WELL,
	    "return { selftest = function() assert(('x'):rep(3)) end }"};

	attack_load(&texts[_i]);
	attack_load(&healthy);
}
END_TEST

/* Sources that repeat. */
static const struct {
	const char *head, *open, *middle, *close;
	int times;
	const char *tail;
	int ends;
} nested[] = {
    {"local x = ", "(", "1", ")", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "{", "1", "}", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "function() return ", "1", " end", 300, " return {}",
	ENDS_SYNTAX},
    {"", "do ", "", " end", 300, " return {}", ENDS_SYNTAX},
    {"", "if x then ", "", " end", 300, " return {}", ENDS_SYNTAX},
    {"", "while true do ", "", " end", 300, " return {}", ENDS_SYNTAX},
    {"", "for i = 1, 2 do ", "", " end", 300, " return {}", ENDS_SYNTAX},
    {"", "repeat ", "", " until true", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "-", "1", "", 300, " return {}", ENDS_SYNTAX | ENDS_WELL},
    {"local x = ", "not ", "1", "", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "2 ^ ", "1", "", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "'a' .. ", "'a'", "", 300, " return {}", ENDS_SYNTAX},
    {"local f = type f", "(f", "", ")", 300, " return {}", ENDS_SYNTAX},
    {"local x = ", "(", "1", ")", 100000, " return {}", ENDS_SYNTAX},
    {"local x = ", "{", "1", "}", 100000, " return {}", ENDS_SYNTAX},
    {"local x = ", "function() return ", "1", " end", 40000, " return {}",
	ENDS_SYNTAX},
    {"local t = {", "{},", "", "", 300000, "} return {}",
	ENDS_SYNTAX | ENDS_MEMORY | ENDS_WELL},
    {"local t = {", "1,", "", "", 500000, "} return {}",
	ENDS_SYNTAX | ENDS_MEMORY | ENDS_WELL},
    {"local x = 1", "\nlocal x = x", "", "", 300, " return {}", ENDS_SYNTAX},
    {"", "goto a ", "::a::", "", 100000, " return {}",
	ENDS_SYNTAX | ENDS_MEMORY | ENDS_WELL | ENDS_SPENT},
    {"local a local b = ", "a or ", "a", "", 15000, " return {}", ENDS_WELL},
    {"", "do goto a end ", "::a::", "", 70000, " return {}",
	ENDS_SYNTAX | ENDS_MEMORY | ENDS_WELL},
    {"local x = 1", " + 1", "", "", 200000, " return {}",
	ENDS_SYNTAX | ENDS_MEMORY | ENDS_WELL},
    {"--[", "=", "[", "", 900000, "", ENDS_SYNTAX | ENDS_SCRIPT | ENDS_MEMORY},
};

static char *
repeat(char *to, const char *what, int times)
{
	size_t len = strlen(what);

	for (int i = 0; i < times; i++, to += len)
		memcpy(to, what, len);
	return to;
}

START_TEST(a_source_that_nests_deeply_is_a_clean_error)
{
	struct attack attack = {"nested", nested[_i].ends};
	char *text = calloc(1, 2 << 20), *end, name[64];

	ck_assert_ptr_nonnull(text);
	end = repeat(text, nested[_i].head, 1);
	end = repeat(end, nested[_i].open, nested[_i].times);
	end = repeat(end, nested[_i].middle, 1);
	end = repeat(end, nested[_i].close, nested[_i].times);
	repeat(end, nested[_i].tail, 1);
	snprintf(name, sizeof name, "%d times %s", nested[_i].times,
	    nested[_i].open);
	attack.name = name;
	attack.body = text;
	attack_load(&attack);
	free(text);
}
END_TEST

static int
keep(lua_State *L, const void *p, size_t len, void *arg)
{
	(void)L;
	luaL_addlstring(arg, p, len);
	return 0;
}

START_TEST(bytecode_is_no_source)
{
	static const struct attack_limits limits;
	lua_State *L = luaL_newstate();
	struct usher_error error = {0};
	const char *code;
	luaL_Buffer buffer;
	size_t len;

	ck_assert_int_eq(luaL_loadstring(L, "return {}"), 0);
	lua_pushvalue(L, -1);
	lua_insert(L, 1);
	luaL_buffinit(L, &buffer);
	lua_pushvalue(L, 1);
	ck_assert_int_eq(lua_dump(L, keep, &buffer), 0);
	lua_pop(L, 1);
	luaL_pushresult(&buffer);
	code = lua_tolstring(L, -1, &len);
	ck_assert_ptr_null(attack_engine(code, len, &limits, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_SYNTAX);
	ck_assert_ptr_nonnull(strstr(error.message, "give the source"));
	lua_close(L);
}
END_TEST

START_TEST(a_source_over_the_limit_is_refused)
{
	static const struct attack_limits limits;
	struct usher_error error = {0};
	size_t len = (1 << 20) + 1;
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len);
	ck_assert_ptr_null(attack_engine(text, len, &limits, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_FILE);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: load");
	TCase *tc = tests_case("load", 30);

	tcase_add_loop_test(
	    tc, a_script_that_attacks_on_loading_is_refused, 0, COUNT(texts));
	tcase_add_loop_test(
	    tc, a_source_that_nests_deeply_is_a_clean_error, 0, COUNT(nested));
	tcase_add_test(tc, bytecode_is_no_source);
	tcase_add_test(tc, a_source_over_the_limit_is_refused);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
