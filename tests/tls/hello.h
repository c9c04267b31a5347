/*
 * SPDX-License-Identifier: MIT
 *
 * ClientHello surgery: a client's flight with PSK identities of our choosing.
 * The client's transcript is then wrong, so such a handshake never completes;
 * what the server answered (a ServerHello, with which identity, or an alert)
 * is what a test can look at.
 */
#ifndef TESTS_TLS_HELLO_H
#define TESTS_TLS_HELLO_H

#include <stddef.h>

#include <openssl/ssl.h>

struct hello_identity {
	const unsigned char *bytes;
	size_t len;
	/* A right binder is computed for this session; NULL: zeros. */
	const SSL_SESSION *session;
};

/*
 * Replaces the pre_shared_key extension of the TLS 1.3 ClientHello that *flight
 * (malloc'd, whole records) starts with. Bytes around the hello stay.
 * binders 0: an empty list of binders. What does not fit the format aborts.
 */
void hello_set_identities(unsigned char **flight, size_t *len,
    const struct hello_identity *identities, size_t n, int binders);

/* Puts a list of cipher suites in place of the one in the ClientHello that
 * *flight starts with. */
void hello_set_ciphers(
    unsigned char **flight, size_t *len, const void *list, size_t n);

/* The same for an extension's body; one that was not there comes first. */
void hello_set_extension(unsigned char **flight, size_t *len, unsigned int type,
    const void *body, size_t n);

/* The session's ticket as an identity with its binder. */
struct hello_identity hello_identity_of(const SSL_SESSION *session);

#endif
