/*
 * SPDX-License-Identifier: MIT
 *
 * usher_watch: the ways in which files change. Each with inotify, and by
 * looking (as where there is no inotify).
 *
 * Scenarios:
 *  1. Written in place; renamed over; moved in; removed and made again; a hard
 *     link put in its place.
 *  2. Symlinks: the script is one, and it is swapped, or its target edited; a
 *     folder on the way is one; Kubernetes' ..data; chains; relative ones.
 *  3. The folder, or one above it, is removed and restored, or swapped.
 *  4. A file that is being written is not taken up before it is closed (with
 *     inotify) or at rest (by looking); nor is one that was just made.
 *  5. A burst is one reload, or few; changes that never end are taken up too.
 *  6. A relative path, after the working directory has changed.
 *  7. Modules and data files, and files that were missing.
 *  8. What is refused is refused once, and what mends it is taken up.
 *
 * The time from the end of a change to its use is printed.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "policy/watch.h"
#include "tls/scripts.h"

#define MODES 2 /* 0: inotify, 1: looking */
#define PATIENCE_MS 20000

/* Runs a command of the shell in the test's folder. */
static void
sh(const char *format, ...)
{
	char command[2048];
	va_list ap;
	int len;

	len = snprintf(command, sizeof command, "cd %s && ", script_path("."));
	va_start(ap, format);
	vsnprintf(command + len, sizeof command - (size_t)len, format, ap);
	va_end(ap);
	ck_assert_msg(system(command) == 0, "%s", command);
}

static struct usher *
watch_file(const char *path, int mode)
{
	static struct engine_spec spec;
	struct usher_error error = {0};
	struct usher *engine;

	spec.path = path;
	engine = engine_make(&spec);
	ush_watch_poll_only(mode == 1);
	ck_assert_msg(usher_watch(engine, 1, &error) == 0, "%s", error.message);
	ck_assert_int_eq(usher_watch(engine, 1, &error), 0);
	return engine;
}

/* An engine on dir/policy.lua, number 1. */
static struct usher *
begin(int mode)
{
	sh("mkdir dir");
	script_write(script_path("dir/policy.lua"), script_numbered(1));
	return watch_file(script_path("dir/policy.lua"), mode);
}

static void
expect_count(struct usher *engine, uint64_t *count, uint64_t want)
{
	struct usher_stats stats;
	uint64_t start = ush_clock_mono_ms(), now;

	do {
		usleep(1000);
		stats = engine_stats(engine);
		now = ush_clock_mono_ms();
		ck_assert_msg(now - start < PATIENCE_MS,
		    "%llu reloads, %llu failures: a change was not seen",
		    (unsigned long long)stats.reloads,
		    (unsigned long long)stats.reload_failures);
		*count = stats.reloads;
	} while (*count < want);
	printf("%d ms\n", (int)(now - start));
	fflush(stdout);
}

/* The n-th policy is taken up, soon, and at once. */
static void
expect(struct usher *engine, int n, uint64_t reloads)
{
	struct usher_history entry;
	uint64_t count;

	expect_count(engine, &count, reloads);
	ck_assert_uint_eq(count, reloads);
	ck_assert_int_eq(usher_history_get(engine, 0, &entry, sizeof entry), 0);
	ck_assert_str_eq(entry.revision, script_revision(script_numbered(n)));
}

static void
expect_refused(struct usher *engine, uint64_t n)
{
	uint64_t start = ush_clock_mono_ms();

	while (engine_stats(engine).reload_failures < n) {
		ck_assert_uint_lt(ush_clock_mono_ms() - start, PATIENCE_MS);
		usleep(1000);
	}
}

/* Nothing happens for longer than anything may take. */
static void
expect_nothing(struct usher *engine, uint64_t reloads)
{
	struct usher_stats before = engine_stats(engine), after;

	usleep(700000);
	after = engine_stats(engine);
	ck_assert_uint_eq(after.reloads, reloads);
	ck_assert_uint_eq(after.reload_failures, before.reload_failures);
}

