/*
 * SPDX-License-Identifier: MIT
 *
 * usher annotate: writes the files in lua/library on standard output. For the
 * build; it does not stand in the help.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/script.h"

int
ush_cli_annotate(int argc, char **argv)
{
	lua_State *L;
	int status;

	if (argc != 2 || (strcmp(argv[1], "library") != 0 &&
			     strcmp(argv[1], "luacheck") != 0))
		return ush_cli_fail(
		    USH_CLI_USAGE, "annotate: takes library or luacheck");
	L = ush_script_state();
	if (!L)
		return ush_cli_fail(USH_CLI_FAILED, "annotate: out of memory");
	status = ush_script_call(L, "annotate", argv[1], 0);
	lua_close(L);
	return status == 0 ? USH_CLI_OK : USH_CLI_FAILED;
}
