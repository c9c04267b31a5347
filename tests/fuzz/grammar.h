/*
 * SPDX-License-Identifier: MIT
 *
 * Lua policies from bytes: each byte chooses a production of a grammar, so that
 * every input is a script, and a mutation of the one mostly a variation of the
 * other.
 */
#ifndef TESTS_FUZZ_GRAMMAR_H
#define TESTS_FUZZ_GRAMMAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Appends the script. A policy with both functions, which decrypt as
 * "ignore" with the reason "well" where conn.id is "healthy". */
void grammar_write(
    struct ush_buffer *script, const uint8_t *choices, size_t size);

#endif
