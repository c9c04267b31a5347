/*
 * SPDX-License-Identifier: MIT
 *
 * Making an engine: what is refused, and how well it is told.
 *
 * Scenarios:
 *  1. Syntax errors, with the right line; scripts of the wrong shape, and
 *     such as return nothing.
 *  2. Unknown fields are told the nearest one: "did you mean decrypt?".
 *  3. Top levels and selftests that fail, loop, or hoard memory.
 *  4. Files: missing, a directory, unreadable, empty, not NUL-free, relative.
 *  5. Option values out of range are refused at the setter, and change nothing.
 *  6. The last script set counts; texts need no NUL; no options is an error.
 *  7. Errors may be NULL; messages are one line, and name script and remedy.
 *  8. Statistics are copied by size.
 *  9. Options may be freed or reused after usher_new.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "tls/engine.h"
#include "tls/fork.h"

struct refused {
	const char *text;
	enum usher_code code;
	int line;         /* 0: not looked at */
	const char *says; /* in the message */
};

static const struct refused refused[] = {
    {"return {", USHER_ERROR_SYNTAX, 1, "test.lua:1:"},
    {"return {\n  decrypt = function(\n}", USHER_ERROR_SYNTAX, 3,
	"test.lua:3:"},
    {"local x = = 1", USHER_ERROR_SYNTAX, 1, "test.lua:1:"},
    {"return { a b }", USHER_ERROR_SYNTAX, 1, "test.lua"},
    {"\033LJ\2", USHER_ERROR_SYNTAX, 0, ""},
    {"", 0, 1, "the script returns nothing; end it by returning the table"},
    {"return", 0, 1, "the script returns nothing"},
    {"local p = {\n  decrypt = function() return 'use' end,\n}\n\n", 0, 3,
	"test.lua:3: the script returns nothing"},
    {"local function f() return 'it' end\n-- end", 0, 2, "returns nothing"},
    {"do return end return {}", 0, 0, "returns nothing"},
    {"return nil", 0, 1, "it returned nil"},
    {"return\nfalse -- or not", 0, 1, "it returned a boolean"},
    {"return 1", 0, 0, "table"},
    {"return 'x'", 0, 0, "table"},
    {"return function() end", 0, 0, "table"},
    {"return {}, 1", USHER_OK, 0, ""},
    {"return { decript = function() end }", 0, 0, "did you mean"},
    {"return { decript = function() end }", 0, 0, "decrypt"},
    {"return { Generate = function() end }", 0, 0, "generate"},
    {"return { nmae = 'x' }", 0, 0, "name"},
    {"return { self_test = function() end }", 0, 0, "selftest"},
    {"return { [1] = function() end }", 0, 0, ""},
    {"return { decrypt = 1 }", 0, 0, "decrypt"},
    {"return { decrypt = 'use' }", 0, 0, "decrypt"},
    {"return { generate = {} }", 0, 0, "generate"},
    {"return { selftest = true }", 0, 0, "selftest"},
    {"return { name = 1 }", 0, 0, "name"},
    {"return { name = '' }", 0, 0, "name"},
    {"return { name = ('n'):rep(65) }", 0, 0, "name"},
    {"return { api = 2 }", 0, 0, "api"},
    {"return { api = '1' }", 0, 0, "api"},
    {"error('at the top')", USHER_ERROR_SCRIPT, 1, "at the top"},
    {"\n\nlocal x = nil\nx.y = 1\nreturn {}", USHER_ERROR_SCRIPT, 4,
	"test.lua:4:"},
    {"undefined_name()", USHER_ERROR_SCRIPT, 1, "undefined_name"},
    {"some_global = 1 return {}", USHER_ERROR_SCRIPT, 1, "some_global"},
    {"os.execute('true') return {}", USHER_ERROR_SCRIPT, 1, ""},
    {"io.open('/etc/passwd') return {}", USHER_ERROR_SCRIPT, 1, ""},
    {"require 'ffi' return {}", USHER_ERROR_SCRIPT, 1, ""},
    {"return { selftest = function() error('not sound') end }",
	USHER_ERROR_SCRIPT, 1, "not sound"},
    {"return { selftest = function()\n  assert(1 == 2, 'sums')\nend }",
	USHER_ERROR_SCRIPT, 2, "test.lua:2: sums"},
    {"\nerror({})", USHER_ERROR_SCRIPT, 2, "no string, but a table"},
    {"\nerror()", USHER_ERROR_SCRIPT, 2, "no string, but a nil"},
    {"\nerror('bare', 0)", USHER_ERROR_SCRIPT, 2, "test.lua:2: bare"},
    {"while true do end", USHER_ERROR_INSTRUCTIONS, 1, ""},
    {"return { selftest = function() while true do end end }",
	USHER_ERROR_INSTRUCTIONS, 1, ""},
    {"while true do pcall(error) end", 0, 1, "limit"},
    {"local s = 'x' while true do s = s .. s end", USHER_ERROR_MEMORY, 1, ""},
    {"return { selftest = function()\n"
     "  local s = 'x' while true do s = s .. s end\nend }",
	USHER_ERROR_MEMORY, 2, ""},
};
#define REFUSED (int)(sizeof refused / sizeof *refused)

