/*
 * SPDX-License-Identifier: MIT
 *
 * App data that the host itself sets, beside a policy, at any time: they come
 * back byte for byte, whatever stands around them.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. Set in a certificate or servername callback, they come back through the
 *     accessor under every kind of policy, over several visits.
 *  2. A string from generate replaces them; the empty one removes them.
 *  3. Without decrypt and without a table there is no envelope at all.
 *  4. Set after the handshake, they are in the next ticket.
 *  5. Set in every handshake, they take nothing else away.
 *  6. The accessor answers without data, and without a session.
 *  7. They count for the app-data limit, unless the policy has no function.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"

#include "tls/policy.h"

/* The host: sets its bytes in a callback of its own. */
#define HOST "host\0\xff"
#define HOST_LEN 6

static int
set_in_cert_callback(SSL *ssl, void *arg)
{
	(void)arg;
	SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), HOST, HOST_LEN);
	return 1;
}

static int
set_in_name_callback(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	(void)arg;
	SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), HOST, HOST_LEN);
	return SSL_TLSEXT_ERR_OK;
}

static void
host_sets(SSL_CTX *server, int where)
{
	if (where == 0)
		SSL_CTX_set_cert_cb(server, set_in_cert_callback, NULL);
	else
		SSL_CTX_set_tlsext_servername_callback(
		    server, set_in_name_callback);
}

static void
host_sets_no_more(SSL_CTX *server)
{
	SSL_CTX_set_cert_cb(server, NULL, NULL);
	SSL_CTX_set_tlsext_servername_callback(server, NULL);
}

static void
check_host_data(SSL *server, const char *want, size_t want_len)
{
	const void *data = "?";
	size_t len = 1;

	ck_assert_int_eq(usher_session_get0_host_app_data(
			     SSL_get_session(server), &data, &len),
	    0);
	ck_assert_uint_eq(len, want_len);
	if (want_len)
		ck_assert_mem_eq(data, want, want_len);
	else
		ck_assert_ptr_null(data);
}

/* A visit that must resume; its session must hold these host data. Returns
 * its newest session, or the one it offered. */
static SSL_SESSION *
visit_with_host_data(const struct visit *visit, const char *want, size_t len)
{
	struct conn *conn = conn_open(visit);
	struct outcome saw;

	check_host_data(conn->server, want, len);
	saw = conn_close(conn);
	ck_assert(saw.resumed);
	return saw.session ? saw.session : visit->session;
}

static const char *const around[] = {
    "return {}",
    "return { generate = function() end }",
    "return { generate = function() return { a = 1 } end }",
    "return { decrypt = function() end }",
    "return { generate = function() return { a = 1 } end,"
    " decrypt = function(_, ticket)"
    "  if ticket.decrypted then return 'use_renew' end"
    " end }",
    "return { decrypt = function(_, ticket)"
    "  if ticket.decrypted then return 'use_renew' end"
    " end }",
};
#define AROUND (int)(sizeof around / sizeof *around)

START_TEST(host_data_come_back_whatever_stands_around_them)
{
	int policy = _i / VERSIONS % AROUND, where = _i / VERSIONS / AROUND;
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	int i;

	visit.server = policy_server(around[policy], visit.version);
	host_sets(visit.server, where);
	visit.session = visit_run(&visit).session;
	host_sets_no_more(visit.server);
	for (i = 0; i < 3; i++)
		visit.session = visit_with_host_data(&visit, HOST, HOST_LEN);
	notes_check();
}
END_TEST

START_TEST(a_string_from_generate_replaces_host_data)
{
	static const char *const texts[] = {
	    "return { generate = function() return 'mine' end }",
	    "return { generate = function() return '' end }",
	};
	int i = _i / VERSIONS;
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server(texts[i], visit.version);
	host_sets(visit.server, 0);
	visit.session = visit_run(&visit).session;
	host_sets_no_more(visit.server);
	visit_with_host_data(&visit, "mine", i ? 0 : 4);
	notes_check();
}
END_TEST

