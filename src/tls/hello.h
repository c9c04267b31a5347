/*
 * SPDX-License-Identifier: MIT
 *
 * Reading a ClientHello: the bodies of its extensions, as a client sends them.
 * Pure functions on bytes that an attacker chose; nothing is allocated.
 */
#ifndef USH_TLS_HELLO_H
#define USH_TLS_HELLO_H

#include <stdbool.h>
#include <stddef.h>

#include "data/host.h"
#include "facts/facts.h"

/* IANA's numbers of the extensions read here. */
enum {
	USH_EXT_SERVER_NAME = 0,           /* RFC 6066 */
	USH_EXT_SUPPORTED_GROUPS = 10,     /* RFC 8422, 8446 */
	USH_EXT_SIGNATURE_ALGORITHMS = 13, /* RFC 8446 */
	USH_EXT_ALPN = 16,                 /* RFC 7301 */
	USH_EXT_EARLY_DATA = 42,           /* RFC 8446 */
};

enum { USH_SERVER_NAME_MAX = USH_HOST_MAX };

/*
 * The host name of a server_name extension, as ush_host_read (data/host.h)
 * writes it, with a final NUL. Returns its length; 0 if there is none in it.
 */
size_t ush_hello_server_name(
    const unsigned char *ext, size_t len, char name[USH_SERVER_NAME_MAX + 1]);

/* The protocols of an ALPN extension, each behind a byte of its length,
 * pointing into it; p == NULL if it is malformed. */
struct ush_bytes ush_hello_alpn(const unsigned char *ext, size_t len);

/* A list of 16-bit code points with a 16-bit length before it (groups,
 * signature algorithms), or without one (cipher suites): where it lies. */
struct ush_code_points ush_hello_code_points(
    const unsigned char *p, size_t len, bool prefixed);

#endif
