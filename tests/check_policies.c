/*
 * SPDX-License-Identifier: MIT
 *
 * The library's policies (lua/usher/) against clients that try what they are
 * for, in real handshakes; check_standard.c has usher.standard. Each policy has
 * its own tests beside it; here is what takes another server under the same
 * ticket key, or a client that is told what to offer.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. usher.bind: what is declared holds, over renewals too (after which not
 *     all of a ClientHello can be read in generate).
 *  2. A required certificate has to be there.
 *  3. A ticket from before a declaration does not fit it, not even where
 *     nothing was.
 *  4. A bound ticket does not pass to another name through a policy that lets
 *     everybody in under the same key.
 *  5. Data of another policy are none, under the same key.
 *  6. usher.chain: each part reads its own data, also of the ticket before; the
 *     first refusal counts; accepting takes a new ticket if any part wants one.
 *  7. What is no verdict is an error in a chain too.
 *  8. A part that returns nothing keeps its data over a renewal.
 *  9. usher.by_name: names, stars, default; a ticket of one policy is none for
 *     another; without a policy no ticket is accepted.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <check.h>

#include "tls/cert.h"
#include "tls/refuse.h"

/* What a connection is told before it begins; arg is one of these. */
struct told {
	const char *peer;
	const char *tenant;
};

static void
tell(struct conn *conn, void *arg)
{
	const struct told *told = arg;
	struct sockaddr_in addr = {.sin_family = AF_INET};

	if (told->peer) {
		ck_assert_int_eq(
		    inet_pton(AF_INET, told->peer, &addr.sin_addr), 1);
		usher_conn_set_peer(
		    conn->server, (struct sockaddr *)&addr, sizeof addr);
	}
	if (told->tenant)
		usher_conn_set_string(
		    conn->server, "tenant", told->tenant, strlen(told->tenant));
}

/*
 * usher.bind
 */

#define BIND(options) \
	"return require 'usher.bind' { name = 'shop', " options " }"

/* A ticket fits where all is as it was, twice, and not in the other visit. */
static void
check_bound(const char *text, struct visit *one, struct visit *other,
    const char *reason)
{
	SSL_CTX *ctx = keyed_policy(text, one->version);

	server_alpn(ctx);
	cert_ask(ctx, SSL_VERIFY_PEER);
	one->server = other->server = ctx;
	visit_first(one);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_null(visit_refused(one));
	other->session = one->session;
	ck_assert_pstr_eq(visit_refused(other), reason);
	/* and the other way round */
	visit_first(other);
	ck_assert_ptr_null(visit_refused(other));
	one->session = other->session;
	ck_assert_pstr_eq(visit_refused(one), reason);
}

START_TEST(what_is_declared_holds)
{
	static struct told here = {"192.0.2.1", "acme"},
			   near = {"192.0.2.200", "acme"},
			   there = {"192.0.3.1", "acme"},
			   them = {"192.0.2.1", "umbrella"};
	int version = version_of(_i);
	struct visit base = {.version = version,
	    .name = "a.example",
	    .alpn = "h2",
	    .prepare = tell,
	    .arg = &here};
	struct visit one = base, other = base;

	other.name = "b.example";
	check_bound(
	    BIND("server_name = true"), &one, &other, "other virtual host");
	other.name = NULL;
	check_bound(
	    BIND("server_name = true"), &one, &other, "other virtual host");
	one = other = base;
	other.alpn = "http/1.1";
	check_bound(
	    BIND("alpn = true"), &one, &other, "other application protocol");
	other.alpn = NULL;
	check_bound(BIND("alpn = { 'http/1.1', 'h2' }"), &one, &other,
	    "other application protocol");
	one = other = base;
	other.arg = &them;
	check_bound(BIND("vars = { 'tenant' }"), &one, &other, "other tenant");
	one = other = base;
	other.arg = &there;
	check_bound(BIND("network = true"), &one, &other, "other network");
	one = other = base;
	other.arg = &near;
	check_bound(
	    BIND("network = { v4 = 32 }"), &one, &other, "other network");
	one = other = base;
	other.groups = "P-384:P-256";
	check_bound(BIND("hello = true"), &one, &other, "other ClientHello");
}
END_TEST

START_TEST(no_certificate_is_not_enough_where_one_is_required)
{
	struct visit visit = {.version = version_of(_i), .cert = CERT_CLIENT};

	visit.server =
	    keyed_policy(BIND("client_cert = 'required'"), visit.version);
	cert_ask(visit.server, SSL_VERIFY_PEER);
	visit_first(&visit);
	ck_assert_ptr_null(visit_refused(&visit));
	ck_assert_ptr_null(visit_refused(&visit));
	visit.cert = 0;
	visit_first(&visit);
	ck_assert_str_eq(visit_refused(&visit), "other client certificate");
}
END_TEST

