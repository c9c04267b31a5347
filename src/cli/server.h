/*
 * SPDX-License-Identifier: MIT
 *
 * The HTTPS server of `usher serve`: threads that each run an event loop of
 * their own on one listening socket.
 */
#ifndef USH_CLI_SERVER_H
#define USH_CLI_SERVER_H

#include <openssl/ssl.h>

struct ush_server;
struct usher;

/*
 * A listening socket on host and port (numbers or names). On success *port_out
 * is the port it has got. -1 on failure, with a message on standard error.
 */
int ush_server_listen(const char *host, const char *port, int *port_out);

/*
 * Starts `threads` threads. Takes `fd` over, whatever happens. The context
 * must outlive the server, and so must the engine, whose statistics are shown
 * as /metrics (NULL: none are), and `vars`: n strings "NAME=VALUE" that
 * each connection gets as conn.vars. NULL, with a message, on failure. Signals
 * stay blocked in the threads if they are blocked in the caller.
 */
struct ush_server *ush_server_start(SSL_CTX *ctx, struct usher *engine, int fd,
    unsigned int threads, const char *const *vars, unsigned int n);

/* One more variable for new connections, "NAME=VALUE" of at most 127 bytes,
 * in place of the last one; NULL takes it back. Any thread. */
void ush_server_set_var(struct ush_server *server, const char *var);

/* Ends all connections and threads, and frees the server. NULL is fine. */
void ush_server_stop(struct ush_server *server);

#endif
