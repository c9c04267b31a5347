/*
 * SPDX-License-Identifier: MIT
 *
 * Guards against ways past a policy: the session cache, and stateful tickets.
 *
 * Scenarios:
 *  1. Nothing resumes by session ID in 1.2: not a client without tickets, not
 *     after "ignore", not what was cached before attach.
 *  2. With KEEP_SESSION_CACHE it does, and that is counted.
 *  3. detach gives the cache its mode back; so does attach after attach.
 *  4. A get-session callback is a warning, an error under STRICT, and counted
 *     when it resumes.
 *  5. Stateful tickets (SSL_OP_NO_TICKET, or early data with anti-replay):
 *     a warning, an error under STRICT, counted when issued, and they do not
 *     resume.
 *  6. What the host sets after attach is noticed in handshakes.
 *  7. A context without ways past is attached without a warning, under STRICT.
 */
#include <pthread.h>
#include <string.h>

#include <check.h>

#include "tls/engine.h"

static const char permissive[] = "return { decrypt = function() end }";
static const char strict[] =
    "return { decrypt = function() return 'ignore_renew' end }";

/* A client that takes no tickets, so that only session IDs are left. */
static SSL_CTX *
client_without_tickets(void)
{
	SSL_CTX *client = client_new(TLS1_2_VERSION);

	SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
	return client;
}

START_TEST(a_session_id_does_not_resume)
{
	struct visit visit = {
	    .server = policy_server(permissive, TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION};
	struct outcome saw = visit_twice(&visit);

	ck_assert(saw.echoed && !saw.resumed);
}
END_TEST

START_TEST(after_ignore_the_session_id_does_not_resume)
{
	struct visit visit = {
	    .server = policy_server(
		"return { decrypt = function() return 'ignore' end }",
		TLS1_2_VERSION),
	    .version = TLS1_2_VERSION};
	struct outcome saw = visit_twice(&visit);

	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_int_eq(saw.tickets, 0);
}
END_TEST

START_TEST(what_was_cached_before_attach_does_not_resume)
{
	struct visit visit = {.server = server_new(TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION};
	struct usher *engine = engine_new(strict);

	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	engine_attach(engine, visit.server);
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 0);
}
END_TEST

START_TEST(attach_empties_the_cache)
{
	struct visit visit = {
	    .server = server_new(TLS1_2_VERSION), .version = TLS1_2_VERSION};

	visit_run(&visit);
	SSL_CTX_set_options(visit.server, SSL_OP_NO_TICKET);
	visit_run(&visit);
	ck_assert_int_gt(SSL_CTX_sess_number(visit.server), 0);
	engine_attach(engine_new(strict), visit.server);
	ck_assert_int_eq(SSL_CTX_sess_number(visit.server), 0);
}
END_TEST

START_TEST(what_the_host_puts_back_into_the_cache_does_not_resume)
{
	struct visit visit = {.server = server_new(TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION};
	struct conn *conn = conn_open(&visit);
	SSL_SESSION *session = SSL_SESSION_dup(SSL_get_session(conn->server));

	visit.session = conn_close(conn).session;
	engine_attach(engine_new(strict), visit.server);
	ck_assert_int_eq(SSL_CTX_add_session(visit.server, session), 1);
	ck_assert(!visit_run(&visit).resumed);
	SSL_SESSION_free(session);
}
END_TEST

START_TEST(a_kept_cache_resumes_and_is_counted)
{
	struct visit visit = {.server = server_new(TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION};
	struct usher *engine = engine_new(strict);
	long mode = SSL_CTX_get_session_cache_mode(visit.server);

	ck_assert_int_eq(usher_attach(engine, visit.server,
			     USHER_ATTACH_KEEP_SESSION_CACHE, NULL),
	    0);
	ck_assert_int_eq(SSL_CTX_get_session_cache_mode(visit.server), mode);
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 1);
	ck_assert_int_ge(log_count(USHER_LOG_WARNING, NULL), 1);
}
END_TEST

START_TEST(detach_gives_the_cache_its_mode_back)
{
	static const long modes[] = {SSL_SESS_CACHE_SERVER, SSL_SESS_CACHE_OFF,
	    SSL_SESS_CACHE_BOTH | SSL_SESS_CACHE_NO_AUTO_CLEAR};
	SSL_CTX *server = server_new(TLS1_2_VERSION);
	struct usher *engine = engine_new(permissive);

	SSL_CTX_set_session_cache_mode(server, modes[_i]);
	engine_attach(engine, server);
	engine_attach(engine, server);
	engine_attach(engine_new(strict), server);
	ck_assert_int_eq(
	    SSL_CTX_get_session_cache_mode(server) & SSL_SESS_CACHE_SERVER, 0);
	ck_assert_int_eq(usher_detach(server), 0);
	ck_assert_int_eq(SSL_CTX_get_session_cache_mode(server), modes[_i]);
}
END_TEST

START_TEST(the_clients_half_of_the_cache_stays)
{
	SSL_CTX *server = server_new(0);

	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_BOTH);
	engine_attach(engine_new(permissive), server);
	ck_assert_int_ne(
	    SSL_CTX_get_session_cache_mode(server) & SSL_SESS_CACHE_CLIENT, 0);
}
END_TEST

static SSL_SESSION *stored;

static int
store_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(stored);
	SSL_SESSION_up_ref(session);
	stored = session;
	return 0;
}

