/*
 * SPDX-License-Identifier: MIT
 *
 * Library functions with arguments that nobody would give them, once and in
 * loops: each call ends in time, as the table says.
 *
 * Scenarios:
 *  1. Numbers, formats and dates.
 *  2. Tables, and values by the thousand.
 *  3. Metatables of all kinds, and errors.
 *  4. Patterns and strings.
 */
#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct attack numbers[] = {
    {"tohex of INT_MIN digits", ENDS_WELL,
	"for i = 1, 1000 do bit.tohex(1, -2147483648) bit.tohex(-1, "
	"2147483647) bit.tohex(255, -3) end local s = bit.tohex(0xdeadbeef, "
	"-2^31) assert(#s <= 400, #s)"},
    {"shifts by anything", ENDS_WELL,
	"for _, f in pairs{bit.lshift, bit.rshift, bit.arshift, bit.rol, "
	"bit.ror} do for _, n in pairs{0/0, 1/0, -1/0, 2^53, -2^31, 1e300} "
	"do f(n, n) f(1, n) end end"},
    {"ldexp, frexp, modf of edges", ENDS_WELL,
	"for _, n in pairs{0/0, 1/0, -1/0, 2^1023, 5e-324, -0} do for _, m "
	"in pairs{0/0, 1/0, -1/0, 2^31, -2^31, 1e300} do math.ldexp(n, m) "
	"math.frexp(n) math.modf(n) math.fmod(n, m) math.pow(n, m) "
	"math.random() pcall(math.random, m) pcall(math.random, n, m) end "
	"end"},
    {"random of huge ranges", ENDS_WELL,
	"for i = 1, 1000 do math.random(-2^53, 2^53) math.random(2^31) "
	"pcall(math.random, 2^53, -2^53) math.randomseed(i * 1e300) end"},
    {"format of widths", ENDS_WELL,
	"for _, c in "
	"pairs{'d','i','o','u','x','X','e','E','f','g','G','a','A','c','s','q'}"
	" "
	"do pcall(string.format, '%99.99' .. c, 1e308) pcall(string.format, "
	"'%-+ #099.99' .. c, -1e308) pcall(string.format, '%' .. "
	"('-'):rep(1000) .. c, 1) pcall(string.format, '%100' .. c, 1) "
	"pcall(string.format, '%.100' .. c, 1) pcall(string.format, '%.' .. "
	"c, 1) end"},
    {"format without end of floats", ENDS_SPENT,
	"while true do string.format('%99.99f%99.99f%99.99f%99.99f', 1e308, "
	"-1e308, 1e308, -1e308) end"},
    {"format with 7000 arguments", ENDS_WELL | ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 7000 do t[i] = 1e300 end local f = "
	"('%f'):rep(7000) while true do string.format(f, unpack(t)) end"},
    {"format of %s with huge strings", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(500000) while true do string.format('%s', s) "
	"end"},
    {"format %q growth", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('\\0001'):rep(200000) while true do string.format('%q', "
	"s) end"},
    {"format with a __tostring that changes its arguments", ENDS_SPENT,
	"local t = setmetatable({}, {__tostring = function() return "
	"('x'):rep(100000) end}) while true do string.format('%s%s%s', t, "
	"t, t) end"},
    {"tostring that errors, in format", ENDS_SPENT,
	"local t = setmetatable({}, {__tostring = function() error('x') "
	"end}) while true do pcall(string.format, '%s', t) end"},
    {"date with every conversion", ENDS_WELL | ENDS_SPENT,
	"for c = 0, 255 do pcall(os.date, '%' .. string.char(c)) "
	"pcall(os.date, '!%E' .. string.char(c)) pcall(os.date, '%O' .. "
	"string.char(c)) end"},
    {"date at edges", ENDS_WELL,
	"for _, t in pairs{0/0, 1/0, -1/0, 2^53, -2^53, 2^62, 6.7e16, "
	"6.8e16, -6.8e16, 1e14, -1e14} do pcall(os.date, '*t', t) "
	"pcall(os.date, '!%c %G %V %j %s', t) pcall(os.date, '%c', t) end"},
    {"date table in a loop", ENDS_WELL | ENDS_SPENT,
	"while true do os.time(os.date('*t', math.random(0, 2^31))) end"},
    {"time of odd tables", ENDS_WELL,
	"for _, v in pairs{0/0, 1/0, 2^31, -2^31, 1e9, -1e9, '1', '0x10', "
	"'x', {}, true} do for _, k in pairs{'year', 'month', 'day', "
	"'hour', 'min', 'sec', 'isdst'} do local t = {year = 2000, month = "
	"1, day = 1} t[k] = v pcall(os.time, t) end end"},
    {"time with extremes in a loop", ENDS_WELL | ENDS_SPENT,
	"while true do os.time{year = 1e9, month = 1e9, day = 1e9, hour = "
	"1e9, min = 1e9, sec = 1e9} end"},
    {"tonumber of long strings", ENDS_SPENT,
	"local s = ('1'):rep(500000) for b = 2, 36 do pcall(tonumber, s, b) "
	"end while true do tonumber(s) tonumber(s, 36) end"},
    {"tonumber with odd bases", ENDS_WELL,
	"for _, b in pairs{0, 1, 37, -1, 0/0, 1/0, 2^53, '10', '0x10', {}, "
	"2.9} do pcall(tonumber, '10', b) pcall(tonumber, 10, b) end"},
    {"tonumber of NULs and exponents", ENDS_WELL,
	"for _, s in pairs{'1\\0', '0x', '0x1p99999', '1e99999', "
	"'1e-99999', 'inf', 'nan', '0x1p-99999', ' 1 ', '1_000', '0b1', "
	"'1ULL', '1i', '0x1LL', '12LL'} do local n = tonumber(s) assert(n "
	"== nil or type(n) == 'number') end"},
    {"arithmetic with coerced strings", ENDS_WELL,
	"for _, s in pairs{'0x10', '1e308', ' 5 ', '1LL', '2ULL', '3i', "
	"'nan'} do pcall(function() return s + s, s * s, s ^ s, -s, s % s, "
	"s / s end) end"},
    {"cdata by number literals of strings", ENDS_WELL,
	"local ok, v = pcall(function() return '1LL' + 1 end) assert(not ok "
	"or type(v) == 'number')"},
};