START_TEST(a_bad_script_is_refused_with_line_and_remedy)
{
	const struct refused *one = &refused[_i];
	struct usher_error error;

	if (one->text[0] != '\0' && strcmp(one->text, "return {}, 1") == 0) {
		engine_new(one->text); /* a second value is no harm */
		return;
	}
	error = engine_refused(one->text);
	if (one->code)
		ck_assert_msg(error.code == one->code, "%s: %d, %s", one->text,
		    error.code, error.message);
	if (one->line)
		ck_assert_msg(error.line == one->line, "%s: line %d: %s",
		    one->text, error.line, error.message);
	ck_assert_msg(strstr(error.message, one->says) != NULL, "%s: %s",
	    one->text, error.message);
	ck_assert_ptr_null(strchr(error.message, '\n'));
	ck_assert_str_eq(error.script, "test.lua");
}
END_TEST

static const char *const taken[] = {
    "return {}",
    "return { name = 'shop', api = 1 }",
    "return { name = ('n'):rep(64) }",
    "return { selftest = function() end }",
    "return { selftest = function() return false end }",
    "return { generate = nil, decrypt = function() end }",
    "#!/usr/bin/env usher\nreturn {}",
    "local M = {} function M.decrypt() end return M",
    "return setmetatable({}, { __index = { decript = 1 } })",
    "for i = 1, 1000000 do end return {}",
};
#define TAKEN (int)(sizeof taken / sizeof *taken)

START_TEST(a_sound_script_is_taken)
{
	struct visit visit = {.version = TLS1_2_VERSION};

	visit.server = policy_server(taken[_i], visit.version);
	ck_assert(visit_twice(&visit).resumed);
	notes_check();
}
END_TEST

START_TEST(nested_source_is_a_clean_error)
{
	enum { DEPTH = 2000 };
	static const char *const opens[] = {
	    "(", "{", "function() return ", "-", "not "};
	const char *open = opens[_i];
	char *text = calloc(DEPTH + 1, strlen(open) + 1);
	int i;

	strcpy(text, "return ");
	for (i = 0; i < DEPTH - 10; i++)
		strcat(text, open);
	engine_refused(text);
	free(text);
}
END_TEST

/* Files: all under one folder of the test's own. */
static char folder[64];

