/*
 * SPDX-License-Identifier: MIT
 *
 * Who is at the other end of a connection, and which server they asked for, as
 * text that is safe to print.
 */
#ifndef USH_CLI_PEER_H
#define USH_CLI_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

enum { USH_PEER_TEXT = 64 };

/* "192.0.2.1:4433" or "[2001:db8::1]:4433", or "-". */
void ush_peer_text(SSL *ssl, char text[USH_PEER_TEXT]);

/* The server name (SNI), escaped; "" if there is none. `early`: inside the
 * decrypt callback, where only the ClientHello has it. */
void ush_peer_server_name(SSL *ssl, bool early, char *text, size_t cap);

#endif
