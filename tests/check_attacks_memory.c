/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that want all memory, all stack, or fill both with rubbish.
 *
 * Scenarios:
 *  1. Whatever grows ends at the memory limit, also behind pcall.
 *  2. Recursion, in Lua and through C functions, is a clean error.
 *  3. After a memory error the state is another one.
 *  4. Garbage below the limit never fails a call: 20,000 calls with 300 KB each
 *     (a million with USHER_LONG=1), a live string of 700 KB beside twenty
 *     concatenations with it, large strings in every call.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ENDS_LIMIT (ENDS_MEMORY | ENDS_SPENT)
/* What can't fit is refused before any memory is taken: an ordinary error. */
#define ENDS_REFUSED (ENDS_MEMORY | ENDS_SCRIPT)

static const struct attack growing[] = {
    {"rep of gigabytes", ENDS_REFUSED, "local s = ('x'):rep(2^31)"},
    {"rep of gigabytes, with a separator", ENDS_REFUSED,
	"local s = ('x'):rep(2^30, ('y'):rep(1000))"},
    {"rep of more than there is", ENDS_REFUSED, "local s = ('x'):rep(1e300)"},
    {"rep that overflows", ENDS_REFUSED, "local s = ('x'):rep(2^20):rep(2^44)"},
    {"rep behind pcall", ENDS_MEMORY,
	"pcall(string.rep, 'x', 4e6) return 'use'", NULL, IN_DECRYPT},
    {"reps behind pcall, for ever", ENDS_MEMORY,
	"while true do pcall(string.rep, 'x', 4e6) end"},
    {"reps behind xpcall", ENDS_MEMORY,
	"xpcall(string.rep, function() return ('x'):rep(4e6) end, 'x', 4e6)"},
    {"doubling concatenation", ENDS_MEMORY,
	"local s = 'x' while true do s = s .. s end"},
    {"doubling concatenation behind pcall", ENDS_MEMORY,
	"local s = 'x' while true do pcall(function() s = s .. s end) end"},
    {"an array that grows", ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i] = i end"},
    {"a hash that grows", ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i + 0.5] = i end"},
    {"table.insert", ENDS_MEMORY,
	"local t = {} while true do table.insert(t, 1) end"},
    {"table.move to far away", ENDS_LIMIT | ENDS_WELL | ENDS_SCRIPT,
	"for i = 1, 40 do pcall(table.move, {1, 2, 3}, 1, 3, 2^i) end"},
    {"tables within tables", ENDS_MEMORY, "local t while true do t = {t} end"},
    {"gsub that blows up", ENDS_LIMIT,
	"local s = ('x'):rep(1000):gsub('x', ('y'):rep(100000))"},
    {"gsub of nothing that blows up", ENDS_LIMIT,
	"local s = ('x'):rep(9000):gsub('', ('y'):rep(10000))"},
    {"gsub with %0 that blows up", ENDS_LIMIT,
	"local s = 'x' while true do s = s:gsub('.*', '%0%0%0%0') end"},
    {"closures", ENDS_MEMORY,
	"local t = {} for i = 1, 1e9 do t[i] = function() return i end end"},
    {"varargs of 1e8", ENDS_SCRIPT, "return unpack({}, 1, 1e8)"},
    {"unpack near the largest integer", ENDS_SCRIPT,
	"return unpack({}, 2^31 - 10, 2^31)"},
    {"unpack across all integers", ENDS_SCRIPT,
	"return unpack({}, -2^31, 2^31 - 1)"},
    {"varargs that multiply", ENDS_LIMIT | ENDS_SCRIPT,
	"local function f(...) return f(1, 2, 3, 4, 5, 6, 7, 8, 9, ...) end\n"
	"return f()"},
    {"string.byte of everything", ENDS_LIMIT | ENDS_SCRIPT,
	"return ('x'):rep(1000000):byte(1, -1)"},
    {"an error per iteration at the limit", ENDS_MEMORY,
	"local t = {} while true do pcall(function()\n"
	"  t[#t + 1] = ('x'):rep(1000) .. #t error(t[#t]) end) end"},
    {"table.concat of a large table", ENDS_LIMIT,
	"local t, s = {}, ('x'):rep(100000)\n"
	"for i = 1, 10000 do t[i] = s end return table.concat(t)"},
    {"table.concat with a long separator", ENDS_LIMIT,
	"local t, s = {}, ('x'):rep(100000)\n"
	"for i = 1, 10000 do t[i] = 1 end return table.concat(t, s)"},
    {"format that blows up", ENDS_LIMIT | ENDS_SCRIPT,
	"return string.format(('%s'):rep(90), ('x'):rep(100000):rep(9))"},
    {"%q of control characters", ENDS_LIMIT | ENDS_RETURN | ENDS_APP_DATA,
	"return string.format('%q', ('\\1'):rep(900000))"},
    {"an error message of 10 MB", ENDS_REFUSED, "error(('x'):rep(1e7))"},
    {"an error message of 1 MB", ENDS_REFUSED, "error(('x'):rep(1e6))"},
    {"an error message of 1 MB of colons", ENDS_SCRIPT,
	"error((':1'):rep(5e5), 0)"},
    {"an error message of 1 MB of zeroes", ENDS_REFUSED,
	"error(('\\0'):rep(1e6))"},
    {"a log line of 10 MB", ENDS_REFUSED, "print(('x'):rep(1e7))"},
    {"a log line of 1 MB", ENDS_WELL, "print(('x'):rep(1e6))"},
    {"a reason of 1 MB", ENDS_WELL, "return 'ignore', ('x'):rep(1e6)", NULL,
	IN_DECRYPT},
    {"vars of 1 MB", ENDS_SCRIPT, "conn.vars.x = ('x'):rep(1e6)"},
    {"vars with names of 1 MB", ENDS_REFUSED,
	"conn.vars[('x'):rep(1e6)] = 'x'"},
    {"a thousand vars", ENDS_SCRIPT,
	"for i = 1, 1000 do conn.vars['n' .. i] = 'x' end"},
    {"a lower of the largest string", ENDS_LIMIT,
	"local s = ('x'):rep(2^21 - 64) return s:lower():upper():reverse()"},
};

