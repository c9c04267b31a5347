/*
 * SPDX-License-Identifier: MIT
 *
 * A TLS server of one's own with a ticket policy: one thread per connection,
 * and nothing but OpenSSL and the public interface of Usher.
 *
 *	cc -o embed embed.c $(pkg-config --cflags --libs usher) -pthread
 *	./embed POLICY.lua CERT.pem KEY.pem PORT
 *
 * Usher's are: make an engine from a script, attach it, ask what was decided.
 */
#include <err.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <usher.h>

/* Warnings and script errors. May be called from any thread. */
static void
log_line(void *arg, enum usher_log_level level, const char *message)
{
	(void)arg, (void)level;
	fprintf(stderr, "usher: %s\n", message);
}

static struct usher *
make_engine(const char *policy)
{
	struct usher_options *options = usher_options_new();
	struct usher_error error;
	struct usher *engine;

	if (!options)
		errx(1, "out of memory");
	if (usher_options_set_script_file(options, policy) != 0)
		errx(1, "%s: not a path", policy);
	usher_options_set_log(options, log_line, NULL);
	engine = usher_new(options, &error);
	usher_options_free(options);
	if (!engine)
		errx(1, "%s", error.message); /* has file, line, remedy */
	return engine;
}

static SSL_CTX *
make_context(struct usher *engine, const char *cert, const char *key)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct usher_error error;

	if (!ctx || SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1) {
		ERR_print_errors_fp(stderr);
		exit(1);
	}
	if (usher_attach(engine, ctx, 0, &error) != 0)
		errx(1, "%s", error.message);
	return ctx;
}

/* Tells one client what became of its ticket. */
static void
serve(SSL *ssl)
{
	const char *verdict, *reason;
	char line[512];

	/* The script can read this as conn.vars.tenant. */
	usher_conn_set_string(ssl, "tenant", "acme", strlen("acme"));
	if (SSL_accept(ssl) != 1)
		return;
	verdict = usher_conn_verdict(ssl);
	reason = usher_conn_reason(ssl);
	snprintf(line, sizeof(line), "%s; the policy said %s (%s)\n",
	    SSL_session_reused(ssl) ? "resumed" : "full handshake",
	    verdict ? verdict : "nothing", reason ? reason : "no reason");
	if (SSL_write(ssl, line, (int)strlen(line)) > 0)
		SSL_shutdown(ssl);
	/* To close before all is read would take the answer back. */
	while (SSL_read(ssl, line, sizeof(line)) > 0)
		;
}

static void *
connection(void *arg)
{
	SSL *ssl = arg;
	int fd = SSL_get_fd(ssl);

	serve(ssl);
	SSL_free(ssl);
	close(fd);
	return NULL; /* the thread's Lua state is closed with it */
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	if (fd < 0)
		err(1, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(fd, 64) != 0)
		err(1, "port %u", port);
	return fd;
}

int
main(int argc, char **argv)
{
	struct timeval wait = {.tv_sec = 10};
	struct usher *engine;
	pthread_t thread;
	SSL_CTX *ctx;
	SSL *ssl;
	int listener, fd;

	if (argc != 5)
		errx(2, "usage: embed POLICY.lua CERT.pem KEY.pem PORT");
	signal(SIGPIPE, SIG_IGN);
	engine = make_engine(argv[1]);
	ctx = make_context(engine, argv[2], argv[3]);
	usher_free(engine); /* from here on, the context keeps it */
	listener = listen_on((uint16_t)atoi(argv[4]));
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		ssl = SSL_new(ctx);
		if (!ssl || SSL_set_fd(ssl, fd) != 1 ||
		    pthread_create(&thread, NULL, connection, ssl) != 0)
			errx(1, "out of memory or threads");
		pthread_detach(thread);
	}
	err(1, "accept");
}
