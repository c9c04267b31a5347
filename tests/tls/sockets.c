/*
 * SPDX-License-Identifier: MIT
 *
 * A pair of TCP sockets.
 */
#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

int sockets[2];

void
sockets_connect(const char *address)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof addr;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, address, &addr.sin_addr);
	sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(
	    bind(listener, (struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&addr, &len);
	ck_assert_int_eq(connect(sockets[0], (struct sockaddr *)&addr, len), 0);
	sockets[1] = accept(listener, NULL, NULL);
	ck_assert_int_ge(sockets[1], 0);
	fcntl(sockets[0], F_SETFL, O_NONBLOCK);
	fcntl(sockets[1], F_SETFL, O_NONBLOCK);
	close(listener);
}

void
sockets_close(void)
{
	close(sockets[0]);
	close(sockets[1]);
}

void
sockets_use(struct conn *conn, void *arg)
{
	(void)arg;
	SSL_set_fd(conn->client, sockets[0]);
	SSL_set_fd(conn->server, sockets[1]);
}
