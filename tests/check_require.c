/*
 * SPDX-License-Identifier: MIT
 *
 * require: files beside the script, and what can go wrong.
 *
 * Scenarios:
 *  1. A policy made of modules decides handshakes, in both versions.
 *  2. A module runs once for each state, whoever requires it; its value is kept
 *     as Lua's require keeps it.
 *  3. Names: what is none, and where one leads.
 *  4. Errors name file, line, and who required: a missing file, a broken one,
 *     one that raises, one that loops, hoards; cycles.
 *  5. The script is found through symlinks, and its folder is the real one.
 *  6. Symlinks in the folder may stay in it; nothing else leads out of it.
 *  7. What is no file that can be read: a FIFO, a folder, a large one, one
 *     without permission, bytecode.
 *  8. A text has no files, but the library.
 *  9. A handshake reads no file: all is there without the folder; what was not
 *     loaded is an error that says so.
 * 10. The revision tells each file; without any it is the script's digest.
 * 11. A module can't leave the sandbox, nor change what others get.
 * 12. usher.chain: the first refusal wins, with its reason.
 * 13. Opening part by part, as where there is no openat2(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/beneath.h"
#include "lib/crypto.h"
#include "tls/folder.h"
#include "tls/policy.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* The script loads. */
static void
takes(const char *text)
{
	folder_write("p.lua", text);
	engine_free(folder_engine("p.lua"));
}

static void
has(const struct usher_error *error, const char *part)
{
	ck_assert_msg(strstr(error->message, part) != NULL,
	    "\"%s\" is not in \"%s\"", part, error->message);
}

START_TEST(a_policy_made_of_modules_decides_handshakes)
{
	struct visit visit = {.name = "a.example", .version = version_of(_i)};

	folder_write("p.lua",
	    "local names = require 'parts.names'\n"
	    "return { generate = names.keep, decrypt = names.check }\n");
	folder_write("parts/names.lua",
	    "local say = require 'say'\n"
	    "local M = {}\n"
	    "function M.keep(conn) return { sni = conn.server_name } end\n"
	    "function M.check(conn, ticket)\n"
	    "  local data = ticket.data\n"
	    "  if not data then return 'ignore_renew', say.foreign end\n"
	    "  if data.sni ~= conn.server_name then\n"
	    "    return 'ignore_renew', say.other end\n"
	    "  return 'default', say.same\n"
	    "end\n"
	    "return M\n");
	folder_write("say.lua",
	    "return { foreign = 'not ours', other = 'other name',\n"
	    "  same = 'same name' }\n");
	visit.server = engine_server(folder_engine("p.lua"), visit.version);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "same name");
	visit.session = visit_run(&visit).session;
	visit.name = "b.example";
	ck_assert(!visit_run(&visit).resumed);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "other name");
}
END_TEST

START_TEST(a_module_runs_once_and_its_value_is_kept)
{
	folder_write("one.lua", "print('one runs') return { n = ... }\n");
	folder_write("two.lua", "return require 'one'\n");
	folder_write("nothing.lua", "print('nothing runs')\n");
	folder_write("no.lua", "print('no runs') return false\n");
	folder_write("text.lua", "return 'text'\n");
	takes("assert(require 'one' == require 'one')\n"
	      "assert(require 'two' == require 'one')\n"
	      "assert(require('one').n == 'one')\n"
	      "assert(require 'nothing' == true and require 'nothing')\n"
	      "assert(require 'no' == false and require 'no' == false)\n"
	      "assert(require 'text' == 'text')\n"
	      "return {}\n");
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "one runs"), 1);
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "nothing runs"), 1);
	ck_assert_int_eq(log_count(USHER_LOG_INFO, "no runs"), 2);
}
END_TEST

static const char *const no_names[] = {"''", "'.'", "'..'", "'../secret'",
    "'/etc/passwd'", "'a/b'", "'a\\0b'", "'a\\0'", "'.a'", "'a.'", "'a..b'",
    "'a-b'", "'a b'", "'~'", "'a.lua/'", "'\\27[2J'", "'\\195\\164'",
    "('x'):rep(56)", "('x.'):rep(1e6)", "'usher/ip'", "'a\\nb'"};

