/*
 * SPDX-License-Identifier: MIT
 *
 * Recognising UTF-8 (RFC 3629, section 4), and what in it can't be seen.
 */
#ifndef USH_BASE_UTF8_H
#define USH_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length, 1 to 4, of the character that the `len` > 0 bytes at p begin with;
 * 0 if they begin with none: no overlong forms, no surrogates. */
size_t ush_utf8_len(const unsigned char *p, size_t len);

/* The code point of a character of that length. */
uint32_t ush_utf8_code(const unsigned char *p, size_t len);

/* Would a line that holds it look as if it said something else? Controls, what
 * turns the direction of writing, what is invisible, what ends a line, and
 * blanks other than U+0020. */
bool ush_utf8_is_hidden(uint32_t code);

/* Do these bytes begin with a character that is not hidden, or a line feed,
 * which has an escape everywhere? *n: how many bytes are looked at, 1 of what
 * is no UTF-8. */
bool ush_utf8_is_shown(const unsigned char *p, size_t len, size_t *n);

#endif
