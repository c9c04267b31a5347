/*
 * SPDX-License-Identifier: MIT
 *
 * The modules of the standard library that are written in C, as scripts see
 * them.
 *
 * Scenarios:
 *  1. usher: time, encodings, digests, random bytes, equality; what is wrong is
 *     an error or, where it may come from outside, nil and a reason.
 *  2. usher.log: levels, the script's name, no control characters, a limit.
 *  3. usher.ip: parse, prefix, contains.
 *  4. usher.data: objects that can't be written, called on another's self, or
 *     asked for by something else than a string.
 *  5. One file is read once; each thread's state has the same set.
 *  6. Data files: confined to the folder, plain files, within limits; errors
 *     name the script's line, and the file's.
 *  7. All of it is charged to the budget.
 *  8. A million entries load under the default limits, and decide handshakes.
 *  9. usher_new with each allocation failing in turn.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "sandbox/box.h"
#include "tls/failing.h"
#include "tls/folder.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/*
 * Allocations fail, but not while a box is made: tests/check_allocations.c does
 * that.
 */
struct ush_box *__real_ush_box_new(const struct ush_box_host *host);
struct ush_box *__wrap_ush_box_new(const struct ush_box_host *host);

struct ush_box *
__wrap_ush_box_new(const struct ush_box_host *host)
{
	struct ush_box *box;

	failing_off = true;
	box = __real_ush_box_new(host);
	failing_off = false;
	return box;
}

/* Tables of Lua: each has to hold, or to raise an error that says this. */

static const char head[] =
    "local usher = require 'usher'\n"
    "local ip, data = require 'usher.ip', require 'usher.data'\n"
    "local function raises(what, f, ...)\n"
    "  local ok, why = pcall(f, ...)\n"
    "  assert(not ok, 'no error: ' .. what)\n"
    "  assert(tostring(why):find(what, 1, true), why)\n"
    "end\n"
    "local function no(value, why)\n"
    "  assert(value == nil and (why == nil or type(why) == 'string'))\n"
    "end\n";

