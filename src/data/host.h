/*
 * SPDX-License-Identifier: MIT
 *
 * Names of hosts in their one spelling: lower case, without a dot at the end.
 */
#ifndef USH_DATA_HOST_H
#define USH_DATA_HOST_H

#include <stddef.h>

enum { USH_HOST_MAX = 253 }; /* bytes of a name, without a dot at its end */

/*
 * Writes the name, with a NUL, where there is room for len + 1 bytes; that may
 * be where it comes from. Returns its length, or 0 for what is none: a name is
 * one or more labels of 1 to 63 letters, digits, "-" and "_" of ASCII, with
 * dots between them. An IPv4 address looks like a name, and is one; an IPv6
 * address is not.
 */
size_t ush_host_read(const char *p, size_t len, char *to);

#endif
