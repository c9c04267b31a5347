/*
 * SPDX-License-Identifier: MIT
 *
 * One engine in many threads, and what a host and a script tell each other
 * about a connection.
 *
 * Scenarios:
 *  1. Handshakes in 8 threads at once, one SSL_CTX; every decision is right and
 *     all are counted.
 *  2. A state per thread, closed when the thread ends.
 *  3. attach, detach and swap while handshakes run elsewhere.
 *  4. usher_conn_set_string and usher_conn_get_string: limits, bytes, removal,
 *     lifetime.
 *  5. usher_conn_set_peer refuses what is no address.
 *  6. The functions on an SSL answer for one that no engine ever saw.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tls/engine.h"

#define THREADS 8
#define ROUNDS 20

static const char by_name[] =
    "return {\n"
    "  generate = function(conn, ticket)\n"
    "    return { sni = conn.server_name }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.data then return 'ignore_renew', 'no data' end\n"
    "    if ticket.data.sni ~= conn.server_name then\n"
    "      return 'ignore_renew', 'other name'\n"
    "    end\n"
    "    return 'default'\n"
    "  end,\n"
    "}\n";

/* Failures are counted and asserted in the main thread: Check's own are not
 * for others. */
struct worker {
	pthread_t thread;
	SSL_CTX *server;
	SSL_CTX *client;
	int version;
	int number;
	int wrong;
};

static void
worker_round(struct worker *worker)
{
	char name[32];
	struct visit visit = {.server = worker->server,
	    .client = worker->client,
	    .version = worker->version,
	    .name = name};
	struct outcome saw;

	snprintf(name, sizeof name, "host%d.example", worker->number);
	saw = visit_run(&visit);
	worker->wrong += !saw.echoed || saw.resumed;
	visit.session = saw.session;
	if (!visit.session)
		return;
	saw = visit_run(&visit);
	worker->wrong += !saw.echoed || !saw.resumed;
	name[0] = 'x';
	saw = visit_run(&visit);
	worker->wrong += !saw.echoed || saw.resumed;
}

static void *
worker_run(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		worker_round(arg);
	return NULL;
}

static int
workers_run(SSL_CTX *server, int n)
{
	struct worker workers[THREADS];
	int i, wrong = 0;

	for (i = 0; i < n; i++) {
		int version = i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION;

		workers[i] = (struct worker){.server = server,
		    .client = client_new(version),
		    .version = version,
		    .number = i};
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL,
				     worker_run, &workers[i]),
		    0);
	}
	for (i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		wrong += workers[i].wrong;
	}
	return wrong;
}

START_TEST(eight_threads_handshake_at_once)
{
	struct usher *engine = engine_new(by_name);
	struct usher_stats stats;

	ck_assert_int_eq(workers_run(engine_server(engine, 0), THREADS), 0);
	stats = engine_stats(engine);
	/* per round: 1.2: 3 (with the empty one), 1.3: 2 */
	ck_assert_uint_eq(stats.decrypt_runs, THREADS / 2 * ROUNDS * (3 + 2));
	/* 1.2: full, full again: 2; 1.3: 2 + 1 + 2 */
	ck_assert_uint_eq(stats.generate_runs, THREADS / 2 * ROUNDS * (2 + 5));
	ck_assert_uint_eq(stats.resumed, THREADS * ROUNDS);
	ck_assert_uint_eq(stats.decrypt_errors + stats.generate_errors, 0);
}
END_TEST

START_TEST(a_thread_that_ends_closes_its_state)
{
	struct usher *engine = engine_new(by_name);
	SSL_CTX *server = engine_server(engine, 0);
	struct usher_stats before = engine_stats(engine), after;

	ck_assert_int_eq(workers_run(server, THREADS), 0);
	after = engine_stats(engine);
	ck_assert_uint_eq(after.states_made - before.states_made, THREADS);
	ck_assert_uint_eq(after.states_closed - before.states_closed, THREADS);
	ck_assert_int_eq(workers_run(server, 1), 0);
	after = engine_stats(engine);
	ck_assert_uint_eq(after.states_made - before.states_made, THREADS + 1);
	ck_assert_uint_eq(after.states_closed, after.states_made);
}
END_TEST

