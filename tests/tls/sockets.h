/*
 * SPDX-License-Identifier: MIT
 *
 * Visits over TCP, for what only a socket knows: addresses and ports.
 */
#ifndef TESTS_TLS_SOCKETS_H
#define TESTS_TLS_SOCKETS_H

#include "harness.h"

extern int sockets[2]; /* the client's, the server's */

/* Connects the two on this machine, by an IPv4 address of its (127.0.0.x).
 * They don't block. */
void sockets_connect(const char *address);
void sockets_close(void);

/* As a visit's `prepare`: its connection uses them. */
void sockets_use(struct conn *conn, void *arg);

#endif
