/*
 * SPDX-License-Identifier: MIT
 *
 * getpeername(2), getsockname(2), and the peer of a datagram BIO.
 */
#include "tls/address.h"

#include <arpa/inet.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

/* A server's datagram socket is rarely connected: the BIO knows the peer. One
 * that does not leaves the address without a family. */
static bool
datagram_peer(const SSL *ssl, union ush_address *addr)
{
	BIO *bio = SSL_get_rbio(ssl);
	BIO_ADDR *peer;
	size_t len = 16;
	bool found = false;

	if (!bio || BIO_method_type(bio) != BIO_TYPE_DGRAM)
		return false;
	peer = BIO_ADDR_new();
	if (!peer)
		return false;
	BIO_dgram_get_peer(bio, peer);
	addr->any.sa_family = (sa_family_t)BIO_ADDR_family(peer);
	if (addr->any.sa_family == AF_INET6) {
		addr->in6.sin6_port = BIO_ADDR_rawport(peer);
		found =
		    BIO_ADDR_rawaddress(peer, &addr->in6.sin6_addr, &len) == 1;
	} else if (addr->any.sa_family == AF_INET) {
		addr->in.sin_port = BIO_ADDR_rawport(peer);
		found =
		    BIO_ADDR_rawaddress(peer, &addr->in.sin_addr, &len) == 1;
	}
	BIO_ADDR_free(peer);
	return found;
}

bool
ush_address_of_ssl(const SSL *ssl, bool peer, union ush_address *addr)
{
	socklen_t len = sizeof *addr;
	bool found;
	int fd;

	memset(addr, 0, sizeof *addr);
	ERR_set_mark();
	fd = SSL_get_rfd(ssl);
	found = fd >= 0 && (peer ? getpeername(fd, &addr->any, &len)
				 : getsockname(fd, &addr->any, &len)) == 0;
	if (!found && peer)
		found = datagram_peer(ssl, addr);
	ERR_pop_to_mark();
	return found;
}

int
ush_address_print(const union ush_address *addr, char *text, size_t cap)
{
	const struct in6_addr *six = &addr->in6.sin6_addr;

	if (addr->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &addr->in.sin_addr, text, (socklen_t)cap);
		return ntohs(addr->in.sin_port);
	}
	if (addr->any.sa_family != AF_INET6)
		return -1;
	if (IN6_IS_ADDR_V4MAPPED(six))
		inet_ntop(AF_INET, six->s6_addr + 12, text, (socklen_t)cap);
	else
		inet_ntop(AF_INET6, six, text, (socklen_t)cap);
	return ntohs(addr->in6.sin6_port);
}
