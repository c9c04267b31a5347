/*
 * SPDX-License-Identifier: MIT
 *
 * Handles, memory, stack and answers, treated as nobody would: each call ends
 * in time, as the table says.
 *
 * Scenarios:
 *  1. Handles, facts, vars, assignments, and lines for the log.
 *  2. Memory and stack, to their edges and over them.
 *  3. Verdicts and tables that read as something else.
 *  4. Everything that can be called, with everything.
 */
#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct attack handles[] = {
    {"handles in closures and coroutines of tables", ENDS_WELL,
	"local kept = {conn, ticket, conn.vars} kept.f = function() return "
	"conn.server_name end return 'use', kept.f() or 'none'",
	NULL, IN_DECRYPT},
    {"conn compared, called, added, indexed by anything", ENDS_WELL,
	"for _, f in pairs{function() return conn < conn end, function() "
	"return conn() end, function() return conn + 1 end, function() "
	"return #conn end, function() return -conn end, function() return "
	"conn .. '' end, function() return conn[nil] end, function() return "
	"conn[0/0] end, function() return conn[{}] end, function() "
	"conn[nil] = 1 end, function() conn[conn] = conn end, function() "
	"for k in pairs(conn) do end end, function() for k in ipairs(conn) "
	"do end end, function() return conn:find('x') end, function() "
	"return next(conn) end, function() return unpack(conn) end} do "
	"assert(not pcall(f)) end"},
    {"every fact, over and over", ENDS_SPENT,
	"while true do for _, k in pairs{'server_name', 'version', "
	"'cipher', 'group', 'alpn', 'alpn_offered', 'resumed', "
	"'early_data', 'peer_address', 'peer_port', 'local_address', "
	"'local_port', 'transport', 'client_cert', 'num_tickets', 'hello', "
	"'id', 'vars'} do local x = conn[k] end end"},
    {"hello over and over", ENDS_WELL | ENDS_SPENT,
	"while true do local x = conn.hello end"},
    {"all facts of the ticket over and over", ENDS_SPENT,
	"while true do for _, k in pairs{'status', 'decrypted', 'key_name', "
	"'app_data', 'data', 'id', 'policy', 'auth_time', 'auth_age', "
	"'renewals', 'revision', 'issued_at', 'age', 'timeout', "
	"'session_id', 'version', 'cipher', 'server_name', 'alpn', "
	"'max_early_data', 'client_cert'} do local x = ticket[k] end end",
	NULL, IN_DECRYPT},
    {"vars filled and emptied", ENDS_SPENT,
	"while true do for i = 1, 63 do conn.vars['n' .. i] = 'x' end for i "
	"= 1, 63 do conn.vars['n' .. i] = nil end end"},
    {"vars of large values over and over", ENDS_SPENT | ENDS_MEMORY,
	"local s = ('x'):rep(1000) while true do for i = 1, 60 do "
	"conn.vars['n' .. i] = s end end"},
    {"vars that hide the attack", ENDS_WELL,
	"conn.vars.attack = nil assert(conn.vars.attack == nil)", NULL,
	IN_DECRYPT},
    {"assignments of odd values", ENDS_WELL,
	"for _, v in pairs{0/0, 1/0, -1, 0, 2^53, 1e300, '1', {}, true, "
	"1.5} do pcall(function() ticket.timeout = v end) pcall(function() "
	"conn.num_tickets = v end) pcall(function() conn.early_data = v "
	"end) end"},
    {"num_tickets to 0", ENDS_WELL, "conn.num_tickets = 0 return {n = 1}", NULL,
	IN_GENERATE},
    {"num_tickets to a thousand and grow", ENDS_MEMORY | ENDS_SPENT,
	"conn.num_tickets = 1000 local s = 'x' while true do s = s .. s end",
	NULL, IN_GENERATE},
    {"timeout of the largest", ENDS_WELL,
	"ticket.timeout = 2147483647 return {n = 1}", NULL, IN_GENERATE},
    {"early data declined over and over", ENDS_SPENT,
	"while true do pcall(function() conn.early_data = false end) end"},
    {"print of everything", ENDS_WELL,
	"for _, v in pairs{conn, ticket, print, {}, 0/0, 1/0, -0, 1e300, "
	"'', '\\0', '\\n', '\\27', ('x'):rep(5000), true} do print(v) "
	"print(v, v, v) end print()"},
    {"print with 7900 arguments", ENDS_SPENT,
	"local t = {} for i = 1, 7900 do t[i] = '' end while true do "
	"print(unpack(t)) end"},
    {"print of format signs", ENDS_WELL,
	"print('%s%n%p%x', '%') print(('%n'):rep(300))"},
    {"print with a __tostring that prints", ENDS_SPENT,
	"local t t = setmetatable({}, {__tostring = function() "
	"print('inner') return 'x' end}) while true do print(t) end"},
    {"print of invalid UTF-8", ENDS_WELL,
	"for i = 128, 255 do print(string.char(i)) print(string.char(i, i)) "
	"end"},
};

