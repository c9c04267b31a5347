/*
 * SPDX-License-Identifier: MIT
 *
 * The certificate of `usher serve`: files, or a pair made on the spot.
 */
#ifndef USH_CLI_CERT_H
#define USH_CLI_CERT_H

#include <openssl/ssl.h>

/* Gives ctx a fresh key and a self-signed certificate for localhost, the
 * loopback addresses and *.example, good for a month. 0, or -1 with OpenSSL's
 * error queue saying why. */
int ush_cert_make(SSL_CTX *ctx);

/* Gives ctx what is in two PEM files; key NULL: both are in `cert`. 0, or -1
 * with a message on standard error. */
int ush_cert_load(SSL_CTX *ctx, const char *cert, const char *key);

#endif
