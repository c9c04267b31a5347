/*
 * SPDX-License-Identifier: MIT
 *
 * How long a connection holds the generation of its handshake: until the last
 * callback that the handshake can still expect.
 *
 * Scenarios:
 *  1. After any verdict, in TLS 1.2 and 1.3, an open connection holds nothing;
 *     nor after a full handshake.
 *  2. A session that decrypt said to use, and OpenSSL did not: its tickets are
 *     the same generation's.
 *  3. Without any tickets (num_tickets 0) it holds nothing.
 *  4. A connection of hours: a later ticket is the active generation's, and
 *     says when the handshake was.
 *  5. A second ClientHello is answered by the generation of the first.
 *  6. The host's info callbacks are called as before, and are back in place.
 *  7. A host that sets a callback of its own before the one it finds, in its
 *     servername callback, handshake after handshake on one SSL: each is called
 *     once for an event, and none is lost; nor in a copy by SSL_dup, in another
 *     context of the servername callback's, or after a detach on the way.
 *  8. Post-handshake authentication and renegotiation: the active one's.
 *  9. What came of a verdict is counted once, when it is known; of clients
 *     that leave, or replay a ticket, nothing has resumed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "base/clock.h"
#include "tls/cert.h"
#include "tls/policy.h"
#include "tls/scripts.h"

#define NOON 1800000000

/* Says a verdict, and who it is: in the ticket, and of what it read. */
static const char *
saying(int n, const char *verdict)
{
	static char texts[4][512];
	static unsigned int i;
	char *text = texts[i++ % 4];

	snprintf(text, sizeof texts[0],
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    conn.vars.seen = '%d ' .. ticket.index .. ' '\n"
	    "      .. tostring(ticket.auth_time)\n"
	    "    return { by = %d }\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return 'ignore_renew' end\n"
	    "    return '%s', '%d after ' .. ticket.data.by\n"
	    "  end }\n",
	    n, n, verdict, n);
	return text;
}

static struct usher *
begin(struct visit *visit, int version, const char *verdict)
{
	struct usher *engine = engine_new(saying(1, verdict));

	*visit = (struct visit){.version = version};
	visit->server = engine_server(engine, version);
	visit->session = visit_run(visit).session;
	ck_assert_ptr_nonnull(visit->session);
	return engine;
}

/* Replaces the policy twice: the first one is there only if it is held. */
static bool
is_held(struct usher *engine)
{
	bool held;

	script_replace(engine, saying(2, "default"));
	script_replace(engine, saying(3, "default"));
	held = script_generations(engine) == 3;
	ck_assert(held || script_generations(engine) == 2);
	return held;
}

/* Both have spoken once: the client is to go on. */
static struct conn *
half_open(const struct visit *visit)
{
	struct conn *conn = conn_new(visit);

	conn_flight(conn, WIRE_CLIENT);
	conn_flight(conn, WIRE_SERVER);
	return conn;
}

static const char *const verdicts[] = {
    "use", "use_renew", "ignore", "ignore_renew", "default"};
#define VERDICTS (int)(sizeof verdicts / sizeof *verdicts)

START_TEST(an_open_connection_holds_nothing)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);
	struct conn *conn = conn_open(&visit);

	ck_assert_msg(!is_held(engine), "after %s", verdict);
	ck_assert(conn_close(conn).echoed);
	notes_check();
}
END_TEST

START_TEST(nor_does_one_after_a_full_handshake)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "default");
	struct conn *conn;

	visit.session = NULL;
	conn = conn_open(&visit);
	ck_assert(!is_held(engine));
	ck_assert(conn_close(conn).echoed);
}
END_TEST

/* In TLS 1.2 only: in 1.3, OpenSSL's older patch levels lose a session with
 * each handshake that is ended so. */
START_TEST(nor_one_that_was_ended)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_2_VERSION, "abort");
	struct conn *conn = conn_open(&visit);

	ck_assert_int_ne(conn->saw.alert, 0);
	ck_assert(!is_held(engine));
	conn_close(conn);
}
END_TEST

/* While it may still be asked, it holds its generation. */
START_TEST(a_handshake_that_waits_for_its_client_holds_it)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);
	struct conn *conn = half_open(&visit);

	ck_assert(is_held(engine));
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert(conn_close(conn).echoed);
	ck_assert_uint_eq(script_generations(engine), 2);
	notes_check();
}
END_TEST

