/*
 * SPDX-License-Identifier: MIT
 *
 * Recognising UTF-8 (RFC 3629, section 4).
 */
#ifndef USH_BASE_UTF8_H
#define USH_BASE_UTF8_H

#include <stddef.h>

/* Length, 1 to 4, of the character that the `len` > 0 bytes at p begin with;
 * 0 if they begin with none: no overlong forms, no surrogates. */
size_t ush_utf8_len(const unsigned char *p, size_t len);

/* The same, but 0 also for what is nothing to see: control characters (not a
 * line end, which has an escape everywhere), and those that turn the direction
 * of text or end its line. */
size_t ush_utf8_shown(const unsigned char *p, size_t len);

#endif
