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

enum { USH_LISTS_ROOM = 256 };

/* Where what OpenSSL has of a list is written out; one that has no room there
 * is not there. */
struct ush_lists {
	struct ush_hello hello;
	unsigned char groups[2 * USH_LISTS_ROOM];
	unsigned char signatures[2 * USH_LISTS_ROOM];
	unsigned char extensions[2 * USH_LISTS_ROOM];
};

/* Fills all four lists: whole, or p == NULL if one can't be read. */
void ush_lists_read(SSL *ssl, bool generate, struct ush_lists *lists);

/* A digest of the ClientHello in dec_cb: of the bytes of its ciphers and of all
 * its extensions that OpenSSL shows, but those that a second one may change
 * (RFC 8446, section 4.1.2). -1 if it can't be had. */
int ush_lists_digest(SSL *ssl, unsigned char digest[USH_SHA256_LEN]);

#endif
