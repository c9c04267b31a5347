/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that don't want to end: see tests/tls/attack.h for what each goes
 * through.
 *
 * Scenarios:
 *  1. Loops of every kind, also behind pcall, xpcall and its handler.
 *  2. Metamethods that loop.
 *  3. Library functions that call back into loops, or are called in loops.
 *  4. Patterns that backtrack.
 *  5. One instruction that takes long: digit strings, long comparisons, large
 *     templates, expensive collections.
 *  6. Errors that are caught, for ever: each costs what unwinding does, so that
 *     the instructions end it long before the clock.
 */
#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CLASS(events) "local t = setmetatable({}, {" events "}) "
#define LOOP "function() while true do end end"

static const struct attack loops[] = {
    {"a plain loop", ENDS_SPENT, "while true do end"},
    {"a repeat loop", ENDS_SPENT, "repeat until false"},
    {"a counting loop", ENDS_SPENT, "for i = 1, math.huge do end"},
    {"a goto loop", ENDS_SPENT, "::again:: goto again"},
    {"a tail-call loop", ENDS_SPENT,
	"local function f() return f() end return f()"},
    {"a tail-call loop with many arguments", ENDS_SPENT,
	"local t = {} for i = 1, 7900 do t[i] = i end\n"
	"local function f(...) return f(...) end return f(unpack(t))"},
    {"a loop of vararg tables", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 7900 do t[i] = i end\n"
	"local function f(...) while true do local x = {...} end end\n"
	"f(unpack(t))"},
    {"a generic for that never ends", ENDS_SPENT,
	"for _ in function() return 1 end do end"},
    {"a loop inside pcall", ENDS_SPENT, "pcall(" LOOP ")"},
    {"pcalls of loops in a loop", ENDS_SPENT,
	"while true do pcall(" LOOP ") end"},
    {"nested pcall", ENDS_SPENT,
	"while true do pcall(pcall, pcall, pcall, " LOOP ") end"},
    {"pcall that catches and returns a verdict", ENDS_SPENT,
	"pcall(" LOOP ") return 'use'", NULL, IN_DECRYPT},
    {"pcall as the last thing", ENDS_SPENT, "return pcall(" LOOP ")"},
    {"two pcalls that recurse", ENDS_SPENT,
	"local function f() pcall(f) pcall(f) end f()"},
    {"xpcall with a looping handler", ENDS_SPENT,
	"local loop = " LOOP " xpcall(loop, loop)"},
    {"xpcall with a looping handler of an error", ENDS_SPENT,
	"xpcall(error, " LOOP ")"},
    {"a handler that resumes", ENDS_SPENT,
	"local function f() xpcall(error, f) while true do end end f()"},
    {"a handler that catches and returns", ENDS_SPENT,
	"xpcall(" LOOP ", function() return 'use' end) return 'use'", NULL,
	IN_DECRYPT},
    {"two xpcalls that recurse", ENDS_SPENT,
	"local function f() xpcall(f, f) xpcall(f, f) end f()"},
    {"errors without end", ENDS_SPENT, "while true do pcall(error, {}) end"},
};

static const struct attack metamethods[] = {
    {"an __index function that loops", ENDS_SPENT,
	CLASS("__index = " LOOP) "return t.x"},
    {"__index functions that call each other",
	ENDS_SCRIPT | ENDS_SPENT | ENDS_MEMORY,
	CLASS("__index = function(u, k) return u[k .. 'x'] end") "return t.x"},
    {"a long __index chain, over and over", ENDS_SPENT,
	"local t = {} for i = 1, 90 do t = setmetatable({}, {__index = t}) "
	"end\n while true do local x = t.x end"},
    {"an endless __index chain", ENDS_SCRIPT,
	"local t = {} setmetatable(t, {__index = t}) return t.x"},
    {"an endless __newindex chain", ENDS_SCRIPT,
	"local t = {} setmetatable(t, {__newindex = t}) t.x = 1"},
    {"a looping __newindex", ENDS_SPENT, CLASS("__newindex = " LOOP) "t.x = 1"},
    {"a looping __tostring", ENDS_SPENT,
	CLASS("__tostring = " LOOP) "while true do pcall(tostring, t) end"},
    {"a looping __tostring in print", ENDS_SPENT,
	CLASS("__tostring = " LOOP) "pcall(print, t)"},
    {"a looping __tostring in format", ENDS_SPENT,
	CLASS("__tostring = " LOOP) "pcall(string.format, '%s', t)"},
    {"a looping __concat", ENDS_SPENT,
	CLASS("__concat = " LOOP) "pcall(function() return t .. 'x' end)"},
    {"a looping __lt", ENDS_SPENT,
	CLASS("__lt = " LOOP) "pcall(function() return t < t end)"},
    {"a looping __le", ENDS_SPENT,
	CLASS("__le = " LOOP) "pcall(function() return t <= t end)"},
    {"a looping __eq", ENDS_SPENT,
	CLASS("__eq = " LOOP) "local u = setmetatable({}, getmetatable(t))\n"
			      "pcall(function() return t == u end)"},
    {"a looping __call", ENDS_SPENT, CLASS("__call = " LOOP) "pcall(t)"},
    {"a looping __unm and __add", ENDS_SPENT,
	CLASS("__unm = " LOOP
	      ", __add = " LOOP) "pcall(function() return t + -t end)"},
    {"a __call chain", ENDS_SCRIPT | ENDS_SPENT | ENDS_MEMORY,
	"local t = setmetatable({}, {}) getmetatable(t).__call = t t()"},
    {"a __gc of a table", ENDS_WELL,
	"for i = 1, 1000 do setmetatable({}, {__gc = " LOOP "}) end\n"
	"for i = 1, 9 do local s = ('x'):rep(90000) .. i end"},
};

