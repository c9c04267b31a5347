/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/sandbox/value: Lua values to CBOR and back.
 *
 * Writing
 *  1. Values are written in these bytes
 *  2. Keys from 1 to n make an array, in whatever order they were set
 *  3. What can't be stored is refused with its path
 *  4. A path that is too long is cut, and so is a reason
 *  5. Metatables are ignored and no metamethod runs
 *  6. Number keys are not turned into strings
 *  7. Sixteen tables in each other are stored, seventeen are not
 *  8. A cycle is refused
 *  9. More than fits is refused at every size
 * 10. The stack is left as it was, whatever happens
 * 11. Tables that share tables don't make endless work
 * 12. Endless work in a sandboxed call is stopped by its budget
 * Round trips
 * 13. Every kind of value comes back as it was
 * 14. Tables of many sizes come back as they were
 * 15. Strings of every byte come back
 * Reading
 * 16. Other encoders' forms are read
 * 17. Malformed items are refused, and nothing is pushed
 * 18. Items that are nested too deep are refused
 * 19. Announced sizes are not believed
 * 20. What follows the item is left alone
 * Memory
 * 21. No failing allocation makes writing raise
 * 22. Any failing allocation makes reading raise, and nothing worse
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "base/clock.h"
#include "sandbox/box.h"
#include "sandbox/value.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char same_source[] =
    "local function same(a, b)\n"
    "  if type(a) ~= type(b) then return false end\n"
    "  if type(a) == 'number' then\n"
    "    if a ~= a then return b ~= b end\n"
    "    return a == b and 1 / a == 1 / b\n"
    "  end\n"
    "  if type(a) ~= 'table' then return a == b end\n"
    "  for k, v in next, a do\n"
    "    if not same(v, rawget(b, k)) then return false end\n"
    "  end\n"
    "  for k in next, b do\n"
    "    if rawget(a, k) == nil then return false end\n"
    "  end\n"
    "  return true\n"
    "end\n"
    "return same\n";

static lua_State *L;
static unsigned char buf[1 << 16];
static struct ush_cbor_writer w;
static char why[256];

/* An allocator that counts, and fails when told to. */
static struct {
	uint64_t calls, fail_at;
	size_t most; /* asked for at once */
} memory;

static void *
counting(void *ud, void *p, size_t osize, size_t nsize)
{
	(void)ud;
	(void)osize;
	if (nsize == 0) {
		free(p);
		return NULL;
	}
	if (nsize > osize || !p) {
		memory.calls++;
		if (memory.calls == memory.fail_at)
			return NULL;
		if (nsize > memory.most)
			memory.most = nsize;
	}
	return realloc(p, nsize);
}

static int
on_panic(lua_State *state)
{
	ck_abort_msg("raised: %s", lua_tostring(state, -1));
	return 0;
}

static void
set_up(void)
{
	memset(&memory, 0, sizeof memory);
	L = lua_newstate(counting, NULL);
	ck_assert_ptr_nonnull(L);
	lua_atpanic(L, on_panic);
	luaL_openlibs(L);
	ck_assert(!luaL_dostring(L, same_source));
	lua_setfield(L, LUA_REGISTRYINDEX, "same");
}

static void
tear_down(void)
{
	memory.fail_at = 0;
	lua_close(L);
}

/* Pushes what the chunk returns. */
static void
run(const char *chunk)
{
	if (luaL_dostring(L, chunk))
		ck_abort_msg("%s: %s", chunk, lua_tostring(L, -1));
	ck_assert_int_eq(lua_gettop(L), 1);
}

static void
eval(const char *expression)
{
	char chunk[2048];

	snprintf(chunk, sizeof chunk, "return %s", expression);
	run(chunk);
}

/* Writes what is on top, as by a caller who has no more than LUA_MINSTACK. */
static int
write_top(void)
{
	int top = lua_gettop(L), result;

	ush_cbor_writer_init(&w, buf, sizeof buf);
	result = ush_value_write(L, -1, &w, why, sizeof why);
	ck_assert_int_eq(lua_gettop(L), top);
	return result;
}

