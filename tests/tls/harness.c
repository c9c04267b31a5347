/*
 * SPDX-License-Identifier: MIT
 *
 * Runs visits: a client and a server over a wire in memory, with callbacks on
 * the client's side that note what it saw.
 */
#include "harness.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "cert.h"
#include "psk.h"

#define ROUNDS 40

static const unsigned char retry_random[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5,
    0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8,
    0xa8, 0x33, 0x9c};

static unsigned int
get16(const unsigned char *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

/* `hello`: a ServerHello with its four bytes of header. */
static int
is_retry(const unsigned char *hello, size_t len)
{
	return len > 38 && memcmp(hello + 6, retry_random, 32) == 0;
}

static int
selected_identity(const unsigned char *hello, size_t len)
{
	size_t at = 38;

	if (at >= len)
		return -1;
	at += 1 + (size_t)hello[at] + 2 + 1 + 2;
	while (at + 4 <= len) {
		size_t size = get16(hello + at + 2);

		if (get16(hello + at) == TLSEXT_TYPE_psk && at + 6 <= len)
			return (int)get16(hello + at + 4);
		at += 4 + size;
	}
	return -1;
}

static void
saw_hello(struct conn *conn, const unsigned char *hello, size_t len)
{
	if (is_retry(hello, len)) {
		conn->saw.retries++;
		return;
	}
	conn->saw.answered = 1;
	conn->saw.selected = SSL_version(conn->client) == TLS1_3_VERSION
				 ? selected_identity(hello, len)
				 : -1;
}

static void
saw_ticket(struct conn *conn, const unsigned char *message, size_t len)
{
	size_t header = SSL_is_dtls(conn->client) ? 12 : 4;

	if (SSL_version(conn->client) == TLS1_3_VERSION ||
	    (len > header + 6 && get16(message + header + 4) > 0))
		conn->saw.tickets++;
}

static void
saw_message(int written, int version, int type, const void *data, size_t len,
    SSL *ssl, void *arg)
{
	const unsigned char *bytes = data;
	struct conn *conn = arg;

	(void)version;
	(void)ssl;
	if (type == SSL3_RT_ALERT && len == 2 && bytes[0] == SSL3_AL_FATAL) {
		if (written)
			conn->saw.sent = bytes[1];
		else
			conn->saw.alert = bytes[1];
	}
	if (type != SSL3_RT_HANDSHAKE || written || len < 4)
		return;
	if (bytes[0] == SSL3_MT_SERVER_HELLO)
		saw_hello(conn, bytes, len);
	else if (bytes[0] == SSL3_MT_NEWSESSION_TICKET)
		saw_ticket(conn, bytes, len);
}

static void
set_alpn(SSL *ssl, const char *list)
{
	unsigned char wire[4096];
	size_t len = strlen(list), i, start = 0;

	assert(len < sizeof wire - 1);
	for (i = 0; i <= len; i++) {
		wire[i + 1] = (unsigned char)list[i];
		if (i == len || list[i] == ',') {
			wire[start] = (unsigned char)(i - start);
			start = i + 1;
		}
	}
	SSL_set_alpn_protos(ssl, wire, (unsigned int)len + 1);
}

static void
client_set_up(struct conn *conn)
{
	const struct visit *visit = &conn->visit;

	SSL_set_app_data(conn->client, conn);
	SSL_set_msg_callback(conn->client, saw_message);
	SSL_set_msg_callback_arg(conn->client, conn);
	SSL_set_connect_state(conn->client);
	if (visit->name)
		SSL_set_tlsext_host_name(conn->client, visit->name);
	if (visit->alpn)
		set_alpn(conn->client, visit->alpn);
	if (visit->groups)
		SSL_set1_groups_list(conn->client, visit->groups);
	if (visit->cert)
		cert_show(conn->client, (enum cert_who)visit->cert);
	if (visit->psk)
		psk_offer(conn->client, visit->psk);
}

/* A copy, because OpenSSL marks a session that it used. */
static void
client_set_session(struct conn *conn)
{
	SSL_SESSION *copy = SSL_SESSION_dup(conn->visit.session);

	SSL_set_session(conn->client, copy);
	conn->early_to_write =
	    conn->visit.early && SSL_SESSION_get_max_early_data(copy) > 0;
	SSL_SESSION_free(copy);
}

static void
bios_set(struct conn *conn)
{
	BIO *client = wire_bio(conn->wire, WIRE_CLIENT);
	BIO *server = wire_bio(conn->wire, WIRE_SERVER);

	SSL_set_bio(conn->client, client, client);
	SSL_set_bio(conn->server, server, server);
	if (SSL_is_dtls(conn->client)) {
		SSL_set_options(conn->client, SSL_OP_NO_QUERY_MTU);
		SSL_set_options(conn->server, SSL_OP_NO_QUERY_MTU);
		SSL_set_mtu(conn->client, 1400);
		SSL_set_mtu(conn->server, 1400);
	}
}

static SSL *
server_ssl(const struct visit *visit)
{
	if (!visit->on)
		return SSL_new(visit->server);
	SSL_up_ref(visit->on);
	return visit->on;
}

struct conn *
conn_new(const struct visit *visit)
{
	struct conn *conn = calloc(1, sizeof *conn);
	int version = visit->version ? visit->version : TLS1_3_VERSION;

	if (!conn)
		abort();
	conn->visit = *visit;
	conn->saw.selected = -1;
	if (!visit->client)
		conn->visit.client = client_new(version);
	conn->client = SSL_new(conn->visit.client);
	conn->server = server_ssl(visit);
	conn->wire = wire_new(version == DTLS1_2_VERSION);
	bios_set(conn);
	client_set_up(conn);
	SSL_set_accept_state(conn->server);
	if (visit->session)
		client_set_session(conn);
	conn->early_to_read = visit->early != NULL;
	if (visit->prepare)
		visit->prepare(conn, visit->arg);
	return conn;
}

static void
client_write_early(struct conn *conn)
{
	size_t written;

	SSL_write_early_data(conn->client, conn->visit.early,
	    strlen(conn->visit.early), &written);
	conn->early_to_write = 0;
}

static void
server_read_early(struct conn *conn)
{
	char buffer[256];
	size_t n = 0;
	int got;

	do {
		got = SSL_read_early_data(
		    conn->server, buffer, sizeof buffer, &n);
		if (got == SSL_READ_EARLY_DATA_SUCCESS)
			conn->early_read += n;
	} while (got == SSL_READ_EARLY_DATA_SUCCESS);
	if (got == SSL_READ_EARLY_DATA_FINISH)
		conn->early_to_read = 0;
	else if (SSL_get_error(conn->server, 0) != SSL_ERROR_WANT_READ)
		conn->failed[WIRE_SERVER] = 1;
}

static void
end_step(struct conn *conn, enum wire_end end)
{
	SSL *ssl = end == WIRE_CLIENT ? conn->client : conn->server;
	int got, error;

	ERR_clear_error();
	if (end == WIRE_CLIENT && conn->early_to_write)
		client_write_early(conn);
	if (end == WIRE_SERVER && conn->early_to_read)
		server_read_early(conn);
	if (conn->failed[end] || (end == WIRE_SERVER && conn->early_to_read))
		return;
	got = SSL_do_handshake(ssl);
	error = SSL_get_error(ssl, got);
	if (got == 1)
		conn->done[end] = 1;
	else if (error != SSL_ERROR_WANT_READ)
		conn->failed[end] = 1;
}

static void
client_deliver_rewritten(struct conn *conn)
{
	size_t len;
	unsigned char *flight = wire_take(conn->wire, WIRE_CLIENT, &len);

	conn->visit.rewrite(&flight, &len, conn->flights, conn->visit.arg);
	wire_put(conn->wire, WIRE_CLIENT, flight, len);
	free(flight);
}

/* The client answers a retry within the call that reads it, so what the test
 * wants to change must be changed before it is delivered. */
static void
server_deliver_retry(struct conn *conn)
{
	size_t len;
	unsigned char *flight = wire_take(conn->wire, WIRE_SERVER, &len);

	if (len > 5 && flight[0] == SSL3_RT_HANDSHAKE &&
	    is_retry(flight + 5, len - 5))
		conn->visit.retry(conn, conn->visit.arg);
	wire_put(conn->wire, WIRE_SERVER, flight, len);
	free(flight);
}

size_t
conn_flight(struct conn *conn, enum wire_end end)
{
	size_t pending;

	if (!conn->done[end] && !conn->failed[end])
		end_step(conn, end);
	pending = wire_pending(conn->wire, end);
	if (pending > 0 && end == WIRE_CLIENT) {
		conn->flights++;
		if (conn->visit.rewrite)
			client_deliver_rewritten(conn);
	} else if (pending > 0 && conn->visit.retry && !conn->saw.retries) {
		server_deliver_retry(conn);
	}
	wire_deliver(conn->wire, end);
	return pending;
}

static int
end_over(const struct conn *conn, enum wire_end end)
{
	return conn->done[end] || conn->failed[end];
}

void
conn_handshake(struct conn *conn)
{
	int quiet = 0, rounds = 0;

	while (quiet < 2 && rounds++ < ROUNDS) {
		size_t moved = conn_flight(conn, WIRE_CLIENT);

		moved += conn_flight(conn, WIRE_SERVER);
		quiet = moved ? 0 : quiet + 1;
		if (end_over(conn, WIRE_CLIENT) && end_over(conn, WIRE_SERVER))
			break;
	}
	conn->saw.completed = conn->done[WIRE_CLIENT];
}

void
conn_echo(struct conn *conn)
{
	char there = 'x', byte = 0, back = 0;

	ERR_clear_error();
	if (conn->done[WIRE_CLIENT])
		SSL_write(conn->client, &there, 1);
	wire_deliver(conn->wire, WIRE_CLIENT);
	if (conn->done[WIRE_SERVER] && SSL_read(conn->server, &byte, 1) == 1)
		SSL_write(conn->server, &byte, 1);
	wire_deliver(conn->wire, WIRE_SERVER);
	ERR_clear_error();
	if (conn->done[WIRE_CLIENT])
		conn->saw.echoed =
		    SSL_read(conn->client, &back, 1) == 1 && back == there;
	ERR_clear_error();
}

struct conn *
conn_open(const struct visit *visit)
{
	struct conn *conn = conn_new(visit);

	conn_handshake(conn);
	conn_echo(conn);
	return conn;
}

void
conn_restart(struct conn *conn, enum wire_end end)
{
	SSL *first = end == WIRE_CLIENT ? conn->client : conn->server;
	SSL *other = end == WIRE_CLIENT ? conn->server : conn->client;
	char byte;

	ERR_clear_error();
	SSL_do_handshake(first);
	wire_deliver(conn->wire, end);
	SSL_read(other, &byte, 1); /* so that it notices */
	wire_deliver(conn->wire, !end);
	SSL_read(first, &byte, 1); /* the answer, when all looked done */
	wire_deliver(conn->wire, end);
	conn->done[WIRE_CLIENT] = 0;
	conn->done[WIRE_SERVER] = 0;
	conn_handshake(conn);
	conn_echo(conn);
}

static void
outcome_fill(struct conn *conn)
{
	struct outcome *saw = &conn->saw;
	int i;

	saw->resumed = saw->completed && SSL_session_reused(conn->client);
	saw->early =
	    conn->visit.early &&
	    conn->early_read == strlen(conn->visit.early) &&
	    SSL_get_early_data_status(conn->client) == SSL_EARLY_DATA_ACCEPTED;
	for (i = 0; i < OUTCOME_SESSIONS && saw->sessions[i]; i++)
		saw->session = saw->sessions[i];
	if (saw->completed && SSL_version(conn->client) != TLS1_3_VERSION)
		saw->session =
		    harness_keep_session(SSL_get1_session(conn->client));
}

void
conn_break_keys(struct conn *conn, void *arg)
{
	SSL_SESSION *session = SSL_SESSION_dup(SSL_get_session(conn->client));
	unsigned char key[48];
	size_t len = SSL_SESSION_get_master_key(session, key, sizeof key);

	(void)arg;
	key[0] ^= 1;
	SSL_SESSION_set1_master_key(session, key, len);
	SSL_set_session(conn->client, session);
	SSL_SESSION_free(session);
}

struct outcome
conn_close(struct conn *conn)
{
	struct outcome saw;

	outcome_fill(conn);
	saw = conn->saw;
	if (conn->done[WIRE_CLIENT])
		SSL_shutdown(conn->client);
	wire_deliver(conn->wire, WIRE_CLIENT);
	if (conn->done[WIRE_SERVER])
		SSL_shutdown(conn->server);
	SSL_free(conn->client);
	if (conn->visit.on)
		SSL_set_bio(conn->server, NULL, NULL);
	SSL_free(conn->server);
	wire_free(conn->wire);
	free(conn);
	ERR_clear_error();
	return saw;
}

struct outcome
visit_run(const struct visit *visit)
{
	return conn_close(conn_open(visit));
}
