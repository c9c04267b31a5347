/*
 * SPDX-License-Identifier: MIT
 *
 * Answers and errors of every wrong kind: none decides by accident.
 *
 * Scenarios:
 *  1. Error objects of all kinds.
 *  2. Verdicts and reasons that are none.
 *  3. Content for a ticket that can't be stored.
 */
#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define LOOP "function() while true do end end"

static const struct attack errors[] = {
    {"error()", ENDS_SCRIPT, "error()", "a nil"},
    {"error(nil)", ENDS_SCRIPT, "error(nil)", "a nil"},
    {"error({})", ENDS_SCRIPT, "error({})", "a table"},
    {"error(42)", ENDS_SCRIPT, "error(42)"},
    {"error(true)", ENDS_SCRIPT, "error(true)", "a boolean"},
    {"error(print)", ENDS_SCRIPT, "error(print)", "a function"},
    {"error(conn)", ENDS_SCRIPT, "error(conn)", "a userdata"},
    {"an error with a looping __tostring", ENDS_SCRIPT,
	"error(setmetatable({}, {__tostring = " LOOP "}))", "a table"},
    {"an error of control characters", ENDS_SCRIPT,
	"error('\\27[2J\\r\\n\\0\\127')"},
    {"an error with a false position", ENDS_SCRIPT,
	"error('other.lua:99999999999: lie', 0)"},
    {"an error of percent signs", ENDS_SCRIPT, "error('%s%n%s%p', 0)", "%n"},
    {"an error at a strange level", ENDS_SCRIPT, "error('x', 2^31)", "x"},
    {"a failed assertion with a table", ENDS_SCRIPT, "assert(false, {})"},
    {"an undefined name", ENDS_SCRIPT, "return nosuch", "nosuch"},
    {"an undefined fact", ENDS_SCRIPT, "return conn.nosuch", "nosuch"},
};

static const struct attack verdicts[] = {
    {"a number", ENDS_RETURN, "return 1", "a number", IN_DECRYPT},
    {"the number of use", ENDS_RETURN, "return 2", NULL, IN_DECRYPT},
    {"true", ENDS_RETURN, "return true", "a boolean", IN_DECRYPT},
    {"false", ENDS_RETURN, "return false", "a boolean", IN_DECRYPT},
    {"USE", ENDS_RETURN, "return 'USE'", "USE", IN_DECRYPT},
    {"use with NUL", ENDS_RETURN, "return 'use\\0'", NULL, IN_DECRYPT},
    {"use with blanks", ENDS_RETURN, "return ' use'", NULL, IN_DECRYPT},
    {"an empty string", ENDS_RETURN, "return ''", NULL, IN_DECRYPT},
    {"a very long string", ENDS_RETURN, "return ('use'):rep(100000)", NULL,
	IN_DECRYPT},
    {"control characters", ENDS_RETURN, "return '\\27[2J\\n'", NULL,
	IN_DECRYPT},
    {"a table that reads as use", ENDS_RETURN,
	"return setmetatable({}, {__tostring = function() return 'use' end,\n"
	"  __eq = function() return true end, __index = " LOOP "})",
	"a table", IN_DECRYPT},
    {"a function", ENDS_RETURN, "return function() return 'use' end", NULL,
	IN_DECRYPT},
    {"a handle", ENDS_RETURN, "return ticket", NULL, IN_DECRYPT},
    {"pcall's answer", ENDS_RETURN, "return pcall(error)", NULL, IN_DECRYPT},
    {"many values", ENDS_WELL,
	"local t = {'use', 'x'} return t[1], t[2], unpack({}, 1, 7000)", NULL,
	IN_DECRYPT},
    {"a reason that is a table", ENDS_RETURN, "return 'use', {}", "a table",
	IN_DECRYPT},
    {"a reason that is a number", ENDS_RETURN, "return 'use', 1", "a number",
	IN_DECRYPT},
    {"a reason of control characters", ENDS_WELL,
	"return 'use', '\\27[2J\\n\\0'", NULL, IN_DECRYPT},
    {"nothing", ENDS_WELL, "return", NULL, IN_DECRYPT},
    {"nil and a reason", ENDS_WELL, "return nil, 'why'", NULL, IN_DECRYPT},
};

