/*
 * SPDX-License-Identifier: MIT
 *
 * Names of hosts. Servers look a virtual host up without regard to case and to
 * a dot at the end, so that both must not tell names apart here either. What
 * else a server may make of odd bytes (nginx leaves off what follows a colon)
 * is not guessed at: that is no name.
 */
#include "data/host.h"

enum { LABEL_MAX = 63 };

/* What each byte becomes; 0 is none of a name's. */
static const char fold[256] = "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			      "\0\0\0\0\0\0\0\0\0\0\0\0\0-.\0"
			      "0123456789\0\0\0\0\0\0"
			      "\0abcdefghijklmno"
			      "pqrstuvwxyz\0\0\0\0_"
			      "\0abcdefghijklmno"
			      "pqrstuvwxyz";

size_t
ush_host_read(const char *p, size_t len, char *to)
{
	size_t label = 0; /* where the current one begins */
	char c;

	if (len > 0 && p[len - 1] == '.')
		len--;
	if (len > USH_HOST_MAX)
		return 0;
	for (size_t i = 0; i < len; i++) {
		c = fold[(unsigned char)p[i]];
		if (c == '\0')
			return 0;
		to[i] = c;
		if (c != '.')
			continue;
		if (i == label || i - label > LABEL_MAX)
			return 0;
		label = i + 1;
	}
	if (len == label || len - label > LABEL_MAX)
		return 0;
	to[len] = '\0';
	return len;
}
