/*
 * SPDX-License-Identifier: MIT
 *
 * The lists a ClientHello offered, as far as OpenSSL still has them in either
 * callback.
 */
#ifndef USH_TLS_LISTS_H
#define USH_TLS_LISTS_H

#include <stdbool.h>

#include <openssl/ssl.h>

#include "facts/facts.h"
#include "lib/crypto.h"

/* Fills all four lists; what can't be read has n == -1. */
void ush_lists_read(SSL *ssl, bool generate, struct ush_hello *hello);

/* A digest of these lists and of the ALPN protocols, in dec_cb, without what
 * a second ClientHello may change (RFC 8446, section 4.1.2). -1 if there is
 * no memory for it. */
int ush_lists_digest(SSL *ssl, unsigned char digest[USH_SHA256_LEN]);

#endif
