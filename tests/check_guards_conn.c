/*
 * SPDX-License-Identifier: MIT
 *
 * Guards around one connection: what OpenSSL does with an SSL besides one plain
 * handshake, and what must not leak from one handshake into the next.
 *
 * Scenarios:
 *  1. SSL_clear and reuse: no verdict, script var, ticket index or budget is
 *     carried over; the host's vars are. A replayed hello is asked about anew.
 *  2. SSL_dup: the copy has nothing of the original, and both can be freed.
 *  3. Renegotiation in 1.2 is a handshake of its own.
 *  4. SSL_new_session_ticket and post-handshake authentication run generate.
 *  5. DTLS 1.2, and TLS before 1.2.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tls/cert.h"
#include "tls/policy.h"

/* Notes what a fresh handshake must not see. */
static const char carrying[] =
    "return {\n"
    "  generate = function(conn, ticket)\n"
    "    conn.vars.seen = tostring(ticket.index) .. ' '\n"
    "      .. tostring(conn.vars.left)\n"
    "    return { n = 1 }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    local left = conn.vars.left\n"
    "    conn.vars.left = 'left over'\n"
    "    for i = 1, 60000 do end\n"
    "    return 'default', tostring(left) .. ' '\n"
    "      .. tostring(conn.vars.host)\n"
    "  end,\n"
    "}\n";

START_TEST(a_cleared_ssl_starts_anew)
{
	struct engine_spec spec = {
	    .text = carrying, .instruction_limit = 100000};
	struct usher *engine = engine_make(&spec);
	struct visit visit = {.version = version_of(_i)};
	int i;

	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	visit.on = SSL_new(visit.server);
	ck_assert_int_eq(
	    usher_conn_set_string(visit.on, "host", "stays", 5), 0);
	for (i = 0; i < 5; i++) {
		notes_clear();
		ck_assert(visit_run(&visit).resumed);
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->reason, "nil stays");
		SSL_clear(visit.on);
		ck_assert_str_eq(
		    usher_conn_get_string(visit.on, "host", NULL), "stays");
	}
	SSL_free(visit.on);
	ck_assert_uint_eq(engine_stats(engine).budget_refused, 0);
	ck_assert_uint_eq(engine_stats(engine).remembered, 0);
}
END_TEST

START_TEST(each_handshake_of_a_cleared_ssl_is_counted)
{
	struct usher *engine = engine_new(
	    "return { decrypt = function() return 'use_renew' end }");
	struct visit visit = {.version = TLS1_3_VERSION};
	int i;

	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	visit.on = SSL_new(visit.server);
	for (i = 0; i < 3; i++) {
		ck_assert(visit_run(&visit).resumed);
		SSL_clear(visit.on);
	}
	SSL_free(visit.on);
	ck_assert_uint_eq(engine_stats(engine).resumed, 3);
	ck_assert_uint_eq(engine_stats(engine).not_resumed, 0);
}
END_TEST

START_TEST(a_cleared_ssl_counts_its_tickets_from_one)
{
	struct visit visit = {.version = version_of(_i)};
	int i;

	visit.server = policy_server(carrying, visit.version);
	visit.on = SSL_new(visit.server);
	for (i = 0; i < 3; i++) {
		ck_assert(visit_run(&visit).echoed);
		ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen,
		    _i ? "2 nil" : "1 left over");
		SSL_clear(visit.on);
	}
	SSL_free(visit.on);
}
END_TEST

START_TEST(a_cleared_ssl_has_no_verdict)
{
	struct visit visit = {.version = TLS1_3_VERSION};

	visit.server = policy_server(carrying, visit.version);
	visit.session = visit_run(&visit).session;
	visit.on = SSL_new(visit.server);
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(usher_conn_verdict(visit.on), "use_renew");
	SSL_clear(visit.on);
	visit.session = NULL;
	ck_assert(visit_run(&visit).echoed);
	ck_assert_ptr_null(usher_conn_verdict(visit.on));
	ck_assert_ptr_null(usher_conn_reason(visit.on));
	SSL_free(visit.on);
}
END_TEST

/* Keeps the first flight of one visit, and sends it again in the next. */
struct recording {
	unsigned char *flight;
	size_t len;
};