static void *
one_visit(void *arg)
{
	visit_run(arg);
	return NULL;
}

START_TEST(a_thread_may_end_after_the_engine_is_gone)
{
	struct usher *engine = engine_new_own(by_name);
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *like = server_new(0);
	struct visit visit = {.server = server};
	pthread_t thread;

	SSL_CTX_use_certificate(server, SSL_CTX_get0_certificate(like));
	SSL_CTX_use_PrivateKey(server, SSL_CTX_get0_privatekey(like));
	engine_attach(engine, server);
	ck_assert(visit_run(&visit).echoed); /* a state of this thread */
	ck_assert_int_eq(pthread_create(&thread, NULL, one_visit, &visit), 0);
	pthread_join(thread, NULL);
	usher_free(engine);
	SSL_CTX_free(server);
}
END_TEST

static atomic_int stop;

struct swapper {
	SSL_CTX *server;
	struct usher *engines[2];
	int failed;
};

static void *
swap_engines(void *arg)
{
	struct swapper *swapper = arg;
	int i;

	for (i = 0; !stop; i++) {
		swapper->failed += usher_attach(swapper->engines[i % 2],
				       swapper->server, 0, NULL) != 0;
		if (i % 3 == 0)
			swapper->failed += usher_detach(swapper->server) != 0;
	}
	return NULL;
}

struct visitor {
	struct visit visit;
	int lost;
};

static void *
keep_visiting(void *arg)
{
	struct visitor *visitor = arg;
	struct visit visit = visitor->visit;
	int i;

	for (i = 0; i < 3 * ROUNDS; i++) {
		struct outcome saw = visit_run(&visit);

		visitor->lost += !saw.echoed;
		if (saw.session)
			visit.session = saw.session;
	}
	return NULL;
}

START_TEST(engines_may_be_swapped_while_handshakes_run)
{
	struct swapper swapper = {.server = policy_server("return {}", 0)};
	struct visitor visitors[3];
	pthread_t threads[4];
	int i;

	swapper.engines[0] = engine_new(by_name);
	swapper.engines[1] = engine_new("return { decrypt = function() end }");
	pthread_create(&threads[3], NULL, swap_engines, &swapper);
	for (i = 0; i < 3; i++) {
		visitors[i] = (struct visitor){
		    .visit = {.server = swapper.server,
			.version = i % 2 ? TLS1_2_VERSION : TLS1_3_VERSION}};
		visitors[i].visit.client =
		    client_new(visitors[i].visit.version);
		pthread_create(&threads[i], NULL, keep_visiting, &visitors[i]);
	}
	for (i = 0; i < 3; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(visitors[i].lost, 0);
	}
	stop = 1;
	pthread_join(threads[3], NULL);
	ck_assert_int_eq(swapper.failed, 0);
}
END_TEST

static void *
attach_and_detach(void *arg)
{
	struct swapper *swapper = arg;
	SSL_CTX *server;
	int i;

	for (i = 0; i < 50; i++) {
		server = SSL_CTX_new(TLS_server_method());
		swapper->failed +=
		    usher_attach(swapper->engines[0], server, 0, NULL) != 0;
		if (i % 2)
			swapper->failed += usher_detach(server) != 0;
		SSL_CTX_free(server);
	}
	return NULL;
}

START_TEST(contexts_come_and_go_in_many_threads)
{
	struct swapper swapper = {.engines = {engine_new(by_name), NULL}};
	struct swapper each[THREADS];
	pthread_t threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		each[i] = swapper;
		pthread_create(&threads[i], NULL, attach_and_detach, &each[i]);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(each[i].failed, 0);
	}
}
END_TEST

