/*
 * SPDX-License-Identifier: MIT
 *
 * The server that fuzz_hello attacks, and whose tickets its seeds hold: ticket
 * keys are fixed, so that every process decrypts them.
 */
#ifndef TESTS_FUZZ_SERVER_H
#define TESTS_FUZZ_SERVER_H

#include <stddef.h>

#include <openssl/ssl.h>

/* A server of TLS 1.2 and 1.3 with a policy that reads every fact, and aborts
 * the process if the script fails or a server name is not as it should be.
 * One per process, kept. */
SSL_CTX *server_with_policy(void);

/* The same without a policy; tickets made until the next call have these bytes
 * as their app data. One per process, kept. */
SSL_CTX *server_minting(const void *app_data, size_t len);

#endif
