/*
 * SPDX-License-Identifier: MIT
 *
 * auth_time is when the full handshake was, not when its first ticket was made.
 *
 * Scenarios:
 *  1. No ticket in the handshake, one an hour later: an hour old.
 *  2. The same after tickets in the handshake, and after a resumption.
 *  3. A second handshake on an SSL, after SSL_clear or by renegotiation, begins
 *     anew, unless it resumes the first one's session; a ticket that it makes
 *     later is as old as that one.
 */
#include <stdbool.h>
#include <stdio.h>

#include <check.h>

#include "base/clock.h"
#include "tls/policy.h"

enum { NOW = 1800000000, HOUR = 3600 };

static const char policy[] =
    "return { decrypt = function(conn, ticket)\n"
    "  if not ticket.decrypted then return end\n"
    "  return 'default', tostring(ticket.auth_age) .. ' '\n"
    "    .. tostring(ticket.auth_time)\n"
    "end }\n";

static SSL_CTX *
server(int version)
{
	SSL_CTX *ctx = policy_server(policy, version);

	ush_clock_set(NOW);
	return ctx;
}

/* The ticket says that the full handshake was at NOW + `began`, when it is
 * NOW + `now`. */
static void
expect(struct visit *visit, SSL_SESSION *session, int now, int began)
{
	char want[64];

	snprintf(want, sizeof want, "%d %d", now - began, NOW + began);
	ush_clock_set(NOW + now);
	visit->session = session;
	ck_assert(visit_run(visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, want);
}

/* One more ticket, `later` seconds after NOW. */
static SSL_SESSION *
ticket_at(struct conn *conn, int later)
{
	int before = conn->saw.tickets;

	ush_clock_set(NOW + later);
	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(conn->saw.tickets, before + 1);
	return conn->saw.sessions[before];
}

/* After 0 or 2 tickets in the handshake. */
START_TEST(a_later_ticket_is_as_old_as_the_handshake)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	SSL_SESSION *first, *second;
	struct conn *conn;

	visit.server = server(visit.version);
	SSL_CTX_set_num_tickets(visit.server, (size_t)_i * 2);
	conn = conn_open(&visit);
	ck_assert_int_eq(conn->saw.tickets, _i * 2);
	first = ticket_at(conn, HOUR);
	second = ticket_at(conn, 2 * HOUR);
	conn_close(conn);
	expect(&visit, first, 2 * HOUR, 0);
	expect(&visit, second, 2 * HOUR, 0);
}
END_TEST

START_TEST(a_later_ticket_of_a_resumption_inherits_it)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	SSL_SESSION *later;
	struct conn *conn;

	visit.server = server(visit.version);
	visit.session = visit_run(&visit).session;
	SSL_CTX_set_num_tickets(visit.server, (size_t)_i);
	ush_clock_set(NOW + HOUR);
	conn = conn_open(&visit);
	later = ticket_at(conn, 2 * HOUR);
	ck_assert(conn_close(conn).resumed);
	expect(&visit, later, 3 * HOUR, 0);
}
END_TEST

START_TEST(the_next_handshake_of_an_ssl_has_its_own)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	SSL_SESSION *later;
	struct conn *conn;

	visit.server = server(visit.version);
	SSL_CTX_set_num_tickets(visit.server, (size_t)_i);
	visit.on = SSL_new(visit.server);
	ck_assert(visit_run(&visit).echoed);
	SSL_clear(visit.on);
	ush_clock_set(NOW + HOUR);
	conn = conn_open(&visit);
	later = ticket_at(conn, 2 * HOUR);
	conn_close(conn);
	SSL_free(visit.on);
	visit.on = NULL;
	expect(&visit, later, 3 * HOUR, HOUR);
}
END_TEST

START_TEST(in_1_2_it_is_the_handshakes)
{
	struct visit visit = {.version = TLS1_2_VERSION};
	SSL_SESSION *session;

	visit.server = server(visit.version);
	session = visit_run(&visit).session;
	expect(&visit, session, HOUR, 0);
}
END_TEST

/* In full, or resuming the first handshake's session. */
START_TEST(a_renegotiation_in_full_begins_anew)
{
	struct visit visit = {.version = TLS1_2_VERSION};
	SSL_SESSION *again;
	struct conn *conn;
	bool full = _i == 1;

	visit.server = server(visit.version);
	SSL_CTX_set_options(visit.server, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
	conn = conn_open(&visit);
	ush_clock_set(NOW + HOUR);
	ck_assert_int_eq((full ? SSL_renegotiate : SSL_renegotiate_abbreviated)(
			     conn->client),
	    1);
	conn_restart(conn, WIRE_CLIENT);
	ck_assert_int_eq(SSL_session_reused(conn->client), !full);
	again = SSL_get1_session(conn->client);
	conn_close(conn);
	expect(&visit, again, 2 * HOUR, full ? HOUR : 0);
	SSL_SESSION_free(again);
}
END_TEST

static TCase *
times(void)
{
	TCase *tcase = engine_case("auth_time", 60);

	tcase_add_loop_test(
	    tcase, a_later_ticket_is_as_old_as_the_handshake, 0, 2);
	tcase_add_loop_test(
	    tcase, a_later_ticket_of_a_resumption_inherits_it, 0, 2);
	tcase_add_loop_test(
	    tcase, the_next_handshake_of_an_ssl_has_its_own, 0, 2);
	tcase_add_test(tcase, in_1_2_it_is_the_handshakes);
	tcase_add_loop_test(tcase, a_renegotiation_in_full_begins_anew, 0, 2);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("auth_time");

	suite_add_tcase(suite, times());
	return tests_run(suite);
}
