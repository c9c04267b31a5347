/*
 * SPDX-License-Identifier: MIT
 *
 * Writes JSON scalars (RFC 8259) into a buffer. Commas and brackets are the
 * caller's. All return 0, or -1 if the buffer is failed.
 */
#ifndef USH_BASE_JSON_H
#define USH_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/*
 * A string of `len` bytes, NUL bytes allowed (as \u0000). Valid UTF-8 is
 * written as it is. In a string that is not valid UTF-8, each byte from 0x80
 * on is written as \u00XX, so that it reads back as the character of that
 * number (as if the bytes were Latin-1): the JSON is always valid, and for
 * bytes the one who reads it has to know that they are some.
 */
int ush_json_string(struct ush_buffer *out, const char *text, size_t len);

/* "name": as a key, with the colon. */
int ush_json_key(struct ush_buffer *out, const char *name);

/* The shortest form that reads back the same, whatever the locale; NaN and
 * infinities, which JSON does not have, as null. */
int ush_json_number(struct ush_buffer *out, double number);

int ush_json_integer(struct ush_buffer *out, int64_t number);
int ush_json_unsigned(struct ush_buffer *out, uint64_t number);
int ush_json_bool(struct ush_buffer *out, bool value);
int ush_json_null(struct ush_buffer *out);

#endif
