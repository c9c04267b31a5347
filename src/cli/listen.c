/*
 * SPDX-License-Identifier: MIT
 *
 * The listening socket of `usher serve`.
 */
#include "cli/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"

/* The first address, of those that a name has, that can be listened on. */
static int
listen_on(const struct addrinfo *addresses)
{
	const struct addrinfo *a;
	int fd = -1, on = 1;

	for (a = addresses; a; a = a->ai_next) {
		fd = socket(a->ai_family,
		    a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    a->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
		    listen(fd, SOMAXCONN) == 0)
			return fd;
		on = errno;
		close(fd);
		errno = on;
	}
	return -1;
}

static int
port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
		return -1;
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)&addr)->sin_port);
}

int
ush_server_listen(const char *host, const char *port, int *port_out)
{
	struct addrinfo hints = {
	    .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *addresses = NULL;
	int fd, error;

	error = getaddrinfo(host, port, &hints, &addresses);
	if (error != 0) {
		ush_cli_fail(USH_CLI_FAILED, "serve: --listen %s: %s", host,
		    gai_strerror(error));
		return -1;
	}
	fd = listen_on(addresses);
	if (fd < 0)
		ush_cli_fail(USH_CLI_FAILED,
		    strchr(host, ':') ? "serve: --listen [%s]:%s: %s%s"
				      : "serve: --listen %s:%s: %s%s",
		    host, port, strerror(errno),
		    errno == EADDRINUSE ? "; port 0 takes a free one" : "");
	else
		*port_out = port_of(fd);
	freeaddrinfo(addresses);
	return fd;
}
