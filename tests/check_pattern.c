/*
 * SPDX-License-Identifier: MIT
 *
 * The pattern matcher behind find, match, gmatch and gsub.
 *
 *  1. every character is in the classes that LuaJIT puts it in
 *  2. patterns of every kind give what LuaJIT's matcher gives
 *  3. malformed patterns raise LuaJIT's errors
 *  4. replacements of gsub give what LuaJIT's give, errors included
 *  5. 200,000 random pairs give what LuaJIT's matcher gives
 *  6. a short match costs a few instructions
 *  7. patterns that backtrack without end spend the budget and no more
 *  8. long subjects are charged where there is no backtracking
 *  9. plain find is charged, and takes linear time
 * 10. a pattern with too many items is too complex; 199 are not
 * 11. thirty-two captures work, one more is an error
 * 12. a gsub within a gsub within a gsub ends in "stack overflow"
 * 13. a spent budget can't be caught within gsub's callback
 * 14. errors leave no memory behind
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "pattern/compare.h"
#include "sandbox/box.h"
#include "sandbox/surface.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
	RANDOM_PAIRS = 200000,
	/* A process each: the thread sanitizer counts the frames of a thread,
	 * has room for 65,536, and misses those that an error of Lua's ends. */
	BATCHES = 20,
};

static struct ush_box *box;

static void
set_up(void)
{
	box = compare_box_new();
	ck_assert_ptr_nonnull(box);
}

static void
tear_down(void)
{
	ush_box_free(box);
}

static enum comparison
compare(const char *pattern, const char *replacement, const char *subject,
    size_t subject_len, int init)
{
	struct pair pair = {
	    .pattern = pattern,
	    .replacement = replacement,
	    .subject = subject,
	    .pattern_len = strlen(pattern),
	    .replacement_len = strlen(replacement),
	    .subject_len = subject_len,
	    .init = init,
	};
	char report[1024];
	enum comparison result;

	result = compare_pair(box, &pair, report, sizeof report);
	if (result == DIFFERENT)
		ck_abort_msg("pattern \"%s\", replacement \"%s\", subject "
			     "\"%s\", init %d\n%s",
		    pattern, replacement, subject, init, report);
	return result;
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

/* Runs a script of the sandbox with so many instructions. */
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
		ck_abort_msg("%s", err.message);
}

static void
must_fail(const char *text, const char *message)
{
	struct ush_error err;

	ck_assert_int_eq(run(text, 10000000, &err), USH_ERROR_SCRIPT);
	if (!strstr(err.message, message))
		ck_abort_msg("\"%s\" is not in \"%s\"", message, err.message);
}

START_TEST(every_character_is_in_the_classes_that_luajit_puts_it_in)
{
	char all[256], pattern[3] = "%";

	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	for (int c = 1; c < 256; c++) {
		if (c >= '0' && c <= '9')
			continue;
		pattern[1] = (char)c;
		compare(pattern, "", all, sizeof all, 1);
	}
}
END_TEST

static const char *const patterns[] = {"", "a", ".", "ab", "^a", "^", "$", "a$",
    "^$", "a$b", "a^b", "^^", "a*", "a+", "a-", "a?", "a-b", ".-b", ".*b",
    ".+b", ".?b", "a*a", "a+a", "a?a", "a-$", "^a-$", "*", "+a", "-", "?",
    "a**", "a+?", "%a", "%a+", "%A", "%d", "%w*", "%W-", "%%", "%.", "%-",
    "[a]", "[^a]", "[a-c]", "[^a-c]+", "[c-a]", "[a-]", "[-a]", "[]]", "[^]]",
    "[%]]", "[%a%d]", "[^%s]+", "[%a-z]", "[a-%d]", "[a%-z]", "[^^]", "[ab^]",
    "[.]", "[%%]", "[a-cx-z]*", "(a)", "(a)(b)", "((a)b)", "(a*)", "(a*(b))",
    "(a-)(b*)", "()", "()a()", "a()b", "(()())", "(.)%1", "(a)(b)%2%1",
    "(a*)%1", "(a+)b%1", "()%1", "(a)%1-", "%b()", "%bab", "%baa", "x%b()y",
    "%b))", "%f[a]", "%f[^a]", "%f[%w]%w+", "%f[%z]", "%f[^%z]", "%f[]]",
    "%w+%f[%W]", "(%w+)=(%w+)", "^%s*(.-)%s*$", "(.-),(.-),", "[%w-.]+",
    "^.-%..-%.$", "(a?)(a?)(a?)aaa", "a-a-a-$", "%z", "%Z+", "%g", "%G", "\xe4",
    "[\x80-\xff]+", "%\xe4"};

