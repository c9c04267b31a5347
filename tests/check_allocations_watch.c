/*
 * SPDX-License-Identifier: MIT
 *
 * The watcher, without memory: each allocation fails in turn
 * (tests/tls/starve.h), the n-th alone, and all from the n-th on. The linker
 * also puts functions of ours in front of two that the watcher's thread calls:
 * poll, where it is at rest, and ush_rollout_reload.
 *
 * Scenarios:
 *  1. Switching it on: it watches, or that is an error.
 *  2. Each allocation of its thread's for a change: the change is taken up,
 *     then or as soon as there is memory.
 *  3. A load of the host's that lacked memory does not blind it; nor does it to
 *     a file that was missing.
 */
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "policy/rollout.h"
#include "tls/failing.h"
#include "tls/folder.h"
#include "tls/scripts.h"
#include "tls/starve.h"

#define PATIENCE_MS 20000

int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);

/* How often the watcher has begun to wait; and what had been loaded then. */
static atomic_int waits;
static atomic_ullong loaded;

int
__wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct usher_stats stats;
	int ready = __real_poll(fds, n, 0);

	if (ready != 0)
		return ready; /* not yet at rest */
	usher_stats_get(starved.engine, &stats, sizeof stats);
	loaded = stats.reloads;
	waits++;
	return __real_poll(fds, n, timeout);
}

int __real_ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err);
int __wrap_ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err);

/* The n-th allocation after the next load fails; 0: none. */
static atomic_int after_load;

int
__wrap_ush_rollout_reload(
    struct ush_engine *engine, const char *what, struct ush_error *err)
{
	int result = __real_ush_rollout_reload(engine, what, err);

	if (after_load > 0) {
		failing_at = atomic_exchange(&after_load, 0);
		failing_off = false;
	}
	return result;
}

static void
wait_a_moment(uint64_t since)
{
	ck_assert_msg(ush_clock_mono_ms() - since < PATIENCE_MS,
	    "the change was not taken up");
	usleep(1000);
}

/* The watcher has loaded the n-th, and is at rest. */
static void
expect_loaded(int n)
{
	uint64_t since = ush_clock_mono_ms();

	while (loaded < (unsigned int)n - 1)
		wait_a_moment(since);
	starve_expect(n);
}

static void
begin(int mode)
{
	struct usher_error error;

	failing_spares_me = true;
	starve_begin(mode, NULL);
	ck_assert_int_eq(starve_watch(0, &error), 0);
}

START_TEST(it_is_switched_on_or_that_is_an_error)
{
	struct usher_error error;
	int n = 0, failed = 0;
	bool reached = true;

	begin(_i);
	failing_spares_me = false;
	while (reached) {
		ck_assert_int_eq(usher_watch(starved.engine, 0, &error), 0);
		if (starve(starve_watch, 0, ++n, &error) != 0) {
			starve_check(&error, n);
			failed++;
			ck_assert_int_eq(starve_watch(0, &error), 0);
		}
		reached = failing_count > 0;
		starve_write("policy.lua", n + 1);
		expect_loaded(n + 1);
	}
	ck_assert_int_gt(failed, 10);
	ck_assert_uint_eq(engine_stats(starved.engine).reload_failures, 0);
}
END_TEST

/* Waits until the watcher has loaded the n-th, and is at rest, or has gone on
 * after something failed. */
static void
wait_for_failure(int n)
{
	uint64_t since = ush_clock_mono_ms();
	int before;

	while (failing_count == 0 && loaded < (unsigned int)n - 1)
		wait_a_moment(since);
	before = waits;
	while (waits == before && loaded < (unsigned int)n - 1)
		wait_a_moment(since);
}

/* Some of them only: check_allocations_rollout has seen to each. */
START_TEST(a_change_is_taken_up_when_there_is_memory_again)
{
	int n = 1, at = 1;

	begin(_i);
	do {
		failing_count = 0;
		failing_at = at;
		folder_write("policy.lua", script_numbered(++n));
		failing_off = false;
		wait_for_failure(n);
		failing_off = _i == 1;
		expect_loaded(n);
		failing_off = true;
		at += 7;
	} while (failing_count > 0);
	ck_assert_int_gt(n, 8);
	ck_assert_uint_gt(engine_stats(starved.engine).reload_failures, 5);
}
END_TEST

/* After each load the thread finds out what to watch next. */
START_TEST(the_next_change_is_seen_when_there_is_memory_again)
{
	int n = 1;

	begin(_i);
	do {
		failing_count = 0;
		after_load = 1 + n / 2;
		starve_write("policy.lua", ++n);
		wait_for_failure(n);
		failing_off = true;
		starve_write("policy.lua", ++n);
		expect_loaded(n);
	} while (failing_count > 0);
	ck_assert_int_gt(n, 20);
	ck_assert_uint_eq(engine_stats(starved.engine).reload_failures, 0);
}
END_TEST

START_TEST(a_load_that_lacks_memory_does_not_blind_it)
{
	struct usher_error error;
	int n;

	begin(1);
	failing_spares_me = false;
	for (n = 2; n < 10; n++) {
		ck_assert_int_ne(starve(starve_reload, 0, n - 1, &error), 0);
		starve_check(&error, n - 1);
		starve_write("policy.lua", n);
		expect_loaded(n);
	}
}
END_TEST

/* A module is missing for a while, and one cannot even find that out. */
START_TEST(nor_does_it_to_a_missing_file)
{
	struct usher_error error;
	int n = 1;

	begin(_i);
	failing_spares_me = false;
	do {
		remove(folder_path("lib/by.lua"));
		starve_write("policy.lua", ++n);
		ck_assert_int_ne(starve(starve_reload, 0, n - 1, &error), 0);
		if (error.code != USHER_ERROR_FILE)
			starve_check(&error, n - 1);
		folder_write("lib/by.lua",
		    "return function(ticket) return ticket.data.by end\n");
		expect_loaded(n);
	} while (failing_count > 0);
	ck_assert_int_gt(n, 20);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("allocations: watch");
	TCase *tc = folder_case("watch", 60);

	tcase_add_loop_test(
	    tc, it_is_switched_on_or_that_is_an_error, 0, STARVE_MODES);
	tcase_add_loop_test(tc, a_change_is_taken_up_when_there_is_memory_again,
	    0, STARVE_MODES);
	tcase_add_loop_test(tc,
	    the_next_change_is_seen_when_there_is_memory_again, 0,
	    STARVE_MODES);
	tcase_add_test(tc, a_load_that_lacks_memory_does_not_blind_it);
	tcase_add_loop_test(tc, nor_does_it_to_a_missing_file, 0, STARVE_MODES);
	suite_add_tcase(suite, tc);
	return tests_run(suite);
}
