/*
 * SPDX-License-Identifier: MIT
 *
 * The addresses of a connection, from its socket.
 */
#ifndef USH_TLS_ADDRESS_H
#define USH_TLS_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "tls/conn.h"

/* The peer's address or our own; false if the SSL has no socket to ask. */
bool ush_address_of_ssl(const SSL *ssl, bool peer, union ush_address *addr);

/* Prints an IP address (an IPv4 one mapped into IPv6 as IPv4) and returns the
 * port; -1 if it is another kind of address. */
int ush_address_print(const union ush_address *addr, char *text, size_t cap);

#endif
