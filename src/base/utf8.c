/*
 * SPDX-License-Identifier: MIT
 *
 * Recognising UTF-8, and what in it can't be seen.
 */
#include "base/utf8.h"

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

uint32_t
ush_utf8_code(const unsigned char *p, size_t len)
{
	static const unsigned char bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t code = p[0] & bits[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | (p[i] & 0x3F);
	return code;
}

bool
ush_utf8_is_hidden(uint32_t code)
{
	/* General categories Cc, Cf, Zl, Zp and Zs, and the characters with
	 * Default_Ignorable_Code_Point (Unicode 15), in ascending order. */
	static const uint32_t ranges[][2] = {
	    {0x00, 0x1F},
	    {0x7F, 0xA0},
	    {0xAD, 0xAD},
	    {0x34F, 0x34F},
	    {0x600, 0x605},
	    {0x61C, 0x61C},
	    {0x6DD, 0x6DD},
	    {0x70F, 0x70F},
	    {0x890, 0x891},
	    {0x8E2, 0x8E2},
	    {0x115F, 0x1160},
	    {0x1680, 0x1680},
	    {0x17B4, 0x17B5},
	    {0x180B, 0x180F},
	    {0x2000, 0x200F},
	    {0x2028, 0x202F},
	    {0x205F, 0x206F},
	    {0x2800, 0x2800}, /* Braille without dots */
	    {0x3000, 0x3000},
	    {0x3164, 0x3164},
	    {0xFE00, 0xFE0F},
	    {0xFEFF, 0xFEFF},
	    {0xFFA0, 0xFFA0},
	    {0xFFF0, 0xFFFB},
	    {0x110BD, 0x110BD},
	    {0x110CD, 0x110CD},
	    {0x13430, 0x1343F},
	    {0x1BCA0, 0x1BCA3},
	    {0x1D173, 0x1D17A},
	    {0xE0000, 0xE0FFF},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (code <= ranges[i][1])
			return code >= ranges[i][0];
	return false;
}

bool
ush_utf8_is_shown(const unsigned char *p, size_t len, size_t *n)
{
	*n = ush_utf8_len(p, len);
	if (*n > 0)
		return *p == '\n' || !ush_utf8_is_hidden(ush_utf8_code(p, *n));
	*n = 1;
	return false;
}
