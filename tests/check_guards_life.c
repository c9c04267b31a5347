/*
 * SPDX-License-Identifier: MIT
 *
 * Guards around lifetimes: attach and detach, and the order in which things
 * are freed. check_guards_places.c has threads, forks and nesting.
 *
 * Scenarios:
 *  1. Attach twice changes nothing, to another engine swaps, detach gives
 *     OpenSSL's defaults back, attach again works.
 *  2. What can't be attached or detached is refused with an error.
 *  3. The engine may be freed before its SSL_CTX, and after.
 *  4. Engine, context and attachment may go in the middle of a handshake.
 */
#include <check.h>

#include "tls/engine.h"

static const char refusing[] =
    "return { decrypt = function(_, ticket)\n"
    "  if ticket.decrypted then return 'ignore_renew', 'refused' end\n"
    "end }";
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

START_TEST(attach_swaps_and_detach_gives_the_defaults_back)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct usher *first = engine_new(storing);
	struct usher *second = engine_new(refusing);
	struct visit visit = {
	    .server = engine_server(first, version), .version = version};

	visit.session = visit_run(&visit).session;
	engine_attach(first, visit.server);
	ck_assert(visit_run(&visit).resumed);
	engine_attach(second, visit.server);
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_int_eq(usher_detach(visit.server), 0);
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(note_count(USHER_CALL_DECRYPT), 0);
	engine_attach(second, visit.server);
	ck_assert(!visit_run(&visit).resumed);
	engine_attach(first, visit.server);
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

START_TEST(what_cannot_be_attached_is_refused)
{
	struct usher *engine = engine_new("return {}");
	SSL_CTX *client = client_new(TLS1_3_VERSION);
	SSL_CTX *dtls_client = client_new(DTLS1_2_VERSION);
	SSL_CTX *server = server_new(0);
	struct usher_error error = {0};

	ck_assert_int_eq(usher_attach(engine, client, 0, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_CONTEXT);
	ck_assert_str_ne(error.message, "");
	ck_assert_int_eq(usher_attach(engine, dtls_client, 0, NULL), -1);
	ck_assert_int_eq(usher_attach(engine, NULL, 0, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_attach(NULL, server, 0, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_attach(engine, server, 1u << 31, &error), -1);
	ck_assert_int_eq(error.code, USHER_ERROR_ARGUMENT);
	ck_assert_int_eq(usher_detach(NULL), -1);
	ck_assert_int_eq(usher_detach(server), -1);
	ck_assert_int_eq(usher_attach(engine, server, 0, NULL), 0);
	ck_assert_int_eq(usher_detach(server), 0);
	ck_assert_int_eq(usher_detach(server), -1);
}
END_TEST

START_TEST(a_context_for_both_sides_can_be_attached)
{
	SSL_CTX *both = SSL_CTX_new(TLS_method());

	harness_keep_ctx(both);
	ck_assert_int_eq(
	    usher_attach(engine_new("return {}"), both, 0, NULL), 0);
}
END_TEST

START_TEST(the_engine_may_be_freed_before_its_context)
{
	struct usher *engine = engine_new_own(storing);
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .name = "a.example"};

	usher_free(engine);
	ck_assert(visit_twice(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "a.example");
}
END_TEST

START_TEST(the_context_may_be_freed_before_the_engine)
{
	struct usher *engine = engine_new_own(storing);
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());

	engine_attach(engine, server);
	SSL_CTX_free(server);
	ck_assert_uint_eq(engine_stats(engine).decrypt_calls, 0);
	usher_free(engine);
}
END_TEST

START_TEST(an_engine_that_is_never_attached_can_be_freed)
{
	usher_free(engine_new_own(storing));
	usher_free(NULL);
}
END_TEST

START_TEST(one_engine_serves_many_contexts)
{
	struct usher *engine = engine_new(storing);
	struct visit visit = {.version = TLS1_3_VERSION};
	int i;

	for (i = 0; i < 20; i++) {
		visit.server = engine_server(engine, TLS1_3_VERSION);
		ck_assert(visit_twice(&visit).resumed);
	}
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 20);
}
END_TEST

/* What goes away while a handshake is under way, by test number. */
static void
take_away(int what, struct usher *engine, SSL_CTX *server)
{
	if (what == 0 || what == 2)
		usher_detach(server);
	if (what == 1 || what == 2)
		usher_free(engine);
	if (what == 3) {
		struct usher *other = engine_new_own(refusing);

		usher_attach(other, server, 0, NULL);
		usher_free(other);
		usher_free(engine);
	}
}

/* The test's own context, freed here while the SSL still holds it. */
static void
finish_without(struct visit *visit, int what, int steps)
{
	struct usher *engine = engine_new_own(storing);
	struct conn *conn;
	int i;

	engine_attach(engine, visit->server);
	conn = conn_new(visit);
	for (i = 0; i < steps; i++)
		conn_flight(conn, i % 2 ? WIRE_SERVER : WIRE_CLIENT);
	take_away(what, engine, visit->server);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert(conn->saw.echoed);
	conn_close(conn);
	if (what == 0)
		usher_free(engine);
}

START_TEST(a_handshake_under_way_survives_the_engine)
{
	int version = _i % 2 ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {.version = version};
	int what, steps;

	for (what = 0; what < 4; what++)
		for (steps = 0; steps < 4; steps++) {
			visit.session = NULL;
			visit.server = policy_server(storing, version);
			if (_i / 2)
				visit.session = visit_run(&visit).session;
			finish_without(&visit, what, steps);
		}
}
END_TEST

START_TEST(an_ssl_keeps_its_freed_context_and_engine)
{
	struct usher *engine = engine_new_own(storing);
	struct visit visit = {.server = SSL_CTX_new(TLS_server_method())};
	SSL_CTX *like = server_new(0);
	struct conn *conn;

	SSL_CTX_use_certificate(visit.server, SSL_CTX_get0_certificate(like));
	SSL_CTX_use_PrivateKey(visit.server, SSL_CTX_get0_privatekey(like));
	engine_attach(engine, visit.server);
	conn = conn_new(&visit);
	conn_flight(conn, WIRE_CLIENT);
	usher_free(engine);
	SSL_CTX_free(visit.server);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert(conn->saw.echoed);
	ck_assert_int_eq(conn->saw.tickets, 2);
	ck_assert_int_eq(note_count(USHER_CALL_GENERATE), 2);
	conn_close(conn);
}
END_TEST

static TCase *
attachment(void)
{
	TCase *tcase = engine_case("attachment", 60);

	tcase_add_loop_test(
	    tcase, attach_swaps_and_detach_gives_the_defaults_back, 0, 2);
	tcase_add_test(tcase, what_cannot_be_attached_is_refused);
	tcase_add_test(tcase, a_context_for_both_sides_can_be_attached);
	tcase_add_test(tcase, one_engine_serves_many_contexts);
	return tcase;
}

static TCase *
lifetimes(void)
{
	TCase *tcase = engine_case("lifetimes", 60);

	tcase_add_test(tcase, the_engine_may_be_freed_before_its_context);
	tcase_add_test(tcase, the_context_may_be_freed_before_the_engine);
	tcase_add_test(tcase, an_engine_that_is_never_attached_can_be_freed);
	tcase_add_loop_test(
	    tcase, a_handshake_under_way_survives_the_engine, 0, 4);
	tcase_add_test(tcase, an_ssl_keeps_its_freed_context_and_engine);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: lifetimes");

	suite_add_tcase(suite, attachment());
	suite_add_tcase(suite, lifetimes());
	return tests_run(suite);
}