static void
write_in_place(int n)
{
	script_write(script_path("dir/policy.lua"), script_numbered(n));
}

static void
rename_over(int n)
{
	script_rename(script_path("dir/policy.lua"), script_numbered(n));
}

static void
move_in(int n)
{
	script_write(script_path("other.lua"), script_numbered(n));
	sh("mv other.lua dir/policy.lua");
}

static void
remove_and_make(int n)
{
	sh("rm dir/policy.lua");
	script_write(script_path("dir/policy.lua"), script_numbered(n));
}

static void
hard_link(int n)
{
	script_write(script_path("other.lua"), script_numbered(n));
	sh("ln -f other.lua dir/policy.lua && rm other.lua");
}

static void
move_away_first(int n)
{
	sh("mv dir/policy.lua dir/policy.lua~");
	script_write(script_path("dir/policy.lua"), script_numbered(n));
}

static void
become_a_link(int n)
{
	script_write(script_path("other.lua"), script_numbered(n));
	sh("ln -sf ../other.lua dir/policy.lua");
}

static void
restore_folder(int n)
{
	sh("rm -r dir && mkdir dir");
	script_write(script_path("dir/policy.lua"), script_numbered(n));
}

static void
swap_folder(int n)
{
	sh("mkdir dir.new");
	script_write(script_path("dir.new/policy.lua"), script_numbered(n));
	sh("rm -rf dir.old; mv dir dir.old && mv dir.new dir");
}

static void
write_in_pieces(int n)
{
	const char *text = script_numbered(n), *p;
	int fd = open(script_path("dir/policy.lua"), O_WRONLY | O_TRUNC);

	for (p = text; *p; p++)
		ck_assert_int_eq(write(fd, p, 1), 1);
	close(fd);
}

static const struct {
	const char *name;
	void (*change)(int n);
} changes[] = {
    {"written in place", write_in_place},
    {"renamed over", rename_over},
    {"moved in", move_in},
    {"removed and made again", remove_and_make},
    {"a hard link in its place", hard_link},
    {"moved away, and made again", move_away_first},
    {"become a link", become_a_link},
    {"folder removed and restored", restore_folder},
    {"folder swapped", swap_folder},
    {"written byte for byte", write_in_pieces},
};
#define CHANGES (int)(sizeof changes / sizeof *changes)

/* Each three times in a row: what is watched changes with it. */
START_TEST(a_change_is_taken_up)
{
	struct usher *engine = begin(_i % MODES);
	int n;

	printf("%s, %s:\n", changes[_i / MODES].name,
	    _i % MODES ? "looking" : "inotify");
	for (n = 2; n <= 4; n++) {
		changes[_i / MODES].change(n);
		expect(engine, n, (uint64_t)n - 1);
	}
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
}
END_TEST

START_TEST(a_configmap_is_swapped_whole)
{
	struct usher *engine;
	int n;

	sh("mkdir map map/..1 && ln -s ..1 map/..data && "
	   "ln -s ..data/policy.lua map/policy.lua");
	script_write(script_path("map/..1/policy.lua"), script_numbered(1));
	engine = watch_file(script_path("map/policy.lua"), _i);
	for (n = 2; n <= 4; n++) {
		sh("mkdir map/..%d", n);
		sh("cat > map/..%d/policy.lua <<'END'\n%sEND", n,
		    script_numbered(n));
		sh("ln -s ..%d map/..data_tmp && "
		   "mv -T map/..data_tmp map/..data && rm -r map/..%d",
		    n, n - 1);
		expect(engine, n, (uint64_t)n - 1);
	}
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
}
END_TEST

