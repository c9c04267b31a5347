/*
 * SPDX-License-Identifier: MIT
 *
 * Every fact of `conn`, in both functions, against what the handshake really
 * was. check_facts_ticket.c has those of `ticket`, check_facts_handles.c the
 * handles' manners.
 *
 * Scenarios (in TLS 1.2 and 1.3 each):
 *  1. conn in generate, after a full handshake and after a resumption.
 *  2. conn in decrypt: what is in the ClientHello, and nothing else.
 *  3. Early data offered or not.
 *  4. Addresses: set by the host, and of a real socket.
 *  5. What the ClientHello offered.
 *  6. conn.id is unique.
 *  7. Server names: absent, longest.
 *  8. num_tickets, read and assigned; below those made it is their number.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>
#include <openssl/bio.h>

#include "tls/address.h"
#include "tls/policy.h"
#include "tls/sockets.h"

static const char *
version_name(int version)
{
	return version == TLS1_3_VERSION ? "TLSv1.3" : "TLSv1.2";
}

static const char conn_facts[] =
    "conn.server_name, conn.version, conn.cipher, conn.group, conn.alpn,"
    "conn.alpn_offered, conn.resumed, conn.early_data, conn.peer_address,"
    "conn.peer_port, conn.local_address, conn.local_port, conn.transport,"
    "conn.client_cert, conn.num_tickets";

START_TEST(conn_in_generate_is_the_connection)
{
	struct visit visit = {.version = version_of(_i),
	    .name = "a.example",
	    .alpn = "h2,http/1.1"};
	struct conn *conn;
	char want[256];
	int is_1_3 = _i % VERSIONS;

	visit.server =
	    policy_server(policy_showing(conn_facts, ""), visit.version);
	server_alpn(visit.server);
	conn = conn_open(&visit);
	snprintf(want, sizeof want,
	    "a.example %s %s %s h2 nil false %s nil nil nil nil tls nil %d",
	    version_name(visit.version), SSL_get_cipher_name(conn->server),
	    SSL_group_to_name(
		conn->server, SSL_get_negotiated_group(conn->server)),
	    "false", is_1_3 ? 2 : 1);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	visit.session = conn_close(conn).session;
	conn = conn_open(&visit);
	snprintf(want, sizeof want,
	    "a.example %s %s %s h2 nil true %s nil nil nil nil tls nil 1",
	    version_name(visit.version), SSL_get_cipher_name(conn->server),
	    SSL_group_to_name(
		conn->server, SSL_get_negotiated_group(conn->server)),
	    "false");
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	ck_assert(conn_close(conn).resumed);
}
END_TEST

START_TEST(conn_in_decrypt_is_the_client_hello)
{
	struct visit visit = {.version = version_of(_i),
	    .name = "a.example",
	    .alpn = "h2,http/1.1"};
	char want[256];

	visit.server =
	    policy_server(policy_showing("", conn_facts), visit.version);
	server_alpn(visit.server);
	visit.session = visit_run(&visit).session;
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	snprintf(want, sizeof want,
	    "a.example %s nil nil nil {h2,http/1.1} nil false"
	    " nil nil nil nil tls nil",
	    version_name(visit.version));
	ck_assert_int_eq(
	    strncmp(policy_seen(USHER_CALL_DECRYPT), want, strlen(want)), 0);
}
END_TEST

START_TEST(early_data_that_were_offered_are_seen)
{
	struct visit visit = {
	    .server = policy_server(policy_showing("tostring(conn.early_data)",
					"tostring(conn.early_data)"),
		TLS1_3_VERSION),
	    .early = "early"};

	server_early(visit.server, 1024);
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), "false");
	ck_assert(visit_run(&visit).early);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), "true");
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), "true");
	visit.early = NULL;
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), "false");
}
END_TEST

static const char address_facts[] =
    "conn.peer_address, conn.peer_port, conn.local_address, conn.local_port";

static void
set_peer(struct conn *conn, void *arg)
{
	struct sockaddr_storage addr;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&addr;

	memset(&addr, 0, sizeof addr);
	if (strchr(arg, ':')) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(4711);
		inet_pton(AF_INET6, arg, &v6->sin6_addr);
	} else {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(4711);
		inet_pton(AF_INET, arg, &v4->sin_addr);
	}
	ck_assert_int_eq(
	    usher_conn_set_peer(conn->server, (struct sockaddr *)&addr,
		strchr(arg, ':') ? sizeof *v6 : sizeof *v4),
	    0);
}

START_TEST(an_address_set_by_the_host_is_the_peers)
{
	static char addresses[][32] = {"192.0.2.7", "2001:db8::7", "::1"};
	struct visit visit = {.version = version_of(_i), .prepare = set_peer};
	char want[64];

	visit.arg = addresses[_i / VERSIONS];
	visit.server = policy_server(
	    policy_showing(address_facts, address_facts), visit.version);
	visit.session = visit_run(&visit).session;
	snprintf(want, sizeof want, "%s 4711 nil nil", (char *)visit.arg);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), want);
}
END_TEST

static unsigned int
port_of(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;

	getsockname(fd, (struct sockaddr *)&addr, &len);
	return ntohs(addr.sin_port);
}

START_TEST(addresses_are_those_of_the_socket)
{
	struct visit visit = {
	    .version = version_of(_i), .prepare = sockets_use};
	struct conn *conn;
	char want[64];
	int i;

	visit.server =
	    policy_server(policy_showing(address_facts, ""), visit.version);
	sockets_connect("127.0.0.1");
	conn = conn_new(&visit);
	for (i = 0; i < 1000 && !conn->done[WIRE_SERVER]; i++) {
		conn_flight(conn, WIRE_CLIENT);
		conn_flight(conn, WIRE_SERVER);
	}
	snprintf(want, sizeof want, "127.0.0.1 %u 127.0.0.1 %u",
	    port_of(sockets[0]), port_of(sockets[1]));
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), want);
	conn_close(conn);
	sockets_close();
}
END_TEST

START_TEST(a_peer_that_is_forgotten_is_the_sockets_again)
{
	struct visit visit = {.version = TLS1_2_VERSION};
	char address[] = "192.0.2.7";
	struct conn *conn;

	visit.server = policy_server(
	    policy_showing("conn.peer_address", ""), visit.version);
	conn = conn_new(&visit);
	set_peer(conn, address);
	ck_assert_int_eq(usher_conn_set_peer(conn->server, NULL, 0), 0);
	conn_handshake(conn);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), "nil");
	conn_close(conn);
}
END_TEST

/* Of a datagram socket, which is rarely connected, the BIO knows the peer. */
START_TEST(the_peer_of_a_datagram_bio_is_found)
{
	static const unsigned char hosts[][16] = {
	    {192, 0, 2, 7}, {0x20, 1, 0xd, 0xb8, [15] = 7}};
	static const char *const texts[] = {"192.0.2.7", "2001:db8::7"};
	int family = _i ? AF_INET6 : AF_INET,
	    fd = socket(family, SOCK_DGRAM, 0);
	BIO *bio = BIO_new_dgram(fd, BIO_CLOSE);
	BIO_ADDR *peer = BIO_ADDR_new();
	SSL *ssl = SSL_new(server_new(DTLS1_2_VERSION));
	union ush_address found;
	char text[64];

	ck_assert(!ush_address_of_ssl(ssl, true, &found));
	SSL_set_bio(ssl, bio, bio);
	ck_assert(!ush_address_of_ssl(ssl, true, &found));
	ck_assert_int_eq(
	    BIO_ADDR_rawmake(peer, family, hosts[_i], _i ? 16 : 4, htons(4433)),
	    1);
	BIO_ctrl(bio, BIO_CTRL_DGRAM_SET_PEER, 0, peer);
	ck_assert(ush_address_of_ssl(ssl, true, &found));
	ck_assert_int_eq(ush_address_print(&found, text, sizeof text), 4433);
	ck_assert_str_eq(text, texts[_i]);
	BIO_ADDR_free(peer);
	SSL_free(ssl);
}
END_TEST

