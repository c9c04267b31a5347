/*
 * SPDX-License-Identifier: MIT
 *
 * Server names, as clients send them and as policies see them.
 *
 * Scenarios, in TLS 1.2 and 1.3:
 *  1. Case and a dot at the end make no other name: in both callbacks, in the
 *     ticket, and for a policy that binds to the name.
 *  2. What is no host's name is nil; no ticket resumes under it, whoever made
 *     it, and one that is made there resumes nowhere.
 *  3. A second ClientHello with such a name does not get the first one's
 *     verdict.
 *  4. A policy by name is not fallen past by another spelling.
 *  5. A policy that decides nothing leaves all of this alone.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "data/host.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/suite.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct {
	const char *sent, *seen; /* NULL: none */
} names[] = {
    {"a.example", "a.example"},
    {"A.EXAMPLE", "a.example"},
    {"a.example.", "a.example"},
    {"ADMIN.Example.", "admin.example"},
    {"under_score.example", "under_score.example"},
    {"xn--bcher-kva.example", "xn--bcher-kva.example"},
    {"-a-.example", "-a-.example"},
    {"localhost", "localhost"},
    {"192.0.2.1", "192.0.2.1"},
    {"192.0.2.1.", "192.0.2.1"},
    {".", NULL},
    {"..", NULL},
    {"a.example..", NULL},
    {"a..example", NULL},
    {".example", NULL},
    {"a.example:443", NULL},
    {"2001:db8::1", NULL},
    {"[2001:db8::1]", NULL},
    {"*", NULL},
    {"*.example", NULL},
    {"a b.example", NULL},
    {"a.example ", NULL},
    {"a.example\n", NULL},
    {"a.example\x7f", NULL},
    {"b\xc3\xbc"
     "cher.example",
	NULL},
    {"a.example/", NULL},
    {"a@example", NULL},
};

START_TEST(a_name_has_one_spelling)
{
	const char *sent = names[_i].sent, *seen = names[_i].seen;
	size_t len = strlen(sent), n;
	char to[64];

	n = ush_host_read(sent, len, to);
	ck_assert_uint_eq(n, seen ? strlen(seen) : 0);
	if (seen)
		ck_assert_str_eq(to, seen);
}
END_TEST

START_TEST(names_have_a_length)
{
	char name[300], to[300];

	memset(name, 'a', sizeof name);
	ck_assert_uint_eq(ush_host_read(name, 0, to), 0);
	ck_assert_uint_eq(ush_host_read(name, 63, to), 63);
	ck_assert_uint_eq(ush_host_read(name, 64, to), 0);
	name[63] = name[127] = name[191] = '.';
	ck_assert_uint_eq(ush_host_read(name, 253, to), 253);
	ck_assert_uint_eq(ush_host_read(name, 254, to), 0);
	name[253] = '.';
	ck_assert_uint_eq(ush_host_read(name, 254, to), 253);
	ck_assert_uint_eq(ush_host_read("a\0b", 3, to), 0);
}
END_TEST

START_TEST(both_callbacks_and_the_ticket_have_it)
{
	struct visit visit = {.version = version_of(_i)};
	const char *sent = names[_i / 2].sent, *seen = names[_i / 2].seen;
	char both[80];

	visit.server =
	    policy_server(policy_showing("conn.server_name",
			      "conn.server_name, ticket.server_name"),
		visit.version);
	visit.name = sent;
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), seen ? seen : "nil");
	if (!seen)
		return;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	snprintf(both, sizeof both, "%s %s", seen, seen);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), both);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), seen);
}
END_TEST

START_TEST(a_ticket_is_good_in_any_spelling)
{
	static const char *const spellings[] = {"admin.example",
	    "ADMIN.example.", "admin.example.", "Admin.Example"};
	struct visit visit = {.version = version_of(_i)};

	visit.server =
	    policy_server("return require 'usher.bind' { server_name = true }",
		visit.version);
	for (size_t i = 0; i < COUNT(spellings); i++) {
		visit.session = NULL;
		visit.name = spellings[i];
		visit.session = visit_run(&visit).session;
		visit.name = spellings[(i + 1) % COUNT(spellings)];
		ck_assert(visit_run(&visit).resumed);
		visit.name = "other.example.";
		ck_assert(!visit_run(&visit).resumed);
	}
	notes_check();
}
END_TEST