START_TEST(what_is_no_name_is_refused)
{
	struct usher_error error;
	char text[128];

	snprintf(text, sizeof text, "\nrequire(%s)\nreturn {}", no_names[_i]);
	folder_write("p.lua", text);
	error = folder_refused("p.lua");
	ck_assert_int_eq(error.code, USHER_ERROR_SCRIPT);
	ck_assert_int_eq(error.line, 2);
	has(&error, "is no module's name");
	for (const char *p = error.message; *p; p++)
		ck_assert((unsigned char)*p >= ' ');
}
END_TEST

START_TEST(names_lead_to_folders)
{
	char name[64] = "", path[80];

	memset(name, 'x', 55);
	snprintf(path, sizeof path, "%s.lua", name);
	folder_write(path, "error 'here'");
	folder_write("a/b_1/C.lua", "return 'deep'\n");
	folder_write("usherlike.lua", "return 'mine'\n");
	takes("assert(require 'a.b_1.C' == 'deep')\n"
	      "assert(require 'usherlike' == 'mine')\n"
	      "local ok, why = pcall(require, ('x'):rep(55))\n"
	      "assert(not ok and why:find('^x+%.lua:1: here'), why)\n"
	      "for _, v in ipairs{{}, 1, true, print} do\n"
	      "  assert(not pcall(require, v)) end\n"
	      "assert(not pcall(require))\n"
	      "return {}\n");
}
END_TEST

/* Files, and what the error of p.lua says. */
static const struct {
	const char *name, *p, *a, *b;
	enum usher_code code;
	const char *script; /* of the error */
	int line;
	const char *says[3];
} broken[] = {
    {"a missing file", "\n\nlocal a = require 'a'", "return require('b')", NULL,
	USHER_ERROR_FILE, "a.lua", 0,
	{"module 'b'", "there is no such file", "; required at p.lua:3"}},
    {"a missing file, with a line", "\nlocal a = require 'a'",
	"\nlocal b = require('b')\nreturn b", NULL, USHER_ERROR_FILE, "a.lua",
	2, {"module 'b'", "b.lua", "; required at p.lua:2"}},
    {"a missing file of the script's", "return require 'c'", NULL, NULL,
	USHER_ERROR_FILE, "p.lua", 1, {"module 'c'", "no such file"}},
    {"a syntax error", "\nlocal a = require 'a'", "local b = require 'b'",
	"\n\n\nlocal = 1", USHER_ERROR_SYNTAX, "b.lua", 4,
	{"b.lua:4:", "; required at a.lua:1", "; required at p.lua:2"}},
    {"an error", "\nlocal a = require 'a'", "\nlocal b = require 'b'",
	"\n\nerror('boom')", USHER_ERROR_SCRIPT, "b.lua", 3,
	{"b.lua:3: boom", "; required at a.lua:2", "; required at p.lua:2"}},
    {"an undefined global", "local a = require 'a'", "return strng", NULL,
	USHER_ERROR_SCRIPT, "a.lua", 1, {"did you mean 'string'?"}},
    {"a global set", "local a = require 'a'", "\nx = 1", NULL,
	USHER_ERROR_SCRIPT, "a.lua", 2, {"use local"}},
    {"a cycle", "local a = require 'a'", "local b = require 'b'",
	"\nlocal a = require 'a'", USHER_ERROR_SCRIPT, "b.lua", 2,
	{"module 'a' requires itself: a requires b requires a",
	    "; required at a.lua:1", "; required at p.lua:1"}},
    {"a cycle of one", "local a = require 'a'", "local a = require 'a'", NULL,
	USHER_ERROR_SCRIPT, "a.lua", 1, {"a requires a;"}},
    {"an error later", "local a = require 'a' a.f()",
	"return { f = function()\n\n error('late') end }", NULL,
	USHER_ERROR_SCRIPT, "a.lua", 3, {"a.lua:3: late"}},
    {"a misspelt module of the library", "\nlocal x = require 'usher.dta'",
	NULL, NULL, USHER_ERROR_FILE, "p.lua", 2,
	{"no module 'usher.dta'", "did you mean 'usher.data'?"}},
    {"an error that is a table", "local a = require 'a'", "error({})", NULL,
	USHER_ERROR_SCRIPT, "p.lua", 1, {"no string, but a table"}},
    {"an error without a place", "local a = require 'a'", "\nerror('bare', 0)",
	NULL, USHER_ERROR_SCRIPT, "a.lua", 2,
	{"a.lua:2: bare; required at p.lua:1"}},
    {"an error caught, another raised", "pcall(require, 'a') error('mine', 0)",
	NULL, NULL, USHER_ERROR_SCRIPT, "p.lua", 1, {"mine"}},
};

