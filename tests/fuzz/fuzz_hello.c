/*
 * SPDX-License-Identifier: MIT
 *
 * What a client sends. By its first byte an input is
 *
 *	0x16	the first flight of a connection to a server with a policy:
 *		records, beginning with a ClientHello's. Seeds (made by
 *		seeds_hello.c) hold tickets that the server decrypts.
 *	0x17	and then the app data of a ticket that is offered to it
 *	others	an extension's body, for the readers of tls/hello.h
 */
#include <stdint.h>
#include <string.h>

#include <openssl/err.h>

#include "../tls/harness.h"
#include "must.h"
#include "server.h"
#include "tls/hello.h"

enum {
	FLIGHT = 0x16,
	APP_DATA = 0x17,
	APP_DATA_MAX = 16000,
	GOOD_EVERY = 64, /* inputs between two good visits */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * The readers
 */

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static void
check_lower(const char *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		must(out[i] == lower(s[i]), "in lower case");
	must(out[len] == '\0', "a final NUL");
}

static void
read_server_name(const unsigned char *ext, size_t len)
{
	char name[USH_SERVER_NAME_MAX + 1];
	size_t n = ush_hello_server_name(ext, len, name);

	if (n == 0)
		return;
	/* A dot at the end is left off. */
	must(n <= USH_SERVER_NAME_MAX &&
		 (n == len - 5 || (n == len - 6 && ext[len - 1] == '.')),
	    "length of the name");
	check_lower(name, (const char *)ext + 5, n);
	must(strlen(name) == n, "no NUL in the name");
}

/* One after the other, each behind its length, to the end. */
static void
read_alpn(const unsigned char *ext, size_t len)
{
	struct ush_bytes list = ush_hello_alpn(ext, len);
	const char *at = list.p, *end;

	if (!at)
		return;
	end = at + list.len;
	must(at == (const char *)ext + 2 && list.len == len - 2, "whole");
	while (at < end) {
		must(*at != 0, "a protocol");
		at += 1 + (unsigned char)*at;
	}
	must(at == end, "it is inside");
}

static void
read_code_points(const unsigned char *ext, size_t len, bool prefixed)
{
	size_t skip = prefixed ? 2 : 0;
	struct ush_code_points list = ush_hello_code_points(ext, len, prefixed);

	if (!list.p)
		return;
	must(list.p == ext + skip, "where they begin");
	must(skip + 2 * list.n == len, "all code points");
}

/* In memory of exactly its size, whatever the fuzzer has given. */
static void
read_extension(const uint8_t *data, size_t size)
{
	unsigned char *ext = malloc(size);

	must(ext != NULL || size == 0, "memory");
	if (size > 0)
		memcpy(ext, data, size);
	read_server_name(ext, size);
	read_alpn(ext, size);
	read_code_points(ext, size, false);
	read_code_points(ext, size, true);
	free(ext);
}

/*
 * The server
 */

/* As a server does that takes early data. */
static void
serve(SSL *ssl)
{
	char buffer[256];
	size_t n;
	int got;

	do {
		got = SSL_read_early_data(ssl, buffer, sizeof buffer, &n);
	} while (got == SSL_READ_EARLY_DATA_SUCCESS);
	if (got == SSL_READ_EARLY_DATA_FINISH && SSL_do_handshake(ssl) == 1)
		SSL_read(ssl, buffer, sizeof buffer);
}

static void
send_flight(const uint8_t *data, size_t size)
{
	SSL *ssl = SSL_new(server_with_policy());
	struct wire *wire = wire_new(0);
	BIO *bio = wire_bio(wire, WIRE_SERVER);

	must(ssl != NULL, "memory");
	SSL_set_bio(ssl, bio, bio);
	SSL_set_accept_state(ssl);
	wire_put(wire, WIRE_CLIENT, data, size);
	serve(ssl);
	SSL_free(ssl);
	wire_free(wire);
	ERR_clear_error();
}

/* Whatever is in a ticket: the policy reads it, and the visit ends well. */
static void
offer_app_data(const uint8_t *data, size_t size, int version)
{
	struct visit visit = {.version = version, .name = "App.Example"};
	struct outcome saw;

	visit.server = server_minting(data, size);
	saw = visit_run(&visit);
	must(saw.echoed && saw.session, "a ticket with app data");
	visit.server = server_with_policy();
	visit.session = saw.session;
	saw = visit_run(&visit);
	must(saw.echoed && saw.resumed, "the ticket resumes");
	harness_clear();
}

/* A visit that brings a ticket, and one that resumes by it. */
static void
visit_well(int version)
{
	struct visit visit = {.version = version, .name = "good.example"};
	struct outcome saw;

	visit.server = server_with_policy();
	saw = visit_run(&visit);
	must(saw.echoed && !saw.resumed && saw.session, "a good visit");
	visit.session = saw.session;
	saw = visit_run(&visit);
	must(saw.echoed && saw.resumed, "a good visit that resumes");
	harness_clear();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned int inputs;
	int version = inputs % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

	if (inputs++ % GOOD_EVERY <= 1)
		visit_well(version);
	if (size > 0 && data[0] == FLIGHT)
		send_flight(data, size);
	else if (size > 0 && size < APP_DATA_MAX && data[0] == APP_DATA)
		offer_app_data(data + 1, size - 1, version);
	else
		read_extension(data, size);
	return 0;
}