static const char has[] = "(function(list, wanted)\n"
			  "  if not list then return 'nil' end\n"
			  "  for _, v in ipairs(list) do\n"
			  "    if v == wanted then return 'yes' end\n"
			  "  end\n"
			  "  return 'no'\n"
			  "end)";

START_TEST(the_hello_lists_what_was_offered)
{
	struct visit visit = {.version = version_of(_i),
	    .name = "a.example",
	    .groups = "P-256:P-521"};
	char facts[1024];
	int is_1_3 = _i % VERSIONS;

	/* 0x1302 and 0xc02c: AES-256-GCM, 23 and 25: the groups, 0x0403: ECDSA
	 * with P-256, 0: server_name. */
	snprintf(facts, sizeof facts,
	    "%s(conn.hello.ciphers, 0x%s), conn.hello.groups,"
	    "%s(conn.hello.signatures, 0x0403),"
	    "%s(conn.hello.extensions, 0),"
	    "%s(conn.hello.extensions, 0xfff0)",
	    has, is_1_3 ? "1302" : "c02c", has, has, has);
	visit.server =
	    policy_server(policy_showing(facts, facts), visit.version);
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(
	    policy_seen(USHER_CALL_GENERATE), "yes {23,25} yes nil nil");
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_eq(
	    policy_seen(USHER_CALL_DECRYPT), "yes {23,25} yes yes no");
	/* In 1.2 OpenSSL skips the groups of a hello that resumes. */
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE),
	    is_1_3 ? "yes {23,25} nil nil nil" : "yes nil nil nil nil");
}
END_TEST