static SSL *
server_ssl(void)
{
	return SSL_new(policy_server("return {}", TLS1_3_VERSION));
}

START_TEST(a_string_is_what_was_set)
{
	SSL *ssl = server_ssl();
	size_t len = 9;

	ck_assert_ptr_null(usher_conn_get_string(ssl, "a", &len));
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", "x\0y", 3), 0);
	ck_assert_mem_eq(usher_conn_get_string(ssl, "a", &len), "x\0y", 4);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", "other", 5), 0);
	ck_assert_str_eq(usher_conn_get_string(ssl, "a", NULL), "other");
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", "", 0), 0);
	ck_assert_str_eq(usher_conn_get_string(ssl, "a", &len), "");
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", NULL, 0), 0);
	ck_assert_ptr_null(usher_conn_get_string(ssl, "a", NULL));
	ck_assert_int_eq(usher_conn_set_string(ssl, "b", NULL, 0), 0);
	SSL_free(ssl);
}
END_TEST

START_TEST(strings_have_limits)
{
	static char big[65537];
	SSL *ssl = server_ssl();
	char name[66];
	int i;

	memset(big, 'v', sizeof big);
	memset(name, 'n', sizeof name);
	name[65] = '\0';
	ck_assert_int_eq(usher_conn_set_string(ssl, "", "x", 1), -1);
	ck_assert_int_eq(usher_conn_set_string(ssl, NULL, "x", 1), -1);
	ck_assert_int_eq(usher_conn_set_string(NULL, "a", "x", 1), -1);
	ck_assert_int_eq(usher_conn_set_string(ssl, name, "x", 1), -1);
	name[64] = '\0';
	ck_assert_int_eq(usher_conn_set_string(ssl, name, "x", 1), 0);
	ck_assert_int_eq(usher_conn_set_string(ssl, name, NULL, 0), 0);
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", big, 65537), -1);
	ck_assert_ptr_null(usher_conn_get_string(ssl, "a", NULL));
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "n%d", i);
		ck_assert_int_eq(usher_conn_set_string(ssl, name, "x", 1), 0);
	}
	ck_assert_int_eq(usher_conn_set_string(ssl, "more", "x", 1), -1);
	ck_assert_int_eq(usher_conn_set_string(ssl, "n7", "again", 5), 0);
	ck_assert_int_eq(usher_conn_set_string(ssl, "n8", NULL, 0), 0);
	ck_assert_int_eq(usher_conn_set_string(ssl, "more", "x", 1), 0);
	SSL_free(ssl);
}
END_TEST

START_TEST(setting_and_removing_again_and_again_is_no_growth)
{
	static char big[60000];
	SSL *ssl = server_ssl();
	char name[32];
	int i;

	memset(big, 'v', sizeof big);
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		ck_assert_int_eq(
		    usher_conn_set_string(ssl, name, big, sizeof big), 0);
		ck_assert_int_eq(
		    usher_conn_set_string(ssl, name, big, sizeof big), 0);
		ck_assert_int_eq(usher_conn_set_string(ssl, name, NULL, 0), 0);
	}
	SSL_free(ssl);
}
END_TEST

START_TEST(all_strings_together_have_64_kilobytes)
{
	static char half[32768];
	SSL *ssl = server_ssl();

	memset(half, 'v', sizeof half);
	ck_assert_int_eq(
	    usher_conn_set_string(ssl, "a", half, sizeof half - 100), 0);
	ck_assert_int_eq(
	    usher_conn_set_string(ssl, "b", half, sizeof half - 100), 0);
	ck_assert_int_eq(
	    usher_conn_set_string(ssl, "c", half, sizeof half - 100), -1);
	ck_assert_int_eq(usher_conn_set_string(ssl, "a", NULL, 0), 0);
	ck_assert_int_eq(
	    usher_conn_set_string(ssl, "c", half, sizeof half - 100), 0);
	SSL_free(ssl);
}
END_TEST

