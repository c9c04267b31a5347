/*
 * SPDX-License-Identifier: MIT
 *
 * Kinds of characters in patterns: ASCII, whatever the locale of the process,
 * as LuaJIT has it. Bytes from 128 on are of no kind.
 */
#ifndef USH_SANDBOX_CHARS_H
#define USH_SANDBOX_CHARS_H

#include <stdbool.h>
#include <stdint.h>

extern const uint8_t ush_char_kinds[256];

/* By the letter behind the '%' (its low five bits); 0: not a class. */
extern const uint8_t ush_char_classes[32];

/* Does c belong to the class %letter? Capital letters mean the opposite. A
 * letter that names no class stands for itself. */
static inline bool
ush_char_is(unsigned char c, unsigned char letter)
{
	uint8_t kind;

	if ((letter & 0xc0) == 0x40) {
		kind = ush_char_classes[letter & 31];
		if (kind)
			return !(ush_char_kinds[c] & kind) == !(letter & 32);
		if (letter == 'z' || letter == 'Z')
			return (c == 0) == (letter == 'z');
	}
	return c == letter;
}

#endif
