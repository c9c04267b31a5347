/*
 * SPDX-License-Identifier: MIT
 *
 * Recognising UTF-8.
 */
#include "base/utf8.h"

#include <stdbool.h>

/* Is the second byte in the range that the first one leaves it? */
static bool
second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xE0: /* not overlong */
		return second >= 0xA0;
	case 0xED: /* no surrogate */
		return second <= 0x9F;
	case 0xF0: /* not overlong */
		return second >= 0x90;
	case 0xF4: /* not above U+10FFFF */
		return second <= 0x8F;
	default:
		return true;
	}
}

size_t
ush_utf8_len(const unsigned char *p, size_t len)
{
	size_t need, i;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	need = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (need > len || !second_fits(p[0], p[1]))
		return 0;
	for (i = 1; i < need; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return need;
}

/* Of three bytes that begin with 0xE2. */
static bool
is_separator_or_turn(const unsigned char *p)
{
	return (p[1] == 0x80 && (p[2] == 0x8E || p[2] == 0x8F ||
				    (p[2] >= 0xA8 && p[2] <= 0xAE))) ||
	       (p[1] == 0x81 && p[2] >= 0xA6 && p[2] <= 0xA9);
}

size_t
ush_utf8_shown(const unsigned char *p, size_t len)
{
	size_t n = ush_utf8_len(p, len);

	if (n == 1 && ((p[0] < 0x20 && p[0] != '\n') || p[0] == 0x7F))
		return 0;
	if (n == 2 && p[0] == 0xC2 && p[1] < 0xA0)
		return 0;
	if (n == 3 && p[0] == 0xE2 && is_separator_or_turn(p))
		return 0;
	return n;
}
