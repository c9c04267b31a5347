/*
 * SPDX-License-Identifier: MIT
 *
 * Who is at the other end of a connection, and which server they asked for.
 */
#include "cli/peer.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void
ush_peer_text(SSL *ssl, char text[USH_PEER_TEXT])
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[46], port[6];

	strcpy(text, "-");
	if (getpeername(SSL_get_fd(ssl), (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	snprintf(text, USH_PEER_TEXT, strchr(host, ':') ? "[%s]:%s" : "%s:%s",
	    host, port);
}

/* The name in a server_name extension (RFC 6066, section 3): a list with, in
 * practice, one entry: type 0, two bytes of length, the name. */
static const char *
hello_server_name(SSL *ssl, size_t *len)
{
	const unsigned char *p;
	size_t size;

	if (SSL_client_hello_get0_ext(
		ssl, TLSEXT_TYPE_server_name, &p, &size) != 1 ||
	    size < 5 || p[2] != TLSEXT_NAMETYPE_host_name)
		return NULL;
	*len = (size_t)p[3] << 8 | p[4];
	return *len <= size - 5 ? (const char *)p + 5 : NULL;
}

const char *
ush_peer_server_name(SSL *ssl, bool early, size_t *len)
{
	const char *name;

	if (early)
		return hello_server_name(ssl, len);
	name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	*len = name ? strlen(name) : 0;
	return name;
}