START_TEST(a_release_is_swapped_above_the_folder)
{
	struct usher *engine;

	sh("mkdir -p r1/etc r2/etc && ln -s r1 current");
	script_write(script_path("r1/etc/policy.lua"), script_numbered(1));
	script_write(script_path("r2/etc/policy.lua"), script_numbered(2));
	engine = watch_file(script_path("current/etc/policy.lua"), _i);
	sh("ln -sfn r2 current");
	expect(engine, 2, 1);
	/* the new one's folder counts from here on, the old one's does not */
	script_write(script_path("r2/etc/policy.lua"), script_numbered(3));
	expect(engine, 3, 2);
	script_write(script_path("r1/etc/policy.lua"), script_numbered(4));
	expect_nothing(engine, 2);
}
END_TEST

START_TEST(the_target_of_links_is_watched)
{
	struct usher *engine;

	sh("mkdir a b c && ln -s ../b/two.lua a/one.lua && "
	   "ln -s %s b/two.lua",
	    script_path("c/three.lua"));
	script_write(script_path("c/three.lua"), script_numbered(1));
	engine = watch_file(script_path("a/../a/./one.lua"), _i);
	script_write(script_path("c/three.lua"), script_numbered(2));
	expect(engine, 2, 1);
	script_rename(script_path("c/three.lua"), script_numbered(3));
	expect(engine, 3, 2);
	script_write(script_path("c/four.lua"), script_numbered(4));
	sh("ln -sf ../c/four.lua b/two.lua");
	expect(engine, 4, 3);
	script_write(script_path("c/four.lua"), script_numbered(5));
	expect(engine, 5, 4);
}
END_TEST

START_TEST(a_folder_far_above_may_go_and_come)
{
	struct usher *engine;

	sh("mkdir -p x/y/z");
	script_write(script_path("x/y/z/policy.lua"), script_numbered(1));
	engine = watch_file(script_path("x/y/z/policy.lua"), _i);
	sh("mv x gone");
	expect_refused(engine, 1);
	sh("mkdir -p x");
	sh("mkdir -p x/y/z");
	expect_nothing(engine, 0);
	script_write(script_path("x/y/z/policy.lua"), script_numbered(2));
	expect(engine, 2, 1);
	sh("rm -r x && mv gone x");
	script_write(script_path("x/y/z/policy.lua"), script_numbered(3));
	expect(engine, 3, 2);
	ck_assert_uint_le(engine_stats(engine).reload_failures, 2);
}
END_TEST

