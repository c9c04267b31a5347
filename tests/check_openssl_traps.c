/*
 * SPDX-License-Identifier: MIT
 *
 * What the installed OpenSSL does around session tickets beyond its manual
 * page, with plain C callbacks and no Usher. When a test here fails after an
 * update of OpenSSL, our notes are out of date.
 *
 * Scenarios:
 *  1. App data travel byte for byte, 16 KB too; too many lose the connection.
 *  2. Tickets 2..n inherit the app data of the first.
 *  3. timeout 0 in gen_cb loses the connection, time 1 only the ticket; a
 *     timeout set there is what the client is told.
 *  4. SSL_set_num_tickets(1) in the first gen_cb stops the second ticket.
 *  5. Stateful tickets resume without dec_cb.
 *  6. After IGNORE, 1.2 resumes by session ID; what it takes to stop that.
 *  7. An error left in the queue breaks the handshake.
 *  8. Declining early data costs the next visit, unless gen_cb restores it.
 *  9. "use" under another session-id context is not "resumed".
 * 10. Security level 3 switches tickets off in 1.2.
 * 11. num_tickets 0 issues none, and old ones still reach dec_cb.
 * 12. After "use", a client without the session's keys, or one that does
 *     without its extended master secret, has its handshake ended.
 */
#include <stdlib.h>

#include <check.h>
#include <openssl/err.h>

#include "tls/compat.h"
#include "tls/harness.h"
#include "tls/plain.h"
#include "tls/suite.h"

static void
set_data_on_first(SSL *ssl, SSL_SESSION *session)
{
	if (plain.gen_runs == 1)
		SSL_SESSION_set1_ticket_appdata(session, "one\0two", 7);
	else
		plain_read_data(ssl, session);
}

START_TEST(the_second_ticket_inherits_the_app_data_of_the_first)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION)};

	plain.in_gen = set_data_on_first;
	visit.session = visit_run(&visit).sessions[1];
	ck_assert_int_eq(plain.data_len, 7);
	plain_reset(NULL);
	plain.in_dec = plain_read_data;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(plain.data_len, 7);
	ck_assert_mem_eq(plain.data, "one\0two", 7);
}
END_TEST

static void
set_timeout_0(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_set_timeout(session, 0);
}

static void
set_time_1(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	ush_session_set_time(session, 1);
}

START_TEST(timeout_0_loses_the_connection)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};

	plain.in_gen = set_timeout_0;
	ck_assert_int_eq(visit_run(&visit).echoed, 0);
}
END_TEST

START_TEST(time_1_loses_only_the_ticket)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};
	struct outcome saw;

	plain.in_gen = set_time_1;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.session);
	ck_assert_int_gt(saw.tickets, 0);
	plain_reset(NULL);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.echoed);
	ck_assert(!saw.resumed);
}
END_TEST

static void
set_timeout_77(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_set_timeout(session, 77);
}

START_TEST(a_timeout_set_in_gen_cb_is_what_the_client_is_told)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};
	SSL_SESSION *session;

	plain.in_gen = set_timeout_77;
	session = visit_run(&visit).session;
	ck_assert_uint_eq(SSL_SESSION_get_ticket_lifetime_hint(session), 77);
}
END_TEST

static void
one_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	SSL_set_num_tickets(ssl, 1);
}

START_TEST(num_tickets_1_in_the_first_gen_cb_stops_the_second)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION)};

	plain.in_gen = one_ticket;
	ck_assert_int_eq(visit_run(&visit).tickets, 1);
	ck_assert_int_eq(plain.gen_runs, 1);
}
END_TEST

START_TEST(num_tickets_0_issues_none_and_old_ones_are_shown)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	struct visit visit = {.server = server};
	struct outcome saw;

	visit.session = visit_run(&visit).session;
	SSL_CTX_set_num_tickets(server, 0);
	plain_reset(NULL);
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 1);
	ck_assert(saw.resumed);
	visit.session = NULL;
	ck_assert_int_eq(visit_run(&visit).tickets, 0);
}
END_TEST

START_TEST(use_under_another_session_id_context_is_not_resumed)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX *server = plain_server(version);
	struct visit visit = {.server = server, .version = version};
	struct outcome saw;

	visit.session = visit_run(&visit).session;
	SSL_CTX_set_session_id_context(server, (const unsigned char *)"new", 3);
	plain_reset(NULL);
	plain.answer = SSL_TICKET_RETURN_USE;
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 1);
	ck_assert(saw.echoed && !saw.resumed);
}
END_TEST

START_TEST(security_level_3_switches_tickets_off_in_1_2)
{
	SSL_CTX *server = plain_server(TLS1_2_VERSION);
	struct visit visit = {.server = server, .version = TLS1_2_VERSION};
	struct outcome saw;

	SSL_CTX_set_security_level(server, 3);
	saw = visit_run(&visit);
	ck_assert(saw.echoed);
	ck_assert_int_eq(saw.tickets, 0);
	ck_assert_int_eq(plain.gen_runs, 0);
}
END_TEST

