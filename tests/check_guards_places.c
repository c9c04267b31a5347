/*
 * SPDX-License-Identifier: MIT
 *
 * Guards around where a handshake runs: inside another one's callback, in
 * another thread than before, in a forked process.
 *
 * Scenarios:
 *  1. A handshake may run inside a callback on the same thread, Usher's or the
 *     host's.
 *  2. A connection may move between threads in mid-handshake.
 *  3. An engine made before fork works in both processes, and they count
 *     together; in mid-handshake, and beside threads that are in callbacks too.
 */
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <check.h>

#include "tls/engine.h"
#include "tls/fork.h"

static const char storing[] =
    "return {\n"
    "  generate = function(conn, ticket)\n"
    "    return { sni = conn.server_name or 'none' }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    local data = ticket.data\n"
    "    return 'default', data and data.sni\n"
    "  end,\n"
    "}\n";

static struct visit inner_visit;
static int inner_depth;
static int inner_resumed;

/* A decision function that runs whole handshakes under the same engine. */
static void
handshake_inside(void *arg, const struct usher_decision *decision)
{
	(void)arg;
	(void)decision;
	if (inner_depth == 2)
		return;
	inner_depth++;
	if (visit_run(&inner_visit).resumed)
		inner_resumed++;
	inner_depth--;
}

START_TEST(a_handshake_may_run_inside_a_callback)
{
	struct engine_spec spec = {.text = storing};
	struct usher *engine = engine_make(&spec);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .name = "outer.example"};

	visit.session = visit_run(&visit).session;
	inner_visit = visit;
	spec.decision = handshake_inside;
	engine_attach(engine_make(&spec), visit.server);
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_gt(inner_resumed, 2);
	notes_check();
}
END_TEST

/* A host's callback inside the handshake is another place for one. */
static int
handshake_in_name_callback(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	if (inner_depth == 0) {
		inner_depth++;
		inner_resumed += visit_run(&inner_visit).resumed;
		inner_depth--;
	}
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(a_handshake_may_run_inside_a_hosts_callback)
{
	struct visit visit = {.server = policy_server(storing, TLS1_3_VERSION),
	    .name = "outer.example"};

	visit.session = visit_run(&visit).session;
	inner_visit = visit;
	SSL_CTX_set_tlsext_servername_callback(
	    visit.server, handshake_in_name_callback);
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(inner_resumed, 1);
	notes_check();
}
END_TEST

/* Each step of a handshake in a thread of its own. */
struct step {
	struct conn *conn;
	enum wire_end end;
};

static void *
run_step(void *arg)
{
	struct step *step = arg;

	conn_flight(step->conn, step->end);
	return NULL;
}

static void
step_elsewhere(struct conn *conn, enum wire_end end)
{
	struct step step = {conn, end};
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, run_step, &step), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(a_connection_may_move_between_threads)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {.server = policy_server(storing, version),
	    .version = version,
	    .name = "a.example"};
	struct conn *conn;
	int i;

	visit.session = visit_run(&visit).session;
	conn = conn_new(&visit);
	for (i = 0; i < 6; i++)
		step_elsewhere(conn, i % 2 ? WIRE_SERVER : WIRE_CLIENT);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert(conn->saw.echoed);
	ck_assert(conn_close(conn).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "a.example");
	notes_check();
}
END_TEST

static int
child_visits(const struct visit *visit)
{
	int resumed = 0, i;

	for (i = 0; i < 3; i++)
		resumed += visit_run(visit).resumed;
	return resumed;
}