/* A whole policy, and what makes it another one. */
static void
write_part(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

START_TEST(a_file_is_not_taken_up_before_it_is_closed)
{
	struct usher *engine = begin(0);
	char text[1200];
	int fd;

	if (_i == 1)
		sh("rm dir/policy.lua");
	fd = open(script_path("dir/policy.lua"),
	    O_WRONLY | O_CREAT | (_i == 2 ? O_APPEND : O_TRUNC), 0600);
	ck_assert_int_ge(fd, 0);
	expect_nothing(engine, 0);
	if (_i != 2)
		write_part(fd, script_numbered(2));
	else
		write_part(fd, "-- and\n");
	expect_nothing(engine, 0);
	write_part(fd, "-- more\n");
	close(fd);
	expect_count(engine, &(uint64_t){0}, 1);
	snprintf(text, sizeof text, "%s%s-- more\n",
	    script_numbered(_i == 2 ? 1 : 2), _i == 2 ? "-- and\n" : "");
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
	{
		struct usher_history entry;

		usher_history_get(engine, 0, &entry, sizeof entry);
		ck_assert_str_eq(entry.revision, script_revision(text));
	}
}
END_TEST

/* Without events, a file that grows all the time is left alone. */
START_TEST(a_file_that_grows_is_not_at_rest)
{
	struct usher *engine = begin(1);
	int fd = open(script_path("dir/policy.lua"), O_WRONLY | O_APPEND), i;

	for (i = 0; i < 40; i++) {
		write_part(fd, "-- more\n");
		usleep(20000);
	}
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
	close(fd);
	expect_count(engine, &(uint64_t){0}, 1);
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
}
END_TEST

START_TEST(a_burst_is_one_reload_or_few)
{
	struct usher *engine = begin(_i);
	struct usher_history entry;
	uint64_t start = ush_clock_mono_ms();
	int n;

	for (n = 2; n <= 200; n++)
		rename_over(n);
	do {
		usleep(1000);
		ck_assert_uint_lt(ush_clock_mono_ms() - start, PATIENCE_MS);
		usher_history_get(engine, 0, &entry, sizeof entry);
	} while (
	    strcmp(entry.revision, script_revision(script_numbered(200))) != 0);
	printf("%d reloads of 199\n", (int)engine_stats(engine).reloads);
	ck_assert_uint_le(engine_stats(engine).reloads, 20);
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
}
END_TEST

START_TEST(changes_that_never_end_are_taken_up_too)
{
	struct usher *engine = begin(0);
	uint64_t start = ush_clock_mono_ms();
	int n;

	for (n = 2; engine_stats(engine).reloads < 2; n++) {
		rename_over(n);
		usleep(10000);
		ck_assert_uint_lt(ush_clock_mono_ms() - start, PATIENCE_MS);
	}
}
END_TEST

START_TEST(a_relative_path_stays_what_it_was)
{
	struct usher *engine;

	sh("mkdir dir");
	script_write(script_path("dir/policy.lua"), script_numbered(1));
	ck_assert_int_eq(chdir(script_path("dir")), 0);
	engine = watch_file("policy.lua", _i);
	ck_assert_int_eq(chdir("/"), 0);
	write_in_place(2);
	expect(engine, 2, 1);
	rename_over(3);
	expect(engine, 3, 2);
}
END_TEST

START_TEST(what_is_refused_is_refused_once)
{
	struct usher *engine = begin(_i);

	script_rename(script_path("dir/policy.lua"), "return {");
	expect_refused(engine, 1);
	expect_nothing(engine, 0);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, "policy.lua:1:"), 1);
	write_in_place(2);
	expect(engine, 2, 1);
	sh("rm dir/policy.lua");
	expect_refused(engine, 2);
	expect_nothing(engine, 1);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, "No such file"), 1);
	write_in_place(3);
	expect(engine, 3, 2);
	/* touched only: another state, the same content */
	sh("touch dir/policy.lua");
	expect_nothing(engine, 2);
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 2);
}
END_TEST

/* A policy whose name tells what its module and its data file hold. */
static const char with_files[] =
    "local list = require('usher.data').set('list.txt')\n"
    "return { name = require('module') .. ' '\n"
    "  .. (list:contains('a') and 'a' or 'no a') }\n";

static void
expect_name(struct usher *engine, const char *name)
{
	uint64_t start = ush_clock_mono_ms();
	struct usher_history entry = {.size = 0};

	do {
		ck_assert_msg(ush_clock_mono_ms() - start < PATIENCE_MS,
		    "no \"%s\"; the last one: %s%s", name, entry.name,
		    entry.message);
		usleep(1000);
		usher_history_get(engine, 0, &entry, sizeof entry);
	} while (strcmp(entry.name, name) != 0);
}

