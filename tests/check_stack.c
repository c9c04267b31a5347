/*
 * SPDX-License-Identifier: MIT
 *
 * Lua's stack at its end, on the LuaJIT that is there.
 *
 * 1. recursion ends in "stack overflow" with its line, for frames of any size,
 *    and the box goes on
 * 2. so does recursion through varargs, pcall, metamethods and callbacks
 * 3. each growth of the stack may be refused, under frames of any size
 * 4. a closure may lack memory for any of its upvalues
 * 5. a box whose stack has grown large is to be replaced
 * 6. recursion under a small memory limit names its line
 * 7. on a fiber, C functions that call each other stay within 32 KiB
 * 8. a LuaJIT whose stack is not to be found is refused, and not for memory
 */
#include <check.h>
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "sandbox/box.h"
#include "sandbox/surface.h"
#include "tls/attack.h"

enum { LOCALS_MAX = 191, STEP = 10 };

static void
host_random(void *buf, size_t len)
{
	memset(buf, 7, len);
}

static int64_t
host_now(void)
{
	return 1700000000;
}

static uint64_t
host_cpu(void)
{
	return 1;
}

static struct ush_box *
box_new(size_t limit)
{
	struct ush_box_host host = {.memory_limit = limit,
	    .random = host_random,
	    .now = host_now,
	    .cpu = host_cpu};
	struct ush_box *box = ush_box_new(&host);

	ck_assert_ptr_nonnull(box);
	return box;
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
run(struct ush_box *box, const char *text, struct ush_error *err)
{
	struct ush_allowance all = {100000000, 1000000000, 0};

	memset(err, 0, sizeof *err);
	return ush_box_run(box, run_script, (void *)(uintptr_t)text, &all, err);
}

static void
overflows(struct ush_box *box, const char *text, int line)
{
	struct ush_error err;

	ck_assert_msg(run(box, text, &err) == USH_ERROR_SCRIPT, "%s: %s", text,
	    err.message);
	ck_assert_msg(
	    strstr(err.message, "stack overflow"), "%s: %s", text, err.message);
	ck_assert_msg(err.line == line, "%s: line %d", text, err.line);
	ck_assert_int_eq(run(box, "assert(1 == 1)", &err), USH_OK);
}

/* A function with n locals that calls itself on line 2. */
static void
recursion(char *text, size_t cap, int n)
{
	size_t used = (size_t)snprintf(text, cap, "local function f(n)\n");

	for (int i = 1; i <= n; i++)
		used += (size_t)snprintf(text + used, cap - used, "%s a%d",
		    i == 1 ? "local" : ",", i);
	snprintf(text + used, cap - used, "%s return 1 + f(n + 1) end\nf(1)",
	    n > 0 ? " = n" : "");
}

START_TEST(recursion_ends_with_its_line_for_frames_of_any_size)
{
	struct ush_box *box;
	char text[4096];

	for (int n = _i * STEP; n < (_i + 1) * STEP && n < LOCALS_MAX; n++) {
		box = box_new(16 << 20);
		recursion(text, sizeof text, n);
		overflows(box, text, 2);
		overflows(box, text, 2);
		ush_box_free(box);
	}
}
END_TEST

static const char *const ways[] = {
    "local function f(...)\nreturn 1 + f(1, ...) end f()",
    "local function f(...)\nreturn 1 + f(...) end\nf(unpack({}, 1, 7000))",
    "local function f(...)\nreturn f(1, ...) end f(unpack({}, 1, 7000))",
    "local function f(...)\nlocal t = {...} return 1 + f(1, ...) end f()",
    "local t = setmetatable({}, {__index = function(t, k)\n"
    "return t[k] .. 'x' end}) local x = t.x",
    "local m = {} local t = setmetatable({}, m)\n"
    "m.__add = function(a, b) return 1 + (a + b) end local x = t + t",
    "local m = {} local t = setmetatable({}, m)\n"
    "m.__concat = function(a, b) return 1 + (a .. b) end local x = t .. t",
    "local t t = setmetatable({}, {__call = function()\n"
    "return 1 + t() end}) t()",
    "local function f() table.sort({2, 1},\nf) end f()",
    "local function f()\n('x'):gsub('x', f) end f()",
    "local function f() local a, b = pcall(f)\nif not a then error(b, 0) end "
    "end f()",
};
#define WAYS (int)(sizeof ways / sizeof *ways)

START_TEST(recursion_ends_however_it_is_made)
{
	struct ush_box *box = box_new(16 << 20);
	struct ush_error err;

	ck_assert_msg(run(box, ways[_i], &err) == USH_ERROR_SCRIPT, "%s: %s",
	    ways[_i], err.message);
	ck_assert_msg(strstr(err.message, "stack overflow"), "%s: %s", ways[_i],
	    err.message);
	ck_assert_msg(err.line > 0, "%s", ways[_i]);
	ck_assert_int_eq(run(box, "assert(1 == 1)", &err), USH_OK);
	ush_box_free(box);
}
END_TEST

START_TEST(each_growth_may_be_refused)
{
	struct ush_box *box;
	struct ush_error err;
	char text[4096];

	for (int n = _i * STEP; n < (_i + 1) * STEP && n < LOCALS_MAX; n++) {
		recursion(text, sizeof text, n);
		for (uint64_t nth = 1; nth < 40; nth += 1) {
			box = box_new(16 << 20);
			ush_box_fail_allocation(box, nth);
			ck_assert_int_ne(run(box, text, &err), USH_OK);
			ush_box_free(box);
		}
	}
}
END_TEST

START_TEST(a_closure_may_lack_memory_for_an_upvalue)
{
	char text[4096] = "local a0";
	struct ush_box *box;
	struct ush_error err;

	for (int i = 1; i < 60; i++)
		sprintf(text + strlen(text), ", a%d", i);
	strcat(text, " = 1 local f = function() return a0");
	for (int i = 1; i < 60; i++)
		sprintf(text + strlen(text), ", a%d", i);
	strcat(text, " end");
	for (uint64_t nth = 1;; nth++) {
		box = box_new(16 << 20);
		ush_box_fail_allocation(box, nth);
		if (run(box, text, &err) == USH_OK)
			break;
		ush_box_free(box);
	}
	ush_box_free(box);
}
END_TEST

START_TEST(a_box_with_a_large_stack_is_replaced)
{
	struct ush_box *box = box_new(16 << 20);

	ck_assert(ush_box_is_sound(box));
	overflows(box, "local function f()\nreturn 1 + f() end f()", 2);
	ck_assert(!ush_box_is_sound(box));
	ush_box_free(box);
}
END_TEST

START_TEST(recursion_under_a_small_limit_names_its_line)
{
	struct ush_box *box;
	struct ush_error err;

	for (size_t limit = 64 << 10; limit < 400 << 10; limit += 8 << 10) {
		box = box_new(limit);
		ck_assert_int_ne(
		    run(box, "local function f()\nreturn 1 + f() end\nf()",
			&err),
		    USH_OK);
		ck_assert_msg(err.line == 2, "%zu: line %d: %s", limit,
		    err.line, err.message);
		ush_box_free(box);
	}
}
END_TEST

enum { FIBER = 64 * 1024, OPENSSL = 32 * 1024 };

static ucontext_t outside, fiber;
static struct ush_box *fiber_box;
static const char *fiber_text;
static char fiber_stack[FIBER];

static void
on_fiber(void)
{
	struct ush_error err;

	run(fiber_box, fiber_text, &err);
	ck_assert_msg(strstr(err.message, "stack overflow"), "%s", err.message);
}

/* How much of the fiber's stack the script took. */
static size_t
taken(const char *text)
{
	size_t n = 0;

	memset(fiber_stack, 0x5a, sizeof fiber_stack);
	fiber_text = text;
	ck_assert_int_eq(getcontext(&fiber), 0);
	fiber.uc_stack.ss_sp = fiber_stack;
	fiber.uc_stack.ss_size = sizeof fiber_stack;
	fiber.uc_link = &outside;
	makecontext(&fiber, on_fiber, 0);
	ck_assert_int_eq(swapcontext(&outside, &fiber), 0);
	while (n < sizeof fiber_stack && fiber_stack[n] == 0x5a)
		n++;
	return sizeof fiber_stack - n;
}

START_TEST(what_runs_on_a_fiber_stays_within_it)
{
	static const char *const deep[] = {
	    "local function f() ('x'):gsub('x', f) end f()",
	    "local function f() table.sort({2, 1}, f) end f()",
	    "local t t = setmetatable({}, {__tostring = function()\n"
	    "  return string.format('x%s', t) end}) return tostring(t)",
	    "local function f() local ok, m = pcall(f)\n"
	    "  if not ok then error(m, 0) end end f()"};

	for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
		size_t n;

		fiber_box = box_new(16 << 20);
		n = taken(deep[i]);
		if (getenv("USHER_VERBOSE"))
			printf("%zu bytes of a fiber\n", n);
		ck_assert_msg(n < OPENSSL, "%s: %zu", deep[i], n);
		ush_box_free(fiber_box);
	}
}
END_TEST

