/*
 * SPDX-License-Identifier: MIT
 *
 * usher_watch: its thread, from its start to its end, and in other processes.
 *
 * Scenarios:
 *  1. It begins with usher_watch, and ends with it, with usher_free, or with
 *     the last context that keeps the engine.
 *  2. It takes no signals.
 *  3. A text can't be watched; after one was given, files don't matter.
 *  4. Handshakes see what was taken up; those that run keep what they have.
 *  5. What was rolled back stays so, until the file is another one.
 *  6. In a forked child it starts with the first use: a handshake, or a call;
 *     parent and child each take up changes; so does a child of the child.
 *  7. A child that may not read the file says so at its first use.
 *  8. A reload by the host changes what is watched.
 *  9. What failed for want of descriptors is tried again.
 * 10. Many engines; on and off in many threads.
 */
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"
#include "tls/fork.h"
#include "tls/policy.h"
#include "tls/scripts.h"

#define PATIENCE_MS 20000
#define DESCRIPTORS 64

static const char *path;

static struct usher *
begin(void)
{
	static struct engine_spec spec;
	struct usher *engine;

	path = script_path("policy.lua");
	script_write(path, script_numbered(1));
	spec.path = path;
	engine = engine_make(&spec);
	ck_assert_int_eq(usher_watch(engine, 1, NULL), 0);
	return engine;
}

/* True if the n-th policy becomes the last one taken up. */
static bool
is_taken_up(const struct usher *engine, int n)
{
	uint64_t start = ush_clock_mono_ms();
	struct usher_history entry;

	while (ush_clock_mono_ms() - start < PATIENCE_MS) {
		usher_history_get(engine, 0, &entry, sizeof entry);
		if (strcmp(entry.revision,
			script_revision(script_numbered(n))) == 0 &&
		    entry.event == USHER_EVENT_LOADED)
			return true;
		usleep(1000);
	}
	return false;
}

static int
count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* A thread that was joined is to be seen in /proc for a moment more. */
static bool
are_threads(int n)
{
	uint64_t start = ush_clock_mono_ms();

	while (count_threads() != n) {
		if (ush_clock_mono_ms() - start > PATIENCE_MS)
			return false;
		usleep(1000);
	}
	return true;
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

START_TEST(the_thread_ends_when_it_is_not_needed)
{
	struct usher *engine;
	SSL_CTX *ctx;
	int threads, fds;

	/* A sanitizer may have threads of its own by then. */
	engine_new(script_numbered(1));
	threads = count_threads();
	fds = count_fds();
	engine = begin();
	ck_assert(are_threads(threads + 1));
	ck_assert_int_eq(usher_watch(engine, 0, NULL), 0);
	ck_assert_int_eq(usher_watch(engine, 0, NULL), 0);
	ck_assert(are_threads(threads));
	ck_assert_int_eq(count_fds(), fds);
	ck_assert_int_eq(usher_watch(engine, 1, NULL), 0);
	ctx = SSL_CTX_new(TLS_server_method());
	engine_attach(engine, ctx);
	engine_free(engine);
	/* ctx keeps it, with its watcher */
	ck_assert(are_threads(threads + 1));
	SSL_CTX_free(ctx);
	ck_assert(are_threads(threads));
	ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* The watcher's mask, as /proc has it: the one that is not the main thread. */
static unsigned long long
blocked_signals(void)
{
	char name[300], line[256];
	unsigned long long mask = 0;
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/task");
	FILE *file;

	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || atoi(entry->d_name) == getpid())
			continue;
		snprintf(name, sizeof name, "/proc/self/task/%s/status",
		    entry->d_name);
		file = fopen(name, "r");
		while (file && fgets(line, sizeof line, file))
			sscanf(line, "SigBlk: %llx", &mask);
		if (file)
			fclose(file);
	}
	closedir(dir);
	return mask;
}

START_TEST(the_thread_takes_no_signals)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2,
	    SIGCHLD, SIGALRM, SIGPIPE, SIGSEGV, SIGPROF, SIGWINCH};
	struct usher *engine = begin();
	unsigned long long mask;
	size_t i;

#ifdef __SANITIZE_THREAD__
	return; /* which has a thread of its own */
#endif
	mask = blocked_signals();
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		ck_assert_msg((mask >> (signals[i] - 1)) & 1,
		    "signal %d in %llx", signals[i], mask);
	ck_assert_uint_eq(engine_stats(engine).reloads, 0);
}
END_TEST