START_TEST(a_session_that_openssl_refuses_is_renewed_by_the_same)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "use");
	struct conn *conn;

	SSL_CTX_set_session_id_context(
	    visit.server, (const unsigned char *)"new", 3);
	conn = half_open(&visit);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->verdict, "use");
	ck_assert(is_held(engine));
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "1 after 1");
	ck_assert_int_eq(note_last(USHER_CALL_GENERATE)->seen[0], '1');
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert(!conn_close(conn).resumed);
	ck_assert_uint_eq(engine_stats(engine).not_resumed, 1);
}
END_TEST

START_TEST(without_tickets_it_holds_nothing)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, verdicts[_i]);
	struct conn *conn;

	SSL_CTX_set_num_tickets(visit.server, 0);
	conn = conn_open(&visit);
	ck_assert_int_eq(conn->saw.tickets, 0);
	ck_assert_msg(!is_held(engine), "after %s", verdicts[_i]);
	ck_assert(conn_close(conn).echoed);
}
END_TEST

/* What a script has left in conn.vars.seen of its n-th ticket. */
static void
expect_ticket(int by, int index, long long auth_time)
{
	char want[64];

	snprintf(want, sizeof want, "%d %d %lld", by, index, auth_time);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, want);
}

static void
later_ticket(struct conn *conn)
{
	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
}

START_TEST(a_later_ticket_is_the_active_generations)
{
	struct visit visit;
	struct usher *engine;
	struct conn *conn;
	bool resumed = _i == 1;

	ush_clock_set(NOON);
	engine = begin(&visit, TLS1_3_VERSION, "use_renew");
	ush_clock_set(NOON + 60);
	if (!resumed)
		visit.session = NULL;
	conn = conn_open(&visit);
	expect_ticket(1, resumed ? 1 : 2, resumed ? NOON : NOON + 60);
	/* Hours go by; the policy changes twice, and nothing is held. */
	ush_clock_set(NOON + 5 * 3600);
	ck_assert(!is_held(engine));
	later_ticket(conn);
	expect_ticket(3, resumed ? 2 : 3, resumed ? NOON : NOON + 60);
	ush_clock_set(NOON + 9 * 3600);
	script_replace(engine, saying(4, "use_renew"));
	ck_assert_uint_eq(script_generations(engine), 2);
	later_ticket(conn);
	expect_ticket(4, resumed ? 3 : 4, resumed ? NOON : NOON + 60);
	ck_assert_uint_eq(script_generations(engine), 2);
	visit.session = conn_close(conn).session;
	script_expect(&visit, "4 after 4");
	notes_check();
	ush_clock_set(0);
}
END_TEST

START_TEST(a_second_hello_is_answered_by_the_first_ones)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, verdicts[_i]);
	struct conn *conn;
	bool same;

	server_retry(visit.server);
	visit.groups = GROUPS_RETRY;
	conn = half_open(&visit);
	ck_assert(is_held(engine));
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_int_eq(conn->saw.retries, 1);
	same = note_last(USHER_CALL_DECRYPT)->reason[0] == '1';
	ck_assert(same && note_last(USHER_CALL_DECRYPT)->remembered);
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert(conn_close(conn).echoed);
}
END_TEST

static int info_ssl, info_ctx, info_done;

static void
on_info_ssl(const SSL *ssl, int where, int ret)
{
	(void)ssl, (void)ret;
	info_ssl++;
	info_done += (where & SSL_CB_HANDSHAKE_DONE) != 0;
}

static void
on_info_ctx(const SSL *ssl, int where, int ret)
{
	(void)ssl, (void)ret;
	info_ctx++;
	info_done += (where & SSL_CB_HANDSHAKE_DONE) != 0;
}

/* How often a host's callback is called in such a visit. */
static int
info_count(const struct visit *visit, bool on_ssl)
{
	struct conn *conn = conn_new(visit);

	info_ssl = info_ctx = info_done = 0;
	SSL_CTX_set_info_callback(visit->server, on_info_ctx);
	if (on_ssl)
		SSL_set_info_callback(conn->server, on_info_ssl);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert_ptr_eq(
	    SSL_get_info_callback(conn->server), on_ssl ? on_info_ssl : NULL);
	ck_assert(conn_close(conn).resumed);
	ck_assert_int_eq(info_done, 1);
	ck_assert_int_eq(on_ssl ? info_ctx : info_ssl, 0);
	return on_ssl ? info_ssl : info_ctx;
}

START_TEST(the_hosts_info_callbacks_are_called_as_before)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i / 2), "use");
	int ours = info_count(&visit, _i % 2);

	/* Without us, as it is after use. */
	usher_detach(visit.server);
	SSL_CTX_set_session_ticket_cb(visit.server, NULL, NULL, NULL);
	if (visit.version == TLS1_3_VERSION)
		SSL_CTX_set_num_tickets(visit.server, 0);
	ck_assert_int_eq(info_count(&visit, _i % 2), ours);
	(void)engine;
}
END_TEST