static void
record_or_replay(unsigned char **flight, size_t *len, int nth, void *arg)
{
	struct recording *recording = arg;

	if (nth != 1)
		return;
	if (recording->flight) {
		free(*flight);
		*flight = recording->flight;
		*len = recording->len;
		recording->flight = NULL;
		return;
	}
	recording->flight = malloc(*len);
	ck_assert_ptr_nonnull(recording->flight);
	memcpy(recording->flight, *flight, *len);
	recording->len = *len;
}

START_TEST(a_replayed_hello_is_asked_about_anew)
{
	struct usher *engine = engine_new(carrying);
	struct recording recording = {NULL, 0};
	struct visit visit = {.version = version_of(_i)};

	visit.server = engine_server(engine, visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	visit.on = SSL_new(visit.server);
	visit.rewrite = record_or_replay;
	visit.arg = &recording;
	ck_assert(visit_run(&visit).resumed);
	SSL_clear(visit.on);
	visit_run(&visit);
	ck_assert_int_eq(note_count(USHER_CALL_DECRYPT), 2);
	ck_assert_int_eq(note_last(USHER_CALL_DECRYPT)->remembered, 0);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil nil");
	SSL_free(visit.on);
}
END_TEST

START_TEST(a_copy_of_an_ssl_has_nothing_of_the_original)
{
	struct visit visit = {.version = version_of(_i)};
	SSL *original, *copy;

	visit.server = policy_server(carrying, visit.version);
	visit.session = visit_run(&visit).session;
	original = SSL_new(visit.server);
	SSL_set_accept_state(original);
	usher_conn_set_string(original, "host", "mine", 4);
	copy = SSL_dup(original);
	ck_assert_ptr_nonnull(copy);
	ck_assert_ptr_ne(copy, original);
	ck_assert_ptr_null(usher_conn_get_string(copy, "host", NULL));
	visit.on = copy;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil nil");
	SSL_free(copy);
	visit.on = original;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil mine");
	SSL_free(original);
}
END_TEST

START_TEST(a_copy_may_outlive_the_original)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	SSL *original, *copy;

	visit.server = policy_server(carrying, visit.version);
	visit.session = visit_run(&visit).session;
	original = SSL_new(visit.server);
	SSL_set_accept_state(original);
	usher_conn_set_string(original, "host", "mine", 4);
	copy = SSL_dup(original);
	SSL_free(original);
	usher_conn_set_string(copy, "host", "own", 3);
	visit.on = copy;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "nil own");
	SSL_free(copy);
}
END_TEST

/* The server asks for another handshake in 1.2, and it runs. */
static void
renegotiate(struct conn *conn)
{
	ck_assert_int_eq(SSL_renegotiate(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
}

START_TEST(a_renegotiation_is_a_handshake_of_its_own)
{
	struct usher *engine = engine_new(carrying);
	struct visit visit = {.version = TLS1_2_VERSION,
	    .server = engine_server(engine, TLS1_2_VERSION)};
	struct conn *conn = conn_open(&visit);
	int i;

	usher_conn_set_string(conn->server, "host", "stays", 5);
	for (i = 0; i < 4; i++) {
		notes_clear();
		renegotiate(conn);
		ck_assert(conn->saw.echoed);
		ck_assert_int_ge(note_count(USHER_CALL_DECRYPT), 1);
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->reason, "nil stays");
		if (note_count(USHER_CALL_GENERATE))
			ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen,
			    "1 left over");
	}
	ck_assert_uint_eq(engine_stats(engine).budget_refused, 0);
	ck_assert_uint_eq(engine_stats(engine).remembered, 0);
	conn_close(conn);
}
END_TEST

START_TEST(a_ticket_asked_for_later_has_data_and_an_index)
{
	struct visit visit = {
	    .server = policy_server(carrying, TLS1_3_VERSION)};
	struct conn *conn = conn_open(&visit);

	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(conn->saw.tickets, 3);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "3 nil");
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->verdict, "table");
	visit.session = conn_close(conn).session;
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

static const char showing_certificate[] =
    "local function who(cert)\n"
    "  return cert and cert.subject or 'nobody'\n"
    "end\n"
    "return {\n"
    "  generate = function(conn, ticket)\n"
    "    conn.vars.seen = who(conn.client_cert)\n"
    "    return { who = who(conn.client_cert) }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if ticket.data then return 'default', ticket.data.who end\n"
    "  end,\n"
    "}\n";