static const struct attack recursion[] = {
    {"recursion", ENDS_SCRIPT, "local function f() return 1 + f() end f()",
	"stack overflow"},
    {"mutual recursion", ENDS_SCRIPT,
	"local g local function f() return 1 + g() end\n"
	"g = function() return 1 + f() end f()",
	"stack overflow"},
    {"recursion with a large frame", ENDS_SCRIPT | ENDS_MEMORY,
	"local t = {} for i = 1, 7000 do t[i] = i end\n"
	"local function f(...) return 1 + f(...) end f(unpack(t))"},
    {"recursion through gsub", ENDS_SCRIPT,
	"local function f() ('x'):gsub('x', f) end f()", "stack overflow"},
    {"recursion through sort", ENDS_SCRIPT,
	"local function f() table.sort({2, 1}, f) end f()", "stack overflow"},
    {"recursion through tostring", ENDS_SCRIPT,
	"local t = setmetatable({}, {__tostring = tostring})\n"
	"return tostring(t)",
	"stack overflow"},
    {"recursion through __index", ENDS_SCRIPT,
	"local t = setmetatable({}, {__index = function(t, k)\n"
	"  return t[k] .. 'x' end}) return t.x",
	"stack overflow"},
    {"recursion through __lt in sort", ENDS_SCRIPT,
	"local mt = {} local t = setmetatable({}, mt)\n"
	"mt.__lt = function() table.sort({t, t, t}) end table.sort{t, t, t}",
	"stack overflow"},
    {"recursion through __call and print", ENDS_SCRIPT,
	"local t t = setmetatable({}, {__tostring = function()\n"
	"  print(t) return '' end}) print(t)",
	"stack overflow"},
    {"recursion through format", ENDS_SCRIPT,
	"local t t = setmetatable({}, {__tostring = function()\n"
	"  return string.format('%s%s', t, t) end}) return tostring(t)",
	"stack overflow"},
};

static const struct attack rubbish[] = {
    {"300 KB of rubbish", ENDS_WELL,
	"for i = 1, 3 do local s = ('x'):rep(100000) .. i end"},
    {"300 KB of small rubbish", ENDS_WELL,
	"for i = 1, 2000 do local t = {{}, i} end"},
    {"a live string beside twenty concatenations", ENDS_WELL,
	"local s = ('x'):rep(700000)\n"
	"for i = 1, 20 do local u = s .. i end"},
    {"a live string of each call's own", ENDS_WELL,
	"local s = ('x'):rep(700000) .. tostring(conn.id or '')\n"
	"  .. tostring(math.random())\n"
	"local u = s .. 'y'"},
    {"a string of a quarter of the limit in every call", ENDS_WELL,
	"local s = ('x'):rep(1000000) .. math.random()"},
    {"a string of a third of the limit in every call", ENDS_WELL,
	"local s = ('x'):rep(1300000)"},
    {"tables of half the limit in every call", ENDS_WELL,
	"local t = {} for i = 1, 15000 do t[i] = {i} end"},
};

/* So that memory is what ends them, or nothing, on a busy machine too. */
static const struct attack_limits roomy = {
    .instructions = 20000000, .microseconds = 2000000};

START_TEST(what_grows_ends_at_the_memory_limit)
{
	attack_run(&growing[_i / VERSIONS], version_of(_i), &roomy);
}
END_TEST

START_TEST(recursion_is_a_clean_error)
{
	attack_run(&recursion[_i / VERSIONS], version_of(_i), &roomy);
}
END_TEST

START_TEST(garbage_below_the_limit_is_no_error)
{
	attack_run(&rubbish[_i / VERSIONS], version_of(_i), &roomy);
}
END_TEST

static struct usher *
engine_of(const char *text)
{
	static const struct attack_limits limits = {
	    .microseconds = 1000000, .instructions = 2000000};
	struct usher_error error;
	struct usher *engine =
	    attack_engine(text, strlen(text), &limits, &error);

	ck_assert_msg(engine != NULL, "%s", error.message);
	return engine;
}

