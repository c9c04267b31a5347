/*
 * SPDX-License-Identifier: MIT
 *
 * Certificates made on the spot (EC P-256, self-signed), once per process.
 */
#ifndef TESTS_TLS_CERT_H
#define TESTS_TLS_CERT_H

#include <openssl/ssl.h>

enum cert_who {
	CERT_SERVER, /* CN=server.example, serial 1 */
	CERT_CLIENT, /* CN=client.example, O=Tests, serial 4711 */
	CERT_OTHER   /* CN=other.example, serial 4712: a second client */
};

/* The certificate, owned by this module. Safe from any thread. */
X509 *cert_get(enum cert_who who);

/* Lets ctx show this certificate. */
void cert_use(SSL_CTX *ctx, enum cert_who who);
/* The same for one connection. */
void cert_show(SSL *ssl, enum cert_who who);

/* Lets ctx trust the clients' certificates and ask for one (it may come or
 * not: mode is SSL_VERIFY_PEER, perhaps with more bits). */
void cert_ask(SSL_CTX *ctx, int mode);

#endif