static const struct attack callbacks[] = {
    {"sort with an inconsistent comparator", ENDS_SPENT,
	"local t = {} for i = 1, 5000 do t[i] = i end\n"
	"while true do table.sort(t, function() return true end) end"},
    {"sort with a looping comparator", ENDS_SPENT,
	"pcall(table.sort, {3, 2, 1}, " LOOP ")"},
    {"sort with a pcall-wrapped comparator", ENDS_SPENT,
	"local t = {} for i = 1, 1000 do t[i] = i end\n"
	"while true do table.sort(t, function() pcall(" LOOP ") end) end"},
    {"sort with pcall as the comparator", ENDS_SPENT,
	"local t = {} for i = 1, 1000 do t[i] = " LOOP " end\n"
	"while true do table.sort(t, pcall) end"},
    {"sort of long equal strings", ENDS_SPENT | ENDS_WELL,
	"local s, t = ('x'):rep(500000), {}\n"
	"for i = 1, 3 do t[i] = s .. i end\n"
	"for i = 1, 4000 do t[i] = t[i % 3 + 1] end table.sort(t)"},
    {"sort within sort", ENDS_SCRIPT | ENDS_SPENT,
	"local function f() table.sort({2, 1}, f) end f()"},
    {"gsub with a looping callback", ENDS_SPENT,
	"pcall(string.gsub, 'xxx', 'x', " LOOP ")"},
    {"gsub with a pcall-wrapped callback", ENDS_SPENT,
	"while true do ('xxx'):gsub('x', function() pcall(" LOOP ") end) end"},
    {"gsub with a looping __index", ENDS_SPENT,
	CLASS("__index = " LOOP) "pcall(string.gsub, 'xxx', 'x', t)"},
    {"gmatch without end", ENDS_SPENT,
	"while true do for _ in ('x'):rep(1000):gmatch('') do end end"},
    {"next draining a big hash", ENDS_SPENT,
	"local t = {} for i = 1, 20000 do t[-i] = true end\n"
	"while true do local k = next(t) if not k then break end\n"
	"  t[k] = nil end\n"
	"for i = 1, 100000 do next(t) end"},
    {"pairs over an emptied table", ENDS_SPENT,
	"local t = {} for i = 1, 20000 do t[-i] = true end\n"
	"for k in pairs(t) do t[k] = nil end\n"
	"for i = 1, 100000 do for _ in pairs(t) do end end"},
    {"two walks that take turns", ENDS_SPENT,
	"local t, u = {}, {} for i = 1, 9000 do t[-i] = 1 u[-i] = 1 end\n"
	"local a, b while true do a = next(t, a) b = next(u, b) end"},
    {"rehashing with every insertion", ENDS_SPENT | ENDS_MEMORY,
	"local t, n = {}, 16384 for i = 1, n do t[-i] = 1 end\n"
	"for i = 1, 1e9 do t[-i] = nil t[-n - i] = 1 end"},
    {"strings that share a hash", ENDS_SPENT | ENDS_MEMORY,
	"local a, b, t = ('a'):rep(20), ('b'):rep(90), {}\n"
	"for i = 1, 1e9 do t[i] = a .. string.format('%09d', i) .. b end"},
    {"insertion at the front", ENDS_SPENT,
	"local t = {} for i = 1, 1e9 do table.insert(t, 1, i) end"},
    {"unpack and select", ENDS_SPENT,
	"local t = {} for i = 1, 7900 do t[i] = i end\n"
	"while true do select('#', unpack(t)) end"},
    {"concat in a loop", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 1000 do t[i] = ('x'):rep(1000) .. i end\n"
	"while true do table.concat(t) end"},
    {"rep of nothing", ENDS_SPENT | ENDS_WELL | ENDS_SCRIPT,
	"for i = 1, 1000 do (''):rep(1e9) end"},
    {"os.date with a long format", ENDS_SPENT,
	"while true do os.date(('%c'):rep(1000)) end"},
    {"print without end", ENDS_SPENT,
	"while true do print(('x'):rep(1000)) end"},
    {"facts without end", ENDS_SPENT,
	"while true do local x = conn.hello and conn.server_name\n"
	"  x = ticket.id end"},
    {"vars without end", ENDS_SPENT | ENDS_SCRIPT,
	"local s = ('x'):rep(60000)\n"
	"for i = 1, 1e9 do conn.vars.a = s .. i % 10 end"},
};