START_TEST(errors_name_file_line_and_who_required)
{
	struct usher_error error;

	folder_write("p.lua", broken[_i].p);
	if (broken[_i].a)
		folder_write("a.lua", broken[_i].a);
	if (broken[_i].b)
		folder_write("b.lua", broken[_i].b);
	error = folder_refused("p.lua");
	ck_assert_msg(error.code == broken[_i].code, "%s: %d, %s",
	    broken[_i].name, error.code, error.message);
	ck_assert_msg(strcmp(error.script, folder_path(broken[_i].script)) == 0,
	    "%s: %s", broken[_i].name, error.message);
	if (broken[_i].line > 0)
		ck_assert_msg(error.line == broken[_i].line, "%s: %s",
		    broken[_i].name, error.message);
	for (int i = 0; i < 3 && broken[_i].says[i]; i++)
		has(&error, broken[_i].says[i]);
}
END_TEST

START_TEST(errors_in_handshakes_name_the_modules_line)
{
	struct visit visit = {.version = version_of(_i)};

	folder_write("p.lua", "return { generate = require('a').f }\n");
	folder_write("a.lua", "return { f = function(conn)\n"
			      "  return conn.server_nam\n"
			      "end }\n");
	visit.server = engine_server(folder_engine("p.lua"), visit.version);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_ptr_nonnull(strstr(
	    note_last(USHER_CALL_GENERATE)->message, folder_path("a.lua")));
	ck_assert_int_eq(note_last(USHER_CALL_GENERATE)->line, 2);
}
END_TEST

static const struct {
	const char *text;
	enum usher_code code;
} spending[] = {
    {"while true do end", USHER_ERROR_INSTRUCTIONS},
    {"pcall(function() while true do end end)", USHER_ERROR_INSTRUCTIONS},
    {"local s = 'x' while true do s = s .. s end", USHER_ERROR_MEMORY},
    {"local t = {} for i = 1, 1e9 do t[i] = {} end", USHER_ERROR_MEMORY},
};

START_TEST(modules_run_under_the_limits_for_loading)
{
	struct usher_error error;

	folder_write("p.lua", "pcall(pcall, require, 'a') pcall(require, 'a')\n"
			      "return {}");
	folder_write("a.lua", spending[_i].text);
	error = folder_refused("p.lua");
	ck_assert_int_eq(error.code, spending[_i].code);
}
END_TEST

START_TEST(deep_chains_of_modules_are_fine_or_a_clean_error)
{
	char name[32], text[64];
	struct usher_error error;

	for (int i = 0; i < 400; i++) {
		snprintf(name, sizeof name, "m%d.lua", i);
		snprintf(text, sizeof text, "return require 'm%d'", i + 1);
		folder_write(name, text);
	}
	folder_write("m20.lua", "return 20");
	folder_write("p.lua", "assert(require 'm0' == 20) return {}");
	engine_free(folder_engine("p.lua"));
	folder_write("m20.lua", "return require 'm21'");
	folder_write("m400.lua", "return 400");
	folder_write("p.lua", "assert(require 'm0' == 400) return {}");
	error = folder_refused("p.lua");
	has(&error, "stack overflow");
}
END_TEST

