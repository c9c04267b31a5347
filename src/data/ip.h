/*
 * SPDX-License-Identifier: MIT
 *
 * IP addresses and networks as numbers. An IPv6 address that stands for an
 * IPv4 one (::ffff:192.0.2.1) is that IPv4 address.
 */
#ifndef USH_DATA_IP_H
#define USH_DATA_IP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	USH_IP_TEXT = 48,  /* room for an address, */
	USH_NET_TEXT = 52, /* and for a network, with the NUL */
};

struct ush_ip {
	uint64_t high, low; /* of IPv4: 0, and 32 bits */
	bool six;
};

struct ush_net {
	struct ush_ip ip;
	unsigned int bits; /* of IPv4: 0 to 32 */
};

/* The number of bits of an address of this family. */
unsigned int ush_ip_width(const struct ush_ip *ip);

/* Reads an address that fills the text. 0, or -1. */
int ush_ip_parse(const char *text, size_t len, struct ush_ip *ip);

/* Writes it in the usual short form, lower case (RFC 5952). */
void ush_ip_print(const struct ush_ip *ip, char text[USH_IP_TEXT]);

/* Clears all but the first `bits` bits, which are at most its width. */
void ush_ip_mask(struct ush_ip *ip, unsigned int bits);

int ush_ip_compare(const struct ush_ip *a, const struct ush_ip *b);

/*
 * Reads "192.0.2.0/24", "2001:db8::/32", or a single address. Bits beyond the
 * prefix have to be 0. 0, or -1 with what is wrong, and what to write, in `why`
 * (the text itself is not in it).
 */
int ush_net_parse(
    const char *text, size_t len, struct ush_net *net, char *why, size_t cap);

/* "192.0.2.0/24" */
void ush_net_print(const struct ush_net *net, char text[USH_NET_TEXT]);

bool ush_net_has(const struct ush_net *net, const struct ush_ip *ip);

#endif
