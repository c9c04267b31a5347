/*
 * SPDX-License-Identifier: MIT
 *
 * Guards around the ClientHello: a second one after a HelloRetryRequest, and
 * server names. check_guards_identities.c has floods of identities.
 *
 * Scenarios:
 *  1. After a HelloRetryRequest the same hello gets the same verdict, and the
 *     script runs once.
 *  2. With another server name, other ALPN or another ticket in the second
 *     hello the script runs again, and its answer counts.
 *  3. An SNI switch to another SSL_CTX does not change who decides.
 *  4. The server name is read from the hello, in lower case, and is the same
 *     in generate.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>
#include <openssl/ocsp.h>

#include "tls/hello.h"
#include "tls/policy.h"

/* A visit with a ticket, to a server that will ask for another hello. */
static struct visit
retry_visit(struct usher *engine)
{
	struct visit visit = {.server = engine_server(engine, TLS1_3_VERSION),
	    .name = "a.example",
	    .alpn = "h2,http/1.1",
	    .groups = GROUPS_RETRY};

	server_alpn(visit.server);
	visit.session = visit_run(&visit).session;
	server_retry(visit.server);
	notes_clear();
	return visit;
}

START_TEST(the_same_hello_after_a_retry_gets_the_same_verdict)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine);
	struct outcome saw = visit_run(&visit);
	struct usher_stats stats = engine_stats(engine);

	ck_assert_int_eq(saw.retries, 1);
	ck_assert(saw.resumed && saw.echoed);
	ck_assert_uint_eq(stats.decrypt_calls, 2);
	ck_assert_uint_eq(stats.decrypt_runs, 1);
	ck_assert_uint_eq(stats.remembered, 1);
	ck_assert_int_eq(note_last(USHER_CALL_DECRYPT)->remembered, 1);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "same name");
}
END_TEST

START_TEST(a_refusal_is_remembered_as_well)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine);
	struct outcome saw;

	visit.name = "b.example";
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert(!saw.resumed && saw.echoed);
	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 1);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "other name");
}
END_TEST

static void
change_name(struct conn *conn, void *arg)
{
	SSL_set_tlsext_host_name(conn->client, (const char *)arg);
}

START_TEST(another_server_name_after_a_retry_is_refused)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine);
	char other[] = "b.example";
	struct outcome saw;

	visit.retry = change_name;
	visit.arg = other;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 2);
	ck_assert_uint_eq(engine_stats(engine).remembered, 0);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "other name");
}
END_TEST

START_TEST(a_name_that_is_corrected_after_a_retry_is_asked_about_again)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine);
	char right[] = "a.example";
	struct outcome saw;

	visit.name = "b.example";
	visit.retry = change_name;
	visit.arg = right;
	saw = visit_run(&visit);
	ck_assert(saw.echoed && saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 2);
}
END_TEST

static void
drop_name(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_tlsext_host_name(conn->client, NULL);
}

START_TEST(a_name_that_is_gone_after_a_retry_is_refused)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine);
	struct outcome saw;

	visit.retry = drop_name;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert(!saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 2);
}
END_TEST

static const char by_alpn[] =
    "return {\n"
    "  decrypt = function(conn, ticket)\n"
    "    local first = (conn.alpn_offered or {})[1]\n"
    "    if first ~= 'h2' then return 'ignore_renew', 'other ALPN' end\n"
    "  end,\n"
    "}\n";

static void
change_alpn(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_alpn_protos(
	    conn->client, (const unsigned char *)"\x08http/1.1", 9);
}

START_TEST(other_alpn_after_a_retry_is_refused)
{
	struct usher *engine = engine_new(by_alpn);
	struct visit visit = retry_visit(engine);
	struct outcome saw;

	visit.retry = change_alpn;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert(saw.echoed && !saw.resumed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 2);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "other ALPN");
}
END_TEST

/* Asks for the certificate's status, with a list of responders (RFC 6066): no
 * fact, but nothing that a second hello may change. */
static void
name_a_responder(struct conn *conn, void *arg)
{
	static const unsigned char id[] = {
	    0xa2, 4, 4, 2, 'i', 'd'}; /* by key */
	const unsigned char *at = id;
	STACK_OF(OCSP_RESPID) *ids = sk_OCSP_RESPID_new_null();

	(void)arg;
	ck_assert(
	    sk_OCSP_RESPID_push(ids, d2i_OCSP_RESPID(NULL, &at, sizeof id)));
	SSL_set_tlsext_status_ids(conn->client, ids);
}

static void
ask_for_status(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_tlsext_status_type(conn->client, TLSEXT_STATUSTYPE_ocsp);
}