/*
 * Folders
 */

START_TEST(the_folder_is_where_the_script_really_lies)
{
	struct usher_error error;

	folder_write("v1/p.lua", "assert(require 'm' == 1) return {}");
	folder_write("v1/m.lua", "return 1");
	folder_write("v2/p.lua", "assert(require 'm' == 2) return {}");
	folder_write("v2/m.lua", "return 2");
	folder_write("m.lua", "return 'none'");
	ck_assert_int_eq(symlink("v1", folder_path("now")), 0);
	ck_assert_int_eq(symlink("now/p.lua", folder_path("p.lua")), 0);
	engine_free(folder_engine("p.lua"));
	ck_assert_int_eq(symlink("v2", folder_path("next")), 0);
	ck_assert_int_eq(rename(folder_path("next"), folder_path("now")), 0);
	engine_free(folder_engine("p.lua"));
	folder_write("v2/m.lua", "\nerror('x')");
	error = folder_refused("p.lua");
	ck_assert_ptr_nonnull(strstr(error.script, "/v2/m.lua"));
	ck_assert_int_eq(error.line, 2);
}
END_TEST

START_TEST(a_relative_path_has_a_folder_too)
{
	struct engine_spec spec = {.path = "p.lua"};
	struct usher_error error;
	struct usher_options *options = usher_options_new();

	folder_write("p.lua", "require 'm' return {}");
	folder_write("m.lua", "");
	ck_assert_int_eq(chdir(folder_path(NULL)), 0);
	engine_free(engine_make(&spec));
	spec.path = "./p.lua";
	engine_free(engine_make(&spec));
	folder_write("m.lua", "error('x')");
	usher_options_set_script_file(options, "p.lua");
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_str_eq(error.script, "m.lua");
	usher_options_set_script_file(options, "./p.lua");
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_str_eq(error.script, "./m.lua");
	usher_options_free(options);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(symlinks_may_stay_in_the_folder_and_not_leave_it)
{
	static const char *const out[] = {
	    "outside", "up", "absolute", "dir.m", "magic"};
	struct usher_error error;
	char text[64], target[600];

	folder_write("secret.lua", "return 'secret'");
	folder_write("f/real/m.lua", "return 'm'");
	snprintf(target, sizeof target, "%s", folder_path("f/real/m.lua"));
	ck_assert_int_eq(symlink("real/m.lua", folder_path("f/in.lua")), 0);
	ck_assert_int_eq(symlink("real", folder_path("f/dir2")), 0);
	ck_assert_int_eq(symlink("../f/in.lua", folder_path("f/up.lua")), 0);
	ck_assert_int_eq(
	    symlink("../secret.lua", folder_path("f/outside.lua")), 0);
	ck_assert_int_eq(symlink(target, folder_path("f/absolute.lua")), 0);
	ck_assert_int_eq(symlink("..", folder_path("f/dir")), 0);
	ck_assert_int_eq(
	    symlink("/proc/self/root/etc", folder_path("f/magic")), 0);
	folder_write("m.lua", "return 'out'");
	folder_write("f/p.lua", "assert(require 'real.m' == 'm') return {}");
	engine_free(folder_engine("f/p.lua"));
	folder_write("f/p.lua",
	    "assert(require 'in' == 'm' and require 'dir2.m' == 'm')\n"
	    "return {}");
	engine_free(folder_engine("f/p.lua")); /* Linux 5.6 and later */
	for (size_t i = 0; i < COUNT(out); i++) {
		snprintf(text, sizeof text, "\nrequire '%s%s'", out[i],
		    strcmp(out[i], "magic") == 0 ? ".passwd" : "");
		folder_write("f/p.lua", text);
		error = folder_refused("f/p.lua");
		ck_assert_int_eq(error.code, USHER_ERROR_FILE);
		ck_assert_int_eq(error.line, 2);
		if (i < 4)
			has(&error, "leads out of the script's folder");
	}
}
END_TEST

START_TEST(what_is_no_readable_file_is_refused)
{
	char *large = malloc((1 << 20) + 2);
	struct usher_error error;

	ck_assert_ptr_nonnull(large);
	folder_write("p.lua", "require 'm' return {}");
	ck_assert_int_eq(mkfifo(folder_path("m.lua"), 0600), 0);
	error = folder_refused("p.lua");
	has(&error, "is not a regular file");
	ck_assert_int_eq(error.code, USHER_ERROR_FILE);
	unlink(folder_path("m.lua"));
	ck_assert_int_eq(mkdir(folder_path("m.lua"), 0700), 0);
	error = folder_refused("p.lua");
	has(&error, "is a directory");
	rmdir(folder_path("m.lua"));
	memset(large, '\n', (1 << 20) + 1);
	folder_write_bytes("m.lua", large, (1 << 20) + 1);
	error = folder_refused("p.lua");
	has(&error, "is larger than the limit of 1048576 bytes");
	folder_write_bytes("m.lua", large, 1 << 20);
	engine_free(folder_engine("p.lua"));
	folder_write("m.lua", "\033LJ\2");
	error = folder_refused("p.lua");
	ck_assert_int_eq(error.code, USHER_ERROR_SYNTAX);
	folder_write("m.lua", "return 1");
	ck_assert_int_eq(chmod(folder_path("m.lua"), 0), 0);
	if (access(folder_path("m.lua"), R_OK) != 0) { /* not root */
		error = folder_refused("p.lua");
		has(&error, "Permission denied");
	}
	free(large);
}
END_TEST

START_TEST(all_modules_together_have_a_limit)
{
	char *large = malloc(1 << 20), name[32], *text = calloc(1, 4096);
	struct usher_error error;

	ck_assert(large && text);
	memset(large, '\n', 1 << 20);
	for (int i = 0; i < 17; i++) {
		snprintf(name, sizeof name, "m%d.lua", i);
		folder_write_bytes(name, large, 1 << 20);
		snprintf(text + strlen(text), 64, "require 'm%d' ", i);
	}
	folder_write("p.lua", text);
	error = folder_refused("p.lua");
	has(&error, "all modules together");
	free(large);
	free(text);
}
END_TEST

START_TEST(a_text_has_no_files_but_the_library)
{
	struct usher_error error = engine_refused("\nrequire 'm' return {}");

	ck_assert_int_eq(error.code, USHER_ERROR_SCRIPT);
	ck_assert_int_eq(error.line, 2);
	has(&error, "a script given as text has no files");
	engine_new("local chain = require 'usher.chain'\n"
		   "local usher = require 'usher'\n"
		   "assert(usher.chain == chain and usher.ip and\n"
		   "  usher.ip == require 'usher.ip')\n"
		   "assert(usher.nothing == nil and usher[1] == nil)\n"
		   "return chain {{decrypt = print}}");
	error = engine_refused(
	    "\nlocal s = require('usher.data').set('x') return {}");
	has(&error, "a script given as text has no files");
}
END_TEST

START_TEST(a_script_without_a_folder_says_so)
{
	int fd = memfd_create("script", MFD_CLOEXEC);
	struct usher_options *options = usher_options_new();
	static const char text[] = "require 'm' return {}";
	struct usher_error error = {0};
	char path[64];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof text - 1), sizeof text - 1);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	usher_options_set_script_file(options, path);
	ck_assert_ptr_null(usher_new(options, &error));
	has(&error, "folder can't be found");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "return {}", 9, 0), 9);
	usher_free(usher_new(options, &error));
	usher_options_free(options);
	close(fd);
}
END_TEST

