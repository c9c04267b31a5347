/*
 * SPDX-License-Identifier: MIT
 *
 * Certificates for the tests: made on first use, kept until the process ends.
 */
#include "cert.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

struct identity {
	const char *cn;
	const char *o;
	long serial;
	EVP_PKEY *key;
	X509 *cert;
};

static struct identity identities[] = {
    [CERT_SERVER] = {.cn = "server.example", .serial = 1},
    [CERT_CLIENT] = {.cn = "client.example", .o = "Tests", .serial = 4711},
    [CERT_OTHER] = {.cn = "other.example", .serial = 4712},
};
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
name_add(X509_NAME *name, const char *field, const char *value)
{
	if (value && !X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
			 (const unsigned char *)value, -1, -1, 0))
		abort();
}

static void
identity_make(struct identity *identity)
{
	X509_NAME *name = X509_NAME_new();
	X509 *cert = X509_new();

	identity->key = EVP_EC_gen("P-256");
	if (!identity->key || !cert || !name)
		abort();
	name_add(name, "O", identity->o);
	name_add(name, "CN", identity->cn);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), identity->serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 7L * 86400);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, identity->key);
	if (!X509_sign(cert, identity->key, EVP_sha256()))
		abort();
	X509_NAME_free(name);
	identity->cert = cert;
}

static void
identities_make(void)
{
	size_t i;

	for (i = 0; i < sizeof identities / sizeof *identities; i++)
		identity_make(&identities[i]);
}

static const struct identity *
identity_get(enum cert_who who)
{
	pthread_once(&once, identities_make);
	return &identities[who];
}

X509 *
cert_get(enum cert_who who)
{
	return identity_get(who)->cert;
}

void
cert_use(SSL_CTX *ctx, enum cert_who who)
{
	const struct identity *identity = identity_get(who);

	if (SSL_CTX_use_certificate(ctx, identity->cert) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, identity->key) != 1)
		abort();
}

void
cert_show(SSL *ssl, enum cert_who who)
{
	const struct identity *identity = identity_get(who);

	if (SSL_use_certificate(ssl, identity->cert) != 1 ||
	    SSL_use_PrivateKey(ssl, identity->key) != 1)
		abort();
}

void
cert_ask(SSL_CTX *ctx, int mode)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);

	if (!X509_STORE_add_cert(store, cert_get(CERT_CLIENT)) ||
	    !X509_STORE_add_cert(store, cert_get(CERT_OTHER)))
		abort();
	SSL_CTX_set_verify(ctx, mode, NULL);
}
