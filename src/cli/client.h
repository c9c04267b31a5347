/*
 * SPDX-License-Identifier: MIT
 *
 * The tour's client: one connection, one request, what it saw.
 */
#ifndef USH_CLI_CLIENT_H
#define USH_CLI_CLIENT_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct ush_client_ask {
	const char *host; /* where it connects */
	int port;
	const char *server_name; /* that it asks for (SNI) */
	int version;             /* TLS1_2_VERSION or TLS1_3_VERSION */
	SSL_SESSION *session;    /* whose ticket it offers, or NULL */
};

struct ush_client_saw {
	bool done; /* handshake and answer; if not: */
	char failure[128];
	bool resumed;
	unsigned int tickets; /* new ones, in this handshake */
	char verdict[32];     /* from the answer; "" if none was given */
	char reason[256];     /* "" if none was given */
	SSL_SESSION *session; /* for the next visit; the caller's */
};

/* Fills *saw. Certificates are not looked at: the server is our own. */
void ush_client_visit(
    const struct ush_client_ask *ask, struct ush_client_saw *saw);

/* A copy of the session with one bit of its ticket changed; the caller's.
 * NULL if it has none, or without memory. */
SSL_SESSION *ush_client_altered(SSL_SESSION *session);

#endif
