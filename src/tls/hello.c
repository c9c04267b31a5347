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

size_t
ush_hello_alpn(const unsigned char *ext, size_t len,
    struct ush_bytes *protocols, size_t max)
{
	size_t n = 0, at = 2, size;

	if (len < 2 || get16(ext) != len - 2)
		return 0;
	while (at < len) {
		size = ext[at++];
		if (size == 0 || size > len - at)
			return 0;
		if (n < max) {
			protocols[n].p = (const char *)ext + at;
			protocols[n].len = size;
			n++;
		}
		at += size;
	}
	return n;
}

void
ush_hello_code_points(const unsigned char *p, size_t len, bool prefixed,
    struct ush_code_points *list)
{
	list->n = -1;
	if (prefixed) {
		if (len < 2 || get16(p) != len - 2)
			return;
		p += 2;
		len -= 2;
	}
	if (len % 2 != 0)
		return;
	list->n = 0;
	for (; len > 0 && list->n < USH_HELLO_MAX; p += 2, len -= 2)
		list->v[list->n++] = (uint16_t)get16(p);
}
