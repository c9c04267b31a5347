/*
 * SPDX-License-Identifier: MIT
 *
 * What the installed OpenSSL does around session tickets, with plain C
 * callbacks and no Usher: the manual page's tables, and when which callback is
 * called. When a test here fails after an update of OpenSSL, our notes are out
 * of date.
 *
 * Scenarios:
 *  1. Every status, in each version and with each form of ticket keys, comes
 *     with the length of key name that the notes say.
 *  2. Every status with every return value gives the outcome of the table.
 *  3. NULL callbacks give the default outcome.
 *  4. A negative answer of a key callback is fatal before dec_cb.
 *  5. A first visit in 1.3 makes two tickets; a client without tickets is not
 *     shown to dec_cb.
 *  6. gen_cb's 0 ends the connection, any other number does not.
 *  7. A HelloRetryRequest asks again, and another server name is taken.
 *  8. The server random is zero in the first hello, and again after SSL_clear.
 *  9. 9,000 identities are 9,000 calls; a zero-length one is refused.
 * 10. Of two tickets the accepted one is chosen.
 * 11. dec_cb comes before the servername callback; the extension can be read.
 * 12. The callbacks are those of the SSL_CTX given to SSL_new.
 * 13. An external PSK that matches is not shown to dec_cb.
 */
#include <string.h>

#include <check.h>

#include "tls/cases.h"
#include "tls/harness.h"
#include "tls/hello.h"
#include "tls/keys.h"
#include "tls/plain.h"
#include "tls/suite.h"

START_TEST(every_status_comes_with_the_key_name_of_the_notes)
{
	const struct ticket_case *one = &ticket_cases[_i];

	case_run(one, plain_server(one->version), plain_reset, NULL);
	ck_assert_msg(plain.status == one->status, "%s: status %d, not %d",
	    case_label(one), plain.status, one->status);
	ck_assert_msg(plain.name_len == one->name,
	    "%s: key name of %zu bytes, not %zu", case_label(one),
	    plain.name_len, one->name);
}
END_TEST

static int table_answer;

static void
answer_from_now_on(void *arg)
{
	plain_reset(arg);
	plain.answer = table_answer;
}

START_TEST(every_return_value_has_the_outcome_of_the_table)
{
	static const int answers[] = {SSL_TICKET_RETURN_ABORT,
	    SSL_TICKET_RETURN_IGNORE, SSL_TICKET_RETURN_IGNORE_RENEW,
	    SSL_TICKET_RETURN_USE, SSL_TICKET_RETURN_USE_RENEW, -1, 5, 1 << 20};
	const struct ticket_case *one = &ticket_cases[_i];
	size_t i;

	for (i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct case_outcome want =
		    case_expect(one->version, one->status, answers[i]);
		struct outcome saw;

		if (one->status == -1)
			continue;
		table_answer = answers[i];
		saw = case_run(
		    one, plain_server(one->version), answer_from_now_on, NULL);
		case_check(one, answers[i], &want, &saw);
		ck_assert_int_eq(plain.gen_runs, want.tickets);
	}
}
END_TEST

START_TEST(null_callbacks_give_the_default)
{
	const struct ticket_case *one = &ticket_cases[_i];
	int answer = case_default(one->status);
	struct case_outcome want =
	    case_expect(one->version, one->status, answer);
	SSL_CTX *server = server_new(one->version);
	struct outcome saw;

	SSL_CTX_set_session_ticket_cb(server, NULL, NULL, NULL);
	if (one->status == -1)
		want = case_expect(one->version, -1, -1);
	saw = case_run(one, server, NULL, NULL);
	case_check(one, answer, &want, &saw);
}
END_TEST

START_TEST(a_first_visit_in_1_3_makes_two_tickets_and_asks_nothing)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION)};
	struct outcome saw = visit_run(&visit);

	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_int_eq(plain.dec_runs, 0);
	ck_assert_int_eq(plain.gen_runs, 2);
}
END_TEST

START_TEST(a_client_without_tickets_is_not_shown_to_dec_cb)
{
	SSL_CTX *client = client_new(TLS1_2_VERSION);
	struct visit visit = {.server = plain_server(TLS1_2_VERSION),
	    .client = client,
	    .version = TLS1_2_VERSION};

	SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(plain.dec_runs, 0);
	ck_assert_int_eq(plain.gen_runs, 0);
}
END_TEST

START_TEST(gen_cb_ends_the_connection_by_0_alone)
{
	static const int answers[] = {0, 1, -1, 7};
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	size_t i;

	for (i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct visit visit = {
		    .server = plain_server(version), .version = version};
		struct outcome saw;

		plain.gen_answer = answers[i];
		saw = visit_run(&visit);
		ck_assert_int_eq(
		    saw.alert, answers[i] ? 0 : SSL_AD_INTERNAL_ERROR);
		ck_assert_int_eq(saw.echoed, answers[i] != 0);
	}
}
END_TEST

