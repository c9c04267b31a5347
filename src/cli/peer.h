/*
 * SPDX-License-Identifier: MIT
 *
 * Who is at the other end of a connection, and which server they asked for.
 */
#ifndef USH_CLI_PEER_H
#define USH_CLI_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

enum { USH_PEER_TEXT = 64 };

/* "192.0.2.1:4433" or "[2001:db8::1]:4433", or "-". */
void ush_peer_text(SSL *ssl, char text[USH_PEER_TEXT]);

/* The server name (SNI), any bytes at all, as long as the SSL; NULL if there is
 * none. `early`: inside the decrypt callback, where only the ClientHello has
 * it. */
const char *ush_peer_server_name(SSL *ssl, bool early, size_t *len);

#endif
