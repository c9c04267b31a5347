/*
 * SPDX-License-Identifier: MIT
 *
 * What the subcommands of the program share: exit statuses, messages, and
 * each subcommand's entry.
 */
#ifndef USH_CLI_CLI_H
#define USH_CLI_CLI_H

enum {
	USH_CLI_OK = 0,
	USH_CLI_FAILED = 1, /* it was tried and did not work */
	USH_CLI_USAGE = 2,  /* the command line is wrong; nothing was tried */
};

/* Writes "usher: message" to standard error. Returns status, so that callers
 * can `return ush_cli_fail(...)`. */
int ush_cli_fail(int status, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* usher serve, check, ...; argv[0] is that word. The exit status. */
int ush_cli_serve(int argc, char **argv);
int ush_cli_check(int argc, char **argv);
int ush_cli_test(int argc, char **argv);
int ush_cli_annotate(int argc, char **argv);

#endif