/*
 * Handshakes
 */

START_TEST(a_handshake_reads_no_file)
{
	struct visit visit = {.version = version_of(_i)};
	char path[512];

	folder_write("f/p.lua",
	    "local data = require 'usher.data'\n"
	    "local m, s = require 'm', data.set 'd/s.txt'\n"
	    "local function no(f, ...)\n"
	    "  local ok, why = pcall(f, ...)\n"
	    "  assert(not ok and why:find('not in a handshake'), why)\n"
	    "end\n"
	    "return { decrypt = function(conn, ticket)\n"
	    "  assert(require 'm' == m and m.one == 1 and s:contains 'a')\n"
	    "  assert(require('usher').now() > 0)\n"
	    "  no(require, 'other')\n"
	    "  no(require, 'usher.chain')\n"
	    "  no(function() return require('usher').chain end)\n"
	    "  no(data.set, 'd/s.txt')\n"
	    "  no(data.map, 'other.txt')\n"
	    "  conn.vars.seen = 'all'\n"
	    "  if ticket.decrypted then return 'use', 'seen' end\n"
	    "end }\n");
	folder_write("f/m.lua", "return { one = 1 }\n");
	folder_write("f/other.lua", "return 1\n");
	folder_write("f/d/s.txt", "a\n");
	visit.server = engine_server(folder_engine("f/p.lua"), visit.version);
	snprintf(path, sizeof path, "%s", folder_path("gone"));
	ck_assert_int_eq(rename(folder_path("f"), path), 0);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "seen");
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->seen, "all");
}
END_TEST

