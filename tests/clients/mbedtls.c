/*
 * SPDX-License-Identifier: MIT
 *
 * mbedTLS (2.28: TLS 1.2 only): three visits, see run.sh. It says nowhere that
 * a session was resumed, but then the server's certificate did not come.
 */
#include <stdio.h>
#include <string.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>

static mbedtls_ssl_config config;
static mbedtls_ssl_session session;
static int have_session, asked;

/* Runs when a certificate has come. */
static int
on_certificate(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	(void)arg, (void)cert, (void)depth, (void)flags;
	asked = 1;
	return 0;
}

static const char *
talk(mbedtls_ssl_context *ssl)
{
	static const unsigned char get[] = "GET / HTTP/1.0\r\n\r\n";
	unsigned char bytes[1024];
	int n;

	asked = 0;
	if (mbedtls_ssl_handshake(ssl) != 0)
		return "failed";
	mbedtls_ssl_write(ssl, get, sizeof(get) - 1);
	while ((n = mbedtls_ssl_read(ssl, bytes, sizeof(bytes))) > 0)
		;
	mbedtls_ssl_session_free(&session);
	mbedtls_ssl_session_init(&session);
	have_session = mbedtls_ssl_get_session(ssl, &session) == 0;
	if (n != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
		return "cut";
	return asked ? "full" : "resumed";
}

static const char *
visit(const char *port, const char *name)
{
	mbedtls_net_context net;
	mbedtls_ssl_context ssl;
	const char *result = "failed";

	mbedtls_net_init(&net);
	mbedtls_ssl_init(&ssl);
	if (mbedtls_net_connect(
		&net, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP) == 0 &&
	    mbedtls_ssl_setup(&ssl, &config) == 0 &&
	    mbedtls_ssl_set_hostname(&ssl, name) == 0 &&
	    (!have_session || mbedtls_ssl_set_session(&ssl, &session) == 0)) {
		mbedtls_ssl_set_bio(
		    &ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
		result = talk(&ssl);
	}
	mbedtls_ssl_free(&ssl);
	mbedtls_net_free(&net);
	return result;
}

int
main(int argc, char **argv)
{
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context random;

	if (argc != 3)
		return 2;
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&random);
	mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0);
	mbedtls_ssl_session_init(&session);
	mbedtls_ssl_config_init(&config);
	mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT,
	    MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
	mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_verify(&config, on_certificate, NULL);
	mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
	puts(visit(argv[1], "shop.example"));
	puts(visit(argv[1], "shop.example"));
	puts(visit(argv[1], "admin.example"));
	return 0;
}