static const char *const holds[] = {
    /* Time. */
    "assert(usher.now() == 1700000000 and usher.now() == os.time())",
    /* Hex. */
    "assert(usher.hex('') == '' and usher.hex('\\0\\255az') == '00ff617a')",
    "assert(usher.unhex('00fF617a') == '\\0\\255az' and usher.unhex('') == '')",
    "no(usher.unhex('0')) no(usher.unhex('0g')) no(usher.unhex('0x'))",
    "no(usher.unhex(' 00')) no(usher.unhex('\\0\\0')) no(usher.unhex('@@'))",
    "local s = ('\\1\\128'):rep(5000)\n"
    "assert(usher.unhex(usher.hex(s)) == s)",
    "raises('string expected', usher.hex) raises('string', usher.hex, 12)",
    "raises('string expected', usher.unhex, nil) raises('string', usher.hex, "
    "{})",
    /* Base64: RFC 4648, section 10. */
    "for text, code in pairs{[''] = '', f = 'Zg==', fo = 'Zm8=',\n"
    "    foo = 'Zm9v', foob = 'Zm9vYg==', fooba = 'Zm9vYmE=',\n"
    "    foobar = 'Zm9vYmFy', ['\\251\\255'] = '+/8='} do\n"
    "  assert(usher.base64(text) == code, code)\n"
    "  assert(usher.unbase64(code) == text, code)\n"
    "end",
    "for _, bad in ipairs{'Z', 'Zg', 'Zg=', 'Zg===', '=', '====', 'Z===',\n"
    "    'Zm9=Zm9v', 'Zm8= ', ' Zm8', 'Zm9\\n', 'Zm9-', 'Zm\\0v', 'Zg==Zg==',\n"
    "    'Zm9v\\n\\n\\n\\n'} do\n"
    "  no(usher.unbase64(bad))\n"
    "end",
    "local s = ('\\0\\200x'):rep(7000)\n"
    "assert(usher.unbase64(usher.base64(s)) == s)",
    "raises('string expected', usher.base64, true)",
    "raises('string expected', usher.unbase64, 1)",
    /* Digests: FIPS 180-2, RFC 4231. */
    "assert(usher.hex(usher.sha256('abc')) == 'ba7816bf8f01cfea414140de5dae' "
    "..\n"
    "  '2223b00361a396177a9cb410ff61f20015ad')",
    "assert(usher.hex(usher.sha256('')) == 'e3b0c44298fc1c149afbf4c8996fb924' "
    "..\n"
    "  '27ae41e4649b934ca495991b7852b855')",
    "assert(usher.hex(usher.hmac_sha256('Jefe',\n"
    "  'what do ya want for nothing?')) == '5bdcc146bf60754e6a042426089575c7' "
    "..\n"
    "  '5a003f089d2739839dec58b964ec3843')",
    "assert(#usher.hmac_sha256('', '') == 32)\n"
    "assert(usher.hmac_sha256(('k'):rep(1000), 'x') ~=\n"
    "  usher.hmac_sha256(('k'):rep(999), 'x'))",
    "raises('string expected', usher.sha256, nil)",
    "raises('#2', usher.hmac_sha256, 'x')",
    "raises('#1', usher.hmac_sha256, nil, 'x')",
    /* Random bytes. */
    "for _, n in ipairs{1, 16, 1000, 1024} do\n"
    "  assert(#usher.random(n) == n)\n"
    "end\n"
    "assert(usher.random(16) ~= usher.random(16))",
    "for _, n in ipairs{0, -1, 1025, 1.5, 0/0, 1/0, -1/0, 1e300} do\n"
    "  raises('1 to 1024', usher.random, n)\n"
    "end\n"
    "raises('number expected', usher.random, '16')\n"
    "raises('number expected', usher.random)",
    /* Equality. */
    "assert(usher.equal('', '') and usher.equal('ab', 'ab'))\n"
    "assert(not usher.equal('ab', 'ac') and not usher.equal('ab', 'abc'))\n"
    "assert(not usher.equal('a\\0b', 'a\\0c'))",
    "raises('#2', usher.equal, 'a') raises('#1', usher.equal, nil, nil)",
    /* Addresses. */
    "local a, family = ip.parse '2001:DB8::0:1'\n"
    "assert(a == '2001:db8::1' and family == 6)\n"
    "a, family = ip.parse '::ffff:192.0.2.1'\n"
    "assert(a == '192.0.2.1' and family == 4)\n"
    "no(ip.parse '') no(ip.parse 'localhost') no(ip.parse '1.2.3.4\\0')\n"
    "no(ip.parse(('1'):rep(100000)))",
    "raises('string expected', ip.parse) raises('string', ip.parse, 1)",
    "assert(ip.prefix('192.0.2.77') == '192.0.2.0/24')\n"
    "assert(ip.prefix('::ffff:192.0.2.77') == '192.0.2.0/24')\n"
    "assert(ip.prefix('2001:db8:1:2::3') == '2001:db8:1::/48')\n"
    "assert(ip.prefix('192.0.2.77', 16, 56) == '192.0.0.0/16')\n"
    "assert(ip.prefix('2001:db8:1:2ff::3', 16, 56) == '2001:db8:1:200::/56')\n"
    "assert(ip.prefix('1.2.3.4', 0) == '0.0.0.0/0')\n"
    "assert(ip.prefix('1.2.3.4', 32) == '1.2.3.4/32')\n"
    "assert(ip.prefix('::1', nil, 128) == '::1/128')\n"
    "assert(ip.prefix('ffff::1', nil, 0) == '::/0')",
    "for _, n in ipairs{-1, 33, 0.5, 0/0, 1e300} do\n"
    "  raises('0 to 32', ip.prefix, '1.2.3.4', n)\n"
    "end\n"
    "raises('0 to 128', ip.prefix, '::1', 24, 129)\n"
    "raises('number expected', ip.prefix, '::1', '24')\n"
    "raises(\"'x' is no IP address\", ip.prefix, 'x')\n"
    "raises('string expected', ip.prefix, nil)",
    "assert(ip.contains('192.0.2.0/24', '192.0.2.255'))\n"
    "assert(ip.contains('192.0.2.0/24', '::ffff:192.0.2.1'))\n"
    "assert(not ip.contains('192.0.2.0/24', '192.0.3.0'))\n"
    "assert(not ip.contains('192.0.2.0/24', '2001:db8::1'))\n"
    "assert(ip.contains('2001:db8::/33', '2001:db8:7fff::'))\n"
    "assert(not ip.contains('2001:db8::/33', '2001:db8:8000::'))\n"
    "assert(ip.contains('::1', '::1') and ip.contains('0.0.0.0/0', "
    "'9.9.9.9'))",
    "raises('write 192.0.2.0/24', ip.contains, '192.0.2.1/24', '192.0.2.1')\n"
    "raises('is no network', ip.contains, '', '192.0.2.1')\n"
    "raises(\"'\\\\x1b' is no\", ip.contains, '192.0.2.0/24', '\\27')\n"
    "raises('string expected', ip.contains, '192.0.2.0/24', nil)",
    /* Data. */
    "local s, m, n = data.set 's', data.map 'm', data.networks 'n'\n"
    "assert(s:contains 'a' and not s:contains 'x' and not s:contains '')\n"
    "assert(m:get 'k' == 'v w' and m:get 'x' == nil)\n"
    "assert(n:contains '10.2.3.4' and not n:contains '11.0.0.0')\n"
    "assert(n:contains '::ffff:10.2.3.4' and n:contains '2001:db8::1')\n"
    "assert(#s == 2 and #m == 1 and #n == 2)\n"
    "assert(tostring(s) == 'usher.data.set')\n"
    "assert(tostring(m) == 'usher.data.map')\n"
    "assert(tostring(n) == 'usher.data.networks')\n"
    "assert(s:contains('a\\0') == false and m:get('k\\0') == nil)",
    "local s, m, n = data.set 's', data.map 'm', data.networks 'n'\n"
    "for _, self in pairs{{}, 1, 'x', true, print, string, usher, s.contains,\n"
    "    setmetatable({}, {__index = s})} do\n"
    "  raises('wrong object', s.contains, self, 'a')\n"
    "  raises('wrong object', m.get, self, 'a')\n"
    "  raises('wrong object', n.contains, self, '::1')\n"
    "end\n"
    "raises('call it as set:contains(value)', s.contains, m, 'k')\n"
    "raises('call it as map:get(key)', m.get, s, 'a')\n"
    "raises('networks:contains(address)', n.contains, s, '::1')\n"
    "raises('wrong object', s.contains)",
    "local s, m, n = data.set 's', data.map 'm', data.networks 'n'\n"
    "for _, v in pairs{{}, 1, true, print, s} do\n"
    "  raises('string expected', s.contains, s, v)\n"
    "  raises('string expected', m.get, m, v)\n"
    "  raises('string expected', n.contains, n, v)\n"
    "end\n"
    "raises('string expected', s.contains, s, nil)\n"
    "raises(\"'x' is no IP address\", n.contains, n, 'x')\n"
    "raises('is no IP address', n.contains, n, '10.0.0.0/8')",
    "for _, o in ipairs{data.set 's', data.map 'm', data.networks 'n'} do\n"
    "  assert(type(o) == 'userdata' and getmetatable(o) == false)\n"
    "  raises('read-only', function() o.x = 1 end)\n"
    "  raises('', setmetatable, o, {}) raises('', rawset, o, 'x', 1)\n"
    "  raises('', rawget, o, 'x') raises('', pairs, o) raises('', next, o)\n"
    "  assert(o.x == nil and o[1] == nil and o.__index == nil)\n"
    "  raises('', function() return o() end)\n"
    "  raises('', function() return o .. o end)\n"
    "end",
    "raises('string expected', data.set) raises('string', data.map, 1)\n"
    "raises('NUL', data.set, 's\\0') raises('NUL', data.networks, '\\0')\n"
    "raises('read-only', function() data.set = 1 end)",
    "assert(usher.data == data and usher.ip == ip)",
};