static void
folder_make(void)
{
	strcpy(folder, "/tmp/usher-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
}

static void
folder_remove(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *
file_make(const char *name, const char *content, size_t len, mode_t mode)
{
	static char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, len), (ssize_t)len);
	ck_assert_int_eq(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static struct usher *
engine_of_file(const char *path, struct usher_error *error)
{
	struct usher_options *options = usher_options_new();
	struct usher *engine;

	ck_assert_int_eq(usher_options_set_script_file(options, path), 0);
	memset(error, 0, sizeof *error);
	engine = usher_new(options, error);
	usher_options_free(options);
	return engine;
}

static void
check_file_refused(const char *path, enum usher_code code)
{
	struct usher_error error;

	ck_assert_ptr_null(engine_of_file(path, &error));
	ck_assert_int_eq(error.code, code);
	ck_assert_ptr_nonnull(strstr(error.message, path));
	ck_assert_str_eq(error.script, path);
}

START_TEST(a_file_that_cannot_be_read_is_refused)
{
	char path[128];

	check_file_refused("/nonexistent/policy.lua", USHER_ERROR_FILE);
	check_file_refused(folder, USHER_ERROR_FILE);
	snprintf(path, sizeof path, "%s/fifo", folder);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	check_file_refused(path, USHER_ERROR_FILE);
	snprintf(path, sizeof path, "%s/dangling", folder);
	ck_assert_int_eq(symlink("nowhere", path), 0);
	check_file_refused(path, USHER_ERROR_FILE);
	check_file_refused("/dev/zero", USHER_ERROR_FILE);
}
END_TEST

/* Root reads everything: a child drops its rights first. */
START_TEST(an_unreadable_file_is_refused)
{
	const char *path = file_make("secret.lua", "return {}", 9, 0);
	struct usher_error error;
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		_exit(!engine_of_file(path, &error) &&
			      error.code == USHER_ERROR_FILE &&
			      strstr(error.message, path)
			  ? 7
			  : 1);
	}
	ck_assert_int_eq(child_status(child), 7);
}
END_TEST

START_TEST(an_error_in_a_file_names_it)
{
	const char *path =
	    file_make("bad.lua", "return {\n  decrypt = 1 2\n}", 26, 0644);
	struct usher_error error;

	ck_assert_ptr_null(engine_of_file(path, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_SYNTAX);
	ck_assert_int_eq(error.line, 2);
	ck_assert_ptr_nonnull(strstr(error.message, path));
	ck_assert_str_eq(error.script, path);
}
END_TEST

START_TEST(a_file_is_taken_by_any_path)
{
	struct usher_error error;
	struct usher *engine;
	char path[128], link[128];

	snprintf(path, sizeof path, "%s",
	    file_make("good.lua", "return {}\n", 10, 0444));
	snprintf(link, sizeof link, "%s/link.lua", folder);
	ck_assert_int_eq(symlink("good.lua", link), 0);
	engine = engine_of_file(path, &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	usher_free(engine);
	engine = engine_of_file(link, &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	usher_free(engine);
	ck_assert_int_eq(chdir(folder), 0);
	engine = engine_of_file("good.lua", &error);
	ck_assert_msg(engine != NULL, "%s", error.message);
	usher_free(engine);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

START_TEST(a_source_over_the_limit_is_refused)
{
	static char big[2 << 20];
	struct usher_options *options = usher_options_new();
	struct usher_error error = {0};
	const char *path;

	memset(big, '-', sizeof big);
	memcpy(big + sizeof big - 11, "\nreturn {}\n", 11);
	path = file_make("big.lua", big, sizeof big, 0644);
	ck_assert_ptr_null(engine_of_file(path, &error));
	ck_assert_str_ne(error.message, "");
	usher_options_set_source_limit(options, sizeof big);
	ck_assert_int_eq(usher_options_set_script_file(options, path), 0);
	usher_free(usher_new(options, &error));
	usher_options_set_source_limit(options, 5);
	usher_options_set_script_text(options, "t", "return {}", 9);
	ck_assert_ptr_null(usher_new(options, &error));
	usher_options_free(options);
}
END_TEST

START_TEST(values_out_of_range_are_refused_at_the_setter)
{
	struct usher_options *o = usher_options_new();

	ck_assert_int_eq(usher_options_set_script_file(o, NULL), -1);
	ck_assert_int_eq(usher_options_set_script_file(o, ""), -1);
	ck_assert_int_eq(usher_options_set_script_text(o, "n", NULL, 1), -1);
	ck_assert_int_eq(usher_options_set_memory_limit(o, 0), -1);
	ck_assert_int_eq(usher_options_set_memory_limit(o, 256 * 1024 - 1), -1);
	ck_assert_int_eq(usher_options_set_memory_limit(o, 256 * 1024), 0);
	ck_assert_int_eq(usher_options_set_instruction_limit(o, 0), -1);
	ck_assert_int_eq(usher_options_set_instruction_limit(o, 1000), 0);
	ck_assert_int_eq(usher_options_set_cpu_time_limit(o, 0), -1);
	ck_assert_int_eq(usher_options_set_cpu_time_limit(o, 1000), 0);
	ck_assert_int_eq(usher_options_set_app_data_limit(o, 0), -1);
	ck_assert_int_eq(usher_options_set_app_data_limit(o, 63001), -1);
	ck_assert_int_eq(usher_options_set_app_data_limit(o, 63000), 0);
	ck_assert_int_eq(usher_options_set_source_limit(o, 0), -1);
	ck_assert_int_eq(
	    usher_options_set_on_error(o, (enum usher_on_error)3), -1);
	ck_assert_int_eq(
	    usher_options_set_on_error(o, (enum usher_on_error) - 1), -1);
	ck_assert_int_eq(usher_options_set_on_error(o, USHER_ON_ERROR_OPEN), 0);
	ck_assert_int_eq(usher_options_set_log(o, NULL, NULL), 0);
	ck_assert_int_eq(usher_options_set_decision(o, NULL, NULL), 0);
	usher_options_free(o);
	usher_options_free(NULL);
}
END_TEST

START_TEST(an_app_data_limit_that_loses_clients_is_a_warning)
{
	struct engine_spec spec = {.text = "return {}"};

	engine_make(&spec);
	spec.app_data_limit = 1200;
	engine_make(&spec);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, "app-data limit"), 0);
	spec.app_data_limit = 1201;
	engine_make(&spec);
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "limit of 1201 bytes is above 1200"),
	    1);
}
END_TEST

START_TEST(setters_refuse_null_options)
{
	ck_assert_int_eq(usher_options_set_script_file(NULL, "x"), -1);
	ck_assert_int_eq(usher_options_set_script_text(NULL, "n", "", 0), -1);
	ck_assert_int_eq(usher_options_set_memory_limit(NULL, 1 << 20), -1);
	ck_assert_int_eq(usher_options_set_instruction_limit(NULL, 1), -1);
	ck_assert_int_eq(usher_options_set_cpu_time_limit(NULL, 1), -1);
	ck_assert_int_eq(usher_options_set_app_data_limit(NULL, 1), -1);
	ck_assert_int_eq(usher_options_set_source_limit(NULL, 1), -1);
	ck_assert_int_eq(
	    usher_options_set_on_error(NULL, USHER_ON_ERROR_OPEN), -1);
	ck_assert_int_eq(usher_options_set_log(NULL, NULL, NULL), -1);
	ck_assert_int_eq(usher_options_set_decision(NULL, NULL, NULL), -1);
}
END_TEST

START_TEST(without_options_there_is_an_error)
{
	struct usher_error error = {0};

	ck_assert_ptr_null(usher_new(NULL, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_str_ne(error.message, "");
	ck_assert_ptr_null(usher_new(NULL, NULL));
}
END_TEST

START_TEST(the_last_script_counts_and_options_can_be_used_again)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error = {0};
	char text[] = "return {}?", name[] = "name";
	struct usher *engines[2];

	usher_options_set_script_file(options, "/nonexistent");
	usher_options_set_script_text(options, name, text, 9);
	memset(text, '?', sizeof text - 1);
	memset(name, '?', sizeof name - 1);
	engines[0] = usher_new(options, &error);
	engines[1] = usher_new(options, &error);
	ck_assert_msg(engines[0] && engines[1], "%s", error.message);
	usher_options_set_script_file(options, "/nonexistent");
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_FILE);
	usher_options_free(options);
	usher_free(engines[0]);
	usher_free(engines[1]);
}
END_TEST

START_TEST(a_text_with_nul_is_not_cut_off)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error = {0};
	static const char text[] = "return {} \0 error";

	usher_options_set_script_text(options, "n", text, sizeof text - 1);
	ck_assert_ptr_null(usher_new(options, &error));
	ck_assert_int_eq(error.code, USHER_ERROR_SYNTAX);
	usher_options_free(options);
}
END_TEST

