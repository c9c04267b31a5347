/*
 * SPDX-License-Identifier: MIT
 *
 * Messages to people who use the command line.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>

int
ush_cli_fail(int status, const char *fmt, ...)
{
	va_list args;

	flockfile(stderr);
	fputs("usher: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
	return status;
}
