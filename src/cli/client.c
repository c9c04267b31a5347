/*
 * SPDX-License-Identifier: MIT
 *
 * The tour's client: one connection, one request, what it saw. Blocking, with
 * a time limit on the socket.
 */
#include "cli/client.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/buffer.h"

enum { SECONDS = 10, HANDSHAKE_NEW_SESSION_TICKET = 4 };

static int
connect_to(const struct ush_client_ask *ask)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses;
	struct timeval limit = {.tv_sec = SECONDS};
	char port[8];
	int fd = -1;

	snprintf(port, sizeof(port), "%d", ask->port);
	if (getaddrinfo(ask->host, port, &hints, &addresses) != 0)
		return -1;
	for (struct addrinfo *a = addresses; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC,
		    a->ai_protocol);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(addresses);
	return fd;
}

/* Counts the tickets that come in. */
static void
count_tickets(int write_p, int version, int content_type, const void *buf,
    size_t len, SSL *ssl, void *arg)
{
	struct ush_client_saw *saw = arg;

	(void)version;
	(void)ssl;
	if (!write_p && content_type == SSL3_RT_HANDSHAKE && len > 0 &&
	    *(const unsigned char *)buf == HANDSHAKE_NEW_SESSION_TICKET)
		saw->tickets++;
}

/* The value of a line "  name   value" in the server's answer. */
static void
answer_value(const char *answer, const char *name, char *value, size_t cap)
{
	char start[32];
	const char *p;

	snprintf(start, sizeof(start), "\n  %s ", name);
	p = strstr(answer, start);
	if (!p)
		return;
	p += strlen(start);
	p += strspn(p, " ");
	snprintf(value, cap, "%.*s", (int)strcspn(p, "\n"), p);
	if (strcmp(value, "-") == 0)
		value[0] = '\0';
}

static int
request(SSL *ssl, struct ush_client_saw *saw)
{
	static const char get[] = "GET / HTTP/1.0\r\n\r\n";
	struct ush_buffer answer = {0};
	char part[1024];
	int n, result = -1;

	if (SSL_write(ssl, get, sizeof(get) - 1) <= 0)
		goto done;
	while ((n = SSL_read(ssl, part, sizeof(part))) > 0)
		ush_buffer_put(&answer, part, (size_t)n);
	if (answer.failed || answer.len == 0 || !strstr(answer.data, " 200 OK"))
		goto done;
	answer_value(
	    answer.data, "decided", saw->verdict, sizeof(saw->verdict));
	answer_value(answer.data, "because", saw->reason, sizeof(saw->reason));
	result = 0;
done:
	ush_buffer_fini(&answer);
	return result;
}

static void
handshake(
    SSL *ssl, const struct ush_client_ask *ask, struct ush_client_saw *saw)
{
	const char *why;

	SSL_set_msg_callback(ssl, count_tickets);
	SSL_set_msg_callback_arg(ssl, saw);
	SSL_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	ERR_clear_error();
	if (SSL_set_min_proto_version(ssl, ask->version) == 1 &&
	    SSL_set_max_proto_version(ssl, ask->version) == 1 &&
	    SSL_set_tlsext_host_name(ssl, ask->server_name) == 1 &&
	    (!ask->session || SSL_set_session(ssl, ask->session) == 1) &&
	    SSL_connect(ssl) == 1 && request(ssl, saw) == 0) {
		saw->done = true;
		saw->resumed = SSL_session_reused(ssl);
		saw->session = SSL_get1_session(ssl);
		SSL_shutdown(ssl);
		return;
	}
	why = ERR_reason_error_string(ERR_peek_error());
	snprintf(saw->failure, sizeof(saw->failure), "%s",
	    why ? why : "the connection was lost");
	ERR_clear_error();
}

void
ush_client_visit(const struct ush_client_ask *ask, struct ush_client_saw *saw)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;
	int fd = connect_to(ask);

	*saw = (struct ush_client_saw){0};
	if (fd < 0)
		snprintf(
		    saw->failure, sizeof(saw->failure), "%s", strerror(errno));
	else if (!ssl || SSL_set_fd(ssl, fd) != 1)
		strcpy(saw->failure, "out of memory");
	else
		handshake(ssl, ask, saw);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	if (fd >= 0)
		close(fd);
}

SSL_SESSION *
ush_client_altered(SSL_SESSION *session)
{
	const unsigned char *ticket, *p;
	unsigned char *der = NULL, *inside;
	SSL_SESSION *altered = NULL;
	size_t len;
	int size;

	SSL_SESSION_get0_ticket(session, &ticket, &len);
	size = i2d_SSL_SESSION(session, &der);
	if (len > 0 && size > 0) {
		inside = memmem(der, (size_t)size, ticket, len);
		if (inside) {
			inside[len / 2] ^= 1;
			p = der;
			altered = d2i_SSL_SESSION(NULL, &p, size);
		}
	}
	OPENSSL_free(der);
	return altered;
}