START_TEST(a_state_that_asks_for_more_than_the_first_is_an_error)
{
	struct visit visit = {0};

	/* The first state's numbers differ from the second's: on and on. */
	folder_write("p.lua",
	    "local first = math.random(2^30)\n"
	    "if not ({pcall(require, 'flag')})[1] then error('no flag') end\n"
	    "return { selftest = function() require 'late' end,\n"
	    "  generate = function() require 'late' end,\n"
	    "  decrypt = function() require 'later' end }\n");
	folder_write("flag.lua", "return false\n");
	folder_write("late.lua", "return 1\n");
	folder_write("later.lua", "return 1\n");
	visit.server = engine_server(folder_engine("p.lua"), TLS1_2_VERSION);
	visit.version = TLS1_2_VERSION;
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(note_last(USHER_CALL_GENERATE)->code, USHER_OK);
	ck_assert_int_eq(
	    note_last(USHER_CALL_DECRYPT)->code, USHER_ERROR_SCRIPT);
	ck_assert_ptr_nonnull(strstr(note_last(USHER_CALL_DECRYPT)->message,
	    "'later' was not loaded with the script"));
}
END_TEST

/*
 * Revisions
 */

START_TEST(the_revision_tells_each_file)
{
	unsigned char digest[USH_SHA256_LEN];
	char hex[65], last[32];
	/* What is changed, one after the other. */
	static const char *const steps[][2] = {
	    {"p.lua", "require 'm' return { generate = function() end }"},
	    {"m.lua", "return 2"},
	    {"p.lua", "require 'n' return { generate = function() end }"},
	    {"p.lua", "require 'usher.chain' require 'n'\n"
		      "return { generate = function() end }"},
	    {"p.lua", "require 'n' require 'usher.data'.set 's'\n"
		      "return { generate = function() end }"},
	    {"s", "other"},
	    {"s", "other\n"},
	};

	folder_write("p.lua", "return { generate = function() end }");
	folder_write("m.lua", "return 1");
	folder_write("n.lua", "return 2");
	folder_write("s", "one");
	snprintf(last, sizeof last, "%s", folder_revision("p.lua"));
	ck_assert_int_eq(
	    ush_sha256("return { generate = function() end }", 36, digest), 0);
	ush_hex(hex, digest, 8);
	ck_assert_str_eq(last, hex);
	for (size_t i = 0; i < COUNT(steps); i++) {
		folder_write(steps[i][0], steps[i][1]);
		ck_assert_str_ne(folder_revision("p.lua"), last);
		snprintf(last, sizeof last, "%s", folder_revision("p.lua"));
		/* What is not required makes no difference. */
		folder_write("unused.lua", last);
		ck_assert_str_eq(folder_revision("p.lua"), last);
	}
}
END_TEST