static const struct attack edges[] = {
    {"closures with many upvalues", ENDS_WELL | ENDS_SPENT | ENDS_MEMORY,
	"local a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t = "
	"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20 local z = {} "
	"for x = 1, 1e9 do z[x] = function() return "
	"a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q+r+s+t+x end end"},
    {"recursion of a vararg function", ENDS_SCRIPT,
	"local function f(...) return select('#', f(1, ...)) end f()"},
    {"recursion through __index of a function and pcall", ENDS_WELL,
	"local t t = setmetatable({}, {__index = function(_, k) return "
	"select(2, pcall(function() return t[k + 1] end)) end}) return t[1] "
	"and nil"},
    {"recursion through __tostring and pcall", ENDS_WELL,
	"local t t = setmetatable({}, {__tostring = function() return "
	"(select(2, pcall(tostring, t))) end}) tostring(t)"},
    {"recursion through __lt and sort and pcall", ENDS_SPENT,
	"local mt = {} local function new() return setmetatable({}, mt) end "
	"mt.__lt = function(a, b) pcall(table.sort, {new(), new(), new()}) "
	"return false end table.sort{new(), new(), new()}"},
    {"recursion through gsub of tables", ENDS_SCRIPT,
	"local t t = setmetatable({}, {__index = function(_, k) return "
	"(k:gsub('.', t)) end}) return (('x'):gsub('.', t)) and nil"},
    {"recursion through format and pcall that keeps on", ENDS_SPENT,
	"local t t = setmetatable({}, {__tostring = function() while true "
	"do pcall(string.format, '%s', t) end end}) tostring(t)"},
    {"recursion through pairs", ENDS_WELL,
	"local t = setmetatable({}, {__pairs = function(t) return pairs(t) "
	"end}) for k in pairs(t) do end"},
    {"recursion, caught at the bottom, again and again", ENDS_SPENT,
	"local function f() return 1 + f() end while true do pcall(f) end"},
    {"recursion, caught at the bottom, with gsub", ENDS_SPENT,
	"local function f() ('x'):gsub('x', f) end while true do pcall(f) "
	"end"},
    {"recursion to the edge, and then work in C there", ENDS_SPENT,
	"local function f() local ok = pcall(f) if not ok then "
	"('a'):rep(100):find(('a?'):rep(100) .. 'b') end error() end "
	"pcall(f)"},
    {"C work at the edge of the stack", ENDS_SCRIPT | ENDS_SPENT,
	"local function f(n) ('x'):gsub('x', function() pcall(f, n + 1) for "
	"i = 1, 10 do string.format('%99.99f', 1e308) os.date('%c') "
	"('a'):rep(200):find(('a?'):rep(190)) end end) end f(1)"},
    {"the Lua stack filled, then errors", ENDS_WELL | ENDS_SPENT,
	"local t = {} for i = 1, 7900 do t[i] = i end local function f(...) "
	"pcall(f, ...) end f(unpack(t))"},
    {"a stack overflow in a message handler", ENDS_WELL | ENDS_SPENT,
	"local function f() return 1 + f() end xpcall(f, f) xpcall(f, "
	"function() return f() end)"},
    {"stack overflow inside a comparator", ENDS_SCRIPT | ENDS_SPENT,
	"local function f() return 1 + f() end pcall(table.sort, {3, 2, 1}, "
	"f) table.sort({3, 2, 1}, f)"},
    {"memory grown in a comparator behind pcall", ENDS_MEMORY | ENDS_SPENT,
	"table.sort({3, 2, 1}, function() pcall(function() local s = 'x' "
	"while true do s = s .. s end end) return true end)"},
    {"memory grown in __tostring behind pcall in print",
	ENDS_WELL | ENDS_SPENT | ENDS_MEMORY,
	"local t = setmetatable({}, {__tostring = function() "
	"pcall(function() local t = {} while true do t = {t} end end) "
	"return 'x' end}) print(t)"},
    {"memory grown just below the limit and let go", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 35 do t[i] = ('x'):rep(100000) .. i end t "
	"= nil for i = 1, 100 do local s = ('y'):rep(100000) .. i end"},
    {"strings of every length", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(i) end"},
    {"table of tables with hash parts", ENDS_WELL | ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i] = {a = 1, b = 2, c = 3, d = 4, "
	"e = 5} end"},
    {"tables that grow and shrink", ENDS_SPENT | ENDS_MEMORY,
	"while true do local t = {} for i = 1, 5000 do t[i] = i t[-i] = i "
	"end for i = 1, 5000 do t[i] = nil t[-i] = nil end t.x = 1 end"},
    {"rehash storms", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i % 3000 + 0.5] = nil t[i + 0.25] "
	"= 1 t[i - 3000 + 0.25] = nil end"},
    {"concatenation of two hundred", ENDS_SPENT,
	"local s = ('x'):rep(1000) while true do local x = "
	"s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s.."
	"s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s..s "
	"end"},
    {"numbers of long text", ENDS_WELL | ENDS_SPENT,
	"for i = 1, 1e9 do local s = 1e300 * i .. tostring(i / 7) .. "
	"-1e-300 end"},
    {"loops with fractions and infinities", ENDS_SPENT,
	"for i = 1, 0/0 do end for i = 0/0, 1 do end for i = 1, 2, 0 do end"},
    {"loops with steps that do not step", ENDS_SPENT,
	"for i = 1e300, 1/0, 1 do end"},
    {"next with foreign keys", ENDS_WELL,
	"pcall(next, {}, 1) pcall(next, {1}, 2) pcall(next, {1}, 0/0) "
	"pcall(next, {}, {}) pcall(next, {}, conn) local t = {a = 1} local "
	"k = next(t) t[k] = nil next(t, k)"},
    {"pairs and insertion", ENDS_SPENT,
	"local t = {1} pcall(function() for k in pairs(t) do t[k + 1] = 1 "
	"t[-k] = 1 t['x' .. k] = 1 end end)"},
    {"rawset of odd keys", ENDS_WELL,
	"pcall(rawset, {}, 0/0, 1) pcall(rawset, {}, nil, 1) rawset({}, "
	"1/0, 1) rawset({}, -0, 1) rawset({}, 2^53, 1) rawset({}, conn, 1) "
	"pcall(rawset, '', 1, 1)"},
};

