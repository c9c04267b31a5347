/*
 * SPDX-License-Identifier: MIT
 *
 * The times of an envelope, from ticket to ticket, over real renewals. The
 * clock is mocked for Usher's own times; OpenSSL's stay real.
 * check_envelope_makers.c has who made what, check_envelope_siblings.c several
 * tickets of a handshake.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. auth_time stays, auth_age and renewals grow, for scripts that return a
 *     table and for scripts that return nothing.
 *  2. They begin anew with every full handshake, after a refusal too.
 *  3. After a string they are nil, and stay nil under nil; a table after a
 *     string does not bring auth_time back.
 *  4. A session from a time without a policy gets no auth_time.
 *  5. auth_time more than 300 s ahead is absent; ages are never below 0.
 *  6. renewals that have reached 2^32 - 1 stay there.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"
#include "data/envelope.h"

#include "tls/policy.h"

#define START 1700000000

static const char *const bodies[] = {
    "return { n = 'x' }",
    "if not ticket.previous then return { n = 'x' } end",
};

START_TEST(auth_time_stays_and_renewals_grow)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	char want[128];
	int i;

	visit.server =
	    policy_server(policy_renewing("name = 'p',", bodies[_i / VERSIONS]),
		visit.version);
	ush_clock_set(START);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 5; i++) {
		ush_clock_set(START + 100 * (i + 1));
		snprintf(want, sizeof want, "%d %d %d a.example p x", START,
		    100 * (i + 1), i);
		visit_and_expect(&visit, want);
	}
}
END_TEST

START_TEST(a_script_that_returns_nothing_has_them_as_well)
{
	static const char *const generates[] = {"", "generate = nil,"};
	struct visit visit = {.version = version_of(_i)};
	char text[512], want[64];
	int i;

	snprintf(text, sizeof text,
	    "return { %s decrypt = function(conn, ticket)\n"
	    "  if not ticket.decrypted then return end\n"
	    "  return 'use_renew', tostring(ticket.auth_time) .. ' '\n"
	    "    .. tostring(ticket.renewals)\n"
	    "end }",
	    _i / VERSIONS ? "generate = function() end," : generates[0]);
	visit.server = policy_server(text, visit.version);
	ush_clock_set(START);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 3; i++) {
		snprintf(want, sizeof want, "%d %d", START, i);
		visit_and_expect(&visit, want);
	}
}
END_TEST

START_TEST(a_full_handshake_begins_anew)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server =
	    policy_server(policy_renewing("", bodies[0]), visit.version);
	ush_clock_set(START);
	visit.session = visit_run(&visit).session;
	visit_and_expect(&visit, "1700000000 0 0 nil nil x");
	visit.session = NULL;
	ush_clock_set(START + 50);
	visit.session = visit_run(&visit).session;
	ush_clock_set(START + 60);
	visit_and_expect(&visit, "1700000050 10 0 nil nil x");
}
END_TEST

START_TEST(a_refused_ticket_begins_anew)
{
	struct visit visit = {.version = version_of(_i)};

	ush_clock_set(START);
	visit.server =
	    policy_server(policy_renewing("", bodies[0]), visit.version);
	visit.session = visit_run(&visit).session;
	ush_clock_set(START + 50);
	engine_attach(
	    engine_new("return { decrypt = function() end,"
		       " generate = function() return { n = 'y' } end,"
		       " decrypt = function() return 'ignore_renew' end }"),
	    visit.server);
	visit.session = visit_run(&visit).session;
	engine_attach(engine_new(policy_renewing("", "")), visit.server);
	visit_and_expect(&visit, "1700000050 0 0 nil nil y");
}
END_TEST

START_TEST(after_a_string_they_are_nil_and_stay_nil)
{
	struct visit visit = {.version = version_of(_i)};
	int i;

	ush_clock_set(START);
	visit.server =
	    policy_server(policy_renewing("name = 'p',",
			      "if not ticket.previous then return 'bytes' end"),
		visit.version);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 3; i++) {
		visit_and_expect(&visit, "nil nil nil nil nil nil");
		ck_assert_ptr_nonnull(visit.session);
	}
}
END_TEST

START_TEST(a_table_after_a_string_brings_no_auth_time_back)
{
	struct visit visit = {.version = version_of(_i)};
	int i;

	ush_clock_set(START);
	visit.server =
	    policy_server(policy_renewing("",
			      "if not ticket.previous then return 'bytes' end\n"
			      "return { n = 'x' }"),
		visit.version);
	visit.session = visit_run(&visit).session;
	visit_and_expect(&visit, "nil nil nil nil nil nil");
	for (i = 0; i < 3; i++) {
		visit.session = visit_run(&visit).session;
		ck_assert_int_eq(strncmp(note_last(USHER_CALL_DECRYPT)->reason,
				     "nil nil ", 8),
		    0);
		ck_assert_ptr_nonnull(
		    strstr(note_last(USHER_CALL_DECRYPT)->reason, " x"));
	}
}
END_TEST

START_TEST(a_session_of_before_the_policy_gets_no_auth_time)
{
	struct visit visit = {
	    .server = server_new(version_of(_i)), .version = version_of(_i)};
	int i;

	visit.session = visit_run(&visit).session;
	engine_attach(engine_new(policy_renewing("", bodies[_i / VERSIONS])),
	    visit.server);
	for (i = 0; i < 3; i++) {
		struct outcome saw = visit_run(&visit);

		ck_assert(saw.resumed);
		ck_assert_int_eq(strncmp(note_last(USHER_CALL_DECRYPT)->reason,
				     "nil nil ", 8),
		    0);
		visit.session = saw.session;
	}
	notes_check();
}
END_TEST

START_TEST(a_future_auth_time_is_absent)
{
	struct visit visit = {.version = version_of(_i)};
	SSL_SESSION *first;

	visit.server =
	    policy_server(policy_renewing("", bodies[0]), visit.version);
	ush_clock_set(START + 301);
	visit.session = first = visit_run(&visit).session;
	ush_clock_set(START);
	visit_and_expect(&visit, "nil nil 0 nil nil x");
	ush_clock_set(START + 400); /* what was absent stays so */
	visit_and_expect(&visit, "nil nil 1 nil nil x");
	visit.session = first;
	ush_clock_set(START + 1);
	visit_and_expect(&visit, "1700000301 0 0 nil nil x");
	ush_clock_set(START + 302);
	visit_and_expect(&visit, "1700000301 1 1 nil nil x");
}
END_TEST

