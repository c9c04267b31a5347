/*
 * SPDX-License-Identifier: MIT
 *
 * OpenSSL's two ticket callbacks in plain C, with answers that a test chooses
 * and a note of what they saw. No Usher.
 */
#ifndef TESTS_TLS_PLAIN_H
#define TESTS_TLS_PLAIN_H

#include <stddef.h>

#include <openssl/ssl.h>

#define PLAIN_DEFAULT 1000 /* an answer: whatever changes nothing */

struct plain {
	/* What to do. */
	int answer;     /* of dec_cb */
	int gen_answer; /* of gen_cb */
	void (*in_dec)(SSL *ssl, SSL_SESSION *session);
	void (*in_gen)(SSL *ssl, SSL_SESSION *session);
	/* What was seen. */
	int gen_runs;
	int dec_runs;
	int status;
	size_t name_len;
	int names_seen;
	int extensions_seen;
	int randoms_seen;
	char data[64];
	size_t data_len;
};

extern struct plain plain;

/* Default answers, nothing seen. arg is not used. */
void plain_reset(void *arg);

/* The harness's server with both callbacks, after plain_reset. */
SSL_CTX *plain_server(int version);

/* For in_dec and in_gen: notes the first bytes of the app data. */
void plain_read_data(SSL *ssl, SSL_SESSION *session);

#endif
