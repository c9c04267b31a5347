/*
 * SPDX-License-Identifier: MIT
 *
 * One-time tickets (usher.once) against clients that don't play by the rules:
 * what `usher test` has no client for. The rest is in lua/usher/once_test.lua.
 *
 * Scenarios (both modes of burning, if nothing else is said):
 *  1. A HelloRetryRequest does not use a ticket up; the connection after it
 *     does.
 *  2. With another name in the second hello a full handshake follows; the
 *     ticket was used up by the first (burn = decrypt), or is still good
 *     (generate).
 *  3. A ticket shown to another host is not used up, nor in the first hello of
 *     two.
 *  4. Of several tickets in one hello, used ones are passed over, and those
 *     behind the one that is taken stay good.
 *  5. A hello that is recorded and sent by another: burn = decrypt: the owner
 *     gets a full handshake; generate: the owner resumes.
 *  6. Of two connections at once with the same ticket, one resumes with
 *     burn = decrypt, and the other is a full handshake; with generate, the one
 *     that is done first lives, and the other is ended.
 *  7. Tickets that a long connection asks for later don't end it.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/hello.h"
#include "tls/refuse.h"

enum { BURN_DECRYPT, BURN_GENERATE, BURNS };

static const char used[] = "used before, or forgotten";

static SSL_CTX *
once_server(int burn, int version)
{
	char text[512];

	snprintf(text, sizeof text,
	    "local usher = require 'usher'\n"
	    "return usher.chain { name = 'once',\n"
	    "  usher.bind { server_name = true },\n"
	    "  usher.once { burn = '%s' } }",
	    burn == BURN_GENERATE ? "generate" : "decrypt");
	return keyed_policy(text, version);
}

static struct visit
visit_of(SSL_CTX *ctx, int version)
{
	struct visit visit = {
	    .server = ctx, .version = version, .name = "a.example"};

	visit_first(&visit);
	notes_clear();
	return visit;
}

/* Of a server that asks for a second hello. */
static struct visit
retry_visit(int burn)
{
	SSL_CTX *ctx = once_server(burn, TLS1_3_VERSION);
	struct visit visit = {.server = ctx,
	    .name = "a.example",
	    .alpn = "h2,http/1.1",
	    .groups = GROUPS_RETRY};

	server_alpn(ctx);
	visit_first(&visit);
	server_retry(ctx);
	notes_clear();
	return visit;
}

START_TEST(a_retry_does_not_use_it_up_but_the_connection_does)
{
	struct visit visit = retry_visit(_i);
	SSL_SESSION *ticket = visit.session;
	struct outcome saw = visit_run(&visit);

	ck_assert_int_eq(saw.retries, 1);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_pstr_eq(visit_refused(&visit), used);
	visit.session = saw.session;
	ck_assert_ptr_null(visit_refused(&visit));
	visit.session = ticket;
	ck_assert_pstr_eq(visit_refused(&visit), used);
}
END_TEST

static void
change_name(struct conn *conn, void *arg)
{
	SSL_set_tlsext_host_name(conn->client, arg);
}

START_TEST(a_second_hello_to_another_host_does_not_resume)
{
	struct visit visit = retry_visit(_i);
	SSL_SESSION *ticket = visit.session;
	char other[] = "b.example";

	visit.retry = change_name;
	visit.arg = other;
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
	visit.retry = NULL;
	visit.session = ticket;
	ck_assert_pstr_eq(
	    visit_refused(&visit), _i == BURN_DECRYPT ? used : NULL);
}
END_TEST

START_TEST(a_ticket_shown_to_another_host_is_not_used_up)
{
	struct visit visit = retry_visit(_i);
	SSL_SESSION *ticket = visit.session;
	char right[] = "a.example";
	struct outcome saw;

	visit.name = "b.example";
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
	visit.session = ticket;
	visit.retry = change_name;
	visit.arg = right;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_int_eq(note_errors(), 0);
	visit.name = right;
	visit.retry = NULL;
	ck_assert_pstr_eq(visit_refused(&visit), used);
}
END_TEST

/*
 * Hellos of our own
 */

struct offer {
	SSL_SESSION *sessions[2];
	size_t n;
};

static void
rewrite_offer(unsigned char **flight, size_t *len, int nth, void *arg)
{
	const struct offer *offer = arg;
	struct hello_identity identities[2];

	if (nth != 1)
		return;
	for (size_t i = 0; i < offer->n; i++)
		identities[i] = hello_identity_of(offer->sessions[i]);
	hello_set_identities(flight, len, identities, offer->n, 1);
}

/* Which of these tickets the server takes; -1: none. The handshake ends with
 * the server's flight. */
