/*
 * SPDX-License-Identifier: MIT
 *
 * Scripts that want out of the sandbox, or into each other.
 *
 * Scenarios:
 *  1. What is absent can't be reached, and what is read-only not be changed.
 *  2. Handles kept past their callback, methods on another object's self.
 *  3. Nothing is left from one call to the next but a script's own locals, and
 *     nothing from one engine to another.
 *  4. print puts no control character into the log.
 */
#include <string.h>

#include <check.h>

#include "tls/attack.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CALL(what) "local x = " what
/* The script itself looks whether the way is closed. */
#define CLOSED(code) "assert(not pcall(function() " code " end))"

static const struct attack escapes[] = {
    {"load", ENDS_SCRIPT, CALL("load('return 1')"), "'load'"},
    {"loadstring", ENDS_SCRIPT, CALL("loadstring('\\27LJ')"), "'loadstring'"},
    {"string.dump", ENDS_SCRIPT, CALL("string.dump(print)")},
    {"a string's dump", ENDS_SCRIPT, CALL("('').dump(print)")},
    {"package", ENDS_SCRIPT, CALL("package.loaded"), "'package'"},
    {"require of ffi", ENDS_SCRIPT, CALL("require 'ffi'")},
    {"io", ENDS_SCRIPT, CALL("io.open('/etc/passwd')"), "'io'"},
    {"os.execute", ENDS_SCRIPT, CALL("os.execute('id')")},
    {"os.exit", ENDS_SCRIPT, CALL("os.exit(1)")},
    {"os.getenv", ENDS_SCRIPT, CALL("os.getenv('HOME')")},
    {"debug", ENDS_SCRIPT, CALL("debug.getregistry()"), "'debug'"},
    {"jit", ENDS_SCRIPT, CALL("jit.on()"), "'jit'"},
    {"coroutine", ENDS_SCRIPT, CALL("coroutine.wrap(print)"), "'coroutine'"},
    {"setfenv", ENDS_SCRIPT, CALL("setfenv(1, {})"), "'setfenv'"},
    {"getfenv", ENDS_SCRIPT, CALL("getfenv(0)"), "'getfenv'"},
    {"newproxy", ENDS_SCRIPT, CALL("newproxy(true)"), "'newproxy'"},
    {"collectgarbage", ENDS_SCRIPT, CALL("collectgarbage('stop')")},
    {"_G", ENDS_SCRIPT, CALL("_G.print"), "'_G'"},
    {"absolute paths", ENDS_SCRIPT, CALL("require '/etc/passwd'")},
    {"paths out of the folder", ENDS_SCRIPT, CALL("require '../secret'")},
    {"paths with NUL", ENDS_SCRIPT, CALL("require 'a\\0b'")},
    {"metatables of strings", ENDS_WELL,
	CLOSED("getmetatable('').__index = {}") " " CLOSED(
	    "setmetatable('', {})") " "
				    "assert(type(getmetatable('')) ~= "
				    "'table')"},
    {"metatables of handles", ENDS_WELL,
	"for _, h in pairs{conn, ticket, conn.vars} do\n"
	"  assert(type(getmetatable(h)) ~= 'table')\n"
	"  assert(not pcall(setmetatable, h, {})) end"},
    {"metatables of libraries", ENDS_WELL,
	"for _, l in pairs{string, table, math, os, bit} do\n"
	"  assert(type(getmetatable(l)) ~= 'table')\n"
	"  assert(not pcall(setmetatable, l, {}))\n"
	"  assert(not pcall(rawset, l, 'x', 1))\n"
	"  assert(not pcall(rawget, l, 'find'))\n"
	"  assert(not pcall(next, l)) end"},
    {"writing to libraries", ENDS_WELL,
	CLOSED("string.find = print") " " CLOSED("math.huge = 1") " " CLOSED(
	    "table.insert(table, 1)") " " CLOSED("string.x = 1")},
    {"writing to globals", ENDS_WELL,
	CLOSED("print = 1") " " CLOSED("leak = 1") " " CLOSED(
	    "_ENV = 1") " " CLOSED("_VERSION = 'x'")},
    {"string methods", ENDS_WELL,
	CLOSED("('').x = 1") " " CLOSED("('').find = 1")},
    {"writing to facts", ENDS_WELL,
	CLOSED("conn.server_name = 'x'") " " CLOSED("conn.resumed = true") " " CLOSED(
	    "ticket.decrypted = true") " " CLOSED("ticket.data = {}")},
    {"handles as tables", ENDS_WELL,
	CLOSED("rawset(conn, 'x', 1)") " " CLOSED("rawget(conn, 'vars')") " " CLOSED(
	    "table.insert(ticket, 1)") " " CLOSED("next(conn)") " " CLOSED("tab"
									   "le."
									   "sor"
									   "t("
									   "con"
									   "n)") " " CLOSED("unpack(ticket)")},
    {"a method with another's self", ENDS_WELL,
	"for _, f in pairs{string.find, string.rep, table.insert,\n"
	"    table.concat, math.floor, bit.bor, os.date} do\n"
	"  for _, self in pairs{conn, ticket, conn.vars, print, string} do\n"
	"    assert(not pcall(f, self, self)) end end"},
    {"odd arguments everywhere", ENDS_WELL,
	"local odd = {0/0, 1/0, -1/0, 2^31, -2^31, 2^53, 2^63, 1e300, '', "
	"'\\0',\n"
	"  'x', true, {}, print, conn, string, -1, 0.5}\n"
	"local f = {string.find, string.sub, string.byte, string.char,\n"
	"  string.gsub, string.gmatch, string.format, table.concat, unpack,\n"
	"  select, tonumber, math.random, math.ldexp, os.date, bit.tohex}\n"
	"for i = 1, #f do for j = 1, #odd do for k = 1, #odd do\n"
	"  pcall(f[i], odd[j], odd[k], odd[(j + k) % #odd + 1])\n"
	"end end end"},
    {"addresses", ENDS_WELL,
	"for _, v in pairs{{}, print, conn, ticket, conn.vars, string,\n"
	"    function() end, setmetatable({}, {})} do\n"
	"  for _, s in pairs{tostring(v), (string.format('%s', v)),\n"
	"      select(2, pcall(error, tostring(v))),\n"
	"      select(2, pcall(function() return v .. v end)) or '',\n"
	"      select(2, pcall(function() return v < 1 end)) or '',\n"
	"      select(2, pcall(string.rep, v)) or ''} do\n"
	"    assert(not tostring(s):find('%x%x%x%x%x%x'), s) end end\n"
	"assert(not pcall(string.format, '%p', {}))"},
};

