/*
 * SPDX-License-Identifier: MIT
 *
 * Filling a struct ush_error, and making bytes of unknown origin fit to print.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Messages are formatted here first; what is cut here would not fit anyway. */
enum { RAW = 1024 };

/* Is this shown as it is? In a word, only what is plain ASCII, without blanks,
 * quotes, and the backslash that escapes. A byte of 0x80 or above that stands
 * for itself is no UTF-8: to some terminals it is a control character. */
static bool
is_plain(const unsigned char *p, size_t n, bool word)
{
	if (word)
		return p[0] > 0x20 && p[0] < 0x7F && p[0] != '"' &&
		       p[0] != '\'' && p[0] != '\\' && p[0] != '`';
	if (n == 1)
		return p[0] >= 0x20 && p[0] < 0x7F;
	return !ush_utf8_is_hidden(ush_utf8_code(p, n));
}

static size_t
put_hex(char *dst, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < n; i++) {
		*dst++ = '\\';
		*dst++ = 'x';
		*dst++ = digits[p[i] >> 4];
		*dst++ = digits[p[i] & 15];
	}
	return 4 * n;
}

/* Ends what is cut. `keep` is the end of the last whole character behind which
 * there is room for it (0 in a very small buffer: fewer dots then). */
static void
put_dots(char *dst, size_t cap, size_t keep)
{
	size_t n = cap - 1 - keep;

	n = n < 3 ? n : 3;
	memset(dst + keep, '.', n);
	dst[keep + n] = '\0';
}

static void
escape(char *dst, size_t cap, const char *src, size_t len, bool word)
{
	const unsigned char *p = (const unsigned char *)src;
	size_t out = 0, keep = 0, n, width;
	bool hex;

	if (cap == 0)
		return;
	for (; len > 0; p += n, len -= n) {
		n = ush_utf8_len(p, len);
		n = n ? n : 1; /* what is not UTF-8 goes byte by byte */
		hex = !is_plain(p, n, word);
		width = hex ? 4 * n : n;
		if (width >= cap - out) {
			put_dots(dst, cap, keep);
			return;
		}
		if (hex)
			put_hex(dst + out, p, n);
		else
			memcpy(dst + out, p, n);
		out += width;
		if (out + 3 < cap)
			keep = out;
	}
	dst[out] = '\0';
}

void
ush_escape(char *dst, size_t cap, const char *src, size_t len)
{
	escape(dst, cap, src, len, false);
}

void
ush_escape_word(char *dst, size_t cap, const char *src, size_t len)
{
	if (len == 1 && *src == '-')
		snprintf(dst, cap, "\\x2d");
	else
		escape(dst, cap, src, len, true);
}

/* "script:line: " or "script: ", escaped; its length. */
static size_t
put_prefix(struct ush_error *err)
{
	size_t len = strlen(err->script);

	if (len == 0)
		return 0;
	memcpy(err->message, err->script, len);
	if (err->line > 0)
		len += (size_t)snprintf(err->message + len,
		    sizeof err->message - len, ":%d", err->line);
	memcpy(err->message + len, ": ", 3);
	return len + 2;
}

int
ush_error_set(struct ush_error *err, enum ush_code code, const char *script,
    int line, const char *fmt, ...)
{
	char raw[RAW];
	size_t prefix;
	va_list ap;
	int n;

	if (!err)
		return -1;
	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	else if (n >= RAW)
		n = RAW - 1;
	/* The name may be err's own already, and so may the arguments of the
	 * format: those have been used by now. */
	if (script != err->script)
		ush_escape(err->script, sizeof err->script,
		    script ? script : "", script ? strlen(script) : 0);
	err->code = code;
	err->line = line;
	prefix = put_prefix(err);
	ush_escape(err->message + prefix, sizeof err->message - prefix, raw,
	    (size_t)n);
	return -1;
}
