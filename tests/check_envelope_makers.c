/*
 * SPDX-License-Identifier: MIT
 *
 * Who made a ticket: ids, revisions, names, over several contexts, engines and
 * processes, and ticket.previous.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. id: 16 hex digits, another for every ticket, the one generate saw.
 *  2. The revision is that of the script that made the ticket.
 *  3. Contexts and engines with the same ticket key read each other's, and so
 *     do forked processes.
 *  4. A policy's name guards its table; nil keeps the writer's name.
 *  5. ticket.previous in generate is what decrypt saw.
 *  6. The envelope around two short strings stays under 96 bytes.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "base/clock.h"

#include "tls/fork.h"
#include "tls/keys.h"
#include "tls/policy.h"

#define START 1700000000

static const char storing[] = "return { n = 'x' }";

static int
is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits &&
	       strspn(text, "0123456789abcdef") == digits;
}

START_TEST(ids_are_hex_and_of_one_ticket_each)
{
	struct visit visit = {
	    .server = policy_server(
		"return {\n"
		"  generate = function(conn, ticket)\n"
		"    conn.vars.seen = (conn.vars.seen or '') .. ticket.id\n"
		"    return { n = ticket.index }\n"
		"  end,\n"
		"  decrypt = function(conn, ticket)\n"
		"    return 'use_renew', ticket.id\n"
		"  end,\n"
		"}\n",
		TLS1_3_VERSION)};
	struct outcome saw = visit_run(&visit);
	char ids[2][512], seen[1024];
	int i;

	snprintf(seen, sizeof seen, "%s", note_last(USHER_CALL_GENERATE)->seen);
	ck_assert_uint_eq(strlen(seen), 32);
	for (i = 0; i < 2; i++) {
		visit.session = saw.sessions[i];
		ck_assert(visit_run(&visit).resumed);
		snprintf(ids[i], sizeof ids[i], "%s",
		    note_last(USHER_CALL_DECRYPT)->reason);
		ck_assert(is_hex(ids[i], 16));
		ck_assert_int_eq(strncmp(ids[i], seen + 16 * i, 16), 0);
		ck_assert_str_ne(note_last(USHER_CALL_GENERATE)->seen, ids[i]);
	}
	ck_assert_str_ne(ids[0], ids[1]);
}
END_TEST

static const char telling_revision[] =
    "return { decrypt = function(conn, ticket)\n"
    "  if ticket.decrypted then\n"
    "    return 'use', tostring(ticket.revision)\n"
    "  end\n"
    "end } -- ";

START_TEST(the_revision_is_that_of_the_maker)
{
	struct visit visit = {.version = version_of(_i)};
	char text[256], first[32];
	const struct note *note;

	snprintf(text, sizeof text, "%s one", telling_revision);
	visit.server = policy_server(text, visit.version);
	visit.session = visit_run(&visit).session;
	visit_run(&visit);
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert(is_hex(note->revision, 16));
	ck_assert_str_eq(note->reason, note->revision);
	snprintf(first, sizeof first, "%s", note->revision);
	engine_attach(engine_new(text), visit.server);
	visit_run(&visit);
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->revision, first);
	snprintf(text, sizeof text, "%s two", telling_revision);
	engine_attach(engine_new(text), visit.server);
	visit_run(&visit);
	note = note_last(USHER_CALL_DECRYPT);
	ck_assert_str_eq(note->reason, first);
	ck_assert_str_ne(note->revision, first);
}
END_TEST

START_TEST(contexts_with_the_same_ticket_key_read_each_others)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	SSL_CTX *servers[2];
	char want[128];
	int i;

	for (i = 0; i < 2; i++) {
		servers[i] = policy_server(
		    policy_renewing("name = 'p',", storing), visit.version);
		keys_fix(servers[i], 7);
	}
	ush_clock_set(START);
	visit.server = servers[0];
	visit.session = visit_run(&visit).session;
	for (i = 0; i < 6; i++) {
		visit.server = servers[(i + 1) % 2];
		ush_clock_set(START + i);
		snprintf(
		    want, sizeof want, "%d %d %d a.example p x", START, i, i);
		visit_and_expect(&visit, want);
	}
}
END_TEST

/* In a child: one visit; its ticket goes into the pipe. */
static void
visit_in_child(const struct visit *visit, int to)
{
	SSL_SESSION *session = visit_run(visit).session;
	unsigned char *der = NULL;
	int len = i2d_SSL_SESSION(session, &der);

	_exit(len > 0 && write(to, der, (size_t)len) == len ? 7 : 1);
}

static SSL_SESSION *
visit_elsewhere(const struct visit *visit)
{
	unsigned char der[8192];
	const unsigned char *at = der;
	int pipes[2];
	ssize_t len;
	pid_t child;

	ck_assert_int_eq(pipe(pipes), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0)
		visit_in_child(visit, pipes[1]);
	close(pipes[1]);
	len = read(pipes[0], der, sizeof der);
	close(pipes[0]);
	ck_assert_int_eq(child_status(child), 7);
	ck_assert_int_gt(len, 0);
	return harness_keep_session(d2i_SSL_SESSION(NULL, &at, len));
}

START_TEST(forked_processes_read_each_others)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};

	visit.server = policy_server(
	    policy_renewing("name = 'p',", storing), visit.version);
	ush_clock_set(START);
	visit.session = visit_elsewhere(&visit);
	visit_and_expect(&visit, "1700000000 0 0 a.example p x");
	visit.session = visit_elsewhere(&visit);
	visit_and_expect(&visit, "1700000000 0 2 a.example p x");
}
END_TEST

