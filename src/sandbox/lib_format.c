/*
 * SPDX-License-Identifier: MIT
 *
 * string.format. Not LuaJIT's own, because that shows addresses (%p, and %s of
 * what is no string), and because the one of 2023 writes past its buffer for
 * some %g (CVE-2024-25176). Numbers are the C library's work, with a point
 * whatever the locale.
 */
#include "sandbox/lib.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/strbuf.h"

enum {
	NUMBER_MAX = 512, /* %.99f of the largest number has 410 characters */
	ITEM_BYTES = 64,  /* one item is work like copying so many bytes */
	DIGIT_BYTES = 16, /* and one digit behind the point */
};

/* "%-5.2f" taken apart. */
struct item {
	bool left, plus, zero, space, alt;
	int width, precision; /* precision: -1 = none given */
	char conversion;
};

/* A number of at most two digits, or 0. */
static const char *
read_number(const char *p, int *n)
{
	*n = 0;
	for (int i = 0; i < 2 && *p >= '0' && *p <= '9'; i++)
		*n = *n * 10 + (*p++ - '0');
	return p;
}

static bool
read_flag(struct item *item, char c)
{
	switch (c) {
	case '-':
		return item->left = true;
	case '+':
		return item->plus = true;
	case '0':
		return item->zero = true;
	case ' ':
		return item->space = true;
	case '#':
		return item->alt = true;
	default:
		return false;
	}
}

/* The item whose '%' is at p; returns what follows it. [-0, +0, e] */
static const char *
read_item(lua_State *L, const char *p, struct item *item)
{
	const char *start = p++;

	memset(item, 0, sizeof *item);
	item->precision = -1;
	while (read_flag(item, *p))
		p++;
	p = read_number(p, &item->width);
	if (*p == '.')
		p = read_number(p + 1, &item->precision);
	item->conversion = *p;
	if (*p != '\0' && strchr("AacdEeFfGgiopqsuXx", *p))
		return p + 1;
	if ((unsigned char)*p >= ' ')
		p++;
	lua_pushlstring(L, start, (size_t)(p - start));
	luaL_error(L, "invalid option '%s' to 'format'", lua_tostring(L, -1));
	return NULL;
}

/* Adds s, filled up with blanks to the item's width. [-0, +0, e] */
static void
add_padded(
    struct ush_strbuf *b, const struct item *item, const char *s, size_t len)
{
	size_t width = (size_t)item->width;
	size_t blanks = len < width ? width - len : 0;
	char *at = ush_strbuf_room(b, len + blanks);

	if (!item->left)
		memset(at, ' ', blanks);
	memcpy(at + (item->left ? 0 : blanks), s, len);
	if (item->left)
		memset(at + len, ' ', blanks);
	b->used += len + blanks;
}

/* The item as printf(3) wants it: `type` is the length modifier. */
static void
write_spec(char *to, size_t cap, const struct item *item, const char *type)
{
	char precision[16] = "", width[16] = "";

	if (item->width > 0)
		snprintf(width, sizeof width, "%d", item->width);
	if (item->precision >= 0)
		snprintf(precision, sizeof precision, ".%d", item->precision);
	snprintf(to, cap, "%%%s%s%s%s%s%s%s%s%c", item->left ? "-" : "",
	    item->plus ? "+" : "", item->zero ? "0" : "",
	    item->space ? " " : "", item->alt ? "#" : "", width, precision,
	    type, item->conversion);
}

/* A double as 64 bits: what does not fit becomes the smallest integer, as on
 * x86-64. */
static int64_t
to_int64(double n)
{
	if (n >= -0x1p63 && n < 0x1p63)
		return (int64_t)n;
	return INT64_MIN;
}

/* [-0, +0, e] */
static void
add_integer(struct ush_strbuf *b, struct item *item, double n)
{
	char spec[64], text[NUMBER_MAX];
	int64_t i;
	int len;

	if (item->conversion == 'd' || item->conversion == 'i' || n < 0x1p63)
		i = to_int64(n);
	else
		i = to_int64(n - 0x1p64);
	write_spec(spec, sizeof spec, item, "ll");
	len = snprintf(text, sizeof text, spec, (long long)i);
	ush_strbuf_add(b, text, (size_t)len);
}