static void (*chained)(const SSL *ssl, int where, int ret);

static void
on_info_chained(const SSL *ssl, int where, int ret)
{
	if (chained)
		chained(ssl, where, ret);
}

static int
chain_info(SSL *ssl, int *alert, void *arg)
{
	void (*found)(const SSL *, int, int) = SSL_get_info_callback(ssl);

	(void)alert, (void)arg;
	if (found != on_info_chained) {
		chained = found;
		SSL_set_info_callback(ssl, on_info_chained);
	}
	return SSL_TLSEXT_ERR_OK;
}

/* Every other one is cut off, and leaves what it set to the next. */
START_TEST(chained_info_callbacks_are_called_once_each)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "use");

	SSL_CTX_set_tlsext_servername_callback(visit.server, chain_info);
	visit.name = "a.example";
	visit.on = SSL_new(visit.server);
	SSL_set_info_callback(visit.on, on_info_ssl);
	for (int i = 0; i < 3; i++) {
		conn_close(half_open(&visit));
		SSL_clear(visit.on);
		info_ssl = info_done = 0;
		ck_assert(visit_run(&visit).resumed);
		ck_assert_int_eq(info_done, 1);
		ck_assert_int_gt(info_ssl, 1);
		SSL_clear(visit.on);
	}
	SSL_free(visit.on);
	ck_assert(!is_held(engine));
}
END_TEST

/* What is cut off leaves ours in place, which the copy has, too. */
START_TEST(a_copy_of_an_ssl_calls_the_hosts_info_callback)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "use");
	SSL *first;

	visit.on = first = SSL_new(visit.server);
	SSL_set_info_callback(first, on_info_ssl);
	conn_close(half_open(&visit));
	SSL_clear(first);
	visit.on = SSL_dup(first);
	ck_assert_ptr_nonnull(visit.on);
	ck_assert_ptr_ne(visit.on, first);
	SSL_free(first);
	info_ssl = info_done = 0;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_int_eq(info_done, 1);
	ck_assert_int_gt(info_ssl, 1);
	ck_assert_ptr_eq(SSL_get_info_callback(visit.on), on_info_ssl);
	SSL_free(visit.on);
	ck_assert(!is_held(engine));
}
END_TEST

START_TEST(the_context_switched_to_has_its_info_callback_called)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "use");
	SSL_CTX *other = engine_server(engine, version_of(_i));

	SSL_CTX_set_info_callback(other, on_info_ctx);
	server_switch(visit.server, other);
	visit.name = "a.example";
	info_ctx = info_done = 0;
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(info_done, 1);
	ck_assert_int_gt(info_ctx, 1);
	ck_assert(!is_held(engine));
}
END_TEST

START_TEST(a_detach_on_the_way_loses_no_info_callback)
{
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i), "use");
	struct conn *conn;

	SSL_CTX_set_tlsext_servername_callback(visit.server, chain_info);
	visit.name = "a.example";
	visit.on = SSL_new(visit.server);
	SSL_set_info_callback(visit.on, on_info_ssl);
	info_ssl = info_done = 0;
	conn = half_open(&visit);
	ck_assert_int_eq(usher_detach(visit.server), 0);
	conn_handshake(conn);
	conn_echo(conn);
	ck_assert(conn_close(conn).echoed);
	ck_assert_int_eq(info_done, 1);
	ck_assert_int_gt(info_ssl, 1);
	SSL_free(visit.on);
	ck_assert(!is_held(engine));
}
END_TEST

static void
allow_post_handshake(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_post_handshake_auth(conn->client, 1);
}

START_TEST(authentication_after_the_handshake_is_the_active_ones)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_3_VERSION, "use_renew");
	struct conn *conn;

	visit.session = NULL;
	visit.cert = CERT_CLIENT;
	visit.prepare = allow_post_handshake;
	cert_ask(visit.server, SSL_VERIFY_PEER | SSL_VERIFY_POST_HANDSHAKE);
	conn = conn_open(&visit);
	ck_assert(!is_held(engine));
	ck_assert_int_eq(SSL_verify_client_post_handshake(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(note_last(USHER_CALL_GENERATE)->seen[0], '3');
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert(conn_close(conn).echoed);
}
END_TEST

START_TEST(a_renegotiation_is_the_active_ones)
{
	struct visit visit;
	struct usher *engine = begin(&visit, TLS1_2_VERSION, verdicts[_i]);
	struct conn *conn = conn_open(&visit);

	ck_assert(!is_held(engine));
	ck_assert_int_eq(SSL_renegotiate(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->revision,
	    script_revision(saying(3, "default")));
	ck_assert_uint_eq(script_generations(engine), 2);
	ck_assert(conn_close(conn).echoed);
}
END_TEST

START_TEST(what_came_of_it_is_counted_once)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);
	bool resumed = visit_run(&visit).resumed;

	ck_assert_int_eq(resumed, strncmp(verdict, "ignore", 6) != 0);
	ck_assert_uint_eq(engine_stats(engine).resumed, resumed);
	ck_assert_uint_eq(engine_stats(engine).not_resumed, 0);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 0);
}
END_TEST