START_TEST(a_text_can_not_be_watched)
{
	struct usher *engine = engine_new(script_numbered(1));
	struct usher_error error = {0};
	struct usher *watched = begin();
	int threads = count_threads();

	ck_assert_int_eq(usher_watch(engine, 1, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_watch(NULL, 1, &error), -1);
	ck_assert_int_eq(usher_watch(NULL, 0, NULL), -1);
	ck_assert_int_eq(usher_watch(engine, 0, NULL), 0);
	ck_assert(are_threads(threads));
	/* A text in the place of a file */
	script_replace(watched, script_numbered(2));
	script_rename(path, script_numbered(3));
	usleep(700000);
	ck_assert_uint_eq(engine_stats(watched).reloads, 1);
	ck_assert_int_eq(usher_watch(watched, 1, NULL), -1);
}
END_TEST

START_TEST(handshakes_keep_what_they_have)
{
	struct usher *engine = begin();
	struct visit visit = {.version = version_of(_i)};
	struct conn *conn;

	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	script_rename(path, script_numbered(2));
	ck_assert(is_taken_up(engine, 2));
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "1 after 1");
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "1");
	visit.session = conn_close(conn).session;
	script_expect(&visit, "2 after 1");
}
END_TEST

START_TEST(what_was_rolled_back_stays_so)
{
	struct usher *engine = begin();

	script_rename(path, script_numbered(2));
	ck_assert(is_taken_up(engine, 2));
	ck_assert_int_eq(usher_rollback(engine, NULL), 0);
	script_rename(path, script_numbered(2));
	usleep(700000);
	ck_assert_uint_eq(engine_stats(engine).reloads, 1);
	script_rename(path, script_numbered(3));
	ck_assert(is_taken_up(engine, 3));
}
END_TEST

/* Uses up all descriptors but some. How many it took. */
static int
take_descriptors(int *taken, int left)
{
	struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};
	int n = 0;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((taken[n] = dup(0)) >= 0)
		n++;
	ck_assert_int_ge(n, left);
	while (left-- > 0)
		close(taken[--n]);
	return n;
}

/* Loading takes two, of the folder and of a file in it. */
START_TEST(a_change_is_taken_up_when_there_are_descriptors_again)
{
	static const char text[] = "require 'm' return { name = 'two' }";
	struct usher *engine = begin();
	int taken[DESCRIPTORS], n;
	const char *other = script_path("other.lua");

	script_write(script_path("m.lua"), "return 2");
	script_write(other, text);
	n = take_descriptors(taken, _i);
	ck_assert_int_eq(rename(other, path), 0);
	while (engine_stats(engine).reload_failures == 0 &&
	       engine_stats(engine).reloads == 0)
		usleep(1000);
	ck_assert_int_eq(engine_stats(engine).reloads, _i == 2);
	while (n > 0)
		close(taken[--n]);
	while (engine_stats(engine).reloads == 0)
		usleep(1000);
}
END_TEST

/* The first use in a process. */
static bool
use(struct usher *engine, struct visit *visit, bool call)
{
	if (call)
		return usher_reload(engine, NULL) == 0;
	return visit_run(visit).echoed;
}

START_TEST(children_watch_for_themselves)
{
	struct usher *engine = begin();
	struct visit visit = {.server = engine_server(engine, 0)};
	bool call = _i == 1, good;
	int ready[2], seen[2];
	char byte;
	pid_t child;

	visit_run(&visit);
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(seen), 0);
	child = fork_beside_sleepers();
	if (child == 0) {
		good = are_threads(1) && use(engine, &visit, call) &&
		       are_threads(2);
		ck_assert_int_eq(write(ready[1], "", 1), 1);
		good = good && is_taken_up(engine, 2);
		/* Not before the parent has seen the second, too. */
		ck_assert_int_eq(read(seen[0], &byte, 1), 1);
		/* and a child of it */
		child = fork_beside_sleepers();
		if (child == 0) {
			script_rename(path, script_numbered(3));
			_exit(
			    use(engine, &visit, false) && is_taken_up(engine, 3)
				? 7
				: 1);
		}
		good = child_status(child) == 7 && good;
		_exit(good && is_taken_up(engine, 3) ? 7 : 1);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	script_rename(path, script_numbered(2));
	ck_assert(is_taken_up(engine, 2));
	ck_assert_int_eq(write(seen[1], "", 1), 1);
	ck_assert_int_eq(child_status(child), 7);
	ck_assert(is_taken_up(engine, 3));
}
END_TEST

/* A change between the fork and the first use. */
START_TEST(a_child_catches_up)
{
	struct usher *engine = begin();
	struct visit visit = {.server = engine_server(engine, 0)};
	pid_t child;

	visit_run(&visit);
	child = fork_beside_sleepers();
	if (child == 0) {
		script_rename(path, script_numbered(2));
		usleep(50000);
		use(engine, &visit, false);
		_exit(is_taken_up(engine, 2) ? 7 : 1);
	}
	ck_assert_int_eq(child_status(child), 7);
}
END_TEST

START_TEST(a_child_may_switch_it_off)
{
	struct usher *engine = begin();
	pid_t child = fork_beside_sleepers();

	if (child == 0) {
		usher_watch(engine, 0, NULL);
		usher_reload(engine, NULL);
		if (!are_threads(1))
			_exit(1);
		usher_watch(engine, 1, NULL);
		if (!are_threads(2))
			_exit(2);
		engine_free(engine);
		_exit(are_threads(1) ? 7 : 3);
	}
	ck_assert_int_eq(child_status(child), 7);
	script_rename(path, script_numbered(2));
	ck_assert(is_taken_up(engine, 2));
}
END_TEST