static const struct attack_limits limits = {
    .instructions = 2000000, .microseconds = 200000};

START_TEST(no_script_gets_out)
{
	attack_run(&escapes[_i / VERSIONS], version_of(_i), &limits);
}
END_TEST

static SSL_CTX *
server_of(const char *text, struct usher **engine)
{
	struct usher_error error = {0};

	*engine = attack_engine(text, strlen(text), &limits, &error);
	ck_assert_msg(*engine != NULL, "%s", error.message);
	return engine_server(*engine, TLS1_3_VERSION);
}

static void
visit_well(SSL_CTX *server)
{
	struct visit visit = {.server = server};

	memset(attack_notes, 0, sizeof attack_notes);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_msg(attack_notes[USHER_CALL_GENERATE].code == USHER_OK, "%s",
	    attack_notes[USHER_CALL_GENERATE].message);
}

START_TEST(handles_kept_past_their_callback_are_expired)
{
	struct usher *engine;
	SSL_CTX *server = server_of(
	    "local c, t, v\n"
	    "return {\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    c, t, v = conn, {ticket}, conn.vars end,\n"
	    "  generate = function(conn, ticket)\n"
	    "    if not t then t = {ticket} return end\n"
	    "    if t[1] ~= ticket then\n"
	    "      local ok, why = pcall(function() return t[1].status end)\n"
	    "      assert(not ok and why:find('expired'), why)\n"
	    "    end\n"
	    "    conn.vars.seen = 'looked'\n"
	    "  end }",
	    &engine);

	visit_well(server);
	visit_well(server);
	harness_clear();
	usher_free(engine);
}
END_TEST

START_TEST(nothing_is_left_from_call_to_call_but_own_locals)
{
	struct usher *engine;
	SSL_CTX *server = server_of(
	    "local n = 0\n"
	    "return { generate = function(conn)\n"
	    "  n = n + 1\n"
	    "  assert(not pcall(function() return leak end))\n"
	    "  pcall(function() leak = n end)\n"
	    "  assert(conn.vars.mine == nil or conn.vars.mine == 'x')\n"
	    "  pcall(function() string.leak = n end)\n"
	    "  assert(string.leak == nil)\n"
	    "  assert(('x').leak == nil)\n"
	    "  conn.vars.mine = 'x'\n"
	    "  print('n is ' .. n .. '.') end }",
	    &engine);

	for (int i = 0; i < 5; i++)
		visit_well(server);
	ck_assert_ptr_nonnull(strstr(attack_log, "n is "));
	harness_clear();
	usher_free(engine);
}
END_TEST

START_TEST(engines_share_nothing)
{
	static const char text[] =
	    "local n, numbers = 0, {}\n"
	    "math.randomseed(7)\n"
	    "return { generate = function() n = n + 1\n"
	    "  assert(n <= 2, 'another engine counted') return 'x' end }";
	struct usher *a, *b;
	SSL_CTX *one = server_of(text, &a), *two = server_of(text, &b);

	visit_well(one); /* two tickets each */
	visit_well(two);
	harness_clear();
	usher_free(a);
	usher_free(b);
}
END_TEST

START_TEST(print_puts_no_control_character_into_the_log)
{
	struct usher *engine;
	SSL_CTX *server = server_of(
	    "return { generate = function()\n"
	    "  print('\\27[2J\\r\\nFAKE line\\0\\127\\155', {}, print) end }",
	    &engine);

	visit_well(server);
	ck_assert_ptr_nonnull(strstr(attack_log, "FAKE"));
	for (const char *p = attack_log; *p; p++)
		ck_assert(*p == '\n' || (unsigned char)*p >= ' ');
	ck_assert_ptr_null(strstr(attack_log, "\nFAKE"));
	ck_assert_ptr_null(strchr(attack_log, 127));
	harness_clear();
	usher_free(engine);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attacks: escape");
	TCase *tc = tests_case("escape", 20);

	tcase_add_loop_test(
	    tc, no_script_gets_out, 0, COUNT(escapes) * VERSIONS);
	tcase_add_test(tc, handles_kept_past_their_callback_are_expired);
	tcase_add_test(tc, nothing_is_left_from_call_to_call_but_own_locals);
	tcase_add_test(tc, engines_share_nothing);
	tcase_add_test(tc, print_puts_no_control_character_into_the_log);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
