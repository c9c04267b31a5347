/*
 * SPDX-License-Identifier: MIT
 *
 * The HTTPS server of `usher serve`: threads that each run an event loop of
 * their own on one listening socket. A connection has one handshake and one
 * answer, and a deadline for both.
 */
#ifndef USH_CLI_SERVER_H
#define USH_CLI_SERVER_H

#include <openssl/ssl.h>

#include "base/log.h"

struct ush_server;
struct usher;

struct ush_server_setup {
	SSL_CTX *ctx;             /* outlives the server, as the rest */
	struct usher *engine;     /* its statistics are /metrics */
	struct ush_log *log;      /* why accepting waits */
	unsigned int threads;     /* that serve */
	unsigned int connections; /* open at once, at most */
	unsigned int deadline;    /* seconds: handshake, and request */
	const char *const *vars;  /* "NAME=VALUE" for each connection */
	unsigned int n_vars;
};

/*
 * A listening socket on host and port (numbers or names). On success *port_out
 * is the port it has got. -1 on failure, with a message on standard error.
 */
int ush_server_listen(const char *host, const char *port, int *port_out);

/*
 * Starts the threads. Takes `fd` over, whatever happens. NULL, with a message,
 * on failure. Signals stay blocked in the threads if they are blocked in the
 * caller.
 */
struct ush_server *ush_server_start(
    const struct ush_server_setup *setup, int fd);

/* One more variable for new connections, "NAME=VALUE" of at most 127 bytes,
 * in place of the last one; NULL takes it back. Any thread. */
void ush_server_set_var(struct ush_server *server, const char *var);

/* Ends all connections and threads, and frees the server. NULL is fine. */
void ush_server_stop(struct ush_server *server);

#endif