static const char *const subjects[] = {"", "a", "b", "ab", "ba", "aaa", "aab",
    "abab", "abcabc", "a.b.c", "x(a(b)c)y", "((", "))", "key=value, k2=v2",
    "  some words, and more ", "a-b]c^d%e.", "aaab\nbaaa", "THE (quick) fox",
    "\xe4\xf6 \xfc", "1,22,333,", "aaaaaaaaaaaaaaaa"};

START_TEST(patterns_of_every_kind_give_what_luajits_matcher_gives)
{
	size_t skipped = 0;

	for (size_t i = 0; i < COUNT(patterns); i++) {
		for (size_t j = 0; j < COUNT(subjects); j++) {
			for (int init = -2; init <= 3; init++)
				skipped +=
				    compare(patterns[i], "<%0>", subjects[j],
					strlen(subjects[j]), init) == SKIPPED;
		}
		compare(patterns[i], "%1", "a\0b\0\0a", 6, 1);
	}
	ck_assert_uint_eq(skipped, 0);
}
END_TEST

START_TEST(malformed_patterns_raise_luajits_errors)
{
	static const struct {
		const char *pattern, *message;
	} malformed[] = {
	    {"%", "malformed pattern (ends with '%')"},
	    {"a%", "malformed pattern (ends with '%')"},
	    {"[", "malformed pattern (missing ']')"},
	    {"[^", "malformed pattern (missing ']')"},
	    {"[]", "malformed pattern (missing ']')"},
	    {"[^]", "malformed pattern (missing ']')"},
	    {"[a", "malformed pattern (missing ']')"},
	    {"[a-", "malformed pattern (missing ']')"},
	    {"[a%", "malformed pattern (missing ']')"},
	    {"[a%]", "malformed pattern (missing ']')"},
	    {"%f", "missing '[' after '%f' in pattern"},
	    {"%fa", "missing '[' after '%f' in pattern"},
	    {"%f[a", "malformed pattern (missing ']')"},
	    {"%b", "unbalanced pattern"},
	    {"%bx", "unbalanced pattern"},
	    {"(", "unfinished capture"},
	    {"(a", "unfinished capture"},
	    {"((a)", "unfinished capture"},
	    {")", "invalid pattern capture"},
	    {"a)", "invalid pattern capture"},
	    {"(a))", "invalid pattern capture"},
	    {"())", "invalid pattern capture"},
	    {"%0", "invalid capture index"},
	    {"%1", "invalid capture index"},
	    {"(a)%2", "invalid capture index"},
	    {"(%1)", "invalid capture index"},
	    {"(a%1)", "invalid capture index"},
	};
	char script[256];

	for (size_t i = 0; i < COUNT(malformed); i++) {
		for (size_t j = 0; j < COUNT(subjects); j++)
			compare(malformed[i].pattern, "%1", subjects[j],
			    strlen(subjects[j]), 1);
		snprintf(script, sizeof script,
		    "return string.match('aab', '%s')", malformed[i].pattern);
		must_fail(script, malformed[i].message);
	}
}
END_TEST

