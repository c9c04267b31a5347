/*
 * SPDX-License-Identifier: MIT
 *
 * JSON scalars.
 */
#include "base/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static bool
is_utf8(const unsigned char *p, size_t len)
{
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = ush_utf8_len(p, len);
		if (n == 0)
			return false;
	}
	return true;
}

/* The letter of a two-character escape, or 0. */
static char
short_escape(uint32_t c)
{
	switch (c) {
	case '"':
	case '\\':
		return (char)c;
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	default:
		return 0;
	}
}

static void
put_escaped(struct ush_buffer *out, uint32_t c)
{
	char letter = short_escape(c);

	if (letter)
		ush_buffer_printf(out, "\\%c", letter);
	else if (c < 0x10000)
		ush_buffer_printf(out, "\\u%04x", c);
	else
		ush_buffer_printf(out, "\\u%04x\\u%04x",
		    0xD800 + ((c - 0x10000) >> 10),
		    0xDC00 + ((c - 0x10000) & 0x3FF));
}

int
ush_json_string(struct ush_buffer *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)(len ? text : "");
	bool utf8 = is_utf8(p, len);
	size_t i, n, from = 0;
	uint32_t c;

	ush_buffer_putc(out, '"');
	for (i = 0; i < len; i += n) {
		n = utf8 ? ush_utf8_len(p + i, len - i) : 1;
		c = utf8 ? ush_utf8_code(p + i, n) : p[i];
		if (!ush_utf8_is_hidden(c) && c != '"' && c != '\\' &&
		    (utf8 || c < 0x80))
			continue;
		ush_buffer_put(out, p + from, i - from);
		put_escaped(out, c);
		from = i + n;
	}
	ush_buffer_put(out, p + from, len - from);
	return ush_buffer_putc(out, '"');
}

int
ush_json_key(struct ush_buffer *out, const char *name)
{
	ush_json_string(out, name, strlen(name));
	return ush_buffer_putc(out, ':');
}

/* The host may have set a locale whose decimal point is something else, of one
 * or several bytes. */
static void
fix_point(char *text)
{
	char *from, *to;

	for (from = to = text; *from; from++) {
		if (strchr("0123456789+-e", *from))
			*to++ = *from;
		else if (to == text || to[-1] != '.')
			*to++ = '.';
	}
	*to = '\0';
}

int
ush_json_number(struct ush_buffer *out, double number)
{
	char text[64];
	int digits;

	if (!isfinite(number))
		return ush_json_null(out);
	for (digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	fix_point(text);
	return ush_buffer_puts(out, text);
}

int
ush_json_integer(struct ush_buffer *out, int64_t number)
{
	return ush_buffer_printf(out, "%" PRId64, number);
}

int
ush_json_unsigned(struct ush_buffer *out, uint64_t number)
{
	return ush_buffer_printf(out, "%" PRIu64, number);
}

int
ush_json_bool(struct ush_buffer *out, bool value)
{
	return ush_buffer_puts(out, value ? "true" : "false");
}

int
ush_json_null(struct ush_buffer *out)
{
	return ush_buffer_puts(out, "null");
}