START_TEST(stateful_tickets_resume_without_dec_cb)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	struct visit visit = {.server = server};
	struct outcome saw;

	if (_i == 0)
		SSL_CTX_set_options(server, SSL_OP_NO_TICKET);
	else
		SSL_CTX_set_max_early_data(server, 1024);
	visit.session = visit_run(&visit).session;
	ck_assert_int_eq(plain.gen_runs, 2);
	saw = visit_run(&visit);
	ck_assert(saw.resumed);
	ck_assert_int_eq(plain.dec_runs, 0);
}
END_TEST

START_TEST(after_ignore_a_session_id_resumes_past_dec_cb)
{
	SSL_CTX *server = plain_server(TLS1_2_VERSION);
	struct visit visit = {.server = server, .version = TLS1_2_VERSION};
	struct outcome saw;

	if (_i == 1)
		SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	plain.answer = SSL_TICKET_RETURN_IGNORE;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 0);
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.resumed, _i == 0);
	ck_assert_int_eq(plain.status, SSL_TICKET_EMPTY);
}
END_TEST

START_TEST(a_cached_session_resumes_though_the_cache_is_off_now)
{
	SSL_CTX *server = plain_server(TLS1_2_VERSION);
	struct visit visit = {.server = server, .version = TLS1_2_VERSION};

	plain.answer = SSL_TICKET_RETURN_IGNORE;
	visit.session = visit_run(&visit).session;
	SSL_CTX_set_session_cache_mode(server, SSL_SESS_CACHE_OFF);
	ck_assert(visit_run(&visit).resumed);
	SSL_CTX_set_session_cache_mode(
	    server, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
	ck_assert(!visit_run(&visit).resumed);
}
END_TEST

static SSL_SESSION *stored;

static int
store_session(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
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

START_TEST(a_get_session_callback_is_asked_though_the_cache_is_off)
{
	SSL_CTX *server = plain_server(TLS1_2_VERSION);
	struct visit visit = {.server = server, .version = TLS1_2_VERSION};

	SSL_CTX_sess_set_new_cb(server, store_session);
	SSL_CTX_sess_set_get_cb(server, fetch_session);
	plain.answer = SSL_TICKET_RETURN_IGNORE;
	visit.session = visit_run(&visit).session;
	ck_assert_ptr_nonnull(stored);
	SSL_CTX_set_session_cache_mode(
	    server, SSL_SESS_CACHE_OFF | SSL_SESS_CACHE_NO_INTERNAL);
	ck_assert(visit_run(&visit).resumed);
}
END_TEST

static void
leave_error(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	ERR_raise(ERR_LIB_USER, 1);
}

START_TEST(an_error_left_in_the_queue_breaks_the_handshake)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION)};

	visit.session = visit_run(&visit).session;
	plain.in_dec = leave_error;
	ck_assert(!visit_run(&visit).echoed);
}
END_TEST

static void
decline_early(SSL *ssl, SSL_SESSION *session)
{
	(void)session;
	SSL_set_max_early_data(ssl, 0);
}

static void
restore_early(SSL *ssl, SSL_SESSION *session)
{
	SSL_set_max_early_data(ssl, 1024);
	SSL_SESSION_set_max_early_data(session, 1024);
}

/* Returns what the visit after the one that was declined saw. */
static struct outcome
visits_with_early_data(int restore)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	struct visit visit = {.server = server, .early = "early"};
	struct outcome saw;

	server_early(server, 1024);
	visit.session = visit_run(&visit).session;
	saw = visit_run(&visit);
	ck_assert(saw.resumed && saw.early);
	plain.in_dec = decline_early;
	plain.in_gen = restore ? restore_early : NULL;
	visit.session = saw.session;
	saw = visit_run(&visit);
	ck_assert(saw.resumed && saw.echoed && !saw.early);
	plain_reset(NULL);
	visit.session = saw.session;
	return visit_run(&visit);
}

START_TEST(declined_early_data_cost_the_next_visit)
{
	struct outcome saw = visits_with_early_data(0);

	ck_assert(!saw.early);
	ck_assert(!saw.echoed);
}
END_TEST

START_TEST(declined_early_data_can_be_restored)
{
	struct outcome saw = visits_with_early_data(1);

	ck_assert(saw.echoed && saw.resumed && saw.early);
}
END_TEST

static void
set_data(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_set1_ticket_appdata(session, "a\0b\xff", 4);
}

START_TEST(app_data_travel_byte_for_byte)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};

	plain.in_gen = set_data;
	visit.session = visit_run(&visit).session;
	plain.in_dec = plain_read_data;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(plain.data_len, 4);
	ck_assert_mem_eq(plain.data, "a\0b\xff", 4);
}
END_TEST

static size_t big;

static void
set_big_data(SSL *ssl, SSL_SESSION *session)
{
	void *data = calloc(1, big);

	(void)ssl;
	SSL_SESSION_set1_ticket_appdata(session, data, big);
	free(data);
}