/* Who wrote, who reads, and whether it may. */
static const struct {
	const char *writer, *reader, *want;
} names[] = {
    {"name = 'a',", "name = 'a',", "a x"},
    {"name = 'a',", "name = 'b',", "a nil"},
    {"name = 'a',", "", "a nil"},
    {"", "name = 'a',", "nil nil"},
    {"", "", "nil x"},
};
#define NAMES (int)(sizeof names / sizeof *names)

START_TEST(a_name_guards_the_table)
{
	struct visit visit = {.version = version_of(_i)};
	char want[64];
	int i = _i / VERSIONS;

	ush_clock_set(START);
	visit.server = policy_server(
	    policy_renewing(names[i].writer, storing), visit.version);
	visit.session = visit_run(&visit).session;
	engine_attach(
	    engine_new(policy_renewing(names[i].reader, "")), visit.server);
	snprintf(want, sizeof want, "1700000000 0 0 nil %s", names[i].want);
	visit_and_expect(&visit, want);
}
END_TEST

START_TEST(nil_keeps_the_table_of_another_policy_under_its_name)
{
	struct visit visit = {.version = version_of(_i)};
	struct usher *a = engine_new(policy_renewing("name = 'a',", ""));
	struct usher *b = engine_new(policy_renewing("name = 'b',", ""));

	ush_clock_set(START);
	visit.server = policy_server(
	    policy_renewing("name = 'a',", storing), visit.version);
	visit.session = visit_run(&visit).session;
	engine_attach(b, visit.server);
	visit_and_expect(&visit, "1700000000 0 0 nil a nil");
	visit_and_expect(&visit, "1700000000 0 1 nil a nil");
	engine_attach(a, visit.server);
	visit_and_expect(&visit, "1700000000 0 2 nil a x");
}
END_TEST

START_TEST(a_table_replaces_that_of_another_policy)
{
	struct visit visit = {.version = version_of(_i)};
	struct usher *a = engine_new(policy_renewing("name = 'a',", ""));
	struct usher *b = engine_new(policy_renewing("name = 'b',", storing));

	ush_clock_set(START);
	visit.server = policy_server(
	    policy_renewing("name = 'a',", storing), visit.version);
	visit.session = visit_run(&visit).session;
	engine_attach(b, visit.server);
	visit_and_expect(&visit, "1700000000 0 0 nil a nil");
	engine_attach(a, visit.server);
	visit_and_expect(&visit, "1700000000 0 1 nil b nil");
}
END_TEST

static const char showing_previous[] =
    "local function show(t)\n"
    "  return t.id .. ' ' .. t.auth_time .. ' ' .. t.renewals .. ' '\n"
    "    .. t.server_name .. ' ' .. t.policy .. ' ' .. t.revision\n"
    "    .. ' ' .. t.data.n .. ' ' .. t.status .. ' ' .. t.version\n"
    "    .. ' ' .. tostring(t.decrypted) .. ' ' .. t.session_id\n"
    "    .. ' ' .. t.cipher .. ' ' .. t.issued_at .. ' ' .. t.timeout\n"
    "    .. ' ' .. #t.key_name .. ' ' .. #t.app_data\n"
    "end\n"
    "local last\n"
    "return {\n"
    "  name = 'p',\n"
    "  generate = function(conn, ticket)\n"
    "    local previous = ticket.previous\n"
    "    if previous then\n"
    "      assert(show(previous) == last, 'previous differs')\n"
    "      conn.vars.seen = 'same'\n"
    "    else\n"
    "      conn.vars.seen = 'none'\n"
    "    end\n"
    "    return { n = 'x' }\n"
    "  end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    if not ticket.decrypted then return end\n"
    "    last = show(ticket)\n"
    "    if conn.server_name == 'a.example' then\n"
    "      return 'use_renew'\n"
    "    end\n"
    "    return 'ignore_renew'\n"
    "  end,\n"
    "}\n";

START_TEST(ticket_previous_is_what_decrypt_saw)
{
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	const struct note *note;

	visit.server = policy_server(showing_previous, visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "none");
	ck_assert(visit_run(&visit).resumed);
	notes_check();
	note = note_last(USHER_CALL_GENERATE);
	ck_assert_str_eq(note->seen, "same");
	visit.name = "b.example";
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->seen, "none");
	notes_check();
}
END_TEST

START_TEST(an_envelope_around_two_short_strings_is_under_96_bytes)
{
	struct visit visit = {
	    .version = version_of(_i), .name = "shop.example"};
	struct conn *conn;
	void *data;
	size_t len;

	visit.server = policy_server(
	    "return { name = 'shop', generate = function(conn)\n"
	    "  return { sni = conn.server_name, tenant = 'acme' }\n"
	    "end, decrypt = function() end }",
	    visit.version);
	visit.session = visit_run(&visit).session;
	conn = conn_open(&visit);
	SSL_SESSION_get0_ticket_appdata(
	    SSL_get_session(conn->server), &data, &len);
	ck_assert_uint_gt(len, 0);
	ck_assert_uint_lt(len, 96);
	ck_assert(conn_close(conn).resumed);
}
END_TEST

static TCase *
makers(void)
{
	TCase *tcase = engine_case("makers", 60);

	tcase_add_test(tcase, ids_are_hex_and_of_one_ticket_each);
	tcase_add_loop_test(
	    tcase, the_revision_is_that_of_the_maker, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    contexts_with_the_same_ticket_key_read_each_others, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, forked_processes_read_each_others, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_name_guards_the_table, 0, NAMES * VERSIONS);
	tcase_add_loop_test(tcase,
	    nil_keeps_the_table_of_another_policy_under_its_name, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_table_replaces_that_of_another_policy, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, ticket_previous_is_what_decrypt_saw, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    an_envelope_around_two_short_strings_is_under_96_bytes, 0,
	    VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("envelope: makers");

	suite_add_tcase(suite, makers());
	return tests_run(suite);
}