START_TEST(a_negative_key_callback_is_fatal_before_dec_cb)
{
	const struct ticket_case *one = &ticket_cases[_i];
	struct outcome saw;

	if (one->status != -1)
		return;
	saw = case_run(one, plain_server(one->version), plain_reset, NULL);
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_INTERNAL_ERROR);
	ck_assert_int_eq(plain.dec_runs, 0);
}
END_TEST

static void
change_name(struct conn *conn, void *arg)
{
	SSL_set_tlsext_host_name(conn->client, (const char *)arg);
}

START_TEST(a_retry_asks_again_and_takes_another_server_name)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	char other[] = "b.example";
	struct visit visit = {
	    .server = server, .name = "a.example", .groups = GROUPS_RETRY};
	struct outcome first = visit_run(&visit), saw;

	server_retry(server);
	plain_reset(NULL);
	visit.session = first.session;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.retries, 1);
	ck_assert_int_eq(plain.dec_runs, 2);
	ck_assert(saw.resumed);
	visit.retry = change_name;
	visit.arg = other;
	plain_reset(NULL);
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 2);
	ck_assert(saw.resumed && saw.echoed);
}
END_TEST

static void
look_at_random(SSL *ssl, SSL_SESSION *session)
{
	unsigned char random[SSL3_RANDOM_SIZE];
	static const unsigned char zero[SSL3_RANDOM_SIZE];

	(void)session;
	SSL_get_server_random(ssl, random, sizeof random);
	if (memcmp(random, zero, sizeof random) != 0)
		plain.randoms_seen += plain.dec_runs;
}

START_TEST(the_server_random_is_zero_in_the_first_hello)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	struct visit visit = {.server = server, .groups = GROUPS_RETRY};

	visit.session = visit_run(&visit).session;
	server_retry(server);
	visit.on = SSL_new(server);
	plain_reset(NULL);
	plain.in_dec = look_at_random;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(plain.randoms_seen, 2); /* the second call alone */
	SSL_clear(visit.on);
	plain_reset(NULL);
	plain.in_dec = look_at_random;
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(plain.dec_runs, 2);
	ck_assert_int_eq(plain.randoms_seen, 2);
	SSL_free(visit.on);
}
END_TEST

#define DECOYS 9000

static void
rewrite_decoys(unsigned char **flight, size_t *len, int nth, void *arg)
{
	static struct hello_identity decoys[DECOYS];
	int i;

	(void)arg;
	if (nth != 1)
		return;
	for (i = 0; i < DECOYS; i++)
		decoys[i] = (struct hello_identity){
		    (const unsigned char *)"x", 1, NULL};
	hello_set_identities(flight, len, decoys, DECOYS, 0);
}

START_TEST(nine_thousand_identities_are_nine_thousand_calls)
{
	struct visit visit = {
	    .server = plain_server(TLS1_3_VERSION), .rewrite = rewrite_decoys};
	struct outcome saw = visit_run(&visit);

	ck_assert_int_eq(plain.dec_runs, DECOYS);
	ck_assert_int_eq(plain.status, SSL_TICKET_NO_DECRYPT);
	ck_assert_int_eq(plain.name_len, 1);
	ck_assert_int_eq(saw.answered, 1);
	ck_assert_int_eq(saw.selected, -1);
}
END_TEST

static void
rewrite_to_nothing(unsigned char **flight, size_t *len, int nth, void *arg)
{
	struct hello_identity none = {(const unsigned char *)"", 0, NULL};

	(void)arg;
	if (nth == 1)
		hello_set_identities(flight, len, &none, 1, 1);
}

START_TEST(a_zero_length_identity_is_refused)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION),
	    .rewrite = rewrite_to_nothing};
	struct outcome saw = visit_run(&visit);

	/* Some patch levels refuse it before they ask, the others after, since
	 * EMPTY stays EMPTY whatever the answer. */
	if (plain.dec_runs > 0) {
		ck_assert_int_eq(plain.status, SSL_TICKET_EMPTY);
		ck_assert_int_eq(plain.name_len, 0);
	}
	ck_assert_int_eq(saw.answered, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_DECODE_ERROR);
}
END_TEST

static void
rewrite_to_pair(unsigned char **flight, size_t *len, int nth, void *arg)
{
	SSL_SESSION **sessions = arg;
	struct hello_identity both[] = {
	    hello_identity_of(sessions[0]), hello_identity_of(sessions[1])};

	if (nth == 1)
		hello_set_identities(flight, len, both, 2, 1);
}

static void
refuse_first(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	plain.answer = plain.dec_runs == 1 ? SSL_TICKET_RETURN_IGNORE_RENEW
					   : PLAIN_DEFAULT;
}

