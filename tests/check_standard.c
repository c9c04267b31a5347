/*
 * SPDX-License-Identifier: MIT
 *
 * usher.standard, in real handshakes; and what the library's policies say about
 * wrong options.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. It runs where no script is given, under its name; a ticket resumes under
 *     the same server name only, and none is a name of its own.
 *  2. A ticket resumes until a day after the full handshake, however often it
 *     was renewed, and not before it.
 *  3. A ticket without data costs one full handshake.
 *  4. A client certificate has to be valid (in usher.revoke too).
 *  5. Over TCP: the address does not matter where there is a name, but does
 *     where there is none.
 *  6. Wrong options are errors of the script's own line.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"

#include "tls/cert.h"
#include "tls/keys.h"
#include "tls/refuse.h"
#include "tls/sockets.h"

START_TEST(the_standard_policy_runs_without_a_script)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	const struct note *note;

	visit.server = keyed_policy(NULL, visit.version);
	visit_first(&visit);
	ck_assert_ptr_null(visit_refused(&visit));
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_str_eq(note->policy, "usher.standard");
	ck_assert_uint_eq(strlen(note->revision), 16);
	visit.name = "b.example";
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
	ck_assert_ptr_null(visit_refused(&visit));
	visit.name = NULL;
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
	ck_assert_ptr_null(visit_refused(&visit));
	visit.name = "b.example";
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
}
END_TEST

#define START 1700000000

START_TEST(the_standard_policy_wants_it_fresh)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};

	visit.server = keyed_policy(NULL, visit.version);
	ush_clock_set(START);
	visit_first(&visit);
	for (int i = 1; i <= 24; i++) {
		ush_clock_set(START + 3600 * i);
		ck_assert_ptr_null(visit_refused(&visit));
	}
	ush_clock_set(START + 86401);
	ck_assert_pstr_eq(visit_refused(&visit), "signed in too long ago");
	ck_assert_ptr_null(visit_refused(&visit));
	/* made when the clock was ahead */
	ush_clock_set(START);
	ck_assert_pstr_eq(visit_refused(&visit), "signed in too long ago");
}
END_TEST

START_TEST(a_ticket_without_data_costs_one_full_handshake)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};

	visit.server = server_new(visit.version);
	keys_fix(visit.server, 1);
	visit.session = visit_run(&visit).session;
	visit.server = keyed_policy(NULL, visit.version);
	ck_assert_pstr_eq(visit_refused(&visit), "not one of ours");
	ck_assert_ptr_null(visit_refused(&visit));
}
END_TEST

START_TEST(an_expired_certificate_does_not_resume)
{
	static const char *const texts[] = {
	    "return require('usher.standard').with { auth_age = 1e10 }",
	    "return require 'usher.revoke' {}",
	};
	struct visit visit = {.version = version_of(_i), .cert = CERT_CLIENT};
	int64_t now = ush_clock_now();

	visit.server = keyed_policy(texts[_i / VERSIONS], visit.version);
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit_first(&visit);
	ck_assert_ptr_null(visit_refused(&visit));
	ush_clock_set(now + 50LL * 366 * 86400);
	ck_assert_pstr_eq(
	    visit_refused(&visit), "client certificate has expired");
	ush_clock_set(now - 50LL * 366 * 86400);
	ck_assert_pstr_eq(visit_refused(&visit),
	    _i / VERSIONS ? "client certificate is not valid yet"
			  : "signed in too long ago");
}
END_TEST

/*
 * Over TCP
 */

/* A visit to this address with this ticket. */
static struct outcome
visit_at(SSL_CTX *ctx, int version, const char *address, const char *name,
    SSL_SESSION *session)
{
	struct visit visit = {.server = ctx,
	    .version = version,
	    .name = name,
	    .session = session,
	    .prepare = sockets_use};
	struct outcome saw;
	struct conn *conn;

	sockets_connect(address);
	conn = conn_new(&visit);
	for (int i = 0; i < 100000; i++) {
		conn_flight(conn, WIRE_CLIENT);
		conn_flight(conn, WIRE_SERVER);
		if (conn->done[WIRE_CLIENT] && conn->done[WIRE_SERVER])
			break;
	}
	conn_handshake(conn);
	for (int i = 0; i < 100000 && !conn->saw.echoed; i++)
		conn_echo(conn);
	saw = conn_close(conn);
	sockets_close();
	notes_check();
	ck_assert(saw.echoed);
	ck_assert_ptr_nonnull(saw.session);
	return saw;
}