/* Read by the script: nothing of the lists, ciphers, or protocols. */
START_TEST(other_bytes_after_a_retry_are_asked_about)
{
	static const char *const reads[] = {
	    "conn.version", "conn.hello", "conn.alpn_offered"};
	struct visit visit;
	struct usher *engine;
	struct outcome saw;
	char text[256];

	snprintf(text, sizeof text,
	    "return { decrypt = function(conn)\n"
	    "  local read = %s\n"
	    "end }\n",
	    reads[_i]);
	engine = engine_new(text);
	visit = retry_visit(engine);
	visit.prepare = ask_for_status;
	visit.retry = name_a_responder;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert(saw.resumed && saw.echoed);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, _i ? 2 : 1);
	ck_assert_uint_eq(engine_stats(engine).remembered, _i ? 0 : 1);
}
END_TEST

static void
swap_ticket_in_second(unsigned char **flight, size_t *len, int nth, void *arg)
{
	struct hello_identity other = hello_identity_of(arg);

	if (nth == 2)
		hello_set_identities(flight, len, &other, 1, 1);
}

START_TEST(another_ticket_after_a_retry_is_asked_about)
{
	struct usher *engine = engine_new(policy_by_name);
	struct visit visit = retry_visit(engine), other = visit;

	other.session = NULL;
	visit.arg = visit_run(&other).session;
	visit.rewrite = swap_ticket_in_second;
	notes_clear();
	visit_run(&visit);
	ck_assert_uint_eq(engine_stats(engine).decrypt_runs, 2);
	ck_assert_uint_eq(engine_stats(engine).remembered, 0);
}
END_TEST

START_TEST(a_switch_by_server_name_does_not_change_who_decides)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct usher *engine = engine_new(policy_by_name);
	struct usher *other =
	    engine_new("return { decrypt = function() return 'abort' end,"
		       " generate = function() return false end }");
	struct visit visit = {.server = engine_server(engine, version),
	    .version = version,
	    .name = "a.example"};

	server_switch(visit.server, engine_server(other, version));
	visit.session = visit_run(&visit).session;
	ck_assert_ptr_nonnull(visit.session);
	ck_assert(visit_run(&visit).resumed);
	visit.name = "b.example";
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_uint_eq(engine_stats(other).generate_calls, 0);
	ck_assert_uint_eq(engine_stats(other).decrypt_calls, 0);
	notes_check();
}
END_TEST

START_TEST(the_server_name_is_lower_case_and_the_same_in_both)
{
	static const int versions[] = {
	    TLS1_2_VERSION, TLS1_3_VERSION, DTLS1_2_VERSION};
	struct visit visit = {.version = versions[_i], .name = "A.ExAmPlE"};

	visit.server =
	    policy_server("return {\n"
			  "  generate = function(conn)\n"
			  "    conn.vars.seen = tostring(conn.server_name)\n"
			  "    return { sni = conn.server_name }\n"
			  "  end,\n"
			  "  decrypt = function(conn, ticket)\n"
			  "    if not ticket.data then return end\n"
			  "    if ticket.data.sni ~= conn.server_name then\n"
			  "      return 'abort'\n"
			  "    end\n"
			  "    return 'default', conn.server_name\n"
			  "  end,\n"
			  "}\n",
		visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "a.example");
	visit.name = "a.eXaMpLe";
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "a.example");
}
END_TEST

static TCase *
retries(void)
{
	TCase *tcase = engine_case("retries", 60);

	tcase_add_test(
	    tcase, the_same_hello_after_a_retry_gets_the_same_verdict);
	tcase_add_test(tcase, a_refusal_is_remembered_as_well);
	tcase_add_test(tcase, another_server_name_after_a_retry_is_refused);
	tcase_add_test(
	    tcase, a_name_that_is_corrected_after_a_retry_is_asked_about_again);
	tcase_add_test(tcase, a_name_that_is_gone_after_a_retry_is_refused);
	tcase_add_test(tcase, other_alpn_after_a_retry_is_refused);
	tcase_add_loop_test(
	    tcase, other_bytes_after_a_retry_are_asked_about, 0, 3);
	tcase_add_test(tcase, another_ticket_after_a_retry_is_asked_about);
	return tcase;
}

static TCase *
names(void)
{
	TCase *tcase = engine_case("names", 60);

	tcase_add_loop_test(
	    tcase, a_switch_by_server_name_does_not_change_who_decides, 0, 2);
	tcase_add_loop_test(
	    tcase, the_server_name_is_lower_case_and_the_same_in_both, 0, 3);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("guards: hello");

	suite_add_tcase(suite, retries());
	suite_add_tcase(suite, names());
	return tests_run(suite);
}