static SSL_SESSION *
fetch_session(SSL *ssl, const unsigned char *id, int len, int *copy)
{
	(void)ssl;
	(void)id;
	(void)len;
	*copy = 1;
	return stored;
}

static void
set_external_cache(SSL_CTX *server)
{
	SSL_CTX_sess_set_new_cb(server, store_session);
	SSL_CTX_sess_set_get_cb(server, fetch_session);
}

static void
set_no_ticket(SSL_CTX *server)
{
	SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
}

static void
set_early_with_anti_replay(SSL_CTX *server)
{
	SSL_CTX_set_max_early_data(server, 1024);
}

static void (*const ways_past[])(SSL_CTX *) = {
    set_external_cache, set_no_ticket, set_early_with_anti_replay};
#define WAYS (int)(sizeof ways_past / sizeof *ways_past)

START_TEST(a_way_past_is_a_warning_and_an_error_under_strict)
{
	SSL_CTX *server = server_new(0);
	struct usher *engine = engine_new(strict);
	struct usher_error error = {0};

	ways_past[_i](server);
	ck_assert_int_eq(
	    usher_attach(engine, server, USHER_ATTACH_STRICT, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_CONTEXT);
	ck_assert_str_ne(error.message, "");
	ck_assert_int_eq(usher_detach(server), -1);
	notes_clear();
	ck_assert_int_eq(usher_attach(engine, server, 0, &error), 0);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 1);
}
END_TEST

START_TEST(a_refused_attach_changes_nothing)
{
	SSL_CTX *server = server_new(0);
	long mode = SSL_CTX_get_session_cache_mode(server);
	struct visit visit = {.server = server, .version = TLS1_2_VERSION};

	ways_past[_i](server);
	ck_assert_int_eq(
	    usher_attach(engine_new(strict), server, USHER_ATTACH_STRICT, NULL),
	    -1);
	ck_assert_int_eq(SSL_CTX_get_session_cache_mode(server), mode);
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_int_eq(note_count(USHER_CALL_DECRYPT), 0);
	SSL_SESSION_free(stored);
	stored = NULL;
}
END_TEST

START_TEST(a_context_without_ways_past_is_attached_in_silence)
{
	SSL_CTX *server = server_new(_i == 1 ? TLS1_2_VERSION : 0);

	if (_i == 2)
		server_early(server, 1024);
	ck_assert_int_eq(
	    usher_attach(engine_new(strict), server, USHER_ATTACH_STRICT, NULL),
	    0);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
	ck_assert_int_eq(log_count(USHER_LOG_ERROR, NULL), 0);
}
END_TEST

START_TEST(a_get_session_callback_that_resumes_is_counted)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = server_new(TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION};
	struct outcome saw;

	set_external_cache(visit.server);
	saw = visit_run(&visit);
	ck_assert_ptr_nonnull(stored);
	engine_attach(engine, visit.server);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.echoed);
	ck_assert_uint_eq(
	    engine_stats(engine).bypasses, (unsigned int)saw.resumed);
	SSL_SESSION_free(stored);
	stored = NULL;
}
END_TEST

START_TEST(stateful_tickets_are_counted_and_do_not_resume)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = server_new(TLS1_3_VERSION)};
	struct outcome saw;

	ways_past[_i](visit.server);
	engine_attach(engine, visit.server);
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_uint_eq(engine_stats(engine).stateful_tickets, 2);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 0);
}
END_TEST

START_TEST(stateful_tickets_that_resume_are_counted_as_well)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = server_new(TLS1_3_VERSION)};

	ways_past[_i](visit.server);
	ck_assert_int_eq(usher_attach(engine, visit.server,
			     USHER_ATTACH_KEEP_SESSION_CACHE, NULL),
	    0);
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 1);
	ck_assert_uint_eq(engine_stats(engine).decrypt_calls, 0);
}
END_TEST

START_TEST(what_the_host_sets_later_is_noticed)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION)};

	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
	ways_past[_i](visit.server);
	visit_run(&visit);
	ck_assert_uint_eq(engine_stats(engine).stateful_tickets, 2);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 1);
}
END_TEST

static void
switch_cache_on(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_CTX_set_session_cache_mode(
	    SSL_get_SSL_CTX(conn->server), SSL_SESS_CACHE_SERVER);
}

