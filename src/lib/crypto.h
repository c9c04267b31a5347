/*
 * SPDX-License-Identifier: MIT
 *
 * What the library needs of libcrypto: random bytes and digests. Leaves the
 * error queue as it was. Any thread.
 */
#ifndef USH_LIB_CRYPTO_H
#define USH_LIB_CRYPTO_H

#include <stddef.h>

enum { USH_SHA256_LEN = 32 };

/*
 * Fills buf with random bytes of OpenSSL's generator, RAND_bytes(3). Small
 * requests come out of a pool of the thread, since a call of the generator
 * costs more than a whole policy; a forked child never uses its parent's.
 * Returns -1 if the generator fails; buf is then zeroed.
 */
int ush_random(void *buf, size_t len);

/* SHA-256 of a string. -1 if libcrypto fails; out is then zeroed. */
int ush_sha256(const void *p, size_t len, unsigned char out[USH_SHA256_LEN]);

/* HMAC with SHA-256 (RFC 2104). -1 if libcrypto fails; out is then zeroed. */
int ush_hmac_sha256(const void *key, size_t key_len, const void *p, size_t len,
    unsigned char out[USH_SHA256_LEN]);

/*
 * For a thread of the library's own, first and last in it: in between, fork(2)
 * in other threads waits until this one is not inside libcrypto by one of the
 * functions above. Else a child could find a lock of libcrypto's held for ever.
 */
void ush_crypto_background_begin(void);
void ush_crypto_background_end(void);

/* Writes 2 * len hex digits in lower case, and a NUL. */
void ush_hex(char *out, const unsigned char *p, size_t len);

#endif