/*
 * The sandbox
 */

START_TEST(a_module_is_in_the_sandbox_too)
{
	folder_write("m.lua",
	    "for _, name in ipairs{'io', 'debug', 'load', '_G', 'package'} do\n"
	    "  assert(not pcall(function()\n"
	    "    return ({io = function() return io end,\n"
	    "      debug = function() return debug end,\n"
	    "      load = function() return load end,\n"
	    "      _G = function() return _G end,\n"
	    "      package = function() return package end})[name]() end))\n"
	    "end\n"
	    "assert(not pcall(function() leak = 1 end))\n"
	    "assert(not pcall(function() string.x = 1 end))\n"
	    "assert(not pcall(function() require = 1 end))\n"
	    "return {}\n");
	takes("local m = require 'm'\n"
	      "local u, ip = require 'usher', require 'usher.ip'\n"
	      "for _, l in ipairs{u, ip, require 'usher.data'} do\n"
	      "  assert(type(l) == 'userdata')\n"
	      "  assert(getmetatable(l) == false)\n"
	      "  assert(not pcall(rawset, l, 'x', 1))\n"
	      "  assert(not pcall(function() l.now = 1 end))\n"
	      "  assert(not pcall(setmetatable, l, {}))\n"
	      "end\n"
	      "assert(tostring(u) == 'usher' and tostring(ip) == 'usher.ip')\n"
	      "return {}\n");
}
END_TEST

/*
 * usher.chain
 */

static const char chained[] =
    "local chain = require 'usher.chain'\n"
    "local function part(key, verdict)\n"
    "  return {\n"
    "    name = key,\n"
    "    generate = function() return { [key] = 1 } end,\n"
    "    decrypt = function(conn, ticket)\n"
    "      if not ticket.decrypted then return end\n"
    "      local k, v = next(ticket.data)\n"
    "      assert(k == key and v == 1 and not next(ticket.data, k))\n"
    "      return verdict, key .. ' says ' .. tostring(verdict)\n"
    "    end }\n"
    "end\n"
    "return chain { part('a', %s), part('b', %s) }\n";

static const struct {
	const char *a, *b, *verdict, *reason;
	int resumed;
} chains[] = {
    {"nil", "'default'", "use", "a says nil; b says default", 1},
    {"'use_renew'", "nil", "use_renew", "a says use_renew; b says nil", 1},
    {"'use_renew'", "'use'", "use_renew", "a says use_renew; b says use", 1},
    {"'use'", "'ignore_renew'", "ignore_renew", "b says ignore_renew", 0},
    {"'ignore'", "'abort'", "ignore", "a says ignore", 0},
};

START_TEST(the_first_refusal_of_a_chain_wins)
{
	struct visit visit = {.version = TLS1_2_VERSION};
	char text[1024];

	snprintf(text, sizeof text, chained, chains[_i].a, chains[_i].b);
	visit.server = policy_server(text, TLS1_2_VERSION);
	ck_assert_int_eq(visit_twice(&visit).resumed, chains[_i].resumed);
	notes_check();
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->verdict, chains[_i].verdict);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->reason, chains[_i].reason);
}
END_TEST

START_TEST(two_of_a_chain_must_not_have_one_name)
{
	struct usher_error error =
	    engine_refused("local f = function() return { x = 1 } end\n"
			   "return require('usher.chain') {\n"
			   "  { name = 'a', generate = f },\n"
			   "  { name = 'a', generate = f } }\n");

	has(&error, "parts 1 and 2 are both called 'a'");
}
END_TEST

/*
 * Part by part
 */

