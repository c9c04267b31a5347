/*
 * SPDX-License-Identifier: MIT
 *
 * What `usher serve` was asked for on its command line.
 */
#ifndef USH_CLI_OPTIONS_H
#define USH_CLI_OPTIONS_H

#include <stdbool.h>

#include "cli/getopts.h"
#include "usher.h"

enum {
	USH_SERVE_VARS = 16,
	USH_SERVE_THREADS = 64,
	USH_SERVE_CONNECTIONS = 1000000,
	USH_SERVE_DEADLINE = 3600,
};

struct ush_serve_options {
	struct usher_options *engine; /* first; owned: script, limits, ... */
	char host[256];
	char port[8];
	const char *cert, *key; /* NULL: made on the spot; in argv */
	int version;            /* TLS1_2_VERSION, TLS1_3_VERSION; 0: both */
	unsigned int threads;
	unsigned int connections; /* open at once, at most */
	unsigned int deadline;    /* seconds */
	bool json;
	bool tour;
	bool no_wait;        /* end after the tour */
	bool watch;          /* reload when the policy's files change */
	const char *policy;  /* its path, in argv; NULL: the standard one */
	const char *shadow;  /* a policy beside it, in argv; NULL: none */
	unsigned int canary; /* per mille for which that decides */
	/* "NAME=VALUE" for conn.vars, in argv. */
	const char *vars[USH_SERVE_VARS];
	unsigned int n_vars;
};

/* Fills *options from the command line. ush_serve_options_fini frees what it
 * holds, whatever this returned. Not thread-safe (getopt). */
enum ush_parsed ush_serve_options_parse(
    struct ush_serve_options *options, int argc, char **argv);
void ush_serve_options_fini(struct ush_serve_options *options);

#endif