/* Infinities and NaN. [-0, +0, e] */
static void
add_special(struct ush_strbuf *b, const struct item *item, double n)
{
	bool upper = item->conversion < 'a';
	char text[8] = "";

	if (!isnan(n) && n < 0)
		strcpy(text, "-");
	else if (!isnan(n) && item->plus)
		strcpy(text, "+");
	else if (item->space)
		strcpy(text, " ");
	if (isnan(n))
		strcat(text, upper ? "NAN" : "nan");
	else
		strcat(text, upper ? "INF" : "inf");
	add_padded(b, item, text, strlen(text));
}

/* Makes whatever the locale has for a decimal point (several bytes, maybe) a
 * point; returns the length. */
static size_t
fix_point(char *text, size_t len)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("+- .", c))
			text[used++] = c;
		else if (used == 0 || text[used - 1] != '.')
			text[used++] = '.';
	}
	return used;
}

/* [-0, +0, e] */
static void
add_float(struct ush_strbuf *b, const struct item *item, double n)
{
	char spec[64], text[NUMBER_MAX];
	int len;

	if (!isfinite(n)) {
		add_special(b, item, n);
		return;
	}
	write_spec(spec, sizeof spec, item, "");
	len = snprintf(text, sizeof text, spec, n);
	ush_strbuf_add(b, text, fix_point(text, (size_t)len));
}

/* The string on top of the stack. [-1, +0, e] */
static void
add_string(struct ush_strbuf *b, const struct item *item)
{
	size_t len;
	const char *s = lua_tolstring(b->L, -1, &len);

	if (item->precision >= 0 && len > (size_t)item->precision)
		len = (size_t)item->precision;
	add_padded(b, item, s, len);
	lua_pop(b->L, 1);
}

static bool
is_control(unsigned char c)
{
	return c < 32 || c == 127;
}

/* The string on top of the stack, as it would stand in a script: in quotes,
 * control characters by number. [-1, +0, e] */
static void
add_quoted(struct ush_strbuf *b)
{
	size_t len;
	const char *s = lua_tolstring(b->L, -1, &len);
	bool digit;
	char text[8];

	ush_strbuf_add(b, "\"", 1);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\' || c == '\n') {
			ush_strbuf_add(b, "\\", 1);
		} else if (is_control(c)) {
			digit = s[i + 1] >= '0' && s[i + 1] <= '9';
			snprintf(
			    text, sizeof text, digit ? "\\%03d" : "\\%d", c);
			ush_strbuf_add(b, text, strlen(text));
			continue;
		}
		ush_strbuf_add(b, &s[i], 1);
	}
	ush_strbuf_add(b, "\"", 1);
	lua_pop(b->L, 1);
}

/* [-0, +0, e] */
static void
add_item(struct ush_strbuf *b, struct item *item, int arg)
{
	lua_State *L = b->L;
	char c;

	luaL_checkany(L, arg);
	b->owed += ITEM_BYTES;
	if (item->precision > 0)
		b->owed += (size_t)item->precision * DIGIT_BYTES;
	switch (item->conversion) {
	case 's':
		ush_lib_tostring(L, arg);
		add_string(b, item);
		break;
	case 'q':
		ush_lib_tostring(L, arg);
		add_quoted(b);
		break;
	case 'p':
		luaL_error(L, "option '%%p' of 'format' is not in the sandbox: "
			      "it would show addresses");
		break;
	case 'c':
		c = (char)(unsigned char)ush_lib_int(L, arg);
		add_padded(b, item, &c, 1);
		break;
	case 'd':
	case 'i':
	case 'o':
	case 'u':
	case 'x':
	case 'X':
		add_integer(b, item, ush_lib_number(L, arg));
		break;
	default:
		add_float(b, item, ush_lib_number(L, arg));
	}
}

int
ush_lib_format(lua_State *L)
{
	struct ush_strbuf b;
	struct item item;
	size_t len;
	const char *p = luaL_checklstring(L, 1, &len), *end = p + len, *sign;
	int arg = 1, top = lua_gettop(L);

	luaL_checkstack(L, 8, "format");
	ush_strbuf_init(&b, L);
	while ((sign = memchr(p, '%', (size_t)(end - p)))) {
		ush_strbuf_add(&b, p, (size_t)(sign - p));
		if (sign[1] == '%') {
			ush_strbuf_add(&b, "%", 1);
			p = sign + 2;
			continue;
		}
		p = read_item(L, sign, &item);
		if (++arg > top)
			luaL_argerror(L, arg, "value expected");
		add_item(&b, &item, arg);
	}
	ush_strbuf_add(&b, p, (size_t)(end - p));
	ush_strbuf_push(&b);
	return 1;
}
