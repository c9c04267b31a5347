/*
 * SPDX-License-Identifier: MIT
 *
 * Threads that come, begin a handshake, pass it on, go on with another one and
 * end, while generations are replaced. Half a second of it; 100 s with
 * USHER_LONG=1. It tells little by itself: it is for the sanitizers, with the
 * windows between steps held open (-DUSH_WIDEN_WINDOWS).
 *
 * What must hold:
 *  1. No handshake fails, and none misses its generation.
 *  2. In the end there are two generations, and no states of others.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <check.h>

#include "tls/scripts.h"

#define THREADS 4
#define PASSED 8

static struct {
	pthread_mutex_t lock;
	struct conn *passed[PASSED]; /* half open */
	SSL_CTX *server, *clients[THREADS];
	atomic_int wrong, stop;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Leaves one for another thread, and takes what was there. */
static struct conn *
exchange(int place, struct conn *conn)
{
	struct conn *before;

	pthread_mutex_lock(&pool.lock);
	before = pool.passed[place];
	pool.passed[place] = conn;
	pthread_mutex_unlock(&pool.lock);
	return before;
}

static void
end(struct conn *conn, int leaves)
{
	struct outcome saw;

	if (!conn)
		return;
	if (!leaves) {
		conn_handshake(conn);
		conn_echo(conn);
	}
	saw = conn_close(conn);
	if (!leaves && !saw.echoed)
		atomic_fetch_add(&pool.wrong, 1);
	harness_drop_sessions(&saw);
}

static void *
short_life(void *arg)
{
	int number = *(int *)arg;
	struct visit visit = {.server = pool.server,
	    .client = pool.clients[number],
	    .version = number % 2 ? TLS1_2_VERSION : TLS1_3_VERSION};
	unsigned int seed = (unsigned int)time(NULL) + (unsigned int)number;

	for (int i = rand_r(&seed) % 4; i >= 0; i--) {
		struct conn *conn = conn_new(&visit);

		conn_flight(conn, WIRE_CLIENT);
		conn_flight(conn, WIRE_SERVER);
		conn = exchange(rand_r(&seed) % PASSED, conn);
		end(conn, rand_r(&seed) % 3 == 0);
	}
	OPENSSL_thread_stop();
	return NULL;
}

static void *
come_and_go(void *arg)
{
	pthread_t thread;

	while (!atomic_load(&pool.stop)) {
		if (pthread_create(&thread, NULL, short_life, arg) != 0)
			abort();
		pthread_join(thread, NULL);
	}
	return NULL;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(threads_come_begin_pass_on_and_end)
{
	struct usher *engine = engine_new(script_numbered(0));
	double until = seconds() + (getenv("USHER_LONG") ? 100 : 0.5);
	pthread_t threads[THREADS];
	int numbers[THREADS], n = 0;

	pool.server = engine_server(engine, 0);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pool.clients[i] =
		    client_new(i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION);
		pthread_create(&threads[i], NULL, come_and_go, &numbers[i]);
	}
	while (n < 4 || seconds() < until)
		script_replace(engine, script_numbered(++n));
	atomic_store(&pool.stop, 1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < PASSED; i++)
		end(exchange(i, NULL), 0);
	ck_assert_int_eq(atomic_load(&pool.wrong), 0);
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert_uint_le(script_states(engine), 1);
}
END_TEST

static TCase *
threads(void)
{
	TCase *tcase = engine_case("threads", 120);

	tcase_add_test(tcase, threads_come_begin_pass_on_and_end);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("pool");

	suite_add_tcase(suite, threads());
	return tests_run(suite);
}