START_TEST(replacements_of_gsub_give_what_luajits_give)
{
	static const char *const replacements[] = {"", "x", "%0", "%0%0", "%1",
	    "%2", "%3", "%9", "%%", "%", "x%", "%a", "%.", "a%1b%2c", "%%1",
	    "%0%"};
	static const char *const with[] = {"a", "(a)", "(a)(b)", "()", "()a",
	    "(a", "a*", "^a", "$", "", "((a)(b))"};

	for (size_t i = 0; i < COUNT(replacements); i++) {
		for (size_t j = 0; j < COUNT(with); j++) {
			for (size_t k = 0; k < COUNT(subjects); k++)
				compare(with[j], replacements[i], subjects[k],
				    strlen(subjects[k]), (int)(k % 4));
		}
	}
	must_run("assert(('abc'):gsub('b', 5) == 'a5c')\n"
		 "assert(('abc'):gsub('%w', {a = 1, b = true and 'B'}) "
		 "== '1Bc')\n"
		 "assert(select(2, ('aaa'):gsub('a', '', 2)) == 2)\n"
		 "assert(select(2, ('aaa'):gsub('a', '', 0)) == 0)\n"
		 "assert(select(2, ('aaa'):gsub('a', '', -1)) == 0)\n"
		 "local t = setmetatable({}, {__index = function(_, k) "
		 "return k .. k end})\n"
		 "assert(('ab'):gsub('.', t) == 'aabb')\n");
	must_fail(
	    "return ('a'):gsub('a', true)", "string/function/table expected");
	must_fail("return ('a'):gsub('a', function() return {} end)",
	    "invalid replacement value (a table)");
}
END_TEST

static uint64_t random_state;

/* xorshift: the same pairs in every run. */
static uint64_t
next_random(void)
{
	uint64_t x = random_state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	random_state = x;
	return x >> 11;
}

static const char *
pick(const char *const *from, size_t n)
{
	return from[next_random() % n];
}

#define PICK(array) pick(array, COUNT(array))

/* A pattern from pieces that belong together, sometimes wrongly. */
static void
make_pattern(char *to, size_t cap)
{
	static const char *const items[] = {"a", "b", "c", ".", "%a", "%d",
	    "%w", "%W", "%s", "[ab]", "[^a]", "[a-c]", "[%w_]", "[^%d]", "%.",
	    "%%", "[]]", "%z", "[^%s,]", "[a-]", "%p", "A", "1"};
	static const char *const signs[] = {"", "", "", "", "*", "+", "-", "?"};
	static const char *const others[] = {"(", ")", "()", "(", ")", "%1",
	    "%2", "%bab", "%b()", "%f[a]", "%f[%w]", "%f[^b]", "^", "$", "%",
	    "[", "%f", "-", "]", "%3"};
	size_t pieces = 1 + next_random() % 7, used;

	to[0] = '\0';
	if (next_random() % 6 == 0)
		strcat(to, "^");
	for (size_t i = 0; i < pieces; i++) {
		used = strlen(to);
		if (next_random() % 4 > 0)
			snprintf(to + used, cap - used, "%s%s", PICK(items),
			    PICK(signs));
		else
			snprintf(to + used, cap - used, "%s", PICK(others));
	}
	/* Close what is open, more often than not. */
	used = 0;
	for (const char *p = to; *p; p++)
		used += (*p == '(') - (*p == ')' && used > 0);
	while (used-- > 0 && next_random() % 8 > 0 && strlen(to) + 2 < cap)
		strcat(to, ")");
	if (next_random() % 6 == 0 && strlen(to) + 2 < cap)
		strcat(to, "$");
}

static size_t
make_subject(char *to, size_t cap)
{
	static const char letters[] = "aaabbbccab(()) ,.1A_%-]\n";
	size_t len = next_random() % cap;

	for (size_t i = 0; i < len; i++)
		to[i] = letters[next_random() % sizeof letters];
	to[len] = '\0';
	return len;
}

START_TEST(random_pairs_give_what_luajits_matcher_gives)
{
	static const char *const replacements[] = {
	    "", "x", "%0", "%1", "%2%1", "<%0>", "%%", "%"};
	char pattern[128], subject[40];
	size_t len, skipped = 0, n = RANDOM_PAIRS / BATCHES;

	random_state = 88172645463325252u + (uint64_t)_i;
	for (size_t i = 0; i < n; i++) {
		make_pattern(pattern, sizeof pattern);
		len = make_subject(subject, sizeof subject);
		skipped += compare(pattern, PICK(replacements), subject, len,
			       (int)(next_random() % 6) - 1) == SKIPPED;
	}
	ck_assert_uint_lt(skipped, n / 100);
}
END_TEST

START_TEST(a_short_match_costs_a_few_instructions)
{
	must_run("return ('shop.example'):match('^[%w-]+%.example$')");
	ck_assert_uint_lt(ush_box_spent(box), 80);
}
END_TEST

