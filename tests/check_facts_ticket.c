/*
 * SPDX-License-Identifier: MIT
 *
 * Every fact of `ticket`, in both functions, and the client's certificate of
 * both, against what the handshakes really were.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. ticket in decrypt: with a session, and without one.
 *  2. The session's times, and its id.
 *  3. ticket in generate: the one being made, and ticket.previous.
 *  4. Client certificates, of the connection and of the ticket.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/cert.h"
#include "tls/compat.h"
#include "tls/keys.h"
#include "tls/policy.h"

static const char *
version_name(int version)
{
	return version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
}

static const char ticket_facts[] =
    "ticket.status, ticket.decrypted, ticket.data and ticket.data.n,"
    "ticket.policy, ticket.renewals, ticket.timeout, ticket.version,"
    "ticket.cipher, ticket.server_name, ticket.alpn, ticket.max_early_data,"
    "ticket.client_cert";

START_TEST(ticket_in_decrypt_is_the_session)
{
	struct visit visit = {
	    .version = version_of(_i), .name = "a.example", .alpn = "h2"};
	struct conn *conn;
	char want[256];
	int is_1_3 = _i % VERSIONS;

	visit.server =
	    policy_server(policy_showing("", ticket_facts), visit.version);
	server_alpn(visit.server);
	if (is_1_3)
		server_early(visit.server, 1024);
	conn = conn_open(&visit);
	snprintf(want, sizeof want,
	    "%s true x p 0 7200 %s %s a.example h2 %d nil",
	    is_1_3 ? "success_renew" : "success", version_name(visit.version),
	    SSL_get_cipher_name(conn->server), is_1_3 ? 1024 : 0);
	visit.session = conn_close(conn).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), want);
}
END_TEST

static const char all_ticket_facts[] =
    "ticket.key_name and #ticket.key_name, ticket.app_data, ticket.data,"
    "ticket.id, ticket.policy, ticket.auth_time, ticket.auth_age,"
    "ticket.renewals, ticket.revision, ticket.issued_at, ticket.age,"
    "ticket.timeout, ticket.session_id, ticket.version, ticket.cipher,"
    "ticket.server_name, ticket.alpn, ticket.max_early_data,"
    "ticket.client_cert";

START_TEST(ticket_without_a_session_has_status_and_key_name_alone)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	const char *what = policy_showing("", all_ticket_facts);
	const char *told;

	visit.server = policy_server(what, visit.version);
	visit.session = visit_run(&visit).session;
	keys_fix(visit.server, 9);
	notes_clear();
	ck_assert(!visit_run(&visit).resumed);
	told = policy_seen(USHER_CALL_DECRYPT);
	ck_assert_str_eq(told,
	    "16 nil nil nil nil nil nil nil nil nil nil nil nil nil nil nil"
	    " nil nil nil");
}
END_TEST

START_TEST(times_of_the_session_are_those_of_the_session)
{
	struct visit visit = {.version = version_of(_i)};
	struct conn *conn;
	long issued, age, now;

	visit.server = policy_server(
	    policy_showing("", "ticket.issued_at, ticket.age"), visit.version);
	conn = conn_open(&visit);
	now = (long)ush_session_time(SSL_get_session(conn->server));
	visit.session = conn_close(conn).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(
	    sscanf(policy_seen(USHER_CALL_DECRYPT), "%ld %ld", &issued, &age),
	    2);
	ck_assert_int_eq(issued, now);
	ck_assert(age >= 0 && age < 60);
}
END_TEST

START_TEST(the_session_id_is_in_hex)
{
	struct visit visit = {.version = version_of(_i)};
	const char *told;

	visit.server = policy_server(
	    policy_showing("", "ticket.session_id"), visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	told = policy_seen(USHER_CALL_DECRYPT);
	ck_assert_uint_eq(strlen(told), 64);
	ck_assert_uint_eq(strspn(told, "0123456789abcdef"), 64);
}
END_TEST

START_TEST(ticket_in_generate_is_the_one_being_made)
{
	struct visit visit = {.version = version_of(_i)};
	const char *told;
	char want[64];

	visit.server = policy_server(
	    policy_showing(
		"ticket.index, ticket.timeout, ticket.renewals,"
		"ticket.auth_time ~= nil, #ticket.id, ticket.previous",
		""),
	    visit.version);
	visit.session = visit_run(&visit).session;
	snprintf(
	    want, sizeof want, "%d 7200 0 true 16 nil", _i % VERSIONS ? 2 : 1);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	ck_assert(visit_run(&visit).resumed);
	told = policy_seen(USHER_CALL_GENERATE);
	snprintf(want, sizeof want, "1 7200 1 true 16 ");
	ck_assert_int_eq(strncmp(told, want, strlen(want)), 0);
	ck_assert_ptr_null(strstr(told, "nil"));
	ck_assert_ptr_null(strstr(told, "0x")); /* no address */
}
END_TEST

static const char cert_facts[] =
    "conn.client_cert and conn.client_cert.subject,"
    "conn.client_cert and conn.client_cert.issuer,"
    "conn.client_cert and conn.client_cert.serial,"
    "conn.client_cert and #conn.client_cert.sha256,"
    "conn.client_cert"
    "  and conn.client_cert.not_after - conn.client_cert.not_before";

START_TEST(a_client_certificate_is_that_of_the_client)
{
	struct visit visit = {.version = version_of(_i), .cert = CERT_CLIENT};
	const char *subject = "CN=client.example,O=Tests";
	char want[256];

	visit.server =
	    policy_server(policy_showing(cert_facts, ""), visit.version);
	cert_ask(visit.server, SSL_VERIFY_PEER);
	ck_assert(visit_run(&visit).echoed);
	snprintf(want, sizeof want, "%s %s 1267 64 %ld", subject, subject,
	    7L * 86400 + 3600);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	visit.cert = 0;
	ck_assert(visit_run(&visit).echoed);
	ck_assert_str_eq(
	    policy_seen(USHER_CALL_GENERATE), "nil nil nil nil nil");
}
END_TEST

static void
sha256_of(X509 *cert, char *hex)
{
	unsigned char digest[32];
	int i;

	X509_digest(cert, EVP_sha256(), digest, NULL);
	for (i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

START_TEST(a_tickets_certificate_is_that_of_the_first_visit)
{
	struct visit visit = {.version = version_of(_i), .cert = CERT_OTHER};
	char want[256], hex[65];

	visit.server = policy_server(
	    policy_showing("conn.client_cert and conn.client_cert.serial",
		"ticket.client_cert and ticket.client_cert.serial,"
		"ticket.client_cert and ticket.client_cert.sha256,"
		"conn.client_cert"),
	    visit.version);
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	sha256_of(cert_get(CERT_OTHER), hex);
	snprintf(want, sizeof want, "1268 %s nil", hex);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), want);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), "1268");
}
END_TEST

static TCase *
tickets(void)
{
	TCase *tcase = engine_case("ticket", 60);

	tcase_add_loop_test(
	    tcase, ticket_in_decrypt_is_the_session, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    ticket_without_a_session_has_status_and_key_name_alone, 0,
	    VERSIONS);
	tcase_add_loop_test(
	    tcase, times_of_the_session_are_those_of_the_session, 0, VERSIONS);
	tcase_add_loop_test(tcase, the_session_id_is_in_hex, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, ticket_in_generate_is_the_one_being_made, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_client_certificate_is_that_of_the_client, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_tickets_certificate_is_that_of_the_first_visit, 0, VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("facts: ticket");

	suite_add_tcase(suite, tickets());
	return tests_run(suite);
}