START_TEST(an_engine_made_before_fork_works_in_both_and_counts_together)
{
	struct usher *engine = engine_new(storing);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};
	struct usher_stats before, after;
	pid_t child;

	if (_i == 1) /* with a state of the parent's thread */
		visit_run(&visit);
	visit.session = _i == 1 ? visit_run(&visit).session : NULL;
	before = engine_stats(engine);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(child_visits(&visit) == (_i == 1 ? 3 : 0) ? 7 : 1);
	ck_assert_int_eq(child_visits(&visit), _i == 1 ? 3 : 0);
	ck_assert_int_eq(child_status(child), 7);
	after = engine_stats(engine);
	ck_assert_uint_eq(
	    after.decrypt_runs - before.decrypt_runs, _i == 1 ? 6 : 0);
	ck_assert_uint_eq(
	    after.generate_runs - before.generate_runs, _i == 1 ? 6 : 12);
}
END_TEST

START_TEST(a_fork_in_mid_handshake_leaves_both_working)
{
	struct visit visit = {.server = policy_server(storing, TLS1_3_VERSION)};
	struct conn *conn;
	pid_t child;

	visit.session = visit_run(&visit).session;
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	child = fork();
	ck_assert_int_ge(child, 0);
	conn_handshake(conn);
	conn_echo(conn);
	if (child == 0)
		_exit(conn->saw.echoed && conn_close(conn).resumed ? 7 : 1);
	ck_assert(conn->saw.echoed);
	ck_assert(conn_close(conn).resumed);
	ck_assert_int_eq(child_status(child), 7);
}
END_TEST

/* Threads that stand still in a callback of Usher's, as far from OpenSSL's own
 * locks as can be, because those do not survive a fork. */
#define PARKED 3
static sem_t arrived, go_on;
static pthread_t forking;

static void
park(void *arg, const struct usher_decision *decision)
{
	(void)arg;
	if (decision->call != USHER_CALL_DECRYPT ||
	    pthread_equal(pthread_self(), forking))
		return;
	sem_post(&arrived);
	sem_wait(&go_on);
}

static void *
visit_and_park(void *arg)
{
	return (void *)(uintptr_t)visit_run(arg).resumed;
}

static void
threads_park(pthread_t *threads, struct visit *visit)
{
	int i;

	sem_init(&arrived, 0, 0);
	sem_init(&go_on, 0, 0);
	forking = pthread_self();
	for (i = 0; i < PARKED; i++)
		pthread_create(&threads[i], NULL, visit_and_park, visit);
	for (i = 0; i < PARKED; i++)
		sem_wait(&arrived);
}

static void
threads_go_on(pthread_t *threads)
{
	void *resumed;
	int i;

	for (i = 0; i < PARKED; i++)
		sem_post(&go_on);
	for (i = 0; i < PARKED; i++) {
		pthread_join(threads[i], &resumed);
		ck_assert_ptr_nonnull(resumed);
	}
}

START_TEST(a_fork_beside_threads_in_callbacks_leaves_all_working)
{
	struct engine_spec spec = {.text = storing, .decision = park};
	struct visit visit = {.version = TLS1_3_VERSION};
	pthread_t threads[PARKED];
	pid_t child;

	forking = pthread_self();
	visit.server = engine_server(engine_make(&spec), visit.version);
	visit.session = visit_run(&visit).session;
	threads_park(threads, &visit);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(child_visits(&visit) == 3 ? 7 : 1);
	ck_assert_int_eq(child_status(child), 7);
	threads_go_on(threads);
	ck_assert_int_eq(child_visits(&visit), 3);
}
END_TEST

static TCase *
places(void)
{
	TCase *tcase = engine_case("places", 60);

	tcase_add_test(tcase, a_handshake_may_run_inside_a_callback);
	tcase_add_test(tcase, a_handshake_may_run_inside_a_hosts_callback);
	tcase_add_loop_test(tcase, a_connection_may_move_between_threads, 0, 2);
	tcase_add_loop_test(tcase,
	    an_engine_made_before_fork_works_in_both_and_counts_together, 0, 2);
	tcase_add_test(
	    tcase, a_fork_beside_threads_in_callbacks_leaves_all_working);
	tcase_add_test(tcase, a_fork_in_mid_handshake_leaves_both_working);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: places");

	suite_add_tcase(suite, places());
	return tests_run(suite);
}