START_TEST(the_connections_id_is_its_own_and_the_same_in_both)
{
	struct visit visit = {.version = version_of(_i)};
	char first[1024];

	visit.server =
	    policy_server(policy_showing("conn.id", "conn.id"), visit.version);
	visit.session = visit_run(&visit).session;
	snprintf(first, sizeof first, "%s", policy_seen(USHER_CALL_GENERATE));
	ck_assert_str_ne(first, "nil");
	ck_assert(visit_run(&visit).resumed);
	ck_assert_str_ne(policy_seen(USHER_CALL_GENERATE), first);
	ck_assert_str_eq(
	    policy_seen(USHER_CALL_GENERATE), policy_seen(USHER_CALL_DECRYPT));
}
END_TEST

START_TEST(a_server_name_may_be_absent_or_long)
{
	char longest[254];
	const char *names[] = {NULL, longest, "x", "1.2.3.4"};
	struct visit visit = {.version = version_of(_i)};
	const char *name = names[_i / VERSIONS];

	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	longest[60] = longest[120] = longest[180] = longest[240] = '.';
	visit.server =
	    policy_server(policy_showing("conn.server_name",
			      "conn.server_name, ticket.server_name"),
		visit.version);
	visit.name = name;
	visit.session = visit_run(&visit).session;
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), name ? name : "nil");
	notes_clear();
	ck_assert(visit_run(&visit).resumed);
	if (name)
		ck_assert_int_eq(strncmp(policy_seen(USHER_CALL_DECRYPT), name,
				     strlen(name)),
		    0);
	else
		ck_assert_str_eq(policy_seen(USHER_CALL_DECRYPT), "nil nil");
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), name ? name : "nil");
}
END_TEST

/* Fewer than there are already: the one being made goes out, and is the last.
 * The next handshake of the connection's context sends its own number. */
START_TEST(fewer_tickets_than_were_made_end_with_this_one)
{
	int index = _i + 1;
	char text[256], seen[16];
	struct visit visit = {.version = TLS1_3_VERSION};
	struct outcome saw;

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket)\n"
	    "  if ticket.index == 1 then conn.num_tickets = 5 end\n"
	    "  if ticket.index == %d then conn.num_tickets = 0 end\n"
	    "  conn.vars.seen = tostring(conn.num_tickets)\n"
	    "end }",
	    index);
	visit.server = policy_server(text, visit.version);
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, index);
	snprintf(seen, sizeof seen, "%d", index);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), seen);
	visit.session = saw.sessions[index - 1];
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

START_TEST(num_tickets_can_be_assigned)
{
	static const int wants[] = {1, 2, 3, 5};
	int n = wants[_i];
	char text[256];
	struct visit visit = {.version = TLS1_3_VERSION};
	struct outcome saw;

	snprintf(text, sizeof text,
	    "return { generate = function(conn, ticket)\n"
	    "  if ticket.index == 1 then conn.num_tickets = %d end\n"
	    "  conn.vars.seen = tostring(conn.num_tickets)\n"
	    "end }",
	    n);
	visit.server = policy_server(text, visit.version);
	saw = visit_run(&visit);
	ck_assert_int_eq(saw.tickets, n);
	snprintf(text, sizeof text, "%d", n);
	ck_assert_str_eq(policy_seen(USHER_CALL_GENERATE), text);
	visit.session = saw.sessions[n - 1];
	ck_assert(visit_run(&visit).resumed);
	notes_check();
}
END_TEST

static TCase *
connections(void)
{
	TCase *tcase = engine_case("conn", 60);

	tcase_add_loop_test(
	    tcase, conn_in_generate_is_the_connection, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, conn_in_decrypt_is_the_client_hello, 0, VERSIONS);
	tcase_add_test(tcase, early_data_that_were_offered_are_seen);
	tcase_add_loop_test(
	    tcase, an_address_set_by_the_host_is_the_peers, 0, 3 * VERSIONS);
	tcase_add_loop_test(
	    tcase, addresses_are_those_of_the_socket, 0, VERSIONS);
	tcase_add_test(tcase, a_peer_that_is_forgotten_is_the_sockets_again);
	tcase_add_loop_test(tcase, the_peer_of_a_datagram_bio_is_found, 0, 2);
	tcase_add_loop_test(
	    tcase, the_hello_lists_what_was_offered, 0, VERSIONS);
	tcase_add_loop_test(tcase,
	    the_connections_id_is_its_own_and_the_same_in_both, 0, VERSIONS);
	tcase_add_loop_test(
	    tcase, a_server_name_may_be_absent_or_long, 0, 4 * VERSIONS);
	tcase_add_loop_test(tcase, num_tickets_can_be_assigned, 0, 4);
	tcase_add_loop_test(
	    tcase, fewer_tickets_than_were_made_end_with_this_one, 0, 3);
	return tcase;
}

int
main(void)
{
	Suite *suite = suite_create("facts: conn");

	suite_add_tcase(suite, connections());
	return tests_run(suite);
}
