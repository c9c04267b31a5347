/*
 * SPDX-License-Identifier: MIT
 *
 * Processes that have spent their descriptors, and such that have closed the
 * first three, whose numbers then are our files'.
 *
 * Scenarios:
 *  1. A reload, a shadow, switching the watcher on, with none left, with one,
 *     with two ...: it succeeds, or says so and the policy of before decides;
 *     then it succeeds. None is lost, and standard input stays what it was.
 *  2. Without inotify's, changes are taken up all the same.
 *  3. With standard input closed, all of that works, and it is closed again
 *     at the end.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "tls/failing.h"
#include "tls/folder.h"
#include "tls/scripts.h"
#include "tls/starve.h"

enum { DESCRIPTORS = 64, PATIENCE_MS = 20000 };

static int taken[DESCRIPTORS], n_taken;

/* Takes all that there are, but `left`. */
static void
take(int left)
{
	struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
	int fd;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = dup(2)) >= 0)
		taken[n_taken++] = fd;
	ck_assert_int_ge(n_taken, left);
	while (left-- > 0)
		close(taken[--n_taken]);
}

/* Gives them back. How many others there were. */
static int
give_back(void)
{
	int before = n_taken, left;

	take(0);
	left = n_taken - before;
	while (n_taken > 0)
		close(taken[--n_taken]);
	return left;
}

static int
shadow(int k, struct usher_error *error)
{
	(void)k;
	return usher_shadow_file(
	    starved.engine, folder_path("shadow.lua"), error);
}

static const struct {
	starve_fn call;
	const char *file;
	bool decides; /* what it loads */
	int at_least; /* so many times it fails */
} calls[] = {
    {starve_reload, "policy.lua", true, 2},
    {shadow, "shadow.lua", false, 2},
    {starve_watch, "policy.lua", false, 1},
};

/* A script that nobody has asked for, at standard input. */
static void
put_in(struct stat *st)
{
	int fd;

	starve_write("stdin.lua", 99);
	fd = open(folder_path("stdin.lua"), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, 0), 0);
	close(fd);
	ck_assert_int_eq(fstat(0, st), 0);
}

START_TEST(without_descriptors_a_call_says_so_and_changes_nothing)
{
	struct usher_error error;
	struct stat before, after;
	int left, result = -1, n = 1;

	starve_begin(0, NULL);
	put_in(&before);
	for (left = 0; result != 0; left++) {
		if (calls[_i].decides)
			n++;
		starve_write(calls[_i].file, calls[_i].decides ? n : left + 2);
		take(left);
		result = calls[_i].call(left, &error);
		if (result == 0)
			ck_assert_int_eq(
			    usher_watch(starved.engine, 0, NULL), 0);
		ck_assert_int_eq(give_back(), left);
		ck_assert_int_eq(fstat(0, &after), 0);
		ck_assert_uint_eq(after.st_ino, before.st_ino);
		if (calls[_i].decides && result != 0) {
			starve_expect(n - 1);
			n--;
		}
		if (result != 0)
			ck_assert_msg(
			    error.code == USHER_ERROR_SYSTEM &&
				strstr(error.message, "Too many open files"),
			    "%d left: code %d: %s", left, error.code,
			    error.message);
	}
	ck_assert_int_gt(left, calls[_i].at_least);
	if (calls[_i].decides)
		starve_expect(n);
}
END_TEST

static void
wait_for_reloads(uint64_t n)
{
	uint64_t since = ush_clock_mono_ms();

	while (engine_stats(starved.engine).reloads < n) {
		ck_assert_msg(ush_clock_mono_ms() - since < PATIENCE_MS,
		    "the change was not taken up");
		usleep(1000);
	}
}

START_TEST(changes_are_taken_up_without_inotify)
{
	struct usher_error error;

	starve_begin(0, NULL);
	take(1);
	ck_assert_int_eq(starve_watch(0, &error), 0);
	ck_assert_int_eq(give_back(), 0);
	starve_write("policy.lua", 2);
	wait_for_reloads(1);
	starve_expect(2);
	ck_assert_int_eq(usher_watch(starved.engine, 0, NULL), 0);
}
END_TEST

START_TEST(standard_input_may_be_closed)
{
	struct usher_error error;

	starve_begin(0, NULL);
	close(0);
	starve_write("policy.lua", 2);
	ck_assert_int_eq(starve_reload(0, &error), 0);
	starve_expect(2);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
	ck_assert_int_eq(starve_watch(0, &error), 0);
	ck_assert_int_ge(fcntl(0, F_GETFD), 0);
	starve_write("policy.lua", 3);
	wait_for_reloads(2);
	starve_expect(3);
	ck_assert_int_eq(usher_watch(starved.engine, 0, NULL), 0);
	ck_assert_int_eq(fcntl(0, F_GETFD), -1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("descriptors");
	TCase *tc = folder_case("descriptors", 60);

	tcase_add_loop_test(tc,
	    without_descriptors_a_call_says_so_and_changes_nothing, 0,
	    sizeof calls / sizeof *calls);
	tcase_add_test(tc, changes_are_taken_up_without_inotify);
	tcase_add_test(tc, standard_input_may_be_closed);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
