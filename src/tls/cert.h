/*
 * SPDX-License-Identifier: MIT
 *
 * What scripts read of a certificate.
 */
#ifndef USH_TLS_CERT_H
#define USH_TLS_CERT_H

#include <openssl/x509.h>

#include "facts/facts.h"

/* A certificate's facts, with the memory they lie in. */
struct ush_cert_text {
	struct ush_cert cert;
	char subject[1024], issuer[1024]; /* longer names are not there */
	char serial[2 * 64 + 2];
	char sha256[2 * 32 + 1];
};

/* Reads a certificate. Leaves the error queue as it was. */
void ush_cert_read(X509 *x509, struct ush_cert_text *out);

#endif