START_TEST(patterns_that_backtrack_without_end_spend_the_budget)
{
	static const char *const scripts[] = {
	    "return ('a'):rep(24):find(('a?'):rep(24) .. ('a'):rep(24))",
	    "return (('x.'):rep(120) .. 'y'):find("
	    "'^.-%..-%..-%..-%..-%.example$')",
	    "return ('a'):rep(100):match(('a*'):rep(30) .. 'b')",
	    "return ('a'):rep(100):match(('a-'):rep(30) .. 'b')",
	    "return ('a'):rep(100):gsub(('a+'):rep(30) .. 'b', '')",
	    "for _ in ('a'):rep(100):gmatch(('.-'):rep(30) .. 'b') do end",
	    "return ('a'):rep(200):match('(.*)(.*)(.*)(.*)%1%2%3%4b')",
	    "return ('('):rep(20000):find('%b()')",
	    "return ('a'):rep(20000):find('.-b')",
	    "return pcall(string.find, ('('):rep(20000), '%b()')",
	};
	struct ush_error err;

	for (size_t i = 0; i < COUNT(scripts); i++) {
		ck_assert_int_eq(
		    run(scripts[i], 200000, &err), USH_ERROR_INSTRUCTIONS);
		ck_assert_uint_le(ush_box_spent(box), 200000);
		must_run("assert(('abc'):find('b') == 2)");
	}
}
END_TEST

START_TEST(long_subjects_are_charged_where_there_is_no_backtracking)
{
	must_run("return ('a'):rep(100000):match('^a*$')");
	ck_assert_uint_gt(ush_box_spent(box), 100000);
	must_run("return ('a'):rep(100000):find('b.')");
	ck_assert_uint_gt(ush_box_spent(box), 100000 / 16);
	must_run("return ('a'):rep(100000):find('^(%a*)$')");
	ck_assert_uint_gt(ush_box_spent(box), 100000);
	must_run("return ('a'):find('[' .. ('b'):rep(100000) .. ']')");
	ck_assert_uint_gt(ush_box_spent(box), 2 * 100000 / 8);
	must_run("local s = ('a'):rep(100000); local d = s .. s\n"
		 "return d:find('^(' .. ('a*'):rep(1) .. ')%1$')");
	ck_assert_uint_gt(ush_box_spent(box), 200000);
}
END_TEST

START_TEST(plain_find_is_charged_and_takes_linear_time)
{
	struct ush_error err;

	must_run("local s = ('a'):rep(1000000)\n"
		 "assert(not s:find(('a'):rep(200) .. 'b', 1, true))");
	ck_assert_uint_gt(ush_box_spent(box), 1000000 / 16 * 2);
	must_run("local s = ('a'):rep(1000000) .. 'b'\n"
		 "assert(s:find(('a'):rep(100000) .. 'b', 1, true) == 900001)");
	must_run("assert(('a.b'):find('.', 1, true) == 2)\n"
		 "assert(('abc'):find('', 10) == 4)\n"
		 "assert(('abc'):find('c', -1) == 3)\n"
		 "assert(('a\\0b'):find('\\0b') == 2)");
	ck_assert_int_eq(run("local s = ('a'):rep(1000000)\n"
			     "for i = 1, 100 do s:find('b', 1, true) end",
			     400000, &err),
	    USH_ERROR_INSTRUCTIONS);
}
END_TEST

START_TEST(a_pattern_with_too_many_items_is_too_complex)
{
	must_run("assert(('a'):rep(199):match(('a?'):rep(199)) "
		 "== ('a'):rep(199))");
	must_fail("return ('a'):rep(300):match(('a?'):rep(300))",
	    "pattern too complex");
	must_fail("return ('a'):rep(300):match(('a-'):rep(300) .. 'b')",
	    "pattern too complex");
	must_run("assert(('a'):rep(5000):match(('a'):rep(5000)))");
	must_run("assert((''):match(('a*'):rep(5000)) == '')");
}
END_TEST

