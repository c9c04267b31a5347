/*
 * SPDX-License-Identifier: MIT
 *
 * Several tickets of one handshake in TLS 1.3: OpenSSL makes the second from a
 * copy of the first's session. Every ticket is to start from what the handshake
 * resumed with, never from its sibling.
 *
 * Scenarios:
 *  1. After a full handshake the second ticket has nothing of the first: not
 *     its table, string, or timeout.
 *  2. Each has its own table; both have renewals 0.
 *  3. The host's app data are in both.
 *  4. A ticket asked for later, after a resumption, starts from what was
 *     resumed with as well.
 *  5. What the host sets between two tickets is in the second; on a resumed
 *     session it takes nothing else away.
 *  6. A timeout that generate assigns is that ticket's alone, is what the
 *     client is told, and is enforced.
 */
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/engine.h"

/* A policy whose generate has this body, and whose decrypt tells what is in the
 * ticket. */
static SSL_CTX *
server_with(const char *generate)
{
	char text[1024];

	snprintf(text, sizeof text,
	    "return {\n"
	    "  generate = function(conn, ticket)\n"
	    "    %s\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    local data = ticket.data\n"
	    "    return 'use_renew', tostring(data and data.n) .. ' '\n"
	    "      .. tostring(ticket.renewals) .. ' '\n"
	    "      .. tostring(ticket.timeout)\n"
	    "  end,\n"
	    "}\n",
	    generate);
	return policy_server(text, TLS1_3_VERSION);
}

static const char *
tell(struct visit *visit, SSL_SESSION *session)
{
	visit->session = session;
	ck_assert(visit_run(visit).resumed);
	notes_check();
	return note_last(USHER_CALL_DECRYPT)->reason;
}

START_TEST(the_second_ticket_has_nothing_of_the_first)
{
	static const char *const firsts[] = {
	    "if ticket.index == 1 then return { n = 'one' } end",
	    "if ticket.index == 1 then return 'bytes' end",
	    "if ticket.index == 1 then ticket.timeout = 5 end",
	};
	static const char *const wants[] = {
	    "one 0 7200", "nil nil 7200", "nil 0 5"};
	struct visit visit = {.server = server_with(firsts[_i])};
	struct outcome saw = visit_run(&visit);

	ck_assert_int_eq(saw.tickets, 2);
	ck_assert_str_eq(tell(&visit, saw.sessions[0]), wants[_i]);
	ck_assert_str_eq(tell(&visit, saw.sessions[1]), "nil 0 7200");
}
END_TEST

START_TEST(each_has_its_own_table)
{
	struct visit visit = {
	    .server = server_with("return { n = ticket.index }")};
	struct outcome saw = visit_run(&visit);

	ck_assert_str_eq(tell(&visit, saw.sessions[0]), "1 0 7200");
	ck_assert_str_eq(tell(&visit, saw.sessions[1]), "2 0 7200");
}
END_TEST

START_TEST(a_failed_call_under_open_leaves_nothing_of_the_sibling)
{
	static const char *const firsts[] = {"{ n = 'one' }", "'bytes'"};
	char text[512];
	struct engine_spec spec = {
	    .text = text, .on_error = USHER_ON_ERROR_OPEN};
	struct visit visit = {.version = TLS1_3_VERSION};
	struct outcome saw;

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket)\n"
	    "  if ticket.index == 2 then error('no') end\n"
	    "  return %s\n"
	    "end, decrypt = function(conn, ticket)\n"
	    "  return 'use', 'app data: ' .. (ticket.app_data or '')\n"
	    "end }",
	    firsts[_i]);
	visit.server = engine_server(engine_make(&spec), visit.version);
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, 2);
	visit.session = saw.sessions[1];
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "app data: ");
}
END_TEST

#define HOST "host\0data"
#define HOST_LEN 9

static int
host_sets(SSL *ssl, void *arg)
{
	(void)arg;
	SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), HOST, HOST_LEN);
	return 1;
}

static void
check_host_data(struct visit *visit, SSL_SESSION *session, const char *want,
    size_t want_len)
{
	struct conn *conn;
	const void *data;
	size_t len;

	visit->session = session;
	conn = conn_open(visit);
	usher_session_get0_host_app_data(
	    SSL_get_session(conn->server), &data, &len);
	ck_assert_uint_eq(len, want_len);
	ck_assert_mem_eq(data, want, len);
	ck_assert(conn_close(conn).resumed);
}