START_TEST(the_library_does_what_it_says)
{
	char text[8192];

	ush_clock_set(1700000000);
	folder_write("s", "a\nb\n");
	folder_write("m", "k v w\n");
	folder_write("n", "10.0.0.0/8\n2001:db8::/32\n");
	snprintf(text, sizeof text, "%s%s\nreturn {}\n", head, holds[_i]);
	folder_write("p.lua", text);
	folder_engine("p.lua");
}
END_TEST

START_TEST(log_lines_have_levels)
{
	engine_new(
	    "local usher = require 'usher'\n"
	    "usher.log('error', 'it fails')\n"
	    "usher.log('warning', 'it may fail')\n"
	    "usher.log('info', 'it works \\27[2J\\n\\0 end')\n"
	    "for _, bad in ipairs{'debug', '', 'Error', 'info\\0'} do\n"
	    "  assert(not pcall(usher.log, bad, 'x') or bad == 'info\\0')\n"
	    "end\n"
	    "assert(not pcall(usher.log, 'info'))\n"
	    "assert(not pcall(usher.log, 'info', {}))\n"
	    "assert(not pcall(usher.log, nil, 'x'))\n"
	    "return {}");
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, "test.lua: it fails"), 1);
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "test.lua: it may fail"), 1);
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "it works \\x1b[2J"), 1);
	notes_clear();
	engine_new("local usher = require 'usher'\n"
		   "for i = 1, 1000 do usher.log('info', ('x'):rep(5000)) end\n"
		   "return {}");
	ck_assert_int_le(log_count(USHER_LOG_INFO, "xxx"), 100);
}
END_TEST