/* The policy takes every ticket that it is asked about. */
START_TEST(no_ticket_resumes_under_what_is_none)
{
	static const char *const odd[] = {"a.example:443", ".", "2001:db8::1"};
	struct visit visit = {.version = version_of(_i)};
	const char *name = odd[_i / 2 % COUNT(odd)];
	SSL_SESSION *good, *other;
	struct outcome saw;

	visit.server = policy_server(
	    "return { decrypt = function() return 'default' end }",
	    visit.version);
	visit.name = "a.example";
	good = visit_run(&visit).session;
	visit.name = name;
	other = visit_run(&visit).session;
	ck_assert_str_eq(note_last(USHER_CALL_GENERATE)->verdict, "disabled");
	/* the good one there, */
	visit.session = good;
	saw = visit_run(&visit);
	ck_assert(saw.completed && saw.echoed && !saw.resumed);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->verdict, "ignore_renew");
	ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason,
	    "the server name is none of a host");
	/* the other one anywhere, */
	for (int i = 0; other && i < 3; i++) {
		visit.session = other;
		visit.name = i == 0 ? NULL : i == 1 ? "a.example" : name;
		saw = visit_run(&visit);
		ck_assert(saw.completed && saw.echoed && !saw.resumed);
	}
	/* and the good one where it is good. */
	visit.session = good;
	visit.name = "a.example.";
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

static void
rename_client(struct conn *conn, void *arg)
{
	SSL_set_tlsext_host_name(conn->client, arg);
}

START_TEST(a_second_hello_can_not_bring_one)
{
	struct visit visit = {.version = TLS1_3_VERSION};
	char odd[] = "a.example:443";
	struct outcome saw;

	visit.server = policy_server(
	    "return { decrypt = function() return 'default' end }", 0);
	server_retry(visit.server);
	visit.groups = GROUPS_RETRY;
	visit.session = visit_run(&visit).session;
	saw = visit_run(&visit);
	ck_assert(saw.retries == 1 && saw.resumed);
	/* From none to one that is none: both are nil. */
	visit.session = saw.session;
	visit.retry = rename_client;
	visit.arg = odd;
	saw = visit_run(&visit);
	ck_assert(saw.retries == 1 && !saw.resumed);
}
END_TEST

START_TEST(no_spelling_falls_past_a_policy_by_name)
{
	static const char *const spellings[] = {
	    "admin.example.", "ADMIN.EXAMPLE", "admin.example:443"};
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server("local usher = require 'usher' "
				     "return usher.by_name { name = 'n', "
				     "['admin.example'] = { decrypt = "
				     "function() return 'ignore_renew', "
				     "'never' end }, "
				     "default = usher.standard }",
	    visit.version);
	visit.name = spellings[_i / 2];
	visit.session = visit_run(&visit).session;
	ck_assert(!visit.session || !visit_run(&visit).resumed);
	visit.name = "other.example";
	visit.session = NULL;
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

START_TEST(a_policy_without_decrypt_leaves_it_alone)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = policy_server("return {}", visit.version);
	visit.name = "a.example:443";
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("names");
	TCase *tcase = engine_case("names", 60);

	tcase_add_loop_test(
	    tcase, a_name_has_one_spelling, 0, (int)COUNT(names));
	tcase_add_test(tcase, names_have_a_length);
	tcase_add_loop_test(tcase, both_callbacks_and_the_ticket_have_it, 0,
	    2 * (int)COUNT(names));
	tcase_add_loop_test(tcase, a_ticket_is_good_in_any_spelling, 0, 2);
	tcase_add_loop_test(tcase, no_ticket_resumes_under_what_is_none, 0, 6);
	tcase_add_test(tcase, a_second_hello_can_not_bring_one);
	tcase_add_loop_test(
	    tcase, no_spelling_falls_past_a_policy_by_name, 0, 6);
	tcase_add_loop_test(
	    tcase, a_policy_without_decrypt_leaves_it_alone, 0, 2);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