/* A LuaJIT whose stack does not grow, while this is true. */
static bool stack_is_fixed;

void __real_luaL_checkstack(lua_State *L, int n, const char *message);
void __wrap_luaL_checkstack(lua_State *L, int n, const char *message);

void
__wrap_luaL_checkstack(lua_State *L, int n, const char *message)
{
	if (!stack_is_fixed)
		__real_luaL_checkstack(L, n, message);
}

START_TEST(a_luajit_whose_stack_is_not_found_is_refused)
{
	struct ush_box_host host = {.memory_limit = 1 << 20,
	    .random = host_random,
	    .now = host_now,
	    .cpu = host_cpu};

	stack_is_fixed = true;
	ck_assert_ptr_null(ush_box_new(&host));
	ck_assert_int_eq(errno, ENOTSUP);
	stack_is_fixed = false;
	host.fail_allocation = 1;
	ck_assert_ptr_null(ush_box_new(&host));
	ck_assert_int_eq(errno, ENOMEM);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stack");
	TCase *tc = tcase_create("stack");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc,
	    recursion_ends_with_its_line_for_frames_of_any_size, 0,
	    LOCALS_MAX / STEP + 1);
	tcase_add_loop_test(tc, recursion_ends_however_it_is_made, 0, WAYS);
	tcase_add_loop_test(
	    tc, each_growth_may_be_refused, 0, LOCALS_MAX / STEP + 1);
	tcase_add_test(tc, a_closure_may_lack_memory_for_an_upvalue);
	tcase_add_test(tc, a_box_with_a_large_stack_is_replaced);
	tcase_add_test(tc, recursion_under_a_small_limit_names_its_line);
	/* A sanitizer can't follow fibers, and its frames are larger. */
	if (!ATTACK_SANITIZED)
		tcase_add_test(tc, what_runs_on_a_fiber_stays_within_it);
	tcase_add_test(tc, a_luajit_whose_stack_is_not_found_is_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