START_TEST(a_ticket_from_before_the_declaration_does_not_fit)
{
	static const char *const later[][2] = {
	    {BIND("server_name = true, alpn = true"),
		"other application protocol"},
	    {BIND("server_name = true, vars = { 'tenant' }"), "other tenant"},
	    {BIND("server_name = true, client_cert = true"),
		"other client certificate"},
	    {BIND("server_name = true, epoch = '1'"), "the rules have changed"},
	};
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	SSL_SESSION *before;

	visit.server = keyed_policy(BIND("server_name = true"), visit.version);
	visit_first(&visit);
	before = visit.session;
	for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
		visit.server = keyed_policy(later[i][0], visit.version);
		visit.session = before;
		ck_assert_pstr_eq(visit_refused(&visit), later[i][1]);
		ck_assert_ptr_null(visit_refused(&visit));
	}
	visit.server = keyed_policy(
	    BIND("server_name = true, epoch = '2'"), visit.version);
	ck_assert_pstr_eq(visit_refused(&visit), "the rules have changed");
}
END_TEST

/* The other policy has renewed it, as a ticket of b.example. */
START_TEST(a_lax_policy_does_not_launder_a_bound_ticket)
{
	static const char lax[] =
	    "return { name = 'lax', decrypt = function(conn, ticket)\n"
	    "  return ticket.decrypted and 'use_renew' or 'default'\n"
	    "end }";
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	SSL_CTX *bound =
	    keyed_policy(BIND("server_name = true"), visit.version);

	visit.server = bound;
	visit_first(&visit);
	visit.server = keyed_policy(lax, visit.version);
	visit.name = "b.example";
	ck_assert_ptr_null(visit_refused(&visit));
	visit.server = bound;
	ck_assert_pstr_eq(visit_refused(&visit), "other virtual host");
}
END_TEST

START_TEST(data_of_another_policy_are_none)
{
	static const char *const others[] = {
	    "return { name = 'other',\n"
	    "  generate = function() return { n = 'a.example' } end,\n"
	    "  decrypt = function() end }",
	    "return { name = 'shop',\n"
	    "  generate = function() return { b = { n = 'b.example' } } end }",
	    "return { name = 'shop',\n"
	    "  generate = function() return { b = 7, d = 'x' } end }",
	    "return { name = 'shop',\n"
	    "  generate = function() return 'a.example' end }",
	    "return { name = 'shop',\n"
	    "  generate = function() return { n = true } end }",
	    "return { name = 'shop', decrypt = function() end }",
	};
	static const char *const mine[] = {
	    BIND("server_name = true"),
	    "return require 'usher.chain' { name = 'shop',\n"
	    "  require 'usher.bind' { server_name = true } }",
	    "return require 'usher.by_name' { name = 'shop',\n"
	    "  ['a.example'] = require 'usher.age' { auth_age = 10 } }",
	    "return require 'usher.standard'",
	};
	struct visit visit = {.version = version_of(_i), .name = "a.example"};
	SSL_CTX *ctx = keyed_policy(mine[_i / VERSIONS], visit.version);

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		visit.server = keyed_policy(others[i], visit.version);
		visit_first(&visit);
		visit.server = ctx;
		ck_assert_ptr_nonnull(visit_refused(&visit));
		ck_assert_ptr_null(visit_refused(&visit));
	}
}
END_TEST

/*
 * usher.chain
 */

static const char parts[] =
    "local function part(name, verdict)\n"
    "  return {\n"
    "    name = name,\n"
    "    generate = function(conn, ticket)\n"
    "      local p = ticket.previous\n"
    "      return { n = (p and p.data.n or 0) + 1, who = name }\n"
    "    end,\n"
    "    decrypt = function(conn, ticket)\n"
    "      if not ticket.decrypted then return 'default' end\n"
    "      assert(ticket.data.who == name)\n"
    "      assert(ticket.id and not pcall(function() return ticket.x end))\n"
    "      return verdict, name .. ticket.data.n\n"
    "    end,\n"
    "  }\n"
    "end\n"
    "return require 'usher.chain' { name = 'c', %s }";

static SSL_CTX *
chain(const char *list, int version)
{
	char text[2048];

	snprintf(text, sizeof text, parts, list);
	return keyed_policy(text, version);
}

START_TEST(parts_read_their_own_data)
{
	struct visit visit = {.version = version_of(_i)};
	char want[64];

	visit.server =
	    chain("part('a', 'use_renew'), part('b', 'use')", visit.version);
	visit_first(&visit);
	for (int i = 1; i < 4; i++) {
		ck_assert_ptr_null(visit_refused(&visit));
		snprintf(want, sizeof want, "a%d; b%d", i, i);
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, want);
		ck_assert_str_eq(
		    note_last(USHER_CALL_DECRYPT)->verdict, "use_renew");
	}
}
END_TEST

START_TEST(the_first_refusal_counts)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = chain("part('a', 'default'), part('b', 'ignore_renew'),"
			     "part('c', 'abort')",
	    visit.version);
	visit_first(&visit);
	ck_assert_pstr_eq(visit_refused(&visit), "b1");
}
END_TEST

