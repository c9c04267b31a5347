/*
 * SPDX-License-Identifier: MIT
 *
 * External PSKs in TLS 1.3: one fixed key under a chosen identity.
 */
#ifndef TESTS_TLS_PSK_H
#define TESTS_TLS_PSK_H

#include <openssl/ssl.h>

/* Lets this client offer the key, beside the ticket if it has one. The
 * identity outlives it. */
void psk_offer(SSL *client, const char *identity);

/* Lets the server accept it. One identity per process. */
void psk_accept(SSL_CTX *server, const char *identity);

#endif