static int
push_bytes(const void *bytes, size_t len, size_t *used)
{
	struct ush_cbor_reader r;
	unsigned char *copy = malloc(len > 0 ? len : 1);
	int result, top = lua_gettop(L);

	memcpy(copy, bytes, len);
	ush_cbor_reader_init(&r, copy, len);
	result = ush_value_push(L, &r);
	if (used)
		*used = (size_t)(r.p - copy);
	free(copy);
	ck_assert_int_eq(lua_gettop(L), result == 0 ? top + 1 : top);
	return result;
}

/* Are the two values on top the same? Pops them. */
static bool
same(void)
{
	bool result;

	lua_getfield(L, LUA_REGISTRYINDEX, "same");
	lua_insert(L, -3);
	lua_call(L, 2, 1);
	result = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return result;
}

static void
hex_of(const unsigned char *bytes, size_t len, char *out, size_t cap)
{
	size_t i;

	*out = '\0';
	for (i = 0; i < len && 2 * i + 3 < cap; i++)
		sprintf(out + 2 * i, "%02x", bytes[i]);
}

static size_t
unhex(const char *hex, unsigned char *out)
{
	unsigned int byte;
	size_t n;

	for (n = 0; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (unsigned char)byte;
	return n;
}

static void
check_bytes(const char *expression, const char *expected)
{
	char hex[1024];

	eval(expression);
	ck_assert_msg(write_top() == 0, "%s: %s", expression, why);
	ck_assert(!w.overflow);
	ck_assert_str_eq(why, "");
	hex_of(buf, ush_cbor_written(&w), hex, sizeof hex);
	ck_assert_msg(!strcmp(hex, expected), "%s: %s, not %s", expression, hex,
	    expected);
	lua_settop(L, 0);
}

/* Writing */

START_TEST(values_are_written_in_these_bytes)
{
	check_bytes("nil", "f6");
	check_bytes("true", "f5");
	check_bytes("false", "f4");
	check_bytes("0", "00");
	check_bytes("-0.0", "fb8000000000000000");
	check_bytes("-1", "20");
	check_bytes("1000", "1903e8");
	check_bytes("0.5", "fb3fe0000000000000");
	check_bytes("2^53", "1b0020000000000000");
	check_bytes("-2^53", "3b001fffffffffffff");
	check_bytes("2^53 + 2", "fb4340000000000001");
	check_bytes("1/0", "fb7ff0000000000000");
	check_bytes("-1/0", "fbfff0000000000000");
	check_bytes("0/0", "fb7ff8000000000000");
	check_bytes("''", "60");
	check_bytes("'shop'", "6473686f70");
	check_bytes("'\\255'", "41ff");
	check_bytes("{}", "a0");
	check_bytes("{a = 1}", "a1616101");
	check_bytes("{[0] = 1}", "a10001");
	check_bytes("{[-7] = 1}", "a12601");
	check_bytes("{[2^53] = 1}", "a11b002000000000000001");
	check_bytes("{[2] = 1}", "a10201");
	check_bytes("{a = {b = {}}}", "a16161a16162a0");
}
END_TEST

START_TEST(keys_from_1_to_n_make_an_array)
{
	check_bytes("{1, 2, 3}", "83010203");
	check_bytes("{{}, {1}}", "82a08101");
	check_bytes("{[1] = 1, [2] = 2, [3] = 3}", "83010203");
	check_bytes("(function() local t = {}; for i = 5, 1, -1 do t[i] = i "
		    "end return t end)()",
	    "850102030405");
	check_bytes("(function() local t = {1, 2, 3, x = 1}; t.x = nil; "
		    "return t end)()",
	    "83010203");
	/* Holes and other keys make it a map. */
	check_bytes("{1, nil, 3}", "a201010303");
	check_bytes("{[0] = 0, 1}", "a200000101");
	eval("{1, 2, x = 3}");
	ck_assert_int_eq(write_top(), 0);
	ck_assert_uint_eq(buf[0], 0xA3);
}
END_TEST

START_TEST(what_cannot_be_stored_is_refused_with_its_path)
{
	static const struct {
		const char *expression, *why;
	} cases[] = {
	    {"print", "data: a function can't be stored"},
	    {"coroutine.create(print)", "data: a thread can't be stored"},
	    {"newproxy()", "data: a userdata can't be stored"},
	    {"{f = print}", "data.f: a function can't be stored"},
	    {"{1, 2, print}", "data[3]: a function can't be stored"},
	    {"{list = {1, 2, {f = print}}}",
		"data.list[3].f: a function can't be stored"},
	    {"{[7] = {[-1] = print}}",
		"data[7][-1]: a function can't be stored"},
	    {"{['a b'] = {print}}",
		"data[\"a b\"][1]: a function can't be stored"},
	    {"{[''] = print}", "data[\"\"]: a function can't be stored"},
	    {"{['1a'] = print}", "data[\"1a\"]: a function can't be stored"},
	    {"{['\\n'] = print}",
		"data[\"\\x0a\"]: a function can't be stored"},
	    {"{a = {[true] = 1}}",
		"data.a: a boolean as a key can't be stored (strings and "
		"integers can)"},
	    {"{[{}] = 1}",
		"data: a table as a key can't be stored (strings and integers "
		"can)"},
	    {"{[print] = 1}",
		"data: a function as a key can't be stored (strings and "
		"integers can)"},
	    {"{a = {b = {[1.5] = 1}}}",
		"data.a.b: the key 1.5 can't be stored (it is no integer)"},
	    {"{[1/0] = 1}",
		"data: the key inf can't be stored (it is no integer)"},
	    {"{[2^53 + 2] = 1}", "data: the key 9007199254740994 can't be "
				 "stored (it is no integer)"},
	    {"{1, 2, [1.5] = 3}",
		"data: the key 1.5 can't be stored (it is no integer)"},
	};
	size_t i;

	for (i = 0; i < COUNT(cases); i++) {
		eval(cases[i].expression);
		ck_assert_int_eq(write_top(), -1);
		ck_assert_msg(!strcmp(why, cases[i].why), "%s: %s",
		    cases[i].expression, why);
		lua_settop(L, 0);
	}
}
END_TEST

START_TEST(a_path_that_is_too_long_is_cut)
{
	char small[12];
	const char *dots;

	run("local t = print\n"
	    "for i = 1, 12 do t = {[('k'):rep(100)] = t} end return t");
	ck_assert_int_eq(write_top(), -1);
	ck_assert_uint_lt(strlen(why), sizeof why);
	dots = strstr(why, "kkk...");
	ck_assert_ptr_nonnull(dots);
	memset(small, 'x', sizeof small);
	ck_assert_int_eq(ush_value_write(L, 1, &w, small, 8), -1);
	ck_assert_uint_eq(strlen(small), 7);
	ck_assert_int_eq(small[8], 'x');
	ck_assert_int_eq(ush_value_write(L, 1, &w, small, 1), -1);
	ck_assert_str_eq(small, "");
	ck_assert_int_eq(ush_value_write(L, 1, &w, NULL, 0), -1);
}
END_TEST

START_TEST(metatables_are_ignored)
{
	run("local function bad() error('a metamethod ran') end\n"
	    "local mt = {__index = bad, __newindex = bad, __len = bad,\n"
	    "  __pairs = bad, __tostring = bad, __eq = bad, __lt = bad,\n"
	    "  __concat = bad, __call = bad, __metatable = 1, __mode = 'k'}\n"
	    "return setmetatable({setmetatable({a = 1}, mt), 2}, mt)");
	ck_assert_int_eq(write_top(), 0);
	ck_assert_mem_eq(buf, "\x82\xa1\x61\x61\x01\x02", 6);
}
END_TEST

START_TEST(number_keys_are_not_turned_into_strings)
{
	run("t = {} for i = 1, 50 do t[i * 10] = tostring(i) end return t");
	ck_assert_int_eq(write_top(), 0);
	lua_pushvalue(L, 1);
	ck_assert_int_eq(push_bytes(buf, ush_cbor_written(&w), NULL), 0);
	ck_assert(same());
	lua_settop(L, 0);
	run("for k, v in pairs(t) do assert(type(k) == 'number') end "
	    "return true");
}
END_TEST

START_TEST(sixteen_tables_in_each_other_are_stored)
{
	static const char *const shapes[] = {
	    "{t}", "{a = t}", "{1, 2, t}", "{[7] = t, x = 1}"};
	char chunk[200];
	size_t i;

	for (i = 0; i < COUNT(shapes); i++) {
		snprintf(chunk, sizeof chunk,
		    "local t = 1 for i = 1, 16 do t = %s end return t",
		    shapes[i]);
		run(chunk);
		ck_assert_msg(write_top() == 0, "%s", why);
		ck_assert_int_eq(
		    push_bytes(buf, ush_cbor_written(&w), NULL), 0);
		ck_assert(same());
		snprintf(chunk, sizeof chunk,
		    "local t = {} for i = 1, 16 do t = %s end return t",
		    shapes[i]);
		run(chunk);
		ck_assert_int_eq(write_top(), -1);
		ck_assert_ptr_nonnull(
		    strstr(why, ": tables are nested too deep (16 at most)"));
		lua_settop(L, 0);
	}
	run("local t = {} for i = 1, 10000 do t = {a = t} end return t");
	ck_assert_int_eq(write_top(), -1);
	ck_assert_str_eq(why, "data.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: "
			      "tables are nested too deep (16 at most)");
}
END_TEST

START_TEST(a_cycle_is_refused)
{
	run("local t = {} t.t = t return t");
	ck_assert_int_eq(write_top(), -1);
	ck_assert_ptr_nonnull(strstr(why, "nested too deep"));
	lua_settop(L, 0);
	run("local t = {} for i = 1, 100 do t[i] = t end return t");
	ck_assert_int_eq(write_top(), -1);
	lua_settop(L, 0);
	run("local a, b = {}, {} a[1] = {x = b} b.y = {{a}} return a");
	ck_assert_int_eq(write_top(), -1);
}
END_TEST

START_TEST(more_than_fits_is_refused_at_every_size)
{
	size_t full, cap;
	unsigned char *small;

	run("local t = {sni = 'shop.example', n = {1, 2.5, {}}, m = {}}\n"
	    "for i = 1, 30 do t.m['k' .. i] = i % 2 == 0 end return t");
	ck_assert_int_eq(write_top(), 0);
	full = ush_cbor_written(&w);
	for (cap = 0; cap <= full; cap++) {
		small = malloc(cap > 0 ? cap : 1);
		ush_cbor_writer_init(&w, small, cap);
		if (cap == full) {
			ck_assert_int_eq(
			    ush_value_write(L, 1, &w, why, sizeof why), 0);
			ck_assert_mem_eq(small, buf, full);
		} else {
			ck_assert_int_eq(
			    ush_value_write(L, 1, &w, why, sizeof why), -1);
			ck_assert_str_eq(why, "data: larger than the limit");
			ck_assert(w.overflow);
		}
		free(small);
	}
}
END_TEST

START_TEST(the_stack_is_left_as_it_was)
{
	lua_pushinteger(L, 1);
	ck_assert(!luaL_dostring(L, "return {a = {1, {2, {x = {y = 1}}}}}"));
	ck_assert(
	    !luaL_dostring(L, "return {a = {1, {2, {x = {y = print}}}}}"));
	lua_pushinteger(L, 4);
	ush_cbor_writer_init(&w, buf, sizeof buf);
	ck_assert_int_eq(ush_value_write(L, 2, &w, why, sizeof why), 0);
	ck_assert_int_eq(ush_value_write(L, -3, &w, why, sizeof why), 0);
	ck_assert_int_eq(ush_value_write(L, -2, &w, why, sizeof why), -1);
	ck_assert_str_eq(why, "data.a[2][2].x.y: a function can't be stored");
	ck_assert_int_eq(lua_gettop(L), 4);
	ck_assert_int_eq(lua_tointeger(L, 1), 1);
	ck_assert_int_eq(lua_tointeger(L, 4), 4);
}
END_TEST

START_TEST(tables_that_share_tables_dont_make_endless_work)
{
	static const char *const chunks[] = {
	    /* 2^15 leaves, and a table that can't be an array at each level:
	     * what is refused at last must not be begun again and again. */
	    "local t = {1} for i = 1, 15 do t = {t, t} end return t",
	    "local t = {1} for i = 1, 15 do t = {t, nil, t} end return t",
	    "local t = {1} for i = 1, 15 do t = {t, t, [1.5] = 1} end "
	    "return t",
	    "local t = {1} for i = 1, 15 do t = {t, t, t, t, [0] = t} end "
	    "return t",
	};
	uint64_t before;
	size_t i;

	for (i = 0; i < COUNT(chunks); i++) {
		run(chunks[i]);
		before = ush_clock_thread_ns();
		write_top();
		ck_assert_uint_lt(ush_clock_thread_ns() - before, 1000000000);
		lua_settop(L, 0);
	}
}
END_TEST

/* A few references to one large table of nothing. */
static void
write_much(lua_State *state, void *arg)
{
	int i;

	lua_createtable(state, 200000, 0);
	lua_createtable(state, 20000, 0);
	for (i = 1; i <= 20000; i++) {
		lua_pushvalue(state, -2);
		lua_rawseti(state, -2, i);
	}
	ush_cbor_writer_init(&w, buf, sizeof buf);
	*(int *)arg = ush_value_write(state, -1, &w, why, sizeof why);
}

static void
no_random(void *out, size_t len)
{
	memset(out, 7, len);
}

START_TEST(endless_work_in_a_sandboxed_call_is_stopped)
{
	struct ush_box_host host = {.memory_limit = 4 << 20,
	    .random = no_random,
	    .now = ush_clock_now,
	    .cpu = ush_clock_thread_ns};
	struct ush_allowance allowance = {
	    .instructions = 200000, .cpu_ns = 20000000};
	struct ush_box *box = ush_box_new(&host);
	struct ush_error error;
	uint64_t before = ush_clock_thread_ns();
	int result = 0;

	ck_assert_ptr_nonnull(box);
	ush_box_run(box, write_much, &result, &allowance, &error);
	ck_assert_int_eq(result, -1);
	ck_assert_ptr_nonnull(strstr(why, ": a limit of the call was reached"));
	ck_assert_uint_lt(ush_clock_thread_ns() - before, 2000000000);
	ush_box_free(box);
}
END_TEST

/* Round trips */

/* Of what is on the stack, alone; takes it off. */
static void
check_round_trip(const char *what)
{
	ck_assert_msg(write_top() == 0, "%s: %s", what, why);
	ck_assert_msg(push_bytes(buf, ush_cbor_written(&w), NULL) == 0,
	    "%s: not read", what);
	ck_assert_msg(same(), "%s: changed", what);
	lua_settop(L, 0);
}

START_TEST(every_kind_of_value_comes_back)
{
	static const char *const expressions[] = {"true", "false", "0", "-0.0",
	    "1", "-1", "23", "24", "-24", "-25", "255", "256", "65535", "65536",
	    "2^31", "2^32", "-2^32", "2^53", "-2^53", "2^53 - 1", "2^54",
	    "-2^63", "2^64", "0.1", "-1e300", "5e-324", "1/0", "-1/0", "0/0",
	    "''", "'x'", "('x'):rep(23)", "('x'):rep(24)", "('\\200'):rep(256)",
	    "'a\\0b'", "{}", "{{}}", "{a = {}}", "{1, 2, 3}", "{1, nil, 3}",
	    "{nil, nil, 3}", "{a = 1, b = 'x'}",
	    "{[1] = 'a', x = 'b', [3] = {}}", "{[-1] = 1, [0] = 2, [1] = 3}",
	    "{[2^53] = 1, [-2^53] = 2}", "{['1'] = 'a', [1] = 'b'}",
	    "{['\\255'] = 1, [''] = 2, ['\\0'] = 3}",
	    "{sni = 'shop.example', tenant = 'acme'}", "{{{{{{{{1}}}}}}}}",
	    "{a = {b = {c = {d = {1, {x = 0.5}}}}}}", "{false, true, false}"};
	size_t i;

	for (i = 0; i < COUNT(expressions); i++) {
		eval(expressions[i]);
		check_round_trip(expressions[i]);
	}
	eval("nil");
	ck_assert_int_eq(write_top(), 0);
	ck_assert_int_eq(push_bytes(buf, ush_cbor_written(&w), NULL), 0);
	ck_assert(lua_isnil(L, -1));
}
END_TEST

START_TEST(tables_of_many_sizes_come_back)
{
	static const int sizes[] = {
	    1, 2, 22, 23, 24, 25, 255, 256, 257, 1000, 5000};
	char chunk[200];
	size_t i;

	for (i = 0; i < COUNT(sizes); i++) {
		snprintf(chunk, sizeof chunk,
		    "local t = {} for i = 1, %d do t[i] = i * 3 end return t",
		    sizes[i]);
		run(chunk);
		check_round_trip(chunk);
		snprintf(chunk, sizeof chunk,
		    "local t = {} for i = 1, %d do t['k' .. i] = i end "
		    "return {t, t}",
		    sizes[i] / 2 + 1);
		run(chunk);
		check_round_trip(chunk);
	}
}
END_TEST

START_TEST(strings_of_every_byte_come_back)
{
	run("local t = {} for i = 0, 255 do\n"
	    "  t[i + 1] = string.char(i):rep(i % 40)\n"
	    "  t['x' .. string.char(i)] = string.char(i, 255 - i)\n"
	    "end return t");
	check_round_trip("bytes");
}
END_TEST

/* Reading */

START_TEST(other_encoders_forms_are_read)
{
	static const struct {
		const char *hex, *expression;
	} cases[] = {
	    {"1b0000000000000007", "7"},
	    {"1bffffffffffffffff", "2^64"},
	    {"3bffffffffffffffff", "-2^64"},
	    {"f93e00", "1.5"},
	    {"f98000", "-0.0"},
	    {"fa47c35000", "100000"},
	    {"f97e01", "0/0"},
	    {"fbfff8000000001234", "0/0"},
	    {"fb7ff0000000000001", "0/0"},
	    {"fbffffffffffffffff", "0/0"},
	    {"c11a514b67b0", "1363896240"},
	    {"c1c2c303", "3"},
	    {"5f42010243030405ff", "'\\1\\2\\3\\4\\5'"},
	    {"7f657374726561646d696e67ff", "'streaming'"},
	    {"5fff", "''"},
	    {"5f4040ff", "''"},
	    {"7f6060ff", "''"},
	    {"7f61616061626161ff", "'aba'"},
	    {"9fff", "{}"},
	    {"9f018202039f0405ffff", "{1, {2, 3}, {4, 5}}"},
	    {"bf61610161629f0203ffff", "{a = 1, b = {2, 3}}"},
	    {"826161bf61626163ff", "{'a', {b = 'c'}}"},
	    {"80", "{}"},
	    {"8301f603", "{1, nil, 3}"},
	    {"a16161f7", "{}"},
	    {"a2616101616102", "{a = 2}"},
	    {"a1416101", "{a = 1}"},
	    {"a17f6161ff01", "{a = 1}"},
	    {"a1c1616101", "{a = 1}"},
	    {"a1f93c0007", "{[1] = 7}"},
	    {"bf0102ff", "{[1] = 2}"},
	};
	unsigned char bytes[64];
	size_t i, len;

	for (i = 0; i < COUNT(cases); i++) {
		len = unhex(cases[i].hex, bytes);
		eval(cases[i].expression);
		ck_assert_msg(
		    push_bytes(bytes, len, NULL) == 0, "%s", cases[i].hex);
		ck_assert_msg(same(), "%s", cases[i].hex);
		lua_settop(L, 0);
	}
}
END_TEST

START_TEST(malformed_items_are_refused)
{
	static const char *const items[] = {"", "ff", "81", "8201", "81ff",
	    "a1", "a101", "a161", "a1ff01", "a1f601", "a1f7f6", "a1f501",
	    "a18001", "a1a001", "a1fb3ff800000000000001", "a1f97e0001",
	    "a1f97c0001", "a11b002000000000000201", "9f", "9f01", "bf", "bf00",
	    "bf00ff", "bf0102", "5f", "5f01ff", "5f6161ff", "7f4161ff",
	    "5f5f4161ffff", "5f41", "c1", "c1ff", "f8", "f820", "fc", "1c",
	    "1f", "62aa", "5bffffffffffffffff00", "9bffffffffffffffff00",
	    "8301f6fe"};
	unsigned char bytes[64];
	size_t i;

	for (i = 0; i < COUNT(items); i++) {
		lua_pushinteger(L, 1);
		ck_assert_msg(
		    push_bytes(bytes, unhex(items[i], bytes), NULL) == -1, "%s",
		    items[i]);
		lua_settop(L, 0);
	}
}
END_TEST

START_TEST(items_that_are_nested_too_deep_are_refused)
{
	size_t n;

	for (n = 1; n <= 1000; n++) {
		memset(buf, 0x81, n);
		buf[n] = 0;
		ck_assert_int_eq(push_bytes(buf, n + 1, NULL),
		    n <= USH_VALUE_DEPTH ? 0 : -1);
		lua_settop(L, 0);
	}
	memset(buf, 0x9F, 20000);
	ck_assert_int_eq(push_bytes(buf, 20000, NULL), -1);
	memset(buf, 0xA1, 20000);
	ck_assert_int_eq(push_bytes(buf, 20000, NULL), -1);
	memset(buf, 0xC1, 20000);
	ck_assert_int_eq(push_bytes(buf, 20000, NULL), -1);
}
END_TEST

START_TEST(announced_sizes_are_not_believed)
{
	memset(buf, 0xF6, sizeof buf);
	memcpy(buf, "\x82\x99\xF0\x00\x1C", 5);
	memory.most = 0;
	ck_assert_int_eq(push_bytes(buf, sizeof buf, NULL), -1);
	ck_assert_uint_lt(memory.most, 8192);
	memcpy(buf, "\x82\xB9\x70\x00\x00\x1C", 6);
	memory.most = 0;
	ck_assert_int_eq(push_bytes(buf, sizeof buf, NULL), -1);
	ck_assert_uint_lt(memory.most, 16384);
}
END_TEST

START_TEST(what_follows_the_item_is_left_alone)
{
	size_t used;

	ck_assert_int_eq(push_bytes("\x82\x01\x02\xFF", 4, &used), 0);
	ck_assert_uint_eq(used, 3);
	ck_assert_int_eq(push_bytes("\x9F\x01\xFF\xFF", 4, &used), 0);
	ck_assert_uint_eq(used, 3);
}
END_TEST

/* Memory */

START_TEST(no_failing_allocation_makes_writing_raise)
{
	uint64_t n, failures = 0;
	int result = -1;

	for (n = 1; result != 0; n++) {
		ck_assert_uint_lt(n, 100);
		tear_down();
		set_up();
		run("local t = 1 for i = 1, 16 do t = {a = t} end return t");
		/* Nothing may be on the way, and the stack is a fresh one. */
		lua_gc(L, LUA_GCCOLLECT, 0);
		memory.fail_at = memory.calls + n;
		result = write_top();
		memory.fail_at = 0;
		if (result != 0) {
			failures++;
			ck_assert_str_eq(why, "data.a.a.a: not enough memory");
		}
		ck_assert_int_eq(write_top(), 0);
	}
	ck_assert_uint_ge(failures, 1);
}
END_TEST

/* Newer LuaJITs' lua_checkstack says no where older ones raise. */
static int
l_push(lua_State *state)
{
	struct ush_cbor_reader *r = lua_touserdata(state, 1);

	lua_settop(state, 0);
	if (ush_value_push(state, r) != 0)
		return luaL_error(state, "no room");
	return 1;
}

START_TEST(any_failing_allocation_makes_reading_raise)
{
	static const char hex[] =
	    "a5"
	    "61617818787878787878787878787878787878787878787878787878"
	    "61628381018100f6"
	    "6163818181818181a163787979f93e00"
	    "61645f44010203044405060708ff"
	    "616580";
	struct ush_cbor_reader r;
	unsigned char bytes[200];
	size_t len = unhex(hex, bytes);
	uint64_t n, failures = 0;
	int result = -1;

	for (n = 1; result != 0; n++) {
		ck_assert_uint_lt(n, 200);
		tear_down();
		set_up();
		ush_cbor_reader_init(&r, bytes, len);
		memory.fail_at = memory.calls + n;
		result = lua_cpcall(L, l_push, &r);
		memory.fail_at = 0;
		if (result != 0) {
			failures++;
			if (result != LUA_ERRMEM)
				ck_assert_str_eq(
				    lua_tostring(L, -1), "no room");
		}
		lua_settop(L, 0);
		ck_assert_int_eq(push_bytes(bytes, len, NULL), 0);
		lua_gc(L, LUA_GCCOLLECT, 0);
	}
	ck_assert_uint_ge(failures, 10);
}
END_TEST

static TCase *
add_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	return tc;
}