static int
offer_tickets(const struct visit *visit, SSL_SESSION *one, SSL_SESSION *two)
{
	struct offer offer = {{one, two}, two ? 2 : 1};
	struct visit other = *visit;
	struct outcome saw;

	other.session = one;
	other.rewrite = rewrite_offer;
	other.arg = &offer;
	saw = visit_run(&other);
	notes_check();
	ck_assert_int_eq(saw.answered, 1);
	return saw.selected;
}

START_TEST(of_several_tickets_the_first_good_one_is_taken)
{
	SSL_CTX *ctx = once_server(_i, TLS1_3_VERSION);
	struct visit first = visit_of(ctx, TLS1_3_VERSION),
		     second = visit_of(ctx, TLS1_3_VERSION),
		     spent = visit_of(ctx, TLS1_3_VERSION), again = spent;

	ck_assert_ptr_null(visit_refused(&again));
	ck_assert_int_eq(
	    offer_tickets(&first, spent.session, first.session), 1);
	ck_assert_int_eq(
	    offer_tickets(&second, second.session, again.session), 0);
	ck_assert_ptr_null(visit_refused(&again));
}
END_TEST

/* The other one sends the hello, and can't go on. */
START_TEST(a_recorded_hello)
{
	SSL_CTX *ctx = once_server(_i, TLS1_3_VERSION);
	struct visit visit = visit_of(ctx, TLS1_3_VERSION);

	ck_assert_int_eq(offer_tickets(&visit, visit.session, NULL), 0);
	if (_i == BURN_GENERATE) {
		ck_assert_int_eq(offer_tickets(&visit, visit.session, NULL), 0);
		ck_assert_ptr_null(visit_refused(&visit));
	} else {
		ck_assert_int_eq(
		    offer_tickets(&visit, visit.session, NULL), -1);
		ck_assert_pstr_eq(visit_refused(&visit), used);
	}
}
END_TEST

/*
 * At the same time
 */

static struct outcome
finish(struct conn *conn)
{
	conn_handshake(conn);
	conn_echo(conn);
	return conn_close(conn);
}

START_TEST(of_two_connections_at_once_one_has_it)
{
	int burn = _i / VERSIONS, version = version_of(_i);
	struct visit visit = visit_of(once_server(burn, version), version);
	struct conn *one = conn_new(&visit), *other = conn_new(&visit);
	struct outcome first, second;

	conn_flight(one, WIRE_CLIENT);
	conn_flight(other, WIRE_CLIENT);
	conn_flight(one, WIRE_SERVER);
	conn_flight(other, WIRE_SERVER);
	second = finish(other);
	first = finish(one);
	notes_check();
	if (burn == BURN_GENERATE && version == TLS1_3_VERSION) {
		ck_assert(second.echoed && second.resumed);
		ck_assert(!first.echoed);
		ck_assert_int_eq(first.alert, SSL_AD_INTERNAL_ERROR);
		ck_assert_str_eq(
		    note_last(USHER_CALL_GENERATE)->verdict, "end");
	} else {
		ck_assert(first.echoed && first.resumed);
		ck_assert(second.echoed && !second.resumed);
	}
	ck_assert_pstr_eq(visit_refused(&visit), used);
}
END_TEST

START_TEST(later_tickets_of_a_connection_are_none_the_worse)
{
	struct visit visit =
	    visit_of(once_server(_i, TLS1_3_VERSION), TLS1_3_VERSION);
	struct conn *conn = conn_open(&visit);
	struct outcome saw;

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
		conn_restart(conn, WIRE_SERVER);
	}
	saw = conn_close(conn);
	notes_check();
	ck_assert(saw.resumed && saw.echoed);
	ck_assert_int_eq(saw.tickets, 4);
	for (int i = 0; i < 4; i++) {
		visit.session = saw.sessions[i];
		ck_assert_ptr_null(visit_refused(&visit));
		visit.session = saw.sessions[i];
		ck_assert_pstr_eq(visit_refused(&visit), used);
	}
}
END_TEST

static Suite *
once_suite(void)
{
	Suite *suite = suite_create("once");
	TCase *tcase = engine_case("second hellos", 60);

	tcase_add_loop_test(tcase,
	    a_retry_does_not_use_it_up_but_the_connection_does, 0, BURNS);
	tcase_add_loop_test(
	    tcase, a_second_hello_to_another_host_does_not_resume, 0, BURNS);
	tcase_add_loop_test(
	    tcase, a_ticket_shown_to_another_host_is_not_used_up, 0, BURNS);
	suite_add_tcase(suite, tcase);
	tcase = engine_case("others", 60);
	tcase_add_loop_test(
	    tcase, of_several_tickets_the_first_good_one_is_taken, 0, BURNS);
	tcase_add_loop_test(tcase, a_recorded_hello, 0, BURNS);
	tcase_add_loop_test(
	    tcase, of_two_connections_at_once_one_has_it, 0, BURNS * VERSIONS);
	tcase_add_loop_test(
	    tcase, later_tickets_of_a_connection_are_none_the_worse, 0, BURNS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return tests_run(once_suite());
}