static const struct attack patterns[] = {
    {"optional items", ENDS_SPENT,
	"return ('a'):rep(24):find(('a?'):rep(24) .. ('a'):rep(24) .. 'b')"},
    {"lazy items on a host name", ENDS_SPENT,
	"return (('a.'):rep(126) .. 'a')"
	":find('^.-%..-%..-%..-%..-%.example$')"},
    {"greedy items", ENDS_SPENT, "return ('a'):rep(3000):find('.*.*.*.*b')"},
    {"%b() on many open ones", ENDS_SPENT,
	"local s = ('('):rep(300000) s:find('%b()')", "test.lua:2: "},
    {"%f and sets", ENDS_SPENT,
	"local s = ('a'):rep(3000) s:find('[^b]*[^c]-[%w%s]*%f[b]')"},
    {"back references", ENDS_SPENT,
	"local s = ('a'):rep(3000) s:find('(.*)(.*)%1%2b')"},
    {"plain find", ENDS_SPENT | ENDS_WELL,
	"local s = ('a'):rep(300000)\n"
	"s:find(('a'):rep(150000) .. 'b', 1, true)"},
    {"a long set", ENDS_SPENT,
	"local p = '[' .. ('b'):rep(100000) .. ']'\n"
	"local s = ('a'):rep(100000) s:find(p)"},
    {"many captures", ENDS_SPENT,
	"local s = ('a'):rep(3000)\n"
	"s:gsub(('(.-)'):rep(32) .. 'b', '')"},
    {"gsub with a pattern that backtracks", ENDS_SPENT,
	"('a'):rep(300):gsub('a-a-a-a-b', '')"},
    {"gmatch with a pattern that backtracks", ENDS_SPENT,
	"for _ in ('a'):rep(300):gmatch('a*a*a*a*b') do end"},
};

