/*
 * SPDX-License-Identifier: MIT
 *
 * Early data under a policy.
 *
 * Scenarios:
 *  1. They are taken unless declined; a refused ticket declines them.
 *  2. conn.early_data = false declines them and keeps the session, and the
 *     next 0-RTT visit with the renewed ticket works.
 *  3. Declining what was not offered changes nothing.
 *  4. Declining does not outlive the handshake.
 */
#include <check.h>

#include "tls/engine.h"

static const char permissive[] = "return { decrypt = function() end }";
static const char strict[] =
    "return { decrypt = function() return 'ignore_renew' end }";
static const char declining[] =
    "return { decrypt = function(conn, ticket)\n"
    "  local offered = tostring(conn.early_data)\n"
    "  if conn.server_name == 'careful.example' then\n"
    "    conn.early_data = false\n"
    "  end\n"
    "  return 'default', offered\n"
    "end }";

static struct visit
early_visit(const char *text)
{
	struct visit visit = {.server = server_new(TLS1_3_VERSION),
	    .early = "early",
	    .name = "careful.example"};

	server_early(visit.server, 1024);
	engine_attach(engine_new(text), visit.server);
	visit.session = visit_run(&visit).session;
	return visit;
}

START_TEST(declined_early_data_keep_the_session)
{
	struct visit visit = early_visit(declining);
	struct outcome saw = visit_run(&visit);

	ck_assert(saw.echoed && saw.resumed && !saw.early);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "true");
	notes_check();
}
END_TEST

/* The client ties early data to the server name it had, so the policy must
 * change its mind about the same one. */
START_TEST(the_next_early_data_with_the_renewed_ticket_are_taken)
{
	struct visit visit = early_visit(declining);
	struct outcome saw;
	int i;

	for (i = 0; i < 3; i++) {
		saw = visit_run(&visit);
		ck_assert(saw.echoed && saw.resumed && !saw.early);
		visit.session = saw.session;
		ck_assert_uint_eq(
		    SSL_SESSION_get_max_early_data(visit.session), 1024);
	}
	engine_attach(engine_new(permissive), visit.server);
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed && saw.early);
}
END_TEST

START_TEST(early_data_are_taken_unless_declined)
{
	struct visit visit = early_visit(permissive);
	struct outcome saw = visit_run(&visit);

	ck_assert(saw.echoed && saw.resumed && saw.early);
}
END_TEST

START_TEST(a_refused_ticket_declines_early_data)
{
	struct visit visit = early_visit(strict);
	struct outcome saw = visit_run(&visit);

	ck_assert(saw.echoed && !saw.resumed && !saw.early);
	ck_assert_int_eq(saw.tickets, 2);
}
END_TEST

START_TEST(declining_what_was_not_offered_changes_nothing)
{
	struct visit visit = early_visit(declining);
	struct outcome saw;

	visit.early = NULL;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_str_ne(note_last(USHER_CALL_DECRYPT)->reason, "true");
	visit.session = saw.session;
	visit.early = "early";
	engine_attach(engine_new(permissive), visit.server);
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed && saw.early);
}
END_TEST

START_TEST(declining_does_not_outlive_the_handshake)
{
	struct visit visit =
	    early_visit("return { decrypt = function(conn, ticket)\n"
			"  conn.early_data = false\n"
			"  return 'use'\n"
			"end }");
	struct outcome saw;

	visit.on = SSL_new(visit.server);
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed && !saw.early);
	SSL_clear(visit.on);
	visit.session = NULL;
	visit.early = NULL;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.session);
	ck_assert_uint_eq(SSL_SESSION_get_max_early_data(saw.session), 1024);
	SSL_free(visit.on);
}
END_TEST

/* Put back once: what the host sets from then on is the host's. */
START_TEST(a_limit_that_the_host_sets_later_stays)
{
	struct visit visit = early_visit(declining);
	struct conn *conn = conn_open(&visit);
	struct outcome saw;

	ck_assert_int_eq(conn->saw.tickets, 1);
	SSL_set_max_early_data(conn->server, 2048);
	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	saw = conn_close(conn);
	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_uint_eq(
	    SSL_SESSION_get_max_early_data(saw.sessions[1]), 2048);
}
END_TEST

static TCase *
early(void)
{
	TCase *tcase = engine_case("early data", 60);

	tcase_add_test(tcase, declined_early_data_keep_the_session);
	tcase_add_test(
	    tcase, the_next_early_data_with_the_renewed_ticket_are_taken);
	tcase_add_test(tcase, early_data_are_taken_unless_declined);
	tcase_add_test(tcase, a_refused_ticket_declines_early_data);
	tcase_add_test(tcase, declining_what_was_not_offered_changes_nothing);
	tcase_add_test(tcase, declining_does_not_outlive_the_handshake);
	tcase_add_test(tcase, a_limit_that_the_host_sets_later_stays);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: early data");

	suite_add_tcase(suite, early());
	return tests_run(suite);
}