START_TEST(what_is_no_verdict_is_an_error)
{
	struct visit visit = {.version = version_of(_i)};
	struct outcome saw;

	visit.server = chain("part('a', 'USE')", visit.version);
	visit.session = visit_run(&visit).session;
	saw = visit_run(&visit);
	ck_assert(!saw.resumed);
	ck_assert_int_eq(
	    note_last(USHER_CALL_DECRYPT)->code, USHER_ERROR_RETURN);
}
END_TEST

START_TEST(a_part_that_returns_nothing_keeps_its_data)
{
	struct visit visit = {.version = version_of(_i)};

	visit.server = keyed_policy(
	    "return require 'usher.chain' { name = 'c', {\n"
	    "  name = 'once',\n"
	    "  generate = function(conn, ticket)\n"
	    "    if not ticket.previous then return { kept = 'x' } end\n"
	    "  end,\n"
	    "  decrypt = function(conn, ticket)\n"
	    "    if not ticket.decrypted then return end\n"
	    "    return 'use_renew', ticket.data and ticket.data.kept\n"
	    "  end },\n"
	    "  require 'usher.bind' { server_name = true } }",
	    visit.version);
	visit_first(&visit);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_null(visit_refused(&visit));
		ck_assert_str_eq(note_last(USHER_CALL_DECRYPT)->reason, "x");
	}
}
END_TEST

/*
 * usher.by_name
 */

static const char names[] =
    "local age = require 'usher.age' { auth_age = 1000 }\n"
    "local seen = {\n"
    "  generate = function() return { mine = true } end,\n"
    "  decrypt = function(conn, ticket)\n"
    "    assert(ticket.data.mine)\n"
    "    return 'default'\n"
    "  end }\n"
    "return require 'usher.by_name' { name = 'names',\n"
    "  ['a.example'] = age,\n"
    "  ['*.b.example'] = seen,\n"
    "  ['*.example'] = { decrypt = function() return 'default' end },\n"
    "  %s\n"
    "}";

static SSL_CTX *
by_name(const char *more, int version)
{
	char text[2048];

	snprintf(text, sizeof text, names, more);
	return keyed_policy(text, version);
}

START_TEST(a_policy_for_each_name)
{
	struct visit visit = {.version = version_of(_i)};
	static const char *const groups[][2] = {
	    {"a.example", "a.example"},
	    {"x.b.example", "y.x.b.example"},
	    {"b.example", "c.d.example"},
	    {"elsewhere", NULL},
	};
	SSL_SESSION *ticket;

	visit.server = by_name("default = age", visit.version);
	for (int i = 0; i < 4; i++) {
		visit.name = groups[i][0];
		visit_first(&visit);
		visit.name = groups[i][1];
		ck_assert_ptr_null(visit_refused(&visit));
		ticket = visit.session;
		for (int k = 0; k < 4; k++) {
			if (k == i)
				continue;
			visit.name = groups[k][k % 2];
			visit.session = ticket;
			ck_assert_pstr_eq(visit_refused(&visit),
			    "made under another name's policy");
		}
	}
}
END_TEST

START_TEST(no_policy_accepts_no_ticket)
{
	struct visit visit = {.version = version_of(_i), .name = "elsewhere"};

	visit.server = by_name("", visit.version);
	visit_first(&visit);
	ck_assert_pstr_eq(visit_refused(&visit), "no policy for this name");
	visit.name = NULL;
	ck_assert_pstr_eq(visit_refused(&visit), "no policy for this name");
	visit.name = "a.example";
	ck_assert_pstr_eq(
	    visit_refused(&visit), "made under another name's policy");
}
END_TEST

static Suite *
policies_suite(void)
{
	Suite *suite = suite_create("policies");
	TCase *tcase = engine_case("usher.bind", 120);

	tcase_add_loop_test(tcase, what_is_declared_holds, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    no_certificate_is_not_enough_where_one_is_required, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    a_ticket_from_before_the_declaration_does_not_fit, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_lax_policy_does_not_launder_a_bound_ticket, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, data_of_another_policy_are_none, 0, 4 * VERSIONS);
	suite_add_tcase(suite, tcase);
	tcase = engine_case("usher.chain", 60);
	tcase_add_loop_test(tcase, parts_read_their_own_data, 0, VERSIONS);
	tcase_add_loop_test(tcase, the_first_refusal_counts, 0, VERSIONS);
	tcase_add_loop_test(tcase, what_is_no_verdict_is_an_error, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_part_that_returns_nothing_keeps_its_data, 0, VERSIONS);
	suite_add_tcase(suite, tcase);
	tcase = engine_case("usher.by_name", 60);
	tcase_add_loop_test(tcase, a_policy_for_each_name, 0, VERSIONS);
	tcase_add_loop_test(tcase, no_policy_accepts_no_ticket, 0, VERSIONS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return tests_run(policies_suite());
}