static const char *const any[] = {
    "",
    "return { n = 'x' }",
    "if ticket.index == 1 then return { n = 'x' } end",
    "if ticket.index == 2 then return { n = 'x' } end",
};
#define ANY (int)(sizeof any / sizeof *any)

START_TEST(the_hosts_data_are_in_both)
{
	struct visit visit = {.server = server_with(any[_i])};
	struct outcome saw;

	SSL_CTX_set_cert_cb(visit.server, host_sets, NULL);
	saw = visit_run(&visit);
	SSL_CTX_set_cert_cb(visit.server, NULL, NULL);
	check_host_data(&visit, saw.sessions[0], HOST, HOST_LEN);
	check_host_data(&visit, saw.sessions[1], HOST, HOST_LEN);
	notes_check();
}
END_TEST

START_TEST(a_string_for_one_leaves_the_hosts_data_to_the_other)
{
	struct visit visit = {
	    .server =
		policy_server("return { generate = function(conn, ticket)\n"
			      "  if ticket.index == 1 then return 'mine' end\n"
			      "end, decrypt = function() return 'use' end }",
		    TLS1_3_VERSION)};
	struct outcome saw;

	SSL_CTX_set_cert_cb(visit.server, host_sets, NULL);
	saw = visit_run(&visit);
	SSL_CTX_set_cert_cb(visit.server, NULL, NULL);
	check_host_data(&visit, saw.sessions[0], "mine", 4);
	check_host_data(&visit, saw.sessions[1], HOST, HOST_LEN);
}
END_TEST

START_TEST(a_failed_call_leaves_the_hosts_data_to_the_other)
{
	struct visit visit = {
	    .server = server_with("if ticket.index == 1 then error('no') end")};
	struct outcome saw;

	SSL_CTX_set_cert_cb(visit.server, host_sets, NULL);
	saw = visit_run(&visit);
	SSL_CTX_set_cert_cb(visit.server, NULL, NULL);
	visit.session = saw.sessions[0];
	ck_assert(!visit_run(&visit).resumed);
	engine_attach(engine_new("return {}"), visit.server);
	check_host_data(&visit, saw.sessions[1], HOST, HOST_LEN);
}
END_TEST

/* One more ticket on an open connection. Returns its session. */
static SSL_SESSION *
another_ticket(struct conn *conn)
{
	int before = conn->saw.tickets;

	ck_assert_int_eq(SSL_new_session_ticket(conn->server), 1);
	conn_restart(conn, WIRE_SERVER);
	ck_assert_int_eq(conn->saw.tickets, before + 1);
	return conn->saw.sessions[before];
}

START_TEST(a_ticket_asked_for_later_starts_from_what_was_resumed)
{
	struct visit visit = {
	    .server = server_with(
		"local previous = ticket.previous\n"
		"if not previous then return { n = 'first' } end\n"
		"if ticket.index == 1 then return { n = 'renewed' } end\n"
		"assert(previous.data.n == 'first')")};
	struct conn *conn;
	SSL_SESSION *renewed, *later;

	visit.session = visit_run(&visit).session;
	conn = conn_open(&visit);
	ck_assert_int_eq(conn->saw.tickets, 1);
	renewed = conn->saw.sessions[0];
	later = another_ticket(conn);
	conn_close(conn);
	ck_assert_str_eq(tell(&visit, later), "first 1 7200");
	ck_assert_str_eq(tell(&visit, renewed), "renewed 1 7200");
}
END_TEST

START_TEST(what_the_host_sets_between_tickets_is_in_the_next)
{
	struct visit visit = {.server = server_with(any[_i])};
	struct conn *conn = conn_open(&visit);
	SSL_SESSION *third, *fourth;

	SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(conn->server), HOST, HOST_LEN);
	third = another_ticket(conn);
	fourth = another_ticket(conn);
	conn_close(conn);
	check_host_data(&visit, third, HOST, HOST_LEN);
	check_host_data(&visit, fourth, HOST, HOST_LEN);
	notes_check();
}
END_TEST

START_TEST(what_the_host_sets_may_be_as_long_as_what_was_there)
{
	struct visit visit = {
	    .server =
		policy_server("return { generate = function(conn, ticket)\n"
			      "  if ticket.index < 3 then return 'nine ours' "
			      "end\n"
			      "end, decrypt = function() return 'use' end }",
		    TLS1_3_VERSION)};
	struct conn *conn = conn_open(&visit);
	SSL_SESSION *third;

	SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(conn->server), HOST, HOST_LEN);
	third = another_ticket(conn);
	conn_close(conn);
	check_host_data(&visit, third, HOST, HOST_LEN);
}
END_TEST