START_TEST(statistics_are_copied_by_size)
{
	struct usher *engine = engine_new("return {}");
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	unsigned char raw[sizeof(struct usher_stats) + 64];
	struct usher_stats stats;

	visit_run(&visit);
	memset(raw, 0xee, sizeof raw);
	ck_assert_int_eq(
	    usher_stats_get(engine, (struct usher_stats *)(void *)raw,
		4 * sizeof(uint64_t)),
	    0);
	ck_assert_int_eq(raw[4 * sizeof(uint64_t)], 0xee);
	ck_assert_int_eq(usher_stats_get(engine,
			     (struct usher_stats *)(void *)raw, sizeof raw),
	    0);
	ck_assert_int_eq(raw[sizeof raw - 1], 0);
	memcpy(&stats, raw, sizeof stats);
	ck_assert_uint_eq(stats.generate_calls, 2);
	ck_assert_int_eq(usher_stats_get(NULL, &stats, sizeof stats), -1);
	ck_assert_int_eq(usher_stats_get(engine, NULL, sizeof stats), -1);
}
END_TEST

START_TEST(the_version_is_three_numbers)
{
	int major, minor, patch;

	ck_assert_int_eq(
	    sscanf(usher_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}
END_TEST

static TCase *
scripts(void)
{
	TCase *tcase = engine_case("scripts", 60);

	tcase_add_loop_test(
	    tcase, a_bad_script_is_refused_with_line_and_remedy, 0, REFUSED);
	tcase_add_loop_test(tcase, a_sound_script_is_taken, 0, TAKEN);
	tcase_add_loop_test(tcase, nested_source_is_a_clean_error, 0, 5);
	return tcase;
}

static TCase *
files(void)
{
	TCase *tcase = engine_case("files", 60);

	tcase_add_checked_fixture(tcase, folder_make, folder_remove);
	tcase_add_test(tcase, a_file_that_cannot_be_read_is_refused);
	tcase_add_test(tcase, an_unreadable_file_is_refused);
	tcase_add_test(tcase, an_error_in_a_file_names_it);
	tcase_add_test(tcase, a_file_is_taken_by_any_path);
	tcase_add_test(tcase, a_source_over_the_limit_is_refused);
	return tcase;
}

static TCase *
options(void)
{
	TCase *tcase = engine_case("options", 60);

	tcase_add_test(tcase, values_out_of_range_are_refused_at_the_setter);
	tcase_add_test(tcase, setters_refuse_null_options);
	tcase_add_test(
	    tcase, an_app_data_limit_that_loses_clients_is_a_warning);
	tcase_add_test(tcase, without_options_there_is_an_error);
	tcase_add_test(
	    tcase, the_last_script_counts_and_options_can_be_used_again);
	tcase_add_test(tcase, a_text_with_nul_is_not_cut_off);
	tcase_add_test(tcase, statistics_are_copied_by_size);
	tcase_add_test(tcase, the_version_is_three_numbers);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("engine");

	suite_add_tcase(suite, scripts());
	suite_add_tcase(suite, files());
	suite_add_tcase(suite, options());
	return tests_run(suite);
}
