/*
 * SPDX-License-Identifier: MIT
 *
 * Client certificates for `usher test`, made when they are first asked for, by
 * a certificate authority of the process's own. One thread.
 */
#ifndef USH_CLI_CLIENTS_H
#define USH_CLI_CLIENTS_H

#include <stdbool.h>

#include <openssl/ssl.h>

struct ush_client_cert {
	struct ush_client_cert *next;
	char *name;
	long serial;
	X509 *cert;
	EVP_PKEY *key;
};

/* The certificate of the client of that name (its CN), the same one each time:
 * good from an hour before to 30 days after the moment when it was made. NULL
 * if OpenSSL can't. */
const struct ush_client_cert *ush_clients_get(const char *name);

/* Lets a server ask for one that this authority has signed. 0 or -1. */
int ush_clients_trust(SSL_CTX *ctx, int mode);

#endif