START_TEST(sixteen_kilobytes_of_app_data_travel)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};

	big = 16384;
	plain.in_gen = set_big_data;
	visit.session = visit_run(&visit).session;
	plain.in_dec = plain_read_data;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_uint_eq(plain.data_len, big);
}
END_TEST

START_TEST(too_many_app_data_lose_the_connection)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {
	    .server = plain_server(version), .version = version};
	struct outcome saw;

	big = 65500;
	plain.in_gen = set_big_data;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.echoed, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
}
END_TEST

static void
forgo_extended_master_secret(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_options(conn->client, SSL_OP_NO_EXTENDED_MASTER_SECRET);
}

/* A server that has given the cipher up resumes with it all the same. */
START_TEST(ciphers_of_the_server_do_not_matter_to_use)
{
	struct visit visit = {.version = TLS1_2_VERSION};
	struct outcome saw;

	visit.server = plain_server(visit.version);
	visit.session = visit_run(&visit).session;
	SSL_CTX_set_cipher_list(visit.server, "ECDHE-ECDSA-AES128-SHA:"
					      "ECDHE-RSA-AES128-SHA");
	plain_reset(NULL);
	plain.answer = SSL_TICKET_RETURN_USE;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed);
}
END_TEST

/* Not the one that the session has. */
static void
offer_another_cipher(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_cipher_list(conn->client, "ECDHE-ECDSA-AES128-SHA:"
					  "ECDHE-RSA-AES128-SHA");
}

START_TEST(a_session_that_may_be_used_can_end_the_handshake)
{
	/* As RFC 8446 section 6.2 has it since OpenSSL 3.4. */
	int binder_alert = OpenSSL_version_num() >= 0x30400000UL
			       ? SSL_AD_DECRYPT_ERROR
			       : SSL_AD_ILLEGAL_PARAMETER;
	const struct {
		int version;
		conn_fn prepare;
		int alert; /* from the server; 0: its records can't be read */
	} cases[] = {
	    {TLS1_3_VERSION, conn_break_keys, binder_alert},
	    {TLS1_2_VERSION, conn_break_keys, 0},
	    {TLS1_2_VERSION, forgo_extended_master_secret,
		SSL_AD_HANDSHAKE_FAILURE},
	    {TLS1_2_VERSION, offer_another_cipher, SSL_AD_ILLEGAL_PARAMETER},
	};
	struct visit visit = {.version = cases[_i].version};
	struct outcome saw;

	visit.server = plain_server(visit.version);
	visit.session = visit_run(&visit).session;
	plain_reset(NULL);
	plain.answer = SSL_TICKET_RETURN_USE;
	visit.prepare = cases[_i].prepare;
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 1);
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.alert, cases[_i].alert);
}
END_TEST

static TCase *
contents(void)
{
	TCase *tcase = tests_case("contents", 60);

	tcase_add_loop_test(tcase, app_data_travel_byte_for_byte, 0, 2);
	tcase_add_loop_test(tcase, sixteen_kilobytes_of_app_data_travel, 0, 2);
	tcase_add_loop_test(tcase, too_many_app_data_lose_the_connection, 0, 2);
	tcase_add_test(
	    tcase, the_second_ticket_inherits_the_app_data_of_the_first);
	tcase_add_loop_test(tcase, timeout_0_loses_the_connection, 0, 2);
	tcase_add_loop_test(tcase, time_1_loses_only_the_ticket, 0, 2);
	tcase_add_loop_test(
	    tcase, a_timeout_set_in_gen_cb_is_what_the_client_is_told, 0, 2);
	tcase_add_test(
	    tcase, num_tickets_1_in_the_first_gen_cb_stops_the_second);
	tcase_add_test(tcase, num_tickets_0_issues_none_and_old_ones_are_shown);
	tcase_add_loop_test(
	    tcase, use_under_another_session_id_context_is_not_resumed, 0, 2);
	tcase_add_test(tcase, security_level_3_switches_tickets_off_in_1_2);
	return tcase;
}

static TCase *
ways_past(void)
{
	TCase *tcase = tests_case("ways past dec_cb", 60);

	tcase_add_loop_test(
	    tcase, stateful_tickets_resume_without_dec_cb, 0, 2);
	tcase_add_loop_test(
	    tcase, after_ignore_a_session_id_resumes_past_dec_cb, 0, 2);
	tcase_add_test(
	    tcase, a_cached_session_resumes_though_the_cache_is_off_now);
	tcase_add_test(
	    tcase, a_get_session_callback_is_asked_though_the_cache_is_off);
	tcase_add_test(tcase, an_error_left_in_the_queue_breaks_the_handshake);
	tcase_add_test(tcase, declined_early_data_cost_the_next_visit);
	tcase_add_test(tcase, declined_early_data_can_be_restored);
	tcase_add_loop_test(
	    tcase, a_session_that_may_be_used_can_end_the_handshake, 0, 4);
	tcase_add_test(tcase, ciphers_of_the_server_do_not_matter_to_use);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("openssl traps");

	suite_add_tcase(suite, contents());
	suite_add_tcase(suite, ways_past());
	return tests_run(suite);
}
