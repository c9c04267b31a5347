/*
 * SPDX-License-Identifier: MIT
 *
 * One connection of `usher serve`: a handshake, a request, an answer, and an
 * end that the client can tell from an attacker's. It belongs to the thread of
 * its event base.
 */
#ifndef USH_CLI_CONNECTION_H
#define USH_CLI_CONNECTION_H

#include <event2/event.h>
#include <openssl/ssl.h>

struct usher;

struct ush_connection;
struct ush_connections;

/* All of one thread, and what they share. Filled by its owner. */
struct ush_connections {
	struct event_base *base;
	struct usher *engine;
	unsigned int deadline; /* seconds */
	/* After one has ended; `open` no longer counts it. */
	void (*ended)(void *arg);
	void *arg;
	unsigned int open;
	struct ush_connection *first;
};

/* Takes fd and ssl over, whatever happens. 0, or -1 without memory. */
int ush_connection_begin(struct ush_connections *all, int fd, SSL *ssl);

/* Ends all that are open, each with a close_notify. */
void ush_connections_end(struct ush_connections *all);

#endif
