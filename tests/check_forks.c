/*
 * SPDX-License-Identifier: MIT
 *
 * Children that are forked while another thread is in the library. (With
 * handshakes, the watcher and loads: check_watch_life, check_reload and
 * check_torture.)
 *
 * Scenarios:
 *  1. A child attaches for itself and handshakes, though another thread of the
 *     parent's was about to attach or detach.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "tls/fork.h"
#include "tls/policy.h"
#include "tls/scripts.h"

#define FORKS 40
#define PATIENCE_S 30

static atomic_bool begun, stop;

/* Detaching what is not attached takes the lock of bindings, and nothing of
 * OpenSSL's or of an allocator's: what a fork would find locked there is not
 * ours to mend. A thread that begins may be in an allocator. */
static void *
detach_all_the_time(void *arg)
{
	while (!atomic_load(&stop)) {
		usher_detach(arg);
		atomic_store(&begun, true);
	}
	return NULL;
}

/* Ends with 7 if all is well. */
static void
be_a_child(struct usher *engine, int version)
{
	struct visit visit = {.version = version};

	signal(SIGALRM, SIG_DFL); /* Check's would end the test at once */
	alarm(PATIENCE_S);
	visit.server = engine_server(engine, version);
	_exit(visit_twice(&visit).resumed ? 7 : 1);
}

START_TEST(a_child_attaches_for_itself)
{
	struct usher *engine = engine_new(script_numbered(1));
	int version = version_of(_i), status = 0;
	bool well = true;
	pthread_t thread;
	pid_t child;

	engine_server(engine, version);
	pthread_create(&thread, NULL, detach_all_the_time, server_new(version));
	while (!atomic_load(&begun))
		sched_yield();
	for (int i = 0; well && i < FORKS; i++) {
		child = fork();
		if (child == 0)
			be_a_child(engine, version);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		well = WIFEXITED(status) && WEXITSTATUS(status) == 7;
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	ck_assert_msg(well, "the child's status: %#x", (unsigned int)status);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("forks");
	TCase *tcase = engine_case("forks", 60);

	if (THREADS_IN_CHILD)
		tcase_add_loop_test(
		    tcase, a_child_attaches_for_itself, 0, VERSIONS);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
