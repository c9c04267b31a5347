/*
 * SPDX-License-Identifier: MIT
 *
 * OpenSSL's error queue is left as it was found: what a callback leaves there
 * would turn the host's next WANT_READ into an error, and what it takes away
 * the host would miss.
 *
 * Scenarios (in TLS 1.2 and 1.3 each; scripts that succeed and that fail):
 *  1. Around decrypt.
 *  2. Around generate.
 */
#include <stdio.h>

#include <check.h>
#include <openssl/err.h>

#include "tls/policy.h"

/* The error queue: one error is put there before a callback of Usher's, and
 * looked for after it. */
static int errors_put;
static int errors_found;

static void
error_put(void)
{
	ERR_clear_error();
	ERR_raise_data(ERR_LIB_USER, 77, "left by a test");
	errors_put++;
}

static void
error_find(void)
{
	unsigned long error = ERR_get_error();

	if (errors_put > 0 && ERR_GET_REASON(error) == 77 &&
	    ERR_peek_error() == 0)
		errors_found++;
	ERR_clear_error();
}

static int
put_before_decrypt(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	error_put();
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int
find_after_decrypt(SSL *ssl, int *alert, void *arg)
{
	(void)ssl;
	(void)alert;
	(void)arg;
	error_find();
	return SSL_TLSEXT_ERR_OK;
}

/* On the server: the client's Finished comes before generate, the ticket's
 * message after it. */
static void
around_generate(int written, int version, int type, const void *data,
    size_t len, SSL *ssl, void *arg)
{
	const unsigned char *bytes = data;

	(void)version;
	(void)ssl;
	(void)arg;
	if (type != SSL3_RT_HANDSHAKE || len < 4)
		return;
	if (!written && bytes[0] == SSL3_MT_FINISHED)
		error_put();
	if (written && bytes[0] == SSL3_MT_NEWSESSION_TICKET &&
	    errors_found == 0)
		error_find();
}

static const char *const bodies[] = {
    "return nil",
    "error('no')",
    "while true do end",
    "return {}",
    "return ('x'):rep(100000)",
};
#define BODIES (int)(sizeof bodies / sizeof *bodies)

static SSL_CTX *
server_with_body(const char *function, const char *body, int version)
{
	char text[512];

	snprintf(text, sizeof text,
	    "return { %s = function(conn, ticket)\n"
	    "  local _ = conn.client_cert or ticket.client_cert\n"
	    "  _ = conn.peer_address or conn.hello or conn.server_name\n"
	    "  %s\n"
	    "end }",
	    function, body);
	return policy_server(text, version);
}

START_TEST(decrypt_leaves_the_error_queue_as_found)
{
	struct visit visit = {
	    .version = version_of(_i % 2), .name = "a.example"};

	visit.server = policy_server("return {}", visit.version);
	SSL_CTX_set_tlsext_servername_callback(
	    visit.server, find_after_decrypt);
	visit.session = visit_run(&visit).session;
	engine_attach(engine_new("return {}"), visit.server);
	SSL_CTX_set_client_hello_cb(visit.server, put_before_decrypt, NULL);
	visit_run(&visit);
	ck_assert_int_eq(errors_found, 1);
	errors_found = 0;
	visit.server =
	    server_with_body("decrypt", bodies[_i / 2], visit.version);
	SSL_CTX_set_tlsext_servername_callback(
	    visit.server, find_after_decrypt);
	SSL_CTX_set_client_hello_cb(visit.server, put_before_decrypt, NULL);
	ck_assert(visit_run(&visit).echoed);
	ck_assert_int_eq(errors_found, 1);
}
END_TEST

static void
watch_generate(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_msg_callback(conn->server, around_generate);
}

START_TEST(generate_leaves_the_error_queue_as_found)
{
	struct visit visit = {
	    .version = version_of(_i % 2), .prepare = watch_generate};

	visit.server =
	    server_with_body("generate", bodies[_i / 2], visit.version);
	visit_run(&visit);
	ck_assert_int_ge(errors_put, 1);
	ck_assert_int_eq(errors_found, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("guards: error queue");
	TCase *tcase = engine_case("error queue", 60);

	tcase_add_loop_test(
	    tcase, decrypt_leaves_the_error_queue_as_found, 0, 2 * BODIES);
	tcase_add_loop_test(
	    tcase, generate_leaves_the_error_queue_as_found, 0, 2 * BODIES);
	suite_add_tcase(suite, tcase);
	return tests_run(suite);
}