static const struct attack tables[] = {
    {"concat of ranges", ENDS_WELL,
	"for _, r in pairs{{0/0, 0/0}, {-2^31, -2^31 + 2}, {2^31 - 1, 2^31 "
	"- 1}, {2^53, 2^53}, {1, 2^31 - 1}, {-1/0, 1/0}} do "
	"pcall(table.concat, {1}, ',', r[1], r[2]) end"},
    {"concat over a huge range of present values", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 1000 do t[i] = '' end while true do "
	"table.concat(t, '') end"},
    {"concat of a sparse border", ENDS_SPENT,
	"local t = {} for i = 0, 30 do t[2^i] = '' end pcall(table.concat, "
	"t) pcall(table.insert, t, 1, 1) pcall(table.remove, t, 1) "
	"pcall(table.sort, t) pcall(unpack, t) for i = 1, 1e9 do local x = "
	"#t end"},
    {"a border that is found by walking", ENDS_SPENT,
	"local t = {} for i = 1, 7000 do t[i] = i end for i = 13, 31 do "
	"t[2^i] = 1 end for i = 1, 1e9 do local x = #t end"},
    {"a longer border found by walking", ENDS_SPENT,
	"local t = {} for i = 1, 60000 do t[i] = i end for i = 16, 31 do "
	"t[2^i] = 1 t[2^i-1] = 1 end for i = 1, 1e9 do local x = #t end"},
    {"insert positions", ENDS_WELL,
	"for _, p in pairs{0/0, 0, -1, 2^31 - 1, 2^31, 2^53, 1/0, -1/0, "
	"'3', '0x2'} do local t = {1, 2, 3} pcall(table.insert, t, p, 'x') "
	"pcall(table.remove, t, p) end"},
    {"remove in reverse without end", ENDS_SPENT,
	"local t = {} for i = 1, 5000 do t[i] = i end while true do "
	"table.insert(t, 1, table.remove(t)) end"},
    {"move of ranges", ENDS_SPENT,
	"for _, r in pairs{{1, 1/0, 1}, {-2^31, 2^31 - 1, 1}, {-1/0, 1/0, "
	"1}, {1, 3, 2^31 - 2}, {1, 3, 2^31}, {0/0, 0/0, 0/0}, {1, 2^31 - 1, "
	"1}} do pcall(table.move, {1, 2, 3}, r[1], r[2], r[3]) end"},
    {"move onto itself without end", ENDS_SPENT,
	"local t = {} for i = 1, 5000 do t[i] = i end while true do "
	"table.move(t, 1, 5000, 2) end"},
    {"move into handles", ENDS_WELL,
	"pcall(table.move, {1, 2}, 1, 2, 1, conn) pcall(table.move, conn, "
	"1, 2, 1) pcall(table.concat, conn) pcall(table.concat, "
	"setmetatable({}, {__index = conn}), ',', 1, 3)"},
    {"maxn of odd keys", ENDS_SPENT,
	"local t = {[1/0] = 1, [2^53] = 1, [-1] = 1, [0.5] = 1} "
	"assert(table.maxn(t) == 1/0) for i = 1, 20000 do t[-i] = i end "
	"while true do table.maxn(t) end"},
    {"sort of mixed types", ENDS_WELL,
	"pcall(table.sort, {1, 'x', {}, true, print}) pcall(table.sort, "
	"{0/0, 1, 0/0, 2, 0/0})"},
    {"sort with a comparator that changes the table", ENDS_SPENT,
	"local t = {} for i = 1, 500 do t[i] = 500 - i end table.sort(t, "
	"function(a, b) for i = 1, 500 do t[i] = nil end return a < b end)"},
    {"sort with a comparator that grows the table", ENDS_WELL,
	"local t = {} for i = 1, 500 do t[i] = i end pcall(table.sort, t, "
	"function(a, b) t[#t + 1] = {} return false end)"},
    {"sort of a sparse border", ENDS_WELL,
	"local t = {} for i = 0, 30 do t[2^i] = i end for i = 1, 100 do "
	"pcall(table.sort, t) end"},
    {"unpack edges", ENDS_WELL,
	"for _, r in pairs{{2^31 - 1, 2^31 - 1}, {-2^31, -2^31}, {2^31, "
	"2^31}, {0/0, 0/0}, {1/0, 1/0}, {-1/0, -1/0}, {1, 7999}, {1, 8000}, "
	"{1, 8001}} do pcall(unpack, {}, r[1], r[2]) end"},
    {"unpack within unpack", ENDS_WELL,
	"local t = {} for i = 1, 3900 do t[i] = i end local function f(...) "
	"return ... end pcall(function() return f(unpack(t)), unpack(t) "
	"end) pcall(function() return {unpack(t), unpack(t)} end)"},
    {"select of everything", ENDS_WELL,
	"for _, n in pairs{0, -1, -8000, 8000, 0/0, 1/0, 2^31, '#', '#x', "
	"'1', '-1'} do pcall(select, n, 1, 2, 3) end"},
    {"varargs passed on and on", ENDS_WELL | ENDS_SPENT,
	"local function f(n, ...) if n == 0 then return select('#', ...) "
	"end return f(n - 1, n, ...) end pcall(f, 7000) pcall(f, 200)"},
    {"many results of pcall", ENDS_SPENT,
	"local t = {} for i = 1, 7990 do t[i] = i end for i = 1, 50 do "
	"pcall(pcall, pcall, unpack, t) xpcall(unpack, print, t) end return "
	"nil"},
    {"pcall with as many arguments as fit", ENDS_SPENT,
	"local t = {} for i = 1, 7990 do t[i] = i end for n = 7970, 7999 do "
	"t[n] = 1 pcall(select, '#', unpack(t)) pcall(pcall, select, '#', "
	"unpack(t, 1, n)) xpcall(select, print, '#', unpack(t, 1, n)) end"},
    {"assert with as many", ENDS_WELL,
	"local t = {} for i = 1, 7990 do t[i] = i end assert(unpack(t)) "
	"pcall(assert, false, unpack(t))"},
};

