/*
 * SPDX-License-Identifier: MIT
 *
 * The harness's contexts and sessions: made here, kept in one pool, and freed
 * together when a test ends.
 */
#include "harness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cert.h"
#include "psk.h"

#define POOL_MAX 16384

static struct {
	pthread_mutex_t lock;
	SSL_CTX *contexts[POOL_MAX];
	SSL_SESSION *sessions[POOL_MAX];
	size_t n_contexts;
	size_t n_sessions;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
harness_keep_ctx(SSL_CTX *ctx)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.n_contexts == POOL_MAX)
		abort();
	pool.contexts[pool.n_contexts++] = ctx;
	pthread_mutex_unlock(&pool.lock);
}

SSL_SESSION *
harness_keep_session(SSL_SESSION *session)
{
	pthread_mutex_lock(&pool.lock);
	if (pool.n_sessions == POOL_MAX)
		abort();
	pool.sessions[pool.n_sessions++] = session;
	pthread_mutex_unlock(&pool.lock);
	return session;
}

void
harness_drop_ctx(SSL_CTX *ctx)
{
	size_t i;

	pthread_mutex_lock(&pool.lock);
	for (i = pool.n_contexts; i > 0 && pool.contexts[i - 1] != ctx; i--)
		;
	if (i > 0)
		pool.contexts[i - 1] = pool.contexts[--pool.n_contexts];
	pthread_mutex_unlock(&pool.lock);
	if (i > 0)
		SSL_CTX_free(ctx);
}

static void
drop_session(SSL_SESSION *session)
{
	size_t i;

	pthread_mutex_lock(&pool.lock);
	for (i = pool.n_sessions; i > 0 && pool.sessions[i - 1] != session; i--)
		;
	if (i > 0)
		pool.sessions[i - 1] = pool.sessions[--pool.n_sessions];
	pthread_mutex_unlock(&pool.lock);
	if (i > 0)
		SSL_SESSION_free(session);
}

void
harness_drop_sessions(struct outcome *saw)
{
	for (int i = 0; i < OUTCOME_SESSIONS; i++) {
		if (saw->sessions[i] == saw->session)
			saw->session = NULL;
		if (saw->sessions[i])
			drop_session(saw->sessions[i]);
		saw->sessions[i] = NULL;
	}
	if (saw->session)
		drop_session(saw->session);
	saw->session = NULL;
}

void
harness_drop_all_sessions(void)
{
	while (pool.n_sessions > 0)
		SSL_SESSION_free(pool.sessions[--pool.n_sessions]);
}

void
harness_clear(void)
{
	harness_drop_all_sessions();
	while (pool.n_contexts > 0)
		SSL_CTX_free(pool.contexts[--pool.n_contexts]);
}

static SSL_CTX *
context_new(const SSL_METHOD *method, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	int least = version ? version : TLS1_2_VERSION;
	int most = version ? version : TLS1_3_VERSION;

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, least) ||
	    !SSL_CTX_set_max_proto_version(ctx, most))
		abort();
	return ctx;
}

SSL_CTX *
server_new(int version)
{
	const SSL_METHOD *method = version == DTLS1_2_VERSION
				       ? DTLS_server_method()
				       : TLS_server_method();
	SSL_CTX *ctx = context_new(method, version);

	cert_use(ctx, CERT_SERVER);
	SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"test", 4);
	harness_keep_ctx(ctx);
	return ctx;
}

static int
choose_first(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	(void)ssl;
	(void)inlen;
	(void)arg;
	*out = in + 1;
	*outlen = in[0];
	return SSL_TLSEXT_ERR_OK;
}

void
server_alpn(SSL_CTX *ctx)
{
	SSL_CTX_set_alpn_select_cb(ctx, choose_first, NULL);
}

static int
switch_context(SSL *ssl, int *alert, void *arg)
{
	(void)alert;
	if (arg)
		SSL_set_SSL_CTX(ssl, arg);
	return SSL_TLSEXT_ERR_OK;
}

void
server_switch(SSL_CTX *ctx, SSL_CTX *to)
{
	SSL_CTX_set_tlsext_servername_callback(ctx, switch_context);
	SSL_CTX_set_tlsext_servername_arg(ctx, to);
}

void
server_early(SSL_CTX *ctx, unsigned int max)
{
	SSL_CTX_set_max_early_data(ctx, max);
	SSL_CTX_set_recv_max_early_data(ctx, max);
	SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
}

void
server_psk(SSL_CTX *ctx, const char *identity)
{
	psk_accept(ctx, identity);
}

void
server_retry(SSL_CTX *ctx)
{
	SSL_CTX_set1_groups_list(ctx, "P-384");
}

static int
keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	struct conn *conn = SSL_get_app_data(ssl);
	int i = 0;

	if (SSL_version(ssl) != TLS1_3_VERSION)
		return 0;
	while (i < OUTCOME_SESSIONS && conn->saw.sessions[i])
		i++;
	if (i == OUTCOME_SESSIONS)
		return 0;
	conn->saw.sessions[i] = harness_keep_session(session);
	return 1;
}

SSL_CTX *
client_new(int version)
{
	const SSL_METHOD *method = version == DTLS1_2_VERSION
				       ? DTLS_client_method()
				       : TLS_client_method();
	SSL_CTX *ctx = context_new(method, version);

	SSL_CTX_set_session_cache_mode(
	    ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	harness_keep_ctx(ctx);
	return ctx;
}
