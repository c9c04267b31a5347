/*
 * SPDX-License-Identifier: MIT
 *
 * Facts are whole or nil, never cut: what a client offers, however much of it.
 *
 * Scenarios (in TLS 1.2 and 1.3):
 *  1. Many protocols of ALPN are all seen; none is an empty list; a malformed
 *     list is nil.
 *  2. Long lists of the hello are whole, and absent ones empty.
 *  3. usher.bind keeps a ticket to its protocol, behind however many others.
 *  4. A server name that can't be read is refused before a script is asked, in
 *     place of counting as none.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tls/hello.h"
#include "tls/policy.h"

/* Decrypt tells as its reason what the expression is worth. */
static SSL_CTX *
server_telling(const char *expression, int version)
{
	char text[512];

	snprintf(text, sizeof text,
	    "return { decrypt = function(conn)\n"
	    "  return 'default', tostring(%s)\n"
	    "end }\n",
	    expression);
	return policy_server(text, version);
}

/* "p00,p01,...,h2" with so many of them before the last. */
static const char *
protocols(int n)
{
	static char text[4096];
	int i, len = 0;

	for (i = 0; i < n; i++)
		len += snprintf(
		    text + len, sizeof text - (size_t)len, "p%03d,", i);
	snprintf(text + len, sizeof text - (size_t)len, "h2");
	return text;
}

static const char *
told(void)
{
	return note_last(USHER_CALL_DECRYPT)->reason;
}

START_TEST(all_protocols_are_seen)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = server_telling(
	    "#conn.alpn_offered .. conn.alpn_offered[#conn.alpn_offered]",
	    visit.version);
	visit.alpn = protocols(300);
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(told(), "301h2");
}
END_TEST

START_TEST(no_protocols_are_an_empty_list)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = server_telling("#conn.alpn_offered", visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(told(), "0");
}
END_TEST

/* An extension for the first flight. */
struct body {
	unsigned int type;
	const void *data;
	size_t len;
};

static void
set_extension(unsigned char **flight, size_t *len, int nth, void *arg)
{
	const struct body *body = arg;

	if (nth == 1)
		hello_set_extension(
		    flight, len, body->type, body->data, body->len);
}

START_TEST(malformed_protocols_are_nil)
{
	static const struct body bodies[] = {
	    {16, "\0\3\2h2x", 6},
	    {16, "\0\4\3h2x", 5},
	    {16, "\0\4\2h2\1", 6},
	    {16, "\0\4\2h2\0", 6},
	    {16, "\0\0", 2},
	    {16, "", 0},
	};
	struct body body = bodies[_i];
	struct visit visit = {.version = TLS1_2_VERSION};
	struct outcome saw;

	visit.server = server_telling("conn.alpn_offered", visit.version);
	visit.session = visit_run(&visit).session;
	visit.rewrite = set_extension;
	visit.arg = &body;
	saw = visit_run(&visit);
	ck_assert_str_eq(told(), "nil");
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_DECODE_ERROR);
}
END_TEST

enum { MANY = 300 };

static void
set_lists(unsigned char **flight, size_t *len, int nth, void *arg)
{
	unsigned char list[2 + 2 * MANY] = {2 * MANY >> 8, 2 * MANY & 255};
	int i;

	(void)arg;
	if (nth != 1)
		return;
	for (i = 0; i < MANY; i++) {
		list[2 + 2 * i] = 0x77;
		list[3 + 2 * i] = (unsigned char)i;
	}
	hello_set_ciphers(flight, len, list + 2, 2 * MANY);
	hello_set_extension(flight, len, 10, list, sizeof list);
	hello_set_extension(flight, len, 13, list, sizeof list);
}

START_TEST(long_lists_are_whole)
{
	struct visit visit = {.version = TLS1_2_VERSION};

	visit.server = server_telling(
	    "#conn.hello.ciphers .. ' ' .. #conn.hello.groups .. ' ' .."
	    "#conn.hello.signatures .. ' ' .. conn.hello.ciphers[300] .. ' ' .."
	    "conn.hello.groups[300] .. ' ' .. conn.hello.signatures[300]",
	    visit.version);
	visit.session = visit_run(&visit).session;
	visit.rewrite = set_lists;
	visit_run(&visit); /* of which OpenSSL makes nothing */
	ck_assert_str_eq(told(), "300 300 300 30507 30507 30507");
}
END_TEST

/* An RSA key exchange asks for none. */
static void
offer_no_groups(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_cipher_list(conn->client, "AES128-SHA256");
}

START_TEST(lists_of_nothing_are_empty)
{
	struct visit visit = {.version = TLS1_2_VERSION};

	visit.server = server_telling("#conn.hello.groups", visit.version);
	visit.prepare = offer_no_groups;
	visit_run(&visit);
	ck_assert_str_eq(told(), "0");
}
END_TEST

START_TEST(a_protocol_behind_many_others_is_bound_to)
{
	struct visit visit = {.version = version_of(_i)};
	char many[4200];

	visit.server = policy_server("return require 'usher.bind' {\n"
				     "  alpn = { 'h2', 'http/1.1' } }\n",
	    visit.version);
	server_alpn(visit.server);
	visit.alpn = "http/1.1";
	visit.session = visit_run(&visit).session;
	ck_assert(visit_run(&visit).resumed);
	snprintf(many, sizeof many, "http/1.1,%s", protocols(64));
	visit.alpn = many;
	ck_assert(!visit_run(&visit).resumed);
	ck_assert_str_eq(told(), "other application protocol");
}
END_TEST

/* A name of 300 bytes, and one with a NUL. */
START_TEST(an_unreadable_server_name_is_refused)
{
	unsigned char name[305] = {1, 47, 0, 1, 44};
	struct body bodies[] = {
	    {0, name, sizeof name},
	    {0,
		"\0\x0c\0\0\x09"
		"a\0example",
		14},
	};
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	memset(name + 5, 'a', sizeof name - 5);
	visit.server =
	    policy_server("return require 'usher.bind' {\n"
			  "  server_name = true, refuse = 'ignore' }\n",
		visit.version);
	visit.session = visit_run(&visit).session;
	notes_clear();
	visit.rewrite = set_extension;
	visit.arg = &bodies[_i / VERSIONS];
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.completed, 0);
	ck_assert_int_eq(saw.answered, 0);
	ck_assert_int_eq(saw.alert, SSL_AD_UNRECOGNIZED_NAME);
	ck_assert_str_eq(
	    note_last(USHER_CALL_DECRYPT)->verdict, "ignore_renew");
	ck_assert_str_eq(told(), "the server name is none of a host");
}
END_TEST

static TCase *
whole(void)
{
	TCase *tcase = engine_case("whole", 60);

	tcase_add_loop_test(tcase, all_protocols_are_seen, 0, VERSIONS);
	tcase_add_loop_test(tcase, no_protocols_are_an_empty_list, 0, VERSIONS);
	tcase_add_loop_test(tcase, malformed_protocols_are_nil, 0, 6);
	tcase_add_test(tcase, long_lists_are_whole);
	tcase_add_test(tcase, lists_of_nothing_are_empty);
	tcase_add_loop_test(
	    tcase, a_protocol_behind_many_others_is_bound_to, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, an_unreadable_server_name_is_refused, 0, 2 * VERSIONS);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("facts: whole or nil");

	suite_add_tcase(suite, whole());
	return tests_run(suite);
}