/* Has nothing resumed, if the script said that it may? */
static void
check_not_resumed(struct usher *engine, const char *verdict)
{
	bool used = strncmp(verdict, "ignore", 6) != 0;

	ck_assert_msg(engine_stats(engine).resumed == 0, "after %s", verdict);
	ck_assert_msg(engine_stats(engine).not_resumed == used, "%d after %s",
	    (int)engine_stats(engine).not_resumed, verdict);
	ck_assert_uint_eq(engine_stats(engine).bypasses, 0);
}

START_TEST(of_a_client_that_leaves_nothing_has_resumed)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);
	struct conn *conn = half_open(&visit);

	ck_assert_uint_eq(engine_stats(engine).not_resumed, 0);
	conn_close(conn);
	check_not_resumed(engine, verdict);
}
END_TEST

START_TEST(nor_of_one_that_leaves_an_ssl_for_the_next)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);
	struct conn *conn;

	visit.on = SSL_new(visit.server);
	conn = half_open(&visit);
	conn_close(conn);
	SSL_clear(visit.on);
	visit.session = NULL;
	ck_assert(visit_run(&visit).echoed);
	SSL_free(visit.on);
	check_not_resumed(engine, verdict);
}
END_TEST

START_TEST(nor_of_one_that_replays_a_ticket)
{
	const char *verdict = verdicts[_i / 2];
	struct visit visit;
	struct usher *engine = begin(&visit, version_of(_i % 2), verdict);

	visit.prepare = conn_break_keys;
	visit_run(&visit);
	check_not_resumed(engine, verdict);
}
END_TEST

static TCase *
leaving(void)
{
	TCase *tcase = engine_case("leaving", 60);

	tcase_add_loop_test(
	    tcase, an_open_connection_holds_nothing, 0, 2 * VERDICTS);
	tcase_add_loop_test(
	    tcase, nor_does_one_after_a_full_handshake, 0, VERSIONS);
	tcase_add_test(tcase, nor_one_that_was_ended);
	tcase_add_loop_test(
	    tcase, a_handshake_that_waits_for_its_client_holds_it, 0, 2 * 2);
	tcase_add_loop_test(tcase,
	    a_session_that_openssl_refuses_is_renewed_by_the_same, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, without_tickets_it_holds_nothing, 0, VERDICTS);
	tcase_add_loop_test(
	    tcase, a_later_ticket_is_the_active_generations, 0, 2);
	tcase_add_loop_test(
	    tcase, a_second_hello_is_answered_by_the_first_ones, 0, VERDICTS);
	tcase_add_loop_test(
	    tcase, the_hosts_info_callbacks_are_called_as_before, 0, 4);
	tcase_add_loop_test(
	    tcase, chained_info_callbacks_are_called_once_each, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_copy_of_an_ssl_calls_the_hosts_info_callback, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    the_context_switched_to_has_its_info_callback_called, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_detach_on_the_way_loses_no_info_callback, 0, VERSIONS);
	tcase_add_test(
	    tcase, authentication_after_the_handshake_is_the_active_ones);
	tcase_add_loop_test(
	    tcase, a_renegotiation_is_the_active_ones, 0, VERDICTS);
	tcase_add_loop_test(
	    tcase, what_came_of_it_is_counted_once, 0, 2 * VERDICTS);
	tcase_add_loop_test(tcase, of_a_client_that_leaves_nothing_has_resumed,
	    0, 2 * VERDICTS);
	tcase_add_loop_test(
	    tcase, nor_of_one_that_leaves_an_ssl_for_the_next, 0, 2 * VERDICTS);
	tcase_add_loop_test(
	    tcase, nor_of_one_that_replays_a_ticket, 0, 2 * VERDICTS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("leaving a generation");

	suite_add_tcase(suite, leaving());
	return tests_run(suite);
}
