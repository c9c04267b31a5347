/*
 * SPDX-License-Identifier: MIT
 *
 * Extension bodies of a ClientHello, checked length by length.
 */
#include "tls/hello.h"

#include <string.h>

static size_t
get16(const unsigned char *p)
{
	return (size_t)p[0] << 8 | p[1];
}

/* Eight letters at a time: bit 7 of each byte of `upper` says that it is one
 * of A to Z (sums of 7 bits each never reach the next byte). */
static inline uint64_t
lower8(uint64_t x)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t low = x & (ones * 0x7f);
	uint64_t upper =
	    ((low + ones * (0x80 - 'A')) ^ (low + ones * (0x80 - 'Z' - 1))) &
	    ~x & (ones * 0x80);

	return x | upper >> 2;
}

static inline void
lower8_at(char *out, const char *s)
{
	uint64_t word;

	memcpy(&word, s, sizeof word);
	word = lower8(word);
	memcpy(out, &word, sizeof word);
}

void
ush_lower(char *out, const char *s, size_t len)
{
	size_t i;

	if (len >= 8) {
		for (i = 0; i < len - 8; i += 8)
			lower8_at(out + i, s + i);
		/* The last word overlaps the one before. */
		lower8_at(out + len - 8, s + len - 8);
	} else {
		for (i = 0; i < len; i++)
			out[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 32)
							    : s[i];
	}
	out[len] = '\0';
}

int
ush_hello_server_name(
    const unsigned char *ext, size_t len, char name[USH_SERVER_NAME_MAX + 1])
{
	size_t n;

	/* One list of one entry: list length, type 0, name length, name. */
	if (len < 5 || get16(ext) != len - 2 || ext[2] != 0)
		return -1;
	n = get16(ext + 3);
	if (n != len - 5 || n > USH_SERVER_NAME_MAX || memchr(ext + 5, '\0', n))
		return -1;
	ush_lower(name, (const char *)ext + 5, n);
	return (int)n;
}

struct ush_bytes
ush_hello_alpn(const unsigned char *ext, size_t len)
{
	const struct ush_bytes none = {NULL, 0};
	size_t at = 2, size;

	/* A list of none is not one. */
	if (len < 4 || get16(ext) != len - 2)
		return none;
	while (at < len) {
		size = ext[at++];
		if (size == 0 || size > len - at)
			return none;
		at += size;
	}
	return (struct ush_bytes){(const char *)ext + 2, len - 2};
}

struct ush_code_points
ush_hello_code_points(const unsigned char *p, size_t len, bool prefixed)
{
	const struct ush_code_points none = {NULL, 0};

	if (prefixed) {
		if (len < 2 || get16(p) != len - 2)
			return none;
		p += 2;
		len -= 2;
	}
	if (!p || len % 2 != 0)
		return none;
	return (struct ush_code_points){p, len / 2};
}
