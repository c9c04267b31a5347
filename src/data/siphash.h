/*
 * SPDX-License-Identifier: MIT
 *
 * SipHash-1-3, a keyed hash for tables whose keys others choose: who does not
 * know the key can't make many of them collide.
 */
#ifndef USH_DATA_SIPHASH_H
#define USH_DATA_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { USH_SIPHASH_KEY = 16 }; /* bytes */

uint64_t ush_siphash(
    const unsigned char key[USH_SIPHASH_KEY], const void *p, size_t len);

#endif
