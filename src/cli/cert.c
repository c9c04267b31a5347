/*
 * SPDX-License-Identifier: MIT
 *
 * The certificate of `usher serve`: files, or a pair made on the spot.
 */
#include "cli/cert.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "cli/cli.h"

enum { SECONDS_VALID = 30 * 24 * 60 * 60 };

static const char names[] = "DNS:localhost,DNS:shop.example,DNS:admin.example,"
			    "DNS:*.example,IP:127.0.0.1,IP:::1";

static int
add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	int result = -1;

	if (extension && X509_add_ext(cert, extension, -1) == 1)
		result = 0;
	X509_EXTENSION_free(extension);
	return result;
}

/* Its own issuer, with a random serial number of 63 bits. */
static int
name_it(X509 *cert)
{
	X509_NAME *name = X509_get_subject_name(cert);
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1 ||
	    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) !=
		1)
		return -1;
	if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		(const unsigned char *)"localhost", -1, -1, 0) != 1 ||
	    X509_set_issuer_name(cert, name) != 1)
		return -1;
	return 0;
}

static X509 *
self_signed(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	if (cert && X509_set_version(cert, X509_VERSION_3) == 1 &&
	    name_it(cert) == 0 &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -60) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), SECONDS_VALID) &&
	    X509_set_pubkey(cert, key) == 1 &&
	    add_extension(cert, NID_subject_alt_name, names) == 0 &&
	    add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") ==
		0 &&
	    X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

int
ush_cert_make(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? self_signed(key) : NULL;
	int result = -1;

	if (cert && SSL_CTX_use_certificate(ctx, cert) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, key) == 1)
		result = 0;
	X509_free(cert);
	EVP_PKEY_free(key);
	return result;
}

/* Why a file was not taken: the system's reason, or OpenSSL's. */
static int
refuse(const char *option, const char *file)
{
	if (access(file, R_OK) != 0)
		return ush_cli_fail(
		    -1, "serve: %s %s: %s", option, file, strerror(errno));
	return ush_cli_fail(-1,
	    "serve: %s %s: %s; it takes a PEM file, and the key has to fit "
	    "the certificate",
	    option, file, ERR_reason_error_string(ERR_peek_last_error()));
}

int
ush_cert_load(SSL_CTX *ctx, const char *cert, const char *key)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return refuse("--cert", cert);
	if (SSL_CTX_use_PrivateKey_file(
		ctx, key ? key : cert, SSL_FILETYPE_PEM) != 1)
		return refuse(key ? "--key" : "--cert", key ? key : cert);
	return 0;
}