static const struct attack contents[] = {
    {"a number", ENDS_RETURN, "return 42", "a number", IN_GENERATE},
    {"true", ENDS_RETURN, "return true", "a boolean", IN_GENERATE},
    {"a function", ENDS_RETURN, "return print", "a function", IN_GENERATE},
    {"a handle", ENDS_RETURN, "return conn", NULL, IN_GENERATE},
    {"a function within", ENDS_RETURN, "return {a = {{f = print}}}",
	"data.a[1].f", IN_GENERATE},
    {"a handle within", ENDS_RETURN, "return {conn}", "data[1]", IN_GENERATE},
    {"a library within", ENDS_RETURN, "return {s = string}", "data.s",
	IN_GENERATE},
    {"a cycle", ENDS_RETURN | ENDS_APP_DATA, "local t = {} t.t = t return t",
	NULL, IN_GENERATE},
    {"a cycle of two", ENDS_RETURN | ENDS_APP_DATA,
	"local a, b = {}, {} a[1] = b b[1] = a return a", NULL, IN_GENERATE},
    {"a depth of 10000", ENDS_RETURN | ENDS_APP_DATA,
	"local t = {} for i = 1, 10000 do t = {t} end return t", NULL,
	IN_GENERATE},
    {"references that multiply", ENDS_RETURN | ENDS_APP_DATA | ENDS_SPENT,
	"local t = {} for i = 1, 24 do t = {t, t} end return t", NULL,
	IN_GENERATE},
    {"references to a large empty table",
	ENDS_RETURN | ENDS_APP_DATA | ENDS_SPENT | ENDS_WELL,
	"local h, t = {}, {} for i = 1, 20000 do h[-i] = 1 end\n"
	"for i = 1, 20000 do h[-i] = nil end\n"
	"for i = 1, 1000 do t[i] = h end return t",
	NULL, IN_GENERATE},
    {"a table with metamethods", ENDS_WELL,
	"return setmetatable({a = 1}, {__index = " LOOP ", __pairs = " LOOP
	", __len = " LOOP ", __newindex = " LOOP ", __metatable = 1})",
	NULL, IN_GENERATE},
    {"a table whose metatable is itself", ENDS_RETURN | ENDS_APP_DATA,
	"local t = {} t.__index = t return setmetatable(t, t)", NULL,
	IN_GENERATE},
    {"numbers at the edges", ENDS_WELL,
	"return {0/0, 1/0, -1/0, 2^53, 2^53 + 2, 2^63, 2^64, -2^63, 1e300,\n"
	"  -0, 1e-310, 0.1}",
	NULL, IN_GENERATE},
    {"NaN-like and huge keys", ENDS_WELL | ENDS_RETURN,
	"return {[2^53] = 1, [-2^53] = 2, [1e300] = 3, [1/0] = 4}", NULL,
	IN_GENERATE},
    {"keys that are fractions", ENDS_RETURN, "return {[0.5] = 1}", NULL,
	IN_GENERATE},
    {"keys that are booleans", ENDS_RETURN, "return {[true] = 1}", NULL,
	IN_GENERATE},
    {"keys that are tables", ENDS_RETURN, "return {[{}] = 1}", NULL,
	IN_GENERATE},
    {"keys that are functions", ENDS_RETURN, "return {[print] = 1}", NULL,
	IN_GENERATE},
    {"keys of control characters", ENDS_RETURN,
	"return {['\\27[2J\\n'] = print}", NULL, IN_GENERATE},
    {"keys of a megabyte", ENDS_RETURN | ENDS_APP_DATA | ENDS_MEMORY,
	"return {[('x'):rep(1000000)] = print}", NULL, IN_GENERATE},
    {"a list with holes", ENDS_WELL, "return {1, nil, 3, [10] = 4}", NULL,
	IN_GENERATE},
    {"data larger than the limit", ENDS_APP_DATA, "return {('x'):rep(3000)}",
	NULL, IN_GENERATE},
    {"a list larger than the limit", ENDS_APP_DATA,
	"local t = {} for i = 1, 5000 do t[i] = i end return t", NULL,
	IN_GENERATE},
    {"a string larger than the limit", ENDS_APP_DATA, "return ('x'):rep(3000)",
	NULL, IN_GENERATE},
    {"a string of a megabyte", ENDS_APP_DATA | ENDS_MEMORY,
	"return ('x'):rep(1000000)", NULL, IN_GENERATE},
    {"a string of NULs", ENDS_WELL, "return ('\\0'):rep(100)", NULL,
	IN_GENERATE},
    {"an empty string", ENDS_WELL, "return ''", NULL, IN_GENERATE},
    {"a timeout that is NaN", ENDS_SCRIPT, "ticket.timeout = 0/0", NULL,
	IN_GENERATE},
    {"a timeout that is infinite", ENDS_SCRIPT, "ticket.timeout = 1/0", NULL,
	IN_GENERATE},
    {"a timeout of 0", ENDS_SCRIPT, "ticket.timeout = 0", NULL, IN_GENERATE},
    {"a timeout that is text", ENDS_SCRIPT, "ticket.timeout = '60'", NULL,
	IN_GENERATE},
    {"1e9 tickets", ENDS_SCRIPT, "conn.num_tickets = 1e9", NULL, IN_GENERATE},
    {"-1 tickets", ENDS_SCRIPT, "conn.num_tickets = -1", NULL, IN_GENERATE},
    {"a var that is a table", ENDS_SCRIPT, "conn.vars.x = {}", NULL,
	IN_GENERATE},
};

static const struct attack_limits defaults;

START_TEST(error_objects_of_every_kind_are_told_safely)
{
	attack_run(&errors[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(verdicts_that_are_none_are_errors)
{
	attack_run(&verdicts[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

START_TEST(content_that_cant_be_stored_is_an_error)
{
	attack_run(&contents[_i / VERSIONS], version_of(_i), &defaults);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: results");
	TCase *tc = tests_case("results", 20);

	tcase_add_loop_test(tc, error_objects_of_every_kind_are_told_safely, 0,
	    COUNT(errors) * VERSIONS);
	tcase_add_loop_test(tc, verdicts_that_are_none_are_errors, 0,
	    COUNT(verdicts) * VERSIONS);
	tcase_add_loop_test(tc, content_that_cant_be_stored_is_an_error, 0,
	    COUNT(contents) * VERSIONS);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
