/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` keeps about one connection: the app data that its ticket
 * brought. They have to be taken in mid-handshake, because the tickets that
 * the handshake then makes replace them in the session.
 */
#ifndef USH_CLI_VISIT_H
#define USH_CLI_VISIT_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

struct ush_visit {
	bool seen;           /* a session was resumed, and this is from it: */
	unsigned char *data; /* owned; NULL if it had none */
	size_t len;
};

/* Before the first connection. 0, or -1 if OpenSSL can't. */
int ush_visit_init(SSL_CTX *ctx);

/* For each new SSL of that context. It is freed with the SSL. 0 or -1. */
int ush_visit_begin(SSL *ssl);

/* Owned by the SSL; NULL if there was no ush_visit_begin. */
const struct ush_visit *ush_visit_get(const SSL *ssl);

#endif
