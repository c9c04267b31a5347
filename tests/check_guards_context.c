/*
 * SPDX-License-Identifier: MIT
 *
 * Where clients are asked for certificates, OpenSSL ends the connection of who
 * returns with a session that has no id context: "use" must not be said.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. Without a session id context, with SSL_VERIFY_PEER: a full handshake, a
 *     reason, one warning that names the remedy; whatever the script says, or
 *     if there is none.
 *  2. With a context, or without asking for certificates: resumed.
 *  3. The context set later than the ticket: a full handshake.
 *  4. OpenSSL alone: what is guarded against.
 */
#include <check.h>

#include "tls/cert.h"
#include "tls/plain.h"
#include "tls/policy.h"

static void
set_context(SSL_CTX *ctx, const char *context)
{
	SSL_CTX_set_session_id_context(
	    ctx, (const unsigned char *)context, (unsigned int)strlen(context));
}

static const char *const scripts[] = {
    "return { decrypt = function() return 'use_renew' end }",
    "return { decrypt = function() return 'default' end }",
    "return { generate = function() return { n = 1 } end }",
};
#define SCRIPTS 3

START_TEST(without_a_context_it_is_a_full_handshake)
{
	struct visit visit = {.version = version_of(_i), .cert = CERT_CLIENT};
	struct usher *engine = engine_new(scripts[_i / VERSIONS]);
	struct outcome saw;
	int i;

	visit.server = engine_server(engine, visit.version);
	set_context(visit.server, "");
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit.session = visit_run(&visit).session;
	notes_clear();
	for (i = 0; i < 3; i++) {
		saw = visit_run(&visit);
		ck_assert_int_eq(saw.alert, 0);
		ck_assert(saw.echoed && !saw.resumed);
		ck_assert_int_gt(saw.tickets, 0);
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->verdict, "ignore_renew");
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason,
		    "no session id context");
		visit.session = saw.session;
	}
	ck_assert_int_eq(
	    log_count(USHER_LOG_WARNING, "SSL_CTX_set_session_id_context"), 1);
}
END_TEST

/* Of this SSL: what its context says does not count. */
static void
ask_nobody(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_verify(conn->server, SSL_VERIFY_NONE, NULL);
}

START_TEST(where_openssl_resumes_so_do_we)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server(scripts[0], visit.version);
	cert_ask(visit.server, SSL_VERIFY_PEER);
	if (_i / VERSIONS) {
		set_context(visit.server, "");
		visit.prepare = ask_nobody;
	}
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(log_count(USHER_LOG_WARNING, NULL), 0);
}
END_TEST

START_TEST(a_context_that_came_later_is_a_full_handshake)
{
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	visit.server = policy_server(scripts[0], visit.version);
	set_context(visit.server, "");
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit.session = visit_run(&visit).session;
	set_context(visit.server, "new");
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_int_gt(saw.tickets, 0);
	visit.session = saw.session;
	ck_assert(visit_run(&visit).resumed);
}
END_TEST

START_TEST(openssl_alone_ends_the_connection)
{
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	visit.server = plain_server(visit.version);
	set_context(visit.server, "");
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit.session = visit_run(&visit).session;
	plain.answer = SSL_TICKET_RETURN_USE;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
}
END_TEST

static TCase *
context(void)
{
	TCase *tcase = engine_case("id context", 60);

	tcase_add_loop_test(tcase, without_a_context_it_is_a_full_handshake, 0,
	    SCRIPTS * VERSIONS);
	tcase_add_loop_test(
	    tcase, where_openssl_resumes_so_do_we, 0, 2 * VERSIONS);
	tcase_add_loop_test(
	    tcase, a_context_that_came_later_is_a_full_handshake, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, openssl_alone_ends_the_connection, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: session id context");

	suite_add_tcase(suite, context());
	return tests_run(suite);
}