static int
host_sets_by_name(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	host_sets(ssl, arg);
	return SSL_TLSEXT_ERR_OK;
}

START_TEST(a_failed_renewal_leaves_the_hosts_data_to_the_next)
{
	struct visit visit = {.name = "a.example",
	    .server = server_with("if not ticket.previous then\n"
				  "  return { n = 'x' }\n"
				  "end\n"
				  "if ticket.index == 1 then error('no') end")};
	struct conn *conn;
	SSL_SESSION *later;

	visit.session = visit_run(&visit).session;
	SSL_CTX_set_tlsext_servername_callback(visit.server, host_sets_by_name);
	conn = conn_open(&visit);
	later = another_ticket(conn);
	ck_assert(conn_close(conn).resumed);
	SSL_CTX_set_tlsext_servername_callback(visit.server, NULL);
	engine_attach(engine_new("return {}"), visit.server);
	check_host_data(&visit, later, HOST, HOST_LEN);
}
END_TEST

START_TEST(what_the_host_sets_on_a_resumed_session_takes_nothing_away)
{
	char text[512];
	struct visit visit = {.version = TLS1_3_VERSION};
	struct conn *conn;
	SSL_SESSION *later;

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket)\n"
	    "  if not ticket.previous then return { n = 'first' } end\n"
	    "end, decrypt = function(conn, ticket)\n"
	    "  local n = ticket.data and ticket.data.n\n"
	    "  return '%s', tostring(n) .. ' ' .. tostring(ticket.renewals)\n"
	    "    .. ' ' .. tostring(ticket.auth_time ~= nil)\n"
	    "end }",
	    _i ? "use_renew" : "use");
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	conn = conn_open(&visit);
	SSL_SESSION_set1_ticket_appdata(
	    SSL_get_session(conn->server), HOST, HOST_LEN);
	later = another_ticket(conn);
	ck_assert(conn_close(conn).resumed);
	check_host_data(&visit, later, HOST, HOST_LEN);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "first 1 true");
	notes_check();
}
END_TEST

START_TEST(an_assigned_timeout_is_told_to_the_client)
{
	int version = _i ? TLS1_3_VERSION : TLS1_2_VERSION;
	struct visit visit = {.version = version};
	struct outcome saw;

	visit.server = policy_server(
	    "return { generate = function(conn, ticket)\n"
	    "  assert(ticket.timeout == (conn.resumed and 77 or 7200))\n"
	    "  ticket.timeout = 77\n"
	    "  assert(ticket.timeout == 77)\n"
	    "end, decrypt = function(conn, ticket)\n"
	    "  return 'default', tostring(ticket.timeout)\n"
	    "end }",
	    version);
	saw = visit_run(&visit);
	ck_assert_uint_eq(
	    SSL_SESSION_get_ticket_lifetime_hint(saw.session), 77);
	visit.session = saw.session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "77");
	notes_check();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("siblings");
	TCase *tcase = engine_case("siblings", 60);

	tcase_add_loop_test(
	    tcase, the_second_ticket_has_nothing_of_the_first, 0, 3);
	tcase_add_test(tcase, each_has_its_own_table);
	tcase_add_loop_test(tcase,
	    a_failed_call_under_open_leaves_nothing_of_the_sibling, 0, 2);
	tcase_add_loop_test(tcase, the_hosts_data_are_in_both, 0, ANY);
	tcase_add_test(
	    tcase, a_string_for_one_leaves_the_hosts_data_to_the_other);
	tcase_add_test(
	    tcase, a_failed_renewal_leaves_the_hosts_data_to_the_next);
	tcase_add_test(tcase, a_failed_call_leaves_the_hosts_data_to_the_other);
	tcase_add_test(
	    tcase, a_ticket_asked_for_later_starts_from_what_was_resumed);
	tcase_add_loop_test(
	    tcase, what_the_host_sets_between_tickets_is_in_the_next, 0, ANY);
	tcase_add_test(
	    tcase, what_the_host_sets_may_be_as_long_as_what_was_there);
	tcase_add_loop_test(tcase,
	    what_the_host_sets_on_a_resumed_session_takes_nothing_away, 0, 2);
	tcase_add_loop_test(
	    tcase, an_assigned_timeout_is_told_to_the_client, 0, 2);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