static void
client_allows_later(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_post_handshake_auth(conn->client, 1);
}

START_TEST(post_handshake_authentication_makes_tickets_that_know_it)
{
	struct visit visit = {
	    .server = policy_server(showing_certificate, TLS1_3_VERSION),
	    .cert = CERT_CLIENT,
	    .prepare = client_allows_later};
	struct conn *conn;

	cert_ask(visit.server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE);
	conn = conn_open(&visit);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "nobody");
	ck_assert_int_eq(SSL_verify_client_post_handshake(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(conn->saw.tickets, 4);
	ck_assert_ptr_nonnull(
	    strstr(note_last(USHER_CALL_GENERATE)->seen, "CN=client.example"));
	visit.session = conn_close(conn).session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_ptr_nonnull(
	    strstr(note_last(USHER_CALL_DECRYPT)->reason, "CN=client.example"));
	notes_check();
}
END_TEST

START_TEST(datagrams_are_decided_about)
{
	struct visit visit = {.version = DTLS1_2_VERSION,
	    .name = "a.example",
	    .server = policy_server(
		"return {\n"
		"  generate = function(conn, ticket)\n"
		"    conn.vars.seen = conn.transport .. ' ' .. conn.version\n"
		"    return { sni = conn.server_name }\n"
		"  end,\n"
		"  decrypt = function(conn, ticket)\n"
		"    if not ticket.data then return end\n"
		"    if ticket.data.sni ~= conn.server_name then\n"
		"      return 'ignore_renew', conn.transport\n"
		"    end\n"
		"  end,\n"
		"}\n",
		DTLS1_2_VERSION)};
	struct outcome saw;

	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "dtls DTLSv1.2");
	ck_assert(visit_run(&visit).resumed);
	visit.name = "b.example";
	saw = visit_run(&visit);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_int_eq(saw.tickets, 1);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "dtls");
}
END_TEST

START_TEST(older_versions_are_decided_about)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION};
	static const char *const names[] = {"TLSv1", "TLSv1.1"};
	int version = versions[_i];
	struct visit visit = {.version = version,
	    .server = server_new(version),
	    .client = client_new(version)};
	struct outcome saw;

	SSL_CTX_set_cipher_list(visit.server, "DEFAULT:@SECLEVEL=0");
	SSL_CTX_set_cipher_list(visit.client, "DEFAULT:@SECLEVEL=0");
	engine_attach(engine_new("return { generate = function(conn)\n"
				 "  return { v = conn.version }\n"
				 "end, decrypt = function(conn, ticket)\n"
				 "  if ticket.data then\n"
				 "    return 'use_renew', ticket.data.v\n"
				 "  end\n"
				 "end }"),
	    visit.server);
	saw = visit_twice(&visit);
	ck_assert(saw.resumed && saw.tickets == 1);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, names[_i]);
	notes_check();
}
END_TEST

static TCase *
reuse(void)
{
	TCase *tcase = engine_case("reuse", 60);

	tcase_add_loop_test(tcase, a_cleared_ssl_starts_anew, 0, 2);
	tcase_add_loop_test(
	    tcase, a_cleared_ssl_counts_its_tickets_from_one, 0, 2);
	tcase_add_test(tcase, a_cleared_ssl_has_no_verdict);
	tcase_add_test(tcase, each_handshake_of_a_cleared_ssl_is_counted);
	tcase_add_loop_test(tcase, a_replayed_hello_is_asked_about_anew, 0, 2);
	tcase_add_loop_test(
	    tcase, a_copy_of_an_ssl_has_nothing_of_the_original, 0, 2);
	tcase_add_test(tcase, a_copy_may_outlive_the_original);
	return tcase;
}

static TCase *
handshakes(void)
{
	TCase *tcase = engine_case("handshakes", 60);

	tcase_add_test(tcase, a_renegotiation_is_a_handshake_of_its_own);
	tcase_add_test(tcase, a_ticket_asked_for_later_has_data_and_an_index);
	tcase_add_test(
	    tcase, post_handshake_authentication_makes_tickets_that_know_it);
	tcase_add_test(tcase, datagrams_are_decided_about);
	tcase_add_loop_test(tcase, older_versions_are_decided_about, 0, 2);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: connections");

	suite_add_tcase(suite, reuse());
	suite_add_tcase(suite, handshakes());
	return tests_run(suite);
}
