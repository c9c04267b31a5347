/*
 * SPDX-License-Identifier: MIT
 *
 * Tests of src/base/calendar, and of os.date beside forks.
 *
 *  1. UTC is what gmtime_r and timegm say, in both directions
 *  2. A year that does not fit is an error
 *  3. A child forked while another thread is in os.date, os.time or reads a
 *     date gets on with them itself
 */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "base/calendar.h"
#include "tls/fork.h"
#include "tls/policy.h"

enum { FORKS = 50, PATIENCE_S = 20 };

static bool
are_same(int64_t t)
{
	time_t when = (time_t)t;
	struct tm ours, theirs, copy;

	if (!gmtime_r(&when, &theirs) || ush_calendar_utc(t, &ours) != 0)
		return false;
	copy = theirs;
	return ours.tm_sec == theirs.tm_sec && ours.tm_min == theirs.tm_min &&
	       ours.tm_hour == theirs.tm_hour &&
	       ours.tm_mday == theirs.tm_mday && ours.tm_mon == theirs.tm_mon &&
	       ours.tm_year == theirs.tm_year &&
	       ours.tm_wday == theirs.tm_wday &&
	       ours.tm_yday == theirs.tm_yday &&
	       ours.tm_isdst == theirs.tm_isdst &&
	       ours.tm_gmtoff == theirs.tm_gmtoff &&
	       strcmp(ours.tm_zone, theirs.tm_zone) == 0 &&
	       ush_calendar_seconds(&ours) == t &&
	       ush_calendar_seconds(&theirs) == timegm(&copy);
}

/* Check notes each assertion that it passes, in a file. */
static void
same(int64_t t)
{
	if (!are_same(t))
		ck_abort_msg("%lld", (long long)t);
}

START_TEST(utc_is_what_the_c_library_says)
{
	struct tm odd = {.tm_year = 124, .tm_mon = 25, .tm_mday = 40},
		  copy = odd;

	for (int64_t day = -800000; day < 800000; day += 3)
		same(day * 86400 + day % 86400);
	srand(1);
	for (int i = 0; i < 200000; i++)
		same(((int64_t)rand() << 21) * (rand() % 2 ? 1 : -1) + rand());
	same(0);
	same(-1);
	ck_assert_int_eq(ush_calendar_seconds(&odd), timegm(&copy));
}
END_TEST

START_TEST(a_year_that_does_not_fit_is_an_error)
{
	int64_t last = 67768036191676799; /* of the year INT_MAX + 1900 */
	int64_t first = -67768040609740800;
	struct tm tm;

	same(last);
	same(first);
	ck_assert_int_eq(ush_calendar_utc(last + 1, &tm), -1);
	ck_assert_int_eq(ush_calendar_utc(first - 1, &tm), -1);
	ck_assert_int_eq(ush_calendar_utc(INT64_MAX / 2, &tm), -1);
}
END_TEST

/* Its top level is a while in the time zone. */
static const char script[] =
    "for i = 1, 300 do\n"
    "  os.date('%c %Z', i) os.date('!%c', i) os.date('*t', i)\n"
    "  os.time{year = 2024, month = 1, day = i}\n"
    "end\n"
    "return { decrypt = function() end }\n";

static atomic_bool begun, stop;

static struct usher *
load(void)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;

	usher_options_set_script_text(
	    options, "dates", script, sizeof script - 1);
	engine = usher_new(options, &error);
	usher_options_free(options);
	if (!engine)
		fprintf(stderr, "%s\n", error.message);
	return engine;
}

static void *
load_all_the_time(void *arg)
{
	struct usher *engine = load();

	(void)arg;
	while (engine && !atomic_load(&stop)) {
		usher_reload(engine, NULL);
		atomic_store(&begun, true);
	}
	usher_free(engine);
	return NULL;
}

/* What it asks of the C library has no lock but the time zone's. */
static void
be_a_child(void)
{
	struct tm tm;
	char text[64];
	bool well;

	signal(SIGALRM, SIG_DFL); /* Check's would end the test at once */
	alarm(PATIENCE_S);
	well = ush_calendar_local(1, &tm) == 0 && ush_calendar_make(&tm) == 1 &&
	       ush_calendar_format(text, sizeof text, "%c %Z", &tm) > 0;
	_exit(well ? 7 : 1);
}

START_TEST(a_child_reads_dates_beside_a_thread_that_does)
{
	pthread_t thread;
	int status;
	pid_t pid;

	ck_assert_int_eq(
	    pthread_create(&thread, NULL, load_all_the_time, NULL), 0);
	while (!atomic_load(&begun))
		usleep(100);
	for (int i = 0; i < FORKS; i++) {
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			be_a_child();
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7,
		    "child %d: %d", i, status);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("calendar");
	TCase *tc = tcase_create("calendar");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, utc_is_what_the_c_library_says);
	tcase_add_test(tc, a_year_that_does_not_fit_is_an_error);
	if (FORK_BESIDE_MALLOC)
		tcase_add_test(
		    tc, a_child_reads_dates_beside_a_thread_that_does);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