START_TEST(a_scripts_strings_end_with_the_handshake_the_hosts_stay)
{
	struct visit visit = {.version = TLS1_2_VERSION};

	visit.server = policy_server(
	    "return { generate = function(conn)\n"
	    "  conn.vars.script = 'set'\n"
	    "  conn.vars.both = 'script'\n"
	    "end, decrypt = function(conn)\n"
	    "  return 'ignore_renew', tostring(conn.vars.script)\n"
	    "    .. ' ' .. tostring(conn.vars.both)\n"
	    "end }",
	    visit.version);
	visit.on = SSL_new(visit.server);
	usher_conn_set_string(visit.on, "both", "host", 4);
	visit_run(&visit);
	ck_assert_str_eq(
	    usher_conn_get_string(visit.on, "script", NULL), "set");
	ck_assert_str_eq(
	    usher_conn_get_string(visit.on, "both", NULL), "script");
	SSL_clear(visit.on);
	visit_run(&visit);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil host");
	SSL_free(visit.on);
}
END_TEST

START_TEST(only_an_address_is_a_peer)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	SSL *ssl = server_ssl();

	ck_assert_int_eq(
	    usher_conn_set_peer(ssl, (struct sockaddr *)&v4, sizeof v4), 0);
	ck_assert_int_eq(
	    usher_conn_set_peer(ssl, (struct sockaddr *)&v6, sizeof v6), 0);
	ck_assert_int_eq(
	    usher_conn_set_peer(ssl, (struct sockaddr *)&v4, 2), -1);
	ck_assert_int_eq(
	    usher_conn_set_peer(ssl, (struct sockaddr *)&v6, sizeof v4), -1);
	ck_assert_int_eq(
	    usher_conn_set_peer(NULL, (struct sockaddr *)&v4, sizeof v4), -1);
	ck_assert_int_eq(usher_conn_set_peer(ssl, NULL, 0), 0);
	SSL_free(ssl);
}
END_TEST

START_TEST(an_ssl_without_an_engine_has_no_answers)
{
	SSL *ssl = SSL_new(server_new(0));

	ck_assert_ptr_null(usher_conn_verdict(ssl));
	ck_assert_ptr_null(usher_conn_reason(ssl));
	ck_assert_ptr_null(usher_conn_get_string(ssl, "a", NULL));
	ck_assert_ptr_null(usher_conn_verdict(NULL));
	ck_assert_ptr_null(usher_conn_reason(NULL));
	ck_assert_ptr_null(usher_conn_get_string(NULL, "a", NULL));
	SSL_free(ssl);
}
END_TEST

static TCase *
threads(void)
{
	TCase *tcase = engine_case("threads", 120);

	tcase_add_test(tcase, eight_threads_handshake_at_once);
	tcase_add_test(tcase, a_thread_that_ends_closes_its_state);
	tcase_add_test(tcase, a_thread_may_end_after_the_engine_is_gone);
	tcase_add_test(tcase, engines_may_be_swapped_while_handshakes_run);
	tcase_add_test(tcase, contexts_come_and_go_in_many_threads);
	return tcase;
}

static TCase *
strings(void)
{
	TCase *tcase = engine_case("strings", 60);

	tcase_add_test(tcase, a_string_is_what_was_set);
	tcase_add_test(tcase, strings_have_limits);
	tcase_add_test(
	    tcase, setting_and_removing_again_and_again_is_no_growth);
	tcase_add_test(tcase, all_strings_together_have_64_kilobytes);
	tcase_add_test(
	    tcase, a_scripts_strings_end_with_the_handshake_the_hosts_stay);
	tcase_add_test(tcase, only_an_address_is_a_peer);
	tcase_add_test(tcase, an_ssl_without_an_engine_has_no_answers);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("engine: threads and connections");

	suite_add_tcase(suite, threads());
	suite_add_tcase(suite, strings());
	return tests_run(suite);
}