static uint64_t
states_made(const struct usher *engine)
{
	struct usher_stats stats;

	ck_assert_int_eq(usher_stats_get(engine, &stats, sizeof stats), 0);
	return stats.states_made;
}

START_TEST(after_a_memory_error_the_state_is_another_one)
{
	struct usher *engine =
	    engine_of("local calls = 0\n"
		      "return { generate = function(conn)\n"
		      "  calls = calls + 1 print('call ' .. calls .. '.')\n"
		      "  if calls == 3 then return ('x'):rep(4e6) end\n"
		      "end }");
	struct visit visit = {.version = TLS1_2_VERSION};
	uint64_t before;

	visit.server = engine_server(engine, TLS1_2_VERSION);
	for (int i = 0; i < 2; i++)
		ck_assert(visit_run(&visit).echoed);
	before = states_made(engine);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(
	    attack_notes[USHER_CALL_GENERATE].code, USHER_ERROR_MEMORY);
	for (int i = 0; i < 2; i++) {
		ck_assert(visit_run(&visit).echoed);
		ck_assert_int_eq(
		    attack_notes[USHER_CALL_GENERATE].code, USHER_OK);
	}
	ck_assert_uint_eq(states_made(engine), before + 1);
	harness_clear();
	usher_free(engine);
}
END_TEST

/* Each kind of rubbish, many times in one state: generate runs for every ticket
 * of a connection, so a few handshakes make many calls. */
static void
visit_often(const char *text, int calls)
{
	struct usher *engine = engine_of(text);
	SSL_CTX *server = engine_server(engine, TLS1_3_VERSION);
	SSL_CTX *client = client_new(TLS1_3_VERSION);
	struct visit visit = {.server = server, .client = client};
	struct outcome saw;

	SSL_CTX_set_num_tickets(server, 100);
	while (attack_notes[USHER_CALL_GENERATE].count < calls) {
		saw = visit_run(&visit);
		ck_assert_msg(
		    attack_notes[USHER_CALL_GENERATE].code == USHER_OK,
		    "call %d: %s", attack_notes[USHER_CALL_GENERATE].count,
		    attack_notes[USHER_CALL_GENERATE].message);
		ck_assert_msg(saw.echoed, "alert %d, completed %d, %d tickets",
		    saw.alert, saw.completed, saw.tickets);
		ck_assert_uint_lt(
		    attack_notes[USHER_CALL_GENERATE].memory, 4 << 20);
		harness_drop_all_sessions();
	}
	ck_assert_uint_le(states_made(engine), 2); /* staging, and ours */
	harness_clear();
	usher_free(engine);
}

START_TEST(thousands_of_calls_with_rubbish_succeed)
{
	static const char *const texts[] = {
	    "return { generate = function()\n"
	    "  for i = 1, 3 do local s = ('x'):rep(100000) .. math.random()\n"
	    "  end return 'x' end }",
	    "return { generate = function()\n"
	    "  for i = 1, 2000 do local t = {{}, i} end return 'x' end }",
	    "return { generate = function()\n"
	    "  local t = {} for i = 1, 900 do\n"
	    "    t[i] = ('x'):rep(math.random(600)) .. i end\n"
	    "  return 'x' end }",
	};

	visit_often(texts[_i], getenv("USHER_LONG") ? 1000000 : 2000);
}
END_TEST

START_TEST(a_hundred_calls_with_large_rubbish_succeed)
{
	static const char *const texts[] = {
	    "return { generate = function()\n"
	    "  local s = ('x'):rep(700000) .. math.random()\n"
	    "  for i = 1, 20 do local u = s .. i end return 'x' end }",
	    "local s = ('x'):rep(700000)\n"
	    "return { generate = function()\n"
	    "  for i = 1, 20 do local u = s .. math.random() end\n"
	    "  return 'x' end }",
	    "return { generate = function()\n"
	    "  local s = ('x'):rep(1300000) return 'x' end }",
	    "return { generate = function()\n"
	    "  local s = ('x'):rep(1000000) .. math.random()\n"
	    "  return 'x' end }",
	};

	visit_often(texts[_i], 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: memory");
	TCase *tc = tests_case("memory", 30);
	TCase *often = tests_case("often", getenv("USHER_LONG") ? 3600 : 60);

	tcase_add_loop_test(tc, what_grows_ends_at_the_memory_limit, 0,
	    COUNT(growing) * VERSIONS);
	tcase_add_loop_test(
	    tc, recursion_is_a_clean_error, 0, COUNT(recursion) * VERSIONS);
	tcase_add_loop_test(tc, garbage_below_the_limit_is_no_error, 0,
	    COUNT(rubbish) * VERSIONS);
	tcase_add_test(tc, after_a_memory_error_the_state_is_another_one);
	tcase_add_loop_test(
	    often, thousands_of_calls_with_rubbish_succeed, 0, 3);
	tcase_add_loop_test(
	    often, a_hundred_calls_with_large_rubbish_succeed, 0, 4);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, often);
	return tests_run(suite);
}