START_TEST(thirty_two_captures_work_and_one_more_is_an_error)
{
	must_run("assert(select('#', ('x'):find(('()'):rep(32))) == 34)\n"
		 "local n = 0\n"
		 "local s = ('a'):rep(64):gsub(('(a)'):rep(32), function(...)\n"
		 "  n = n + select('#', ...) end)\n"
		 "assert(n == 64 and s == ('a'):rep(64))");
	must_fail("return ('x'):find(('()'):rep(33))", "too many captures");
	must_fail("return ('x'):find(('('):rep(33))", "too many captures");
}
END_TEST

START_TEST(gsub_within_gsub_ends_in_stack_overflow)
{
	must_fail("local function f() return ('a'):gsub('a', f) end; f()",
	    "stack overflow");
	must_fail("local t = setmetatable({}, {})\n"
		  "getmetatable(t).__index = function()\n"
		  "  return (('a'):gsub('a', t)) end\n"
		  "return ('a'):gsub('a', t)",
	    "stack overflow");
	must_run("local n = 0\n"
		 "local function f() n = n + 1\n"
		 "  if n < 20 then ('a'):gsub('a', f) end end\n"
		 "f() assert(n == 20)");
}
END_TEST

START_TEST(a_spent_budget_cant_be_caught_within_gsubs_callback)
{
	static const char *const scripts[] = {
	    "('a'):rep(1000):gsub('a', function() while true do end end)",
	    "('a'):rep(1000):gsub('a', function()\n"
	    "  pcall(function() while true do end end) end)",
	    "while true do pcall(string.gsub, 'aaa', 'a', function()\n"
	    "  while true do end end) end",
	    "while true do ('a'):gsub('a', pcall) end",
	    "local t = setmetatable({}, {__index = function()\n"
	    "  while true do end end})\n"
	    "while true do pcall(string.gsub, 'aaa', 'a', t) end",
	};
	struct ush_error err;

	for (size_t i = 0; i < COUNT(scripts); i++) {
		ck_assert_int_eq(
		    run(scripts[i], 200000, &err), USH_ERROR_INSTRUCTIONS);
		must_run("assert(('abc'):gsub('b', 'x') == 'axc')");
	}
}
END_TEST

START_TEST(errors_leave_no_memory_behind)
{
	static const char script[] =
	    "for i = 1, 200 do\n"
	    "  pcall(string.gsub, ('a'):rep(5000), 'a', ('b'):rep(9) .. '%2')\n"
	    "  pcall(string.gsub, ('a'):rep(5000), '(a', 'x')\n"
	    "  pcall(string.find, ('a'):rep(300), ('a?'):rep(300))\n"
	    "  pcall(string.gsub, ('a'):rep(999), 'a', function(a)\n"
	    "    n = a end)\n"
	    "end";
	size_t before;

	must_run(script);
	before = ush_box_memory(box);
	for (int i = 0; i < 20; i++)
		must_run(script);
	ck_assert_uint_lt(ush_box_memory(box), 2 * before + 100000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pattern");
	TCase *tc = tcase_create("pattern");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(
	    tc, every_character_is_in_the_classes_that_luajit_puts_it_in);
	tcase_add_test(
	    tc, patterns_of_every_kind_give_what_luajits_matcher_gives);
	tcase_add_test(tc, malformed_patterns_raise_luajits_errors);
	tcase_add_test(tc, replacements_of_gsub_give_what_luajits_give);
	tcase_add_loop_test(
	    tc, random_pairs_give_what_luajits_matcher_gives, 0, BATCHES);
	tcase_add_test(tc, a_short_match_costs_a_few_instructions);
	tcase_add_test(
	    tc, patterns_that_backtrack_without_end_spend_the_budget);
	tcase_add_test(
	    tc, long_subjects_are_charged_where_there_is_no_backtracking);
	tcase_add_test(tc, plain_find_is_charged_and_takes_linear_time);
	tcase_add_test(tc, a_pattern_with_too_many_items_is_too_complex);
	tcase_add_test(tc, thirty_two_captures_work_and_one_more_is_an_error);
	tcase_add_test(tc, gsub_within_gsub_ends_in_stack_overflow);
	tcase_add_test(tc, a_spent_budget_cant_be_caught_within_gsubs_callback);
	tcase_add_test(tc, errors_leave_no_memory_behind);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