START_TEST(modules_and_data_files_are_watched)
{
	struct usher *engine;
	int fd;

	sh("mkdir dir && echo \"return 'one'\" >dir/module.lua && "
	   "echo b >dir/list.txt");
	script_write(script_path("dir/policy.lua"), with_files);
	engine = watch_file(script_path("dir/policy.lua"), _i);
	expect_name(engine, "one no a");
	script_write(script_path("dir/module.lua"), "return 'two'");
	expect_name(engine, "two no a");
	script_rename(script_path("dir/list.txt"), "a\n");
	expect_name(engine, "two a");
	if (_i == 0) { /* one that is being written */
		fd = open(script_path("dir/list.txt"), O_WRONLY | O_TRUNC);
		write_part(fd, "b\n");
		expect_nothing(engine, 2);
		write_part(fd, "c\n");
		close(fd);
	} else {
		script_rename(script_path("dir/list.txt"), "b\n");
	}
	expect_name(engine, "two no a");
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
	/* missing when it was loaded last */
	sh("rm dir/module.lua");
	expect_refused(engine, 1);
	script_write(script_path("dir/module.lua"), "return 'three'");
	expect_name(engine, "three no a");
	script_write(
	    script_path("dir/policy.lua"), "return { name = require('more') }");
	expect_refused(engine, 2);
	script_rename(script_path("dir/more.lua"), "return 'found'");
	expect_name(engine, "found");
}
END_TEST

START_TEST(a_configmap_with_modules_is_swapped_whole)
{
	struct usher *engine = NULL;
	char name[16];
	int n;

	sh("mkdir map map/..1 && ln -s ..1 map/..data && "
	   "ln -s ..data/policy.lua map/policy.lua && "
	   "ln -s ..data/module.lua map/module.lua");
	for (n = 1; n <= 4; n++) {
		sh("mkdir -p map/..%d && "
		   "echo \"return 'n%d'\" >map/..%d/module.lua",
		    n, n, n);
		sh("echo \"return { name = require('module') }\" "
		   ">map/..%d/policy.lua",
		    n);
		if (n == 1)
			engine = watch_file(script_path("map/policy.lua"), _i);
		else
			sh("ln -s ..%d map/..data_tmp && "
			   "mv -T map/..data_tmp map/..data && rm -r map/..%d",
			    n, n - 1);
		snprintf(name, sizeof name, "n%d", n);
		expect_name(engine, name);
	}
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
	ck_assert_uint_eq(engine_stats(engine).reloads, 3);
}
END_TEST

START_TEST(a_file_that_may_not_be_read_is_taken_up_when_it_may)
{
	struct usher *engine = begin(_i);

	if (geteuid() == 0)
		return; /* may read everything */
	sh("chmod 0 dir/policy.lua");
	expect_refused(engine, 1);
	expect_nothing(engine, 0);
	rename_over(2);
	expect(engine, 2, 1);
}
END_TEST

static TCase *
watching(void)
{
	TCase *tcase = engine_case("watching", 60);

	tcase_add_loop_test(tcase, a_change_is_taken_up, 0, CHANGES * MODES);
	tcase_add_loop_test(tcase, a_configmap_is_swapped_whole, 0, MODES);
	tcase_add_loop_test(
	    tcase, a_release_is_swapped_above_the_folder, 0, MODES);
	tcase_add_loop_test(tcase, the_target_of_links_is_watched, 0, MODES);
	tcase_add_loop_test(
	    tcase, a_folder_far_above_may_go_and_come, 0, MODES);
	tcase_add_loop_test(
	    tcase, a_file_is_not_taken_up_before_it_is_closed, 0, 3);
	tcase_add_test(tcase, a_file_that_grows_is_not_at_rest);
	tcase_add_loop_test(tcase, a_burst_is_one_reload_or_few, 0, MODES);
	tcase_add_test(tcase, changes_that_never_end_are_taken_up_too);
	tcase_add_loop_test(tcase, a_relative_path_stays_what_it_was, 0, MODES);
	tcase_add_loop_test(tcase, what_is_refused_is_refused_once, 0, MODES);
	tcase_add_loop_test(
	    tcase, modules_and_data_files_are_watched, 0, MODES);
	tcase_add_loop_test(
	    tcase, a_configmap_with_modules_is_swapped_whole, 0, MODES);
	tcase_add_loop_test(tcase,
	    a_file_that_may_not_be_read_is_taken_up_when_it_may, 0, MODES);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("watch");

	suite_add_tcase(suite, watching());
	return tests_run(suite);
}