static const struct attack answers[] = {
    {"a verdict of the name of a metamethod", ENDS_RETURN, "return '__index'",
	NULL, IN_DECRYPT},
    {"a verdict of a pattern", ENDS_RETURN, "return '%s%n'", NULL, IN_DECRYPT},
    {"a verdict of invalid UTF-8", ENDS_RETURN, "return '\\255\\254use'", NULL,
	IN_DECRYPT},
    {"default with a reason of a megabyte of control characters", ENDS_WELL,
	"return 'default', ('\\1'):rep(1000000)", NULL, IN_DECRYPT},
    {"a reason of broken UTF-8", ENDS_WELL, "return 'use', ('\\195'):rep(1000)",
	NULL, IN_DECRYPT},
    {"use where there may be none, at any status", ENDS_WELL,
	"return ticket.status == 'success' and 'use' or 'use'", NULL,
	IN_DECRYPT},
    {"a table with 2^53 keys", ENDS_WELL,
	"return {[2^53] = 1, [2^53 - 1] = 2, [-2^53] = 3}", NULL, IN_GENERATE},
    {"a sparse border as data", ENDS_WELL,
	"local t = {} for i = 0, 30 do t[2^i] = i end return t", NULL,
	IN_GENERATE},
    {"a huge array part without values", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 200000 do t[i] = i end for i = 1, 200000 "
	"do t[i] = nil end local u = {} for i = 1, 500 do u[i] = t end "
	"return u",
	NULL, IN_GENERATE},
    {"data that share one huge empty table deep", ENDS_SPENT | ENDS_MEMORY,
	"local t = {} for i = 1, 100000 do t[i] = i end for i = 1, 100000 "
	"do t[i] = nil end local u = t for i = 1, 14 do u = {u, u} end "
	"return u",
	NULL, IN_GENERATE},
    {"data of 15, 16 and 17 levels", ENDS_WELL,
	"local t = 1 for i = 1, 16 do t = {t} end return t", NULL, IN_GENERATE},
    {"data of 17 levels by keys", ENDS_RETURN,
	"local t = 1 for i = 1, 17 do t = {k = t} end return t", NULL,
	IN_GENERATE},
    {"data with a path of long keys", ENDS_APP_DATA,
	"local t = print for i = 1, 15 do t = {[('k'):rep(200)] = t} end "
	"return t",
	NULL, IN_GENERATE},
    {"data with a path of control characters", ENDS_RETURN,
	"local t = print for i = 1, 15 do t = {['\\27\\0\\n' .. i] = t} end "
	"return t",
	NULL, IN_GENERATE},
    {"data with __pairs, __len, __index that lie", ENDS_WELL,
	"return setmetatable({1, 2}, {__len = function() return 1e9 end, "
	"__pairs = error, __index = error})",
	NULL, IN_GENERATE},
    {"bytes that begin as an envelope", ENDS_WELL,
	"return ticket.previous and ticket.previous.app_data or ticket.id",
	NULL, IN_GENERATE},
    {"the id as app data", ENDS_WELL, "return tostring(ticket.id)", NULL,
	IN_GENERATE},
    {"data of just about the limit", ENDS_WELL, "return {('x'):rep(1092)}",
	NULL, IN_GENERATE},
    {"false with a table as reason", ENDS_WELL,
	"return setmetatable({}, {__tostring = error}), {}", NULL, IN_GENERATE},
};

