/*
 * SPDX-License-Identifier: MIT
 *
 * A TLS server of one's own with a ticket policy: one thread per connection,
 * and nothing but OpenSSL and the public interface of Usher.
 *
 *	cc -o embed embed.c $(pkg-config --cflags --libs usher) -pthread
 *	./embed POLICY.lua CERT.pem KEY.pem PORT [DEADLINE]
 *
 * Usher's are: make an engine from a script, attach it, ask what was decided.
 * The rest is what any server needs: a deadline for each connection (seconds,
 * 10 if not given), so many at once and no more, and patience where there are
 * no descriptors or threads to be had.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <usher.h>

enum { CONNECTIONS = 200 /* at once */ };

static sem_t room; /* for connections */
static int deadline_seconds = 10;

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

static long
milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for what SSL_accept, SSL_read or SSL_write needs to go on; false if
 * that is nothing, or too late. A limit for each read would not do: a byte now
 * and then would hold the connection for ever. */
static int
wait_for(SSL *ssl, int result, long deadline)
{
	struct pollfd p = {.fd = SSL_get_fd(ssl)};
	long left = deadline - milliseconds();

	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		p.events = POLLIN;
		break;
	case SSL_ERROR_WANT_WRITE:
		p.events = POLLOUT;
		break;
	default:
		return 0;
	}
	return left > 0 && poll(&p, 1, (int)left) > 0;
}

/* Tells one client what became of its ticket. */
static void
serve(SSL *ssl)
{
	long deadline = milliseconds() + deadline_seconds * 1000L;
	const char *verdict, *reason;
	char line[512];
	int n;

	/* The script can read this as conn.vars.tenant. */
	usher_conn_set_string(ssl, "tenant", "acme", strlen("acme"));
	while ((n = SSL_accept(ssl)) != 1)
		if (!wait_for(ssl, n, deadline))
			return;
	verdict = usher_conn_verdict(ssl);
	reason = usher_conn_reason(ssl);
	snprintf(line, sizeof(line), "%s; the policy said %s (%s)\n",
	    SSL_session_reused(ssl) ? "resumed" : "full handshake",
	    verdict ? verdict : "nothing", reason ? reason : "no reason");
	while ((n = SSL_write(ssl, line, (int)strlen(line))) <= 0)
		if (!wait_for(ssl, n, deadline))
			return;
	/* Without this close_notify, clients take the answer for cut, and
	 * some throw the session away. */
	SSL_shutdown(ssl);
	/* To close before all is read would take the answer back. */
	while ((n = SSL_read(ssl, line, sizeof(line))) > 0 ||
	       wait_for(ssl, n, deadline))
		if (milliseconds() > deadline)
			break;
}

static void *
connection(void *arg)
{
	SSL *ssl = arg;
	int fd = SSL_get_fd(ssl);

	serve(ssl);
	SSL_free(ssl);
	close(fd);
	sem_post(&room);
	return NULL; /* the thread's Lua state is closed with it */
}

/* Gives the connection a thread, or up. */
static int
begin(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);
	pthread_t thread;

	if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0 && ssl &&
	    SSL_set_fd(ssl, fd) == 1 &&
	    pthread_create(&thread, NULL, connection, ssl) == 0)
		return pthread_detach(thread);
	SSL_free(ssl);
	close(fd);
	return -1;
}

/* The next connection. Without descriptors, or memory, this says so once, and
 * tries again after a while: those that end meanwhile give theirs back. */
static int
next(int listener)
{
	int fd, said = 0;

	while ((fd = accept(listener, NULL, NULL)) < 0) {
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (!said++)
			warn("accept");
		poll(NULL, 0, 200);
	}
	return fd;
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
	struct usher *engine;
	SSL_CTX *ctx;
	int listener;

	if (argc != 5 && argc != 6)
		errx(2,
		    "usage: embed POLICY.lua CERT.pem KEY.pem PORT [DEADLINE]");
	if (argc == 6)
		deadline_seconds = atoi(argv[5]);
	signal(SIGPIPE, SIG_IGN);
	sem_init(&room, 0, CONNECTIONS);
	engine = make_engine(argv[1]);
	ctx = make_context(engine, argv[2], argv[3]);
	usher_free(engine); /* from here on, the context keeps it */
	listener = listen_on((uint16_t)atoi(argv[4]));
	for (;;) {
		while (sem_wait(&room) != 0)
			;
		if (begin(ctx, next(listener)) != 0)
			sem_post(&room);
	}
}