START_TEST(a_cache_that_the_host_switches_on_later_is_noticed)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = engine_server(engine, TLS1_2_VERSION),
	    .client = client_without_tickets(),
	    .version = TLS1_2_VERSION,
	    .prepare = switch_cache_on};
	struct outcome saw = visit_twice(&visit);

	ck_assert_uint_eq(
	    engine_stats(engine).bypasses, (unsigned int)saw.resumed);
	if (saw.resumed)
		ck_assert_int_ge(log_count(USHER_LOG_WARNING, NULL), 1);
}
END_TEST

static void
set_cache(SSL_CTX *server)
{
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_SERVER);
}

static void (*const caches[])(SSL_CTX *) = {set_external_cache, set_cache};
#define CACHES (int)(sizeof caches / sizeof *caches)

/* Not each connection looks. */
static void
visit_often(const struct visit *visit)
{
	for (int i = 0; i < 20; i++)
		visit_run(visit);
}

/* Before anybody has resumed from it; and attaching again tells of one that
 * stays, and closes the other. */
START_TEST(a_cache_that_is_opened_later_is_warned_of)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {
	    .version = _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION};

	visit.server = engine_server(engine, visit.version);
	visit_often(&visit);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
	caches[_i / 2](visit.server);
	visit_often(&visit);
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "since the context was attached"), 1);
	ck_assert_int_eq(usher_attach(engine, visit.server, 0, NULL), 0);
	notes_clear();
	visit_often(&visit);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
	SSL_SESSION_free(stored);
	stored = NULL;
}
END_TEST

static void *
visit_once(void *arg)
{
	visit_run(arg);
	return NULL;
}

/* As servers do that have a thread for each connection. */
START_TEST(nor_does_it_take_a_thread_of_many_connections)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {
	    .version = _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION};
	pthread_t thread;

	visit.server = engine_server(engine, visit.version);
	caches[_i / 2](visit.server);
	pthread_create(&thread, NULL, visit_once, &visit);
	pthread_join(thread, NULL);
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "since the context was attached"), 1);
	SSL_SESSION_free(stored);
	stored = NULL;
}
END_TEST

START_TEST(a_cache_that_is_kept_is_not_warned_of_in_handshakes)
{
	struct usher *engine = engine_new(strict);
	struct visit visit = {.server = server_new(TLS1_3_VERSION)};

	ck_assert_int_eq(usher_attach(engine, visit.server,
			     USHER_ATTACH_KEEP_SESSION_CACHE, NULL),
	    0);
	notes_clear();
	visit_often(&visit);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
}
END_TEST

static TCase *
cache(void)
{
	TCase *tcase = engine_case("cache", 60);

	tcase_add_test(tcase, a_session_id_does_not_resume);
	tcase_add_test(tcase, after_ignore_the_session_id_does_not_resume);
	tcase_add_test(tcase, what_was_cached_before_attach_does_not_resume);
	tcase_add_test(tcase, attach_empties_the_cache);
	tcase_add_test(
	    tcase, what_the_host_puts_back_into_the_cache_does_not_resume);
	tcase_add_test(tcase, a_kept_cache_resumes_and_is_counted);
	tcase_add_loop_test(tcase, detach_gives_the_cache_its_mode_back, 0, 3);
	tcase_add_test(tcase, the_clients_half_of_the_cache_stays);
	tcase_add_test(tcase, a_get_session_callback_that_resumes_is_counted);
	tcase_add_test(
	    tcase, a_cache_that_the_host_switches_on_later_is_noticed);
	tcase_add_loop_test(tcase,
	    nor_does_it_take_a_thread_of_many_connections, 0, 2 * CACHES);
	tcase_add_loop_test(
	    tcase, a_cache_that_is_opened_later_is_warned_of, 0, 2 * CACHES);
	tcase_add_test(
	    tcase, a_cache_that_is_kept_is_not_warned_of_in_handshakes);
	return tcase;
}

static TCase *
reports(void)
{
	TCase *tcase = engine_case("reports", 60);

	tcase_add_loop_test(
	    tcase, a_way_past_is_a_warning_and_an_error_under_strict, 0, WAYS);
	tcase_add_loop_test(tcase, a_refused_attach_changes_nothing, 0, WAYS);
	tcase_add_loop_test(
	    tcase, a_context_without_ways_past_is_attached_in_silence, 0, 3);
	tcase_add_loop_test(
	    tcase, stateful_tickets_are_counted_and_do_not_resume, 1, WAYS);
	tcase_add_loop_test(
	    tcase, stateful_tickets_that_resume_are_counted_as_well, 1, WAYS);
	tcase_add_loop_test(
	    tcase, what_the_host_sets_later_is_noticed, 1, WAYS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: ways past");

	suite_add_tcase(suite, cache());
	suite_add_tcase(suite, reports());
	return tests_run(suite);
}