static const struct attack everything[] = {
    {"every global, called with everything", ENDS_SPENT,
	"local fs = {assert, getmetatable, ipairs, next, pairs, pcall, "
	"print, rawequal, rawget, rawset, select, setmetatable, tonumber, "
	"tostring, type, unpack, xpcall} local vs = {0, -1, 0/0, 1/0, '', "
	"'\\0', 'x', true, {}, print, conn, ticket, string, conn.vars} for "
	"_, f in pairs(fs) do pcall(f) for _, a in pairs(vs) do pcall(f, a) "
	"for _, b in pairs(vs) do pcall(f, a, b) end end end"},
    {"every library function, called with everything", ENDS_SPENT,
	"local vs = {0, -1, 0/0, 1/0, 2^31, '', '%', 'x', {}, print, conn} "
	"local names = {string = "
	"{'byte','char','find','format','gmatch','gsub','len','lower','match','"
	"rep','reverse','sub','upper'}, "
	"table = {'concat','insert','maxn','move','remove','sort'}, math = "
	"{'abs','acos','ceil','floor','fmod','frexp','ldexp','log','max','min',"
	"'modf','pow','random','randomseed','sqrt'}, "
	"bit = "
	"{'arshift','band','bnot','bor','bswap','bxor','lshift','rol','ror','"
	"rshift','tobit','tohex'}, "
	"os = {'clock','date','time'}} local libs = {string = string, table "
	"= table, math = math, bit = bit, os = os} for l, fs in "
	"pairs(names) do for _, n in pairs(fs) do local f = libs[l][n] "
	"pcall(f) for _, a in pairs(vs) do pcall(f, a) for _, b in "
	"pairs(vs) do pcall(f, a, b) pcall(f, a, b, a) end end end end"},
    {"the string library by a string's own methods", ENDS_SPENT,
	"local s = 'x' for i = 1, 1e9 do s = s:rep(2) s = "
	"s:reverse():upper():lower():sub(1, -1) if #s > 1e5 then s = 'x' "
	"end end"},
    {"a library as an environment", ENDS_WELL,
	"local e = setmetatable({}, {__index = string}) assert(e.find and "
	"e.rep) pcall(function() return e.nosuch end)"},
    {"undefined globals of every kind", ENDS_SPENT | ENDS_MEMORY,
	"for i = 1, 1e9 do pcall(function() return undefined_variable end) "
	"end"},
    {"undefined globals assigned", ENDS_SPENT,
	"for i = 1, 1e9 do pcall(function() undefined_variable = i end) end"},
    {"misspelt library functions", ENDS_SPENT,
	"for i = 1, 1e9 do pcall(function() return string.findd end) "
	"pcall(function() return conn.servername end) end"},
};

static const struct attack_limits defaults;

START_TEST(handles_take_anything)
{
	attack_run(&handles[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(memory_and_stack_end_cleanly)
{
	attack_run(&edges[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(answers_are_what_they_are)
{
	attack_run(&answers[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(everything_takes_everything)
{
	attack_run(&everything[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: objects");
	TCase *tc = tests_case("objects", 20);

	tcase_add_loop_test(
	    tc, handles_take_anything, 0, COUNT(handles) * VERSIONS);
	tcase_add_loop_test(
	    tc, memory_and_stack_end_cleanly, 0, COUNT(edges) * VERSIONS);
	tcase_add_loop_test(
	    tc, answers_are_what_they_are, 0, COUNT(answers) * VERSIONS);
	tcase_add_loop_test(
	    tc, everything_takes_everything, 0, COUNT(everything) * VERSIONS);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