START_TEST(of_two_tickets_the_accepted_one_is_chosen)
{
	struct visit visit = {.server = plain_server(TLS1_3_VERSION)};
	struct outcome first = visit_run(&visit), saw;

	visit.session = first.sessions[0];
	visit.rewrite = rewrite_to_pair;
	visit.arg = first.sessions;
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.selected, 0);
	plain_reset(NULL);
	plain.in_dec = refuse_first;
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 2);
	ck_assert_int_eq(saw.selected, 1);
}
END_TEST

static void
look_for_name(SSL *ssl, SSL_SESSION *session)
{
	const unsigned char *data;
	size_t len;

	(void)session;
	if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))
		plain.names_seen++;
	if (SSL_client_hello_get0_ext(
		ssl, TLSEXT_TYPE_server_name, &data, &len) &&
	    len > 5)
		plain.extensions_seen++;
}

START_TEST(dec_cb_comes_before_the_server_name_is_known)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX *server = plain_server(version);
	struct visit visit = {
	    .server = server, .version = version, .name = "a.example"};

	server_switch(server, NULL);
	visit.session = visit_run(&visit).session;
	plain_reset(NULL);
	plain.in_dec = look_for_name;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(plain.names_seen, 0);
	ck_assert_int_eq(plain.extensions_seen, 1);
	plain_reset(NULL);
	plain.in_gen = look_for_name;
	visit.session = NULL;
	visit_run(&visit);
	ck_assert_int_gt(plain.names_seen, 0);
	ck_assert_int_eq(plain.extensions_seen, 0);
}
END_TEST

START_TEST(the_callbacks_are_those_of_the_context_given_to_ssl_new)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX *server = plain_server(version), *other = server_new(version);
	struct visit visit = {
	    .server = server, .version = version, .name = "a.example"};
	struct outcome saw;

	server_switch(server, other);
	visit.session = visit_run(&visit).session;
	ck_assert_int_gt(plain.gen_runs, 0);
	plain_reset(NULL);
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 1);
	ck_assert(saw.resumed);
	visit.server = other;
	plain_reset(NULL);
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 0);
	ck_assert(!saw.resumed);
}
END_TEST

START_TEST(a_known_external_psk_is_not_shown_to_dec_cb)
{
	SSL_CTX *server = plain_server(TLS1_3_VERSION);
	struct visit visit = {.server = server, .psk = "known"};
	struct outcome saw;

	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 1);
	ck_assert_int_eq(plain.status, SSL_TICKET_NO_DECRYPT);
	ck_assert(saw.echoed && !saw.resumed);
	server_psk(server, "known");
	plain_reset(NULL);
	saw = visit_run(&visit);
	ck_assert_int_eq(plain.dec_runs, 0);
	ck_assert(saw.echoed && saw.resumed);
}
END_TEST

static TCase *
tables(void)
{
	TCase *tcase = tests_case("tables", 60);
	int n = (int)ticket_cases_count;

	tcase_add_loop_test(
	    tcase, every_status_comes_with_the_key_name_of_the_notes, 0, n);
	tcase_add_loop_test(
	    tcase, every_return_value_has_the_outcome_of_the_table, 0, n);
	tcase_add_loop_test(tcase, null_callbacks_give_the_default, 0, n);
	tcase_add_loop_test(
	    tcase, a_negative_key_callback_is_fatal_before_dec_cb, 0, n);
	tcase_add_test(
	    tcase, a_first_visit_in_1_3_makes_two_tickets_and_asks_nothing);
	tcase_add_test(tcase, a_client_without_tickets_is_not_shown_to_dec_cb);
	tcase_add_loop_test(tcase, gen_cb_ends_the_connection_by_0_alone, 0, 2);
	return tcase;
}

static TCase *
hellos(void)
{
	TCase *tcase = tests_case("hellos", 60);

	tcase_add_test(tcase, a_retry_asks_again_and_takes_another_server_name);
	tcase_add_test(tcase, the_server_random_is_zero_in_the_first_hello);
	tcase_add_test(tcase, nine_thousand_identities_are_nine_thousand_calls);
	tcase_add_test(tcase, a_zero_length_identity_is_refused);
	tcase_add_test(tcase, of_two_tickets_the_accepted_one_is_chosen);
	tcase_add_loop_test(
	    tcase, dec_cb_comes_before_the_server_name_is_known, 0, 2);
	tcase_add_loop_test(tcase,
	    the_callbacks_are_those_of_the_context_given_to_ssl_new, 0, 2);
	tcase_add_test(tcase, a_known_external_psk_is_not_shown_to_dec_cb);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("openssl");

	suite_add_tcase(suite, tables());
	suite_add_tcase(suite, hellos());
	return tests_run(suite);
}
