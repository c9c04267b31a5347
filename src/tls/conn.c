/*
 * SPDX-License-Identifier: MIT
 *
 * Where a handshake begins. OpenSSL tells nobody, and keeps ex_data through
 * SSL_clear and renegotiation. Neither random value does alone: the client's
 * is the client's to repeat, the server's is zero until a ServerHello (or a
 * HelloRetryRequest) has been made, and of the handshake before during a
 * renegotiation. (Their first half is enough.) So:
 *
 *	decrypt	It is the handshake that was begun, if this ClientHello comes
 *		from the same BIO (we hold a reference, so that it can't be
 *		another one at the same address) and either nothing has been
 *		read since (another identity of one hello), or the server
 *		random shows that a retry was asked for, no Finished has been
 *		sent, and the client random is the same.
 *	generate It is the same one if the server random is the one seen at its
 *		first ticket; at the first ticket, if BIO and client random are
 *		those that decrypt saw. (In TLS 1.2 decrypt comes before.)
 */
#include "tls/conn.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>

#include "tls/decide.h"
#include "tls/since.h"

static int ssl_index = -1;
static ush_conn_end_fn on_end;

static void
session_drop(struct ush_handshake *now)
{
	SSL_SESSION_free(now->session);
	if (now->carried != now->room)
		free(now->carried);
	now->session = NULL;
	now->carried = NULL;
	now->carried_len = 0;
}

static void
leave(struct ush_handshake *now)
{
	if (now->generation)
		ush_pool_forget(now->generation);
	if (now->generation_beside)
		ush_pool_forget(now->generation_beside);
	now->generation = now->generation_beside = 0;
	now->gone = now->canary = false;
}

void
ush_conn_leave(struct ush_conn *conn)
{
	leave(&conn->now);
}

static void
handshake_init(struct ush_handshake *now)
{
	memset(now, 0, offsetof(struct ush_handshake, memory.verdict));
}

static void
handshake_end(struct ush_handshake *now)
{
	leave(now);
	if (now->beside)
		ush_beside_free(now->beside);
	session_drop(now);
	free(now->written.string);
	free(now->host);
	free(now->reason);
	BIO_free(now->bio);
	handshake_init(now);
}

static void
conn_free(struct ush_conn *conn)
{
	handshake_end(&conn->now);
	ush_vars_clear(&conn->vars, USH_VARS_PENDING);
	ush_vars_clear(&conn->vars, USH_VARS_SCRIPT);
	ush_vars_clear(&conn->vars, USH_VARS_HOST);
	free(conn);
}

static void
on_ssl_free(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int index, long argl,
    void *argp)
{
	(void)ad, (void)index, (void)argl, (void)argp;
	if (on_end)
		on_end(parent, ptr);
	if (ptr)
		conn_free(ptr);
}

static struct ush_conn *
conn_new(void)
{
	static _Thread_local uint64_t numbers;
	struct ush_conn *conn = malloc(sizeof *conn);

	if (!conn)
		return NULL;
	memset(&conn->vars, 0, sizeof conn->vars);
	conn->number = ++numbers;
	conn->shard = ush_pool_shard();
	conn->has_peer = false;
	conn->watching = false;
	conn->host_info = conn->first_info = NULL;
	handshake_init(&conn->now);
	return conn;
}

/* A copy made by SSL_dup is a connection of its own. But it has the info
 * callback: where that is ours, it has to know the host's, too. */
static int
on_ssl_dup(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **from_d,
    int index, long argl, void *argp)
{
	const struct ush_conn *conn = *from_d;
	struct ush_conn *copy = NULL;

	(void)to, (void)from, (void)index, (void)argl, (void)argp;
	if (conn && conn->watching)
		copy = conn_new();
	if (copy) {
		copy->watching = true;
		copy->host_info = conn->host_info;
		copy->first_info = conn->first_info;
	}
	*from_d = copy;
	return 1;
}

int
ush_conn_init(void)
{
	ssl_index = CRYPTO_get_ex_new_index(
	    CRYPTO_EX_INDEX_SSL, 0, NULL, NULL, on_ssl_dup, on_ssl_free);
	return ssl_index >= 0 ? ush_since_init() : -1;
}

void
ush_conn_on_end(ush_conn_end_fn fn)
{
	on_end = fn;
}

struct ush_conn *
ush_conn_get(const SSL *ssl)
{
	return ssl_index >= 0 ? SSL_get_ex_data(ssl, ssl_index) : NULL;
}

struct ush_conn *
ush_conn_need(SSL *ssl)
{
	struct ush_conn *conn = ush_conn_get(ssl);

	if (conn || ssl_index < 0)
		return conn;
	conn = conn_new();
	if (conn && SSL_set_ex_data(ssl, ssl_index, conn) != 1) {
		free(conn);
		return NULL;
	}
	return conn;
}