static int
opens(int folder, const char *path)
{
	int fd = ush_beneath_open_parts(folder, path);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

START_TEST(opening_part_by_part_follows_no_symlink)
{
	char path[600];
	int folder;

	folder_write("f/a/b", "x");
	folder_write("secret", "x");
	ck_assert_int_eq(symlink("b", folder_path("f/a/link")), 0);
	ck_assert_int_eq(symlink("a", folder_path("f/link")), 0);
	ck_assert_int_eq(symlink("..", folder_path("f/up")), 0);
	folder = open(folder_path("f"), O_PATH | O_DIRECTORY);
	ck_assert_int_ge(folder, 0);
	ck_assert_int_eq(opens(folder, "a/b"), 0);
	ck_assert_int_eq(opens(folder, "a/link"), ELOOP);
	ck_assert_int_eq(opens(folder, "link/b"), ENOTDIR);
	ck_assert_int_eq(opens(folder, "up/secret"), ENOTDIR);
	ck_assert_int_eq(opens(folder, "../secret"), EXDEV);
	ck_assert_int_eq(opens(folder, "a/../../secret"), EXDEV);
	ck_assert_int_eq(opens(folder, ".."), EXDEV);
	ck_assert_int_eq(opens(folder, ""), EXDEV);
	snprintf(path, sizeof path, "%s", folder_path("secret"));
	ck_assert_int_eq(opens(folder, path), EXDEV);
	ck_assert_int_eq(opens(folder, "a/none"), ENOENT);
	ck_assert_int_eq(opens(folder, "none/b"), ENOENT);
	memset(path, 'x', 300);
	memcpy(path + 300, "/b", 3);
	ck_assert_int_eq(opens(folder, path), ENAMETOOLONG);
	ck_assert(ush_beneath_allows("a/..b") && ush_beneath_allows("...") &&
		  !ush_beneath_allows("a/..") && !ush_beneath_allows("a//.."));
	close(folder);
}
END_TEST

static void
add_folders(TCase *tc)
{
	tcase_add_test(tc, the_folder_is_where_the_script_really_lies);
	tcase_add_test(tc, a_relative_path_has_a_folder_too);
	tcase_add_test(tc, symlinks_may_stay_in_the_folder_and_not_leave_it);
	tcase_add_test(tc, what_is_no_readable_file_is_refused);
	tcase_add_test(tc, all_modules_together_have_a_limit);
	tcase_add_test(tc, a_text_has_no_files_but_the_library);
	tcase_add_test(tc, a_script_without_a_folder_says_so);
	tcase_add_test(tc, opening_part_by_part_follows_no_symlink);
}

int
main(void)
{
	Suite *suite = suite_create("require");
	TCase *tc = folder_case("modules", 30);

	tcase_add_loop_test(
	    tc, a_policy_made_of_modules_decides_handshakes, 0, VERSIONS);
	tcase_add_test(tc, a_module_runs_once_and_its_value_is_kept);
	tcase_add_loop_test(tc, what_is_no_name_is_refused, 0, COUNT(no_names));
	tcase_add_test(tc, names_lead_to_folders);
	tcase_add_loop_test(
	    tc, errors_name_file_line_and_who_required, 0, COUNT(broken));
	tcase_add_loop_test(
	    tc, errors_in_handshakes_name_the_modules_line, 0, VERSIONS);
	tcase_add_loop_test(
	    tc, modules_run_under_the_limits_for_loading, 0, COUNT(spending));
	tcase_add_test(tc, deep_chains_of_modules_are_fine_or_a_clean_error);
	add_folders(tc);
	tcase_add_loop_test(tc, a_handshake_reads_no_file, 0, VERSIONS);
	tcase_add_test(
	    tc, a_state_that_asks_for_more_than_the_first_is_an_error);
	tcase_add_test(tc, the_revision_tells_each_file);
	tcase_add_test(tc, a_module_is_in_the_sandbox_too);
	tcase_add_loop_test(
	    tc, the_first_refusal_of_a_chain_wins, 0, COUNT(chains));
	tcase_add_test(tc, two_of_a_chain_must_not_have_one_name);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
