/*
 * SPDX-License-Identifier: MIT
 *
 * When the full handshake began that a session is of.
 */
#ifndef USH_TLS_SINCE_H
#define USH_TLS_SINCE_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

/* The index for ex_data. 0, or -1 if OpenSSL has none to give. Once. */
int ush_since_init(void);

/* Seconds since 1970, of a session that a handshake has made (one that came
 * out of a ticket is as old as its decryption). False: not known. */
bool ush_since(const SSL_SESSION *session, int64_t *time);

#endif
