/*
 * SPDX-License-Identifier: MIT
 *
 * The options of a subcommand: one table, from which getopt's and the help
 * come.
 */
#ifndef USH_CLI_GETOPTS_H
#define USH_CLI_GETOPTS_H

#include <stddef.h>

enum { USH_GETOPTS_MAX = 40 };

struct ush_option {
	const char *name;
	const char *value; /* what it takes, for the help; NULL: nothing */
	/* NULL if all is well, else what it takes. `to` is the command's. */
	const char *(*set)(void *to, const char *value);
	const char *help; /* lines */
};

struct ush_command {
	const char *name;
	const char *help; /* what stands before the options */
	const struct ush_option *options;
	size_t n; /* at most USH_GETOPTS_MAX */
};

enum ush_parsed {
	USH_PARSED_GO,   /* run; optind is the first word that is no option */
	USH_PARSED_HELP, /* help was asked for and printed */
	USH_PARSED_WRONG /* a message was printed */
};

/* Not thread-safe (getopt). */
enum ush_parsed ush_getopts(
    const struct ush_command *command, void *to, int argc, char **argv);

#endif
