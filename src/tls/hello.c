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

size_t
ush_hello_server_name(
    const unsigned char *ext, size_t len, char name[USH_SERVER_NAME_MAX + 1])
{
	size_t n;

	/* One list of one entry: list length, type 0, name length, name. */
	if (len < 5 || get16(ext) != len - 2 || ext[2] != 0)
		return 0;
	n = get16(ext + 3);
	/* That name's dot, too. */
	if (n != len - 5 || n > USH_SERVER_NAME_MAX + 1)
		return 0;
	return ush_host_read((const char *)ext + 5, n, name);
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
