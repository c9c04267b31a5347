/*
 * SPDX-License-Identifier: MIT
 *
 * What the parts of `usher serve` share while it runs.
 */
#ifndef USH_CLI_SERVE_H
#define USH_CLI_SERVE_H

#include <stdbool.h>

#include "base/log.h"
#include "cli/decisions.h"
#include "cli/options.h"
#include "cli/server.h"

/* One run of the server, in the main thread. */
struct ush_serve {
	struct ush_serve_options options;
	struct ush_decisions decisions;
	struct ush_log log; /* the server's own */
	SSL_CTX *ctx;
	struct usher *engine;
	struct ush_server *server;
	int port; /* that it listens on */
};

/* Waits for SIGINT or SIGTERM, which are blocked, at most so many
 * milliseconds (-1: for ever). True if one came; it stays known. What SIGHUP
 * asks for is done meanwhile. */
bool ush_serve_stopped(struct ush_serve *serve, int milliseconds);

#endif