/*
 * Data files
 */

static const struct {
	const char *script;
	int line;
	const char *says[2];
} refused[] = {
    {"\nrequire('usher.data').set '../secret'", 2,
	{"../secret: is no path in the script's folder"}},
    {"require('usher.data').set 'd/../../secret'", 1, {"is no path in"}},
    {"require('usher.data').set '/etc/passwd'", 1, {"is no path in"}},
    {"require('usher.data').set ''", 1, {"is no path in"}},
    {"require('usher.data').set '..'", 1, {"is no path in"}},
    {"require('usher.data').set 'none'", 1, {"/f/none: there is no such file"}},
    {"require('usher.data').set 'none/none'", 1, {"there is no such file"}},
    {"require('usher.data').set '.'", 1, {"is a directory"}},
    {"require('usher.data').set 'd'", 1, {"is a directory"}},
    {"require('usher.data').set 'fifo'", 1, {"is not a regular file"}},
    {"require('usher.data').set 'link'", 1, {"leads out of"}},
    {"require('usher.data').set 'up/secret'", 1, {"leads out of"}},
    {"require('usher.data').map 'bad'", 1,
	{"/f/bad:3: ", "a key without a value"}},
    {"require('usher.data').networks('bad')", 1, {"/f/bad:2: ", "is no net"}},
    {"require('usher.data').set(('x'):rep(300))", 1, {"can't be opened"}},
    {"require('usher.data').set 'a\\27[2Jb'", 1, {"a\\x1b[2Jb: there is no"}},
};

START_TEST(data_files_stay_in_the_folder_and_errors_say_where)
{
	struct usher_error error;
	char text[512];

	folder_write("secret", "x");
	folder_write("f/d/x", "x");
	folder_write("f/bad", "# a comment\nx y\nz\n");
	ck_assert_int_eq(mkfifo(folder_path("f/fifo"), 0600), 0);
	ck_assert_int_eq(symlink("../secret", folder_path("f/link")), 0);
	ck_assert_int_eq(symlink("..", folder_path("f/up")), 0);
	snprintf(text, sizeof text, "%s\nreturn {}\n", refused[_i].script);
	folder_write("f/p.lua", text);
	error = folder_refused("f/p.lua");
	ck_assert_msg(error.code == USHER_ERROR_FILE, "%d: %s", error.code,
	    error.message);
	ck_assert_msg(error.line == refused[_i].line, "%s", error.message);
	for (int i = 0; i < 2 && refused[_i].says[i]; i++)
		ck_assert_msg(strstr(error.message, refused[_i].says[i]), "%s",
		    error.message);
}
END_TEST

START_TEST(a_large_file_is_refused_unread)
{
	struct usher_error error;

	folder_write("p.lua", "require('usher.data').set 'huge' return {}");
	folder_write("huge", "x\n");
	ck_assert_int_eq(truncate(folder_path("huge"), (256 << 20) + 1), 0);
	error = folder_refused("p.lua");
	ck_assert_ptr_nonnull(
	    strstr(error.message, "is larger than the limit"));
}
END_TEST

START_TEST(a_file_is_read_once)
{
	struct visit visit = {.version = version_of(_i)};

	/* A file in the place of the one that was read is not looked at. */
	folder_write("p.lua",
	    "local data = require 'usher.data'\n"
	    "local s = data.set 'd/s'\n"
	    "local t = data.set './d//s'\n"
	    "assert(#s == 1 and #t == 1)\n"
	    "return { decrypt = function(conn, ticket)\n"
	    "  assert(s:contains 'a' and t:contains 'a' and #s == 1)\n"
	    "  return 'default', 'looked'\n"
	    "end }\n");
	folder_write("d/s", "a\n");
	visit.server = engine_server(folder_engine("p.lua"), visit.version);
	folder_write("d/s", "b\nc\n");
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "looked");
}
END_TEST

static const char *const costly[] = {
    "while true do usher.sha256('') end",
    "local s = ('x'):rep(1e5) while true do usher.hmac_sha256(s, s) end",
    "while true do usher.random(1024) end",
    "local s = ('x'):rep(1e5) while true do usher.equal(s, s) end",
    "local s = ('x'):rep(1e5) while true do usher.hex(s) end",
    "local s = ('00'):rep(1e5) while true do usher.unhex(s) end",
    "local s = ('x'):rep(1e5) while true do usher.base64(s) end",
    "local s = ('Zm9v'):rep(2e4) while true do usher.unbase64(s) end",
    "while true do ip.parse('2001:db8::1') end",
    "local s = ('1'):rep(1e5) while true do ip.parse(s) end",
    "while true do ip.prefix('2001:db8::1') end",
    "while true do pcall(ip.contains, 'x', 'y') end",
    "while true do usher.log('info', 'x') end",
    "while true do s:contains('x') end",
    "local k = ('x'):rep(1e5) while true do s:contains(k) end",
    "while true do pcall(n.contains, n, 'x') end",
    "while true do pcall(require, 'x') end",
    "while true do pcall(require, 'no') end",
};

