/*
 * SPDX-License-Identifier: MIT
 *
 * From text to numbers by inet_pton(3), and back.
 */
#include "data/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	WIDTH_4 = 32,
	WIDTH_6 = 128,
	MAPPED_BITS = 96,
};

static const uint64_t MAPPED = 0xffff; /* the upper half of `low` */

static uint64_t
load(const unsigned char *p)
{
	uint64_t x = 0;

	for (int i = 0; i < 8; i++)
		x = x << 8 | p[i];
	return x;
}

static void
store(unsigned char *p, uint64_t x)
{
	for (int i = 7; i >= 0; i--, x >>= 8)
		p[i] = (unsigned char)x;
}

unsigned int
ush_ip_width(const struct ush_ip *ip)
{
	return ip->six ? WIDTH_6 : WIDTH_4;
}

/* As it is written: mapped addresses stay IPv6. */
static int
parse_plain(const char *text, size_t len, struct ush_ip *ip)
{
	char copy[USH_IP_TEXT];
	unsigned char bytes[16];
	struct in_addr four;

	if (len >= sizeof copy || memchr(text, '\0', len))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, &four) == 1) {
		*ip = (struct ush_ip){0, ntohl(four.s_addr), false};
		return 0;
	}
	if (inet_pton(AF_INET6, copy, bytes) != 1)
		return -1;
	*ip = (struct ush_ip){load(bytes), load(bytes + 8), true};
	return 0;
}

static bool
is_mapped(const struct ush_ip *ip)
{
	return ip->six && ip->high == 0 && ip->low >> 32 == MAPPED;
}

static void
unmap(struct ush_ip *ip)
{
	ip->six = false;
	ip->low &= UINT32_MAX;
}

int
ush_ip_parse(const char *text, size_t len, struct ush_ip *ip)
{
	if (parse_plain(text, len, ip) != 0)
		return -1;
	if (is_mapped(ip))
		unmap(ip);
	return 0;
}

void
ush_ip_print(const struct ush_ip *ip, char text[USH_IP_TEXT])
{
	struct in_addr four = {htonl((uint32_t)ip->low)};
	unsigned char bytes[16];

	if (!ip->six) {
		inet_ntop(AF_INET, &four, text, USH_IP_TEXT);
		return;
	}
	store(bytes, ip->high);
	store(bytes + 8, ip->low);
	inet_ntop(AF_INET6, bytes, text, USH_IP_TEXT);
}

/* The first n of 64 bits. */
static uint64_t
first_bits(unsigned int n)
{
	if (n == 0)
		return 0;
	return n >= 64 ? UINT64_MAX : ~(UINT64_MAX >> n);
}

void
ush_ip_mask(struct ush_ip *ip, unsigned int bits)
{
	if (!ip->six) {
		ip->low &= first_bits(bits + 32);
		return;
	}
	ip->high &= first_bits(bits);
	ip->low &= first_bits(bits > 64 ? bits - 64 : 0);
}

int
ush_ip_compare(const struct ush_ip *a, const struct ush_ip *b)
{
	if (a->six != b->six)
		return a->six ? 1 : -1;
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return a->low < b->low ? -1 : a->low > b->low;
}

/* The number behind the slash: 0, or -1. */
static int
parse_bits(const char *p, const char *end, unsigned int *bits)
{
	*bits = 0;
	if (p == end || end - p > 3 || (*p == '0' && end - p > 1))
		return -1;
	for (; p < end; p++) {
		if (*p < '0' || *p > '9')
			return -1;
		*bits = *bits * 10 + (unsigned int)(*p - '0');
	}
	return 0;
}

/* A network of mapped addresses is an IPv4 network. */
static void
unmap_net(struct ush_net *net)
{
	if (!is_mapped(&net->ip) || net->bits < MAPPED_BITS)
		return;
	unmap(&net->ip);
	net->bits -= MAPPED_BITS;
}

int
ush_net_parse(
    const char *text, size_t len, struct ush_net *net, char *why, size_t cap)
{
	const char *slash = memchr(text, '/', len), *end = text + len;
	struct ush_net masked;
	char written[USH_NET_TEXT];

	if (parse_plain(text, slash ? (size_t)(slash - text) : len, &net->ip) !=
	    0) {
		snprintf(why, cap,
		    "is no network; write one like 192.0.2.0/24, "
		    "2001:db8::/32, or a single address");
		return -1;
	}
	net->bits = ush_ip_width(&net->ip);
	if (slash && (parse_bits(slash + 1, end, &net->bits) != 0 ||
			 net->bits > ush_ip_width(&net->ip))) {
		snprintf(why, cap,
		    "has a wrong prefix length; an IPv%d network has 0 to %u",
		    net->ip.six ? 6 : 4, ush_ip_width(&net->ip));
		return -1;
	}
	masked = *net;
	ush_ip_mask(&masked.ip, net->bits);
	if (ush_ip_compare(&masked.ip, &net->ip) != 0) {
		ush_net_print(&masked, written);
		snprintf(why, cap,
		    "has bits set beyond its prefix; write %s, or the single "
		    "address without a prefix",
		    written);
		return -1;
	}
	unmap_net(net);
	return 0;
}

void
ush_net_print(const struct ush_net *net, char text[USH_NET_TEXT])
{
	char address[USH_IP_TEXT];

	ush_ip_print(&net->ip, address);
	snprintf(text, USH_NET_TEXT, "%s/%u", address, net->bits);
}

bool
ush_net_has(const struct ush_net *net, const struct ush_ip *ip)
{
	struct ush_ip masked = *ip;

	if (ip->six != net->ip.six)
		return false;
	ush_ip_mask(&masked, net->bits);
	return ush_ip_compare(&masked, &net->ip) == 0;
}
