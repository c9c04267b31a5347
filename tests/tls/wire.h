/*
 * SPDX-License-Identifier: MIT
 *
 * A wire in memory between one client and one server. What an end writes stays
 * in its outbox until the test delivers it, so that a test can look at it,
 * change it, or stop half-way. Streams and datagrams.
 */
#ifndef TESTS_TLS_WIRE_H
#define TESTS_TLS_WIRE_H

#include <stddef.h>

#include <openssl/bio.h>

enum wire_end { WIRE_CLIENT, WIRE_SERVER };

struct wire;

/* datagrams: what was written in one piece is read in one piece. */
struct wire *wire_new(int datagrams);
/* Both BIOs must have gone before. NULL is fine. */
void wire_free(struct wire *wire);

/* A new BIO for one end, owned by the caller; the wire outlives it. */
BIO *wire_bio(struct wire *wire, enum wire_end end);

/* Bytes that `end` has written and nobody has delivered. */
size_t wire_pending(const struct wire *wire, enum wire_end end);

/* Lets the other end read what `end` has written. Returns its bytes. */
size_t wire_deliver(struct wire *wire, enum wire_end end);

/* Takes what `end` has written off the wire, as one block that the caller
 * frees; NULL if there is nothing. */
unsigned char *wire_take(struct wire *wire, enum wire_end end, size_t *len);

/* Lets the end opposite to `end` read these bytes, as if `end` had sent them.
 */
void wire_put(struct wire *wire, enum wire_end end, const unsigned char *data,
    size_t len);

/* Forgets everything under way, in both directions. */
void wire_clear(struct wire *wire);

#endif
