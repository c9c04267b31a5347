/*
 * SPDX-License-Identifier: MIT
 *
 * Surgery on a client's saved session: the same one with another ticket.
 */
#ifndef TESTS_TLS_SESSION_H
#define TESTS_TLS_SESSION_H

#include <stddef.h>

#include <openssl/ssl.h>

/* A copy whose ticket is these bytes (at least one). The harness owns it. */
SSL_SESSION *session_with_ticket(
    const SSL_SESSION *session, const void *ticket, size_t len);

/* A copy whose ticket has one bit changed in the byte at this offset; negative
 * counts from the end. */
SSL_SESSION *session_altered(const SSL_SESSION *session, long offset);

/* A copy whose ticket has only the first `len` bytes. */
SSL_SESSION *session_short(const SSL_SESSION *session, size_t len);

#endif
