/*
 * SPDX-License-Identifier: MIT
 *
 * Ticket keys of a server's SSL_CTX: OpenSSL's own random ones, fixed ones that
 * several contexts or processes share, and the two forms of ticket key callback
 * with an answer that the test chooses.
 */
#ifndef TESTS_TLS_KEYS_H
#define TESTS_TLS_KEYS_H

#include <openssl/ssl.h>

enum keys_form {
	KEYS_DEFAULT, /* no callback */
	KEYS_OLD,     /* SSL_CTX_set_tlsext_ticket_key_cb */
	KEYS_EVP      /* SSL_CTX_set_tlsext_ticket_key_evp_cb */
};

#define KEYS_NAME "usher test keys!" /* 16 bytes, what a callback names */

/* Gives ctx keys that all contexts with the same seed have. */
void keys_fix(SSL_CTX *ctx, unsigned char seed);

/* Gives ctx a ticket key callback (KEYS_DEFAULT: none). It encrypts with fixed
 * keys and answers keys_set_answer's value when it decrypts. */
void keys_install(SSL_CTX *ctx, enum keys_form form);

/* What every callback of the process answers from now on when a ticket is to
 * be decrypted: 1 (the default), 2, 0, or negative. */
void keys_set_answer(int answer);

#endif