START_TEST(without_decrypt_and_without_a_table_there_is_no_envelope)
{
	struct visit visit = {.version = version_of(_i)};
	struct conn *conn;
	void *data = NULL;
	size_t len = 0;

	visit.server = policy_server(
	    "return { generate = function() end }", visit.version);
	host_sets(visit.server, 0);
	visit.session = visit_run(&visit).session;
	host_sets_no_more(visit.server);
	conn = conn_open(&visit);
	SSL_SESSION_get0_ticket_appdata(
	    SSL_get_session(conn->server), &data, &len);
	ck_assert_uint_eq(len, HOST_LEN);
	ck_assert_mem_eq(data, HOST, HOST_LEN);
	ck_assert(conn_close(conn).resumed);
}
END_TEST

START_TEST(data_set_after_the_handshake_are_in_the_next_ticket)
{
	struct visit visit = {
	    .server = policy_server(around[_i], TLS1_3_VERSION)};
	struct conn *conn = conn_open(&visit);

	SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(conn->server), HOST, HOST_LEN);
	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(conn->saw.tickets, 3);
	visit.session = conn_close(conn).session;
	visit_with_host_data(&visit, HOST, HOST_LEN);
	notes_check();
}
END_TEST

static int
set_much(SSL *ssl, void *arg)
{
	static const char much[1201];

	(void)arg;
	SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(ssl), much, sizeof much);
	return 1;
}

START_TEST(host_data_count_for_the_limit)
{
	int policy = _i / VERSIONS;
	struct visit visit = {.version = version_of(_i), .name = "a.example"};

	visit.server = policy_server(around[policy], visit.version);
	SSL_CTX_set_cert_cb(visit.server, set_much, NULL);
	visit.session = visit_run(&visit).session;
	if (policy > 0)
		ck_assert_int_eq(
		    note_last(USHER_CALL_GENERATE)->code, USHER_ERROR_APP_DATA);
	else
		notes_check();
	SSL_CTX_set_cert_cb(visit.server, NULL, NULL);
	ck_assert_int_eq(visit_run(&visit).resumed, policy == 0);
}
END_TEST

START_TEST(the_accessor_answers_without_data_and_without_session)
{
	SSL_SESSION *session = SSL_SESSION_new();
	const void *data = "?";
	size_t len = 1;

	ck_assert_int_eq(
	    usher_session_get0_host_app_data(session, &data, &len), 0);
	ck_assert_ptr_null(data);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(
	    usher_session_get0_host_app_data(NULL, &data, &len), -1);
	SSL_SESSION_free(session);
}
END_TEST

#define START 1700000000

static const char *const bodies[] = {
    "return { n = 'x' }",
    "if not ticket.previous then return { n = 'x' } end",
};

static int
set_short_data(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	(void)arg;
	SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), "host", 4);
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(what_the_host_sets_in_every_handshake_harms_nothing)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	char want[128];
	int i;

	visit.server =
	    policy_server(policy_renewing("name = 'p',", bodies[_i / VERSIONS]),
		visit.version);
	SSL_CTX_set_tlsext_servername_callback(visit.server, set_short_data);
	ush_clock_set(START);
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 4; i++) {
		struct conn *conn;
		const void *data;
		size_t len;

		snprintf(want, sizeof want, "%d 0 %d a.example p x", START, i);
		conn = conn_open(&visit);
		notes_check();
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, want);
		usher_session_get0_host_app_data(
		    SSL_get_session(conn->server), &data, &len);
		ck_assert_uint_eq(len, 4);
		ck_assert_mem_eq(data, "host", 4);
		visit.session = conn_close(conn).session;
	}
}
END_TEST

static TCase *
host_data(void)
{
	TCase *tcase = engine_case("host", 60);

	tcase_add_loop_test(tcase,
	    host_data_come_back_whatever_stands_around_them, 0,
	    2 * AROUND * VERSIONS);
	tcase_add_loop_test(
	    tcase, a_string_from_generate_replaces_host_data, 0, 2 * VERSIONS);
	tcase_add_loop_test(tcase,
	    without_decrypt_and_without_a_table_there_is_no_envelope, 0,
	    VERSIONS);
	tcase_add_loop_test(tcase,
	    data_set_after_the_handshake_are_in_the_next_ticket, 0, AROUND);
	tcase_add_loop_test(tcase,
	    what_the_host_sets_in_every_handshake_harms_nothing, 0,
	    2 * VERSIONS);
	tcase_add_loop_test(
	    tcase, host_data_count_for_the_limit, 0, AROUND * VERSIONS);
	tcase_add_test(
	    tcase, the_accessor_answers_without_data_and_without_session);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("manual: the host's app data");

	suite_add_tcase(suite, host_data());
	return tests_run(suite);
}
