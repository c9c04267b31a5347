/*
 * SPDX-License-Identifier: MIT
 *
 * Which character is of which kind.
 */
#include "sandbox/chars.h"

enum {
	CNTRL = 1,
	DIGIT = 2,
	LOWER = 4,
	UPPER = 8,
	PUNCT = 16,
	SPACE = 32,
	HEX = 64,
	ALPHA = LOWER | UPPER,
	ALNUM = ALPHA | DIGIT,
	GRAPH = ALNUM | PUNCT,
};

#define IN(c, a, b) ((c) >= (a) && (c) <= (b))
#define KIND(c) \
	((IN(c, 0, 31) || (c) == 127 ? CNTRL : 0) | \
	    (IN(c, '0', '9') ? DIGIT | HEX : 0) | \
	    (IN(c, 'a', 'z') ? LOWER : 0) | (IN(c, 'A', 'Z') ? UPPER : 0) | \
	    (IN(c, 'a', 'f') || IN(c, 'A', 'F') ? HEX : 0) | \
	    (IN(c, 33, 47) || IN(c, 58, 64) || IN(c, 91, 96) || \
			IN(c, 123, 126) \
		    ? PUNCT \
		    : 0) | \
	    (IN(c, 9, 13) || (c) == 32 ? SPACE : 0))
#define KIND4(c) KIND(c), KIND((c) + 1), KIND((c) + 2), KIND((c) + 3)
#define KIND16(c) KIND4(c), KIND4((c) + 4), KIND4((c) + 8), KIND4((c) + 12)

const uint8_t ush_char_kinds[256] = {
    KIND16(0),
    KIND16(16),
    KIND16(32),
    KIND16(48),
    KIND16(64),
    KIND16(80),
    KIND16(96),
    KIND16(112),
};

const uint8_t ush_char_classes[32] = {
    ['a' & 31] = ALPHA,
    ['c' & 31] = CNTRL,
    ['d' & 31] = DIGIT,
    ['g' & 31] = GRAPH,
    ['l' & 31] = LOWER,
    ['p' & 31] = PUNCT,
    ['s' & 31] = SPACE,
    ['u' & 31] = UPPER,
    ['w' & 31] = ALNUM,
    ['x' & 31] = HEX,
};