START_TEST(all_work_is_charged)
{
	struct engine_spec spec = {.instruction_limit = 100000};
	struct visit visit = {.version = version_of(_i)};
	char text[2048];

	snprintf(text, sizeof text,
	    "%slocal s, n = data.set 's', data.networks 'n'\n"
	    "pcall(require, 'no')\n"
	    "return { generate = function()\n%s\nend }",
	    head, costly[_i / VERSIONS]);
	folder_write("p.lua", text);
	folder_write("no.lua", "return false");
	folder_write("s", "a\n");
	folder_write("n", "::1\n");
	spec.path = folder_path("p.lua");
	visit.server = engine_server(engine_make(&spec), visit.version);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(
	    note_last(USHER_CALL_GENERATE)->code, USHER_ERROR_INSTRUCTIONS);
}
END_TEST

START_TEST(a_million_entries_load_under_the_default_limits)
{
	enum { MILLION = 1000000, LINE = 32 };
	char *text = malloc(MILLION * LINE), *end = text;
	struct engine_spec spec = {.cpu_time_limit = 20000};
	struct visit visit = {.name = "n999999.example"};

	ck_assert_ptr_nonnull(text);
	for (int i = 0; i < MILLION; i++)
		end += snprintf(end, LINE, "n%d.example\n", i);
	folder_write_bytes("s", text, (size_t)(end - text));
	free(text);
	folder_write("p.lua", "local s = require('usher.data').set 's'\n"
			      "assert(#s == 1000000)\n"
			      "return { decrypt = function(conn, ticket)\n"
			      "  if s:contains(conn.server_name) then\n"
			      "    return 'ignore_renew', 'on the list' end\n"
			      "end }\n");
	spec.path = folder_path("p.lua");
	visit.server = engine_server(engine_make(&spec), 0);
	ck_assert(!visit_twice(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "on the list");
	visit.name = "n1000000.example";
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_int_eq(note_errors(), 0);
}
END_TEST

START_TEST(each_failed_allocation_is_an_error)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;
	int n = 0, failed = 0;
	bool reached;

	folder_write("p.lua", "local data = require 'usher.data'\n"
			      "local m = require 'd.m'\n"
			      "local chain = require 'usher.chain'\n"
			      "assert(data.set('s'):contains 'a')\n"
			      "assert(data.map('m'):get 'a' == '1')\n"
			      "assert(data.networks('n'):contains '::1')\n"
			      "return chain {{decrypt = print}}\n");
	folder_write("d/m.lua", "return 1\n");
	folder_write("s", "a\n");
	folder_write("m", "a 1\n");
	folder_write("n", "::1\n1.2.3.4\n");
	usher_options_set_script_file(options, folder_path("p.lua"));
	/* Some may fail without harm: to shrink a block, for example. */
	do {
		memset(&error, 0, sizeof error);
		failing_at = ++n;
		engine = usher_new(options, &error);
		reached = failing_at == 0;
		failing_at = 0;
		ck_assert_msg(engine || error.code == USHER_ERROR_SYSTEM ||
				  error.code == USHER_ERROR_MEMORY ||
				  error.code == USHER_ERROR_FILE,
		    "%d: %d: %s", n, error.code, error.message);
		failed += engine == NULL;
		ck_assert(engine || reached);
		usher_free(engine);
	} while (reached);
	ck_assert_int_gt(failed, 60);
	usher_options_free(options);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("library");
	TCase *tc = folder_case("library", 60);

	tcase_add_loop_test(tc, the_library_does_what_it_says, 0, COUNT(holds));
	tcase_add_test(tc, log_lines_have_levels);
	tcase_add_loop_test(tc,
	    data_files_stay_in_the_folder_and_errors_say_where, 0,
	    COUNT(refused));
	tcase_add_test(tc, a_large_file_is_refused_unread);
	tcase_add_loop_test(tc, a_file_is_read_once, 0, VERSIONS);
	tcase_add_loop_test(
	    tc, all_work_is_charged, 0, COUNT(costly) * VERSIONS);
	tcase_add_test(tc, a_million_entries_load_under_the_default_limits);
	tcase_add_test(tc, each_failed_allocation_is_an_error);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