static const struct attack slow[] = {
    {"one addition of megabytes of digits", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('1'):rep(1500000) while true do local x = s + s end"},
    {"digits just below what counts as huge", ENDS_SPENT,
	"local s = ('1'):rep(65000) while true do local x = s + s end"},
    {"digits in powers and quotients", ENDS_SPENT,
	"local s = '0.' .. ('7'):rep(64000)\n"
	"while true do local x = s ^ s / s % s - -s end"},
    {"many digit strings of middle size", ENDS_SPENT,
	"local s, t = ('1'):rep(60000), {}\n"
	"for i = 1, 50 do t[i] = s .. i end\n"
	"while true do for i = 2, 50 do local x = t[i] * t[i - 1] end end"},
    {"blanks before a digit", ENDS_SPENT,
	"local s = (' '):rep(65000) .. '1'\n"
	"while true do local x = s + s end"},
    {"digits that are no number", ENDS_SPENT,
	"local s = ('1'):rep(65000) .. 'x'\n"
	"local function f() return s + 1 end while true do pcall(f) end"},
    {"hexadecimal digits", ENDS_SPENT,
	"local s = '0x' .. ('f'):rep(65000)\n"
	"while true do local x = s + s end"},
    {"digits as limits of a loop", ENDS_SPENT,
	"local s = ('0'):rep(65000) .. '1'\n"
	"while true do for i = s, s, s do end end"},
    {"digits given to the mathematics", ENDS_SPENT,
	"local s, atan2 = ('1'):rep(65000), math.atan2\n"
	"while true do atan2(s, s) math.fmod(s, s) bit.bnot('1') end"},
    {"digits given to bit operations", ENDS_SPENT | ENDS_SCRIPT,
	"local s, f = ('0'):rep(65000) .. '1', bit.lshift\n"
	"while true do f(s, s) bit.tohex(s, s) end"},
    {"digits given to pcall, select and rawget", ENDS_SPENT,
	"local s = ('0'):rep(65000) .. '1'\n"
	"while true do select(s, 1) pcall(math.random, s) end"},
    {"digits given to error and rawset", ENDS_SPENT,
	"local s = ('0'):rep(65000) .. '1'\n"
	"while true do pcall(error, nil, s) pcall(math.randomseed, s) end"},
    {"comparing long strings", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(1000000) local a, b = s .. 1, s .. 2 s = nil\n"
	"while true do local x = a < b end"},
    {"comparing strings of middle size", ENDS_SPENT,
	"local s = ('x'):rep(65000) local a, b = s .. 1, s .. 2\n"
	"while true do local x = a < b or a <= b end"},
    {"joining the same long string again", ENDS_SPENT | ENDS_MEMORY,
	"local s, n = ('x'):rep(600000), 0\n"
	"local u = s .. 'y' while true do local x = s .. 'y' end"},
    {"joining strings of middle size", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(65000)\n"
	"for i = 1, 1e9 do local x = s .. i end"},
    {"errors with long messages", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(65000)\n"
	"local function f() error(s) end while true do pcall(f) end"},
    {"a name that is a long string", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(65000)\n"
	"local function f() return conn[s] end while true do pcall(f) end"},
    {"a misspelt fact", ENDS_SPENT,
	"local s = ('x'):rep(60)\n"
	"local function f() return conn[s] end while true do pcall(f) end"},
    {"collections with much alive", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 12000 do t[i] = {{}} end\n"
	"while true do local s = ('x'):rep(60000) .. #t end"},
    {"a deep list to be marked", ENDS_SPENT | ENDS_MEMORY,
	"local t for i = 1, 30000 do t = {t} end\n"
	"while true do local s = ('x'):rep(250) .. #t end"},
    {"weak tables", ENDS_SPENT | ENDS_MEMORY,
	"local t = setmetatable({}, {__mode = 'kv'})\n"
	"for i = 1, 1e9 do t[{}] = {} end"},
};

#define ENDS_INSTRUCTIONS (1 << USHER_ERROR_INSTRUCTIONS)

static const struct attack caught[] = {
    {"caught errors", ENDS_INSTRUCTIONS, "while true do pcall(error) end"},
    {"caught errors of xpcall", ENDS_INSTRUCTIONS,
	"while true do xpcall(error, type) end"},
    {"caught errors of a handler", ENDS_INSTRUCTIONS,
	"while true do xpcall(error, error) end"},
    {"caught errors of arithmetic", ENDS_INSTRUCTIONS,
	"local function f() return conn + 1 end while true do pcall(f) end"},
    {"caught errors in a callback", ENDS_INSTRUCTIONS,
	"while true do ('x'):gsub('x', function() pcall(error) end) end"},
    {"pcall of nothing", ENDS_INSTRUCTIONS, "while true do pcall(pcall) end"},
    {"refused reps behind pcall, for ever", ENDS_INSTRUCTIONS,
	"while true do pcall(string.rep, 'x', 1e9) end"},
    {"recursion through pcall", ENDS_WELL | ENDS_INSTRUCTIONS,
	"local function f() pcall(f) end f()"},
    {"recursion through pcall that keeps on", ENDS_INSTRUCTIONS,
	"local function f() while true do pcall(f) end end f()"},
    {"recursion through gsub and pcall", ENDS_WELL | ENDS_INSTRUCTIONS,
	"local function f() pcall(string.gsub, 'x', 'x', f) end f()"},
    {"recursion through sort, gsub and pcall", ENDS_WELL | ENDS_INSTRUCTIONS,
	"local function f() pcall(table.sort, {2, 1}, function()\n"
	"  ('x'):gsub('x', f) end) end f()"},
    {"recursion through xpcall's handler", ENDS_WELL | ENDS_INSTRUCTIONS,
	"local function f() xpcall(error, f) end f()"},
};

static const struct attack_limits defaults;
static const struct attack_limits patient = {.microseconds = 150000};

START_TEST(loops_end_at_the_limit)
{
	attack_run(&loops[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(metamethods_end_at_the_limit)
{
	attack_run(&metamethods[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(library_functions_end_at_the_limit)
{
	attack_run(&callbacks[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(patterns_end_at_the_limit)
{
	attack_run(&patterns[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(slow_instructions_end_at_the_limit)
{
	attack_run(&slow[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(caught_errors_end_by_instructions)
{
	attack_run(&caught[_i / VERSIONS], version_of(_i), &patient);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: budget");
	TCase *tc = tests_case("budget", 20);

	tcase_add_loop_test(
	    tc, loops_end_at_the_limit, 0, COUNT(loops) * VERSIONS);
	tcase_add_loop_test(
	    tc, metamethods_end_at_the_limit, 0, COUNT(metamethods) * VERSIONS);
	tcase_add_loop_test(tc, library_functions_end_at_the_limit, 0,
	    COUNT(callbacks) * VERSIONS);
	tcase_add_loop_test(
	    tc, patterns_end_at_the_limit, 0, COUNT(patterns) * VERSIONS);
	tcase_add_loop_test(
	    tc, slow_instructions_end_at_the_limit, 0, COUNT(slow) * VERSIONS);
	tcase_add_loop_test(
	    tc, caught_errors_end_by_instructions, 0, COUNT(caught) * VERSIONS);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