static void
begin(struct ush_conn *conn, SSL *ssl)
{
	/* What a handshake before declined, and no generate put back. */
	if (conn->now.early_data_declined)
		SSL_set_max_early_data(ssl, conn->now.max_early_data);
	if (conn->now.begun) {
		ush_decide_outcome(conn, false);
		handshake_end(&conn->now);
	}
	ush_vars_clear(&conn->vars, USH_VARS_SCRIPT);
	conn->now.begun = true;
}

/* Without a BIO (or a reference to it), the next ClientHello counts as another
 * handshake's, which is the safe side. */
static void
hold_bio(struct ush_handshake *now, BIO *bio)
{
	if (!bio || BIO_up_ref(bio) != 1)
		return;
	now->bio = bio;
	now->bytes_read = BIO_number_read(bio);
}

static bool
is_held(const struct ush_handshake *now, const BIO *bio)
{
	return bio && now->bio == bio;
}

/* Has a HelloRetryRequest been sent in the handshake that runs now? */
static bool
is_retry(const SSL *ssl)
{
	uint64_t random[USH_RANDOM_LEN / sizeof(uint64_t)] = {0};
	char finished;

	SSL_get_server_random(ssl, (unsigned char *)random, sizeof random);
	return (random[0] | random[1]) != 0 &&
	       SSL_get_finished(ssl, &finished, sizeof finished) == 0;
}

/* A handshake of before, by the same BIO, is none that a retry goes on with:
 * its random values were others, or it had got as far as tickets. */
static bool
is_retry_of(const struct ush_handshake *now, const SSL *ssl)
{
	unsigned char client_random[USH_RANDOM_LEN];

	SSL_get_client_random(ssl, client_random, sizeof client_random);
	return !now->has_server_random &&
	       memcmp(now->client_random, client_random,
		   sizeof client_random) == 0;
}

struct ush_conn *
ush_conn_decrypt(SSL *ssl)
{
	struct ush_conn *conn = ush_conn_need(ssl);
	BIO *bio = SSL_get_rbio(ssl);
	bool retry = is_retry(ssl);

	if (!conn)
		return NULL;
	if (!is_held(&conn->now, bio) ||
	    (retry ? !is_retry_of(&conn->now, ssl)
		   : conn->now.bytes_read != BIO_number_read(bio))) {
		begin(conn, ssl);
		hold_bio(&conn->now, bio);
	}
	if (retry != conn->now.retry) {
		conn->now.retry = retry;
		conn->now.bytes_read = BIO_number_read(bio);
	}
	SSL_get_client_random(
	    ssl, conn->now.client_random, sizeof conn->now.client_random);
	return conn;
}

static bool
is_same_random(struct ush_handshake *now, const SSL *ssl,
    const unsigned char server_random[USH_RANDOM_LEN])
{
	unsigned char client_random[USH_RANDOM_LEN];

	if (now->has_server_random)
		return memcmp(now->server_random, server_random,
			   USH_RANDOM_LEN) == 0;
	SSL_get_client_random(ssl, client_random, sizeof client_random);
	return memcmp(now->client_random, client_random,
		   sizeof client_random) == 0;
}

struct ush_conn *
ush_conn_generate(SSL *ssl)
{
	struct ush_conn *conn = ush_conn_need(ssl);
	unsigned char random[USH_RANDOM_LEN] = {0};
	struct ush_handshake *now;

	if (!conn)
		return NULL;
	now = &conn->now;
	SSL_get_server_random(ssl, random, sizeof random);
	if (!now->begun || !is_same_random(now, ssl, random) ||
	    (!now->has_server_random && !is_held(now, SSL_get_rbio(ssl)))) {
		begin(conn, ssl);
		SSL_get_client_random(
		    ssl, now->client_random, sizeof now->client_random);
	}
	memcpy(now->server_random, random, sizeof random);
	now->has_server_random = true;
	return conn;
}

/* The same place in a copy of the bytes. */
static const void *
moved(const void *p, const void *from, const void *to)
{
	return p ? (const char *)to + ((const char *)p - (const char *)from)
		 : NULL;
}

int
ush_conn_set_session(struct ush_conn *conn, SSL_SESSION *session,
    const void *app_data, size_t len, enum ush_envelope_kind kind)
{
	struct ush_handshake *now = &conn->now;
	struct ush_envelope *e = &now->envelope;

	session_drop(now);
	if (!session)
		return 0;
	now->carried = len <= sizeof now->room ? now->room : malloc(len);
	if (!now->carried || SSL_SESSION_up_ref(session) != 1) {
		session_drop(now);
		return -1;
	}
	now->session = session;
	now->carried_len = len;
	now->kind = kind;
	if (len > 0)
		memcpy(now->carried, app_data, len);
	if (kind != USH_ENVELOPE)
		return 0;
	e->server_name = moved(e->server_name, app_data, now->carried);
	e->policy = moved(e->policy, app_data, now->carried);
	e->host = moved(e->host, app_data, now->carried);
	e->data = moved(e->data, app_data, now->carried);
	return 0;
}