static const struct attack metatables[] = {
    {"index chains through everything", ENDS_WELL,
	"local t = setmetatable({}, {__index = conn, __newindex = "
	"conn.vars}) local x = t.server_name pcall(function() t.foo = 'bar' "
	"end) pcall(function() return t.nosuch end)"},
    {"natives as metamethods", ENDS_WELL | ENDS_SPENT,
	"for _, f in pairs{rawget, rawset, next, select, error, tostring, "
	"pcall, xpcall, assert, unpack, setmetatable, getmetatable, type, "
	"ipairs, pairs, string.rep, string.format, string.gsub, table.sort, "
	"table.concat, math.max, os.date} do local t = setmetatable({}, "
	"{__index = f, __newindex = f, __call = f, __concat = f, __lt = f, "
	"__le = f, __eq = f, __add = f, __unm = f, __len = f, __tostring = "
	"f, __mode = 'kv', __gc = f, __pairs = f, __ipairs = f}) "
	"pcall(function() return t.x end) pcall(function() t.x = 1 end) "
	"pcall(function() return t() end) pcall(function() return t .. t "
	"end) pcall(function() return t < t end) pcall(function() return t "
	"+ t end) pcall(function() return -t end) pcall(function() return "
	"#t end) pcall(tostring, t) pcall(pairs, t) pcall(ipairs, t) "
	"pcall(function() for k in t do end end) end"},
    {"natives as metamethods without end", ENDS_WELL | ENDS_SPENT,
	"local t = setmetatable({}, {__index = pcall, __add = pcall, __call "
	"= pcall}) local function f() return t[f] + t end while true do "
	"pcall(f) pcall(t, f) end"},
    {"a table that is its own everything", ENDS_SCRIPT,
	"local t = {} setmetatable(t, t) t.__index = t t.__newindex = t "
	"t.__call = t t.__tostring = t t.__concat = t t.__lt = t t.__eq = t "
	"t.__add = t t.__len = t pcall(function() return t.x end) "
	"pcall(function() t.y = 1 end) pcall(function() return t() end) "
	"pcall(tostring, t) pcall(function() return t .. t end) "
	"pcall(function() return t < t end) pcall(function() return t + 1 "
	"end)"},
    {"__metatable games", ENDS_WELL,
	"local t = setmetatable({}, {__metatable = 'x'}) assert(not "
	"pcall(setmetatable, t, {})) assert(getmetatable(t) == 'x') "
	"pcall(setmetatable, t, nil) setmetatable({}, {__metatable = nil})"},
    {"__mode changed while walking", ENDS_WELL | ENDS_SPENT,
	"local mt = {__mode = 'k'} local t = setmetatable({}, mt) for i = "
	"1, 10000 do t[{}] = i end for k in pairs(t) do mt.__mode = 'v' "
	"t[k] = {} end for i = 1, 5 do local s = ('x'):rep(300000) .. i end "
	"for k in pairs(t) do t[k] = nil end"},
    {"weak tables with the walk key collected", ENDS_SPENT,
	"local t = setmetatable({}, {__mode = 'k'}) for i = 1, 2000 do "
	"t[{}] = i end for i = 1, 50 do pcall(function() for k, v in "
	"pairs(t) do k = nil local s = ('x'):rep(100000) .. v end end) end"},
    {"error objects that bite", ENDS_SCRIPT,
	"for _, e in pairs{setmetatable({}, {__tostring = error}), "
	"setmetatable({}, {__concat = error}), conn, ticket, 0/0, print, "
	"('x'):rep(1e5), '\\0', true} do pcall(error, e) pcall(error, e, 2) "
	"xpcall(error, function(x) error(x) end, e) end "
	"error(setmetatable({}, {__tostring = function() error(conn) end}))"},
    {"an error at every level", ENDS_WELL,
	"for _, l in pairs{0, 1, 2, 3, -1, 1e9, -1e9, 2^31, 0/0, 1/0, '1'} "
	"do pcall(error, 'x', l) end"},
    {"an error at a deep level", ENDS_WELL | ENDS_SPENT,
	"local function f(n) if n == 0 then while true do pcall(error, 'x', "
	"5000) end end return 1 + f(n - 1) end f(5000)"},
};