START_TEST(the_address_counts_where_there_is_no_name)
{
	int version = version_of(_i);
	SSL_CTX *ctx = keyed_policy(NULL, version);
	const char *name = "a.example", *here = "127.0.0.1",
		   *there = "127.0.0.2";
	SSL_SESSION *named, *nameless;

	named = visit_at(ctx, version, here, name, NULL).session;
	nameless = visit_at(ctx, version, here, NULL, NULL).session;
	ck_assert(visit_at(ctx, version, there, name, named).resumed);
	ck_assert(visit_at(ctx, version, here, NULL, nameless).resumed);
	ck_assert(!visit_at(ctx, version, there, NULL, nameless).resumed);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->reason, "other virtual host");
	ck_assert(!visit_at(ctx, version, here, name, nameless).resumed);
	ck_assert(!visit_at(ctx, version, here, here, nameless).resumed);
	ck_assert(!visit_at(ctx, version, here, NULL, named).resumed);
}
END_TEST

/*
 * Errors of use
 */

START_TEST(wrong_options_are_errors_of_the_scripts_line)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
	    {"bind { sni = true }", "no option 'sni'; did you mean "
				    "'server_name'?"},
	    {"bind { severname = true }", "did you mean 'server_name'?"},
	    {"bind { colour = 1 }", "its options are alpn, client_cert"},
	    {"bind {}", "bind to nothing"},
	    {"bind { server_name = 'a' }", "must be true or false, not 'a'"},
	    {"bind { server_name = true, refuse = 'use' }", "not 'use'"},
	    {"bind { network = { v4 = 33 } }", "0 to 32 bits"},
	    {"bind { client_cert = 'always' }", "not 'always'"},
	    {"bind()", "takes a table of options, not nothing"},
	    {"age { auth_age = -1 }", "a number, 0 or more"},
	    {"age {}", "no cap"},
	    {"age { timeout = 1.5 }", "a whole number"},
	    {"revoke { serials = { 'xyz' } }", "'xyz' is no serial number"},
	    {"revoke { sha256 = 'missing.txt' }", "missing.txt"},
	    {"chain { bind { alpn = true }, bind { server_name = true } }",
		"parts 1 and 2 are both called 'b'"},
	    {"chain { { decript = function() end } }",
		"did you mean 'decrypt'?"},
	    {"chain { { generate = function() end } }", "needs a name"},
	    {"chain { name = 'x' }", "is given no policy"},
	    {"chain { bind { alpn = true }, nil, age { age = 1 } }",
		"list of policies"},
	    {"by_name { ['A.example'] = age { age = 1 } }", "'a.example'"},
	    {"by_name { ['*.*.example'] = age { age = 1 } }", "a star"},
	    {"by_name { ['a.example'] = 7 }", "not a number"},
	    {"standard.with { max_age = 1 }", "did you mean 'auth_age'?"},
	    {"standard.with { auth_age = '1' }", "not '1'"},
	};
	char text[1024];
	struct usher_error error;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(text, sizeof text,
		    "local bind = require 'usher.bind'\n"
		    "local age = require 'usher.age'\n"
		    "local revoke = require 'usher.revoke'\n"
		    "local chain = require 'usher.chain'\n"
		    "local by_name = require 'usher.by_name'\n"
		    "local standard = require 'usher.standard'\n"
		    "local policy = %s\n"
		    "return policy or { bind, age, revoke, chain, by_name,"
		    " standard }\n",
		    wrong[i].text);
		error = engine_refused(text);
		ck_assert_msg(strstr(error.message, wrong[i].says) != NULL,
		    "%s: %s", wrong[i].text, error.message);
		ck_assert_msg(
		    error.line == 7, "%s: %s", wrong[i].text, error.message);
		ck_assert_str_eq(error.script, "test.lua");
	}
}
END_TEST

static Suite *
standard_suite(void)
{
	Suite *suite = suite_create("standard");
	TCase *tcase = engine_case("usher.standard", 60);

	tcase_add_loop_test(
	    tcase, the_standard_policy_runs_without_a_script, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, the_standard_policy_wants_it_fresh, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_ticket_without_data_costs_one_full_handshake, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, an_expired_certificate_does_not_resume, 0, 2 * VERSIONS);
	tcase_add_loop_test(
	    tcase, the_address_counts_where_there_is_no_name, 0, VERSIONS);
	suite_add_tcase(suite, tcase);
	tcase = engine_case("errors of use", 60);
	tcase_add_test(tcase, wrong_options_are_errors_of_the_scripts_line);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return tests_run(standard_suite());
}