/* A number that the child closed, and that is another file's now. */
START_TEST(a_childs_descriptors_are_its_own)
{
	struct usher *engine = begin();
	struct visit visit = {.server = engine_server(engine, 0)};
	int fds[64], i;
	pid_t child = fork_beside_sleepers();

	if (child == 0) {
		for (i = 3; i < 64; i++)
			close(i);
		for (i = 3; i < 64; i++)
			fds[i] = dup(0);
		use(engine, &visit, false);
		usher_watch(engine, 0, NULL);
		for (i = 3; i < 64; i++)
			if (close(fds[i]) != 0)
				_exit(1);
		_exit(7);
	}
	ck_assert_int_eq(child_status(child), 7);
}
END_TEST

START_TEST(a_child_that_may_not_read_says_so)
{
	struct usher *engine = begin();
	struct visit visit = {.server = engine_server(engine, 0)};
	uint64_t start;
	pid_t child;

	visit_run(&visit);
	if (geteuid() == 0)
		chmod(path, 0600);
	usleep(700000); /* that is a change, of a state */
	child = fork_beside_sleepers();
	if (child == 0) {
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(1);
		if (geteuid() != 65534)
			chmod(path, 0);
		start = ush_clock_mono_ms();
		use(engine, &visit, false);
		while (log_count(USHER_LOG_ERROR, "may not read") == 0)
			if (ush_clock_mono_ms() - start > PATIENCE_MS)
				_exit(2);
		_exit(7);
	}
	ck_assert_int_eq(child_status(child), 7);
}
END_TEST

START_TEST(a_reload_by_the_host_is_seen)
{
	struct usher *engine = begin();
	int i;

	for (i = 2; i < 12; i++) {
		script_write(path, script_numbered(i));
		ck_assert_int_eq(usher_reload(engine, NULL), 0);
	}
	script_write(path, script_numbered(i));
	ck_assert(is_taken_up(engine, i));
	ck_assert_uint_eq(engine_stats(engine).reload_failures, 0);
}
END_TEST

static void *
on_and_off(void *arg)
{
	struct usher *engine = arg;
	int i;

	for (i = 0; i < 100; i++)
		usher_watch(engine, i % 2, NULL);
	return NULL;
}

START_TEST(on_and_off_in_many_threads)
{
	struct usher *engine = begin();
	pthread_t threads[4];
	int i, before = count_threads() - 1;

	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, on_and_off, engine);
	for (i = 0; i < 20; i++)
		script_rename(path, script_numbered(i));
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(usher_watch(engine, 1, NULL), 0);
	script_rename(path, script_numbered(99));
	ck_assert(is_taken_up(engine, 99));
	ck_assert_int_eq(usher_watch(engine, 0, NULL), 0);
	ck_assert(are_threads(before));
}
END_TEST

START_TEST(many_engines_watch_one_file)
{
	struct usher *engines[20];
	struct engine_spec spec;
	int i;

	engines[0] = begin();
	for (i = 1; i < 20; i++) {
		spec = (struct engine_spec){.path = path};
		engines[i] = engine_make(&spec);
		ck_assert_int_eq(usher_watch(engines[i], 1, NULL), 0);
	}
	script_rename(path, script_numbered(2));
	for (i = 0; i < 20; i++)
		ck_assert(is_taken_up(engines[i], 2));
}
END_TEST

static void
add_children(TCase *tcase)
{
	tcase_add_loop_test(tcase, children_watch_for_themselves, 0, 2);
	tcase_add_test(tcase, a_child_catches_up);
	tcase_add_test(tcase, a_child_may_switch_it_off);
	tcase_add_test(tcase, a_childs_descriptors_are_its_own);
	tcase_add_test(tcase, a_child_that_may_not_read_says_so);
}

static TCase *
life(void)
{
	TCase *tcase = engine_case("life", 60);

	tcase_add_test(tcase, the_thread_ends_when_it_is_not_needed);
	tcase_add_test(tcase, the_thread_takes_no_signals);
	tcase_add_test(tcase, a_text_can_not_be_watched);
	tcase_add_loop_test(tcase, handshakes_keep_what_they_have, 0, VERSIONS);
	tcase_add_test(tcase, what_was_rolled_back_stays_so);
	tcase_add_loop_test(
	    tcase, a_change_is_taken_up_when_there_are_descriptors_again, 0, 3);
	if (THREADS_IN_CHILD)
		add_children(tcase);
	tcase_add_test(tcase, a_reload_by_the_host_is_seen);
	tcase_add_test(tcase, on_and_off_in_many_threads);
	tcase_add_test(tcase, many_engines_watch_one_file);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("watch: life");

	suite_add_tcase(suite, life());
	return tests_run(suite);
}