static void
add_writing(Suite *suite)
{
	TCase *tc = add_case(suite, "writing");

	tcase_add_test(tc, values_are_written_in_these_bytes);
	tcase_add_test(tc, keys_from_1_to_n_make_an_array);
	tcase_add_test(tc, what_cannot_be_stored_is_refused_with_its_path);
	tcase_add_test(tc, a_path_that_is_too_long_is_cut);
	tcase_add_test(tc, metatables_are_ignored);
	tcase_add_test(tc, number_keys_are_not_turned_into_strings);
	tcase_add_test(tc, sixteen_tables_in_each_other_are_stored);
	tcase_add_test(tc, a_cycle_is_refused);
	tcase_add_test(tc, more_than_fits_is_refused_at_every_size);
	tcase_add_test(tc, the_stack_is_left_as_it_was);
	tcase_add_test(tc, tables_that_share_tables_dont_make_endless_work);
	tcase_add_test(tc, endless_work_in_a_sandboxed_call_is_stopped);
}

static void
add_reading(Suite *suite)
{
	TCase *tc = add_case(suite, "reading");

	tcase_add_test(tc, every_kind_of_value_comes_back);
	tcase_add_test(tc, tables_of_many_sizes_come_back);
	tcase_add_test(tc, strings_of_every_byte_come_back);
	tcase_add_test(tc, other_encoders_forms_are_read);
	tcase_add_test(tc, malformed_items_are_refused);
	tcase_add_test(tc, items_that_are_nested_too_deep_are_refused);
	tcase_add_test(tc, announced_sizes_are_not_believed);
	tcase_add_test(tc, what_follows_the_item_is_left_alone);
}

static void
add_memory(Suite *suite)
{
	TCase *tc = add_case(suite, "memory");

	tcase_add_test(tc, no_failing_allocation_makes_writing_raise);
	tcase_add_test(tc, any_failing_allocation_makes_reading_raise);
}

int
main(void)
{
	Suite *suite = suite_create("value");
	SRunner *runner = srunner_create(suite);
	int failed;

	add_writing(suite);
	add_reading(suite);
	add_memory(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