/* What nobody gets by renewing; as if by a server of the same ticket keys. */
static int
make_old(SSL *ssl, void *arg)
{
	struct ush_envelope envelope = {
	    .has_auth_time = true, .auth_time = START, .renewals = UINT32_MAX};
	struct ush_cbor_writer writer;
	unsigned char bytes[128];

	(void)arg;
	ush_cbor_writer_init(&writer, bytes, sizeof bytes);
	ush_envelope_begin(&writer, &envelope);
	ush_envelope_put_no_data(&writer);
	return SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(ssl), bytes, ush_cbor_written(&writer));
}

START_TEST(renewals_stay_at_the_most)
{
	struct visit visit = {
	    .server = server_new(version_of(_i)), .version = version_of(_i)};

	ush_clock_set(START);
	SSL_CTX_set_session_ticket_cb(visit.server, make_old, NULL, NULL);
	visit.session = visit_run(&visit).session;
	engine_attach(engine_new(policy_renewing("", "")), visit.server);
	visit_and_expect(&visit, "1700000000 0 4294967295 nil nil nil");
	visit_and_expect(&visit, "1700000000 0 4294967295 nil nil nil");
}
END_TEST

static TCase *
times(void)
{
	TCase *tcase = engine_case("times", 60);

	tcase_add_loop_test(
	    tcase, auth_time_stays_and_renewals_grow, 0, 2 * VERSIONS);
	tcase_add_loop_test(tcase,
	    a_script_that_returns_nothing_has_them_as_well, 0, 2 * VERSIONS);
	tcase_add_loop_test(tcase, a_full_handshake_begins_anew, 0, VERSIONS);
	tcase_add_loop_test(tcase, a_refused_ticket_begins_anew, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, after_a_string_they_are_nil_and_stay_nil, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_table_after_a_string_brings_no_auth_time_back, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_session_of_before_the_policy_gets_no_auth_time, 0, 2 * VERSIONS);
	tcase_add_loop_test(tcase, a_future_auth_time_is_absent, 0, VERSIONS);
	tcase_add_loop_test(tcase, renewals_stay_at_the_most, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("envelope: times");

	suite_add_tcase(suite, times());
	return tests_run(suite);
}