static const struct attack strings[] = {
    {"patterns of every kind, many", ENDS_WELL | ENDS_SPENT,
	"local p = {'%f[%w]', '%b()', '%bxx', '()', '(()())', "
	"'((((((.))))))', '%1', '(%1)', '()%1', '[]]', '[^]]', '[a-]', "
	"'[%a-z]', '[%]]', '[', '%', '(', ')', '.-', '.*$', '^^', '$$', "
	"'%z', '[%z]', '\\0', '(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)', "
	"('()'):rep(32), ('()'):rep(33), '%f', '%b', '%bx', '[^', '[%'} for "
	"_, a in pairs(p) do for _, s in pairs{'', 'x', '()', 'a\\0b', "
	"('ab'):rep(50)} do pcall(string.find, s, a) pcall(string.gsub, s, "
	"a, '%1') pcall(string.gsub, s, a, '%9') pcall(string.gsub, s, a, "
	"'%') pcall(string.match, s, a, -1/0) pcall(string.match, s, a, "
	"1/0) for _ in pcall(string.gmatch, s, a) and function() end do end "
	"end end"},
    {"position captures back referenced", ENDS_SPENT,
	"local s = ('a'):rep(3000) while true do pcall(string.find, s, "
	"'()(a*)%1') pcall(string.gsub, s, '()a', '%1%1') end"},
    {"gsub by a table with everything", ENDS_SPENT,
	"local t = setmetatable({}, {__index = function(t, k) return k .. k "
	"end}) local s = 'x' while true do s = s:gsub('.*', t) end"},
    {"gsub by functions that answer wrongly", ENDS_WELL,
	"for _, f in pairs{function() return {} end, function() return "
	"print end, function() return conn end, function() return true end, "
	"function() return 0/0 end, function() error() end, print, pcall, "
	"tostring, string.rep} do pcall(string.gsub, 'abc', '.', f) end"},
    {"gsub with a limit of anything", ENDS_WELL,
	"for _, n in pairs{0/0, 1/0, -1/0, -1, 0, 2^53, '2', 1.5} do "
	"pcall(string.gsub, 'abc', '.', 'x', n) pcall(string.gsub, 'abc', "
	"'', 'x', n) end"},
    {"gmatch kept and called later", ENDS_SPENT,
	"local g = ('x'):rep(1000):gmatch('x') while true do if not g() "
	"then g = ('x'):rep(1000):gmatch('()') end end"},
    {"gmatch with a pattern that errors late", ENDS_SPENT,
	"for i = 1, 1e9 do pcall(function() for a in "
	"('x'):rep(100):gmatch('x-(') do end end) end"},
    {"find of long needles", ENDS_SPENT,
	"local s = ('ab'):rep(100000) while true do "
	"s:find(('ab'):rep(50000) .. 'c', 1, true) end"},
};

static const struct attack_limits defaults;

START_TEST(numbers_formats_and_dates_take_anything)
{
	attack_run(&numbers[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(tables_take_any_range)
{
	attack_run(&tables[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(metatables_and_errors_of_every_kind_end)
{
	attack_run(&metatables[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(patterns_and_strings_take_anything)
{
	attack_run(&strings[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: library");
	TCase *tc = tests_case("library", 20);

	tcase_add_loop_test(tc, numbers_formats_and_dates_take_anything, 0,
	    COUNT(numbers) * VERSIONS);
	tcase_add_loop_test(
	    tc, tables_take_any_range, 0, COUNT(tables) * VERSIONS);
	tcase_add_loop_test(tc, metatables_and_errors_of_every_kind_end, 0,
	    COUNT(metatables) * VERSIONS);
	tcase_add_loop_test(tc, patterns_and_strings_take_anything, 0,
	    COUNT(strings) * VERSIONS);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
